"""A lag that was put in is found again, with its interval; where nights are shuffled nothing is found."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from scipy.stats import spearmanr

from daemon.commands.report import lag
from daemon.commands.report.lag import BINS, LAGS_MIN, STEP_MIN, Grid, LagCurve, curves, lagged
from daemon.spaceweather.coupling import newell
from training.simulator.space_weather import made_wind

NIGHTS, TRUE_LAG = 30, 45
START = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def month() -> tuple[dict[str, Grid], dict[str, np.ndarray]]:
    """Thirty nights whose aurora follows the coupling of 45 minutes before, through noise and a third of cloud."""
    wind = made_wind(START, (NIGHTS + 1) * 1440, seed=5)
    series = {
        "Bz": wind.bz_nt, "speed": wind.speed_km_s,
        "Newell coupling": newell(wind.speed_km_s, wind.by_nt, wind.bz_nt),
    }  # fmt: skip
    binned = {name: values.reshape(-1, STEP_MIN).mean(axis=1) for name, values in series.items()}
    first = np.arange(NIGHTS) * BINS + BINS // 2
    index = first[:, None] + np.arange(BINS)
    dice = np.random.default_rng(1)
    drive = binned["Newell coupling"][index - TRUE_LAG // STEP_MIN] / 5000
    cover = np.clip(drive - 0.4 + dice.normal(0, 0.5, index.shape), 0, None)
    dark = (np.arange(BINS) > 84) & (np.arange(BINS) < 204)
    cover[:, ~dark] = np.nan
    cover[dice.random(index.shape) < 0.33] = np.nan
    return {"cover": cover}, {name: lagged(values, first) for name, values in binned.items()}


@pytest.fixture(scope="module")
def found(month: tuple[dict[str, Grid], dict[str, np.ndarray]]) -> dict[str, LagCurve]:
    return {curve.driver: curve for curve in curves(*month)}


def test_the_lag_is_recovered_within_five_minutes(found: dict[str, LagCurve]) -> None:
    """Coupling and Bz both point at 45 minutes; the interval holds it and is no wider than half an hour."""
    for driver, sign in (("Newell coupling", 1), ("Bz", -1)):
        curve = found[driver]
        assert abs(curve.lag_min - TRUE_LAG) <= 5
        assert curve.lag_low <= TRUE_LAG <= curve.lag_high
        assert curve.lag_high - curve.lag_low <= 30
        assert sign * curve.best > 0.3
        assert curve.significant
        assert curve.low[curve.lag_min // STEP_MIN] < curve.best < curve.high[curve.lag_min // STEP_MIN]
    assert found["Newell coupling"].best > abs(found["Bz"].best)


def test_the_correlation_is_spearman_s(
    month: tuple[dict[str, Grid], dict[str, np.ndarray]], found: dict[str, LagCurve]
) -> None:
    """At each lag, to some thousandths (ranks are given once over all lags), what scipy says of the same pairs."""
    cover, drivers = month[0]["cover"], month[1]["Newell coupling"]
    for i in (0, 9, len(LAGS_MIN) - 1):
        both = np.isfinite(cover) & np.isfinite(drivers[i])
        expected = spearmanr(cover[both], drivers[i][both]).statistic
        assert found["Newell coupling"].rho[i] == pytest.approx(expected, abs=0.005)


def test_with_shuffled_nights_nothing_is_significant(
    month: tuple[dict[str, Grid], dict[str, np.ndarray]],
) -> None:
    """The same aurora with the solar wind of other nights: within chance, for each of three shuffles."""
    targets, drivers = month
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(NIGHTS)
        wrong = curves(targets, {name: values[:, order] for name, values in drivers.items()}, seed)
        assert not [curve.driver for curve in wrong if curve.significant]


def test_too_little_is_no_curve() -> None:
    """A week, a constant, or nothing at all gives no correlation to be taken for one."""
    week = np.random.default_rng(0).random((5, BINS))
    drivers = {"Bz": np.random.default_rng(1).random((len(LAGS_MIN), 5, BINS))}
    assert curves({"cover": week}, drivers) == []
    flat = np.ones((20, BINS))
    many = {"Bz": np.random.default_rng(1).random((len(LAGS_MIN), 20, BINS))}
    assert curves({"cover": flat}, many) == []
    assert curves({"cover": np.full((20, BINS), np.nan)}, many) == []


def test_many_pairs_are_many_tries() -> None:
    """Holm: the best of three p-values of 0.02 is not significant, one of 0.001 is."""
    nothing = np.zeros(len(LAGS_MIN))
    base = LagCurve("cover", "Bz", *[nothing] * 5, 0, 0, 0, p=0.02, nights=20, bins=900)
    assert not any(curve.significant for curve in lag._holm([base, base, base]))
