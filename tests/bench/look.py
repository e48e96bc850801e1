"""One live look, in this process: the CPU of all of it, and of each step that was added to the bare look.

The camera is AuroraMAX as it ships (stamp, disc, lens), its stills are the bench's; fetching them is left out, for it is
the network's. ``watching`` measures the same in the daemon itself, over HTTP.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from daemon import describer, memory
from daemon.config import CameraSettings, Settings
from daemon.event import EventState
from daemon.footage import frame, image
from daemon.footage.frame import from_still
from daemon.footage.plausibility import flaw
from daemon.footage.still_clock import StillClock
from daemon.metrics import Metrics
from daemon.observation import Frame
from daemon.pipeline import Pipeline
from daemon.predictor import Predictor
from daemon.record.picture_files import PictureFolder
from daemon.record.store import Store
from daemon.sky import geometry
from daemon.source import Still
from daemon.star_watch import StarWatch
from tests.bench.figure import Plan, Row, cpu_s
from tests.bench.footage import BEGINS, stills

T = TypeVar("T")
BARE_MS, ALL_MS = 60.0, 120.0
SETTLED = 5
"""Looks after which engine, files and lens are warm."""


def measure(plan: Plan) -> list[Row]:
    """Medians over some looks a minute apart, with the daemon's own way with memory."""
    memory.give_back()
    with tempfile.TemporaryDirectory(prefix="aurorad-bench-") as folder:
        return _rows(_looks(Path(folder), plan.pick(60, 4) + SETTLED))


def _looks(folder: Path, count: int) -> dict[str, list[float]]:
    """CPU ms of each step of each look."""
    camera, settings = CameraSettings(), Settings()
    spent: dict[str, list[float]] = {}
    with Store(folder / "aurorad.db") as store:
        predictor = Predictor(settings.model)
        pipeline = Pipeline(camera, settings, store=store, predictor=lambda: predictor, metrics=Metrics(),
                            pictures=PictureFolder(folder))  # fmt: skip
        state = EventState()
        witness = StarWatch(
            camera.camera(), pipeline.observatory, store
        )  # of its own: no frame is witnessed twice
        clock = StillClock(camera.camera(), camera.source)
        for published, data in stills(BEGINS + timedelta(hours=3), count, 60.0):
            still = Still(data, published + timedelta(seconds=2), published, "bench.jpg", "bench.jpg")

            def look(still: Still = still, state: EventState = state) -> tuple[Frame, EventState]:
                taken = from_still(still, pipeline.camera, camera.source.max_pixels)
                dated = clock.date(taken, "bench.jpg")
                return dated, pipeline.follow([dated], state, live=True)

            dated, state = _timed(spent, "all", look)
            _added(spent, still, dated, pipeline, witness)
    return spent


def _added(
    spent: dict[str, list[float]], still: Still, dated: Frame, pipeline: Pipeline, witness: StarWatch
) -> None:
    """What was added to the bare look, each step once more by itself."""
    camera = pipeline.camera
    pixels = image.decode(still.data, pipeline.camera_settings.source.max_pixels)
    disc, sky = geometry.cut_disc(pixels, camera.disc), pipeline.observatory.state(still.fetched_at)
    _timed(spent, "sky at all", lambda: flaw(disc))
    _timed(spent, "stars", lambda: witness.look(replace(dated, points=frame._points(disc)), sky))
    observation, past = pipeline.judge(dated), describer.before(pipeline.store.reader, camera.name, [dated])
    _timed(spent, "description", lambda: describer.describe(observation, dated.square, camera, past))


def _timed(spent: dict[str, list[float]], step: str, call: Callable[[], T]) -> T:
    began = cpu_s()
    given = call()
    spent.setdefault(step, []).append(1e3 * (cpu_s() - began))
    return given


def _rows(spent: dict[str, list[float]]) -> list[Row]:
    ms = {step: statistics.median(times[SETTLED:]) for step, times in spent.items()}
    added = {step: time for step, time in ms.items() if step != "all"}
    bare = ms["all"] - sum(added.values())
    steps = ", ".join(f"{step} {time:.0f}" for step, time in added.items())
    return [
        Row("CPU of a live look, stamp read, bare", f"≤ {BARE_MS:.0f} ms", f"{bare:.0f} ms", bare <= BARE_MS,
            f"what the look with everything costs less the steps added to it, each measured by itself ({steps} ms)"),
        Row("CPU of a live look with stars, mask and description", f"≤ {ALL_MS:.0f} ms", f"{ms['all']:.0f} ms",
            ms["all"] <= ALL_MS, f"median of {len(spent['all']) - SETTLED} looks, picture and row written, no fetching"),
    ]  # fmt: skip
