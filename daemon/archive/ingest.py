"""``aurorad ingest``: archived movies through the same pipeline as the live camera.

Files or folders of movies, one after another, each by :func:`ingest_movie`, the function that a
cluster's workers call too. What is recorded stays and repeats change nothing, so a run may be
stopped at any time and called again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from daemon.config import CameraSettings, Settings
from daemon.errors import FootageError, UsageError
from daemon.footage.movie import read_movie
from daemon.metrics import Metrics
from daemon.pipeline import Pipeline, Tally
from daemon.predictor import Predictor
from daemon.record.picture_files import PictureFolder
from daemon.record.store import Store

MOVIES = (".mp4", ".avi", ".mkv", ".mov", ".webm", ".m4v")


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
            found += sorted(p for p in place.rglob("*") if p.suffix.lower() in MOVIES and p.is_file())
        elif place.is_file():
            found.append(place)
        else:
            raise UsageError(f"{place}: there is no such file or folder")
    if not found:
        raise UsageError("no movie in the folders named; movies end in " + ", ".join(MOVIES))
    return found


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
    key = f"movie of {pipeline.camera.name}: {path.name}"
    done = pipeline.store.memory(key)
    if done is not None and done["bytes"] == _bytes(path):
        return Outcome(path, Tally(known=done["frames"], undated=done["undated"]))
    try:
        movie = read_movie(
            path,
            pipeline.camera,
            datetime.now(UTC),
            keep_pictures=pipeline.pictures is not None,
            progress=progress,
            ahead=ahead,
        )
    except FootageError as error:
        pipeline.metrics.rejected(pipeline.camera.name, error.reason)
        return Outcome(path, None, fault=str(error))
    with movie:
        tally = pipeline.ingest(movie)
    if movie.fault is None:
        frames = tally.recorded + tally.known
        pipeline.store.remember(key, {"bytes": _bytes(path), "frames": frames, "undated": tally.undated})
    return Outcome(path, tally, movie.readings, movie.fault)


def _bytes(path: Path) -> int:
    return path.stat().st_size if path.exists() else -1


def open_pipeline(
    settings: Settings, camera: CameraSettings, store: Store, pictures: Path | None
) -> Pipeline:
    """A pipeline without a live source, for archives."""
    predictor = Predictor(settings.model)
    model = predictor.model
    store.register_model(model.sha256, model.card.name, model.card.skill)
    store.register_camera(camera.name, camera.about())
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
