"""How a server lets us in: logins, certificates and cookies over real HTTP, and streams in place of pictures."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import cv2
import numpy as np
import pytest

from daemon.clock import Clock
from daemon.config import SourceSettings
from daemon.errors import FetchError
from daemon.source import shown_certificate
from daemon.source.url import UrlSource
from tests.certificates import self_signed
from tests.loopback import Loopback

PICTURE = cv2.imencode(".jpg", np.full((8, 8, 3), 9, np.uint8))[1].tobytes()
USER, PASSWORD = "eve", "CANARY:1"

Answer = Callable[[BaseHTTPRequestHandler], None]


def send(handler: BaseHTTPRequestHandler, status: int, body: bytes = b"", **headers: str) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    if "Content_Type" not in headers:
        handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


@contextmanager
def server(answer: Answer, certificate: Path | None = None) -> Iterator[str]:
    """An address under which ``answer`` answers."""
    handler = type("Handler", (BaseHTTPRequestHandler,), {"do_GET": answer})
    running = Loopback(handler, certificate)
    try:
        yield f"{'https' if certificate else 'http'}://{running.place}/latest.jpg"
    finally:
        running.close()


def source_at(url: str, **more: object) -> UrlSource:
    settings = SourceSettings.model_validate({"kind": "url", "url": url, "timeout_s": 3.0, **more})
    return UrlSource(settings, 0.001, "aurorad-test", Clock())


class Digest:
    """A server that wants Digest (RFC 7616); ``heard`` is what came in Authorization, in order."""

    def __init__(self, algorithm: str = "MD5") -> None:
        self.algorithm = algorithm
        self.heard: list[str | None] = []
        self.nonce = "n1"

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        given = handler.headers.get("Authorization")
        self.heard.append(given)
        if given is not None and self._right(given):
            send(handler, 200, PICTURE)
            return
        want = f'Digest realm="sky", qop="auth", nonce="{self.nonce}", algorithm={self.algorithm}'
        send(handler, 401, b"x" * 100, WWW_Authenticate=want)

    def _right(self, given: str) -> bool:
        said = {
            name: quoted or plain
            for name, quoted, plain in re.findall(r'(\w+)=(?:"([^"]*)"|([^",\s]+))', given)
        }
        if not given.startswith("Digest ") or said["nonce"] != self.nonce:
            return False

        def mixed(text: str) -> str:
            return hashlib.new(self.algorithm.replace("-", ""), text.encode()).hexdigest()

        one, two = mixed(f"{USER}:sky:{PASSWORD}"), mixed(f"GET:{said['uri']}")
        middle = f"{said['nonce']}:{said['nc']}:{said['cnonce']}:auth"
        return said["response"] == mixed(f"{one}:{middle}:{two}")


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_digest_lets_us_in_and_the_password_never_goes_over_the_line(
    algorithm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A login from the environment is answered as the server asks; the next look needs one request, a new nonce two."""
    monkeypatch.setenv("AURORAD_TEST_LOGIN", f"{USER}:{PASSWORD}")
    digest = Digest(algorithm)
    with server(lambda handler: digest(handler)) as url:
        source = source_at(url, login="env:AURORAD_TEST_LOGIN")
        assert source.ask().data == PICTURE
        assert source.ask().data == PICTURE
        assert [given is None for given in digest.heard] == [True, False, False]
        digest.nonce = "n2"
        assert source.ask().data == PICTURE
    assert len(digest.heard) == 5
    assert all(given is None or given.startswith("Digest ") for given in digest.heard)


def test_basic_is_sent_once_it_is_asked_for() -> None:
    """On a plain line a login of its own waits for the server's word; then it goes at once."""
    heard: list[str | None] = []

    def basic(handler: BaseHTTPRequestHandler) -> None:
        heard.append(handler.headers.get("Authorization"))
        if heard[-1] is None:
            send(handler, 401, WWW_Authenticate='Basic realm="sky"')
        else:
            send(handler, 200, PICTURE)

    with server(basic) as url:
        source = source_at(url, login=f"{USER}:{PASSWORD}")
        source.ask()
        source.ask()
    assert [given is None for given in heard] == [True, False, False]


def test_a_wrong_login_is_one_line_without_it() -> None:
    """It is tried once, not for ever, and no part of it is in the error."""
    digest = Digest()
    with server(lambda handler: digest(handler)) as url, pytest.raises(FetchError) as caught:
        source_at(url, login=f"{USER}:CANARY-wrong").ask()
    assert caught.value.reason == "forbidden"
    assert "login" in str(caught.value)
    assert "CANARY" not in str(caught.value)
    assert len(digest.heard) == 2


def test_a_login_asked_for_in_an_unknown_way_is_a_typed_error() -> None:
    """A challenge with an algorithm that nobody knows costs one look and no traceback."""

    def odd(handler: BaseHTTPRequestHandler) -> None:
        send(handler, 401, WWW_Authenticate='Digest realm="a", nonce="b", algorithm=XYZ')

    with server(odd) as url, pytest.raises(FetchError) as caught:
        source_at(url, login=f"{USER}:{PASSWORD}").ask()
    assert caught.value.reason == "protocol"


