"""Which changes of an event a channel is to hear. Pure.

A channel without thresholds hears of each change as it happens. One that waits for a level, a form or a share
of the sky hears of the onset in the first frame that has them, however long after the event began, and of the
end only where it has heard of the event.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from daemon.config import NotifySettings
from daemon.observation import Event, EventChange, Observation


def due(
    changes: Sequence[EventChange],
    event: Event | None,
    o: Observation,
    channel: NotifySettings,
    told: Callable[[str], bool],
) -> Iterator[EventChange]:
    """The changes this frame brings to the channel; ``event`` is the open one after it, or None.

    ``told`` answers whether the channel has a message of an event, by its id. Within the cool-down of the
    event before only a strong one is news, and what comes after it. An event that is strong in the frame it begins
    with is one message, not two within a second: the strong one says since when, too.
    """
    picky, wanted, any_now = channel.has_thresholds, _has_what_is_waited_for(o, channel), False
    heard = [c for c in changes if channel.hears(c.kind, o.camera) and not _is_no_news(c)]
    strong = any(change.kind == "strong" for change in heard)
    for change in heard:
        if change.kind == "onset" and strong:
            continue
        if wanted if change.kind != "over" else not picky or told(change.event.id):
            any_now = True
            yield change
    if not (picky and wanted and event is not None and channel.hears("onset", o.camera)) or any_now:
        return
    onset = EventChange("onset", event, o.observed_at)
    if not _is_no_news(onset) and not told(event.id):
        yield onset


def _is_no_news(change: EventChange) -> bool:
    if not change.event.in_cool_down or change.kind == "strong":  # breakup is news at any time
        return False
    return change.kind == "onset" or change.event.strong_at is None


def _has_what_is_waited_for(o: Observation, channel: NotifySettings) -> bool:
    """What was not established (a model without forms, say) is not there."""
    if not channel.has_thresholds:
        return True
    d = o.description
    if d is None or d.level < channel.min_level or (d.cover or 0.0) < channel.min_cover:
        return False
    return not channel.forms or bool(set(channel.forms) & set(d.forms or ()))
