"""Observations, events and messages to write, all of one night over Yellowknife."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from daemon.observation import Event, Message, Observation, Prediction, SkyState
from daemon.record.columns import COLUMNS

T0 = datetime(2024, 2, 10, 4, 50, 3, tzinfo=UTC)
NIGHT = date(2024, 2, 10)
COLUMN = bytes(range(120)) * 3


def observation(minute: int = 0, **changed: Any) -> Observation:
    at = T0 + timedelta(minutes=minute)
    sky = SkyState(at, -31.25, 12.0, 14.5, 200.0, 98.75, "night", "quarter")
    heatmap = np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)
    prediction = Prediction(np.zeros(4, np.float32), 0.9, 0.8, 0.7, heatmap, "ab" * 32)
    made = Observation(
        camera="yellowknife",
        observed_at=at,
        fetched_at=at + timedelta(seconds=12),
        verdict="aurora",
        reason="aurora",
        sky=sky,
        prediction=prediction,
        threshold=0.5,
        colour_cover=0.125,
        colour_level=2,
        heatmap_area=0.25,
        azimuth_deg=312.4,
        elevation_deg=34.6,
        stars="9" * 20 + "-" * 4,
        star_limit=4.5,
        star_zero=11.25,
        star_gamma=1.5,
        source="auroramaxHD_20240210_720p.mp4",
        picture=f"yellowknife/2024-02-10/{minute}.jpg",
    )
    return replace(made, **changed)


def dark(minute: int) -> Observation:
    return observation(minute, prediction=None, verdict="not looked", reason="civil twilight", picture=None)


def event(**changed: Any) -> Event:
    made = Event(
        "yellowknife-20240210T045003Z", "yellowknife", T0, T0 + timedelta(minutes=1), peak_probability=0.8
    )
    return replace(made, peak_at=T0, **changed)


def message(kind: str = "onset", channel: str = "phone", minute: int = 0, **changed: Any) -> Message:
    at = T0 + timedelta(minutes=minute)
    made = Message(
        "yellowknife-20240210T045003Z",
        kind,
        channel,
        "aurora",
        "yellowknife",
        "t",
        "b",
        at,
        at + timedelta(hours=12),
    )
    return replace(made, **changed)


def dump(path: Path) -> list[str]:
    """Everything in the database as SQL."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return list(connection.iterdump())
    finally:
        connection.close()


def put_rows(connection: sqlite3.Connection, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write rows by hand, by the columns that people read; each without a reason, for it says nothing here."""
    columns = [next(column for column in COLUMNS if column.name == name) for name in names]
    shorts = [column.short for column in columns]
    into = ", ".join(["reason", *(column.kept_as for column in columns)])
    connection.executemany(
        f"INSERT INTO observations ({into}) VALUES ('', {', '.join('?' * len(names))})",
        (
            [value if short is None else short.kept(value) for short, value in zip(shorts, row, strict=True)]
            for row in rows
        ),
    )
