"""Footage → frames: a still's picture, or a movie's pictures one cadence apart, with their times.

A movie is decoded once, in order. Its clock can only be told when all of it has been seen, so what
the later steps need of each sampled picture waits meanwhile: the strips with the stamp in memory,
the small squares and the JPEGs in an unnamed temporary file, which keeps a night of 9,000 frames
under 60 MB of memory.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import IO

import numpy as np

from daemon import geometry, ocr, overlay, picture, video
from daemon.config import SourceSettings
from daemon.errors import ClockError, MovieError
from daemon.observation import Camera, Frame, Picture, StampStyle, utc_text
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


STAMP_LEAP_LOOKS = 2
"""Cadences by which a stamp may run ahead of the server's time, compared with the frame before. More is
a digit misread, or a clock that was set: the next frame tells which."""


# ------------------------------------------------------------------------------- a still's time


@dataclass
class StillClock:
    """When a live still was taken: its stamp, checked against the server's time and the one before.

    Neither is trusted alone. A stamp that cannot be read gives way to a fresh Last-Modified; one
    that contradicts the server's time keeps the frame out; one that goes back, or leaps ahead of the
    server's time, is believed only when the next frame confirms it (the camera's clock was set).
    ``on_reading`` is told of each stamp whether it could be read.
    """

    camera: Camera
    source: SourceSettings
    on_reading: Callable[[bool], None] = lambda read: None
    previous: datetime | None = None
    _ahead: timedelta | None = field(default=None, repr=False)
    _doubted: tuple[datetime, timedelta] | None = field(default=None, repr=False)

    def date(self, frame: Frame, name: str) -> Frame:
        """The frame with its time. Raises ClockError where none can be established."""
        at, stamped = self._read(frame, name)
        at = at.astimezone(UTC).replace(microsecond=0)
        ahead = at - (frame.last_modified or frame.fetched_at) if stamped else timedelta(0)
        reason = None
        if self.previous is not None and at < self.previous:
            reason = "clock went back"
        elif stamped and self._ahead is not None and ahead - self._ahead > self._leap:
            reason = "clock leapt"
        if reason is not None and not self._confirms(at, ahead):
            self._doubted = at, ahead
            raise ClockError(
                reason,
                f"{frame.source}: shows {utc_text(at)} after {utc_text(self.previous or at)}; "
                "kept out until another frame confirms it",
            )
        if stamped and at != self.previous:  # one that stands still says nothing of how clocks go
            self._ahead = ahead
        self.previous, self._doubted = at, None
        return replace(frame, observed_at=at)

    @property
    def _leap(self) -> timedelta:
        return timedelta(seconds=STAMP_LEAP_LOOKS * self.camera.cadence_s)

    def _confirms(self, at: datetime, ahead: timedelta) -> bool:
        """Does this reading go on from the one doubted before?"""
        if self._doubted is None:
            return False
        then, by = self._doubted
        return at > then and abs(ahead - by) <= self._leap

    def _read(self, frame: Frame, name: str) -> tuple[datetime, bool]:
        """(time, was it read from the stamp?)"""
        if self.source.time_from == "name":
            return _time_in_name(name, self.source.name_format), False
        if self.source.time_from == "header" or frame.stamp is None or self.camera.stamp is None:
            return frame.last_modified or frame.fetched_at, False
        witness = frame.last_modified or frame.fetched_at
        try:
            at = overlay.parse_stamp(ocr.read_text(frame.stamp), self.camera.stamp, witness)
            self.on_reading(True)
        except ClockError:
            self.on_reading(False)
            if frame.last_modified is None or frame.fetched_at - frame.last_modified > CLOCKS_AGREE:
                raise
            return frame.last_modified, False
        if abs(at - witness) > CLOCKS_AGREE:
            other = "Last-Modified" if frame.last_modified else "our own clock"
            raise ClockError(
                "clocks disagree",
                f"{frame.source}: the stamp says {utc_text(at)}, {other} {utc_text(witness)}; "
                "check the camera's clock and [camera] timezone",
            )
        return at, True


def _time_in_name(name: str, form: str) -> datetime:
    length = len(datetime(2000, 1, 1).strftime(form))
    try:
        return datetime.strptime(name[:length], form).replace(tzinfo=UTC)
    except ValueError:
        raise ClockError(
            "no time in name", f"{name}: does not begin with a time as {form!r}; check name_format"
        ) from None


# ------------------------------------------------------------------------------- a movie's frames

MOST_READINGS = 48
"""Stamps read of the sampled frames at most; with those of the first frames, under 60 for any movie."""


class DatedMovie:
    """A movie's sampled frames, in order of time. A context manager: it holds a temporary file.

    ``readings`` is how many stamps were read, ``undated`` how many sampled frames have no time,
    ``fault`` what was wrong with the movie's end, where it broke off.
    """

    def __init__(self, spool: _Spool, times: list[datetime | None], readings: int, fault: str | None) -> None:
        self._spool = spool
        self._times = times
        order = [i for i, at in enumerate(times) if at is not None]
        self._order = sorted(order, key=lambda i: times[i] or datetime.max.replace(tzinfo=UTC))
        self.readings = readings
        self.undated = len(times) - len(order)
        self.fault = fault

    @property
    def begins(self) -> datetime | None:
        """The first frame's time, None where no frame has one."""
        return self._times[self._order[0]] if self._order else None

    @property
    def ends(self) -> datetime | None:
        """The last frame's time, None where no frame has one."""
        return self._times[self._order[-1]] if self._order else None

    def frames(self) -> Iterator[Frame]:
        """The dated frames, oldest first; of two with the same second the first."""
        last: datetime | None = None
        for i in self._order:
            at = self._times[i]
            if at != last:
                yield replace(self._spool.frame(i), observed_at=at)
            last = at

    def __enter__(self) -> DatedMovie:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._spool.close()


