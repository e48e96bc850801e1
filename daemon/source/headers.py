"""What a JPEG, PNG or WebP says of itself, read before a decoder sees it, and what decoding it would cost.

A decoder believes what it is given: a few hundred bytes can claim a gigantic picture, thousands of
passes over one, or a megabyte of text that inflates for minutes. So structure is walked here as
strictly as libjpeg and libpng do it or more strictly, and refused where two readers could disagree.
"""

from __future__ import annotations

import hashlib
import re
import struct
import zlib
from collections.abc import Iterator

from daemon.errors import PictureError
from daemon.source.webp import is_lossless, is_webp, webp_dimensions

MOST_SCANS = 100
"""Passes over a JPEG's pixels. Cameras and phones write 1 to 10, the most thorough optimizers some 20."""

MOST_SCANNED = 800_000_000
"""Passes × pixels of a JPEG: 20 over the largest picture, some two seconds of decoding at most."""

MOST_SEGMENTS = 5_000
"""Segments of a JPEG or chunks of a PNG, kept text and colour profiles included."""

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_NO_LENGTH = {0x01, *range(0xD0, 0xD8)}  # JPEG markers that carry no segment
_START_OF_FRAME = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_START_OF_SCAN, _END_OF_IMAGE, _TABLES, _RESTARTS = 0xDA, 0xD9, 0xDB, 0xDD
_BASELINE, _EXTENDED = 0xC0, 0xC1
_AFTER_SCAN = re.compile(
    rb"\xff[\xc0-\xcf\xd8-\xfe]"
)  # in a scan's data FF 00 is a byte, FF D0 to D7 restarts

_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # PNG colour type → samples a pixel
_NEEDED = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")  # chunks that the pixels depend on


def dimensions(data: bytes) -> tuple[int, int]:
    """(width, height) that a whole JPEG, PNG or WebP declares. Raises PictureError, also where decoding costs
    out of proportion (``too large``)."""
    if data.startswith(_PNG):
        return _png_dimensions(data)
    if data.startswith(_JPEG):
        return _jpeg_dimensions(data)
    if is_webp(data):
        return webp_dimensions(data)
    if _PNG.startswith(data[:8]) or _JPEG.startswith(data[:3]):
        raise PictureError("truncated", f"the picture ends after {len(data)} bytes")
    looks_like = "a web page, " if data.lstrip()[:1] == b"<" else ""
    raise PictureError("not an image", f"{looks_like}neither JPEG, PNG nor WebP: begins with {data[:8]!r}")


def plain(data: bytes) -> bytes:
    """The bytes to hand to a decoder: of a PNG only what its pixels depend on, a JPEG as it is.

    Text, profiles and animations can inflate for minutes and change no pixel. Raises PictureError where
    a PNG's data inflates to more than its picture. Call :func:`dimensions` before.
    """
    if not data.startswith(_PNG):
        return data
    chunks = list(_png_chunks(data))
    _must_fit(data, [data[at + 8 : end - 4] for name, at, end in chunks if name == b"IDAT"])
    return _PNG + b"".join(data[at:end] for name, at, end in chunks if name in _NEEDED)


def encoder(data: bytes) -> bytes:
    """What a picture was encoded with: a JPEG's quantization tables and sampling, one word for all that lose nothing.

    Two pictures of one exposure, encoded alike, have the same pixels. How much a lossy WebP loses is not told in its
    headers, so none is encoded like another. Call :func:`dimensions` before.
    """
    if data.startswith(_PNG):
        return b"lossless"
    if is_webp(data):
        return b"lossless" if is_lossless(data) else hashlib.sha256(data).digest()
    kept = [
        data[at:end] for marker, at, end in _segments(data) if marker == _TABLES or marker in _START_OF_FRAME
    ]
    return hashlib.sha256(b"".join(kept)).digest()


# ------------------------------------------------------------------- PNG


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """(name, begin, end) of each chunk with its length and checksum, up to IEND. Raises PictureError."""
    at = len(_PNG)
    for _ in range(MOST_SEGMENTS):
        if at + 12 > len(data):
            break
        (length,) = struct.unpack(">I", data[at : at + 4])
        name, end = data[at + 4 : at + 8], at + 12 + length
        if end > len(data):
            break
        yield name, at, end
        if name == b"IEND":
            return
        at = end
    else:
        raise PictureError("too large", f"the PNG has more than {MOST_SEGMENTS} chunks")
    raise PictureError("truncated", f"the PNG breaks off after {len(data)} bytes")


