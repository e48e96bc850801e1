"""``aurorad ingest``: archived movies through the same pipeline as the live camera.

Files or folders of movies, one after another, each by :func:`ingest_movie`, the function that a
cluster's workers call too; folders of pictures are :mod:`daemon.archive.stills`. What is recorded stays
and repeats change nothing, so a run may be stopped at any time and called again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path

from daemon.archive import night_events
from daemon.archive.recorded_night import RecordedNight
from daemon.config import CameraSettings, Settings
from daemon.errors import FootageError, UsageError
from daemon.event import EventState
from daemon.footage import image
from daemon.footage.movie import DatedMovie, Scratch, read_movie
from daemon.metrics import Metrics
from daemon.observation import Frame
from daemon.pipeline import Pipeline
from daemon.predictor import Predictor
from daemon.record.picture_files import PictureFolder
from daemon.record.progress import MovieTaken
from daemon.record.store import Store
from daemon.text import one_line
from models import runtime

MOVIES = (".mp4", ".avi", ".mkv", ".mov", ".webm", ".m4v")
PICTURES = image.SUFFIXES

MOST_AT_ONCE = 4
"""Inferences at once at most: past that the decoding is what takes time, and each has 28 MB of memory."""

BATCH = 64
"""Frames of a movie that go their way together: the later are predicted while the first are described."""


@dataclass
class Tally:
    """What became of the sampled frames of a movie, or of a night's pictures.

    ``repeated`` are the very file of the picture before, ``refused`` cannot be read, the first of them by ``refusal``;
    of ``passed_over`` the sun was too high for a look, and ``between`` lie closer than a cadence to the look before.
    """

    recorded: int = 0
    known: int = 0
    undated: int = 0
    repeated: int = 0
    refused: int = 0
    refusal: str = ""
    passed_over: int = 0
    between: int = 0


@dataclass(frozen=True)
class Outcome:
    """What became of one movie, or of one night's pictures; ``fault`` says why, where it could not be used."""

    movie: Path
    tally: Tally | None
    readings: int = 0
    fault: str | None = None
    title: str = ""

    def line(self) -> str:
        """For a person; only where there is a tally."""
        assert self.tally is not None
        more = (
            (self.tally.passed_over, "by day"),
            (self.tally.between, "closer than the cadence"),
            (self.tally.repeated, "the same as the one before"),
            (self.tally.refused, "that cannot be read"),
        )
        others = "".join(f"{count} {what}, " for count, what in more if count)
        stamps = f"; {self.readings} stamps read" if self.readings or not self.title else ""
        return (
            f"{self.title or self.movie.name}: {self.tally.recorded} recorded, {self.tally.known} known already, "
            f"{others}{self.tally.undated} without a time{stamps}"
        )


def movies_of(places: Iterable[Path]) -> list[Path]:
    """The movies named, and those in the folders named, in order of their names. Raises UsageError."""
    found: list[Path] = []
    for place in places:
        if place.is_dir():
            found += sorted(p for p in place.rglob("*") if p.suffix.lower() in MOVIES and is_file(p))
        elif not place.is_file():
            raise UsageError(f"{place}: there is no such file or folder")
        elif place.suffix.lower() not in PICTURES:
            found.append(place)
    return list(dict.fromkeys(found))


def is_file(path: Path) -> bool:
    """False too for what cannot be looked at, a loop of links among them: it costs no other movie."""
    try:
        return path.is_file()
    except (OSError, RuntimeError):
        return False


def ingest_movie(
    path: Path,
    pipeline: Pipeline,
    progress: Callable[[float], None] | None = None,
    *,
    ahead: bool = True,
) -> Outcome:
    """One movie into the record. A fault of the footage is the outcome, not an exception.

    A movie that was taken in whole is remembered by name and size, so that going on with an archive
    of years does not begin with decoding what is done. ``ahead`` decodes in a second thread.
    """
    # Its size before it is read: what is added meanwhile is read another time.
    name, size = one_line(path.name), _bytes(path)
    done = done_before(pipeline, name, size)
    if done is not None:
        return Outcome(path, Tally(known=done.frames, undated=done.undated))
    try:
        movie = read_movie(
            path,
            pipeline.camera,
            datetime.now(UTC),
            keep_pictures=pipeline.pictures is not None,
            progress=progress,
            ahead=ahead,
            scratch=Scratch(pipeline.store.path.parent, pipeline.settings.daemon.min_free_mb),
        )
    except FootageError as error:
        pipeline.metrics.rejected(pipeline.camera.name, error.reason)
        return Outcome(path, None, fault=str(error))
    with movie:
        tally = record_movie(pipeline, movie)
    if movie.fault is None:
        remember(pipeline, name, size, tally)
    return Outcome(path, tally, movie.readings, movie.fault)