def read_movie(
    path: Path,
    camera: Camera,
    fetched_at: datetime,
    *,
    keep_pictures: bool = True,
    progress: Callable[[float], None] | None = None,
    ahead: bool = True,
) -> DatedMovie:
    """Sample a movie one cadence apart and date what was sampled; ``ahead``: decode in a second thread.

    A movie that breaks off gives the frames before the break. Raises MovieError where it gives
    none, ClockError where no clock can be established.
    """
    if camera.stamp is None:
        raise ClockError("no stamp", f"{path}: a movie is dated by its stamps; camera {camera.name} has none")
    info = video.probe(path)
    stamps = _Stamps(camera.stamp)
    readings = _opening_readings(path, stamps)
    nominal_s = info.usual_cadence_s
    step = video.sample_step(info, overlay.frame_cadence(readings), camera.cadence_s)
    spool = _Spool(camera.name, path.name, fetched_at)
    fault = None
    try:
        for index, pixels in video.frames(path, step, ahead=ahead):
            frame = from_pixels(
                pixels,
                camera,
                source=path.name,
                fetched_at=fetched_at,
                index=index,
                keep_picture=keep_pictures,
            )
            spool.add(frame)
            if progress is not None and info.frames:
                progress(min(1.0, index / info.frames))
    except MovieError as error:
        if not len(spool):
            spool.close()
            raise
        fault = str(error)
    try:
        clock = overlay.date_frames(
            spool.indices,
            lambda indices: stamps.times([spool.stamp(index) for index in indices]),
            nominal_s,
            known=readings,
            most=MOST_READINGS,
            resolution_s=stamps.resolution_s,
        )
    except ClockError as error:
        spool.close()
        raise ClockError(error.reason, f"{path}: {error}") from error
    return DatedMovie(spool, [clock.at(i) for i in spool.indices], stamps.read, fault)


@dataclass
class _Stamps:
    """Reads a movie's stamps, several at a time, and counts."""

    style: StampStyle
    read: int = 0
    resolution_s: float = 60.0

    def times(self, strips: Sequence[Picture]) -> list[datetime | None]:
        """What each strip says; None where it is illegible."""
        self.read += len(strips)
        return [self._time(text) for text in ocr.read_texts(strips)]

    def _time(self, text: str) -> datetime | None:
        try:
            at = overlay.parse_stamp(text, self.style)
        except ClockError:
            return None
        if len(re.findall(r"\d+", text)) > 5:  # year, month, day, hour, minute and one more
            self.resolution_s = 1.0
        return at


def _opening_readings(path: Path, stamps: _Stamps) -> list[overlay.Reading]:
    """What the stamps of the first few frames say, as far as they can be read.

    A movie that breaks off among them is not refused here: what it holds is asked for next.
    """
    first: list[tuple[int, Picture]] = []
    with suppress(MovieError):
        for index, pixels in video.first_frames(path):
            first.append((index, ocr.cut_stamp(pixels, stamps.style)))
    times = stamps.times([strip for _, strip in first])
    return [overlay.Reading(index, at) for (index, _), at in zip(first, times, strict=True) if at is not None]


class _Spool:
    """Sampled frames that wait for their clock: squares and JPEGs on disk, strips in memory."""

    def __init__(self, camera: str, source: str, fetched_at: datetime) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(prefix="aurorad-")  # noqa: SIM115 - closed by close()
        self._camera, self._source, self._fetched_at = camera, source, fetched_at
        self._places: list[tuple[int, int]] = []
        self._stamps: dict[int, Picture] = {}
        self.indices: list[int] = []

    def __len__(self) -> int:
        return len(self.indices)

    def add(self, frame: Frame) -> None:
        """Keep a frame."""
        self._places.append((self._file.tell(), len(frame.picture)))
        self._file.write(frame.square.tobytes())
        self._file.write(frame.picture)
        self.indices.append(frame.index)
        if frame.stamp is not None:
            self._stamps[frame.index] = frame.stamp

    def stamp(self, index: int) -> Picture:
        """The strip of the movie's frame of that number."""
        return self._stamps[index]

    def frame(self, place: int) -> Frame:
        """The ``place``-th sampled frame."""
        start, size = self._places[place]
        side = preprocess.SIDE
        self._file.seek(start)
        square = np.frombuffer(self._file.read(side * side * 3), np.uint8).reshape(side, side, 3)
        return Frame(
            camera=self._camera,
            square=square,
            picture=self._file.read(size),
            stamp=None,
            source=self._source,
            fetched_at=self._fetched_at,
            index=self.indices[place],
        )

    def close(self) -> None:
        """Forget everything."""
        self._file.close()
