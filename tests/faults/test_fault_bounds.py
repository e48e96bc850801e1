"""Small input that would cost much: refused before it does, or decoded for what it is worth."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections import deque
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from daemon.config import CameraSettings
from daemon.errors import FootageError, MovieError, PictureError
from daemon.footage import image, video
from daemon.footage.frame import from_still
from daemon.footage.movie import Scratch, Spool, read_movie
from daemon.observation import Frame, Picture
from daemon.source import Still, headers
from tests.faults import bombs
from tests.faults.conftest import Entry

JPEG = image.encode_jpeg(np.zeros((16, 16, 3), np.uint8))
FAMILY = "Bounds and names"
needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="no ffmpeg here to make the movie")

PICTURES = {
    "two sizes": (
        "a JPEG of 16×16 to one reader and 25,000×25,000 to another",
        lambda: bombs.two_sizes(JPEG, 25_000, 25_000),
        "not an image",
    ),
    "scans": ("a JPEG of 383 kB with 34,000 scans", lambda: bombs.scans(2000, 2000, 34_000), "too large"),
    "large scans": (
        "a JPEG of 36 megapixels with 30 scans",
        lambda: bombs.scans(6000, 6000, 30),
        "too large",
    ),
    "inflates": (
        "a PNG of 100×100 whose data inflates to 400 MB",
        lambda: bombs.png(100, 100, pixels=bytes(400_000_000)),
        "too large",
    ),
    "late header": (
        "a PNG with another chunk before its header",
        lambda: bombs.png(16, 16)[:8] + bombs.chunk(b"tEXt", b"\0\0\0\x10" * 4) + bombs.png(9000, 9000)[8:],
        "not an image",
    ),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_that_costs_more_than_it_shows_is_refused_at_once(name: str, matrix: Entry) -> None:
    """Refused by its structure, within a second of one core, decoded by nobody."""
    injected, make, reason = PICTURES[name]
    data = make()
    began = time.process_time()
    with pytest.raises(PictureError) as refused:
        image.decode(data)
    assert time.process_time() - began < 1
    assert refused.value.reason == reason
    matrix(FAMILY, injected, f"refused as “{reason}” before it is decoded")


def still_of(pixels: Picture) -> Still:
    return Still(image.encode_png(pixels), datetime.now(UTC), None, "a.png", "a.png")


@pytest.mark.parametrize("shape", [(40_000, 1), (6000, 100)])
def test_a_picture_that_cannot_hold_the_disc_is_refused(shape: tuple[int, int], matrix: Entry) -> None:
    """A tall thin picture's disc is not filled up with black, whose square would be of gigabytes."""
    still = still_of(np.full((*shape, 3), 90, np.uint8))
    began = time.process_time()
    with pytest.raises(PictureError) as refused:
        from_still(still, CameraSettings().camera(), image.MAX_PIXELS)
    assert time.process_time() - began < 0.5
    assert refused.value.reason == "wrong shape"
    if shape[1] == 1:
        matrix(FAMILY, "a picture of 1 × 40,000 pixels", "refused as “wrong shape” before its disc is cut")


@pytest.mark.parametrize("side", [4, 7, 63])
def test_a_picture_of_a_few_pixels_is_no_sky(side: int, matrix: Entry) -> None:
    """A few dark pixels are no clear sky, and a few green ones no aurora."""
    camera = CameraSettings().model_copy(update={"stamp": False}).camera()
    noise = np.random.default_rng(side).integers(0, 255, (side, side, 3), dtype=np.uint8)
    for pixels in (np.zeros_like(noise), noise):
        assert from_still(still_of(pixels), camera, image.MAX_PIXELS).flaw == "too small"
    if side == 4:
        matrix(FAMILY, "a picture of 4 × 4 pixels", "unusable: “too small”")


def test_text_in_a_png_is_not_inflated(matrix: Entry) -> None:
    """The picture is decoded; 1.4 GB of text in it, which the decoder would read, is not."""
    data = bombs.png(100, 100, bombs.texts(200))
    began = time.process_time()
    assert image.decode(data).shape == (100, 100, 3)
    assert time.process_time() - began < 1
    matrix(FAMILY, "a PNG with 1.4 GB of compressed text", "decoded without its text, in milliseconds")


@pytest.mark.parametrize("quality", [30, 95])
def test_progressive_pictures_of_real_cameras_pass(quality: int) -> None:
    """Ten scans and restart marks, as cameras and optimizers write them, are no fault."""
    pixels = np.random.default_rng(1).integers(0, 255, (480, 640, 3), dtype=np.uint8)
    options = [
        cv2.IMWRITE_JPEG_QUALITY,
        quality,
        cv2.IMWRITE_JPEG_PROGRESSIVE,
        1,
        cv2.IMWRITE_JPEG_RST_INTERVAL,
        7,
    ]
    data = cv2.imencode(".jpg", pixels, options)[1].tobytes()
    assert 5 < data.count(b"\xff\xda") < 20
    assert image.decode(data).shape == pixels.shape


