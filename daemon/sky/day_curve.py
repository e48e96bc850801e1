"""Sun and moon over a UTC day as polynomials: asked once for two dozen instants, they know all others.

Skyfield takes as long for one instant as for twenty, and a watch asks for the same night again and again: twice a
look, for each handful of a movie's frames, every five minutes for a page. Where a body stands is a smooth function of
the day, near enough one turn of a circle, and a Chebyshev interpolation through :data:`NODES` instants meets it to
1e-6°. What is interpolated are directions, which are smooth at the zenith and north too.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from numpy.polynomial.chebyshev import chebpts1, chebvander

Degrees = npt.NDArray[np.float64]

NODES: Final = 24
DAY_S: Final = 86_400.0

_AT: Final = chebpts1(NODES)
"""Where in the day the nodes lie, −1 its beginning and 1 its end."""

_FIT: Final = np.linalg.inv(chebvander(_AT, NODES - 1))


class Angles(NamedTuple):
    """Sun and moon for many instants, in degrees; arrays of one shape (n,)."""

    sun_altitude_deg: Degrees
    sun_azimuth_deg: Degrees
    moon_altitude_deg: Degrees
    moon_azimuth_deg: Degrees
    moon_phase_deg: Degrees
    """Folded: 0 new to 180 full."""


def day_of(at: datetime) -> int:
    """The UTC day of an instant, counted from 1970-01-01."""
    return int(at.timestamp() // DAY_S)


def nodes_of(day: int) -> list[datetime]:
    """The instants of a day whose angles :class:`DayCurve` is made of, in order."""
    midnight = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)
    return [midnight + timedelta(seconds=DAY_S * (1 + x) / 2) for x in _AT.tolist()]


class DayCurve:
    """One day over one place."""

    def __init__(self, day: int, nodes: Angles) -> None:
        """``nodes``: the angles at :func:`nodes_of` that day."""
        self.day = day
        # The folded phase has a corner at new and full moon; its cosine has none.
        phase = np.radians(nodes.moon_phase_deg)
        values = [
            *_direction(nodes.sun_altitude_deg, nodes.sun_azimuth_deg),
            *_direction(nodes.moon_altitude_deg, nodes.moon_azimuth_deg),
            np.cos(phase),
        ]
        self._coefficients = _FIT @ np.stack(values, axis=1)

    def at(self, times: Sequence[datetime]) -> Angles:
        """The angles at instants of this day."""
        seconds = np.array([at.timestamp() for at in times]) - DAY_S * self.day
        values = chebvander(2 * seconds / DAY_S - 1, NODES - 1) @ self._coefficients
        sun, moon = values[:, 0:3].T, values[:, 3:6].T
        return Angles(
            *_altitude_azimuth(sun),
            *_altitude_azimuth(moon),
            np.degrees(np.arccos(np.clip(values[:, 6], -1, 1))),
        )


def _direction(altitude_deg: Degrees, azimuth_deg: Degrees) -> list[Degrees]:
    altitude, azimuth = np.radians(altitude_deg), np.radians(azimuth_deg)
    flat = np.cos(altitude)
    return [flat * np.cos(azimuth), flat * np.sin(azimuth), np.sin(altitude)]


def _altitude_azimuth(direction: Degrees) -> tuple[Degrees, Degrees]:
    north, east, up = direction
    altitude = np.degrees(np.arctan2(up, np.hypot(north, east)))
    return altitude, np.degrees(np.arctan2(east, north)) % 360.0
