"""Where people watch, from the date line to the date line, with the zone their clocks keep."""

from __future__ import annotations

from typing import NamedTuple


class Place(NamedTuple):
    """A town with a camera that might be there."""

    name: str
    latitude_deg: float
    longitude_deg: float
    timezone: str


PLACES = (
    Place("apia", -13.83, -171.75, "Pacific/Apia"),
    Place("adak", 51.88, -176.65, "America/Adak"),
    Place("fairbanks", 64.84, -147.72, "America/Anchorage"),
    Place("yellowknife", 62.4333, -114.35, "America/Edmonton"),
    Place("reykjavik", 64.15, -21.94, "Atlantic/Reykjavik"),
    Place("greenwich", 51.48, 0.0, "Europe/London"),
    Place("longyearbyen", 78.22, 15.64, "Arctic/Longyearbyen"),
    Place("tromso", 69.65, 18.96, "Europe/Oslo"),
    Place("lyngen", 69.58, 20.22, "Europe/Oslo"),
    Place("kiruna", 67.86, 20.22, "Europe/Stockholm"),
    Place("concordia", -75.10, 123.33, "Australia/Perth"),
    Place("hobart", -42.88, 147.33, "Australia/Hobart"),
    Place("mcmurdo", -77.85, 166.67, "Antarctica/McMurdo"),
    Place("anadyr", 64.73, 177.50, "Asia/Anadyr"),
    Place("chatham", -43.95, -176.56, "Pacific/Chatham"),
    Place("fiji-east", -18.0, 180.0, "Pacific/Fiji"),
    Place("fiji-west", -18.0, -180.0, "Pacific/Fiji"),
)
