"""A folder another program writes: the newest whole picture, once."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest

from daemon.config import SourceSettings
from daemon.errors import FetchError
from daemon.source.folder import FolderSource
from daemon.source.listing import KEPT, Listing


def picture(seed: int = 0, kind: str = ".jpg") -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 90, (40, 60, 3), dtype=np.uint8)
    return cv2.imencode(kind, pixels)[1].tobytes()


def put(path: Path, data: bytes, age_s: float = 30.0) -> Path:
    """A file that was written some time ago."""
    path.write_bytes(data)
    then = time.time() - age_s
    os.utime(path, (then, then))
    return path


def watching(folder: Path, cursor: str | None = None, **more: object) -> FolderSource:
    settings = SourceSettings.model_validate({"kind": "folder", "path": str(folder), **more})
    return FolderSource(settings, cursor=cursor)


def test_the_newest_picture_is_given_once(tmp_path: Path) -> None:
    """Of several new files the newest is taken; a second look finds nothing new; a later file does."""
    put(tmp_path / "b.jpg", picture(1), 300)
    newest = put(tmp_path / "a.jpg", picture(2), 100)
    source = watching(tmp_path)
    still = source.latest()
    assert still is not None
    assert still.data == newest.read_bytes()
    assert still.source == str(newest)
    assert still.name == "a.jpg"
    assert still.last_modified == datetime.fromtimestamp(newest.stat().st_mtime_ns / 1e9, UTC)
    assert source.latest() is None
    put(tmp_path / "c.jpg", picture(3), 10)
    again = source.latest()
    assert again is not None
    assert again.name == "c.jpg"


def test_after_a_restart_the_cursor_goes_on(tmp_path: Path) -> None:
    """What was given before the restart is not given again; a spoilt cursor only repeats one."""
    put(tmp_path / "a.jpg", picture(), 100)
    before = watching(tmp_path)
    assert before.latest() is not None
    assert watching(tmp_path, before.cursor).latest() is None
    assert watching(tmp_path, "nonsense").latest() is not None
    put(tmp_path / "b.jpg", picture(1), 50)
    after = watching(tmp_path, before.cursor).latest()
    assert after is not None
    assert after.name == "b.jpg"


@pytest.mark.parametrize("kind", [".jpg", ".png"])
def test_a_file_being_written_is_left_until_it_is_whole(tmp_path: Path, kind: str) -> None:
    """Half a picture is never given; the one before it is, and the whole one as soon as it is there."""
    data = picture(1, kind)
    put(tmp_path / f"a{kind}", picture(0, kind), 100)
    source = watching(tmp_path, pattern=f"*{kind}")
    growing = tmp_path / f"b{kind}"
    growing.write_bytes(data[: len(data) // 2])
    first = source.latest()
    assert first is not None
    assert first.name == f"a{kind}"
    growing.write_bytes(data[: len(data) * 3 // 4])
    assert source.latest() is None
    growing.write_bytes(data)
    whole = source.latest()
    assert whole is not None
    assert whole.data == data


def test_a_file_that_stopped_growing_is_taken_as_it_is(tmp_path: Path) -> None:
    """A picture that will never be whole is handed on, so that it is counted and not waited for."""
    cut = picture()[:-200]
    source = watching(tmp_path)
    (tmp_path / "a.jpg").write_bytes(cut)
    assert source.latest() is None
    given = source.latest()
    assert given is not None
    assert given.data == cut


def test_drafts_folders_and_pipes_are_no_pictures(tmp_path: Path) -> None:
    """Names with a leading dot, other patterns, folders, and pipes that would block are passed over."""
    put(tmp_path / ".a.jpg", picture())
    put(tmp_path / "a.jpg.tmp", picture())
    (tmp_path / "b.jpg").mkdir()
    os.mkfifo(tmp_path / "c.jpg")
    assert watching(tmp_path).latest() is None


def test_what_is_no_picture_is_said_once_and_passed_over(tmp_path: Path) -> None:
    """Text under a picture's name raises once; the next picture is taken."""
    source = watching(tmp_path)
    put(tmp_path / "a.jpg", b"<html>", 60)
    with pytest.raises(FetchError) as caught:
        source.latest()
    assert caught.value.reason == "not an image"
    assert source.latest() is None
    put(tmp_path / "b.jpg", picture(), 30)
    assert source.latest() is not None


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_rights_is_said_once(tmp_path: Path) -> None:
    """A file that cannot be read raises once, naming it."""
    put(tmp_path / "a.jpg", picture(), 60).chmod(0)
    source = watching(tmp_path)
    with pytest.raises(FetchError, match=r"a\.jpg"):
        source.latest()
    assert source.latest() is None


