"""Rows of a cut disc that are like others of it: smeared, or there twice. Measures as in
:mod:`daemon.footage.measures`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import cv2
import numpy as np

from daemon.footage.measures import Floats, View, inside_of


def smear(view: View, across: bool) -> float:
    """Share of rows that differ from the next by under a tenth of what they differ within. Real: 0.04, across 0.10."""
    light = view.light_across if across else view.light
    inside = _inside_floats(view.side)[1:]
    down = np.einsum("ij,ij->i", cv2.absdiff(light[1:], light[:-1]), inside)
    along = np.einsum("ij,ij->i", cv2.absdiff(light[1:, 1:], light[1:, :-1]), inside[:, 1:])
    wide = inside.sum(axis=1)
    counted = wide > view.side / 2
    alike = counted & (along > wide / 2) & (down < 0.1 * along)
    return float(alike.sum() / counted.sum())


@lru_cache(maxsize=8)
def _inside_floats(side: int) -> Floats:
    """(side, side): 1 within 0.93 of the radius, else 0."""
    return inside_of(side, 0.93).astype(np.float32)


_AT_ONCE: Final = 64  # a multiple of eight


def repeats(view: View, across: bool) -> float:
    """How much nearer rows are to rows some way below than to those six from there. Real: 0.33.

    The least ratio of mean squared differences over 24 rows; in a picture that never repeats it is
    near 1, for what lies a little beside is as like or unlike.
    """
    disc = view.disc.transpose(1, 0, 2) if across else view.disc
    size = len(disc)
    thin = max(1, round(size / 720))
    rows = disc[
        size // 10 : size - size // 10 : thin, size // 5 : size * 4 // 5 : max(1, size // 100), 1
    ].astype(np.float32)
    count, width = rows.shape
    reach = int(count * 0.7)
    squares = np.square(rows).sum(axis=1)[:, None]
    ones = np.ones_like(squares)
    left, right = np.hstack([-2 * rows, squares, ones]), np.hstack([rows, ones, squares]).T
    eights = np.empty((count // 8, reach), dtype=np.float32)
    # Some rows at a time, so that their distances stay in the processor's cache.
    apart = np.empty((_AT_ONCE, _AT_ONCE + reach), dtype=np.float32)
    # Row y of what follows holds the distances of row y from rows y, y + 1 … y + reach.
    below = np.lib.stride_tricks.as_strided(
        apart, (_AT_ONCE // 8, 8, reach), (8 * sum(apart.strides), sum(apart.strides), apart.strides[1])
    )
    for start in range(0, count // 8 * 8, _AT_ONCE):
        these, known = left[start : start + _AT_ONCE], right[:, start : start + apart.shape[1]]
        np.matmul(these, known, out=apart[: len(these), : known.shape[1]])
        apart[:, known.shape[1] :] = 1e5 * width
        held = eights[start // 8 : (start + _AT_ONCE) // 8]
        np.sum(below[: len(held)], axis=1, out=held)
    near = (eights[2:] + eights[1:-1] + eights[:-2]) / (24 * width)
    beside = np.minimum(near[:, 1:-12], near[:, 13:])
    return float(np.where(beside > 6, near[:, 7:-6] / np.maximum(beside, 1), 9).min())
