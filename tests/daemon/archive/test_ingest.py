"""A night movie on its whole way into a real database, cut short, taken in again, beside a live watch."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from daemon.archive import ingest
from daemon.archive.ingest import Tally, ingest_movie, open_pipeline
from daemon.config import Settings
from daemon.errors import StoreError
from daemon.footage.movie import DatedMovie
from daemon.metrics import Metrics
from daemon.observation import Picture
from daemon.pipeline import Pipeline
from daemon.record.store import Reader, Store
from tests.hand_watch import CAMERA, RANDOM, SETTINGS, Greenness, Watch
from tests.skies import night_sky
from training.simulator.movie import compose, style_of, write_movie


@pytest.fixture(scope="module")
def movie(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty minutes as a night movie at 6 s a frame: aurora from the tenth to the twentieth minute."""
    begins = datetime(2024, 2, 10, 5, 0, 3, tzinfo=UTC)

    def draw(number: int) -> Picture:
        square = night_sky(RANDOM, 170 if 100 <= number < 200 else 0)
        return compose(square, begins + timedelta(seconds=6 * number), style_of(2024))

    path = tmp_path_factory.mktemp("movie") / "auroramaxHD_20240210_720p.mp4"
    return write_movie(path, (draw(number) for number in range(400)))


def archive_in(store: Store) -> Pipeline:
    model = Greenness()
    return Pipeline(CAMERA, SETTINGS, store=store, predictor=lambda: model, metrics=Metrics())  # type: ignore[arg-type, return-value]


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Pipeline]:
    with Store(tmp_path / "archive.db") as store:
        yield archive_in(store)


def table(store: Store, name: str = "observations") -> list[tuple[Any, ...]]:
    """A table as it stands, but for when it was written."""
    with Reader(store.path) as reader:
        rows = reader.query(f"SELECT * FROM {name} ORDER BY 1, 2")
    moving = ("recorded_after_s", "fetched_after_s", "recorded_at", "fetched_at")
    return [tuple(v for k, v in row.items() if k not in moving) for row in rows]


def test_a_movie_becomes_one_row_a_minute_and_its_spell(archive: Pipeline, movie: Path) -> None:
    """Forty minutes, forty rows, each at its own second; one spell; nobody is woken."""
    outcome = ingest_movie(movie, archive)
    assert outcome.tally is not None
    assert (outcome.tally.recorded, outcome.tally.undated, outcome.fault) == (40, 0, None)
    times = [row[1] for row in table(archive.store)]
    assert times[0] == "2024-02-10T05:00:03Z"
    assert times[-1] == "2024-02-10T05:39:03Z"
    ((_, _, onset, confirmed, _, ended, *_),) = table(archive.store, "events")
    assert (onset, confirmed, ended) == (
        "2024-02-10T05:10:03Z",
        "2024-02-10T05:11:03Z",
        "2024-02-10T05:20:03Z",
    )
    assert not table(archive.store, "outbox")


def test_what_cannot_be_written_is_not_counted(archive: Pipeline, movie: Path) -> None:
    """A transaction that fails at its last frame has recorded none of them."""
    with archive.store.batch():
        archive.store._db.execute(
            """CREATE TRIGGER full BEFORE INSERT ON observations WHEN new.observed_at >= '2024-02-10T05:20:00Z'
            BEGIN SELECT RAISE(ABORT, 'no room'); END"""
        )
    with pytest.raises(StoreError):
        ingest_movie(movie, archive)
    on_record = len(table(archive.store))
    assert on_record < 20
    counted = sum(
        sample.value
        for metric in archive.metrics.registry.collect()
        for sample in metric.samples
        if sample.name == "aurorad_observations_total"
    )
    assert (counted, archive.rows) == (on_record, on_record)


def test_a_spell_that_outlasts_its_movie_ends_with_it(archive: Pipeline, tmp_path: Path) -> None:
    """An archive's spell is never left open: it would hide the next night's."""
    begins = datetime(2024, 2, 10, 5, 0, 3, tzinfo=UTC)

    def draw(number: int) -> Picture:
        return compose(night_sky(RANDOM, 170), begins + timedelta(seconds=6 * number), style_of(2024))

    ingest_movie(write_movie(tmp_path / "night.mp4", (draw(n) for n in range(101))), archive)
    with Reader(archive.store.path) as reader:
        (spell,) = reader.events()
    assert spell["ended_at"] == "2024-02-10T05:10:03Z"
    assert spell["ended_reason"] == "the footage ends"


def test_a_movie_taken_in_whole_is_not_decoded_again(archive: Pipeline, movie: Path, tmp_path: Path) -> None:
    """Known by name and size; one of another size under the same name is looked at."""
    ingest_movie(movie, archive)
    assert ingest_movie(movie, archive).readings == 0
    other = tmp_path / movie.name
    other.write_bytes(movie.read_bytes() + b"\0")
    assert ingest_movie(other, archive).readings > 0


