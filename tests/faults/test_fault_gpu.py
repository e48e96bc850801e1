"""A GPU that fails in the middle of a night, at the boundary where engines run graphs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from models.engine import Engine, Floats, Gone
from models.preprocess import Tensor
from models.runtime import Model, load
from tests.faults.conftest import Entry
from tests.faults.harness import Sky, back_in_time, check_watch, spells, watching


class FailingGpu:
    """An engine that says it is a GPU, works on the CPU underneath, and fails when told to."""

    device = "cuda"

    def __init__(self, under: Engine) -> None:
        self.under = under
        self.lost = False
        self.nonsense = False

    def run(self, tensor: Tensor) -> Mapping[str, Floats]:
        """As the engine underneath, or lost, or numbers that are none."""
        if self.lost:
            raise Gone("CUDA failure 700: an illegal memory access was encountered")
        found = dict(self.under.run(tensor))
        return found | {"logits": np.full_like(found["logits"], np.nan)} if self.nonsense else found


@pytest.fixture
def gpu(green: Path) -> tuple[FailingGpu, Model]:
    whole = load(green, device="cpu", threads=1)
    engine = FailingGpu(whole._engine)
    return engine, Model(whole.card, engine, lambda: whole._engine)


def test_a_gpu_lost_in_mid_run_costs_no_frame(
    gpu: tuple[FailingGpu, Model], tmp_path: Path, green: Path, matrix: Entry
) -> None:
    """The frame in hand is judged on the CPU, every later one too; a metric, a line, one operator alert."""
    engine, model = gpu
    with watching(tmp_path, green, {"cam": Sky(spells(6, 3))}) as watch:
        watch.service.predictor.model = model
        watch.wait(lambda: len(watch.judged("cam")) >= 2, "it watches")
        watch.service._keep_house()
        assert watch.counter("model_on_gpu") == 1
        engine.lost = True
        lost = watch.clock.now()
        recovery = watch.recovery_cadences("cam", lost)
        assert back_in_time(recovery)
        assert model.device == "cpu"
        watch.service._keep_house()
        assert watch.counter("model_on_gpu") == 0
        (told,) = watch.operator_mail("runs on the CPU")
        assert "illegal memory access" in told["body"]
        assert watch.counter("job_errors_total", job="watch cam") == 0
        check_watch(watch)
    matrix("Configuration and model", "the GPU lost in the middle of the night",
           "the same frame judged on the CPU; metric, line, one operator alert", f"{recovery:.1f} cadences")  # fmt: skip


def test_a_gpu_that_answers_nonsense_writes_no_row(
    gpu: tuple[FailingGpu, Model], tmp_path: Path, green: Path, matrix: Entry
) -> None:
    """Values that are no numbers are an error, counted and told, and never a verdict; then all is well."""
    engine, model = gpu
    with watching(tmp_path, green, {"cam": Sky()}) as watch:
        watch.service.predictor.model = model
        watch.wait(lambda: watch.judged("cam"), "it watches")
        engine.nonsense = True
        watch.wait(lambda: watch.counter("job_errors_total", job="watch cam") >= 2, "noticed", cadences=6)
        held = len(watch.judged("cam"))
        engine.nonsense = False
        ended = watch.clock.now()
        recovery = watch.recovery_cadences("cam", ended)
        assert back_in_time(recovery)
        assert len(watch.judged("cam")) <= held + 3
        watch.wait(lambda: len(watch.operator_mail(camera="cam")) == 2, "the operator hears of both")
        assert all(0 <= row["probability"] <= 1 for row in watch.judged("cam"))
        check_watch(watch)
    matrix("Configuration and model", "a GPU that answers values that are no numbers",
           "no row of it; counted, logged, reported once", f"{recovery:.1f} cadences")  # fmt: skip


def test_a_candidate_that_fails_costs_the_night_nothing(
    gpu: tuple[FailingGpu, Model], tmp_path: Path, green: Path, matrix: Entry
) -> None:
    """A model that only looks along in the shadow: counted and logged, the frames judged all the same."""
    engine, model = gpu
    with watching(tmp_path, green, {"cam": Sky()}) as watch:
        watch.service.predictor.shadow = model
        engine.nonsense = True
        watch.wait(lambda: watch.counter("job_errors_total", job="shadow") >= 2, "noticed", cadences=6)
        watch.wait(lambda: len(watch.judged("cam")) >= 3, "it watches on", cadences=6)
        engine.nonsense = False
        watch.wait(lambda: watch.judged("cam")[-1]["shadow_probability"] is not None, "it is asked again")
        assert watch.counter("job_errors_total", job="watch cam") == 0
        assert not watch.operator_mail(camera="cam")
        check_watch(watch)
    matrix("Configuration and model", "a candidate in the shadow that answers values that are no numbers",
           "counted and logged; every frame judged by the model at work", "no gap")  # fmt: skip
