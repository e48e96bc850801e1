"""Many machines, as far as two cores show it: one Ray worker against two.

Each worker keeps to one core. The time is that of the work itself, from the first movie's begin to
the last one's end, by the workers' own clocks: starting Ray takes some seconds once, whatever the
number of movies, and is told beside it.
"""

from __future__ import annotations

import tempfile
import time
from datetime import timedelta
from pathlib import Path

from tests.bench.figure import Plan, Row, Spent, interleaved
from tests.bench.footage import BEGINS, night


def measure(plan: Plan) -> list[Row]:
    """The same movies by one worker and by two."""
    try:
        import ray
    except ImportError:
        return [
            Row("two Ray workers against one, on two cores", "≥ 1.7×", "skipped", None, "Ray is not here")
        ]
    from daemon.archive.cluster import _ray

    count, frames = plan.pick(8, 2), plan.pick(600, 100)
    movies = [night(frames, BEGINS + timedelta(days=k)) for k in range(count)]
    _ray()
    began = time.perf_counter()
    ray.init(address="local", num_cpus=2, include_dashboard=False, logging_level="error", log_to_driver=False,
             object_store_memory=256_000_000)  # fmt: skip
    start_s = time.perf_counter() - began
    wholes: dict[int, list[float]] = {1: [], 2: []}

    def by(workers: int) -> Spent:
        began = time.perf_counter()
        work_s = _work_s(movies, workers)
        wholes[workers].append(time.perf_counter() - began)
        return Spent(work_s, 0.0)

    try:
        runs = interleaved({"one": lambda: by(1), "two": lambda: by(2)}, plan.runs, warm=False)
    finally:
        ray.shutdown()
    scaled = runs.ratio("one", "two")
    return [
        Row(
            "two Ray workers against one, on two cores",
            "≥ 1.7×",
            f"{scaled:.2f}×",
            scaled >= 1.7,
            f"{count} movies of {frames} frames: {runs.median_s('one'):.1f} s and {runs.median_s('two'):.1f} s of work"
            f" ({runs.spread('one', 'two')}); with the workers' start {min(wholes[1]):.1f} s and {min(wholes[2]):.1f} s,"
            f" Ray's own {start_s:.1f} s",
        )
    ]


def _work_s(movies: list[Path], workers: int) -> float:
    from daemon.archive.cluster import ingest_on_ray, read_part
    from daemon.config import load

    settings = load(None)
    with tempfile.TemporaryDirectory(prefix="aurorad-bench-") as folder:
        database = Path(folder) / "archive.db"
        faults = ingest_on_ray(
            movies, settings, settings.camera_named(None), database, "local", lambda _: None, workers=workers
        )
        if faults:
            raise RuntimeError(f"{faults} movies could not be taken in")
        told = [read_part(part)[1] for part in Path(f"{database}.parts").glob("*.parquet")]
    return max(one["ended"] for one in told) - min(one["began"] for one in told)
