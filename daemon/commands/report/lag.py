"""How long after the solar wind does the aurora answer? Rank correlations at lags, night by night. Pure.

A night is a row of five-minute bins from solar noon to solar noon; a driver is looked up ``lag`` minutes before each
bin. Both are replaced by their ranks, once, over all bins; the correlation at a lag is Pearson's on these ranks, that
is Spearman's. Nights, not minutes, are drawn anew for the intervals: neighbouring minutes know of each other. What is
to be expected by chance comes from pairing each night's aurora with another night's solar wind at the same time of
night, which keeps what the time of night alone does to both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Grid = NDArray[np.float64]
"""(nights, bins): one value a bin, NaN where there is none."""

STEP_MIN = 5
LAGS_MIN = tuple(range(0, 181, STEP_MIN))
BINS = 24 * 60 // STEP_MIN

FEWEST_NIGHTS = 8
"""Fewer nights give no interval worth the name."""

FEWEST_PAIRS = 200
RESAMPLES, SHUFFLES = 1000, 999
LEVEL = 0.95


@dataclass(frozen=True, eq=False)
class LagCurve:
    """The rank correlation of one target and one driver by lag; arrays of one shape (lags,).

    ``low`` and ``high`` are the 95 % interval by nights, ``chance_low`` and ``chance_high`` hold 95 % of what nights
    paired at random give. ``lag_min`` is where the correlation is strongest, ``lag_low`` and ``lag_high`` its
    interval. ``p`` is how often nights paired at random reach as strong a correlation at any lag; ``p_holm`` the same
    with respect to all pairs that were tried.
    """

    target: str
    driver: str
    rho: Grid
    low: Grid
    high: Grid
    chance_low: Grid
    chance_high: Grid
    lag_min: int
    lag_low: int
    lag_high: int
    p: float
    nights: int
    bins: int
    p_holm: float = 1.0

    @property
    def best(self) -> float:
        """The correlation at the best lag."""
        return float(self.rho[self.lag_min // STEP_MIN])

    @property
    def significant(self) -> bool:
        """At 5 %, all pairs considered."""
        return self.p_holm < 0.05


def curves(
    targets: Mapping[str, Grid], drivers: Mapping[str, NDArray[np.float64]], seed: int = 0
) -> list[LagCurve]:
    """A curve a pair that has nights and bins enough, Holm's correction over all of them.

    ``targets``: name → (nights, BINS). ``drivers``: name → (lags, nights, BINS), the driver as it was LAGS_MIN
    minutes before each bin.
    """
    found = [
        curve
        for target, grid in targets.items()
        for driver, lagged in drivers.items()
        if (curve := _curve(target, grid, driver, lagged, seed)) is not None
    ]
    return _holm(found)


def lagged(series: NDArray[np.float64], first_bins: NDArray[np.int64]) -> NDArray[np.float64]:
    """(lags, nights, BINS) of a series on the five-minute grid; ``first_bins`` are the nights' first bins in it.

    The series must begin LAGS_MIN[-1] minutes before the first night.
    """
    index = first_bins[:, None] + np.arange(BINS)
    steps = [lag // STEP_MIN for lag in LAGS_MIN]
    return np.stack([series[index - step] for step in steps])


def _curve(target: str, grid: Grid, driver: str, drivers: NDArray[np.float64], seed: int) -> LagCurve | None:
    used = np.isfinite(grid).any(axis=1) & np.isfinite(drivers).any(axis=(0, 2))
    grid, drivers = grid[used], drivers[:, used]
    pairs = int((np.isfinite(grid) & np.isfinite(drivers[0])).sum())
    nights = len(grid)
    if nights < FEWEST_NIGHTS or pairs < FEWEST_PAIRS or _flat(grid) or _flat(drivers):
        return None
    sums = _sums(_ranks(grid), _ranks(drivers))
    own = sums[:, np.arange(nights), np.arange(nights)]
    rho = _pearson(own.sum(axis=1))
    dice = np.random.default_rng(seed)
    drawn = dice.multinomial(nights, np.full(nights, 1 / nights), RESAMPLES).astype(np.float64)
    again = _pearson(np.einsum("bn,lns->lbs", drawn, own))
    chance = _chance(sums, dice)
    best = int(np.nanargmax(np.abs(rho)))
    lags = np.array(LAGS_MIN)[np.nanargmax(np.nan_to_num(again * np.sign(rho[best]), nan=-2.0), axis=0)]
    tails = [100 * (1 - LEVEL) / 2, 100 * (1 + LEVEL) / 2]
    low, high = np.nanpercentile(again, tails, axis=1)
    chance_low, chance_high = np.nanpercentile(chance, tails, axis=1)
    reached = int((np.nanmax(np.abs(chance), axis=0) >= abs(rho[best])).sum())
    lag_low, lag_high = (int(lag) for lag in np.percentile(lags, tails, method="nearest"))
    return LagCurve(
        target=target, driver=driver, rho=rho, low=low, high=high, chance_low=chance_low, chance_high=chance_high,
        lag_min=LAGS_MIN[best], lag_low=lag_low, lag_high=lag_high,
        p=(reached + 1) / (chance.shape[1] + 1), nights=nights, bins=pairs,
    )  # fmt: skip


def _flat(values: NDArray[np.float64]) -> bool:
    known = values[np.isfinite(values)]
    return known.size == 0 or bool(known.min() == known.max())


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks of the finite values among all of them, ties at their mean, centred and scaled; NaN stays."""
    ranked = np.full(values.shape, np.nan)
    known = np.isfinite(values)
    _, group, counts = np.unique(values[known], return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    mean_rank = ends - (counts - 1) / 2
    spread = (mean_rank - mean_rank.mean()) / max(1.0, float(ends[-1]))
    ranked[known] = spread[group]
    return ranked


def _sums(y: Grid, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """(lags, nights of y, nights of x, 6): n, Σx, Σy, Σx², Σy², Σxy of every pairing of nights."""
    there = np.isfinite(y)
    ys, mask = np.where(there, y, 0.0), there.astype(np.float64)
    made = np.empty((len(x), len(y), len(y), 6))
    for lag, drivers in enumerate(x):
        known = np.isfinite(drivers)
        xs, have = np.where(known, drivers, 0.0).T, known.astype(np.float64).T
        parts = (mask @ have, mask @ xs, ys @ have, mask @ xs**2, ys**2 @ have, ys @ xs)
        made[lag] = np.stack(parts, axis=-1)
    return made


def _pearson(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """The correlation of sums (…, 6); NaN where a side does not vary."""
    n, x, y, xx, yy, xy = np.moveaxis(sums, -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        across = np.sqrt(np.clip(n * xx - x * x, 0, None) * np.clip(n * yy - y * y, 0, None))
        made: NDArray[np.float64] = np.where(across > 0, (n * xy - x * y) / across, np.nan)
    return made


def _chance(sums: NDArray[np.float64], dice: np.random.Generator) -> NDArray[np.float64]:
    """(lags, shuffles): the correlation with the drivers of nights drawn in another order."""
    nights = sums.shape[1]
    order = np.arange(nights)
    shuffled = [_pearson(sums[:, order, dice.permutation(nights)].sum(axis=1)) for _ in range(SHUFFLES)]
    return np.stack(shuffled, axis=1)


def _holm(found: list[LagCurve]) -> list[LagCurve]:
    """Holm's step-down correction over the pairs."""
    order = sorted(range(len(found)), key=lambda i: found[i].p)
    adjusted, highest = dict.fromkeys(order, 1.0), 0.0
    for place, i in enumerate(order):
        highest = max(highest, min(1.0, found[i].p * (len(found) - place)))
        adjusted[i] = highest
    return [replace(curve, p_holm=adjusted[i]) for i, curve in enumerate(found)]
