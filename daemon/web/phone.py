"""The page on a phone: what makes it installable, and who wants news from it (web push)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytz
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from daemon.errors import AuroradError, DeliveryError, UsageError
from daemon.subscribers import Subscriber
from daemon.web import actions
from daemon.web.ports import Push
from daemon.web.site import HERE, Site, site_of

_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_BASE64 = re.compile(r"[A-Za-z0-9_-]{16,200}={0,2}")


def worker(request: Request) -> Response:
    """``/sw.js``: the service worker, at the root of what it serves."""
    text = (HERE / "static/worker.js").read_text(encoding="utf-8")
    made = text.replace("STATIC_VERSION", site_of(request).static_version)
    return Response(made, media_type="text/javascript", headers={"cache-control": "no-cache"})


def key(request: Request) -> Response:
    """``GET /push/key``: the public key that a browser subscribes with."""
    return JSONResponse({"key": _answered(_push(site_of(request)).key)})


async def subscribe(request: Request) -> Response:
    """``POST /push/subscribe``: endpoint, p256dh, auth; camera, level, quiet_from, quiet_to, timezone."""
    site, given = await _given(request)
    one = _subscriber(given)
    await run_in_threadpool(_answered, lambda: _push(site).subscribe(one))
    return JSONResponse(_wishes(one), 201)


async def unsubscribe(request: Request) -> Response:
    """``POST /push/unsubscribe``: endpoint."""
    site, given = await _given(request)
    known = await run_in_threadpool(_answered, lambda: _push(site).unsubscribe(_endpoint(given)))
    return JSONResponse({"forgotten": known})


async def mine(request: Request) -> Response:
    """``POST /push/mine``: endpoint → what this browser has asked for, or null."""
    site, given = await _given(request)
    one = _push(site).find(_endpoint(given))
    return JSONResponse({"wishes": _wishes(one) if one else None})


async def test(request: Request) -> Response:
    """``POST /push/test``: endpoint. 200 once its push service has taken the test."""
    site, given = await _given(request)
    await run_in_threadpool(_answered, lambda: _push(site).test(_endpoint(given)))
    return JSONResponse({"sent": True})


def _push(site: Site) -> Push:
    if site.ports.push is None:
        raise HTTPException(503, "nothing sends news here")
    return site.ports.push


def _answered(ask: Any) -> Any:
    """What came of it, or the reason as the sender's error (400), a push service's (502), or ours (503)."""
    try:
        return ask()
    except UsageError as error:
        raise HTTPException(400, str(error)) from None
    except DeliveryError as error:
        raise HTTPException(502, str(error)) from None
    except AuroradError as error:
        raise HTTPException(503, str(error)) from None


async def _given(request: Request) -> tuple[Site, Mapping[str, Any]]:
    site = site_of(request)
    return site, await actions.body(request, site)


def _endpoint(given: Mapping[str, Any]) -> str:
    endpoint = given.get("endpoint")
    if not isinstance(endpoint, str) or not 10 <= len(endpoint) <= 1000 or not endpoint.isascii():
        raise HTTPException(400, "`endpoint`: the address of the browser's push service")
    return endpoint


def _subscriber(given: Mapping[str, Any]) -> Subscriber:
    """What was sent as a subscriber. Raises 400 with the field that is wrong."""
    text = {name: given.get(name, "") for name in ("p256dh", "auth", "camera", "quiet_from", "quiet_to")}
    for name, value in text.items():
        if not isinstance(value, str) or len(value) > 200:
            raise HTTPException(400, f"`{name}`: a text")
    for name in ("p256dh", "auth"):
        if not _BASE64.fullmatch(text[name]):
            raise HTTPException(400, f"`{name}`: the browser's key, base64url")
    for name in ("quiet_from", "quiet_to"):
        if text[name] and not _CLOCK.fullmatch(text[name]):
            raise HTTPException(400, f"`{name}`: a time of day, 23:30, or nothing")
    level, zone = given.get("level", 0), given.get("timezone", "UTC")
    if type(level) is not int or not 0 <= level <= 6:
        raise HTTPException(400, "`level`: a brightness level from 0 to 6")
    if not isinstance(zone, str) or zone not in pytz.all_timezones_set:
        raise HTTPException(400, "`timezone`: one of the IANA list")
    if bool(text["quiet_from"]) != bool(text["quiet_to"]):
        raise HTTPException(400, "`quiet_from` and `quiet_to` go together")
    return Subscriber(endpoint=_endpoint(given), level=level, timezone=zone, **text)


def _wishes(one: Subscriber) -> dict[str, Any]:
    return {name: getattr(one, name) for name in ("camera", "level", "quiet_from", "quiet_to", "timezone")}
