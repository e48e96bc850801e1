"""The lens: directions in the sky ↔ positions on the disc, for one or for many at once. Pure.

A direction is first turned from the zenith's frame into the lens's (:class:`Lens.tilt_deg`), then
laid down at ``r = a z + b z³`` from the point where the optical axis meets the picture, with z the
angle from the axis in units of 90°. Positions are (x, y) in −1…1 from the disc's centre, x to the
right and y down; an orientation without a lens is equidistant, zenith at the disc's centre.
"""

from __future__ import annotations

from math import cos, radians, sin

import numpy as np
import numpy.typing as npt

from daemon.observation import Lens, Orientation

Floats = npt.NDArray[np.float64]


def lens_of(orientation: Orientation) -> Lens:
    """The lens that an orientation means: its own, or the equidistant one of its edge elevation."""
    return orientation.lens or Lens(a=90.0 / (90.0 - orientation.edge_elevation_deg))


def project(azimuth_deg: Floats, elevation_deg: Floats, orientation: Orientation) -> tuple[Floats, Floats]:
    """Directions → positions on the disc, arrays of one shape."""
    lens = lens_of(orientation)
    around, z = np.radians(azimuth_deg), (90.0 - elevation_deg) / 90.0
    if lens.tilt_deg:
        east, north, up = _turned(*_vector(azimuth_deg, elevation_deg), lens)
        around, z = np.arctan2(east, north), np.arccos(np.clip(up, -1.0, 1.0)) / (np.pi / 2)
    r = lens.a * z + lens.b * z**3
    angle = (-around if orientation.east_left else around) + radians(orientation.north_deg)
    return lens.centre_x + r * np.sin(angle), lens.centre_y - r * np.cos(angle)


def unproject(x: Floats, y: Floats, orientation: Orientation) -> tuple[Floats, Floats]:
    """Positions on the disc → (azimuth_deg, elevation_deg), arrays of one shape; the inverse of :func:`project`."""
    lens = lens_of(orientation)
    across, down = x - lens.centre_x, y - lens.centre_y
    z = _inverse(np.hypot(across, down), lens)
    turned_deg = np.degrees(np.arctan2(across, -down)) - orientation.north_deg
    around_deg = -turned_deg if orientation.east_left else turned_deg
    if not lens.tilt_deg:
        return around_deg % 360.0, 90.0 - 90.0 * z
    east, north, up = _turned(*_vector(around_deg, 90.0 - 90.0 * z), lens, back=True)
    return np.degrees(np.arctan2(east, north)) % 360.0, np.degrees(np.arcsin(np.clip(up, -1.0, 1.0)))


def _vector(azimuth_deg: Floats, elevation_deg: Floats) -> tuple[Floats, Floats, Floats]:
    azimuth, elevation = np.radians(azimuth_deg), np.radians(elevation_deg)
    flat = np.cos(elevation)
    return flat * np.sin(azimuth), flat * np.cos(azimuth), np.sin(elevation)


def _turned(
    east: Floats, north: Floats, up: Floats, lens: Lens, *, back: bool = False
) -> tuple[Floats, Floats, Floats]:
    """The shortest turn that brings the optical axis to the zenith, or the way back."""
    toward_e, toward_n = sin(radians(lens.tilt_azimuth_deg)), cos(radians(lens.tilt_azimuth_deg))
    c, s = cos(radians(lens.tilt_deg)), sin(radians(lens.tilt_deg))
    s = -s if back else s
    along = east * toward_e + north * toward_n
    new_along = c * along - s * up
    shift = new_along - along
    return east + shift * toward_e, north + shift * toward_n, c * up + s * along


def _inverse(r: Floats, lens: Lens) -> Floats:
    """z for a distance from the axis; beyond the lens's greatest r, where that lies."""
    z = r / lens.a
    if lens.b == 0:
        return np.asarray(z)
    for _ in range(12):  # Newton; the lens is nearly straight
        slope = np.maximum(lens.a + 3 * lens.b * z**2, 0.05 * lens.a)
        z = np.clip(z - (lens.a * z + lens.b * z**3 - r) / slope, 0.0, 2.0)
    solved: Floats = z
    return solved


def edge_elevation_deg(orientation: Orientation) -> float:
    """Elevation at the disc's edge, averaged around it."""
    return float(90.0 - 90.0 * _inverse(np.array([1.0]), lens_of(orientation))[0])
