"""The level 0–6 of a frame, after Kiruna's (doi:10.5194/gi-12-71-2023): brightness, extent and their rise. Pure.

0 no aurora   1 faint   2 visible   3 clearly visible   4 bright, or clearly visible over much of the sky
5 bright over much of the sky, or a weaker sudden rise   6 local breakup: a sudden rise over much of the sky
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from daemon.observation import Drift, Spread, Trend

VISIBLE, CLEAR, BRIGHT = 10.0, 30.0, 60.0
"""Counts over the sky's background from which aurora is visible, clearly visible, bright."""

WIDE = 0.25
"""Share of the sky from which aurora is over much of it; :data:`daemon.words.MUCH_OF_THE_SKY` too."""

RISE, WEAKER_RISE, SPREAD = 2.5, 1.8, 0.08
"""A sudden rise: so many times the index of the minutes before; and for breakup so much more of the sky."""

_LEAST = 1.0
"""Counts of index that a rise is measured against at least: out of nothing everything is a rise."""

BEFORE = timedelta(minutes=4), timedelta(minutes=11)
"""Ages of the frames that "the minutes before" are."""


@dataclass(frozen=True)
class Moment:
    """What is remembered of a frame whose sky was seen, for the frames after it.

    ``index`` in counts and ``cover`` 0…1 are 0 without aurora; ``cover`` is None where no mask gave it,
    ``poleward_deg`` without aurora or a known orientation. All are as the record keeps them, rounded, so
    that a watch that takes them from there goes on the same. ``trend``, ``drift`` and ``spread`` are what was found of it then, or None.
    """

    at: datetime
    index: float = 0.0
    cover: float | None = 0.0
    poleward_deg: float | None = None
    trend: Trend | None = None
    drift: Drift | None = None
    spread: Spread | None = None


def level(brightness: float, index: float, cover: float, before: Iterable[Moment] = ()) -> int:
    """The level of a frame with aurora, 1…6; ``before`` are the moments of :func:`minutes_before`."""
    earlier = list(before)
    rise = _rise(index, earlier)
    wide = cover >= WIDE
    if brightness >= CLEAR and wide and rise >= RISE and cover >= _cover(earlier) + SPREAD:
        return 6
    if (brightness >= BRIGHT and wide) or (brightness >= CLEAR and rise >= WEAKER_RISE and cover >= WIDE / 2):
        return 5
    if brightness >= BRIGHT or (brightness >= CLEAR and wide):
        return 4
    if brightness >= CLEAR:
        return 3
    return 2 if brightness >= VISIBLE else 1


def minutes_before(past: Iterable[Moment], at: datetime) -> list[Moment]:
    """The frames that a rise at ``at`` is measured against."""
    youngest, oldest = BEFORE
    return [one for one in past if youngest <= at - one.at <= oldest]


def _rise(index: float, before: list[Moment]) -> float:
    """How many times brighter than before; 1 where nothing was seen before, for then nothing is known to have risen."""
    if not before:
        return 1.0
    return index / max(median(one.index for one in before), _LEAST)


def _cover(before: list[Moment]) -> float:
    known = [one.cover for one in before if one.cover is not None]
    return median(known) if known else 0.0
