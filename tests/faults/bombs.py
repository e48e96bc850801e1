"""Small files that ask a decoder for a great deal of work."""

from __future__ import annotations

import struct
import zlib

import numpy as np


def _segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


def _frame(marker: int, width: int, height: int) -> bytes:
    parts = b"".join(bytes([number, 0x11, 0]) for number in (1, 2, 3))
    return _segment(marker, struct.pack(">BHHB", 8, height, width, 3) + parts)


def scans(width: int, height: int, count: int) -> bytes:
    """A progressive JPEG of ``count`` scans without a byte of data in them."""
    tables = _segment(0xDB, b"\0" + bytes([1] * 64))
    tables += _segment(0xC4, b"\x00" + bytes([1] + [0] * 15) + b"\0")
    tables += _segment(0xC4, b"\x10" + bytes([1, 1] + [0] * 14) + b"\xe0\0")
    first = _segment(0xDA, bytes([3, 1, 0, 2, 0, 3, 0, 0, 0, 0]))
    rest = b"".join(_segment(0xDA, bytes([1, 1 + n % 3, 0, 1, 63, 0])) for n in range(count - 1))
    return b"\xff\xd8" + tables + _frame(0xC2, width, height) + first + rest + b"\xff\xd9"


def two_sizes(jpeg: bytes, width: int, height: int) -> bytes:
    """``jpeg`` behind an FF 00, at which libjpeg reads on and finds another size in what others skip."""
    hidden = _frame(0xC0, width, height) + jpeg[2 : jpeg.index(b"\xff\xda")].replace(b"\xff\xc0", b"\xff\xe1")
    return b"\xff\xd8\xff\x00" + struct.pack(">H", 2 + len(hidden)) + hidden + jpeg[2:]


def chunk(name: bytes, content: bytes) -> bytes:
    """A PNG chunk."""
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(width: int, height: int, extra: bytes = b"", pixels: bytes | None = None) -> bytes:
    """A black RGB PNG; ``extra`` chunks before the pixels, ``pixels`` the raw data in place of the right."""
    raw = bytes(height * (1 + 3 * width)) if pixels is None else pixels
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(raw, 9))
    return b"\x89PNG\r\n\x1a\n" + header + extra + data + chunk(b"IEND", b"")


def texts(count: int) -> bytes:
    """Chunks of compressed text, 7 MB each once inflated."""
    return chunk(b"zTXt", b"a\0\0" + zlib.compress(np.zeros(7_000_000, np.uint8).tobytes(), 9)) * count
