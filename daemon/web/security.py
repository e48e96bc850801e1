"""Nobody in: headers, own names, cross-site refusal, the token, and bounds. See SECURITY.md.

Reading is free to whoever reaches the address under a name of ours. What changes state is a POST, comes
from the page itself, and carries the token where one is configured.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import socket
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from daemon.web.connections import client_of

COOKIE = "aurorad_key"
COOKIE_AGE_S = 180 * 24 * 3600  # a season
MAX_BODY_BYTES = 16 * 1024  # a label is a few hundred bytes
MAX_QUERY_BYTES = 4 * 1024
NO_FORM_SENDS = ("application/json", "image/", "application/octet-stream")

NO_FRAMES = "frame-ancestors 'none'"
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "img-src 'self'",
        "media-src 'self'",
        "style-src 'self'",
        "script-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        NO_FRAMES,
    )
)
HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class SecurityHeaders:
    """Adds the headers to every answer, errors included, and refuses oversized queries."""

    def __init__(self, app: ASGIApp, *, tls: bool = False, frame_ancestors: Sequence[str] = ()) -> None:
        """``frame_ancestors``: the sites that may show the page in a frame of theirs; none may otherwise."""
        self.app = app
        self.headers = dict(HEADERS)
        if frame_ancestors:
            allowed = f"frame-ancestors {' '.join(frame_ancestors)}"
            self.headers["content-security-policy"] = CONTENT_SECURITY_POLICY.replace(NO_FRAMES, allowed)
            del self.headers["x-frame-options"]  # it knows no list, and browsers that heed it know the other
        if tls:
            self.headers["strict-transport-security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, adding headers to the answer's start."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self.headers.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        if len(scope.get("query_string", b"")) > MAX_QUERY_BYTES:
            refusal = JSONResponse({"error": "the query is too long"}, 414)
            await refusal(scope, receive, with_headers)
            return
        await self.app(scope, receive, with_headers)


class OwnNames:
    """Refuses requests under a host name that is not ours, reads too.

    A foreign web page cannot read this one, but can give its own name this machine's address (DNS
    rebinding), and then the browser takes both for one site. Browsers always name the host; who
    names none is a program that nobody else's page has sent.
    """

    def __init__(self, app: ASGIApp, names: frozenset[str]) -> None:
        self.app = app
        self.names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or answer 403."""
        if scope["type"] == "http":
            given = Headers(scope=scope).getlist("host")
            refused = next(filter(None, (refusal_of_host(host, self.names) for host in given if host)), None)
            if refused:
                await PlainTextResponse(f"{refused}\n", 403)(scope, receive, send)
                return
        await self.app(scope, receive, send)


def refusal_of_host(given: str, names: frozenset[str]) -> str | None:
    """Why a ``Host`` header is not one of ours, or None."""
    host = _host_name(f"//{given}")
    if _is_own(host, names):
        return None
    shown = "".join(c if c.isascii() and c.isprintable() else "?" for c in host)[:100]
    return (
        f"this address ({shown or 'none'}) is not known here: "
        "set [daemon] url to the one people use, or add it to [daemon] names"
    )


def refusal_of_cross_site(headers: Headers, own_names: frozenset[str], url: str = "") -> str | None:
    """Why a write is refused as coming from elsewhere, or None. Raises ValueError: an unreadable Origin.

    Browsers say where a request comes from: ``Sec-Fetch-Site``, and ``Origin`` on every POST.
    Programs say neither; they can only be told from a forged form by a content type no form has.
    A host name we do not know is refused too: it is how a foreign page rebinds its own name to us.
    ``url`` is the address people use: behind a proxy that asks under a name of its own, as nginx does
    by default, browsers come from there. So they do from the ``X-Forwarded-Host`` of one that says it; no
    page can make a browser write that.
    """
    unknown = refusal_of_host(headers.get("host", ""), own_names)
    if unknown:
        return unknown
    site = headers.get("sec-fetch-site")
    if site is not None and site != "same-origin":
        return "this came from another site"
    origin = headers.get("origin")
    if origin is not None and not _is_from_here(origin, headers, own_names, url):
        return "this came from another site; if it is your own, set [daemon] url to the address people use"
    if site is None and origin is None and not headers.get("content-type", "").startswith(NO_FORM_SENDS):
        return "send application/json (a picture: image/jpeg or image/png), or use the page"
    return None


