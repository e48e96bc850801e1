"""Trend and movement: brightening, fading, poleward, equatorward, expanding, from the last minutes. Pure.

Each has a dead band: a word begins at a larger change than it goes on at, so that noise at the border
does not make it come and go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from math import log2
from statistics import median
from typing import Any, NamedTuple, TypeVar

from daemon.description.levels import Moment
from daemon.observation import Drift, Spread, Trend, from_utc_text

Word = TypeVar("Word", bound=str)

REMEMBERED = timedelta(minutes=12)
"""How long a frame matters to those after it."""

TRENDS: tuple[Trend, Trend, Trend] = ("fading", "steady", "brightening")
DRIFTS: tuple[Drift, Drift, Drift] = ("equatorward", "steady", "poleward")
SPREADS: tuple[Spread, Spread, Spread] = ("shrinking", "steady", "expanding")

_EARLIER = timedelta(minutes=3), timedelta(minutes=7)
_LEAST = 1.0


class Band(NamedTuple):
    """Changes over some five minutes: from ``begins`` a word is used, and as long as the change is over ``goes_on``."""

    begins: float
    goes_on: float


OCTAVES = Band(0.5, 0.2)
"""Of the index, in factors of two: 0.5 is brighter by 40 %."""

DEGREES = Band(6.0, 2.5)
"""Of the light's middle along the meridian."""

SHARES = Band(0.06, 0.025)
"""Of the sky."""


def course(now: Moment, past: Sequence[Moment]) -> Moment:
    """The moment with its trend, drift and spread; each None where the minutes before say nothing."""
    youngest, oldest = _EARLIER
    earlier = [one for one in past if youngest <= now.at - one.at <= oldest]
    if not earlier:
        return now
    last = past[-1]
    octaves = log2((now.index + _LEAST) / (median(one.index for one in earlier) + _LEAST))
    covered = [one.cover for one in earlier if one.cover is not None]
    wider = now.cover - median(covered) if covered and now.cover is not None else None
    stood = [one.poleward_deg for one in earlier if one.poleward_deg is not None]
    moved = now.poleward_deg - median(stood) if stood and now.poleward_deg is not None else None
    return replace(
        now,
        trend=_word(octaves, OCTAVES, last.trend, TRENDS),
        drift=None if moved is None else _word(moved, DEGREES, last.drift, DRIFTS),
        spread=None if wider is None else _word(wider, SHARES, last.spread, SPREADS),
    )


def _word(change: float, band: Band, last: Word | None, words: tuple[Word, Word, Word]) -> Word:
    down, steady, up = words
    if change >= (band.goes_on if last == up else band.begins):
        return up
    if change <= -(band.goes_on if last == down else band.begins):
        return down
    return steady


def remember(past: Sequence[Moment], now: Moment) -> tuple[Moment, ...]:
    """The past with this moment, as far back as matters; begun anew where time has been put back."""
    if past and now.at <= past[-1].at:
        past = [one for one in past if one.at < now.at]
    return (*(one for one in past if now.at - one.at <= REMEMBERED), now)


def recalled(rows: Iterable[Mapping[str, Any]]) -> tuple[Moment, ...]:
    """The moments that the record keeps (``Reader.recent``)."""
    return tuple(
        Moment(
            at=from_utc_text(row["observed_at"]),
            index=row["aurora_index"] or 0.0,
            **{name: row[name] for name in ("cover", "poleward_deg", "trend", "drift", "spread")},
        )
        for row in rows
    )


def since(at: datetime) -> datetime:
    """The time from which a restarted watch must recall what it had seen."""
    return at - REMEMBERED
