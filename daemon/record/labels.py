"""What people said of frames, as SQL: part of the store's room.

A frame's valid label is the newest that was given to the frame itself; where nobody looked at the
frame, the newest answer to "was this right?" about an event that peaked in it. So a judgement of a
whole event never puts aside what somebody said with that very picture before them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

from sqlite_utils import Database

from daemon.errors import StoreError
from daemon.record import event_rows
from daemon.record.rows import Label

LABELS: tuple[Label, ...] = get_args(Label)

ANY = """EXISTS (SELECT 1 FROM labels x WHERE x.camera = p.camera AND x.observed_at = p.observed_at
    AND x.undone_at IS NULL)"""
"""Holds for a picture ``p`` whose frame has a label."""

VALID = """l.undone_at IS NULL AND l.id = (SELECT x.id FROM labels x WHERE x.camera = l.camera
    AND x.observed_at = l.observed_at AND x.undone_at IS NULL
    ORDER BY x.event_id IS NULL DESC, x.id DESC LIMIT 1)"""
"""Holds for a label ``l`` that is its frame's valid one."""

QUERY = """
    SELECT l.*, p.path AS picture, s.name || coalesce(o.file, '') AS source, o.twilight, o.moonlight,
        (SELECT n.night FROM nights n WHERE n.camera = l.camera
         AND l.observed_at BETWEEN n.first_at AND n.last_at LIMIT 1) AS night
    FROM labels l
    LEFT JOIN pictures p ON p.camera = l.camera AND p.observed_at = l.observed_at
    LEFT JOIN observations o ON o.camera = l.camera AND o.observed_at = l.observed_at
    LEFT JOIN sources s ON s.id = o.source
"""


def add(
    db: Database, camera: str, observed_at: str, label: str, given: tuple[str, str, str, str | None]
) -> int:
    """Write a label beside what the model had said. ``given``: by whom, when, queue, event. Its id."""
    if label not in LABELS:
        raise StoreError("not allowed", f"{label!r} is no label; use one of {', '.join(LABELS)}")
    said: Sequence[Any] = db.execute(
        "SELECT m.sha256, o.calibrated_probability, o.verdict FROM observations o"
        " LEFT JOIN models m ON m.id = o.model WHERE o.camera = ? AND o.observed_at = ?",
        [camera, observed_at],
    ).fetchone() or (None, None, None)
    cursor = db.execute(
        "INSERT INTO labels (camera, observed_at, label, labelled_by, labelled_at, queue, event_id,"
        " model_sha256, model_probability, model_verdict) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [camera, observed_at, label, *given, *said],
    )
    return int(cursor.lastrowid or 0)


def undo(db: Database, label_id: int, at: str) -> bool:
    """Mark a label as taken back; False where there is none to take back."""
    cursor = db.execute("UPDATE labels SET undone_at = ? WHERE id = ? AND undone_at IS NULL", [at, label_id])
    return bool(cursor.rowcount)


def hand_on(db: Database, event_id: str) -> None:
    """Give the answers about an event that is no more to the one that holds the frame each was given with, if any does."""
    db.execute(
        f"""UPDATE labels SET event_id = coalesce((SELECT e.id FROM events e WHERE e.camera = labels.camera
            AND labels.observed_at BETWEEN e.onset_at AND {event_rows.UNTIL}
            ORDER BY e.onset_at DESC LIMIT 1), event_id) WHERE event_id = ?""",
        [event_id],
    )


def pictures(db: Database) -> set[str]:
    """Paths of all pictures whose frame has a label."""
    return {
        row[0]
        for row in db.execute(
            "SELECT p.path FROM labels l JOIN pictures p USING (camera, observed_at)"
            " WHERE l.undone_at IS NULL"
        )
    }
