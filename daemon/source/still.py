"""What a source gives, and what every live source can do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class Still:
    """One picture as it came: the file's bytes, not decoded.

    ``fetched_at`` is when it was complete; ``last_modified`` what the server (or the file system)
    says of its age, None where it says nothing; ``source`` its address without secrets, or its
    path, for the record; ``name`` the last part of that. ``elapsed_s`` is real time spent on it.
    """

    data: bytes
    fetched_at: datetime
    last_modified: datetime | None
    source: str
    name: str
    elapsed_s: float = 0.0


class LiveSource(Protocol):
    """Where a camera's newest picture comes from. One thread at a time."""

    def latest(self) -> Still | None:
        """The newest picture, or None where there is nothing new or it is too early to ask.

        Raises FetchError.
        """
        ...

    def ask(self) -> Still:
        """The newest picture, new or not, asked for at once: for ``aurorad doctor``.

        Raises FetchError.
        """
        ...

    def next_request(self, wanted: datetime, *, soon: bool = False) -> datetime:
        """When to call :meth:`latest` next: about ``wanted``, or later where it may not ask before.

        ``soon`` says that it is meant to be within the cadence, this once.
        """
        ...

    def describe(self) -> str:
        """One line for a log: the kind and the place, without secrets."""
        ...

    @property
    def cursor(self) -> str | None:
        """What to hand to ``open_source`` after a restart, None where nothing needs keeping."""
        ...
