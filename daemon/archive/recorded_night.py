"""What the record already holds of a movie's night, so that taking it in again changes nothing."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from daemon.event import Rules
from daemon.observation import EventChange, Frame, Verdict, from_utc_text
from daemon.record.columns import ObservationRow
from daemon.record.store import Reader

_STRONG_BEFORE_LEVELS = 0.25


@dataclass(frozen=True)
class RecordedRow:
    """A row that is there: as much of it as an event is decided on."""

    observed_at: datetime
    verdict: Verdict
    probability: float | None
    threshold: float
    level: int
    sun_altitude_deg: float


class RecordedNight:
    """The rows and events of one camera around a movie."""

    def __init__(
        self, rows: list[RecordedRow], events: list[tuple[str, datetime, datetime | None]], same: timedelta
    ) -> None:
        self._rows = sorted(rows, key=lambda row: row.observed_at)
        self._times = [row.observed_at for row in self._rows]
        self._events = events
        self._same = same

    @classmethod
    def of(
        cls, reader: Reader, camera: str, begins: datetime | None, ends: datetime | None, same: timedelta
    ) -> RecordedNight:
        """Read what lies between the two instants. ``same``: rows closer than this are one minute."""
        if begins is None or ends is None:
            return cls([], [], same)
        rows = reader.between(camera, begins - same, ends + same)
        events = reader.events(camera=camera, since=begins - timedelta(days=1), until=ends)
        return cls(
            # A stale row says that nothing was seen: it must not keep the movie's frame out.
            [_known(row) for row in rows if row["verdict"] != "stale"],
            [(e["id"], from_utc_text(e["onset_at"]), _time(e["ended_at"])) for e in events],
            same,
        )

    @property
    def rows(self) -> list[RecordedRow]:
        """The rows, in order of time."""
        return self._rows

    def row_of(self, frame: Frame) -> RecordedRow | None:
        """The row that stands for the frame's minute, or None where there is none."""
        assert frame.observed_at is not None
        return self.row_at(frame.observed_at)

    def row_at(self, at: datetime) -> RecordedRow | None:
        """The row that stands for the minute of an instant, or None where there is none."""
        place = bisect_left(self._times, at)
        near = self._rows[max(0, place - 1) : place + 1]
        best = min(near, key=lambda row: abs(row.observed_at - at), default=None)
        return best if best is not None and abs(best.observed_at - at) <= self._same else None

    def own(self, changes: Iterable[EventChange], dwell: timedelta) -> Iterator[EventChange]:
        """The changes but those of an event that the live watch has recorded itself.

        An event lasts at least a ``dwell`` after it was confirmed, so a live one that begins in that
        time is the same, seen late. One that the live watch joined later still ends where the live
        watch's begins: no two events of one camera overlap.
        """
        for change in changes:
            event = change.event
            others = [(onset, over) for name, onset, over in self._events if name != event.id]
            surely_until = max(event.confirmed_at + dwell, event.strong_at or event.confirmed_at)
            if any(
                onset <= surely_until and (over is None or over >= event.onset_at) for onset, over in others
            ):
                continue
            joined = min((onset for onset, _ in others if onset > event.onset_at), default=None)
            if joined is not None and event.ended_at is not None and event.ended_at >= joined:
                event = replace(event, ended_at=joined, ended_reason="went on in the live watch's event")
            yield replace(change, event=event)


def _known(row: ObservationRow) -> RecordedRow:
    return RecordedRow(
        observed_at=from_utc_text(row["observed_at"]),
        verdict=row["verdict"],
        probability=row["calibrated_probability"],
        threshold=1.0 if row["threshold"] is None else row["threshold"],
        level=_level(row),
        sun_altitude_deg=row["sun_altitude_deg"],
    )


def _level(row: ObservationRow) -> int:
    """Rows from before there were levels made an event strong by the sky's share in aurora colours."""
    if row["level"] is not None:
        return row["level"]
    return Rules.strong_level if (row["colour_cover"] or 0.0) >= _STRONG_BEFORE_LEVELS else 0


def _time(text: str | None) -> datetime | None:
    return None if text is None else from_utc_text(text)
