"""Every released schema comes up to date with its rows, and a newer one is left alone."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database, Migrations

from daemon.config import CameraSettings, OrientationSettings
from daemon.errors import StoreError
from daemon.event import EventState
from daemon.night import midnight_of, night_of
from daemon.observation import from_utc_text, utc_text
from daemon.record.columns import COLUMNS, KEPT_SHORT
from daemon.record.migrations import APPLICATION_ID, known_migrations, migrations
from daemon.record.progress import Morning, MovieTaken, OpenCondition
from daemon.record.store import Reader, Store, backup, restore
from tests.daemon.places import PLACES, Place
from tests.daemon.record.old_databases import FOLDER, as_released


def test_every_schema_has_its_fixture() -> None:
    """A migration cannot be added without the database of the one before being kept for tests.

    The newest need not be kept until its release; :func:`as_released` makes it of the one before.
    """
    stems, known = {path.stem for path in FOLDER.glob("*.sql")}, known_migrations()
    assert set(known[:-1]) <= stems <= set(known)


def test_a_schema_that_is_not_kept_is_made_by_its_migration(tmp_path: Path) -> None:
    """It is at its own migration, and holds the rows of the schema before."""
    path = tmp_path / "newest.db"
    as_released(known_migrations()[-1], path)
    with Reader(path) as reader:
        applied = reader.query("SELECT name FROM _sqlite_migrations ORDER BY id")
        assert [row["name"] for row in applied] == list(known_migrations())
        assert reader.counts()["observations"] == 2
    with pytest.raises(AssertionError, match="was released and is not kept"):
        as_released("m000_lost", tmp_path / "lost.db")


@pytest.mark.parametrize("schema", known_migrations())
def test_a_database_of_each_schema_is_brought_up_to_date(tmp_path: Path, schema: str) -> None:
    """Opened by today's writer it has today's tables, and its rows read as they were written."""
    old, new = tmp_path / "old.db", tmp_path / "new.db"
    as_released(schema, old)
    Store(new).close()
    Store(old).close()
    assert shape(old) == shape(new)
    with Reader(old) as reader:
        rows = reader.between("yellowknife")
        assert [row["verdict"] for row in rows] == ["aurora", "not looked"]
        assert (rows[0]["recorded_at"], rows[0]["model_sha256"]) == ("2024-02-10T04:55:03Z", "ab" * 32)
        assert reader.counts() == {
            "observations": 2, "nights": 1, "events": 1, "messages": 1, "labels": 1, "pictures": 1,
        }  # fmt: skip
        assert reader.events(right=True)[0]["id"] == "yellowknife-20240210T045003Z"
        assert len(reader.query("SELECT * FROM event_states WHERE camera = 'yellowknife'")) == 1


def test_rows_kept_short_read_as_they_did(tmp_path: Path) -> None:
    """Every column of every row, among them figures of a description and rows that have none."""
    path = tmp_path / "a.db"
    as_released("m003_description", path)
    described = {
        "calibrated_probability": 0.987654, "sun_altitude_deg": -31.1234, "star_zero": 10.21, "cover": 0.1337,
        "form_probabilities": "arc:0.93 band:0.02 rays:0.00 patches:0.10 diffuse:0.57 corona:1.00",
        "trend": "fading", "drift": "poleward", "spread": "steady", "moonlight": "full", "pink_share": 0.29,
    }  # fmt: skip
    with closing(sqlite3.connect(path)) as db, db:
        given = ", ".join(f"{name} = :{name}" for name in described)
        db.execute(f"UPDATE observations SET {given} WHERE verdict = 'aurora'", described)
    before = readable(path)
    assert {row["trend"] for row in before} == {"fading", None}
    Store(path).close()
    after = readable(path)
    assert [{name: row[name] for name in before[0]} for row in after] == before


@pytest.mark.parametrize("schema", known_migrations()[:-1])
def test_what_somebody_has_added_to_the_observations_outlives_an_upgrade(tmp_path: Path, schema: str) -> None:
    """Views, indexes and triggers of their own, columns with what stands in them, and a view that was broken before."""
    path = tmp_path / "a.db"
    as_released(schema, path)
    with closing(sqlite3.connect(path)) as db, db:
        db.executescript(
            """ALTER TABLE observations ADD COLUMN "my note" TEXT DEFAULT 'none';
            UPDATE observations SET "my note" = 'seen from the garden' WHERE verdict = 'aurora';
            CREATE TABLE long (mine);
            CREATE VIEW nice AS SELECT observed_at, probability, "my note" FROM observations WHERE verdict = 'aurora';
            CREATE INDEX by_verdict ON observations (verdict);
            CREATE TRIGGER counted AFTER INSERT ON observations BEGIN INSERT INTO long VALUES (new.observed_at); END;"""
        )
        nice = db.execute("SELECT * FROM nice").fetchall()
        assert nice
    if schema >= "m003":  # the steps before it rename columns, at which SQLite goes through every view
        with closing(sqlite3.connect(path)) as db, db:
            db.execute("CREATE VIEW broken AS SELECT * FROM gone")
    Store(path).close()
    with closing(sqlite3.connect(path)) as db, db:
        assert db.execute("SELECT * FROM nice").fetchall() == nice
        notes = db.execute('SELECT "my note" FROM observations ORDER BY 1').fetchall()
        assert notes == [("none",), ("seen from the garden",)]
        plan = db.execute("EXPLAIN QUERY PLAN SELECT 1 FROM observations WHERE verdict = 'aurora'").fetchall()
        assert any("by_verdict" in row[-1] for row in plan)
        db.execute(
            """INSERT INTO observations (camera, observed_at, verdict_kept, reason, sun_altitude_deg_kept,
                moon_altitude_deg_kept, moon_phase_deg_kept, twilight_kept, moonlight_kept)
            VALUES ('yellowknife', '2024-02-11T00:00:00Z', 1, '', 0, 0, 0, 0, 0)"""
        )
        assert db.execute("SELECT * FROM long").fetchall() == [("2024-02-11T00:00:00Z",)]


def test_a_height_that_nobody_gave_is_unknown_after_an_upgrade(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It was kept as 0 m; what was given stays. The camera has not moved for that, and views of the table stay."""
    path = tmp_path / "a.db"
    as_released("m004_short", path)
    with closing(sqlite3.connect(path)) as db, db:
        for name, height in (("hill", 512.5), ("roof", 0.0)):
            db.execute("INSERT INTO cameras VALUES (?, '', 62, -110, ?, 'UTC', 60, NULL)", [name, height])
        db.execute("CREATE VIEW heights AS SELECT name, elevation_m FROM cameras ORDER BY name")
    with Store(path) as store:
        assert [(row["name"], row["elevation_m"]) for row in store.reader.query("SELECT * FROM heights")] == [
            ("hill", 512.5), ("roof", None),
        ]  # fmt: skip
        roof = CameraSettings(name="roof", latitude_deg=62, longitude_deg=-110)
        for camera in (roof, roof.model_copy(update={"elevation_m": 90.0})):
            store.progress.register_camera(camera.about())
            kept = store.reader.camera("roof")
            assert kept is not None
            assert kept["elevation_m"] == camera.elevation_m
    assert not caplog.records


