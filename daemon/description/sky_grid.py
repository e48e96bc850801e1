"""Where each cell of the aurora mask looks: direction, solid angle, and the place 110 km up. Pure.

The mask is a square picture of the sky disc, row 0 at the top, 60 × 60 cells. What the lens does to
a direction stands in :mod:`daemon.sky.lens`; this is the same for all cells of one camera, kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from daemon.observation import Orientation
from daemon.sky.lens import unproject

Floats = npt.NDArray[np.float64]
Cells = npt.NDArray[np.bool_]

SIDE = 60
"""Cells along one side of the mask."""

EARTH_KM, BORDER_KM = 6371.0, 110.0
"""The Earth's radius, and the height of the lower border of green aurora (105 to 114 km)."""

_FINE = 4
"""Points along a cell's side by which its solid angle is measured, so that the rim counts by what it shows."""

_LOWEST_DEG = 2.0
"""Below this elevation the place 110 km up is taken as that of this elevation: it runs off to the horizon."""


@dataclass(frozen=True, eq=False)
class SkyGrid:
    """The mask's cells in the sky, arrays of (60, 60).

    ``solid_angle`` in steradians, 0 outside the disc and under the horizon; ``azimuth_deg`` and
    ``elevation_deg`` of a cell's centre; ``vector`` (60, 60, 3) the same as a unit vector east, north, up;
    ``stretch`` (60, 60, 2, 2) takes a step in the picture (right, down) to one on the ground (east, north, km).
    """

    solid_angle: Floats
    azimuth_deg: Floats
    elevation_deg: Floats
    vector: Floats
    stretch: Floats

    @property
    def sky(self) -> Cells:
        """The cells that show sky."""
        return np.asarray(self.solid_angle > 0)

    def share(self, cells: Cells) -> float:
        """Share of the sky's solid angle that lies in these cells, 0…1."""
        return float(self.solid_angle[cells].sum() / self.solid_angle.sum())


@lru_cache(maxsize=16)
def sky_grid(orientation: Orientation | None) -> SkyGrid:
    """The grid of a camera. Without an orientation: an equidistant lens with the horizon at its edge, north up."""
    turned = orientation or Orientation(north_deg=0.0)
    x, y = _centres(SIDE)
    azimuth_deg, elevation_deg = unproject(x, y, turned)
    fine_x, fine_y = _centres(SIDE * _FINE)
    fine = _vectors(*unproject(fine_x, fine_y, turned))
    spacing = 2 / (SIDE * _FINE)
    across = np.gradient(fine, spacing, axis=1)
    down = np.gradient(fine, spacing, axis=0)
    steradians = np.linalg.norm(np.cross(across, down), axis=-1) * spacing**2
    steradians[(np.hypot(fine_x, fine_y) > 1) | (fine[..., 2] < 0)] = 0
    east, north = _on_the_ground(azimuth_deg, elevation_deg)
    steps = [np.gradient(along, 2 / SIDE, axis=axis) for along in (east, north) for axis in (1, 0)]
    return SkyGrid(
        solid_angle=steradians.reshape(SIDE, _FINE, SIDE, _FINE).sum(axis=(1, 3)),
        azimuth_deg=azimuth_deg,
        elevation_deg=elevation_deg,
        vector=_vectors(azimuth_deg, elevation_deg),
        stretch=np.stack(steps, axis=-1).reshape(SIDE, SIDE, 2, 2),
    )


def _centres(side: int) -> tuple[Floats, Floats]:
    axis = (np.arange(side) + 0.5) / side * 2 - 1
    x, y = np.meshgrid(axis, axis)
    return x, y


def _vectors(azimuth_deg: Floats, elevation_deg: Floats) -> Floats:
    azimuth, elevation = np.radians(azimuth_deg), np.radians(elevation_deg)
    flat = np.cos(elevation)
    return np.stack([flat * np.sin(azimuth), flat * np.cos(azimuth), np.sin(elevation)], axis=-1)


def ground_distance_km(elevation_deg: Floats | float) -> Floats:
    """How far away along the ground something 110 km up stands over the horizon: 700 km at 5°, 480 at 10°."""
    zenith = np.radians(90.0 - np.maximum(elevation_deg, _LOWEST_DEG))
    angle = zenith - np.arcsin(EARTH_KM / (EARTH_KM + BORDER_KM) * np.sin(zenith))
    return np.asarray(EARTH_KM * angle)


def _on_the_ground(azimuth_deg: Floats, elevation_deg: Floats) -> tuple[Floats, Floats]:
    away, azimuth = ground_distance_km(elevation_deg), np.radians(azimuth_deg)
    return away * np.sin(azimuth), away * np.cos(azimuth)
