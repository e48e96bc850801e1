"""The page people leave open: what is now, where there is no present last night at its best, and the night ahead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Literal
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from daemon import words
from daemon.live_status import LiveStatus
from daemon.observation import JUDGED, SkyState, from_utc_text
from daemon.record import event_rows, snoozes
from daemon.record.columns import ObservationRow
from daemon.record.rows import NightRow
from daemon.record.store import Reader
from daemon.sky.stars.visibility import share_of
from daemon.web import chips, horizon, phrases, presenters, trust, verdict_card
from daemon.web.asking import url
from daemon.web.chart import starriest
from daemon.web.first_run import NIGHTS_OF_SETTING_UP, checklist
from daemon.web.forecast import forecast_of
from daemon.web.frames import answer, etag_of
from daemon.web.pages import drawn
from daemon.web.ports import View
from daemon.web.present import Present, State
from daemon.web.presenters import Shown
from daemon.web.sight import mask_of, sight
from daemon.web.site import Site, site_of
from daemon.web.star_layer import star_layer
from daemon.web.timelapse import movie_of_event, offered_of_night
from daemon.web.tongues import _, ngettext

LIVE_CACHE_S = 0
_NOT_ASKED: tuple[State, ...] = ("too light", "starting")
_HISTORY_LEADS: tuple[State, ...] = ("too light", "archive")
"""States in which nobody expects a picture: then the newest night's best one is shown, as what it is."""


def tonight(request: Request) -> Response:
    """The page people leave open."""
    site = site_of(request)
    with site.reader() as reader:
        view = site.view(request, reader)
        context = _tonight(site, reader, view)
        context |= {"kiosk": "kiosk" in request.query_params, "share": _shared(site, request, context)}
        return site.page(request, reader, "tonight.html", context, here="/")


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
    past = _history(site, reader, view, leads=here.state in _HISTORY_LEADS)
    leads = past is not None and here.state in _HISTORY_LEADS
    day = past.night if past is not None and leads else view.night(now)
    laid, views = drawn(site, reader, view, day), {view.name: view}
    row = here.row if here.row is not None else past.row if past is not None else None
    healthy, health = site.ports.status.healthy()
    ever = here.row is not None or reader.has_seen(view.name)
    return {
        "camera": view,
        "now_s": f"{now.timestamp():.3f}",
        "rate": site.ports.clock_rate,
        "finding": here.finding,
        "card": verdict_card.card(here),
        **_chips(site, reader, view, here, status),
        "state": here.state,
        "healthy": healthy,
        "health": health,
        "shown": _shown(view, here, past, now) if row is not None else None,
        "mark": _mark(here, past if leads else None),
        "gauge": presenters.gauge(row) if here.state == "live" and row and row["verdict"] in JUDGED else None,
        "due_s": _due_s(view, status) if here.row is not None else None,
        "until_s": _until_s(here.state, status),
        **_directions(site, view, row),
        "trust": _trust(reader, view, here.row if here.state == "live" else None, row),
        "stars_picture": _stars_picture(reader, view),
        "facts": presenters.facts(row),
        "patches": presenters.star_map(row),
        "night": day,
        "night_words": phrases.night(day),
        "night_title": past.title if past is not None and leads else _("The night so far"),
        "night_link": presenters.night_link(view, day),
        "share_link": site.link("/", view),
        "past": None if leads else past,
        "forecast": forecast_of(
            reader,
            site.ports.settings,
            view.name,
            now.replace(second=0, microsecond=0),
            made_up=site.ports.replays,
        ),
        "strip": laid.strip,
        "keogram": laid.keogram,
        "meridian": laid.meridian,
        "events": presenters.cards(
            reversed(laid.events), views, site.ongoing(laid.events, views, reader), movie_of_event(site)
        ),
        "steps": checklist(
            site.ports.settings,
            view.name,
            has_picture=ever,
            waits=here.state in _NOT_ASKED,
            knows_north=view.orientation is not None,
        ),
        "has_picture": ever,
        "setting_up": reader.night_count(view.name) <= NIGHTS_OF_SETTING_UP,
        "timelapse": offered_of_night(site, view.name, day),
        **_silence(site, reader, view, now),
    }


def _silence(site: Site, reader: Reader, view: View, now: datetime) -> dict[str, str]:
    """Until when all alerts are silent, "" where they are not; nothing where nobody is alerted."""
    if not site.ports.settings.channels:
        return {}
    until = snoozes.active(reader, now).get(snoozes.ALL)
    return {"snoozed": phrases.moment(until, view.timezone, now) if until else ""}


