"""Archived pictures: which of a folder's files they are, and when each was taken, night by night.

A camera program keeps a picture every few seconds in a folder a night, and beside them what it makes of them.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Literal, NamedTuple

from daemon.archive.file_times import copied_at_once, off_zone
from daemon.archive.ingest import MOVIES, PICTURES, is_file, movies_of
from daemon.archive.recorded_night import SPACING
from daemon.archive.stamp_order import Stamped, judged
from daemon.config import CameraSettings, SourceSettings
from daemon.errors import ClockError, PictureError, UsageError
from daemon.footage import image, ocr
from daemon.footage.reading import StampReader
from daemon.footage.stamp import YEARS
from daemon.footage.still_clock import AHEAD, time_in_name
from daemon.night import midnight_of, night_of
from daemon.observation import Camera
from daemon.source.listing import Listing

NOT_THE_SKY = re.compile(
    r"(thumb|keogram|startrail|panorama|timelapse|mini-?timelapse|darks?$|latest\b|raw$|export$)",
    re.IGNORECASE,
)
"""Beginnings of the names of files and folders in which camera programs keep what they make of the pictures."""

COPIED = timedelta(hours=30)
"""How far a file's own time may be from the date in its name, whatever zone that is in. Further off it was copied."""

WITNESS = timedelta(minutes=30)
"""How near a file's own time is to that in its name, where it can say which pass of autumn's doubled hour that is."""

Untold = Literal["no time", "ahead", "twice", "contradicted", "copied"]
"""Why a picture has no time: none is told, or one ahead of our clock, or one that comes twice in autumn, or a stamp's
that those of the pictures around it contradict, or that of a copy."""

Note = Untold | Literal["no order", "off zone"]
"""The same, or that a picture has a time which nothing could contradict, as its folder is in no order of time, or one
from which its file's own time is as far off as another zone is."""

Noted = dict[Note, list[Path]]
"""Pictures by what is to be said of them."""

_DATE = re.compile(r"(20\d\d)[-_]?(0[1-9]|1[0-2])[-_]?([0-3]\d)")


@dataclass(frozen=True, order=True)
class Kept:
    """A picture in an archive, and when it was taken."""

    at: datetime
    path: Path
    bytes: int


@dataclass(frozen=True)
class Night:
    """One night's pictures, in order of time."""

    night: date
    pictures: tuple[Kept, ...]

    @property
    def bytes(self) -> int:
        """All of them together."""
        return sum(picture.bytes for picture in self.pictures)


@dataclass
class PassedOver:
    """Folders that may not be read, and pictures that are not taken though they lie in a folder that was named.

    The names of ``unnamed`` should tell the time and do not; ``others`` are not those that the camera's ``pattern`` means.
    """

    blocked: list[Path] = field(default_factory=list)
    unnamed: list[Path] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)


class Footage(NamedTuple):
    """What is to be taken in; ``blocked`` are the folders that may not be read, ``left_out`` says what else is not."""

    movies: list[Path]
    pictures: list[Path]
    blocked: list[Path]
    left_out: str | None


def footage_of(places: Sequence[Path], camera: CameraSettings) -> Footage:
    """The movies and the pictures that are to be taken in. Raises UsageError where there is neither.

    Where a folder holds both, one is made of the other: AuroraMAX's archive is its movies, and the timelapses
    among a camera program's pictures have no clock that could be read where the camera has no stamp.
    """
    over = PassedOver()
    movies, pictures = movies_of(places), pictures_of(places, camera.source, over)
    left_out = _left_out(over, camera.source)
    if camera.source.kind == "auroramax" and movies:
        named = [path for path in pictures if path in places]
        if count := len(pictures) - len(named):
            left_out.append(
                f"{_counted(count, 'picture')} beside the movies left out; name them to record them too"
            )
        pictures = named
    if not camera.stamp and pictures:
        named = [path for path in movies if path in places]
        if count := len(movies) - len(named):
            left_out.append(
                f"{_counted(count, 'movie')} among the pictures left out: without [camera.stamp] a movie has no times"
            )
        movies = named
    if not movies and not pictures and over.blocked:
        raise UsageError(f"{over.blocked[0]}: this folder cannot be read; check its owner and rights")
    if not movies and not pictures and over.others:
        raise UsageError("; ".join(left_out))
    if not movies and not pictures:
        beginning = (
            f", its name beginning with a time as {camera.source.name_format!r}"
            if camera.source.time_from == "name"
            else ""
        )
        raise UsageError(
            f"neither a movie ({', '.join(MOVIES)}) nor a picture ({', '.join(PICTURES)}{beginning}) in the folders named"
        )
    return Footage(movies, pictures, over.blocked, "; ".join(left_out) or None)


