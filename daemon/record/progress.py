"""What is remembered between frames and restarts, as SQL: where each event stands, which conditions hold, how far
a morning and an archive have come, and where the cameras stand. Part of the store: functions on its transaction.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from datetime import datetime
from math import cos, hypot, radians
from typing import Any

from sqlite_utils import Database

from daemon.errors import StoreError
from daemon.event import EventState
from daemon.observation import Disc, FoundLens, Lens, Orientation, from_utc_text, utc_text
from daemon.record import nights
from daemon.record.database import put
from daemon.text import one_line
from daemon.weather import SkyHeld

log = logging.getLogger("aurorad.record")


_Opens = Callable[[], AbstractContextManager[Database]]


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
    """A movie that was taken in whole: its size in bytes, its frames on record, those without a time, and how it
    was dated (empty: not known)."""

    bytes: int
    frames: int
    undated: int
    read_as: str = ""


ELSEWHERE_DEG = 0.05
"""Five kilometres: more than a place is corrected by."""


class Progress:
    """Reads and keeps it all; ``read``, ``write`` and ``now`` are the store's own. Raises StoreError."""

    def __init__(self, read: _Opens, write: _Opens, now: Callable[[], datetime]) -> None:
        self._read = read
        self._write = write
        self._now = now

    def event_state(self, camera: str) -> EventState:
        """Where the event of a camera stands."""
        with self._read() as db:
            found = db.execute("SELECT json FROM event_states WHERE camera = ?", [camera]).fetchone()
        try:
            return EventState.from_dict(json.loads(found[0]) if found else None)
        except ValueError as error:
            raise StoreError(
                "damaged",
                f"what is kept of the event of camera {camera!r} cannot be read ({one_line(str(error))}); restore a backup "
                "(`aurorad restore`), or delete that camera's row from the table event_states: its event then begins anew",
            ) from error

    def cameras_of_events(self) -> list[str]:
        """The cameras of which it is kept where an event stands."""
        with self._read() as db:
            return [row[0] for row in db.execute("SELECT camera FROM event_states ORDER BY camera")]

    def put_event_state(self, camera: str, state: EventState) -> None:
        """Where the event of a camera stands from here on, outside a frame."""
        with self._write() as db:
            put_event_state(db, camera, state)

    def conditions(self) -> dict[str, OpenCondition]:
        """The open conditions, by their key."""
        sql = (
            "SELECT condition, since, over_since, camera, over_text FROM conditions ORDER BY since, condition"
        )
        with self._read() as db:
            return {key: OpenCondition(*held) for key, *held in db.execute(sql)}

    def put_conditions(self, held: Mapping[str, OpenCondition]) -> None:
        """These conditions hold from here on, and no others."""
        with self._write() as db:
            db.execute("DELETE FROM conditions")
            for key, condition in held.items():
                put(db, "conditions", condition=key, **asdict(condition))

    def morning(self, camera: str) -> Morning:
        """How far the mornings of a camera have come."""
        sql = "SELECT done, done_at, reading, begun FROM mornings WHERE camera = ?"
        with self._read() as db:
            found = db.execute(sql, [camera]).fetchone()
        return Morning(*found) if found else Morning()

    def put_morning(self, camera: str, reached: Morning) -> None:
        """They have come so far."""
        with self._write() as db:
            put(db, "mornings", camera=camera, **asdict(reached))

    def movie(self, camera: str, name: str) -> MovieTaken | None:
        """What became of a movie of that file name, where it was taken in whole."""
        sql = "SELECT bytes, frames, undated, read_as FROM movies WHERE camera = ? AND name = ?"
        with self._read() as db:
            found = db.execute(sql, [camera, name]).fetchone()
        return MovieTaken(*found) if found else None

    def put_movie(self, camera: str, name: str, taken: MovieTaken) -> None:
        """A movie was taken in whole."""
        with self._write() as db:
            put(db, "movies", camera=camera, name=name, **asdict(taken))

    def lens(self, camera: str, disc: Disc) -> FoundLens | None:
        """The lens that the camera's stars gave last, where its disc was cut as it is now."""
        with self._read() as db:
            return lens_on_record(lambda sql, given: list(db.query(sql, given)), camera, disc)

    def put_lens(self, camera: str, disc: Disc, found: FoundLens) -> None:
        """The camera's stars gave this lens."""
        with self._write() as db:
            put(
                db, "lenses", camera=camera, found_at=utc_text(found.at), disc=json.dumps(asdict(disc)),
                orientation=json.dumps(asdict(found.orientation)), error_deg=found.error_deg,
                stars=found.stars, turned_deg=found.turned_deg,
            )  # fmt: skip

    def sky(self, camera: str) -> SkyHeld:
        """Whether a camera's sky was last reported as clear or as clouded over."""
        with self._read() as db:
            found = db.execute("SELECT json FROM skies WHERE camera = ?", [camera]).fetchone()
        return SkyHeld.from_dict(json.loads(found[0]) if found else None)

    def put_sky(self, camera: str, held: SkyHeld) -> None:
        """What holds of it from here on."""
        with self._write() as db:
            put(db, "skies", camera=camera, json=json.dumps(held.to_dict()))

    def register_camera(self, about: Mapping[str, Any]) -> None:
        """Keep where a camera stands and how it is called, for readers without its configuration.

        Its history keeps what the configuration said before: rows stay as they were described then.
        """
        turned = about.get("orientation")
        row = {name: value for name, value in about.items() if name != "disc"}
        with self._write() as db:
            before = db.execute(
                "SELECT latitude_deg, longitude_deg, timezone FROM cameras WHERE name = ?", [about["name"]]
            ).fetchone()
            here = (about["latitude_deg"], about["longitude_deg"])
            if before is not None and _apart_deg(before[:2], here) > ELSEWHERE_DEG:
                log.warning(
                    "%s stood at %s and stands at %s from now on, its older rows too; a camera at another place needs"
                    " another name",
                    *(about["name"], _place_text(before[:2]), _place_text(here)),
                )
            put(db, "cameras", **{**row, "orientation": None if turned is None else json.dumps(turned)})
            _keep_history(db, about["name"], dict(about), utc_text(self._now()))
            zone = nights.Zone(about["longitude_deg"], about["timezone"])
            if before is not None and before[1:] != zone and nights.divide_anew(db, about["name"], zone):
                log.info("%s: its older rows are put into the nights of its new place", about["name"])


