"""What the record holds of a stretch of time, as an archive asks: the looks, what events were decided on, the events."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from daemon.observation import Event, utc_text
from daemon.record.reader import Reader
from daemon.record.rows import LookRow


def between(reader: Reader, camera: str, since: datetime, until: datetime) -> list[LookRow]:
    """The looks of a camera with since ≤ observed_at ≤ until, in order. A stale row is none: it says that nothing was seen."""
    rows = reader.query(
        """SELECT o.observed_at, o.fetched_after_s, s.name AS source, o.verdict, o.calibrated_probability, o.threshold,
                o.level, o.colour_cover, o.sun_altitude_deg
           FROM observations o LEFT JOIN sources s ON s.id = o.source
           WHERE o.camera = ? AND o.observed_at BETWEEN ? AND ? AND o.verdict <> 'stale' ORDER BY o.observed_at""",
        [camera, utc_text(since), utc_text(until)],
    )
    return cast(list[LookRow], rows)


def events(reader: Reader, camera: str, since: datetime, until: datetime) -> list[tuple[Event, bool]]:
    """The events that were under way between the two instants, in order, each with whether messages were sent of it.

    One without an end is taken to its confirmation: it may have been left so years ago.
    """
    rows = reader.query(
        """SELECT e.*, EXISTS (SELECT 1 FROM outbox o WHERE o.event_id = e.id) AS reported FROM events e
           WHERE camera = ? AND onset_at <= ? AND coalesce(ended_at, confirmed_at) >= ? ORDER BY onset_at""",
        [camera, utc_text(until), utc_text(since)],
    )
    return [(Event.from_plain(row), bool(row["reported"])) for row in rows]
