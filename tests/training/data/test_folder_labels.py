"""A folder sorted by hand: which pictures become rows, and which of them are of one night."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from daemon.errors import PictureError
from training.cli import cli
from training.data.dataset import read_manifest
from training.data.folder_labels import folder_rows, nights_without_place

OSLO = """
[[camera]]
name = "home"
latitude_deg = 59.9
longitude_deg = 10.7
timezone = "Europe/Oslo"
stamp = false
[camera.disc]
centre_x = 48
centre_y = 48
radius = 48
width = 96
height = 96
"""


def put(path: Path, height: int = 96, width: int = 96) -> None:
    done, data = cv2.imencode(path.suffix.lower(), np.full((height, width, 3), 60, np.uint8))
    assert done
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.tobytes())


def test_every_kind_of_picture_is_a_row(tmp_path: Path) -> None:
    """As the import of labels takes them, whatever the letters of the ending."""
    names = ["20240201011954.jpg", "20240201012054.JPG", "20240201012154.jpeg", "20240201012254.PNG"]
    for name in (*names, "20240201012354.webp"):
        put(tmp_path / "none" / name)
    (tmp_path / "none/notes.txt").write_text("no picture")
    left = list[PictureError]()
    assert len(folder_rows(tmp_path, left_out=left)) == 5
    assert left == []


def test_what_cannot_be_used_is_left_out_and_told(tmp_path: Path) -> None:
    """Empty, cut, undated, of no night that was, no disc: none reaches the manifest, and the first is named."""
    put(tmp_path / "in/no/20240201011954.jpg")
    put(tmp_path / "in/yes/20240201012054.jpg")
    (tmp_path / "in/no/20240201012154.jpg").write_bytes(b"")
    (tmp_path / "in/no/20240201012254.jpg").write_bytes(
        (tmp_path / "in/no/20240201011954.jpg").read_bytes()[:200]
    )
    put(tmp_path / "in/yes/20240201012354.jpg", 96, 128)
    put(tmp_path / "in/yes/99990101000000.jpg")
    put(tmp_path / "in/yes/holiday.jpg")
    words = ["sample", "--labelled", str(tmp_path / "in"), "--out", str(tmp_path / "out")]
    told = CliRunner().invoke(cli, words, catch_exceptions=False)
    assert told.exit_code == 0
    assert "left out: 5 pictures, the first of them: " in told.output
    assert len(read_manifest(tmp_path / "out/manifest.parquet")) == 2
    left = list[PictureError]()
    folder_rows(tmp_path / "in", left_out=left)
    assert sorted(one.reason for one in left) == [
        "empty", "no disc", "no time in name", "no time in name", "truncated",
    ]  # fmt: skip


def test_a_folder_of_nothing_usable_says_why(tmp_path: Path) -> None:
    put(tmp_path / "yes/holiday.jpg")
    with pytest.raises(ValueError, match=r"no pictures under .*holiday\.jpg: its name tells no time"):
        folder_rows(tmp_path)


@pytest.mark.parametrize("config", [False, True])
def test_a_night_does_not_end_at_midnight_of_utc(tmp_path: Path, config: bool) -> None:
    """Two minutes about a European midnight are one night, with the camera's place and without it."""
    for name in (
        "aurora/20240110235900",
        "none/20240111000100",
        "none/20240111180000",
        "aurora/20240112050000",
    ):
        put(tmp_path / f"in/{name}.jpg")
    (tmp_path / "a.toml").write_text(OSLO)
    words = ["sample", "--labelled", str(tmp_path / "in"), "--out", str(tmp_path / "out")]
    words += ["--config", str(tmp_path / "a.toml")] if config else []
    assert CliRunner().invoke(cli, words, catch_exceptions=False).exit_code == 0
    rows = {Path(row.path).stem: row for row in read_manifest(tmp_path / "out/manifest.parquet")}
    assert {name: row.night for name, row in rows.items()} == {
        "20240110235900": "20240111", "20240111000100": "20240111",
        "20240111180000": "20240112", "20240112050000": "20240112",
    }  # fmt: skip
    assert rows["20240110235900"].split == rows["20240111000100"].split
    assert {row.camera for row in rows.values()} == {"home" if config else ""}


@pytest.mark.parametrize("zone", range(-11, 13))
def test_nights_are_whole_wherever_the_camera_stands(zone: int) -> None:
    """Pictures from six in the evening to six in the morning, in any zone: by night, named by its morning."""
    evenings = [datetime(2024, 1, day, 18, tzinfo=UTC) - timedelta(hours=zone) for day in (10, 11, 12)]
    times = [evening + timedelta(hours=k) for evening in evenings for k in range(13)]
    nights = nights_without_place(times)
    assert nights == [f"202401{day}" for day in (11, 12, 13) for _ in range(13)]


def test_pictures_of_all_hours_need_the_cameras_place() -> None:
    """Nothing in them says when the night ends; a guess could part two pictures of a minute."""
    times = [datetime(2024, 1, 10, tzinfo=UTC) + timedelta(hours=k) for k in range(48)]
    with pytest.raises(ValueError, match="give --config"):
        nights_without_place(times)
