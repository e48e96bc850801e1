"""The events of an archive: after each piece of footage those that one reading of all rows around it gives.

    rows around the footage → stretches of one another's reach → led, beside the live watch's events → into the record

Footage comes in any order, in parts, twice, or is cut short. So no event is decided on while its frames come: rows are
written first, and events are led over them, whatever they came from. An event that ended only because its footage did
goes on where other footage does. What the live watch recorded stays, for people were told of it.
"""

from __future__ import annotations

import logging
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from daemon import event
from daemon.alert.news import ALERT_WITHIN
from daemon.config import GateSettings, Settings
from daemon.event import EventState, Evidence, Rules
from daemon.observation import Event, EventChange, from_utc_text, utc_text
from daemon.record import keepsake_files, looks
from daemon.record.rows import LookRow
from daemon.record.store import Store

log = logging.getLogger("aurorad.archive")

FOOTAGE_ENDS = "the footage ends"
JOINS_LIVE = "went on in the live watch's event"

_STRONG_BEFORE_LEVELS = 0.25
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Seen:
    """A row as an event is decided on it. ``live``: it was fetched as it came."""

    evidence: Evidence
    live: bool
    holds: bool

    @property
    def at(self) -> datetime:
        """When it was observed."""
        return self.evidence.at


@dataclass(frozen=True)
class Span:
    """From when to when the live watch had an event."""

    onset: datetime
    over: datetime


def settle(
    store: Store,
    camera: str,
    settings: Settings,
    rules: Rules,
    begins: datetime | None,
    ends: datetime | None,
) -> list[EventChange]:
    """Put the camera's events around the footage right, in one transaction; what the new ones brought, in order."""
    if begins is None or ends is None:
        return []
    with store.batch():  # the live watch, in another thread, writes no row meanwhile
        rows, live, ours = _around(store, camera, settings, rules, begins, ends)
        spans = [Span(one.onset_at, one.ended_at or _seen_until(one, rows, rules)) for one in live]
        changes = [c for one in stretches(rows, reach_of(rules)) for c in lead(one, camera, rules, spans)]
        before = {one.id: one for one in ours}
        after = {change.event.id: change.event for change in changes}
        gone = before.keys() - after.keys()
        other = [one for name, one in after.items() if before.get(name) != one]
        if gone or other:
            store.exchange_events(gone, other)
    for name in gone | {one.id for one in other if one.id in before}:
        log.info(
            "%s: %s %s", camera, "taken out, or part of another:" if name in gone else "now otherwise:", name
        )
        _forget_keepsake(store, settings, name)
    brought = [change for change in changes if change.event.id not in before]
    for change in brought:
        log.info("%s: %s of %s at %s", camera, change.kind, change.event.id, utc_text(change.at))
    return brought


def _around(
    store: Store, camera: str, settings: Settings, rules: Rules, begins: datetime, ends: datetime
) -> tuple[list[Seen], list[Event], list[Event]]:
    """The rows around the footage, the live watch's events among them, and the archive's."""
    read = partial(_read, store, camera, settings.gate, rules)
    while True:
        rows, since, until = around(read, begins, ends, reach_of(rules))
        recorded = looks.events(store.reader, camera, since, until)
        came = {row.at for row in rows if row.live}
        live = [one for one, reported in recorded if _is_live(one, reported, came)]
        ours = [one for one, _ in recorded if one not in live]
        # Of other settings' events one may reach further than the rows do by these.
        begins = min([begins, *(one.onset_at for one in ours)])
        ends = max([ends, *(one.ended_at or one.confirmed_at for one in ours)])
        if since <= begins and ends <= until:
            return rows, live, ours


def reach_of(rules: Rules) -> timedelta:
    """Time without a frame that sustains an event after which nothing of what was before matters: event, pending frames
    and cool-down are over."""
    return max(rules.wait, rules.cool_down) + rules.forget


Read = Callable[[datetime, datetime], list[Seen]]


def around(
    read: Read, begins: datetime, ends: datetime, reach: timedelta
) -> tuple[list[Seen], datetime, datetime]:
    """The rows of the footage, and before and after it all that can have to do with it; from when to when that is.

    Mostly that is the rest of the night. Where the night lasts for weeks it ends where there was no aurora for
    a while. Each row is read once.
    """
    rows = read(begins, ends)
    since, first = begins, begins
    while True:
        before = read(first - reach, since - _SECOND)
        rows, since = before + rows, first - reach
        held = [row.at for row in before if row.holds]
        if not held:
            break
        first = held[0]
    until, last = ends, ends
    while True:
        after = read(until + _SECOND, last + reach)
        rows, until = rows + after, last + reach
        held = [row.at for row in after if row.holds]
        if not held:
            return rows, since, until
        last = held[-1]


