"""The image's health check, against a daemon that answers what the test wants."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

DEPLOY = Path(__file__).parents[2] / "deploy"


class Daemon(BaseHTTPRequestHandler):
    """Answers as the daemon's page does; ``healthy``, ``stale`` and ``looking`` are set on its server."""

    def do_GET(self) -> None:
        well = self.server.healthy  # type: ignore[attr-defined]
        if self.path == "/metrics":
            body = (
                f'aurorad_feed_stale{{camera="yellowknife"}} {float(self.server.stale)}\n'  # type: ignore[attr-defined]
                f'aurorad_looking{{camera="yellowknife"}} {float(self.server.looking)}\n'  # type: ignore[attr-defined]
            )
        else:
            body = "watching 1 camera(s)\n" if well else "yellowknife: no progress for 300 s\n"
        self.send_response(200 if well or self.path == "/metrics" else 503)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def daemon() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Daemon)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("healthy", "stale", "looking", "status", "word"),
    [
        (True, False, True, 0, "watching 1 camera(s)"),
        (True, True, True, 1, "feed has stopped: yellowknife"),
        (True, True, False, 0, "watching 1 camera(s)"),  # day
        (False, False, True, 1, "503: yellowknife: no progress for 300 s"),
    ],
)
def test_health_check_is_about_freshness(
    daemon: ThreadingHTTPServer, healthy: bool, stale: bool, looking: bool, status: int, word: str
) -> None:
    """The image's health check fails for a watch without progress and for a feed that has stopped."""
    daemon.healthy, daemon.stale, daemon.looking = healthy, stale, looking  # type: ignore[attr-defined]
    done = _check_health(daemon.server_port)
    assert (done.returncode, done.stdout.strip()) == (status, word)


def test_health_check_fails_where_nobody_answers(daemon: ThreadingHTTPServer) -> None:
    """A daemon that is not there is not healthy, and no traceback says so."""
    daemon.socket.close()
    done = _check_health(daemon.server_port)
    assert done.returncode == 1
    assert done.stdout.startswith("no answer: ")
    assert done.stderr == ""


def _check_health(port: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", DEPLOY / "healthcheck.py"],
        env={"AURORAD_DAEMON__PORT": str(port), "http_proxy": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
    )
