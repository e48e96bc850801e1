"""News for programs: the cameras' state as it changes (server-sent events), and the events as an Atom feed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from daemon import sighting, words
from daemon.observation import utc_text
from daemon.record.rows import EventRow
from daemon.web import api, params, phrases, present
from daemon.web.connections import client_of
from daemon.web.frames import answer, etag_of
from daemon.web.ports import View
from daemon.web.site import Site, site_of

LASTS_S = 600.0  # then the client connects again by itself; one that is gone without a word is not kept
LOOK_S = 1.0
BEAT_S = 15.0  # proxies close a connection on which nothing comes for a minute
FEED_EVENTS = 50


async def stream(request: Request) -> Response:
    """``GET /api/stream``: an event ``camera`` with each change of a camera's state, as ``/api/cameras`` has it."""
    site = site_of(request)
    name = params.read(request, (params.CAMERA,)).get("camera")
    if name is not None and name not in site.views:
        raise HTTPException(404, "no camera of that name is watched")
    who = client_of(request.client.host) if request.client else ""
    if not site.streams.begin(who):
        raise HTTPException(503, "too many listen already; ask again", {"retry-after": "60"})
    views = [view for view in site.views.values() if name in (None, view.name)]
    stopping: Callable[[], bool] = request.scope.get("aurorad.stopping", lambda: False)
    return StreamingResponse(
        _ended(site, who, _told(site, views, stopping)),
        media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},  # nginx: pass on as it comes
    )


async def _ended(site: Site, who: str, told: AsyncIterator[str]) -> AsyncIterator[str]:
    """The stream, taken out of the count however it ends."""
    try:
        async for text in told:
            yield text
    finally:
        site.streams.end(who)


async def _told(site: Site, views: list[View], stopping: Callable[[], bool]) -> AsyncIterator[str]:
    """Each camera's state at first and with each change; a comment now and then keeps the connection."""
    loop = asyncio.get_running_loop()
    ends_s, beat_s = loop.time() + LASTS_S, loop.time() + BEAT_S
    seen: dict[str, Any] = {}
    said: dict[str, str] = {}
    yield "retry: 5000\n\n"
    while loop.time() < ends_s and not stopping():
        for view in views:
            status = site.ports.status.camera(view.name)
            now = status, present.state_of(view, status, site.now())
            if seen.get(view.name) == now:
                continue
            seen[view.name] = now
            text = await run_in_threadpool(_state, site, view)
            if said.get(view.name) != text:
                said[view.name], beat_s = text, loop.time() + BEAT_S
                yield f"event: camera\ndata: {text}\n\n"
        if loop.time() >= beat_s:
            beat_s = loop.time() + BEAT_S
            yield ": still here\n\n"
        await asyncio.sleep(LOOK_S)


def _state(site: Site, view: View) -> str:
    """Without what changes with every look though nothing has happened."""
    with site.reader() as reader:
        told = api.camera(site, view, reader)
    return json.dumps({key: value for key, value in told.items() if key != "last_fetch_at"})


# ---------------------------------------------------------------------- the feed


def atom(request: Request) -> Response:
    """``/events.atom``: the newest events, each an entry that is updated as the event goes on (RFC 4287)."""
    site = site_of(request)
    params.read(request, (params.CAMERA,))
    with site.reader() as reader:
        views = {view.name: view for view in site.all_views(reader)}
        name = request.query_params.get("camera")
        if name and name not in views:
            raise HTTPException(404, "there is no camera of that name")
        rows = reader.events(name or None, limit=FEED_EVENTS)
        ongoing = site.ongoing(rows, views, reader)
    base = site.base(request)
    data = "".join(_feed(rows, views, base, views.get(name or ""), site.now(), ongoing)).encode()
    return answer(request, data, etag_of(data), "application/atom+xml", 60)


def _feed(
    rows: list[EventRow],
    views: dict[str, View],
    base: str,
    only: View | None,
    now: datetime,
    ongoing: frozenset[str],
) -> Iterator[str]:
    """The feed of all cameras, or of ``only`` one, which is a feed of its own."""
    own = f"{base}/events.atom" + (f"?camera={quote(only.name)}" if only else "")
    title = f"Aurora events: {only.title}" if only else "Aurora events"
    updated = max((_updated(row) for row in rows), default=utc_text(now.replace(hour=0, minute=0, second=0)))
    yield '<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">\n'
    yield f"<title>{escape(title)}</title><id>{escape(own)}</id><updated>{updated}</updated>\n"
    yield f'<author><name>aurorad</name></author><link rel="self" href={quoteattr(own)}/>\n'
    for row in rows:
        yield from _entry(row, views[row["camera"]], base, ongoing=row["id"] in ongoing)
    yield "</feed>\n"


def _entry(row: EventRow, view: View, base: str, *, ongoing: bool) -> Iterator[str]:
    title = sighting.over(view.title, sighting.of_event(row))
    link = quoteattr(f"{base}/events#event-{quote(row['id'])}")
    yield f"<entry><title>{escape(title)}</title>"
    yield f"<id>tag:aurorad,{row['onset_at'][:10]}:{escape(quote(row['id']))}</id>"
    yield f"<published>{row['confirmed_at']}</published><updated>{_updated(row)}</updated><link href={link}/>"
    if row["picture"]:
        yield f'<link rel="enclosure" type="image/jpeg" href={quoteattr(f"{base}/frames/" + quote(row["picture"]))}/>'
    yield f"<summary>{escape(_summary(row, view, ongoing=ongoing))}</summary></entry>\n"


def _updated(row: EventRow) -> str:
    return row["ended_at"] or row["strong_at"] or row["confirmed_at"]


def _summary(row: EventRow, view: View, *, ongoing: bool) -> str:
    def clock(text: str) -> str:
        return phrases.clock_and_zone(datetime.fromisoformat(text).astimezone(UTC), view.timezone)

    seen = f", last seen {clock(row['last_seen_at'] or row['onset_at'])}"
    until = f" to {clock(row['ended_at'])}" if row["ended_at"] else ", not over yet" if ongoing else seen
    strong = ", strong" if row["strong_at"] else ""
    begin = words.onset(clock(row["onset_at"]), row["seen_before_at"])
    return f"{begin}{until}{strong}. {words.peak(row['peak_probability'])}"
