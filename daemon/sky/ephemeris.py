"""A place and an instant → where sun and moon stand. Skyfield and JPL's DE421 do the work.

Altitudes are apparent and airless, what Skyfield's ``altaz()`` gives without an atmosphere: the
published night shares of the method come out to three digits so, and not with refraction.
The moon's phase is the geocentric difference of ecliptic longitudes (``almanac.moon_phase``)
folded to 0…180°.
"""

from __future__ import annotations

import atexit
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from daemon.errors import ClockError
from daemon.observation import Moonlight, SkyState, Twilight
from daemon.sky.day_curve import NODES, Angles, DayCurve, Degrees, day_of, nodes_of
from daemon.sky.stars.catalogue import StarField, bright_stars, star_field

FIRST, LAST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2053, 1, 1, tzinfo=UTC)
"""What DE421 covers, rounded inwards."""

DAYS_KEPT = 8
"""Days whose curves a place remembers: last night's and tonight's, and what a page is asked for."""

_SEARCHES_DAYS = (2, 370)  # most crossings are near; the summer pause of the far north is not


TWILIGHT_UP_TO_DEG: dict[Twilight, int] = {"night": -18, "astronomical": -12, "nautical": -6}
"""The sun's altitude up to which each holds, from dark to light; above them it is civil twilight, from 0° on day."""

FULL_FROM_DEG, FULL_ABOVE_DEG = 150, 5
QUARTER_FROM_DEG, QUARTER_ABOVE_DEG = 45, 10
"""The folded phase from which the moon counts, and the altitude above which it does. A full moon low on the horizon
(5…10°) counts, a quarter there does not."""

TWILIGHT_RULE = "by the sun's altitude: {}, civil below 0°, day from 0° on".format(
    ", ".join(f"{name} up to {up_to}°".replace("-", "−") for name, up_to in TWILIGHT_UP_TO_DEG.items())
)
MOONLIGHT_RULE = (
    f"by the moon's phase and altitude: full from {FULL_FROM_DEG}° of phase on if above {FULL_ABOVE_DEG}°, quarter from "
    f"{QUARTER_FROM_DEG}° on if above {QUARTER_ABOVE_DEG}°, else none"
)
"""The rules of the two classes in words, as exports and the documentation have them."""


def twilight_class(sun_altitude_deg: float) -> Twilight:
    """The class of :data:`TWILIGHT_RULE`."""
    for name, up_to_deg in TWILIGHT_UP_TO_DEG.items():
        if sun_altitude_deg <= up_to_deg:
            return name
    return "civil" if sun_altitude_deg < 0 else "day"


def moonlight_class(moon_altitude_deg: float, moon_phase_deg: float) -> Moonlight:
    """The class of :data:`MOONLIGHT_RULE`; the phase is the folded one, 0 new to 180 full."""
    if moon_phase_deg >= FULL_FROM_DEG:
        return "full" if moon_altitude_deg > FULL_ABOVE_DEG else "none"
    if moon_phase_deg >= QUARTER_FROM_DEG and moon_altitude_deg > QUARTER_ABOVE_DEG:
        return "quarter"
    return "none"


_OPENING = threading.Lock()


def _ephemeris() -> tuple[Any, Any]:
    """(DE421, timescale), opened once a process, whatever threads ask first."""
    with _OPENING:  # the cache alone lets two first askers in
        return _opened()


@lru_cache(maxsize=1)
def _opened() -> tuple[Any, Any]:
    """Opened only when first asked for: 0.3 s of imports.

    Skyfield's built-in timescale is used, because the finals2000A file that skyfield-data carries
    has expired; for the same reason its path helper, which warns of that, is not called.
    """
    import skyfield_data
    from skyfield.api import load, load_file

    folder = Path(str(skyfield_data.__file__)).parent / "data"
    ephemeris = load_file(str(folder / "de421.bsp"))
    atexit.register(ephemeris.close)
    return ephemeris, load.timescale(builtin=True)


