"""Archives over many machines: the same record as by one, whatever happens to the workers."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from daemon.archive.cluster import TRIES, Worker, _tries, ingest_on_ray, merge, read_part
from daemon.archive.ingest import ingest_all
from daemon.config import Settings, load
from daemon.errors import UsageError
from daemon.record.store import Reader, Store
from models.card import SHIPPED
from tests.skies import night_sky
from training.simulator.movie import clock, compose, style_of, write_movie

needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="Ray is not installed here (aurorad[cluster])"
)
needs_parquet = pytest.mark.skipif(
    importlib.util.find_spec("pyarrow") is None, reason="pyarrow is not installed here (aurorad[cluster])"
)
pytestmark = pytest.mark.skipif(
    not (load(None).model.path or SHIPPED).is_file(), reason="no model file is shipped with this checkout"
)

FRAMES = 40


@pytest.fixture(scope="module")
def settings() -> Settings:
    return load(None)


@pytest.fixture(scope="module")
def movies(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Forty minutes of each of two nights, a frame a minute: a dark sky, and a green band that comes and goes."""
    folder = tmp_path_factory.mktemp("movies")
    made = []
    for number in range(2):
        begins = datetime(2024, 2, 10 + number, 5, 0, tzinfo=UTC)
        frames = (
            compose(_sky(i, number), at, style_of(2024)) for i, at in enumerate(clock(begins, FRAMES, 60))
        )
        made.append(write_movie(folder / f"night{number}.mp4", frames))
    return made