def _chips(
    site: Site, reader: Reader, view: View, here: Present, status: LiveStatus | None
) -> dict[str, list[chips.Chip]]:
    """Where, how strong, how long; where there is no aurora, what the night ahead is like stands in their place."""
    now, row = site.now(), here.row if here.state == "live" else None
    seen, ahead = sight(row), _outlook(site, view, now, status, row)
    if seen is None:
        return {"chips": ahead, "ahead": []}
    lengths_s = [found["length_s"] for found in reader.query(event_rows.LENGTHS, [view.name])]
    return {"chips": chips.of_aurora(seen, here.since, now, lengths_s, view.timezone), "ahead": ahead}


def _directions(site: Site, view: View, row: ObservationRow | None) -> dict[str, Any]:
    """Compass, moon, stars and horizon, as far as the camera's orientation is known."""
    orientation, mask = view.orientation, mask_of(row)
    moon = None
    if row is not None and orientation is not None:
        at = from_utc_text(row["observed_at"])
        moon = horizon.moon_spot(_nearest(site.sky(view, view.night(at)), at), orientation)
    seen = sight(row)
    peak = None
    if seen is not None and seen.azimuth_deg is not None and seen.elevation_deg is not None:
        peak = seen.azimuth_deg, seen.elevation_deg
    return {
        "rose": horizon.rose(orientation),
        "moon": moon,
        "horizon": horizon.horizon(orientation, mask, peak, moon) if row is not None else None,
        "sectors": star_layer(row, orientation),
    }


def _nearest(sky: Sequence[SkyState], at: datetime) -> SkyState | None:
    """The sample closest to an instant, which is within minutes: the moon moves 15° an hour."""
    return min(sky, key=lambda state: abs(state.at - at), default=None)


def _trust(
    reader: Reader, view: View, live_row: ObservationRow | None, row: ObservationRow | None
) -> list[str]:
    """What the card of the model that looked says, and who else bears witness."""
    used = next((model for model in reader.models() if row and model["sha256"] == row["model_sha256"]), None)
    (answered,) = reader.query(event_rows.ANSWERS, [view.name])
    answers = int(answered["n"]), int(answered["right_n"] or 0)
    return trust.lines(live_row, used["card"] if used else {}, answers)


def _stars_picture(reader: Reader, view: View) -> str | None:
    """The address of the picture with the stars drawn in, where there is one."""
    turned = view.orientation
    if turned is None or turned.lens is None or not view.placed or starriest(reader, view.name) is None:
        return None
    return url(f"/stars.jpg?camera={quote(view.name)}")


def _shared(site: Site, request: Request, context: dict[str, Any]) -> dict[str, str]:
    """What a link to this page shows elsewhere: title, sentence, picture."""
    picture = context["shown"].picture if context["shown"] else None
    return {
        "title": f"{context['card'].word}: {context['camera'].title}",
        "text": context["card"].sentence,
        "image": site.absolute(request, f"{picture}?w=720" if picture else ""),
    }


def _until_s(state: State, status: LiveStatus | None) -> str | None:
    """When it is dark enough again, as the watch's time."""
    if state != "too light" or status is None or status.gate_until is None:
        return None
    return f"{status.gate_until.timestamp():.0f}"


def _shown(view: View, here: Present, past: History | None, now: datetime) -> Shown | None:
    """The picture in the dome, with its age where it is of this night and its date where it is history."""
    if here.row is not None:
        return presenters.shown(here.row, view, now, here.since)
    return presenters.shown(past.row, view, dated=True) if past is not None else None


def _mark(here: Present, past: History | None) -> str:
    """What is written across a picture that is not of the present."""
    if past is not None:
        return {"this": _("tonight"), "last": _("last night"), "": phrases.dates(past.night)}[past.which]
    return "" if here.state == "live" else _("old picture")


def _due_s(view: View, status: LiveStatus | None) -> str | None:
    """When the page will call the picture old by itself, as the watch's time."""
    due = None if status is None else status.due_at(view.cadence_s)
    return None if due is None else f"{due.timestamp():.1f}"


# ---------------------------------------------------------------------- history


@dataclass(frozen=True)
class History:
    """The newest night on record in which something was seen, and its best frame where that leads the page.

    ``which`` of the nights it is: ``this``, which is not over; the ``last``; empty for one further back.
    """

    night: date
    title: str
    which: Literal["this", "last", ""]
    words: str
    link: str
    row: ObservationRow | None


