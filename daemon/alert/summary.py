"""The morning summary: how the night was, for the channels that ask for it."""

from __future__ import annotations

from datetime import date, datetime

import numpy as np

from daemon.alert.message import compose_summary
from daemon.config import CameraSettings, Settings
from daemon.footage import image
from daemon.record import snoozes
from daemon.record.picture_files import PictureFolder
from daemon.record.rows import KeogramRow
from daemon.record.store import Store


def send_summary(
    store: Store,
    camera: CameraSettings,
    settings: Settings,
    pictures: PictureFolder | None,
    night: date,
    now: datetime,
) -> int:
    """Queue the night's summary on every channel that asks for it; how many messages are new."""
    channels = [
        channel
        for channel in settings.notify
        if channel.hears("summary", camera.name) and not snoozes.is_silent(store.reader, channel.name, now)
    ]
    if not channels:
        return 0
    rows = store.reader.nights(camera.name, night, night)
    if not rows:
        return 0
    events = store.reader.events_of_night(camera.name, night)
    columns = store.reader.columns(camera.name, night)
    keogram = None
    if pictures is not None and columns:
        keogram = pictures.write(f"{camera.name}/{night.isoformat()}/keogram.png", _keogram(columns))
    return store.enqueue(
        compose_summary(rows[0], events, camera, channel, now, settings.daemon.url, keogram)
        for channel in channels
    )


def _keogram(columns: list[KeogramRow]) -> bytes:
    """The night's columns side by side, evening left, north up; a PNG."""
    rgb = np.stack([np.frombuffer(column["rgb"], np.uint8).reshape(-1, 3) for column in columns], axis=1)
    return image.encode_png(np.ascontiguousarray(rgb[:, :, ::-1]))
