"""The sky behind the clouds: twilight, moon, airglow, stars and Milky Way.

Twilight follows the measured fall of zenith brightness, about a factor ten for every 3.5 degrees
of solar depression between -6 and -15 (Rozenberg 1966; Patat 2006), brighter and warmer toward the
sun. Moonlight goes with phase as 10 ** (-0.4 * (0.026 |alpha| + 4e-9 alpha ** 4)) (Krisciunas &
Schaefer 1991), with a forward glow around the disc. Levels are set to what real frames show.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from daemon.sky.stars import bright_stars
from training.simulator.lens import Grid, grid, places, toward
from training.simulator.noise import Plane, sample, tile
from training.simulator.scene_types import NightSky, Scene

TWILIGHT_AT_6 = 0.45
FULL_MOON_SKY = 0.055


def twilight_level(sun_altitude_deg: float) -> float:
    """Zenith radiance from the sun's scattered light."""
    return float(min(TWILIGHT_AT_6 * 10 ** ((sun_altitude_deg + 6) / 3.5), 3.0))


def moon_level(night_sky: NightSky) -> float:
    """Share of a high full moon's light: phase, height and the air in between."""
    if night_sky.moon_altitude_deg <= 0:
        return 0.0
    alpha = 180 - night_sky.moon_phase_deg
    phase = 10 ** (-0.4 * (0.026 * alpha + 4e-9 * alpha**4))
    sine = np.sin(np.radians(night_sky.moon_altitude_deg))
    return float(phase * np.exp(-0.25 / (sine + 0.05)) * min(1.0, 0.35 + sine))


def _twilight(scene: Scene, g: Grid) -> Plane:
    night_sky = scene.night_sky
    level = twilight_level(night_sky.sun_altitude_deg)
    side_view = toward(scene.lens, night_sky.sun_azimuth_deg, 0)
    near = g.vx * side_view[0] + g.vy * side_view[1]
    low = 1 - g.vz
    glow = np.exp(2.2 * (near - 1)) * low**3
    # High twilight is blue from ozone's Chappuis bands; the bow near the sun runs green to orange.
    depth = np.clip((-night_sky.sun_altitude_deg - 5) / 9, 0, 1)
    blue = np.array([1.0, 0.50 - 0.12 * depth, 0.28 - 0.06 * depth], dtype=np.float32)
    warm = np.array([0.55, 0.8, 1.0], dtype=np.float32)
    sky = (0.75 + 0.35 * near + 0.35 * low)[..., None] * blue
    return np.asarray(level * (sky + (5 * glow)[..., None] * warm), dtype=np.float32)


def _moon(scene: Scene, g: Grid, strength: float) -> Plane:
    """Moonlit air, the glare around the moon, its disc, spikes, ghosts and halo."""
    night_sky = scene.night_sky
    at = toward(scene.lens, night_sky.moon_azimuth_deg, night_sky.moon_altitude_deg)
    cosine = np.clip(g.vx * at[0] + g.vy * at[1] + g.vz * at[2], -1, 1)
    apart = np.arccos(cosine)
    air = FULL_MOON_SKY * (0.6 + 0.25 * (1 - g.vz) + 0.4 * cosine**2)
    light = air[..., None] * np.array([1.0, 0.52, 0.40], dtype=np.float32)
    white = np.array([0.95, 0.97, 1.0], dtype=np.float32)
    glare = 0.035 / (apart + 0.03) ** 1.6 * np.exp(-apart * 1.6) + 60 * (apart < 0.012)
    glare += 0.012 / (apart + 0.008) ** 2 * np.exp(-apart * 9)
    if night_sky.flare > 0:
        glare += _spikes(night_sky, g, at, apart)
        light += _ghosts(night_sky, g, at)
    if night_sky.halo > 0:
        glare += night_sky.halo * 0.12 * np.exp(-(((apart - 0.384) / 0.02) ** 2)) * (1 + (apart > 0.384))
    return np.asarray(strength * (light + glare[..., None] * white), dtype=np.float32)


