"""The operator's messages that cannot be put into the record: sent from memory, past the outbox.

Everything else is sent because it is recorded. That nothing can be recorded must not wait for the record,
which on a card that has failed never comes back. Best effort: what is not taken is tried again while the
fault lasts, and is gone with the process.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from daemon.alert.channel import Channel, deliver, next_attempt
from daemon.clock import Clock
from daemon.config import NotifySettings
from daemon.errors import DeliveryError
from daemon.metrics import Metrics
from daemon.observation import Message, OutboxRow

log = logging.getLogger("aurorad.delivery")


@dataclass
class Letter:
    """A message that is not on record yet, and what came of sending it. ``taken_at``: when its channel took it."""

    message: Message
    attempts: int = 0
    next_at: datetime | None = None
    under_way: bool = False
    taken_at: datetime | None = None

    def due(self, now: datetime) -> bool:
        """Is it to be sent now?"""
        waits = self.under_way or self.taken_at is not None
        return not waits and (self.next_at is None or now >= self.next_at)


class Direct:
    """Sends letters, each in a thread of its own: no look waits for a channel."""

    def __init__(self, channels: Sequence[NotifySettings], clock: Clock, metrics: Metrics) -> None:
        self._clock, self._metrics = clock, metrics
        self._channels = {c.name: Channel(c.name, c.address()) for c in channels}
        self._lines = {c.name: threading.Lock() for c in channels}

    def send(self, letters: Iterable[Letter]) -> None:
        """Send those that are due; returns at once. Not to be called from two threads at once with one letter."""
        now = self._clock.now()
        for letter in letters:
            if letter.due(now):
                letter.under_way, letter.attempts = True, letter.attempts + 1
                name = f"direct-{letter.message.channel}"
                threading.Thread(target=self._send, args=(letter,), name=name, daemon=True).start()

    def _send(self, letter: Letter) -> None:
        message = letter.message
        try:
            with self._lines[message.channel]:  # a channel takes one at a time
                deliver(OutboxRow(0, message, letter.attempts), self._channels[message.channel])
        except DeliveryError as error:
            letter.next_at = next_attempt(letter.attempts, self._clock.now())
            self._metrics.deliveries.labels(message.channel, "failed").inc()
            log.warning("%s: try %d, past the record: %s", message.event_id, letter.attempts, error)
        else:
            letter.taken_at = self._clock.now()
            self._metrics.deliveries.labels(message.channel, "delivered").inc()
            log.info(
                "%s: %s delivered to %s, past the record", message.event_id, message.kind, message.channel
            )
        finally:
            letter.under_way = False
