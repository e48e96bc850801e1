"""What cannot be opened, read or written is named in one line with its fix, and nothing is half-written."""

from __future__ import annotations

import errno
import io
import os
import sqlite3
import tempfile
from pathlib import Path
from typing import IO

import pytest

from daemon.errors import StoreError
from daemon.record import database
from daemon.record.store import Reader, Store, backup
from tests.daemon.record.made import COLUMN, NIGHT, message, observation


def test_two_writers_on_one_database_are_refused(store: Store, path: Path) -> None:
    """The second daemon is told which process has it; when the first is gone, it may."""
    with pytest.raises(StoreError, match=rf"another aurorad \(process {os.getpid()}\)") as told:
        Store(path)
    assert told.value.reason == "locked"
    store.close()
    Store(path).close()


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"this is no database, " * 100, "damaged"), (b"SQLite format 3\0" + b"\xff" * 5000, "damaged")],
)
def test_what_is_no_database_is_named(path: Path, content: bytes, reason: str) -> None:
    """A corrupt file is one line with the mend, for the writer and for readers, and left untouched."""
    path.write_bytes(content)
    for opening in (Store, Reader):
        with pytest.raises(StoreError, match="restore a backup with `aurorad restore`") as told:
            opening(path)
        assert told.value.reason == reason
        assert "\n" not in str(told.value)
    assert path.read_bytes() == content


def test_a_page_damaged_later_is_named_too(store: Store, path: Path) -> None:
    """Damage inside the file is found when it is read, and said the same way."""
    with store.batch():
        for minute in range(500):
            store.record(observation(minute), night=NIGHT)
    store.close()
    data = bytearray(path.read_bytes())
    behind = len(data) // 2 // 4096 * 4096  # rows: the tables' own pages come first
    data[behind:] = b"\x55" * (len(data) - behind)
    path.write_bytes(data)
    with Reader(path) as reader, pytest.raises(StoreError) as told:
        reader.between("yellowknife")
    assert told.value.reason == "damaged"
    with pytest.raises(StoreError):
        backup(path, path.with_name("copy.db"))
    assert not path.with_name("copy.db").exists()


def test_somebody_else_s_database_is_left_alone(path: Path) -> None:
    """A SQLite file of another program gets none of our tables."""
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE things (a)")
    other.close()
    for opening in (Store, Reader):
        with pytest.raises(StoreError, match="was not written by aurorad") as told:
            opening(path)
        assert told.value.reason == "foreign"


def test_a_missing_database_and_a_missing_folder_are_named(path: Path) -> None:
    """A reader makes no file; a writer makes no folder."""
    with pytest.raises(StoreError, match="there is no such database"):
        Reader(path)
    with pytest.raises(StoreError, match="does not exist; create it"):
        Store(path.parent / "no" / "x.db")
    assert list(path.parent.iterdir()) == []


def test_a_database_locked_from_outside_is_named_and_usable_after(store: Store, path: Path) -> None:
    """Another program's write lock is an error that names the mend; once gone, writing goes on."""
    store._db.execute("PRAGMA busy_timeout = 50")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="another program keeps the database locked; close it") as told:
        store.record(observation(), night=NIGHT)
    assert told.value.reason == "locked"
    other.execute("ROLLBACK")
    other.close()
    assert store.record(observation(), night=NIGHT)


def test_a_full_disk_loses_nothing_that_was_acknowledged(store: Store, path: Path) -> None:
    """SQLite's own "full" leaves no half row; with space again the same frame is written."""
    store._db.execute(f"PRAGMA max_page_count = {store._db.execute('PRAGMA page_count').fetchone()[0] + 3}")
    written = []

    def fill() -> None:
        for minute in range(500):
            more = [message(str(minute))]
            assert store.record(observation(minute), night=NIGHT, column=COLUMN, messages=more)
            written.append(minute)

    with pytest.raises(StoreError, match="the disk is full") as told:
        fill()
    assert told.value.reason == "full"
    with Reader(path) as reader:
        counts = reader.counts()
        rows = len(reader.between("yellowknife"))
    assert counts["observations"] == counts["messages"] == counts["pictures"] == rows == len(written) > 0
    store._db.execute("PRAGMA max_page_count = 1000000")
    assert store.record(observation(len(written)), night=NIGHT, column=COLUMN, messages=[message("more")])


@pytest.mark.parametrize("kept", ["{", "[1]", '{"event": 5}', '{"event": {"id": "x"}}'])
def test_an_event_state_that_cannot_be_read_is_one_line_with_the_way_out(tmp_path: Path, kept: str) -> None:
    """It had ended the start as an error nobody foresaw; other cameras' states are read as ever."""
    with Store(tmp_path / "a.db") as store:
        pass
    with sqlite3.connect(tmp_path / "a.db") as db:
        db.execute("INSERT INTO event_states (camera, json) VALUES ('here', ?)", [kept])
    db.close()
    with Store(tmp_path / "a.db") as store:
        with pytest.raises(
            StoreError, match=r"event of camera 'here' cannot be read .*event_states"
        ) as caught:
            store.progress.event_state("here")
        assert caught.value.reason == "damaged"
        assert "\n" not in str(caught.value)
        assert store.progress.event_state("there").event is None


@pytest.mark.parametrize(
    ("refused", "reason", "words"),
    [
        (errno.EROFS, "unwritable", "the disk has become read-only"),
        (None, "failed", "disk I/O error; look for"),
    ],
)
def test_a_disk_that_fails_is_called_so(
    refused: int | None, reason: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite has one word for both: whether the disk has become read-only is tried."""
    fault = sqlite3.OperationalError("disk I/O error")
    fault.sqlite_errorname = "SQLITE_IOERR_WRITE"

    def temporary_file(**_where: object) -> IO[bytes]:
        if refused is not None:
            raise OSError(refused, os.strerror(refused))
        return io.BytesIO()

    monkeypatch.setattr(tempfile, "TemporaryFile", temporary_file)
    with pytest.raises(StoreError, match=words) as raised, database.translated(tmp_path / "a.db"):
        raise fault
    assert raised.value.reason == reason
