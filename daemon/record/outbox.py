"""Messages that wait for their channel: queued once, claimed, delivered or given up.

Part of the store's room: functions on its open transaction. A row's life: waiting (``next_attempt_at``)
→ claimed (``claimed_at``) → delivered (``delivered_at``), or waiting again, or given up (``expired_at``, and
``last_error`` says why, but for its time).

What goes to one channel about one camera is a queue of its own, the operator's messages another: only its oldest
message is tried, so that nobody reads of an end after the next onset. What is no longer true when its turn comes is
given up, and so is what a newer message has overtaken.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any

from sqlite_utils import Database

from daemon.observation import Message, OutboxRow, from_utc_text, utc_text

_WAITS = "delivered_at IS NULL AND expired_at IS NULL"
_IDLE = f"{_WAITS} AND claimed_at IS NULL"
_QUEUE = ("channel", "audience", "camera")
_SAME_QUEUE = " AND ".join(f"{name} = :{name}" for name in _QUEUE)
_TIMES = ("created_at", "expires_at")

LONGEST_WAIT = timedelta(hours=1)
"""A wait longer than any lease or back-off was set by a clock that ran ahead, and does not count."""

TOO_MANY = "error=429"
"""How a channel's error says that the service asked for patience: what got that answer waits its whole time."""

LATE = timedelta(hours=1)
"""After so long it is no news that an aurora has become strong, or stronger; unless nothing else says that there is one."""

_OVER_BY_NOW = """(kind IN ('onset', 'strong') OR kind LIKE 'stronger%')
    AND EXISTS (SELECT 1 FROM events e WHERE e.id = event_id AND e.ended_at IS NOT NULL)"""
_SKY_CHANGED = """kind IN ('clears', 'clouds over') AND (
    EXISTS (SELECT 1 FROM outbox b WHERE b.channel = outbox.channel AND b.camera = outbox.camera
        AND b.id > outbox.id AND b.kind IN ('clears', 'clouds over'))
    OR EXISTS (SELECT 1 FROM skies s WHERE s.camera = outbox.camera
        AND json_extract(s.json, '$.clear') = (kind = 'clouds over')))"""
_OUTDATED = {
    "the event was over before the channel took it": _OVER_BY_NOW,
    "too late to be news": """(kind = 'strong' OR kind LIKE 'stronger%') AND created_at <= :late
        AND EXISTS (SELECT 1 FROM outbox b WHERE b.event_id = outbox.event_id AND b.channel = outbox.channel
            AND b.id <> outbox.id AND b.kind IN ('onset', 'strong') AND b.expired_at IS NULL)""",
    "the sky had changed before the channel took it": _SKY_CHANGED,
}


def put(db: Database, messages: Iterable[Message]) -> int:
    """Queue messages; those queued before are left as they are. Returns how many are new.

    What waits before a new one is tried again with it: the new one is not to wait for a long back-off.
    """
    new = 0
    for message in messages:
        row = vars(message) | {name: utc_text(getattr(message, name)) for name in _TIMES}
        row["next_attempt_at"] = row["created_at"]
        names = ", ".join(row)
        queued = db.execute(
            f"INSERT INTO outbox ({names}) VALUES ({', '.join('?' * len(row))})"
            " ON CONFLICT (event_id, kind, channel) DO NOTHING",
            [*row.values()],
        ).rowcount
        if queued:
            _wake(db, message.created_at, _SAME_QUEUE, {name: row[name] for name in _QUEUE})
        new += queued
    return new


def claim(db: Database, now: datetime, until: datetime, channel: str | None, limit: int) -> list[OutboxRow]:
    """Take the messages due, of each queue the oldest only; due again at ``until``."""
    # A message never tried is due whatever its time, for that is the camera's clock and not ours.
    due = db.query(
        f"""WITH oldest AS (
            SELECT min(id) AS id FROM outbox
            WHERE {_WAITS} AND expires_at > :now AND (:channel IS NULL OR channel = :channel)
            GROUP BY {", ".join(_QUEUE)})
        SELECT * FROM outbox JOIN oldest USING (id)
        WHERE attempts = 0 OR next_attempt_at <= :now OR next_attempt_at > :ahead ORDER BY id LIMIT :limit""",
        {"now": utc_text(now), "ahead": utc_text(now + LONGEST_WAIT), "channel": channel, "limit": limit},
    )
    return [_claimed(db, row, now, until) for row in list(due)]


def claim_behind(db: Database, row_id: int, now: datetime, until: datetime) -> OutboxRow | None:
    """Take the message that waits behind this one in its queue; None where there is none."""
    queue = next(db.query("SELECT * FROM outbox WHERE id = ?", [row_id]))
    behind = db.query(
        f"SELECT * FROM outbox WHERE {_WAITS} AND {_SAME_QUEUE} AND id > :id AND expires_at > :now"
        " ORDER BY id LIMIT 1",
        {name: queue[name] for name in (*_QUEUE, "id")} | {"now": utc_text(now)},
    )
    row = next(behind, None)
    return _claimed(db, row, now, until) if row is not None and row["claimed_at"] is None else None


