"""Space weather on record: what the feeds gave, each reading once, and how each feed stands.

:class:`SpaceRecord` writes on the store's own transaction, a few hundred rows at a time so that a frame's row waits
for milliseconds at most. The functions read; times are the record's UTC text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from daemon.observation import utc_text
from daemon.record.reader import Reader, Row
from daemon.spaceweather.values import FeedState, Forecast, Index, Magnetism, Reading, SolarWind

AT_ONCE = 300
"""Rows of one transaction."""

Transaction = Callable[[], AbstractContextManager[Database]]

_WIND = (
    "bt_nt",
    "by_nt",
    "bz_nt",
    "speed_km_s",
    "density_cm3",
    "temperature_k",
    "field_source",
    "plasma_source",
)
_PUT_WIND = f"""INSERT INTO solar_wind (at, {", ".join(_WIND)}, fetched_at) VALUES ({", ".join("?" * 10)})
    ON CONFLICT DO UPDATE SET {", ".join(f"{c} = coalesce(excluded.{c}, {c})" for c in _WIND)},
    fetched_at = excluded.fetched_at"""


class SpaceRecord:
    """The writing side. Raises StoreError."""

    def __init__(self, write: Transaction) -> None:
        self._write = write

    def add(self, readings: Sequence[Reading], state: FeedState) -> None:
        """Write readings and how their feed stands. A later value for the same instant replaces the earlier."""
        fetched_at = utc_text(state.asked_at)
        for start in range(0, len(readings), AT_ONCE):
            with self._write() as db:
                for reading in readings[start : start + AT_ONCE]:
                    _put(db, reading, fetched_at)
        with self._write() as db:
            db.execute(
                "INSERT OR REPLACE INTO space_weather_feeds VALUES (?, ?, ?, ?, ?, coalesce(?, "
                "(SELECT newest_at FROM space_weather_feeds WHERE feed = ?)), ?)",
                [state.feed, state.provider, state.licence, state.address, fetched_at,
                 utc_text(state.newest_at) if state.newest_at else None, state.feed, state.fault],
            )  # fmt: skip


def _put(db: Database, reading: Reading, fetched_at: str) -> None:
    at = utc_text(reading.at)
    match reading:
        case SolarWind():
            db.execute(_PUT_WIND, [at, *(getattr(reading, name) for name in _WIND), fetched_at])
        case Index():
            row: list[Any] = [reading.name, at, reading.value, fetched_at]
            db.execute("INSERT OR REPLACE INTO geomagnetic_indices VALUES (?, ?, ?, ?)", row)
        case Forecast():
            row = [reading.camera, at, utc_text(reading.based_on), reading.percent, fetched_at]
            db.execute("INSERT OR REPLACE INTO aurora_forecasts VALUES (?, ?, ?, ?, ?)", row)
        case Magnetism():
            row = [reading.station, at, reading.x_nt, reading.y_nt, reading.z_nt, fetched_at]
            db.execute("INSERT OR REPLACE INTO magnetic_field VALUES (?, ?, ?, ?, ?, ?)", row)


# ------------------------------------------------------------------ reading


def solar_wind(reader: Reader, since: datetime, until: datetime) -> list[Row]:
    """The solar wind's minutes of a time, oldest first."""
    return reader.query(
        "SELECT * FROM solar_wind WHERE at BETWEEN ? AND ? ORDER BY at", [utc_text(since), utc_text(until)]
    )


def index(reader: Reader, name: str, since: datetime, until: datetime) -> list[Row]:
    """``at`` and ``value`` of a geomagnetic index, oldest first; ``at`` is the interval's beginning."""
    return reader.query(
        "SELECT at, value FROM geomagnetic_indices WHERE name = ? AND at BETWEEN ? AND ? ORDER BY at",
        [name, utc_text(since), utc_text(until)],
    )


def forecasts(reader: Reader, camera: str, since: datetime, until: datetime) -> list[Row]:
    """OVATION's figures for a camera's place, oldest first."""
    return reader.query(
        "SELECT * FROM aurora_forecasts WHERE camera = ? AND at BETWEEN ? AND ? ORDER BY at",
        [camera, utc_text(since), utc_text(until)],
    )


def magnetic_field(reader: Reader, station: str, since: datetime, until: datetime) -> list[Row]:
    """A magnetic observatory's minutes, oldest first."""
    return reader.query(
        "SELECT * FROM magnetic_field WHERE station = ? AND at BETWEEN ? AND ? ORDER BY at",
        [station, utc_text(since), utc_text(until)],
    )


def feeds(reader: Reader) -> dict[str, Row]:
    """How each feed stands, by its name."""
    return {row["feed"]: row for row in reader.query("SELECT * FROM space_weather_feeds ORDER BY feed")}


def stations(reader: Reader) -> list[str]:
    """The magnetic observatories on record, each looked up after the one before: DISTINCT would read every minute."""
    rows = reader.query(
        """WITH RECURSIVE found(station) AS (
            SELECT min(station) FROM magnetic_field
            UNION ALL SELECT (SELECT min(m.station) FROM magnetic_field m WHERE m.station > found.station)
            FROM found WHERE station IS NOT NULL
        ) SELECT station FROM found WHERE station IS NOT NULL"""
    )
    return [row["station"] for row in rows]
