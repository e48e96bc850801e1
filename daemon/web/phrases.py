"""The watch's findings in words: one sentence each, with its reason. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import pytz

from daemon import words
from daemon.night import night_text
from daemon.record.columns import ObservationRow

_STALE: dict[str, str] = {
    "same bytes": "the camera keeps sending the same file",
    "same picture": "the camera keeps sending the same picture",
    "clock stopped": "the clock in the picture has stopped",
    "old Last-Modified": "the server marks its picture as old",
    "old clock": "the clock in the picture shows a time long past",
    "nothing new": "nothing new has been published",
    "timeout": "the server did not answer in time",
    "server error": "the camera’s server reports an error",
    "not found": "the address leads to no picture",
    "forbidden": "the camera’s server refuses access",
    "too many requests": "the camera’s server wants fewer requests",
    "connect": "the server cannot be reached",
    "connection lost": "the connection broke off",
    "dns": "the server's name cannot be resolved",
    "tls": "the secure connection to the server failed",
    "truncated": "the picture arrived incomplete",
    "empty": "the answer was empty",
    "not an image": "the answer was not a picture",
    "unreadable": "the picture cannot be read",
    "too large": "the picture is larger than allowed",
    "no stamp": "no clock was found in the picture",
    "illegible": "the clock in the picture cannot be read",
}
"""Why no new picture is there, by the record's own short words; the others read well as they are."""


@dataclass(frozen=True)
class Finding:
    """What the page says first. ``kind`` chooses colour and mark; ``sentence`` is headline and detail.

    ``next_step`` says what happens next, or what to do, as a sentence of its own; empty where nothing need be.
    """

    kind: str
    headline: str
    detail: str
    next_step: str = ""

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


def moment(at: datetime, timezone: str, now: datetime) -> str:
    """``17:42``, with the day where that is not within the next or last 20 hours: ``14 August, 00:42``."""
    if abs((at - now).total_seconds()) <= 20 * 3600:
        return clock(at, timezone)
    then = local(at, timezone)
    year = f" {then.year}" if then.year != local(now, timezone).year else ""
    return f"{then.day} {then:%B}{year}, {then:%H:%M}"


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


def why_stale(reason: str) -> str:
    """The reason for a feed without news, in plain words."""
    return _STALE.get(reason, f"reason: {reason}" if reason else "")


def of_row(row: ObservationRow, timezone: str, since: datetime | None = None) -> Finding:
    """What one observation shows. ``since`` is the onset of the event it belongs to."""
    verdict, reason = row["verdict"], row["reason"] or ""
    if verdict == "aurora":
        where = words.direction(row["azimuth_deg"], row["elevation_deg"]) or "direction unknown"
        through_cloud = "through cloud" if reason == "aurora through cloud" else ""
        from_then = f"since {clock(since, timezone)}" if since is not None else ""
        headline = words.aurora(row["colour_level"], row["colour_cover"])
        return Finding("aurora", headline, ", ".join(filter(None, [where, through_cloud, from_then])))
    if verdict == "clear":
        return Finding("clear", "Clear sky, no aurora", "")
    if verdict == "obscured":
        return Finding("obscured", "Sky hidden", reason)
    if verdict == "unusable":
        return Finding("unusable", "No usable picture", reason)
    if verdict == "stale":
        return Finding("stale", "No new picture", why_stale(reason))
    return Finding("asleep", "Too light to watch", reason)


def moon(row: ObservationRow) -> str:
    """``moon up, 64 % lit`` or ``moon down``."""
    up = row["moon_altitude_deg"] > 0
    return f"moon up, {words.lit_percent(row['moon_phase_deg'])} % lit" if up else "moon down"
