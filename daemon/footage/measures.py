"""What :mod:`daemon.footage.plausibility` measures on a cut disc, each a number with its figure for real frames.

"Real" is the most (or least) that 365 frames of some 20 cameras reach. Only shares, ratios and levels
of an 8-bit picture come out; nothing is decided here. Pure.
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from daemon.observation import Picture

Plane = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]


_SIDE: Final = 340
"""About as many pixels across are measured. A larger disc is thinned, not smoothed: a smoothed edge,
repeat or noise is none any more."""


_BLOCK: Final = 8


_DARK: Final = 14
"""At or under this in every channel lies what the lens does not reach and what stands before the sky."""


class View:
    """A disc made ready for measuring: thinned, its planes apart."""

    def __init__(self, disc: Picture) -> None:
        self.disc = disc
        step = max(1, round(len(disc) / _SIDE))
        self.blue, self.green, self.red = (np.ascontiguousarray(disc[::step, ::step, i]) for i in range(3))
        self.side = len(self.blue)
        self.high: Plane = np.maximum(np.maximum(self.blue, self.green), self.red)
        self.low: Plane = np.minimum(np.minimum(self.blue, self.green), self.red)
        self.radius = _radius(self.side)
        grey = self.blue + 2 * self.green.astype(np.uint16) + self.red
        self.light: Floats = grey * np.float32(0.25)

    @cached_property
    def light_across(self) -> Floats:
        """``light`` with columns for rows."""
        return np.asarray(cv2.transpose(self.light), np.float32)

    @cached_property
    def sums(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """(side + 1, side + 1) each: of ``light`` and of its squares, the sum of all above and left of a corner."""
        plain, squares = cv2.integral2(self.light, sdepth=cv2.CV_64F, sqdepth=cv2.CV_64F)
        return np.asarray(plain, np.float64), np.asarray(squares, np.float64)

    @cached_property
    def ends(self) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
        """:func:`dead_end` below and above."""
        return dead_end(self, upside_down=True), dead_end(self, upside_down=False)

    @cached_property
    def even_rows(self) -> Mask:
        """(side,): the rows that hold one value, within the disc and but for four levels."""
        inside, outside = _shown(self.side, 0.93)
        even = np.ones(self.side, dtype=bool)
        for plane in (self.high, self.low):
            top, bottom = (plane & inside).max(axis=1), (plane | outside).min(axis=1)
            even &= top.astype(np.int16) - bottom <= 4
        return even

    @cached_property
    def steps(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """:func:`steps` of rows and of columns."""
        return steps(self, across=False), steps(self, across=True)

    @cached_property
    def sameness(self) -> tuple[float, float, float]:
        """:func:`sameness`."""
        return sameness(self)

    @cached_property
    def structure(self) -> tuple[float, float]:
        """:func:`structure`."""
        return structure(self)

    def share(self, mask: Mask) -> float:
        """Share of the inner disc (nine tenths of its radius) that a mask of its pixels covers."""
        return float(np.count_nonzero(mask & inside_of(self.side, 0.9)) / _pixels_inside(self.side, 0.9))


@lru_cache(maxsize=8)
def _radius(side: int) -> Floats:
    """(side, side): distance from the centre, 1 at the disc's edge."""
    offset = ((np.arange(side) + 0.5 - side / 2) / (side / 2)).astype(np.float32)
    return np.asarray(np.hypot(offset[:, None], offset[None, :]))


@lru_cache(maxsize=32)
def inside_of(side: int, radius: float) -> Mask:
    """(side, side): the pixels within the radius."""
    return np.asarray(_radius(side) < radius)


@lru_cache(maxsize=32)
def _pixels_inside(side: int, radius: float) -> int:
    """How many pixels lie within the radius."""
    return int(np.count_nonzero(inside_of(side, radius)))


@lru_cache(maxsize=8)
def _shown(side: int, radius: float) -> tuple[Plane, Plane]:
    """(side, side) each: 255 within the radius and 0 outside, and the other way round."""
    inside = np.where(inside_of(side, radius), np.uint8(255), np.uint8(0))
    return inside, ~inside


