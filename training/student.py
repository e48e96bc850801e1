"""The network while it learns, and what it starts from."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

from models.network import AuroraNet, Scores
from training.recipe import Recipe

TAPS: Final = {5: 112, 7: 320}
"""Stages that get auxiliary maps while training, and their channels: strides 16 and 32."""


class Student(nn.Module):
    """The network, and beside it small heads that draw maps of aurora and clear sky while it learns.

    The maps' heads see one place at a time, so they tell the body where the aurora is, which an
    answer for the whole picture takes thousands of steps to teach. The map of the clear sky is the
    picture's one label at every place; without it the sky's head stayed at chance for 1,500 steps.
    Neither is exported.
    """

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.net = AuroraNet(
            outputs=recipe.outputs,
            dropout=recipe.dropout,
            stochastic_depth=recipe.stochastic_depth,
            head_std=recipe.head_std,
        )
        for module in self.net.modules():
            if isinstance(module, nn.SiLU):
                module.inplace = (
                    False  # in place, backward needs a copy of what it overwrites: a seventh of a step
                )
        taps = TAPS if recipe.map_weight > 0 else {}
        self.taps = tuple(taps)
        self.scores = Scores(self.net, self.taps)
        self.maps = nn.ModuleDict({str(tap): nn.Conv2d(channels, 2, 1) for tap, channels in taps.items()})
        load_start(self.net, recipe.weights)

    def forward(self, pixels: Tensor) -> tuple[Tensor, list[Tensor]]:
        """(N, 3, S, S) → logits (N, outputs), maps' logits [(N, 2, h, w), …]: aurora, clear sky."""
        logits, kept = self.scores(pixels)
        return logits, [self.maps[str(tap)](kept[tap]) for tap in self.taps]


def load_start(net: AuroraNet, weights: str) -> None:
    """Fill the body: ``none`` leaves it random, ``IMAGENET1K_V1`` is torchvision's, else a file.

    Raises RuntimeError in one line where the weights cannot be had.
    """
    if weights == "none":
        return
    if weights == "IMAGENET1K_V1":
        from torchvision.models import EfficientNet_B1_Weights

        try:
            body = EfficientNet_B1_Weights.IMAGENET1K_V1.get_state_dict(progress=False)
        except OSError as error:
            raise RuntimeError(
                f"torchvision's IMAGENET1K_V1 weights cannot be fetched ({error}): "
                "give a file with --weights, or --weights none"
            ) from error
        net.load_features(body)
        return
    try:
        kept = torch.load(weights, map_location="cpu", weights_only=True)
    except OSError as error:
        raise RuntimeError(f"no starting weights at {weights}: {error.strerror}") from error
    kept = kept.get("net", kept)
    if "head.weight" in kept and kept["head.weight"].shape == net.head.weight.shape:
        net.load_state_dict(kept)
    else:
        net.load_features(kept)
