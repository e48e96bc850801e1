"""What is seen: a sky to watch, and a model that knows green."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from daemon.observation import Picture
from models.card import Card, Thresholds, sha256_of
from models.labels import OUTPUTS
from tests.skies import night_sky
from training.simulator.movie import compose, style_of

NIGHT = datetime(2024, 2, 10, 5, 30, tzinfo=UTC)
"""Half past ten in the evening in Yellowknife; it stays dark for seven hours."""

CADENCE_S = 60.0
SPEED = float(os.environ.get("AURORAD_FAULT_SPEED", "60"))
SLACK_S = 5.0
"""Real seconds a busy machine may be late, beyond what the watch promises."""


@dataclass
class Sky:
    """A noisy dark sky, every exposure with noise of its own; a green band while there is aurora."""

    aurora: Callable[[datetime], bool] = lambda at: False
    stamped: bool = False
    begins: datetime = NIGHT - timedelta(days=400)
    ends: datetime = NIGHT + timedelta(days=400)
    step_s: float = 6.0

    def exposure(self, now: datetime) -> datetime:
        """The last multiple of the step."""
        since_s = (now - self.begins).total_seconds()
        return self.begins + timedelta(seconds=since_s // self.step_s * self.step_s)

    def frame(self, at: datetime) -> Picture:
        """The picture of an exposure: 720 high with the clock burnt in, or 480 high without."""
        random = np.random.default_rng(int(at.timestamp()))
        square = night_sky(random, 150 if self.aurora(at) else 0, side=480, noise=13)
        if self.stamped:
            return compose(square, at, style_of(2024))
        frame = np.zeros((480, 853, 3), np.uint8)
        frame[:, 186:666] = square
        return frame


def spells(period_min: float, on_min: float, since: datetime = NIGHT) -> Callable[[datetime], bool]:
    """Aurora for the first ``on_min`` of every ``period_min`` minutes."""
    return lambda at: (at - since).total_seconds() / 60 % period_min < on_min


def green_model(folder: Path) -> Path:
    """A model file of aurorad's shape that knows one thing: how green the greenest eighth of the sky is."""
    from onnx import TensorProto, helper, numpy_helper, save

    def constant(name: str, value: object) -> Any:
        return numpy_helper.from_array(np.asarray(value, np.float32), name)

    nodes = [
        helper.make_node("AveragePool", ["pixels"], ["blocks"], kernel_shape=[30, 30], strides=[30, 30]),
        helper.make_node("Conv", ["blocks", "greenness"], ["green"]),
        helper.make_node("Neg", ["green"], ["other"]),
        helper.make_node("Concat", ["other", "green", "other", "other"], ["signed"], axis=1),
        helper.make_node("Relu", ["signed"], ["maps"]),
        helper.make_node("GlobalMaxPool", ["green"], ["most"]),
        helper.make_node("Conv", ["most", "scale", "offset"], ["four"]),
        helper.make_node("Flatten", ["four"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "green",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 3, 240, 240])],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 4]),
            helper.make_tensor_value_info("maps", TensorProto.FLOAT, ["n", 4, 8, 8]),
        ],
        [
            constant("greenness", [[[[-0.5]], [[1.0]], [[-0.5]]]]),
            constant("scale", [[[[0.0]]], [[[6.0]]], [[[0.0]]], [[[0.0]]]]),
            constant("offset", [0.0, -6.0, 0.0, 3.0]),
        ],
    )
    path = folder / "green.onnx"
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    save(model, path)
    card = Card(
        name="green", description="Greenness, for tests.", created="2026-01-01T00:00:00Z", licence="MIT",
        sha256=sha256_of(path), outputs=OUTPUTS[:4], side=240, mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225), data={}, recipe={}, skill={}, temperature=1.0, sky_temperature=1.0,
        thresholds=Thresholds(0.5, {}), parity={},
    )  # fmt: skip
    path.with_suffix(".json").write_text(card.to_json(), encoding="utf-8")
    return path
