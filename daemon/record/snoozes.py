"""Channels that somebody silenced from the page, each until an instant; the empty name stands for all."""

from __future__ import annotations

from datetime import datetime

from sqlite_utils import Database

from daemon.observation import from_utc_text, utc_text
from daemon.record.reader import Reader

ALL = ""


def put(db: Database, channel: str, until: datetime) -> None:
    """Silence a channel until then, in place of what was set before."""
    db.execute("INSERT OR REPLACE INTO snoozes VALUES (?, ?)", [channel, utc_text(until)])


def active(reader: Reader, now: datetime) -> dict[str, datetime]:
    """The channels that are silent now, and until when."""
    rows = reader.query("SELECT channel, until FROM snoozes WHERE until > ?", [utc_text(now)])
    return {row["channel"]: from_utc_text(row["until"]) for row in rows}


def is_silent(reader: Reader, channel: str, now: datetime) -> bool:
    """Has somebody silenced this channel, or all?"""
    held = active(reader, now)
    return ALL in held or channel in held
