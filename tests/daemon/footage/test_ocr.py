"""Real stamps, read by the real Tesseract."""

import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest

from daemon.config import CameraSettings
from daemon.errors import ClockError
from daemon.footage import image, ocr, tesseract
from daemon.footage.reading import StampReader
from daemon.footage.stamp import parse_stamp
from daemon.observation import Picture, StampStyle
from tests import stamps
from training.simulator.movie import compose, style_of

FOOTAGE = Path(__file__).parents[3] / "../shared/data"
AURORAMAX = StampStyle(
    (0.62, 0.915, 0.99, 0.965), ("%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M:%S"), "America/Yellowknife"
)
LONGYEARBYEN = StampStyle((0.84, 0.938, 0.958, 1.0), ("%Y/%m/%d %H:%M'%S",), "UTC")

needs_tesseract = pytest.mark.skipif(shutil.which("tesseract") is None, reason="tesseract is not installed")


def _footage(name: str) -> Path:
    path = FOOTAGE / name
    if not path.exists():
        pytest.skip("real footage is not here (../shared/data)")
    return path


def _drawn(text: str) -> Picture:
    strip = np.zeros((36, 470, 3), dtype=np.uint8)
    cv2.putText(strip, text, (60, 25), cv2.FONT_HERSHEY_DUPLEX, 0.62, (255, 255, 255), 1, cv2.LINE_AA)
    return strip


@needs_tesseract
def test_the_real_stamp_of_2016_though_its_aspect_is_not_kept() -> None:
    """The 911×545 player frame says 2016-02-07 23:12:18 MST, 06:12:18 UTC of the next day."""
    frame = image.read(_footage("auroramax/overlay/2016-02-07T23-12-18_MST_player_911x545.png"))
    text = ocr.read_text(ocr.cut_stamp(frame, AURORAMAX))
    assert parse_stamp(text, AURORAMAX) == datetime(2016, 2, 8, 6, 12, 18, tzinfo=UTC)


@needs_tesseract
def test_a_stamp_cut_off_by_the_frame_gives_no_time() -> None:
    """The cropped frame of 2022 shows only the beginning of its stamp: no time can be established."""
    frame = image.read(_footage("auroramax/overlay/slide10_raw_frame_with_overlay_20221201.jpeg"))
    for region in (AURORAMAX.region, (0.75, 0.95, 1.0, 1.0)):
        style = StampStyle(region, AURORAMAX.formats, AURORAMAX.timezone)
        text = ocr.read_text(ocr.cut_stamp(frame, style))
        with pytest.raises(ClockError, match="no time can be established"):
            parse_stamp(text, style)


@needs_tesseract
def test_another_cameras_stamps_in_two_lines() -> None:
    """All 16 Longyearbyen stills, date above time, read as the UTC in their names, in one run."""
    paths = sorted(_footage("other_cameras/longyearbyen_nipr").glob("*.jpg"))
    texts = [
        read.text
        for read in ocr.read_strips([ocr.cut_stamp(image.read(path), LONGYEARBYEN) for path in paths])
    ]
    read = [parse_stamp(text, LONGYEARBYEN) for text in texts]
    assert read == [datetime.strptime(p.stem, "%Y%m%d%H%M%S").replace(tzinfo=UTC) for p in paths]
    assert len(read) == 16


@needs_tesseract
def test_texts_keep_their_order_and_blanks_their_place() -> None:
    """A strip without text is "" at its own place and moves no other."""
    strips = [
        _drawn("2024-01-31 18:19:54"),
        np.zeros((36, 470, 3), dtype=np.uint8),
        _drawn("2024-01-31 18:20:54"),
        np.full((36, 470), 200, dtype=np.uint8),
    ]
    texts = [read.text for read in ocr.read_strips(strips)]
    assert [text.replace(" ", "") for text in texts] == ["2024-01-3118:19:54", "", "2024-01-3118:20:54", ""]
    assert ocr.read_strips([]) == []


@needs_tesseract
def test_a_huge_strip_is_read_without_growing_it() -> None:
    """A strip of a 24-megapixel camera is not enlarged threefold: the prepared picture stays bounded."""
    prepared = ocr.prepare(np.zeros((900, 6000, 3), dtype=np.uint8))
    assert prepared.shape[0] <= 424
    assert prepared.dtype == np.uint8


def test_the_region_is_cut_by_fractions() -> None:
    """A region is fractions of width and height; the strip is a copy that does not hold the picture."""
    frame = np.arange(100 * 200 * 3, dtype=np.uint32).reshape(100, 200, 3).astype(np.uint8)
    strip = ocr.cut_stamp(frame, StampStyle((0.5, 0.9, 1.0, 1.0), ("%Y",), "UTC"))
    assert np.array_equal(strip, frame[90:, 100:])
    assert strip.base is None


def test_an_empty_region_is_a_clock_error() -> None:
    """A region that holds no pixels of this picture is refused by name."""
    with pytest.raises(ClockError, match="holds no pixels"):
        ocr.cut_stamp(
            np.zeros((20, 20, 3), dtype=np.uint8), StampStyle((0.5, 0.99, 0.6, 1.0), ("%Y",), "UTC")
        )