def test_a_movie_that_grows_while_it_is_read_is_read_again(
    archive: Pipeline, movie: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A camera still writes it: what came since the reading began is not taken for read."""
    growing = tmp_path / movie.name
    growing.write_bytes(movie.read_bytes())
    record = ingest.record_movie

    def while_it_grows(pipeline: Pipeline, opened: DatedMovie) -> Tally:
        with growing.open("ab") as file:
            file.write(b"\0")
        return record(pipeline, opened)

    monkeypatch.setattr(ingest, "record_movie", while_it_grows)
    ingest_movie(growing, archive)
    monkeypatch.undo()
    assert ingest_movie(growing, archive).readings > 0
    assert ingest_movie(growing, archive).readings == 0


def test_a_movie_that_was_dated_otherwise_is_read_again(archive: Pipeline, movie: Path) -> None:
    """A stamp's zone that was put right, or another cadence: what is remembered of it no longer holds."""
    ingest_movie(movie, archive)
    camera = CAMERA.model_copy(
        update={"stamp": CAMERA.stamp.model_copy(update={"timezone": "UTC"}) if CAMERA.stamp else None}
    )
    for other in (camera, CAMERA.model_copy(update={"cadence_s": 30.0})):
        pipeline = archive_in(archive.store)
        pipeline.camera_settings = other
        assert ingest_movie(movie, pipeline).readings > 0
        assert ingest_movie(movie, pipeline).readings == 0


def test_a_second_time_changes_nothing(archive: Pipeline, movie: Path) -> None:
    """Repeats are free: same rows, same events."""
    ingest_movie(movie, archive)
    before = table(archive.store), table(archive.store, "events")
    again = ingest_movie(movie, archive)
    assert again.tally is not None
    assert (again.tally.recorded, again.tally.known) == (0, 40)
    assert (table(archive.store), table(archive.store, "events")) == before


def test_pictures_that_the_model_doubts_begin_no_event_the_second_time_either(
    archive: Pipeline, movie: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their rows keep the probability; read again, they are no evidence, as when they were new."""
    plain = Greenness._one
    monkeypatch.setattr(Greenness, "_one", staticmethod(lambda square: replace(plain(square), doubted=True)))
    ingest_movie(movie, archive)
    archive.camera_settings = CAMERA.model_copy(update={"cadence_s": 61.0})
    again = ingest_movie(movie, archive)
    assert again.tally is not None
    assert again.tally.known == 40
    assert not table(archive.store, "events")


@pytest.fixture(scope="module")
def whole(movie: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[tuple[Any, ...]], ...]:
    """The rows and the events of the movie, taken in without a break."""
    with Store(tmp_path_factory.mktemp("whole") / "whole.db") as store:
        ingest_movie(movie, archive_in(store))
        return table(store), table(store, "events")


@pytest.mark.parametrize("stop_after", [1, 11, 16, 25])
def test_cut_short_and_run_again_it_ends_the_same(
    whole: tuple[list[tuple[Any, ...]], ...],
    movie: Path,
    tmp_path: Path,
    stop_after: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever is in hand when a run ends, the next one makes the same table of it."""

    class Enough(Exception):
        pass

    with Store(tmp_path / "cut.db") as store:
        cut = archive_in(store)
        record, count = store.record, itertools.count()

        def stopping(*args: Any, **kwargs: Any) -> bool:
            if next(count) == stop_after:
                raise Enough
            return record(*args, **kwargs)

        monkeypatch.setattr(store, "record", stopping)
        with pytest.raises(Enough):
            ingest_movie(movie, cut)
        monkeypatch.setattr(store, "record", record)
        ingest_movie(movie, cut)
        assert (table(store), table(store, "events")) == whole


def test_the_movie_fills_the_minutes_the_live_watch_missed(watch: Watch, movie: Path) -> None:
    """Minutes that are there stay; a stale row keeps no frame out; the live spell keeps its own words."""
    watch.clock.at = datetime(2024, 2, 10, 5, 12, 9, tzinfo=UTC)
    watch.minutes(True, True, *[None] * 17)
    live = [row for row in table(watch.store) if "stale" not in row]
    events = table(watch.store, "events")
    outcome = ingest_movie(movie, watch.live.pipeline)
    assert outcome.tally is not None
    assert outcome.tally.known == len(live) == 2
    after = table(watch.store)
    assert set(live) <= set(after)
    assert len([row for row in after if "stale" not in row]) == 40
    assert table(watch.store, "events") == events
    assert [m[4] for m in table(watch.store, "outbox") if m[4] == "aurora"] == ["aurora"]


def test_the_shipped_model_opens_the_archive(tmp_path: Path) -> None:
    """``open_pipeline`` registers the model it will judge by."""
    with Store(tmp_path / "a.db") as store:
        pipeline = open_pipeline(Settings(), CAMERA, store, None)
        with Reader(store.path) as reader:
            assert [m["sha256"] for m in reader.models()] == [pipeline.predictor().model.sha256]