def _keep_history(db: Database, camera: str, about: dict[str, Any], now: str) -> None:
    last = db.execute(
        "SELECT json FROM camera_history WHERE camera = ? ORDER BY since DESC LIMIT 1", [camera]
    ).fetchone()
    before = json.loads(last[0]) if last else None
    if before == about:
        return
    if before is not None and before["orientation"] != about["orientation"]:
        log.info(
            "%s is turned otherwise from now on; the directions of its older rows stay as they are", camera
        )
    put(db, "camera_history", camera=camera, since=now, json=json.dumps(about))


def _apart_deg(one: tuple[float, float], other: tuple[float, float]) -> float:
    """About the angle between two places (latitude, longitude), as long as they are near."""
    east = (one[1] - other[1] + 180.0) % 360.0 - 180.0
    return hypot(one[0] - other[0], east * cos(radians(one[0])))


def _place_text(place: tuple[float, float]) -> str:
    north, east = place
    return f"{abs(north):.3f}° {'N' if north >= 0 else 'S'} {abs(east):.3f}° {'E' if east >= 0 else 'W'}"


def lens_on_record(
    query: Callable[[str, Sequence[Any]], list[dict[str, Any]]], camera: str, disc: Disc
) -> FoundLens | None:
    """The same, asked of any view of the record."""
    rows = query(
        "SELECT * FROM lenses WHERE camera = ? AND disc = ? ORDER BY found_at DESC LIMIT 1",
        [camera, json.dumps(asdict(disc))],
    )
    if not rows:
        return None
    kept = rows[0]
    return FoundLens(
        kept_orientation(json.loads(kept["orientation"])),
        from_utc_text(kept["found_at"]),
        kept["error_deg"],
        kept["stars"],
        kept["turned_deg"],
    )


FIRST_LENS = "SELECT min(found_at) AS at FROM lenses WHERE camera = ?"
"""When a camera's stars first showed its lens; null where they never have."""


def kept_orientation(kept: Mapping[str, Any]) -> Orientation:
    """The orientation of a lens on record."""
    return Orientation(**{**kept, "lens": Lens(**kept["lens"])})


def put_event_state(db: Database, camera: str, state: EventState) -> None:
    """Keep where an event stands, within the transaction of its frame."""
    put(db, "event_states", camera=camera, json=json.dumps(state.to_dict()))
