"""The pages: Tonight, a night, the season, the events. What they say is decided by phrases, presenters and strip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from daemon.observation import LiveStatus, SkyState, from_utc_text
from daemon.record.store import Reader
from daemon.web import params, phrases, presenters
from daemon.web.frames import answer, etag_of
from daemon.web.ports import View
from daemon.web.site import Site, night_of_text, site_of
from daemon.web.strip import Strip, instant_of, span_of, strip

Row = Mapping[str, Any]
STALE_CADENCES = 2.0  # a picture later than this is said to be stale, whatever the reason
EVENTS_A_PAGE = 50
LIVE_CACHE_S = 0


def tonight(request: Request) -> Response:
    """The page people leave open."""
    site = site_of(request)
    with site.reader() as reader:
        view = site.view(request, reader)
        context = _tonight(site, reader, view)
        return site.page(request, reader, "tonight.html", context, here="Tonight")


def live(request: Request) -> Response:
    """Tonight's moving parts, for the open page to take over. 304 while nothing has changed."""
    site = site_of(request)
    with site.reader() as reader:
        view = site.view(request, reader)
        context = _tonight(site, reader, view)
    # The age is left to the browser's clock: an answer that changed each second were never 304.
    context["shown"] = replace(context["shown"], age="") if context["shown"] else None
    html = site.fragment(request, "_tonight.html", context).encode()
    reply = answer(request, html, etag_of(html), "text/html; charset=utf-8", LIVE_CACHE_S)
    reply.headers["aurorad-now"] = f"{site.now().timestamp():.3f}"
    return reply


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
        return site.page(request, reader, "night.html", _night(site, reader, view, day, at), here="Night")


def newest_night(request: Request) -> Response:
    """``/night``: the newest night there is."""
    site = site_of(request)
    with site.reader() as reader:
        view = site.view(request, reader)
        row = reader.latest(view.name)
    day = view.night(from_utc_text(row["observed_at"])) if row else view.night(site.now())
    return RedirectResponse(presenters.night_link(view, day), 302)


def events(request: Request) -> HTMLResponse:
    """Spells of aurora, filtered."""
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
        cards = presenters.cards(rows[:EVENTS_A_PAGE], views, site.now())
        groups = [
            (phrases.night(day), list(group)) for day, group in groupby(cards, key=lambda card: card.night)
        ]
        more = len(rows) > EVENTS_A_PAGE
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
        return site.page(request, reader, "events.html", context, here="Events")


def _found(count: int, page: int, more: bool) -> str:
    if not count:
        return "No spell of aurora fits."
    first = page * EVENTS_A_PAGE + 1
    if page or more:
        return f"Spells {first} to {first + count - 1}, newest first."
    return "One spell." if count == 1 else f"{count} spells, newest first."


def _page_link(request: Request, page: int) -> str:
    query = {name: value for name, value in request.query_params.items() if name != "page"}
    return f"/events?{urlencode(query | {'page': page})}"


# ---------------------------------------------------------------------- tonight


def _tonight(site: Site, reader: Reader, view: View) -> dict[str, Any]:
    now = site.now()
    status = site.ports.status.camera(view.name)
    latest = reader.latest(view.name)
    day = view.night(now)
    drawn = _drawn(site, reader, view, day)
    spells = reader.events(view.name, limit=1)
    since = from_utc_text(spells[0]["onset_at"]) if spells and not spells[0]["ended_at"] else None
    due_s = _due_s(view, status, now)
    finding = _finding(view, status, latest, since, now, due_s)
    healthy, health = site.ports.status.healthy()
    return {
        "camera": view,
        "now_s": f"{now.timestamp():.3f}",
        "rate": site.ports.clock_rate,
        "finding": finding,
        "healthy": healthy,
        "health": health,
        "shown": presenters.shown(_latest_with_picture(reader, view, latest), view, now, since),
        "gauge": presenters.gauge(latest) if finding.kind in ("aurora", "clear", "obscured") else None,
        "due_s": due_s,
        "compass": presenters.compass(view),
        "facts": presenters.facts(latest),
        "night": day,
        "night_words": phrases.night(day),
        "night_link": presenters.night_link(view, day),
        "last_night": None if drawn.rows else _last_night(reader, view, day),
        "outlook": _outlook(site, view, day, now, status),
        "strip": drawn.strip,
        "keogram": drawn.keogram,
        "events": presenters.cards(reversed(drawn.events), {view.name: view}, now),
    }


