"""How often a server is asked: once a cadence, and less after a failure."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

LONGEST_PEACE = timedelta(minutes=2)
"""Longest a live feed is left alone because its server asks for it; two cadences where those are longer.
A quarter of an hour unseen can be the whole of a substorm, and a request in two minutes harms no server."""

SLACK = 0.25  # of a cadence: a scheduler's jitter must not cost a whole minute


class Pace:
    """When the next request may be made. Times are those of the daemon's clock.

    Never more than one request per cadence, counted over any stretch of time, but for those that
    were brought forward (:meth:`bring_forward`); a single one may come a quarter of a cadence early.
    After the n-th failure in a row the wait grows from one cadence to two, counted from the request,
    with a random part so that many watchers do not come back as one; two is the end, because the watch
    is to be back two cadences after a server is. ``Retry-After`` is honoured beyond that, up to
    :data:`LONGEST_PEACE`.
    """

    def __init__(self, cadence_s: float, chance: random.Random | None = None) -> None:
        self.cadence = timedelta(seconds=cadence_s)
        self._chance = chance or random.Random()
        self._due: datetime | None = None  # when the next request is due by the cadence alone
        self._forward: datetime | None = None  # when it may come all the same
        self._asked: datetime | None = None
        self._not_before: datetime | None = None
        self._failures = 0

    def may_ask(self, now: datetime) -> bool:
        """May a request be made now? A clock put back starts the count anew."""
        return now >= self.earliest(now)

    def earliest(self, now: datetime) -> datetime:
        """The first instant from ``now`` on at which a request may be made."""
        if self._asked is not None and now < self._asked:
            self._due = self._not_before = self._forward = None
        instants = [now]
        if self._due is not None:
            by_cadence = self._due - self.cadence * SLACK
            instants.append(by_cadence if self._forward is None else min(by_cadence, self._forward))
        if self._not_before is not None:
            instants.append(self._not_before)
        return max(instants)

    def asked(self, now: datetime) -> None:
        """A request is being made."""
        self._asked = now
        counted = now if self._due is None or self._forward is not None else max(now, self._due)
        self._due, self._forward = counted + self.cadence, None

    def bring_forward(self, at: datetime) -> None:
        """The next request may be made as early as ``at``, no earlier: something in the sky is worth it."""
        self._forward = at

    def succeeded(self) -> None:
        """The server answered as it should."""
        self._failures = 0
        self._not_before = None

    def failed(self, now: datetime, retry_after_s: float | None = None) -> None:
        """It did not; ``retry_after_s`` is what it asked for, where it did."""
        self._failures += 1
        cadences = min(2.0, 2.0 ** (self._failures - 1)) * self._chance.uniform(0.6, 0.95)
        # From when it was asked, not from when it gave up: a server that hangs must not cost its time twice.
        again = (self._asked or now) + self.cadence * cadences
        breath = self.cadence * self._chance.uniform(0.05, 0.2)  # where it hung for longer than that
        peace = min(timedelta(seconds=retry_after_s or 0.0), max(LONGEST_PEACE, 2 * self.cadence))
        self._not_before = max(again, now + breath, now + peace)