@lru_cache(maxsize=32)
def _blocks_inside(side: int, block: int, radius: float) -> Mask:
    """(rows, columns) of blocks: those that lie within the radius with all of them."""
    return np.asarray(_blocks(_radius(side), block).max(axis=(1, 3)) < radius)


def _blocks(plane: npt.NDArray[np.generic], block: int) -> npt.NDArray[np.generic]:
    """(side, side) → (rows, block, columns, block), without what is left over."""
    count = len(plane) // block
    return plane[: count * block, : count * block].reshape(count, block, count, block)


def _mean_and_variance(view: View, block: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """(rows, columns) of blocks each, of their light."""
    end = view.side // block * block + 1
    mean, square = (
        np.diff(np.diff(sums[:end:block, :end:block], axis=0), axis=1) / block**2 for sums in view.sums
    )
    return mean, square - mean**2


def _in_rows(mask: Mask) -> npt.NDArray[np.int32]:
    """How many of each row's pixels a mask has."""
    return np.asarray(cv2.reduce(mask.view(np.uint8), 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S), np.int32)[:, 0]


def _bands(plane: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """(side, side) → (rows of blocks, block, pixels), without what is left over: along whole rows numpy is many times
    as quick as along the eight pixels of a block.
    """
    count = len(plane) // _BLOCK
    return plane[: count * _BLOCK, : count * _BLOCK].reshape(count, _BLOCK, count * _BLOCK)


def _over_blocks(plane: Plane, of_two: np.ufunc) -> Plane:
    """(side, side) → (rows, columns) of blocks, each of their pixels taken together two by two."""
    found = of_two.reduce(_bands(plane), axis=1, dtype=np.uint8)
    for _ in range(_BLOCK.bit_length() - 1):
        found = of_two(found[:, ::2], found[:, 1::2])
    return np.asarray(found, np.uint8)


def _extremes(plane: Plane) -> tuple[Plane, Plane]:
    """(rows, columns) of blocks: the highest and the lowest level in each."""
    return _over_blocks(plane, np.maximum), _over_blocks(plane, np.minimum)


def _count(mask: Mask) -> Plane:
    """(rows, columns) of blocks: how many of its pixels a mask has."""
    return _over_blocks(mask.view(np.uint8), np.add)


def _enlarged(blocks: Plane) -> Plane:
    """(rows, columns) of blocks → their pixels, each as its block."""
    size = (blocks.shape[1] * _BLOCK, blocks.shape[0] * _BLOCK)
    return np.asarray(cv2.resize(blocks, size, interpolation=cv2.INTER_NEAREST), np.uint8)


# ── one value, one colour ───────────────────────────────────────────────────────────────────────


def sameness(view: View) -> tuple[float, float, float]:
    """(share of the disc within two levels of its median, the median's level, its colour). Real: 0.968."""
    planes, same = (view.blue, view.green, view.red), inside_of(view.side, 0.85)
    inside, count = same.view(np.uint8), _pixels_inside(view.side, 0.85)
    medians = [_median(plane, inside) for plane in planes]
    for plane, median in zip(planes, medians, strict=True):
        same = same & (plane >= max(0, median - 2)) & (plane <= min(255, median + 2))
    return np.count_nonzero(same) / count, max(medians), max(medians) - min(medians)


def _median(plane: Plane, inside: Plane) -> int:
    """The middle level of the pixels inside, of two middle ones the mean, cut to a whole number."""
    below = np.cumsum(cv2.calcHist([plane], [0], inside, [256], [0, 256]).ravel().astype(np.int64))
    lower, upper = np.searchsorted(below, [(below[-1] - 1) // 2, below[-1] // 2], side="right")
    return int(lower + upper) // 2


def false_colour(view: View) -> tuple[float, float]:
    """(share in pure green or magenta, in any pure primary). Real: 0.00001 of either.

    A sensor behind Bayer filters sees some of every light in every channel; a decoder without its
    colour planes does not.
    """
    high, low = view.high, view.low
    middle = view.blue.astype(np.int16) + view.green + view.red - high - low
    primary = (middle * 8 <= high) & (high >= 90)
    outer = np.minimum(view.blue, view.red).astype(np.int16)
    magenta = (view.green.astype(np.int16) * 5 <= outer) & (outer >= 70)
    return view.share(primary & (view.green == high) | magenta), view.share(primary)


# ── half a picture ──────────────────────────────────────────────────────────────────────────────


def dead_end(view: View, upside_down: bool) -> tuple[float, float, float]:
    """(share of the height that ends the disc in one value, its level, share of its edge that is a step)."""
    high, low = (plane[::-1] if upside_down else plane for plane in (view.high, view.low))
    inside = inside_of(view.side, 0.93)
    rim, middle = int(view.side * 0.035) + 2, view.side // 2
    level = int(np.median(high[rim, middle - 8 : middle + 8]))
    even = view.even_rows[::-1].copy() if upside_down else view.even_rows.copy()
    for plane in (high, low):
        even &= np.abs(plane[:, middle].astype(np.int16) - plane[rim, middle]) <= 4
    even[:rim] = True
    depth = int(np.argmin(even)) if not even.all() else view.side
    within = inside[min(depth, view.side - 1)]
    beyond = high[depth + 1 : depth + 5].astype(np.int16)
    step = (np.abs(beyond - level).max(axis=0, initial=0) > 6) & within
    return depth / view.side, level, float(step.sum() / max(1, within.sum()))


# ── noise ───────────────────────────────────────────────────────────────────────────────────────


def noise(view: View) -> float:
    """Share of 8 × 8 blocks in which neighbours differ as much as strangers, by 15 levels. Real: 0.026."""
    _, variance = _mean_and_variance(view, _BLOCK)
    rough = (variance > 225) & _blocks_inside(view.side, _BLOCK, 0.9)
    if not rough.any():
        return 0.0
    apart = np.minimum(_differences(view.light), _differences(view.light_across).T)
    return float(np.count_nonzero(rough & (apart > 0.6 * variance)) / _block_count(view.side))


@lru_cache(maxsize=8)
def _block_count(side: int) -> int:
    return int(np.count_nonzero(_blocks_inside(side, _BLOCK, 0.9)))


def _differences(light: Floats) -> Floats:
    """(rows, columns) of blocks: half the mean square difference of pixels below each other."""
    bands = _bands(light)
    count = len(bands)
    squares = np.square(bands[:, 1:] - bands[:, :-1]).sum(axis=1)
    return np.asarray(
        squares.reshape(count, count, _BLOCK).sum(axis=2) / (2 * _BLOCK * (_BLOCK - 1)), np.float32
    )


def structure(view: View) -> tuple[float, float]:
    """(variance between 24ths of the disc, variance within them), levels²."""
    size = max(4, view.side // 24)
    inside = _blocks_inside(view.side, size, 0.95)
    mean, variance = _mean_and_variance(view, size)
    return float(mean[inside].var()), float(variance[inside].mean())


def raw_mosaic(view: View) -> float:
    """Neighbours' difference over that of every second pixel: above 1 in an undeveloped Bayer frame. Real: 0.82."""
    side, half = len(view.disc), min(len(view.disc), 256) // 2
    middle = view.disc[side // 2 - half : side // 2 + half, side // 2 - half : side // 2 + half, 1]
    middle = np.ascontiguousarray(middle)
    down = _apart(middle[1:], middle[:-1]) / (_apart(middle[2:], middle[:-2]) + 0.5)
    across = _apart(middle[:, 1:], middle[:, :-1]) / (_apart(middle[:, 2:], middle[:, :-2]) + 0.5)
    return min(down, across)


def _apart(plane: Plane, other: Plane) -> float:
    """How far two planes are apart, in levels, in the mean."""
    return cv2.norm(plane, other, cv2.NORM_L1) / plane.size


# ── cards ───────────────────────────────────────────────────────────────────────────────────────


def strokes(view: View) -> float:
    """Share of blocks in the middle that hold two levels and little between. Real: 0.056.

    So are letters, lines and shapes drawn by a program. A star is a few pixels of a block, and the
    edge of a cloud is soft.
    """
    count = view.side // _BLOCK
    found = np.zeros((count, count), dtype=bool)
    for plane in (view.high, view.low):
        high, low = _extremes(plane)
        fifth = (high - low) // 5
        whole = plane[: count * _BLOCK, : count * _BLOCK]
        above, below = _count(whole >= _enlarged(high - fifth)), _count(whole <= _enlarged(low + fifth))
        found |= (high - low >= 50) & (np.minimum(above, below) >= 8) & (above + below >= 44)
    return float(found[_blocks_inside(view.side, _BLOCK, 0.6)].mean())


def evenness(view: View) -> tuple[float, float, float, float]:
    """(share of pixels like their neighbours to the last bit, of even, of sharp, of middling blocks)."""
    same = np.ones((view.side - 1,) * 2, dtype=bool)
    ranges = np.zeros((view.side // _BLOCK,) * 2, dtype=np.uint8)
    for plane in (view.blue, view.green, view.red):
        corner = plane[:-1, :-1]
        same &= (corner == plane[:-1, 1:]) & (corner == plane[1:, :-1])
        highest, lowest = _extremes(plane)
        ranges = np.maximum(ranges, highest - lowest)
    lit = (view.high[:-1, :-1] > 24) & (view.low[:-1, :-1] < 250)
    inner = ranges[_blocks_inside(view.side, _BLOCK, 0.7)]
    flat = np.zeros((view.side,) * 2, dtype=bool)
    flat[:-1, :-1] = same & lit
    return (
        view.share(flat),
        float((inner <= 4).mean()),
        float((inner >= 80).mean()),
        float(((inner >= 10) & (inner <= 45)).mean()),
    )


# ── torn, shuffled, repeated ────────────────────────────────────────────────────────────────────


def steps(view: View, across: bool) -> tuple[float, float]:
    """(greatest share of one line along which the picture steps, share of the disc in short straight steps).

    A step is a difference of two pixels on one side from two on the other, well above what these
    differ among themselves. Lines are rows, ``across`` columns. Where one side is dark the disc, a
    house or a mask may end; it counts only where other places of the line step the other way.
    Real: 0.40 of a row, 0.38 of a column; runs 0.005 and 0.0013.
    """
    level = (view.light_across if across else view.light).astype(np.int16)
    high = np.asarray(cv2.transpose(view.high), np.uint8) if across else view.high
    along, pair = cv2.absdiff(level[1:], level[:-1]), level[1:] + level[:-1]
    step = cv2.absdiff(pair[2:], pair[:-2])
    clear = step > 3 * (along[:-2] + along[2:])
    weak, strong = clear & (step >= 10), clear & (step >= 16)
    dark = _either_of_two(high <= _DARK)
    before, after = dark[:-2], dark[2:]
    inside = inside_of(view.side, 0.97)[1:-2]
    chord = _chord(view.side)
    weak &= inside
    lit = weak & ~(before | after)
    turning = np.minimum(_in_rows(weak & before & ~after), _in_rows(weak & after & ~before))
    line = np.where(chord > 0.4 * view.side, (_in_rows(lit) + 2 * turning) / np.maximum(chord, 1), 0)
    void = _either_of_two(high <= 2)
    strong &= inside & ~(void[:-2] | void[2:])
    twos = strong[:, 1:-1] & strong[:, 2:]
    fours = twos[:, :-2] & twos[:, 2:]
    runs = np.count_nonzero(fours[:, :-4] & fours[:, 4:]) / int(chord.sum())  # of eight
    return max(_alone(line, at) for at in np.argsort(line)[-8:]), float(runs)


def _either_of_two(mask: Mask) -> Mask:
    """A row fewer: where a pixel is in the mask, or the one above it."""
    return mask[1:] | mask[:-1]


@lru_cache(maxsize=8)
def _chord(side: int) -> npt.NDArray[np.int32]:
    """(side − 3,): how many pixels of the disc each line has that lies between two on either side."""
    return _in_rows(np.ascontiguousarray(inside_of(side, 0.97)[1:-2]))


def _alone(line: npt.NDArray[np.float64], at: int) -> float:
    """How far a line's share stands above the third greatest near it: a coarse JPEG steps at every block."""
    near = np.concatenate([line[max(0, at - 40) : max(0, at - 2)], line[at + 3 : at + 41]])
    return float(line[at] - np.sort(near)[-3]) if len(near) > 3 else 0.0