def _latest_with_picture(reader: Reader, view: View, latest: Row | None) -> Row | None:
    """The newest observation that has a picture, of the last few hundred; else the newest."""
    if latest is None or latest["picture"]:
        return latest
    rows = reader.between(view.name, newest_first=True, limit=300)
    return next((row for row in rows if row["picture"]), latest)


def _due_s(view: View, status: LiveStatus | None, now: datetime) -> str | None:
    """When the page will call the picture stale by itself, as the watch's time; None while asleep."""
    if status is None or not status.gate.look or status.framed_at is None:
        return None
    due = status.framed_at + timedelta(seconds=STALE_CADENCES * view.cadence_s)
    return f"{due.timestamp():.1f}"


def _finding(
    view: View,
    status: LiveStatus | None,
    latest: Row | None,
    since: datetime | None,
    now: datetime,
    due_s: str | None,
) -> phrases.Finding:
    """The one thing the page says first."""
    if status is None:
        return phrases.Finding("asleep", "Not watched", "this camera's footage is from the archive")
    if status.stale is not None:
        return phrases.stale(status.stale, status.framed_at, view.timezone)
    if not status.gate.look:
        reason = status.gate.reason.partition(":")[0]
        return phrases.asleep(reason, status.gate_until, view.timezone, now)
    if latest is None:
        return phrases.Finding("asleep", "Waiting", "the first picture has not come yet")
    if due_s is not None and now.timestamp() > float(due_s):
        return phrases.stale(
            f"one is due every {phrases.lasting(view.cadence_s)}", status.framed_at, view.timezone
        )
    return phrases.of_row(latest, view.timezone, since if latest["verdict"] == "aurora" else None)


def _last_night(reader: Reader, view: View, day: date) -> dict[str, str] | None:
    before, _ = reader.neighbours(view.name, day)
    if before is None:
        return None
    (row,) = reader.nights(view.name, before, before)
    told = phrases.night(before).removeprefix("Night of ")
    if row["events"]:
        told += f", {row['events']} {'spell' if row['events'] == 1 else 'spells'} of aurora"
    elif not row["observable"]:
        told += ", nothing could be seen"
    else:
        told += ", no aurora"
    return {"link": presenters.night_link(view, before), "words": told}


def _outlook(
    site: Site, view: View, day: date, now: datetime, status: LiveStatus | None
) -> list[tuple[str, str]]:
    """When it is dark, where the moon is, when the source was last asked."""
    told: list[tuple[str, str]] = []
    sky = site.sky(view, day)
    dark = [state for state in sky if state.sun_altitude_deg <= view.look_below_deg]
    if sky and not dark:
        told.append(("Dark", "not at all tonight"))
    elif dark and len(dark) == len(sky):
        told.append(("Dark", "around the clock"))
    elif dark:
        first, last = sky.index(dark[0]), sky.index(dark[-1])
        begins = _crossing(sky[max(first - 1, 0)], dark[0], view.look_below_deg)
        ends = _crossing(dark[-1], sky[min(last + 1, len(sky) - 1)], view.look_below_deg)
        told.append(("Dark", " to ".join(phrases.clock(at, view.timezone) for at in (begins, ends))))
    if sky:
        told.append(
            ("Moon", _moon_words([state for state in sky if state.sun_altitude_deg < 0] or sky, view))
        )
    if status is not None and status.fetched_at is not None:
        told.append(("Feed", f"last answered {phrases.clock_and_zone(status.fetched_at, view.timezone)}"))
    return told


