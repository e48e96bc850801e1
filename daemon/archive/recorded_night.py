"""Which looks the record already holds around a piece of footage, so that none is doubled and a repeat changes nothing."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from datetime import datetime, timedelta

from daemon.observation import from_utc_text
from daemon.record import looks
from daemon.record.store import Reader

SPACING = 0.75
"""Of a cadence: two looks are not closer than this. A camera's own interval is seldom a whole part of it."""

OWN_SPACING = 0.5
"""The same between frames of one movie, which are read a cadence apart: where its pictures are 40 s apart, each lies on
one or the other side of its minute."""


class RecordedNight:
    """The looks of one camera around a piece of footage: those on record, and those that are taken.

    ``footage`` is the movie's name in the record, empty for pictures.
    """

    def __init__(
        self,
        cadence_s: float,
        others: Sequence[datetime],
        own: Sequence[datetime] = (),
        footage: str = "",
    ) -> None:
        self._others, self._own = sorted(others), sorted(own)
        self._apart = timedelta(seconds=SPACING * cadence_s)
        self._own_apart = timedelta(seconds=OWN_SPACING * cadence_s) if footage else self._apart

    @classmethod
    def of(
        cls,
        reader: Reader,
        camera: str,
        cadence_s: float,
        begins: datetime | None,
        ends: datetime | None,
        footage: str = "",
    ) -> RecordedNight:
        """Read what is as near to the footage as matters. A stale row is no look: it keeps no frame out."""
        if begins is None or ends is None:
            return cls(cadence_s, ())
        apart = timedelta(seconds=SPACING * cadence_s)
        rows = looks.between(reader, camera, begins - apart, ends + apart)
        others: list[datetime] = []
        own: list[datetime] = []
        for row in rows:
            mine = bool(footage) and row["source"] == footage
            (own if mine else others).append(from_utc_text(row["observed_at"]))
        return cls(cadence_s, others, own, footage)

    @property
    def times(self) -> list[datetime]:
        """When the looks were, in order."""
        return sorted([*self._others, *self._own])

    def take(self, at: datetime) -> bool:
        """Take a look at that instant; False where one that is on record, or was taken, stands for it."""
        if _nearest(self._others, at) < self._apart or _nearest(self._own, at) < self._own_apart:
            return False
        insort(self._own, at)
        return True


def _nearest(times: list[datetime], at: datetime) -> timedelta:
    """How far the nearest of the times is, in order, from an instant."""
    place = bisect_left(times, at)
    return min((abs(other - at) for other in times[max(0, place - 1) : place + 1]), default=timedelta.max)
