"""The watch's findings in words: one sentence each, with its reason. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pytz

from daemon.night import night_text
from daemon.observation import Verdict, from_utc_text
from daemon.sky.geometry import compass_point

Row = Mapping[str, Any]

HEADLINES: dict[Verdict, str] = {
    "aurora": "Aurora",
    "clear": "Clear, no aurora",
    "obscured": "Obscured",
    "not looked": "Not looked",
    "stale": "Stale",
}


@dataclass(frozen=True)
class Finding:
    """What the page says first. ``kind`` chooses colour and mark; ``sentence`` is the whole."""

    kind: str
    headline: str
    detail: str

    @property
    def sentence(self) -> str:
        """Headline and detail as one sentence."""
        return f"{self.headline}: {self.detail}" if self.detail else self.headline


def local(at: datetime, timezone: str) -> datetime:
    """An instant in a camera's own zone, by pytz's rules (FACTS: an older system's are wrong)."""
    return at.astimezone(pytz.timezone(timezone))


def clock(at: datetime, timezone: str) -> str:
    """``22:41`` in the camera's zone."""
    return local(at, timezone).strftime("%H:%M")


def clock_and_zone(at: datetime, timezone: str) -> str:
    """``22:41:03 MST`` in the camera's zone."""
    return local(at, timezone).strftime("%H:%M:%S %Z")


def day(at: date) -> str:
    """``Saturday 10 February 2024``."""
    return f"{at:%A} {at.day} {at:%B} {at.year}"


def night(at: date) -> str:
    """``Night of 9–10 February 2024``, as a heading."""
    text = night_text(at)
    return text[:1].upper() + text[1:]


def lasting(seconds: float) -> str:
    """A length of time a person takes in at a glance: ``40 s``, ``12 min``, ``3 h 05 min``, ``2 days``."""
    whole = max(0, round(seconds))
    if whole < 100:
        return f"{whole} s"
    minutes = round(whole / 60)
    if minutes < 100:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {rest:02d} min"
    return f"{round(hours / 24)} days"


def where(row: Row) -> str:
    """``north-west, 35° up``; empty where the camera's orientation is not known."""
    azimuth, elevation = row.get("azimuth_deg"), row.get("elevation_deg")
    if azimuth is None or elevation is None:
        return ""
    if elevation >= 75:
        return "overhead"
    return f"{compass_point(azimuth)}, {elevation:.0f}° up"


def of_row(row: Row, timezone: str, since: datetime | None = None) -> Finding:
    """What one observation says. ``since`` is the onset of the spell it belongs to."""
    verdict: Verdict = row["verdict"]
    reason = str(row.get("reason") or "")
    if verdict == "aurora":
        parts = [where(row)] if where(row) else []
        if since is not None:
            parts.append(f"since {clock(since, timezone)}")
        return Finding("aurora", "Aurora", ", ".join(parts) or reason)
    if verdict == "clear":
        return Finding("clear", "Clear, no aurora", "")
    kind = {"obscured": "obscured", "not looked": "asleep", "stale": "stale"}[verdict]
    return Finding(kind, HEADLINES[verdict], reason)


def asleep(reason: str, until: datetime | None, timezone: str, now: datetime) -> Finding:
    """The gate is shut: ``not looked: civil twilight until 17:42``."""
    if until is None:
        return Finding("asleep", "Not looked", reason)
    when = clock(until, timezone)
    if (until - now).total_seconds() > 20 * 3600:
        when = f"{local(until, timezone):%A} {when}"
    return Finding("asleep", "Not looked", f"{reason} until {when}")


def stale(reason: str, since: datetime | None, timezone: str) -> Finding:
    """The feed stands still."""
    detail = f"no new picture since {clock(since, timezone)}" if since else "no picture has come yet"
    return Finding("stale", "Stale", f"{detail} ({reason})" if reason else detail)


def moon(row: Row) -> str:
    """``moon up, 64 % lit`` or ``moon down``; empty where it is not recorded."""
    altitude, phase = row.get("moon_altitude_deg"), row.get("moon_phase_deg")
    if altitude is None or phase is None:
        return ""
    return f"moon up, {lit_percent(phase)} % lit" if altitude > 0 else "moon down"


def lit_percent(phase_deg: float) -> int:
    """How much of the moon's disc is lit, from its folded phase: (1 − cos φ) / 2."""
    from math import cos, radians

    return round(50 * (1 - cos(radians(phase_deg))))


def percent(share: float | None) -> str:
    """``37 %``; a dash where there is nothing to tell."""
    return "–" if share is None else f"{100 * share:.0f} %"


def at_of(row: Row, key: str = "observed_at") -> datetime:
    """A row's instant."""
    return from_utc_text(row[key]).astimezone(UTC)
