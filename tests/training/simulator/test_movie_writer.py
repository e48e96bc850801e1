"""The frames and movies of the stand-in look, and read, like the real site's."""

from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest

from daemon.errors import MovieError
from daemon.footage import ocr
from daemon.observation import Picture, StampStyle
from training.simulator import movie
from training.simulator.movie import STYLES, clock, compose, cut_short, scaled, stamp_text, write_movie

WINTER = datetime(2024, 2, 1, 1, 19, 54, tzinfo=UTC)
needs_tesseract = pytest.mark.skipif(shutil.which("tesseract") is None, reason="tesseract is not installed")


def sky(seed: int = 0, side: int = 720) -> Picture:
    """A noisy green disc."""
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    noise = np.random.default_rng(seed).normal(0, 6, (side, side, 1))
    square = np.clip(np.array([40, 110, 50]) + noise, 0, 255) * (np.hypot(x, y) < 1)[..., None]
    return square.astype(np.uint8)


def read(frame: Picture) -> str:
    """The stamp as the daemon reads it, in the strip where the real ones are."""
    style = StampStyle((0.66, 0.92, 0.99, 0.965), (), "America/Yellowknife")
    return ocr.read_text(ocr.cut_stamp(frame, style))


@pytest.mark.parametrize(
    ("year", "text"),
    [
        (2016, "2024/01/31 18:19:54 MST/HNR"),
        (2021, "2024/01/31 18:19:54 MST/HNR"),
        (2022, "2024/01/31 18:19:54 MST"),
        (2024, "2024-01-31 18:19:54 MST"),
    ],
)
def test_each_years_stamp_has_its_form(year: int, text: str) -> None:
    """The forms seen on AuroraMAX's frames of each year."""
    assert stamp_text(WINTER, STYLES[year]) == text


def test_the_stamp_follows_the_towns_clock() -> None:
    """Daylight time in April; from November 2026 on Yellowknife keeps UTC−6 and calls it CST."""
    april = datetime(2024, 4, 10, 6, 0, 0, tzinfo=UTC)
    assert stamp_text(april, STYLES[2024]) == "2024-04-10 00:00:00 MDT"
    assert stamp_text(april, STYLES[2016]).endswith("MDT/HAR")
    constant = datetime(2026, 12, 1, 6, 0, 0, tzinfo=UTC)
    assert stamp_text(constant, STYLES[2024]) == "2026-12-01 00:00:00 CST"


@needs_tesseract
@pytest.mark.parametrize("year", sorted(STYLES))
@pytest.mark.parametrize("font", ["as installed", "fallback"])
def test_every_years_stamp_is_read_right(year: int, font: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tesseract reads the drawn stamp without a slip, with Open Sans and with the font matplotlib brings."""
    if font == "fallback":
        monkeypatch.setattr(movie, "_OPEN_SANS", Path("/no-such-folder"))
    movie._font.cache_clear()
    movie._titles.cache_clear()
    try:
        frame = compose(sky(), WINTER, STYLES[year])
        assert read(frame) == stamp_text(WINTER, STYLES[year])
    finally:
        movie._font.cache_clear()
        movie._titles.cache_clear()


def test_the_disc_is_where_the_real_one_is() -> None:
    """(640, 360) with radius 360, and black around it but for the writing; the season of 2016 has it smaller."""
    bright = np.full((720, 720, 3), 200, np.uint8)
    frame = compose(bright, None)
    assert frame.shape == (720, 1280, 3)
    assert (frame[:, 281:950] == 200).all()
    assert frame[100:600, :280].max() == 0
    assert frame[660:, 1000:].max() == 0  # no clock where none was asked for
    small = compose(bright, None, STYLES[2016])
    assert small[10, 640].max() == 0
    assert small[40, 640].max() == 200


def test_a_sky_of_another_size_fills_the_disc() -> None:
    """Drawn small for speed, shown at full size."""
    assert np.count_nonzero(compose(sky(side=240), None)[:, 640].max(axis=1)) > 700


def test_the_clock_counts_pauses_and_restarts() -> None:
    """A gap moves all later frames on, a clock put back moves them back."""
    times = clock(WINTER, 5, 6.0, gaps=[(2, 600.0), (4, -3600.0)])
    seconds = [(at - WINTER).total_seconds() for at in times]
    assert seconds == [0, 6, 612, 618, 624 - 3600]


def seen(path: Path) -> list[Picture]:
    capture, frames = cv2.VideoCapture(str(path)), []
    while True:
        ok, frame = capture.read()
        if not ok:
            break
        frames.append(np.asarray(frame, dtype=np.uint8))
    capture.release()
    return frames


@needs_tesseract
@pytest.mark.parametrize("encoder", ["ffmpeg", "opencv"])
def test_a_written_movie_plays_and_keeps_its_stamps(
    encoder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frame count, rate, size and readable stamps survive either encoder."""
    if encoder == "opencv":
        monkeypatch.setattr(movie, "_write_h264", movie._write_mpeg4)
    elif shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    times = clock(WINTER, 12)
    path = write_movie(tmp_path / "night.mp4", (compose(sky(i), at) for i, at in enumerate(times)))
    frames = seen(path)
    assert len(frames) == 12
    assert cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FPS) == 25
    assert frames[0].shape == (720, 1280, 3)
    for index in (0, 11):
        assert read(frames[index]) == stamp_text(times[index], STYLES[2024])
    assert [p.name for p in tmp_path.iterdir()] == ["night.mp4"]


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
def test_with_ffmpeg_the_index_comes_first(tmp_path: Path) -> None:
    """As on the site: a movie cut short still opens, claims all its frames and gives fewer."""
    noise = np.random.default_rng(3)
    frames = (noise.integers(0, 255, (144, 256, 3), dtype=np.uint8) for _ in range(50))
    path = cut_short(write_movie(tmp_path / "cut.mp4", frames), 0.5)
    capture = cv2.VideoCapture(str(path))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 50
    capture.release()
    assert 0 < len(seen(path)) < 50


def test_movies_of_other_sizes(tmp_path: Path) -> None:
    """A movie can be written at another height."""
    path = write_movie(tmp_path / "small.mp4", scaled((compose(sky(i), WINTER) for i in range(3)), 480))
    assert seen(path)[0].shape == (480, 854, 3)


def test_what_cannot_be_a_movie_leaves_nothing(tmp_path: Path) -> None:
    """No frame, frames of two sizes, a folder that is not there: an error and no file."""
    with pytest.raises(MovieError, match="needs a frame"):
        write_movie(tmp_path / "a.mp4", [])
    two = [np.zeros((144, 256, 3), np.uint8), np.zeros((160, 256, 3), np.uint8)]
    with pytest.raises(MovieError, match="two sizes"):
        write_movie(tmp_path / "b.mp4", two)
    with pytest.raises(MovieError, match=re.escape(str(tmp_path / "none"))):
        write_movie(tmp_path / "none" / "c.mp4", two[:1])
    assert list(tmp_path.iterdir()) == []


def test_a_year_between_looks_like_the_one_before() -> None:
    """Seasons nobody has frames of take the last known look."""
    assert movie.style_of(2019) is STYLES[2016]
    assert movie.style_of(2026) is STYLES[2024]
    assert movie.style_of(2012) is STYLES[2016]
    assert timedelta(seconds=movie.STEP_S) * 10 == timedelta(minutes=1)
