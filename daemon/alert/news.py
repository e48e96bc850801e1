"""What is to be said about a frame of the live watch: one message a channel and change, for the outbox."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial

from daemon.alert.audience import due
from daemon.alert.message import compose
from daemon.clock import Clock
from daemon.config import CameraSettings, NotifySettings, Settings
from daemon.errors import StoreError
from daemon.event import EventState
from daemon.observation import EventChange, Message, Observation
from daemon.record import snoozes, space
from daemon.record.store import Store
from daemon.spaceweather.outlook import alert_line

log = logging.getLogger("aurorad.alert")

ALERT_WITHIN = timedelta(minutes=15)
"""Older news is history, not an alert: the night movie fills the record and wakes nobody."""

OUTLOOK_PAST = timedelta(hours=3)
"""How far back an alert looks for how long the solar wind's field has pointed south."""


class News:
    """One camera's news. ``listeners`` are channels besides the configuration's: who has subscribed on the page."""

    def __init__(
        self,
        camera: CameraSettings,
        settings: Settings,
        store: Store,
        clock: Clock,
        listeners: Callable[[], Sequence[NotifySettings]],
    ) -> None:
        self.camera = camera
        self.settings = settings
        self.store = store
        self.clock = clock
        self.listeners = listeners

    def about(
        self, observation: Observation, changes: Sequence[EventChange], state: EventState
    ) -> Iterator[Message]:
        """What each channel is to hear now (:mod:`daemon.alert.audience`); nothing of what is history.

        Most frames bring nothing and nothing is under way: then nobody is asked anything.
        """
        if (not changes and state.event is None) or self.clock.now() - observation.observed_at > ALERT_WITHIN:
            return
        reader, url = self.store.reader, self.settings.daemon.url
        for channel in (*self.settings.channels, *self.listeners()):
            told = partial(self._told, channel.name)
            wanted = list(due(changes, state.event, observation, channel, told))
            if wanted and snoozes.is_silent(reader, channel.name, self.clock.now()):
                continue
            for change in wanted:
                event, over = change.event, change.kind == "over"
                row = reader.event(event.id) if over else None
                outlook = self._outlook() if not over and channel.outlook else ""
                seen = change.kind == "onset" and reader.sky_seen_before(self.camera.name, event.onset_at)
                yield compose(change, observation, self.camera, channel, url, row, outlook, seen)

    def _told(self, channel: str, event_id: str) -> bool:
        return any(row["channel"] == channel for row in self.store.reader.messages(event_id))

    def _outlook(self) -> str:
        """A line on the solar wind, where it is known; no alert waits or fails for it."""
        now = self.clock.now()
        try:
            reader = self.store.reader
            return alert_line(space.solar_wind(reader, now - OUTLOOK_PAST, now), space.feeds(reader), now)
        except StoreError as error:
            log.warning("the alert goes without its line on the solar wind: %s", error)
            return ""
