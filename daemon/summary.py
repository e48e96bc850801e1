"""The morning summary: how the night was, for the channels that ask for it."""

from __future__ import annotations

from datetime import date, datetime

from daemon.config import Settings
from daemon.notify import compose_summary
from daemon.pipeline import Pipeline
from daemon.store import Reader


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
    with Reader(pipeline.store.path) as reader:
        rows = reader.nights(name, night, night)
        events = reader.events_of_night(name, night)
        columns = reader.columns(name, night)
    if not rows:
        return 0
    keogram = pipeline.pictures.keep_keogram(name, night, columns) if pipeline.pictures and columns else None
    return pipeline.store.enqueue(
        compose_summary(rows[0], events, pipeline.camera_settings, channel, now, settings.daemon.url, keogram)
        for channel in channels
    )
