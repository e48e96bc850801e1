"""Who gets the messages."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http.server import BaseHTTPRequestHandler

from daemon.clock import Clock
from tests.loopback import Loopback


@dataclass
class Mail:
    """One message as it arrived: when, its title and its event."""

    at: datetime
    title: str
    event_id: str
    body: str


class Inbox:
    """Somebody's channel: an HTTP receiver that answers with ``status``, or hangs while it is None."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.status: int | None = 204
        self.delay_s = 0.0  # real seconds from taking a message to the answer
        self.answers = threading.Event()  # cleared, it takes messages and keeps its answers back
        self.answers.set()
        self.got: list[Mail] = []
        self.refused = 0
        self.refuses: Callable[[str], bool] = lambda event_id: False  # a message it will never have
        self.on_take: Callable[[], object] = lambda: None
        self._clock = clock or Clock()
        self._over = threading.Event()
        inbox = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                inbox._take(self)

        self._server = Loopback(Handler)
        self.url = f"json://{self._server.place}/"

    def _take(self, request: BaseHTTPRequestHandler) -> None:
        said = json.loads(request.rfile.read(int(request.headers.get("Content-Length", 0))))
        status = self.status
        while status is None and not self._over.wait(0.1):
            status = self.status
            if status is not None:
                return  # whoever asked has long gone; the connection just ends
        if status is not None and status < 300:
            body = str(said.get("message", ""))
            event_id = body.rstrip().rsplit("event ", 1)[-1]
            if self.refuses(event_id):
                self.refused += 1
                request.send_response(400)
                request.end_headers()
                return
            self.on_take()
            self.got.append(Mail(self._clock.now(), str(said.get("title", "")), event_id, body))
            self._over.wait(self.delay_s)
            self.answers.wait()
        else:
            self.refused += 1
        request.send_response(status or 500)
        request.end_headers()

    def close(self) -> None:
        """Stop listening."""
        self._over.set()
        self.answers.set()
        self._server.close()