def test_the_decoder_has_a_bound_of_its_own() -> None:
    """Where our own reading of a header were fooled, OpenCV refuses past 400 megapixels by itself."""
    data = np.frombuffer(bombs.scans(25_000, 25_000, 1), np.uint8)
    with pytest.raises(cv2.error):
        cv2.imdecode(data, cv2.IMREAD_COLOR)


def test_only_what_the_pixels_need_reaches_the_decoder() -> None:
    """What is handed on is a whole PNG of the same size, without its text."""
    data = bombs.png(20, 10, bombs.chunk(b"tEXt", b"a\0b"))
    bare = headers.plain(data)
    assert headers.dimensions(bare) == (20, 10)
    assert b"tEXt" not in bare


# ------------------------------------------------------------------- movies


def still_movie(path: Path, frames: int, width: int = 1280, height: int = 720, fps: int = 3) -> Path:
    """A movie of one black frame again and again: some 15 bytes a frame."""
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"color=black:s={width}x{height}:r={fps}"]
    tune = [
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-g",
        "100000",
        "-frames:v",
        str(frames),
        "-pix_fmt",
        "yuv420p",
    ]
    subprocess.run([*command, *tune, str(path)], check=True)
    return path


@needs_ffmpeg
def test_a_movie_takes_space_in_proportion_to_its_file(tmp_path: Path, matrix: Entry) -> None:
    """A file of some kilobytes whose samples would fill half a gigabyte is left at 64 MB."""
    camera = replace(CameraSettings().camera(), cadence_s=50.0)
    movie = still_movie(tmp_path / "black.mp4", 1500, 320, 180)
    assert movie.stat().st_size < 100_000
    with pytest.raises(FootageError) as refused:
        read_movie(movie, camera, datetime.now(UTC), scratch=Scratch(tmp_path))
    assert refused.value.reason in ("too large", "no consensus")
    spool = Spool(movie, "c", datetime.now(UTC), Scratch(tmp_path))
    with pytest.raises(MovieError, match="out of proportion") as told:
        deque((spool.add(black(index)) for index in range(3000)), maxlen=0)
    assert told.value.reason == "too large"
    assert len(spool) * 172_800 < 70_000_000
    spool.close()
    matrix(FAMILY, "a movie of 47 kB whose samples fill 526 MB", "read up to 66 MB, the rest reported")


@needs_ffmpeg
def test_a_movie_is_decoded_in_proportion_to_its_file(
    tmp_path: Path, matrix: Entry, monkeypatch: Any
) -> None:
    """Pixels × frames have a bound that grows with the file: hours of nothing are not decoded."""
    movie = still_movie(tmp_path / "black.mp4", 300, 320, 180)
    assert len(list(video.frames(movie))) == 300
    monkeypatch.setattr(video, "PIXELS_FREE", 100 * 320 * 180)
    monkeypatch.setattr(video, "PIXELS_PER_BYTE", 0)
    seen = []
    with pytest.raises(MovieError, match="more than 100 frames") as told:
        seen.extend(index for index, _ in video.frames(movie))
    assert told.value.reason == "too large"
    assert len(seen) == 100
    matrix(
        FAMILY, "a movie of some kilobytes with half a million frames", "decoded in proportion to its bytes"
    )


def test_no_space_for_temporary_files_is_typed(tmp_path: Path, monkeypatch: Any) -> None:
    """A full disk is a MovieError with the fix, whether seen beforehand or met on the way."""
    movie = tmp_path / "a.mp4"
    movie.write_bytes(b"x" * 1000)
    with pytest.raises(MovieError, match="min_free_mb") as told:
        Spool(movie, "c", datetime.now(UTC), Scratch(tmp_path, 10**9))
    assert told.value.reason == "disk"
    spool = Spool(movie, "c", datetime.now(UTC), Scratch(tmp_path))
    spool._file.close()
    spool._file = open("/dev/full", "wb", buffering=0)  # noqa: SIM115
    with pytest.raises(MovieError, match="No space left") as told:
        spool.add(black(0))
    assert told.value.reason == "disk"
    spool.close()


def black(index: int) -> Frame:
    """A frame as it is kept for its clock."""
    strip = np.zeros((97, 1267, 3), np.uint8)
    return Frame("c", np.zeros((240, 240, 3), np.uint8), b"", strip, "a.mp4", datetime.now(UTC), index=index)


def test_strips_wait_on_disk(tmp_path: Path) -> None:
    """A night of 4K strips, 370 kB each, costs no memory, and each comes back as it was."""
    movie = tmp_path / "a.mp4"
    movie.write_bytes(b"x" * 100_000_000)
    spool = Spool(movie, "c", datetime.now(UTC), Scratch(tmp_path))
    noise = np.random.default_rng(3).integers(0, 20, (97, 1267, 3), dtype=np.uint8)
    before = resident_mb()
    for index in range(150):
        spool.add(replace(black(index), stamp=noise + np.uint8(index % 200)))
    assert resident_mb() - before < 30
    assert np.array_equal(spool.stamp(140), noise + np.uint8(140))
    assert np.array_equal(spool.frame(140).square, black(0).square)
    spool.close()


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
