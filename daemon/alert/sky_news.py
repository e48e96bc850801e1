"""Who hears that it clears or clouds over, for channels that ask for it; what was last said is in the record."""

from __future__ import annotations

import logging
from datetime import timedelta

from daemon.alert.message import compose_sky
from daemon.clock import Clock
from daemon.config import CameraSettings, Settings
from daemon.observation import Observation
from daemon.record import snoozes
from daemon.record.store import Store
from daemon.sky.stars.visibility import share_of
from daemon.weather import clear_sky, follow

log = logging.getLogger("aurorad.sky")


class SkyNews:
    """One camera's sky, frame by frame. Part of the frame's own transaction."""

    def __init__(self, camera: CameraSettings, settings: Settings, store: Store, clock: Clock) -> None:
        self._camera = camera
        self._store = store
        self._clock = clock
        self._url = settings.daemon.url
        self._hold = timedelta(minutes=settings.sky.hold_min)
        self._channels = [
            channel
            for channel in settings.notify
            if any(channel.hears(kind, camera.name) for kind in ("clears", "clouds over"))
        ]

    def follow(self, observation: Observation) -> None:
        """One live frame more. Raises StoreError."""
        if not self._channels:
            return
        share = share_of(observation.stars) if observation.stars else None
        held = self._store.progress.sky(self._camera.name)
        after, change = follow(
            held,
            observation.observed_at,
            clear_sky(observation, share),
            self._hold,
            by_stars=share is not None,
        )
        if after != held:
            self._store.progress.put_sky(self._camera.name, after)
        if change is None:
            return
        log.info("%s: it %s", self._camera.name, change.kind)
        self._store.enqueue(
            compose_sky(change, observation, self._camera, channel, self._url)
            for channel in self._channels
            if channel.hears(change.kind, self._camera.name)
            and not snoozes.is_silent(self._store.reader, channel.name, self._clock.now())
        )
