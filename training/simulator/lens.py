"""The fisheye: which direction each pixel looks in, and the horizon around it.

Equidistant projection, zenith at the centre of a square picture: the zenith angle grows linearly
with the distance from the centre. A lens with ``optics`` of its own bends, shifts and leans. ``Grid`` holds unit vectors in the picture's own frame (x right,
y down, z up), so that every light in the sky is one dot product away.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from training.simulator.noise import Plane
from training.simulator.scene_types import Lens, Optics


@dataclass(frozen=True, eq=False)
class Grid:
    """Directions of the pixels of a square picture, each (side, side) float32.

    ``x y`` in -1..1 of the square; ``r`` zenith angle where that of the sky disc's edge is 1;
    ``zenith`` angle in radians; ``vx vy vz`` the unit vector; ``angle`` clockwise from up, radians;
    ``square`` 1 inside the masked circle of the square, else 0.
    """

    x: Plane
    y: Plane
    r: Plane
    zenith: Plane
    vx: Plane
    vy: Plane
    vz: Plane
    angle: Plane
    square: Plane


@lru_cache(maxsize=96)
def _plain_grid(side: int, radius_percent: int, edge_elevation_deg: int) -> Grid:
    axis = (np.arange(side, dtype=np.float32) + 0.5) / side * 2 - 1
    x, y = np.meshgrid(axis, axis)
    whole = np.hypot(x, y)
    r = whole / (radius_percent / 100)
    zenith = (r * np.radians(90 - edge_elevation_deg)).astype(np.float32)
    flat = np.sin(np.minimum(zenith, np.pi / 2)) / np.maximum(whole, 1e-6)
    return Grid(
        x=x,
        y=y,
        r=r.astype(np.float32),
        zenith=zenith,
        vx=(x * flat).astype(np.float32),
        vy=(y * flat).astype(np.float32),
        vz=np.cos(np.minimum(zenith, np.pi / 2)).astype(np.float32),
        angle=np.mod(np.arctan2(x, -y), 2 * np.pi).astype(np.float32),
        square=(whole <= 1.0).astype(np.float32),
    )


@lru_cache(maxsize=6)
def _bent_grid(side: int, lens: Lens) -> Grid:
    plain, optics = _plain_grid(side, 100, 0), lens.optics
    assert optics is not None
    right, down = plain.x / lens.radius - optics.centre_x, plain.y / lens.radius - optics.centre_y
    angle, off_axis = np.arctan2(right, -down), _off_axis(np.hypot(right, down), optics)
    flat = np.sin(off_axis)
    x, y, z = _leaning(flat * np.sin(angle), -flat * np.cos(angle), np.cos(off_axis), lens, -1.0)
    zenith = np.arccos(np.clip(z, -1, 1))
    above = np.maximum(np.hypot(x, y), 1e-6)
    level = np.sin(np.minimum(zenith, np.pi / 2)) / above
    planes = (
        plain.x, plain.y, zenith / np.radians(90 - round(lens.edge_elevation_deg)), zenith, x * level, y * level,
        np.cos(np.minimum(zenith, np.pi / 2)), np.mod(np.arctan2(x, -y), 2 * np.pi), plain.square,
    )  # fmt: skip
    return Grid(*(np.asarray(plane, dtype=np.float32) for plane in planes))


def _off_axis(r: npt.NDArray[np.floating], optics: Optics) -> npt.NDArray[np.floating]:
    """The angle from the axis, radians, of a distance from it in radii of the disc: by a table."""
    z = np.linspace(0, 1.6, 4001)
    distance = np.maximum.accumulate(optics.a * z + optics.b * z**3)
    return np.asarray(np.interp(r, distance, z) * (np.pi / 2))


def _leaning(
    x: npt.NDArray[np.floating],
    y: npt.NDArray[np.floating],
    z: npt.NDArray[np.floating],
    lens: Lens,
    way: float,
) -> tuple[npt.NDArray[np.floating], npt.NDArray[np.floating], npt.NDArray[np.floating]]:
    """Sky to lens (``way`` 1) or back (-1): a turn about the level line across the tilt's direction."""
    assert lens.optics is not None
    angle = picture_angle(lens, lens.optics.tilt_azimuth_deg)
    axis = np.array([np.cos(angle), np.sin(angle), 0.0])  # level, to the right of the tilt's direction
    turn = -way * np.radians(lens.optics.tilt_deg)
    vector = np.stack([x, y, z], axis=-1)
    across = np.cross(np.broadcast_to(axis, vector.shape), vector)
    along = (vector @ axis)[..., None] * axis
    turned = vector * np.cos(turn) + across * np.sin(turn) + along * (1 - np.cos(turn))
    return turned[..., 0], turned[..., 1], turned[..., 2]


def grid(lens: Lens, side: int) -> Grid:
    """The directions seen by ``lens`` in a picture of ``side`` pixels (cached)."""
    if lens.optics is not None:
        return _bent_grid(side, lens)
    return _plain_grid(side, round(lens.radius * 100), round(lens.edge_elevation_deg))


def picture_angle(lens: Lens, azimuth_deg: float) -> float:
    """Angle in the picture, radians clockwise from up, of a geographic azimuth."""
    sign = -1.0 if lens.east_left else 1.0
    return float(np.radians(lens.north_deg + sign * azimuth_deg))


