"""The only addresses that change anything: labels, their undoing, silence, and signing in. All are POST."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, quote

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from daemon.observation import from_utc_text, utc_text
from daemon.record.label_queue import QUEUES
from daemon.record.labels import LABELS
from daemon.web import behind, params, security
from daemon.web.asking import url
from daemon.web.site import Site, site_of

_WHO = re.compile(r"\w[\w .'@-]{0,39}")
_EVENT_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")
MOST_SNOOZE_MIN = 1440
WRONG_TOKEN_PAUSE_S = 0.5  # and after the fifth longer: security.Guesses


async def give_label(request: Request) -> Response:
    """``POST /label``: camera, observed_at, label, who, queue → the label's id."""
    site = site_of(request)
    given = await body(request, site)
    return await run_in_threadpool(_give_label, site, given)


def _give_label(site: Site, given: Mapping[str, Any]) -> Response:
    camera, label, who = _text(given, "camera"), _label(given), _who(given)
    queue = _text(given, "queue", "")
    if queue not in ("", *QUEUES):
        raise HTTPException(400, f"`queue`: one of {', '.join(QUEUES)}")
    try:
        at = params.instant(_text(given, "observed_at"))
    except ValueError as error:
        raise HTTPException(400, f"`observed_at`: {error}") from None
    with site.reader() as reader:
        row = reader.at(camera, at)
    if row is None:
        raise HTTPException(404, "there is no such observation")
    label_id = site.ports.labels.add_label(camera, at, label, who, queue=queue)
    return JSONResponse({"id": label_id, "label": label}, 201)


async def undo_label(request: Request) -> Response:
    """``POST /label/undo``: id."""
    site = site_of(request)
    given = await body(request, site)
    label_id = given.get("id")
    if type(label_id) is not int or not 0 < label_id < 2**53:
        raise HTTPException(400, "`id`: the number the label was given")
    if not await run_in_threadpool(site.ports.labels.undo_label, label_id):
        raise HTTPException(404, "there is no such label to take back")
    return JSONResponse({"undone": label_id})


async def judge_event(request: Request) -> Response:
    """``POST /events/answer``: event_id, label (right is ``aurora``), who. Labels the brightest frame, which is the one shown."""
    site = site_of(request)
    given = await body(request, site)
    label_id = await run_in_threadpool(_judge_event, site, given)
    if _is_json(request):
        return JSONResponse({"id": label_id, "label": given["label"]}, 201)
    return RedirectResponse(url(f"/events#event-{quote(given['event_id'])}"), 303)


def _judge_event(site: Site, given: Mapping[str, Any]) -> int:
    event_id, label = _text(given, "event_id"), _label(given)
    who = _who(given) if given.get("who") else "page"
    with site.reader() as reader:
        event = reader.event(event_id) if _EVENT_ID.fullmatch(event_id) else None
    if event is None:
        raise HTTPException(404, "there is no such event")
    at = from_utc_text(event["brightest_at"] or event["onset_at"])
    return site.ports.labels.add_label(event["camera"], at, label, who, queue="event", event_id=event_id)


async def snooze(request: Request) -> Response:
    """``POST /snooze``: minutes (0 wakes), channel (empty: all). No aurora messages until then. ``camera``: the page to go back to."""
    site = site_of(request)
    given = await body(request, site)
    channel, until = await run_in_threadpool(_snooze, site, given)
    if _is_json(request):
        return JSONResponse({"channel": channel, "until": utc_text(until)}, 201)
    return RedirectResponse(site.link("/", site.views.get(_text(given, "camera", ""))), 303)


def _snooze(site: Site, given: Mapping[str, Any]) -> tuple[str, datetime]:
    channel, minutes = _text(given, "channel", ""), given.get("minutes", "")
    minutes = str(minutes) if type(minutes) is int or isinstance(minutes, str) else ""
    if channel and channel not in {one.name for one in site.ports.settings.notify}:
        raise HTTPException(404, "there is no such channel")
    if not re.fullmatch(r"[0-9]{1,4}", minutes) or int(minutes) > MOST_SNOOZE_MIN:
        raise HTTPException(
            400, f"`minutes`: a whole number up to {MOST_SNOOZE_MIN}, 0 to hear messages again"
        )
    until = site.ports.clock() + timedelta(minutes=int(minutes))
    site.ports.labels.snooze(channel, until)
    return channel, until


