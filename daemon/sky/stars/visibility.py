"""Which parts of the sky are clear: how much of the starlight comes through, by sector. Pure.

The sky above 15° is cut into 8 azimuths × 3 rings of elevation. Each star has a brightness that this camera
would show it with under a clear sky (its :attr:`Shown.zero`); the point of light where it stands shows how
much of that is left. Grey levels are turned into light first, for the same star adds fewer levels to a bright sky
than to a dark one. A star that would not stand out even in clear air (before bright aurora, in the moon's
glare, in twilight) says nothing; one that would and does not is hidden. A point may lie there by
chance: how often is measured in the same picture, at places beside the stars' own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from daemon.observation import Orientation, Points
from daemon.sky.lens import project
from daemon.sky.stars.catalogue import StarField
from daemon.sky.stars.fit import DEGREE
from daemon.sky.stars.nearest import Nearest, by_chance

Floats = npt.NDArray[np.float64]

AZIMUTHS, RINGS_DEG = 8, (15.0, 35.0, 55.0, 90.0)
SECTORS = AZIMUTHS * (len(RINGS_DEG) - 1)
LEAST_STARS = 2
"""Fewer stars than this say nothing of a sector."""
SEEN_WITHIN_DEG = 0.45
CLEAR_PART, COVERED_PART, LEAST_PART = 0.7, 0.3, 0.15
"""Shares of the starlight that make a sector clear or covered; how much of the sky each must take for it to be broken."""
ASIDE_DEG = ((2.3, 0.0), (-2.3, 0.0), (0.0, 2.3), (0.0, -2.3), (1.7, 1.7), (-1.7, -1.7))
GLARE_DEG = 18.0
"""Around a moon that is up nothing is expected."""

GAMMAS = np.arange(0.9, 2.71, 0.1)
"""Light goes as grey levels to some power, from a linear camera's to the steepest of JPEGs; each camera has its own."""
USUAL_LEVEL, USUAL_HEIGHT = 20.0, 4.0
"""The sky's level and a star's height that are one unit of light, whatever the power."""
TOP = 1.5
"""A star's top over its height after :mod:`daemon.footage.points`' two blurs."""
INFORMS = 0.7
"""A star says something where the least share of its light that would be noticed is under this. One that is not seen
has less than that share, and no more than the other stars of its sector."""


@dataclass(frozen=True)
class StarCover:
    """What the stars say of one frame.

    ``sectors`` (24,) share 0…1 of the starlight that comes through, None where too few stars say anything: ring
    by ring from the lowest, each from north over east. ``share`` the same of the whole sky, weighted by solid angle;
    None where fewer than half of it is known. ``expected`` and ``seen`` count stars; ``chance`` is the share that
    points by chance would give.
    """

    sectors: tuple[float | None, ...]
    share: float | None
    expected: int
    seen: int
    chance: float

    @property
    def broken(self) -> bool:
        """Is the sky clear in one part and covered in another, rather than veiled all over?"""
        known = np.array([s is not None for s in self.sectors])
        values = np.array([np.nan if s is None else s for s in self.sectors])
        weight = np.where(known, solid_angles(), 0.0)
        parts = [weight[known & side].sum() for side in (values >= CLEAR_PART, values <= COVERED_PART)]
        return bool(min(parts) >= LEAST_PART * max(weight.sum(), 1e-9))

    def code(self) -> str:
        """24 characters for the record: 0…9 for the tenths of the share, ``-`` for not known."""
        return "".join("-" if s is None else str(min(9, int(s * 10))) for s in self.sectors)


def from_code(code: str) -> tuple[float | None, ...]:
    """The sectors of :meth:`StarCover.code`, each at the middle of its tenth. Raises ValueError."""
    if len(code) != SECTORS or not set(code) <= set("-0123456789"):
        raise ValueError(f"{code!r} is no code of {SECTORS} sectors")
    return tuple(None if c == "-" else (int(c) + 0.5) / 10 for c in code)


