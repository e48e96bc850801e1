"""The morning summary: how the night was, for the channels that ask for it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import numpy as np

from daemon.alert.message import compose_summary
from daemon.config import Settings
from daemon.footage import image
from daemon.pipeline import Pipeline


def send_summary(pipeline: Pipeline, settings: Settings, night: date, now: datetime) -> int:
    """Queue the night's summary on every channel whose ``kinds`` name it; how many are new."""
    name = pipeline.camera.name
    channels = [
        c
        for c in settings.notify
        if "summary" in c.kinds and c.audience != "operator" and (not c.cameras or name in c.cameras)
    ]
    if not channels:
        return 0
    reader = pipeline.store.reader
    rows = reader.nights(name, night, night)
    if not rows:
        return 0
    events, columns = reader.events_of_night(name, night), reader.columns(name, night)
    keogram = None
    if pipeline.pictures is not None and columns:
        keogram = pipeline.pictures.write(f"{name}/{night.isoformat()}/keogram.png", _keogram(columns))
    return pipeline.store.enqueue(
        compose_summary(rows[0], events, pipeline.camera_settings, channel, now, settings.daemon.url, keogram)
        for channel in channels
    )


def _keogram(columns: list[dict[str, Any]]) -> bytes:
    """The night's columns side by side, evening left, north up; a PNG."""
    rgb = np.stack([np.frombuffer(column["rgb"], np.uint8).reshape(-1, 3) for column in columns], axis=1)
    return image.encode_png(np.ascontiguousarray(rgb[:, :, ::-1]))
