"""The page's own thread: uvicorn on a socket bound here, no signal handlers, stoppable."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
import threading
from pathlib import Path
from typing import Any

import anyio.to_thread
import uvicorn
from starlette.types import ASGIApp

from daemon.errors import AuroradError, ConfigError
from daemon.web.connections import Bounded, Connection, Connections, connection_limit
from daemon.web.quiet import Quiet

BACKLOG = 512  # while one connection is taken, others come
THREADS = 8  # that make pages: more are no faster, and take the looks' share of the interpreter
GRACE_S = 3  # stopping waits this long for answers under way; systemd gives us ten


class Server:
    """Serves one application. ``port`` and ``url`` are known as soon as it is made."""

    def __init__(
        self,
        app: ASGIApp,
        host: str,
        port: int,
        *,
        certificate: Path | None = None,
        key: Path | None = None,
    ) -> None:
        """Bind at once, so that a taken port is told before anything else starts.

        Raises AuroradError where the address cannot be had, ConfigError where TLS cannot be used.
        """
        check_tls(certificate, key)
        self._socket = _bind(host, port)
        self.host = host
        self.port: int = self._socket.getsockname()[1]
        self.tls = certificate is not None
        for name in ("uvicorn.error", "aurorad.web"):
            Quiet.put_on(logging.getLogger(name))
        self._connections = Connections(connection_limit(), self._connection, lambda: self.stopping)
        self._server = uvicorn.Server(
            uvicorn.Config(
                Bounded(app, self._connections.working, lambda: self.stopping),
                loop="asyncio",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                lifespan="off",
                ws="none",
                timeout_graceful_shutdown=GRACE_S,
                ssl_certfile=certificate,
                ssl_keyfile=key,
            )
        )
        self._thread = threading.Thread(target=self._run, name="web", daemon=True)
        self._error: BaseException | None = None

    @property
    def url(self) -> str:
        """Where a person on this machine finds the page."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(self.host, self.host)
        shown = f"[{host}]" if ":" in host else host
        return f"{'https' if self.tls else 'http'}://{shown}:{self.port}"

    @property
    def alive(self) -> bool:
        """Whether the thread still serves."""
        return self._thread.is_alive()

    @property
    def stopping(self) -> bool:
        """Whether the end has begun: answers under way are ended, no others are begun."""
        return self._server.should_exit

    def start(self, timeout_s: float = 10.0) -> None:
        """Serve in the background; returns once answers are given. Raises AuroradError."""
        self._thread.start()
        pause = threading.Event()
        waited_s = 0.0
        while not self._server.started:
            if self._error is not None or not self.alive or waited_s > timeout_s:
                raise AuroradError(f"the page did not start on {self.url}: {self._error or 'no answer'}")
            pause.wait(0.01)
            waited_s += 0.01

    def stop(self, timeout_s: float = GRACE_S + 2.0) -> None:
        """Stop taking requests, let those under way end, and wait for the thread."""
        self._server.should_exit = True
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        with contextlib.suppress(OSError):
            self._socket.close()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # kept for start(): a thread's exception is seen by nobody
            self._error = error

    async def _serve(self) -> None:
        """uvicorn without a socket of its own: connections come through :class:`Connections`."""
        anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
        self._socket.listen(BACKLOG)
        self._socket.setblocking(False)
        config = self._server.config
        config.load()  # the certificate too
        tasks = [
            asyncio.create_task(self._connections.accept(self._socket, config.ssl)),
            asyncio.create_task(self._connections.sweep()),
        ]
        try:
            await self._server.serve(sockets=[])
        finally:
            for task in tasks:
                task.cancel()

    def _connection(self, client_socket: socket.socket, who: str, now: float) -> Connection:
        state: dict[str, Any] = {}
        uvicorns = {
            "config": self._server.config,
            "server_state": self._server.server_state,
            "app_state": state,
        }
        return Connection(client_socket, who, now, **uvicorns)


def _bind(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        # Named TCP, asyncio sends each answer at once; a socket of protocol 0 it leaves to Nagle's algorithm,
        # which holds the second packet of an answer back until the first is acknowledged, some 40 ms.
        bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((host, port))
        except OSError:
            bound.close()
            raise
        bound.set_inheritable(False)
    except OSError as error:
        raise AuroradError(
            f"the page cannot be served on {host}:{port}: {error.strerror or error}; "
            "set [daemon] host and port, or stop what holds it"
        ) from error
    return bound


def check_tls(certificate: Path | None, key: Path | None) -> None:
    """Raises ConfigError where certificate and key are not a pair that TLS can use."""
    if (certificate is None) != (key is None):
        raise ConfigError("[daemon] tls_certificate and tls_key go together: set both or neither")
    if certificate is None or key is None:
        return
    try:
        for path in (certificate, key):
            if not path.is_file():  # a pipe would hold whoever loads it, the reload too
                raise OSError(f"{path} is no file")
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"[daemon] tls_certificate {certificate} and its key cannot be used: {error}"
        ) from error


class Page:
    """The application the server serves; a reload puts another in its place."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Hand on to the application of the moment."""
        await self.app(scope, receive, send)
