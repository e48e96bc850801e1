"""Points of light in a picture of the sky: star candidates, with how far they stand out. Pure.

A difference of two blurs takes away sky, aurora and moonlight; what stands above the local
scatter of that difference, and is round, is a point. Hot pixels and lamps come out as points too: telling
them from stars is left to the lens, which knows where stars must be.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from daemon.observation import Disc, Picture, Points

Floats = npt.NDArray[np.float64]
Plane = npt.NDArray[np.float32]

LARGEST_RADIUS = 750
"""Larger discs are halved first: a star must stay a point."""
WITHIN = 0.97
"""Share of the radius that is looked at: the rim itself is full of points."""
CELL = 32
"""Side, in pixels, of the cells in which the scatter is measured."""
MAP = 24
"""Side of the maps of the sky behind the points, in cells."""
LEAST_SNR, LEAST_HEIGHT = 4.0, 1.5
LEAST_SCATTER = 0.25
"""Grey levels; a flat black sky has none of its own."""
_AT_ONCE = 32  # rows
LEAST_ROUNDNESS = 0.35
"""Least ratio of the two curvatures of a peak: the edge of a cloud or of the horizon is a ridge."""


def find_points(pixels: Picture, disc: Disc, limit: int = 400) -> Points:
    """The strongest points of a picture (height, width, 3) within its disc, at most ``limit``, and the sky behind.

    ``disc`` is in pixels of this very picture.
    """
    square, left, top = _around(pixels, disc)
    halvings = 0
    while disc.radius / 2**halvings > LARGEST_RADIUS:
        square = np.asarray(cv2.resize(square, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)
        halvings += 1
    if min(square.shape[:2]) < 2 * CELL:
        return Points(np.zeros(0), np.zeros(0), np.zeros(0))
    grey = _grey(square)
    above, around = (np.asarray(cv2.GaussianBlur(grey, (0, 0), width), np.float32) for width in (0.9, 3.0))
    above -= around
    least = _least(above)
    x, y, height = _peaks(above, least, around)
    across = (left + x * 2**halvings - disc.centre_x) / disc.radius
    down = (top + y * 2**halvings - disc.centre_y) / disc.radius
    within = np.flatnonzero(np.hypot(across, down) < WITHIN)[:limit]
    corner = (left - disc.centre_x) / disc.radius, (top - disc.centre_y) / disc.radius
    side = 2**halvings / disc.radius
    return Points(
        across[within], down[within], height[within], _map(grey, corner, side), _map(least, corner, side)
    )


def _map(plane: Plane, corner: tuple[float, float], side: float) -> Plane:
    """A plane of the picture as a coarse map of the disc, (MAP, MAP). Its corner lies at ``corner`` on the disc, a
    pixel is ``side`` wide there; what the picture does not show is like its edge."""
    cell = 2.0 / MAP
    tall, wide = (max(1, round(length * side / cell)) for length in plane.shape)
    small = cv2.resize(plane, (wide, tall), interpolation=cv2.INTER_AREA)
    across = plane.shape[1] * side / wide / cell, plane.shape[0] * side / tall / cell
    shift = [(at + 1.0) / cell + 0.5 * scale - 0.5 for at, scale in zip(corner, across, strict=True)]
    move = np.array([[across[0], 0.0, shift[0]], [0.0, across[1], shift[1]]])
    whole = cv2.warpAffine(small, move, (MAP, MAP), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(whole, dtype=np.float32)


def _around(pixels: Picture, disc: Disc) -> tuple[Picture, int, int]:
    """The part of the picture that holds the disc, and where its corner lies (x, y)."""
    left, top = max(0, int(disc.centre_x - disc.radius)), max(0, int(disc.centre_y - disc.radius))
    right, bottom = int(disc.centre_x + disc.radius) + 1, int(disc.centre_y + disc.radius) + 1
    return pixels[top:bottom, left:right], left, top


def _peaks(above: Plane, least: Plane, scratch: Plane) -> tuple[Floats, Floats, Floats]:
    """(x, y, height) of the points of a picture, strongest first; pixel centres lie at .5. ``scratch`` is written over."""
    peaks = (above == cv2.dilate(above, np.ones((5, 5), np.uint8), dst=scratch)) & (above >= least)
    peaks[:2], peaks[-2:], peaks[:, :2], peaks[:, -2:] = False, False, False, False
    row, column = np.nonzero(peaks)
    round_ = _roundness(above, row, column) >= LEAST_ROUNDNESS
    row, column = row[round_], column[round_]
    order = np.argsort(-above[row, column], kind="stable")
    row, column = row[order], column[order]
    x, y = _refined(above, row, column)
    return x, y, above[row, column].astype(np.float64)


def _grey(pixels: Picture) -> Plane:
    """The mean of the channels: colour noise averages out, starlight does not."""
    third, grey = np.full(3, 1 / 3, np.float32), np.empty(pixels.shape[:2], np.float32)
    # Some rows at a time: a whole picture with three floats a pixel is memory that comes from the kernel each time.
    for start in range(0, len(grey), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        np.matmul(pixels[some].astype(np.float32), third, out=grey[some])
    return grey


def _least(above: Plane) -> Plane:
    """The height that a point has at least: over the robust local standard deviation, 1.48 times the median of each
    cell's absolute values.
    """
    height, width = above.shape
    rows, columns = height // CELL, width // CELL
    tall, wide = height // rows, width // columns
    cells = np.abs(above[: rows * tall : 2, : columns * wide : 2])
    cells = cells[: rows * (tall // 2), : columns * (wide // 2)]
    blocks = (
        cells.reshape(rows, tall // 2, columns, wide // 2).transpose(0, 2, 1, 3).reshape(rows, columns, -1)
    )
    middle = blocks.shape[2] // 2
    spread = np.partition(blocks, middle, axis=2)[:, :, middle] * np.float32(1.48)
    whole = cv2.resize(np.ascontiguousarray(spread), (width, height), interpolation=cv2.INTER_LINEAR)
    least = np.asarray(whole, dtype=np.float32)
    np.maximum(least, np.float32(LEAST_SCATTER), out=least)
    least *= np.float32(LEAST_SNR)
    return np.maximum(least, np.float32(LEAST_HEIGHT), out=least)


def _roundness(above: Plane, row: npt.NDArray[np.intp], column: npt.NDArray[np.intp]) -> Floats:
    """The smaller over the larger principal curvature of each peak: 1 a round point, 0 a ridge."""

    def at(down: int, right: int) -> Floats:
        return np.asarray(above[row + down, column + right], dtype=np.float64)

    across, along = 2 * at(0, 0) - at(0, -1) - at(0, 1), 2 * at(0, 0) - at(-1, 0) - at(1, 0)
    mixed = (at(1, 1) + at(-1, -1) - at(1, -1) - at(-1, 1)) / 4
    middle, half = (across + along) / 2, np.hypot((across - along) / 2, mixed)
    ratio: Floats = (middle - half) / np.maximum(middle + half, 1e-9)
    return ratio


def _refined(above: Plane, row: npt.NDArray[np.intp], column: npt.NDArray[np.intp]) -> tuple[Floats, Floats]:
    """The tops of the parabolas through each peak and its neighbours, in pixels."""

    def top(before: Plane, at: Plane, after: Plane) -> Floats:
        bend = np.maximum((2 * at - before - after).astype(np.float64), 1e-6)
        return np.asarray(np.clip((after - before) / (2 * bend), -0.5, 0.5), dtype=np.float64)

    middle = above[row, column]
    x = column + 0.5 + top(above[row, column - 1], middle, above[row, column + 1])
    y = row + 0.5 + top(above[row - 1, column], middle, above[row + 1, column])
    return x, y
