"""Evidence for free: one frame's logits and Grad-CAM, 2 threads, the same weights three ways."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import cv2
import numpy as np

from models.labels import FORM_HEAD
from models.preprocess import Pixels, to_input
from models.runtime import Answer
from tests.bench import ways
from tests.bench.figure import Plan, Row, interleaved
from tests.bench.footage import skies

BATCH = 8


def measure(plan: Plan) -> Iterator[Row]:
    """aurorad against torch with pytorch-grad-cam, and the maps' cost over the bare classifier."""
    frames = skies(BATCH)
    yield _against_grad_cam(plan, frames)
    yield from _costs_over_the_bare_network(plan, frames)


def _times(call: Callable[[], object], count: int) -> Callable[[], None]:
    def run() -> None:
        for _ in range(count):
            call()

    return run


def _calls(plan: Plan) -> tuple[int, int]:
    """Calls a run, and runs, of one frame."""
    return plan.pick(12, 2), plan.pick(max(plan.runs, 7), 1)


def _against_grad_cam(plan: Plan, frames: Sequence[Pixels]) -> Row:
    model, theirs = ways.aurorad(), ways.with_grad_cam(ways.classifier())
    _must_agree(model.predict(frames), *theirs(to_input(frames)))
    one = frames[:1]
    calls, runs = _calls(plan)
    single = interleaved(
        {
            "aurorad": _times(lambda: model.predict(one), calls),
            "grad-cam": _times(lambda: theirs(to_input(one)), max(1, calls // 3)),
        },
        runs,
    )
    batched = interleaved(
        {
            "aurorad": _times(lambda: model.predict(frames), 2),
            "grad-cam": _times(lambda: theirs(to_input(frames)), 1),
        },
        plan.runs,
    )
    share = calls / max(1, calls // 3)
    faster = single.ratio("grad-cam", "aurorad") * share
    ours_ms = 1e3 * single.median_s("aurorad") / calls
    theirs_ms = 1e3 * single.median_s("grad-cam") * share / calls
    return Row(
        "logits + map against torch + pytorch-grad-cam, one frame",
        "≥ 12×",
        f"{faster:.1f}×",
        faster >= 12,
        f"{ours_ms:.1f} ms against {theirs_ms:.1f} ms (CPU {single.ratio('grad-cam', 'aurorad', cpu=True) * share:.1f}×);"
        f" in batches of {BATCH} {2 * batched.ratio('grad-cam', 'aurorad'):.1f}×",
    )


def _costs_over_the_bare_network(plan: Plan, frames: Sequence[Pixels]) -> list[Row]:
    """What the map costs over the bare classifier, and the mask over both: each graph cut to its outputs."""
    cut = {
        "bare": ways.session(("logits",)),
        "map": ways.session(("logits", "maps")),
        "mask": ways.session(("logits", "maps", "mask")),
    }
    one, eight = to_input(frames[:1]), to_input(frames)
    calls, runs = _calls(plan)
    single = interleaved({name: _times(partial(run, one), 2 * calls) for name, run in cut.items()}, 3 * runs)
    batched = interleaved({name: _times(partial(run, eight), 3) for name, run in cut.items()}, 2 * runs)

    def row(what: str, more: str, less: str, bar: float) -> Row:
        cost = single.ratio(more, less) - 1
        return Row(
            what,
            f"≤ {100 * bar:.0f} %",
            f"{100 * cost:.1f} %",
            cost <= bar,
            f"one frame, CPU time {100 * (single.ratio(more, less, cpu=True) - 1):.1f} %;"
            f" in batches of {BATCH} {100 * (batched.ratio(more, less) - 1):.1f} %;"
            f" without it {1e3 * single.median_s(less) / (2 * calls):.1f} ms a frame",
        )

    return [
        row("the map's cost over plain inference", "map", "bare", 0.03),
        row("the mask's cost over that", "mask", "map", 0.08),
    ]


def _must_agree(answers: list[Answer], logits: ways.Floats, maps: ways.Floats) -> None:
    """Ways that do not answer alike are not compared. pytorch-grad-cam's maps come enlarged, from 0 to 1.

    The forms are left out: the file's have a head on shapes besides, which the classifier alone does not.
    """
    ours = np.stack([answer.logits[: FORM_HEAD.start] for answer in answers])
    logits = logits[:, : FORM_HEAD.start]
    if not np.allclose(ours, logits, rtol=1e-3, atol=1e-3 * float(np.abs(ours).max())):
        raise AssertionError("the torch network does not give the model file's answers")
    for answer, theirs in zip(answers, maps, strict=True):
        large = cv2.resize(answer.heatmap, theirs.shape[::-1])
        if theirs.any() and np.corrcoef(large.ravel(), theirs.ravel())[0, 1] < 0.98:
            raise AssertionError("pytorch-grad-cam does not give the model file's maps")
