"""Asking the feeds, one after the other, in a job of its own: politely, within bounds, and never in a look's way.

A feed is asked as seldom as it changes, conditionally where it gives a validator, and of a long list whose newest
come first only for the part that is new. After a failure the wait doubles, to an hour at most.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from daemon.address import redact
from daemon.clock import Clock
from daemon.config import Settings
from daemon.errors import FeedError, FetchError
from daemon.metrics import Metrics
from daemon.source.fetch import Head, Limits, Refused, fetch_bytes
from daemon.source.url import user_agent, validators_of
from daemon.spaceweather import parse
from daemon.spaceweather.feeds import Feed, feeds_of
from daemon.spaceweather.values import FeedState, Reading

log = logging.getLogger("aurorad.spaceweather")

LONGEST_WAIT = timedelta(hours=1)

AGAIN = timedelta(hours=3)
"""The newest readings are preliminary (an index of a running interval above all): so many hours are written again."""

WHOLE_AFTER = timedelta(hours=3)
"""Where the newest reading is older than this, a list is asked for whole."""


class Keep(Protocol):
    """Where readings go; :class:`daemon.record.space.SpaceRecord` is one."""

    def add(self, readings: Sequence[Reading], state: FeedState) -> None:
        """Write readings, those already known aside, and how the feed stands."""


@dataclass
class _Turn:
    """When a feed is next due, and what is remembered of it."""

    due: datetime | None = None
    failures: int = 0
    newest: datetime | None = None
    validators: dict[str, str] = field(default_factory=dict)


class Visits:
    """The feeds of one configuration and when each is due. Used from one thread at a time."""

    def __init__(
        self,
        feeds: Sequence[Feed],
        keep: Keep,
        metrics: Metrics,
        clock: Clock,
        *,
        contact: str,
        timeout_s: float,
    ) -> None:
        self.feeds, self._keep, self._metrics, self._clock = feeds, keep, metrics, clock
        self._agent, self._timeout_s = user_agent(contact), timeout_s
        self._turns = {feed.name: _Turn() for feed in feeds}

    def visit(self) -> datetime:
        """Ask every feed that is due; returns when the next one is. Raises StoreError."""
        for feed in self.feeds:
            turn = self._turns[feed.name]
            now = self._clock.now()
            if turn.due is None or now >= turn.due or turn.due > now + LONGEST_WAIT:
                self._ask(feed, turn, now)
        return min(turn.due for turn in self._turns.values() if turn.due is not None)

    def _ask(self, feed: Feed, turn: _Turn, now: datetime) -> None:
        turn.due = now + feed.every
        try:
            readings = self._readings(feed, turn, now)
        except (FetchError, FeedError) as error:
            self._failed(feed, turn, now, error)
            readings, fault = [], str(error)
        else:
            turn.failures, fault = 0, ""
        since = turn.newest or now - parse.KEPT
        news = [reading for reading in readings if reading.at > since - AGAIN]
        newest = max((reading.at for reading in readings), default=turn.newest)
        address = redact(feed.address(now))
        self._keep.add(news, FeedState(feed.name, feed.provider, feed.licence, address, now, newest, fault))
        turn.newest = newest  # only now: what could not be written is news again the next time
        if newest is not None:
            age_s = max(0.0, (now - newest).total_seconds())
            self._metrics.space_weather_age_seconds.labels(feed.name).set(age_s)

    def _readings(self, feed: Feed, turn: _Turn, now: datetime) -> list[Reading]:
        headers = {"User-Agent": self._agent, **turn.validators, **_part(feed, turn.newest, now)}
        head, readings = ask(feed, now, headers, self._timeout_s)
        turn.validators = validators_of(head) or turn.validators
        return readings

    def _failed(self, feed: Feed, turn: _Turn, now: datetime, error: FetchError | FeedError) -> None:
        turn.failures += 1
        turn.validators = {}
        wait = min(LONGEST_WAIT, feed.every * 2 ** min(turn.failures - 1, 6))
        if isinstance(error, Refused) and error.retry_after_s is not None:
            wait = min(LONGEST_WAIT, max(wait, timedelta(seconds=error.retry_after_s)))
        turn.due = now + wait
        self._metrics.space_weather_errors.labels(feed.name, error.reason).inc()
        (log.warning if turn.failures == 1 else log.debug)("%s: %s", feed.name, error)


def visits_of(settings: Settings, keep: Keep, metrics: Metrics, clock: Clock) -> Visits | None:
    """The visits that a configuration asks for; None where it asks for no feed."""
    feeds = feeds_of(settings)
    if not feeds:
        return None
    contact, timeout_s = settings.daemon.user_agent_contact, settings.space_weather.timeout_s
    return Visits(feeds, keep, metrics, clock, contact=contact, timeout_s=timeout_s)


def _part(feed: Feed, newest: datetime | None, now: datetime) -> dict[str, str]:
    """The Range that holds what is new of a list whose newest come first; nothing where it is wanted whole."""
    if not feed.head_bytes or newest is None or not timedelta(0) <= now - newest < WHOLE_AFTER:
        return {}
    minutes = (now - newest).total_seconds() / 60 + 15
    return {"Range": f"bytes=0-{int(minutes * feed.head_bytes) - 1}"}


def ask(
    feed: Feed, now: datetime, headers: Mapping[str, str], timeout_s: float
) -> tuple[Head, list[Reading]]:
    """One request of a feed: the head of its answer and its readings, none where it has nothing new (304).

    Raises FetchError and FeedError, and nothing else that an answer could lead to.
    """
    limits = Limits(timeout_s, feed.most_bytes)
    head, data = fetch_bytes(feed.address(now), limits, headers, accept=(200, 206, 304))
    if head.status == 304:
        return head, []
    try:
        return head, list(feed.parse(data, now))
    except FeedError:
        raise
    except Exception as error:  # a shape nobody foresaw is the feed's fault, not the watch's
        raise FeedError("changed shape", f"{type(error).__name__} in what it sent") from error
