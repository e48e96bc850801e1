"""A database's copy and its return. Part of the store's room.

A copy is checked by SQLite and on the disk before it gets its name, so a file of that name is whole.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from daemon.errors import StoreError
from daemon.files import owned_like, replacing
from daemon.record.database import WriterLock, connect_reader, translated
from daemon.record.migrations import check_version


def backup(source: Path, target: Path) -> None:
    """Copy a database, in use or not, to ``target``: a consistent snapshot, checked before it is named."""
    if source.absolute() == target.absolute():
        message = f"{target}: that is the database itself; name another file for the backup"
        raise StoreError("not allowed", message)
    _refuse_what_is_not_ours(source)
    _copy_verified(source, target)


def restore(source: Path, target: Path) -> Path | None:
    """Put a backup in a database's place; nobody may be writing there.

    What was there is kept beside it under a name with the time; returns that name, or None. Root leaves the
    new file to the owner of the old one, or of the folder.
    """
    _refuse_what_is_not_ours(source)
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


def _refuse_what_is_not_ours(source: Path) -> None:
    """An older aurorad's database is copied as it is: an upgrade begins with its backup."""
    with closing(connect_reader(source)) as reading, translated(source):
        check_version(reading, source, older_too=True)


def _set_aside(path: Path) -> Path:
    """Rename a database with its write-ahead log, which would spoil whatever took its place."""
    aside = path.with_name(f"{path.name}.before-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
    for ending in ("-wal", "-shm", ""):
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
    except OSError as error:
        raise StoreError("unwritable", f"{target}: cannot be written: {error.strerror}") from error
