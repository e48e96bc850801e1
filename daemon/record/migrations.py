"""The database's shape, step by step. A step that was released is never edited; add another.

The columns of an observation that a step adds are those of :mod:`daemon.record.columns` with its number.

``observations`` is kept small, for it grows by a row a minute and camera for years:

* it is clustered on its key (``WITHOUT ROWID``), so there is no second index and a night lies on
  neighbouring pages;
* model and source are numbers that point into tables of their own; ``file`` holds the last part of
  a source that differs from frame to frame (pictures in a folder) and is mostly NULL;
* ``fetched_at`` and ``recorded_at`` are computed when read: what is stored is how many seconds
  after ``observed_at`` the frame was fetched, and after that recorded;
* numbers and words are kept short (:mod:`daemon.record.short`) in columns ``…_kept``, from which those that people
  read are computed;
* ``heatmap`` is 8 × 8 bytes, row by row, 0…255 for 0…1;
* paths of kept pictures live in ``pictures``, which retention empties without touching the record.

Times are ISO-8601 UTC text with Z. ``nights`` sums up each night as its rows are written, so that
a season is read without reading its minutes.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from sqlite_utils import Database, Migrations

from daemon.errors import StoreError
from daemon.night import night_of
from daemon.observation import from_utc_text
from daemon.record.columns import COLUMNS, Column
from daemon.record.later_tables import DESCRIBED, FIFTH, THIRD
from daemon.record.nights import Zone
from daemon.record.space_tables import SPACE_TABLES

APPLICATION_ID = 0x41555244
"""``AURD``: SQLite's application_id of the files this project writes."""

migrations = Migrations("aurorad")

_FIRST = """
CREATE TABLE models (
    id INTEGER PRIMARY KEY,
    sha256 TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    card TEXT NOT NULL,
    first_used_at TEXT NOT NULL
);

CREATE TABLE sources (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);

CREATE TABLE observations (
    camera TEXT NOT NULL,
    observed_at TEXT NOT NULL,
    probability REAL,
    calibrated_probability REAL,
    verdict TEXT NOT NULL,
    reason TEXT NOT NULL DEFAULT '',
    sun_altitude_deg REAL NOT NULL,
    moon_altitude_deg REAL NOT NULL,
    moon_phase_deg REAL NOT NULL,
    twilight TEXT NOT NULL,
    moonlight TEXT NOT NULL,
    threshold REAL,
    clear_probability REAL,
    shadow_probability REAL,
    colour_index REAL,
    colour_level INTEGER,
    heatmap_area REAL,
    azimuth_deg REAL,
    elevation_deg REAL,
    heatmap BLOB,
    model INTEGER REFERENCES models(id),
    source INTEGER REFERENCES sources(id),
    file TEXT,
    fetched_after_s INTEGER NOT NULL DEFAULT 0,
    recorded_after_s INTEGER NOT NULL DEFAULT 0,
    fetched_at TEXT GENERATED ALWAYS AS
        (strftime('%Y-%m-%dT%H:%M:%SZ', observed_at, fetched_after_s || ' seconds')) VIRTUAL,
    recorded_at TEXT GENERATED ALWAYS AS
        (strftime('%Y-%m-%dT%H:%M:%SZ', observed_at, (fetched_after_s + recorded_after_s) || ' seconds'))
        VIRTUAL,
    PRIMARY KEY (camera, observed_at)
) WITHOUT ROWID;

CREATE TABLE nights (
    camera TEXT NOT NULL,
    night TEXT NOT NULL,
    first_at TEXT NOT NULL,
    last_at TEXT NOT NULL,
    observations INTEGER NOT NULL,
    aurora INTEGER NOT NULL,
    clear INTEGER NOT NULL,
    obscured INTEGER NOT NULL,
    not_looked INTEGER NOT NULL,
    stale INTEGER NOT NULL,
    moon_quarter INTEGER NOT NULL,
    moon_full INTEGER NOT NULL,
    peak_probability REAL,
    peak_at TEXT,
    PRIMARY KEY (camera, night)
) WITHOUT ROWID;

CREATE TABLE pictures (
    camera TEXT NOT NULL,
    observed_at TEXT NOT NULL,
    path TEXT NOT NULL,
    PRIMARY KEY (camera, observed_at)
) WITHOUT ROWID;

CREATE TABLE columns (
    camera TEXT NOT NULL,
    observed_at TEXT NOT NULL,
    rgb BLOB NOT NULL,
    PRIMARY KEY (camera, observed_at)
) WITHOUT ROWID;

CREATE TABLE events (
    id TEXT PRIMARY KEY,
    camera TEXT NOT NULL,
    onset_at TEXT NOT NULL,
    confirmed_at TEXT NOT NULL,
    strong_at TEXT,
    ended_at TEXT,
    ended_reason TEXT,
    peak_probability REAL NOT NULL,
    peak_at TEXT,
    quiet INTEGER NOT NULL
);
CREATE INDEX events_by_onset ON events (camera, onset_at);

CREATE TABLE outbox (
    id INTEGER PRIMARY KEY,
    event_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    channel TEXT NOT NULL,
    audience TEXT NOT NULL,
    camera TEXT NOT NULL,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    picture TEXT,
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_attempt_at TEXT NOT NULL,
    claimed_at TEXT,
    delivered_at TEXT,
    expired_at TEXT,
    last_error TEXT,
    UNIQUE (event_id, kind, channel)
);
CREATE INDEX outbox_waiting ON outbox (next_attempt_at)
    WHERE delivered_at IS NULL AND expired_at IS NULL;

CREATE TABLE labels (
    id INTEGER PRIMARY KEY,
    camera TEXT NOT NULL,
    observed_at TEXT NOT NULL,
    label TEXT NOT NULL CHECK (label IN ('aurora', 'none', 'obscured')),
    labelled_by TEXT NOT NULL,
    labelled_at TEXT NOT NULL,
    queue TEXT NOT NULL DEFAULT '',
    event_id TEXT,
    model_sha256 TEXT,
    model_probability REAL,
    model_verdict TEXT,
    undone_at TEXT
);
CREATE INDEX labels_by_frame ON labels (camera, observed_at);
CREATE INDEX labels_by_event ON labels (event_id) WHERE event_id IS NOT NULL;

CREATE TABLE state (
    camera TEXT PRIMARY KEY,
    json TEXT NOT NULL
) WITHOUT ROWID;
"""


