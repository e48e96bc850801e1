"""The point of light nearest to each place where a star must be, and how often chance would find as many. Pure."""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]

_TREE: dict[str, bool | int | float | str] = {"algorithm": 4, "leaf_max_size": 10}
"""FLANN's single k-d tree, whose search is exact."""


class Nearest:
    """Points (n,) on the disc, sorted once for all the searches of a frame."""

    def __init__(self, x: Floats, y: Floats) -> None:
        self._places = _pairs(x, y)  # the tree keeps no copy of its own
        self._tree = cv2.flann.Index(self._places, _TREE) if len(x) else None

    def to(self, x: Floats, y: Floats) -> tuple[Floats, Indices]:
        """Places (m,) → how far the nearest point is from each, and its index; infinitely far and 0 without points."""
        if self._tree is None or not len(x):
            return np.full(len(x), np.inf), np.zeros(len(x), np.intp)
        which, squared = self._tree.knnSearch(_pairs(x, y), 1, params={})
        return np.sqrt(squared[:, 0], dtype=np.float64), which[:, 0].astype(np.intp)


def _pairs(x: Floats, y: Floats) -> npt.NDArray[np.float32]:
    return np.column_stack([x, y]).astype(np.float32)


def by_chance(found: int, of: int, rate: float) -> float:
    """How likely at least ``found`` ``of`` so many are, where each is found with a chance of ``rate`` (binomial)."""
    if found <= 0 or rate >= 1.0:
        return 1.0
    if found > of or rate <= 0.0:
        return 0.0
    if found > of * rate:
        return min(1.0, _tail(found, of, rate))
    return max(0.0, 1.0 - _tail(of - found + 1, of, 1.0 - rate))


def _tail(found: int, of: int, rate: float) -> float:
    """The same where ``found`` lies beyond what is likely: each further term is smaller than the one before."""
    first = (
        math.lgamma(of + 1)
        - math.lgamma(found + 1)
        - math.lgamma(of - found + 1)
        + found * math.log(rate)
        + (of - found) * math.log1p(-rate)
    )
    more = np.arange(found, of)
    terms = np.cumprod((of - more) / (more + 1.0) * (rate / (1.0 - rate)))
    return math.exp(first) * (1.0 + float(terms.sum()))
