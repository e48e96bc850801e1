"""The page's thread: binds at once, starts, stops, speaks TLS, and tells what is wrong in one line."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from daemon.errors import AuroradError, ConfigError
from daemon.web.server import Server
from tests.pace import slowness


def hello(request: Request) -> PlainTextResponse:
    """An answer."""
    return PlainTextResponse("hello")


APP = Starlette(routes=[Route("/", hello)])


def test_port_zero_takes_a_free_one_and_stop_gives_it_back() -> None:
    """The real port is known before the start; after the stop nobody answers and nobody is left."""
    server = Server(APP, "127.0.0.1", 0)
    assert server.port > 0
    server.start()
    assert httpx.get(server.url).text == "hello"
    assert "server" not in httpx.get(server.url).headers
    server.stop()
    assert not server.alive
    with pytest.raises(httpx.ConnectError):
        httpx.get(server.url)
    Server(APP, "127.0.0.1", server.port).stop()


def test_an_answer_goes_out_at_once() -> None:
    """On one connection, as a browser keeps it: no answer waits for the acknowledgement of its first packet."""
    server = Server(APP, "127.0.0.1", 0)
    server.start()
    took = []
    with httpx.Client() as client:
        for _ in range(20):
            began = time.perf_counter()
            assert client.get(server.url).text == "hello"
            took.append(time.perf_counter() - began)
    server.stop()
    assert sorted(took)[10] < 0.03 * slowness()


def test_a_taken_port_is_told_at_once_with_the_mend() -> None:
    """Before anything else starts, in one line that names the address."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(
            AuroradError, match=rf"127\.0\.0\.1:{port}: Address already in use; set \[daemon\]"
        ):
            Server(APP, "127.0.0.1", port)


def test_signals_stay_with_the_service() -> None:
    """Serving from a thread takes no signal handler away."""
    before = {name: signal.getsignal(name) for name in (signal.SIGTERM, signal.SIGINT)}
    server = Server(APP, "127.0.0.1", 0)
    server.start()
    try:
        assert {name: signal.getsignal(name) for name in before} == before
    finally:
        server.stop()


def test_an_open_connection_does_not_hold_up_the_stop() -> None:
    """A reader who keeps the line open is let go within the grace."""
    server = Server(APP, "127.0.0.1", 0)
    server.start()
    with socket.create_connection(("127.0.0.1", server.port)) as idle:
        idle.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n")  # never finished
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        stopping.join(8)
        assert not stopping.is_alive()


def test_whoever_comes_while_the_page_ends_is_let_go() -> None:
    """Between the last answer and the end a connection may still come: it is closed, and holds up nothing."""
    begun, go_on = threading.Event(), threading.Event()

    def last(request: Request) -> PlainTextResponse:
        begun.set()
        go_on.wait(60)
        return PlainTextResponse("the last one")

    server = Server(Starlette(routes=[Route("/", hello), Route("/last", last)]), "127.0.0.1", 0)
    server.start()
    answers: list[str] = []
    asking = threading.Thread(target=lambda: answers.append(httpx.get(f"{server.url}/last").text))
    asking.start()
    assert begun.wait(60)
    stopping = threading.Thread(target=server.stop)
    stopping.start()
    while not server.stopping:
        time.sleep(0.01)
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as late:
        late.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        with contextlib.suppress(ConnectionResetError):
            assert late.recv(100) == b""
        go_on.set()
        asking.join(60)
        stopping.join(60)
    assert answers == ["the last one"]
    assert not server.alive


def test_addresses_are_written_as_people_write_them() -> None:
    """Every interface is reached through this machine's own address; IPv6 stands in brackets."""
    server = Server(APP, "0.0.0.0", 0)
    assert server.url == f"http://127.0.0.1:{server.port}"
    server.stop()


def test_tls_is_served_with_a_certificate(tmp_path: Path) -> None:
    """With certificate and key the page speaks TLS, and nothing else on that port."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    server = Server(APP, "127.0.0.1", 0, certificate=certificate, key=key)
    server.start()
    try:
        import ssl

        trust = ssl.create_default_context(cafile=str(certificate))
        assert server.url.startswith("https://")
        assert httpx.get(server.url, verify=trust).text == "hello"
    finally:
        server.stop()


def test_tls_that_cannot_be_used_is_told_at_once(tmp_path: Path) -> None:
    """A missing half or a file that is no certificate: one line naming the key to mend."""
    nonsense = tmp_path / "certificate.pem"
    nonsense.write_text("nonsense")
    with pytest.raises(ConfigError, match="set both or neither"):
        Server(APP, "127.0.0.1", 0, certificate=nonsense)
    with pytest.raises(ConfigError, match=r"tls_certificate .* cannot be used"):
        Server(APP, "127.0.0.1", 0, certificate=nonsense, key=nonsense)
    with pytest.raises(ConfigError, match="cannot be used"):
        Server(APP, "127.0.0.1", 0, certificate=tmp_path / "none.pem", key=tmp_path / "none.pem")
