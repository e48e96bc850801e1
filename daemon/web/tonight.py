"""The page people leave open: what is now, where there is no present last night at its best, and the night ahead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from daemon import words
from daemon.observation import PRESENT_CADENCES, LiveStatus, SkyState
from daemon.record.columns import ObservationRow
from daemon.record.rows import NightRow
from daemon.record.store import Reader
from daemon.web import phrases, presenters
from daemon.web.forecast import forecast_of
from daemon.web.frames import answer, etag_of
from daemon.web.pages import drawn
from daemon.web.ports import View
from daemon.web.present import Present, State
from daemon.web.presenters import Shown
from daemon.web.site import Site, site_of

LIVE_CACHE_S = 0
_HISTORY_LEADS: tuple[State, ...] = ("too light", "archive")
"""States in which nobody expects a picture: then the newest night's best one is shown, as what it is."""


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


def _tonight(site: Site, reader: Reader, view: View) -> dict[str, Any]:
    now, status = site.now(), site.ports.status.camera(view.name)
    here = site.present(view, reader)
    past = _history(reader, view, now, over=here.state in _HISTORY_LEADS)
    leads = past is not None and here.state in _HISTORY_LEADS
    day = past.night if past is not None and leads else view.night(now)
    laid, views = drawn(site, reader, view, day), {view.name: view}
    row = here.row if here.row is not None else past.row if past is not None and leads else None
    healthy, health = site.ports.status.healthy()
    return {
        "camera": view,
        "now_s": f"{now.timestamp():.3f}",
        "rate": site.ports.clock_rate,
        "finding": here.finding,
        "state": here.state,
        "healthy": healthy,
        "health": health,
        "shown": _shown(view, here, past, now) if row is not None else None,
        "mark": _mark(here, past if leads else None),
        "gauge": presenters.gauge(row)
        if here.state == "live" and row and row["verdict"] in _JUDGED
        else None,
        "due_s": _due_s(view, status) if here.row is not None else None,
        "compass": presenters.compass(view),
        "facts": presenters.facts(row),
        "patches": presenters.star_map(row),
        "night_words": phrases.night(day),
        "night_title": past.title if past is not None and leads else "The night so far",
        "night_link": presenters.night_link(view, day),
        "past": None if leads else past,
        "outlook": _outlook(site, view, now, status),
        "forecast": forecast_of(reader, site.ports.settings, view.name, now.replace(second=0, microsecond=0)),
        "strip": laid.strip,
        "keogram": laid.keogram,
        "events": presenters.cards(reversed(laid.events), views, site.ongoing(laid.events, views, reader)),
    }


_JUDGED = ("aurora", "clear", "obscured")


def _shown(view: View, here: Present, past: History | None, now: datetime) -> Shown | None:
    """The picture in the dome, with its age where it is of this night and its date where it is history."""
    if here.row is not None:
        return presenters.shown(here.row, view, now, here.since)
    return presenters.shown(past.row, view, dated=True) if past is not None else None


def _mark(here: Present, past: History | None) -> str:
    """What is written across a picture that is not of the present."""
    if past is not None:
        return past.title.lower() if past.is_last else past.title.removeprefix("Night of ")
    return "" if here.state == "live" else "old picture"


def _due_s(view: View, status: LiveStatus | None) -> str | None:
    """When the page will call the picture old by itself, as the watch's time."""
    if status is None or status.framed_at is None:
        return None
    due = status.framed_at + timedelta(seconds=PRESENT_CADENCES * view.cadence_s)
    return f"{due.timestamp():.1f}"


# ---------------------------------------------------------------------- history


@dataclass(frozen=True)
class History:
    """The newest night on record in which something was seen, and its best frame."""

    night: date
    title: str
    is_last: bool
    words: str
    link: str
    row: ObservationRow | None


def _history(reader: Reader, view: View, now: datetime, *, over: bool) -> History | None:
    """The newest night before this one, or this one where it is ``over`` and something was seen in it."""
    day = view.night(now)
    before, _ = reader.neighbours(view.name, day)
    over = over and any(night["looked"] for night in reader.nights(view.name, day, day))
    night = day if over else before
    if night is None:
        return None
    (sums,) = reader.nights(view.name, night, night)
    best_at = reader.best_of_night(view.name, night)
    is_last = night >= view.night(now - timedelta(days=1))
    return History(
        night=night,
        title="Last night" if is_last else phrases.night(night),
        is_last=is_last,
        words=f"{phrases.night(night).removeprefix('Night of ')}: {_outcome(sums)}",
        link=presenters.night_link(view, night),
        row=reader.at(view.name, best_at) if best_at else None,
    )


def _outcome(night: NightRow) -> str:
    if night["events"]:
        return f"{night['events']} aurora {'event' if night['events'] == 1 else 'events'}"
    return "no aurora" if night["observable"] else "the sky was never visible"


# ---------------------------------------------------------------------- the night ahead


def _outlook(site: Site, view: View, now: datetime, status: LiveStatus | None) -> list[tuple[str, str]]:
    """When it is dark, where the moon is, when the source last answered."""
    looking = status is not None and status.gate.look
    sky = site.sky(view, view.night(now if looking else now + timedelta(hours=12)))
    lines: list[tuple[str, str]] = []
    if sky:
        lines.append(("Dark", _dark_words(sky, view)))
        at_night = [state for state in sky if state.sun_altitude_deg < 0]
        lines.append(("Moon", _moon_words(at_night or sky, view)))
    if status is not None and status.fetched_at is not None:
        lines.append(
            ("Camera", f"last answered at {phrases.clock_and_zone(status.fetched_at, view.timezone)}")
        )
    return lines


def _dark_words(sky: Sequence[SkyState], view: View) -> str:
    """From when to when the sun is low enough for the watch."""
    dark = [state for state in sky if state.sun_altitude_deg <= view.look_below_deg]
    if not dark:
        return "not at all tonight"
    if len(dark) == len(sky):
        return "around the clock"
    first, last = sky.index(dark[0]), sky.index(dark[-1])
    begins = _crossing(sky[max(first - 1, 0)], dark[0], view.look_below_deg)
    ends = _crossing(dark[-1], sky[min(last + 1, len(sky) - 1)], view.look_below_deg)
    return " to ".join(phrases.clock(at, view.timezone) for at in (begins, ends))


def _crossing(before: SkyState, after: SkyState, altitude_deg: float) -> datetime:
    """When the sun stood at an altitude between two samples, to the minute the gate says too."""
    step = after.sun_altitude_deg - before.sun_altitude_deg
    share = (altitude_deg - before.sun_altitude_deg) / step if step else 0.0
    return before.at + min(1.0, max(0.0, share)) * (after.at - before.at)


def _moon_words(sky: Sequence[SkyState], view: View) -> str:
    """When the moon is up between sunset and sunrise, and how much of it is lit."""
    lit = f"{words.lit_percent(sky[len(sky) // 2].moon_phase_deg)} % lit"
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
