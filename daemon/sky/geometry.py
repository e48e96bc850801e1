"""The sky disc: cut it out, know which way each pixel looks, draw the heat map's outline. Pure.

Positions on the disc are (x, y) in −1…1 from its centre, x to the right and y down, as in the
picture. What the lens does to them stands in :mod:`daemon.sky.lens`.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from daemon.errors import PictureError
from daemon.observation import Disc, HeatMap, Orientation, Picture
from daemon.sky.lens import edge_elevation_deg, project, unproject

Polygon = list[tuple[float, float]]

KEPT_SIDE, LABELLED_SIDE = 480, 720
"""Pixels across of the discs that are kept, at most: of looks, sharp on a phone and some 25 kB; and of pictures that
came with labels, the method's own size."""

_COMPASS = ("north", "north-east", "east", "south-east", "south", "south-west", "west", "north-west")
_FINE = 64  # side of the grid on which an 8 × 8 heat map is measured and outlined


# ── cutting ─────────────────────────────────────────────────────────────────────────────────────


def cut_disc(pixels: Picture, disc: Disc) -> Picture:
    """(height, width, 3) → the disc as (side, side, 3), black outside the circle and the picture.

    A picture of another size than the disc's is taken as the same picture scaled by its height
    and centred; side is twice the scaled radius. Raises PictureError, reason ``wrong shape``, where
    the picture holds less than half of what the disc's own holds of it: one of 1 × 40,000 pixels would
    have to be filled up with black to a thousand million; and where it is upright and the disc's own wide, or the
    other way round: the camera was turned, and neither the disc nor north is where it was.
    """
    height, width = pixels.shape[:2]
    side, left, top = _square(width, height, disc)
    own = _share_held(disc.width, disc.height, disc)
    if _is_turned(width, height, disc) or _share_held(width, height, disc) < 0.5 * own:
        raise PictureError(
            "wrong shape",
            f"the picture of {width}×{height} does not hold the camera's disc; correct [camera.disc], or look at what the camera sends",
        )
    inside = pixels[max(0, top) : max(0, top + side), max(0, left) : max(0, left + side)]
    if inside.shape[:2] != (side, side):
        whole = np.zeros((side, side, 3), dtype=np.uint8)
        y, x = max(0, -top), max(0, -left)
        whole[y : y + inside.shape[0], x : x + inside.shape[1]] = inside
        inside = whole
    return np.bitwise_and(inside, _mask(side))


def _square(width: int, height: int, disc: Disc) -> tuple[int, int, int]:
    """(side, left, top) of the square around the disc in a picture of that size."""
    scale = height / disc.height
    radius = max(1, round(disc.radius * scale))
    left = round(width / 2 + (disc.centre_x - disc.width / 2) * scale) - radius
    return 2 * radius, left, round(disc.centre_y * scale) - radius


def _is_turned(width: int, height: int, disc: Disc) -> bool:
    """Is one of the two pictures upright and the other wide, each by more than a tenth?"""
    shapes = width / height, disc.width / disc.height
    return min(shapes) < 0.9 and max(shapes) > 1.1


def _share_held(width: int, height: int, disc: Disc) -> float:
    """Share of the square around the disc that lies in a picture of that size."""
    side, left, top = _square(width, height, disc)
    across = min(width, left + side) - max(0, left)
    down = min(height, top + side) - max(0, top)
    return max(0, across) * max(0, down) / side**2


def cut_square(pixels: Picture) -> Picture:
    """A square picture that is a sky disc already: only what lies outside its circle is blackened."""
    height, width = pixels.shape[:2]
    if height != width:
        raise ValueError(f"{width}×{height} is not square")
    return np.bitwise_and(pixels, _mask(height))


