"""The frames a report is about, read once from the record as arrays: one look a cadence, stale rows left out.

Looks between two cadences, at the first sign of an event, would make aurora look commoner and are not counted. A
camera's cadence may change from season to season, and its record is often of movies and pictures with a cadence of
their own: the rows of each night say how far they are apart, not the configuration of today.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytz
from numpy.typing import NDArray

from daemon.archive.recorded_night import SPACING
from daemon.night import night_of, solar_day
from daemon.observation import MOONLIGHTS, TWILIGHTS, VERDICTS
from daemon.sky.stars.visibility import share_of
from daemon.spaceweather.magnetic_time import magnetic_local_time_h

Values = NDArray[np.float64]
Codes = NDArray[np.int64]

LONGEST_CADENCE_S = 3600.0
"""Rows further apart have a gap between them: no camera is that slow."""

FEWEST_STEPS = 3
"""Fewer rows that follow each other do not say how far a night's are apart."""

USUAL_CADENCE_S = 60.0
"""Where neither a night nor the camera tells: the cadence that a camera has by default."""

HIDDEN, CLEAR = 0.05, 0.95
"""The share of the starlight that ``stars`` keeps for a sky without stars and for one with all: tenths' middles."""


@dataclass(frozen=True)
class Place:
    """Where a camera stands, as the record knows it; ``known`` is False where it does not."""

    camera: str
    title: str
    latitude_deg: float
    longitude_deg: float
    timezone: str
    cadence_s: float | None
    known: bool


