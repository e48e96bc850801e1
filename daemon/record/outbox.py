"""Messages that wait for their channel: queued once, claimed, delivered or given up.

Part of the store's room: functions on its open transaction. A row's life: waiting (``next_attempt_at``)
→ claimed (``claimed_at``) → delivered (``delivered_at``), or waiting again, or ``expired_at``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any

from sqlite_utils import Database

from daemon.observation import Message, OutboxRow, from_utc_text, utc_text

_WAITS = "delivered_at IS NULL AND expired_at IS NULL"
_TIMES = ("created_at", "expires_at")

LONGEST_WAIT = timedelta(hours=1)
"""A wait longer than any lease or back-off was set by a clock that ran ahead, and does not count."""

# A message never tried is due whatever its time, for that is the camera's clock and not ours.
_DUE = "(o.attempts = 0 OR o.next_attempt_at <= :now OR o.next_attempt_at > :ahead)"


def put(db: Database, messages: Iterable[Message]) -> int:
    """Queue messages; those queued before are left as they are. Returns how many are new."""
    new = 0
    for message in messages:
        row = vars(message) | {name: utc_text(getattr(message, name)) for name in _TIMES}
        row["next_attempt_at"] = row["created_at"]
        names = ", ".join(row)
        new += db.execute(
            f"INSERT INTO outbox ({names}) VALUES ({', '.join('?' * len(row))})"
            " ON CONFLICT (event_id, kind, channel) DO NOTHING",
            [*row.values()],
        ).rowcount
    return new


def claim(db: Database, now: datetime, until: datetime, channel: str | None, limit: int) -> list[OutboxRow]:
    """Take the messages due, of each event and channel the oldest only; due again at ``until``."""
    rows = list(
        db.query(
            f"""SELECT * FROM outbox o WHERE {_WAITS} AND {_DUE} AND expires_at > :now
                AND (:channel IS NULL OR channel = :channel)
                AND NOT EXISTS (SELECT 1 FROM outbox e WHERE e.event_id = o.event_id
                    AND e.channel = o.channel AND e.id < o.id AND e.delivered_at IS NULL
                    AND e.expired_at IS NULL AND e.expires_at > :now)
            ORDER BY id LIMIT :limit""",
            {
                "now": utc_text(now),
                "ahead": utc_text(now + LONGEST_WAIT),
                "channel": channel,
                "limit": limit,
            },
        )
    )
    for row in rows:
        db.execute(
            "UPDATE outbox SET attempts = attempts + 1, claimed_at = ?, next_attempt_at = ? WHERE id = ?",
            [utc_text(now), utc_text(until), row["id"]],
        )
    return [OutboxRow(row["id"], _message(row), row["attempts"] + 1) for row in rows]


def release(db: Database, now: datetime) -> None:
    """Make due what was claimed by a process that is no more."""
    db.execute(
        f"UPDATE outbox SET claimed_at = NULL, next_attempt_at = ? WHERE claimed_at IS NOT NULL AND {_WAITS}",
        [utc_text(now)],
    )


def mark_delivered(db: Database, row_id: int, at: datetime) -> None:
    """The channel took the message."""
    db.execute(
        "UPDATE outbox SET delivered_at = ?, claimed_at = NULL, last_error = NULL WHERE id = ?",
        [utc_text(at), row_id],
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


def _message(row: Mapping[str, Any]) -> Message:
    given = {field.name: row[field.name] for field in fields(Message)}
    return Message(**given | {name: from_utc_text(row[name]) for name in _TIMES})
