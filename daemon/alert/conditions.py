"""What an operator must know: told once when it begins and once when it is over.

A condition is a short fixed word for one camera or for the whole daemon ("feed stale", "disk low",
"model on CPU", …). It is kept in the database, so that a restart in the middle of one tells nobody
twice.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from datetime import datetime

from daemon.alert.message import compose_operator
from daemon.clock import Clock
from daemon.config import NotifySettings
from daemon.observation import Message, utc_text
from daemon.record.store import Store

log = logging.getLogger("aurorad.conditions")

_STATE = "upkeep conditions"  # a space: no camera can be called that


class Conditions:
    """The open conditions, and the operator's messages about them. Thread-safe."""

    def __init__(self, store: Store, channels: Sequence[NotifySettings], clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._channels = list(channels)
        self._lock = threading.Lock()
        self._open: dict[str, str] = dict(store.memory(_STATE) or {})
        self._untold: dict[str, list[Message]] = {}

    @property
    def open(self) -> dict[str, str]:
        """The open conditions: key → since when, as UTC text."""
        return dict(self._open)

    def begin(self, condition: str, camera: str, text: str) -> None:
        """The condition holds: a first time is logged and told, every other is silent.

        Raises StoreError where it cannot be written down; then it is told with its end, at the latest.
        """
        with self._lock:
            key = _key(condition, camera)
            if key in self._open:
                return
            now = self._clock.now()
            if key not in self._untold:
                log.warning("%s: %s", camera or "aurorad", text)
                self._untold[key] = self._messages(key, camera, text, now)
            self._write(self._untold[key], self._open | {key: utc_text(now)})
            del self._untold[key]

    def end(self, condition: str, camera: str, text: str) -> None:
        """The condition is over; silent where it did not hold. Raises StoreError as :meth:`begin`."""
        with self._lock:
            key = _key(condition, camera)
            if key not in self._open and key not in self._untold:
                return
            over = self._messages(f"{key}-over", camera, text, self._clock.now())
            self._write(self._untold.get(key, []) + over, {k: v for k, v in self._open.items() if k != key})
            self._untold.pop(key, None)
            log.info("%s: %s", camera or "aurorad", text)

    def _messages(self, key: str, camera: str, text: str, now: datetime) -> list[Message]:
        return [
            compose_operator(key=key, camera=camera, text=text, at=now, channel=channel)
            for channel in self._channels
            if channel.hears("operator", camera)
        ]

    def _write(self, messages: Sequence[Message], then: dict[str, str]) -> None:
        """What is to be told and what holds from now on, together or not at all."""
        with self._store.batch():
            self._store.enqueue(messages)
            self._store.remember(_STATE, then)
        self._open = then


def _key(condition: str, camera: str) -> str:
    return f"{camera or 'aurorad'}-{condition.replace(' ', '-')}"
