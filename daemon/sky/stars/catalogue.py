"""The bright stars: where they are on the celestial sphere and how bright.

``bright_stars.csv`` holds the stars to V 5.5 of ESA's Hipparcos catalogue (ESA SP-1200, 1997):
HIP number, right ascension and declination (J2000) in degrees, V magnitude. What light the air takes
on the way is added by :func:`star_field`: 0.2 magnitudes an air mass, a clear night at sea level.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

EXTINCTION_MAG = 0.2
"""Magnitudes lost per air mass."""


@dataclass(frozen=True, eq=False)
class Catalogue:
    """Stars from bright to faint, arrays of one shape (n,): HIP number, J2000 degrees, V magnitude."""

    hip: npt.NDArray[np.int64]
    ra_deg: Floats
    dec_deg: Floats
    magnitude: Floats


@lru_cache(maxsize=1)
def bright_stars() -> Catalogue:
    """The catalogue of the package, read once a process."""
    text = files(__package__).joinpath("bright_stars.csv").read_text(encoding="ascii")
    rows = list(csv.reader(text.splitlines()))[1:]
    values = np.array([[float(cell) for cell in row] for row in rows])
    values = values[np.argsort(values[:, 3], kind="stable")]
    return Catalogue(values[:, 0].astype(np.int64), values[:, 1], values[:, 2], values[:, 3])


@dataclass(frozen=True, eq=False)
class StarField:
    """Stars above one horizon at one instant, arrays of one shape (n,), bright to faint as seen.

    ``azimuth_deg`` over east from north; ``elevation_deg`` apparent, refraction included;
    ``magnitude`` as seen, what the air takes already added. ``hip`` is 0 for a planet.
    """

    hip: npt.NDArray[np.int64]
    azimuth_deg: Floats
    elevation_deg: Floats
    magnitude: Floats

    def __len__(self) -> int:
        return len(self.hip)

    def chosen(self, which: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> StarField:
        """Some of the stars, by mask or by index."""
        return StarField(
            self.hip[which], self.azimuth_deg[which], self.elevation_deg[which], self.magnitude[which]
        )

    def brighter(self, magnitude: float, above_deg: float = 0.0) -> StarField:
        """Those at least as bright as ``magnitude`` and higher than ``above_deg``."""
        return self.chosen((self.magnitude <= magnitude) & (self.elevation_deg >= above_deg))


def star_field(
    hip: npt.NDArray[np.int64], azimuth_deg: Floats, elevation_deg: Floats, magnitude: Floats
) -> StarField:
    """Bodies with the magnitudes they have above the air → the field as it is seen from the ground."""
    up = elevation_deg > 0
    seen = magnitude[up] + EXTINCTION_MAG * air_mass(elevation_deg[up])
    order = np.argsort(seen, kind="stable")
    return StarField(hip[up][order], azimuth_deg[up][order], elevation_deg[up][order], seen[order])


def air_mass(elevation_deg: Floats) -> Floats:
    """Air on the way to the horizon's and the zenith's light, 1 in the zenith (Kasten & Young 1989)."""
    height = np.maximum(elevation_deg, 0.0)
    mass: Floats = 1.0 / (np.sin(np.radians(height)) + 0.50572 * (height + 6.07995) ** -1.6364)
    return mass
