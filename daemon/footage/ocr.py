"""The strip with the burnt-in clock → its text. Tesseract reads, this prepares what it sees.

The steps are the method's, blur and threshold, on a strip enlarged to the letter size Tesseract
was made for. Reading is slow, so callers read few strips and let :mod:`daemon.footage.stamp` date the rest.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from math import ceil, floor
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from daemon.errors import ClockError
from daemon.observation import Picture, StampStyle

Way = Literal["plain", "bright", "dark", "coloured", "core 30", "core 45", "core 60"]
"""How a strip is made ready; see :func:`prepare`."""

Plane = npt.NDArray[np.uint8]

TIMEOUT_S = 20.0
"""Longest one reading may take: a hundred times the usual, for a machine under load."""

_ENLARGE = 3
_TALLEST = 400  # pixels of an enlarged strip; larger letters are read no better, only slower
_FAINTEST = 30  # grey levels between letters and ground; less is a blank, which Tesseract fills with its own
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


def read_text(strip: Picture) -> str:
    """The text of one strip, (height, width, 3) or (height, width); may be empty. Raises ClockError."""
    return read_texts([strip])[0]


def read_texts(strips: Sequence[Picture], way: Way = "plain") -> list[str]:
    """The text of each strip, prepared that way, in order; "" where nothing is seen. One run of Tesseract for all.

    Starting Tesseract costs 0.1 s and a strip 0.02 s, so eight strips together cost what two do
    apart. Raises ClockError, reason ``ocr timeout`` or ``ocr failed`` (Tesseract missing included).
    """
    written = [k for k, strip in enumerate(strips) if np.ptp(strip) >= _FAINTEST]
    texts = [""] * len(strips)
    if written:
        # Tesseract ends every page with a form feed.
        pages = _run([strips[k] for k in written], way).split("\f")
        for k, page in zip(written, pages, strict=False):
            texts[k] = " ".join(page.split())
    return texts


def _run(strips: Sequence[Picture], way: Way) -> str:
    import pytesseract

    os.environ.setdefault("OMP_THREAD_LIMIT", "1")  # its threads cost more than they bring on a strip
    mode = _ONE_LINE if all(s.shape[1] >= 5 * s.shape[0] for s in strips) else _BLOCK
    try:
        with tempfile.TemporaryDirectory(prefix="aurorad-ocr-") as folder:
            text: str = pytesseract.image_to_string(
                _pages(strips, Path(folder), way),
                config=f"--oem 1 --psm {mode}",
                timeout=TIMEOUT_S + len(strips),
            )
    except pytesseract.TesseractNotFoundError as error:
        raise ClockError("ocr failed", _MISSING) from error
    except pytesseract.TesseractError as error:
        raise ClockError("ocr failed", f"tesseract failed: {str(error.message).strip()[:200]}") from error
    except RuntimeError as error:  # pytesseract's own way of saying that the time is up
        raise ClockError("ocr timeout", f"tesseract took longer than {TIMEOUT_S:.0f} s") from error
    except OSError as error:
        raise ClockError("ocr failed", f"strips cannot be handed to tesseract: {error}") from error
    return text


def _pages(strips: Sequence[Picture], folder: Path, way: Way) -> str:
    """Write the prepared strips as pictures, and the list of them that Tesseract reads page by page."""
    names = []
    for number, strip in enumerate(strips):
        path = folder / f"{number}.png"
        path.write_bytes(cv2.imencode(".png", prepare(strip, way))[1].tobytes())
        names.append(str(path))
    pages = folder / "pages.txt"
    pages.write_text("\n".join(names) + "\n", encoding="utf-8")
    return str(pages)


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


def available() -> str:
    """Tesseract's version, for ``aurorad doctor``. Raises ClockError where it is not installed."""
    import pytesseract

    try:
        return str(pytesseract.get_tesseract_version())
    except (pytesseract.TesseractNotFoundError, SystemExit) as error:
        raise ClockError("ocr failed", _MISSING) from error


_MISSING = "tesseract is not installed; on Debian or Ubuntu: apt-get install tesseract-ocr"