def _png_dimensions(data: bytes) -> tuple[int, int]:
    names = [name for name, _, _ in _png_chunks(data)]
    if names[0] != b"IHDR" or data[8:12] != b"\0\0\0\r" or names.count(b"IHDR") != 1:
        raise PictureError("not an image", "the PNG does not begin with its header")
    width, height, depth, kind = struct.unpack(">IIBB", data[16:26])
    if kind not in _SAMPLES or depth not in (1, 2, 4, 8, 16):
        raise PictureError("not an image", f"the PNG is of an unknown kind: {kind} with {depth} bits")
    return _positive(width, height)


def _must_fit(data: bytes, parts: list[bytes]) -> None:
    """Raises PictureError where the compressed pixels inflate to more than twice what the picture holds."""
    width, height, depth, kind = struct.unpack(">IIBB", data[16:26])
    room = 2 * height * (1 + (width * depth * _SAMPLES[kind] + 7) // 8) + 4096
    inflate = zlib.decompressobj()
    try:
        for part in parts:
            while part and room > 0 and not inflate.eof:
                room -= len(inflate.decompress(part, 1_000_000))
                part = inflate.unconsumed_tail
    except zlib.error as error:
        raise PictureError("not an image", f"the PNG's data cannot be inflated: {error}") from None
    if room <= 0:
        raise PictureError("too large", f"the PNG's data inflates to more than its {width}×{height} pixels")


# ------------------------------------------------------------------- JPEG


def _jpeg_dimensions(data: bytes) -> tuple[int, int]:
    """Walk the segments to the frame header; then the scans to the end mark."""
    size, at = None, 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            raise PictureError("not an image", f"the JPEG's structure breaks at byte {at}")
        marker = data[at + 1]
        if marker == 0xFF or marker in _NO_LENGTH:  # a fill byte before the marker; nothing to skip
            at += 1 if marker == 0xFF else 2
            continue
        (length,) = struct.unpack(">H", data[at + 2 : at + 4])
        if marker == _END_OF_IMAGE:
            break
        if marker < 0xC0 or marker == 0xD8 or length < 2:
            # libjpeg passes FF 00 over where a segment is expected, and reads on in what others skip.
            raise PictureError("not an image", f"the JPEG's structure breaks at byte {at}")
        if marker in _START_OF_FRAME and at + 9 <= len(data):
            if size is not None:
                raise PictureError("not an image", "the JPEG declares its size twice")
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            size = _positive(width, height)
        if marker == _START_OF_SCAN:
            if size is None:
                raise PictureError("not an image", "the JPEG's pixels come before their size")
            _must_end(data, at + 2 + length, *size)
            return size
        at += 2 + length
    raise PictureError("truncated", f"the JPEG breaks off after {len(data)} bytes")


def _must_end(data: bytes, at: int, width: int, height: int) -> None:
    """Walk from a first scan's data to the end mark. Raises PictureError where there is none, and where
    there are more scans than a picture needs: each costs as much as the whole picture."""
    scans = 1
    for _ in range(MOST_SEGMENTS):
        found = _AFTER_SCAN.search(data, at)
        if found is None:
            raise PictureError("truncated", f"the JPEG breaks off after {len(data)} bytes")
        marker = data[found.end() - 1]
        if marker == _END_OF_IMAGE:
            return
        scans += marker == _START_OF_SCAN
        if scans > MOST_SCANS or scans * width * height > MOST_SCANNED:
            raise PictureError("too large", f"the JPEG of {width}×{height} has more than {scans - 1} scans")
        at = found.end() + max(2, int.from_bytes(data[found.end() : found.end() + 2], "big"))
    raise PictureError("too large", f"the JPEG has more than {MOST_SEGMENTS} segments")


def without_end(data: bytes) -> bool:
    """May a JPEG lack its end mark alone? So it may where it is one plain scan of all its colours; whether the
    scan itself is whole only decoding shows. One with restart marks is not told from a cut one."""
    if not data.startswith(_JPEG):
        return False
    found = {marker: (at, end) for marker, at, end in _segments(data)}
    frame = found.get(_BASELINE) or found.get(_EXTENDED)
    scan = found.get(_START_OF_SCAN)
    if frame is None or scan is None or _RESTARTS in found or scan[1] > len(data):
        return False
    all_colours = data[scan[0] + 4] == data[frame[0] + 9]
    return all_colours and _AFTER_SCAN.search(data, scan[1]) is None


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """(marker, begin, end) of each segment before the pixels, and of the first scan's header."""
    at = 2
    while at + 4 <= len(data):
        marker = data[at + 1]
        if marker == 0xFF or marker in _NO_LENGTH:
            at += 1 if marker == 0xFF else 2
            continue
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        yield marker, at, end
        if marker == _START_OF_SCAN:
            return
        at = end


def _positive(width: int, height: int) -> tuple[int, int]:
    if width < 1 or height < 1:
        raise PictureError("not an image", f"the picture declares a size of {width}×{height}")
    return width, height
