"""Opening SQLite files, and saying in one line what is wrong with them.

Other programs corrupt a WAL file of SQLite up to 3.51.2 only by writing beside us: there is one
writing connection, held under a lock of its own (:class:`WriterLock`), and everybody else opens
``mode=ro``.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Self
from urllib.parse import quote

from sqlite_utils import Database

from daemon.errors import StoreError, UsageError
from daemon.files import owned_like

BUSY_TIMEOUT_S = 5.0


class Closing:
    """What is closed at the end of its ``with``."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of what is held. Twice does no harm."""
        raise NotImplementedError


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into :class:`StoreError`, one line that names the file and the fix."""
    try:
        yield
    except sqlite3.Error as error:
        raise _store_error(path, error) from error


def _store_error(path: Path, error: sqlite3.Error) -> StoreError:
    name = str(getattr(error, "sqlite_errorname", None) or "")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return StoreError("locked", f"{path}: another program keeps the database locked; close it")
    if name == "SQLITE_FULL" or (name.startswith("SQLITE_IOERR") and _nearly_full(path)):
        return StoreError("full", f"{path}: the disk is full; free some space, nothing was half-written")
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        fix = "restore a backup with `aurorad restore`, or move the file away to begin anew"
        return StoreError("damaged", f"{path}: the database is damaged or is no database; {fix}")
    if name.startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM")):
        fix = "check that its folder exists and that this user may write there"
        return StoreError("unwritable", f"{path}: the database cannot be opened; {fix}")
    if name.startswith("SQLITE_IOERR") and _read_only(path):
        fix = "look for its errors in the system's log, and replace it where it fails"
        return StoreError("unwritable", f"{path}: the disk has become read-only; {fix}")
    if name.startswith("SQLITE_IOERR"):
        fix = "look for the disk's errors in the system's log, and replace it where it fails"
        return StoreError("failed", f"{path}: {error}; {fix}")
    if str(error).startswith("no such table"):
        return StoreError("foreign", f"{path}: this SQLite database was not written by aurorad ({error})")
    return StoreError("failed", f"{path}: {error}")


def _nearly_full(path: Path) -> bool:
    try:
        return shutil.disk_usage(path.parent).free < 1_000_000
    except OSError:
        return False


def _read_only(path: Path) -> bool:
    """Is a file refused there? A mount's flags do not always tell: a filesystem that has given up keeps its own."""
    try:
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        return error.errno == errno.EROFS
    return False


LOG = ("-wal", "-shm")
"""What SQLite's log beside a database ends in; of another database it would spoil it."""

OWN = ("", *LOG, "-journal", ".lock")
"""What the names of all of a database's files end in."""


def refuse_own_files(database: Path, *targets: Path) -> None:
    """Raise UsageError where a file to be written is the database or one of the files beside it, by whatever name."""
    own = [held.with_name(held.name + end) for held in (database, database.resolve()) for end in OWN]
    for target in targets:
        if any(_same(target, path) for path in own):
            raise UsageError(
                f"{target}: this is a file of the database {database}; name another one to write to"
            )


def _same(one: Path, other: Path) -> bool:
    """Also through links, and where neither is there yet."""
    with suppress(OSError):
        return one.samefile(other)
    return one.resolve() == other.resolve()


class WriterLock:
    """Held by the one process that writes to a database; let go by the kernel when it dies.

    It is a file beside the database, for closing a second handle of the database itself would
    drop SQLite's own locks. The file stays: removing it would let two processes hold it.
    """

    def __init__(self, path: Path) -> None:
        """Take the lock or raise StoreError, at once."""
        if not path.parent.is_dir():
            raise StoreError("missing", f"{path}: the folder {path.parent} does not exist; create it")
        self._file: IO[str] | None = None
        name = path.with_name(path.name + ".lock")
        try:
            new = not name.exists()
            held = name.open("a+", encoding="utf-8")
            if new:
                owned_like(name, path.parent)
        except OSError as error:
            raise StoreError("unwritable", f"{name}: cannot be written: {error.strerror}") from error
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            held.seek(0)
            who = held.read(20).strip() or "unknown"
            held.close()
            message = f"{path}: another aurorad (process {who}) writes to this database; stop it first"
            raise StoreError("locked", message) from None
        held.truncate(0)
        held.write(f"{os.getpid()}\n")
        held.flush()
        self._file = held

    def release(self) -> None:
        """Let others write."""
        if self._file is not None:
            self._file.close()
            self._file = None


def connect_writer(path: Path) -> sqlite3.Connection:
    """The writing connection: every commit is on the disk when it returns (``synchronous=FULL``)."""
    with translated(path):
        connection = sqlite3.connect(
            path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("SELECT count(*) FROM sqlite_master")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA journal_size_limit = 67108864")
        except BaseException:
            connection.close()
            raise
    return connection


def connect_reader(path: Path) -> sqlite3.Connection:
    """A read-only connection; rows are :class:`sqlite3.Row`. Raises StoreError."""
    if not path.is_file():
        raise StoreError("missing", f"{path}: there is no such database; `aurorad ingest` or `run` makes one")
    mode = "mode=ro" if _may_share(path) else "mode=ro&immutable=1"
    with translated(path):
        uri = f"file:{quote(str(path.absolute()))}?{mode}"
        connection = sqlite3.connect(
            uri, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("SELECT count(*) FROM sqlite_master")
        except BaseException:
            connection.close()
            raise
    connection.row_factory = sqlite3.Row
    return connection


def _may_share(path: Path) -> bool:
    """False for a closed database in a folder we cannot write: WAL's shared memory has no place."""
    return os.access(path.parent, os.W_OK) or path.with_name(path.name + "-wal").exists()


def id_of(db: Database, table: str, column: str, value: str, more: Mapping[str, Any] | None = None) -> int:
    """The number that stands for a text, given out where it is new.

    Not remembered between calls: a transaction rolled back would leave a number without its row.
    """
    sql = f"SELECT id FROM {table} WHERE {column} = ?"
    if (found := db.execute(sql, [value]).fetchone()) is not None:
        return int(found[0])
    row = {column: value, **(more or {})}
    names = ", ".join(row)
    cursor = db.execute(
        f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(row))})", [*row.values()]
    )
    return int(cursor.lastrowid or 0)


def put(db: Database, table: str, **row: Any) -> None:
    """Write a row in place of the one with its key, if there is one."""
    names, marks = ", ".join(row), ", ".join("?" * len(row))
    db.execute(f"INSERT OR REPLACE INTO {table} ({names}) VALUES ({marks})", [*row.values()])
