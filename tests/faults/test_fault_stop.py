"""A stop while something hangs: systemd and Docker kill what has not ended, and a kill is a crash."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from tests.faults.conftest import Entry
from tests.faults.harness import Inbox, Promises, aurorad, check, soon, unexpected, write_config
from tests.loopback import Loopback

STOP_S = 10.0


class Silent:
    """A server that takes every request and says nothing until it is closed."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self._over = threading.Event()
        silent = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                silent.asked.set()
                silent._over.wait(120)

        self._server = Loopback(Handler)
        self.url = f"http://{self._server.place}/a.jpg"

    def close(self) -> None:
        """Stop listening."""
        self._over.set()
        self._server.close()


@pytest.fixture
def silent() -> Iterator[Silent]:
    server = Silent()
    yield server
    server.close()


def test_a_stop_does_not_wait_for_a_server_that_hangs(
    silent: Silent, tmp_path: Path, green: Path, matrix: Entry
) -> None:
    """A request may take a minute, a movie's an hour; SIGTERM ends the daemon cleanly in ten seconds."""
    inbox = Inbox()
    config = write_config(tmp_path / "a.toml", model=green, url=silent.url, inbox=inbox.url)
    config.write_text(config.read_text().replace("timeout_s = 2", "timeout_s = 60"))
    log = tmp_path / "log"
    process = aurorad(config, log)
    try:
        soon(silent.asked.is_set, "it looks")
        began = time.monotonic()
        process.terminate()
        code = process.wait(40)
        took_s = time.monotonic() - began
    finally:
        process.kill()
        process.wait()
        inbox.close()
    said = log.read_text()
    assert code == 0, said
    assert took_s < STOP_S
    assert "stopped" in said
    assert "Traceback" not in unexpected(said)
    check(tmp_path / "state/aurorad.db", Promises({"people": inbox}))
    matrix("The machine", "SIGTERM while a request hangs that may take a minute", "ended cleanly, exit 0", f"{took_s:.1f} s")  # fmt: skip
