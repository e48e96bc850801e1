"""The watch's findings in words: one sentence each, with its reason, in the reader's language. Pure but for that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple

import pytz

from daemon import sighting, words
from daemon.gate import degrees_text
from daemon.observation import from_utc_text
from daemon.record.columns import ObservationRow
from daemon.record.rows import EventRow, NightRow
from daemon.sky.geometry import compass_point
from daemon.web.tongues import N_, _, language

_STALE: dict[str, str] = {
    "same bytes": N_("the camera keeps sending the same file"),
    "same picture": N_("the camera keeps sending the same picture"),
    "clock stopped": N_("the clock in the picture has stopped"),
    "old Last-Modified": N_("the server marks its picture as old"),
    "old clock": N_("the clock in the picture shows a time long past"),
    "nothing new": N_("nothing new has been published"),
    "timeout": N_("the server did not answer in time"),
    "server error": N_("the camera’s server reports an error"),
    "not found": N_("the address leads to no picture"),
    "forbidden": N_("the camera’s server refuses access"),
    "too many requests": N_("the camera’s server wants fewer requests"),
    "connect": N_("the server cannot be reached"),
    "connection lost": N_("the connection broke off"),
    "dns": N_("the server’s name cannot be resolved"),
    "tls": N_("the secure connection to the server failed"),
    "truncated": N_("the picture arrived incomplete"),
    "empty": N_("the answer was empty"),
    "not an image": N_("the answer was not a picture"),
    "unreadable": N_("the picture cannot be read"),
    "too large": N_("the picture is larger than allowed"),
    "wrong shape": N_("the picture does not hold the sky disc"),
    "no stamp": N_("no clock was found in the picture"),
    "illegible": N_("the clock in the picture cannot be read"),
    "ocr failed": N_("the program that reads the picture’s clock does not work"),
    "ocr timeout": N_("the clock in the picture could not be read in time"),
    "no such time": N_("the picture’s time does not exist"),
    "no time in name": N_("the file’s name does not tell when the picture was taken"),
    "clock ahead": N_("the picture’s time lies in the future"),
    "clock went back": N_("the picture is older than the one before"),
    "clock leapt": N_("the clock in the picture leapt ahead"),
    "clocks disagree": N_("the clock in the picture is far off"),
    "address": N_("no request can be made to the address"),
    "redirect": N_("the server redirects to an address that cannot be used"),
    "redirect loop": N_("the server redirects in a circle"),
    "protocol": N_("the answer cannot be understood"),
    "encoding": N_("the server compresses the picture without being asked"),
    "status": N_("the server gave an unexpected answer"),
}
"""Why no new picture is there, by the record's own short words: one for each that a live look can give."""

_WHY_UNWRITTEN = {
    "full": N_("the disk is full"),
    "locked": N_("another program keeps the database locked"),
    "unwritable": N_("the disk or the folder cannot be written to"),
    "moved": N_("the database was replaced or removed"),
    "damaged": N_("the database is damaged"),
    "failed": N_("the record cannot be written to"),
}
"""Why nothing can be recorded, by a :class:`daemon.errors.StoreError`'s reasons."""


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
        if not self.detail:
            return self.headline
        return _("%(headline)s: %(detail)s", headline=self.headline, detail=self.detail)


def local(at: datetime, timezone: str) -> datetime:
    """An instant in a camera's own zone, by pytz's rules (FACTS: an older system's are wrong)."""
    return at.astimezone(pytz.timezone(timezone))


def clock(at: datetime, timezone: str) -> str:
    """``22:41`` in the camera's zone."""
    return local(at, timezone).strftime("%H:%M")


def clock_and_zone(at: datetime, timezone: str) -> str:
    """``22:41:03 MST`` in the camera's zone."""
    here = local(at, timezone)
    return f"{here:%H:%M:%S} {words.zone(here)}"


_MONTHS = (
    N_("January"), N_("February"), N_("March"), N_("April"), N_("May"), N_("June"), N_("July"),
    N_("August"), N_("September"), N_("October"), N_("November"), N_("December"),
)  # fmt: skip
_WEEKDAYS = (
    N_("Monday"), N_("Tuesday"), N_("Wednesday"), N_("Thursday"), N_("Friday"), N_("Saturday"), N_("Sunday"),
)  # fmt: skip


def month(at: date) -> str:
    """``February 2024``."""
    return _("%(month)s %(year)d", month=_(_MONTHS[at.month - 1]), year=at.year)


def _parts(at: date, suffix: str = "") -> dict[str, object]:
    return {f"day{suffix}": at.day, f"month{suffix}": _(_MONTHS[at.month - 1]), f"year{suffix}": at.year}