def _claimed(db: Database, row: Mapping[str, Any], now: datetime, until: datetime) -> OutboxRow:
    db.execute(
        "UPDATE outbox SET attempts = attempts + 1, claimed_at = ?, next_attempt_at = ? WHERE id = ?",
        [utc_text(now), utc_text(until), row["id"]],
    )
    return OutboxRow(row["id"], _message(row), row["attempts"] + 1)


def _wake(db: Database, at: datetime, which: str, given: Mapping[str, Any]) -> None:
    """Make due what waits for its next try, but for what the service asked to be patient with."""
    db.execute(
        f"UPDATE outbox SET next_attempt_at = :at WHERE {_IDLE} AND next_attempt_at > :at AND {which}"
        f" AND coalesce(last_error, '') NOT LIKE '%{TOO_MANY}%'",
        {**given, "at": utc_text(at)},
    )


def release(db: Database, now: datetime) -> None:
    """Make due what was claimed by a process that is no more."""
    db.execute(
        f"UPDATE outbox SET claimed_at = NULL, next_attempt_at = ? WHERE claimed_at IS NOT NULL AND {_WAITS}",
        [utc_text(now)],
    )


def mark_delivered(db: Database, row_id: int, at: datetime) -> list[OutboxRow]:
    """The channel took the message; what else waits for it is due. Gives up what was overtaken, and returns it.

    Only what the channel would not have is ever overtaken (:func:`claim_behind`): it would now arrive as old news.
    """
    db.execute(
        "UPDATE outbox SET delivered_at = ?, claimed_at = NULL, last_error = NULL WHERE id = ?",
        [utc_text(at), row_id],
    )
    taken = next(db.query("SELECT * FROM outbox WHERE id = ?", [row_id]))
    given = {name: taken[name] for name in (*_QUEUE, "id")}
    older = f"{_SAME_QUEUE} AND id < :id AND expires_at > :now"
    overtaken = _give_up(db, at, "the channel took a newer message and not this one", older, given)
    _wake(db, at, "channel = :channel", {"channel": taken["channel"]})
    return overtaken


def mark_sent(db: Database, message: Message, at: datetime) -> None:
    """The channel took the message before it was queued."""
    db.execute(
        "UPDATE outbox SET delivered_at = ? WHERE event_id = ? AND kind = ? AND channel = ?",
        [utc_text(at), message.event_id, message.kind, message.channel],
    )


def mark_failed(db: Database, row_id: int, at: datetime, error: str, next_attempt_at: datetime) -> None:
    """The channel did not take the message; it waits until then."""
    db.execute(
        "UPDATE outbox SET claimed_at = NULL, last_error = ?, next_attempt_at = ? WHERE id = ?",
        [f"{utc_text(at)} {error}", utc_text(next_attempt_at), row_id],
    )


def beginnings(db: Database, event_id: str) -> list[Message]:
    """The messages that an event has begun, or has become strong, in their order."""
    sql = "SELECT * FROM outbox WHERE event_id = ? AND kind IN ('onset', 'strong') ORDER BY id"
    return [_message(row) for row in db.query(sql, [event_id])]


def expire(db: Database, now: datetime) -> list[OutboxRow]:
    """Give up what is past its time and not just being delivered."""
    given = {"now": utc_text(now)}
    rule = f"{_WAITS} AND expires_at <= :now AND (claimed_at IS NULL OR next_attempt_at <= :now)"
    rows = list(db.query(f"SELECT * FROM outbox WHERE {rule} ORDER BY id", given))
    db.execute(f"UPDATE outbox SET expired_at = :now, claimed_at = NULL WHERE {rule}", given)
    return [OutboxRow(row["id"], _message(row), row["attempts"]) for row in rows]


def drop_outdated(db: Database, now: datetime, channel: str) -> list[OutboxRow]:
    """Give up what the channel has not taken and what would not be true any more when it came.

    Of an event that is over only the message that it is goes out, which says from when to when.
    """
    given = {"channel": channel, "late": utc_text(now - LATE)}
    dropped: list[OutboxRow] = []
    for why, rule in _OUTDATED.items():
        dropped += _give_up(db, now, why, f"channel = :channel AND {rule}", given)
    return dropped


def _give_up(db: Database, now: datetime, why: str, rule: str, given: Mapping[str, Any]) -> list[OutboxRow]:
    """Give up what the rule says and nobody is delivering; ``last_error`` keeps why."""
    known = {**given, "now": utc_text(now)}
    rows = list(db.query(f"SELECT * FROM outbox WHERE {_IDLE} AND {rule} ORDER BY id", known))
    for row in rows:
        db.execute(
            "UPDATE outbox SET expired_at = ?, last_error = ? WHERE id = ?",
            [utc_text(now), f"{utc_text(now)} given up: {why}", row["id"]],
        )
    return [OutboxRow(row["id"], _message(row), row["attempts"]) for row in rows]


def _message(row: Mapping[str, Any]) -> Message:
    given = {field.name: row[field.name] for field in fields(Message)}
    return Message(**given | {name: from_utc_text(row[name]) for name in _TIMES})
