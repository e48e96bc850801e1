"""Stills of random cameras, to test what is found out from stars: lens, turn, place and weather all vary.

A still is the square sky disc of a scene laid into a picture as cameras deliver it: wide, portrait,
square, cut at top and bottom, off centre. Its truth: the lens in pixels of that picture, which
stars stand out in it, and how much of the sky cloud hides, sector by sector.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from daemon.observation import Picture, SkyState
from training.simulator.aurora_forms import random_aurora
from training.simulator.cameras import lens, pick, sensor
from training.simulator.cloud import veil
from training.simulator.lens import places
from training.simulator.night import Place, observatory, sidereal_deg
from training.simulator.night_sky import star_places
from training.simulator.render import draw
from training.simulator.scene import background_level, random_cloud, random_tint, random_town
from training.simulator.scene_types import Cloud, Dome, Lens, NightSky, Optics, Scene, Sensor

Floats = npt.NDArray[np.float64]
Framing = Literal["square", "wide", "portrait", "cut", "off centre"]
FRAMINGS: tuple[Framing, ...] = ("square", "wide", "portrait", "cut", "off centre")

STANDS_OUT = 5.0
"""A star is visible where it rises this many times the noise above its surroundings."""
LEAST_LEVELS = 3.0
VISIBLE_ABOVE_DEG = 10.0


@dataclass(frozen=True)
class Still:
    """One exposure of one camera. ``left top`` place the square disc, ``side`` pixels wide, in the picture."""

    at: datetime
    place: Place
    scene: Scene
    framing: Framing
    width: int
    height: int
    left: int
    top: int
    side: int

    def pixel(self, azimuth_deg: Floats, elevation_deg: Floats) -> tuple[Floats, Floats]:
        """Pixels of the picture (the first one's middle is 0.5) of directions in the sky."""
        x, y = places(self.scene.lens, self.side, azimuth_deg, elevation_deg)
        return np.asarray(x + 0.5 + self.left, np.float64), np.asarray(y + 0.5 + self.top, np.float64)

    def picture(self) -> Picture:
        """(height, width, 3) BGR."""
        return self._framed(draw(self.scene, self.side).square)

    def _framed(self, square: Picture) -> Picture:
        out = np.zeros((self.height, self.width, 3), dtype=np.uint8)
        top, left = max(0, self.top), max(0, self.left)
        bottom, right = min(self.height, self.top + self.side), min(self.width, self.left + self.side)
        out[top:bottom, left:right] = square[
            top - self.top : bottom - self.top, left - self.left : right - self.left
        ]
        return out

    def visible_stars(self) -> int:
        """How many catalogue stars stand out of the noise within the picture."""
        x, y, out = self._standing_out()
        inside = (x > 3) & (x < self.width - 3) & (y > 3) & (y < self.height - 3)
        return int((out & inside).sum())

    def _standing_out(self) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
        azimuth, elevation, _, _ = star_places(self.scene.night_sky)
        x, y = self.pixel(np.asarray(azimuth, np.float64), np.asarray(elevation, np.float64))
        quiet = replace(
            self.scene, sensor=replace(self.scene.sensor, noise=0.0, jpeg=0, video=0.0, hot_pixels=0)
        )
        dark = replace(quiet, night_sky=replace(quiet.night_sky, stars=0.0))
        lit = draw(quiet, self.side).square.astype(np.float32).mean(axis=2)
        rise = lit - draw(dark, self.side).square.astype(np.float32).mean(axis=2)
        rise = np.asarray(cv2.dilate(rise, np.ones((3, 3), np.uint8)), dtype=np.float32)
        column = np.clip(np.rint(x - self.left - 0.5), 0, self.side - 1).astype(int)
        row = np.clip(np.rint(y - self.top - 0.5), 0, self.side - 1).astype(int)
        noise = self.scene.sensor.noise * (self.side / 240) ** 0.6
        out = rise[row, column] >= max(STANDS_OUT * noise, LEAST_LEVELS)
        return x, y, out & (np.asarray(elevation) >= VISIBLE_ABOVE_DEG)

    def hidden(self, azimuth_deg: Floats, elevation_deg: Floats) -> Floats:
        """Share of the light that cloud takes, 0…1, in directions of the sky."""
        side = 240
        _, _, share = veil(self.scene, side)
        x, y = places(self.scene.lens, side, azimuth_deg, elevation_deg)
        column = np.clip(np.rint(x), 0, side - 1).astype(int)
        row = np.clip(np.rint(y), 0, side - 1).astype(int)
        return np.asarray(share[row, column], dtype=np.float64)


def random_still(
    seed: int,
    *,
    cloud: float | None = None,
    moon: bool | None = None,
    aurora: bool | None = None,
    side: int | None = None,
) -> Still:
    """A still of a random camera somewhere in the north on a random night.

    ``cloud`` is the share of the sky covered (None: 0 to 0.6), ``moon`` whether one is up, at least
    half (None: as it happens), ``aurora`` likewise; ``side`` of the sky disc in pixels (None: 480 to 1080).
    """
    rng = np.random.default_rng([seed, 61])
    place = Place(float(rng.uniform(50, 79)), float(rng.uniform(-180, 180)), float(rng.uniform(0, 900)))
    state = _dark_hour(rng, place, moon)
    name = pick(rng)
    scene = Scene(
        lens=replace(_lens(rng, name), meridian=False),
        sensor=_night_sensor(rng, name),
        night_sky=_night_sky(rng, place, state),
        clouds=_clouds(rng, cloud),
        town=random_town(rng),
        dome=Dome(seed=int(rng.integers(0, 2**31))),
        seed=int(rng.integers(0, 2**31)),
    )
    scene = replace(scene, town=replace(scene.town, glow=min(scene.town.glow, 0.05)))
    if bool(rng.random() < 0.5) if aurora is None else aurora:
        scene = replace(scene, aurora=random_aurora(rng, background_level(scene), scene.sensor.gain))
    return _framed(rng, state.at, place, scene, side)


def _dark_hour(rng: np.random.Generator, place: Place, moon: bool | None) -> SkyState:
    """An instant with the sun at least 12° down, as the moon is wanted."""
    sky = observatory(place)
    for _ in range(400):
        at = datetime(2015, 1, 1, tzinfo=UTC) + timedelta(days=float(rng.uniform(0, 3650)))
        state = sky.state(at.replace(microsecond=0))
        lit = state.moon_altitude_deg > 8 and state.moon_phase_deg >= 80
        if state.sun_altitude_deg > -12 or (moon is not None and moon != lit):
            continue
        if moon is False and state.moon_altitude_deg > -1:
            continue
        return state
    raise ValueError("no such hour in 400 draws")


def _lens(rng: np.random.Generator, name: str) -> Lens:
    bend, reach = float(rng.uniform(-0.15, 0.05)), float(rng.uniform(0.92, 1.05))
    a = 1 / (reach + bend * reach**3)
    optics = Optics(
        a, a * bend, float(rng.uniform(-0.03, 0.03)), float(rng.uniform(-0.03, 0.03)),
        float(min(abs(rng.normal(0, 2)), 5.0)), float(rng.uniform(0, 360)),
    )  # fmt: skip
    drawn = lens(rng, name)
    return replace(drawn, radius=min(drawn.radius, 0.97), optics=optics, edge_elevation_deg=0.0)


def _night_sensor(rng: np.random.Generator, name: str) -> Sensor:
    """A camera set for the night: sharp enough to show stars, hot pixels now and then."""
    drawn = sensor(rng, name)
    return replace(
        drawn,
        noise=min(drawn.noise, 1.2),
        blur=float(rng.uniform(0.15, 0.5)),
        jpeg=int(rng.integers(75, 97)) if drawn.jpeg else 0,
        video=min(drawn.video, 0.3),
        hot_pixels=int(rng.integers(0, 60)) if rng.random() < 0.4 else 0,
    )


def _night_sky(rng: np.random.Generator, place: Place, state: SkyState) -> NightSky:
    return NightSky(
        sun_altitude_deg=state.sun_altitude_deg,
        sun_azimuth_deg=state.sun_azimuth_deg,
        moon_altitude_deg=state.moon_altitude_deg,
        moon_azimuth_deg=state.moon_azimuth_deg,
        moon_phase_deg=state.moon_phase_deg,
        latitude_deg=place.latitude_deg,
        sidereal_deg=sidereal_deg(place.longitude_deg, state.at),
        year=state.at.year + state.at.timetuple().tm_yday / 365.25,
        airglow=float(np.exp(rng.uniform(np.log(4e-4), np.log(6e-3)))),
        tint=random_tint(rng),
        stars=float(np.exp(rng.uniform(np.log(3), np.log(30)))),
        milky_way=float(rng.uniform(0, 0.8)),
        flare=float(rng.uniform(0, 0.8)),
        seed=int(rng.integers(0, 2**31)),
    )


def _clouds(rng: np.random.Generator, cover: float | None) -> tuple[Cloud, ...]:
    share = float(rng.uniform(0, 0.6)) if cover is None else cover
    if share < 0.03:
        return ()
    kind = str(rng.choice(["broken", "streets"]))
    return (replace(random_cloud(rng, kind), cover=share, depth=float(rng.uniform(2, 5))),)


def _framed(rng: np.random.Generator, at: datetime, place: Place, scene: Scene, wanted: int | None) -> Still:
    drawn = int(rng.integers(24, 55)) * 20
    side = wanted or drawn
    framing = FRAMINGS[int(rng.integers(0, len(FRAMINGS)))]
    width, height = {
        "square": (side, side),
        "wide": (round(side * 1.5), side),
        "portrait": (side, round(side * 1.4)),
        "cut": (round(side * 1.2), round(side * rng.uniform(0.75, 0.95))),
        "off centre": (round(side * 1.4), round(side * 1.15)),
    }[framing]
    left, top = (width - side) // 2, (height - side) // 2
    if framing == "off centre":
        left, top = int(rng.integers(0, width - side)), int(rng.integers(0, height - side))
    return Still(at, place, scene, framing, width, height, left, top, side)
