"""Is an MP4 file whole? Told by its boxes, without decoding anything."""

from __future__ import annotations

from pathlib import Path

MAX_BOXES = 10_000  # a night's movie has some five; a fragmented one a few per second


def whole_mp4(path: Path) -> str | None:
    """None where the file's boxes are those of a movie and end exactly where it ends; else what is wrong.

    A file is a row of boxes, each with its size (32 bits, or 64 after a 1; 0 reaches to the end)
    and a four-letter name: ISO/IEC 14496-12. A movie fetched while it was being put on the site
    can be shorter than it says, and no HTTP header tells.
    """
    end, at, names = path.stat().st_size, 0, set()
    with open(path, "rb") as opened:
        for _ in range(MAX_BOXES):
            if at == end:
                break
            opened.seek(at)
            header = opened.read(16)
            name = header[4:8]
            if at == 0 and name not in (b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip"):
                return "no MP4 movie"
            size = int.from_bytes(header[:4], "big")
            if size == 1:
                size = int.from_bytes(header[8:16], "big")
            elif size == 0:
                size = end - at
            if size < 8 or at + size > end:
                return "cut short"
            names.add(name)
            at += size
    return None if {b"moov", b"mdat"} <= names or {b"moov", b"moof"} <= names else "cut short"
