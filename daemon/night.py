"""Which night an instant belongs to, when its middle is, and what people call it.

A night runs from local mean solar noon to noon. It is named by the dates of its evening and its morning
on the clocks at the camera; its key in the record, ``date`` here, is the morning's: the date that begins
at its local mean solar midnight. For Yellowknife that is the date in AuroraMAX's own file names
(``auroramaxHD_20240201`` begins 2024-01-31 18:19 MST). The longitude says when midnight is, the zone on
which side of the date line: Apia, at 171.75° west, has the date of Auckland and not of Honolulu.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any, Protocol

import pytz

_DAY = timedelta(days=1)
_NOON = timedelta(hours=12)


class Place(Protocol):
    """Where a camera stands, as far as its nights depend on it."""

    @property
    def longitude_deg(self) -> float:
        """Longitude, east positive."""

    @property
    def timezone(self) -> str:
        """The IANA name of the zone its clocks keep."""


def night_of(at: datetime, place: Place) -> date:
    """The key of the night an instant belongs to."""
    ahead = _ahead(place)
    solar = at.astimezone(UTC) + ahead + _NOON
    midnight = solar.replace(hour=0, minute=0, second=0, microsecond=0) - ahead
    return _date_beginning_at(midnight, place)


def solar_day(at_s: Any, longitude_deg: float) -> Any:
    """The number of the night that an instant belongs to, or of each: seconds since 1970 → nights since then."""
    return (at_s + 240 * longitude_deg + 43200) // 86400


def midnight_of(night: date, place: Place) -> datetime:
    """The middle of a night, its local mean solar midnight, in UTC."""
    midnight = datetime(night.year, night.month, night.day, tzinfo=UTC) - _ahead(place)
    return midnight + (night - _date_beginning_at(midnight, place))


NOON_WITHIN = timedelta(hours=2.25)
"""How far from 12:00 the clocks of inhabited places put the sun's noon at most, but for western China."""


def odd_noon(place: Place) -> str | None:
    """What is odd about the time at which the sun is highest, where place or zone may be wrong; else None.

    A longitude without its minus sign or in the latitude's place moves sun and moon by hours, and with them the gate.
    Zones that are no place's own (UTC) say nothing.
    """
    if "/" not in place.timezone or place.timezone.startswith("Etc/"):
        return None
    noon = datetime(2024, 1, 1, 12, tzinfo=UTC) - _ahead(place)
    zone = pytz.timezone(place.timezone)
    local = [
        (noon + timedelta(days=days)).astimezone(zone) for days in (0, 182)
    ]  # without and with summer time
    off = [abs(at.hour * 60 + at.minute - 720) for at in local]
    nearest = min(zip(off, local, strict=True), key=lambda one: one[0])
    if timedelta(minutes=nearest[0]) <= NOON_WITHIN:
        return None
    return (
        f"the sun is highest there at {nearest[1]:%H:%M} by the clocks of {place.timezone}; check latitude, longitude,"
        " their signs, and timezone"
    )


def night_text(night: date) -> str:
    """``night of 9–10 February 2024``: the date of its evening and of its morning."""
    evening = night - _DAY
    if evening.month == night.month:
        return f"night of {evening.day}–{night.day} {night:%B} {night.year}"
    year = f" {evening.year}" if evening.year != night.year else ""
    return f"night of {evening.day} {evening:%B}{year} – {night.day} {night:%B} {night.year}"


def _ahead(place: Place) -> timedelta:
    """How far local mean solar time is ahead of UTC, by the longitude as it is given."""
    return timedelta(hours=place.longitude_deg / 15)


def _date_beginning_at(midnight: datetime, place: Place) -> date:
    """The date that begins at a solar midnight, on the zone's own side of the date line."""
    ahead = _ahead(place)
    by_the_clock = midnight.astimezone(pytz.timezone(place.timezone)).utcoffset() or timedelta(0)
    return (midnight + ahead + round((by_the_clock - ahead) / _DAY) * _DAY).date()
