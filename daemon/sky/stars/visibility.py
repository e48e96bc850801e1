"""Which parts of the sky are clear: the share of the stars that must be seen and are, by sector. Pure.

The sky above 15° is cut into 8 azimuths × 3 rings of elevation. In each the stars that this camera shows under
such moon and twilight are counted, and those with a point of light where they stand. A point may lie
there by chance: how often is measured in the same picture, at places beside the stars' own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from daemon.observation import Orientation, Points
from daemon.sky.lens import project
from daemon.sky.stars.catalogue import StarField
from daemon.sky.stars.fit import DEGREE

Floats = npt.NDArray[np.float64]

AZIMUTHS, RINGS_DEG = 8, (15.0, 35.0, 55.0, 90.0)
SECTORS = AZIMUTHS * (len(RINGS_DEG) - 1)
LEAST_STARS = 2
"""Fewer stars than this say nothing of a sector."""
SEEN_WITHIN_DEG = 0.45
ASIDE_DEG = ((2.3, 0.0), (-2.3, 0.0), (0.0, 2.3), (0.0, -2.3), (1.7, 1.7), (-1.7, -1.7))
GLARE_DEG = 18.0
"""Around a moon that is up nothing is expected."""


@dataclass(frozen=True)
class StarCover:
    """What the stars say of one frame.

    ``sectors`` (24,) share of the expected stars seen, None where too few are expected: ring by ring from
    the lowest, each from north over east. ``share`` the same of the whole sky, weighted by solid angle; None where
    fewer than half of it is known. ``expected`` and ``seen`` count stars; ``chance`` is how often a
    point lies where no star does; ``limit`` the magnitude to which stars were expected.
    """

    sectors: tuple[float | None, ...]
    share: float | None
    expected: int
    seen: int
    chance: float
    limit: float

    def code(self) -> str:
        """24 characters for the record: 0…9 for the tenths of the share, ``-`` for not known."""
        return "".join("-" if s is None else str(min(9, int(s * 10))) for s in self.sectors)


def from_code(code: str) -> tuple[float | None, ...]:
    """The sectors of :meth:`StarCover.code`, each at the middle of its tenth. Raises ValueError."""
    if len(code) != SECTORS or not set(code) <= set("-0123456789"):
        raise ValueError(f"{code!r} is no code of {SECTORS} sectors")
    return tuple(None if c == "-" else (int(c) + 0.5) / 10 for c in code)


def share_of(code: str) -> float | None:
    """The share of the whole sky that a code stands for, weighted by solid angle."""
    return _whole(from_code(code))


def sector_of(azimuth_deg: Floats, elevation_deg: Floats) -> npt.NDArray[np.intp]:
    """The sector of each direction, −1 below the lowest ring. Sector 0 is centred on north."""
    ring = np.searchsorted(RINGS_DEG, elevation_deg, side="right") - 1
    ring = np.minimum(ring, len(RINGS_DEG) - 2)
    around = np.floor((azimuth_deg + 180.0 / AZIMUTHS) / (360.0 / AZIMUTHS)).astype(np.intp) % AZIMUTHS
    return np.where(ring < 0, -1, ring * AZIMUTHS + around).astype(np.intp)


def solid_angles() -> Floats:
    """(24,) share of the sky above the lowest ring that each sector takes."""
    edges = np.sin(np.radians(RINGS_DEG))
    rings = np.diff(edges) / (edges[-1] - edges[0])
    return np.repeat(rings / AZIMUTHS, AZIMUTHS)


def star_cover(
    points: Points,
    stars: StarField,
    orientation: Orientation,
    limit: float,
    moon: tuple[float, float] | None = None,
) -> StarCover:
    """Points of light against the stars to the magnitude ``limit``; ``moon`` (azimuth, elevation) if up."""
    expected = stars.brighter(limit, RINGS_DEG[0])
    if moon is not None:
        expected = expected.chosen(_away(expected, moon) > GLARE_DEG)
    at_x, at_y = project(expected.azimuth_deg, expected.elevation_deg, orientation)
    on = np.hypot(at_x, at_y) < 0.97
    expected, at_x, at_y = expected.chosen(on), at_x[on], at_y[on]
    sector = sector_of(expected.azimuth_deg, expected.elevation_deg)
    seen = _near(points, at_x, at_y)
    aside = np.array([_near(points, at_x + dx * DEGREE, at_y + dy * DEGREE) for dx, dy in ASIDE_DEG])
    count = np.bincount(sector, minlength=SECTORS).astype(np.float64)
    found = np.bincount(sector, seen, minlength=SECTORS)
    false = np.bincount(sector, aside.mean(axis=0), minlength=SECTORS) if len(sector) else np.zeros(SECTORS)
    chance = float(aside.mean()) if aside.size else 0.0
    sectors = tuple(_share(n, k, f, chance) for n, k, f in zip(count, found, false, strict=True))
    return StarCover(sectors, _whole(sectors), len(expected), int(seen.sum()), chance, limit)


def _share(count: float, found: float, false: float, chance: float) -> float | None:
    """The share seen beyond chance; the sector's own rate of chance leans on the frame's."""
    if count < LEAST_STARS:
        return None
    by_chance = (false + 4 * chance) / (count + 4)
    return float(np.clip((found / count - by_chance) / max(1.0 - by_chance, 0.2), 0.0, 1.0))


def _whole(sectors: Sequence[float | None]) -> float | None:
    known = np.array([s is not None for s in sectors])
    weight = solid_angles()
    if weight[known].sum() < 0.5:
        return None
    values = np.array([0.0 if s is None else s for s in sectors])
    return float((values * weight)[known].sum() / weight[known].sum())


def _near(points: Points, at_x: Floats, at_y: Floats) -> npt.NDArray[np.bool_]:
    if not len(points) or not len(at_x):
        return np.zeros(len(at_x), np.bool_)
    away, _ = cKDTree(np.column_stack([points.x, points.y])).query(np.column_stack([at_x, at_y]))
    return np.asarray(away <= SEEN_WITHIN_DEG * DEGREE)


def _away(stars: StarField, moon: tuple[float, float]) -> Floats:
    """Degrees between each star and the moon."""
    azimuth, elevation = np.radians(stars.azimuth_deg - moon[0]), np.radians(stars.elevation_deg)
    height = np.radians(moon[1])
    cosine = np.sin(elevation) * np.sin(height) + np.cos(elevation) * np.cos(height) * np.cos(azimuth)
    return np.asarray(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))


# ── what a camera shows ─────────────────────────────────────────────────────────────────────────

BIN = 0.5
FROM, TO = -0.5, 5.5


def limit_of(
    points: Points, stars: StarField, orientation: Orientation, moon: tuple[float, float] | None = None
) -> float | None:
    """The magnitude to which this frame shows most stars, in the better half of its sky; None if in none.

    Bins of half a magnitude from bright to faint: the limit is the end of the last in which, like in
    all brighter ones, at least 60 % are seen.
    """
    first = star_cover(points, stars, orientation, 3.0, moon)
    shares = [s for s in first.sectors if s is not None]
    if len(shares) < 4:
        return None
    better = [
        i for i, s in enumerate(first.sectors) if s is not None and s >= max(0.5, float(np.median(shares)))
    ]
    if not better:
        return None
    field = stars.brighter(TO, RINGS_DEG[0])
    field = field.chosen(np.isin(sector_of(field.azimuth_deg, field.elevation_deg), better))
    at_x, at_y = project(field.azimuth_deg, field.elevation_deg, orientation)
    seen = _near(points, at_x, at_y)
    limit = None
    for edge in np.arange(1.5, TO + 0.01, BIN):
        inside = (field.magnitude > (edge - BIN if edge > 1.5 else -9.0)) & (field.magnitude <= edge)
        if inside.sum() >= 3 and seen[inside].mean() < 0.6:
            break
        limit = float(edge)
    return limit


def expected_limit(limit: float) -> float:
    """The magnitude to which stars are to be expected of a camera that shows them to ``limit``: a haze
    that takes half a star's light shall not hide it yet."""
    return max(2.5, limit - 0.5)
