"""What turns pictures into features: the pretrained network, small pixels, networks that learned here."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from daemon.files import replacing
from models.network import AuroraNet
from models.preprocess import SIDE, Pixels, to_input
from training.compare.bench import Encode
from training.compare.heads import Floats
from training.compare.skies import batches
from training.imagenet import put_blends, torchvision_weights
from training.student import load_start

PRETRAINED: Final = "imagenet"
BATCH: Final = 16
PIXEL_SIDE: Final = 32


def resized(pictures: Pixels, side: int) -> Pixels:
    """(N, S, S, 3) → (N, side, side, 3), averaged over area where they get smaller."""
    if pictures.shape[1] == side:
        return np.ascontiguousarray(pictures)
    how = cv2.INTER_AREA if pictures.shape[1] > side else cv2.INTER_LINEAR
    return np.stack([np.asarray(cv2.resize(p, (side, side), interpolation=how), np.uint8) for p in pictures])


def tensor_of(pictures: Pixels, side: int) -> Tensor:
    """Pictures as a network takes them, (N, 3, side, side)."""
    return torch.from_numpy(to_input(resized(pictures, side)))


def encoder(net: Callable[[Tensor], Tensor], side: int = SIDE) -> Encode:
    """A network in eval mode as an encoder: pictures in batches, (N, D) out."""

    def encode(pictures: Pixels) -> Floats:
        with torch.inference_mode():
            found = [net(tensor_of(some, side)).double().numpy() for some in batches(pictures, BATCH)]
        return np.concatenate(found)

    return encode


def megabytes(net: nn.Module) -> float:
    """A network's weights in MB, four bytes each."""
    return round(4e-6 * sum(int(w.numel()) for w in net.state_dict().values()), 1)


class Pooled(nn.Module):
    """The mean over the picture of a body's last grid, (N, D)."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, pixels: Tensor) -> Tensor:
        """(N, 3, S, S) → (N, D)."""
        grid: Tensor = self.body(pixels)
        return grid.mean((2, 3))


@cache
def start() -> str:
    """Which of ImageNet's weights there are here, in a recipe's words: torchvision's, else Lite1's from its package."""
    try:
        torchvision_weights()
    except RuntimeError:
        return "lite1"
    return "IMAGENET1K_V1"


def pretrained() -> Pooled:
    """ImageNet's features, 1,280 of them, as :func:`start` has them; Lite1's with its own activation.

    Raises RuntimeError in one line where there are none.
    """
    net = AuroraNet()
    if load_start(net, start()) == "lite1":
        put_blends(net.features)
    body: nn.Module = net.features.to(memory_format=torch.channels_last)  # a third less time on a CPU
    return Pooled(body).eval()


def pixels(pictures: Pixels) -> Floats:
    """The picture itself, small: (N, 3072)."""
    return np.asarray(resized(pictures, PIXEL_SIDE).reshape(len(pictures), -1), np.float64)


def learned(path: Path, net: nn.Module, learn: Callable[[nn.Module], None]) -> nn.Module:
    """A network that learned before, or learns now and is kept; in eval mode."""
    if path.exists():
        net.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    else:
        learn(net)
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as part:
            torch.save(net.state_dict(), part)
    return net.eval()
