"""A log that a stranger cannot fill: of one kind of line so many a minute, and a count of the rest."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

LINES = 5
WINDOW_S = 60.0
KINDS = 100  # remembered at once; the words of a line are ours, so there are fewer


class Quiet(logging.Filter):
    """Lets the first ``LINES`` of a kind through in each minute; a kind is the line without its values."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: dict[str, tuple[float, int]] = {}

    @classmethod
    def put_on(cls, logger: logging.Logger) -> None:
        """Once a logger, however many pages there are."""
        if not any(isinstance(one, cls) for one in logger.filters):
            logger.addFilter(cls())

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is written; the first after a silence says how many were not."""
        kind, now = str(record.msg)[:200], self._clock()
        with self._lock:
            began, count = self._seen.pop(kind, (now, 0))
            left_out = 0
            if now - began >= WINDOW_S:
                began, count, left_out = now, 0, max(0, count - LINES)
            self._seen[kind] = (began, count + 1)
            while len(self._seen) > KINDS:
                del self._seen[next(iter(self._seen))]
        if left_out:
            record.msg = f"{record.getMessage()} ({left_out} more such lines were left out)"
            record.args = ()
        return count < LINES
