"""Movies that are cut, of another kind, hostile, without a clock, or of two nights."""

from __future__ import annotations

import shutil
import struct
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from daemon.archive.ingest import Outcome, ingest_all, ingest_movie, open_pipeline
from daemon.config import CameraSettings, ModelSettings, Settings
from daemon.observation import Picture
from daemon.pipeline import Pipeline
from daemon.record.store import Store
from tests.faults.conftest import Entry
from tests.faults.harness import Promises, check, rows
from tests.skies import night_sky
from training.simulator.movie import compose, cut_short, scaled, style_of, write_movie

BEGINS = datetime(2024, 2, 10, 5, 0, 3, tzinfo=UTC)
FRAMES = 60
STEP_S = 6.0
needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="no ffmpeg here to make the movie")


def pictures(
    frames: int = FRAMES, stamped: bool = True, jump: timedelta = timedelta(0), begins: datetime = BEGINS
) -> Iterator[Picture]:
    """Six minutes of a night with aurora in the middle; ``jump`` is where the second half goes on."""
    random = np.random.default_rng(3)
    for number in range(frames):
        square = night_sky(random, 170 if frames // 3 <= number < 2 * frames // 3 else 0, side=480)
        at = begins + timedelta(seconds=STEP_S * number) + (jump if number >= frames // 2 else timedelta(0))
        yield compose(square, at if stamped else None, style_of(2024))


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_movie(tmp_path_factory.mktemp("movie") / "good.mp4", pictures())


@pytest.fixture
def pipeline(tmp_path: Path, green: Path) -> Iterator[Pipeline]:
    settings = Settings(model=ModelSettings(path=green, device="cpu", threads=1))
    with Store(tmp_path / "archive.db") as store:
        yield open_pipeline(settings, CameraSettings(), store, None)


def ffmpeg(source: Path, target: Path, *options: str) -> Path:
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", str(source), *options, str(target)], check=True)
    return target


def truncated(good: Path, folder: Path) -> Path:
    """The index at the end, as cameras write it: a cut file has none."""
    plain = ffmpeg(good, folder / "plain.mp4", "-c", "copy", "-movflags", "0")
    return cut_short(plain, 0.6)


def faststart(good: Path, folder: Path) -> Path:
    return cut_short(Path(shutil.copy(good, folder / "fast.mp4")), 0.6)


def web_page(good: Path, folder: Path) -> Path:
    path = folder / "page.mp4"
    path.write_bytes(b"<!DOCTYPE html><html>The movie is resting.</html>")
    return path


def empty(good: Path, folder: Path) -> Path:
    (folder / "empty.mp4").touch()
    return folder / "empty.mp4"


def bomb(good: Path, folder: Path) -> Path:
    """A movie of some 100 kB whose frames are 6400 × 6400."""
    path = folder / "bomb.mp4"
    black = np.zeros((6400, 6400, 3), np.uint8)
    write_movie(folder / "one.mp4", [black])
    return Path(shutil.copy(folder / "one.mp4", path))


def audio_only(good: Path, folder: Path) -> Path:
    tone = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=d=2", "-c:a", "aac"]
    subprocess.run([*tone, str(folder / "audio.mp4")], check=True)
    return folder / "audio.mp4"


def unheard_of(good: Path, folder: Path) -> Path:
    """A format that FFmpeg has no decoder for."""
    path = folder / "unheard_of.mp4"
    path.write_bytes(good.read_bytes().replace(b"avc1", b"zzzz"))
    return path


def zeros(good: Path, folder: Path) -> Path:
    """Of the right length, and its pictures never written."""
    data = good.read_bytes()
    at = data.index(b"mdat") + 4
    (size,) = struct.unpack(">I", data[at - 8 : at - 4])
    path = folder / "zeros.mp4"
    path.write_bytes(data[:at] + bytes(size - 8) + data[at + size - 8 :])
    return path


def tiny(good: Path, folder: Path) -> Path:
    return ffmpeg(good, folder / "tiny.mp4", "-vf", "scale=16:16")


def unstamped(good: Path, folder: Path) -> Path:
    return write_movie(folder / "unstamped.mp4", pictures(40, stamped=False))


REFUSED: dict[str, tuple[str, Callable[[Path, Path], Path], str]] = {
    "truncated": ("an MP4 cut short, its index with it", truncated, "truncated"),
    "web-page": ("a web page under a movie's name", web_page, "not a movie"),
    "empty": ("an empty file under a movie's name", empty, "empty"),
    "bomb": ("a movie of some kB with frames of 41 megapixels", bomb, "too large"),
    "audio": ("a movie with sound and no pictures", audio_only, "truncated"),
    "unheard-of": ("a movie of a format that cannot be decoded", unheard_of, "truncated"),
    "zeros": ("a movie whose pictures are all zeros", zeros, "truncated"),
    "tiny": ("a movie of 16 × 16", tiny, "no stamp"),
    "unstamped": ("a movie without stamps", unstamped, "no consensus"),
}


@needs_ffmpeg
@pytest.mark.parametrize("name", REFUSED)
def test_a_movie_that_cannot_be_used_is_counted_and_leaves_nothing(
    name: str, good: Path, pipeline: Pipeline, tmp_path: Path, matrix: Entry
) -> None:
    """A typed reason, one line that names the file, no row; the next movie is taken."""
    injected, make, reason = REFUSED[name]
    outcome = ingest_movie(make(good, tmp_path), pipeline)
    assert outcome.tally is None
    assert outcome.fault is not None
    assert str(outcome.movie) in outcome.fault
    counted = {
        sample.labels["reason"]: sample.value
        for metric in pipeline.metrics.frames_rejected.collect()
        for sample in metric.samples
        if sample.name.endswith("_total")
    }
    assert counted == {reason: 1}
    assert check(pipeline.store.path, Promises(alerts=False))["observations"] == 0
    matrix("Movies", injected, f"refused as “{reason}”, counted, nothing written")


def taken(outcome: Outcome, pipeline: Pipeline) -> list[str]:
    """The times recorded of a movie that was taken."""
    assert outcome.tally is not None, outcome.fault
    check(pipeline.store.path, Promises(alerts=False))
    return [
        r["observed_at"] for r in rows(pipeline.store.path, "SELECT observed_at FROM observations ORDER BY 1")
    ]


@needs_ffmpeg
def test_a_faststart_movie_cut_short_gives_what_it_holds(
    good: Path, pipeline: Pipeline, tmp_path: Path, matrix: Entry
) -> None:
    """Its header still promises all frames: those that are there are dated and kept, the rest is told."""
    outcome = ingest_movie(faststart(good, tmp_path), pipeline)
    times = taken(outcome, pipeline)
    assert 2 <= len(times) < 6
    assert times[0] == "2024-02-10T05:00:03Z"
    assert "breaks off" in (outcome.fault or "")
    told: list[Outcome] = []
    into = pipeline.settings, pipeline.camera_settings, tmp_path / "again.db", None
    assert ingest_all([outcome.movie], *into, lambda *_: None, told.append) == 1, (
        "the command ends with status 1"
    )
    assert [one.tally for one in told] == [outcome.tally]
    whole = taken(ingest_movie(good, pipeline), pipeline)
    assert len(whole) == 6, "the whole movie, come later, fills the rest"
    matrix(
        "Movies", "a faststart MP4 cut short", f"its {len(times)} whole minutes taken, the break reported; the whole"
        " movie fills the rest later",
    )  # fmt: skip


def other_size(good: Path, folder: Path) -> Path:
    return write_movie(folder / "small.mp4", scaled(pictures(), 480))


def other_fps(good: Path, folder: Path) -> Path:
    return write_movie(folder / "slow.mp4", pictures(), fps=7.5)


def rotated(good: Path, folder: Path) -> Path:
    return ffmpeg(good, folder / "rotated.mp4", "-c", "copy", "-metadata:s:v", "rotate=90")


def ten_bits(good: Path, folder: Path) -> Path:
    deep = (
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-pix_fmt",
        "yuv420p10le",
        "-r",
        "1",
        "-vf",
        "setpts=25*PTS",
    )
    return ffmpeg(good, folder / "deep.mp4", *deep)


def other_codec(good: Path, folder: Path) -> Path:
    return ffmpeg(good, folder / "old.avi", "-c:v", "mjpeg", "-q:v", "3")


FOREIGN: dict[str, tuple[str, Callable[[Path, Path], Path]]] = {
    "size": ("a movie of 854 × 480", other_size),
    "fps": ("a movie of 7.5 frames a second", other_fps),
    "rotated": ("a movie whose container says that it is to be turned", rotated),
    "ten bits": ("ten bits a colour, one frame a second", ten_bits),
    "codec": ("Motion JPEG in an AVI", other_codec),
}


@needs_ffmpeg
@pytest.mark.parametrize("name", FOREIGN)
def test_a_movie_of_another_kind_gives_the_same_minutes(
    name: str, good: Path, pipeline: Pipeline, tmp_path: Path, matrix: Entry
) -> None:
    """Size, frames a second and codec are read from the file, the cadence from its stamps."""
    injected, make = FOREIGN[name]
    times = taken(ingest_movie(make(good, tmp_path), pipeline), pipeline)
    assert len(times) == 6
    assert (times[0], times[-1]) == ("2024-02-10T05:00:03Z", "2024-02-10T05:05:03Z")
    matrix("Movies", injected, "the same 6 minutes as of the original")


@needs_ffmpeg
@pytest.mark.parametrize("apart", [timedelta(hours=11.5), timedelta(days=1)], ids=["next-night", "a-day"])
def test_two_nights_in_one_movie(apart: timedelta, pipeline: Pipeline, tmp_path: Path, matrix: Entry) -> None:
    """The next evening's frames are dated by their own stamps. A leap of a whole day looks like a misread
    date: there the second half is kept out and counted, and nothing gets a wrong time."""
    begins = datetime(2024, 2, 10, 13, 30, 3, tzinfo=UTC)
    path = write_movie(tmp_path / "two.mp4", pictures(2 * FRAMES, jump=apart, begins=begins))
    outcome = ingest_movie(path, pipeline)
    times = [datetime.fromisoformat(time) for time in taken(outcome, pipeline)]
    real = {begins + timedelta(minutes=n) for n in range(6)}
    real |= {begins + apart + timedelta(minutes=6 + n) for n in range(6)}
    assert set(times) <= real
    assert outcome.tally is not None
    nights = rows(pipeline.store.path, "SELECT night FROM nights ORDER BY night")
    if apart < timedelta(hours=20):
        assert set(times) == real
        assert [night["night"] for night in nights] == ["2024-02-10", "2024-02-11"]
        matrix("Movies", "two nights in one movie", "two nights, each minute at its own time")
    else:
        assert outcome.tally.undated == 6
        matrix(
            "Movies",
            "a movie whose clock leaps by a day",
            "the first half taken, the second kept out and counted: it may be a misread date",
        )
