"""The fisheye: which direction each pixel looks in, and the horizon around it.

Equidistant projection, zenith at the centre of a square picture: the zenith angle grows linearly
with the distance from the centre. ``Grid`` holds unit vectors in the picture's own frame (x right,
y down, z up), so that every light in the sky is one dot product away.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from training.simulator.noise import Plane
from training.simulator.scene_types import Lens


@dataclass(frozen=True, eq=False)
class Grid:
    """Directions of the pixels of a square picture, each (side, side) float32.

    ``x y`` in -1..1 of the square; ``r`` distance from the centre where the sky disc's edge is 1;
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
def _grid(side: int, radius_percent: int, edge_elevation_deg: int) -> Grid:
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


def grid(lens: Lens, side: int) -> Grid:
    """The directions seen by ``lens`` in a picture of ``side`` pixels (cached)."""
    return _grid(side, round(lens.radius * 100), round(lens.edge_elevation_deg))


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
    angle = picture_angle(lens, azimuth_deg)
    r = (90 - elevation_deg) / (90 - round(lens.edge_elevation_deg)) * round(lens.radius * 100) / 100
    half = side / 2
    return float(half + half * r * np.sin(angle) - 0.5), float(half - half * r * np.cos(angle) - 0.5)


def direction(lens: Lens, x: float, y: float) -> tuple[float, float]:
    """(azimuth, elevation) in degrees of a point of the square, x and y in -1..1."""
    r = np.hypot(x, y) / (round(lens.radius * 100) / 100)
    angle = np.degrees(np.arctan2(x, -y))
    sign = -1.0 if lens.east_left else 1.0
    return float(sign * (angle - lens.north_deg) % 360), float(90 - r * (90 - round(lens.edge_elevation_deg)))


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
    angle = _grid(side, 100, 0).angle
    bins = max(512, side * 3)
    return np.minimum((angle / (2 * np.pi) * bins).astype(np.int32), bins - 1)


@lru_cache(maxsize=8)
def sky_mask(lens: Lens, side: int) -> Plane:
    """1 where the picture shows sky, 0 below the skyline, soft over a pixel or two."""
    index = _bins(side)
    line = _skyline(lens, int(max(512, side * 3)))[index]
    r = grid(lens, side).r
    return np.clip((line - r) * (side * 0.35) + 0.5, 0, 1).astype(np.float32)