def toward(lens: Lens, azimuth_deg: float, elevation_deg: float) -> tuple[float, float, float]:
    """Unit vector, in the picture's frame, of a direction in the sky."""
    angle, elevation = picture_angle(lens, azimuth_deg), np.radians(elevation_deg)
    across = np.cos(elevation)
    return float(across * np.sin(angle)), float(-across * np.cos(angle)), float(np.sin(elevation))


def place(lens: Lens, side: int, azimuth_deg: float, elevation_deg: float) -> tuple[float, float]:
    """Pixel (x, y) of a direction in the sky."""
    x, y = places(lens, side, np.array([azimuth_deg]), np.array([elevation_deg]))
    return float(x[0]), float(y[0])


def places(
    lens: Lens, side: int, azimuth_deg: npt.NDArray[np.floating], elevation_deg: npt.NDArray[np.floating]
) -> tuple[npt.NDArray[np.floating], npt.NDArray[np.floating]]:
    """Pixels (x, y) of many directions; the first pixel's middle is 0."""
    sign = -1.0 if lens.east_left else 1.0
    angle = np.radians(lens.north_deg + sign * azimuth_deg)
    half = side / 2
    if lens.optics is None:
        r = (90 - elevation_deg) / (90 - round(lens.edge_elevation_deg)) * round(lens.radius * 100) / 100
        return half + half * r * np.sin(angle) - 0.5, half - half * r * np.cos(angle) - 0.5
    flat, up = np.cos(np.radians(elevation_deg)), np.sin(np.radians(elevation_deg))
    x, y, z = _leaning(flat * np.sin(angle), -flat * np.cos(angle), up, lens, 1.0)
    off = np.arccos(np.clip(z, -1, 1)) / (np.pi / 2)
    r = (lens.optics.a * off + lens.optics.b * off**3) / np.maximum(np.hypot(x, y), 1e-9)
    right, down = lens.optics.centre_x + r * x, lens.optics.centre_y + r * y
    return half + half * lens.radius * right - 0.5, half + half * lens.radius * down - 0.5


def direction(lens: Lens, x: float, y: float) -> tuple[float, float]:
    """(azimuth, elevation) in degrees of a point of the square, x and y in -1..1."""
    sign = -1.0 if lens.east_left else 1.0
    if lens.optics is None:
        r = np.hypot(x, y) / (round(lens.radius * 100) / 100)
        angle, zenith_deg = np.degrees(np.arctan2(x, -y)), r * (90 - round(lens.edge_elevation_deg))
        return float(sign * (angle - lens.north_deg) % 360), float(90 - zenith_deg)
    right, down = x / lens.radius - lens.optics.centre_x, y / lens.radius - lens.optics.centre_y
    around, off = np.arctan2(right, -down), _off_axis(np.hypot(right, down), lens.optics)
    flat = np.sin(off)
    e, s, z = _leaning(flat * np.sin(around), -flat * np.cos(around), np.cos(off), lens, -1.0)
    angle = np.degrees(np.arctan2(e, -s))
    return float(sign * (angle - lens.north_deg) % 360), float(np.degrees(np.arcsin(np.clip(z, -1, 1))))


def _skyline(lens: Lens, bins: int) -> Plane:
    """Radius (edge of the sky = 1) at which the ground begins, by angle around the picture."""
    rng = np.random.default_rng([lens.seed, 1])
    turn = np.linspace(0, 2 * np.pi, bins, endpoint=False, dtype=np.float32)
    line = np.full(bins, lens.horizon, dtype=np.float32)
    for wave in range(1, 6):
        line += lens.hills / wave * np.cos(wave * turn + rng.uniform(0, 2 * np.pi)) * rng.normal()
    stems, width = rng.uniform(0, bins, lens.trees), rng.uniform(0.002, 0.012, lens.trees) * bins / 2
    height = np.minimum(rng.exponential(0.022, lens.trees), 0.09)
    for centre, half, top in zip(stems, width, height, strict=True):
        near = np.arange(int(centre - half), int(centre + half) + 2)
        line[near % bins] -= np.float32(top) * np.maximum(0, 1 - np.abs(near - centre) / half)
    for _ in range(lens.notches):
        angle, wide, depth = rng.uniform(0, 2 * np.pi), rng.uniform(0.05, 0.35), rng.uniform(0.03, 0.12)
        apart = np.abs((turn - angle + np.pi) % (2 * np.pi) - np.pi)
        line = np.minimum(line, 1 - depth + 0.6 * (apart / wide) ** 4).astype(np.float32)
    return line


@lru_cache(maxsize=32)
def _bins(side: int) -> npt.NDArray[np.int32]:
    return _in_bins(_plain_grid(side, 100, 0).angle, side)


def _in_bins(angle: Plane, side: int) -> npt.NDArray[np.int32]:
    bins = max(512, side * 3)
    return np.minimum((angle / (2 * np.pi) * bins).astype(np.int32), bins - 1)


@lru_cache(maxsize=8)
def sky_mask(lens: Lens, side: int) -> Plane:
    """1 where the picture shows sky, 0 below the skyline, soft over a pixel or two."""
    g = grid(lens, side)
    index = _bins(side) if lens.optics is None else _in_bins(g.angle, side)
    line = _skyline(lens, int(max(512, side * 3)))[index]
    r = g.r
    return np.clip((line - r) * (side * 0.35) + 0.5, 0, 1).astype(np.float32)
