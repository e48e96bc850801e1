"""Magnetic local time and conjugate places by a centred dipole. Pure.

The pole is IGRF-14's of 2025 and moves 0.05° a year. Against the field's own coordinates (AACGM) the dipole's local
time is off by up to half an hour at auroral latitudes, which is less than the hour it is used for here.
"""

from __future__ import annotations

import numpy as np

from daemon.spaceweather.coupling import Values

POLE_LATITUDE_DEG, POLE_LONGITUDE_DEG = 80.85, -72.76


def magnetic_local_time_h(at_s: Values, latitude_deg: float, longitude_deg: float) -> Values:
    """Hours 0–24 (n,) of a place at instants in seconds since 1970: 12 where the sun is on its dipole meridian."""
    declination, sun_longitude = _subsolar(at_s)
    here = _dipole_longitude(np.asarray(latitude_deg), np.asarray(longitude_deg))
    hours: Values = (12 + (here - _dipole_longitude(declination, sun_longitude)) / 15) % 24
    return hours


def _subsolar(at_s: Values) -> tuple[Values, Values]:
    """Where the sun is overhead, degrees, to some tenths: by the mean anomaly and the equation of time."""
    days = at_s / 86400.0 - 10957.5  # since J2000
    anomaly = np.radians(357.53 + 0.98560 * days)
    mean = 280.46 + 0.98565 * days
    ecliptic = np.radians(mean + 1.915 * np.sin(anomaly) + 0.020 * np.sin(2 * anomaly))
    tilt = np.radians(23.44)
    declination = np.degrees(np.arcsin(np.sin(tilt) * np.sin(ecliptic)))
    ascension = np.degrees(np.arctan2(np.cos(tilt) * np.sin(ecliptic), np.cos(ecliptic)))
    ahead = (mean - ascension + 180) % 360 - 180  # equation of time in degrees
    return declination, 180 - (at_s % 86400) / 240 - ahead


def _dipole_longitude(latitude_deg: Values, longitude_deg: Values) -> Values:
    lat, pole = np.radians(latitude_deg), np.radians(POLE_LATITUDE_DEG)
    away = np.radians(longitude_deg - POLE_LONGITUDE_DEG)
    east = np.cos(lat) * np.sin(away)
    south = np.cos(lat) * np.cos(away) * np.sin(pole) - np.sin(lat) * np.cos(pole)
    longitude: Values = np.degrees(np.arctan2(east, south))
    return longitude


def conjugate(latitude_deg: float, longitude_deg: float) -> tuple[float, float]:
    """(latitude, longitude) of the magnetically conjugate place in the other hemisphere, by the dipole."""
    north = np.array([np.cos(np.radians(POLE_LATITUDE_DEG)) * np.cos(np.radians(POLE_LONGITUDE_DEG)),
                      np.cos(np.radians(POLE_LATITUDE_DEG)) * np.sin(np.radians(POLE_LONGITUDE_DEG)),
                      np.sin(np.radians(POLE_LATITUDE_DEG))])  # fmt: skip
    lat, lon = np.radians(latitude_deg), np.radians(longitude_deg)
    here = np.array([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
    there = here - 2 * float(here @ north) * north
    latitude = float(np.degrees(np.arcsin(there[2])))
    return round(latitude, 4), round(float(np.degrees(np.arctan2(there[1], there[0]))), 4)
