"""Where the sky disc lies in a picture of an unknown camera: the circle its rim is part of. Pure.

The rim is looked for on rays from the middle of what is lit; a circle is then laid through as many
of those points as possible, so that a disc cut at top and bottom, trees, letters and the picture's
own edges do no harm.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from daemon.observation import Disc, Picture

SMALL = 360
"""Pixels of the longer side of the picture in which it is sought."""
NARROW = 16
"""Pixels of the shorter side of that below which no circle shows."""
RAYS = 240
TRIALS = 400
NEAR = 0.012
"""How far from the circle, in radii, a point of the rim may lie."""
LEAST_SHARE = 0.2
"""Share of the rays that must meet the circle for it to be believed."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class FoundDisc:
    """A disc and the share of all rays whose rim lies on it."""

    disc: Disc
    share: float


def find_disc(pixels: Picture) -> FoundDisc | None:
    """The disc of a picture (height, width, 3), or None where no circle shows."""
    height, width = pixels.shape[:2]
    scale = min(1.0, SMALL / max(height, width))
    if min(height, width) * scale < NARROW:
        return None
    small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    rim = _rim(_lit(np.asarray(small, dtype=np.uint8)))
    circle = _circle(rim, max(small.shape[:2]))
    if circle is None:
        return None
    x, y, radius, share = circle
    return FoundDisc(Disc(x / scale, y / scale, radius / scale, width, height), share)


def whole_picture(pixels: Picture) -> Disc:
    """The circle through the middle of the longer sides: what a lens fills where no rim shows."""
    height, width = pixels.shape[:2]
    return Disc(width / 2, height / 2, max(height, width) / 2, width, height)


def _lit(small: Picture) -> npt.NDArray[np.bool_]:
    """The largest connected part that is brighter than the dark around the disc, holes filled."""
    grey = cv2.GaussianBlur(small.max(axis=2).astype(np.float32), (0, 0), 1.5)
    rows, columns = grey.shape
    dark = float(np.percentile(grey, 2))
    inner = grey[rows // 4 : -rows // 4 or None, columns // 4 : -columns // 4 or None]
    above = dark + max(2.0, 0.15 * (float(np.median(inner)) - dark))
    _, labels, stats, _ = cv2.connectedComponentsWithStats((grey > above).astype(np.uint8), connectivity=8)
    if len(stats) < 2:
        return np.zeros(grey.shape, dtype=np.bool_)
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    return np.asarray(labels == largest)


def _rim(lit: npt.NDArray[np.bool_]) -> Floats:
    """(n, 2) the farthest lit point of each ray, those at the picture's own edge left out."""
    if not lit.any():
        return np.zeros((0, 2))
    rows, columns = lit.shape
    row, column = np.nonzero(lit)
    middle_x, middle_y = (column.min() + column.max()) / 2, (row.min() + row.max()) / 2
    angle = np.linspace(0, 2 * np.pi, RAYS, endpoint=False)[:, None]
    out = np.arange(0.0, float(np.hypot(rows, columns)), 0.5)[None, :]
    x, y = middle_x + out * np.sin(angle), middle_y - out * np.cos(angle)
    inside = (x >= 0) & (x <= columns - 1) & (y >= 0) & (y <= rows - 1)
    hit = (
        inside
        & lit[np.clip(np.rint(y), 0, rows - 1).astype(int), np.clip(np.rint(x), 0, columns - 1).astype(int)]
    )
    last = out.shape[1] - 1 - np.argmax(hit[:, ::-1], axis=1)
    found = np.stack([x[np.arange(RAYS), last], y[np.arange(RAYS), last]], axis=1)[hit.any(axis=1)]
    edge = (np.minimum(found[:, 0], columns - 1 - found[:, 0]) < 1.5) | (
        np.minimum(found[:, 1], rows - 1 - found[:, 1]) < 1.5
    )
    return np.asarray(found[~edge] + 0.5)


def _circle(rim: Floats, side: int) -> tuple[float, float, float, float] | None:
    """(x, y, radius, share of the rays on it) of the circle through most of the rim's points."""
    if len(rim) < 12:
        return None
    rng = np.random.default_rng(0)  # the same picture gives the same disc
    picks = np.stack([rng.choice(len(rim), 3, replace=False) for _ in range(TRIALS)])
    centre, radius = _through(rim[picks])
    fair = np.isfinite(radius) & (radius > 0.2 * side) & (radius < 1.2 * side)
    if not fair.any():
        return None
    centre, radius = centre[fair], radius[fair]
    away = np.abs(np.hypot(*(rim[None] - centre[:, None]).transpose(2, 0, 1)) - radius[:, None])
    best = int(np.argmax((away < NEAR * radius[:, None]).sum(axis=1)))
    on = away[best] < NEAR * radius[best]
    for _ in range(3):
        x, y, r = _fitted(rim[on])
        on = np.abs(np.hypot(rim[:, 0] - x, rim[:, 1] - y) - r) < NEAR * r
        if on.sum() < 12:
            return None
    share = float(on.sum()) / RAYS
    return (x, y, r, share) if share >= LEAST_SHARE else None


def _through(points: Floats) -> tuple[Floats, Floats]:
    """(m, 3, 2) → centres (m, 2) and radii (m,) of the circles through three points each."""
    a, b, c = points[:, 0], points[:, 1], points[:, 2]
    ab, ac = b - a, c - a
    twice = 2 * (ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0])
    twice = np.where(np.abs(twice) < 1e-9, np.nan, twice)
    sb, sc = (ab**2).sum(axis=1), (ac**2).sum(axis=1)
    x = (ac[:, 1] * sb - ab[:, 1] * sc) / twice
    y = (ab[:, 0] * sc - ac[:, 0] * sb) / twice
    return a + np.stack([x, y], axis=1), np.hypot(x, y)


def _fitted(points: Floats) -> tuple[float, float, float]:
    """The least-squares circle (Kåsa 1976)."""
    matrix = np.column_stack([2 * points, np.ones(len(points))])
    (x, y, rest), *_ = np.linalg.lstsq(matrix, (points**2).sum(axis=1), rcond=None)
    return float(x), float(y), float(np.sqrt(max(rest + x**2 + y**2, 0.0)))
