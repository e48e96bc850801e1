"""Files appear whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.files import move_durably, replacing, write_whole


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def broken_write(target: Path, fault: type[BaseException]) -> None:
    with replacing(target) as part:
        part.write_text("half")
        raise fault


@pytest.mark.parametrize("durable", [False, True])
def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path: Path, durable: bool) -> None:
    """Until the block ends a reader sees the old contents; afterwards the new ones, and nothing beside them."""
    target = tmp_path / "night.json"
    target.write_text("old")
    with replacing(target, durable=durable) as part:
        part.write_text("half")
        assert (part.parent, part.suffix) == (tmp_path, ".json")
        assert target.read_text() == "old"
        part.write_text("new")
    assert target.read_text() == "new"
    assert names(tmp_path) == ["night.json"]


@pytest.mark.parametrize("fault", [OSError, KeyboardInterrupt])
def test_a_failed_write_leaves_the_old_file_and_no_rest(tmp_path: Path, fault: type[BaseException]) -> None:
    """A full disk or Ctrl-C in the middle changes nothing and leaves nothing."""
    target = tmp_path / "labels.csv"
    target.write_text("old")
    with pytest.raises(fault):
        broken_write(target, fault)
    assert target.read_text() == "old"
    assert names(tmp_path) == ["labels.csv"]


def test_a_failed_rename_leaves_no_rest(tmp_path: Path) -> None:
    """Where the name is taken by a folder, the error is the caller's and the part is gone."""
    (tmp_path / "a.jpg").mkdir()
    with pytest.raises(IsADirectoryError):
        write_whole(tmp_path / "a.jpg", b"picture")
    assert names(tmp_path) == ["a.jpg"]


def test_what_a_kill_left_is_not_gone_on_with(tmp_path: Path) -> None:
    """A part of an earlier process is removed first: a writer that appends or opens it begins anew."""
    target = tmp_path / "copy.db"
    with replacing(target) as left:
        left.write_text("old")
    left.write_text("of a killed process")
    with replacing(target) as part:
        assert part == left
        assert not part.exists()
        part.write_text("new")
    assert target.read_text() == "new"


def test_two_writers_of_one_target_do_not_meet(tmp_path: Path) -> None:
    """Each has a part of its own; the one that ends last is what stays."""
    target = tmp_path / "night.parquet"
    with replacing(target, mark="1") as one, replacing(target, mark="2") as two:
        one.write_text("one")
        two.write_text("two")
    assert target.read_text() == "one"
    assert names(tmp_path) == ["night.parquet"]


def test_bytes_and_moves(tmp_path: Path) -> None:
    """The short ways: bytes at once, and a file that is on disk already."""
    write_whole(str(tmp_path / "a.jpg"), b"picture")
    move_durably(tmp_path / "a.jpg", tmp_path / "b.jpg")
    assert (tmp_path / "b.jpg").read_bytes() == b"picture"
    assert names(tmp_path) == ["b.jpg"]