def day(at: date) -> str:
    """``Saturday 10 February 2024``."""
    return _("%(weekday)s %(day)d %(month)s %(year)d", weekday=_(_WEEKDAYS[at.weekday()]), **_parts(at))


def dates(at: date) -> str:
    """A night's two dates, its evening's and its morning's: ``9–10 February 2024``."""
    evening = at - timedelta(days=1)
    if evening.month == at.month:
        return _("%(evening)d–%(day)d %(month)s %(year)d", evening=evening.day, **_parts(at))
    both = _parts(evening, "1") | _parts(at, "2")
    if evening.year == at.year:
        return _("%(day1)d %(month1)s – %(day2)d %(month2)s %(year2)d", **both)
    return _("%(day1)d %(month1)s %(year1)d – %(day2)d %(month2)s %(year2)d", **both)


def night(at: date) -> str:
    """``Night of 9–10 February 2024``, as a heading."""
    return _("Night of %(dates)s", dates=dates(at))


def moment(at: datetime, timezone: str, now: datetime) -> str:
    """``17:42``, with the day where that is not within the next or last 20 hours: ``14 August, 00:42``."""
    time, its_day = _clock_and_day(at, timezone, now)
    return _("%(day)s, %(clock)s", day=its_day, clock=time) if its_day else time


def at_moment(at: datetime, timezone: str, now: datetime) -> str:
    """The same within a sentence: ``at 17:42``, ``on 14 August at 00:42``."""
    time, its_day = _clock_and_day(at, timezone, now)
    return _("on %(day)s at %(clock)s", day=its_day, clock=time) if its_day else _("at %(clock)s", clock=time)


def _clock_and_day(at: datetime, timezone: str, now: datetime) -> tuple[str, str]:
    """``("00:42", "14 August")``; no day within 20 hours of now, and a year only where it is another."""
    if abs((at - now).total_seconds()) <= 20 * 3600:
        return clock(at, timezone), ""
    then = local(at, timezone)
    if then.year != local(now, timezone).year:
        return clock(at, timezone), _("%(day)d %(month)s %(year)d", **_parts(then))
    return clock(at, timezone), _("%(day)d %(month)s", day=then.day, month=_(_MONTHS[then.month - 1]))


def lasting(seconds: float) -> str:
    """A length of time a person takes in at a glance: ``40 s``, ``12 min``, ``3 h 05 min``, ``2 days``."""
    whole = max(0, round(seconds))
    return _("%(n)d s", n=whole) if whole < 100 else _of_minutes(round(whole / 60))


def between(begin: datetime, end: datetime) -> str:
    """The length from one time to another that stand beside it as clocks, so that all three agree."""
    seconds = (end - begin).total_seconds()
    return lasting(seconds) if seconds < 100 else _of_minutes(words.minutes_between(begin, end))


def _of_minutes(minutes: int) -> str:
    if minutes < 100:
        return _("%(n)d min", n=minutes)
    hours, rest = divmod(minutes, 60)
    if hours < 48:
        return _("%(hours)d h %(minutes)02d min", hours=hours, minutes=rest)
    return _("%(n)d days", n=round(hours / 24))


def decimal(value: float) -> str:
    """One decimal, with the language's own mark: ``2.3``, ``2,3``."""
    return decimal_marks(f"{value:.1f}")


def degrees(value: float) -> str:
    """An angle to one decimal, with the language's own mark and a true minus sign: ``−4.2°``."""
    return decimal_marks(degrees_text(value))


def decimal_marks(text: str) -> str:
    """A number as English writes it, with the language's own decimal mark."""
    return text.replace(".", ",") if language() in ("de", "nb", "fr") else text


def why_stale(reason: str) -> str:
    """The reason for a feed without news, in plain words."""
    if reason in _STALE:
        return _(_STALE[reason])
    return _("reason: %(reason)s", reason=reason) if reason else ""


def why_unwritten(reason: str) -> str:
    """Why the newest row could not be written, in plain words; the log has the exact ones."""
    return _(_WHY_UNWRITTEN.get(reason, _WHY_UNWRITTEN["failed"]))


_REASONS = (
    N_("cloud or snow"), N_("cloud or snow: no stars seen"), N_("civil twilight"), N_("daylight"),
    N_("unlike the skies the model knows"), N_("blank"), N_("flat colour"), N_("half decoded"), N_("false colour"),
    N_("noise"), N_("card"), N_("torn"), N_("broken blocks"), N_("repeated rows"), N_("raw mosaic"),
    N_("not the disc"), N_("too small"),
)  # fmt: skip
"""Reasons as the record has them, for the catalogues; one that they lack stays English."""


def reason_of(text: str) -> str:
    """A reason of the record in the reader's language."""
    return _(text) if text else ""


def compass(azimuth_deg: float) -> str:
    """``north-west``."""
    return _(_POINTS[compass_point(azimuth_deg)])


