"""What cameras, domes and surroundings put on a picture, drawn over it while training.

White balance far off, town light along the rim in any colour, vignettes, cut and small discs, trees,
houses with lit windows, cables, drops, dew and fog on the dome, over- and under-exposure, grey
sensors, small tiles enlarged, lamps, trails, letters, coarse noise. Each with its chance; all of one
seed, so that both members of a matched pair get the same look and the aurora stays their one difference.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from models.preprocess import Pixels, shrink

Light = npt.NDArray[np.float32]
Draw = np.random.Generator

RIMS: Final = (
    (60, 140, 255), (110, 190, 255), (210, 230, 255), (255, 255, 255), (120, 230, 200),
    (200, 220, 110), (110, 220, 110), (230, 160, 230), (255, 170, 90), (60, 90, 200),
)  # fmt: skip
"""BGR of light along the horizon: sodium, lamps, LED, sports grounds, greenhouses, the last of the day."""


@lru_cache(maxsize=8)
def _grid(side: int) -> tuple[Light, Light, Light, Light]:
    """x and y from -1 to 1, radius and angle of every pixel."""
    axis = (np.arange(side, dtype=np.float32) + 0.5) / side * 2 - 1
    x, y = (np.asarray(one, np.float32) for one in np.meshgrid(axis, axis))
    return x, y, np.hypot(x, y), np.arctan2(y, x)


def dress(picture: Pixels, seed: int) -> Pixels:
    """One look, drawn from ``seed``, over a square BGR picture of any side."""
    rng = np.random.default_rng(seed)
    light = picture.astype(np.float32)
    for chance, change in LOOKS:
        own = np.random.default_rng(rng.integers(0, 2**31))
        if rng.random() < chance:
            light = change(light, own)
    return np.asarray(np.clip(light + 0.5, 0, 255), dtype=np.uint8)


def by_chance(picture: Pixels, rng: Draw) -> Pixels:
    """Half the time the picture as it is, else in one look and black outside the disc."""
    if rng.random() >= 0.5:
        return picture
    return shrink(dress(picture, int(rng.integers(0, 2**31))), len(picture))


# ------------------------------------------------------------------------------------- sky and dome


def rim_light(light: Light, rng: Draw) -> Light:
    """One to three lobes of coloured light along the rim."""
    _, _, r, angle = _grid(light.shape[0])
    for _ in range(int(rng.integers(1, 4))):
        colour = np.array(RIMS[int(rng.integers(len(RIMS)))], np.float32) / 255
        away = np.cos(angle - np.float32(rng.uniform(0, 2 * np.pi)))
        lobe = np.exp(np.float32(rng.uniform(0, 6)) * (away - 1))
        rise = np.exp((r - 1) / np.float32(np.exp(rng.uniform(np.log(0.04), np.log(0.35)))))
        strength = np.float32(np.exp(rng.uniform(np.log(12), np.log(150))))
        light = light + (lobe * rise * strength)[..., None] * colour
    return light


def lamp(light: Light, rng: Draw) -> Light:
    """A moon or a lamp: saturated, with a halo and now and then its reflections across the picture."""
    side = light.shape[0]
    x, y, _, _ = _grid(side)
    turn, out = rng.uniform(0, 2 * np.pi), rng.uniform(0.1, 0.98)
    at_x, at_y = np.float32(np.cos(turn) * out), np.float32(np.sin(turn) * out)
    away = np.hypot(x - at_x, y - at_y)
    size = rng.uniform(0.01, 0.06)
    glow = 400 * np.exp(-((away / size) ** 2)) + rng.uniform(20, 140) * np.exp(-away / rng.uniform(0.05, 0.4))
    colour = np.array([1, 1, 1], np.float32) * np.exp(rng.normal(0, 0.12, 3)).astype(np.float32)
    light = light + glow[..., None].astype(np.float32) * colour
    for _ in range(int(rng.integers(0, 4))):
        share = np.float32(rng.uniform(-1.2, 0.6))
        spot = np.exp(-((np.hypot(x - at_x * share, y - at_y * share) / rng.uniform(0.02, 0.09)) ** 2))
        tint = np.array(RIMS[int(rng.integers(len(RIMS)))], np.float32) / 255
        light = light + (spot * np.float32(rng.uniform(8, 60)))[..., None] * tint
    return np.asarray(light, np.float32)


def fog(light: Light, rng: Draw) -> Light:
    """Dew or fog on the dome: all is softer, paler, and lit by what is around."""
    side = light.shape[0]
    soft = cv2.GaussianBlur(light, (0, 0), side * rng.uniform(0.01, 0.05))
    share = np.float32(rng.uniform(0.2, 0.75))
    veil = soft.mean(axis=(0, 1)) * np.float32(rng.uniform(0.3, 1.2)) + np.float32(rng.uniform(0, 40))
    return np.asarray(light * (1 - share) + (0.6 * soft + 0.4 * veil) * share, np.float32)


def drops(light: Light, rng: Draw) -> Light:
    """Drops or snow crumbs on the dome: each shows a blurred, turned bit of the picture, with an edge."""
    side = light.shape[0]
    soft = cv2.GaussianBlur(light, (0, 0), side * 0.02)[::-1, ::-1]
    cover = np.zeros((side, side), np.float32)
    for _ in range(int(rng.integers(3, 40))):
        at = rng.uniform(0, side, 2).astype(int)
        size = max(1, int(side * np.exp(rng.uniform(np.log(0.006), np.log(0.05)))))
        cv2.circle(cover, (int(at[0]), int(at[1])), size, 1.0, -1, cv2.LINE_AA)
    edge = cv2.GaussianBlur(cover, (0, 0), 1.2)
    ring = (edge * (1 - edge) * 4)[..., None] * np.float32(rng.uniform(-25, 35))
    return np.asarray(light * (1 - edge[..., None]) + soft * edge[..., None] * rng.uniform(0.6, 1.3) + ring,
                      np.float32)  # fmt: skip


def haze(light: Light, rng: Draw) -> Light:
    """Thin mottled cloud lit by a town, in one colour."""
    side = light.shape[0]
    coarse = rng.normal(0, 1, (int(rng.integers(3, 9)),) * 2).astype(np.float32)
    fine = rng.normal(0, 0.4, (int(rng.integers(10, 40)),) * 2).astype(np.float32)
    lumps = sum(cv2.resize(one, (side, side), interpolation=cv2.INTER_CUBIC) for one in (coarse, fine))
    cover = np.clip(0.5 + 0.5 * np.asarray(lumps, np.float32), 0, 1)[..., None]
    colour = np.array(RIMS[int(rng.integers(len(RIMS)))], np.float32) / 255
    colour = colour * np.float32(0.5) + np.float32(0.5) * colour.mean()
    level = np.float32(np.exp(rng.uniform(np.log(6), np.log(70))))
    return np.asarray(light * (1 - 0.4 * cover) + cover * level * colour, np.float32)


# ----------------------------------------------------------------------------------- the surroundings


def skyline(light: Light, rng: Draw) -> Light:
    """Trees, hills and houses as silhouettes, some houses with lit windows."""
    side = light.shape[0]
    _, _, r, angle = _grid(side)
    count = int(rng.integers(12, 120))
    profile = np.abs(rng.normal(0, 1, count)).astype(np.float32) * np.float32(rng.uniform(0.01, 0.12))
    if rng.random() < 0.5:  # one side only
        profile *= np.clip(np.cos(np.arange(count) / count * 2 * np.pi - rng.uniform(0, 6.3)) + 0.4, 0, 1.4)
    place = (angle / (2 * np.pi) % 1) * count
    height = np.interp(place.ravel(), np.arange(count + 1), np.append(profile, profile[0])).reshape(r.shape)
    ground = np.clip((r - (np.float32(rng.uniform(0.9, 1.02)) - height)) * side / 3, 0, 1)[..., None]
    dark = np.float32(rng.uniform(0, 25)) * np.exp(rng.normal(0, 0.2, 3)).astype(np.float32)
    light = light * (1 - ground) + dark * ground
    return np.asarray(_house(light, rng) if rng.random() < 0.3 else light, np.float32)


def _house(light: Light, rng: Draw) -> Light:
    side = light.shape[0]
    turn = rng.uniform(0, 2 * np.pi)
    normal = np.array([np.cos(turn), np.sin(turn)])
    along = np.array([-normal[1], normal[0]])
    near, wide = rng.uniform(0.5, 0.9), rng.uniform(0.2, 0.6)
    corners = [normal * near - along * wide, normal * near + along * wide,
               normal * 1.5 + along * wide * 1.4, normal * 1.5 - along * wide * 1.4]  # fmt: skip
    shape = np.array([(one + 1) / 2 * side for one in corners], np.int32)
    light = np.ascontiguousarray(light)
    wall = rng.uniform(5, 90) * np.exp(rng.normal(0, 0.15, 3))
    cv2.fillPoly(light, [shape], [float(c) for c in wall], cv2.LINE_AA)
    for _ in range(int(rng.integers(0, 4))):
        at = (normal * rng.uniform(near + 0.05, 1) + along * rng.uniform(-wide, wide) * 0.8 + 1) / 2 * side
        size = int(side * rng.uniform(0.01, 0.04)) + 1
        colour = RIMS[int(rng.integers(len(RIMS)))]
        cv2.rectangle(light, (int(at[0]), int(at[1])), (int(at[0]) + size, int(at[1]) + size),
                      [float(c) for c in colour], -1)  # fmt: skip
    return light


def lines(light: Light, rng: Draw) -> Light:
    """Cables, an aeroplane's or a meteor's trail, or the star trails of a stack."""
    side = light.shape[0]
    light = np.ascontiguousarray(light)
    if rng.random() < 0.35:
        centre = tuple(int(v) for v in rng.uniform(0.3, 0.7, 2) * side)
        for _ in range(int(rng.integers(8, 60))):
            start, radius = float(rng.uniform(0, 360)), int(rng.uniform(0.05, 0.9) * side)
            shade = float(rng.uniform(90, 230))
            cv2.ellipse(light, centre, (radius, radius), 0, start, start + rng.uniform(5, 40),
                        (shade, shade, shade), 1, cv2.LINE_AA)  # fmt: skip
        return light
    for _ in range(int(rng.integers(1, 3))):
        ends = (rng.uniform(-0.1, 1.1, 4) * side).astype(int)
        shade = float(rng.choice([rng.uniform(0, 20), rng.uniform(120, 255)]))
        cv2.line(light, (int(ends[0]), int(ends[1])), (int(ends[2]), int(ends[3])), (shade, shade, shade), 1,
                 cv2.LINE_AA)  # fmt: skip
    return light


def letters(light: Light, rng: Draw) -> Light:
    """Text, compass letters and ticks drawn over the picture."""
    side = light.shape[0]
    ink = np.zeros((side, side), np.uint8)
    if rng.random() < 0.4:
        turn = rng.uniform(0, 2 * np.pi)
        for index, letter in enumerate("NESW"):
            way = turn + index * np.pi / 2
            at = ((np.array([np.cos(way), np.sin(way)]) * 0.9 + 1) / 2 * side).astype(int)
            _write(ink, letter, (int(at[0]), int(at[1])), side / 500)
    else:
        for row in range(int(rng.integers(1, 5))):
            text = "".join(chr(int(c)) for c in rng.integers(45, 91, int(rng.integers(6, 22))))
            _write(
                ink, text, (int(rng.uniform(0.1, 0.5) * side), int((0.08 + 0.05 * row) * side)), side / 700
            )
    colour = rng.choice(np.array([(255, 255, 255), (60, 60, 230), (80, 230, 80), (230, 200, 80)], np.float32))
    share = ink[..., None].astype(np.float32) / 255
    return np.asarray(light * (1 - share) + colour * share, np.float32)


def _write(ink: Pixels, text: str, at: tuple[int, int], size: float) -> None:
    cv2.putText(ink, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, 255, 1, cv2.LINE_AA)


# ---------------------------------------------------------------------------------------- the camera


def cast(light: Light, rng: Draw) -> Light:
    """White balance off by a lot."""
    gains = np.exp(rng.normal(0, 0.3, 3)).astype(np.float32)
    return np.asarray(light * (gains / gains.mean()), np.float32)


def exposed(light: Light, rng: Draw) -> Light:
    """Over- or under-exposed."""
    if rng.random() < 0.5:
        return np.asarray(255 * (1 - np.exp(-light / 255 * np.float32(rng.uniform(1.5, 4)))), np.float32)
    return np.asarray(light * np.float32(rng.uniform(0.2, 0.6)), np.float32)


def greyed(light: Light, rng: Draw) -> Light:
    """A grey sensor, or nearly."""
    grey = (light @ np.exp(rng.normal(-1.1, 0.3, 3)).astype(np.float32))[..., None]
    share = np.float32(1.0 if rng.random() < 0.5 else rng.uniform(0.5, 1))
    return np.asarray(light * (1 - share) + grey * share, np.float32)


def vignetted(light: Light, rng: Draw) -> Light:
    """Darker, or with a dome's light brighter, towards the rim."""
    _, _, r, _ = _grid(light.shape[0])
    fall = 1 - np.float32(rng.uniform(-0.5, 0.95)) * r ** np.float32(rng.uniform(1.5, 6))
    return np.asarray(light * np.clip(fall, 0, 2)[..., None], np.float32)


