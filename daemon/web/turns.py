"""Whose turn it is: for what costs more, or lasts longer, than a page does."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable

A_MINUTE = 30  # a picture every two seconds: more than any all-sky camera takes


MOST, MOST_OF_ONE = 24, 6
"""Streams at once: under half of the answers that are made at once, so that pages are answered whoever listens."""


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


class Streams:
    """Who listens. Lives on the page's event loop and is used by it alone."""

    def __init__(self) -> None:
        self._of_one: Counter[str] = Counter()

    def begin(self, who: str) -> bool:
        """One more of that client's; False where there are too many."""
        if self._of_one.total() >= MOST or self._of_one[who] >= MOST_OF_ONE:
            return False
        self._of_one[who] += 1
        return True

    def end(self, who: str) -> None:
        """One less."""
        self._of_one[who] -= 1
        if not self._of_one[who]:
            del self._of_one[who]
