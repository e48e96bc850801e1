"""Nobody in: headers, cross-site refusal, the token, and bounds. See SECURITY.md.

Reading is free to whoever reaches the address. What changes state is a POST, comes from the page
itself, and carries the token where one is configured.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import socket
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "aurorad_key"
COOKIE_AGE_S = 180 * 24 * 3600  # a season
MAX_BODY_BYTES = 16 * 1024  # a label is a few hundred bytes
MAX_QUERY_BYTES = 4 * 1024

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "img-src 'self'",
        "style-src 'self'",
        "script-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
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

    def __init__(self, app: ASGIApp, *, tls: bool = False) -> None:
        self.app = app
        self.headers = dict(HEADERS)
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


def refusal_of_cross_site(headers: Headers, own_names: frozenset[str]) -> str | None:
    """Why a write is refused as coming from elsewhere, or None.

    Browsers say where a request comes from: ``Sec-Fetch-Site``, and ``Origin`` on every POST.
    Programs say neither; they can only be told from a forged form by a content type no form has.
    A host name we do not know is refused too: it is how a foreign page rebinds its own name to us.
    """
    host = _host_name(f"//{headers.get('host', '')}")
    if not _is_own(host, own_names):
        return f"this address ({host or 'none'}) is not known here: set [daemon] url to the one people use"
    site = headers.get("sec-fetch-site")
    if site is not None and site != "same-origin":
        return "this came from another site"
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc.lower() != headers.get("host", "").lower():
        return "this came from another site"
    if site is None and origin is None and not headers.get("content-type", "").startswith("application/json"):
        return "send application/json, or use the page"
    return None


def own_names(host: str, url: str) -> frozenset[str]:
    """The names this page answers writes under, beside localhost and plain addresses."""
    names = {host.lower(), _host_name(url), socket.gethostname().lower()}
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
    return hmac.compare_digest(given.encode(), token.encode())


def may_write(request: Request, token: str | None) -> bool:
    """Whether the request carries the token, as a bearer or as the page's cookie."""
    if token is None:
        return True
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and is_token(given.strip(), token):
        return True
    return hmac.compare_digest(request.cookies.get(COOKIE, "").encode(), key_of(token).encode())
