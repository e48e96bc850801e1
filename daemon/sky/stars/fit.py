"""From a rough lens to a good one: match stars and points, least squares, closer each round. Pure.

A lens is fitted as seven values: north (radians), a, the centre's x and y, b over a, and the tilt's
east and north part (degrees). The first four are free from the start; the others join
when enough stars carry them, and lean on what lenses usually are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from daemon.observation import Lens, Orientation, Points
from daemon.sky.lens import lens_of, project, unproject
from daemon.sky.stars.catalogue import StarField
from daemon.sky.stars.nearest import Nearest

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]
Pairs = tuple[Indices, Indices]

DEGREE = 1.0 / 90.0
"""One degree on the disc of an equidistant lens, in radii."""
VALUES = 7
USUAL = np.array([0.0, 0.0, 0.0, 0.0, -0.05, 0.0, 0.0])
SPREAD = np.array([np.inf, np.inf, np.inf, np.inf, 0.12, 3.0, 3.0])
"""What is known of the values beforehand; nothing of the first four."""
WEIGHT = 0.3
STEP = np.array([0.02, 0.02, 0.02, 0.02, 0.05, 1.0, 1.0])
OUTLYING = 0.4
"""Degrees from which a pair's distance counts in proportion, not squared."""
MOST_ROUNDS, NUDGE = 40, 1e-6
"""Of a fit; each looks along every value by so much of its step."""


@dataclass(frozen=True)
class Round:
    """One round of matching: how near a pair must be, how many stars and points of the brightest are
    looked at, how many of the lens's values are free."""

    tolerance_deg: float
    stars: int
    points: int
    free: int


ROUGH = (Round(3.5, 40, 60, 4), Round(2.5, 60, 100, 4), Round(1.6, 80, 160, 5))
FINE = (Round(1.0, 120, 250, 7), Round(0.7, 200, 400, 7))


@dataclass(frozen=True, eq=False)
class Shot:
    """One frame: its points of light, strongest first, and its stars, brightest first."""

    points: Points
    stars: StarField


@dataclass(frozen=True, eq=False)
class Fit:
    """A lens, the pairs (stars, points) of each shot that it rests on, their rms distance, and the
    covariance (7, 7) of its values."""

    orientation: Orientation
    pairs: tuple[Pairs, ...]
    rms_deg: float
    covariance: Floats

    @property
    def count(self) -> int:
        """How many pairs there are."""
        return sum(len(stars) for stars, _ in self.pairs)


def values_of(orientation: Orientation) -> Floats:
    """(7,) the values that are fitted."""
    lens = lens_of(orientation)
    toward = np.radians(lens.tilt_azimuth_deg)
    tilt = lens.tilt_deg * np.sin(toward), lens.tilt_deg * np.cos(toward)
    return np.array(
        [np.radians(orientation.north_deg), lens.a, lens.centre_x, lens.centre_y, lens.b / lens.a, *tilt]
    )


def orientation_of(values: Floats, east_left: bool) -> Orientation:
    """The inverse of :func:`values_of`."""
    north, a, x, y, bend, tilt_east, tilt_north = (float(value) for value in values)
    tilt_deg = float(np.hypot(tilt_east, tilt_north))
    toward_deg = float(np.degrees(np.arctan2(tilt_east, tilt_north)) % 360.0)
    lens = Lens(a, a * bend, x, y, tilt_deg, toward_deg if tilt_deg else 0.0)
    return Orientation(float(np.degrees(north) % 360.0), east_left, lens=lens)


def matched(shot: Shot, orientation: Orientation, how: Round) -> Pairs:
    """Stars and points that are each other's nearest, within the round's tolerance."""
    stars, points = shot.stars, shot.points
    x, y = project(stars.azimuth_deg[: how.stars], stars.elevation_deg[: how.stars], orientation)
    if not len(x) or not len(points):
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    there = points.x[: how.points], points.y[: how.points]
    away, nearest = Nearest(*there).to(x, y)
    _, back = Nearest(x, y).to(*there)
    good = (away <= how.tolerance_deg * DEGREE) & (back[nearest] == np.arange(len(x)))
    return np.flatnonzero(good), nearest[good]


def fitted(shots: Sequence[Shot], pairs: Sequence[Pairs], start: Orientation, free: int = VALUES) -> Fit:
    """The lens that brings the pairs together best; its first ``free`` values are moved."""
    azimuth, elevation, x, y = _gathered(shots, pairs)
    begin = values_of(start)
    known = np.flatnonzero(np.isfinite(SPREAD[:free]))

    def residuals(moved: Floats) -> Floats:
        values = np.concatenate([moved, begin[free:]])
        at_x, at_y = project(azimuth, elevation, orientation_of(values, start.east_left))
        prior = (moved[known] - USUAL[known]) / SPREAD[known]
        return np.concatenate([(at_x - x) / DEGREE, (at_y - y) / DEGREE, WEIGHT * prior])

    best, curvature = _least(residuals, begin[:free], STEP[:free])
    apart = residuals(best)[: 2 * len(x)]
    square = float((apart**2).sum())
    covariance = np.zeros((VALUES, VALUES))
    covariance[:free, :free] = np.linalg.pinv(curvature) * square / max(1, 2 * len(x) - free)
    orientation = orientation_of(np.concatenate([best, begin[free:]]), start.east_left)
    return Fit(orientation, tuple(pairs), float(np.sqrt(square / max(1, len(x)))), covariance)


