"""A start from an exported model: its ONNX file made into a network that can learn again.

What is exported has every batch normalisation folded into the convolution before it (``models.network.fold``). Here each
gets one back that does the same: made scenes are shown to the network, and a channel of mean ``m`` and variance ``v``
before the folded offset ``b`` gets a normalisation by ``m`` and ``v``, the scale ``√(v + eps)`` and the offset
``m + b``. The answers are those of the file, to rounding, and a batch's own statistics are near enough to learn with.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from models.card import ModelError, read_card, sha256_of
from models.network import AuroraNet
from models.preprocess import SIDE, Pixels, shrink, to_input
from training.simulator.render import draw
from training.simulator.scene import random_scene

LEFT_BEHIND: Final = ("known.", "shape.")
"""Weights that rest on the body as it was: the measure of doubt, and the head that tells forms by shape."""

SCENES: Final = 16
"""Made scenes that the statistics are measured on."""


def unfolded(path: Path) -> AuroraNet:
    """The network of an exported model, in eval mode, with normalisations. What rests on a body as
    it was is left behind: its measure of doubt and the head that tells forms by shape (``training/forms.py``).

    Raises RuntimeError in one line where the file is no such model.
    """
    weights = _weights(path)
    try:
        net = AuroraNet.holding(
            (name for name in weights if not name.startswith(LEFT_BEHIND)), weights["head.weight"].shape[0]
        )
        offsets = _fill(net, weights)
    except (KeyError, RuntimeError) as error:
        raise RuntimeError(
            f"{path} is no model that aurorad-train export wrote: {' '.join(str(error).split())[:120]}"
        ) from error
    _measure(net.eval(), offsets, made_scenes())
    return net


def origin_of(weights: str) -> dict[str, Any]:
    """What the card of a start from an exported model says that its successor's must not lose: what it learned from,
    with sources and licences, and the temperatures and thresholds, which hold until others are fitted. Empty for another
    start, and for a file without a card of its own.
    """
    path = Path(weights)
    try:
        card = read_card(path) if path.suffix == ".onnx" else None
    except ModelError:
        return {}
    if card is None or card.sha256 != sha256_of(path):
        return {}
    kept = ("name", "sha256", "licence", "data", "temperature", "sky_temperature", "thresholds")
    return {name: value for name, value in json.loads(card.to_json()).items() if name in kept}


def _weights(path: Path) -> dict[str, Tensor]:
    try:
        graph = onnx.load(str(path)).graph
    except Exception as error:  # protobuf raises what the bytes lead it to
        raise RuntimeError(f"no starting weights at {path}: {' '.join(str(error).split())[:120]}") from error
    return {one.name: torch.from_numpy(numpy_helper.to_array(one).copy()) for one in graph.initializer}


def pairs(net: nn.Module) -> Iterator[tuple[str, str, nn.BatchNorm2d]]:
    """Every convolution that a normalisation follows: its name, the normalisation's name, and that itself."""
    for name, module in net.named_modules():
        if not isinstance(module, nn.Sequential):
            continue
        for index in range(len(module) - 1):
            norm = module[index + 1]
            if isinstance(module[index], nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                yield f"{name}.{index}", f"{name}.{index + 1}", norm


def _fill(net: AuroraNet, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Put the file's weights in, each normalisation as the bare offset; returns the offsets by normalisation."""
    state = net.state_dict()
    folded = {norm: conv for conv, norm, _ in pairs(net)}
    offsets = {norm: weights[f"{conv}.bias"] for norm, conv in folded.items()}
    for name in state:
        owner, _, part = name.rpartition(".")
        if owner not in folded:
            state[name] = weights[name]
        elif part == "bias":
            state[name] = offsets[owner]
        elif part != "num_batches_tracked":
            state[name] = (
                torch.zeros_like(state[name]) if part == "running_mean" else torch.ones_like(state[name])
            )
    net.load_state_dict(state)
    return offsets


def _measure(net: AuroraNet, offsets: dict[str, Tensor], scenes: Pixels) -> None:
    """Show the network made scenes and give each normalisation what it saw.

    One after the other in the order of the network, so that none sees what a bare offset's eps has scaled.
    """
    seen: dict[str, tuple[Tensor, Tensor]] = {}
    hooks = []
    for _, name, norm in pairs(net):

        def before(
            module: nn.Module, given: tuple[Tensor], name: str = name, eps: float = norm.eps
        ) -> tuple[Tensor]:
            seen[name] = given[0].mean((0, 2, 3)), given[0].var((0, 2, 3), unbiased=False)
            return (given[0] * (1 + eps) ** 0.5,)  # a variance of 1 is divided by with its eps

        hooks.append(norm.register_forward_pre_hook(before))
    with torch.inference_mode():
        net(torch.from_numpy(to_input(scenes)))
    for hook in hooks:
        hook.remove()
    for _, name, norm in pairs(net):
        mean, variance = (one.clone() for one in seen[name])
        with torch.no_grad():
            assert norm.running_mean is not None
            assert norm.running_var is not None
            norm.running_mean.copy_(mean)
            norm.running_var.copy_(variance)
            norm.weight.copy_((variance + norm.eps).sqrt())
            norm.bias.copy_(mean + offsets[name])


def made_scenes(count: int = SCENES) -> Pixels:
    """Random made scenes, (count, 240, 240, 3), always the same."""
    rng = np.random.default_rng(25)
    return np.stack([shrink(draw(random_scene(rng), SIDE).square) for _ in range(count)])
