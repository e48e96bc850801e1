"""Who may keep a connection to the page, and for how long: no stranger starves the watch.

uvicorn takes every connection there is and waits for its first request without end. So connections
are taken here. A new one is always taken: where there are too many, the one that has let us wait
longest is closed for it, first of the same client, so that the health check and a reader who comes
with a request are answered however many others say nothing. A connection in whose answer we are at
work is never closed for another, and there are always file handles left for the watch. Whoever has said
nothing yet is a socket and no more, so that thousands a second cost the watch no time.
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
from collections import Counter
from collections.abc import Callable
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
MAX_WRAPPING = 32 * 1024  # bytes of a request that are no body: headers, and how a body comes in chunks
PIECE = 16 * 1024  # bytes looked at together
REQUEST_S = 10.0  # within which a request must have come whole, and a kept connection bring its next
ANSWER_S = 60.0  # within which an answer must have been read: 20 kB/s for the largest picture
HANDSHAKE_S = 5.0
SWEEP_S = 1.0
REPORT_S = 60.0
AT_ONCE = 32  # connections taken before answers have their turn
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
        self._body, self._wrapping = 0, 0  # bytes that have come since the last answer
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

    def data_received(self, data: bytes) -> None:
        """As uvicorn's, up to a bound on what is no body.

        A megabyte of chunks of one byte keeps this thread for four seconds, and whoever waits for it.
        """
        for start in range(0, len(data), PIECE):
            piece = data[start : start + PIECE]
            cycle, before = self.cycle, len(self.cycle.body) if self.cycle else 0
            super().data_received(piece)
            new = len(self.cycle.body) - (before if self.cycle is cycle else 0) if self.cycle else 0
            self._body += new
            self._wrapping += len(piece) - new
            if self._wrapping > MAX_WRAPPING + self._body // 16:
                self.transport.abort()
            if self.transport.is_closing():
                return

    def on_response_complete(self) -> None:
        """As uvicorn's; what comes now is of the next request."""
        self._body, self._wrapping = 0, 0
        super().on_response_complete()

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

    def __init__(
        self,
        limit: int,
        make: Callable[[socket.socket, str, float], Connection],
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        """``stopping``: whether the page ends, and whoever comes is let go."""
        self.limit = limit
        self._make, self._stopping = make, stopping
        self._silent: dict[socket.socket, tuple[str, float]] = {}  # who, since when; in the order of coming
        self._speaking: dict[Connection, None] = {}  # the same order
        self._of_one: Counter[str] = Counter()
        self._dropped = 0
        self._reported = float("-inf")

    async def accept(self, listener: socket.socket, tls: ssl.SSLContext | None) -> None:
        """Take connections until cancelled; then close those that are left."""
        loop = asyncio.get_running_loop()
        taken = 0
        try:
            while True:
                try:
                    client_socket, address = await loop.sock_accept(listener)
                except OSError as error:
                    await self._out_of_handles(error)
                    continue
                self._admit(client_socket, client_of(str(address[0])), tls)
                taken += 1
                if taken % AT_ONCE == 0:
                    await asyncio.sleep(0)  # taking one that is ready does not yield
        finally:
            for client_socket in list(self._silent):
                self._close(client_socket)
            for connection in list(self._speaking):
                self._drop(connection)

    async def _out_of_handles(self, error: OSError) -> None:
        if error.errno in OUT_OF_HANDLES:
            for _ in range(self.limit // 4):
                self._make_room(None)
            self._report(f"the page takes no connection: {error.strerror}")
            await asyncio.sleep(SWEEP_S)

    def _admit(self, client_socket: socket.socket, who: str, tls: ssl.SSLContext | None) -> None:
        """Keep it, and another goes where there are too many; refused only where we are at work for all."""
        room = True
        if self._of_one[who] >= min(MAX_OF_ONE, self.limit):
            room = self._make_room(who)
        elif len(self._silent) + len(self._speaking) >= self.limit:
            room = self._make_room(None)
        if not room:
            client_socket.close()
            return
        loop = asyncio.get_running_loop()
        client_socket.setblocking(False)
        self._silent[client_socket] = (who, loop.time())
        self._of_one[who] += 1
        loop.add_reader(client_socket, self._speaks, client_socket, tls)

    def _speaks(self, client_socket: socket.socket, tls: ssl.SSLContext | None) -> None:
        """The first byte has come, or the end."""
        who, since = self._silent[client_socket]
        with contextlib.suppress(OSError):
            if not self._stopping() and client_socket.recv(1, socket.MSG_PEEK):
                loop = asyncio.get_running_loop()
                loop.remove_reader(client_socket)
                del self._silent[client_socket]
                connection = self._make(client_socket, who, since)
                self._speaking[connection] = None
                connection.on_lost = lambda: self._lost(connection)
                connection.opening = loop.create_task(self._open(connection, tls))
                return
        self._close(client_socket)

    async def _open(self, connection: Connection, tls: ssl.SSLContext | None) -> None:
        await connection.open(tls)
        if self._stopping() and connection.transport is not None:
            connection.shutdown()  # the server has asked those it knew already

    def _lost(self, connection: Connection) -> None:
        if connection in self._speaking:
            del self._speaking[connection]
            self._forget(connection.who)

    def _close(self, client_socket: socket.socket) -> None:
        who, _ = self._silent.pop(client_socket)
        asyncio.get_running_loop().remove_reader(client_socket)
        client_socket.close()
        self._forget(who)

    def _forget(self, who: str) -> None:
        self._of_one[who] -= 1
        if not self._of_one[who]:
            del self._of_one[who]

    def _make_room(self, who: str | None) -> bool:
        """Close one of those (of that client) that let us wait: the oldest silent one, else the oldest."""
        silent = next((one for one, (whose, _) in self._silent.items() if who in (None, whose)), None)
        if silent is not None:
            self._dropped += 1
            self._close(silent)
            return True
        idle = (one for one in self._speaking if who in (None, one.who) and one.phase() != "working")
        connection = next(idle, None)
        if connection is not None:
            self._drop(connection)
        return connection is not None

    def _drop(self, connection: Connection) -> None:
        self._dropped += 1
        self._lost(connection)
        connection.drop()

    async def sweep(self) -> None:
        """Once a second, until cancelled: close what has let us wait too long."""
        while True:
            await asyncio.sleep(SWEEP_S)
            now = asyncio.get_running_loop().time()
            for client_socket in [one for one, (_, since) in self._silent.items() if now - since > REQUEST_S]:
                self._dropped += 1
                self._close(client_socket)
            overdue = [one for one in self._speaking if one.overdue(now)]
            unread = sorted(
                (one for one in self._speaking if one.phase() == "sending"), key=lambda one: one.since
            )
            for connection in {*overdue, *unread[:-MAX_UNREAD]}:
                self._drop(connection)
            if self._dropped >= self.limit:
                self._report("more connections than the page takes, or slow ones")

    def _report(self, text: str) -> None:
        """One line a minute, however many come."""
        now = asyncio.get_running_loop().time()
        if now - self._reported >= REPORT_S:
            log.warning("%s: closed %d since the last such line", text, self._dropped)
            self._reported, self._dropped = now, 0

    def working(self) -> int:
        """How many answers are being made."""
        return sum(one.phase() == "working" for one in self._speaking)


class Bounded:
    """An application that answers so many requests at once, and health and metrics always."""

    def __init__(
        self, app: ASGIApp, working: Callable[[], int], stopping: Callable[[], bool] = lambda: False
    ) -> None:
        """``stopping`` is handed on: an answer that lasts ends by itself when the page does."""
        self.app = app
        self._working, self._stopping = working, stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or answer 503."""
        if scope["type"] == "http" and scope["path"] not in ALWAYS_ANSWERED and self._working() > MAX_ANSWERS:
            busy = PlainTextResponse("the page is busy; ask again\n", 503, {"retry-after": "2"})
            await busy(scope, receive, send)
            return
        scope = {**scope, "aurorad.stopping": self._stopping}
        await self.app(scope, receive, send)