def disc_in(pixels: Picture, disc: Disc) -> Disc:
    """Where the sky is in a picture that somebody brings, given the camera's disc.

    A square picture of a camera whose own are not is an already cropped sky disc. So is one of a camera whose own are
    square, where it is as large as the cropped ones that are kept of it.
    """
    height, width = pixels.shape[:2]
    kept = {min(most, 2 * max(1, round(disc.radius))) for most in (KEPT_SIDE, LABELLED_SIDE)}
    own = disc.width == disc.height and (height == disc.height or height not in kept)
    if height != width or own:
        return disc
    return Disc(width / 2, height / 2, width / 2, width, height)


@lru_cache(maxsize=8)
def _mask(side: int) -> Picture:
    """(side, side, 3): 255 inside the inscribed circle, 0 outside; as wide as what it is and-ed with."""
    offset = np.arange(side, dtype=np.float64) + 0.5 - side / 2
    inside = offset[:, None] ** 2 + offset[None, :] ** 2 <= (side / 2) ** 2
    mask = np.repeat(np.where(inside, np.uint8(255), np.uint8(0))[:, :, None], 3, axis=2)
    mask.flags.writeable = False
    return mask


# ── directions ──────────────────────────────────────────────────────────────────────────────────


def direction(x: float, y: float, orientation: Orientation) -> tuple[float, float]:
    """A position on the disc → (azimuth_deg clockwise from north, elevation_deg)."""
    azimuth_deg, elevation_deg = unproject(np.array([x]), np.array([y]), orientation)
    return float(azimuth_deg[0]), float(elevation_deg[0])


def position(azimuth_deg: float, elevation_deg: float, orientation: Orientation) -> tuple[float, float]:
    """(azimuth_deg, elevation_deg) → the position on the disc; the inverse of :func:`direction`."""
    x, y = project(np.array([azimuth_deg]), np.array([elevation_deg]), orientation)
    return float(x[0]), float(y[0])


def compass_point(azimuth_deg: float) -> str:
    """The nearest of eight: ``north-west``."""
    return _COMPASS[round(azimuth_deg / 45.0) % 8]


# ── heat maps ───────────────────────────────────────────────────────────────────────────────────


def heatmap_area(heatmap: HeatMap) -> float:
    """Share of the disc, 0…1, in which the map is above half of its peak; 0 for an empty map."""
    fine = _upsample(heatmap, _FINE)
    inside = _mask(_FINE)[:, :, 0] > 0
    peak = float(fine[inside].max(initial=0.0))
    return float((fine[inside] > peak / 2).mean()) if peak > 0 else 0.0


def heatmap_direction(heatmap: HeatMap, orientation: Orientation | None) -> tuple[float | None, float | None]:
    """(azimuth_deg, elevation_deg) of the map's brightest part; nulls without orientation or map.

    The peak cell and its neighbours are averaged, weighted by what they have above half the peak:
    a centre of the whole map would put an arc along the horizon near the zenith.
    """
    x, y = _brightest(heatmap)
    if orientation is None or x is None or y is None:
        return None, None
    azimuth_deg, elevation_deg = direction(x, y, orientation)
    return azimuth_deg, max(elevation_deg, edge_elevation_deg(orientation))


def _brightest(heatmap: HeatMap) -> tuple[float, float] | tuple[None, None]:
    rows, columns = heatmap.shape
    y, x = np.mgrid[0:rows, 0:columns]
    x, y = (x + 0.5) / columns * 2 - 1, (y + 0.5) / rows * 2 - 1
    values = np.where(np.hypot(x, y) <= 1.0, np.asarray(heatmap, dtype=np.float64), 0.0)
    peak = float(values.max(initial=0.0))
    if peak <= 0:
        return None, None
    row, column = divmod(int(values.argmax()), columns)
    near = np.s_[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2]
    weight = np.maximum(values[near] - peak / 2, 0.0)
    return float((x[near] * weight).sum() / weight.sum()), float((y[near] * weight).sum() / weight.sum())


