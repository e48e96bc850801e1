"""One random exposure: a sky, a weather, a camera, and aurora or none.

``random_scene`` draws backgrounds and aurora independently, so that nothing but the aurora itself
tells whether it is there. Weathers, light levels and their shares follow what 165 nights of
keograms and the frames of four cameras show; brightness of aurora is drawn from somewhat
below what the background lets one see up to saturation.
"""

from __future__ import annotations

import numpy as np

from training.simulator.aurora_forms import random_aurora
from training.simulator.cameras import lens, pick, sensor
from training.simulator.cloud import colour_of
from training.simulator.night_sky import FULL_MOON_SKY, moon_level, twilight_level
from training.simulator.render import without_aurora
from training.simulator.scene_types import Aurora, Cloud, Dome, NightSky, Scene, Town

WEATHERS = {"clear": 0.3, "thin": 0.14, "broken": 0.2, "streets": 0.1, "overcast": 0.2, "fog": 0.06}


def _night_sky(rng: np.random.Generator) -> NightSky:
    light = rng.choice(["dark", "moon", "twilight", "both"], p=[0.44, 0.3, 0.18, 0.08])
    sun = rng.uniform(-14.5, -4.5) if light in ("twilight", "both") else rng.uniform(-45, -15)
    moon = rng.uniform(3, 55) if light in ("moon", "both") else -20.0
    phase = 180 * rng.beta(2.2, 1.0)
    tint = random_tint(rng)
    return NightSky(
        sun_altitude_deg=float(sun),
        sun_azimuth_deg=float(rng.uniform(0, 360)),
        moon_altitude_deg=float(moon),
        moon_azimuth_deg=float(rng.uniform(0, 360)),
        moon_phase_deg=float(phase),
        sidereal_deg=float(rng.uniform(0, 360)),
        airglow=float(np.exp(rng.uniform(np.log(2e-4), np.log(0.015)))),
        tint=tint,
        airglow_ripple=float(rng.uniform(0, 0.3)),
        stars=float(rng.choice([0.0, rng.uniform(0.1, 1.6)], p=[0.25, 0.75])),
        milky_way=float(rng.uniform(0, 1)) if rng.random() < 0.5 else 0.0,
        flare=float(rng.uniform(0, 1)) if rng.random() < 0.7 else 0.0,
        halo=float(rng.uniform(0, 1)) if rng.random() < 0.15 else 0.0,
        seed=int(rng.integers(0, 2**31)),
    )


def random_tint(rng: np.random.Generator) -> tuple[float, float, float]:
    """Dark clear skies as seen: blue-black, grey, olive, greenish, brownish."""
    seen = [
        (8, 8, 14),
        (14, 12, 26),
        (12, 12, 14),
        (11, 12, 7),
        (16, 17, 11),
        (30, 26, 14),
        (64, 59, 32),
        (44, 42, 33),
    ]
    chosen = np.array(seen[int(rng.integers(0, len(seen)))], dtype=float) * np.exp(rng.normal(0, 0.07, 3))
    r, g, b = colour_of(*chosen)
    return r, g, b


def random_town(rng: np.random.Generator) -> Town:
    seen = [
        (86, 50, 24),
        (58, 37, 23),
        (153, 121, 100),
        (122, 96, 80),
        (83, 67, 49),
        (63, 54, 48),
        (93, 81, 74),
        (70, 60, 34),
        (84, 77, 67),
        (150, 95, 50),
        (110, 50, 12),
        (75, 72, 62),
    ]
    chosen = np.array(seen[int(rng.integers(0, len(seen)))], dtype=float) * np.exp(rng.normal(0, 0.05, 3))
    on_cloud = float(np.exp(rng.uniform(np.log(0.004), np.log(0.35))))
    return Town(
        azimuth_deg=float(rng.uniform(0, 360)),
        glow=float(on_cloud * np.exp(rng.normal(0.3, 0.8))),
        on_cloud=on_cloud,
        lean=float(rng.uniform(0, 0.95)),
        colour=colour_of(*chosen),
        lamps=int(rng.integers(1, 8)) if rng.random() < 0.3 else 0,
    )


