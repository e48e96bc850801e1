"""The stars as a clock: by how many minutes a frame's time and its stars disagree. Pure.

The sky turns a quarter of a degree a minute about the pole. Where the lens is known, the stars of another minute
are laid over the points found; the minute that fits is the time, and all the minutes that do not fit show how
often chance would.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from daemon.observation import Orientation, Points
from daemon.sky.lens import project
from daemon.sky.stars.catalogue import EXTINCTION_MAG, StarField, air_mass
from daemon.sky.stars.fit import DEGREE
from daemon.sky.stars.nearest import Nearest, by_chance
from daemon.sky.stars.visibility import RINGS_DEG, SEEN_WITHIN_DEG

Floats = npt.NDArray[np.float64]

TURN_DEG_A_MINUTE = 360.98564737 / 1440.0
BRIGHT = 3.0
"""Magnitude of the stars that are laid over the points."""
BY_CHANCE = 1e-6
NEAR_MIN = np.arange(-15.0, 15.01, 0.5)
DAY_MIN = np.arange(-718.0, 718.1, 2.0)
"""The minutes tried: about the frame's own, and of a whole sidereal day."""
APART_MIN = 8.0
"""Minutes this far from the best show what chance finds."""
SOFT_DEG = 0.2


@dataclass(frozen=True)
class Off:
    """The stars stand as they would ``minutes`` after the frame's time; ``found`` is the share of bright ones seen so."""

    minutes: float
    found: float


def later(stars: StarField, minutes: float, latitude_deg: float) -> StarField:
    """A field as it stands so much later, good to 0.03° above 15° within half an hour; nothing rises anew."""
    azimuth, height = np.radians(stars.azimuth_deg), np.radians(stars.elevation_deg)
    latitude, turn = np.radians(latitude_deg), np.radians(TURN_DEG_A_MINUTE * minutes)
    east, north, up = np.cos(height) * np.sin(azimuth), np.cos(height) * np.cos(azimuth), np.sin(height)
    polar = up * np.sin(latitude) + north * np.cos(latitude)
    out = up * np.cos(latitude) - north * np.sin(latitude)
    east, out = east * np.cos(turn) - out * np.sin(turn), out * np.cos(turn) + east * np.sin(turn)
    up, north = (
        polar * np.sin(latitude) + out * np.cos(latitude),
        polar * np.cos(latitude) - out * np.sin(latitude),
    )
    elevation = np.degrees(np.arcsin(np.clip(up, -1.0, 1.0)))
    extinction = EXTINCTION_MAG * (air_mass(elevation) - air_mass(stars.elevation_deg))
    moved = np.degrees(np.arctan2(east, north)) % 360.0
    return StarField(stars.hip, moved, elevation, stars.magnitude + extinction)


def minutes_off(
    points: Points,
    stars_after: Callable[[float], StarField],
    orientation: Orientation,
    minutes: Sequence[float] | Floats = NEAR_MIN,
) -> Off | None:
    """Which of the minutes the points fit; None where they fit none better than chance would."""
    if not len(points):
        return None
    near = Nearest(points.x, points.y)
    tried = [_away_deg(near, stars_after(float(one)), orientation) for one in minutes]
    share = np.array([float((away <= SEEN_WITHIN_DEG).mean()) if len(away) else 0.0 for away in tried])
    best = int(np.argmax(share))
    others = share[np.abs(np.asarray(minutes) - minutes[best]) >= APART_MIN]
    seen, count = int((tried[best] <= SEEN_WITHIN_DEG).sum()), len(tried[best])
    rate = (float(others.mean()) if len(others) else 0.0) + 1.0 / max(count, 1)
    if by_chance(seen, count, rate) * len(tried) > BY_CHANCE:
        return None
    close = minutes[best] + np.arange(-2.0, 2.01, 0.2)
    fit = np.array([_fit(_away_deg(near, stars_after(float(one)), orientation)) for one in close])
    weight = np.maximum(fit - 0.8 * fit.max(), 0.0)
    return Off(float((weight * close).sum() / weight.sum()), float(share[best]))


def _away_deg(near: Nearest, stars: StarField, orientation: Orientation) -> Floats:
    """From each bright star on the disc to the nearest point."""
    bright = stars.brighter(BRIGHT, RINGS_DEG[0])
    x, y = project(bright.azimuth_deg, bright.elevation_deg, orientation)
    on = np.hypot(x, y) < 0.97
    return near.to(x[on], y[on])[0] / DEGREE


def _fit(away_deg: Floats) -> float:
    return float(np.exp(-((away_deg / SOFT_DEG) ** 2)).mean()) if len(away_deg) else 0.0
