"""A database that was replaced or removed under its writer: nothing is acknowledged into nowhere."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from daemon.errors import StoreError
from daemon.record.store import Reader, Store
from tests.daemon.record.made import COLUMN, NIGHT, event, message, observation


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "state").mkdir()
    return tmp_path / "state/aurorad.db"


def replaced(path: Path) -> None:
    with Store(path.with_name("other.db")) as other:
        other.record(observation(100), night=NIGHT)
    path.with_name("other.db").replace(path)


GONE = [
    lambda path: path.unlink(),
    lambda path: shutil.rmtree(path.parent),
    lambda path: path.rename(path.parent / "b.db"),
]


@pytest.mark.parametrize(
    "spoil", [*GONE, replaced], ids=["removed", "its folder deleted", "moved away", "replaced"]
)
def test_nothing_is_written_where_the_path_does_not_lead(
    store: Store, path: Path, spoil: Callable[[Path], None]
) -> None:
    """A row, a label, a message: each is refused with the reason, and leaves no trace in the open file."""
    store.record(observation(), night=NIGHT)
    assert store.in_place
    spoil(path)
    assert not store.in_place
    writes: list[Callable[[], object]] = [
        lambda: store.record(observation(1), night=NIGHT, column=COLUMN),
        lambda: store.put_event(event()),
        lambda: store.enqueue([message()]),
        lambda: store.progress.put_conditions({"a": "b"}),
    ]
    for write in writes:
        with pytest.raises(StoreError, match="replaced or removed") as refused:
            write()
        assert refused.value.reason == "moved"
    assert store.reader.counts()["observations"] == 1


@pytest.mark.parametrize("spoil", GONE, ids=["removed", "its folder deleted", "moved away"])
def test_a_database_that_is_gone_is_put_back_whole(
    store: Store, path: Path, spoil: Callable[[Path], None]
) -> None:
    """What was acknowledged is at the path again, and what comes next is written beside it."""
    for minute in range(50):
        store.record(observation(minute), night=NIGHT, column=COLUMN, messages=[message(str(minute))])
    spoil(path)
    store.reopen()
    assert store.in_place
    assert store.record(observation(50), night=NIGHT)
    store.close()
    with Reader(path) as reader:
        assert reader.counts()["observations"] == len(reader.between()) == 51
        assert len(reader.messages()) == 50
        assert reader.query("PRAGMA integrity_check") == [{"integrity_check": "ok"}]


def test_a_database_in_its_place_is_written_on_and_the_old_log_stays_with_the_old(
    store: Store, path: Path
) -> None:
    """The new one gets none of the old one's rows; the old one, wherever it went, lacks none of its own."""
    store.record(observation(), night=NIGHT)
    path.with_name("old.db").hardlink_to(path)
    replaced(path)
    store.reopen()
    assert store.record(observation(1), night=NIGHT)
    store.close()
    for name, minutes in (("aurorad.db", [1, 100]), ("old.db", [0])):
        with Reader(path.with_name(name)) as reader:
            rows = [row["observed_at"] for row in reader.between()]
            assert rows == [row["observed_at"] for row in map(_row, minutes)]
            assert reader.query("PRAGMA integrity_check") == [{"integrity_check": "ok"}]


def _row(minute: int) -> dict[str, str]:
    return {"observed_at": f"{observation(minute).observed_at:%Y-%m-%dT%H:%M:%SZ}"}


def test_what_is_no_database_is_refused_until_one_is_there(store: Store, path: Path) -> None:
    """Rubbish or somebody else's file in its place is left alone; the next try finds what is there then."""
    store.record(observation(), night=NIGHT)
    (path.parent / "rubbish").write_bytes(b"no database " * 1000)
    (path.parent / "rubbish").replace(path)
    with pytest.raises(StoreError):
        store.reopen()
    assert not store.in_place
    path.unlink()
    store.reopen()
    assert store.record(observation(1), night=NIGHT)
    assert store.reader.counts()["observations"] == 2
