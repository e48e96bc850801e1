"""Whose turn it is: for what costs more than a page does."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

A_MINUTE = 30  # a picture every two seconds: more than any all-sky camera takes


class Turns:
    """One at a time, and so many a minute."""

    def __init__(self, a_minute: int = A_MINUTE, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._taken: deque[float] = deque(maxlen=a_minute)
        self._busy = threading.Lock()

    def take(self) -> int:
        """0 where it is your turn, which :meth:`give_back` ends; else the seconds to wait."""
        if not self._busy.acquire(blocking=False):
            return 1
        now = self._clock()
        if len(self._taken) == self._taken.maxlen and now - self._taken[0] < 60.0:
            self._busy.release()
            return int(60.0 - (now - self._taken[0])) + 1
        self._taken.append(now)
        return 0

    def give_back(self) -> None:
        """Let the next in."""
        self._busy.release()
