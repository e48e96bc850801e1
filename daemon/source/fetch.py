"""One bounded request: the only place that talks HTTP for footage, and the owner of httpx.

httpx limits each wait for the network, not the whole: a server that sends a byte now and then
holds a caller for ever. So each request runs in a thread of its own, which the caller leaves when
the time is up, wherever it hangs: the name service, the TLS handshake, the headers or the body.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TypeVar
from urllib.parse import urljoin

import httpx

from daemon.address import checked, is_web, redact, without_login
from daemon.errors import FetchError
from daemon.source.access import Access, answered
from daemon.source.mjpeg import FirstPicture

# httpx names every address at INFO, httpcore every header at DEBUG: logins and keys among them.
logging.getLogger("httpx").setLevel(logging.WARNING)
logging.getLogger("httpcore").setLevel(logging.WARNING)

GRACE_S = 0.5  # for the request's own thread to end itself and say better why
MAX_RETRY_AFTER_S = 3600.0  # a server may ask for an hour of peace, not for the season

ENOUGH = object()
"""What a receiver returns when it needs no more of the body."""

Receive = Callable[[bytes], object]
T = TypeVar("T")


@dataclass(frozen=True)
class Limits:
    """Bounds of one request, redirects included: its whole time, the body's bytes, the redirects."""

    total_s: float
    max_bytes: int
    redirects: int = 5


