"""What an operator must know: one message when it begins and one when it is over.

A condition is a short fixed word for one camera or for the whole daemon ("feed stale", "disk low",
"model on CPU", …). It is over only when it has been over for the hold time: a feed that comes and goes is
one condition with one message, not one each time. All of it is kept in the database, so that a restart
changes nothing. What cannot be written there is sent past it (:mod:`daemon.alert.direct`), and is written
down as sent when it can be.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from daemon.alert.direct import Direct, Letter
from daemon.alert.message import compose_operator
from daemon.clock import Clock
from daemon.config import NotifySettings
from daemon.errors import StoreError
from daemon.observation import Message, from_utc_text, utc_text
from daemon.record.progress import OpenCondition
from daemon.record.store import Store

log = logging.getLogger("aurorad.conditions")


def failing(channel: str) -> str:
    """The condition of a channel that takes nothing: one each, for a channel that works clears no other's."""
    return f"delivery failing {channel}"


@dataclass(frozen=True)
class _Unwritten:
    """What holds ``since`` then (UTC text) and could not be written down yet."""

    since: str
    letters: list[Letter]

    @property
    def under_way(self) -> bool:
        return any(letter.under_way for letter in self.letters)

    @property
    def taken(self) -> bool:
        """By every channel?"""
        return all(letter.taken_at for letter in self.letters)


