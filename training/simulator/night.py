"""A coherent night: one camera, turning sky, drifting weather, events of aurora that live and end.

Sun and moon are the ephemeris's. Weather follows a slow random course; clouds drift with one wind.
An event follows the substorm (Akasofu 1964): a quiet arc drifts equatorward and brightens (growth),
breaks up within minutes, spreads poleward, and fades into patches and veils (recovery). Everything
is a smooth function of time, so frames may be asked for in any order.

    night = Night(7, date(2024, 2, 10))
    drawn = night.frame(night.start + timedelta(hours=3))
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Literal

import numpy as np

from daemon.observation import SkyState
from daemon.sky.ephemeris import Observatory
from training.simulator.cameras import lens, sensor
from training.simulator.plans import _colours, _forms_at, _plan, _smooth
from training.simulator.render import CONTRAST, Drawn, Truth, draw, truth
from training.simulator.scene import random_cloud, random_tint, random_town
from training.simulator.scene_types import Cloud, Dome, NightSky, Scene

START_SUN_ALTITUDE_DEG = -11.5  # where AuroraMAX's own nights of 2022-25 begin
SIDEREAL_DEG_PER_DAY, SIDEREAL_AT_J2000_DEG = 360.98564736629, 280.46061837
J2000 = datetime(2000, 1, 1, 12, tzinfo=UTC)

WeatherKind = Literal["clear", "thin", "broken", "overcast", "changing"]
FaultKind = Literal["gap", "restart", "frozen"]


@dataclass(frozen=True)
class Place:
    """Where the camera stands and how it is turned. ``declination_deg`` of the magnetic field."""

    latitude_deg: float = 62.4333
    longitude_deg: float = -114.35
    elevation_m: float = 206.0
    north_deg: float = 0.0
    east_left: bool = True
    declination_deg: float = 15.0


YELLOWKNIFE = Place()


def observatory(place: Place) -> Observatory:
    """The ephemeris over a place."""
    return Observatory(place.latitude_deg, place.longitude_deg, place.elevation_m)


def sidereal_deg(longitude_deg: float, at: datetime) -> float:
    """Local mean sidereal time (Meeus 1998, 12.4, to a second of arc a century)."""
    days = (at - J2000) / timedelta(days=1)
    return (SIDEREAL_AT_J2000_DEG + SIDEREAL_DEG_PER_DAY * days + longitude_deg) % 360.0


@dataclass(frozen=True)
class Fault:
    """What goes wrong with the feed from ``start`` to ``end``: no frames (``gap``), no frames and
    another cadence phase after (``restart``), or the picture at ``start`` shown all along (``frozen``).
    """

    kind: FaultKind
    start: datetime
    end: datetime


@dataclass(frozen=True)
class NightEvent:
    """One event as the camera saw it: ``onset`` and ``end`` are its first and last visible minute by
    the criterion of ``draw``, ``breakup`` the minute it breaks up (None if it never does),
    ``contrast`` the greatest of its frames. An event that cloud hid throughout is not listed.
    """

    onset: datetime
    end: datetime
    breakup: datetime | None
    contrast: float


class Night:
    """One simulated night of one camera.

    ``night`` is the UTC date in the movie's name; ``hours`` (start, end) in UTC replaces the hours
    the sun gives; ``events`` their number (None: drawn, 0 to 3); ``weather`` and ``camera`` (a
    generation of ``cameras``) likewise. The same arguments give the same night.
    """

    def __init__(
        self,
        seed: int,
        night: date,
        place: Place = YELLOWKNIFE,
        hours: tuple[datetime, datetime] | None = None,
        *,
        events: int | None = None,
        weather: WeatherKind | None = None,
        camera: str = "auroramax-2015",
        faults: tuple[Fault, ...] = (),
    ) -> None:
        self.seed, self.night, self.place, self.faults = seed, night, place, faults
        self.camera = camera
        rng = np.random.default_rng([seed, night.toordinal()])
        self._sky = _Ephemeris(place, night)
        self.start, self.end = hours or self._sky.dark_hours()
        self.length_s = (self.end - self.start).total_seconds()
        turned = lens(rng, camera)
        self._lens = replace(turned, north_deg=place.north_deg, east_left=place.east_left)
        self._sensor = sensor(rng, camera)
        self._town = random_town(rng)
        self._weather = _Weather(rng, weather, self.length_s)
        self._night_sky = NightSky(
            latitude_deg=place.latitude_deg,
            airglow=float(np.exp(rng.uniform(np.log(4e-4), np.log(3e-3)))),
            tint=random_tint(rng),
            stars=float(rng.uniform(0.4, 1.4)),
            milky_way=float(rng.uniform(0.1, 0.7)),
            flare=float(rng.uniform(0.2, 0.8)),
            seed=int(rng.integers(0, 2**31)),
        )
        count = int(rng.choice([0, 1, 2, 3], p=[0.2, 0.4, 0.28, 0.12])) if events is None else events
        self._plans = tuple(_plan(rng, self.length_s, i, count, self._sensor.gain) for i in range(count))
        self._looks = replace(_colours(rng), declination_deg=place.declination_deg)

    def state(self, at: datetime) -> SkyState:
        """Sun and moon at an instant of this night (interpolated between five-minute ephemerides)."""
        return self._sky.state(at)

    def scene(self, at: datetime) -> Scene:
        """Everything in the sky and the camera at an instant (aware UTC)."""
        for fault in self.faults:
            if fault.kind == "frozen" and fault.start <= at < fault.end:
                at = fault.start
        seconds = (at - self.start).total_seconds()
        state = self.state(at)
        night_sky = replace(
            self._night_sky,
            sun_altitude_deg=state.sun_altitude_deg,
            sun_azimuth_deg=state.sun_azimuth_deg,
            moon_altitude_deg=state.moon_altitude_deg,
            moon_azimuth_deg=state.moon_azimuth_deg,
            moon_phase_deg=state.moon_phase_deg,
            sidereal_deg=sidereal_deg(self.place.longitude_deg, at),
            year=at.year + at.timetuple().tm_yday / 365.25,
        )
        forms = tuple(form for plan in self._plans for form in _forms_at(plan, seconds))
        return Scene(
            lens=self._lens,
            sensor=self._sensor,
            night_sky=night_sky,
            clouds=self._weather.clouds(seconds),
            town=self._town,
            dome=Dome(),
            aurora=replace(self._looks, forms=forms),
            seed=(self.seed * 1_000_003 + int(at.timestamp())) % 2**31,
        )

    def frame(self, at: datetime, side: int = 720) -> Drawn:
        """The picture at an instant, and its truth."""
        return draw(self.scene(at), side)

    def truth(self, at: datetime) -> Truth:
        """The truth alone, from a small picture: some milliseconds."""
        return truth(self.scene(at))

    def first_light(self, step_s: float = 60.0) -> datetime | None:
        """The first instant at which aurora is visible, to ``step_s``; None in a night without.

        Draws only as much of the night as it takes, small.
        """
        for plan in self._plans:
            seconds = plan.begin
            while seconds < min(plan.end, self.length_s):
                at = self.start + timedelta(seconds=seconds)
                if self.truth(at).aurora:
                    return at
                seconds += step_s
        return None

    def exposures(self, cadence_s: float = 6.0) -> Iterator[datetime]:
        """Instants of the night's frames: gaps leave theirs out, a restart begins a new count."""
        at = self.start
        while at < self.end:
            stop = next((f for f in self.faults if f.kind != "frozen" and f.start <= at < f.end), None)
            if stop is None:
                yield at
                at += timedelta(seconds=cadence_s)
            elif stop.kind == "restart":
                at = stop.end
            else:
                missing = math.ceil((stop.end - at).total_seconds() / cadence_s)
                at += timedelta(seconds=cadence_s * missing)

    @cached_property
    def minutes(self) -> tuple[tuple[datetime, Truth], ...]:
        """The truth of every minute in which an event is planned; the other minutes show no aurora."""
        wanted = sorted({m for p in self._plans for m in range(int(p.begin // 60), int(p.end // 60) + 1)})
        times = [self.start + timedelta(minutes=m) for m in wanted if m * 60 < self.length_s]
        return tuple((at, self.truth(at)) for at in times)

    @cached_property
    def events(self) -> tuple[NightEvent, ...]:
        """The events the camera saw, in order; minutes apart from each other by 20 or more.

        Draws every planned minute small, once: a few seconds a night.
        """
        runs: list[list[tuple[datetime, Truth]]] = []
        for at, seen in self.minutes:
            if not seen.aurora:
                continue
            if runs and at - runs[-1][-1][0] <= timedelta(minutes=20):
                runs[-1].append((at, seen))
            else:
                runs.append([(at, seen)])
        return tuple(self._event(run) for run in runs)

    def _event(self, run: list[tuple[datetime, Truth]]) -> NightEvent:
        onset, end = run[0][0], run[-1][0]
        breakups = [self.start + timedelta(seconds=p.breakup) for p in self._plans if p.breaks]
        inside = [at for at in breakups if onset <= at <= end]
        return NightEvent(onset, end, inside[0] if inside else None, max(t.contrast for _, t in run))


class _Ephemeris:
    """Sun and moon over the 24 hours around local midnight, every five minutes."""

    STEP_S = 300

    def __init__(self, place: Place, night: date) -> None:
        midnight_h = (-place.longitude_deg / 15) % 24
        middle = datetime(night.year, night.month, night.day, tzinfo=UTC) + timedelta(hours=midnight_h)
        self.first = middle - timedelta(hours=12)
        times = [self.first + timedelta(seconds=self.STEP_S * i) for i in range(24 * 12 + 1)]
        self._states = observatory(place).states(times)

    def dark_hours(self) -> tuple[datetime, datetime]:
        """From the first to the last instant with the sun below AuroraMAX's start; whole minutes."""
        dark = [s.at for s in self._states if s.sun_altitude_deg <= START_SUN_ALTITUDE_DEG]
        if not dark:
            middle = self._states[len(self._states) // 2].at
            return middle - timedelta(minutes=30), middle + timedelta(minutes=30)
        return dark[0].replace(second=0, microsecond=0), dark[-1].replace(second=0, microsecond=0)

    def state(self, at: datetime) -> SkyState:
        place = (at - self.first).total_seconds() / self.STEP_S
        i = min(max(int(place), 0), len(self._states) - 2)
        share = min(max(place - i, 0.0), 1.0)
        a, b = self._states[i], self._states[i + 1]

        def between(x: float, y: float) -> float:
            return x + (y - x) * share

        def around(x: float, y: float) -> float:
            return (x + ((y - x + 180) % 360 - 180) * share) % 360

        return replace(
            a if share < 0.5 else b,
            at=at,
            sun_altitude_deg=between(a.sun_altitude_deg, b.sun_altitude_deg),
            sun_azimuth_deg=around(a.sun_azimuth_deg, b.sun_azimuth_deg),
            moon_altitude_deg=between(a.moon_altitude_deg, b.moon_altitude_deg),
            moon_azimuth_deg=around(a.moon_azimuth_deg, b.moon_azimuth_deg),
            moon_phase_deg=between(a.moon_phase_deg, b.moon_phase_deg),
        )


class _Weather:
    """Cloud over the night: cover follows knots an hour apart, one wind for each layer."""

    def __init__(self, rng: np.random.Generator, kind: WeatherKind | None, length_s: float) -> None:
        names: tuple[WeatherKind, ...] = ("clear", "thin", "broken", "overcast", "changing")
        drawn = str(rng.choice(names, p=[0.28, 0.15, 0.17, 0.1, 0.3]))
        self.kind = kind or drawn
        knots = int(length_s // 3600) + 3
        base, swing = {
            "clear": (-5.0, 0.6),
            "thin": (0.0, 1.2),
            "broken": (-0.2, 0.9),
            "overcast": (3.4, 0.6),
            "changing": (0.0, 2.6),
        }[self.kind]
        walk = np.cumsum(rng.normal(0, 0.6, knots)) * 0.5 + rng.normal(0, 0.8, knots)
        self._knots = base + swing * walk / max(float(np.std(walk)), 0.5)
        shape = {"clear": "thin", "changing": "broken"}.get(self.kind, self.kind)
        self._cloud = random_cloud(rng, str(shape))
        # 5 to 20 m/s at 2 to 5 km: one to eight cloud heights in ten minutes.
        speed, bearing = rng.uniform(1.5e-3, 9e-3), rng.uniform(0, 2 * np.pi)
        self._wind = (float(speed * np.sin(bearing)), float(speed * np.cos(bearing)))

    def clouds(self, seconds: float) -> tuple[Cloud, ...]:
        """The layers at an instant; none where the cover is next to nothing."""
        hour = max(seconds, 0.0) / 3600
        i = min(int(hour), len(self._knots) - 2)
        a, b = float(self._knots[i]), float(self._knots[i + 1])
        cover = 1 / (1 + float(np.exp(-(a + (b - a) * _smooth(hour - i)))))
        if cover < 0.02:
            return ()
        drift = (self._wind[0] * seconds, self._wind[1] * seconds)
        thick = self._cloud.depth * min(1.0, cover / 0.1)
        return (
            replace(
                self._cloud, cover=cover, depth=thick, drift=drift, phase=self._cloud.phase + seconds / 5400
            ),
        )


__all__ = ["CONTRAST", "YELLOWKNIFE", "Fault", "Night", "NightEvent", "Place"]
