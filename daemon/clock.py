"""What time the daemon takes it to be: the real time, or a demo's, which runs faster."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta


class Clock:
    """Now, in UTC. ``speed`` is how many of its seconds pass in a real one."""

    speed: float = 1.0

    def now(self) -> datetime:
        """The present instant, aware, UTC."""
        return datetime.now(UTC)

    def offset_s(self) -> float:
        """Time of day minus the time that only goes on: it changes when somebody puts the clock."""
        return time.time() - time.monotonic()

    def real_s(self, seconds: float) -> float:
        """Real seconds in which this clock goes on by ``seconds``."""
        return seconds / self.speed


class FastClock(Clock):
    """A clock that stood at ``start`` when it was made and runs ``speed`` times as fast as time.

    ``origin`` is the real ``time.time()`` at which it stood at ``start``: two processes that are
    given the same origin read the same time.
    """

    def __init__(self, start: datetime, speed: float, origin: float | None = None) -> None:
        self.start = start.astimezone(UTC)
        self.speed = speed
        self.origin = time.time() if origin is None else origin

    def now(self) -> datetime:
        """The present instant of the sped-up time."""
        return self.start + timedelta(seconds=(time.time() - self.origin) * self.speed)