def test_what_no_whole_number_can_stand_for_is_null_after_an_upgrade(tmp_path: Path) -> None:
    """As a new row keeps it: not the greatest number that there is, nor 0 for a word."""
    path = tmp_path / "a.db"
    as_released("m003_description", path)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(
            "UPDATE observations SET curvature = 9e999, brightness = -1e300, arciness = 'much', cover = 0.5"
        )
    Store(path).close()
    with closing(sqlite3.connect(path)) as db:
        found = db.execute(
            "SELECT DISTINCT curvature, brightness, arciness, cover FROM observations"
        ).fetchall()
    assert found == [(None, None, None, 0.5)]


def readable(path: Path) -> list[dict[str, Any]]:
    """The rows as any program reads them."""
    with closing(sqlite3.connect(path)) as db:
        db.row_factory = sqlite3.Row
        return [dict(row) for row in db.execute("SELECT * FROM observations ORDER BY 1, 2")]


def test_an_upgrade_is_announced_before_it_begins(tmp_path: Path) -> None:
    """Whoever waits for the start may give it more time; a new database and one that is up to date take none."""
    as_released("m003_description", tmp_path / "old.db")
    found: list[int] = []
    for name in ("old.db", "old.db", "new.db"):
        Store(
            tmp_path / name, upgrading=lambda name=name: found.append(len(readable(tmp_path / name)))
        ).close()  # type: ignore[misc]
    assert found == [2]


def test_a_newer_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    """A downgrade is one line that says to upgrade, for the writer and for readers."""
    path = tmp_path / "a.db"
    Store(path).close()
    connection = sqlite3.connect(path)
    connection.execute(
        "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('aurorad', 'm999_later', '')"
    )
    connection.commit()
    connection.close()
    before = path.read_bytes()
    for opening in (Store, Reader):
        with pytest.raises(
            StoreError, match=r"a newer aurorad wrote this database \(m999_later\); upgrade"
        ) as told:
            opening(path)
        assert told.value.reason == "newer"
    assert path.read_bytes() == before


