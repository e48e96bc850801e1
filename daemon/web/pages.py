"""The pages of a night and of the events; Tonight and the season have modules of their own."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from operator import itemgetter
from typing import Any
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from daemon.observation import from_utc_text, utc_text
from daemon.record.rows import CourseRow, EventRow
from daemon.record.store import Reader
from daemon.web import horizon, params, phrases, presenters
from daemon.web.asking import url
from daemon.web.ports import View
from daemon.web.presenters import Shown
from daemon.web.site import Site, night_of_text, site_of
from daemon.web.strip import Strip, instant_of, span_of, strip
from daemon.web.timelapse import movie_of_event, offered_of_night
from daemon.web.tongues import _, ngettext

EVENTS_A_PAGE = 50


def night(request: Request) -> Response:
    """Any night, with a cursor that goes through its frames."""
    site = site_of(request)
    day = night_of_text(request.path_params["night"])
    with site.reader() as reader:
        view = site.view(request, reader)
        at = params.instant_or_none(request.query_params.get("at"))
        its = reader.night_at(view.name, at) if at else None
        if its is not None and its != day:  # a link from before a night was named by its morning
            return RedirectResponse(presenters.night_link(view, its, request.query_params["at"]), 302)
        context = _night(site, reader, view, day, at)
        return site.page(
            request, reader, "night.html", context | {"share": _shared(site, request, context)}, here=""
        )


def newest_night(request: Request) -> Response:
    """``/night``: the newest night there is, but for what a clock in the future dated."""
    site = site_of(request)
    with site.reader() as reader:
        view = site.view(request, reader)
        row = reader.latest(view.name, site.now())
    day = view.night(from_utc_text(row["observed_at"])) if row else view.night(site.now())
    return RedirectResponse(presenters.night_link(view, day), 302)


def events(request: Request) -> HTMLResponse:
    """Aurora events, filtered."""
    site = site_of(request)
    asked = params.read(request, params.EVENT_FILTERS, forgiving=True)
    page = max(0, asked.pop("page", None) or 0)
    with site.reader() as reader:
        views = {view.name: view for view in site.all_views(reader)}
        rows = reader.events(
            **params.event_query(asked, views),
            limit=EVENTS_A_PAGE + 1,
            offset=page * EVENTS_A_PAGE,
        )
        rows, more = rows[:EVENTS_A_PAGE], len(rows) > EVENTS_A_PAGE
        cards = presenters.cards(rows, views, site.ongoing(rows, views, reader), movie_of_event(site))
        groups = [
            (phrases.night(day), list(group)) for day, group in groupby(cards, key=lambda card: card.night)
        ]
        context = {
            "camera": views.get(asked.get("camera") or ""),
            "filters": {
                key: asked.get(key) for key in ("camera", "since", "until", "min_probability", "judged")
            }
            | {"strong": asked.get("strong") or False},
            "groups": groups,
            "found": _found(len(cards), page, more),
            "newer": _page_link(request, page - 1) if page else None,
            "older": _page_link(request, page + 1) if more else None,
        }
        return site.page(request, reader, "events.html", context, here="/events")


def _found(count: int, page: int, more: bool) -> str:
    if not count:
        return _("No event matches.")
    first = page * EVENTS_A_PAGE + 1
    if page or more:
        last = first + count - 1
        return _("Events %(first)d to %(last)d, newest first.", first=first, last=last)
    return ngettext("One event.", "%(n)d events, newest first.", count)


def _page_link(request: Request, page: int) -> str:
    query = {name: value for name, value in request.query_params.items() if name != "page"}
    return url(f"/events?{urlencode(query | {'page': page})}")


# ---------------------------------------------------------------------- a night


@dataclass(frozen=True)
class Drawn:
    """A night as its pages draw it."""

    rows: list[CourseRow]
    events: list[EventRow]
    strip: Strip
    keogram: str | None
    meridian: bool


def drawn(site: Site, reader: Reader, view: View, day: date) -> Drawn:
    """A night's rows, events and strip, and where its keogram is."""
    rows = reader.course(view.name, day)
    events = reader.events_of_night(view.name, day)
    sky = site.sky(view, day)
    laid = strip(
        rows,
        sky,
        events,
        span_of(view.midnight(day), sky),
        timezone=view.timezone,
        cadence_s=view.cadence_s,
        look_below_deg=view.look_below_deg,
        now=site.now().replace(second=0, microsecond=0),  # drawn anew once a minute is enough
    )
    # Whole minutes in the address: the picture is made anew once a minute, not once a frame.
    last = rows[-1]["observed_at"][:16] if rows else ""
    keogram = url(f"/keogram/{quote(view.name)}/{day}.png?to={quote(last)}") if rows else None
    meridian = bool(rows) and site.along_meridian(view, reader, rows[0]["observed_at"])
    return Drawn(rows, events, laid, keogram, meridian)


def _night(site: Site, reader: Reader, view: View, day: date, at: datetime | None) -> dict[str, Any]:
    laid = drawn(site, reader, view, day)
    rows, views = laid.rows, {view.name: view}
    at = at or reader.best_of_night(view.name, day)
    index = _index_at(rows, at)
    row = reader.at(view.name, from_utc_text(rows[index]["observed_at"])) if rows else None
    before, after = reader.neighbours(view.name, day)
    return {
        "camera": view,
        "now_s": f"{site.now().timestamp():.3f}",
        "rate": site.ports.clock_rate,
        "night": day,
        "night_words": phrases.night(day),
        "timelapse": offered_of_night(site, view.name, day),
        "before": presenters.night_link(view, before) if before else None,
        "after": presenters.night_link(view, after) if after else None,
        "shown": presenters.shown(row, view),
        "finding": phrases.of_row(row, view.timezone) if row else None,
        "facts": presenters.facts(row),
        "rose": horizon.rose(site.turned(view, reader, row) if row else view.orientation),
        "strip": laid.strip,
        "keogram": laid.keogram,
        "meridian": laid.meridian,
        "count": len(rows),
        "index": index,
        "position": _("%(n)d of %(all)d", n=index + 1, all=len(rows)),
        "tally": presenters.tally(rows),
        "events": presenters.cards(
            laid.events, views, site.ongoing(laid.events, views, reader), movie_of_event(site)
        ),
    }


def _shared(site: Site, request: Request, context: Mapping[str, Any]) -> dict[str, str]:
    """What a link to this instant shows elsewhere: title, sentence, picture."""
    frame: Shown | None = context["shown"]
    picture = frame.picture if frame else None
    return {
        "title": f"{context['camera'].title}, {context['night_words']}",
        "text": f"{frame.clock}: {frame.sentence}" if frame else "",
        "image": site.absolute(request, f"{picture}?w=720" if picture else ""),
    }


def _index_at(rows: Sequence[CourseRow], at: datetime | None) -> int:
    """The frame nearest an instant; 0 where there is none."""
    if not rows or at is None:
        return 0
    after = bisect_left(rows, utc_text(at), key=itemgetter("observed_at"))
    return min(
        range(max(0, after - 1), min(len(rows), after + 2)),
        key=lambda i: abs(instant_of(rows[i]["observed_at"]) - at),
    )
