"""How sure, how bright, where: one function for each, for page, alerts and report. Pure.

The probability says how sure the model is, never how bright the aurora; brightness comes from the
colours that were measured, and where they show nothing, that is what is written.
"""

from __future__ import annotations

import re
from datetime import datetime
from math import cos, radians

from daemon.sky.geometry import compass_point

NO_VALUE = "–"
MUCH_OF_THE_SKY = 0.25
"""Share of the sky in aurora from which words say so; :data:`daemon.description.levels.WIDE` too."""

OVERHEAD_DEG = 75.0
"""Elevation from which aurora is overhead, in no direction of the compass."""

LEVELS = ("no aurora", "faint", "visible", "clearly visible", "bright", "bright", "breakup")
"""A level in words, by number: 5 is 4 over much of the sky, or suddenly. The colours' level of a frame without a
description is told by the same words.
"""

_COLOURLESS = "faint or colourless"
"""What is told of aurora in which no colour was found."""


def certainty(probability: float | None) -> str:
    """``93 %``; never a certainty that rounding alone made: ``over 99 %``, ``under 1 %``."""
    if probability is None:
        return NO_VALUE
    if probability > 0.99:
        return "over 99 %"
    if probability < 0.01:
        return "under 1 %"
    return f"{100 * probability:.0f} %"


def zone(local: datetime) -> str:
    """``MST``; ``UTC+5`` and ``UTC−3:30`` in zones without letters of their own: ``19:20 -03`` would look like a span."""
    name = local.strftime("%Z")
    found = re.fullmatch(r"([+-])(\d\d)(\d\d)?", name)
    if found is None:
        return name
    hours, minutes = int(found[2]), found[3]
    offset = f"{'−' if found[1] == '-' else '+'}{hours}{f':{minutes}' if minutes else ''}"
    return f"UTC{offset if hours or minutes else ''}"


def clock(local: datetime) -> str:
    """``22:41 MST``."""
    return f"{local:%H:%M} {zone(local)}"


def peak(probability: float) -> str:
    """``Probability at most 93 %.``, or ``Probability over 99 %.``: nothing is at most over something."""
    return f"Probability {'' if probability > 0.99 else 'at most '}{certainty(probability)}."


def adjective(level: int | None) -> str:
    """How aurora of a level looks, before a noun: ``bright``; empty where there is nothing to say about it."""
    if level is None or level <= 0 or level == 2:
        return ""  # one calls no arc visible
    return "very bright" if level >= LEVELS.index("breakup") else LEVELS[level]


def brightness(level: int | None, cover: float | None) -> str:
    """``bright, over much of the sky``; empty where no colour was measured."""
    if level is None:
        return ""
    if level <= 0:
        return _COLOURLESS
    named = LEVELS[min(level, len(LEVELS) - 1)]
    return f"{named}, over much of the sky" if _is_wide(cover) else named


def aurora(level: int | None, cover: float | None) -> str:
    """The same as a headline: ``Bright aurora over much of the sky``."""
    if level is None:
        return "Aurora"
    if level <= 0:
        return f"Aurora, {_COLOURLESS}"
    headline = f"{adjective(level)} aurora{' over much of the sky' if _is_wide(cover) else ''}".strip()
    return f"{headline[0].upper()}{headline[1:]}"


def _is_wide(cover: float | None) -> bool:
    return cover is not None and cover >= MUCH_OF_THE_SKY


def direction(azimuth_deg: float | None, elevation_deg: float | None) -> str:
    """``north-west, 35° up``; empty where the camera's orientation is not known."""
    if azimuth_deg is None or elevation_deg is None:
        return ""
    if elevation_deg >= OVERHEAD_DEG:
        return "overhead"
    return f"{compass_point(azimuth_deg)}, {elevation_deg:.0f}° up"


def percent(share: float | None, decimals: int = 0) -> str:
    """A share of frames or of the sky: ``37 %``; a dash where there is none."""
    return NO_VALUE if share is None else f"{100 * share:.{decimals}f} %"


def onset(clock: str, seen_before: object) -> str:
    """``22:41``, or ``22:41 or earlier`` where nothing says that the sky was seen shortly before."""
    return clock if seen_before else f"{clock} or earlier"


def minutes_between(begin: datetime, end: datetime) -> int:
    """How long it is from one time to another, in minutes, as a reader works it out from clocks without seconds."""
    return int(end.timestamp() // 60 - begin.timestamp() // 60)


def lit_percent(phase_deg: float) -> int:
    """How much of the moon's disc is lit, from its folded phase: (1 − cos φ) / 2."""
    return round(50 * (1 - cos(radians(phase_deg))))
