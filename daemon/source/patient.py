"""A source on a disk that may hang."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from daemon.errors import FetchError
from daemon.patience import Patience
from daemon.source.still import LiveSource, Still

T = TypeVar("T")


class Patient:
    """Another source, each of whose calls is waited for so long at most; the watch goes on meanwhile."""

    def __init__(self, source: LiveSource, limit_s: float) -> None:
        self.source = source
        self._patience = Patience(limit_s)

    def latest(self) -> Still | None:
        """As the source's own. Raises FetchError, reason ``timeout`` while the disk hangs."""
        return self._within(self.source.latest)

    def ask(self) -> Still:
        """As the source's own. Raises FetchError, reason ``timeout`` while the disk hangs."""
        return self._within(self.source.ask)

    def next_request(self, wanted: datetime, *, soon: bool = False) -> datetime:
        """As the source's own: no disk is asked for it."""
        return self.source.next_request(wanted, soon=soon)

    def describe(self) -> str:
        """As the source's own."""
        return self.source.describe()

    @property
    def cursor(self) -> str | None:
        """As the source's own."""
        return self.source.cursor

    def _within(self, call: Callable[[], T]) -> T:
        try:
            return self._patience.call(call)
        except TimeoutError:
            limit_s = self._patience.limit_s
            raise FetchError(
                "timeout",
                f"{self.describe()}: the disk does not answer within {limit_s:g} s; look whether the drive is there",
            ) from None
