"""Kept pictures → a movie and a card to download.

The movie is H.264 in MP4: every browser plays it, on phones too.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from daemon.errors import FootageError
from daemon.footage import image
from daemon.observation import Picture

SIDE = 400
"""Pixels of the movie's side."""

FPS = 12.0

CARD = (1200, 630)
"""Width and height of a card: what social networks show whole."""

_GROUND, _INK, _DIM = (28, 20, 14), (240, 240, 240), (190, 180, 170)
_MARGIN = 30


def write_movie(pictures: Iterable[bytes], path: Path, fps: float = FPS) -> int:
    """The pictures, encoded, one after another into an MP4 file; how many could be used.

    The file appears when it is whole. Those that cannot be decoded are left out. Raises FootageError where there
    is no space.
    """
    part = path.with_name(f".{path.stem}.part.mp4")
    try:
        used = _written(pictures, part, fps)
        if used:
            part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return used


def _written(pictures: Iterable[bytes], part: Path, fps: float) -> int:
    import av  # here, for a live watch seldom needs its 25 MB

    used = 0
    try:
        with part.open("wb") as file, av.open(file, "w", format="mp4") as movie:
            stream = movie.add_stream(
                "libx264", rate=Fraction(fps), options={"preset": "veryfast", "crf": "24"}
            )
            stream.width = stream.height = SIDE
            stream.pix_fmt = "yuv420p"  # what every browser decodes
            stream.codec_context.thread_count = 1
            for data in pictures:
                try:
                    frame = av.VideoFrame.from_ndarray(_square(image.decode(data), SIDE), format="bgr24")
                except FootageError:
                    continue
                movie.mux(stream.encode(frame))
                used += 1
            movie.mux(stream.encode(None))
    except InterruptedError:  # whoever gives the pictures is to stop
        raise
    except (av.FFmpegError, OSError) as error:
        raise FootageError("disk", f"{part}: the movie could not be written; is the disk full?") from error
    return used


def card(picture: bytes, title: str, lines: Iterable[str]) -> bytes:
    """A PNG of ``CARD``: the sky on the left, what is said of it on the right. Raises FootageError."""
    width, height = CARD
    side = height - 2 * _MARGIN
    whole: Picture = np.full((height, width, 3), _GROUND, np.uint8)
    whole[_MARGIN : _MARGIN + side, _MARGIN : _MARGIN + side] = _square(image.decode(picture), side)
    left, top = side + 3 * _MARGIN, 3 * _MARGIN
    for text, scale, colour in ((title, 1.1, _INK), *((line, 0.75, _DIM) for line in lines)):
        for row in _wrapped(text, width - left - _MARGIN, scale):
            cv2.putText(whole, row, (left, top), cv2.FONT_HERSHEY_DUPLEX, scale, colour, 1, cv2.LINE_AA)
            top += round(46 * scale)
        top += 18
    return image.encode_png(whole)


def _square(pixels: Picture, side: int) -> Picture:
    """The picture's middle square at that size."""
    height, width = pixels.shape[:2]
    most = min(height, width)
    top, left = (height - most) // 2, (width - most) // 2
    middle = pixels[top : top + most, left : left + most]
    return np.asarray(cv2.resize(middle, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def _wrapped(text: str, width: int, scale: float) -> list[str]:
    """The text in rows that fit."""
    rows: list[str] = []
    for word in text.split():
        longer = f"{rows[-1]} {word}" if rows else word
        fits = cv2.getTextSize(longer, cv2.FONT_HERSHEY_DUPLEX, scale, 1)[0][0] <= width
        if rows and fits:
            rows[-1] = longer
        else:
            rows.append(word)
    return rows
