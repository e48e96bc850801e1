"""The newest readings in words. Pure. Every line says whose it is and how old: nothing of it was seen here.

Alerts are in English; the page hands in its own ``_``, which says the same in the reader's language.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from daemon.observation import from_utc_text
from daemon.text import Say, english

Row = Mapping[str, Any]

OLD = {
    "solar wind": timedelta(minutes=30),
    "kp": timedelta(hours=4),
    "hp30": timedelta(minutes=90),
    "ovation": timedelta(minutes=90),
    "magnetometer": timedelta(minutes=60),
}
"""Age from which a line is marked as old. An index's age counts from the beginning of its interval."""

QUIET_BZ_NT = -3.0
"""Northward of this the field's direction is told without a duration."""

SMOOTH = timedelta(minutes=5)
EXCEPTIONS = 0.2
"""Share of a stretch's minutes that may be the other way: the field turns for a minute and back."""


@dataclass(frozen=True)
class Line:
    """One reading for people: its name, the reading, whose and how old; ``old`` where it tells of the past."""

    name: str
    text: str
    detail: str
    old: bool = False


def age_text(age: timedelta, _: Say = english) -> str:
    """``4 min old``, ``3 h old``."""
    minutes = max(0, round(age.total_seconds() / 60))
    if minutes < 120:
        return _("%(n)d min old", n=minutes)
    return _("%(n)d h old", n=round(minutes / 60))


def bz_text(rows: Sequence[Row], now: datetime, _: Say = english) -> str | None:
    """``Bz −8 nT for 20 min`` of the solar wind's rows, oldest first; None where nothing recent is known.

    The value is the median of the newest five minutes; the duration how long the field has pointed south.
    """
    known = [(from_utc_text(row["at"]), row["bz_nt"]) for row in rows if row["bz_nt"] is not None]
    if not known or now - known[-1][0] > OLD["solar wind"]:
        return None
    newest = known[-1][0]
    value = median(bz for at, bz in known if newest - at < SMOOTH)
    text = f"Bz {_signed(value)} nT"
    if value > QUIET_BZ_NT:
        return text
    minutes = round((newest - _south_since(known)).total_seconds() / 60)
    return _("%(reading)s for %(n)d min", reading=text, n=minutes) if minutes >= 5 else text


def _south_since(known: Sequence[tuple[datetime, float]]) -> datetime:
    """When the newest stretch of southward field began, single minutes aside."""
    since, north = known[-1][0], 0
    for count, (at, bz) in enumerate(reversed(known), 1):
        north += bz > QUIET_BZ_NT
        if north > max(1, EXCEPTIONS * count) or since - at > timedelta(minutes=15):
            break
        if bz <= QUIET_BZ_NT:
            since = at
    return since


def _signed(value: float) -> str:
    """``−8``, ``+3``, ``0``, with a true minus."""
    rounded = round(value)
    return f"−{-rounded}" if rounded < 0 else f"+{rounded}" if rounded else "0"


def alert_line(rows: Sequence[Row], feeds: Mapping[str, Row], now: datetime) -> str:
    """The line of an alert: ``Solar wind: Bz −8 nT for 20 min (NOAA SWPC, 4 min old; not seen here).`` or empty."""
    text = bz_text(rows, now)
    if text is None:
        return ""
    newest = next(from_utc_text(row["at"]) for row in reversed(rows) if row["bz_nt"] is not None)
    provider = feeds.get("magnetic field", {}).get("provider", "source unknown")
    return f"Solar wind: {text} ({provider}, {age_text(now - newest)}; not seen here)."


def wind_line(rows: Sequence[Row], feeds: Mapping[str, Row], now: datetime, _: Say = english) -> Line | None:
    """The solar wind: field, speed, density, from the newest minute that has each."""
    if not rows:
        return None
    newest = {
        key: next((row for row in reversed(rows) if row[key] is not None), None)
        for key in ("bz_nt", "bt_nt", "speed_km_s", "density_cm3")
    }
    parts = [bz_text(rows, now, _) or _plain(newest["bz_nt"], "bz_nt", "Bz {} nT", _signed)]
    parts.append(_plain(newest["bt_nt"], "bt_nt", "Bt {} nT", lambda v: f"{v:.0f}"))
    parts.append(_plain(newest["speed_km_s"], "speed_km_s", "{} km/s", lambda v: f"{v:.0f}"))
    parts.append(_plain(newest["density_cm3"], "density_cm3", "{} cm⁻³", lambda v: f"{v:.0f}"))
    at = (
        max(from_utc_text(row["at"]) for row in newest.values() if row is not None)
        if any(newest.values())
        else None
    )
    if at is None:
        return None
    craft = sorted({row[k] for row in rows[-5:] for k in ("field_source", "plasma_source") if row[k]})
    told = "" if not craft else craft[0]
    for other in craft[1:]:
        told = _("%(one)s and %(other)s", one=told, other=other)
    reading = ", ".join(filter(None, parts))
    return _line(_("Solar wind"), reading, feeds.get("magnetic field"), at, now, "solar wind", told, _)


def _plain(row: Row | None, key: str, form: str, write: Any) -> str:
    return "" if row is None else form.format(write(row[key]))


def index_line(
    name: str, rows: Sequence[Row], feeds: Mapping[str, Row], now: datetime, _: Say = english
) -> Line | None:
    """Kp or Hp30: the newest value."""
    if not rows:
        return None
    at = from_utc_text(rows[-1]["at"])
    title = {"kp": "Kp", "hp30": "Hp30"}[name]
    return _line(title, f"{rows[-1]['value']:.1f}".replace(".0", ""), feeds.get(name), at, now, name, "", _)


def forecast_line(
    rows: Sequence[Row], feeds: Mapping[str, Row], now: datetime, _: Say = english
) -> Line | None:
    """OVATION's figure for the place; the age is that of the data it rests on."""
    if not rows:
        return None
    at = from_utc_text(rows[-1]["based_on"])
    text = _("%(n)d of 100", n=round(rows[-1]["percent"]))
    return _line(_("OVATION for this place"), text, feeds.get("ovation"), at, now, "ovation", "", _)


def magnetometer_line(
    station: str, rows: Sequence[Row], feeds: Mapping[str, Row], now: datetime, _: Say = english
) -> Line | None:
    """The local magnetometer: how far the horizontal field stands from its median of the last hours."""
    if len(rows) < 30:
        return None
    horizontal = [float((row["x_nt"] ** 2 + row["y_nt"] ** 2) ** 0.5) for row in rows]
    off = horizontal[-1] - median(horizontal)
    at = from_utc_text(rows[-1]["at"])
    feed = feeds.get(f"magnetometer {station}")
    text = _("ΔH %(value)s nT against the median of its last hours", value=_signed(off))
    name = _("Magnetometer %(station)s", station=station.upper())
    return _line(name, text, feed, at, now, "magnetometer", "", _)


def _line(
    name: str, text: str, feed: Row | None, at: datetime, now: datetime, kind: str, craft: str, _: Say
) -> Line:
    provider, licence = (feed["provider"], feed["licence"]) if feed else (_("source unknown"), "")
    licence = _("public domain") if licence == "public domain" else licence
    who = f"{provider} ({craft})" if craft else provider
    age = now - at
    return Line(name, text, ", ".join(filter(None, [who, age_text(age, _), licence])), age > OLD[kind])
