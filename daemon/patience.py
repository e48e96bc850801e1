"""A limit on a call that may hang: whoever asks a network drive that is down waits until it is up again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Patience:
    """Makes calls, one at a time, and waits for each so long at most.

    A call that takes longer is left behind in its thread. Until that one ends no other is made, so that a
    drive that is down for a night costs one thread; what it gives in the end is dropped, for it is old.
    """

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s
        self._hanging: threading.Thread | None = None

    def call(self, work: Callable[[], T]) -> T:
        """What the work gives or raises. Raises TimeoutError where it hangs, or one before it still does."""
        if self._hanging is not None and self._hanging.is_alive():
            raise TimeoutError
        answer = _Answer(work)
        self._hanging = threading.Thread(target=answer.run, name="aurorad-disk", daemon=True)
        self._hanging.start()
        self._hanging.join(self.limit_s)
        if self._hanging.is_alive():
            raise TimeoutError
        return answer.get()


class _Answer(Generic[T]):
    """What comes of a call, left here by its thread."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._given: list[T] = []
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            self._given.append(self._work())
        except BaseException as error:
            self._error = error

    def get(self) -> T:
        if self._error is not None:
            raise self._error
        return self._given[0]
