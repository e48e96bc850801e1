"""Nearest points, chance and the least-squares fit: the same as an independent library's (SciPy)."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import least_squares
from scipy.spatial import cKDTree
from scipy.stats import binom

from daemon.observation import Lens, Orientation, Points
from daemon.sky.lens import project
from daemon.sky.stars.catalogue import StarField
from daemon.sky.stars.fit import (
    DEGREE,
    OUTLYING,
    SPREAD,
    STEP,
    USUAL,
    WEIGHT,
    Shot,
    fitted,
    orientation_of,
    values_of,
)
from daemon.sky.stars.nearest import Nearest, by_chance


@pytest.mark.parametrize(("points", "places"), [(1, 5), (9, 1), (400, 900)])
def test_the_nearest_point_is_found(points: int, places: int) -> None:
    """Distance and index of the nearest of all, for every place."""
    rng = np.random.default_rng(points)
    x, y = rng.uniform(-1, 1, (2, points))
    at_x, at_y = rng.uniform(-1, 1, (2, places))
    away, which = Nearest(x, y).to(at_x, at_y)
    expected, index = cKDTree(np.column_stack([x, y])).query(np.column_stack([at_x, at_y]))
    assert away == pytest.approx(expected, abs=1e-6)
    assert which.tolist() == index.tolist()


def test_without_points_nothing_is_near() -> None:
    """No point: infinitely far; no place: nothing asked."""
    none = np.zeros(0)
    assert Nearest(none, none).to(np.zeros(3), np.zeros(3))[0].tolist() == [np.inf] * 3
    assert len(Nearest(np.zeros(3), np.zeros(3)).to(none, none)[0]) == 0


@pytest.mark.parametrize("rate", [0.0, 1e-4, 0.03, 0.5, 0.97, 1.0])
@pytest.mark.parametrize("of", [1, 7, 60, 900])
def test_chance_is_the_binomial_distribution_s(of: int, rate: float) -> None:
    """At least so many of so many, from the whole distribution to a millionth of a millionth of it and less."""
    found = np.unique(np.linspace(0, of, 25).astype(int))
    ours = [by_chance(int(one), of, rate) for one in found]
    assert ours == pytest.approx(binom.sf(found - 1, of, rate), rel=1e-9, abs=1e-280)


@pytest.mark.parametrize("seed", range(12))
def test_the_fit_is_the_least_of_its_sum(seed: int) -> None:
    """From a start some steps off, among false pairs: SciPy's own answer, given all the time it wants, and its errors."""
    rng = np.random.default_rng(seed)
    a, tilt = rng.uniform(0.8, 1.4), rng.uniform(0.5, 4)
    lens = Lens(a, a * rng.uniform(-0.2, 0.05), *rng.uniform(-0.06, 0.06, 2), tilt, rng.uniform(0, 360))
    right = Orientation(float(rng.uniform(0, 360)), bool(seed % 2), lens=lens)
    count, free = int(rng.integers(20, 150)), (4, 5, 7)[seed % 3]
    azimuth, elevation = rng.uniform(0, 360, count), rng.uniform(12, 90, count)
    false = rng.random(count) < 0.1
    x, y = (at + rng.normal(0, 0.002, count) + false * rng.normal(0, 0.02, count)
            for at in project(azimuth, elevation, right))  # fmt: skip
    start = orientation_of(values_of(right) + rng.normal(0, 0.5, 7) * STEP, right.east_left)
    shot = Shot(Points(x, y, np.ones(count)), StarField(np.arange(count), azimuth, elevation, np.ones(count)))
    every = np.arange(count)
    ours = fitted([shot], [(every, every)], start, free)

    begin = values_of(start)
    known = np.flatnonzero(np.isfinite(SPREAD[:free]))

    def residuals(moved: np.ndarray) -> np.ndarray:
        at_x, at_y = project(azimuth, elevation, orientation_of(np.r_[moved, begin[free:]], right.east_left))
        prior = WEIGHT * (moved[known] - USUAL[known]) / SPREAD[known]
        return np.r_[(at_x - x) / DEGREE, (at_y - y) / DEGREE, prior]

    theirs = least_squares(
        residuals, begin[:free], loss="soft_l1", f_scale=OUTLYING, x_scale=STEP[:free],
        ftol=1e-14, xtol=1e-14, gtol=1e-12, max_nfev=1000,
    )  # fmt: skip
    apart = (values_of(ours.orientation)[:free] - theirs.x) / STEP[:free]
    apart[0] = (apart[0] * STEP[0] + np.pi) % (2 * np.pi) - np.pi
    assert np.abs(apart).max() < 1e-4
    square = (residuals(theirs.x)[: 2 * count] ** 2).sum()
    assert ours.rms_deg == pytest.approx(np.sqrt(square / count), rel=1e-4)
    expected = np.linalg.pinv(theirs.jac.T @ theirs.jac) * square / (2 * count - free)
    assert np.sqrt(np.diag(ours.covariance)[:free]) == pytest.approx(np.sqrt(np.diag(expected)), rel=0.01)
