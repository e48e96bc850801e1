"""What a column means to other programs: its name in words, unit and CF's standard name, for exports and for HAPI.

A column that is not listed gets its unit by its name's end (``_deg``, ``_km``, ``_s``) or is a plain number.
"""

from __future__ import annotations

from daemon.record.columns import COLUMNS, Column
from daemon.record.short import Hundredths, Words
from daemon.sky.ephemeris import MOONLIGHT_RULE, TWILIGHT_RULE
from models.labels import FORMS

STANDARD_NAMES = {"observed_at": "time"}

UNITS = {"brightness": "count", "aurora_index": "count"}
"""``count`` is a grey level of 255. A magnitude is a plain number: UDUNITS knows no unit of it."""

LONGEST = {"forms": len(" ".join(FORMS)), "stars": 24, "reason": 200}
"""Bytes of the longest text of columns that have no list of words: all forms at once, a character for each sector of the
sky, and what a reason is cut at where texts must be short."""

LONG_NAMES = {
    "calibrated_probability": "probability of aurora after temperature scaling",
    "probability": "softmax of the aurora output before calibration",
    "threshold": "calibrated probability from which the frame counted as aurora",
    "clear_probability": "softmax of the model's clear-sky output",
    "shadow_probability": "probability by a candidate model that only looked on",
    "sun_altitude_deg": "apparent airless altitude of the sun",
    "moon_altitude_deg": "apparent airless altitude of the moon",
    "moon_phase_deg": "elongation of the moon, 0 new to 180 full",
    "azimuth_deg": "azimuth of the strongest evidence, from north over east",
    "elevation_deg": "elevation of the strongest evidence",
    "heatmap_area": "share of the sky disc above half of the map's peak",
    "colour_cover": "share of the sky disc in aurora colours",
    "colour_level": "brightness level by colour rules",
    "star_limit": "faintest magnitude of the stars seen",
    "star_zero": "magnitude of a star of one unit of light",
    "star_gamma": "power by which grey levels go to light",
    "brightness": "grey levels of the brightest tenth of the aurora over the sky's background",
    "aurora_index": "grey levels of the aurora's light averaged over the whole sky",
    "distance_km": "distance along the ground to the lower border, taken as 110 km up",
    "curvature": "curvature of the aurora's skeleton, in one over the disc's radius",
}

COMMENTS = {"twilight": TWILIGHT_RULE, "moonlight": MOONLIGHT_RULE}
"""What a column's words mean, where they do not say it themselves."""

FREE_TEXTS = frozenset({"camera", "reason", "source", "id", "ended_reason"})
"""Columns of observations and events with words that somebody chose; every other text is in a form of its own, which
nothing may be put before."""

EXPORTED: tuple[Column, ...] = tuple(column for column in COLUMNS if column.plain is not bytes)
"""An observation's columns without pictures and maps."""


def units(column: Column) -> str | None:
    """A number's unit in UDUNITS' words; None of a text."""
    if column.plain is str or column.plain not in (int, float):
        return None
    for ending, unit in (("_deg", "degree"), ("_km", "km"), ("_s", "s"), ("_m", "m")):
        if column.name.endswith(ending):
            return UNITS.get(column.name, unit)
    return UNITS.get(column.name, "1")


def longest(column: Column) -> int:
    """Bytes of UTF-8 that a text of an observation has at most."""
    short = column.short
    return short.longest if isinstance(short, Words | Hundredths) else LONGEST[column.name]


def comment(column: Column) -> str:
    """What a column's words mean, where that needs saying; else empty."""
    return COMMENTS.get(column.name, "")


def long_name(column: Column) -> str:
    """What a column holds, in words."""
    return LONG_NAMES.get(column.name) or column.title or column.name.replace("_", " ")
