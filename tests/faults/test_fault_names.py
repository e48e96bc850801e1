"""Names are data: what stands in a file's name or lies in a folder is no address, no log line, no end."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator
from datetime import date
from itertools import count, islice
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pytest

from daemon.archive.ingest import ingest_movie, movies_of, open_pipeline
from daemon.config import ModelSettings, Settings, SourceSettings
from daemon.errors import FetchError, MovieError
from daemon.footage import image, video
from daemon.pipeline import Pipeline
from daemon.record.picture_files import PictureFolder
from daemon.record.store import Store
from daemon.source.folder import FolderSource
from tests.faults.conftest import Entry
from tests.faults.harness import rows
from tests.faults.test_fault_movie import needs_ffmpeg, pictures
from training.simulator.movie import write_movie

FAMILY = "Bounds and names"
JPEG = image.encode_jpeg(np.random.default_rng(1).integers(0, 90, (40, 60, 3), dtype=np.uint8))
FOREIGN = (
    b"caf\xe9.jpg",
    b"two\nlines.jpg",
    b"esc\x1b[2J.jpg",
    "nacht_\u202e.jpg".encode(),
    b"%n %s {x}.jpg",
)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_movie(tmp_path_factory.mktemp("movie") / "good.mp4", pictures())


@pytest.fixture
def pipeline(tmp_path: Path, green: Path) -> Iterator[Pipeline]:
    settings = Settings(model=ModelSettings(path=green, device="cpu", threads=1))
    with Store(tmp_path / "archive.db") as store:
        yield open_pipeline(settings, settings.camera[0], store, None)


def put(path: Path | bytes, age_s: float, data: bytes = JPEG) -> None:
    """A file written some time ago."""
    place = os.fsencode(path)
    os.makedirs(os.path.dirname(place), exist_ok=True)
    with open(place, "wb") as file:
        file.write(data)
    then = time.time() - age_s
    os.utime(place, (then, then))


def watching(folder: Path, pattern: str = "*.jpg") -> FolderSource:
    settings = {"kind": "folder", "path": str(folder), "pattern": pattern}
    return FolderSource(SourceSettings.model_validate(settings))


@needs_ffmpeg
@pytest.mark.parametrize(
    "name",
    [
        b"2013-12-04T18:49:44.mp4",
        b"http:/127.0.0.1:9/a.mp4",
        b"concat:a|b.mp4",
        b"n\xe4cht\n1.mp4",
        b"%03d?#.mp4",
    ],
    ids=["time", "http", "concat", "latin-1", "sequence"],
)
def test_a_movie_is_read_under_any_name(
    name: bytes, good: Path, pipeline: Pipeline, tmp_path: Path, monkeypatch: Any
) -> None:
    """No part of a path is a protocol to FFmpeg, and the six minutes are recorded under a printable name."""
    place = os.path.join(os.fsencode(tmp_path / "in"), name)
    os.makedirs(os.path.dirname(place))
    shutil.copy(good, place)
    monkeypatch.chdir(tmp_path / "in")
    found = movies_of([Path(".")])
    assert len(found) == 1
    outcome = ingest_movie(found[0], pipeline)
    assert outcome.fault is None
    assert outcome.tally is not None
    assert outcome.tally.recorded == 6
    sources = {
        row["source"]
        for row in rows(
            pipeline.store.path,
            "SELECT s.name AS source FROM observations JOIN sources s ON s.id = observations.source",
        )
    }
    assert len(sources) == 1
    assert all(source.isprintable() for source in sources)
    again = ingest_movie(found[0], pipeline)
    assert again.readings == 0, "a movie taken in is known again by its name"


def test_the_names_of_movies_are_in_the_matrix(matrix: Entry) -> None:
    """One line for all of them."""
    matrix(
        FAMILY, "movies called `http:/…`, `…T18:49:44.mp4`, `concat:…`, Latin-1, a newline", "read as files"
    )


def test_a_movie_that_is_refused_is_named_in_one_line(tmp_path: Path) -> None:
    """Error texts are one line whatever the file is called."""
    place = os.path.join(os.fsencode(tmp_path), b"a\n2026-01-01 ERROR forged\xff.mp4")
    put(place, 0, b"<html>")
    with pytest.raises(MovieError) as refused:
        video.probe(Path(os.fsdecode(place)))
    assert str(refused.value).isprintable()
    str(refused.value).encode()


@pytest.mark.parametrize("name", FOREIGN)
def test_a_picture_under_any_name_is_taken_and_can_be_written_down(
    name: bytes, tmp_path: Path, matrix: Entry, caplog: pytest.LogCaptureFixture
) -> None:
    """No frame is lost by its name, and none forges a line of the log."""
    put(os.path.join(os.fsencode(tmp_path), name), 30)
    still = watching(tmp_path).latest()
    assert still is not None
    assert still.source.isprintable()
    assert still.name.isprintable()
    still.source.encode()
    put(os.path.join(os.fsencode(tmp_path), b"2" + name), 10, b"<html>")
    with pytest.raises(FetchError) as told, caplog.at_level(logging.WARNING):
        watching(tmp_path).latest()
    assert "\n" not in str(told.value)
    matrix(
        FAMILY,
        "file names with newlines, control characters, bytes that are no UTF-8",
        "taken, shown escaped",
    )


def test_one_bad_entry_blinds_no_folder(tmp_path: Path, matrix: Entry) -> None:
    """A symlink loop, a dangling link, a folder and a pipe under pictures' names cost only themselves."""
    (tmp_path / "loop.jpg").symlink_to(tmp_path / "loop.jpg")
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nothing")
    (tmp_path / "dir.jpg").mkdir()
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "round").symlink_to(tmp_path)
    put(tmp_path / "good.jpg", 30)
    for pattern in ("*.jpg", "**/*.jpg", "*/*.jpg"):
        still = watching(tmp_path, pattern).latest()
        assert still is not None, pattern
        assert still.name == "good.jpg"
    matrix(FAMILY, "a symlink loop in the camera's folder", "passed over; the pictures beside it are taken")