@lru_cache(maxsize=4096)
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
    zero: float,
    moon: tuple[float, float] | None = None,
    gamma: float = 2.0,
) -> StarCover:
    """Points of light against the stars of a camera whose zero and curve are known; ``moon`` (azimuth, elevation) if up."""
    expected, x, y = _on_disc(stars.brighter(TO, RINGS_DEG[0]), orientation, moon)
    level, least = _behind(points.level, x, y), _behind(points.least, x, y)
    noticed = _share_of_light(light(level, least, gamma) + expected.magnitude - zero)
    informs = noticed < INFORMS
    expected, x, y, noticed = expected.chosen(informs), x[informs], y[informs], noticed[informs]
    full, near = zero - expected.magnitude, Nearest(points.x, points.y)
    came, seen = _through(points, near, x, y, full, gamma)
    aside = np.array(
        [_through(points, near, x + dx * DEGREE, y + dy * DEGREE, full, gamma)[0] for dx, dy in ASIDE_DEG]
    )
    chance = float(aside.mean()) if aside.size else 0.0
    weight, sector = 1.0 / (0.1 + noticed), sector_of(expected.azimuth_deg, expected.elevation_deg)
    at_least = _means(sector, weight, came)
    shares = _means(sector, weight, np.where(seen, came, np.minimum(noticed, at_least[sector])))
    count = np.bincount(sector, minlength=SECTORS)
    sectors = tuple(
        _beyond_chance(share, chance) if number >= LEAST_STARS else None
        for number, share in zip(count, shares, strict=True)
    )
    return StarCover(sectors, _whole(sectors), len(expected), int(seen.sum()), chance)


def _means(sector: npt.NDArray[np.intp], weight: Floats, value: Floats) -> Floats:
    """(24,) the weighted mean of each sector; 0 where there is nothing."""
    total = np.bincount(sector, weight, minlength=SECTORS)
    return np.asarray(np.bincount(sector, weight * value, minlength=SECTORS) / np.maximum(total, 1e-9))


def light(level: Floats, height: Floats, gamma: float) -> Floats:
    """Magnitudes (larger: brighter) of the light that lifts a sky of grey ``level`` by a point of ``height``."""
    unit = (USUAL_LEVEL + TOP * USUAL_HEIGHT) ** gamma - USUAL_LEVEL**gamma
    more = (level + TOP * height) ** gamma - level**gamma
    return np.asarray(2.5 * np.log10(np.maximum(more / unit, 1e-9)))


def on_points(
    points: Points, stars: StarField, orientation: Orientation
) -> tuple[StarField, npt.NDArray[np.bool_]]:
    """The stars that the disc shows, and for each whether a point lies where it must be."""
    field, x, y = _on_disc(stars, orientation, None)
    return field, _seen(Nearest(points.x, points.y), x, y)[0]


def _through(
    points: Points, near: Nearest, x: Floats, y: Floats, full: Floats, gamma: float
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """For each place: the share 0…1 of the light expected there (``full``, magnitudes) that its point has, and
    whether there is a point."""
    seen, which = _seen(near, x, y)
    came = np.zeros(len(x))
    level, height = _behind(points.level, x[seen], y[seen]), points.height[which[seen]]
    came[seen] = np.minimum(_share_of_light(light(level, height, gamma) - full[seen]), 1.0)
    return came, seen


def _share_of_light(magnitudes: Floats) -> Floats:
    return np.asarray(10.0 ** (0.4 * magnitudes))


def _behind(plane: npt.NDArray[np.float32], x: Floats, y: Floats) -> Floats:
    """A map of the disc (n, n) at positions on it, between its cells."""
    n = len(plane)
    row, column = (np.clip((at + 1.0) / 2 * n - 0.5, 0.0, n - 1.0) for at in (y, x))
    top, left = (np.minimum(at.astype(np.intp), n - 2) for at in (row, column))
    down, right = row - top, column - left
    upper = plane[top, left] * (1.0 - right) + plane[top, left + 1] * right
    lower = plane[top + 1, left] * (1.0 - right) + plane[top + 1, left + 1] * right
    return np.asarray(upper * (1.0 - down) + lower * down, dtype=np.float64)


def _beyond_chance(share: float, chance: float) -> float:
    return float(np.clip((share - chance) / max(1.0 - chance, 0.2), 0.0, 1.0))


def _on_disc(
    stars: StarField, orientation: Orientation, moon: tuple[float, float] | None
) -> tuple[StarField, Floats, Floats]:
    """The stars that the disc shows outside the moon's glare, and where."""
    if moon is not None:
        stars = stars.chosen(_away(stars, moon) > GLARE_DEG)
    x, y = project(stars.azimuth_deg, stars.elevation_deg, orientation)
    on = np.hypot(x, y) < 0.97
    return stars.chosen(on), x[on], y[on]


def _whole(sectors: Sequence[float | None]) -> float | None:
    known = np.array([s is not None for s in sectors])
    weight = solid_angles()
    if weight[known].sum() < 0.5:
        return None
    values = np.array([0.0 if s is None else s for s in sectors])
    return float((values * weight)[known].sum() / weight[known].sum())


def _seen(near: Nearest, x: Floats, y: Floats) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.intp]]:
    """For each place whether a point lies there, and the nearest point's index."""
    away, which = near.to(x, y)
    return away <= SEEN_WITHIN_DEG * DEGREE, which


