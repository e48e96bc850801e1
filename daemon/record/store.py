"""The record: observations, events, outbox, labels. One writer; everybody else reads.

What happens with one frame is written in one transaction or not at all: its row, the event's
change, the messages that tell of it, the keogram's column, the memory, the night's sum. A frame
is known by (camera, observed_at) and written once; whoever comes later changes nothing.

:class:`Store` is the one writer, :class:`Reader` (from :mod:`daemon.record.reader`) what the others use.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from daemon.errors import StoreError
from daemon.event import EventState
from daemon.observation import Event, EventChange, Message, Observation, OutboxRow, utc_text
from daemon.record import columns, labels, nights, outbox, progress, snoozes
from daemon.record.backup import backup, restore
from daemon.record.columns import heatmap_from_bytes, heatmap_to_bytes
from daemon.record.database import Closing, WriterLock, connect_writer, id_of, put, translated
from daemon.record.migrations import applied_migrations, is_current, migrations, refuse_foreign
from daemon.record.place import Place
from daemon.record.progress import Progress
from daemon.record.reader import Reader
from daemon.record.space import SpaceRecord

__all__ = ["Reader", "Store", "backup", "heatmap_from_bytes", "heatmap_to_bytes", "restore"]

log = logging.getLogger("aurorad.record")

LEASE = timedelta(minutes=5)
"""Longest a delivery may take before its message is due again (a crash is noticed at once)."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Store(Closing):
    """The one writing connection to a database file; made if it is not there, and brought up to date.

    ``progress`` is what is remembered between frames; ``space`` takes space weather; ``reader`` a view of the same file for whoever works beside the writer: one for all, for SQLite
    keeps as many file handles as connections were ever open together.

    ``upgrading`` is called before a database of an older version is brought up to date, which takes some
    twenty seconds for each million rows.

    Safe to use from several threads. Raises StoreError where another process writes to the same
    file, where the file is damaged, of a newer version, or no database, and where the disk is full.
    """

    def __init__(
        self,
        path: Path,
        *,
        now: Callable[[], datetime] = _utc_now,
        upgrading: Callable[[], None] = lambda: None,
    ) -> None:
        self.path = path
        self._now = now
        self._thread = threading.RLock()
        self._process = WriterLock(path)
        self.progress = Progress(self._read, self._write, now)
        self.space = SpaceRecord(self._write)
        try:
            self._db = _open(path, upgrading)
        except BaseException:
            self._process.release()
            raise
        self._place = Place(path)
        try:
            with self._write() as db:
                outbox.release(db, now())
            self.reader = Reader(path)
            self._place = Place(path)  # with the log that the first writing made
        except BaseException:
            self._db.close()
            self._process.release()
            raise

    def close(self) -> None:
        """Close the file and let others write. Twice does no harm."""
        with self._thread:
            self.reader.close()
            self._db.close()
            self._process.release()

    @property
    def in_place(self) -> bool:
        """Is the database that was opened still the one at its path? Else nothing is written."""
        return self._place.kept

    def reopen(self) -> None:
        """Open the database that is at the path now, or put back the one that was removed from it.

        Nothing happens where it is in place. Raises StoreError where what is there cannot be used.
        """
        with self._thread, translated(self.path):
            if self.in_place:
                return
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._process.release()
                self._process = WriterLock(self.path)
                self._place.leave(self._db.conn)
            except OSError as error:
                raise StoreError(
                    "unwritable", f"{self.path}: cannot be put back: {error.strerror}"
                ) from error
            fresh = _open(self.path, lambda: None)
            try:
                with fresh.atomic() as db:
                    outbox.release(db, self._now())
                reader = Reader(self.path)
            except BaseException:
                fresh.close()
                raise
            before = self._db, self.reader
            self._db, self.reader, self._place = fresh, reader, Place(self.path)
            for old in before:
                old.close()

    @contextmanager
    def _write(self) -> Iterator[Database]:
        with self._thread, translated(self.path), self._db.atomic() as db:
            self._place.check()
            yield db
            self._place.check()

    @contextmanager
    def _read(self) -> Iterator[Database]:
        with self._thread, translated(self.path):
            yield self._db

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Make everything written inside one transaction: quick for archives, lost together on a crash."""
        with self._write():
            yield

    # ------------------------------------------------------------------ one frame

    def record(
        self,
        observation: Observation,
        *,
        night: date,
        changes: Iterable[EventChange] = (),
        messages: Iterable[Message] = (),
        column: bytes | None = None,
        state: EventState | None = None,
    ) -> bool:
        """Write one frame and all that follows from it; False where it is there already.

        A stale row says that nothing was seen at that second: what was seen after all (the night's
        movie knows) takes its place.

        ``night`` is the night it belongs to, ``column`` its keogram column (120 × 3 bytes), ``state`` where
        the event stands from here on; an event that is open is kept current with it, its peak above all.
        """
        o = observation
        key = [o.camera, utc_text(o.observed_at)]
        with self._write() as db:
            if (there := nights.verdict_at(db, key)) is not None:
                if there != "stale" or o.verdict == "stale":
                    return False
                nights.take_back_stale(db, o, night)
            row = self._row(db, o)
            names = ", ".join(row)
            db.execute(
                f"INSERT INTO observations ({names}) VALUES ({', '.join('?' * len(row))})", [*row.values()]
            )
            nights.add(db, o, night)
            if o.picture is not None:
                db.execute("INSERT OR REPLACE INTO pictures VALUES (?, ?, ?)", [*key, o.picture])
            if column is not None:
                db.execute("INSERT OR REPLACE INTO columns VALUES (?, ?, ?)", [*key, column])
            for change in changes:
                put(db, "events", **change.event.plain())
            if state is not None and state.event is not None:
                put(db, "events", **state.event.plain())
            outbox.put(db, messages)
            if state is not None:
                progress.put_event_state(db, o.camera, state)
        return True

    def _row(self, db: Database, o: Observation) -> dict[str, Any]:
        """One observation as its table keeps it."""
        folder, file = columns.split_source(o.source)
        return columns.stored(o) | {
            "model": self._model_id(db, o.prediction.model_sha256, "", {}) if o.prediction else None,
            "source": id_of(db, "sources", "name", folder) if folder else None,
            "file": file or None,
            "fetched_after_s": columns.seconds_between(o.observed_at, o.fetched_at),
            "recorded_after_s": columns.seconds_between(o.fetched_at, self._now()),
        }

    def known(self, camera: str, observed_at: datetime, within: timedelta = timedelta(0)) -> bool:
        """Is there an observation within that much of the instant, either way?"""
        low, high = utc_text(observed_at - within), utc_text(observed_at + within)
        sql = "SELECT 1 FROM observations WHERE camera = ? AND observed_at BETWEEN ? AND ? LIMIT 1"
        with self._read() as db:
            return db.execute(sql, [camera, low, high]).fetchone() is not None

    def put_event(self, event: Event) -> None:
        """Write an event, or its newer state, outside a frame."""
        with self._write() as db:
            put(db, "events", **event.plain())

    def exchange_events(self, gone: Iterable[str], events: Iterable[Event]) -> None:
        """Write events in place of those that are no more; answers about these go to the events that hold their frames."""
        with self._write() as db:
            for event_id in (gone := list(gone)):
                db.execute("DELETE FROM events WHERE id = ?", [event_id])
            for event in events:
                put(db, "events", **event.plain())
            for event_id in gone:
                labels.hand_on(db, event_id)

    def register_model(self, sha256: str, name: str, card: Mapping[str, Any]) -> None:
        """Keep what a model file says of itself, for good: rows refer to it by number."""
        with self._write() as db:
            self._model_id(db, sha256, name, card)
            db.execute(
                "UPDATE models SET name = ?, card = ? WHERE sha256 = ?", [name, json.dumps(card), sha256]
            )

    def _model_id(self, db: Database, sha256: str, name: str, card: Mapping[str, Any]) -> int:
        more = {"name": name, "card": json.dumps(card), "first_used_at": utc_text(self._now())}
        return id_of(db, "models", "sha256", sha256, more)

    # ------------------------------------------------------------------ outbox

    def enqueue(self, messages: Iterable[Message]) -> int:
        """Queue messages that belong to no frame; those queued before are left. Returns how many are new."""
        with self._write() as db:
            return outbox.put(db, messages)

    def due(self, now: datetime, channel: str | None = None, limit: int = 20) -> list[OutboxRow]:
        """Claim the messages to be sent now.

        What is claimed is due again after ``LEASE``, or at once when the process was restarted: a
        crash in mid-delivery repeats that message once. Of one channel and camera only the oldest
        is given, so that nobody reads of an end before its onset or after the next one; the operator's
        messages are a queue of their own.
        """
        with self._write() as db:
            return outbox.claim(db, now, now + LEASE, channel, limit)

    def behind(self, row_id: int, now: datetime) -> OutboxRow | None:
        """Claim the message behind one that its channel will not have; None where there is none."""
        with self._write() as db:
            return outbox.claim_behind(db, row_id, now, now + LEASE)

    def delivered(self, row_id: int, at: datetime) -> list[OutboxRow]:
        """The channel took the message: all that waits for it is due. Returns what was overtaken and given up."""
        with self._write() as db:
            return outbox.mark_delivered(db, row_id, at)

    def outdated(self, now: datetime, channel: str) -> list[OutboxRow]:
        """Give up what would not be true any more when the channel took it; returns it."""
        with self._write() as db:
            return outbox.drop_outdated(db, now, channel)

    def sent(self, message: Message, at: datetime) -> None:
        """The channel took the message before it could be queued."""
        with self._write() as db:
            outbox.mark_sent(db, message, at)

    def failed(self, row_id: int, at: datetime, error: str, next_attempt_at: datetime) -> None:
        """The channel did not take the message; try again then."""
        with self._write() as db:
            outbox.mark_failed(db, row_id, at, error, next_attempt_at)

    def beginnings(self, event_id: str) -> list[Message]:
        """The messages that an event has begun, or has become strong, that were queued, whatever became of them."""
        with self._read() as db:
            return outbox.beginnings(db, event_id)

    def expire(self, now: datetime) -> list[OutboxRow]:
        """Give up the messages that nobody needs any more; returns them."""
        with self._write() as db:
            return outbox.expire(db, now)

    def snooze(self, channel: str, until: datetime) -> None:
        """No aurora messages to this channel (empty: to all) until then; an instant of the past wakes it."""
        with self._write() as db:
            snoozes.put(db, channel, until)

    # ------------------------------------------------------------------ labels

    def add_label(
        self,
        camera: str,
        observed_at: datetime,
        label: str,
        labelled_by: str,
        *,
        at: datetime | None = None,
        queue: str = "",
        event_id: str | None = None,
    ) -> int:
        """Keep what a person says of a frame, beside what the model had said; gives the label's id.

        ``event_id`` makes it the answer to that event's "was this right?". Which label of a frame is
        valid: see :mod:`daemon.record.labels`. Raises StoreError for an unknown label.
        """
        with self._write() as db:
            given = (labelled_by, utc_text(at or self._now()), queue, event_id)
            return labels.add(db, camera, utc_text(observed_at), label, given)

    def undo_label(self, label_id: int, at: datetime | None = None) -> bool:
        """Take a label back; it stays on record as undone. False where there is none to take back."""
        with self._write() as db:
            return labels.undo(db, label_id, utc_text(at or self._now()))

    def has_picture(self, camera: str, observed_at: datetime) -> bool:
        """Is a picture of that second kept?"""
        sql = "SELECT 1 FROM pictures WHERE camera = ? AND observed_at = ?"
        with self._read() as db:
            return db.execute(sql, [camera, utc_text(observed_at)]).fetchone() is not None

    def keep_picture(self, camera: str, observed_at: datetime, path: str) -> None:
        """Remember the picture of a frame that was labelled elsewhere and never watched here."""
        with self._write() as db:
            db.execute(
                "INSERT OR IGNORE INTO pictures VALUES (?, ?, ?)", [camera, utc_text(observed_at), path]
            )

    def labelled_pictures(self) -> set[str]:
        """Paths of the pictures that somebody labelled: the next model learns from them, so they stay."""
        with self._read() as db:
            return labels.pictures(db)

    # ------------------------------------------------------------------ pictures kept, copies

    def prune_pictures(self, before: datetime, remove: Callable[[str], None], limit: int = 5000) -> int:
        """Forget kept pictures older than that which nobody labelled, at most ``limit`` a call; how many.

        ``remove`` deletes the file of a path as it was recorded. A crash in between leaves paths
        without files, which the next call forgets; it never leaves files that nobody knows.
        """
        with self._read() as db:
            old = db.execute(
                f"SELECT camera, observed_at, path FROM pictures p WHERE observed_at < ? AND NOT {labels.ANY}"
                " LIMIT ?",
                [utc_text(before), limit],
            ).fetchall()
        for _, _, path in old:
            remove(path)
        with self._write() as db:
            for camera, observed_at, _ in old:
                db.execute("DELETE FROM pictures WHERE camera = ? AND observed_at = ?", [camera, observed_at])
        return len(old)

    def backup(self, target: Path) -> None:
        """Copy the database while it is in use, verified. Raises StoreError."""
        backup(self.path, target)


def _open(path: Path, upgrading: Callable[[], None]) -> Database:
    connection = connect_writer(path)
    try:
        with translated(path):
            refuse_foreign(connection, path)
            if applied_migrations(connection) and not is_current(connection):
                log.info("%s: an older aurorad wrote this database; it is brought up to date", path)
                upgrading()
            db = Database(connection, execute_plugins=False)
            db.enable_wal()
            migrations.apply(db)
    except BaseException:
        connection.close()
        raise
    return db


def open_store(folder: Path, path: Path, now: Callable[[], datetime], upgrading: Callable[[], None]) -> Store:
    """The store in its state folder, which is made if it is not there. Raises StoreError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"{folder}: cannot be made: {error.strerror}; set [daemon] state_dir"
        raise StoreError("unwritable", message) from error
    return Store(path, now=now, upgrading=upgrading)
