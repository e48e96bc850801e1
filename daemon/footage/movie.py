"""A night's movie → its frames one cadence apart, with their times.

A movie is decoded once, in order. Its clock can only be told when all of it has been seen, so what
the later steps need of each sampled picture waits meanwhile in an unnamed temporary file: the small
square, the JPEG, the strip with the stamp. That keeps a night of 9,000 frames under 60 MB of memory,
whatever the size of its pictures.
"""

from __future__ import annotations

import errno
import re
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO

import numpy as np

from daemon.errors import ClockError, MovieError, PictureError
from daemon.footage import ocr, stamp, video
from daemon.footage.frame import from_pixels
from daemon.footage.reading import StampReader
from daemon.footage.still_clock import AHEAD
from daemon.observation import Camera, Frame, Picture, StampStyle, utc_text
from daemon.text import one_line
from models import preprocess

SCRATCH_FREE, SCRATCH_PER_BYTE = 64_000_000, 50
"""Bytes of temporary file at most: so many, and so many for each byte of the movie. A night of AuroraMAX
takes 4 a byte; one of frames that only repeat could take ten thousand."""

_FIELD = re.compile(r"\d+|\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)", re.IGNORECASE)

MOST_READINGS = 48
"""Stamps read of the sampled frames at most; with those of the first frames, under 60 for any movie."""


@dataclass(frozen=True)
class Scratch:
    """Where the temporary file goes (None: the system's place for such files), and the space to leave there."""

    folder: Path | None = None
    keep_free_mb: int = 0


class DatedMovie:
    """A movie's sampled frames, in order of time. A context manager: it holds a temporary file.

    ``name`` is its file's, as its frames' source, ``readings`` how many stamps were read, ``undated`` how many sampled frames have no time,
    ``fault`` what was wrong with the movie's end, where it broke off.
    """

    def __init__(
        self, name: str, spool: Spool, times: list[datetime | None], readings: int, fault: str | None
    ) -> None:
        self.name = name
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
    scratch: Scratch = Scratch(),
) -> DatedMovie:
    """Sample a movie one cadence apart and date what was sampled; ``ahead``: decode in a second thread.

    Where the spacing of its frames changes in the middle, it is read once more for those that the first sampling
    passed over. A movie that breaks off gives the frames before the break. Raises MovieError where it gives
    none, reason ``disk`` where there is no space for temporary files, ClockError where no clock can be
    established.
    """
    if camera.stamp is None:
        raise ClockError("no stamp", f"{path}: a movie is dated by its stamps; camera {camera.name} has none")
    info = video.probe(path)
    stamps = _Stamps(camera.stamp)
    readings = _opening_readings(path, stamps)
    step = video.sample_step(info, stamp.frame_cadence(readings), camera.cadence_s)
    with ExitStack() as undo:
        spool = Spool(path, camera.name, fetched_at, scratch)
        undo.callback(spool.close)
        sample = partial(_sample, spool, path, camera, keep_pictures)
        fault = sample(video.frames(path, step, ahead=ahead), _share_of(info.frames, progress))
        try:
            clock = _clock(spool, stamps, readings, info.usual_cadence_s)
            passed_over = stamp.passed_over(spool.indices, clock, camera.cadence_s)
            if passed_over:
                fault = sample(video.chosen_frames(path, passed_over, ahead=ahead)) or fault
            times = [clock.at(i) for i in spool.indices]
            _refuse_the_future(times, fetched_at)
        except ClockError as error:
            raise ClockError(error.reason, f"{path}: {error}") from error
        undo.pop_all()
    return DatedMovie(one_line(path.name), spool, times, stamps.read, fault)


def _share_of(frames: int, progress: Callable[[float], None] | None) -> Callable[[int], None] | None:
    """What takes a frame's number and reports the share of the movie that is read."""
    if progress is None or not frames:
        return None
    return lambda index: progress(min(1.0, index / frames))


def _sample(
    spool: Spool,
    path: Path,
    camera: Camera,
    keep_pictures: bool,
    frames: Iterable[tuple[int, Picture]],
    seen: Callable[[int], None] | None = None,
) -> str | None:
    """Fill the spool; what was wrong with the movie's end, where it broke off. Raises MovieError."""
    try:
        for index, pixels in frames:
            spool.add(
                from_pixels(
                    pixels,
                    camera,
                    source=one_line(path.name),
                    fetched_at=spool.fetched_at,
                    index=index,
                    keep_picture=keep_pictures,
                    find_stars=False,  # no frame of a movie is asked for its stars: compression leaves few
                )
            )
            if seen is not None:
                seen(index)
    except MovieError as error:
        if not len(spool) or error.reason == "disk":
            raise
        return str(error)
    except (ClockError, PictureError) as error:  # no place for the stamp or the disc in one frame: in none
        raise MovieError(error.reason, f"{path}: {error}") from error
    return None


def _clock(
    spool: Spool, stamps: _Stamps, readings: Sequence[stamp.Reading], nominal_s: float
) -> stamp.MovieClock:
    return stamp.date_frames(
        spool.indices,
        lambda indices: stamps.times([spool.stamp(index) for index in indices]),
        nominal_s,
        known=readings,
        most=MOST_READINGS,
        resolution_s=stamps.resolution_s,
    )


