"""The record: locked by another program, damaged, of a newer or an older aurorad, on a full disk."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from daemon.errors import StoreError
from daemon.record.store import Store, backup, restore
from tests.faults.conftest import Entry
from tests.faults.harness import (
    Inbox,
    Promises,
    Sky,
    Watch,
    aurorad,
    back_in_time,
    check,
    check_watch,
    rows,
    spells,
    watching,
    write_config,
)

LOCK = """
import sqlite3, sys, time
c = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
c.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
c.execute("ROLLBACK")
"""


def recovered(watch: Watch, word: str) -> float:
    """Wait until the record is written again; the cadences it took. The operator hears of both ends."""
    ended = watch.clock.now()
    recovery = watch.recovery_cadences("cam", ended)
    watch.wait(lambda: watch.operator_mail("can be written again"), "the end is told")
    (told,) = watch.operator_mail("cannot be written")
    assert word in told["body"]
    return recovery


def test_a_database_locked_by_another_program(tmp_path: Path, green: Path, matrix: Entry) -> None:
    """Nothing is acknowledged that is not written; when the lock goes the watch goes on, and says so."""
    with watching(tmp_path, green, {"cam": Sky(spells(8, 4))}) as watch:
        watch.service.store._db.execute("PRAGMA busy_timeout = 300")
        watch.wait(lambda: watch.judged("cam"), "it watches")
        other = subprocess.Popen(
            [sys.executable, "-c", LOCK, str(watch.database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert other.stdout is not None
        assert other.stdout.readline()
        held = len(watch.rows("SELECT * FROM observations"))
        locked = "store_errors_total"
        watch.wait(lambda: watch.counter(locked, reason="locked") >= 2, "it is noticed", cadences=4)
        assert len(watch.rows("SELECT * FROM observations")) == held
        other.communicate(timeout=10)
        recovery = recovered(watch, "locked")
        assert back_in_time(recovery), recovery
        check_watch(watch)
    matrix("The record", "the database locked by another program for minutes",
           "counted, logged, reported; nothing half-written", f"{recovery:.1f} cadences")  # fmt: skip


def put_another(database: Path) -> None:
    other = database.with_name("other.db")
    Store(other).close()
    other.replace(database)


@pytest.mark.parametrize(
    ("injected", "spoil", "outcome"),
    [
        ("the database removed", lambda database: database.unlink(), "put back whole from the open file"),
        (
            "its folder deleted",
            lambda database: shutil.rmtree(database.parent),
            "put back whole from the open file",
        ),
        ("another database put in its place", put_another, "written to from then on"),
    ],
    ids=["removed", "folder", "replaced"],
)
def test_a_database_that_is_not_where_it_was(
    injected: str, spoil: Callable[[Path], None], outcome: str, tmp_path: Path, green: Path, matrix: Entry
) -> None:
    """No row is acknowledged into nowhere: not green meanwhile, told, and back with whatever is at the path."""
    with watching(tmp_path, green, {"cam": Sky()}) as watch:
        watch.wait(lambda: len(watch.judged("cam")) >= 2, "it watches")
        with watch.service.store._thread:  # between two looks: what is there is what was acknowledged
            before = {(r["camera"], r["observed_at"]) for r in watch.rows("SELECT * FROM observations")}
            spoil(watch.database)
            green_lights = (watch.service.healthy()[0], watch.service.ready()[0])
        assert green_lights == (False, False)
        recovery = recovered(watch, "replaced or removed")
        assert back_in_time(recovery), recovery
        assert watch.counter("store_errors_total", reason="moved") >= 1
        assert watch.service.healthy()[0]
        assert watch.service.ready()[0]
        check_watch(watch, **({} if spoil is put_another else {"acknowledged": before}))
    matrix("The record", injected, f"refused, counted, reported, not healthy meanwhile; {outcome}",
           f"{recovery:.1f} cadences")  # fmt: skip


def test_the_record_counts_as_written_again_with_a_row_alone(
    tmp_path: Path, green: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look without a new picture writes none: while the disk is full it ends nothing."""
    with watching(tmp_path, green, {"cam": Sky()}, sources={"cam": {"stale_after_s": 86400}}) as watch:
        watch.wait(lambda: watch.judged("cam"), "it watches")
        service = watch.service
        service.schedule.stop(30)
        assert service.schedule.drained, "from here on the looks are ours"
        live = service.watches["cam"]
        service.conditions.begin("record", "", "the record cannot be written")
        with monkeypatch.context() as patched:
            patched.setattr(live.source, "latest", lambda: None)
            service._look("cam", live)
        assert service.conditions.holds("record", "")

        def written() -> bool:
            service._look("cam", live)
            return not service.conditions.holds("record", "")

        watch.wait(written, "a row is written")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 5 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=5m", "tmpfs", str(place)], capture_output=True)
    if done.returncode:
        pytest.skip(f"no disk can be mounted here: {done.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_and_room_again(small_disk: Path, green: Path, matrix: Entry) -> None:
    """No acknowledged row is lost, no message goes twice, and with room again the watch goes on."""
    with watching(small_disk, green, {"cam": Sky(spells(8, 4))}) as watch:
        watch.wait(lambda: len(watch.judged("cam")) >= 2, "it watches")
        before = {(r["camera"], r["observed_at"]) for r in watch.rows("SELECT * FROM observations")}
        ballast = small_disk / "ballast"
        with ballast.open("wb", buffering=0) as opened:
            try:
                while True:
                    opened.write(bytes(4096))
            except OSError:
                pass
        watch.wait(lambda: watch.counter("store_errors_total", reason="full") >= 2, "noticed", cadences=8)
        mail = watch.inboxes["owner"].got
        watch.wait(lambda: mail, "the operator hears of it while it lasts")
        watch.wait(lambda: not watch.service.healthy()[0], "and so do others", cadences=8)
        assert watch.service.healthy()[1].endswith("(full)")
        ballast.unlink()
        recovery = recovered(watch, "full")
        assert back_in_time(recovery), recovery
        assert watch.service.healthy()[0]
        watch.wait(lambda: "can be written again" in mail[-1].body, "the end arrives")
        assert sum("the record cannot be written" in m.body.lower() for m in mail) == 1
        check_watch(watch, acknowledged=before)
    matrix("The record", "a full disk (5 MB tmpfs), and room again",
           "counted, logged, reported while it lasts, and so is its end; not healthy meanwhile; no row lost, none half-written",
           f"{recovery:.1f} cadences")  # fmt: skip


def test_a_full_temporary_folder_stops_no_alert(
    small_disk: Path, tmp_path: Path, green: Path, matrix: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no picture can be drawn the words go alone."""
    from daemon.config import NotifySettings

    (small_disk / "ballast").write_bytes(bytes(4_000_000))
    with (small_disk / "more").open("wb", buffering=0) as opened:
        try:
            while True:
                opened.write(bytes(4096))
        except OSError:
            pass
    monkeypatch.setattr(tempfile, "tempdir", str(small_disk))
    people = NotifySettings(name="people", url="json://127.0.0.1:9/", audience="aurora")
    with watching(tmp_path, green, {"cam": Sky(spells(8, 4))}, channels=(people,)) as watch:
        watch.wait(lambda: watch.inboxes["people"].got, "an alert arrives", cadences=8)
        check_watch(watch)
    matrix("The record", "a full folder for temporary files", "alerts go out without their picture")


def run_once(tmp_path: Path, green: Path, database: bytes) -> tuple[int, str]:
    """What ``aurorad run`` says of that database."""
    (tmp_path / "state").mkdir(exist_ok=True)
    (tmp_path / "state/aurorad.db").write_bytes(database)
    inbox = Inbox()
    config = write_config(tmp_path / "a.toml", model=green, url="http://127.0.0.1:9/a.jpg", inbox=inbox.url)
    process = aurorad(config, tmp_path / "log")
    code = process.wait(60)
    inbox.close()
    return code, (tmp_path / "log").read_text()


def made(tmp_path: Path, sql: str = "") -> bytes:
    """A database of this version, closed, with something done to it."""
    path = tmp_path / "made.db"
    Store(path).close()
    with sqlite3.connect(path) as connection:
        connection.executescript(sql)
        connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()
    return path.read_bytes()


NEWER = (
    "INSERT INTO _sqlite_migrations (migration_set, name, applied_at)"
    " VALUES ('aurorad', 'm999_tomorrow', '2030-01-01 00:00:00');"
)


@pytest.mark.parametrize(
    ("injected", "spoil", "word"),
    [
        ("a database of a newer aurorad", lambda p: made(p, NEWER), "newer aurorad"),
        (
            "somebody else's database",
            lambda p: made(p, "PRAGMA application_id = 7;"),
            "not written by aurorad",
        ),
        ("a database whose first pages are rubbish", lambda p: b"\x07" * 8192 + made(p)[8192:], "damaged"),
    ],
    ids=["newer", "foreign", "damaged"],
)
def test_a_database_that_cannot_be_used_is_refused_in_one_line(
    injected: str, spoil: object, word: str, tmp_path: Path, green: Path, matrix: Entry
) -> None:
    """The daemon does not start, says why and what to do, and leaves the file as it is."""
    content = spoil(tmp_path)  # type: ignore[operator]
    code, said = run_once(tmp_path, green, content)
    assert code == 1
    lines = [line for line in said.splitlines() if line.startswith("aurorad: ")]
    assert len(lines) == 1, said
    assert word in lines[0]
    assert "Traceback" not in said
    assert (tmp_path / "state/aurorad.db").read_bytes() == content
    matrix("The record", injected, f"not started: “{lines[0].rsplit(': ', 1)[-1]}”; the file left as it is",
           "by an operator")  # fmt: skip


def test_an_older_database_is_brought_up_to_date(tmp_path: Path, green: Path, matrix: Entry) -> None:
    """An empty file is the oldest there is; a database of the first schema is what upgrades start from."""
    schema = Path(__file__).parents[1] / "daemon/record/schemas/m001_first.sql"
    old = tmp_path / "state/aurorad.db"
    old.parent.mkdir()
    with sqlite3.connect(old) as connection:
        connection.executescript(schema.read_text())
    connection.close()
    with watching(tmp_path, green, {"cam": Sky()}) as watch:
        watch.wait(lambda: watch.judged("cam"), "it watches")
        check(watch.database, Promises(alerts=False))
    matrix(
        "The record", "a database of the oldest released schema", "brought up to date at the start", "at once"
    )


def test_a_database_damaged_while_watching_is_told_and_restored_from_a_backup(
    tmp_path: Path, green: Path, matrix: Entry
) -> None:
    """Damage is noticed, counted, said; a verified backup put in its place holds all it held."""
    with watching(tmp_path, green, {"cam": Sky()}) as watch:
        watch.wait(lambda: len(watch.judged("cam")) >= 2, "it watches")
        backup(watch.database, tmp_path / "backup.db")
        kept = rows(tmp_path / "backup.db", "SELECT * FROM observations")
        watch.service.store._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        watch.service.store._db.execute("PRAGMA cache_size = 1")
        size = watch.database.stat().st_size
        with watch.database.open("r+b") as opened:
            for page in range(1, size // 4096):
                opened.seek(page * 4096)
                opened.write(os.urandom(4096))
        watch.service.store._db.execute("PRAGMA shrink_memory")
        watch.wait(lambda: watch.counter("store_errors_total", reason="damaged") >= 1, "noticed", cadences=6)
        assert any("damaged" in line for line in watch.notes.lines)
    with pytest.raises(StoreError):
        backup(tmp_path / "state/aurorad.db", tmp_path / "no.db")
    for ending in ("-wal", "-shm"):
        (tmp_path / f"state/aurorad.db{ending}").unlink(missing_ok=True)
    restore(tmp_path / "backup.db", tmp_path / "state/aurorad.db")
    began = time.monotonic()
    with watching(tmp_path, green, {"cam": Sky()}) as watch:
        watch.wait(lambda: len(watch.judged("cam")) > len(kept), "it goes on with the backup", cadences=6)
        recovery_s = time.monotonic() - began
        check_watch(watch, acknowledged={(r["camera"], r["observed_at"]) for r in kept})
    shutil.rmtree(tmp_path / "state")
    matrix("The record", "pages of the database overwritten while it is in use",
           "counted as “damaged”, logged; all of the backup there after `aurorad restore`",
           f"{recovery_s:.0f} s after the restore")  # fmt: skip
