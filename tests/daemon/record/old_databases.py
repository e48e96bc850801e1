"""Databases as each released schema wrote them: kept as text here, the newest made from the one before.

At a release, ``python -m tests.daemon.record.old_databases`` keeps the newest schema's database, after which it is
never edited; until then its migration may grow, and nothing has to be written out anew.
"""

from __future__ import annotations

import sqlite3
import tempfile
from pathlib import Path

from daemon.record.migrations import known_migrations
from daemon.record.store import Store

FOLDER = Path(__file__).parent / "schemas"


def kept(schema: str) -> Path:
    """Where that schema's database is kept as text."""
    return FOLDER / f"{schema}.sql"


def build(path: Path, script: str) -> None:
    """A database of its SQL."""
    connection = sqlite3.connect(path)
    connection.executescript(script)
    connection.commit()
    connection.close()


def as_released(schema: str, path: Path) -> None:
    """The database of that schema, with its rows; of the newest, where none is kept, today's of the one before."""
    if kept(schema).exists():
        build(path, kept(schema).read_text(encoding="utf-8"))
        return
    *older, newest = known_migrations()
    assert schema == newest, (
        f"{schema} was released and is not kept: see tests.daemon.record.old_databases.py"
    )
    build(path, kept(older[-1]).read_text(encoding="utf-8"))
    Store(path).close()


def main() -> None:
    """Keep the newest schema's database."""
    newest = known_migrations()[-1]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.db"
        as_released(newest, path)
        connection = sqlite3.connect(path)
        (number,) = connection.execute("PRAGMA application_id").fetchone()
        lines = [line for line in connection.iterdump() if line not in ("BEGIN TRANSACTION;", "COMMIT;")]
        connection.close()
    head = f"-- The database of schema {newest}, as its release wrote it. Never edited."
    text = "\n".join([head, f"PRAGMA application_id = {number};", *lines, ""])
    kept(newest).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
