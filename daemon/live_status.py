"""How the live watch of a camera stands: what the page, the broker and the metrics read of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from daemon.observation import Gate

PRESENT_CADENCES = 2
"""Cadences after which a picture is no longer the present, whatever the reason that no newer one came."""


@dataclass(frozen=True)
class LiveStatus:
    """One camera's live watch at this moment; replaced whole at each change, so that readers never see half.

    ``began_at``: when this process began to look, tonight; ``fetched_at``: when its source last answered;
    ``framed_at``: when the newest *new* frame arrived, ``before_at`` the one before it; ``progressed_at``: when a look
    last began or ended; ``next_at``: when the next one is due, None while one is under way; all by the watch's clock.
    ``observed_at``: the newest frame's own time, once its row is written, None by day.
    ``fault``: why the newest look brought no picture, or None. ``stale``: why the feed counts as stopped,
    or None. ``gate_until``: when a closed gate opens, or None where it does not within a day. ``unwritten``: why the newest
    row could not be written, or None; none could be from ``unwritten_since`` to ``unwritten_at``, the last try.
    """

    gate: Gate
    began_at: datetime | None = None
    fetched_at: datetime | None = None
    framed_at: datetime | None = None
    before_at: datetime | None = None
    observed_at: datetime | None = None
    progressed_at: datetime | None = None
    next_at: datetime | None = None
    fault: str | None = None
    stale: str | None = None
    stale_since: datetime | None = None
    gate_until: datetime | None = None
    unwritten: str | None = None
    unwritten_since: datetime | None = None
    unwritten_at: datetime | None = None

    def has_picture(self, now: datetime, cadence_s: float) -> bool:
        """Is there a picture of the present? Only what this process has fetched within two cadences is.

        It must be dated within as much, too, or have been seen to follow another: the first picture that a camera gives,
        when the watch begins or after a gap, may be the last one before it stopped.
        """
        if self.stale is not None or not self.gate.look or self.framed_at is None or self.observed_at is None:
            return False
        dated = self.framed_at <= _due_after(self.observed_at, cadence_s)
        follows = self.before_at is not None and self.framed_at <= _due_after(self.before_at, cadence_s)
        return now <= _due_after(self.framed_at, cadence_s) and (dated or follows)

    def unwritten_for(self) -> timedelta:
        """From the first row that could not be written to the last; while none is due, it does not grow."""
        if self.unwritten_since is None or self.unwritten_at is None:
            return timedelta(0)
        return self.unwritten_at - self.unwritten_since

    def due_at(self, cadence_s: float) -> datetime | None:
        """From when on the newest picture is no longer the present; None where there was none."""
        return None if self.framed_at is None else _due_after(self.framed_at, cadence_s)


def _due_after(at: datetime, cadence_s: float) -> datetime:
    return at + PRESENT_CADENCES * timedelta(seconds=cadence_s)
