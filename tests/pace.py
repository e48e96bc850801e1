"""How slow this machine is at this moment, so that bounds on time hold on a busy one too."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np

NOMINAL_S = 0.004
"""What :func:`_work` takes on one idle core of the machine the bounds were measured on (2 cores, x86-64)."""


def _work() -> None:
    """A bit of Python and a bit of numpy, as most of what is timed here."""
    values = np.arange(40_000, dtype=np.float64)
    for _ in range(20):
        np.sqrt(values * 1.5 + 2.0).sum()
    sum(number * number for number in range(20_000))


def slowness(clock: Callable[[], float] = time.monotonic) -> float:
    """How many times as long as nominal the median of a few pieces of work takes; 1 at least.

    ``clock`` is ``time.process_time`` for bounds on CPU (a neighbour on the same core still slows it),
    ``time.monotonic`` for bounds on time gone by.
    """
    took = []
    for _ in range(9):
        began = clock()
        _work()
        took.append(clock() - began)
    return max(1.0, sorted(took)[4] / NOMINAL_S)


def nominal_cpu_s(work: Callable[[], object], times: int = 15) -> float:
    """CPU seconds of ``work``, as on that idle core: the median of several, each over the slowness beside it.

    Measured by turns: a neighbour that comes or goes between the two would count against one of them only.
    """
    costs = []
    for _ in range(times):
        began = time.process_time()
        work()
        worked = time.process_time()
        _work()
        slow = (time.process_time() - worked) / NOMINAL_S
        costs.append((worked - began) / max(1.0, slow))
    return statistics.median(costs)
