"""Made skies, one pair at a time: the simulator's scenes as items of a bank."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Final

import numpy as np

from models.preprocess import disc_mask, shrink
from training.data.items import Item, heat_of, label_of, no_heat
from training.simulator.aurora import aurora_light
from training.simulator.aurora_forms import random_aurora
from training.simulator.cameras import lens, pick, sensor
from training.simulator.night import Night, Place
from training.simulator.render import draw, draw_pair
from training.simulator.scene import background_level, random_scene
from training.simulator.scene_types import NightSky, Scene
from training.simulator.shown import shown_forms

Draw = np.random.Generator

CLEAR_BELOW: Final = 0.3
CLOUDY_ABOVE: Final = 0.6
"""Cloud shares that make a simulated sky clear or cloudy; between them it is not judged."""
RARE: Final = ("arc", "bundle", "breakup", "veil", "veil", "patches", "patches", "corona", "corona")
"""Displays of :func:`forms`, drawn evenly: what is rare in a season is as frequent as the rest."""

OVERHEAD: Final = ("corona", "corona", "corona", "breakup", "bundle")
"""Displays of :func:`overhead`."""


def _sky_of(share: float) -> int:
    if share < CLEAR_BELOW:
        return 1
    return 0 if share > CLOUDY_ABOVE else -1


def simulated(rng: Draw, side: int, bright: bool = False) -> Item:
    """One random scene with aurora, and the same without; a scene whose aurora is hidden is a negative.

    ``bright`` takes only skies of twilight or moon, where false alarms come from.
    """
    scene = random_scene(rng, aurora=True)
    while bright and scene.night_sky.sun_altitude_deg < -12 and scene.night_sky.moon_altitude_deg < 0:
        scene = random_scene(rng, aurora=True)
    return pair(scene, side)


def pair(scene: Scene, side: int) -> Item:
    """A scene with its aurora and without; one whose aurora is hidden is a negative."""
    lit, bare = draw_pair(scene, side)
    label = label_of(lit.truth.contrast)
    return Item(
        [bare.square, lit.square],
        [0, label],
        sky=_sky_of(lit.truth.cloud_share),
        contrast=lit.truth.contrast,
        heat=heat_of(bare.square, lit.square) if label else no_heat(),
        forms=shown_forms(scene) if label == 1 else None,
        source=f"simulated/{scene.sensor.name}",
    )


def forms(rng: Draw, side: int) -> Item:
    """A pair whose display is drawn evenly over kinds."""
    return pair(random_scene(rng, aurora=True, display=str(rng.choice(RARE))), side)


def overhead(rng: Draw, side: int) -> Item:
    """A pair whose display stands high and has rays. Two coronas in three show none that a person would name, for they
    are faint, or seen from the side; so that enough are left to learn from, they are drawn more often.
    """
    return pair(random_scene(rng, aurora=True, display=str(rng.choice(OVERHEAD))), side)


def dusk(rng: Draw, side: int) -> Item:
    """Aurora on the bright blue sky of twilight, as a camera that adapts sees it, and the sky without."""
    scene = random_scene(rng, aurora=False)
    night_sky = replace(scene.night_sky, sun_altitude_deg=float(rng.uniform(-12, -4.5)))
    scene = replace(scene, night_sky=night_sky, clouds=scene.clouds if rng.random() < 0.4 else ())
    scene = replace(
        scene, sensor=replace(scene.sensor, gain=_exposure(rng, scene, darkest=35, brightest=180))
    )
    return pair(replace(scene, aurora=random_aurora(rng, background_level(scene), scene.sensor.gain)), side)


def daylight(rng: Draw, side: int) -> Item:
    """Two skies with the sun just below the horizon, too bright for aurora, as a camera that adapts sees them."""
    pictures = []
    for _ in range(2):
        scene = random_scene(rng, aurora=False)
        night_sky = replace(scene.night_sky, sun_altitude_deg=float(rng.uniform(-9, -1)), stars=0.0)
        scene = replace(scene, night_sky=night_sky)
        scene = replace(scene, sensor=replace(scene.sensor, gain=_exposure(rng, scene)))
        pictures.append(shrink(draw(scene, side).square, side))
    return Item(pictures, [0, 0], heat=no_heat(), source="daylight")


def onset(rng: Draw, side: int) -> Item:
    """The first minutes of an event, when the alert should go out, and the same sky without it.

    Every frame from the criterion on counts as aurora here, also under 1.5 times it.
    """
    lit = None
    while lit is None or not lit.truth.aurora:
        night = _random_night(rng)
        first = night.first_light(step_s=120)
        if first is not None:
            scene = night.scene(first + timedelta(minutes=float(rng.uniform(0, 6))))
            lit, bare = draw_pair(scene, side)
    return Item(
        [bare.square, lit.square],
        [0, 1],
        sky=_sky_of(lit.truth.cloud_share),
        contrast=lit.truth.contrast,
        heat=heat_of(bare.square, lit.square),
        forms=shown_forms(scene),
        source=f"onset/{night.camera}",
    )


def light(rng: Draw, side: int) -> Item:
    """Aurora alone, as light to lay over real skies (``training/data/transplant.py``): its square root, peak 255."""
    glow = None
    while glow is None or float(glow.max()) <= 0:
        scene = bare_scene(rng)
        glow = aurora_light(replace(scene, aurora=random_aurora(rng, 0.05, 1.0)), side)
    peak = float(np.quantile(glow.max(axis=2)[disc_mask(side)], 0.9995))
    root = np.sqrt(np.clip(glow / max(peak, 1e-9), 0, 1))
    return Item(
        [np.asarray(root * 255 + 0.5, np.uint8)], [1], contrast=1.0, source=f"light/{scene.sensor.name}"
    )


def _random_night(rng: Draw) -> Night:
    """Three hours of a night of the season, at a place of the auroral zone, by any camera."""
    place = Place(
        latitude_deg=float(rng.uniform(58, 72)),
        longitude_deg=float(rng.uniform(-180, 180)),
        north_deg=float(rng.uniform(0, 360)),
        east_left=bool(rng.random() < 0.5),
        declination_deg=float(rng.uniform(-25, 25)),
    )
    day = date(2023, 9, 15) + timedelta(days=int(rng.integers(0, 200)))
    seed, camera = int(rng.integers(0, 2**31)), pick(rng)
    whole = Night(seed, day, place, events=1, camera=camera)
    length = min(timedelta(hours=3), whole.end - whole.start)
    start = whole.start + (whole.end - whole.start - length) * float(rng.random())
    return Night(seed, day, place, hours=(start, start + length), events=1, camera=camera)


def _exposure(rng: Draw, scene: Scene, darkest: float = 60, brightest: float = 235) -> float:
    """The gain that brings the sky's median to a level between dusk-grey and nearly white, of 255."""
    wanted = rng.uniform(darkest, brightest)
    gain = 1.0
    for _ in range(6):
        shown = draw(replace(scene, sensor=replace(scene.sensor, gain=gain)), 48).square
        level = float(np.median(shown.max(axis=2)[disc_mask(48)]))
        gain *= float(np.clip((max(wanted, 1) / max(level, 1)) ** 2, 0.05, 8))
    return gain


def bare_scene(rng: Draw) -> Scene:
    """A camera and its surroundings with nothing in the sky."""
    name = pick(rng)
    own = sensor(rng, name)
    own = replace(own, balance=(1.0, 1.0, 1.0), saturation=1.0, black=(0.0, 0.0, 0.0), gain=1.0)
    stars_seen = float(rng.choice([0.0, rng.uniform(0.1, 1.5)]))
    night_sky = NightSky(
        stars=stars_seen, sidereal_deg=float(rng.uniform(0, 360)), seed=int(rng.integers(0, 2**31))
    )
    return Scene(lens(rng, name), own, night_sky, seed=int(rng.integers(0, 2**31)))
