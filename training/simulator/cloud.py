"""Clouds: how much they hide, and by what they are lit.

A layer is flat at its height, so lumps shrink toward the horizon; optical depth follows a periodic
texture above a threshold set by the cover. Thick cloud shines with the town's light from below and
the moon's and twilight's from above; thin cloud brightens around the moon. What cloud takes
from the aurora it gives back in part as a smooth glow, which is how aurora looks through overcast.
"""

from __future__ import annotations

import cv2
import numpy as np

from training.simulator.lens import Grid, grid, picture_angle, toward
from training.simulator.night_sky import moon_level, twilight_level
from training.simulator.noise import Plane, evolving, sample, tile
from training.simulator.scene_types import Cloud, Colour, Lens, Scene


def _depth(cloud: Cloud, lens: Lens, g: Grid) -> tuple[Plane, Plane]:
    """Optical depth, and the relief (about 0, deviation 1) that shades the cloud."""
    rng = np.random.default_rng([cloud.seed, 11])
    offset, number = rng.random(4), int(rng.integers(0, 1000))
    far = 1 / (np.maximum(g.vz, 0) + np.float32(0.12))
    angle = picture_angle(lens, cloud.bearing_deg)
    east, north = cloud.drift
    drift_angle = picture_angle(lens, float(np.degrees(np.arctan2(east, north))))
    length = float(np.hypot(east, north))
    x = g.vx * far - np.float32(length * np.sin(drift_angle))
    y = g.vy * far + np.float32(length * np.cos(drift_angle))
    along = x * np.float32(np.sin(angle)) - y * np.float32(np.cos(angle))
    across = x * np.float32(np.cos(angle)) + y * np.float32(np.sin(angle))
    step = np.float32(1 / (4 * cloud.scale))
    u = along * step / np.float32(cloud.stretch) + np.float32(offset[0])
    v = across * step + np.float32(offset[1])
    relief = evolving(number, 3.2, u, v, cloud.phase)
    fine = sample(tile(number + 2, 2.8), u * 3 + np.float32(offset[2]), v * 3)
    lump = relief + np.float32(0.22) * fine
    # A standard normal texture is above this share of the time: the logistic inverse is close enough.
    level = np.log(max(cloud.cover, 1e-3) / max(1 - cloud.cover, 1e-3)) / 1.7
    wet = np.clip((lump + np.float32(level)) / np.float32(max(cloud.softness, 0.05)) + 0.5, 0, 2.5)
    slant = np.minimum(far, 3)
    return np.asarray(cloud.depth * wet * (0.6 + 0.4 * slant), dtype=np.float32), lump.astype(np.float32)


def _lit(scene: Scene, g: Grid) -> Plane:
    """Radiance of a thick cloud, (side, side, 3) BGR: town from below, moon and dusk from above."""
    town, night_sky = scene.town, scene.night_sky
    at = toward(scene.lens, town.azimuth_deg, 5)
    side = g.vx * np.float32(at[0]) + g.vy * np.float32(at[1])
    low = 1 - g.vz
    even = np.maximum(0, 1 + town.lean * (0.9 * side + 0.7 * low * side)) * (1 - 0.25 * low)
    light = (town.on_cloud * even)[..., None] * np.array(town.colour[::-1], dtype=np.float32)
    moon = moon_level(night_sky)
    if moon > 1e-4:
        to = toward(scene.lens, night_sky.moon_azimuth_deg, night_sky.moon_altitude_deg)
        cosine = g.vx * np.float32(to[0]) + g.vy * np.float32(to[1]) + g.vz * np.float32(to[2])
        shine = 0.4 * moon * (0.55 + 0.35 * np.maximum(cosine, 0) ** 2 + 0.9 * np.maximum(cosine, 0) ** 24)
        light = light + shine[..., None] * np.array([1.0, 0.97, 0.96], dtype=np.float32)
    dusk = twilight_level(night_sky.sun_altitude_deg)
    if dusk > 1e-4:
        to = toward(scene.lens, night_sky.sun_azimuth_deg, 0)
        near = g.vx * np.float32(to[0]) + g.vy * np.float32(to[1])
        rose = np.array([0.85, 0.72, 0.78], dtype=np.float32)
        light = light + (0.8 * dusk * (1 + 0.5 * near))[..., None] * rose
    light = light + np.array([0.0016, 0.0016, 0.0017], dtype=np.float32)
    return np.asarray(light, dtype=np.float32)


def veil(scene: Scene, side: int) -> tuple[Plane, Plane, Plane]:
    """(transmission, light of the clouds BGR, share of the sky thickly covered per pixel)."""
    g = grid(scene.lens, side)
    depth = np.zeros((side, side), dtype=np.float32)
    shade = np.ones((side, side), dtype=np.float32)
    for cloud in scene.clouds:
        own, relief = _depth(cloud, scene.lens, g)
        depth += own
        shade *= np.maximum(0.25, 1 + 0.13 * relief)
    if scene.dome.fog > 0:
        depth += np.float32(scene.dome.fog) / (np.maximum(g.vz, 0) + np.float32(0.25))
    through = np.exp(-depth)
    light = _lit(scene, g) * ((1 - through) * shade)[..., None]
    return through.astype(np.float32), light.astype(np.float32), (1 - through).astype(np.float32)


def air_glow(scene: Scene, side: int) -> Plane:
    """The town's light in clear air: a dome of light over its horizon, (side, side, 3) BGR."""
    g, town = grid(scene.lens, side), scene.town
    at = toward(scene.lens, town.azimuth_deg, 0)
    near = g.vx * np.float32(at[0]) + g.vy * np.float32(at[1])
    low = np.clip(1 - g.vz, 0, 1)
    glow = town.glow * (np.exp(5 * (near - 1)) * low**2 + 0.05 * low**2 + 0.007)
    return np.asarray(glow[..., None] * np.array(town.colour[::-1], dtype=np.float32), dtype=np.float32)


def through_cloud(aurora: Plane, through: Plane) -> Plane:
    """Aurora as it reaches the ground: the direct part, and the part scattered into a soft glow."""
    side = aurora.shape[0]
    if float(through.min()) > 0.97:
        return np.asarray(aurora * through[..., None], dtype=np.float32)
    small = cv2.resize(aurora, (24, 24), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), 1.6, borderType=cv2.BORDER_REPLICATE)
    soft = cv2.resize(small, (side, side), interpolation=cv2.INTER_CUBIC)
    depth = -np.log(np.maximum(through, 1e-6))
    # Two-stream transmission of a cloud that scatters forward, less what leaves it elsewhere.
    share = 0.3 * (1 - through) / (1 + np.float32(0.15) * depth)
    return np.asarray(aurora * through[..., None] + np.maximum(soft, 0) * share[..., None], dtype=np.float32)


def colour_of(red: float, green: float, blue: float) -> Colour:
    """A linear colour of unit peak from 8-bit values as seen in a real frame (gamma 2.2)."""
    linear = [(max(c, 0.5) / 255) ** 2.2 for c in (red, green, blue)]
    peak = max(linear)
    return linear[0] / peak, linear[1] / peak, linear[2] / peak
