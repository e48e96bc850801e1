"""What the watch answers when it is asked how it is: ``/-/healthy``, ``/-/ready``, systemd's watchdog.

A watch that cannot write its record is not healthy, and yet systemd is told that it is alive: a restart cures
neither a full disk nor one that has become read-only. It would take away the page that says so, and what the
operator was told would be forgotten and told again; the running process goes on by itself once it can write.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from daemon.live import LiveWatch
from daemon.predictor import Predictor

UNRECORDED_CADENCES = 3
"""For so long every row that was due must have failed to be written: a lock that another program holds for a moment
is no trouble."""

NOT_IN_PLACE = "the database was replaced or removed; nothing is recorded"


def healthy(watches: Mapping[str, LiveWatch], now: datetime, *, in_place: bool) -> tuple[bool, str]:
    """Is every camera looked after, and what is seen recorded?"""
    well, why = alive(watches, now, in_place=in_place)
    if not well:
        return False, why
    for name, watch in watches.items():
        lasted_s = watch.status.unwritten_for().total_seconds()
        if lasted_s >= UNRECORDED_CADENCES * watch.pipeline.camera_settings.cadence_s:
            return False, f"{name}: nothing could be recorded for {lasted_s:.0f} s ({watch.status.unwritten})"
    return True, "; ".join([f"watching {', '.join(watches)}", *_without_picture(watches, now)])


def alive(watches: Mapping[str, LiveWatch], now: datetime, *, in_place: bool) -> tuple[bool, str]:
    """Progress, not mere life: every camera is looked after when it is due, and the record is where its path says.

    Counted from when the next look is due: by day, in the summer, and where a server asks to be left alone, that is
    long after the last one, and a restart would change none of it.
    """
    if not in_place:
        return False, NOT_IN_PLACE
    for name, watch in watches.items():
        since = watch.status.next_at or watch.status.progressed_at or watch.began
        if now - since > watch.patience():
            return False, f"{name}: no progress for {(now - since).total_seconds():.0f} s"
    return True, ""


def _without_picture(watches: Mapping[str, LiveWatch], now: datetime) -> Iterator[str]:
    """The cameras that should have a picture of the present and have none: no fault of the watch."""
    for name, watch in watches.items():
        status = watch.status
        if status.gate.look and not status.has_picture(now, watch.pipeline.camera.cadence_s):
            why = f"not recorded: {status.unwritten}" if status.unwritten else status.stale or status.fault
            yield f"no picture of {name}{f' ({why})' if why else ''}"


def ready(watches: Mapping[str, LiveWatch], predictor: Predictor, *, in_place: bool) -> tuple[bool, str]:
    """Has every camera been looked at once?"""
    if not in_place:
        return False, NOT_IN_PLACE
    waiting = [name for name, watch in watches.items() if watch.status.progressed_at is None]
    if waiting:
        return False, f"not yet looked at: {', '.join(waiting)}"
    return True, f"model {predictor.model.card.name} on {predictor.model.device}"