def _counted(count: int, what: str) -> str:
    return f"a {what}" if count == 1 else f"{count} {what}s"


def _left_out(over: PassedOver, source: SourceSettings) -> list[str]:
    """What is not taken by its name or its place, and what helps."""
    lines: list[str] = []
    if over.unnamed:
        lines.append(
            f"{_counted(len(over.unnamed), 'picture')} left out, {over.unnamed[0].name} for one: no time as "
            f"{source.name_format!r} begins the name; check `name_format`"
        )
    if over.others:
        lines.append(
            f"{_counted(len(over.others), 'picture')} left out, {over.others[0]} for one: not among those that the camera's "
            f"`pattern` {source.pattern!r} means; correct it, or name them to record them too"
        )
    return lines


def pictures_of(places: Iterable[Path], source: SourceSettings, over: PassedOver | None = None) -> list[Path]:
    """The pictures named, and those in the folders named but for what is made of pictures; by name. Raises UsageError.

    In the camera's own folder those alone that its ``pattern`` means, as far as it has one: another camera's may lie
    beside them. What is not taken is added to ``over``.
    """
    over = PassedOver() if over is None else over
    found: list[Path] = []
    for place in places:
        if place.is_dir():
            is_meant = _meant(place, source)
            for path in _below(place, over.blocked):
                if not _tells_time(path.name, source):
                    over.unnamed.append(path)
                elif not is_meant(path):
                    over.others.append(path)
                else:
                    found.append(path)
        elif not place.is_file():
            raise UsageError(f"{place}: there is no such file or folder")
        elif place.suffix.lower() in PICTURES:
            found.append(place)
    return list(dict.fromkeys(found))


def _meant(place: Path, source: SourceSettings) -> Callable[[Path], bool]:
    """Whether a file below a place is one of the camera's own; any is where the place is not within its folder."""
    if source.kind != "folder" or source.path is None or "pattern" not in source.model_fields_set:
        return lambda path: True
    root, within = source.path.resolve(), place.resolve()
    if not within.is_relative_to(root):
        return lambda path: True
    listing, below = Listing(str(root), source.pattern), within.relative_to(root)
    return lambda path: listing.would_take((below / path.relative_to(place)).as_posix())


def _below(folder: Path, blocked: list[Path]) -> list[Path]:
    found: list[Path] = []
    for root, folders, files in os.walk(folder, onerror=lambda error: blocked.append(Path(error.filename))):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and not NOT_THE_SKY.match(f))
        for name in sorted(files):
            path = Path(root, name)
            if path.suffix.lower() in PICTURES and not name.startswith(".") and not NOT_THE_SKY.match(name):
                found.append(path)
    return [path for path in found if is_file(path)]


def _tells_time(name: str, source: SourceSettings) -> bool:
    """Does a name begin with a time, where it is to be the picture's?"""
    if source.time_from != "name":
        return True
    length = len(datetime(2000, 1, 1).strftime(source.name_format))
    try:
        datetime.strptime(name[:length], source.name_format)
    except ValueError:
        return False
    return True


def dated(
    paths: Sequence[Path], camera: CameraSettings, now: datetime, noted: Noted | None = None
) -> tuple[list[Night], int]:
    """The pictures by night, and how many of them have no time. By name, stamp or file time, as the source says.

    ``noted`` is given those without a time, by the reason.
    """
    source, notes = camera.source, Noted() if noted is None else noted
    times: Sequence[datetime | Untold]
    if source.time_from == "stamp":
        times = _stamped(paths, camera.camera(), notes)
    else:
        times = [_named_or_kept(path, source) for path in paths]
    if source.time_from == "header":
        copied = copied_at_once(paths)
        times = ["copied" if path in copied else at for path, at in zip(paths, times, strict=True)]
    found = [_kept(path, at, now) for path, at in zip(paths, times, strict=True)]
    kept = sorted(one for one in found if isinstance(one, Kept))
    for path, one in zip(paths, found, strict=True):
        if not isinstance(one, Kept):
            notes.setdefault(one, []).append(path)
    by_night = groupby(kept, key=lambda picture: night_of(picture.at, camera))
    nights = [Night(night, tuple(pictures)) for night, pictures in by_night]
    if noted is not None and source.time_from != "header":
        off = [path for night in nights for path in off_zone({one.path: one.at for one in night.pictures})]
        notes |= {"off zone": off} if off else {}
    return nights, len(paths) - len(kept)


