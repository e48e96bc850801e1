"""Pictures that are no sky in a live feed, and clocks that ran days ahead: nothing false, back at once."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest

from tests.faults.conftest import Entry
from tests.faults.harness import rows
from tests.faults.test_fault_clock import Watch, watch
from tests.no_sky.cards import CARDS
from tests.no_sky.damage import DAMAGE
from tests.skies import night_sky
from training.simulator.movie import compose

__all__ = ["watch"]

KINDS = {
    "text on a flat ground": "a camera's notification card",
    "colour bars": "colour bars",
    "flat colour": "one flat colour",
    "colour noise": "noise",
    "lower part green": "the lower part green",
    "lower part grey": "the lower part grey",
    "chroma lost": "the colour planes lost",
    "stretch of random bytes": "random bytes in the file",
    "torn into bands": "torn rows",
    "blocks of colour": "blocks of wrong colour",
    "four pictures in one": "four pictures in one",
}


def _square(kind: str, seed: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """A picture of the kind, no two alike, cut to the square that the camera shows."""
    rng = np.random.default_rng([seed, 5])
    if kind in DAMAGE:
        lit = np.clip(night_sky(rng, 140).astype(int) * 1.3 + 8, 0, 255).astype(np.uint8)
        return DAMAGE[kind](rng, lit)
    whole = CARDS[kind](rng)
    side = min(whole.shape[:2])
    left = (whole.shape[1] - side) // 2
    return np.ascontiguousarray(whole[:side, left : left + side])


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_that_is_no_sky_gets_no_verdict_about_the_sky(
    kind: str, watch: Watch, matrix: Entry
) -> None:
    """Three of them between two skies: rows of verdict unusable, no event, and the next sky is judged at once."""
    watch.minutes(1)
    for seed in range(3):
        watch.feed.pixels = compose(_square(kind, seed), watch.feed.at, watch.feed.style)
        watch.minutes(1)
    watch.feed.pixels = None
    watch.minutes(1)
    found = rows(watch.store.path, "SELECT verdict, reason FROM observations ORDER BY observed_at")
    assert [row["verdict"] for row in found[1:4]] == ["unusable"] * 3, found
    assert len(watch.judged()) == 2
    assert not rows(watch.store.path, "SELECT * FROM events")
    reasons = sorted({row["reason"] for row in found[1:4]})
    said = ", ".join(f"“{reason}”" for reason in reasons)
    matrix("Pictures that are no sky", KINDS[kind], f"unusable: {said}; no event", "1 cadence")


@pytest.mark.parametrize("ahead", [timedelta(hours=2), timedelta(days=3)], ids=["two hours", "three days"])
def test_both_clocks_ahead_and_right_again(ahead: timedelta, watch: Watch, matrix: Entry) -> None:
    """A machine that names its own pictures ran ahead: when its clock is right, the second picture is judged."""
    right = watch.feed.at
    watch.put(right + ahead)
    watch.minutes(3)
    watch.put(right)
    watch.minutes(4)
    again = [at for at in watch.judged() if at < f"{right + ahead - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"]
    first = datetime.fromisoformat(again[0])
    assert first - right <= timedelta(minutes=1)
    assert len(again) == 3
    injected = f"camera and machine {'three days' if ahead.days else 'two hours'} ahead, and right again"
    matrix(
        "Clocks", injected, "the first picture of the right time is doubted, the next judged", "2 cadences"
    )
