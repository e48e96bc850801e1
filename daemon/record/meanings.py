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
    "camera": "name of the camera",
    "observed_at": "time of the picture",
    "verdict": "what the frame was judged to show",
    "reason": "reason of the verdict",
    "calibrated_probability": "probability of aurora after temperature scaling",
    "probability": "softmax of the aurora output before calibration",
    "threshold": "calibrated probability from which the frame counted as aurora",
    "clear_probability": "softmax of the model's clear-sky output",
    "shadow_probability": "probability by a candidate model that only looked on",
    "sun_altitude_deg": "apparent airless altitude of the sun",
    "moon_altitude_deg": "apparent airless altitude of the moon",
    "moon_phase_deg": "elongation of the moon, 0 new to 180 full",
    "twilight": "class of twilight",
    "moonlight": "class of moonlight",
    "level": "brightness level of the aurora, 0 to 6",
    "cover": "share of the sky's solid angle that the aurora fills",
    "forms": "forms of the aurora",
    "form_probabilities": "probability of each form of aurora",
    "azimuth_deg": "azimuth of the brightest aurora, from north over east; without a mask, of the strongest evidence",
    "elevation_deg": "elevation of the brightest aurora; without a mask, of the strongest evidence",
    "azimuth_from_deg": "azimuth at which the range that the aurora fills begins, clockwise",
    "azimuth_to_deg": "azimuth at which the range that the aurora fills ends, clockwise",
    "lower_edge_deg": "elevation of the aurora's lower edge",
    "upper_edge_deg": "elevation of the aurora's upper edge",
    "overhead": "1 where the aurora fills a fifth of the sky above 70 degrees",
    "poleward_deg": "angle from the zenith to the middle of the aurora's light, toward the pole",
    "arciness": "how far the aurora is narrow and runs one way, 0 to 1",
    "green_share": "green part of the aurora's light",
    "red_share": "red part of the aurora's light",
    "pink_share": "pink part of the aurora's light",
    "purple_share": "purple part of the aurora's light",
    "trend": "change of brightness against the minutes before",
    "drift": "change of place against the minutes before",
    "spread": "change of extent against the minutes before",
    "heatmap_area": "share of the sky disc above half of the map's peak",
    "colour_cover": "share of the sky disc in aurora colours",
    "colour_level": "brightness level by colour rules",
    "stars": "share of the starlight that comes through in each of 24 parts of the sky",
    "star_limit": "faintest magnitude of the stars seen",
    "star_zero": "magnitude of a star of one unit of light",
    "star_gamma": "power by which grey levels go to light",
    "brightness": "grey levels of the brightest tenth of the aurora over the sky's background",
    "aurora_index": "grey levels of the aurora's light averaged over the whole sky",
    "distance_km": "distance along the ground to the lower border, taken as 110 km up",
    "curvature": "curvature of the aurora's skeleton, in one over the disc's radius",
    "fetched_at": "time of the download",
    "recorded_at": "time at which the row was written",
    "source": "where the picture came from",
    "picture": "file of the kept picture",
    "model_sha256": "sha256 of the model that looked",
}

EVENT_LONG_NAMES = {
    "id": "the event's id",
    "camera": "name of the camera",
    "onset_at": "time of the first frame with aurora",
    "confirmed_at": "time of the frame that made it an event",
    "strong_at": "time of the first strong frame",
    "ended_at": "end of the event",
    "ended_reason": "why it is over",
    "peak_probability": "highest calibrated probability",
    "peak_at": "time of the highest calibrated probability",
    "peak_level": "highest brightness level, 0 to 6",
    "in_cool_down": "1 where it began within the cool-down of the event before",
    "brightest_at": "time of the brightest frame, by level and aurora index",
    "brightest_level": "brightness level of the brightest frame, by colour rules where it has no other",
    "brightest_cover": "share of the sky that the aurora fills in the brightest frame, by colour where it has no mask",
    "label": "the last answer to whether the event was aurora",
}
"""What an event's columns hold, in words: what is exported of an event."""

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