def cut(light: Light, rng: Draw) -> Light:
    """The sensor's edges, a black bar, or a disc that does not fill its place."""
    side = light.shape[0]
    x, y, _, _ = _grid(side)
    kind = rng.random()
    if kind < 0.45:
        keep = np.abs(y - rng.normal(0, 0.06)) < rng.uniform(0.68, 0.97)
        keep = keep.T if rng.random() < 0.2 else keep
    elif kind < 0.7:
        keep = np.hypot(x - rng.normal(0, 0.05), y - rng.normal(0, 0.05)) < rng.uniform(0.78, 0.99)
    else:
        keep = ~((np.abs(x - rng.normal(0, 0.2)) < rng.uniform(0.2, 0.6)) & (y > rng.uniform(0.6, 0.9)))
        keep = np.rot90(keep, int(rng.choice([0, 0, 0, 1, 2, 3])))
    return np.asarray(light * keep[..., None], np.float32)


def tiled(light: Light, rng: Draw) -> Light:
    """A small tile enlarged."""
    side = light.shape[0]
    small = int(rng.uniform(56, 120))
    if small >= side:
        return light
    tile = cv2.resize(light, (small, small), interpolation=cv2.INTER_AREA)
    if rng.random() < 0.5:
        _, data = cv2.imencode(".jpg", np.clip(tile, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 75])
        tile = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.float32)
    how = cv2.INTER_CUBIC if rng.random() < 0.7 else cv2.INTER_NEAREST
    return np.asarray(cv2.resize(tile, (side, side), interpolation=how), np.float32)


