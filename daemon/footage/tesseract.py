"""Tesseract: prepared strips → their text, by an engine that stays in this process, else by a process for each reading.

Starting Tesseract costs ten times what reading a strip does. Where ``tesserocr`` is there the engine is started
once; its language data are those of the installed ``tesseract``. Elsewhere each reading starts one (pytesseract).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import cv2

from daemon.errors import ClockError
from daemon.footage.glyphs import Symbol
from daemon.observation import Picture

if TYPE_CHECKING:
    from tesserocr import PyTessBaseAPI

MISSING: Final = "tesseract is not installed; on Debian or Ubuntu: apt-get install tesseract-ocr"
_NEURAL = 1  # tesseract's engine mode
_DPI = 70  # what Tesseract assumes of a picture that names none; said, so that it does not guess and warn
_THREADS = "OMP_THREAD_LIMIT"

START_S = 10.0
"""Longest wait for an installed Tesseract to name its languages."""


class Page(NamedTuple):
    """What Tesseract reads of one strip; of a process of its own the places of the characters are not known."""

    text: str
    symbols: tuple[Symbol, ...] = ()


class Engine:
    """A Tesseract in this process. Any thread may read; one reads at a time."""

    def __init__(self, api: PyTessBaseAPI) -> None:
        self._api = api
        self._alone = threading.Lock()

    def read(self, strips: Sequence[Picture], mode: int, timeout_s: float) -> list[Page]:
        """What each says. Raises TimeoutError where one takes longer, RuntimeError where Tesseract gives up."""
        with self._alone:
            self._api.SetPageSegMode(mode)
            try:
                return [self._read(strip, timeout_s) for strip in strips]
            finally:
                self._api.Clear()

    def _read(self, strip: Picture, timeout_s: float) -> Page:
        height, width = strip.shape
        self._api.SetImageBytes(strip.tobytes(), width, height, 1, width)
        self._api.SetSourceResolution(_DPI)
        began = time.monotonic()
        if timeout_s <= 0 or not self._api.Recognize(int(1000 * timeout_s)):
            if time.monotonic() - began < timeout_s:
                raise RuntimeError("it cannot read this strip")
            raise TimeoutError
        return Page(str(self._api.GetUTF8Text()), tuple(self._symbols()))

    def _symbols(self) -> Iterator[Symbol]:
        from tesserocr import RIL, iterate_level

        for at in iterate_level(self._api.GetIterator(), RIL.SYMBOL):
            if (box := at.BoundingBox(RIL.SYMBOL)) is not None:
                yield Symbol(at.GetUTF8Text(RIL.SYMBOL), (box[0] + box[2]) / 2)


def read_pages(strips: Sequence[Picture], mode: int, timeout_s: float) -> list[Page]:
    """What each prepared strip (height, width), uint8, says, read in a page segmentation mode.

    Raises ClockError, reason ``ocr timeout`` or ``ocr failed`` (Tesseract missing included).
    """
    binary = shutil.which("tesseract")
    if binary is None:
        raise ClockError("ocr failed", MISSING)
    engine = _engine(binary)
    try:
        if engine is not None:
            return engine.read(strips, mode, timeout_s)
        # Tesseract ends every page with a form feed.
        return [Page(text) for text in _read_by_process(strips, mode, timeout_s).split("\f")[: len(strips)]]
    except TimeoutError as error:
        raise ClockError("ocr timeout", f"tesseract took longer than {timeout_s:.0f} s") from error
    except RuntimeError as error:
        raise ClockError("ocr failed", f"tesseract failed: {error}") from error


def version() -> str:
    """Tesseract's version, and whether it stays in this process. Raises ClockError where it is not installed."""
    binary = shutil.which("tesseract")
    if binary is None:
        raise ClockError("ocr failed", MISSING)
    if _engine(binary) is None:
        import pytesseract

        return f"{pytesseract.get_tesseract_version()}, started for each reading"
    import tesserocr

    return f"{tesserocr.tesseract_version().split()[1]}, kept in this process"


@lru_cache(maxsize=2)
def _engine(binary: str) -> Engine | None:
    """The engine with the language data of an installed Tesseract; None where it cannot be had."""
    given = os.environ.get(_THREADS)
    os.environ.setdefault(_THREADS, "1")  # its threads cost more than they bring on a strip
    try:
        import tesserocr

        if (
            given is None
        ):  # read when its library was loaded; torch's, loaded later, hangs in training under it
            del os.environ[_THREADS]

        listed = subprocess.run(
            [binary, "--list-langs"], capture_output=True, text=True, timeout=START_S, check=True
        )
        folder = listed.stdout.partition('"')[2].partition('"')[0]
        api = tesserocr.PyTessBaseAPI(path=folder, lang="eng", oem=_NEURAL)
    except (ImportError, OSError, RuntimeError, subprocess.SubprocessError):
        return None
    api.SetVariable("debug_file", os.devnull)
    return Engine(api)


def _read_by_process(strips: Sequence[Picture], mode: int, timeout_s: float) -> str:
    import pytesseract

    try:
        with tempfile.TemporaryDirectory(prefix="aurorad-ocr-") as folder:
            text: str = pytesseract.image_to_string(
                _pages(strips, Path(folder)), config=f"--oem {_NEURAL} --psm {mode}", timeout=timeout_s
            )
    except pytesseract.TesseractNotFoundError as error:
        raise ClockError("ocr failed", MISSING) from error
    except pytesseract.TesseractError as error:
        raise ClockError("ocr failed", f"tesseract failed: {str(error.message).strip()[:200]}") from error
    except RuntimeError as error:  # pytesseract's own way of saying that the time is up
        raise TimeoutError from error
    except OSError as error:
        raise ClockError("ocr failed", f"strips cannot be handed to tesseract: {error}") from error
    return text


def _pages(strips: Sequence[Picture], folder: Path) -> str:
    """Write the strips as pictures, and the list of them that Tesseract reads page by page."""
    names = []
    for number, strip in enumerate(strips):
        path = folder / f"{number}.png"
        path.write_bytes(cv2.imencode(".png", strip)[1].tobytes())
        names.append(str(path))
    pages = folder / "pages.txt"
    pages.write_text("\n".join(names) + "\n", encoding="utf-8")
    return str(pages)
