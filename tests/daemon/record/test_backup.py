"""Copies of a database and their return."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from daemon.errors import StoreError
from daemon.observation import utc_text
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
    with pytest.raises(
        StoreError, match=r"rubbish\.db: this backup is damaged or is no database; name an older one"
    ):
        restore(rubbish, path)
    with pytest.raises(StoreError, match=r"gone\.db: there is no such backup; name the copy"):
        restore(path.with_name("gone.db"), path)
    with pytest.raises(StoreError, match="that is the database itself"):
        backup(path, path)
    with Reader(path) as reader:
        assert reader.counts()["observations"] == 1


def test_a_backup_replaces_nothing_but_a_backup(store: Store, path: Path, tmp_path: Path) -> None:
    """Neither a record, in use or not, nor what another program wrote, nor a name beside which a log lies."""
    store.record(observation(), night=NIGHT)
    copy, other, text = (tmp_path / name for name in ("copy.db", "other.db", "precious.txt"))
    store.backup(copy)
    store.record(observation(1), night=NIGHT)
    store.backup(copy)  # the same name every week
    with Reader(copy) as reader:
        assert reader.counts()["observations"] == 2
    text.write_text("a year of notes")
    with pytest.raises(StoreError, match=r"no backup of aurorad's and stays as it is"):
        backup(path, text)
    assert text.read_text() == "a year of notes"
    for _ in range(2):  # in use, then not
        with Store(other) as in_use:
            in_use.record(observation(2), night=NIGHT)
            with pytest.raises(StoreError, match="name another file"):
                backup(path, other)
        with pytest.raises(StoreError, match="that is a record, no backup"):
            backup(path, other)
    with Reader(other) as reader:
        assert [row["observed_at"] for row in reader.between()] == [utc_text(observation(2).observed_at)]
    new = tmp_path / "new.db"
    new.with_name("new.db-wal").write_bytes(b"left by a crash")
    with pytest.raises(StoreError, match=r"new.db-wal beside it"):
        backup(path, new)
    assert not new.exists()
    link = tmp_path / "link.db"
    link.symlink_to(path)
    for same in (path, link):
        with pytest.raises(StoreError, match="that is the database itself"):
            backup(path, same)
    with pytest.raises(StoreError, match=r"nowhere/b.db: the folder .*nowhere does not exist"):
        backup(path, tmp_path / "nowhere/b.db")
    empty = tmp_path / "mktemp.db"
    empty.touch()
    backup(path, empty)


def test_a_restore_takes_no_folder_away(store: Store, tmp_path: Path) -> None:
    """The state folder named in place of its database stays, with all it holds."""
    store.record(observation(), night=NIGHT)
    store.backup(tmp_path / "copy.db")
    state = tmp_path / "state"
    (state / "frames").mkdir(parents=True)
    with pytest.raises(StoreError, match="that is no file; name the database's own file"):
        restore(tmp_path / "copy.db", state)
    assert (state / "frames").is_dir()
    assert [p.name for p in tmp_path.glob("state*")] == ["state"]


@pytest.mark.parametrize("links", [True, False], ids=["links", "none"])
def test_a_restore_that_is_killed_leaves_a_database(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    """Between setting the old one aside and naming the new one: the old one is there, all rows of its log in it."""
    store.record(observation(), night=NIGHT)
    copy = path.with_name("copy.db")
    store.backup(copy)
    store.record(observation(1), night=NIGHT)
    store.close()
    if not links:
        monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError("no links here")))
        restore(copy, path)
        with Reader(path) as reader:
            assert reader.counts()["observations"] == 1
        return

    def killed(self: Path, target: Path) -> Path:
        if self.name.endswith(".restored"):
            raise KeyboardInterrupt
        return os.replace(self, target) or target  # type: ignore[func-returns-value]

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        restore(copy, path)
    monkeypatch.undo()
    with Reader(path) as reader:
        assert reader.counts()["observations"] == 2


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
