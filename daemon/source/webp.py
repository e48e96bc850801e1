"""What a WebP picture says of itself, walked as strictly as a decoder does it.

RIFF, its length, "WEBP", and chunks: a lossy (``VP8 ``) or lossless (``VP8L``) picture, alone or after the header
of the extended form (``VP8X``). The WebP Container Specification and RFC 9649 say the rest.
"""

from __future__ import annotations

from collections.abc import Iterator

from daemon.errors import PictureError

_ANIMATED = 0x02
_MOST_CHUNKS = 1_000


def is_webp(data: bytes) -> bool:
    """Does it begin as a WebP does?"""
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"


def is_lossless(data: bytes) -> bool:
    """Is a WebP's picture kept to the last pixel?"""
    return any(name == b"VP8L" for name, _ in _chunks(data))


def webp_dimensions(data: bytes) -> tuple[int, int]:
    """(width, height) that a whole WebP of one picture declares. Raises PictureError."""
    if int.from_bytes(data[4:8], "little") + 8 > len(data):
        raise PictureError("truncated", f"the WebP breaks off after {len(data)} bytes")
    canvas: tuple[int, int] | None = None
    for name, body in _chunks(data):
        if name == b"VP8X" and len(body) >= 10:
            if body[0] & _ANIMATED:
                raise PictureError("not an image", "the WebP is an animation, no picture")
            canvas = 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
        elif name in (b"VP8 ", b"VP8L"):
            size = _lossy(body) if name == b"VP8 " else _lossless(body)
            if size is None or canvas not in (None, size):
                raise PictureError("not an image", "the WebP's structure breaks at its picture")
            return size
    raise PictureError("not an image", "the WebP holds no picture")


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(name, body) of each chunk. Raises PictureError where one is longer than the file."""
    at, end = 12, int.from_bytes(data[4:8], "little") + 8
    for _ in range(_MOST_CHUNKS):
        if at + 8 > end:
            return
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        if at + 8 + length > end:
            raise PictureError("truncated", f"the WebP's parts are longer than its {len(data)} bytes")
        yield data[at : at + 4], data[at + 8 : at + 8 + length]
        at += 8 + length + length % 2


def _lossy(body: bytes) -> tuple[int, int] | None:
    """A key frame's size: 14 bits each after its tag and start code."""
    if len(body) < 10 or body[0] & 1 or body[3:6] != b"\x9d\x01\x2a":
        return None
    width, height = (
        int.from_bytes(body[6:8], "little") & 0x3FFF,
        int.from_bytes(body[8:10], "little") & 0x3FFF,
    )
    return (width, height) if width and height else None


def _lossless(body: bytes) -> tuple[int, int] | None:
    if len(body) < 5 or body[0] != 0x2F:
        return None
    bits = int.from_bytes(body[1:5], "little")
    return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