def _spikes(night_sky: NightSky, g: Grid, at: tuple[float, float, float], apart: Plane) -> Plane:
    """Diffraction at the iris: straight rays from the moon, as in bright-moon frames."""
    rng = np.random.default_rng([night_sky.seed, 7])
    r = np.arccos(np.clip(at[2], -1, 1)) / (np.pi / 2)
    flat = max(float(np.hypot(at[0], at[1])), 1e-6)
    angle = np.arctan2(g.y - r * at[1] / flat, g.x - r * at[0] / flat)
    count = int(rng.choice([4, 5, 6, 7, 8, 9]))
    comb = np.abs(np.cos(angle * count + rng.uniform(0, 3))) ** int(rng.integers(20, 90))
    return np.asarray(
        night_sky.flare * 0.06 * comb * np.exp(-apart * rng.uniform(4, 10)) / (apart + 0.05), np.float32
    )


def _ghosts(night_sky: NightSky, g: Grid, at: tuple[float, float, float]) -> Plane:
    """Reflections between lenses: coloured discs and rings on the line through the centre."""
    rng = np.random.default_rng([night_sky.seed, 8])
    out = np.zeros((*g.x.shape, 3), dtype=np.float32)
    r = np.arccos(np.clip(at[2], -1, 1)) / (np.pi / 2)
    flat = max(float(np.hypot(at[0], at[1])), 1e-6)
    for _ in range(int(rng.integers(1, 6))):
        along, size = rng.uniform(-1.1, 0.9), rng.uniform(0.015, 0.12)
        away = np.hypot(g.x - r * at[0] / flat * along, g.y - r * at[1] / flat * along)
        ring = (
            np.clip((size - away) * 60, 0, 1)
            if rng.random() < 0.6
            else np.exp(-(((away - size) / 0.012) ** 2))
        )
        colour = rng.choice([[0.3, 1, 0.4], [1, 0.4, 0.7], [0.9, 0.7, 0.3], [0.4, 0.8, 1], [0.7, 0.9, 0.8]])
        out += (ring * night_sky.flare * rng.uniform(0.01, 0.12))[..., None].astype(
            np.float32
        ) * colour.astype(np.float32)
    return out


@lru_cache(maxsize=8)
def _catalogue(year: float) -> tuple[Plane, Plane, Plane]:
    """Unit vectors (n, 3) toward the bright stars in the equator and equinox of ``year``, their
    brightness (n,), 1 at magnitude 1.5, and colour (n, 3).
    """
    stars = bright_stars()
    ra, dec = np.radians(stars.ra_deg), np.radians(stars.dec_deg)
    vector = np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=1)
    brightness = np.minimum(10 ** (-0.4 * (stars.magnitude - 1.5)), 4.0)
    warmth = np.random.default_rng(9).normal(0, 0.18, (len(ra), 1))
    colour = np.clip(np.concatenate([1 + warmth, np.ones_like(warmth), 1 - warmth], axis=1), 0.4, 1.6)
    moved = vector @ _precession(year).T
    return moved.astype(np.float32), brightness.astype(np.float32), colour.astype(np.float32)


def _precession(year: float) -> npt.NDArray[np.float64]:
    """From J2000 to the mean equator and equinox of a year (Lieske 1979, to first order)."""
    centuries = (year - 2000) / 100
    zeta, z, theta = (np.radians(rate * centuries / 3600) for rate in (2306.2181, 2306.2181, 2004.3109))

    def about_z(angle: float) -> npt.NDArray[np.float64]:
        c, s = np.cos(angle), np.sin(angle)
        return np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])

    c, s = np.cos(theta), np.sin(theta)
    about_y = np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]])
    return np.asarray(about_z(-z) @ about_y @ about_z(-zeta), dtype=np.float64)


def _turned(vectors: Plane, night_sky: NightSky) -> Plane:
    """Equatorial unit vectors as (east, north, up) at this latitude and sidereal time."""
    t, latitude = np.radians(night_sky.sidereal_deg), np.radians(night_sky.latitude_deg)
    x = np.cos(t) * vectors[:, 0] + np.sin(t) * vectors[:, 1]
    y = -np.sin(t) * vectors[:, 0] + np.cos(t) * vectors[:, 1]
    z = vectors[:, 2]
    up = np.sin(latitude) * z + np.cos(latitude) * x
    north = np.cos(latitude) * z - np.sin(latitude) * x
    return np.stack([y, north, up], axis=1)


