"""The phones and browsers that asked for news on the page: who, of what, and when not.

They are kept in a file of their own beside the record (``push/subscribers.json``, for the daemon's user alone), not in
it: an address of somebody's browser is nobody's business who looks through the record or has a copy of it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import threading
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, time
from pathlib import Path

import pytz

from daemon.errors import AuroradError
from daemon.files import private, replacing

log = logging.getLogger("aurorad.push")

MOST = 200
"""Subscribers at most: a club's worth; a household has five."""

REMEMBERED = 60
"""Messages of which is remembered that a subscriber has them: some weeks of events."""


class SubscriberError(AuroradError):
    """The subscribers' file cannot be written, or is full."""


@dataclass(frozen=True)
class Subscriber:
    """One browser. ``endpoint`` is its push service's address for it; ``p256dh`` and ``auth`` its keys, base64url.

    ``camera`` empty: all. ``level``: from which brightness level (0 to 6) it wants to hear. Quiet hours are local
    times ``HH:MM`` in ``timezone``; both empty: none. ``has`` are the messages it was given, newest last.
    """

    endpoint: str
    p256dh: str
    auth: str
    camera: str = ""
    level: int = 0
    quiet_from: str = ""
    quiet_to: str = ""
    timezone: str = "UTC"
    has: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """What stands for it in the log: tells nobody where it is."""
        return hashlib.blake2b(self.endpoint.encode(), digest_size=4).hexdigest()

    def wants(self, camera: str, level: int | None, now: datetime) -> bool:
        """Does it want to hear of aurora of that brightness over that camera now?"""
        return self.camera in ("", camera) and (level or 0) >= self.level and not self.sleeps(now)

    def sleeps(self, now: datetime) -> bool:
        """Is it within its quiet hours, which may go past midnight?"""
        if not self.quiet_from or self.quiet_from == self.quiet_to:
            return False
        local = now.astimezone(pytz.timezone(self.timezone)).time()
        begin, end = time.fromisoformat(self.quiet_from), time.fromisoformat(self.quiet_to)
        return begin <= local < end if begin < end else local >= begin or local < end


class Subscribers:
    """The file, and what it holds: one of this for a file. Thread-safe. Raises SubscriberError."""

    @classmethod
    def kept_in(cls, state_dir: Path) -> Subscribers:
        """Those of the watch with that state folder."""
        return cls(state_dir / "push" / "subscribers.json")

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._all: dict[str, Subscriber] = {}
        for kept in self._read():
            self._all[kept.endpoint] = kept

    def __len__(self) -> int:
        return len(self._all)

    def all(self) -> list[Subscriber]:
        """Everybody, as they are now."""
        with self._lock:
            return list(self._all.values())

    def find(self, endpoint: str) -> Subscriber | None:
        """The one at that address."""
        return self._all.get(endpoint)

    def put(self, subscriber: Subscriber) -> None:
        """Take in, or take over new wishes of one who is there."""
        with self._lock:
            there = self._all.get(subscriber.endpoint)
            if there is None and len(self._all) >= MOST:
                raise SubscriberError(f"{MOST} browsers have subscribed, and no more are taken")
            has = there.has if there else subscriber.has
            self._write({**self._all, subscriber.endpoint: replace(subscriber, has=has)})

    def remove(self, endpoint: str) -> bool:
        """Forget; False where it was not there."""
        with self._lock:
            if endpoint not in self._all:
                return False
            self._write({key: one for key, one in self._all.items() if key != endpoint})
            return True

    def settle(self, message: str, has: Collection[str], gone: Collection[str] = ()) -> None:
        """After a sending: who ``has`` that message now, and who is ``gone``; the file is written once for all."""
        with self._lock:
            now = {
                key: replace(one, has=(*one.has, message)[-REMEMBERED:]) if key in has else one
                for key, one in self._all.items()
                if key not in gone
            }
            if now != self._all:
                self._write(now)

    def _read(self) -> Iterable[Subscriber]:
        try:
            listed = json.loads(self._path.read_text(encoding="utf-8"))
            return [Subscriber(**one | {"has": tuple(one["has"])}) for one in listed]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError, KeyError) as error:  # no reason for a watch not to begin
            log.error(
                "%s: cannot be read (%s): it is put aside, and people subscribe again", self._path, error
            )
            with contextlib.suppress(OSError):
                self._path.replace(self._path.with_suffix(".damaged"))
            return []

    def _write(self, everybody: dict[str, Subscriber]) -> None:
        """The whole file anew, in one rename; what cannot be written is not taken."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with replacing(self._path, durable=True) as new, private(new) as opened:
                opened.write(json.dumps([asdict(one) for one in everybody.values()]).encode())
        except OSError as error:
            raise SubscriberError(f"{self._path}: cannot be written: {error.strerror}") from error
        self._all = everybody
