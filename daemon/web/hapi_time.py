"""HAPI's times: ISO 8601 in either of its calendars, shortened at will; always UTC."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from daemon.observation import utc_text

_TIME = re.compile(
    r"(?P<year>\d{4})(?:-(?P<day>\d{3})|-(?P<month>\d{2})(?:-(?P<mday>\d{2}))?)?"
    r"(?:T(?P<hour>\d{2})(?::(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.(?P<part>\d{0,9}))?)?)?)?Z?"
)


def hapi_time(text: str) -> datetime:
    """``2024-02-10T04:50Z``, ``2024-041``, ``2024-02``: the instant it begins with, a fraction of a
    microsecond counted as a whole one. Raises ValueError.
    """
    found = _TIME.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text[:40]!r} is no ISO 8601 time")
    part = {name: int(value) for name, value in found.groupdict().items() if value and name != "part"}
    nanoseconds = int((found["part"] or "").ljust(9, "0"))
    try:
        day = datetime(part["year"], part.get("month", 1), part.get("mday", 1), tzinfo=UTC)
        if "day" in part:
            day += timedelta(days=part["day"] - 1)
        if part.get("day", 1) < 1 or day.year != part["year"]:
            raise ValueError
        if part.get("hour", 0) > 24 or part.get("minute", 0) > 59 or part.get("second", 0) > 60:
            raise ValueError
        clock = {
            "hours": part.get("hour", 0),
            "minutes": part.get("minute", 0),
            "seconds": part.get("second", 0),
            "microseconds": min(-(-nanoseconds // 1000), 999_999),
        }
        return day + timedelta(**clock)
    except (ValueError, OverflowError):
        raise ValueError(f"{text[:40]!r} is no time that there is") from None


def record_time(at: datetime) -> str:
    """The first time that a record at or after an instant can have, as it is written: records lie on whole seconds."""
    if at.microsecond:
        with suppress(OverflowError):  # at the calendar's end
            at += timedelta(seconds=1)
    return utc_text(at)