def star_places(night_sky: NightSky) -> tuple[Plane, Plane, Plane, Plane]:
    """(azimuth, apparent elevation, brightness, colour) of the stars that are up.

    Refraction after Saemundsson (1986), extinction 0.2 magnitudes an air mass.
    """
    vector, brightness, colour = _catalogue(night_sky.year)
    sky = _turned(vector, night_sky)
    keep = sky[:, 2] > 0.0
    sky, brightness, colour = sky[keep], brightness[keep], colour[keep]
    elevation = np.degrees(np.arcsin(np.clip(sky[:, 2], -1, 1)))
    elevation = elevation + 1.02 / 60 / np.tan(np.radians(elevation + 10.3 / (elevation + 5.11)))
    air = 1 / (np.sin(np.radians(elevation)) + 0.025)
    brightness = brightness * 10 ** (-0.4 * 0.2 * (air - 1))
    return np.degrees(np.arctan2(sky[:, 0], sky[:, 1])) % 360, elevation, brightness, colour


def stars(scene: Scene, side: int) -> Plane:
    """Starlight, (side, side, 3) BGR: each star spread over the four nearest pixels."""
    out = np.zeros((side, side, 3), dtype=np.float32)
    night_sky = scene.night_sky
    if night_sky.stars <= 0:
        return out
    azimuth, elevation, brightness, colour = star_places(night_sky)
    x, y = places(scene.lens, side, azimuth, elevation)
    column, row = np.floor(x).astype(int), np.floor(y).astype(int)
    fx, fy = x - column, y - row
    # A star's light falls on fewer, smaller pixels in a larger picture.
    light = (brightness * night_sky.stars * 0.035 * (side / 240) ** 1.2)[:, None] * colour[:, ::-1]
    for dx, dy, share in (
        (0, 0, (1 - fx) * (1 - fy)),
        (1, 0, fx * (1 - fy)),
        (0, 1, (1 - fx) * fy),
        (1, 1, fx * fy),
    ):
        c, w = column + dx, row + dy
        inside = (c >= 0) & (c < side) & (w >= 0) & (w < side)
        np.add.at(out, (w[inside], c[inside]), (light * share[:, None])[inside].astype(np.float32))
    return out


def _milky_way(scene: Scene, g: Grid) -> Plane:
    night_sky = scene.night_sky
    pole = _turned(np.array([[-0.87, -0.2, 0.46]], dtype=np.float32), night_sky)[0]
    at = toward(
        scene.lens, float(np.degrees(np.arctan2(pole[0], pole[1]))), float(np.degrees(np.arcsin(pole[2])))
    )
    off = g.vx * np.float32(at[0]) + g.vy * np.float32(at[1]) + g.vz * np.float32(at[2])
    lump = sample(tile(night_sky.seed, 2.4), g.vx * np.float32(0.4) + 0.3, g.vy * np.float32(0.4) + off)
    return np.asarray(np.exp(-((off / 0.16) ** 2)) * np.maximum(0, 1 + 0.35 * lump), dtype=np.float32)


def night_sky_light(scene: Scene, side: int) -> Plane:
    """All light from behind the clouds but stars and aurora, (side, side, 3) BGR."""
    night_sky, g = scene.night_sky, grid(scene.lens, side)
    tint = np.array(night_sky.tint[::-1], dtype=np.float32)
    path = 1 / (g.vz + 0.35)
    glow = night_sky.airglow * (0.55 + 0.3 * path)
    if night_sky.airglow_ripple > 0:
        wave = sample(tile(night_sky.seed + 2, 3.4), g.vx / (g.vz + 0.3) / 12, g.vy / (g.vz + 0.3) / 12)
        glow = glow * np.maximum(0.2, 1 + night_sky.airglow_ripple * wave)
    if night_sky.milky_way > 0:
        glow = glow + night_sky.milky_way * 0.0035 * _milky_way(scene, g)
    light = np.asarray(glow[..., None] * tint, dtype=np.float32)
    if night_sky.sun_altitude_deg > -19:
        light += _twilight(scene, g)
    strength = moon_level(night_sky)
    if strength > 1e-4:
        light += _moon(scene, g, strength)
    return light
