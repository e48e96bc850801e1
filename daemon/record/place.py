"""Is the database still where its path says? A file that was replaced or removed goes on taking rows, into nowhere.

A file's identity is its device and inode. SQLite keeps an open file's contents readable until the last handle is
closed, and so a database that was deleted can be put back whole from the connection that writes it.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from daemon.errors import StoreError
from daemon.files import replacing
from daemon.record.database import LOG

Identity = tuple[int, int]


def identity(path: Path) -> Identity | None:
    """What makes a file this one, whatever it is called; None where there is no file."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


class Place:
    """The files that a writer has opened under a database's name."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = identity(path)
        self._logs = {ending: identity(_beside(path, ending)) for ending in LOG}

    @property
    def kept(self) -> bool:
        """Is the database that was opened the one at its path?"""
        return self._file is not None and identity(self.path) == self._file

    def check(self) -> None:
        """Raise StoreError where what is written would not be at the path."""
        if not self.kept:
            raise StoreError(
                "moved",
                f"{self.path}: the database was replaced or removed while aurorad used it; nothing is recorded"
                " until it is opened anew",
            )

    def leave(self, writer: sqlite3.Connection) -> None:
        """Make room for the database that is to be opened at the path instead; it must not get our log.

        What the log holds goes to the file it belongs to, wherever that is now. Where the path is empty the
        database is put back, whole, from the connection that is still open.
        """
        with contextlib.suppress(sqlite3.Error):
            writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for ending, ours in self._logs.items():
            log = _beside(self.path, ending)
            if ours is None or identity(log) != ours:
                continue
            if ending == "-shm" or not log.stat().st_size:
                log.unlink()
            else:
                log.replace(log.with_name(f"{log.name}.before-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"))
        if not self.path.exists():
            self._put_back(writer)

    def _put_back(self, writer: sqlite3.Connection) -> None:
        with replacing(self.path) as part, closing(sqlite3.connect(part)) as copy:
            writer.backup(copy)


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)
