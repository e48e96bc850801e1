"""The line that a healthy watch writes to its log every hour: silence is no sign of health."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from daemon.live_status import LiveStatus
from daemon.observation import utc_text

EVERY_S = 3600.0


def uptime_line(up: timedelta, cameras: Iterable[str]) -> str:
    """``up 26 h: `` and a part for each camera, as :func:`camera_part` makes them."""
    return f"up {_long(up)}: " + "; ".join(cameras)


def camera_part(name: str, status: LiveStatus, looks: int, auroras: int) -> str:
    """What one camera does, and what it saw in the last hour: ``looks`` rows, ``auroras`` of them with aurora."""
    hour = f"{looks} looks in the last hour, {auroras} with aurora"
    if not status.gate.look:
        until = f" until {utc_text(status.gate_until)}" if status.gate_until else ""
        return f"{name} not looking{until} ({status.gate.reason}), {hour}"
    newest = _newest(status.framed_at)
    if status.stale is not None and status.stale_since is not None:
        return f"{name} stale since {utc_text(status.stale_since)} ({status.stale}), {newest}, {hour}"
    return f"{name} looking, {newest}, {hour}"


def _newest(at: datetime | None) -> str:
    return f"newest picture {utc_text(at)}" if at else "no picture yet"


def _long(up: timedelta) -> str:
    minutes = int(up.total_seconds() // 60)
    if minutes < 60:
        return f"{minutes} min"
    hours = minutes // 60
    return f"{hours} h" if hours < 72 else f"{hours // 24} days {hours % 24} h"