def grainy(light: Light, rng: Draw) -> Light:
    """A hot sensor: noise, coarse in colour, and hot pixels."""
    side = light.shape[0]
    sigma = np.float32(rng.uniform(3, 14))
    fine = rng.standard_normal((side, side, 1), dtype=np.float32) * sigma
    coarse = rng.standard_normal((side // 2, side // 2, 3), dtype=np.float32) * sigma * rng.uniform(0, 1)
    light = np.asarray(light + fine + cv2.resize(coarse.astype(np.float32), (side, side)), np.float32)
    for _ in range(int(rng.integers(0, 30))):
        at = rng.integers(0, side, 2)
        light[at[0], at[1]] = rng.uniform(0, 255, 3)
    return np.asarray(light, np.float32)


LOOKS: Final[tuple[tuple[float, Callable[[Light, Draw], Light]], ...]] = (
    (0.08, haze),
    (0.25, rim_light),
    (0.08, lamp),
    (0.20, skyline),
    (0.04, lines),
    (0.06, drops),
    (0.08, fog),
    (0.20, vignetted),
    (0.35, cast),
    (0.18, exposed),
    (0.12, greyed),
    (0.12, tiled),
    (0.15, grainy),
    (0.25, cut),
    (0.08, letters),
)
"""Every look with its chance, in the order light meets them."""