def _is_from_here(origin: str, headers: Headers, own_names: frozenset[str], url: str) -> bool:
    """Is the page that sends this one of ours? Raises ValueError: an unreadable Origin."""
    came = urlsplit(origin)
    used = urlsplit(url)
    if used.netloc and (came.scheme, came.netloc.lower()) == (used.scheme, used.netloc.lower()):
        return True
    forwarded = headers.get("x-forwarded-host", "").split(",")[0].strip().lower()
    known = forwarded and refusal_of_host(forwarded, own_names) is None
    return came.netloc.lower() in {headers.get("host", "").lower(), forwarded if known else None}


def own_names(host: str, url: str, more: Iterable[str] = ()) -> frozenset[str]:
    """The names this page answers under, beside localhost and plain addresses."""
    names = {host.lower(), _host_name(url), socket.gethostname().lower(), *(name.lower() for name in more)}
    names |= {f"{socket.gethostname().lower()}.local"}
    return frozenset(names - {""})


def _host_name(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:  # an unbalanced bracket in a hostile Host header
        return ""


def _is_own(host: str, names: frozenset[str]) -> bool:
    if host in names or host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def key_of(token: str) -> str:
    """What the cookie holds: derived from the token, so that the cookie does not give it away."""
    return hmac.new(token.encode(), b"aurorad page v1", hashlib.sha256).hexdigest()


def is_token(given: str, token: str) -> bool:
    """Whether this is the token; takes the same time either way."""
    return hmac.compare_digest(given.encode(errors="surrogatepass"), token.encode())


class Guesses:
    """Slows down who tries tokens: after some different wrong ones, each costs twice the wait of the last.

    The same wrong one again is no guess: a browser may hold the cookie of an older token.
    """

    FREE = 5
    LONGEST_S = 60.0
    FORGOTTEN_AFTER_S = 900.0
    CLIENTS = 1000

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._wrong: OrderedDict[str, tuple[float, set[bytes]]] = OrderedDict()

    def wait_s(self, who: str) -> float:
        """Seconds for which nothing this client gives is looked at; 0 where it may try."""
        with self._lock:
            last, wrong = self._wrong.get(who, (0.0, set()))
            if len(wrong) < self.FREE:
                return 0.0
            wait_s = min(self.LONGEST_S, 2.0 ** (len(wrong) - self.FREE))
            return max(0.0, last + wait_s - self._clock())

    def wrong(self, who: str, given: str) -> None:
        """This client gave that, and it is not the token."""
        now = self._clock()
        digest = hashlib.blake2b(given.encode(errors="surrogatepass"), digest_size=8).digest()
        with self._lock:
            last, wrong = self._wrong.pop(who, (now, set()))
            if now - last > self.FORGOTTEN_AFTER_S:
                wrong = set()
            if digest not in wrong:
                last = now
                if len(wrong) < self.FREE + 16:  # long at the longest wait
                    wrong = wrong | {digest}
            self._wrong[who] = (last, wrong)
            while len(self._wrong) > self.CLIENTS:
                self._wrong.popitem(last=False)


class Key:
    """The token, and who may write with it; None: whoever reaches the page."""

    def __init__(self, token: str | None, guesses: Guesses | None = None) -> None:
        self._token = token
        self._guesses = guesses or Guesses()

    def wait_s(self, request: Request) -> float:
        """How long this client has to wait after wrong tokens."""
        return 0.0 if self._token is None else self._guesses.wait_s(_who(request))

    def fits(self, request: Request, given: str) -> bool:
        """Whether this is the token. Not looked at while the client has to wait."""
        if self._token is None:
            return True
        return self._try(request, given, self._token)

    def cookie(self) -> str | None:
        """What a browser keeps in the token's place; None where there is none."""
        return None if self._token is None else key_of(self._token)

    def may_write(self, request: Request) -> bool:
        """Whether the request carries the token, as a bearer or as the page's cookie."""
        if self._token is None:
            return True
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and self._try(request, given.strip(), self._token):
            return True
        cookie = request.cookies.get(COOKIE, "")
        return bool(cookie) and self._try(request, cookie, key_of(self._token))

    def _try(self, request: Request, given: str, right: str) -> bool:
        who = _who(request)
        if self._guesses.wait_s(who):
            return False
        if is_token(given, right):
            return True
        self._guesses.wrong(who, given)
        return False


def _who(request: Request) -> str:
    return client_of(request.client.host) if request.client else ""
