"""In the morning the hours in which nobody watched are filled from the camera's own folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from daemon.archive.dated_pictures import nights_in_folder
from daemon.archive.nightly import MOST_NIGHTS, Nightly
from daemon.record.progress import Morning
from daemon.record.store import Store
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
