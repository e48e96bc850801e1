"""Masked frame → tensor: the one function that training and watching share.

``shrink`` is done once per frame, where it enters (the daemon keeps its result, the training set
stores it); ``to_input`` is done once per batch, right before the network.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Tensor = npt.NDArray[np.float32]

SIDE: Final = 240
"""EfficientNet-B1's input side in pixels, as in the method."""

MEAN: Final = (0.485, 0.456, 0.406)
STD: Final = (0.229, 0.224, 0.225)
"""ImageNet's mean and standard deviation of R, G, B in 0..1 (torchvision's IMAGENET1K_V1)."""


@lru_cache(maxsize=8)
def disc_mask(side: int) -> npt.NDArray[np.bool_]:
    """(side, side) mask: True inside the sky disc, one pixel short of the inscribed circle.

    The outermost pixel is left out because shrinking a cut disc blends it with the black around
    it, and a disc cut at another size would blend it differently.
    """
    offset = np.arange(side, dtype=np.float64) - (side - 1) / 2
    mask = np.hypot(offset[:, None], offset[None, :]) <= side / 2 - 1
    mask.setflags(write=False)
    return np.asarray(mask)


@lru_cache(maxsize=8)
def _shown(side: int) -> Pixels:
    """(side, side, 3): 255 where :func:`disc_mask` is True; as wide as what it is and-ed with."""
    inside = np.where(disc_mask(side), np.uint8(255), np.uint8(0))
    return np.repeat(inside[:, :, None], 3, axis=2)


def shrink(square: Pixels, side: int = SIDE) -> Pixels:
    """A square sky disc of any size → (side, side, 3) uint8 BGR, black outside the disc.

    Averages over area where the picture gets smaller, so that stars and thin arcs fade and do
    not flicker. Raises ValueError where ``square`` is not (n, n, 3) uint8.
    """
    if square.ndim != 3 or square.shape[0] != square.shape[1] or square.shape[2] != 3:
        raise ValueError(f"a sky disc is a square colour picture, this one is {square.shape}")
    if square.dtype != np.uint8:
        raise ValueError(f"a sky disc is uint8, this one is {square.dtype}")
    small = square
    if square.shape[0] != side:
        how = cv2.INTER_AREA if square.shape[0] > side else cv2.INTER_LINEAR
        small = np.asarray(cv2.resize(square, (side, side), interpolation=how), dtype=np.uint8)
    return np.bitwise_and(small, _shown(side))


def to_input(
    batch: Pixels, mean: tuple[float, float, float] = MEAN, std: tuple[float, float, float] = STD
) -> Tensor:
    """(N, S, S, 3) uint8 BGR as from :func:`shrink` → (N, 3, S, S) float32 RGB, normalised.

    ``mean`` and ``std`` are of R, G, B in 0..1; a model's card names its own. Raises ValueError where the batch has another shape or type.
    """
    if batch.ndim != 4 or batch.shape[1] != batch.shape[2] or batch.shape[3] != 3:
        raise ValueError(f"a batch is (N, S, S, 3), this one is {batch.shape}")
    if batch.dtype != np.uint8:
        raise ValueError(f"a batch is uint8, this one is {batch.dtype}")
    tensor = np.empty((batch.shape[0], 3, batch.shape[1], batch.shape[2]), dtype=np.float32)
    for channel in range(3):
        plane = tensor[:, channel]
        np.multiply(batch[..., 2 - channel], np.float32(1 / (255 * std[channel])), out=plane)
        plane -= np.float32(mean[channel] / std[channel])
    return tensor
