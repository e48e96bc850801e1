"""The strip with the burnt-in clock → its text. Tesseract reads, this prepares what it sees.

The steps are the method's, blur and threshold, on a strip enlarged to the letter size Tesseract
was made for. Reading takes time, so callers read few strips and let :mod:`daemon.footage.stamp` date the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from daemon.errors import ClockError
from daemon.footage import tesseract
from daemon.footage.glyphs import Symbol
from daemon.observation import Picture, StampStyle

Way = Literal["plain", "bright", "dark", "coloured", "core 30", "core 45", "core 60"]
"""How a strip is made ready; see :func:`prepare`."""

Plane = npt.NDArray[np.uint8]

TIMEOUT_S = 20.0
"""Longest one reading may take: a hundred times the usual, for a machine under load."""

_ENLARGE = 3
_TALLEST = 400  # pixels of an enlarged strip; larger letters are read no better, only slower
_FAINTEST = 30  # grey levels between letters and ground; less is a blank
_ONE_LINE, _BLOCK = 7, 6  # tesseract's page segmentation modes


def cut_stamp(pixels: Picture, style: StampStyle) -> Picture:
    """The strip of a full picture that holds the stamp, a copy. Raises ClockError where it is empty."""
    height, width = pixels.shape[:2]
    left, top, right, bottom = style.region
    strip = pixels[
        max(0, floor(top * height)) : ceil(bottom * height), max(0, floor(left * width)) : ceil(right * width)
    ]
    if min(strip.shape[:2]) < 4:
        raise ClockError("no stamp", f"the stamp region {style.region} holds no pixels of {width}×{height}")
    return strip.copy()


@dataclass(frozen=True, eq=False)
class Read:
    """What one strip says, and the page that Tesseract read it from; ``page`` is None where nothing is seen."""

    text: str = ""
    page: Plane | None = None
    symbols: tuple[Symbol, ...] = ()


def read_text(strip: Picture) -> str:
    """The text of one strip, (height, width, 3) or (height, width); may be empty. Raises ClockError."""
    return read_strips([strip])[0].text


def read_strips(strips: Sequence[Picture], way: Way = "plain") -> list[Read]:
    """What each strip says, prepared that way, in order.

    Raises ClockError, reason ``ocr timeout`` or ``ocr failed`` (Tesseract missing included).
    """
    pages = [prepare(strip, way) if is_written(strip) else None for strip in strips]
    found = [Read()] * len(strips)
    written = [k for k, page in enumerate(pages) if page is not None]
    if written:
        mode = _ONE_LINE if all(strips[k].shape[1] >= 5 * strips[k].shape[0] for k in written) else _BLOCK
        ready = [page for page in pages if page is not None]
        told = tesseract.read_pages(ready, mode, TIMEOUT_S + len(written))
        for k, page, (text, symbols) in zip(written, ready, told, strict=False):
            found[k] = Read(" ".join(text.split()), page, symbols)
    return found


def is_written(strip: Picture) -> bool:
    """Is there anything on the strip? A blank is filled by Tesseract with letters of its own."""
    return bool(np.ptp(strip) >= _FAINTEST)


def prepare(strip: Picture, way: Way = "plain") -> Picture:
    """A strip → black letters on white, three times larger, as Tesseract wants them.

    ``plain``: brighter than the ground, by Otsu. ``bright`` and ``dark``: brighter or darker than what is
    near, in any colour, over a ground that changes slowly. ``coloured``: more saturated than the ground.
    ``core 30`` to ``core 60``: that share of the way from the ground to the brightest, which is what is
    left of letters with a dark outline on a bright ground.
    """
    colour = strip if strip.ndim == 3 else np.repeat(strip[:, :, None], 3, axis=2)
    if way == "plain":
        plane = cv2.cvtColor(colour, cv2.COLOR_BGR2GRAY)
    elif way == "coloured":
        plane = colour.max(axis=2) - colour.min(axis=2)
    else:
        plane = colour.min(axis=2) if way == "dark" else colour.max(axis=2)
    scale = min(_ENLARGE, _TALLEST / plane.shape[0])
    large = cv2.resize(plane, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    binary = _letters(np.asarray(cv2.GaussianBlur(large, (3, 3), 0), np.uint8), way)
    # Tesseract wants a margin around what it reads.
    framed = cv2.copyMakeBorder(binary, 12, 12, 12, 12, cv2.BORDER_CONSTANT, value=255)
    return np.asarray(framed, dtype=np.uint8)


def _letters(smooth: Plane, way: Way) -> Plane:
    """What is a letter, 0, and what is not, 255."""
    if way.startswith("core"):
        ground, brightest = np.percentile(smooth, (75, 99.7))
        least = ground + int(way[-2:]) / 100 * (brightest - ground)
        return np.where(smooth > least, np.uint8(0), np.uint8(255))
    if way in ("bright", "dark"):
        around = cv2.getStructuringElement(cv2.MORPH_RECT, (max(9, smooth.shape[0] // 6) | 1,) * 2)
        hat = cv2.MORPH_TOPHAT if way == "bright" else cv2.MORPH_BLACKHAT
        smooth = np.asarray(cv2.morphologyEx(smooth, hat, around), dtype=np.uint8)
    _, binary = cv2.threshold(smooth, 0, 255, cv2.THRESH_BINARY_INV + cv2.THRESH_OTSU)
    return np.asarray(binary, dtype=np.uint8)