def _sky(index: int, number: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    draw = np.random.default_rng(1000 * number + index)
    return night_sky(draw, 150 if 5 <= index < 15 else 0)


@pytest.fixture(scope="module")
def alone(movies: list[Path], settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``aurorad ingest`` makes of the movies without a cluster."""
    database = tmp_path_factory.mktemp("alone") / "alone.db"
    faults = ingest_all(
        movies, settings, settings.camera_named(None), database, None, lambda *_: None, lambda _: None
    )
    assert faults == 0
    return database


def content(database: Path) -> dict[str, list[dict[str, Any]]]:
    """Everything of the record but when it was fetched and written."""
    with Reader(database) as reader:
        rows = reader.between()
        return {
            "observations": [
                {k: v for k, v in row.items() if k not in ("fetched_at", "recorded_at")} for row in rows
            ],
            "columns": reader.query("SELECT * FROM columns ORDER BY camera, observed_at"),
            "nights": reader.nights(),
            "events": reader.events(),
        }


@pytest.fixture
def worker(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    monkeypatch.setenv("OPENCV_FFMPEG_THREADS", "1")  # which it sets itself, for the whole process
    made = Worker(settings, settings.camera_named(None))
    yield made
    made.close()


def task(movie: Path, part: Path) -> dict[str, Any]:
    return {"movie": np.array([str(movie)]), "part": np.array([str(part)])}


@pytest.fixture(scope="module")
def parts(movies: list[Path], settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """What a worker makes of the movies."""
    folder = tmp_path_factory.mktemp("parts")
    made = [folder / f"{movie.stem}.parquet" for movie in movies]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENCV_FFMPEG_THREADS", "1")
        worker = Worker(settings, settings.camera_named(None))
        for movie, part in zip(movies, made, strict=True):
            assert worker(task(movie, part)) == {"part": [str(part)], "fault": [""]}
        worker.close()
    return made


@needs_parquet
def test_parts_merge_to_the_record_of_one_machine(
    parts: list[Path], alone: Path, worker: Worker, settings: Settings, tmp_path: Path
) -> None:
    """A worker's rows, by way of Parquet, give the database that ``aurorad ingest`` gives; twice the same."""
    camera = settings.camera_named(None)
    with Store(tmp_path / "merged.db") as store:
        worker_model = worker._pipeline.predictor().model
        store.register_model(worker_model.sha256, worker_model.card.name, worker_model.card.skill)
        first = [merge(part, store, camera, settings) for part in parts]
        again = [merge(part, store, camera, settings) for part in parts]
    assert [outcome.tally.recorded for outcome in first if outcome.tally] == [FRAMES, FRAMES]
    assert [(o.tally.recorded, o.tally.known) for o in again if o.tally] == [(0, FRAMES), (0, FRAMES)]
    assert content(tmp_path / "merged.db") == content(alone)


@needs_parquet
def test_a_row_that_is_there_stays(parts: list[Path], alone: Path, settings: Settings) -> None:
    """What another run has recorded of a movie's minutes is left as it is by a merge."""
    before = content(alone)
    with Store(alone) as store:
        outcome = merge(parts[1], store, settings.camera_named(None), settings)
    assert outcome.tally is not None
    assert (outcome.tally.recorded, outcome.tally.known) == (0, FRAMES)
    assert content(alone) == before


@needs_parquet
def test_what_is_no_movie_is_told_and_leaves_no_part(worker: Worker, tmp_path: Path) -> None:
    """A file that cannot be used is that movie's fault alone."""
    broken, part = tmp_path / "page.mp4", tmp_path / "page.parquet"
    broken.write_text("<html>not here</html>")
    said = worker(task(broken, part))
    assert "not a movie" in said["fault"][0]
    assert not part.exists()
    assert not _tries(part).exists()


@needs_parquet
def test_a_movie_that_kills_its_workers_is_given_up(
    movies: list[Path], worker: Worker, tmp_path: Path
) -> None:
    """After three workers have died over one movie the fourth does not touch it."""
    part = tmp_path / "deadly.parquet"
    _tries(part).write_bytes(b"." * TRIES)
    said = worker(task(movies[0], part))
    assert "given up" in said["fault"][0]
    assert not part.exists()


def test_without_ray_the_command_says_what_to_install(
    movies: list[Path], settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where Ray is missing the user reads the name of the extra, not a traceback."""
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r"aurorad\[cluster\]"):
        ingest_on_ray(
            movies, settings, settings.camera_named(None), tmp_path / "a.db", "local", lambda _: None
        )


@needs_ray
@pytest.mark.timeout(300)
def test_a_killed_worker_costs_only_its_movie_in_hand(
    movies: list[Path], alone: Path, tmp_path: Path
) -> None:
    """Over a real Ray, with a worker killed at its work: the record of one machine; called again, nothing new."""
    database = tmp_path / "ray.db"
    command = [sys.executable, "-m", "daemon.cli", "ingest", *map(str, movies), "--db", str(database)]
    with subprocess.Popen(
        [*command, "--ray", "local"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "RAY_worker_niceness": "0"},  # not 15: on a busy machine they would never begin
    ) as run:
        killed = _kill_a_worker_at_work(run, Path(f"{database}.parts"))
        said, errors = run.communicate(timeout=280)
    assert killed
    assert run.returncode == 0, errors
    assert said.count(f"{FRAMES} recorded, 0 known already") == 2
    assert content(database) == content(alone)
    told = [read_part(part)[1] for part in Path(f"{database}.parts").glob("*.parquet")]
    assert {Path(one["movie"]).name for one in told} == {"night0.mp4", "night1.mp4"}

    again = subprocess.run(
        [*command, "--ray", "no-such-host:1"], capture_output=True, text=True, timeout=60
    )  # all parts are there, so no cluster is asked
    assert again.returncode == 0, again.stderr
    assert again.stdout.count(f"0 recorded, {FRAMES} known already") == 2


def _kill_a_worker_at_work(run: subprocess.Popen[str], parts: Path) -> bool:
    """Kill the first of the run's own workers that has begun a movie."""
    while run.poll() is None:
        if any(parts.glob(".*.tries")):
            for pid in _descendants(run.pid):
                if "MapWorker" in _title(pid):
                    os.kill(pid, signal.SIGKILL)
                    return True
        time.sleep(0.02)
    return False


def _descendants(pid: int) -> Iterator[int]:
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    waiting = [pid]
    while waiting:
        for child in children.get(waiting.pop(), []):
            waiting.append(child)
            yield child


def _title(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""