def random_cloud(rng: np.random.Generator, kind: str) -> Cloud:
    cover, depth, soft, stretch = {
        "thin": (rng.uniform(0.3, 0.9), rng.uniform(0.1, 0.7), rng.uniform(1.2, 3.5), rng.uniform(1, 4)),
        "broken": (rng.uniform(0.15, 0.8), rng.uniform(0.6, 3), rng.uniform(0.4, 2.5), rng.uniform(1, 2.5)),
        "streets": (rng.uniform(0.25, 0.9), rng.uniform(0.3, 2.5), rng.uniform(0.6, 2.5), rng.uniform(3, 12)),
        "overcast": (rng.uniform(0.9, 0.995), rng.uniform(0.8, 5), rng.uniform(0.8, 2.5), rng.uniform(1, 5)),
    }[kind]
    return Cloud(
        cover=float(cover),
        depth=float(depth),
        softness=float(soft),
        scale=float(np.exp(rng.uniform(np.log(1.1), np.log(8)))),
        stretch=float(stretch),
        bearing_deg=float(rng.uniform(0, 360)),
        phase=float(rng.uniform(0, 50)),
        seed=int(rng.integers(0, 2**31)),
    )


def _weather(rng: np.random.Generator) -> tuple[tuple[Cloud, ...], float]:
    """Cloud layers and fog."""
    kind = str(rng.choice(list(WEATHERS), p=list(WEATHERS.values())))
    if kind == "clear":
        return (), 0.0
    if kind == "fog":
        return (), float(rng.uniform(0.1, 1.2))
    layers = [random_cloud(rng, kind)]
    if rng.random() < 0.35:
        layers.append(random_cloud(rng, str(rng.choice(["thin", "broken", "streets"]))))
    return tuple(layers), float(rng.uniform(0, 0.2)) if rng.random() < 0.2 else 0.0


def _dome(rng: np.random.Generator, fog: float) -> Dome:
    return Dome(
        snow=float(rng.uniform(0.05, 0.97)) if rng.random() < 0.05 else 0.0,
        frost=float(rng.uniform(0.1, 0.9)) if rng.random() < 0.07 else 0.0,
        fog=fog,
        flash=float(np.exp(rng.uniform(np.log(0.005), np.log(0.8)))) if rng.random() < 0.04 else 0.0,
        flash_azimuth_deg=float(rng.uniform(0, 360)),
        contrail=float(np.exp(rng.uniform(np.log(0.002), np.log(0.08)))) if rng.random() < 0.02 else 0.0,
        reflection=float(rng.uniform(0.02, 0.25)) if rng.random() < 0.1 else 0.0,
        seed=int(rng.integers(0, 2**31)),
    )


def background_level(scene: Scene) -> float:
    """A rough radiance of the sky behind aurora, to place its brightness."""
    level = scene.night_sky.airglow + twilight_level(scene.night_sky.sun_altitude_deg)
    level += moon_level(scene.night_sky) * FULL_MOON_SKY
    if scene.clouds:
        level += 0.5 * scene.town.on_cloud + 0.15 * moon_level(scene.night_sky)
    return float(level + 0.02 * scene.town.glow)


def random_scene(
    rng: np.random.Generator, *, aurora: bool | None = None, camera: str = "any", display: str | None = None
) -> Scene:
    """A random scene; ``aurora`` None leaves it to chance, ``camera`` a generation's name or "any",
    ``display`` one of ``aurora_forms.DISPLAYS``, None by their shares.

    ``aurora=True`` means that there is some above the clouds; whether it can be seen is the
    truth that ``draw`` returns.
    """
    name = pick(rng) if camera == "any" else camera
    clouds, fog = _weather(rng)
    night_sky, town, dome = _night_sky(rng), random_town(rng), _dome(rng, fog)
    optics, eye = lens(rng, name), sensor(rng, name)
    seed = int(rng.integers(0, 2**31))
    scene = Scene(optics, eye, night_sky, clouds, town, dome, Aurora(), seed)
    if rng.random() < 0.012:
        return _black(scene)
    wanted = bool(rng.random() < 0.5) if aurora is None else aurora
    lit = random_aurora(rng, background_level(scene), eye.gain, display)
    return Scene(optics, eye, night_sky, clouds, town, dome, lit if wanted else Aurora(), seed)


def _black(scene: Scene) -> Scene:
    """A covered or failed camera: black level and noise only."""
    return Scene(
        lens=scene.lens,
        sensor=scene.sensor,
        night_sky=NightSky(airglow=0, stars=0, milky_way=0),
        town=Town(on_cloud=0),
        seed=scene.seed,
    )


__all__ = ["Scene", "background_level", "random_scene", "without_aurora"]
