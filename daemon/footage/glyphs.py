"""Characters that Tesseract has read, known again by their shape: most stamps are read without Tesseract.

A camera draws its stamp in one place in one font, so that each character comes again as nearly the same spot of ink.
What Tesseract reads twice of the same shape is known from then on; a stamp all of whose spots are known, each far
from all other characters, is read in a tenth of the time. Any other stamp, and now and then one that is known, is
Tesseract's, and where the two disagree everything is forgotten. Nothing is known that Tesseract has not read of this camera.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

SHAPE = (8, 12)
"""Columns, for each place a character may fill, and rows to which a spot is brought before it is compared."""

PLACE = 0.65
"""Width of a character's place, of the line's height: a spot has as many as it is wide, one at least."""

ALIKE, APART = 0.15, 0.27
"""Share of the ink in which two spots may differ and be one character, and from which they may be two. On 515 frames of
AuroraMAX one character's spots are up to 0.19 from their mean (a colon's 0.26: it has several shapes), two characters'
0.29 and more."""

AGREED = 2
"""Readings by Tesseract of one shape from which it is known."""

SHAPES = 4
"""Shapes of one character that are kept."""

MOST_KNOWN = 200
"""Shapes of all characters that are kept, those read most. Of a stamp whose letters touch every minute brings a new one."""

MOST_SPOTS = 64
"""A page with more is full of specks, and none of them is known."""

CHECKED_EACH = 20
"""Of so many stamps one is read by Tesseract though it is known."""

_WIDTH_PX, _HEIGHT_PX = 3, 2  # by which the spots of one character differ, of a page three times enlarged
_WEIGHT = 8  # readings that a shape is the mean of, so that it follows a camera whose focus drifts


class Symbol(NamedTuple):
    """A character that Tesseract has read, and where on the page its middle lies, pixels from the left."""

    text: str
    middle: float


@dataclass(frozen=True, eq=False)
class _Spot:
    """Ink between two empty columns: most often a character, now and then two that touch; ``shape`` (rows, columns)."""

    left: int
    width: int
    line: int
    shape: Floats

    @property
    def places(self) -> int:
        """Characters that it has columns for."""
        return int(self.shape.shape[1]) // SHAPE[0]


@dataclass(frozen=True, eq=False)
class _Known:
    """A shape of a character; it may have several, as it falls between the pixels."""

    name: str
    spot: _Spot
    times: int = 1


class Glyphs:
    """The characters of one camera's stamps, prepared in one way."""

    def __init__(self) -> None:
        self._known: list[_Known] = []
        self._words: tuple[int, ...] = ()
        self._unchecked = 0

    def read(self, page: Plane) -> str | None:
        """The text of a prepared strip, black on white; None where Tesseract has to be asked."""
        if self._unchecked >= CHECKED_EACH - 1:
            return None
        text = self._told(_spots(page))
        if text is None or len(text) != sum(self._words):
            return None
        self._unchecked += 1
        ends = [0, *accumulate(self._words)]
        return " ".join(text[begin:end] for begin, end in pairwise(ends))

    def learn(self, page: Plane, text: str, symbols: Sequence[Symbol]) -> None:
        """What Tesseract has read of a page: ``text``, which is a valid time, and the places of its characters."""
        self._unchecked = 0
        words, spots = text.split(), _spots(page)
        names = ["".join(names) for names in _sorted_in(symbols, spots)]
        if "".join(names) != "".join(words) or not all(names):
            return
        if self._told(spots) not in (None, "".join(words)):
            self._known.clear()
        self._words = tuple(map(len, words))
        seen = self._known
        for name, spot in zip(names, spots, strict=True):
            seen = _with(seen, self._known, name, spot)
        self._known = sorted(seen, key=lambda known: known.times)[-MOST_KNOWN:]

    def _told(self, spots: Sequence[_Spot]) -> str | None:
        """What the spots say, without the gaps between words; None where one of them is not known for sure."""
        if not spots or not self._known:
            return None
        away = _differences(spots, [known.spot for known in self._known])
        said = []
        for spot, each in zip(spots, away.tolist(), strict=True):
            nearest = min(range(len(each)), key=each.__getitem__)
            one = self._known[nearest]
            if one.times < AGREED or each[nearest] > ALIKE or not _same_size(one.spot, spot):
                return None
            if any(
                far < APART and known.name != one.name for far, known in zip(each, self._known, strict=True)
            ):
                return None
            said.append(one.name)
        return "".join(said)


