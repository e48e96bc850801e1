"""A trained network → the model file the daemon runs, and its card.

    aurorad-train export runs/b1-seed1/model.pt models/weights/aurorad-b1.onnx --description "…"

The graph answers logits and Grad-CAM maps in one pass (``models.network``), with the batch
normalisations folded in and the batch size free. Before anything is written in place the file is
run on ONNX Runtime and compared with the network it came from; more than rounding between them
ends the export. Skill, calibration and thresholds come after evaluation, with :func:`describe`.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnx
import torch

from daemon.files import replacing, write_whole
from daemon.observation import utc_text
from models.card import Card, ModelError, Thresholds, card_path, read_card, sha256_of
from models.labels import FORM_HEAD, FORMS, OUTPUTS, has
from models.network import AuroraNet, fold
from models.preprocess import MEAN, SIDE, STD, shrink, to_input
from models.runtime import onnx_runtime
from training.data.real import read_sources
from training.kept import not_ours, read_kept

Floats = npt.NDArray[np.float32]

PARITY: Final = 1e-4
"""Greatest allowed difference of an output's logits or maps, relative to them, in the Euclidean norm."""

OPSET: Final = 18


@dataclass(frozen=True)
class Account:
    """What a person says of a model when exporting it; goes into the card as it stands."""

    name: str
    description: str
    licence: str = "MIT"
    data: Mapping[str, Any] = field(default_factory=dict)
    recipe: Mapping[str, Any] = field(default_factory=dict)


def export(checkpoint: Path, target: Path, account: Account) -> Card:
    """Write ``target`` (.onnx) and its card from a finished training run's ``model.pt``.

    The checkpoint's recipe and seed go into the card beside the account's own, and of a model that it was started from
    what that one had learned from; its temperatures and thresholds hold until others are fitted. Both files appear
    only when everything passed. Raises ModelError: not a checkpoint, or the file does not give the
    network's answers.
    """
    net, recipe = read_checkpoint(checkpoint)
    origin = recipe.pop("origin", {})
    data = {**account.data, **real_frames_of(recipe), **({"started from": origin} if origin else {})}
    return export_net(net, target, replace(account, data=data, recipe={**recipe, **account.recipe}))