def test_cookies_set_at_a_redirect_are_brought_back() -> None:
    """Some servers let nobody in who does not carry the cookie that they gave at the door."""

    def asks_for_cookie(handler: BaseHTTPRequestHandler) -> None:
        if "pass=1" in (handler.headers.get("Cookie") or ""):
            send(handler, 200, PICTURE)
        elif handler.path == "/latest.jpg":
            send(handler, 302, Location="/real.jpg", Set_Cookie="pass=1; Path=/")
        else:
            send(handler, 403)

    with server(asks_for_cookie) as url:
        assert source_at(url).ask().data == PICTURE


def test_a_cookie_is_not_brought_to_another_host() -> None:
    """What one server gave is nobody else's business."""
    heard: list[str | None] = []

    def other(handler: BaseHTTPRequestHandler) -> None:
        heard.append(handler.headers.get("Cookie"))
        send(handler, 200, PICTURE)

    with server(other) as there:
        elsewhere = there.replace("127.0.0.1", "localhost")
        with server(lambda handler: send(handler, 302, Location=elsewhere, Set_Cookie="pass=1")) as url:
            source_at(url).ask()
    assert heard == [None]


# ------------------------------------------------------------------- certificates


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for 127.0.0.1 that its server signed itself."""
    return self_signed(tmp_path_factory.mktemp("own"), "127.0.0.1")


def gives_picture(handler: BaseHTTPRequestHandler) -> None:
    send(handler, 200, PICTURE)


def test_a_certificate_that_is_written_down_is_taken(certificate: Path) -> None:
    """The fingerprint that the server shows, in any spelling, is enough, under any name."""
    with server(gives_picture, certificate) as url:
        shown = shown_certificate(url, 3.0)
        spelled = ":".join(shown[k : k + 2] for k in range(0, 64, 2)).upper()
        assert source_at(url, certificate_sha256=spelled).ask().data == PICTURE
        assert (
            source_at(url.replace("127.0.0.1", "localhost"), certificate_sha256=shown).ask().data == PICTURE
        )


def test_another_certificate_hears_nothing(certificate: Path) -> None:
    """One byte of the fingerprint off: refused in the handshake; no request, no login reaches the server."""
    asked: list[str] = []
    with server(lambda handler: asked.append(handler.path), certificate) as url:
        source = source_at(url, certificate_sha256="0" * 64, login=f"{USER}:{PASSWORD}")
        with pytest.raises(FetchError, match="another certificate than the one written down") as caught:
            source.ask()
    assert caught.value.reason == "tls"
    assert asked == []


def test_an_authority_of_ones_own_is_trusted_and_no_other(certificate: Path, tmp_path: Path) -> None:
    """Its file lets its server in, under the name it signed; another authority's does not."""
    other = self_signed(tmp_path, "127.0.0.1")
    with server(gives_picture, certificate) as url:
        assert source_at(url, ca_file=str(certificate)).ask().data == PICTURE
        for wrong in ({"ca_file": str(other)}, {}):
            with pytest.raises(FetchError) as caught:
                source_at(url, **wrong).ask()
            assert caught.value.reason == "tls"
        with pytest.raises(FetchError):
            source_at(url.replace("127.0.0.1", "localhost"), ca_file=str(certificate)).ask()


# ------------------------------------------------------------------- streams


@pytest.mark.parametrize("with_length", [True, False])
def test_of_a_stream_the_first_picture_is_taken(with_length: bool) -> None:
    """An MJPEG address gives one picture, whole, and the stream is left."""

    def stream(handler: BaseHTTPRequestHandler) -> None:
        length = f"Content-Length: {len(PICTURE)}\r\n" if with_length else ""
        part = f"--sky\r\nContent-Type: image/jpeg\r\n{length}\r\n".encode() + PICTURE + b"\r\n"
        send(handler, 200, part, Content_Type='multipart/x-mixed-replace; boundary="sky"')
        handler.wfile.write(part * 200)

    with server(stream) as url:
        still = source_at(url).ask()
    assert still.data == PICTURE
    assert still.last_modified is None


def test_a_stream_that_ends_within_its_first_picture_is_truncated() -> None:
    """Half a picture is none; a stream without any is none either."""
    head = b"--sky\r\nContent-Type: image/jpeg\r\n\r\n"
    for body in (head + PICTURE[:50], b"", b"x" * 50_000):
        with server(
            lambda handler, body=body: send(  # type: ignore[misc]
                handler, 200, body, Content_Type="multipart/x-mixed-replace; boundary=--sky"
            )
        ) as url:
            with pytest.raises(FetchError) as caught:
                source_at(url).ask()
            assert caught.value.reason == "truncated"
