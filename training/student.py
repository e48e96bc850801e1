"""The network while it learns, and what it starts from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn

from models.network import MASK_STAGES, AuroraNet, Scores
from training.imagenet import from_lite, lite_weights, put_blends, set_share, torchvision_weights
from training.recipe import Recipe
from training.unfold import unfolded

TAPS: Final = {5: 112, 7: 320}
"""Stages that get auxiliary maps while training, and their channels: strides 16 and 32."""


LATE: Final = 4
"""The first stage that learns where only the later ones do."""


class Student(nn.Module):
    """The network, and beside it small heads that draw maps of aurora and clear sky while it learns.

    The maps' heads see one place at a time, so they tell the body where the aurora is, which an
    answer for the whole picture takes thousands of steps to teach. The map of the clear sky is the
    picture's one label at every place; without it the sky's head stayed at chance for 1,500 steps.
    Neither is exported. The mask, finer and of its own, is.
    """

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.net = AuroraNet(
            outputs=recipe.outputs,
            dropout=recipe.dropout,
            stochastic_depth=recipe.stochastic_depth,
            head_std=recipe.head_std,
            mask=recipe.mask_weight > 0,
        )
        for module in self.net.modules():
            if isinstance(module, nn.SiLU):
                module.inplace = (
                    False  # in place, backward needs a copy of what it overwrites: a seventh of a step
                )
        taps = TAPS if recipe.map_weight > 0 else {}
        self.taps = tuple(taps)
        self.scores = Scores(self.net, sorted({*taps, *(MASK_STAGES if self.net.mask is not None else ())}))
        self.maps = nn.ModuleDict({str(tap): nn.Conv2d(channels, 2, 1) for tap, channels in taps.items()})
        self.morph_steps = recipe.morph_steps if load_start(self.net, recipe.weights) == "lite1" else 0
        if self.morph_steps:
            put_blends(self.net.features)

    def still(self, train: str) -> list[nn.Module]:
        """What does not learn where ``train`` is ``all``, ``late`` (stages 0 to 3) or ``head``."""
        if train == "head":
            return [self.net.features, self.maps, *([] if self.net.mask is None else [self.net.mask])]
        return list(self.net.features[:LATE]) if train == "late" else []

    def morph(self, step: int) -> None:
        """Go over from ReLU6 to SiLU as far as the run's ``step`` asks, where the start was Lite1's."""
        if self.morph_steps:
            set_share(self.net.features, step / self.morph_steps)

    def forward(self, pixels: Tensor) -> tuple[Tensor, list[Tensor], Tensor | None]:
        """(N, 3, S, S) → logits (N, outputs), maps' logits [(N, 2, h, w), …]: aurora, clear sky; and the
        mask's logits (N, S/4, S/4) where the network has one.
        """
        logits, kept = self.scores(pixels)
        mask = None if self.net.mask is None else self.net.mask(kept)
        return logits, [self.maps[str(tap)](kept[tap]) for tap in self.taps], mask


def load_start(net: AuroraNet, weights: str) -> str:
    """Fill the body and say with what: ``none`` leaves it random, ``IMAGENET1K_V1`` is torchvision's,
    ``lite1`` EfficientNet-Lite1's, ``imagenet`` the first of these two that can be had; else a file: a run's
    ``model.pt``, or an exported model (``.onnx``).

    Raises RuntimeError in one line where the weights cannot be had.
    """
    if weights == "none":
        return weights
    if weights in ("IMAGENET1K_V1", "imagenet"):
        try:
            net.load_features(torchvision_weights())
        except RuntimeError:
            if weights != "imagenet":
                raise
            weights = "lite1"
        else:
            return "IMAGENET1K_V1"
    if weights == "lite1":
        net.load_features(from_lite(lite_weights()))
        return weights
    if weights.endswith(".onnx"):
        take(net, unfolded(Path(weights)).state_dict())
        return weights
    kept = _kept(Path(weights))
    try:
        if kept.keys() == net.state_dict().keys() and kept["head.weight"].shape == net.head.weight.shape:
            net.load_state_dict(kept)
        else:
            net.load_features(kept)
    except RuntimeError as error:
        raise RuntimeError(f"{weights} holds no weights of a network like this one") from error
    return weights


def _kept(path: Path) -> Mapping[str, Tensor]:
    """The weights of a run's model.pt, or those alone. Raises RuntimeError in one line where a file holds none."""
    try:
        kept = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise RuntimeError(f"no starting weights at {path}: {error.strerror}") from error
    except Exception as error:  # torch.load raises whatever the bytes lead it to
        raise RuntimeError(f"{path} holds no weights: give a run's model.pt, or an exported .onnx") from error
    weights = kept.get("net", kept) if isinstance(kept, dict) else None
    if not isinstance(weights, dict) or not all(isinstance(one, Tensor) for one in weights.values()):
        raise RuntimeError(f"{path} holds no weights: give a run's model.pt, or an exported .onnx")
    return weights


def take(net: AuroraNet, weights: Mapping[str, Tensor]) -> None:
    """Fill a network with what fits: the body must, heads of other questions stay as they are."""
    mine = net.state_dict()
    net.load_features(weights)
    fitting = {n: v for n, v in weights.items() if n in mine and v.shape == mine[n].shape}
    net.load_state_dict({**mine, **fitting})