class Observatory:
    """A place on Earth (WGS 84) to look at the sky from. Cheap to make; loads nothing until asked.

    A height that is not known is taken as 0 m: 1 km moves the moon by half a second of arc, the sun by less.
    """

    def __init__(self, latitude_deg: float, longitude_deg: float, elevation_m: float | None = None) -> None:
        self._place = (latitude_deg, longitude_deg, elevation_m or 0.0)
        self._curves: dict[int, DayCurve] = {}

    @property
    def latitude_deg(self) -> float:
        """Latitude, north positive."""
        return self._place[0]

    def state(self, at: datetime) -> SkyState:
        """Sun and moon at one instant. Raises ClockError outside 1900…2052."""
        return self.states([at])[0]

    def states(self, times: Sequence[datetime]) -> list[SkyState]:
        """Sun and moon at many instants at once, far cheaper than one by one. Raises ClockError."""
        if not times:
            return []
        angles = self.angles(times)
        return [
            SkyState(
                at=at.astimezone(UTC),
                sun_altitude_deg=sun_alt,
                sun_azimuth_deg=sun_az,
                moon_altitude_deg=moon_alt,
                moon_azimuth_deg=moon_az,
                moon_phase_deg=phase,
                twilight=twilight_class(sun_alt),
                moonlight=moonlight_class(moon_alt, phase),
            )
            for at, sun_alt, sun_az, moon_alt, moon_az, phase in zip(
                times,
                angles.sun_altitude_deg.tolist(),
                angles.sun_azimuth_deg.tolist(),
                angles.moon_altitude_deg.tolist(),
                angles.moon_azimuth_deg.tolist(),
                angles.moon_phase_deg.tolist(),
                strict=True,
            )
        ]

    def angles(self, times: Sequence[datetime]) -> Angles:
        """The bare angles of :meth:`states`. Raises ClockError outside 1900…2052."""
        for at in times:
            _in_range(at)
        days = [day_of(at) for at in times]
        unknown = sorted({*days} - self._curves.keys())
        if NODES * len(unknown) > max(2 * NODES, len(times)):
            return self._asked(times)  # a few instants of many days: their curves would cost more
        curves = {**self._curves, **self._curves_of(unknown)}
        self._curves = dict(list(curves.items())[-DAYS_KEPT:])
        found = np.empty((len(Angles._fields), len(times)))
        for day in {*days}:
            its = [place for place, one in enumerate(days) if one == day]
            found[:, its] = curves[day].at([times[place] for place in its])
        return Angles(*found)

    def _curves_of(self, days: Sequence[int]) -> dict[int, DayCurve]:
        """The curves of days, all asked for at once."""
        if not days:
            return {}
        asked = self._asked([at for day in days for at in nodes_of(day)])
        parts = (np.split(one, len(days)) for one in asked)
        return {day: DayCurve(day, Angles(*its)) for day, *its in zip(days, *parts, strict=True)}

    def _asked(self, times: Sequence[datetime]) -> Angles:
        """The angles, each from the ephemeris itself."""
        from skyfield.nutationlib import iau2000b_radians

        ephemeris, timescale = _ephemeris()
        t = timescale.from_datetimes(times)
        # IAU 2000B instead of 2000A: ten times cheaper, 0.001″ apart (skyfield, "Accuracy and efficiency").
        t._nutation_angles_radians = iau2000b_radians(t)
        place = self._on_earth()
        here = (ephemeris["earth"] + place).at(t)
        # Only the Sun bends light enough to matter (Jupiter: 0.02″), at half the cost of all three.
        sun = here.observe(ephemeris["sun"]).apparent(deflectors=(10,))
        moon = here.observe(ephemeris["moon"]).apparent(deflectors=(10,))
        sun_altitude, sun_azimuth, _ = sun.altaz()
        moon_altitude, moon_azimuth, _ = moon.altaz()
        phase = _phase(sun, moon, place.at(t))
        return Angles(
            sun_altitude_deg=sun_altitude.degrees,
            sun_azimuth_deg=sun_azimuth.degrees,
            moon_altitude_deg=moon_altitude.degrees,
            moon_azimuth_deg=moon_azimuth.degrees,
            moon_phase_deg=phase,
        )

    def stars(self, at: datetime, to_magnitude: float = 9.0) -> StarField:
        """The bright stars and the planets above the horizon, refraction included. Raises ClockError.

        The air is taken at 0 °C and 1010 hPa: between −40 and 20 °C that is 0.02° at 10° of elevation.
        """
        from skyfield.api import Star
        from skyfield.nutationlib import iau2000b_radians

        _in_range(at)
        ephemeris, timescale = _ephemeris()
        t = timescale.from_datetime(at)
        t._nutation_angles_radians = iau2000b_radians(t)
        here = (ephemeris["earth"] + self._on_earth()).at(t)
        known = bright_stars()
        bright = known.magnitude <= to_magnitude
        star = Star(ra_hours=known.ra_deg[bright] / 15, dec_degrees=known.dec_deg[bright])
        bodies: list[tuple[Any, Any]] = [
            (here.observe(star), known.magnitude[bright]),
            *_planets(here, ephemeris),
        ]
        places = [body.apparent(deflectors=()).altaz(0.0, 1010.0) for body, _ in bodies]
        hip = np.concatenate([known.hip[bright], np.zeros(len(bodies) - 1, np.int64)])
        return star_field(
            hip,
            np.concatenate([np.atleast_1d(azimuth.degrees) for _, azimuth, _ in places]),
            np.concatenate([np.atleast_1d(altitude.degrees) for altitude, _, _ in places]),
            np.concatenate([np.atleast_1d(magnitude) for _, magnitude in bodies]),
        )

    def next_crossing(self, at: datetime, sun_altitude_deg: float, rising: bool) -> datetime | None:
        """When the sun next crosses an altitude, upwards or downwards; None if not within a year."""
        _in_range(at)
        for days in _SEARCHES_DAYS:
            start, end = at, min(at + timedelta(days=days), LAST)
            if end <= start:
                return None
            found, crosses = self._crossings(start, end, sun_altitude_deg, rising)
            for time, true in zip(found, crosses, strict=True):
                if true:
                    crossing: datetime = time.utc_datetime()
                    return crossing
        return None

    def _crossings(self, start: datetime, end: datetime, sun_altitude_deg: float, rising: bool) -> Any:
        from skyfield.almanac import find_risings, find_settings
        from skyfield.errors import EphemerisRangeError

        ephemeris, timescale = _ephemeris()
        place, sun = ephemeris["earth"] + self._on_earth(), ephemeris["sun"]
        find = find_risings if rising else find_settings

        def search(since: datetime) -> Any:
            between = timescale.from_datetime(since), timescale.from_datetime(end)
            return find(place, sun, *between, horizon_degrees=sun_altitude_deg)

        with np.errstate(divide="ignore", invalid="ignore"):
            try:
                return search(start)
            except EphemerisRangeError:
                # Skyfield divides zero by zero where one of the instants it begins with is a crossing to the microsecond,
                # as an hour counted from one before is.
                return search(start + timedelta(seconds=1))

    def _on_earth(self) -> Any:
        from skyfield.api import wgs84

        latitude_deg, longitude_deg, elevation_m = self._place
        return wgs84.latlon(latitude_deg, longitude_deg, elevation_m=elevation_m)


