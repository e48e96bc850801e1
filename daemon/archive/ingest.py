"""``aurorad ingest``: archived movies through the same pipeline as the live camera.

Files or folders of movies, one after another, each by :func:`ingest_movie`, the function that a
cluster's workers call too. What is recorded stays and repeats change nothing, so a run may be
stopped at any time and called again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import groupby, islice
from pathlib import Path

from daemon import event
from daemon.archive.recorded_night import RecordedNight, RecordedRow
from daemon.config import CameraSettings, Settings
from daemon.errors import FootageError, UsageError
from daemon.event import EventState, Evidence
from daemon.footage.movie import DatedMovie, Scratch, read_movie
from daemon.metrics import Metrics
from daemon.observation import EventChange
from daemon.pipeline import Pipeline
from daemon.predictor import Predictor
from daemon.record.picture_files import PictureFolder
from daemon.record.progress import MovieTaken
from daemon.record.store import Store
from daemon.text import one_line

MOVIES = (".mp4", ".avi", ".mkv", ".mov", ".webm", ".m4v")


BATCH = 16
"""Frames of a movie predicted together; more gains nothing on two cores."""


@dataclass
class Tally:
    """What became of a movie's sampled frames."""

    recorded: int = 0
    known: int = 0
    undated: int = 0


@dataclass(frozen=True)
class Outcome:
    """What became of one movie; ``fault`` says why, where it could not be used."""

    movie: Path
    tally: Tally | None
    readings: int = 0
    fault: str | None = None


def movies_of(places: Iterable[Path]) -> list[Path]:
    """The movies named, and those in the folders named, in order of their names. Raises UsageError."""
    found: list[Path] = []
    for place in places:
        if place.is_dir():
            found += sorted(p for p in place.rglob("*") if p.suffix.lower() in MOVIES and _is_file(p))
        elif place.is_file():
            found.append(place)
        else:
            raise UsageError(f"{place}: there is no such file or folder")
    if not found:
        raise UsageError("no movie in the folders named; movies end in " + ", ".join(MOVIES))
    return found


def _is_file(path: Path) -> bool:
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
    camera, name = pipeline.camera.name, one_line(path.name)
    done = pipeline.store.progress.movie(camera, name)
    if done is not None and done.bytes == _bytes(path):
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
        taken = MovieTaken(_bytes(path), tally.recorded + tally.known, tally.undated)
        pipeline.store.progress.put_movie(camera, name, taken)
    return Outcome(path, tally, movie.readings, movie.fault)


def record_movie(pipeline: Pipeline, movie: DatedMovie) -> Tally:
    """Take a dated movie into the record: what is there already stays as it is.

    Frames go in order of time, so that a run cut short leaves a beginning; the next run leads the
    event's state along the rows of that beginning and goes on as if nothing had happened.
    """
    name, rules = pipeline.camera.name, pipeline.rules
    same = timedelta(seconds=pipeline.camera.cadence_s / 2 - 1)
    night = RecordedNight.of(pipeline.store.reader, name, movie.begins, movie.ends, same)
    keep = partial(night.own, dwell=rules.dwell)
    tally, state = Tally(undated=movie.undated), EventState()
    frames = movie.frames()
    while batch := list(islice(frames, BATCH)):
        for row, group in groupby(batch, key=night.row_of):
            if row is None:
                new = list(group)
                state = pipeline.follow(new, state, live=False, keep=keep)
                tally.recorded += len(new)
            else:
                state, changes = event.step(state, name, _evidence(row, pipeline.settings), rules)
                _put_events(pipeline, keep(changes))
                tally.known += 1
    if state.event is not None and state.last_at is not None:
        # An event that outlasts its movie is over where the movie is: nothing more is known of it.
        end = Evidence(state.last_at + timedelta(seconds=1), daylight=True)
        _, changes = event.step(state, name, end, rules)
        over = [replace(c, event=replace(c.event, ended_reason="the footage ends")) for c in changes]
        _put_events(pipeline, keep(over))
    return tally


def _evidence(row: RecordedRow, settings: Settings) -> Evidence:
    """What was decided on when that row was written, to be decided on again."""
    return Evidence(
        row.observed_at,
        row.probability if row.sun_altitude_deg <= settings.gate.alert_below_deg else None,
        threshold=row.threshold,
        cover=row.cover if row.verdict == "aurora" else 0.0,
        daylight=row.sun_altitude_deg > settings.gate.look_below_deg,
    )


def _put_events(pipeline: Pipeline, changes: Iterable[EventChange]) -> None:
    for change in changes:
        pipeline.store.put_event(change.event)


def _bytes(path: Path) -> int:
    return path.stat().st_size if path.exists() else -1


def open_pipeline(
    settings: Settings, camera: CameraSettings, store: Store, pictures: Path | None
) -> Pipeline:
    """A pipeline without a live source, for archives."""
    predictor = Predictor(settings.model)
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
    on_progress: Callable[[Path, float], None],
    on_outcome: Callable[[Outcome], None],
) -> int:
    """Take the movies in, one after another; how many could not be used."""
    faults = 0
    with ExitStack() as stack:
        store = stack.enter_context(Store(database))
        pipeline = open_pipeline(settings, camera, store, pictures)
        for path in movies:
            outcome = ingest_movie(path, pipeline, lambda share, path=path: on_progress(path, share))  # type: ignore[misc]
            faults += outcome.tally is None
            on_outcome(outcome)
    return faults