def heatmap_outline(heatmap: HeatMap, side: int, level: float = 0.5) -> list[Polygon]:
    """Closed outlines of the map at ``level`` of its peak, in pixels of a square picture of ``side``.

    Each polygon is a list of (x, y) whose last point joins its first. Empty for an empty map.
    """
    fine = np.where(_mask(_FINE)[:, :, 0] > 0, _upsample(heatmap, _FINE), 0.0)
    peak = float(fine.max(initial=0.0))
    if peak <= 0:
        return []
    # A border of nothing closes outlines that run off the map.
    loops = _contours(np.pad(fine / peak, 1), level)
    to_pixels = side / _FINE
    return [[((x - 0.5) * to_pixels, (y - 0.5) * to_pixels) for x, y in loop] for loop in loops]


def _upsample(heatmap: HeatMap, side: int) -> npt.NDArray[np.float64]:
    """Bilinear, cell centres on cell centres, edges held: (r, c) → (side, side)."""
    rows, columns = heatmap.shape
    return _weights(side, rows) @ np.asarray(heatmap, dtype=np.float64) @ _weights(side, columns).T


@lru_cache(maxsize=8)
def _weights(side: int, cells: int) -> npt.NDArray[np.float64]:
    """(side, cells): row i holds how much of each cell the i-th fine sample takes."""
    at = np.clip((np.arange(side) + 0.5) / side * cells - 0.5, 0, cells - 1)
    weights: npt.NDArray[np.float64] = np.maximum(0.0, 1.0 - np.abs(at[:, None] - np.arange(cells)[None, :]))
    return weights


# Marching squares. A cell's corners are numbered 1 2 / 8 4 (clockwise from top left) and its edges
# top, right, bottom, left = 0…3. Each entry: from which edge to which the outline runs, with the
# inside on its left.
_SEGMENTS: dict[int, tuple[tuple[int, int], ...]] = {
    1: ((3, 0),),
    2: ((0, 1),),
    3: ((3, 1),),
    4: ((1, 2),),
    5: ((3, 0), (1, 2)),
    6: ((0, 2),),
    7: ((3, 2),),
    8: ((2, 3),),
    9: ((2, 0),),
    10: ((0, 1), (2, 3)),
    11: ((2, 1),),
    12: ((1, 3),),
    13: ((1, 0),),
    14: ((0, 3),),
}


def _contours(grid: npt.NDArray[np.float64], level: float) -> list[Polygon]:
    """Closed loops at ``level`` over a grid whose border is below it; points in grid coordinates."""
    above = grid > level
    cases = above[:-1, :-1] * 1 + above[:-1, 1:] * 2 + above[1:, 1:] * 4 + above[1:, :-1] * 8
    following: dict[tuple[int, int, int], tuple[int, int, int]] = {}
    for row, column in zip(*(index.tolist() for index in np.nonzero(cases % 15)), strict=True):
        for start, end in _SEGMENTS[int(cases[row, column])]:
            following[_edge(row, column, start)] = _edge(row, column, end)
    loops = []
    while following:
        edge, nxt = following.popitem()
        loop = [_crossing(grid, level, edge)]
        while nxt in following:
            loop.append(_crossing(grid, level, nxt))
            nxt = following.pop(nxt)
        loops.append(loop)
    return loops


def _edge(row: int, column: int, side: int) -> tuple[int, int, int]:
    """The shared name of a cell's edge: (row, column, 0 along x or 1 along y) of its first corner."""
    return ((row, column, 0), (row, column + 1, 1), (row + 1, column, 0), (row, column, 1))[side]


def _crossing(grid: npt.NDArray[np.float64], level: float, edge: tuple[int, int, int]) -> tuple[float, float]:
    """Where the level is crossed on an edge, by linear interpolation; (x, y) in samples."""
    row, column, along_y = edge
    first = float(grid[row, column])
    second = float(grid[row + along_y, column + 1 - along_y])
    share = (level - first) / (second - first)
    x = column + (0.0 if along_y else share)
    y = row + (share if along_y else 0.0)
    return x, y
