"""Kept pictures: written whole, and gone with their nights."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from daemon.record.picture_files import PictureFolder


def test_a_night_past_its_time_goes_with_all_that_is_in_it(tmp_path: Path) -> None:
    """The keogram of the summary and what a crash left without a row go too; newer nights stay."""
    folder = PictureFolder(tmp_path)
    for night in ("2024-02-09", "2024-02-10"):
        folder.write(f"cam/{night}/keogram.png", b"png")
        folder.write(f"cam/{night}/20240210050000_x_0.jpg", b"jpg")
    (tmp_path / "cam/2024-02-09/left.part").write_bytes(b"half")
    folder.remove_nights(date(2024, 2, 10))
    assert sorted(path.name for path in (tmp_path / "cam").iterdir()) == ["2024-02-10"]
    assert len(list((tmp_path / "cam/2024-02-10").iterdir())) == 2


def test_a_labelled_picture_outlives_its_night(tmp_path: Path) -> None:
    """Of a night past its time the pictures that are spared stay, and nothing else does."""
    folder = PictureFolder(tmp_path)
    for name in ("keogram.png", "a.jpg", "b.jpg"):
        folder.write(f"cam/2024-02-09/{name}", b"picture")
    folder.remove_nights(date(2024, 2, 10), {"cam/2024-02-09/b.jpg"})
    assert [path.name for path in (tmp_path / "cam/2024-02-09").iterdir()] == ["b.jpg"]
