"""The three things to know after the verdict: where, how strong, how long; else dark, moon and stars. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Literal

from daemon.web import phrases, sight
from daemon.web.phrases import Onset
from daemon.web.sight import Sight
from daemon.web.tongues import _

LEAST_EVENTS = 10
"""Fewer events say nothing of how long such events last."""


@dataclass(frozen=True)
class Chip:
    """One of them: ``icon`` chooses the drawing, ``angle_deg`` turns a needle, ``level`` fills a bar of six."""

    icon: Literal["where", "strong", "long", "dark", "moon", "stars", "camera"]
    title: str
    value: str
    note: str = ""
    angle_deg: int | None = None
    level: int | None = None
    trend: str = ""


def of_aurora(
    seen: Sight, since: Onset | None, now: datetime, lengths_s: Sequence[float], timezone: str
) -> list[Chip]:
    """Of a frame with aurora. ``since`` is its event's onset; ``lengths_s`` of this camera's ended events."""
    return [_where(seen), _strong(seen), _long(since, now, lengths_s, timezone)]


def _where(seen: Sight) -> Chip:
    found = sight.where(seen.azimuth_deg, seen.elevation_deg)
    if found is None or seen.azimuth_deg is None:
        return Chip("where", _("Where"), _("unknown"), _("the camera’s north is not set"))
    return Chip("where", _("Where"), *found, angle_deg=round(seen.azimuth_deg))


def _strong(seen: Sight) -> Chip:
    if seen.level is None:
        return Chip("strong", _("How strong"), _("not measured"))
    trend = seen.trend or ""
    note = sight.strength(seen.level)
    if trend in sight.TRENDS:
        note = _("%(strength)s, %(trend)s", strength=note, trend=_(sight.TRENDS[trend]))
    value = _("%(level)d of 6", level=seen.level)
    return Chip("strong", _("How strong"), value, note, level=seen.level, trend=trend)


def _long(since: Onset | None, now: datetime, lengths_s: Sequence[float], timezone: str) -> Chip:
    if since is None:
        return Chip("long", _("How long"), _("just seen"), _("not yet confirmed"))
    value = _("since %(clock)s", clock=since.clock(timezone))
    so_far = now - since.at
    half = half_last(lengths_s, so_far)
    note = (
        _("half of such events last over %(length)s", length=phrases.lasting(half.total_seconds()))
        if half
        else ""
    )
    return Chip("long", _("How long"), value, note or phrases.lasting(so_far.total_seconds()))


def half_last(lengths_s: Sequence[float], so_far: timedelta, least: int = LEAST_EVENTS) -> timedelta | None:
    """The median length of the events that lasted as long as this one has; None where fewer than ``least`` did."""
    such = [length for length in lengths_s if length >= so_far.total_seconds()]
    return timedelta(seconds=median(such)) if len(such) >= least else None
