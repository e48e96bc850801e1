"""Pictures that cannot be kept: no inodes left, a disk that has become read-only. Rows go on, somebody is told."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.record.picture_files import PictureFolder
from tests.faults.conftest import Entry
from tests.faults.harness import Sky, Watch, check_watch, watching


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk for the pictures alone, with few inodes."""
    place = tmp_path / "state/frames"
    place.mkdir(parents=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=50m,nr_inodes=6", "tmpfs", str(place)], capture_output=True
    )
    if done.returncode:
        pytest.skip(f"no disk can be mounted here: {done.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def remount(place: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(place)], check=True)


def kept_house(watch: Watch) -> Watch:
    """Housekeeping comes once a real minute, which is an hour here."""
    watch.service._keep_house()
    return watch


def test_pictures_that_cannot_be_kept(disk: Path, tmp_path: Path, green: Path, matrix: Entry) -> None:
    """Counted by reason, told once when it begins and once when it is over; no row is lost by it."""
    with watching(tmp_path, green, {"cam": Sky()}, channels=["owner"]) as watch:
        for injected, reason, broken, whole in (
            ("no inode left for pictures", "no space", None, "nr_inodes=100000"),
            ("the pictures' disk become read-only", "no rights", "ro", "rw"),
        ):
            if broken:
                remount(disk, broken)
            before = len(watch.judged("cam"))
            told = len(watch.operator_mail("ictures cannot be kept"))
            over = len(watch.operator_mail("ictures are kept again"))
            watch.wait(
                lambda r=reason: kept_house(watch).counter("pictures_lost_total", reason=r) >= 2, injected, 8
            )
            assert len(watch.operator_mail("ictures cannot be kept")) == told + 1
            remount(disk, whole)
            watch.wait(
                lambda n=over: len(kept_house(watch).operator_mail("ictures are kept again")) == n + 1,
                "over",
                6,
            )
            assert len(watch.judged("cam")) >= before + 2
            assert len(watch.operator_mail("ictures cannot be kept")) == told + 1
            check_watch(watch)
            matrix(
                "The record",
                injected,
                f"counted as “{reason}”, reported, and so is its end; every row written",
            )
        kept = {row["observed_at"]: row["path"] for row in watch.rows("SELECT * FROM pictures")}
        assert all((disk / path).stat().st_size for path in kept.values())
        assert {row["observed_at"] for row in watch.judged("cam")} - kept.keys(), "rows without one"


@pytest.mark.parametrize(
    ("number", "reason"),
    [(errno.ENOSPC, "no space"), (errno.EDQUOT, "no space"), (errno.EACCES, "no rights"), (errno.EROFS, "no rights"),
     (errno.EIO, "other")],
)  # fmt: skip
def test_every_lost_picture_has_a_reason(
    number: int, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a small fixed set, with a fix; a write that goes well ends it."""
    folder = PictureFolder(tmp_path)
    assert folder.fault is None, "before the first write nothing is known"
    replace = os.replace

    def broken(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "replace", broken)
    assert folder.write("cam/a.jpg", b"a") is None
    assert folder.write("cam/b.jpg", b"b") is None
    assert os.strerror(number) in (folder.fault or "")
    assert ";" in (folder.fault or "")
    assert dict(folder.lost()) == {reason: 2}
    assert dict(folder.lost()) == {}
    assert not list(tmp_path.rglob("*.part*"))
    monkeypatch.setattr(os, "replace", replace)
    assert folder.write("cam/a.jpg", b"a") == "cam/a.jpg"
    assert folder.fault == ""
