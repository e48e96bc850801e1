"""What time the daemon takes it to be: the real time, or a demo's, which runs faster."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime, timedelta


class Clock:
    """Now, in UTC. ``speed`` is how many of its seconds pass in a real one; ``replays``: it is a demonstration's time."""

    speed: float = 1.0
    replays: bool = False

    def now(self) -> datetime:
        """The present instant, aware, UTC."""
        return datetime.now(UTC)

    def offset_s(self) -> float:
        """Time of day minus the time that only goes on: it changes when somebody puts the clock."""
        return time.time() - time.monotonic()

    def real_s(self, seconds: float) -> float:
        """Real seconds in which this clock goes on by ``seconds``."""
        return seconds / self.speed


HELD = math.inf
"""The ``origin`` of a clock that stands until it is given another."""


class FastClock(Clock):
    """A clock that stands at ``start`` until ``origin``, and from then on runs ``speed`` times as fast as time.

    ``origin`` is a real ``time.time()``: two processes that are given the same one read the same time.
    :data:`HELD` keeps the clock standing until somebody sets ``origin``, so that a story can wait for all
    who take part in it.
    """

    replays = True

    def __init__(self, start: datetime, speed: float, origin: float | None = None) -> None:
        self.start = start.astimezone(UTC)
        self.speed = speed
        self.origin = time.time() if origin is None else origin

    def now(self) -> datetime:
        """The present instant of the sped-up time."""
        return self.start + timedelta(seconds=max(0.0, time.time() - self.origin) * self.speed)