def real_frames_of(recipe: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """The sources of real frames that a run learned from, with where they are from and their licence."""
    plan = recipe.get("recipe", {})
    if not any(one["kind"] == "frames" for one in plan.get("material", ())):
        return {}
    used = {name: one for name, one in read_sources().items() if name not in plan.get("leave_out", ())}
    told = {name: f"{one.camera}; {one.origin}; licence: {one.licence}" for name, one in used.items()}
    return {"real_frames": told}


def read_checkpoint(path: Path) -> tuple[AuroraNet, dict[str, Any]]:
    """A training run's ``model.pt`` → the network in eval mode, and its recipe and seed.

    Raises ModelError where the file is missing or holds something else.
    """
    kept = read_kept(path)
    weights = kept["net"]
    try:
        net = AuroraNet.holding(weights, weights["head.bias"].shape[0])
        net.load_state_dict(weights)
    except (KeyError, IndexError, AttributeError, RuntimeError) as error:
        raise not_ours(path, error) from error
    recipe = json.loads(kept["recipe"]) if "recipe" in kept else {}
    return net.eval(), {
        "recipe": recipe,
        "seed": kept.get("seed"),
        **({"origin": kept["origin"]} if "origin" in kept else {}),
        **({"distance_limit": kept["distance_limit"]} if "distance_limit" in kept else {}),
    }


def export_net(net: AuroraNet, target: Path, account: Account) -> Card:
    """As :func:`export`, from a network in memory."""
    target.parent.mkdir(parents=True, exist_ok=True)
    origin = account.data.get("started from", {})
    with replacing(target) as part:
        write_graph(fold(net), part)
        parity = check_parity(net, part)
        outputs = net.head.out_features
        card = Card(
            name=account.name,
            description=account.description,
            created=utc_text(datetime.now(UTC)),
            licence=account.licence,
            sha256=sha256_of(part),
            outputs=OUTPUTS[:outputs],
            side=SIDE,
            mean=MEAN,
            std=STD,
            data=account.data,
            recipe=account.recipe,
            skill={},
            temperature=origin.get("temperature", 1.0),
            sky_temperature=origin.get("sky_temperature", 1.0),
            thresholds=Thresholds(**origin.get("thresholds", {"default": 0.5, "cells": {}})),
            parity=parity,
            distance_limit=account.recipe.get("distance_limit"),
            mask_threshold=0.5 if net.mask is not None else None,
            form_thresholds=dict.fromkeys(FORMS, 0.5) if has(FORM_HEAD, outputs) else {},
        )
    write_card(card, target)
    return card


def write_graph(net: AuroraNet, path: Path) -> None:
    """The network as ONNX in one file: ``pixels`` (n, 3, 240, 240) → ``AuroraNet.answers``."""
    example = torch.zeros(2, 3, SIDE, SIDE)
    frames = torch.export.Dim("n", min=1, max=4096)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        program = torch.onnx.export(
            net.eval(),
            (example,),
            dynamo=True,
            opset_version=OPSET,
            input_names=["pixels"],
            output_names=net.answers,
            dynamic_shapes=({0: frames},),
            external_data=False,
            verbose=False,
        )
    assert program is not None
    proto = program.model_proto
    for node in proto.graph.node:  # the trace's Python stacks: a tenth of the file, and paths of this machine
        node.ClearField("metadata_props")
        node.ClearField("doc_string")
    for value in (*proto.graph.value_info, *proto.graph.input, *proto.graph.output):
        value.ClearField("metadata_props")
    onnx.save_model(proto, path)


def check_parity(net: AuroraNet, path: Path) -> dict[str, float]:
    """Run the file and the network on the same frames; the greatest relative differences.

    Raises ModelError where they differ by more than rounding (``PARITY``), and where the network answers all
    frames alike: then agreement would prove nothing.
    """
    frames = to_input(probe_frames())
    with torch.inference_mode():
        expected = [one.numpy() for one in net.eval()(torch.from_numpy(frames))]
    if np.ptp(expected[0], axis=0).max() < 1e-3:
        raise ModelError("the network answers every frame alike, so it is not trained: nothing to export")
    onnxruntime = onnx_runtime()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = net.answers
    found = session.run(names, {"pixels": frames})
    parity = {
        name: relative_difference(np.atleast_2d(ours.T).T, np.atleast_2d(theirs.T).T)
        for name, ours, theirs in zip(names, found, expected, strict=True)
    }
    for what, difference in parity.items():
        if not difference <= PARITY:
            raise ModelError(
                f"the exported {what} differ from the network's by {difference:.1e} (allowed {PARITY:.0e}): "
                "the export went wrong, nothing was written"
            )
    return parity


def relative_difference(found: Floats, expected: Floats) -> float:
    """‖found − expected‖ / ‖expected‖ over frames and places (N, outputs, …); the worst output's.

    A norm and no single pixel's ratio: where a map nearly vanishes rounding has no scale.
    """
    others = (0, *range(2, expected.ndim))
    difference = np.sqrt(np.square(found - expected, dtype=np.float64).sum(others))
    scale = np.sqrt(np.square(expected, dtype=np.float64).sum(others))
    return float((difference / np.maximum(scale, 1e-12)).max())


def probe_frames(count: int = 5) -> npt.NDArray[np.uint8]:
    """Frames to compare on, (count, 240, 240, 3): gradients, arcs and noise, the same every time."""
    draw = np.random.default_rng(7)
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    frames = []
    for _ in range(count):
        slope = draw.uniform(-0.3, 0.3, 3) * x[..., None] + draw.uniform(0, 0.4, 3)
        arc = np.exp(-(((y - draw.uniform(-0.5, 0.5) - 0.3 * x**2) / draw.uniform(0.03, 0.2)) ** 2))
        light = slope + arc[..., None] * draw.uniform(0, 1, 3) + draw.normal(0, 0.03, (SIDE, SIDE, 3))
        frames.append(shrink((np.clip(light, 0, 1) * 255).astype(np.uint8)))
    return np.stack(frames)


def describe(
    model: Path,
    *,
    skill: Mapping[str, Mapping[str, Any]],
    temperature: float,
    sky_temperature: float,
    thresholds: Thresholds,
) -> Card:
    """Write what evaluation found into a model's card. The model file stays as it is.

    Raises ModelError where the card is missing or would not be one.
    """
    card = replace(
        read_card(model),
        skill=skill,
        temperature=temperature,
        sky_temperature=sky_temperature,
        thresholds=thresholds,
    )
    write_card(card, model)
    return card


def write_card(card: Card, model: Path) -> None:
    """Put the card beside its model, whole or not at all."""
    write_whole(card_path(model), card.to_json().encode())