def _refuse_the_future(times: Sequence[datetime | None], fetched_at: datetime) -> None:
    newest = max((at for at in times if at is not None), default=fetched_at)
    if newest - fetched_at > AHEAD:
        raise ClockError(
            "clock ahead",
            f"its stamps run to {utc_text(newest)}, ahead of our clock ({utc_text(fetched_at)}); "
            "check [camera.stamp] timezone and the clocks",
        )


@dataclass
class _Stamps:
    """Reads a movie's stamps, several at a time, and counts."""

    style: StampStyle
    read: int = 0
    resolution_s: float = 60.0

    def __post_init__(self) -> None:
        self._reader = StampReader(self.style)

    def times(self, strips: Sequence[Picture]) -> list[datetime | None]:
        """What each strip says; None where it is illegible."""
        self.read += len(strips)
        found = [one if isinstance(one, tuple) else (None, "") for one in self._reader.read_all(strips)]
        if any(
            len(_FIELD.findall(text)) > 5 for _, text in found
        ):  # from the year to the minute, and one more
            self.resolution_s = 1.0
        return [at for at, _ in found]


def _opening_readings(path: Path, stamps: _Stamps) -> list[stamp.Reading]:
    """What the stamps of the first few frames say, as far as they can be read.

    A movie that breaks off among them is not refused here: what it holds is asked for next.
    """
    first: list[tuple[int, Picture]] = []
    try:
        with suppress(MovieError):
            for index, pixels in video.first_frames(path):
                first.append((index, ocr.cut_stamp(pixels, stamps.style)))
    except ClockError as error:
        raise ClockError(error.reason, f"{path}: {error}") from error
    times = stamps.times([strip for _, strip in first])
    return [stamp.Reading(index, at) for (index, _), at in zip(first, times, strict=True) if at is not None]


class Spool:
    """Sampled frames that wait for their clock, on disk. Raises MovieError, reason ``disk`` or ``too large``."""

    _CHECKED = 16_000_000  # bytes between two looks at the disk's free space

    def __init__(self, path: Path, camera: str, fetched_at: datetime, scratch: Scratch) -> None:
        self._path, self._camera, self.fetched_at = path, camera, fetched_at
        self._folder = scratch.folder or Path(tempfile.gettempdir())
        self._keep_free = scratch.keep_free_mb * 1_000_000
        self._most = SCRATCH_FREE + SCRATCH_PER_BYTE * path.stat().st_size
        self._places: list[tuple[int, int, int]] = []
        self._stamps: dict[int, tuple[int, tuple[int, ...]]] = {}
        self._flaws: list[str | None] = []
        self._end = self._checked = 0
        self.indices: list[int] = []
        with self._disk_faults():
            self._must_have_space(0)
            self._file: IO[bytes] = tempfile.TemporaryFile(prefix="aurorad-", dir=scratch.folder)  # noqa: SIM115

    def __len__(self) -> int:
        return len(self.indices)

    def add(self, frame: Frame) -> None:
        """Keep a frame."""
        square, strip = frame.square.tobytes(), b""
        if frame.stamp is not None:
            strip = zlib.compress(np.ascontiguousarray(frame.stamp).tobytes(), 1)
        size = len(square) + len(frame.picture) + len(strip)
        if self._end + size > self._most:
            raise MovieError(
                "too large",
                f"{self._path}: its frames fill more than {self._most // 1_000_000} MB, out of proportion to the file",
            )
        with self._disk_faults():
            self._must_have_space(size)
            self._file.seek(self._end)
            self._file.write(square + frame.picture + strip)
        if frame.stamp is not None:
            self._stamps[frame.index] = (len(self.indices), frame.stamp.shape)
        self._places.append((self._end, len(frame.picture), len(strip)))
        self._end += size
        self.indices.append(frame.index)
        self._flaws.append(frame.flaw)

    def stamp(self, index: int) -> Picture:
        """The strip of the movie's frame of that number."""
        place, shape = self._stamps[index]
        start, picture, strip = self._places[place]
        self._file.seek(start + self._SQUARE + picture)
        return np.frombuffer(zlib.decompress(self._file.read(strip)), np.uint8).reshape(shape)

    def frame(self, place: int) -> Frame:
        """The ``place``-th sampled frame."""
        start, size, _ = self._places[place]
        side = preprocess.SIDE
        self._file.seek(start)
        square = np.frombuffer(self._file.read(self._SQUARE), np.uint8).reshape(side, side, 3)
        return Frame(
            camera=self._camera,
            square=square,
            picture=self._file.read(size),
            stamp=None,
            source=one_line(self._path.name),
            fetched_at=self.fetched_at,
            index=self.indices[place],
            flaw=self._flaws[place],
        )

    def close(self) -> None:
        """Forget everything."""
        self._file.close()

    _SQUARE = preprocess.SIDE * preprocess.SIDE * 3

    def _must_have_space(self, size: int) -> None:
        if self._end and self._end + size - self._checked < self._CHECKED:
            return
        self._checked = self._end + size
        if shutil.disk_usage(self._folder).free < self._keep_free + self._CHECKED:
            raise OSError(errno.ENOSPC, "less space than `min_free_mb` would be left")

    @contextmanager
    def _disk_faults(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise MovieError(
                "disk",
                f"{self._folder}: no temporary file for {self._path.name}: {error.strerror}; free some space",
            ) from error
