"""A stand-in site that draws small noise instead of a sky: for tests of what goes over the wire, and quick."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from daemon.clock import Clock
from daemon.observation import Picture
from training.simulator.footage import DrawnNight
from training.simulator.site import Site

START = datetime(2024, 2, 10, 5, 0, 0, tzinfo=UTC)


def sky(at: datetime) -> Picture:
    """Noise that differs from exposure to exposure."""
    rng = np.random.default_rng(int(at.timestamp()))
    return rng.integers(0, 60, (180, 180, 3), dtype=np.uint8)


def small_site(clock: Clock, begin: datetime = START) -> Site:
    """A night of nine hours from ``START``, with pictures from ``begin``."""
    return Site(DrawnNight(sky, begin, START + timedelta(hours=9)), clock)
