"""The morning after: the night's movie that is cut, late, or ends the process that reads it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from daemon.alert.conditions import Conditions
from daemon.archive import nightly
from daemon.archive.ingest import open_pipeline
from daemon.archive.nightly import MOST_CRASHES, Nightly
from daemon.config import (
    CameraSettings,
    DaemonSettings,
    ModelSettings,
    NotifySettings,
    Settings,
    SourceSettings,
)
from daemon.record.store import Store
from tests.conftest import SetClock
from tests.faults.conftest import Entry
from tests.faults.harness import Promises, Sky, check, rows
from tests.faults.test_fault_movie import pictures
from training.simulator.http import Server
from training.simulator.movie import write_movie
from training.simulator.site import Site

NOON = datetime(2024, 2, 10, 20, 0, tzinfo=UTC)
"""An hour past noon in Yellowknife; the night's movie has been there for hours."""


class Morning:
    """A site with a night's movie, and a daemon's mornings, each with the record opened anew."""

    def __init__(self, site: Site, settings: Settings) -> None:
        self.site, self.settings = site, settings
        self.database = settings.daemon.database

    @contextmanager
    def life(self) -> Iterator[Nightly]:
        """One start of the daemon."""
        with Store(self.database) as store:
            pipeline = open_pipeline(self.settings, self.settings.camera[0], store, None)
            yield Nightly(pipeline, self.settings)

    def visits(self, upto: Callable[[], bool], at: datetime = NOON, most: int = 12) -> int:
        """Visit whenever it says to come again; how many visits it took."""
        with self.life() as one:
            for number in range(1, most + 1):
                at = one.visit(at)
                if upto():
                    return number
        raise AssertionError(f"not after {most} visits")

    def minutes(self) -> int:
        """Rows in the record."""
        return len(rows(self.database, "SELECT 1 FROM observations"))

    def done(self) -> bool:
        """Is the night over and done with?"""
        return "2024-02-10" in str(rows(self.database, "SELECT done FROM mornings"))


@pytest.fixture
def morning(tmp_path: Path, green: Path) -> Iterator[Morning]:
    site = Site(Sky())
    site.add_movie(date(2024, 2, 10), write_movie(tmp_path / "night.mp4", pictures()))
    with Server(site) as server:
        address = f"{server.address}/sort_by_project/AuroraMAX/rt-movies/mp4/{{yyyy}}/{{mm}}/{{dd}}/auroramaxHD_{{yyyy}}{{mm}}{{dd}}_720p.mp4"
        source = SourceSettings(movie_url=address, movie_url_alternatives=(), movie_timeout_s=1.5)
        settings = Settings(
            daemon=DaemonSettings(state_dir=tmp_path, min_free_mb=1),
            model=ModelSettings(path=green, device="cpu", threads=1),
            camera=(CameraSettings(source=source),),
        )
        made = Morning(site, settings)
        with made.life() as first:
            first.visit(NOON - timedelta(days=1))  # a first start takes no earlier night
        yield made
        check(made.database, Promises(alerts=False))


@pytest.mark.parametrize("fault", ["truncated", "html", "hang"])
def test_a_movie_that_cannot_be_had_yet_is_asked_for_again(
    fault: str, morning: Morning, matrix: Entry
) -> None:
    """Three times a fault, then the movie: its minutes are there once, and the file is not kept."""
    morning.site.faults.set(fault, "movie", 3)
    visits = morning.visits(lambda: morning.minutes() == 6)
    assert visits == 4
    assert morning.visits(morning.done) == 1
    assert morning.minutes() == 6
    assert not list(morning.database.parent.rglob("*.mp4.part*"))
    assert not list((morning.database.parent / "movies").rglob("*.mp4"))
    matrix("Movies", f"the night's movie three times in vain (“{fault}”)", "asked for again with patience; each minute once")  # fmt: skip


def test_a_movie_that_ends_the_process_is_left_alone(
    morning: Morning, monkeypatch: pytest.MonkeyPatch, matrix: Entry
) -> None:
    """A decoder's crash takes the watch with it: not more than a few times for one movie, whatever restarts it."""
    monkeypatch.setattr(nightly, "read_movie", lambda *_, **__: os._exit(139))
    for _ in range(MOST_CRASHES):
        child = os.fork()
        if child == 0:
            try:
                morning.visits(morning.done, most=1)
            finally:
                os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 139
    morning.visits(morning.done, most=1)
    assert morning.minutes() == 0
    assert not list((morning.database.parent / "movies").rglob("*.mp4"))
    matrix("Movies", "a night's movie whose decoding ends the process", f"left out after {MOST_CRASHES} crashes without a row, counted, the operator notified; the watch goes on")  # fmt: skip


def test_a_crash_in_the_middle_of_a_movie_costs_no_minute(
    morning: Morning, monkeypatch: pytest.MonkeyPatch, matrix: Entry
) -> None:
    """Killed once with some of it in the record, the next start takes the rest."""
    monkeypatch.setattr("daemon.archive.ingest.BATCH", 2)
    child = os.fork()
    if child == 0:
        try:
            with morning.life() as one:
                follow, batches = one.pipeline.follow, iter(range(9))
                one.pipeline.follow = lambda *a, **k: follow(*a, **k) if next(batches) < 2 else os._exit(137)  # type: ignore[method-assign, return-value]
                one.visit(NOON)
        finally:
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 137
    assert morning.minutes() == 4
    assert morning.visits(morning.done) == 1
    assert morning.minutes() == 6
    matrix("Movies", "kill −9 in the middle of a night's movie", "the next start takes the rest; each minute once", "the next start")  # fmt: skip


def test_no_space_for_the_movie_is_reported_once_and_tried_again(morning: Morning, matrix: Entry) -> None:
    """Counted, one operator message with the fix; as soon as there is space the movie is read."""
    d = morning.settings.daemon
    owner = NotifySettings(name="owner", url="json://127.0.0.1:9/", audience="operator")
    full = morning.settings.model_copy(
        update={"daemon": d.model_copy(update={"min_free_mb": 100_000_000}), "notify": (owner,)}
    )
    with Store(morning.database) as store:
        conditions = Conditions(store, full.notify, SetClock(NOON))
        pipeline = open_pipeline(full, full.camera[0], store, None)
        nightly = Nightly(pipeline, full, conditions)
        at = NOON
        for _ in range(5):
            at = nightly.visit(at)
        assert list(conditions.open) == [f"{full.camera[0].name}-no-space-for-movies"]
        assert len(store.reader.pending()) == 1
        assert not morning.done()
        nightly.settings = morning.settings
        for _ in range(5):
            at = nightly.visit(at)
        assert morning.done()
        assert not conditions.open
    assert morning.minutes() > 0
    matrix("Bounds and names", "no space for the night's movie or its temporary file",
           "counted, the operator notified once, read as soon as there is space")  # fmt: skip
