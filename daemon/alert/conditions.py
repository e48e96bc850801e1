"""What an operator must know: one message when it begins and one when it is over.

A condition is a short fixed word for one camera or for the whole daemon ("feed stale", "disk low",
"model on CPU", …). It is over only when it has been over for the hold time: a feed that comes and goes is
one condition with one message, not one each time. All of it is kept in the database, so that a restart
changes nothing.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta

from daemon.alert.message import compose_operator
from daemon.clock import Clock
from daemon.config import NotifySettings
from daemon.observation import Message, from_utc_text, utc_text
from daemon.record.store import Store

log = logging.getLogger("aurorad.conditions")

_STATE = "upkeep conditions"  # a space: no camera can be called that
_ENDING = "upkeep ends"


@dataclass(frozen=True)
class _End:
    """A condition that seems over: since when, and what there is to write to the operator then."""

    since: str
    camera: str
    text: str


class Conditions:
    """The open conditions, and the operator's messages about them. Thread-safe."""

    def __init__(
        self,
        store: Store,
        channels: Sequence[NotifySettings],
        clock: Clock,
        hold: timedelta = timedelta(0),
    ) -> None:
        self._store = store
        self._clock = clock
        self._channels = list(channels)
        self._hold = hold
        self._lock = threading.Lock()
        self._open: dict[str, str] = dict(store.memory(_STATE) or {})
        ending = store.memory(_ENDING) or {}
        self._ending = {key: _End(*kept) for key, kept in ending.items() if key in self._open}
        self._untold: dict[str, list[Message]] = {}

    @property
    def open(self) -> dict[str, str]:
        """The open conditions: key → since when, as UTC text."""
        return dict(self._open)

    def begin(self, condition: str, camera: str, text: str) -> None:
        """The condition holds: a first time is logged and written to the operator, every other is silent.

        So is one that returns within the hold time of its end: it has never been over. Raises StoreError
        where it cannot be written down; then it is told with its end, at the latest.
        """
        with self._lock:
            key = _key(condition, camera)
            if key in self._open:
                if key in self._ending:
                    log.info("%s: again: %s", camera or "aurorad", text)
                    self._write([], self._open, {k: v for k, v in self._ending.items() if k != key})
                return
            now = self._clock.now()
            if key not in self._untold:
                log.warning("%s: %s", camera or "aurorad", text)
                self._untold[key] = self._messages(key, camera, text, now)
            self._write(self._untold[key], self._open | {key: utc_text(now)}, self._ending)
            del self._untold[key]

    def end(self, condition: str, camera: str, text: str, *, at_once: bool = False) -> None:
        """The condition is over; silent where it did not hold. Raises StoreError as :meth:`begin`.

        The operator gets to know when it has been over for the hold time (:meth:`settle`), or ``at_once``
        where it cannot come and go by itself.
        """
        with self._lock:
            key = _key(condition, camera)
            if key in self._untold:
                self._finish(key, _End(utc_text(self._clock.now()), camera, text))
            elif key in self._open:
                known = self._ending.get(key)
                end = known or _End(utc_text(self._clock.now()), camera, text)
                if at_once or self._is_due(end):
                    self._finish(key, end)
                elif known is None:
                    log.info("%s: %s", camera or "aurorad", text)
                    self._write([], self._open, self._ending | {key: end})

    def settle(self) -> None:
        """Close what has been over for the hold time. Raises StoreError as :meth:`begin`."""
        with self._lock:
            for key, end in list(self._ending.items()):
                if self._is_due(end):
                    self._finish(key, end)

    def _is_due(self, end: _End) -> bool:
        over = self._clock.now() - from_utc_text(end.since)
        return over >= self._hold or over < -timedelta(minutes=1)  # our clock was put back meanwhile

    def _finish(self, key: str, end: _End) -> None:
        """Write the end to the operator, and the beginning too where that could not be written yet."""
        over = self._messages(f"{key}-over", end.camera, end.text, self._clock.now())
        logged = key in self._ending
        self._write(
            self._untold.get(key, []) + over,
            {k: v for k, v in self._open.items() if k != key},
            {k: v for k, v in self._ending.items() if k != key},
        )
        if not logged:
            log.info("%s: %s", end.camera or "aurorad", end.text)
        self._untold.pop(key, None)

    def _messages(self, key: str, camera: str, text: str, now: datetime) -> list[Message]:
        return [
            compose_operator(key=key, camera=camera, text=text, at=now, channel=channel)
            for channel in self._channels
            if channel.hears("operator", camera)
        ]

    def _write(self, messages: Sequence[Message], then: dict[str, str], ending: dict[str, _End]) -> None:
        """What is to be told and what holds from now on, together or not at all."""
        with self._store.batch():
            self._store.enqueue(messages)
            self._store.remember(_STATE, then)
            if ending or self._ending:
                self._store.remember(_ENDING, {key: astuple(end) for key, end in ending.items()})
        self._open, self._ending = then, ending


def _key(condition: str, camera: str) -> str:
    return f"{camera or 'aurorad'}-{condition.replace(' ', '-')}"