def _spots(page: Plane) -> list[_Spot]:
    """The spots of a page, from left to right, each as high as the line."""
    ink = page == 0
    rows = np.flatnonzero(ink.any(axis=1))
    if not len(rows):
        return []
    ink = ink[rows[0] : rows[-1] + 1]
    edges = np.flatnonzero(np.diff(ink.any(axis=0).astype(np.int8), prepend=0, append=0))
    if len(edges) > 2 * MOST_SPOTS:
        return []
    return [
        _Spot(left, right - left, len(ink), _shape(ink[:, left:right].astype(np.float32)))
        for left, right in edges.reshape(-1, 2).tolist()
    ]


def _shape(ink: Floats) -> Floats:
    """Ink in rows and columns of their fixed number, each the mean of what falls into it."""
    line, width = ink.shape
    columns = SHAPE[0] * max(1, round(width / (PLACE * line)))
    # Rows by themselves: of a spot that is made wider OpenCV would take samples, and miss a full stop between them.
    rows = cv2.resize(ink, (width, SHAPE[1]), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(rows, (columns, SHAPE[1]), interpolation=cv2.INTER_AREA), np.float32)


def _sorted_in(symbols: Sequence[Symbol], spots: Sequence[_Spot]) -> list[list[str]]:
    """The characters in each spot; those beside all spots are in none."""
    found: list[list[str]] = [[] for _ in spots]
    for symbol in symbols:
        for names, spot in zip(found, spots, strict=True):
            if spot.left <= symbol.middle < spot.left + spot.width:
                names.append(symbol.text)
    return found


def _differences(some: Sequence[_Spot], others: Sequence[_Spot]) -> Floats:
    """(n, m) shares of the ink of two spots that only one of them has, in that place of theirs where it is greatest.

    Of characters that touch one alone makes the difference, of which the ink of the others must hide nothing.
    """
    away = np.full((len(some), len(others)), np.inf, np.float32)
    for places in {spot.places for spot in some}:
        rows = [k for k, spot in enumerate(some) if spot.places == places]
        columns = [k for k, spot in enumerate(others) if spot.places == places]
        if columns:
            a = np.stack([some[k].shape for k in rows])[:, None]
            b = np.stack([others[k].shape for k in columns])[None]
            off, ink = np.abs(a - b).sum(axis=2), np.maximum(a, b).sum(axis=2)
            least = ink.sum(axis=2, keepdims=True) / places  # an edge's own ink is little
            away[np.ix_(rows, columns)] = (_by_place(off) / np.maximum(_by_place(ink), least)).max(axis=2)
    return away


def _by_place(columns: Floats) -> Floats:
    """Sums over every stretch of columns that a character may fill."""
    if columns.shape[2] == SHAPE[0]:
        return np.asarray(columns.sum(axis=2, keepdims=True))
    return np.asarray(np.lib.stride_tricks.sliding_window_view(columns, SHAPE[0], axis=2).sum(axis=3))


def _alike(known: _Known, spot: _Spot) -> bool:
    return _same_size(known.spot, spot) and bool(_differences([spot], [known.spot])[0, 0] <= ALIKE)


def _same_size(one: _Spot, other: _Spot) -> bool:
    return abs(one.width - other.width) <= _WIDTH_PX and abs(one.line - other.line) <= _HEIGHT_PX


def _with(seen: list[_Known], before: list[_Known], name: str, spot: _Spot) -> list[_Known]:
    """What is known with one spot more, which counts once a reading; ``before`` the reading."""
    if any(
        known.name != name and _alike(known, spot) for known in seen
    ):  # it was read so and so: neither is known
        return [known for known in seen if not _alike(known, spot)]
    if not len(name) <= spot.places <= len(name) + 1:  # with fewer places two such could not be told apart
        return seen
    own = [known for known in seen if known.name == name]
    same = next((known for known in own if _alike(known, spot)), None)
    if same is not None:
        return [known if known is not same or same not in before else _again(same, spot) for known in seen]
    least = min(own, key=lambda known: known.times) if len(own) == SHAPES else None
    return [*(known for known in seen if known is not least), _Known(name, spot)]


def _again(known: _Known, spot: _Spot) -> _Known:
    """A shape, read once more."""
    share = 1 / min(known.times + 1, _WEIGHT)
    shape = (1 - share) * known.spot.shape + share * spot.shape
    return _Known(known.name, replace(spot, shape=shape.astype(np.float32)), known.times + 1)
