"""From light to the 8-bit picture: dome and ground, exposure, noise, tone curve, compression."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from daemon.observation import Picture
from training.simulator.lens import grid, place, sky_mask, toward
from training.simulator.noise import Plane, grain, sample, tile
from training.simulator.scene_types import Dome, Lens, Scene, Sensor, Town

_STEPS = 4096


@lru_cache(maxsize=32)
def _curve(gamma: float, shoulder: float) -> Plane:
    """Tone curve over the square root of the light: 0..1 in, grey levels 0..255 out."""
    light = (np.arange(_STEPS, dtype=np.float64) / (_STEPS - 1) * 2) ** 2  # up to 4 times full
    soft = (1 - np.exp(-light * (1 + shoulder))) / (1 - np.exp(-(1 + shoulder)))
    curve = (1 - 0.5 * shoulder) * np.minimum(light, 1) + 0.5 * shoulder * np.minimum(soft, 1)
    return np.asarray(255 * curve ** (1 / gamma), dtype=np.float32)


def tone(light: Plane, sensor: Sensor) -> Plane:
    """Noise-free grey levels (side, side, 3) BGR of linear light: balance, curve, saturation, black."""
    scale = np.array(sensor.balance[::-1], dtype=np.float32) * np.float32(sensor.gain)
    root = np.sqrt(np.maximum(light * scale, 0))
    index = np.minimum(root * np.float32((_STEPS - 1) / 2), _STEPS - 1).astype(np.int32)
    out = np.take(_curve(round(sensor.gamma, 2), round(sensor.shoulder, 2)), index)
    if abs(sensor.saturation - 1) > 0.01:
        grey = out @ np.array([0.114, 0.587, 0.299], dtype=np.float32)
        out = grey[..., None] + (out - grey[..., None]) * np.float32(sensor.saturation)
    black = np.array(sensor.black[::-1], dtype=np.float32)
    return np.asarray(black + out * (1 - black / 255), dtype=np.float32)


def through_dome(light: Plane, scene: Scene, side: int) -> Plane:
    """Snow, frost, reflections and flashes in front of the sky, and the ground around it."""
    dome, lens, g = scene.dome, scene.lens, grid(scene.lens, side)
    if dome.frost > 0:
        light = _frosted(light, dome, g.x, g.y)
    if dome.snow > 0:
        light = _snowed(light, dome, g.x, g.y, scene.town.on_cloud)
    if dome.reflection > 0:
        light = light + _reflected(light, dome, g.x, g.y)
    light = light * _vignette(lens, side)
    if dome.flash > 0:
        at = toward(lens, dome.flash_azimuth_deg, 0)
        near = np.exp(4 * (g.vx * np.float32(at[0]) + g.vy * np.float32(at[1]) - 1)) * (0.1 + g.r**3)
        even = np.float32(0.35 * (dome.seed % 2))
        light = light + (dome.flash * (near + even))[..., None] * np.array([0.85, 0.95, 1.0], np.float32)
    sky = sky_mask(lens, side)[..., None]
    return np.asarray(light * sky + _ground(scene.lens, scene.town, side) * (1 - sky), dtype=np.float32)


def _frosted(light: Plane, dome: Dome, x: Plane, y: Plane) -> Plane:
    side = light.shape[0]
    small = cv2.resize(light, (20, 20), interpolation=cv2.INTER_AREA)
    soft = cv2.resize(cv2.GaussianBlur(small, (0, 0), 2.5), (side, side), interpolation=cv2.INTER_LINEAR)
    fern = sample(tile(dome.seed, 2.8), x * np.float32(0.7) + 0.2, y * np.float32(0.7) + 0.6)
    share = np.clip(dome.frost * (0.8 + 0.35 * fern), 0, 1)[..., None]
    return np.asarray(light * (1 - share) + soft * share, dtype=np.float32)


def _snowed(light: Plane, dome: Dome, x: Plane, y: Plane, lit: float) -> Plane:
    """Opaque snow, lit by what comes through and by the town, smooth-edged and out of focus."""
    blob = sample(tile(dome.seed + 1, 3.0), x * np.float32(0.3) + 0.1, y * np.float32(0.3) + 0.8)
    fine = sample(tile(dome.seed + 3, 3.0), x * np.float32(0.9), y * np.float32(0.9))
    level = np.log(dome.snow / max(1 - dome.snow, 1e-3)) / 1.7
    share = np.clip((blob + 0.3 * fine + np.float32(level)) * 1.6 + 0.5, 0, 1)
    own = light.mean(axis=(0, 1)) * np.float32(0.5) + np.float32(0.25 * lit)
    own = own * (1 + 0.25 * fine)[..., None]
    return np.asarray(light * (1 - share[..., None]) + own * share[..., None], dtype=np.float32)


def _reflected(light: Plane, dome: Dome, x: Plane, y: Plane) -> Plane:
    """Stray light inside the dome: the sky's mean light in a few soft straight or round bars."""
    rng = np.random.default_rng([dome.seed, 21])
    out = np.zeros_like(x)
    for _ in range(int(rng.integers(1, 5))):
        angle, at, wide = rng.uniform(0, np.pi), rng.uniform(-0.9, 0.9), rng.uniform(0.02, 0.14)
        off = x * np.float32(np.cos(angle)) + y * np.float32(np.sin(angle)) - np.float32(at)
        out += np.exp(-((off / np.float32(wide)) ** 2)) * np.float32(rng.uniform(0.2, 1))
    mean = light.mean(axis=(0, 1)) * np.array([0.9, 0.95, 1.1], dtype=np.float32)
    return np.asarray(out[..., None] * np.float32(dome.reflection) * mean, dtype=np.float32)