@migrations()
def m001_first(db: Database) -> None:
    """Observations, their nights, events, the outbox, labels, models."""
    _create(db, _FIRST)
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")


def _create(db: Database, tables: str) -> None:
    for statement in tables.split(";\n"):
        if statement.strip():
            db.execute(statement)


_SECOND = """
CREATE TABLE cameras (
    name TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    latitude_deg REAL NOT NULL,
    longitude_deg REAL NOT NULL,
    elevation_m REAL NOT NULL,
    timezone TEXT NOT NULL,
    cadence_s REAL NOT NULL,
    orientation TEXT
) WITHOUT ROWID;

CREATE TABLE event_states (
    camera TEXT PRIMARY KEY,
    json TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE conditions (
    condition TEXT PRIMARY KEY,
    since TEXT NOT NULL,
    over_since TEXT,
    camera TEXT NOT NULL DEFAULT '',
    over_text TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;

CREATE TABLE mornings (
    camera TEXT PRIMARY KEY,
    done TEXT NOT NULL,
    done_at TEXT NOT NULL,
    reading TEXT NOT NULL,
    begun INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE movies (
    camera TEXT NOT NULL,
    name TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    frames INTEGER NOT NULL,
    undated INTEGER NOT NULL,
    PRIMARY KEY (camera, name)
) WITHOUT ROWID;
"""


@migrations()
def m002_names(db: Database) -> None:
    """Names say what they hold; five stores leave the table ``state``; a night is keyed by its morning."""
    db.execute("ALTER TABLE events RENAME COLUMN quiet TO in_cool_down")
    db.execute("ALTER TABLE observations RENAME COLUMN colour_index TO colour_cover")
    db.execute("ALTER TABLE observations ADD COLUMN stars TEXT")
    db.execute("ALTER TABLE observations ADD COLUMN star_limit REAL")
    _create(db, _SECOND)
    for key, text in db.execute("SELECT camera, json FROM state").fetchall():
        _move_state(db, key, json.loads(text))
    db.execute("DROP TABLE state")
    for (camera,) in db.execute("SELECT DISTINCT camera FROM nights").fetchall():
        _key_nights_by_their_morning(db, camera)


@migrations()
def m003_description(db: Database) -> None:
    """What a frame shows and what its stars give, a view of it; silenced channels, lenses, space weather."""
    _add_columns(db, 3)
    db.execute("ALTER TABLE events ADD COLUMN peak_level INTEGER")
    _create(db, THIRD + SPACE_TABLES)


def _add_columns(db: Database, number: int) -> None:
    """The columns of an observation that came with the step of that number."""
    for column in COLUMNS:
        if column.since == number:
            db.execute(f"ALTER TABLE observations ADD COLUMN {column.name} {column.sql}")