_POINTS = {
    "north": N_("north"), "north-east": N_("north-east"), "east": N_("east"), "south-east": N_("south-east"),
    "south": N_("south"), "south-west": N_("south-west"), "west": N_("west"), "north-west": N_("north-west"),
}  # fmt: skip
LEVEL_WORDS = (
    N_("Aurora"), N_("Aurora, faint or colourless"), N_("Faint aurora"), N_("Faint aurora over much of the sky"),
    N_("Aurora over much of the sky"), N_("Clearly visible aurora"),
    N_("Clearly visible aurora over much of the sky"), N_("Bright aurora"), N_("Bright aurora over much of the sky"),
    N_("Very bright aurora"), N_("Very bright aurora over much of the sky"),
    N_("faint or colourless"), N_("faint"), N_("faint, over much of the sky"), N_("visible"),
    N_("visible, over much of the sky"), N_("clearly visible"), N_("clearly visible, over much of the sky"),
    N_("bright"), N_("bright, over much of the sky"), N_("very bright"),
    N_("breakup"), N_("breakup, over much of the sky"),
)  # fmt: skip
"""What :func:`daemon.words.aurora` and ``brightness`` give, for the catalogues."""


def direction(azimuth_deg: float | None, elevation_deg: float | None) -> str:
    """``north-west, 35° up`` or ``overhead``; empty where the camera's orientation is not known."""
    if azimuth_deg is None or elevation_deg is None:
        return ""
    if elevation_deg >= words.OVERHEAD_DEG:
        return _("overhead")
    return _("%(compass)s, %(angle)d° up", compass=compass(azimuth_deg), angle=round(elevation_deg))


class Onset(NamedTuple):
    """When an event began, and whether the sky had been seen shortly before: else it may have been earlier."""

    at: datetime
    seen: bool

    def clock(self, timezone: str) -> str:
        """``22:10``, or ``22:10 or earlier``."""
        first = clock(self.at, timezone)
        return first if self.seen else _("%(clock)s or earlier", clock=first)


def onset_of(event: EventRow) -> Onset:
    """Its onset as the record has it."""
    return Onset(from_utc_text(event["onset_at"]), event["seen_before_at"] is not None)


def of_row(row: ObservationRow, timezone: str, since: Onset | None = None) -> Finding:
    """What one observation shows. ``since`` is the onset of the event it belongs to."""
    verdict = row["verdict"]
    if verdict == "aurora":
        return _aurora(row, timezone, since)
    if verdict == "clear":
        return Finding("clear", _("Clear sky, no aurora"), "")
    if verdict == "obscured":
        return Finding("obscured", _("Sky hidden"), why(row))
    if verdict == "unusable":
        return Finding("unusable", _("No usable picture"), why(row))
    if verdict == "stale":
        return Finding("stale", _("No new picture"), why(row))
    return Finding("asleep", _("Too light to watch"), why(row))


def not_judged(night: NightRow) -> str:
    """Why no frame of a night was judged: a camera that gave nothing by night is not the light."""
    stale, unusable = night["stale"], night["unusable"]
    if not stale and not unusable:
        return _("too light to watch")
    return _("no new picture") if stale >= unusable else _("no usable picture")


def why(row: ObservationRow) -> str:
    """The reason of one observation in the reader's language; empty where it has none."""
    reason = row["reason"] or ""
    if row["verdict"] == "stale":
        return why_stale(reason)
    if row["verdict"] == "not looked":
        return reason_of(reason.partition(":")[0])
    return reason_of(reason)


def _aurora(row: ObservationRow, timezone: str, since: Onset | None) -> Finding:
    headline, where = _headline(row)
    through_cloud = _("through cloud") if row["reason"] == "aurora through cloud" else ""
    from_then = _("since %(clock)s", clock=since.clock(timezone)) if since is not None else ""
    return Finding("aurora", headline, _(", ").join(filter(None, [where, through_cloud, from_then])))


def _headline(row: ObservationRow) -> tuple[str, str]:
    """What is seen, and where or how strong: in the alerts' own words where the frame was described."""
    if not row["level"]:
        where = direction(row["azimuth_deg"], row["elevation_deg"]) or _("direction unknown")
        return _(words.aurora(row["colour_level"], row["colour_cover"])), where
    where = "" if sighting.where(row) else _("direction unknown")
    return sighting.sighting(row, _), _(", ").join(filter(None, [where, sighting.level(row, _)]))


def moon(row: ObservationRow) -> str:
    """``moon up, 64 % lit`` or ``moon down``."""
    if row["moon_altitude_deg"] <= 0:
        return _("moon down")
    return _("moon up, %(n)d %% lit", n=words.lit_percent(row["moon_phase_deg"]))
