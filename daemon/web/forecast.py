"""Space weather on the page: what others measure or forecast, beside what this camera sees and never mixed with it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from daemon.config import Settings
from daemon.record import space
from daemon.record.store import Reader
from daemon.spaceweather import outlook
from daemon.spaceweather.feeds import station_of
from daemon.spaceweather.outlook import Line
from daemon.web import phrases
from daemon.web.tongues import _

PAST = timedelta(hours=12)
"""Older readings are no outlook; they are left out."""


@dataclass(frozen=True)
class Forecast:
    """The block as its template shows it."""

    title: str
    note: str
    lines: tuple[Line, ...]


def forecast_of(
    reader: Reader, settings: Settings, camera: str, now: datetime, *, made_up: bool = False
) -> Forecast | None:
    """What the feeds gave lately for a camera; None where space weather is off. Raises StoreError.

    ``made_up``: a demonstration's, whose figures come from no feed.
    """
    if not settings.space_weather.enabled:
        return None
    lines = tuple(line for line in _lines(reader, settings, camera, now) if line is not None)
    note = _("Measured elsewhere or forecast by others; none of it was seen by this camera.")
    if made_up:
        note = _(
            "Made up for this demonstration; in a real watch the figures come from the sources named here."
        )
    if not lines:
        note = _("No feed of space weather has answered in the last 12 hours.")
    return Forecast(_("Outlook: space weather"), note, lines)


def _lines(reader: Reader, settings: Settings, camera: str, now: datetime) -> list[Line | None]:
    feeds, since = space.feeds(reader), now - PAST
    lines = [outlook.wind_line(space.solar_wind(reader, since, now), feeds, now, _)]
    for name in ("kp", "hp30"):
        line = outlook.index_line(name, space.index(reader, name, since, now), feeds, now, _)
        lines.append(line and replace(line, text=phrases.decimal_marks(line.text)))
    ahead = now + timedelta(hours=3)
    lines.append(outlook.forecast_line(space.forecasts(reader, camera, since, ahead), feeds, now, _))
    dataset = next((c.magnetometer for c in settings.camera if c.name == camera), "")
    if dataset:
        station = station_of(dataset)
        rows = space.magnetic_field(reader, station, since, now)
        lines.append(outlook.magnetometer_line(station, rows, feeds, now, _))
    return lines
