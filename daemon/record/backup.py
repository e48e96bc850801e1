"""A database's copy and its return. Part of the store's room.

A copy is checked by SQLite and on the disk before it gets its name, so a file of that name is whole.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

from daemon.errors import StoreError
from daemon.files import owned_like, replacing
from daemon.record.database import LOG, WriterLock, connect_reader, translated
from daemon.record.migrations import check_version

_MAGIC, _WRITTEN_BY_LOG = b"SQLite format 3\0", 2


def backup(source: Path, target: Path) -> None:
    """Copy a database, in use or not, to ``target``: a consistent snapshot, checked before it is named.

    An earlier backup of that name gives way; a record, and whatever else is there, does not.
    """
    _refuse_what_is_not_ours(source)
    _refuse_to_replace(target, source)
    _copy_verified(source, target)


def restore(source: Path, target: Path) -> Path | None:
    """Put a backup in a database's place; nobody may be writing there.

    What was there is kept beside it under a name with the time; returns that name, or None. At every moment there
    is a database of that name, the old one or the new. Root leaves the new file to the owner of the old one, or of
    the folder.
    """
    _refuse_what_is_no_backup(source)
    if target.exists() and not target.is_file():
        raise StoreError("not allowed", f"{target}: that is no file; name the database's own file")
    lock = WriterLock(target)
    try:
        fresh = target.with_name(target.name + ".restored")
        _copy_verified(source, fresh)
        owned_like(fresh, target if target.exists() else target.parent)
        aside = _set_aside(target) if target.exists() else None
        fresh.replace(target)
    except OSError as error:
        raise StoreError("unwritable", f"{target}: cannot be replaced: {error.strerror}") from error
    finally:
        lock.release()
    return aside


_NO_BACKUP = {
    "missing": "there is no such backup; name the copy that `aurorad backup` has written",
    "damaged": "this backup is damaged or is no database; name an older one. Nothing was changed",
}


def _refuse_what_is_no_backup(source: Path) -> None:
    """As below, in the words of somebody who has a backup in hand: "restore a backup" would not help them."""
    try:
        _refuse_what_is_not_ours(source)
    except StoreError as error:
        if error.reason not in _NO_BACKUP:
            raise
        raise StoreError(error.reason, f"{source}: {_NO_BACKUP[error.reason]}") from error


def _refuse_what_is_not_ours(source: Path) -> None:
    """An older aurorad's database is copied as it is: an upgrade begins with its backup."""
    with closing(connect_reader(source)) as reading, translated(source):
        check_version(reading, source, older_too=True)


def _refuse_to_replace(target: Path, source: Path) -> None:
    """Whoever mixes up a backup's name and the record's must not lose the record. Raises StoreError."""
    if not target.parent.is_dir():
        raise StoreError("missing", f"{target}: the folder {target.parent} does not exist; create it")
    if target.exists() and target.samefile(source):
        message = f"{target}: that is the database itself; name another file for the backup"
        raise StoreError("not allowed", message)
    if left := [p.name for end in LOG if (p := target.with_name(target.name + end)).exists()]:
        message = f"{target}: {' and '.join(left)} beside it belong to a database in use; name another file for the backup"
        raise StoreError("not allowed", message)
    if not target.exists() or (target.is_file() and target.stat().st_size == 0):
        return
    head = b""
    with suppress(OSError), target.open("rb") as file:
        head = file.read(20)
    if not head.startswith(_MAGIC):
        message = f"{target}: that is no backup of aurorad's and stays as it is; name another file"
        raise StoreError("not allowed", message)
    if head[18] == _WRITTEN_BY_LOG:  # a copy is made without
        message = (
            f"{target}: that is a record, no backup, and stays as it is; name another file for the backup"
            " (`aurorad restore` puts a backup in a record's place)"
        )
        raise StoreError("not allowed", message)
    _refuse_what_is_not_ours(target)


def _set_aside(path: Path) -> Path:
    """Give a database a second name, by which it stays when another takes the first."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(path)) as whole:
        whole.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # then it is one file; a damaged one stays as it is
    aside = path.with_name(f"{path.name}.before-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
    try:
        os.link(path, aside)
    except OSError:  # a file system without links
        path.replace(aside)
    for ending in LOG:
        part = path.with_name(path.name + ending)
        if part.exists():
            part.replace(aside.with_name(aside.name + ending))
    return aside


def _copy_verified(source: Path, target: Path) -> None:
    """Copy a database that may be in use, check the copy, and only then give it its name.

    The copy is one consistent snapshot; the writer goes on meanwhile. Raises StoreError.
    """
    try:
        with (
            replacing(target, durable=True) as part,
            closing(connect_reader(source)) as reading,
            translated(part),
            closing(sqlite3.connect(part)) as copy,
        ):
            reading.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")
            verdict = copy.execute("PRAGMA integrity_check(1)").fetchone()[0]
            if verdict != "ok":
                raise StoreError("damaged", f"{source}: the copy does not pass SQLite's check: {verdict}")
    except FileNotFoundError as error:
        raise StoreError(
            "missing", f"{target}: the folder {target.parent} does not exist; create it"
        ) from error
    except OSError as error:
        raise StoreError("unwritable", f"{target}: cannot be written: {error.strerror}") from error
