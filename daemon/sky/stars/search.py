"""The coarse search: every turn, scale, handedness and shift of the lens against the points found. Pure.

Points are painted as soft spots on a small map of the disc; a hypothesis is scored by what the map
holds where the bright stars would lie. That takes a look-up a star, so that a few hundred thousand
hypotheses cost less than a second and nothing needs to be guessed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from daemon.observation import Lens, Orientation, Points
from daemon.sky.stars.catalogue import StarField

Floats = npt.NDArray[np.float64]

TURNS_DEG = np.arange(0.0, 360.0, 2.0)
SCALES = np.geomspace(0.78, 1.5, 17)
SHAPES = (0.0, -0.1)
"""b over a: an equidistant lens, and about an equisolid one."""
SHIFTS = tuple((x * 0.03, y * 0.03) for x in range(-2, 3) for y in range(-2, 3) if abs(x) + abs(y) < 4)
"""Where the axis meets the disc; a lens that is tilted a little looks like one that is shifted."""

SPOT = 0.045
"""Radius of a point's spot, in radii of the disc: 4° of sky."""
MAP, REACH = 200, 1.25
"""Side of the map and how far it reaches, in radii."""
POINTS, STARS = 70, 45
LEAST_ELEVATION_DEG = 15.0


@dataclass(frozen=True)
class Hypothesis:
    """A lens worth a closer look; ``score`` the mean of the map under the stars; ``instant`` counts the fields."""

    score: float
    orientation: Orientation
    instant: int = 0


def spots(points: Points) -> npt.NDArray[np.float32]:
    """The strongest points → the map, (MAP, MAP): 1 on a point, 0 beyond SPOT."""
    dark = np.ones((MAP, MAP), dtype=np.uint8)
    column, row = _cell(points.x[:POINTS]), _cell(points.y[:POINTS])
    inside = (column >= 0) & (column < MAP) & (row >= 0) & (row < MAP)
    dark[row[inside], column[inside]] = 0
    away = cv2.distanceTransform(dark, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) * (2 * REACH / MAP)
    return np.asarray(np.maximum(0.0, 1.0 - away / SPOT), dtype=np.float32)


def _cell(at: Floats) -> npt.NDArray[np.intp]:
    return np.floor((at + REACH) * (MAP / (2 * REACH))).astype(np.intp)


def search(
    seen: npt.NDArray[np.float32],
    fields: Sequence[StarField],
    *,
    keep: int = 40,
    scales: Sequence[float] = tuple(SCALES),
    shifts: Sequence[tuple[float, float]] = SHIFTS,
    shapes: Sequence[float] = SHAPES,
) -> list[Hypothesis]:
    """The best hypotheses for a map of points, best first.

    ``fields`` are the stars at the instants that come into question: one where the time is known.
    """
    found: list[Hypothesis] = []
    padded = np.pad(seen, ((0, 1), (0, 1)))  # the last row and column are what lies outside
    for instant, field in enumerate(fields):
        bright = field.chosen(field.elevation_deg >= LEAST_ELEVATION_DEG).chosen(np.arange(STARS))
        for east_left in (True, False):
            for shape in shapes:
                for scale in scales:
                    found += _turned(padded, bright, east_left, float(scale), shape, shifts, instant)
        found = _best(found, keep * 4)
    return _distinct(found)[:keep]


def _turned(
    padded: npt.NDArray[np.float32],
    stars: StarField,
    east_left: bool,
    scale: float,
    shape: float,
    shifts: Sequence[tuple[float, float]],
    instant: int,
) -> list[Hypothesis]:
    """For one lens the best turn of each shift."""
    z = (90.0 - stars.elevation_deg) / 90.0
    r = scale * (z + shape * z**3)
    sign = -1.0 if east_left else 1.0
    angle = np.radians(TURNS_DEG[:, None] + sign * stars.azimuth_deg[None, :])
    x, y = r * np.sin(angle), -r * np.cos(angle)
    out = []
    for right, down in shifts:
        column, row = _cell(x + right), _cell(y + down)
        outside = (column < 0) | (column >= MAP) | (row < 0) | (row >= MAP)
        column[outside], row[outside] = MAP, MAP
        score = padded[row, column].mean(axis=1)
        best = int(np.argmax(score))
        lens = Lens(a=scale, b=scale * shape, centre_x=right, centre_y=down)
        orientation = Orientation(float(TURNS_DEG[best]), east_left, lens=lens)
        out.append(Hypothesis(float(score[best]), orientation, instant))
    return out


def _best(found: list[Hypothesis], keep: int) -> list[Hypothesis]:
    return sorted(found, key=lambda one: -one.score)[:keep]


def _distinct(found: list[Hypothesis]) -> list[Hypothesis]:
    """Best first, those left out that a closer look would bring to the same place."""
    out: list[Hypothesis] = []
    for one in sorted(found, key=lambda each: -each.score):
        if not any(_alike(one, other) for other in out):
            out.append(one)
    return out


def _alike(one: Hypothesis, other: Hypothesis) -> bool:
    a, b = one.orientation, other.orientation
    assert a.lens is not None
    assert b.lens is not None
    apart_deg = abs((a.north_deg - b.north_deg + 180.0) % 360.0 - 180.0)
    return (
        a.east_left == b.east_left
        and apart_deg <= 4.0
        and abs(one.instant - other.instant) <= 1
        and abs(
            np.log(a.lens.a * (1 + a.lens.b / a.lens.a * 0.3) / (b.lens.a * (1 + b.lens.b / b.lens.a * 0.3)))
        )
        < 0.05
        and abs(a.lens.centre_x - b.lens.centre_x) + abs(a.lens.centre_y - b.lens.centre_y) <= 0.031
    )