def test_what_others_put_into_the_picture_folder_stops_no_housekeeping(tmp_path: Path, matrix: Entry) -> None:
    """A NAS's @eaDir in a night's folder, and in the folder of nights: old pictures go all the same."""
    pictures = PictureFolder(tmp_path)
    old, kept = "cam/2024-01-01/a.jpg", "cam/2024-01-02/b.jpg"
    for place in (old, kept, "cam/2024-01-02/@eaDir/b.jpg/thumb.jpg", "cam/2024-01-02/c.jpg", "cam/@eaDir/x"):
        put(tmp_path / place, 10)
    (tmp_path / "cam/2024-01-03").write_bytes(b"a file called like a night")
    pictures.remove_nights(date(2024, 2, 1), {kept})
    assert not (tmp_path / "cam/2024-01-01").exists()
    assert (tmp_path / kept).exists()
    assert not (tmp_path / "cam/2024-01-02/c.jpg").exists()
    matrix(FAMILY, "a NAS's `@eaDir` among the kept pictures", "housekeeping goes on around it")


# ------------------------------------------------------------------- the cost of a look

NIGHT = 60
"""Pictures of a night in these archives."""


def archive(folder: Path, nights: int, layout: str = "{night}/{name}") -> Callable[[int], None]:
    """An archive of nights, this night's pictures last; returns what adds one more."""
    for night in range(nights):
        for number in range(NIGHT):
            place = folder / layout.format(night=f"n{night:04d}", name=f"{night:04d}-{number:05d}.jpg")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch()
            then = 1_700_000_000 + night * 86_400 + number * 60
            os.utime(place, (then, then))
        if place.parent != folder:  # a night's folder changed last when its last picture came
            os.utime(place.parent, (then, then))
    if layout.startswith("{night}"):
        os.utime(folder, (then, then))  # and the archive itself when the night's folder was made
    last = f"n{nights - 1:04d}"
    return lambda number: put(folder / layout.format(night=last, name=f"{nights:04d}-{number:05d}.jpg"), 3)


def looks_at(folder: Path, nights: int) -> Iterator[float]:
    """CPU seconds of each look at a folder into which a picture came since the one before."""
    add = archive(folder, nights)
    source = watching(folder, "*/*.jpg")
    source.latest()
    for number in count():
        add(number)
        began = time.thread_time()
        still = source.latest()
        yield time.thread_time() - began
        assert still is not None, number


def test_a_look_costs_the_same_after_a_year(tmp_path: Path, matrix: Entry) -> None:
    """Folders by night: with 365 nights a look takes at most half more than with one; both are looked at by turns."""
    pairs = list(
        islice(zip(looks_at(tmp_path / "one", 1), looks_at(tmp_path / "year", 365), strict=True), 60)
    )
    one, year = ([pair[k] for pair in pairs] for k in (0, 1))
    ratio = min(median(year[k::3]) for k in range(3)) / min(median(one[k::3]) for k in range(3))
    assert ratio < 1.5, ratio
    matrix(
        FAMILY,
        f"a camera's folder of 365 nights ({365 * NIGHT:,} pictures)",
        f"a look takes {1e3 * median(year):.1f} ms, {ratio:.2f} times that of one night",
    )


def test_a_flat_folder_is_listed_by_name_only(tmp_path: Path, monkeypatch: Any) -> None:
    """All pictures in one folder: of 20,000 files only the new and the newest are looked at."""
    add = archive(tmp_path, 330, "{name}")
    source = watching(tmp_path)
    source.latest()
    looked = []
    real = os.stat
    monkeypatch.setattr(os, "stat", lambda path, **how: (looked.append(path), real(path, **how))[1])
    add(0)
    assert source.latest() is not None
    assert len(looked) < 100


def test_a_picture_is_found_wherever_it_comes(tmp_path: Path) -> None:
    """A new night, a new month, an old folder taken up again, a file written over: none is missed for long."""
    for month in range(1, 13):
        for day in range(1, 29):
            put(tmp_path / f"2024/{month:02d}/{day:02d}/a.jpg", 1e7 - month * 1e5 - day * 1e3)
    source = watching(tmp_path, "*/*/*/*.jpg")
    assert source.latest() is not None
    for place in ("2024/12/29/b.jpg", "2025/01/01/c.jpg", "2025/01/01/d.jpg"):
        put(tmp_path / place, 5 if place.endswith("b.jpg") else 4 if place.endswith("c.jpg") else 3)
        still = source.latest()
        assert still is not None
        assert still.name == Path(place).name
    put(tmp_path / "2025/01/01/c.jpg", 2)
    assert source.latest() is not None, "written over"
    put(tmp_path / "2024/05/05/z.jpg", 1)
    assert any(source.latest() for _ in range(60)), "an old folder is taken up again"


def test_a_camera_that_writes_over_one_file_is_watched(tmp_path: Path) -> None:
    """`latest.jpg` written over in place changes no folder's time: seen at each look all the same."""
    for number in range(200):
        put(tmp_path / f"old{number}.jpg", 10_000 + number)
    put(tmp_path / "latest.jpg", 50)
    source = watching(tmp_path)
    for age in (40, 30, 20):
        assert source.latest() is not None
        put(tmp_path / "latest.jpg", age)
    put(tmp_path / "old150.jpg", 1)
    assert source.latest() is not None, "a ring of files written over"
