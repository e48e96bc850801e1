"""Who asks, and how: language, zone of time, and the path that a proxy has put before ours.

Set once a request, before any handler, as context variables: what makes sentences and addresses takes
them from here and needs not be handed them.
"""

from __future__ import annotations

from contextvars import ContextVar
from urllib.parse import unquote

import pytz
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from daemon.web import tongues

LANGUAGE_COOKIE, ZONE_COOKIE = "aurorad_language", "aurorad_zone"
_root: ContextVar[str] = ContextVar("aurorad_root", default="")
_zone: ContextVar[str] = ContextVar("aurorad_zone", default="")


def url(path: str) -> str:
    """The address of one of our own paths, under whatever path a proxy serves us."""
    return f"{_root.get()}{path}"


def own_path(request: Request) -> str:
    """The path asked for as one of ours: without what a proxy has put before it, with one slash at its beginning."""
    within = request.url.path.removeprefix(request.scope.get("root_path", ""))
    return f"/{within.lstrip('/')}"


def root() -> str:
    """The path before ours; empty where there is none."""
    return _root.get()


def zone_or(camera_zone: str) -> str:
    """The zone that times are shown in: the reader's where they chose so, else the camera's."""
    return _zone.get() or camera_zone


def own_zone() -> str:
    """The reader's zone where they chose it; empty: the camera's."""
    return _zone.get()


class Asking:
    """Notes how each request wants to be answered."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Set, pass on, set back."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        root_token, zone_token = _root.set(scope.get("root_path", "")), _zone.set(_zone_of(request))
        try:
            with tongues.speaking(_language_of(request)):
                await self.app(scope, receive, send)
        finally:
            _root.reset(root_token)
            _zone.reset(zone_token)


def _language_of(request: Request) -> str:
    chosen = request.cookies.get(LANGUAGE_COOKIE, "")
    return (
        chosen
        if chosen in tongues.LANGUAGES
        else tongues.preferred(request.headers.get("accept-language", ""))
    )


def _zone_of(request: Request) -> str:
    """The zone of the reader's own, from their browser; only one that pytz knows."""
    zone = unquote(request.cookies.get(ZONE_COOKIE, ""))
    return zone if zone in pytz.all_timezones_set else ""