def test_a_file_too_large_is_not_read(tmp_path: Path) -> None:
    """The limit on bytes holds for files too."""
    put(tmp_path / "a.jpg", picture())
    with pytest.raises(FetchError) as caught:
        watching(tmp_path, max_bytes=100).latest()
    assert caught.value.reason == "too large"


def test_a_file_from_the_future_hides_no_other(tmp_path: Path) -> None:
    """One file dated next year does not stop the watch."""
    source = watching(tmp_path)
    put(tmp_path / "a.jpg", picture(), -400 * 86400)
    assert source.latest() is not None
    time.sleep(0.02)
    (tmp_path / "b.jpg").write_bytes(picture(1))
    still = source.latest()
    assert still is not None
    assert still.name == "b.jpg"


@pytest.mark.parametrize("ahead_s", [7200, 3 * 86400], ids=["two hours", "three days"])
def test_a_clock_put_right_again_blinds_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ahead_s: int
) -> None:
    """Pictures came while the clock ran ahead; after it is put back the next one is seen, in place or by name."""
    source = watching(tmp_path)
    for name in ("image.jpg", "b.jpg"):
        put(tmp_path / name, picture(), 1)
    assert source.latest() is not None
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() - ahead_s * 1_000_000_000)
    assert source.latest() is None
    for number, name in enumerate(("image.jpg", "c.jpg"), start=1):
        put(tmp_path / name, picture(number), ahead_s + 5 - number)
        still = source.latest()
        assert still is not None
        assert still.name == name
        assert source.latest() is None


def test_folders_by_date_are_searched_where_the_pattern_says_so(tmp_path: Path) -> None:
    """A pattern with a slash looks into the folders a camera program makes for each night."""
    (tmp_path / "20240210").mkdir()
    put(tmp_path / "20240210" / "a.jpg", picture())
    still = watching(tmp_path, pattern="*/*.jpg").latest()
    assert still is not None
    assert still.name == "a.jpg"


@pytest.mark.parametrize("pattern", ["*.jpg", "*/*.jpg"])
def test_a_folder_that_is_not_there_is_told(tmp_path: Path, pattern: str) -> None:
    """A missing folder is an error of one line, not an empty night."""
    source = watching(tmp_path / "gone", pattern=pattern)
    with pytest.raises(FetchError) as caught:
        source.latest()
    assert caught.value.reason == "unreadable"
    assert str(tmp_path / "gone") in str(caught.value)


def test_ask_shows_the_newest_without_taking_it(tmp_path: Path) -> None:
    """What doctor asks changes nothing for the watch; an empty folder is told."""
    source = watching(tmp_path)
    with pytest.raises(FetchError) as caught:
        source.ask()
    assert caught.value.reason == "empty"
    put(tmp_path / "a.jpg", picture())
    assert source.ask().name == "a.jpg"
    assert source.latest() is not None


def test_a_picture_written_over_is_taken_once_it_rests(tmp_path: Path) -> None:
    """``latest.jpg``, written over in place: its old end does not make half of the new one a picture."""
    latest = put(tmp_path / "latest.jpg", picture(1), 100)
    source = watching(tmp_path, pattern="latest.jpg")
    assert source.latest() is not None
    half = picture(2)[:1000] + picture(1)[1000:]
    latest.write_bytes(half)
    assert source.latest() is None
    wanted = datetime.now(UTC) + timedelta(minutes=1)
    assert source.next_request(wanted) < wanted - timedelta(seconds=50)
    put(latest, picture(2), 3)
    whole = source.latest()
    assert whole is not None
    assert whole.data == picture(2)
    assert source.next_request(wanted) == wanted