@dataclass(frozen=True)
class Head:
    """Status and headers of the last answer; ``url`` where it came from after redirects."""

    status: int
    headers: Mapping[str, str]
    url: str

    def validator(self, name: str) -> str:
        """A header that goes back to the server as a condition; empty where it is none to send back."""
        text = self.headers.get(name, "")
        return text if text.isascii() and text.isprintable() and len(text) < 500 else ""

    @property
    def length(self) -> int | None:
        """Content-Length, None where there is none or it is no number."""
        text = self.headers.get("content-length", "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


class Refused(FetchError):
    """The server answered with an error status, and perhaps said when to come back."""

    def __init__(self, reason: str, message: str, retry_after_s: float | None) -> None:
        super().__init__(reason, message)
        self.retry_after_s = retry_after_s


def check_address(url: str) -> None:
    """Raises FetchError "address" for what can never be asked, whatever the network does."""
    try:
        httpx.URL(checked(url)).host.encode("idna")
    except (httpx.InvalidURL, UnicodeError, ValueError) as error:
        raise FetchError(
            "address", f"{redact(url)}: no request can be made to this address; check `url`"
        ) from error


def fetch(
    url: str,
    limits: Limits,
    headers: Mapping[str, str],
    open_body: Callable[[Head], Receive],
    accept: tuple[int, ...] = (200,),
    access: Access | None = None,
) -> Head:
    """GET ``url``; ``open_body`` sees the head and returns what takes the body's chunks.

    ``access`` is how its server lets us in; without it, by the login in ``url``.

    Statuses not in ``accept`` raise :class:`Refused` and all else that goes wrong FetchError, with
    a short fixed reason; a body is complete when this returns. What ``open_body`` and its receiver
    raise comes through; neither is called after this has returned.
    """
    request = _Request(checked(url), limits, headers, open_body, accept, access or Access(url))
    thread = threading.Thread(target=request.run, name="aurorad-fetch", daemon=True)
    thread.start()
    thread.join(limits.total_s + GRACE_S)
    return request.outcome()


def fetch_bytes(
    url: str,
    limits: Limits,
    headers: Mapping[str, str],
    accept: tuple[int, ...] = (200, 304),
    access: Access | None = None,
) -> tuple[Head, bytes]:
    """GET ``url`` into memory; of a stream of pictures (MJPEG) the first. Raises as :func:`fetch`."""
    body = bytearray()
    picture: FirstPicture | None = None

    def open_body(head: Head) -> Receive:
        nonlocal picture
        picture = FirstPicture.of(head.headers.get("content-type", ""))
        if picture is None:
            return body.extend
        first = picture
        return lambda chunk: ENOUGH if first.take(chunk) else None

    head = fetch(url, limits, headers, open_body, accept, access)
    if picture is not None and picture.whole is None:
        raise FetchError("truncated", f"{redact(url)}: the stream ends within its first picture")
    return head, picture.whole if picture is not None and picture.whole is not None else bytes(body)


@dataclass
class _Request:
    """One request and its redirects, run in its own thread; ``outcome`` is asked from another."""

    url: str
    limits: Limits
    headers: Mapping[str, str]
    open_body: Callable[[Head], Receive]
    accept: tuple[int, ...]
    access: Access
    _cookies: httpx.Cookies = field(default_factory=httpx.Cookies)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _left: bool = False
    _head: Head | None = None
    _error: BaseException | None = None
    _socket: socket.socket | None = None

    def run(self) -> None:
        self._deadline = time.monotonic() + self.limits.total_s
        try:
            self._head = self._follow()
        except BaseException as error:
            self._error = error

    def outcome(self) -> Head:
        """The head, or the error. Raises FetchError "timeout" where there is neither yet, and leaves."""
        with self._lock:
            self._left = True
        if self._error is not None:
            raise self._error
        if self._head is not None:
            return self._head
        if self._socket is not None:
            _shut(self._socket)
        raise self._too_slow(self.url)

    def _follow(self) -> Head:
        url, seen = self.url, {self.url}
        for _ in range(self.limits.redirects + 1):
            head = self._ask(url)
            if not (300 <= head.status < 400 and head.status != 304):
                return head
            target = self._target(head)
            if target in seen:
                raise FetchError(
                    "redirect loop",
                    f"{redact(self.url)}: the server redirects in a circle; look whether the feed has moved",
                )
            seen.add(target)
            url = target
        raise FetchError(
            "redirect loop",
            f"{redact(self.url)}: more than {self.limits.redirects} redirects; look whether the feed has moved",
        )

    def _target(self, head: Head) -> str:
        location = head.headers.get("location")
        if not location:
            raise FetchError(
                "redirect", f"{redact(head.url)}: redirects to nowhere; look whether the feed has moved"
            )
        try:
            target = urljoin(head.url, location)
        except ValueError:
            raise _off_the_web(head.url) from None
        if not is_web(target):
            raise _off_the_web(head.url)
        if head.url.startswith("https:") and not target.startswith("https:"):
            raise FetchError(
                "redirect",
                f"{redact(head.url)}: redirects from https to plain http; set `url` to the new address if that is meant",
            )
        return target

    def _ask(self, url: str) -> Head:
        plain, login = without_login(url)[0], self.access.login_for(url)
        left_s = max(0.001, self._deadline - time.monotonic())
        headers = {"Accept-Encoding": "identity", **self.headers}
        try:
            with httpx.Client(verify=self.access.tls(), timeout=left_s, cookies=self._cookies) as client:
                asking = client.build_request(
                    "GET", plain, headers=headers, extensions={"trace": self._trace}
                )
                response = answered(client, asking, login, partial(self._in_time, url))
                self._cookies = client.cookies  # some servers let nobody in who does not bring them back
                with contextlib.closing(response):
                    fields = {k.lower(): v for k, v in response.headers.items()}
                    return self._take(Head(response.status_code, fields, url), response)
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            if self._deadline - time.monotonic() <= 0:
                raise self._too_slow(url) from error
            raise _translated(error, url) from error

    def _take(self, head: Head, response: httpx.Response) -> Head:
        """Judge the head, then hand the body on within the limits."""
        if 300 <= head.status < 400 and head.status != 304:
            return head
        if head.status not in self.accept:
            raise _refused(head)
        if head.headers.get("content-encoding", "identity").lower() not in ("", "identity"):
            raise FetchError(
                "encoding",
                f"{redact(head.url)}: the body is compressed though the request did not allow it; the server needs repair",
            )
        if head.length is not None and head.length > self.limits.max_bytes:
            raise self._too_large(head.url)
        receive, got = self._guarded(partial(self.open_body, head)), 0
        for chunk in response.iter_raw():
            got += len(chunk)
            if got > self.limits.max_bytes:
                raise self._too_large(head.url)
            if time.monotonic() > self._deadline:
                raise self._too_slow(head.url)
            if self._guarded(partial(receive, chunk)) is ENOUGH:
                break
        return head

    def _in_time(self, url: str) -> None:
        if time.monotonic() > self._deadline:
            raise self._too_slow(url)

    def _guarded(self, call: Callable[[], T]) -> T:
        """Call, unless the caller has left: nobody expects a file to change then."""
        with self._lock:
            if self._left:
                raise self._too_slow(self.url)
            return call()

    def _trace(self, event: str, info: Mapping[str, object]) -> None:
        """Keep the socket in hand, so that a request can be broken off wherever it waits."""
        if event == "connection.connect_tcp.complete":
            stream = info.get("return_value")
            found = stream.get_extra_info("socket") if hasattr(stream, "get_extra_info") else None
            self._socket = found if isinstance(found, socket.socket) else None

    def _too_slow(self, url: str) -> FetchError:
        return FetchError(
            "timeout",
            f"{redact(url)}: no whole answer within {self.limits.total_s:g} s; raise `timeout_s` (for movies `movie_timeout_s`) if the line is slow",
        )

    def _too_large(self, url: str) -> FetchError:
        return FetchError(
            "too large",
            f"{redact(url)}: more than {self.limits.max_bytes} bytes; raise `max_bytes` (for movies `max_movie_bytes`) if that is right",
        )


def retry_after_s(text: str | None, now_s: float) -> float | None:
    """Seconds a Retry-After header asks for, an hour at most; None where it says nothing usable.

    ``now_s`` is the time since the epoch that a date in the header is compared with.
    """
    if not text:
        return None
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(min(int(text[:9]), MAX_RETRY_AFTER_S))
    try:
        seconds = parsedate_to_datetime(text).timestamp() - now_s
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_S)