def read_as(camera: CameraSettings) -> str:
    """All of a configuration by which footage gets its times: with another, what was taken in is read again."""
    source, style = camera.source, camera.camera().stamp
    stamped = None if style is None else [style.timezone, *style.formats]
    named = [source.time_from, source.name_format, source.name_timezone, source.header_timezone]
    return json.dumps([camera.cadence_s, stamped, named])


def done_before(pipeline: Pipeline, name: str, size: int) -> MovieTaken | None:
    """What became of footage of that name and size, where it was taken in whole and dated as it would be now."""
    done = pipeline.store.progress.movie(pipeline.camera.name, name)
    now = read_as(pipeline.camera_settings)
    return done if done is not None and done.bytes == size and done.read_as in ("", now) else None


def remember(pipeline: Pipeline, name: str, size: int, tally: Tally) -> None:
    """Footage of that name and size was taken in whole, as :func:`done_before` is to know."""
    now = read_as(pipeline.camera_settings)
    taken = MovieTaken(size, tally.recorded + tally.known, tally.undated, now)
    pipeline.store.progress.put_movie(pipeline.camera.name, name, taken)


def record_movie(pipeline: Pipeline, movie: DatedMovie) -> Tally:
    """Take a dated movie into the record: what is there already stays as it is.

    Frames go in order of time, so that a run cut short leaves a beginning; the next run takes the rest and leads the
    events over all of it, as if nothing had happened.
    """
    night = recorded_night(pipeline, movie.begins, movie.ends, movie.name)
    tally = Tally(undated=movie.undated)
    frames = movie.frames()
    while batch := list(islice(frames, BATCH)):
        new = [frame for frame in batch if frame.observed_at is not None and night.take(frame.observed_at)]
        record_frames(pipeline, new, tally)
        tally.known += len(batch) - len(new)
    settle_events(pipeline, movie.begins, movie.ends)
    return tally


def recorded_night(
    pipeline: Pipeline, begins: datetime | None, ends: datetime | None, footage: str = ""
) -> RecordedNight:
    """The looks on record around a movie of that name, or around pictures."""
    camera = pipeline.camera
    return RecordedNight.of(pipeline.store.reader, camera.name, camera.cadence_s, begins, ends, footage)


def record_frames(pipeline: Pipeline, frames: Sequence[Frame], tally: Tally) -> None:
    """Frames that no row stands for, in order of time."""
    if frames:
        pipeline.follow(frames, EventState(), live=False)
        tally.recorded += len(frames)


def settle_events(pipeline: Pipeline, begins: datetime | None, ends: datetime | None) -> None:
    """The events that the rows around the footage give, into the record."""
    p = pipeline
    changes = night_events.settle(p.store, p.camera.name, p.settings, p.rules, begins, ends)
    p.metrics.found_in_archive(changes)


def _bytes(path: Path) -> int:
    return path.stat().st_size if path.exists() else -1


def open_pipeline(
    settings: Settings,
    camera: CameraSettings,
    store: Store,
    pictures: Path | None,
    at_once: int | None = None,
) -> Pipeline:
    """A pipeline without a live source, for archives; inferences at once as many as cores, or as said."""
    predictor = Predictor(settings.model, at_once or min(MOST_AT_ONCE, runtime.cores()))
    model = predictor.model
    store.register_model(model.sha256, model.card.name, model.card.skill)
    store.progress.register_camera(camera.about())
    return Pipeline(
        camera,
        settings,
        store=store,
        predictor=lambda: predictor,
        metrics=Metrics(),
        pictures=PictureFolder(pictures) if pictures else None,
    )


def ingest_all(
    movies: Sequence[Path],
    settings: Settings,
    camera: CameraSettings,
    database: Path,
    pictures: Path | None,
    on_progress: Callable[[str, float], None],
    on_outcome: Callable[[Outcome], None],
) -> int:
    """Take the movies in, one after another; how many could not be used, or not to their end."""
    faults = 0
    with opened(settings, camera, database, pictures) as pipeline:
        for path in movies:
            outcome = ingest_movie(path, pipeline, partial(on_progress, path.name))
            faults += outcome.fault is not None
            on_outcome(outcome)
    return faults


@contextmanager
def opened(
    settings: Settings, camera: CameraSettings, database: Path, pictures: Path | None
) -> Iterator[Pipeline]:
    """A pipeline without a live source on a database of its own, closed at the end."""
    with Store(database) as store:
        yield open_pipeline(settings, camera, store, pictures)