def _phase(sun: Any, moon: Any, place: Any) -> Degrees:
    """The folded phase, seen from the centre of the Earth: place → body plus centre → place.

    This is ``almanac.moon_phase`` without observing both bodies a second time; what differs is
    the observer's own aberration, under 1″.
    """
    from skyfield.framelib import ecliptic_frame
    from skyfield.positionlib import ICRF

    sun_longitude, moon_longitude = (
        ICRF(body.position.au + place.position.au, t=body.t, center=399)
        .frame_latlon(ecliptic_frame)[1]
        .degrees
        for body in (sun, moon)
    )
    phase: Degrees = (moon_longitude - sun_longitude) % 360.0
    folded: Degrees = np.minimum(phase, 360.0 - phase)
    return folded


_PLANETS = ("mercury", "venus", "mars", "jupiter barycenter", "saturn barycenter")


def _planets(here: Any, ephemeris: Any) -> list[tuple[Any, float]]:
    """The planets that shine like bright stars, with their magnitudes (Mallama & Hilton 2018)."""
    from skyfield.magnitudelib import planetary_magnitude

    seen = [here.observe(ephemeris[name]) for name in _PLANETS]
    return [(planet, float(planetary_magnitude(planet))) for planet in seen]


def _in_range(at: datetime) -> None:
    if not FIRST <= at < LAST:
        raise ClockError("no such time", f"{at:%Y-%m-%d}: the ephemeris covers 1900 to 2052")
