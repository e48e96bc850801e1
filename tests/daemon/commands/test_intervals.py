"""Intervals of a share: what they hold on simulated seasons, which is what the documentation says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import t

from daemon.commands.report.intervals import Values, interval, student

SEASONS = 4000
NIGHTS = (3, 4, 5, 8, 14, 30)
DOCS = Path(__file__).parents[3] / "docs/research.md"


def seasons(kind: str, nights: int) -> tuple[Values, Values, float]:
    """Hours of aurora and of observable sky of independent nights, (nights, seasons), and the true share of aurora."""
    dice = np.random.default_rng(nights)
    size = (nights, SEASONS)
    whole = dice.uniform(2, 8, size)
    if kind == "uneven":  # as of one hour of the night: in most nights it is all clear or all but under cloud
        whole = 0.02 + dice.beta(0.4, 0.4, size)
    share, truth = dice.beta(0.5, 1.2, size), 0.5 / 1.7
    if kind == "rare":
        share, truth = np.where(dice.random(size) < 0.3, dice.beta(1, 2, size), 0.0), 0.1
    return share * whole, whole, truth


def coverage(kind: str, nights: int) -> float:
    """How many of the intervals hold the true share."""
    hits, whole, truth = seasons(kind, nights)
    low, high = interval(hits, whole)
    given = np.isfinite(low)
    assert (low[given] < high[given]).all()
    return float(((low <= truth) & (truth <= high))[given].mean())


def test_intervals_hold_what_the_documentation_says() -> None:
    """About 95 % from three nights on, of nights that are alike in length or not, with aurora often or seldom."""
    held = [coverage(kind, nights) for kind in ("even", "uneven", "rare") for nights in NIGHTS]
    assert min(held) > 0.925
    said = f"{min(held):.0%} to {max(held):.0%}".replace("%", " %")
    assert said in DOCS.read_text(encoding="utf-8"), said


def test_an_interval_lies_within_what_there_can_be() -> None:
    """No share is below none or above all, however few the nights."""
    hits, whole, _ = seasons("even", 3)
    low, high = interval(hits, whole)
    share = hits.sum(axis=0) / whole.sum(axis=0)
    assert ((low > 0) & (low < share) & (share < high) & (high < 1)).all()


def test_an_interval_does_not_depend_on_the_unit() -> None:
    """Minutes or hours: the same shares, the same interval."""
    hits, whole, _ = seasons("even", 5)
    assert np.allclose(interval(hits, whole), interval(60 * hits, 60 * whole))


@pytest.mark.parametrize(("freedom", "within"), [(1, 0.25), (2, 0.04), (3, 0.01), (5, 0.002), (13.5, 1e-4)])
def test_student_s_quantile(freedom: float, within: float) -> None:
    """Against SciPy's, which the watch does not need."""
    assert float(student(np.array(freedom))) == pytest.approx(t.ppf(0.975, freedom), rel=within)
