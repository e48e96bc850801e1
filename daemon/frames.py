"""Footage → frames: a still's picture, or a movie's pictures one cadence apart, with their times.

A movie is decoded once, in order. Its clock can only be told when all of it has been seen, so what
the later steps need of each sampled picture waits meanwhile: the strips with the stamp in memory,
the small squares and the JPEGs in an unnamed temporary file, which keeps a night of 9,000 frames
under 60 MB of memory.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import IO

import numpy as np

from daemon import consensus, geometry, ocr, overlay, picture, video
from daemon.config import SourceSettings
from daemon.errors import ClockError, MovieError
from daemon.observation import Camera, Frame, Picture, utc_text
from daemon.source import Still
from models import preprocess

__all__ = ["DatedMovie", "Frame", "StillClock", "from_pixels", "from_still", "keogram_column", "read_movie"]

PICTURE_SIDE = 480
"""Side in px of the pictures kept for people: sharp on a phone, some 25 kB."""

COLUMN_PIXELS = 120
"""Pixels of a keogram column, as in AuroraMAX's own keograms."""

CLOCKS_AGREE = timedelta(minutes=15)
"""How far the camera's clock and the server's may be apart. A camera without a time service drifts
by minutes in a season; an hour off is a wrong time zone, and would spoil the record unseen."""


def from_pixels(
    pixels: Picture,
    camera: Camera,
    *,
    source: str,
    fetched_at: datetime,
    last_modified: datetime | None = None,
    index: int = 0,
    keep_picture: bool = True,
) -> Frame:
    """Cut the sky disc and the stamp out of a camera's picture (height, width, 3)."""
    disc = geometry.cut_disc(pixels, camera.disc)
    return Frame(
        camera=camera.name,
        square=preprocess.shrink(disc),
        picture=picture.encode_jpeg(picture.shrink(disc, PICTURE_SIDE)) if keep_picture else b"",
        stamp=ocr.cut_stamp(pixels, camera.stamp) if camera.stamp else None,
        source=source,
        fetched_at=fetched_at,
        last_modified=last_modified,
        index=index,
    )


def from_still(still: Still, camera: Camera, max_pixels: int) -> Frame:
    """A still's bytes → a frame without a time. Raises PictureError."""
    return from_pixels(
        picture.decode(still.data, max_pixels),
        camera,
        source=still.source,
        fetched_at=still.fetched_at,
        last_modified=still.last_modified,
    )


def keogram_column(frame: Frame, north_deg: float = 0.0) -> bytes:
    """The disc's line from north to south through the zenith, 120 pixels of R, G, B.

    ``north_deg`` is north in the picture, clockwise from up; without an orientation the line is
    the picture's own vertical.
    """
    side = frame.square.shape[0]
    along = np.linspace(-1, 1, COLUMN_PIXELS) * (side / 2 - 1)
    turn = np.deg2rad(north_deg)
    x = np.rint(side / 2 - along * np.sin(turn)).astype(int).clip(0, side - 1)
    y = np.rint(side / 2 + along * np.cos(turn)).astype(int).clip(0, side - 1)
    return frame.square[y, x, ::-1].tobytes()


# ------------------------------------------------------------------------------- a still's time


@dataclass
class StillClock:
    """When a live still was taken: its stamp, checked against the server's time and the one before.

    Neither is trusted alone. A stamp that cannot be read gives way to a fresh Last-Modified; one
    that contradicts the server's time keeps the frame out; one that goes back is believed only
    when the next frame confirms it (the camera's clock was set).
    """

    camera: Camera
    source: SourceSettings
    previous: datetime | None = None
    _doubted: datetime | None = field(default=None, repr=False)

    def date(self, frame: Frame, name: str) -> Frame:
        """The frame with its time. Raises ClockError where none can be established."""
        at = self._read(frame, name).astimezone(UTC).replace(microsecond=0)
        if self.previous is not None and at < self.previous and not (self._doubted and at > self._doubted):
            self._doubted = at
            raise ClockError(
                "clock went back",
                f"{frame.source}: shows {utc_text(at)}, but {utc_text(self.previous)} was seen before; "
                "kept out until another frame confirms it",
            )
        self.previous, self._doubted = at, None
        return replace(frame, observed_at=at)

    def _read(self, frame: Frame, name: str) -> datetime:
        if self.source.time_from == "name":
            return _time_in_name(name, self.source.name_format)
        if self.source.time_from == "header" or frame.stamp is None or self.camera.stamp is None:
            return frame.last_modified or frame.fetched_at
        witness = frame.last_modified or frame.fetched_at
        try:
            at = overlay.parse_stamp(ocr.read_text(frame.stamp), self.camera.stamp, witness)
        except ClockError:
            if frame.last_modified is None or frame.fetched_at - frame.last_modified > CLOCKS_AGREE:
                raise
            return frame.last_modified
        if abs(at - witness) > CLOCKS_AGREE:
            other = "Last-Modified" if frame.last_modified else "our own clock"
            raise ClockError(
                "clocks disagree",
                f"{frame.source}: the stamp says {utc_text(at)}, {other} {utc_text(witness)}; "
                "check the camera's clock and [camera] timezone",
            )
        return at


def _time_in_name(name: str, form: str) -> datetime:
    length = len(datetime(2000, 1, 1).strftime(form))
    try:
        return datetime.strptime(name[:length], form).replace(tzinfo=UTC)
    except ValueError:
        raise ClockError(
            "no time in name", f"{name}: does not begin with a time as {form!r}; check name_format"
        ) from None