def test_a_picture_that_never_rests_is_taken_all_the_same(tmp_path: Path) -> None:
    """A program that writes faster than we would wait does not blind the watch."""
    latest = put(tmp_path / "latest.jpg", picture(1), 100)
    source = watching(tmp_path, pattern="latest.jpg")
    assert source.latest() is not None
    latest.write_bytes(picture(2))
    assert source.latest() is None
    latest.write_bytes(picture(3))
    given = source.latest()
    assert given is not None
    assert given.data == picture(3)


def test_a_picture_written_to_while_it_is_read_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the file was before and after the reading must be the same file."""
    latest = put(tmp_path / "latest.jpg", picture(1), 100)
    source = watching(tmp_path, pattern="latest.jpg")
    before = os.fstat

    def written_to(handle: int) -> os.stat_result:
        latest.write_bytes(picture(2))
        return before(handle)

    monkeypatch.setattr(os, "fstat", written_to)
    assert source.latest() is None
    monkeypatch.undo()
    put(latest, picture(2), 5)
    given = source.latest()
    assert given is not None
    assert given.data == picture(2)


LAYOUTS = {
    "dated folders": "%Y%m%d/image-%Y%m%d%H%M%S.jpg",
    "times in them": "%Y%m%d/%H%M%S.jpg",
    "flat": "%Y%m%d%H%M%S.jpg",
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_the_first_look_does_not_grow_with_the_archive(
    tmp_path: Path, layout: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a year of nights only the files of the newest are looked at, and the newest is found."""
    looked_at: list[str] = []
    real = os.stat

    def counted(path: str, **more: bool) -> os.stat_result:
        looked_at.append(str(path))
        return real(path, **more)

    looks = {}
    for nights in (5, 40):
        root = tmp_path / str(nights)
        now = datetime.now(UTC) - timedelta(hours=12)
        for number in range(nights * 70):  # 70 pictures a night: more than are looked at however old they are
            night, minute = divmod(number, 70)
            at = now - timedelta(days=nights - 1 - night) + timedelta(minutes=minute)
            path = root / at.strftime(layout)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
            os.utime(path, (at.timestamp(),) * 2)
            os.utime(path.parent, (at.timestamp(),) * 2)
        put(root / "latest.txt", b"")
        with monkeypatch.context() as during:
            during.setattr("daemon.source.listing.os.stat", counted)
            newest = Listing(str(root), "**/*.jpg").newest_first()
        assert newest[0].path == str(path)
        looks[nights] = sum(one.endswith(".jpg") for one in looked_at)
        looked_at.clear()
    assert looks[40] == looks[5] <= 4 * 70 + 2 * KEPT


def test_a_picture_written_over_in_an_old_folder_is_found_at_the_first_look(tmp_path: Path) -> None:
    """``latest.jpg`` bears no date, and its folder is as old as its first day: few such files are always looked at."""
    (tmp_path / "20240101").mkdir()
    for minute in range(100):
        put(tmp_path / "20240101" / f"2024010123{minute:02d}.jpg", picture(), 86400.0 + 60 * minute)
    (tmp_path / "now").mkdir()
    put(tmp_path / "now" / "latest.jpg", picture(), 30.0)
    os.utime(tmp_path / "now", (1e9, 1e9))
    source = watching(tmp_path, pattern="**/*.jpg")
    still = source.latest()
    assert still is not None
    assert still.name == "latest.jpg"


def test_a_camera_whose_clock_fell_back_is_found_with_its_next_picture(tmp_path: Path) -> None:
    """Names of the wrong year are passed over at the first look alone."""
    for minute in range(100):
        put(tmp_path / f"2024010123{minute:02d}.jpg", picture(), 86400.0 + 60 * minute)
    put(tmp_path / "201801010000.jpg", picture(), 60.0)
    source = watching(tmp_path)
    first = source.latest()
    put(tmp_path / "201801010001.jpg", picture(), 10.0)
    second = source.latest()
    assert first is not None
    assert second is not None
    assert (first.name, second.name) == ("202401012300.jpg", "201801010001.jpg")
