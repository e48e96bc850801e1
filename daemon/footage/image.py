"""Bytes ↔ pixels, and nothing else. OpenCV lives here; so does the distrust of what comes in.

Pictures are judged by their own headers (:mod:`daemon.source.headers`) before a decoder sees them, so
that a small file which claims a gigantic picture costs nothing, and half a download is not taken for a
dark sky. The decoder has a bound of its own besides, and its answer must be of the size declared.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

import daemon
from daemon.errors import PictureError
from daemon.observation import Picture
from daemon.source.headers import dimensions, plain, without_end

MAX_PIXELS = 40_000_000
"""Default bound: above any all-sky camera known (24 megapixels), 120 MB once decoded."""

MAX_BYTES = 100_000_000
"""Largest picture file that is read at all."""

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
"""How the names of pictures that can be decoded end, in small letters."""

_END = b"\xff\xd9"
_TAILS = (b"\xfe" * 64, b"\x55" * 64, bytes(range(1, 255, 4)))
"""What a JPEG's data is gone on with to see whether it was whole: much, little and mixed change."""


def decode(data: bytes, max_pixels: int = MAX_PIXELS) -> Picture:
    """JPEG, PNG or WebP bytes → (height, width, 3) uint8, BGR.

    A JPEG whose end mark alone is missing, as some cameras write them, is taken. EXIF rotation is ignored: the disc of a camera is given in the picture as it is stored.
    Raises PictureError, reason ``empty``, ``not an image``, ``truncated`` or ``too large``.
    """
    if not data:
        raise PictureError("empty", "the picture is empty")
    try:
        width, height = dimensions(data)
    except PictureError as error:
        if error.reason == "truncated" and without_end(data):
            return _decode_without_end(data, max_pixels, error)
        raise
    if width * height > min(max_pixels, daemon.DECODER_PIXELS):
        raise PictureError("too large", f"the picture is {width}×{height}, over {max_pixels} pixels")
    try:
        pixels = cv2.imdecode(
            np.frombuffer(plain(data), dtype=np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
        )
    except cv2.error as error:
        raise PictureError("not an image", f"the picture cannot be decoded: {error.err}") from error
    if pixels is None or pixels.shape != (height, width, 3):
        raise PictureError("not an image", "the picture cannot be decoded")
    return np.asarray(pixels, dtype=np.uint8)


def _decode_without_end(data: bytes, max_pixels: int, cut: PictureError) -> Picture:
    """A JPEG without end mark, where all its pixels are there; else raises ``cut``.

    A decoder goes on with nothing where the data ends too early. So it is given something in place of nothing:
    only where every pixel was there already does that change none.
    """
    pixels = decode(data + _END, max_pixels)
    if any(not np.array_equal(pixels, decode(data + tail + _END, max_pixels)) for tail in _TAILS):
        raise cut
    return pixels


def read(path: Path, max_pixels: int = MAX_PIXELS) -> Picture:
    """Decode a file. Raises PictureError as :func:`decode`, or reason ``unreadable``; names the file."""
    data = read_bytes(path)
    try:
        return decode(data, max_pixels)
    except PictureError as error:
        raise PictureError(error.reason, f"{path}: {error}") from error


def read_bytes(path: Path) -> bytes:
    """A picture file's bytes. Raises PictureError, reason ``too large`` or ``unreadable``; names the file."""
    try:
        with path.open("rb") as file:  # its size is not asked for: a device or a pipe tells none
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise PictureError("unreadable", f"{path}: {error.strerror or error}") from error
    if len(data) > MAX_BYTES:
        raise PictureError("too large", f"{path}: larger than {MAX_BYTES // 1_000_000} MB")
    return data


def encode_jpeg(pixels: Picture, quality: int = 85) -> bytes:
    """(height, width, 3) BGR or (height, width) grey → JPEG bytes."""
    done, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise PictureError("not an image", f"pixels of shape {pixels.shape} cannot be encoded")
    return data.tobytes()


def encode_png(pixels: Picture) -> bytes:
    """(height, width, 3) BGR, (height, width, 4) BGRA or (height, width) grey → PNG bytes, lossless."""
    done, data = cv2.imencode(".png", pixels)
    if not done:
        raise PictureError("not an image", f"pixels of shape {pixels.shape} cannot be encoded")
    return data.tobytes()


def draw_outline(pixels: Picture, outline: Sequence[Sequence[tuple[float, float]]]) -> Picture:
    """A copy with closed lines drawn in, each a polygon of (x, y) in pixels: where the model saw aurora."""
    drawn = pixels.copy()
    lines = [np.rint(np.asarray(polygon)).astype(np.int32) for polygon in outline]
    cv2.polylines(drawn, lines, isClosed=True, color=(60, 200, 255), thickness=2, lineType=cv2.LINE_AA)
    return drawn


def caption(pixels: Picture, text: str) -> Picture:
    """A copy with a dark strip below that holds one line of text, as large as fits; what is no ASCII is written round."""
    plain_text = text.replace("°", " deg").replace("−", "-").encode("ascii", "replace").decode()
    width = pixels.shape[1]
    (unit, _), _ = cv2.getTextSize(plain_text or " ", cv2.FONT_HERSHEY_SIMPLEX, 1.0, 1)
    scale = min(width / 640, 0.94 * width / max(1, unit))
    strip = np.zeros((max(12, round(30 * width / 640)), width, 3), np.uint8)
    at = (round(0.02 * width), round(0.7 * strip.shape[0]))
    cv2.putText(strip, plain_text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, (225, 225, 225), 1, cv2.LINE_AA)
    return np.vstack([pixels, strip])


def shrink(pixels: Picture, side: int) -> Picture:
    """A square picture at ``side`` × ``side``, each pixel the mean of what it covers."""
    if pixels.shape[:2] == (side, side):
        return pixels
    return np.asarray(cv2.resize(pixels, (side, side), interpolation=cv2.INTER_AREA), dtype=np.uint8)
