"""Servers that mean no good, or are not what they seem: redirects, bodies, names, certificates."""

from __future__ import annotations

import random
import socket
import ssl
import threading
import time
from pathlib import Path

import pytest

from daemon.clock import Clock
from daemon.config import SourceSettings
from daemon.errors import FetchError
from daemon.source.fetch import Limits, fetch_bytes
from daemon.source.url import UrlSource
from tests.certificates import self_signed


def source_of(url: str, clock: Clock) -> UrlSource:
    settings = SourceSettings.model_validate({"kind": "url", "url": url, "timeout_s": 3.0})
    return UrlSource(settings, 0.001, "aurorad-test", clock, random.Random(1))


class Raw:
    """A server that answers every connection with fixed bytes and keeps what it was asked."""

    def __init__(self, answer: bytes, context: ssl.SSLContext | None = None) -> None:
        self.answer, self.context = answer, context
        self.asked: list[bytes] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]

    def __enter__(self) -> Raw:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
                with connection:
                    if self.context is not None:
                        connection = self.context.wrap_socket(connection, server_side=True)
                    self.asked.append(connection.recv(65536))
                    connection.sendall(self.answer)
                    connection.close()
            except OSError:
                if self._listening.fileno() < 0:
                    return


def redirect_to(target: str) -> bytes:
    return f"HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n".encode()


@pytest.mark.parametrize("target", ["file:///etc/passwd", "data:text/plain,hi", "javascript:alert(1)"])
def test_a_redirect_off_the_web_is_not_followed(target: str) -> None:
    """A server cannot make us open something that is no web address."""
    with Raw(redirect_to(target)) as raw, pytest.raises(FetchError) as caught:
        fetch_bytes(f"http://127.0.0.1:{raw.port}/", Limits(2, 1000), {})
    assert caught.value.reason == "redirect"


def test_a_login_does_not_follow_a_redirect_to_another_host() -> None:
    """The password is sent to the server it is for, and to no other."""
    good = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
    with Raw(good) as other, Raw(redirect_to(f"http://127.0.0.1:{other.port}/x")) as first:
        fetch_bytes(f"http://eve:secret@127.0.0.1:{first.port}/", Limits(2, 1000), {})
        assert b"authorization: basic" in first.asked[0].lower()
        assert b"authorization" not in other.asked[0].lower()


def test_a_hostile_etag_is_not_sent_back() -> None:
    """Bytes in a validator that no request may hold cost nothing but the condition."""
    answer = b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: "\xe9\xff"\r\n\r\n\xff\xd8\xff\xff\xd9'
    with Raw(answer) as raw:
        source = source_of(f"http://127.0.0.1:{raw.port}/x", Clock())
        assert source.latest() is not None
        time.sleep(0.01)
        assert source.latest() is not None
    assert b"if-none-match" not in raw.asked[1].lower()


def test_a_compressed_body_is_refused() -> None:
    """A body that could unpack to any size is not unpacked."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nhi"
    with Raw(answer) as raw, pytest.raises(FetchError) as caught:
        fetch_bytes(f"http://127.0.0.1:{raw.port}/", Limits(2, 1000), {})
    assert caught.value.reason == "encoding"


def test_a_name_that_does_not_resolve_is_told_as_such() -> None:
    """DNS trouble has its own reason."""
    with pytest.raises(FetchError) as caught:
        fetch_bytes("http://no-such-host.invalid/x.jpg", Limits(5, 1000), {})
    assert caught.value.reason in ("dns", "timeout")


def test_a_closed_port_is_told_as_such() -> None:
    """Nobody listening has its own reason."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(FetchError) as caught:
        fetch_bytes(f"http://127.0.0.1:{port}/x.jpg", Limits(2, 1000), {})
    assert caught.value.reason == "connect"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate that nobody trusts, in one file."""
    return self_signed(tmp_path_factory.mktemp("tls"))


def test_a_certificate_nobody_trusts_is_refused(certificate: Path) -> None:
    """TLS that fails has its own reason, and no byte of the answer is taken."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
    with Raw(answer, context) as raw, pytest.raises(FetchError) as caught:
        fetch_bytes(f"https://127.0.0.1:{raw.port}/", Limits(5, 1000), {})
    assert caught.value.reason == "tls"
    assert raw.asked == []


def test_plain_http_under_https_is_a_tls_failure() -> None:
    """A server that does not speak TLS where it should is told as such."""
    with Raw(b"HTTP/1.1 400 Bad Request\r\n\r\n") as raw, pytest.raises(FetchError) as caught:
        fetch_bytes(f"https://127.0.0.1:{raw.port}/", Limits(5, 1000), {})
    assert caught.value.reason == "tls"