@dataclass(frozen=True, eq=False)
class Frames:
    """One camera's frames, arrays of one shape (n,) in order of time.

    ``at_s`` seconds since 1970; ``night`` the number of each frame's night, which ``nights`` names; ``verdict``,
    ``twilight`` and ``moonlight`` index VERDICTS, TWILIGHTS and MOONLIGHTS. NaN where something was not measured.
    ``forms`` are the frame's forms separated by spaces, None where the model names none.
    ``visible`` is the share of the sky in which aurora could have been seen: by the stars where they were looked for,
    else 1 under a clear sky or aurora and 0 under cloud.
    ``stands_s`` is the time in seconds that each frame stands for: the cadence of its night.
    """

    place: Place
    at_s: Values
    night: Codes
    nights: tuple[date, ...]
    verdict: Codes
    twilight: Codes
    moonlight: Codes
    phase_deg: Values
    probability: Values
    cover: Values
    level: Values
    forms: tuple[str | None, ...]
    visible: Values
    stands_s: Values

    @property
    def aurora(self) -> NDArray[np.bool_]:
        """Frames with aurora."""
        made: NDArray[np.bool_] = self.verdict == VERDICTS.index("aurora")
        return made

    @property
    def judged(self) -> NDArray[np.bool_]:
        """Frames with a verdict on the sky: aurora, clear or obscured."""
        return self.verdict < 3

    @property
    def predicted(self) -> NDArray[np.bool_]:
        """Frames with a verdict on the sky that the model gave a probability for."""
        return self.judged & np.isfinite(self.probability)

    def hours(self, which: NDArray[np.bool_]) -> float:
        """The time that some of the frames stand for, in hours."""
        return float(self.stands_s[which].sum()) / 3600

    @property
    def observable_h(self) -> Values:
        """The hours of each frame in which aurora could have been seen; 0 without a verdict on the sky."""
        made: Values = np.where(self.judged, self.visible, 0.0) * self.stands_s / 3600
        return made

    @property
    def local_hour(self) -> Codes:
        """The hour of each frame on the clocks at the camera."""
        hours, inverse = np.unique((self.at_s // 900).astype(np.int64), return_inverse=True)
        zone = pytz.timezone(self.place.timezone)
        local = [datetime.fromtimestamp(int(h) * 900, UTC).astimezone(zone).hour for h in hours]
        return np.array(local, dtype=np.int64)[inverse]

    @property
    def magnetic_hour(self) -> Codes:
        """The hour of each frame in magnetic local time."""
        at = magnetic_local_time_h(self.at_s, self.place.latitude_deg, self.place.longitude_deg)
        return (at // 1).astype(np.int64)

    @property
    def month(self) -> NDArray[np.str_]:
        """``2024-02`` of each frame: the month of its night, which is that of the night's morning."""
        return np.array([night.isoformat()[:7] for night in self.nights])[self.night]

    @property
    def period(self) -> tuple[datetime, datetime]:
        """First and last frame."""
        first, last = (datetime.fromtimestamp(float(at), UTC) for at in (self.at_s[0], self.at_s[-1]))
        return first, last


@dataclass(frozen=True)
class Wanted:
    """Which frames: of one camera or all, of nights whose mornings are from ``since`` to ``until``."""

    camera: str | None = None
    since: date | None = None
    until: date | None = None


_FRAMES = """
    SELECT camera, strftime('%s', observed_at) AS at_s, verdict, twilight, moonlight, moon_phase_deg,
        probability, colour_cover, colour_level, cover, level, forms, stars
    FROM observations WHERE camera = ? AND observed_at BETWEEN ? AND ? AND verdict <> 'stale' ORDER BY observed_at
"""


def read_frames(connection: sqlite3.Connection, wanted: Wanted) -> Iterator[Frames]:
    """Each camera's frames, where it has any."""
    names = [row[0] for row in connection.execute("SELECT DISTINCT camera FROM observations ORDER BY camera")]
    for name in names:
        if wanted.camera not in (None, name):
            continue
        place = _place(connection, name)
        rows = connection.execute(_FRAMES, [name, *_span(wanted)]).fetchall()
        frames = _frames(place, rows, wanted) if rows else None
        if frames is not None:
            yield frames


def _span(wanted: Wanted) -> tuple[str, str]:
    """A day more than the nights asked for on either side, wherever on Earth."""
    low = _days_from(wanted.since, -2) if wanted.since else ""
    return low, _days_from(wanted.until, 2) if wanted.until else "9999"


def _days_from(day: date, days: int) -> str:
    """That many days from a day's beginning; the day itself at the calendar's ends."""
    at = datetime(day.year, day.month, day.day, tzinfo=UTC)
    with suppress(OverflowError):
        at += timedelta(days=days)
    return at.isoformat()[:10]  # compares with times as text, and a year of three digits has four


def _place(connection: sqlite3.Connection, name: str) -> Place:
    row = connection.execute("SELECT * FROM cameras WHERE name = ?", [name]).fetchone()
    if row is None:
        return Place(name, name, 0.0, 0.0, "UTC", None, known=False)
    zone = row["timezone"] if row["timezone"] in pytz.all_timezones_set else "UTC"
    latitude, longitude = row["latitude_deg"], row["longitude_deg"]
    return Place(name, row["title"] or name, latitude, longitude, zone, row["cadence_s"], known=True)


def _frames(place: Place, rows: list[sqlite3.Row], wanted: Wanted) -> Frames | None:
    at_s = np.array([int(row["at_s"]) for row in rows], dtype=np.float64)
    number, nights = _nights(at_s, place)
    verdict = _codes(rows, "verdict", VERDICTS)
    stands_s = _cadences(at_s, number, verdict == VERDICTS.index("aurora"), place.cadence_s)[number]
    keep = _one_a_cadence(at_s, stands_s)
    inside = [
        (wanted.since is None or night >= wanted.since) and (wanted.until is None or night <= wanted.until)
        for night in nights
    ]
    keep &= np.array(inside)[number]
    if not keep.any():
        return None
    rows = [row for row, kept in zip(rows, keep, strict=True) if kept]
    there, number = np.unique(number[keep], return_inverse=True)
    verdict = verdict[keep]
    return Frames(
        place=place,
        at_s=at_s[keep],
        night=number,
        nights=tuple(nights[i] for i in there),
        verdict=verdict,
        twilight=_codes(rows, "twilight", TWILIGHTS),
        moonlight=_codes(rows, "moonlight", MOONLIGHTS),
        phase_deg=_numbers(rows, "moon_phase_deg"),
        probability=_numbers(rows, "probability"),
        cover=_of_mask_or_colour(rows, "cover"),
        level=_of_mask_or_colour(rows, "level"),
        forms=tuple(row["forms"] for row in rows),
        visible=_visible(rows, verdict),
        stands_s=stands_s[keep],
    )


def _cadences(at_s: Values, night: Codes, aurora: NDArray[np.bool_], configured_s: float | None) -> Values:
    """Each night's cadence in seconds: the median of the time from a row to the next, gaps left out.

    Only aurora makes the watch look again sooner, so what follows the other rows tells; a night of nothing but aurora
    goes by all of its rows. A night of too few rows has the cadence that the camera had last, else that of the others.
    """
    step_s = np.diff(at_s)
    within = (np.diff(night) == 0) & (step_s <= LONGEST_CADENCE_S)
    found = np.full(int(night.max()) + 1, np.nan)
    for i in range(len(found)):
        its = within & (night[:-1] == i)
        calm = its & ~aurora[:-1]
        its = calm if calm.sum() >= FEWEST_STEPS else its
        if its.sum() >= FEWEST_STEPS:
            found[i] = np.median(step_s[its])
    usual_s = configured_s or (np.nanmedian(found) if np.isfinite(found).any() else USUAL_CADENCE_S)
    return np.where(np.isfinite(found), found, usual_s)


def _one_a_cadence(at_s: Values, cadence_s: Values) -> NDArray[np.bool_]:
    """Which rows are most of their night's cadence after the last that counts, the first of all included.

    The looks at the first sign of an event are under half of one apart.
    """
    keep, last = [], -np.inf
    for at, cadence in zip(at_s.tolist(), cadence_s.tolist(), strict=True):
        keep.append(at - last >= SPACING * cadence)
        last = at if keep[-1] else last
    return np.array(keep, dtype=np.bool_)


def _nights(at_s: Values, place: Place) -> tuple[Codes, list[date]]:
    """Each frame's night by number, and the nights' dates; from local mean solar noon to noon."""
    _, first, number = np.unique(solar_day(at_s, place.longitude_deg), return_index=True, return_inverse=True)
    nights = [night_of(datetime.fromtimestamp(float(at_s[i]), UTC), place) for i in first]
    return number.astype(np.int64), nights


def _codes(rows: list[sqlite3.Row], column: str, names: tuple[str, ...]) -> Codes:
    numbers = {name: i for i, name in enumerate(names)}
    return np.array([numbers.get(row[column], len(names)) for row in rows], dtype=np.int64)


def _numbers(rows: list[sqlite3.Row], column: str) -> Values:
    return np.array([np.nan if row[column] is None else row[column] for row in rows], dtype=np.float64)


def _of_mask_or_colour(rows: list[sqlite3.Row], name: str) -> Values:
    """Cover or level by the aurora's mask; by colour where no frame has that. The two are never mixed."""
    by_mask = _numbers(rows, name)
    return by_mask if np.isfinite(by_mask).any() else _numbers(rows, f"colour_{name}")


def _visible(rows: list[sqlite3.Row], verdict: Codes) -> Values:
    seen = np.where(verdict <= VERDICTS.index("clear"), 1.0, 0.0)
    for i, row in enumerate(rows):
        share = share_of(row["stars"]) if row["stars"] else None
        if (
            share is not None and 0 < verdict[i] < 3
        ):  # under aurora the sky was seen, whatever became of the stars
            seen[i] = (share - HIDDEN) / (CLEAR - HIDDEN)
    return seen