@migrations()
def m004_short(db: Database) -> None:
    """Rows take two thirds of the room: numbers and words of an observation are kept short. How a movie was dated."""
    columns = [column for column in COLUMNS if column.sql and column.since <= 4]
    given = {column.kept_as: column.short.write(column.name) for column in columns if column.short}
    own = _own_columns(db, {*(column.name for column in columns), *_BESIDE})
    beside = db.execute(
        "SELECT sql FROM sqlite_master WHERE tbl_name = 'observations' AND type IN ('index', 'trigger') AND sql <> ''"
    ).fetchall()
    db.execute("DROP VIEW described")
    db.execute(_short_table("observations_short", columns, own.values()))
    names = [*(column.kept_as for column in columns), *_BESIDE, *own]
    db.execute(
        f"INSERT INTO observations_short ({', '.join(names)})"
        f" SELECT {', '.join(given.get(name, name) for name in names)} FROM observations"
    )
    db.execute("DROP TABLE observations")
    # Else SQLite would go through views that somebody has made of a table that is not there for the moment.
    db.execute("PRAGMA legacy_alter_table = ON")
    db.execute("ALTER TABLE observations_short RENAME TO observations")
    db.execute("PRAGMA legacy_alter_table = OFF")
    for (sql,) in beside:
        db.execute(sql)
    db.execute(DESCRIBED)
    db.execute("ALTER TABLE movies ADD COLUMN read_as TEXT NOT NULL DEFAULT ''")


@migrations()
def m005_cameras(db: Database) -> None:
    """A camera's height may be unknown, and it is kept what its configuration said when.

    A height of 0 was nearly always nobody's answer until now, and is taken for none. Nothing is known of what was
    configured before.
    """
    _create(db, FIFTH)
    db.execute(
        "INSERT INTO cameras_fifth SELECT name, title, latitude_deg, longitude_deg, nullif(elevation_m, 0.0), timezone,"
        " cadence_s, orientation FROM cameras"
    )
    db.execute("DROP TABLE cameras")
    db.execute("PRAGMA legacy_alter_table = ON")  # as above: views that somebody has made
    db.execute("ALTER TABLE cameras_fifth RENAME TO cameras")
    db.execute("PRAGMA legacy_alter_table = OFF")


def _own_columns(db: Database, ours: set[str]) -> dict[str, str]:
    """Columns that somebody has added to the observations, by their quoted names, each as a table is made with it."""
    found = {}
    for _, name, kind, _, default, _ in db.execute("PRAGMA table_info(observations)").fetchall():
        if name not in ours:
            quoted = '"' + name.replace('"', '""') + '"'
            found[quoted] = f"{quoted} {kind}" + ("" if default is None else f" DEFAULT ({default})")
    return found


_BESIDE = {
    "model": "INTEGER REFERENCES models(id)",
    "source": "INTEGER REFERENCES sources(id)",
    "file": "TEXT",
    "fetched_after_s": "INTEGER NOT NULL DEFAULT 0",
    "recorded_after_s": "INTEGER NOT NULL DEFAULT 0",
}
_COMPUTED = {
    "fetched_at": "strftime('%Y-%m-%dT%H:%M:%SZ', observed_at, fetched_after_s || ' seconds')",
    "recorded_at": "strftime('%Y-%m-%dT%H:%M:%SZ', observed_at, (fetched_after_s + recorded_after_s) || ' seconds')",
}


def _short_table(name: str, columns: Sequence[Column], own: Iterable[str]) -> str:
    """The table of observations: first what people read, after it what that is computed from, then what is not ours."""
    read, kept = [], []
    for column in columns:
        must = " NOT NULL" if column.required else ""
        if column.short is None:
            read.append(f"{column.name} {column.sql}{must}")
            continue
        value = column.short.read(column.kept_as)
        read.append(f"{column.name} {column.sql} GENERATED ALWAYS AS ({value}) VIRTUAL")
        kept.append(f"{column.kept_as} {column.short.sql}{must}")
    computed = [f"{name} TEXT GENERATED ALWAYS AS ({sql}) VIRTUAL" for name, sql in _COMPUTED.items()]
    lines = [*read, *computed, *(f"{name} {sql}" for name, sql in _BESIDE.items()), *kept]
    lines += [*own, "PRIMARY KEY (camera, observed_at)"]
    return "CREATE TABLE {} (\n    {}\n) WITHOUT ROWID".format(name, ",\n    ".join(lines))


