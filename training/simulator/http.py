"""The stand-in site's HTTP: what is asked, what is answered, and every way to answer it wrongly."""

from __future__ import annotations

import json
import re
import socket
import struct
import threading
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType
from typing import Protocol
from urllib.parse import parse_qs, urlsplit

from training.simulator.faults import Faults

DRIP_S = 0.1
_LIVE = re.compile(r"/recent/recent_(480p|720p|1080p)\.jpg")
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


@dataclass(frozen=True)
class Body:
    """One file as served: bytes, type, Last-Modified, ETag."""

    data: bytes
    kind: str
    last_modified: str
    etag: str


class _Movie(Protocol):
    @property
    def path(self) -> Path: ...


class Content(Protocol):
    """What a server needs of a site."""

    faults: Faults
    asked: Counter[str]

    def still(self, size: str, fault: str | None = None) -> Body:
        """The newest still."""
        ...

    def movie(self, path: str) -> _Movie | None:
        """The movie of an address."""
        ...

    def space(self, path: str) -> Body | None:
        """A feed of space weather, where the address is one's."""
        ...

    def go(self, origin: float, speed: float) -> None:
        """Set its clock going."""
        ...

    def state(self) -> dict[str, object]:
        """What ``/control`` says."""
        ...


class Server:
    """Serves a site from a thread of its own, from entry to exit of ``with``."""

    def __init__(self, site: Content, host: str = "127.0.0.1", port: int = 0) -> None:
        self.over = threading.Event()
        handler = type("Handler", (_Handler,), {"site": site, "over": self.over})
        self._server = _Quiet((host, port), handler)
        self.address = f"http://{host}:{self._server.server_address[1]}"

    def __enter__(self) -> Server:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up in the middle is nothing to report."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "Apache/2.4"
    sys_version = ""
    site: Content
    over: threading.Event

    def log_message(self, format: str, *args: object) -> None:
        """Requests are counted, not logged."""

    def do_HEAD(self) -> None:
        """As GET, without the body."""
        self.do_GET()

    def do_GET(self) -> None:
        """Route one request."""
        url = urlsplit(self.path)
        if url.path == "/control":
            self._control(url.query)
        elif live := _LIVE.fullmatch(url.path):
            self.site.asked["live"] += 1
            fault = self.site.faults.take("live")
            body = self.site.still(live[1], fault)
            self._serve(body, fault)
        elif url.path.endswith(".mp4"):
            self.site.asked["movie"] += 1
            fault = self.site.faults.take("movie")
            movie = self.site.movie(url.path)
            if movie is None:
                self._answer(404, b"Not Found\n", "text/plain")
            else:
                self._serve(_file(movie.path), fault)
        elif (space := self.site.space(self.path)) is not None:
            self.site.asked["space"] += 1
            self._serve(space, self.site.faults.take("space"))
        elif url.path.startswith("/again/"):
            self._redirect(f"/again/{int(url.path[7:]) + 1}")
        else:
            self._answer(404, b"Not Found\n", "text/plain")

    def _control(self, query: str) -> None:
        """Show or set the fault. Only for callers on this machine."""
        if not ip_address(self.client_address[0]).is_loopback:
            self._answer(403, b"Forbidden\n", "text/plain")
            return
        asked = {name: values[-1] for name, values in parse_qs(query).items()}
        try:
            if "fault" in asked:
                times = int(asked["times"]) if "times" in asked else None
                self.site.faults.set(asked["fault"], asked.get("where", "all"), times)
            if "origin" in asked:
                self.site.go(float(asked["origin"]), float(asked["speed"]))
        except ValueError as error:
            self._answer(400, f"{error}\n".encode(), "text/plain")
            return
        self._answer(200, json.dumps(self.site.state()).encode() + b"\n", "application/json")

    def _serve(self, body: Body, fault: str | None) -> None:
        wrongly = _WRONGLY.get(fault or "")
        if wrongly is not None:
            self.close_connection = True
            wrongly(self, body)
        elif self._known(body):
            self._answer(304, b"", body.kind, _validators(body))
        else:
            self._whole_or_part(body, fault)

    def _known(self, body: Body) -> bool:
        """Does the client have this already? If-None-Match has the word where both are sent."""
        tag, since = self.headers.get("If-None-Match"), self.headers.get("If-Modified-Since")
        return tag == body.etag if tag is not None else since == body.last_modified

    def _whole_or_part(self, body: Body, fault: str | None) -> None:
        headers = {**_validators(body), "Accept-Ranges": "bytes"}
        asked = _RANGE.fullmatch(self.headers.get("Range", ""))
        condition = self.headers.get("If-Range")
        same = condition in (None, body.etag, body.last_modified)
        if asked is None or not same or fault == "ignore-range":
            self._answer(200, body.data, body.kind, headers)
            return
        size = len(body.data)
        first = int(asked[1]) if asked[1] else max(0, size - int(asked[2] or 0))
        last = min(size - 1, int(asked[2])) if asked[1] and asked[2] else size - 1
        if first > last:
            self._answer(416, b"", body.kind, {"Content-Range": f"bytes */{size}"})
            return
        shown = first + 7 if fault == "bad-range" else first
        headers["Content-Range"] = f"bytes {shown}-{last}/{size}"
        self._answer(206, body.data[first : last + 1], body.kind, headers)

    def _answer(
        self,
        status: int,
        data: bytes,
        kind: str,
        headers: dict[str, str] | None = None,
        length: int | None = None,
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data) if length is None else length))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _redirect(self, target: str) -> None:
        self._answer(302, b"", "text/plain", {"Location": target})

    def _drip(self, data: bytes) -> None:
        """Byte by byte, until it is out or the server ends."""
        for byte in data:
            if self.over.wait(DRIP_S):
                return
            self.wfile.write(bytes([byte]))

    def _drip_body(self, body: Body) -> None:
        self._answer(200, b"", body.kind, length=len(body.data))
        self._drip(body.data)

    def _endless(self) -> None:
        self._answer(200, b"", "image/jpeg", length=10**15)
        while not self.over.is_set():
            self.wfile.write(bytes(1 << 16))

    def _hang_up(self) -> None:
        self.connection.shutdown(socket.SHUT_RDWR)