def _kept(path: Path, at: datetime | Untold, now: datetime) -> Kept | Untold:
    if not isinstance(at, datetime):
        return at
    if at - now > AHEAD:
        return "ahead"
    if at.year not in YEARS:  # 1970: who wrote the file had no clock
        return "no time"
    return Kept(at, path, path.stat().st_size) if is_file(path) else "no time"


def nights_in_folder(camera: CameraSettings, oldest: date, newest: date, now: datetime) -> list[Night]:
    """The nights from ``oldest`` to ``newest`` of which a folder camera's own pictures are there.

    What was written before them is passed over by the date in its name or its time, so that an archive of years costs
    little. Where stamps date the pictures, one a cadence is read.
    """
    source = camera.source
    assert source.path is not None
    before = (midnight_of(oldest, camera) - timedelta(days=2)).timestamp()
    written: list[tuple[float, Path]] = []
    oldest_day = f"{oldest - timedelta(days=3):%Y%m%d}"
    for path in source.path.glob(source.pattern):
        said = None if source.time_from == "stamp" else _DATE.search(path.name)
        if said and "".join(said.groups()) < oldest_day:
            continue
        try:
            status = path.stat()
        except OSError:
            continue
        if status.st_mtime >= before and stat.S_ISREG(status.st_mode) and not path.name.startswith("."):
            written.append((status.st_mtime, path))
    written.sort()
    if source.time_from == "stamp":
        written = _thinned(written, SPACING * camera.cadence_s)
    nights, _ = dated([path for _, path in written], camera, now)
    return [night for night in nights if oldest <= night.night <= newest]


def _thinned(written: Sequence[tuple[float, Path]], apart_s: float) -> list[tuple[float, Path]]:
    kept: list[tuple[float, Path]] = []
    for one in written:
        if not kept or one[0] - kept[-1][0] >= apart_s:
            kept.append(one)
    return kept


def _named_or_kept(path: Path, source: SourceSettings) -> datetime | Untold:
    try:
        own = datetime.fromtimestamp(path.stat().st_mtime, UTC).replace(microsecond=0)
        if source.time_from == "name":
            return by_name(path.name, source, own) or "twice"
    except (OSError, OverflowError, ValueError, ClockError):
        return "no time"
    return "no time" if _was_copied(path, own) else own


def by_name(name: str, source: SourceSettings, own: datetime) -> datetime | None:
    """The time in a file's name, UTC; None in the hour that autumn brings twice, where ``own``, the file's own time,
    does not tell which. Raises ClockError where the name holds no time."""
    at = time_in_name(name, source, own).astimezone(UTC)
    return None if abs(at - own) > WITNESS and _comes_twice(name, source) else at


def _comes_twice(name: str, source: SourceSettings) -> bool:
    """Is the time in a name one that autumn brings twice?"""
    try:
        time_in_name(name, source, None)
    except ClockError:
        return True
    return False


def _was_copied(path: Path, own: datetime) -> bool:
    """Is the file's own time not that of the picture? Then the date in its name, or in its folder's, is another."""
    said = _DATE.search(path.name) or _DATE.search(path.parent.name)
    try:
        day = datetime(*(int(part) for part in said.groups()), 12, tzinfo=UTC) if said else None  # type: ignore[misc, arg-type]
    except ValueError:
        return False
    return day is not None and abs(own - day) > COPIED


def _stamped(paths: Sequence[Path], camera: Camera, noted: Noted) -> list[datetime | Untold]:
    """What each picture's stamp says, where those of the pictures around it do not say otherwise."""
    if camera.stamp is None:
        return ["no time"] * len(paths)
    reader, read = StampReader(camera.stamp), dict[Path, Stamped]()
    for path in paths:
        try:
            at = reader.read(ocr.cut_stamp(image.read(path), camera.stamp))[0].astimezone(UTC)
            read[path] = Stamped(path, at, path.stat().st_mtime)
        except (PictureError, ClockError, OSError):
            continue
    contradicted, without_order = judged(list(read.values()))
    if without_order:
        noted["no order"] = [path for path in paths if path in without_order]
    return [
        "no time" if path not in read else "contradicted" if path in contradicted else read[path].at
        for path in paths
    ]