_STATUS = {
    401: ("forbidden", "the server wants a login, or another one; set `login` in [camera.source]"),
    403: ("forbidden", "the server will not let us; ask its owner"),
    404: ("not found", "there is no such file; look whether the feed has moved"),
    410: ("not found", "the file is gone for good; look whether the feed has moved"),
    429: ("too many requests", "the server wants fewer requests; raise `cadence_s`"),
}


def _refused(head: Head) -> Refused:
    server = ("server error", "the server reports an error of its own; the next request follows")
    other = ("status", "an answer that is not expected here; look whether the feed has moved")
    reason, fix = _STATUS.get(head.status, server if head.status >= 500 else other)
    wait_s = retry_after_s(head.headers.get("retry-after"), time.time())
    return Refused(reason, f"{redact(head.url)}: answered {head.status}: {fix}", wait_s)


def _off_the_web(url: str) -> FetchError:
    return FetchError(
        "redirect", f"{redact(url)}: redirects to what is no web address; look whether the feed has moved"
    )


def _translated(error: Exception, url: str) -> FetchError:
    """httpx's exception as ours, told by its cause; its own text may hold an address and is left out."""
    where = redact(url)
    causes = list(_causes(error))
    if isinstance(error, httpx.TimeoutException):
        return FetchError("timeout", f"{where}: no answer in time; look whether the line is up")
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        why = next(
            (c.verify_message for c in causes if isinstance(c, ssl.SSLCertVerificationError)),
            "no secure connection",
        )
        return FetchError(
            "tls",
            f"{where}: TLS failed ({why}); look at the server's certificate and this machine's clock; for a server "
            "that signed its own, set `certificate_sha256` or `ca_file`",
        )
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return FetchError(
            "dns", f"{where}: the name cannot be resolved; look at `url` and at the name service"
        )
    if isinstance(error, httpx.ConnectError):
        return FetchError("connect", f"{where}: no connection; look whether the server and the line are up")
    if isinstance(error, httpx.ProxyError):
        return FetchError("connect", f"{where}: the proxy refuses; look at HTTP_PROXY and HTTPS_PROXY")
    if isinstance(error, httpx.RemoteProtocolError) and "complete message body" in str(error):
        return FetchError(
            "truncated", f"{where}: the answer ends before its announced length; the next request follows"
        )
    if isinstance(error, httpx.InvalidURL) or "location header" in str(error):
        # Our own address was checked before; httpx reads a redirect's too, though it is not to follow it.
        return _off_the_web(url)
    if isinstance(error, httpx.UnsupportedProtocol | httpx.LocalProtocolError):
        return FetchError("address", f"{where}: no request can be made; check `url`")
    if isinstance(error, httpx.ProtocolError):
        return FetchError("protocol", f"{where}: the answer is not HTTP; look whether the feed has moved")
    return FetchError("connection lost", f"{where}: the connection broke; the next request follows")


def _causes(error: BaseException | None) -> list[BaseException]:
    chain: list[BaseException] = []
    while error is not None and error not in chain:
        chain.append(error)
        error = error.__cause__ or error.__context__
    return chain


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it was closed in the meantime, which is what we want
