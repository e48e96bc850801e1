"""Who may keep a connection to the page, and for how long: no stranger starves the watch.

uvicorn takes every connection there is and waits for its first request without end. So connections
are taken here. A new one is always taken: where there are too many, the one that has let us wait
longest is closed for it, first of the same client, so that the health check and a reader who comes
with a request are answered however many others say nothing. A connection in whose answer we are at
work is never closed for another, and there are always file handles left for the watch.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import logging
import resource
import socket
import ssl
from collections.abc import Callable, Collection
from typing import Any

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

log = logging.getLogger("aurorad.web")

MAX_CONNECTIONS = 512  # more than any household
MAX_OF_ONE = 256  # of one client; all who come through one proxy are one
MAX_UNREAD = 64  # answers that wait in memory for their clients
MAX_ANSWERS = 64  # requests answered at once; what is not waiting for its client
HANDLES_OF_THE_WATCH = 256  # of the process's open files; 100 cameras need some 200
REQUEST_S = 10.0  # within which a request must have come whole, and a kept connection bring its next
ANSWER_S = 60.0  # within which an answer must have been read: 20 kB/s for the largest picture
HANDSHAKE_S = 5.0
SWEEP_S = 1.0
REPORT_S = 60.0
OUT_OF_HANDLES = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
ALWAYS_ANSWERED = ("/-/healthy", "/-/ready", "/metrics")


def connection_limit() -> int:
    """How many connections leave the watch its file handles; raises the process's soft limit if need be."""
    wanted = MAX_CONNECTIONS + HANDLES_OF_THE_WATCH
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = soft == resource.RLIM_INFINITY or soft >= wanted
    return MAX_CONNECTIONS if enough else max(8, soft // 2)


def client_of(address: str) -> str:
    """Who counts as one client: an IPv4 address, or the /64 of an IPv6 address, which is one household's."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return str(ip.ipv4_mapped)
        return str(ipaddress.ip_network((ip, 64), strict=False))
    return str(ip)


class Connection(H11Protocol):
    """One client's connection, from its acceptance on; ``since`` when its present phase began."""

    def __init__(self, client_socket: socket.socket, client: str, now: float, **uvicorns: Any) -> None:
        super().__init__(**uvicorns)
        self.who = client
        self.since = now
        self.on_lost: Callable[[], object] = lambda: None
        self.opening: asyncio.Task[None] | None = None
        self._socket = client_socket
        self._begun = False
        self._phase: tuple[object, str] = (None, "waiting")

    async def open(self, tls: ssl.SSLContext | None) -> None:
        """Hand the socket to asyncio, after the handshake where there is TLS."""
        self._begun = True
        with contextlib.suppress(OSError):  # ssl.SSLError is one: whoever it was did not mean us
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: self, self._socket, ssl=tls, ssl_handshake_timeout=HANDSHAKE_S if tls else None
            )
        if self.transport is None:
            self.on_lost()

    def connection_lost(self, exc: Exception | None) -> None:
        """As uvicorn's, and out of the list."""
        super().connection_lost(exc)
        self.on_lost()

    def phase(self) -> str:
        """``waiting`` for the client's next request, ``receiving`` one, ``working``, or ``sending``."""
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            return "waiting"
        if cycle.more_body:
            return "receiving"
        return "sending" if self.transport.get_write_buffer_size() else "working"

    def overdue(self, now: float) -> bool:
        """Has the present phase lasted too long? To be asked about once a second."""
        phase = (self.cycle, self.phase())
        if phase != self._phase:
            self._phase, self.since = phase, now
        limit_s = {"working": float("inf"), "sending": ANSWER_S}.get(phase[1], REQUEST_S)
        return now - self.since > limit_s

    def drop(self) -> None:
        """Close at once, whatever is still to be sent."""
        if self.transport is not None:
            self.transport.abort()
        elif self.opening is not None:
            self.opening.cancel()
            if not self._begun:  # then nobody else ever closes it
                self._socket.close()


class Connections:
    """All connections to the page. Lives on the page's event loop and is used by it alone."""

    def __init__(self, limit: int, make: Callable[[socket.socket, str, float], Connection]) -> None:
        self.limit = limit
        self._make = make
        self._all: dict[Connection, None] = {}  # in the order of their coming
        self._dropped = 0
        self._reported = float("-inf")

    async def accept(self, listener: socket.socket, tls: ssl.SSLContext | None) -> None:
        """Take connections until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                client_socket, address = await loop.sock_accept(listener)
            except OSError as error:
                if error.errno in OUT_OF_HANDLES:
                    for _ in range(self.limit // 4):
                        self._make_room(self._all)
                    self._report(loop.time(), f"the page takes no connection: {error.strerror}")
                    await asyncio.sleep(SWEEP_S)
                continue
            self._admit(client_socket, client_of(str(address[0])), tls, loop.time())
            await asyncio.sleep(0)  # one that is ready does not yield: answers come in between

    def _admit(self, client_socket: socket.socket, who: str, tls: ssl.SSLContext | None, now: float) -> None:
        of_one = [one for one in self._all if one.who == who]
        if len(of_one) >= min(MAX_OF_ONE, self.limit):
            self._make_room(of_one)
        if len(self._all) >= self.limit and not self._make_room(self._all):
            client_socket.close()  # we are at work for all the others
            return
        connection = self._make(client_socket, who, now)
        self._all[connection] = None
        connection.on_lost = lambda: self._all.pop(connection, None)
        connection.opening = asyncio.get_running_loop().create_task(connection.open(tls))

    def _make_room(self, among: Collection[Connection]) -> bool:
        """Close one of those that let us wait: the oldest that never asked anything, else the oldest."""
        one = next((one for one in among if one.cycle is None), None)
        one = one or next((one for one in among if one.phase() != "working"), None)
        if one is not None:
            self._drop(one)
        return one is not None

    def _drop(self, connection: Connection) -> None:
        self._all.pop(connection, None)
        self._dropped += 1
        connection.drop()

    async def sweep(self) -> None:
        """Once a second, until cancelled: close what has let us wait too long."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SWEEP_S)
            now = loop.time()
            overdue = [one for one in self._all if one.overdue(now)]
            unread = sorted((one for one in self._all if one.phase() == "sending"), key=lambda one: one.since)
            for connection in {*overdue, *unread[:-MAX_UNREAD]}:
                self._drop(connection)
            if self._dropped >= self.limit:
                self._report(now, "more connections than the page takes, or slow ones")

    def _report(self, now: float, text: str) -> None:
        """One line a minute, however many come."""
        if now - self._reported >= REPORT_S:
            log.warning("%s: closed %d since the last such line", text, self._dropped)
            self._reported, self._dropped = now, 0

    def working(self) -> int:
        """How many answers are being made."""
        return sum(one.phase() == "working" for one in self._all)


class Bounded:
    """An application that answers so many requests at once, and health and metrics always."""

    def __init__(self, app: ASGIApp, working: Callable[[], int]) -> None:
        self.app = app
        self._working = working

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or answer 503."""
        if scope["type"] == "http" and scope["path"] not in ALWAYS_ANSWERED and self._working() > MAX_ANSWERS:
            busy = PlainTextResponse("the page is busy; ask again\n", 503, {"retry-after": "2"})
            await busy(scope, receive, send)
            return
        await self.app(scope, receive, send)
