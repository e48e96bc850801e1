"""The daemon under the bench: the real service, and beside it a note of when each thing happened.

    python -m tests.bench.watcher CONFIG SECONDS

Prints one line of JSON at its end: each look (camera, when it was due, begun, ended), each committed
row (camera, observed, committed), CPU seconds of itself and of its children, resident memory in MB.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

began = time.time()

# Not part of what watching installs; where it is there, sqlite-utils takes it along: 70 MB and 0.2 s.
sys.modules["pandas"] = None  # type: ignore[assignment]

from daemon.config import load  # noqa: E402 - the start is measured too
from daemon.service import Service, serving  # noqa: E402


class Notes:
    """What happened when, in seconds since the epoch."""

    def __init__(self, service: Service) -> None:
        self.looks: list[tuple[str, float | None, float, float]] = []
        self.rows: list[tuple[str, float, float]] = []
        self._due: dict[str, float] = {}
        store: Any = service.store
        store.record = self._noting_rows(store.record)
        for name, live in service.watches.items():
            watched: Any = live
            watched.look = self._noting_looks(name, watched.look)

    def _noting_rows(self, record: Callable[..., bool]) -> Callable[..., bool]:
        def noted(observation: Any, **more: Any) -> bool:
            written = record(observation, **more)
            if written and observation.prediction is not None:
                self.rows.append((observation.camera, observation.observed_at.timestamp(), time.time()))
            return written

        return noted

    def _noting_looks(self, name: str, watch: Callable[[], datetime]) -> Callable[[], datetime]:
        def noted() -> datetime:
            begun = time.time()
            following = watch()
            self.looks.append((name, self._due.get(name), begun, time.time()))
            self._due[name] = following.timestamp()
            return following

        return noted


def memory_mb(which: str) -> float:
    """Resident memory of this process: ``VmRSS`` now, ``VmHWM`` the most since its program began."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(which)) * 1024 / 1e6


def used_s(who: int) -> float:
    """CPU seconds."""
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def main(config: Path, seconds: float) -> None:
    """Watch for so long."""
    service: Service
    with serving(load(config), config) as service:
        notes = Notes(service)
        ready, cpu = time.time(), used_s(resource.RUSAGE_SELF)
        time.sleep(seconds)
        said = {
            "began": began,
            "ready": ready,
            "looks": notes.looks,
            "rows": notes.rows,
            "cpu_s": used_s(resource.RUSAGE_SELF) - cpu,
            "memory_mb": memory_mb("VmRSS"),
            "most_mb": memory_mb("VmHWM"),
        }
    said["children_s"] = used_s(resource.RUSAGE_CHILDREN)
    print(json.dumps(said))


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
