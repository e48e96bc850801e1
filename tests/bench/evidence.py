"""Evidence for free: one frame's logits and Grad-CAM, 2 threads, the same weights three ways."""

from __future__ import annotations

from functools import partial

import cv2
import numpy as np

from models.preprocess import to_input
from models.runtime import Answer
from tests.bench import ways
from tests.bench.figure import Plan, Row, interleaved
from tests.bench.footage import skies

BATCH = 8


def measure(plan: Plan) -> list[Row]:
    """aurorad against torch with pytorch-grad-cam, and the maps' cost over the bare classifier."""
    model, theirs = ways.aurorad(), ways.with_grad_cam(ways.classifier())
    both, bare = ways.session(("logits", "maps")), ways.session(("logits",))
    frames = skies(BATCH)
    _must_agree(model.predict(frames), *theirs(to_input(frames)))
    one, many = frames[:1], frames
    calls = plan.pick(12, 2)
    runs = plan.pick(max(plan.runs, 7), 1)

    def times(call: object, count: int) -> None:
        for _ in range(count):
            call()  # type: ignore[operator]

    single = interleaved(
        {
            "aurorad": partial(times, lambda: model.predict(one), calls),
            "grad-cam": partial(times, lambda: theirs(to_input(one)), max(1, calls // 3)),
        },
        runs,
    )
    share = calls / max(1, calls // 3)
    batched = interleaved(
        {
            "aurorad": partial(times, lambda: model.predict(many), 2),
            "grad-cam": partial(times, lambda: theirs(to_input(many)), 1),
        },
        plan.runs,
    )
    tensor = to_input(one)
    limit = interleaved(
        {
            "both": partial(times, lambda: both(tensor), 2 * calls),
            "bare": partial(times, lambda: bare(tensor), 2 * calls),
        },
        3 * runs,
    )
    eight = to_input(many)
    limit8 = interleaved(
        {"both": partial(times, lambda: both(eight), 3), "bare": partial(times, lambda: bare(eight), 3)},
        2 * runs,
    )
    faster = single.ratio("grad-cam", "aurorad") * share
    cost = limit.ratio("both", "bare") - 1
    ours_ms, theirs_ms = (
        1e3 * single.median_s("aurorad") / calls,
        1e3 * single.median_s("grad-cam") * share / calls,
    )
    return [
        Row(
            "logits + map against torch + pytorch-grad-cam, one frame",
            "≥ 10×",
            f"{faster:.1f}×",
            faster >= 10,
            f"{ours_ms:.1f} ms against {theirs_ms:.1f} ms (CPU {single.ratio('grad-cam', 'aurorad', cpu=True) * share:.1f}×);"
            f" in batches of {BATCH} {2 * batched.ratio('grad-cam', 'aurorad'):.1f}×",
        ),
        Row(
            "the map's cost over plain inference",
            "≤ 3 %",
            f"{100 * cost:.1f} %",
            cost <= 0.03,
            f"one frame, CPU time {100 * (limit.ratio('both', 'bare', cpu=True) - 1):.1f} %;"
            f" in batches of {BATCH} {100 * (limit8.ratio('both', 'bare') - 1):.1f} %;"
            f" bare {1e3 * limit.median_s('bare') / (2 * calls):.1f} ms a frame",
        ),
    ]


def _must_agree(answers: list[Answer], logits: ways.Floats, maps: ways.Floats) -> None:
    """Ways that do not answer alike are not compared. pytorch-grad-cam's maps come enlarged, from 0 to 1."""
    ours = np.stack([answer.logits for answer in answers])
    if not np.allclose(ours, logits, rtol=1e-3, atol=1e-3 * float(np.abs(ours).max())):
        raise AssertionError("the torch network does not give the model file's answers")
    for answer, theirs in zip(answers, maps, strict=True):
        large = cv2.resize(answer.heatmap, theirs.shape[::-1])
        if theirs.any() and np.corrcoef(large.ravel(), theirs.ravel())[0, 1] < 0.98:
            raise AssertionError("pytorch-grad-cam does not give the model file's maps")