def stretches(rows: Sequence[Seen], reach: timedelta) -> Iterator[Sequence[Seen]]:
    """The rows with aurora and those in reach of them, cut where there was none for longer.

    So it depends on the rows alone what an event is led over, and not on which of them were asked for.
    """
    times = [row.at for row in rows]
    held = [row.at for row in rows if row.holds]
    while held:
        last = next((k for k in range(1, len(held)) if held[k] - held[k - 1] > reach), len(held))
        yield rows[bisect_left(times, held[0]) : bisect_right(times, held[last - 1] + reach)]
        held = held[last:]


def lead(rows: Sequence[Seen], camera: str, rules: Rules, live: Sequence[Span]) -> list[EventChange]:
    """What a reading of the rows brings, beside the events that the live watch had: their rows are theirs."""
    changes: list[EventChange] = []
    state = EventState()
    spans = [span for span in live if span.onset <= rows[-1].at]
    for row in rows:
        while spans and spans[0].over < row.at:
            state = _join(state, camera, rules, spans.pop(0), changes)
        if not spans or row.at < spans[0].onset:
            state, more = event.step(state, camera, row.evidence, rules)
            changes += more
    for span in spans:
        state = _join(state, camera, rules, span, changes)
    return changes + event.break_off(state, camera, rules, FOOTAGE_ENDS)[1]


def _join(state: EventState, camera: str, rules: Rules, span: Span, changes: list[EventChange]) -> EventState:
    """A live event begins: one that is under way ends there, for no two events of one camera overlap.

    An event lasts at least a dwell after it was confirmed: where the live one begins in that time it is the same,
    seen late, and stands for both.
    """
    state, more = event.step(state, camera, Evidence(span.onset), rules)
    changes += more
    if (open_ := state.event) is not None:
        if span.onset <= open_.confirmed_at + rules.dwell:
            changes[:] = [change for change in changes if change.event.id != open_.id]
        else:
            over = replace(open_, ended_at=span.onset, ended_reason=JOINS_LIVE)
            changes.append(EventChange("over", over, span.onset))
    return EventState(quiet_until=span.over + rules.cool_down)


def _is_live(one: Event, reported: bool, came: Set[datetime]) -> bool:
    """Did the live watch record it? ``came``: when the rows were observed that were fetched as they came.

    It did where messages were sent of it, or where the frames that began and confirmed it were fetched so. An archive's
    may have been too, where a folder is taken in every few minutes: the end of its footage tells it then.
    """
    if reported:
        return True
    if one.ended_reason in (FOOTAGE_ENDS, JOINS_LIVE):
        return False
    return one.onset_at in came and one.confirmed_at in came


def _seen_until(one: Event, rows: Sequence[Seen], rules: Rules) -> datetime:
    """Until when an event that is still open can be the watch's: as long as it waits for evidence after its last look."""
    seen = one.confirmed_at
    for row in rows:
        if row.live and row.at > seen:
            if row.at - seen >= rules.wait:
                break
            seen = row.at
    return seen + rules.wait


def _forget_keepsake(store: Store, settings: Settings, event_id: str) -> None:
    """A timelapse that ends where its event did no longer, or whose event is no more, is not shown; the watch makes it anew."""
    if store.path.absolute() == settings.daemon.database.absolute():
        movie = keepsake_files.of_event(settings.daemon.state_dir, event_id)
        for path in (movie, keepsake_files.card_of(movie)):
            with suppress(OSError):
                path.unlink()


def _read(
    store: Store, camera: str, gate: GateSettings, rules: Rules, since: datetime, until: datetime
) -> list[Seen]:
    as_it_came_s = max(ALERT_WITHIN, 2 * rules.cadence).total_seconds()
    found = []
    for row in looks.between(store.reader, camera, since, until):
        evidence = _evidence(row, gate)
        live = row["fetched_after_s"] <= as_it_came_s
        found.append(Seen(evidence, live, event.sustains(evidence, rules)))
    return found


def _evidence(row: LookRow, gate: GateSettings) -> Evidence:
    """What was decided on when that row was written, to be decided on again."""
    counts = row["verdict"] != "unusable" and row["sun_altitude_deg"] <= gate.alert_below_deg
    return Evidence(
        from_utc_text(row["observed_at"]),
        row["calibrated_probability"] if counts else None,
        threshold=1.0 if row["threshold"] is None else row["threshold"],
        level=_level(row) if row["verdict"] == "aurora" else 0,
        daylight=row["sun_altitude_deg"] > gate.look_below_deg,
    )


def _level(row: LookRow) -> int:
    """Rows from before there were levels made an event strong by the sky's share in aurora colours."""
    if row["level"] is not None:
        return row["level"]
    return Rules.strong_level if (row["colour_cover"] or 0.0) >= _STRONG_BEFORE_LEVELS else 0