def _crossing(before: SkyState, after: SkyState, altitude_deg: float) -> datetime:
    """When the sun stood at an altitude between two samples, to the minute the gate says too."""
    step = after.sun_altitude_deg - before.sun_altitude_deg
    share = (altitude_deg - before.sun_altitude_deg) / step if step else 0.0
    return before.at + min(1.0, max(0.0, share)) * (after.at - before.at)


def _moon_words(sky: Sequence[SkyState], view: View) -> str:
    """When the moon is up between sunset and sunrise, and how much of it is lit."""
    lit = f"{phrases.lit_percent(sky[len(sky) // 2].moon_phase_deg)} % lit"
    up = [state.moon_altitude_deg > 0 for state in sky]
    if not any(up):
        return f"down all night ({lit})"
    if all(up):
        return f"up all night, {lit}"
    changes = [i for i in range(1, len(sky)) if up[i] != up[i - 1]]
    times = [phrases.clock(sky[i].at, view.timezone) for i in changes]
    if len(times) == 1:
        return f"{'sets' if up[0] else 'rises'} {times[0]}, {lit}"
    return f"{'down' if up[0] else 'up'} {times[0]} to {times[1]}, {lit}"


# ---------------------------------------------------------------------- a night


@dataclass(frozen=True)
class _Drawn:
    rows: list[Row]
    events: list[Row]
    strip: Strip
    keogram: str | None


def _drawn(site: Site, reader: Reader, view: View, day: date) -> _Drawn:
    """A night's rows, spells and strip, and where its keogram is."""
    rows: list[Row] = list(reader.course(view.name, day))
    spells: list[Row] = list(reader.events_of_night(view.name, day))
    sky = site.sky(view, day)
    laid = strip(
        rows,
        sky,
        spells,
        span_of(view.midnight(day), sky),
        timezone=view.timezone,
        cadence_s=view.cadence_s,
        look_below_deg=view.look_below_deg,
        now=site.now().replace(second=0, microsecond=0),  # drawn anew once a minute is enough
    )
    # Whole minutes in the address: the picture is made anew once a minute, not once a frame.
    last = rows[-1]["observed_at"][:16] if rows else ""
    keogram = f"/keogram/{quote(view.name)}/{day}.png?to={quote(last)}" if rows else None
    return _Drawn(rows, spells, laid, keogram)


def _night(site: Site, reader: Reader, view: View, day: date, at: datetime | None) -> dict[str, Any]:
    drawn = _drawn(site, reader, view, day)
    rows = drawn.rows
    index = _index_at(rows, at)
    row = reader.at(view.name, from_utc_text(rows[index]["observed_at"])) if rows else None
    before, after = reader.neighbours(view.name, day)
    return {
        "camera": view,
        "now_s": f"{site.now().timestamp():.3f}",
        "rate": site.ports.clock_rate,
        "night": day,
        "night_words": phrases.night(day),
        "before": presenters.night_link(view, before) if before else None,
        "after": presenters.night_link(view, after) if after else None,
        "shown": presenters.shown(row, view),
        "finding": phrases.of_row(row, view.timezone) if row else None,
        "facts": presenters.facts(row),
        "compass": presenters.compass(view),
        "strip": drawn.strip,
        "keogram": drawn.keogram,
        "count": len(rows),
        "index": index,
        "position": f"{index + 1} of {len(rows)}",
        "tally": presenters.tally(rows),
        "events": presenters.cards(drawn.events, {view.name: view}, site.now()),
    }


def _index_at(rows: Sequence[Row], at: datetime | None) -> int:
    """The frame nearest an instant; else the strongest one; 0 where there are none."""
    if not rows:
        return 0
    if at is None:
        return max(range(len(rows)), key=lambda i: rows[i]["calibrated_probability"] or 0.0)
    return min(range(len(rows)), key=lambda i: abs(instant_of(rows[i]["observed_at"]) - at))
