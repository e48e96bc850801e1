"""A camera's server for the bench: a new still every few seconds, encoded before the clock starts.

    python -m tests.bench.feed BEGINS SECONDS STEP

BEGINS is when the first still appears, in seconds since the epoch. Whatever ``.jpg`` is asked for,
the newest still is the answer, with Last-Modified and ETag. A process of its own, so that its work is
not counted as the daemon's. POST takes alerts and keeps when they came; ``/alerts`` gives them.
Prints its address when it is ready.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from datetime import UTC, datetime
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.bench.footage import stills


class Feed(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    made: list[tuple[float, bytes]]
    step_s: float
    alerts: list[tuple[float, str]]

    def do_GET(self) -> None:
        """The newest still, or the alerts so far."""
        if self.path == "/alerts":
            self._answer(200, json.dumps(self.alerts).encode(), "application/json", {})
            return
        number = int((time.time() - self.made[0][0]) // self.step_s)
        if not 0 <= number < len(self.made):
            self._answer(404, b"", "text/plain", {})
            return
        published, data = self.made[number]
        tag = f'"{number}"'
        told = {"ETag": tag, "Last-Modified": formatdate(published, usegmt=True)}
        if self.headers.get("If-None-Match") == tag:
            self._answer(304, b"", "image/jpeg", told)
        else:
            self._answer(200, data, "image/jpeg", told)

    def do_POST(self) -> None:
        """An alert has arrived."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.alerts.append((time.time(), json.loads(body).get("title", "")))
        self._answer(204, b"", "text/plain", {})

    def _answer(self, status: int, data: bytes, kind: str, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status not in (204, 304):
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if status not in (204, 304):
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Requests are not logged."""


def main(begins: float, seconds: float, step_s: float) -> None:
    """Serve until standard input is closed."""
    count = int(seconds / step_s) + 1
    first = datetime.fromtimestamp(begins, UTC)
    Feed.made = [(at.timestamp(), data) for at, data in stills(first, count, step_s)]
    Feed.step_s, Feed.alerts = step_s, []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Feed)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(*(float(given) for given in sys.argv[1:4]))
