"""What became of the events: how long they lasted, how soon people heard of them, how bright they were."""

from __future__ import annotations

import sqlite3
from typing import Any

import numpy as np

from daemon.commands.report.frames import Frames
from daemon.commands.report.tables import Table, rounded
from daemon.observation import from_utc_text, utc_text
from daemon.record import event_rows

_EVENTS = f"""
    SELECT e.id, e.onset_at, e.confirmed_at, e.ended_at, e.strong_at, e.ended_reason, e.in_cool_down,
        (SELECT min(delivered_at) FROM outbox o WHERE o.event_id = e.id AND o.kind = 'onset') AS told_at,
        (SELECT coalesce(max(level), max(colour_level)) FROM observations o WHERE o.camera = e.camera AND o.verdict = 'aurora'
            AND o.observed_at BETWEEN e.onset_at AND {event_rows.UNTIL}) AS level,
        (SELECT o.verdict || ' ' || o.observed_at FROM observations o WHERE o.camera = e.camera
            AND o.verdict IN ('aurora', 'clear', 'obscured') AND o.observed_at < e.onset_at
            ORDER BY o.observed_at DESC LIMIT 1) AS before,
        (SELECT o.verdict FROM observations o WHERE o.camera = e.camera AND o.verdict IN ('aurora', 'clear', 'obscured')
            AND o.observed_at >= e.ended_at ORDER BY o.observed_at LIMIT 1) AS after
    FROM events e WHERE e.camera = ? AND e.onset_at BETWEEN ? AND ? ORDER BY e.onset_at
"""

SEEN_TO_BEGIN = "clear sky before"
UNDER_CLOUD = ", under cloud"
JUST_BEFORE_MIN = 15.0
"""A frame older than this, and than a few cadences of its night, says nothing of when an aurora began."""


def event_tables(connection: sqlite3.Connection, frames: Frames) -> list[Table]:
    """The events of the frames' time, and their statistics; nothing where there was none."""
    rows = connection.execute(_EVENTS, [frames.place.camera, *map(utc_text, frames.period)]).fetchall()
    if not rows:
        return []
    columns = ("event", "onset (UTC)", "end (UTC)", "duration (min)", "onset to confirmation (min)", "onset to delivery (min)",
               "highest level", "strong", "onset known by", "end known by")  # fmt: skip
    listed = tuple(
        (row["id"], row["onset_at"], row["ended_at"], _minutes(row["onset_at"], row["ended_at"]),
         _minutes(row["onset_at"], row["confirmed_at"]), _minutes(row["onset_at"], row["told_at"]), row["level"],
         int(row["strong_at"] is not None), _onset_known_by(row, frames), _end_known_by(row))
        for row in rows
    )  # fmt: skip
    statistics = _statistics(listed, len(frames.nights))
    return [statistics, Table("events", "Events", columns, listed, shown=25)]


def _minutes(since: str | None, until: str | None) -> float | None:
    if since is None or until is None:
        return None
    return round((from_utc_text(until) - from_utc_text(since)).total_seconds() / 60, 1)


def _onset_known_by(row: sqlite3.Row, frames: Frames) -> str:
    """What was seen just before an event's first frame: only after a clear sky is its onset when it began."""
    verdict, _, at = (row["before"] or "").rpartition(" ")
    onset_s = from_utc_text(row["onset_at"]).timestamp()
    place = int(np.searchsorted(frames.at_s, onset_s, side="right")) - 1
    near_min = max(JUST_BEFORE_MIN, 3 * float(frames.stands_s[max(0, place)]) / 60)
    apart_min = _minutes(at or None, row["onset_at"])
    if apart_min is None or apart_min > near_min:
        return "no frame before"
    return {"clear": SEEN_TO_BEGIN, "obscured": "cloud before"}.get(verdict, "aurora before")


def _end_known_by(row: sqlite3.Row) -> str | None:
    """The event's own reason; where cloud came instead of a sky without aurora, that too."""
    reason: str | None = row["ended_reason"]
    return f"{reason}{UNDER_CLOUD}" if reason and _faded(reason) and row["after"] == "obscured" else reason


def _faded(reason: str) -> bool:
    return reason.startswith("below") and not reason.endswith(UNDER_CLOUD)


def _statistics(listed: tuple[tuple[Any, ...], ...], nights: int) -> Table:
    """Median and quartiles of what was measured of the events."""
    rows = []
    whole = [row for row in listed if row[8] == SEEN_TO_BEGIN and _faded(row[9] or "")]
    for name, place in (("duration (min)", 3), ("onset to confirmation (min)", 4),
                        ("onset to delivery (min)", 5), ("highest level", 6)):  # fmt: skip
        of = whole if place == 3 else listed
        known = [float(row[place]) for row in of if isinstance(row[place], int | float)]
        middle = np.percentile(known, [25, 50, 75]) if known else [np.nan] * 3
        highest = max(known) if known else None
        rows.append((name, len(known), *(rounded(v, 1) for v in middle), rounded(highest, 1)))
    strong = sum(1 for row in listed if row[7])
    note = (
        f"Events: {len(listed)}, of which strong: {strong}. Nights: {nights}. Durations are of events that were seen to "
        "begin, after a clear sky, and to end; the others lasted at least as long as the table of events says."
    )
    columns = ("of the events", "known of", "lower quartile", "median", "upper quartile", "highest")
    return Table("event_statistics", "Events: duration, delay, level", columns, tuple(rows), note)