class Conditions:
    """The open conditions, and the operator's messages about them. Thread-safe; one for all reloads (:meth:`use`).

    Without ``direct`` what cannot be written down waits until it can be.
    """

    def __init__(
        self,
        store: Store,
        channels: Sequence[NotifySettings],
        clock: Clock,
        hold: timedelta = timedelta(0),
        direct: Direct | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._channels = list(channels)
        self._hold = hold
        self._direct = direct
        self._lock = threading.Lock()
        self._open: dict[str, OpenCondition] = store.progress.conditions()
        self._unwritten: dict[str, _Unwritten] = {}
        self._cameras: Collection[str] | None = None
        self._senders: Collection[str] | None = None

    def use(
        self,
        channels: Sequence[NotifySettings],
        hold: timedelta,
        direct: Direct | None,
        *,
        cameras: Collection[str],
        senders: Collection[str],
    ) -> None:
        """From here on these channels hear of conditions, after this hold time. Conditions of other ``cameras``, and of
        other ``senders`` that do not deliver, are over with the next :meth:`settle`: nobody would ever end them.
        """
        names = {channel.name for channel in channels}
        with self._lock:
            self._channels, self._hold, self._direct = list(channels), hold, direct
            self._cameras, self._senders = cameras, senders
            for new in self._unwritten.values():
                new.letters[:] = [letter for letter in new.letters if letter.message.channel in names]

    @property
    def open(self) -> dict[str, str]:
        """The open conditions: key → since when, as UTC text."""
        return {key: held.since for key, held in self._open.items()}

    def holds(self, condition: str, camera: str) -> bool:
        """Is it open, were it only for the hold time after its end?"""
        return _key(condition, camera) in self._open

    def begin(self, condition: str, camera: str, text: str, *, directly: bool = False) -> None:
        """The condition holds: a first time is logged and written to the operator, every other is silent.

        So is one that returns within the hold time of its end: it has never been over. Raises StoreError
        where it cannot be written down; then it is sent past the record, and tried again with each call.

        ``directly``: it is sent past the record at once. A message that did fit on a full disk would stay
        there: that it is being sent must be written too.
        """
        with self._lock:
            key = _key(condition, camera)
            if key in self._open:
                held = self._open[key]
                if held.over_since is not None:
                    log.info("%s: again: %s", camera or "aurorad", text)
                    # In memory at once: where it cannot be written, it would be logged again at every look.
                    self._open = self._open | {key: OpenCondition(held.since, camera=camera)}
                    self._write([], self._open)
                return
            now = self._clock.now()
            if key not in self._unwritten:
                log.warning("%s: %s", camera or "aurorad", text)
                letters = [Letter(message) for message in self._messages(key, camera, text, now)]
                self._unwritten[key] = _Unwritten(utc_text(now), letters)
            new = self._unwritten[key]
            if directly and self._direct is not None and not new.taken:
                self._direct.send(new.letters)
                return
            self._write_first(key, OpenCondition(new.since, camera=camera))

    def end(self, condition: str, camera: str, text: str, *, at_once: bool = False) -> None:
        """The condition is over; silent where it did not hold. Raises StoreError as :meth:`begin`.

        The operator gets to know when it has been over for the hold time (:meth:`settle`), or ``at_once``
        where it cannot come and go by itself.
        """
        with self._lock:
            key, now = _key(condition, camera), utc_text(self._clock.now())
            held, new = self._open.get(key), self._unwritten.get(key)
            known = held or new
            if known is None:
                return
            if new is not None and new.under_way and not at_once:
                return  # whether it was taken is known at the next call, and nobody is to be told twice
            over = held if held and held.over_since else OpenCondition(known.since, now, camera, text)
            told = new is None or any(letter.taken_at for letter in new.letters)
            if at_once or not told or self._is_due(over):
                self._finish(key, over)
            elif new is not None:
                self._write_first(key, over)
                log.info("%s: %s", camera or "aurorad", text)
            elif over is not held:
                self._write([], self._open | {key: over})
                log.info("%s: %s", camera or "aurorad", text)

    def report(self, what: str, camera: str, text: str) -> None:
        """One message to the operator about what has changed by itself and needs no end. Raises StoreError."""
        with self._lock:
            log.info("%s: %s", camera or "aurorad", text)
            self._store.enqueue(self._messages(_key(what, camera), camera, text, self._clock.now()))

    def settle(self) -> None:
        """Close what has been over for the hold time, and what is watched or used no more. Raises StoreError as :meth:`begin`."""
        with self._lock:
            for key, held in list(self._open.items()):
                gone = self._gone(key, held)
                if gone is not None:
                    self._finish(key, replace(held, over_since=utc_text(self._clock.now()), over_text=gone))
                elif held.over_since is not None and self._is_due(held):
                    self._finish(key, held)

    def _gone(self, key: str, held: OpenCondition) -> str | None:
        """What to say of a condition whose camera or channel the configuration names no more; None where it does."""
        if held.camera and self._cameras is not None and held.camera not in self._cameras:
            return f"{held.camera} is no longer watched"
        channel = key.removeprefix(_FAILING)
        if channel != key and self._senders is not None and channel not in self._senders:
            return f"channel {channel} is no longer used"
        return None

    def _is_due(self, held: OpenCondition) -> bool:
        assert held.over_since is not None
        over = self._clock.now() - from_utc_text(held.over_since)
        return over >= self._hold or over < -timedelta(minutes=1)  # our clock was put back meanwhile

    def _finish(self, key: str, end: OpenCondition) -> None:
        """Write the end to the operator, and the beginning too where that could not be written yet."""
        over = self._messages(f"{key}-over", end.camera, end.over_text, self._clock.now())
        logged = key in self._open and self._open[key].over_since is not None
        new = self._unwritten.get(key)
        rest = {k: v for k, v in self._open.items() if k != key}
        self._write(over, rest, new.letters if new else [])
        if not logged:
            log.info("%s: %s", end.camera or "aurorad", end.over_text)
        self._unwritten.pop(key, None)

    def _messages(self, key: str, camera: str, text: str, now: datetime) -> list[Message]:
        return [
            compose_operator(key=key, camera=camera, text=text, at=now, channel=channel)
            for channel in self._channels
            if channel.hears("operator", camera)
        ]

    def _write_first(self, key: str, held: OpenCondition) -> None:
        """Write down what could not be written yet; where it still cannot be, it goes past the record."""
        new = self._unwritten[key]
        if new.under_way:
            return  # as in :meth:`end`
        try:
            self._write([], self._open | {key: held}, new.letters)
        except StoreError:
            if self._direct is not None:
                self._direct.send(new.letters)
            raise
        del self._unwritten[key]

    def _write(
        self, messages: Sequence[Message], then: dict[str, OpenCondition], letters: Sequence[Letter] = ()
    ) -> None:
        """What is to be told and what holds from now on, together or not at all; ``letters`` that were taken
        already go into the record as sent."""
        with self._store.batch():
            for letter in letters:
                self._store.enqueue([letter.message])
                if letter.taken_at is not None:
                    self._store.sent(letter.message, letter.taken_at)
            self._store.enqueue(messages)
            self._store.progress.put_conditions(then)
        self._open = then


def _key(condition: str, camera: str) -> str:
    return f"{camera or 'aurorad'}-{condition.replace(' ', '-')}"


_FAILING = _key(failing(""), "")