def _move_state(db: Database, key: str, kept: dict[str, Any]) -> None:
    """One row of m001's ``state`` to the table of its kind; its key said which it was."""
    kind, _, name = key.partition(" ")
    if key == "upkeep conditions":
        for condition, since in kept.items():
            _insert(db, "conditions", condition, since, None, "", "")
    elif kind == "camera":
        turned = kept.get("orientation")
        place = [kept.get(key) or 0.0 for key in ("latitude_deg", "longitude_deg", "elevation_m")]
        zone, cadence_s = kept.get("timezone", "UTC"), kept.get("cadence_s", 60.0)
        turned = None if turned is None else json.dumps(turned)
        _insert(db, "cameras", name, kept.get("title", ""), *place, zone, cadence_s, turned)
    elif kind == "nightly":
        done, at = kept.get("done", ""), kept.get("at", "")
        _insert(db, "mornings", name, done, at, kept.get("reading", ""), kept.get("begun", 0))
    elif key.startswith("movie of "):
        camera, _, file = key.removeprefix("movie of ").partition(": ")
        _insert(db, "movies", camera, file, kept["bytes"], kept["frames"], kept["undated"])
    elif not name:
        _insert(db, "event_states", key, json.dumps(kept))


def _insert(db: Database, table: str, *row: Any) -> None:
    db.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)


def _key_nights_by_their_morning(db: Database, camera: str) -> None:
    """Until m001 a night's key was the UTC date at its midnight: a day early east of Greenwich."""
    sql = "SELECT longitude_deg, timezone FROM cameras WHERE name = ?"
    found = db.execute(sql, [camera]).fetchone()
    place = Zone(*found) if found else None
    nights = db.execute(
        "SELECT night, first_at, last_at FROM nights WHERE camera = ? ORDER BY night DESC", [camera]
    ).fetchall()
    days = Counter(_days_early(night, first, last, place) for night, first, last in nights).most_common(1)[0][
        0
    ]
    for night, _, _ in nights if days > 0 else reversed(nights):  # no two nights share a key on the way
        db.execute(
            "UPDATE nights SET night = date(night, ?) WHERE camera = ? AND night = ?",
            [f"{days} days", camera, night],
        )
    db.execute(
        "UPDATE mornings SET done = date(done, ?) WHERE camera = ? AND done <> ''", [f"{days} days", camera]
    )


def _days_early(night: str, first_at: str, last_at: str, place: Zone | None) -> int:
    """How many days a night's key is before its morning's date.

    Where the record does not say where the camera stands, the frames do: they lie about solar midnight,
    which falls into the first half of a UTC day west of Greenwich and into the second half east of it.
    """
    key = date.fromisoformat(night)
    first, last = from_utc_text(first_at), from_utc_text(last_at)
    middle = first + (last - first) / 2
    if place is not None:
        return (night_of(middle, place) - key).days
    return int(middle - datetime(key.year, key.month, key.day, tzinfo=UTC) >= timedelta(hours=12))


def check_version(connection: sqlite3.Connection, path: Path, *, older_too: bool = False) -> None:
    """Raise StoreError unless this version of aurorad can read the database.

    With ``older_too`` one that an upgrade would bring up to date will do: it can be copied as it is.
    """
    applied = applied_migrations(connection)
    known = known_migrations()
    if not applied:
        message = f"{path}: this SQLite database was not written by aurorad; name another file"
        raise StoreError("foreign", message)
    if newer := [name for name in applied if name not in known]:
        raise StoreError(
            "newer", f"{path}: a newer aurorad wrote this database ({newer[-1]}); upgrade aurorad"
        )
    if not older_too and not is_current(connection):
        message = (
            f"{path}: an older aurorad wrote this database; `aurorad run` or `ingest` brings it up to date"
        )
        raise StoreError("older", message)


def is_current(connection: sqlite3.Connection) -> bool:
    """Has every step this version knows been taken?"""
    return len(applied_migrations(connection)) >= len(known_migrations())


def refuse_foreign(connection: sqlite3.Connection, path: Path) -> None:
    """Do not write our tables into somebody else's database, nor into a newer version's."""
    mark = connection.execute("PRAGMA application_id").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    applied = applied_migrations(connection)
    if mark not in (0, APPLICATION_ID) or (tables and not applied and mark != APPLICATION_ID):
        raise StoreError(
            "foreign", f"{path}: this SQLite database was not written by aurorad; name another file"
        )
    if applied:
        check_version(connection, path, older_too=True)


def applied_migrations(connection: sqlite3.Connection) -> list[str]:
    """Names of the steps that made the database what it is."""
    tables = connection.execute("SELECT 1 FROM sqlite_master WHERE name = '_sqlite_migrations'")
    if tables.fetchone() is None:
        return []
    rows = connection.execute(
        "SELECT name FROM _sqlite_migrations WHERE migration_set = ? ORDER BY id", [migrations.name]
    )
    return [row[0] for row in rows]


@cache
def known_migrations() -> tuple[str, ...]:
    """Names of all the steps this version knows, in order: those a new database would take."""
    with Database(memory=True, execute_plugins=False) as nothing:
        return tuple(step.name for step in migrations.pending(nothing))