def _away(stars: StarField, moon: tuple[float, float]) -> Floats:
    """Degrees between each star and the moon."""
    azimuth, elevation = np.radians(stars.azimuth_deg - moon[0]), np.radians(stars.elevation_deg)
    height = np.radians(moon[1])
    cosine = np.sin(elevation) * np.sin(height) + np.cos(elevation) * np.cos(height) * np.cos(azimuth)
    return np.asarray(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))


# ── what a camera shows ─────────────────────────────────────────────────────────────────────────

BIN = 0.5
FROM, TO = 1.5, 5.5
FIRST_LOOK = 3.0
"""Magnitude of the stars by which it is decided whether a frame shows stars at all, and where."""
BY_CHANCE = 1e-4
"""A frame shows stars where chance would find as many of these so seldom."""
LEAST_MEASURED = 6


@dataclass(frozen=True)
class Shown:
    """What one frame shows in the better half of its sky: the magnitude ``limit`` to which most stars are seen, and its
    ``zero``, the magnitude of a star of one unit of light; ``gamma`` the power by which its own stars, bright and faint, and
    on dark and bright sky, agree best."""

    limit: float
    zero: float
    gamma: float


def shown(
    points: Points,
    stars: StarField,
    orientation: Orientation,
    moon: tuple[float, float] | None = None,
    gamma: float | None = None,
) -> Shown | None:
    """What this frame shows of the stars; None where chance alone might put as many points where stars must be.

    Bins of half a magnitude from bright to faint: the limit is the end of the last in which, like in
    all brighter ones, at least 60 % are seen. ``gamma`` is the camera's, where more frames than this one have shown it.
    """
    near = Nearest(points.x, points.y)
    better = _better(near, stars, orientation, moon)
    field, x, y = _on_disc(stars.brighter(TO, RINGS_DEG[0]), orientation, moon)
    inside = np.isin(sector_of(field.azimuth_deg, field.elevation_deg), better)
    field, x, y = field.chosen(inside), x[inside], y[inside]
    seen, which = _seen(near, x, y)
    limit = _limit(field.magnitude, seen)
    if limit is None:
        return None
    plain = seen & (field.magnitude <= limit - BIN)
    if plain.sum() < LEAST_MEASURED:
        return None
    level, height = _behind(points.level, x[plain], y[plain]), points.height[which[plain]]
    own = _curve(level, height, field.magnitude[plain])
    lit = light(level, height, own if gamma is None else gamma)
    return Shown(limit, float(np.median(lit + field.magnitude[plain])), own)


def _curve(level: Floats, height: Floats, magnitude: Floats) -> float:
    """The power with which the stars' zeros scatter least."""
    zeros = [light(level, height, float(gamma)) + magnitude for gamma in GAMMAS]
    scatter = [float(np.percentile(np.abs(zero - np.median(zero)), 68)) for zero in zeros]
    return float(GAMMAS[int(np.argmin(scatter))])


def _better(
    near: Nearest, stars: StarField, orientation: Orientation, moon: tuple[float, float] | None
) -> list[int]:
    """The sectors in which most bright stars are seen; none where chance might do as well."""
    field, x, y = _on_disc(stars.brighter(FIRST_LOOK, RINGS_DEG[0]), orientation, moon)
    if not len(field):
        return []
    seen, _ = _seen(near, x, y)
    chance = np.mean([_seen(near, x + dx * DEGREE, y + dy * DEGREE)[0].mean() for dx, dy in ASIDE_DEG])
    if by_chance(int(seen.sum()), len(field), max(float(chance), 1.0 / len(field))) > BY_CHANCE:
        return []
    sector = sector_of(field.azimuth_deg, field.elevation_deg)
    count = np.bincount(sector, minlength=SECTORS)
    share = np.bincount(sector, seen, minlength=SECTORS) / np.maximum(count, 1)
    known = count >= LEAST_STARS
    if known.sum() < 4:
        return []
    return [int(i) for i in np.flatnonzero(known & (share >= max(0.5, float(np.median(share[known])))))]


def _limit(magnitude: Floats, seen: npt.NDArray[np.bool_]) -> float | None:
    limit = None
    for edge in np.arange(FROM, TO + 0.01, BIN):
        inside = (magnitude > (edge - BIN if edge > FROM else -9.0)) & (magnitude <= edge)
        if inside.sum() >= 3 and seen[inside].mean() < 0.6:
            break
        limit = float(edge)
    return limit if seen.any() else None