def _least(residuals: Callable[[Floats], Floats], begin: Floats, step: Floats) -> tuple[Floats, Floats]:
    """Levenberg's and Marquardt's way down to the least sum of ``2 OUTLYING² (√(1 + (r / OUTLYING)²) − 1)``: squares
    near 0, and a false pair far off pulls no more than in proportion. ``step`` is what counts as much in each value.

    Gives the values and the sum's curvature there (Gauss and Newton's; Triggs et al. 2000 for the weights).
    """
    values, damping = begin, 1e-3
    total, slope, curvature = _valley(residuals, values, step)
    for _ in range(MOST_ROUNDS):
        down = np.linalg.solve(curvature + damping * np.diag(np.diag(curvature) + 1e-12), -slope)
        lower = total - _outlying(residuals(values + step * down))
        if lower > 0.0:
            values, damping = values + step * down, damping / 8.0
            total, slope, curvature = _valley(residuals, values, step)
        else:
            damping *= 8.0
        if lower < 1e-9 * total and (lower > 0.0 or damping > 1e3):
            break
    return values, curvature / np.outer(step, step)


def _outlying(apart: Floats) -> float:
    return float((2.0 * OUTLYING**2 * (np.sqrt(1.0 + (apart / OUTLYING) ** 2) - 1.0)).sum())


def _valley(
    residuals: Callable[[Floats], Floats], values: Floats, step: Floats
) -> tuple[float, Floats, Floats]:
    """(the sum, its slope, its curvature), the last two halved and for one step."""
    apart = residuals(values)
    nudges = NUDGE * np.diag(step)
    change = np.column_stack([(residuals(values + nudge) - apart) / NUDGE for nudge in nudges])
    soft = np.sqrt(1.0 + (apart / OUTLYING) ** 2)
    slope = change.T @ (apart / soft)
    return _outlying(apart), slope, np.asarray((change / soft[:, None] ** 3).T @ change, np.float64)


def _gathered(shots: Sequence[Shot], pairs: Sequence[Pairs]) -> tuple[Floats, Floats, Floats, Floats]:
    """(azimuth, elevation, x, y) of every pair of every shot."""
    each = [
        (shot.stars.azimuth_deg[s], shot.stars.elevation_deg[s], shot.points.x[p], shot.points.y[p])
        for shot, (s, p) in zip(shots, pairs, strict=True)
    ]
    azimuth, elevation, x, y = (np.concatenate(column) for column in zip(*each, strict=True))
    return azimuth, elevation, x, y


def refined(shots: Sequence[Shot], start: Orientation, rounds: Sequence[Round]) -> Fit | None:
    """Match and fit, round by round; None where too little holds together."""
    fit: Fit | None = None
    for how in rounds:
        pairs = [matched(shot, start, how) for shot in shots]
        count = sum(len(stars) for stars, _ in pairs)
        if count < 6:
            return None
        fit = fitted(shots, pairs, start, min(how.free, 4 if count < 10 else 5 if count < 18 else VALUES))
        start = fit.orientation
    return fit


def apart_deg(one: Orientation, other: Orientation, above_deg: float = 10.0) -> float:
    """Rms angle between where two lenses say that points look, over the disc above an elevation."""
    side = np.linspace(-0.95, 0.95, 13)
    x, y = (plane.ravel() for plane in np.meshgrid(side, side))
    azimuth, elevation = unproject(x, y, one)
    keep = (elevation >= above_deg) & (np.hypot(x, y) <= 1.0)
    azimuth2, elevation2 = unproject(x[keep], y[keep], other)
    a, e, f = np.radians(azimuth[keep] - azimuth2), np.radians(elevation[keep]), np.radians(elevation2)
    cosine = np.sin(e) * np.sin(f) + np.cos(e) * np.cos(f) * np.cos(a)
    angle = np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))
    return float(np.sqrt((angle**2).mean())) if len(angle) else 180.0


def error_deg(fit: Fit, draws: int = 24) -> float:
    """How far off the lens's directions are likely to be by the fit's own errors, rms over the sky."""
    rng = np.random.default_rng(0)
    begin = values_of(fit.orientation)
    root = np.linalg.cholesky(fit.covariance + 1e-14 * np.eye(VALUES))
    others = (
        orientation_of(begin + root @ rng.standard_normal(VALUES), fit.orientation.east_left)
        for _ in range(draws)
    )
    return float(np.sqrt(np.mean([apart_deg(fit.orientation, other) ** 2 for other in others])))
