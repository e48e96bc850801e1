"""The record, read-only: what the page, the API and the commands ask of the database.

Rows come back as typed dictionaries (:mod:`daemon.record.rows`, :mod:`daemon.record.columns`); times are the database's own text (``from_utc_text`` reads
them). Part of the store's room: :mod:`daemon.record.store` writes what is read here.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from operator import itemgetter
from pathlib import Path
from typing import Any, cast

from daemon.observation import from_utc_text, utc_text
from daemon.record import event_rows, label_queue, labels
from daemon.record.columns import SELECT, ObservationRow
from daemon.record.database import Closing, connect_reader, translated
from daemon.record.migrations import check_version
from daemon.record.rows import (
    CandidateRow,
    CourseRow,
    EventRow,
    EventWholeRow,
    KeogramRow,
    LabelRow,
    MessageRow,
    ModelRow,
    NightRow,
    Queue,
)

Row = dict[str, Any]
"""A row of somebody's own SELECT. What this class asks itself comes back typed."""

_JOINS = """
    LEFT JOIN models m ON m.id = o.model
    LEFT JOIN sources s ON s.id = o.source
    LEFT JOIN pictures p ON p.camera = o.camera AND p.observed_at = o.observed_at
"""
_NEWEST_PICTURE = (
    """SELECT max((SELECT max(observed_at) FROM pictures WHERE camera = c.name)) AS at FROM cameras c"""
)
_CAMERAS = """WITH RECURSIVE next(camera) AS (
    SELECT min(camera) FROM nights
    UNION ALL SELECT (SELECT min(camera) FROM nights WHERE camera > next.camera) FROM next WHERE camera IS NOT NULL
) SELECT camera FROM next WHERE camera IS NOT NULL"""
"""The names in order, each by one step through the index: DISTINCT reads every night of years."""

QUEUE_DAYS = 45
"""Days before the newest kept picture that a label queue looks back, unless told."""


