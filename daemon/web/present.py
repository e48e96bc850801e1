"""What the page may call the present, and what it says where there is none.

The present is only what this process has fetched within two cadences. Everything else in the record is
history: it is shown as such, with its date, and never leads the page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from daemon.live_status import LiveStatus
from daemon.record.columns import ObservationRow
from daemon.record.rows import EventRow
from daemon.record.store import Reader
from daemon.web import phrases
from daemon.web.phrases import Finding, Onset, at_moment, clock, lasting, onset_of
from daemon.web.ports import View
from daemon.web.tongues import _

State = Literal["live", "stale", "no picture", "not recorded", "starting", "too light", "archive"]


@dataclass(frozen=True)
class Present:
    """One camera at this moment. ``row`` is the newest observation this process has made tonight, or None.

    Only where ``state`` is ``live`` is that row the present; where it is ``stale``, it is the last there was.
    ``since`` is the onset of the event under way.
    """

    state: State
    finding: Finding
    row: ObservationRow | None = None
    since: Onset | None = None


def present(view: View, status: LiveStatus | None, reader: Reader, now: datetime) -> Present:
    """The state of a camera's watch, and what to say of it."""
    state = state_of(view, status, now)
    if status is None or state in ("archive", "starting", "too light", "no picture", "not recorded"):
        return Present(state, _without_picture(state, view, status, now))
    row = reader.at(view.name, status.observed_at) if status.observed_at else None
    if state == "stale" or row is None:
        return Present("stale", _stale(view, status, now), row)
    newest = reader.events(view.name, limit=1) if row["verdict"] == "aurora" else []
    since = onset_of(newest[0]) if newest and not newest[0]["ended_at"] else None
    return Present("live", phrases.of_row(row, view.timezone, since), row, since)


def state_of(view: View, status: LiveStatus | None, now: datetime) -> State:
    """Which of the states a camera is in; pure."""
    if status is None:
        return "starting" if view.configured else "archive"
    if not status.gate.look:
        return "too light"
    if status.unwritten:
        return "not recorded"
    if status.has_picture(now, view.cadence_s):
        return "live"
    due = status.due_at(view.cadence_s)
    first = status.before_at is None
    if due is not None and status.observed_at is not None and (status.stale or due < now or not first):
        return "stale"
    return "no picture" if status.stale or status.fault else "starting"


def _without_picture(state: State, view: View, status: LiveStatus | None, now: datetime) -> Finding:
    if state == "archive":
        return Finding(
            "asleep",
            _("Archive only"),
            _("this camera is not being watched"),
            _(
                "To watch it live, add a [[camera]] table named “%(name)s” to the configuration.",
                name=view.name,
            ),
        )
    if state == "too light" and status is not None:
        return _too_light(view, status, now)
    if state == "no picture" and status is not None:
        return _no_picture(view, status, now)
    if state == "not recorded" and status is not None:
        return _not_recorded(status)
    due = lasting(2 * view.cadence_s)
    goes_on = _("The first picture is due within %(time)s; this page follows by itself.", time=due)
    if status is None:  # before its first look nobody has seen whether it is dark enough for a picture
        goes_on = _("The watch begins within %(time)s; this page follows by itself.", time=due)
    return Finding("asleep", _("No picture yet"), _("the watch is waiting for the first one"), goes_on)


def _too_light(view: View, status: LiveStatus, now: datetime) -> Finding:
    """``Too light to watch: civil twilight`` and when the watch goes on."""
    headline, reason = _("Too light to watch"), phrases.reason_of(status.gate.reason.partition(":")[0])
    angle = phrases.decimal_marks(f"{abs(view.look_below_deg):g}")
    if status.gate_until is None:
        goes_on = _(
            "The watch resumes once the sun is %(angle)s° below the horizon: not within a day.", angle=angle
        )
        return Finding("asleep", headline, reason, goes_on)
    goes_on = _(
        "The watch resumes %(when)s, once the sun is %(angle)s° below the horizon.",
        when=at_moment(status.gate_until, view.timezone, now),
        angle=angle,
    )
    return Finding("asleep", headline, reason, goes_on)


def _no_picture(view: View, status: LiveStatus, now: datetime) -> Finding:
    """This process has had no picture at all."""
    why = phrases.why_stale(status.fault or status.stale or "")
    if status.began_at:
        began = at_moment(status.began_at, view.timezone, now)
        detail = _("none since the watch began %(when)s (%(why)s)", when=began, why=why)
    else:
        detail = _("none since the watch began (%(why)s)", why=why)
    return Finding(
        "stale",
        _("No picture"),
        detail,
        _(
            "The watch tries again every %(time)s. If it lasts, check the camera and the address or folder"
            " under [camera.source]; the command “aurorad doctor” tests it.",
            time=lasting(view.cadence_s),
        ),
    )


def _not_recorded(status: LiveStatus) -> Finding:
    """What was seen last could not be written down, and what is not written down is not shown."""
    return Finding(
        "stale",
        _("Nothing is recorded"),
        phrases.why_unwritten(status.unwritten or ""),
        _(
            "The watch tries again with the next picture; until one is recorded, nobody is alerted. Check the disk that"
            " holds the record; the command “aurorad doctor” tests it."
        ),
    )


def _stale(view: View, status: LiveStatus, now: datetime) -> Finding:
    """There were pictures, and now there are none."""
    why = phrases.why_stale(status.stale or status.fault or "")
    if not why:
        why = _("one is due every %(time)s", time=lasting(view.cadence_s))
    if status.framed_at:
        last = _(
            "the last came at %(clock)s (%(why)s)", clock=clock(status.framed_at, view.timezone), why=why
        )
    else:
        last = _("none has come (%(why)s)", why=why)
    return Finding(
        "stale",
        _("No new picture"),
        last,
        _(
            "The watch tries again every %(time)s. Aurora cannot be seen until pictures come again.",
            time=lasting(view.cadence_s),
        ),
    )


def ongoing(
    events: Iterable[EventRow],
    views: Mapping[str, View],
    status_of: Callable[[str], LiveStatus | None],
    reader: Reader,
    now: datetime,
) -> frozenset[str]:
    """The ids of those events that are under way: without an end, and the camera has a picture of the present."""
    found: set[str] = set()
    for event in events:
        name = event["camera"]
        if event["ended_at"] or name not in views:
            continue
        status = status_of(name)
        if status is not None and status.has_picture(now, views[name].cadence_s):
            found.update(row["id"] for row in reader.events(name, limit=1) if row["id"] == event["id"])
    return frozenset(found)