def _status(status: int, retry_after_s: int | None = None) -> Callable[[_Handler, Body], None]:
    headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}

    def answer(handler: _Handler, _: Body) -> None:
        handler._answer(status, b"<html><h1>Sorry</h1></html>\n", "text/html", headers)

    return answer


_PAGE = b"<!DOCTYPE html><html><body>The feed is resting.</body></html>\n"

_WRONGLY: dict[str, Callable[[_Handler, Body], object]] = {
    "html": lambda handler, body: handler._answer(200, _PAGE, body.kind),
    "empty": lambda handler, body: handler._answer(200, b"", body.kind),
    "half": lambda handler, body: handler._answer(200, body.data[: len(body.data) // 2], body.kind),
    "truncated": lambda handler, body: handler._answer(
        200, body.data[: len(body.data) // 2], body.kind, _validators(body), length=len(body.data)
    ),
    "short-length": lambda handler, body: handler._answer(
        200, body.data, body.kind, length=len(body.data) // 2
    ),
    "500": _status(500),
    "503": _status(503, 1),
    "429": _status(429, 3),
    "404": _status(404),
    "403": _status(403),
    "loop": lambda handler, _: handler._redirect(handler.path),
    "long-loop": lambda handler, _: handler._redirect("/again/1"),
    "hang": lambda handler, _: handler.over.wait(600),
    "drip": lambda handler, body: handler._drip_body(body),
    "drip-headers": lambda handler, _: handler._drip(b"HTTP/1.1 200 OK\r\n" + b"X-Wait: a\r\n" * 10_000),
    "close": lambda handler, _: handler._hang_up(),
    "garbage": lambda handler, _: handler.wfile.write(b"\x00\x01 this is no HTTP \xff\r\n\r\n"),
    "bomb": lambda handler, _: handler._answer(200, png_bomb(), "image/png"),
    "huge": lambda handler, _: handler._endless(),
}


def png_bomb(side: int = 60_000) -> bytes:
    """A PNG of some bytes whose header says ``side`` × ``side`` pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    pixels = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def _validators(body: Body) -> dict[str, str]:
    return {"Last-Modified": body.last_modified, "ETag": body.etag}


def _file(path: Path) -> Body:
    status = path.stat()
    tag = f'"{status.st_size:x}-{status.st_mtime_ns:x}"'
    return Body(path.read_bytes(), "video/mp4", formatdate(status.st_mtime, usegmt=True), tag)