class Reader(Closing):
    """A read-only view of one database file, safe to use from several threads.

    Raises StoreError where the file is missing, damaged, locked, or not of this version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._connection = connect_reader(path)
        try:
            with translated(path):
                check_version(self._connection, path)
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._connection.close()

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Rows of one SELECT, as dictionaries: of plain tuples, for a Row looks each of its columns up by name."""
        with self._lock, translated(self.path):
            cursor = self._connection.cursor()
            cursor.row_factory = None
            cursor.execute(sql, parameters)
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor]

    def _first(self, sql: str, parameters: Sequence[Any] = ()) -> Row | None:
        rows = self.query(sql, parameters)
        return rows[0] if rows else None

    # ------------------------------------------------------------------ observations

    def cameras(self) -> list[str]:
        """Names of the cameras that have observations."""
        return [row["camera"] for row in self.query(_CAMERAS)]

    def newest_picture_at(self) -> datetime | None:
        """When the newest picture was taken that is kept of any camera."""
        row = self._first(_NEWEST_PICTURE)
        return from_utc_text(row["at"]) if row is not None and row["at"] else None

    def camera(self, name: str) -> dict[str, Any] | None:
        """What the record keeps of a camera (:meth:`Store.register_camera`), or None."""
        row = self._first("SELECT * FROM cameras WHERE name = ?", [name])
        if row is None:
            return None
        return row | {"orientation": json.loads(row["orientation"]) if row["orientation"] else None}

    def history(self, camera: str) -> list[dict[str, Any]]:
        """What the configuration said of a camera, and the lenses that its stars gave, each ``since`` when; oldest first.

        The directions of a row are those of the newest orientation before its ``recorded_at``.
        """
        said = self.query("SELECT since, json FROM camera_history WHERE camera = ?", [camera])
        seen = self.query("SELECT found_at AS since, orientation FROM lenses WHERE camera = ?", [camera])
        entries = [{"since": row["since"], **json.loads(row["json"])} for row in said]
        entries += [{"since": row["since"], "from_stars": json.loads(row["orientation"])} for row in seen]
        return sorted(entries, key=itemgetter("since"))

    def latest(self, camera: str, until: datetime | None = None) -> ObservationRow | None:
        """The newest observation of a camera; with ``until`` the newest that is no later."""
        rows = self.between(camera, until=until, newest_first=True, limit=1)
        return rows[0] if rows else None

    def at(self, camera: str, observed_at: datetime) -> ObservationRow | None:
        """The observation of exactly that second."""
        rows = self.between(camera, since=observed_at, until=observed_at)
        return rows[0] if rows else None

    def nearest(self, camera: str, at: datetime) -> ObservationRow | None:
        """The observation closest in time, or None where the camera has none."""
        around = self.between(camera, until=at, newest_first=True, limit=1)
        around += self.between(camera, since=at, limit=1)
        return min(around, key=lambda row: abs(from_utc_text(row["observed_at"]) - at), default=None)

    def between(
        self,
        camera: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
        *,
        newest_first: bool = False,
        verdict: str | None = None,
    ) -> list[ObservationRow]:
        """Observations with since ≤ observed_at ≤ until, in order of time; camera None takes all."""
        cameras = self.cameras() if camera is None else [camera]
        low = utc_text(since) if since else ""
        high = utc_text(until) if until else "9999"
        order = "DESC" if newest_first else "ASC"
        only = "" if verdict is None else "AND o.verdict = ?"
        sql = f"""SELECT {SELECT} FROM observations o {_JOINS}
            WHERE o.camera = ? AND o.observed_at BETWEEN ? AND ? {only}
            ORDER BY o.observed_at {order} LIMIT ?"""
        most = -1 if limit is None else limit
        rows: list[ObservationRow] = []
        for name in cameras:
            given = [name, low, high, *([] if verdict is None else [verdict]), most]
            rows += cast(list[ObservationRow], self.query(sql, given))
        if len(cameras) > 1:
            rows.sort(key=lambda row: (row["observed_at"], row["camera"]), reverse=newest_first)
        return rows if limit is None else rows[:limit]

    def night(self, camera: str, night: date) -> list[ObservationRow]:
        """A night's observations, in order."""
        span = self._span(camera, night)
        return self.between(camera, *span) if span else []

    def course(self, camera: str, night: date) -> list[CourseRow]:
        """A night's observations, in order, with no more than what its strip draws: a third of the time."""
        drawn = "observed_at, verdict, calibrated_probability, threshold, level, colour_level"
        return cast(list[CourseRow], self._of_night(drawn, "observations", camera, night))

    def columns(self, camera: str, night: date) -> list[KeogramRow]:
        """A night's keogram columns: ``observed_at`` and ``rgb``, 120 × 3 bytes from north to south."""
        return cast(list[KeogramRow], self._of_night("observed_at, rgb", "columns", camera, night))

    def _of_night(
        self, columns: str, table: str, camera: str, night: date, order: str = "observed_at"
    ) -> list[Row]:
        span = self._span(camera, night)
        if span is None:
            return []
        return self.query(
            f"SELECT {columns} FROM {table} WHERE camera = ? AND observed_at BETWEEN ? AND ? ORDER BY {order}",
            [camera, utc_text(span[0]), utc_text(span[1])],
        )

    def _span(self, camera: str, night: date) -> tuple[datetime, datetime] | None:
        row = self._first(
            "SELECT first_at, last_at FROM nights WHERE camera = ? AND night = ?", [camera, night.isoformat()]
        )
        return (from_utc_text(row["first_at"]), from_utc_text(row["last_at"])) if row else None

    # ------------------------------------------------------------------ nights

    def nights(
        self, camera: str | None = None, since: date | None = None, until: date | None = None
    ) -> list[NightRow]:
        """Nights in order, with frames by verdict and what follows from them.

        ``looked`` frames were judged, ``observable`` ones showed the sky or aurora, and
        ``aurora_share`` is aurora / observable (None where nothing could be seen). ``unusable``
        ones showed no sky. ``events`` counts the events that began that night.
        """
        rows = self.query(
            """SELECT n.*, (SELECT count(*) FROM events e WHERE e.camera = n.camera
                AND e.onset_at BETWEEN n.first_at AND n.last_at) AS events
            FROM nights n WHERE (?1 IS NULL OR n.camera = ?1) AND n.night BETWEEN ?2 AND ?3
            ORDER BY n.night, n.camera""",
            [camera, since.isoformat() if since else "", until.isoformat() if until else "9999"],
        )
        for row in rows:
            row["looked"] = row["aurora"] + row["clear"] + row["obscured"]
            row["unusable"] = row["observations"] - row["looked"] - row["not_looked"] - row["stale"]
            row["observable"] = row["aurora"] + row["clear"]
            row["aurora_share"] = row["aurora"] / row["observable"] if row["observable"] else None
        return cast(list[NightRow], rows)

    def night_count(self, camera: str) -> int:
        """How many nights of a camera are on record."""
        (row,) = self.query("SELECT count(*) AS n FROM nights WHERE camera = ?", [camera])
        return int(row["n"])

    def has_seen(self, camera: str) -> bool:
        """Has a picture of a camera ever come? The rows of a shut gate and of a feed that stands still are none."""
        sql = "SELECT 1 FROM nights WHERE camera = ? AND observations > not_looked + stale LIMIT 1"
        return self._first(sql, [camera]) is not None

    def night_at(self, camera: str, at: datetime) -> date | None:
        """The night whose observations begin before that instant and end after it."""
        row = self._first(
            "SELECT night FROM nights WHERE camera = ?1 AND ?2 BETWEEN first_at AND last_at",
            [camera, utc_text(at)],
        )
        return date.fromisoformat(row["night"]) if row else None

    def neighbours(self, camera: str, night: date) -> tuple[date | None, date | None]:
        """The nights with observations before and after this one."""
        row = self._first(
            """SELECT (SELECT max(night) FROM nights WHERE camera = ?1 AND night < ?2) AS before,
                (SELECT min(night) FROM nights WHERE camera = ?1 AND night > ?2) AS after""",
            [camera, night.isoformat()],
        )
        assert row is not None
        before, after = (date.fromisoformat(n) if n else None for n in (row["before"], row["after"]))
        return before, after

    # ------------------------------------------------------------------ events and messages

    def events(
        self,
        camera: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        *,
        strong: bool | None = None,
        right: bool | None = None,
        judged: bool | None = None,
        min_probability: float = 0.0,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[EventRow]:
        """Events by onset, newest first.

        Each has the events table's columns; ``brightest_at``, ``brightest_level``, ``brightest_cover`` and
        ``picture`` of its brightest frame by colour (of its peak where no colour was measured);
        ``last_seen_at``, when aurora was last seen, of one without an end; ``label`` (the last answer to "was
        this right?") and ``right`` (True, False, or None where nobody has answered).
        """
        want_label = {None: None, True: "aurora", False: "none"}[right]
        chosen = f"""SELECT * FROM ({event_rows.EVENT}) WHERE (?1 IS NULL OR camera = ?1)
                AND onset_at BETWEEN ?2 AND ?3 AND peak_probability >= ?4
                AND (?5 IS NULL OR (strong_at IS NOT NULL) = ?5)
                AND (?6 IS NULL OR label = ?6)
                AND (?7 IS NULL OR (label IS NOT NULL) = ?7)
            ORDER BY onset_at DESC, camera LIMIT ?8 OFFSET ?9"""
        rows = self.query(
            f"{event_rows.shown(chosen)} ORDER BY e.onset_at DESC, e.camera",
            [
                camera,
                utc_text(since) if since else "",
                utc_text(until) if until else "9999",
                min_probability,
                strong,
                want_label,
                judged,
                -1 if limit is None else limit,
                offset,
            ],
        )
        return [event_rows.with_right(row) for row in rows]

    def best_of_night(self, camera: str, night: date) -> datetime | None:
        """The time of a night's brightest aurora; of its darkest clear frame where there was none."""
        rows = self._of_night("observed_at", "observations", camera, night, event_rows.BEST)
        return from_utc_text(rows[0]["observed_at"]) if rows else None

    def events_of_night(self, camera: str, night: date) -> list[EventRow]:
        """The events that began in a night, in order."""
        span = self._span(camera, night)
        return self.events(camera, *span)[::-1] if span else []

    def event(self, event_id: str) -> EventWholeRow | None:
        """One event, as in :meth:`events`, with its outbox rows as ``messages``."""
        row = self._first(event_rows.shown(f"{event_rows.EVENT} WHERE e.id = ?"), [event_id])
        return {**event_rows.with_right(row), "messages": self.messages(event_id)} if row else None

    def sky_seen_before(self, camera: str, onset_at: datetime) -> bool:
        """Was the sky seen shortly before? Else an event's aurora may have been there earlier."""
        (row,) = self.query(
            f"SELECT {event_rows.seen_before('?1', '?2')} AS at", [camera, utc_text(onset_at)]
        )
        return row["at"] is not None

    def messages(self, event_id: str | None = None, limit: int = 100) -> list[MessageRow]:
        """Outbox rows, newest first, of one event or of all."""
        rows = self.query(
            "SELECT * FROM outbox WHERE (?1 IS NULL OR event_id = ?1) ORDER BY id DESC LIMIT ?2",
            [event_id, limit],
        )
        return cast(list[MessageRow], rows)

    def pending(self) -> dict[str, int]:
        """Messages that wait, by channel."""
        rows = self.query(
            "SELECT channel, count(*) AS n FROM outbox WHERE delivered_at IS NULL AND expired_at IS NULL"
            " GROUP BY channel"
        )
        return {row["channel"]: row["n"] for row in rows}

    # ------------------------------------------------------------------ labels

    def labels(
        self, camera: str | None = None, since: datetime | None = None, *, undone: bool = False
    ) -> list[LabelRow]:
        """Labels in the order they were given; without ``undone`` only each frame's valid one.

        Beside the labels table's columns each has the frame's ``picture``, ``source``, ``night``,
        ``twilight`` and ``moonlight``, None where the frame was not watched here.
        """
        rule = "1" if undone else labels.VALID
        rows = self.query(
            f"{labels.QUERY} WHERE {rule} AND (?1 IS NULL OR l.camera = ?1) AND l.labelled_at >= ?2"
            " ORDER BY l.id",
            [camera, utc_text(since) if since else ""],
        )
        return cast(list[LabelRow], rows)

    def label_counts(self, camera: str | None = None) -> dict[str, int]:
        """Valid labels by kind."""
        counts: dict[str, int] = dict.fromkeys(labels.LABELS, 0)
        for row in self.labels(camera):
            counts[row["label"]] += 1
        return counts

    def label_queue(
        self,
        order: Queue = "uncertainty",
        camera: str | None = None,
        *,
        night: date | None = None,
        since: datetime | None = None,
        limit: int = 50,
        seed: int = 0,
    ) -> list[ObservationRow]:
        """Frames worth a label: judged, picture kept, not yet labelled; most wanted first.

        ``uncertainty``: probability nearest its threshold; ``disagreement``: farthest from the
        shadow model's or the colour index's answer; ``night``: in order of time; ``random``: the
        thesis's rule, per night at most 20 and at most half of the moonless dark frames. An answer
        to "was this right?" is no label yet: what fooled the model, or whether it was cloud, is not said.
        """
        chosen = label_queue.most_wanted(self._candidates(camera, night, since), order, seed)
        keys = [(row["camera"], row["observed_at"]) for row in chosen if row["label"] is None][:limit]
        found = [self.at(name, from_utc_text(at)) for name, at in keys]
        return [row for row in found if row is not None]

    def _candidates(
        self, camera: str | None, night: date | None, since: datetime | None
    ) -> list[CandidateRow]:
        """Frames that could be labelled, the labelled ones among them."""
        newest = self._first("SELECT max(observed_at) AS at FROM pictures")
        if since is None and night is None and newest and newest["at"]:
            since = from_utc_text(newest["at"]) - timedelta(days=QUEUE_DAYS)
        rows = self.query(
            """SELECT o.camera, o.observed_at, n.night, o.twilight, o.moonlight, o.colour_level,
                o.calibrated_probability, o.threshold, o.shadow_probability,
                (SELECT max(l.id) FROM labels l WHERE l.camera = o.camera
                 AND l.observed_at = o.observed_at AND l.undone_at IS NULL AND l.event_id IS NULL) AS label
            -- CROSS JOIN keeps this order: left to itself SQLite goes through all observations first.
            FROM nights n
            CROSS JOIN pictures p ON p.camera = n.camera AND p.observed_at BETWEEN n.first_at AND n.last_at
            CROSS JOIN observations o ON o.camera = p.camera AND o.observed_at = p.observed_at
            WHERE (?1 IS NULL OR n.camera = ?1) AND (?2 IS NULL OR n.night = ?2) AND n.last_at >= ?3
                AND p.observed_at >= ?3 AND o.probability IS NOT NULL""",
            [camera, night.isoformat() if night else None, utc_text(since) if since else ""],
        )
        return cast(list[CandidateRow], rows)

    # ------------------------------------------------------------------ the rest

    def star_zeros(
        self, camera: str, most: int = 2000, nights: int = 120
    ) -> list[tuple[str, str, float, float]]:
        """(twilight, moonlight, zero, gamma) of the newest frames that showed stars enough, oldest first.

        Of the last ``nights`` in which the camera was looked at: of one that shows no stars it would be the whole record.
        """
        rows = self.query(
            """SELECT twilight, moonlight, star_zero, star_gamma FROM observations
               WHERE camera = ?1 AND star_zero IS NOT NULL AND observed_at >= (
                   SELECT min(first_at) FROM (SELECT first_at FROM nights
                       WHERE camera = ?1 AND aurora + clear + obscured > 0 ORDER BY night DESC LIMIT ?3))
               ORDER BY observed_at DESC LIMIT ?2""",
            [camera, most, nights],
        )
        names = ("twilight", "moonlight", "star_zero", "star_gamma")
        return [cast(tuple[str, str, float, float], tuple(row[n] for n in names)) for row in reversed(rows)]

    def models(self, camera: str | None = None, since: str = "", until: str = "9999") -> list[ModelRow]:
        """Models that have looked, with ``card`` as a dictionary; of a camera those of since ≤ observed_at ≤ until."""
        rows = self.query(
            """SELECT sha256, name, card, first_used_at FROM models WHERE ?1 IS NULL OR id IN
                (SELECT model FROM observations WHERE camera = ?1 AND observed_at BETWEEN ?2 AND ?3) ORDER BY id""",
            [camera, since, until],
        )
        return cast(list[ModelRow], [row | {"card": json.loads(row["card"])} for row in rows])

    def counts(self) -> dict[str, int]:
        """How much there is of everything: a night is one, however many cameras watched it."""
        row = self._first(
            """SELECT (SELECT coalesce(sum(observations), 0) FROM nights) AS observations,
                (SELECT count(DISTINCT night) FROM nights) AS nights, (SELECT count(*) FROM events) AS events,
                (SELECT count(*) FROM outbox) AS messages,
                (SELECT count(*) FROM labels WHERE undone_at IS NULL) AS labels,
                (SELECT count(*) FROM pictures) AS pictures"""
        )
        assert row is not None
        return row