def test_a_reader_asks_for_the_upgrade_instead_of_guessing(tmp_path: Path) -> None:
    """A database no step has been applied to in full is not read."""
    path = tmp_path / "a.db"
    Store(path).close()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE _sqlite_migrations SET migration_set = 'somebody else'")
    connection.commit()
    connection.close()
    with pytest.raises(StoreError, match="not written by aurorad"):
        Reader(path)


def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    """Each step is one transaction: a step that breaks half-way leaves an empty file to try again on."""
    path = tmp_path / "a.db"
    with Database(path, execute_plugins=False) as db:
        db.execute("CREATE TABLE events (in_the_way)")
        with pytest.raises(sqlite3.OperationalError, match="events already exists"):
            migrations.apply(db)
        assert set(db.table_names()) == {"events", "_sqlite_migrations"}
        db.execute("DROP TABLE events")
        migrations.apply(db)
        assert db.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID


def key_until_m001(at: datetime, longitude_deg: float) -> date:
    """The UTC date at local mean solar midnight, as the first release computed it."""
    noon = timedelta(hours=12 - longitude_deg / 15)
    day = (at - noon).date()
    return (datetime(day.year, day.month, day.day, tzinfo=UTC) + noon + timedelta(hours=12)).date()


ON_RECORD = [(place, True) for place in PLACES]
NOT_ON_RECORD = [(place, False) for place in PLACES if abs(place.longitude_deg) < 150]
"""Nearer the date line the rows alone do not tell on which side of it the camera stands."""


@pytest.mark.parametrize(("place", "placed"), [*ON_RECORD, *NOT_ON_RECORD])
def test_old_nights_get_their_morning_s_date(tmp_path: Path, place: Place, placed: bool) -> None:
    """Nights in a row, each with its columns, under the key that people there would look for."""
    path = tmp_path / "old.db"
    as_released("m001_first", path)
    mornings = [date(2024, 1, 9), date(2024, 1, 10), date(2024, 1, 11)]
    with sqlite3.connect(path) as db:
        db.execute("DELETE FROM nights")
        for morning in mornings:
            middle = midnight_of(morning, place)
            low, high = (utc_text(middle + timedelta(hours=h)) for h in (-4, 5))
            old = key_until_m001(middle, place.longitude_deg).isoformat()
            row = [place.name, old, low, high, 2, 0, 2, 0, 0, 0, 0, 0, None, None]
            db.execute(f"INSERT INTO nights VALUES ({', '.join('?' * len(row))})", row)
            for at in (low, high):
                db.execute("INSERT INTO columns VALUES (?, ?, ?)", [place.name, at, b"rgb"])
        if placed:
            about = CameraSettings.model_validate(place._asdict()).about()
            db.execute("INSERT INTO state VALUES (?, ?)", [f"camera {place.name}", json.dumps(about)])
        db.execute("INSERT INTO state VALUES (?, ?)", [f"nightly {place.name}", json.dumps({"done": old})])
    db.close()
    Store(path).close()
    with Reader(path) as reader:
        assert [row["night"] for row in reader.nights(place.name)] == [m.isoformat() for m in mornings]
        for morning in mornings:
            columns = reader.columns(place.name, morning)
            assert [night_of(from_utc_text(column["observed_at"]), place) for column in columns] == [
                morning,
                morning,
            ]
        (done,) = reader.query("SELECT done FROM mornings")
        assert done["done"] == mornings[-1].isoformat()


def test_what_m001_kept_in_one_table_goes_each_to_its_own(tmp_path: Path) -> None:
    """An event under way, open conditions, a place, a morning, movies taken in: nothing is forgotten."""
    path = tmp_path / "old.db"
    as_released("m001_first", path)
    at = datetime(2024, 2, 10, 5, 0, tzinfo=UTC)
    under_way = EventState(recent=((at, 0.75, True),), last_at=at, evidence_at=at)
    turned = OrientationSettings(north_deg=12.5)
    here = CameraSettings(name="here", title="Here", elevation_m=512.5, orientation=turned)
    kept = {
        "here": under_way.to_dict(),
        "upkeep conditions": {"here-feed-stale": "2024-02-10T05:00:00Z"},
        "camera here": here.about(),
        "nightly here": {"done": "2024-02-09", "at": "2024-02-09T17:00:00Z"},
        "nightly there": {"done": "2024-02-09", "reading": "2024-02-10", "begun": 2},
        "movie of here: a night: 2.mp4": {"bytes": 10, "frames": 8, "undated": 1},
    }
    with sqlite3.connect(path) as db:
        for key, value in kept.items():
            db.execute("INSERT INTO state VALUES (?, ?)", [key, json.dumps(value)])
    db.close()
    with Store(path) as store:
        assert store.progress.event_state("here") == under_way
        assert store.progress.event_state("there") == EventState()
        assert store.progress.conditions() == {"here-feed-stale": OpenCondition("2024-02-10T05:00:00Z")}
        assert CameraSettings.model_validate(store.reader.camera("here")) == here
        assert store.progress.morning("here") == Morning("2024-02-09", "2024-02-09T17:00:00Z")
        assert store.progress.morning("there") == Morning("2024-02-09", reading="2024-02-10", begun=2)
        assert store.progress.movie("here", "a night: 2.mp4") == MovieTaken(10, 8, 1)
        assert store.progress.movie("there", "a night: 2.mp4") is None


