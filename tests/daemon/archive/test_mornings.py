"""In the morning the hours in which nobody watched are filled from the camera's own folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from daemon.alert.conditions import Conditions
from daemon.archive.dated_pictures import nights_in_folder
from daemon.archive.ingest import open_pipeline
from daemon.archive.nightly import AT_ONCE, MOST_CRASHES, MOST_NIGHTS, Nightly
from daemon.config import NotifySettings, Settings
from daemon.record.progress import Morning
from daemon.record.store import Store
from tests.conftest import SetClock
from tests.homes import allsky, sky
from tests.picture_archive import EVENING, NOW, Archive, allsky_camera, camera, every, opened


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "record.db") as store:
        yield store


def mornings(archive: Archive, done: str, now: datetime = NOW) -> None:
    """The mornings of a watch that was up in the night ``done``, and starts again now."""
    progress = archive.pipeline.store.progress
    progress.put_morning("home", Morning(done=done))
    Nightly(archive.pipeline, archive.pipeline.settings).visit(now)


def test_the_hours_in_which_nobody_watched_are_filled_from_the_folder(tmp_path: Path, store: Store) -> None:
    """The live watch saw the first ten minutes; after dawn the other twenty are there, each once."""
    pictures = every(60, 30, aurora=range(15, 25))
    root = allsky(tmp_path / "early", pictures[:10])
    archive = opened(allsky_camera(root), store)
    archive.take(root / "images")
    shutil.rmtree(root)
    root = allsky(tmp_path / "early", pictures)
    mornings(archive, done="2024-02-09")
    rows = archive.rows()
    assert len(rows) == len({row["observed_at"] for row in rows}) == 30
    (event,) = archive.rows("SELECT onset_at FROM events")
    assert event["onset_at"] == "2024-02-09T21:15:07Z"
    assert store.progress.morning("home").done == "2024-02-10"
    mornings(archive, done="2024-02-09")
    assert archive.rows() == rows


def begun(archive: Archive, **changed: Any) -> Nightly:
    """The mornings of a watch that was up the night before, and starts again."""
    progress = archive.pipeline.store.progress
    if not progress.morning("home").done:
        progress.put_morning("home", Morning(done="2024-02-09"))
    return Nightly(archive.pipeline, archive.pipeline.settings, **changed)


def test_a_stop_in_the_middle_of_a_night_costs_nothing_of_it(tmp_path: Path, store: Store) -> None:
    """However often: it ends between two batches, is no crash, and the next start leads the open event to its end."""
    pictures = every(60, 40, aurora=range(10, 30))
    archive = opened(allsky_camera(allsky(tmp_path / "early", pictures)), store)
    for life in range(1, MOST_CRASHES + 2):
        morning = begun(archive)
        archive.pipeline.predictor = lambda stops=morning.stop: (stops(), archive.model)[1]  # type: ignore[assignment, misc]
        morning.visit(NOW)
        assert len(archive.rows()) == life * AT_ONCE
        reached = store.progress.morning("home")
        assert (reached.done, reached.begun) == ("2024-02-09", 0)
    archive.pipeline.predictor = lambda: archive.model  # type: ignore[assignment, return-value]
    begun(archive).visit(NOW)
    assert store.progress.morning("home").done == "2024-02-10"
    rows = archive.rows()
    assert len(rows) == len({row["observed_at"] for row in rows}) == 40
    with Store(tmp_path / "whole.db") as other:
        whole = opened(allsky_camera(tmp_path / "early" / "allsky"), other)
        mornings(whole, done="2024-02-09")
        ask = "SELECT id, onset_at, ended_at, ended_reason FROM events"
        assert archive.rows(ask) == whole.rows(ask) != []


def test_a_start_that_wrote_a_row_counts_as_no_crash(tmp_path: Path, store: Store) -> None:
    """Should the process end in the second batch, the next start tries as often again."""
    archive = opened(allsky_camera(allsky(tmp_path, every(60, 2 * AT_ONCE))), store)
    counted: list[int] = []

    def look() -> object:
        counted.append(store.progress.morning("home").begun)
        return archive.model

    archive.pipeline.predictor = look  # type: ignore[assignment]
    begun(archive).visit(NOW)
    assert counted == [1, 0]


def test_a_night_that_is_left_out_is_the_operator_s_business(tmp_path: Path, store: Store) -> None:
    """One message; the event that its rows show ends with them; the next night is read."""
    pictures = every(60, 40, aurora=range(10, 30))
    pictures += every(60, 5, EVENING + timedelta(days=1))
    archive = opened(allsky_camera(allsky(tmp_path, pictures)), store)
    morning = begun(archive)
    looks = iter(range(9))
    archive.pipeline.predictor = lambda: (morning.stop() if next(looks) else None, archive.model)[1]  # type: ignore[assignment, return-value]
    morning.visit(NOW)
    assert archive.rows("SELECT ended_at FROM events") == []
    store.progress.put_morning("home", Morning(done="2024-02-09", reading="2024-02-10", begun=MOST_CRASHES))
    owner = NotifySettings(name="owner", url="json://127.0.0.1:9/", audience="operator")
    conditions = Conditions(store, [owner], SetClock(NOW))
    archive.pipeline.predictor = lambda: archive.model  # type: ignore[assignment, return-value]
    begun(archive, conditions=conditions).visit(NOW + timedelta(days=1))
    assert archive.rows("SELECT ended_at, ended_reason FROM events") == [
        {"ended_at": archive.rows()[2 * AT_ONCE - 1]["observed_at"], "ended_reason": "the footage ends"}
    ]
    (told,) = store.reader.messages()
    assert "night of 9–10 February 2024 was left out: aurorad ended 3 times" in told["body"]
    assert len(archive.rows()) == 2 * AT_ONCE + 5
    assert store.progress.morning("home").done == "2024-02-11"


@pytest.mark.parametrize("wrong", [NOW + timedelta(days=10), NOW + timedelta(hours=1)])
def test_a_clock_that_ran_ahead_silences_no_morning(
    wrong: datetime, tmp_path: Path, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """A start by a wrong clock notes a night of the future as done; put right, it is not, and the log says so."""
    evening = NOW - timedelta(hours=18)
    (tmp_path / "allsky" / "images").mkdir(parents=True)
    archive = opened(allsky_camera(tmp_path / "allsky"), store)
    begun(archive).visit(wrong)
    assert store.progress.morning("home").done >= "2024-02-10"
    morning = Nightly(archive.pipeline, archive.pipeline.settings)
    morning.visit(evening)
    allsky(tmp_path, every(60, 5))
    assert "by a clock that ran ahead" in caplog.text
    for _ in range(2):
        morning.visit(NOW)
    assert len(archive.rows()) == 5
    assert store.progress.morning("home").done == "2024-02-10"
    assert caplog.text.count("by a clock that ran ahead") == 1


def test_nights_in_which_nobody_watched_are_filled_too(tmp_path: Path, store: Store) -> None:
    """Three nights down: all three come from the folder; of older ones nothing."""
    pictures = [
        (EVENING - timedelta(days=days) + timedelta(minutes=k), sky(100 * days + k))
        for days in (MOST_NIGHTS + 5, 5, 2, 1, 0)
        for k in range(3)
    ]
    root = allsky(tmp_path, sorted(pictures))
    archive = opened(allsky_camera(root), store)
    mornings(archive, done="2024-02-07")
    evenings = {row["observed_at"][:10] for row in archive.rows()}
    assert evenings == {"2024-02-07", "2024-02-08", "2024-02-09"}


def test_of_older_nights_the_names_are_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each morning would otherwise look at every file of an archive of years."""
    pictures = [(EVENING - timedelta(days=days), sky(days)) for days in (200, 100, 20, 2, 1, 0)]
    root = allsky(tmp_path, sorted(pictures))
    real, looked_at = Path.stat, set[str]()

    def counted(self: Path, **more: bool) -> os.stat_result:
        looked_at.add(self.name)
        return real(self, **more)

    monkeypatch.setattr(Path, "stat", counted)
    oldest, now = date(2024, 2, 9), EVENING + timedelta(days=1)
    nights = nights_in_folder(allsky_camera(root), oldest, oldest + timedelta(days=2), now)
    assert [night.night for night in nights] == [date(2024, 2, 9), date(2024, 2, 10)]
    days = sorted(name.removeprefix("image-")[:8] for name in looked_at if name.endswith(".jpg"))
    assert days == ["20240207", "20240208", "20240209"]


