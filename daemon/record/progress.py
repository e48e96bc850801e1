"""What is remembered between frames and restarts, as SQL: where each event stands, which conditions hold, how far
a morning and an archive have come, and where the cameras stand. Part of the store: functions on its transaction.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlite_utils import Database

from daemon.event import EventState


@dataclass(frozen=True)
class OpenCondition:
    """What the operator was told of ``since`` then. ``over_since``: since when it seems over, or None; it is
    closed when that has lasted, with ``over_text`` about the ``camera``. Times are UTC text."""

    since: str
    over_since: str | None = None
    camera: str = ""
    over_text: str = ""


@dataclass(frozen=True)
class Morning:
    """How far a camera's mornings have come.

    ``done`` is the newest night that is over and done with (empty before the first), ``done_at`` when;
    ``reading`` the night whose movie is being read, ``begun`` how many times that was begun.
    """

    done: str = ""
    done_at: str = ""
    reading: str = ""
    begun: int = 0


@dataclass(frozen=True)
class MovieTaken:
    """A movie that was taken in whole: its size in bytes, its frames on record, those without a time."""

    bytes: int
    frames: int
    undated: int


def event_state(db: Database, camera: str) -> EventState:
    """Where the event of a camera stands; a fresh start where nothing is known."""
    found = db.execute("SELECT json FROM event_states WHERE camera = ?", [camera]).fetchone()
    return EventState.from_dict(json.loads(found[0]) if found else None)


def put_event_state(db: Database, camera: str, state: EventState) -> None:
    """Keep it."""
    _put(db, "event_states", camera=camera, json=json.dumps(state.to_dict()))


def conditions(db: Database) -> dict[str, OpenCondition]:
    """The open conditions, by their key."""
    sql = "SELECT condition, since, over_since, camera, over_text FROM conditions ORDER BY since, condition"
    return {key: OpenCondition(*held) for key, *held in db.execute(sql)}


def put_conditions(db: Database, held: Mapping[str, OpenCondition]) -> None:
    """Keep these and no others."""
    db.execute("DELETE FROM conditions")
    for key, condition in held.items():
        _put(db, "conditions", condition=key, **asdict(condition))


def morning(db: Database, camera: str) -> Morning:
    """How far the mornings of a camera have come."""
    sql = "SELECT done, done_at, reading, begun FROM mornings WHERE camera = ?"
    found = db.execute(sql, [camera]).fetchone()
    return Morning(*found) if found else Morning()


def put_morning(db: Database, camera: str, reached: Morning) -> None:
    """Keep it."""
    _put(db, "mornings", camera=camera, **asdict(reached))


def movie(db: Database, camera: str, name: str) -> MovieTaken | None:
    """What became of a movie of that file name, where it was taken in."""
    sql = "SELECT bytes, frames, undated FROM movies WHERE camera = ? AND name = ?"
    found = db.execute(sql, [camera, name]).fetchone()
    return MovieTaken(*found) if found else None


def put_movie(db: Database, camera: str, name: str, taken: MovieTaken) -> None:
    """Keep it."""
    _put(db, "movies", camera=camera, name=name, **asdict(taken))


def put_camera(db: Database, about: Mapping[str, Any]) -> None:
    """Keep where a camera stands and how it is called, for readers without its configuration."""
    turned = about.get("orientation")
    _put(db, "cameras", **{**about, "orientation": None if turned is None else json.dumps(turned)})


def _put(db: Database, table: str, **row: Any) -> None:
    names, marks = ", ".join(row), ", ".join("?" * len(row))
    db.execute(f"INSERT OR REPLACE INTO {table} ({names}) VALUES ({marks})", [*row.values()])
