"""The shape of the aurora: its skeleton, how arc-like it is and how strongly it curves. Pure.

OpenCV's own modules have no thinning, so Zhang and Suen's (doi:10.1145/357994.358023) stands here as a
look-up of each cell's eight neighbours. scikit-image would do the same and is a dependency more.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from daemon.description.sky_grid import SIDE, Cells, Floats, SkyGrid

_SMOOTH = 1.5
_ALONG = 2.0
_SHORTEST = 4
_LOWEST_DEG = 10.0

# A neighbour's bit, clockwise from straight up: the kernel gives each cell the code of its surroundings.
_BITS = np.array([[128, 1, 2], [64, 0, 4], [32, 16, 8]], dtype=np.float32)


class Shape(NamedTuple):
    """``arciness`` 0…1: 1 for narrow light whose parts run one way 110 km up, 0 for a round or tangled one.

    ``curvature`` is the mean along the skeleton of one over its radius of curvature in the picture, the
    disc's radius being 1: 0 for a straight line across the disc, 1 along the horizon, more for folds.
    """

    arciness: float
    curvature: float


def shape(mask: Cells, light: Floats, grid: SkyGrid) -> Shape | None:
    """The shape of a mask; None where its skeleton is too short to have one."""
    bones = skeleton(mask) & grid.sky & (grid.elevation_deg >= _LOWEST_DEG)
    length = int(bones.sum())
    if length < _SHORTEST:
        return None
    along_x, along_y, bend = _orientation(np.where(mask, 1.0 + np.maximum(light, 0.0), 0.0))
    step = grid.stretch[bones] @ np.stack([along_x[bones], along_y[bones]], axis=-1)[..., None]
    angle = 2 * np.arctan2(step[:, 1, 0], step[:, 0, 0])
    one_way = float(np.hypot(np.cos(angle).mean(), np.sin(angle).mean()))
    slender = max(0.0, 1.0 - float(mask.sum()) / length**2)
    return Shape(arciness=one_way * slender, curvature=float(np.median(np.abs(bend[bones]))))


def skeleton(mask: Cells) -> Cells:
    """The mask thinned to lines one cell wide."""
    left = np.pad(mask, 1).astype(np.uint8)
    while True:
        before = int(left.sum())
        for goes in _GOES:
            code = cv2.filter2D(left, cv2.CV_32F, _BITS, borderType=cv2.BORDER_CONSTANT)
            left[goes[code.astype(np.uint8)]] = 0
        if int(left.sum()) == before:
            return np.asarray(left[1:-1, 1:-1] > 0)


def _going(first: bool) -> npt.NDArray[np.bool_]:
    """For each code of eight neighbours: is the cell on the edge, and can it go without parting the line?"""
    n = (np.arange(256)[:, None] >> np.arange(8)) & 1  # up, up right, right, down right, down, ...
    around = n.sum(axis=1)
    turns = ((n == 0) & (np.roll(n, -1, axis=1) == 1)).sum(axis=1)
    up, right, down, left = n[:, 0], n[:, 2], n[:, 4], n[:, 6]
    edge = (
        (up * right * down == 0) & (right * down * left == 0)
        if first
        else (up * right * left == 0) & (up * down * left == 0)
    )
    return np.asarray((around >= 2) & (around <= 6) & (turns == 1) & edge)


_GOES = (_going(True), _going(False))


def _orientation(light: Floats) -> tuple[Floats, Floats, Floats]:
    """The direction along the light at each cell (right, down), and how it turns, per radius of the disc."""
    smooth = cv2.GaussianBlur(light, (0, 0), _SMOOTH)
    dx, dy = cv2.Sobel(smooth, cv2.CV_64F, 1, 0), cv2.Sobel(smooth, cv2.CV_64F, 0, 1)
    across, down, both = (cv2.GaussianBlur(one, (0, 0), _ALONG) for one in (dx * dx, dy * dy, dx * dy))
    twice_x, twice_y = down - across, -2 * both  # the doubled angle of the direction along
    size = np.maximum(np.hypot(twice_x, twice_y), 1e-12)
    cosine, sine = twice_x / size, twice_y / size
    angle = np.arctan2(sine, cosine) / 2
    along_x, along_y = np.cos(angle), np.sin(angle)
    turn_x, turn_y = (
        (cosine * np.gradient(sine, 2 / SIDE, axis=axis) - sine * np.gradient(cosine, 2 / SIDE, axis=axis))
        / 2
        for axis in (1, 0)
    )
    return along_x, along_y, np.asarray(turn_x * along_x + turn_y * along_y)
