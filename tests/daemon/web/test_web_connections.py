"""Strangers at the socket: a new connection is always taken, silence is closed, the watch keeps its handles."""

from __future__ import annotations

import contextlib
import logging
import os
import resource
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from daemon.web import connections
from daemon.web.quiet import LINES, Quiet
from daemon.web.server import Server

LET_GO = threading.Event()


def hello(request: Request) -> Response:
    return PlainTextResponse("hello")


async def healthy(request: Request) -> Response:
    return PlainTextResponse("well")


def slow(request: Request) -> Response:
    LET_GO.wait(20)
    return PlainTextResponse("at last")


def large(request: Request) -> Response:
    return PlainTextResponse("x" * 20_000_000)


async def take(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


APP = Starlette(
    routes=[Route("/", hello), Route("/-/healthy", healthy), Route("/slow", slow), Route("/large", large),
            Route("/take", take, methods=["POST"])]
)  # fmt: skip


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A page whose bounds are small and whose patience is short."""
    for name, value in {"REQUEST_S": 1.0, "ANSWER_S": 1.5, "SWEEP_S": 0.1, "MAX_ANSWERS": 3,
                        "MAX_CONNECTIONS": 40, "MAX_OF_ONE": 30}.items():  # fmt: skip
        monkeypatch.setattr(connections, name, value)
    LET_GO.clear()
    server = Server(APP, "127.0.0.1", 0)
    server.start()
    yield server
    LET_GO.set()
    server.stop()


def connect(server: Server, sent: bytes = b"") -> socket.socket:
    made = socket.create_connection(("127.0.0.1", server.port), timeout=5)
    made.sendall(sent)
    return made


def closed_within(made: socket.socket, seconds: float) -> bool:
    made.settimeout(seconds)
    with contextlib.suppress(ConnectionError):
        while made.recv(65536):
            pass
    return True


@pytest.mark.parametrize(
    "sent",
    [b"", b"G", b"GET / HTTP/1.1\r\nhost: x\r\n", b"POST /take HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nab",
     b"GET / HTTP/1.1\r\nhost: x\r\n\r\nGET / HT"],
)  # fmt: skip
def test_a_request_that_does_not_come_whole_is_closed(server: Server, sent: bytes) -> None:
    """Nothing said, half a line, half the headers, half a body, half of a second request."""
    began = time.monotonic()
    with connect(server, sent) as made:
        assert closed_within(made, 4)
    assert 0.5 < time.monotonic() - began < 3


def test_a_request_that_drips_is_closed(server: Server) -> None:
    """A byte now and then gains no time."""
    began = time.monotonic()
    with connect(server, b"GET / HTTP/1.1\r\nhost: x\r\n") as made, contextlib.suppress(ConnectionError):
        while time.monotonic() - began < 5:
            made.sendall(b"a")
            time.sleep(0.1)
    assert time.monotonic() - began < 3


def test_an_answer_that_nobody_reads_is_closed(server: Server) -> None:
    """So that its pages do not stay in memory."""
    with connect(server, b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n") as made:
        time.sleep(2.5)
        received = 0
        made.settimeout(4)
        with contextlib.suppress(ConnectionError):
            while chunk := made.recv(65536):
                received += len(chunk)
        assert received < 20_000_000


CHUNKED = b"POST /take HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"


def test_a_flood_of_tiny_chunks_is_cut_off(server: Server) -> None:
    """A megabyte that holds 200,000 chunks is not read: health is answered meanwhile, and the connection closed."""
    flood = CHUNKED + b"1\r\nx\r\n" * 200_000
    began = time.monotonic()
    with contextlib.suppress(ConnectionError), connect(server) as made:
        made.sendall(flood)
        assert closed_within(made, 4)
    assert httpx.get(f"{server.url}/-/healthy", timeout=2).status_code == 200
    assert time.monotonic() - began < 2  # it had taken four seconds


def test_a_body_in_chunks_of_a_sensible_size_is_read(server: Server) -> None:
    """A few bytes in one chunk each, and a megabyte in chunks of a kilobyte."""
    for chunk, number in ((b"x" * 20, 10), (b"x" * 1024, 1000)):
        body = b"%x\r\n%b\r\n" % (len(chunk), chunk)
        answer, end = b"", f"\r\n\r\n{len(chunk) * number}".encode()
        with connect(server, CHUNKED + body * number + b"0\r\n\r\n") as made:
            while not answer.endswith(end) and (part := made.recv(4096)):
                answer += part
        assert answer.endswith(end)


def test_a_new_connection_is_always_taken(server: Server) -> None:
    """Five times as many as there may be say nothing: who asks is answered, and the oldest are closed."""
    silent = [connect(server) for _ in range(200)]
    for path in ("/-/healthy", "/"):
        assert httpx.get(f"{server.url}{path}", timeout=2).status_code == 200
    assert closed_within(silent[0], 1)
    for one in silent:
        one.close()


def test_an_answer_in_the_making_is_closed_for_nobody(server: Server) -> None:
    """However many strangers come meanwhile."""
    got: list[str] = []
    asking = threading.Thread(target=lambda: got.append(httpx.get(f"{server.url}/slow", timeout=20).text))
    asking.start()
    time.sleep(0.3)
    silent = [connect(server) for _ in range(100)]
    time.sleep(0.3)
    LET_GO.set()
    asking.join(10)
    assert got == ["at last"]
    for one in silent:
        one.close()


def test_a_busy_page_says_so_and_health_is_answered(server: Server) -> None:
    """More answers at once than there are threads: 503 with a time to come back, health 200."""
    asking = [threading.Thread(target=lambda: httpx.get(f"{server.url}/slow", timeout=30)) for _ in range(12)]
    for thread in asking:
        thread.start()
    end = time.monotonic() + 60
    while (busy := httpx.get(server.url)).status_code != 503 and time.monotonic() < end:
        time.sleep(0.05)  # until all of them are at work
    assert (busy.status_code, busy.headers["retry-after"]) == (503, "2")
    assert httpx.get(f"{server.url}/-/healthy").status_code == 200
    LET_GO.set()
    for thread in asking:
        thread.join(60)
    assert httpx.get(server.url).status_code == 200


def test_a_handshake_that_never_comes_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With TLS too, connections count from their acceptance on."""
    monkeypatch.setattr(connections, "HANDSHAKE_S", 1.0)
    monkeypatch.setattr(connections, "REQUEST_S", 1.0)
    monkeypatch.setattr(connections, "MAX_CONNECTIONS", 20)
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost",
         "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    server = Server(APP, "127.0.0.1", 0, certificate=certificate, key=key)
    server.start()
    try:
        before = len(os.listdir("/proc/self/fd"))
        silent = [connect(server, b"\x16" * (number % 2)) for number in range(100)]
        assert httpx.get(f"{server.url}/-/healthy", timeout=3, verify=False).status_code == 200
        assert len(os.listdir("/proc/self/fd")) - before < 100 + 40  # ours, and theirs
        assert closed_within(silent[-1], 4)
        assert closed_within(silent[-2], 4)
        for one in silent:
            one.close()
    finally:
        server.stop()


def test_the_watch_keeps_its_file_handles() -> None:
    """The page never takes more than half of the process's open files; the limit is raised where it may be."""
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, tuple(map(int, sys.argv[1:])));"
        "from daemon.web.connections import connection_limit as limit;"
        "print(limit(), resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
    )
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    assert hard == resource.RLIM_INFINITY or hard >= 4096
    for soft, most, expected in ((256, 256, "128 256"), (256, 4096, "512 768"), (1024, 1024, "512 1024")):
        done = subprocess.run(
            [sys.executable, "-c", code, str(soft), str(most)], capture_output=True, text=True
        )
        assert done.stdout.strip() == expected, done.stderr


def test_a_stranger_cannot_fill_the_log(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    """Of one kind of line so many a minute, then a count of those left out."""
    for one in logging.getLogger("uvicorn.error").filters:
        if isinstance(one, Quiet):
            one._seen.clear()  # what tests before this one brought about
    with caplog.at_level(logging.DEBUG):
        for _ in range(60):
            with connect(server, b"nonsense\r\n\r\n") as made:
                assert closed_within(made, 4)
    assert 0 < len([one for one in caplog.records if "Invalid HTTP" in one.message]) <= LINES


def test_what_was_left_out_of_the_log_is_counted() -> None:
    """The first line after a minute says how many there were."""
    now = [0.0]
    quiet = Quiet(lambda: now[0])

    def line(number: int) -> logging.LogRecord:
        return logging.LogRecord("x", logging.WARNING, "", 0, "the page failed on %s", (number,), None)

    assert sum(quiet.filter(line(number)) for number in range(100)) == LINES
    now[0] = 61.0
    after = line(7)
    assert quiet.filter(after)
    assert after.getMessage() == f"the page failed on 7 ({100 - LINES} more such lines were left out)"