@lru_cache(maxsize=8)
def _vignette(lens: Lens, side: int) -> Plane:
    r = grid(lens, side).r
    return np.asarray(1 - np.float32(lens.vignette) * r * r * r, dtype=np.float32)[..., None].clip(0.05)


@lru_cache(maxsize=8)
def _ground(lens: Lens, town: Town, side: int) -> Plane:
    """Below the skyline: dark earth, or a lit snowbank with its texture, and a few lamps."""
    g = grid(lens, side)
    light = np.empty((side, side, 3), dtype=np.float32)
    light[:] = np.array(lens.ground[::-1], dtype=np.float32)
    if lens.snowbank > 0:
        at = toward(lens, town.azimuth_deg, 0)
        near = np.clip(0.55 + 0.45 * (g.vx * np.float32(at[0]) + g.vy * np.float32(at[1])), 0.1, 1)
        rough = sample(tile(lens.seed, 2.6), g.x * np.float32(0.5) + 0.4, g.y * np.float32(0.5) + 0.4)
        bank = lens.snowbank * near**2 * np.maximum(0.2, 1 + 0.3 * rough)
        light += bank[..., None] * np.array([0.85, 0.95, 1.0], dtype=np.float32)
    rng = np.random.default_rng([lens.seed, 22])
    for _ in range(town.lamps):
        x, y = place(lens, 2, town.azimuth_deg + rng.normal(0, 25), rng.uniform(-1, 3))
        size, bright = rng.uniform(0.004, 0.02), float(np.exp(rng.uniform(np.log(0.01), np.log(0.8))))
        spot = (g.x + np.float32(0.5 - x)) ** 2 + (g.y + np.float32(0.5 - y)) ** 2
        spot = np.exp(spot * np.float32(-0.5 / size**2)) * np.float32(bright)
        light += spot[..., None] * np.array(town.colour[::-1], dtype=np.float32)
    return light


def _noisy(levels: Plane, sensor: Sensor, rng: np.random.Generator) -> Plane:
    side = levels.shape[0]
    field = grain()
    row, column = rng.integers(0, field.shape[0] - side, 2)
    speck = field[row : row + side, column : column + side]
    colour = np.float32(sensor.chroma_noise)
    mixed = colour * speck + ((1 - colour) * speck[..., 1:2])
    # Shot noise after a gamma curve is nearly the same at every level, a little larger in the dark.
    amount = np.float32(sensor.noise * (side / 240) ** 0.6) * (0.6 + 0.9 * np.exp(levels[..., 1:2] / -60))
    return np.asarray(levels + mixed * amount, dtype=np.float32)


def _coded(picture: Picture, sensor: Sensor) -> Picture:
    """What JPEG and an inter-frame codec leave: blocks, and flat shadows without grain."""
    side = picture.shape[0]
    if sensor.video > 0:
        block = max(4, round(8 * side / 480))
        cells = max(1, side // block)
        mean = cv2.resize(picture, (cells, cells), interpolation=cv2.INTER_AREA)
        mean = cv2.resize(mean, (side, side), interpolation=cv2.INTER_LINEAR)
        apart = cv2.absdiff(picture, mean)
        flat = (apart.max(axis=2) < 1 + 5 * sensor.video)[..., None]
        picture = np.where(flat, mean, picture)
    if sensor.jpeg:
        _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(sensor.jpeg)])
        picture = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), dtype=np.uint8)
    return picture


def develop(levels: Plane, scene: Scene, square: Plane) -> Picture:
    """Grey levels to the masked picture, (side, side, 3) uint8 BGR: blur, noise, marks, coding."""
    sensor, side = scene.sensor, levels.shape[0]
    rng = np.random.default_rng([scene.seed, 31])
    sigma = sensor.blur * side / 240
    if sigma > 0.25:
        levels = np.asarray(cv2.GaussianBlur(levels, (0, 0), sigma), dtype=np.float32)
    if sensor.noise > 0:
        levels = _noisy(levels, sensor, rng)
    if sensor.hot_pixels:
        fixed = np.random.default_rng([scene.lens.seed, 32])
        row, column = fixed.integers(0, side, (2, sensor.hot_pixels))
        levels[row, column] += fixed.uniform(5, 60, (sensor.hot_pixels, 3)).astype(np.float32)
    if scene.lens.meridian:
        levels = _painted_out(levels, rng)
    picture: npt.NDArray[np.uint8] = np.clip(levels + 0.5, 0, 255).astype(np.uint8)
    picture = _coded(picture, sensor)
    return np.asarray(picture * (square > 0)[..., None], dtype=np.uint8)


def _painted_out(levels: Plane, rng: np.random.Generator) -> Plane:
    """A drawn meridian line, painted out: a soft vertical band at the centre and a smudge at its top."""
    side = levels.shape[0]
    wide, middle = max(2, round(side * 0.03)), side // 2
    band = levels[:, middle - wide : middle + wide].copy()
    soft = cv2.GaussianBlur(band, (0, 0), wide / 2) + np.float32(rng.uniform(0, 3))
    levels = levels.copy()
    levels[:, middle - wide : middle + wide] = soft
    top, size = round(side * 0.06), max(1, round(side * 0.012))
    levels[top - size : top + size, middle - 2 * size : middle + 2 * size] += np.float32(rng.uniform(0, 20))
    return levels
