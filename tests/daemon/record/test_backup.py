"""Copies of a database and their return."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from daemon.errors import StoreError
from daemon.record.store import Reader, Store, backup, restore
from tests.daemon.record.made import NIGHT, observation


def test_a_backup_of_a_database_in_use_is_whole_and_can_be_restored(store: Store, path: Path) -> None:
    """The copy is consistent and checked; restoring keeps what was there aside."""
    store.record(observation(), night=NIGHT)
    copy = path.with_name("backup.db")
    store.backup(copy)
    store.record(observation(1), night=NIGHT)
    with Reader(copy) as reader:
        assert reader.counts()["observations"] == 1
    with pytest.raises(StoreError, match="stop it first"):
        restore(copy, path)
    store.close()
    aside = restore(copy, path)
    assert aside is not None
    for name, rows in ((path, 1), (aside, 2)):
        with Reader(name) as reader:
            assert reader.counts()["observations"] == rows
    assert not [p for p in path.parent.iterdir() if ".part" in p.name or p.name.endswith(".restored")]


def test_restoring_rubbish_leaves_the_database(store: Store, path: Path) -> None:
    """A damaged backup is refused before anything is touched."""
    store.record(observation(), night=NIGHT)
    store.close()
    rubbish = path.with_name("rubbish.db")
    rubbish.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    with pytest.raises(StoreError):
        restore(rubbish, path)
    with pytest.raises(StoreError, match="that is the database itself"):
        backup(path, path)
    with Reader(path) as reader:
        assert reader.counts()["observations"] == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("gone", [False, True])
def test_what_root_restores_belongs_to_the_services_user(store: Store, path: Path, gone: bool) -> None:
    """`sudo aurorad restore` for a service with a user of its own: the watch can write to its record again."""
    store.record(observation(), night=NIGHT)
    copy = path.with_name("backup.db")
    store.backup(copy)
    store.close()
    lock = path.with_name(path.name + ".lock")
    for owned in (path.parent, path):
        os.chown(owned, 12345, 12346)
    lock.unlink()
    if gone:
        path.unlink()
    restore(copy, path)
    for name in (path, lock):
        assert (name.stat().st_uid, name.stat().st_gid) == (12345, 12346), name