def sign_in_page(request: Request) -> Response:
    """The form that asks for the token."""
    return _sign_in_form(request, _own_path(request.query_params.get("to", "/")), wrong=False)


async def sign_in(request: Request) -> Response:
    """``POST /sign-in``: the token for a cookie that stands for it."""
    site = site_of(request)
    given = await body(request, site, signing_in=True)
    to = _own_path(_text(given, "to", "/"))
    cookie = site.key.cookie()
    if cookie is not None and not site.key.fits(request, _text(given, "token")):
        await asyncio.sleep(WRONG_TOKEN_PAUSE_S)
        return await run_in_threadpool(_sign_in_form, request, to, wrong=True)
    reply = RedirectResponse(url(to), 303)
    if cookie is not None:
        reply.set_cookie(
            security.COOKIE,
            cookie,
            max_age=security.COOKIE_AGE_S,
            httponly=True,
            samesite="strict",
            secure=behind.is_https(request.headers, request.url.scheme, site.ports.settings.daemon.url),
        )
    return reply


def _sign_in_form(request: Request, to: str, *, wrong: bool) -> Response:
    site = site_of(request)
    with site.reader() as reader:
        context = {"to": to, "wrong": wrong}
        return site.page(request, reader, "sign_in.html", context, status=403 if wrong else 200)


def _own_path(to: str) -> str:
    """A place on this page to go on to; anything else leads home."""
    return to if re.fullmatch(r"/(?![/\\])[A-Za-z0-9/?&=._-]{0,200}", to) else "/"


async def body(request: Request, site: Site, *, signing_in: bool = False) -> dict[str, Any]:
    """The fields sent. Raises as :func:`admit`, and 413, 415 or 400."""
    admit(request, site, signing_in=signing_in)
    raw = await request.body()  # bounded by the application's max_body_size
    try:
        text = raw.decode()
        if _is_json(request):
            given = json.loads(text)
        elif request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            given = {key: values[0] for key, values in parse_qs(text, max_num_fields=20).items()}
        else:
            raise HTTPException(415, "send application/json")
    except (ValueError, RecursionError):
        raise HTTPException(400, "the body cannot be read") from None
    if not isinstance(given, dict):
        raise HTTPException(400, "the body is no object")
    return given


def admit(request: Request, site: Site, *, signing_in: bool = False) -> None:
    """Let the sender of a POST in before its body is read.

    Raises 403 for a foreign one, 429 for one who guesses, 401 for one without the token.
    """
    try:
        refused = security.refusal_of_cross_site(
            request.headers, site.own_names, site.ports.settings.daemon.url
        )
    except ValueError:
        raise HTTPException(400, "the `Origin` is no address") from None
    if refused:
        raise HTTPException(403, refused)
    wait_s = site.key.wait_s(request)
    if wait_s:
        raise HTTPException(
            429, f"too many wrong tokens; wait {wait_s:.0f} s", {"retry-after": f"{wait_s + 1:.0f}"}
        )
    if not signing_in and site.locked(request):
        raise HTTPException(401, "sign in first", {"www-authenticate": "Bearer"})


def _is_json(request: Request) -> bool:
    return request.headers.get("content-type", "").startswith("application/json")


def _text(given: Mapping[str, Any], key: str, otherwise: str | None = None) -> str:
    value = given.get(key, otherwise)
    if not isinstance(value, str) or len(value) > 300:
        raise HTTPException(400, f"`{key}`: a text")
    try:
        value.encode()
    except UnicodeEncodeError:  # half a character, as JSON can write it: no database takes it
        raise HTTPException(400, f"`{key}`: a text, and this is none") from None
    return value


def _label(given: Mapping[str, Any]) -> str:
    label = _text(given, "label")
    if label not in LABELS:
        raise HTTPException(400, f"`label`: one of {', '.join(LABELS)}")
    return label


def _who(given: Mapping[str, Any]) -> str:
    who = " ".join(_text(given, "who").split())
    if not _WHO.fullmatch(who):
        raise HTTPException(400, "`who`: a name of 1 to 40 letters")
    return who
