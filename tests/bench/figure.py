"""What every figure of the bench is made of: interleaved runs, ratios pair by pair, rows of the table.

The machine is never quite still, so two ways are compared only by runs that lie next to each other
in time: each round runs every way once, the ratio is taken within the round, and the median of the
rounds is told. Wall and CPU time are both kept, CPU with that of child processes.
"""

from __future__ import annotations

import os
import platform
import resource
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
CACHE = ROOT / "runs" / "bench"


@dataclass(frozen=True)
class Row:
    """One line of the table. ``met`` is None where there is no bar, or where it was not measured."""

    what: str
    bar: str
    measured: str
    met: bool | None = None
    detail: str = ""


def reason_of(error: Exception) -> str:
    """Why a figure could not be measured, in one line of the table."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


@dataclass(frozen=True)
class Plan:
    """How much is measured: ``runs`` rounds of each comparison; ``quick`` shrinks the sizes too."""

    runs: int = 5
    quick: bool = False

    def pick(self, full: int, quick: int) -> int:
        """A size: the one that counts, or one to see that the bench itself works."""
        return quick if self.quick else full


@dataclass
class Spent:
    """Seconds of one run."""

    wall_s: float
    cpu_s: float


@dataclass
class Runs:
    """All rounds of several ways, by the ways' names."""

    ways: dict[str, list[Spent]] = field(default_factory=dict)

    def median_s(self, way: str, *, cpu: bool = False) -> float:
        """The middle of a way's runs."""
        return statistics.median(_seconds(self.ways[way], cpu))

    def ratio(self, slow: str, fast: str, *, cpu: bool = False) -> float:
        """How many times longer one way takes than the other: the middle of the rounds' own ratios."""
        pairs = zip(_seconds(self.ways[slow], cpu), _seconds(self.ways[fast], cpu), strict=True)
        return statistics.median(a / b for a, b in pairs)

    def spread(self, slow: str, fast: str) -> str:
        """The rounds' ratios from the least to the greatest."""
        pairs = zip(_seconds(self.ways[slow], False), _seconds(self.ways[fast], False), strict=True)
        ratios = sorted(a / b for a, b in pairs)
        return f"{ratios[0]:.3g}–{ratios[-1]:.3g}"


def _seconds(runs: Sequence[Spent], cpu: bool) -> list[float]:
    return [run.cpu_s if cpu else run.wall_s for run in runs]


def interleaved(ways: Mapping[str, Callable[[], object]], runs: int, *, warm: bool = True) -> Runs:
    """Run every way once a round, ``runs`` rounds; turning the order about each round.

    A way that returns a Spent has measured itself (a part was scaled, a start left out).
    """
    done = Runs({name: [] for name in ways})
    if warm:
        for way in ways.values():
            way()
    for number in range(runs):
        names = list(ways)
        for name in names if number % 2 == 0 else names[::-1]:
            done.ways[name].append(spent(ways[name]))
    return done


def spent(way: Callable[[], object]) -> Spent:
    """The wall and CPU time of one call, children's included."""
    cpu, began = cpu_s(), time.perf_counter()
    said = way()
    wall = time.perf_counter() - began
    return said if isinstance(said, Spent) else Spent(wall, cpu_s() - cpu)


def cpu_s() -> float:
    """CPU seconds of this process and of its children that have ended."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in both)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that ``share`` of them do not surpass."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def machine() -> dict[str, object]:
    """What the figures were measured on, and how busy it was with other things."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
        total_kb = int(Path("/proc/meminfo").read_text(encoding="utf-8").split()[1])
    except (OSError, StopIteration):
        total_kb = 0
    return {
        "processor": model,
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(total_kb / 1e6, 1),
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "load": [round(load, 2) for load in os.getloadavg()],
    }
