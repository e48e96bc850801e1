"""The page behind a reverse proxy: under which path people see it, and by which address they came. Pure but for the middleware.

A proxy may cut its path off before it asks us or leave it on; both are understood. What the path is is said by
Home Assistant's ingress (``X-Ingress-Path``), by most others (``X-Forwarded-Prefix``), or else by the path of
``[daemon] url``. A reader who writes such a header himself changes the links of his own page and nothing else.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

_PATH = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+")
LONGEST = 200


def root_of(headers: Headers, own: str) -> str:
    """The path before ours, without a slash at its end; ``own`` is the one of ``[daemon] url``."""
    for name in ("x-ingress-path", "x-forwarded-prefix"):
        given = headers.get(name, "").split(",")[0].strip().rstrip("/")
        if len(given) <= LONGEST and _PATH.fullmatch(given):
            return given
    return own


def path_of(url: str) -> str:
    """The path of an address, as a root; empty where it has none that can be one."""
    path = urlsplit(url).path.rstrip("/") if url else ""
    return path if _PATH.fullmatch(path) else ""


def is_https(headers: Headers, scheme: str, url: str) -> bool:
    """Do people's browsers reach the page over TLS, ours or that of a proxy?"""
    forwarded = headers.get("x-forwarded-proto", "").split(",")[0].strip().lower()
    return "https" in (scheme, forwarded) or (not forwarded and urlsplit(url).scheme == "https")


class BehindProxy:
    """Puts the root into the scope, as ASGI has it: ``root_path``, which ``path`` begins with."""

    def __init__(self, app: ASGIApp, url: str) -> None:
        self.app = app
        self.own = path_of(url)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on."""
        if scope["type"] == "http" and (root := root_of(Headers(scope=scope), self.own)):
            # nginx with ``location /aurora { proxy_pass http://…/; }`` leaves two slashes at the beginning.
            path: str = "/" + scope["path"].lstrip("/")
            within = path if path.startswith(f"{root}/") else root + (path if path != root else "/")
            scope = {**scope, "root_path": root, "path": within}
        await self.app(scope, receive, send)
