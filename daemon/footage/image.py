"""Bytes ↔ pixels, and nothing else. OpenCV lives here; so does the distrust of what comes in.

Pictures are judged by their own headers before a decoder sees them, so that a small file which
claims a gigantic picture costs nothing, and half a download is not taken for a dark sky.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from daemon.errors import PictureError
from daemon.observation import Picture

MAX_PIXELS = 40_000_000
"""Default bound: above any all-sky camera known (24 megapixels), 120 MB once decoded."""

MAX_BYTES = 100_000_000
"""Largest picture file that is read at all."""

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_NO_LENGTH = {0x01, *range(0xD0, 0xD9)}  # JPEG markers that carry no segment
_START_OF_FRAME = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def decode(data: bytes, max_pixels: int = MAX_PIXELS) -> Picture:
    """JPEG or PNG bytes → (height, width, 3) uint8, BGR.

    EXIF rotation is ignored: the disc of a camera is given in the picture as it is stored.
    Raises PictureError, reason ``empty``, ``not an image``, ``truncated`` or ``too large``.
    """
    if not data:
        raise PictureError("empty", "the picture is empty")
    width, height = dimensions(data)
    if width * height > max_pixels:
        raise PictureError("too large", f"the picture is {width}×{height}, over {max_pixels} pixels")
    try:
        pixels = cv2.imdecode(
            np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
        )
    except cv2.error as error:
        raise PictureError("not an image", f"the picture cannot be decoded: {error.err}") from error
    if pixels is None:
        raise PictureError("not an image", "the picture cannot be decoded")
    return np.asarray(pixels, dtype=np.uint8)


def read(path: Path, max_pixels: int = MAX_PIXELS) -> Picture:
    """Decode a file. Raises PictureError as :func:`decode`, or reason ``unreadable``; names the file."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise PictureError("too large", f"{path}: larger than {MAX_BYTES // 1_000_000} MB")
        data = path.read_bytes()
    except OSError as error:
        raise PictureError("unreadable", f"{path}: {error.strerror or error}") from error
    try:
        return decode(data, max_pixels)
    except PictureError as error:
        raise PictureError(error.reason, f"{path}: {error}") from error


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


def shrink(pixels: Picture, side: int) -> Picture:
    """A square picture at ``side`` × ``side``, each pixel the mean of what it covers."""
    if pixels.shape[:2] == (side, side):
        return pixels
    return np.asarray(cv2.resize(pixels, (side, side), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def dimensions(data: bytes) -> tuple[int, int]:
    """(width, height) that a whole JPEG or PNG declares. Raises PictureError."""
    if data.startswith(_PNG):
        return _png_dimensions(data)
    if data.startswith(_JPEG):
        return _jpeg_dimensions(data)
    if _PNG.startswith(data[:8]) or _JPEG.startswith(data[:3]):
        raise PictureError("truncated", f"the picture ends after {len(data)} bytes")
    looks_like = "a web page, " if data.lstrip()[:1] == b"<" else ""
    raise PictureError("not an image", f"{looks_like}neither JPEG nor PNG: begins with {data[:8]!r}")


def _png_dimensions(data: bytes) -> tuple[int, int]:
    if len(data) < 24 or b"IEND" not in data[-64:]:
        raise PictureError("truncated", f"the PNG breaks off after {len(data)} bytes")
    width, height = struct.unpack(">II", data[16:24])
    return _positive(width, height)


def _jpeg_dimensions(data: bytes) -> tuple[int, int]:
    """Walk the segments to the frame header; then ask for the end mark after the scan's start."""
    size = None
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            raise PictureError("not an image", f"the JPEG's structure breaks at byte {at}")
        marker = data[at + 1]
        if marker == 0xFF:  # a fill byte before the marker
            at += 1
            continue
        if marker in _NO_LENGTH:
            at += 2
            continue
        (length,) = struct.unpack(">H", data[at + 2 : at + 4])
        if marker in _START_OF_FRAME and at + 9 <= len(data):
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            size = _positive(width, height)
        if marker == 0xDA:
            # Within entropy-coded data FF D9 stands for the end and nothing else.
            if size is not None and data.find(b"\xff\xd9", at + length) >= 0:
                return size
            break
        at += 2 + length
    raise PictureError("truncated", f"the JPEG breaks off after {len(data)} bytes")


def _positive(width: int, height: int) -> tuple[int, int]:
    if width < 1 or height < 1:
        raise PictureError("not an image", f"the picture declares a size of {width}×{height}")
    return width, height