def test_a_camera_that_is_one_file_has_nothing_to_fill_from(tmp_path: Path, store: Store) -> None:
    """``tmp/image.jpg`` is the present alone: the morning takes no keogram for a picture."""
    root = allsky(tmp_path, every(60, 5))
    archive = opened(camera(root / "tmp", pattern="image.jpg", time_from="header"), store)
    mornings(archive, done="2024-02-09")
    assert len(archive.rows()) == 1


@pytest.mark.parametrize("comes", [True, False])
def test_a_movie_that_comes_in_the_dark_is_taken_at_the_next_dawn(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch, comes: bool
) -> None:
    """Missing all day, it is asked for once more before the next night's; one that is still missing is given up."""
    asked: list[tuple[str, datetime]] = []
    dusk = datetime(2024, 2, 11, 2, 0, tzinfo=UTC)

    def fetch(source: object, night: date, *_: object) -> Path | None:
        asked.append((night.isoformat(), clock.now()))
        return tmp_path / "movie.mp4" if comes and clock.now() > dusk else None

    monkeypatch.setattr("daemon.archive.nightly.fetch_movie", fetch)
    monkeypatch.setattr(Nightly, "_read", lambda *_: True)
    clock = SetClock(datetime(2024, 2, 10, 15, 0, tzinfo=UTC))
    settings = Settings()
    nightly = Nightly(open_pipeline(settings, settings.camera[0], store, tmp_path), settings)
    store.progress.put_morning("yellowknife", Morning(done="2024-02-09"))
    while clock.now() < datetime(2024, 2, 11, 15, 30, tzinfo=UTC):
        clock.at = nightly.visit(clock.now()) + timedelta(milliseconds=5)
    assert {night for night, _ in asked} == {"2024-02-10"}
    assert len([at for _, at in asked if at < dusk]) > 5
    assert len([at for _, at in asked if at > dusk]) == 1
    assert store.progress.morning("yellowknife").done == ("2024-02-10" if comes else "2024-02-09")
    nightly.visit(clock.now() + timedelta(hours=1))
    assert asked[-1][0] == "2024-02-11"