def test_a_missing_tesseract_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Tesseract on the path the error names the package."""
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ClockError, match="apt-get install tesseract-ocr") as caught:
        ocr.read_text(_drawn("2024-01-31 18:19:54"))
    assert caught.value.reason == "ocr failed"


@needs_tesseract
def test_a_hanging_tesseract_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Tesseract that never answers is given up after the time allowed."""
    fake = tmp_path / "tesseract"
    fake.write_text("#!/bin/sh\nexec sleep 60\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(ocr, "TIMEOUT_S", -0.5)  # plus a second for the strip
    monkeypatch.setattr(tesseract, "START_S", 0.5)
    with pytest.raises(ClockError, match="tesseract took longer") as caught:
        ocr.read_text(_drawn("2024-01-31 18:19:54"))
    assert caught.value.reason == "ocr timeout"


@needs_tesseract
def test_the_version_is_known() -> None:
    """`doctor` gives the version's number, and how it is run."""
    assert re.match(r"5\.\d+\.\d+, (kept in this process|started for each reading)", tesseract.version())


@needs_tesseract
def test_either_way_of_running_it_reads_right_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where tesserocr has no wheel each reading starts a Tesseract; the record is the same."""
    read: list[tuple[datetime | None, datetime | None, datetime]] = []
    for kind in stamps.KINDS:
        made = stamps.strips(kind, 3)
        style = StampStyle((0, 0, 1, 1), (made[0][1],), "UTC")
        kept = _times(style, [strip for strip, _, _ in made])
        with monkeypatch.context() as without:
            without.setattr(tesseract, "_engine", lambda binary: None)
            started = _times(style, [strip for strip, _, _ in made])
        read += zip(kept, started, [at.replace(tzinfo=UTC) for _, _, at in made], strict=True)
    assert all({kept, started} <= {at, None} for kept, started, at in read)
    assert sum(None in one for one in read) <= 0.05 * len(read)


def _times(style: StampStyle, strips: list[Picture]) -> list[datetime | None]:
    return [one[0] if isinstance(one, tuple) else None for one in StampReader(style).read_all(strips)]


TRAINED = """
import sys
import numpy as np
from daemon.footage import tesseract
tesseract.read_pages([np.full((40, 300), 255, np.uint8)], 7, 30.0)
import torch
torch.set_num_threads(2)
net = torch.nn.Sequential(*[torch.nn.Conv2d(16, 16, 3, padding=1) for _ in range(4)])
net(torch.rand(8, 16, 120, 120)).sum().backward()
print("trained")
"""


@needs_tesseract
def test_what_is_trained_beside_a_reading_goes_on() -> None:
    """The limit on Tesseract's threads is Tesseract's: left to the process, torch's backward pass never came to an end."""
    done = subprocess.run([sys.executable, "-c", TRAINED], capture_output=True, text=True, timeout=120)
    assert done.stdout.split()[-1:] == ["trained"], done.stderr


@needs_tesseract
def test_a_strip_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine in this process keeps to the time allowed too, and reads on afterwards."""
    monkeypatch.setattr(ocr, "TIMEOUT_S", -0.999)  # a thousandth of a second is left
    with pytest.raises(ClockError, match="tesseract took longer") as caught:
        ocr.read_text(_drawn("2024-01-31 18:19:54"))
    assert caught.value.reason == "ocr timeout"
    monkeypatch.undo()
    assert ocr.read_text(_drawn("2024-01-31 18:19:54")) == "2024-01-31 18:19:54"


@needs_tesseract
def test_threads_read_at_once() -> None:
    """Many cameras' looks share the engine, each gets its own text."""
    texts = [f"2024-01-31 18:{minute:02d}:54" for minute in range(24)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda text: ocr.read_text(_drawn(text)), texts)) == texts


@needs_tesseract
def test_stamps_of_many_makes_are_read_and_none_wrongly() -> None:
    """Outlined, coloured, on bright ground, over the horizon, of twelve hours, with month names: 95 of 100 read."""
    read = wrong = asked = 0
    for kind in stamps.KINDS:
        made = stamps.strips(kind)
        style = StampStyle((0, 0, 1, 1), (made[0][1],), "UTC")
        found = StampReader(style).read_all([strip for strip, _, _ in made])
        right = [
            one[0] == at.replace(tzinfo=UTC)
            for one, (_, _, at) in zip(found, made, strict=True)
            if isinstance(one, tuple)
        ]
        assert len(right) >= 10, f"{kind}: {len(right)} of {len(made)}"
        asked, read, wrong = asked + len(made), read + sum(right), wrong + right.count(False)
    assert wrong == 0
    assert read >= 0.95 * asked


@needs_tesseract
def test_a_stamp_that_begins_at_0_64_of_the_width_is_read() -> None:
    """2021's AuroraMAX stamp begins left of where the strip once did; a bright rim reaches into the strip."""
    frame = np.zeros((720, 1280, 3), dtype=np.uint8)
    cv2.circle(frame, (640, 360), 360, (70, 80, 60), -1)
    at = datetime(2021, 2, 16, 5, 47, 0, tzinfo=UTC)
    frame = compose(frame[:, 280:1000], at, style_of(2021))
    style = CameraSettings().camera().stamp
    assert style is not None
    assert StampReader(style).read(ocr.cut_stamp(frame, style))[0] == at