@pytest.mark.parametrize("quiet", [False, True])
def test_an_event_that_the_release_before_left_under_way_goes_on(tmp_path: Path, quiet: bool) -> None:
    """An upgrade in the middle of an aurora: the state as schema 1 wrote it, word for word, is that event."""
    event = {
        "id": "here-20240210T044330Z", "camera": "here", "onset_at": "2024-02-10T04:43:30Z",
        "confirmed_at": "2024-02-10T04:43:48Z", "ended_at": None, "strong_at": "2024-02-10T04:48:06Z",
        "peak_probability": 0.99, "peak_at": "2024-02-10T04:43:30Z", "ended_reason": None, "quiet": quiet,
    }  # fmt: skip
    state = {
        "event": event, "recent": [], "below_since": None, "below_for_s": 0.0, "last_at": "2024-02-10T04:49:00Z",
        "evidence_at": "2024-02-10T04:49:00Z", "quiet_until": None,
    }  # fmt: skip
    path = tmp_path / "old.db"
    as_released("m001_first", path)
    with sqlite3.connect(path) as db:
        db.execute("INSERT INTO state VALUES (?, ?)", ["here", json.dumps(state)])
    db.close()
    with Store(path) as store:
        found = store.progress.event_state("here")
    assert found.event is not None
    assert (found.phase, found.event.id, found.event.in_cool_down) == ("active", event["id"], quiet)
    assert found.event.onset_at == datetime(2024, 2, 10, 4, 43, 30, tzinfo=UTC)


def test_the_table_of_observations_is_the_columns_table(tmp_path: Path) -> None:
    """Name and SQL type of each column stand once, in daemon/record/columns.py; the schema may not stray."""
    Store(tmp_path / "a.db").close()
    with Reader(tmp_path / "a.db") as reader:
        shape = {row["name"]: row["type"] for row in reader.query("PRAGMA table_xinfo(observations)")}
    computed = {name: shape.pop(name) for name in ("fetched_at", "recorded_at")}
    assert set(computed.values()) == {"TEXT"}
    assert shape == {column.name: column.sql for column in COLUMNS if column.sql} | KEPT_SHORT


@pytest.fixture
def old(tmp_path: Path, schema: str) -> Path:
    """A database of that schema, made before there is a tomorrow."""
    as_released(schema, tmp_path / "a.db")
    return tmp_path / "a.db"


@pytest.fixture
def tomorrow(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A release with one step more than this one."""
    steps = Migrations("aurorad")
    with Database(memory=True, execute_plugins=False) as nothing:
        for step in migrations.pending(nothing):
            steps(name=step.name)(step.fn)

    @steps()
    def m999_tomorrow(db: Database) -> None:
        db.execute("ALTER TABLE observations ADD COLUMN kp REAL")

    for room in ("migrations", "store"):
        monkeypatch.setattr(f"daemon.record.{room}.migrations", steps)
    known_migrations.cache_clear()
    yield
    known_migrations.cache_clear()


@pytest.mark.parametrize("schema", known_migrations())
def test_an_upgrade_begins_with_a_backup_of_the_older_database(old: Path, tomorrow: None) -> None:
    """The new release copies the old one's database before it touches it, and can put that copy back."""
    copy = old.with_name("copy.db")
    before = shape(old)
    backup(old, copy)
    assert shape(copy) == shape(old) == before
    with pytest.raises(StoreError, match="brings it up to date") as told:
        Reader(old)
    assert told.value.reason == "older"
    Store(old).close()
    with Reader(old) as reader:
        assert [row["kp"] for row in reader.query("SELECT kp FROM observations")] == [None, None]
    aside = restore(copy, old)
    assert shape(old) == before
    assert aside is not None
    assert shape(aside) != before


def shape(path: Path) -> set[tuple[str, str]]:
    connection = sqlite3.connect(path)
    try:
        return set(connection.execute("SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"))
    finally:
        connection.close()
