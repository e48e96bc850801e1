"""What the stand-in site shows: a drawn night, or a movie played at its own pace."""

from __future__ import annotations

import csv
from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from daemon.config import CameraSettings
from daemon.errors import ClockError, MovieError
from daemon.footage import ocr, stamp, video
from daemon.footage.video import probe
from daemon.observation import Picture, StampStyle
from training.simulator.movie import STEP_S, STYLES, Style, compose

DAY_STEP_S = 90.0
"""By day a new still comes every one to two minutes."""


class Footage(Protocol):
    """Full frames of one night by their time. ``begins`` and ``ends`` are aware UTC."""

    begins: datetime
    ends: datetime

    def exposure(self, now: datetime) -> datetime:
        """The time of the newest exposure at ``now``."""
        ...

    def frame(self, at: datetime) -> Picture:
        """The frame of an exposure, (height, width, 3) BGR, its clock burnt in."""
        ...


class DrawnNight:
    """Frames drawn when they are asked for.

    ``draw`` gives the square sky disc of an instant. Between ``begins`` and ``ends`` there is an
    exposure every six seconds, by day every one and a half minutes.
    """

    def __init__(
        self,
        draw: Callable[[datetime], Picture],
        begins: datetime,
        ends: datetime,
        style: Style = STYLES[2024],
        timezone: str = "America/Yellowknife",
    ) -> None:
        self.draw = draw
        self.begins, self.ends = begins, ends
        self.style, self.timezone = style, timezone

    def exposure(self, now: datetime) -> datetime:
        """The last multiple of the step since the night began."""
        step_s = STEP_S if self.begins <= now < self.ends else DAY_STEP_S
        since = self.begins if now < self.ends else self.ends
        return since + timedelta(seconds=(now - since).total_seconds() // step_s * step_s)

    def frame(self, at: datetime) -> Picture:
        """The sky of the instant with titles and clock, (720, 1280, 3)."""
        return compose(self.draw(at), at, self.style, self.timezone)


class PlayedMovie:
    """A movie's frames at their own times. After its end the feed stands still.

    ``times`` are those of its frames, rising. Frames are best asked for in order: a movie can only
    be played forwards, and going back begins at its first frame again.
    """

    def __init__(self, path: Path, times: Sequence[datetime]) -> None:
        if not times:
            raise MovieError("empty", f"{path}: no frame of it has a time")
        self.path, self.times = path, list(times)
        self.begins, self.ends = self.times[0], self.times[-1]
        self._capture = cv2.VideoCapture(str(path))
        self._next = 0
        self._frame: Picture | None = None

    def exposure(self, now: datetime) -> datetime:
        """The time of the last frame not after ``now``; before the first, that of the first."""
        return self.times[max(0, bisect_right(self.times, now) - 1)]

    def frame(self, at: datetime) -> Picture:
        """The frame of that time. Raises MovieError where the movie ends before it."""
        index = max(0, bisect_right(self.times, at) - 1)
        if self._frame is not None and index == self._next - 1:
            return self._frame
        if index < self._next:
            self._capture.release()
            self._capture, self._next = cv2.VideoCapture(str(self.path)), 0
        while self._next <= index:
            if not self._capture.grab():
                raise MovieError(
                    "truncated", f"{self.path}: ends at frame {self._next}, {index} was asked for"
                )
            self._next += 1
        _, pixels = self._capture.retrieve()
        self._frame = np.asarray(pixels, dtype=np.uint8)
        return self._frame


def movie_times(path: Path, begins: datetime | None = None, step_s: float = STEP_S) -> list[datetime]:
    """The time of each frame of a movie: counted from ``begins``, of the table beside it, or read.

    The table has the movie's name with ``.csv`` and a column ``observed_at_utc``; without one some
    of the burnt-in stamps are read. Raises MovieError for a file that is no movie, ClockError where
    no time can be established.
    """
    frames = probe(path).frames
    if begins is not None:
        return [begins + timedelta(seconds=step_s * index) for index in range(frames)]
    table = path.with_suffix(".csv")
    if not table.exists():
        return _read_times(path, frames)
    try:
        with open(table, newline="", encoding="utf-8") as opened:
            texts = [row["observed_at_utc"] for row in csv.DictReader(opened)]
        return [datetime.fromisoformat(text).astimezone(UTC) for text in texts][:frames]
    except (OSError, KeyError, ValueError) as error:
        raise ClockError("no clock", f"{table}: not a table of times; correct it or remove it") from error


def _read_times(path: Path, frames: int) -> list[datetime]:
    """From the stamps of every tenth frame, as many as the consensus asks for."""
    style = CameraSettings().camera().stamp
    assert style is not None
    wanted = {*range(0, frames, 10), frames - 1}
    strips = {i: ocr.cut_stamp(pixels, style) for i, pixels in video.frames(path) if i in wanted}

    def read(indices: Sequence[int]) -> list[datetime | None]:
        return [_stamp_of(strips[index], style) for index in indices]

    clock = stamp.date_frames(sorted(strips), read, STEP_S)
    begun = [segment.first for segment in clock.segments]
    # Frames no reading reaches are taken to go on as those before them, or to lead up to the first.
    nearest = [max(0, bisect_right(begun, index) - 1) for index in range(frames)]
    times = [clock.segments[number].at(index) for index, number in enumerate(nearest)]
    return list(accumulate(times, max))


def _stamp_of(strip: Picture, style: StampStyle) -> datetime | None:
    """What a stamp says, None where it is illegible. Raises ClockError where nothing can be read at all."""
    text = ocr.read_text(strip)
    try:
        return stamp.parse_stamp(text, style)
    except ClockError:
        return None