def _history(site: Site, reader: Reader, view: View, *, leads: bool) -> History | None:
    """The newest night before this one, or this one where history ``leads`` the page and something was seen in it."""
    day = view.night(site.now())
    found = [night for night in reader.nights(view.name, day, day) if night["looked"]] if leads else []
    if not found:
        before, _after = reader.neighbours(view.name, day)
        found = reader.nights(view.name, before, before) if before is not None else []
    if not found:
        return None
    night, best_at = date.fromisoformat(found[0]["night"]), None
    if leads:
        best_at = reader.best_of_night(view.name, night)
    which = _which(site, view, night)
    titles = {"this": _("The night so far"), "last": _("Last night"), "": phrases.night(night)}
    return History(
        night=night,
        title=titles[which],
        which=which,
        words=f"{phrases.dates(night)}: {_outcome(found[0])}",
        link=presenters.night_link(view, night),
        row=reader.at(view.name, best_at) if best_at else None,
    )


def _which(site: Site, view: View, night: date) -> Literal["this", "last", ""]:
    """Until noon a night keeps its name: after the last darkness it is the last one, and until then this one."""
    now = site.now()
    if night == view.night(now):
        dark = [state.at for state in site.sky(view, night) if state.sun_altitude_deg <= view.look_below_deg]
        return "last" if dark and now > dark[-1] else "this"
    return "last" if night == view.night(now - timedelta(days=1)) else ""


def _outcome(night: NightRow) -> str:
    if night["events"]:
        return ngettext("one aurora event", "%(n)d aurora events", night["events"])
    if not night["looked"]:
        return phrases.not_judged(night)
    return _("no aurora") if night["observable"] else _("the sky was never visible")


# ---------------------------------------------------------------------- the night ahead


def _outlook(
    site: Site, view: View, now: datetime, status: LiveStatus | None, row: ObservationRow | None
) -> list[chips.Chip]:
    """When it is dark, where the moon is, what the stars show or when the source last answered."""
    looking = status is not None and status.gate.look
    sky = site.sky(view, view.night(now if looking else now + timedelta(hours=12)))
    found: list[chips.Chip] = []
    if sky:
        found.append(chips.Chip("dark", _("Dark hours"), *_dark_words(sky, view)))
        at_night = [state for state in sky if state.sun_altitude_deg < 0]
        at_night = at_night or sky
        shown = (_nearest(sky, now) if looking else None) or at_night[len(at_night) // 2]
        phase_deg = row["moon_phase_deg"] if row is not None else shown.moon_phase_deg
        found.append(chips.Chip("moon", _("Moon"), *_moon_words(at_night, phase_deg, view)))
    share = share_of(row["stars"]) if row is not None and row["stars"] else None
    if share is not None:
        found.append(chips.Chip("stars", _("Stars"), words.percent(share), _("of their light comes through")))
    elif status is not None and status.fetched_at is not None:
        answered = phrases.clock(status.fetched_at, view.timezone)
        found.append(chips.Chip("camera", _("Camera"), answered, _("last answer")))
    return found


def _dark_words(sky: Sequence[SkyState], view: View) -> tuple[str, str]:
    """From when to when the sun is low enough for the watch, and how long that is."""
    dark = [state for state in sky if state.sun_altitude_deg <= view.look_below_deg]
    if not dark:
        return _("not at all"), _("tonight")
    if len(dark) == len(sky):
        return _("around the clock"), ""
    first, last = sky.index(dark[0]), sky.index(dark[-1])
    begins = _crossing(sky[max(first - 1, 0)], dark[0], view.look_below_deg)
    ends = _crossing(dark[-1], sky[min(last + 1, len(sky) - 1)], view.look_below_deg)
    clocks = {"begin": phrases.clock(begins, view.timezone), "end": phrases.clock(ends, view.timezone)}
    return _("%(begin)s to %(end)s", **clocks), phrases.between(begins, ends)


def _crossing(before: SkyState, after: SkyState, altitude_deg: float) -> datetime:
    """When the sun stood at an altitude between two samples, to the minute the gate says too."""
    step = after.sun_altitude_deg - before.sun_altitude_deg
    share = (altitude_deg - before.sun_altitude_deg) / step if step else 0.0
    return before.at + min(1.0, max(0.0, share)) * (after.at - before.at)


def _moon_words(sky: Sequence[SkyState], phase_deg: float, view: View) -> tuple[str, str]:
    """When the moon is up between sunset and sunrise, and how much of it is lit."""
    lit = _("%(n)d %% lit", n=words.lit_percent(phase_deg))
    up = [state.moon_altitude_deg > 0 for state in sky]
    if not any(up):
        return _("down all night"), lit
    if all(up):
        return _("up all night"), lit
    changes = [i for i in range(1, len(sky)) if up[i] != up[i - 1]]
    times = [phrases.clock(sky[i].at, view.timezone) for i in changes]
    if len(times) == 1:
        return (_("sets %(clock)s", clock=times[0]) if up[0] else _("rises %(clock)s", clock=times[0])), lit
    both = {"begin": times[0], "end": times[1]}
    return (_("down %(begin)s to %(end)s", **both) if up[0] else _("up %(begin)s to %(end)s", **both)), lit
