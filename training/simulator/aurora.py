"""Aurora as light along the magnetic field, seen through the fisheye.

The forms are laid out as a footprint, energy per area at 110 km height, on a map centred on the
camera (magnetic east and north). Each height layer shows the same footprint carried along the
tilted field, so rays, arcs and the corona at the magnetic zenith come out by themselves. Emission
by height: 557.7 nm peaks near 110-120 km and fades upward over some 30 km, 630.0 nm lies above
200 km, N2 makes the pink or violet lower edge of energetic forms at 95-100 km.

The map is stored by atan(distance / 150 km), so that a texel covers about one pixel from the
zenith to the horizon; forms thinner than a texel are widened and dimmed to keep their light.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from training.simulator.lens import grid, picture_angle
from training.simulator.noise import Plane, evolving, sample, tile
from training.simulator.scene_types import Aurora, Form, Lens, Scene

EARTH_KM = 6371.0
BASE_KM = 110.0
SPREAD_KM = 150.0
FAR_KM = 2600.0
CURTAIN = 2.5  # height smears a curtain: this brings its peak near the stated brightness
SHEET_KM = (105.0, 124.0)  # diffuse and pulsating aurora: a thin sheet (Sangalli et al. 2011)
_EDGE = float(np.arctan(FAR_KM / SPREAD_KM))

# Heights and layer thicknesses, km: dense at the bottom, where curtains are bright and sharp.
HEIGHTS = np.array(
    [96, 101, 106, 111, 117, 123, 130, 138, 148, 160, 175, 195, 220, 255, 300], dtype=np.float32
)


@lru_cache(maxsize=8)
def _map(texels: int) -> tuple[Plane, Plane, Plane]:
    """(east km, north km, texel size km) of the footprint map, each (texels, texels)."""
    axis = ((np.arange(texels, dtype=np.float32) + 0.5) / texels * 2 - 1) * np.float32(1.0)
    x, y = np.meshgrid(axis, -axis)
    rho = np.hypot(x, y)
    angle = np.minimum(rho, 1.0) * _EDGE
    distance = SPREAD_KM * np.tan(angle)
    size = SPREAD_KM / np.cos(angle) ** 2 * _EDGE * 2 / texels
    scale = distance / np.maximum(rho, 1e-6)
    return (x * scale).astype(np.float32), (y * scale).astype(np.float32), size.astype(np.float32)


def texel_km(texels: int) -> Plane:
    """How many km a texel of the footprint map is across, (texels, texels)."""
    return _map(texels)[2]


def map_place(east: Plane, north: Plane, texels: int) -> tuple[Plane, Plane]:
    """Where on the footprint map places are that lie ``east`` and ``north`` of the camera, km: (u, v) in texels."""
    away = np.maximum(np.hypot(east, north), 1e-6)
    rho = np.arctan(away / SPREAD_KM) / _EDGE
    u = ((east / away * rho + 1) / 2 * texels - 0.5).astype(np.float32)
    v = ((1 - north / away * rho) / 2 * texels - 0.5).astype(np.float32)
    return u, v


@lru_cache(maxsize=4)
def heights(fine: bool) -> Plane:
    """Layer heights in km; twice as many where the picture is large enough to show steps."""
    if not fine:
        return HEIGHTS
    between = np.arange(0, len(HEIGHTS) - 0.49, 0.5)
    return np.asarray(np.interp(between, np.arange(len(HEIGHTS)), HEIGHTS), dtype=np.float32)


@lru_cache(maxsize=6)
def _views(side: int, texels: int, tilt_deg: int, fine: bool) -> tuple[list[tuple[Plane, Plane]], Plane]:
    """For each layer, where each pixel of a north-up, east-right sky falls on the map; and the
    brightening by the slant path with the dimming by air."""
    axis = (np.arange(side, dtype=np.float32) + 0.5) / side * 2 - 1
    x, y = np.meshgrid(axis, -axis)
    r = np.maximum(np.hypot(x, y), 1e-6)
    zenith = np.minimum(r, 1.02) * np.pi / 2
    views = []
    for height in heights(fine):
        arc = zenith - np.arcsin(EARTH_KM / (EARTH_KM + height) * np.sin(np.minimum(zenith, np.pi / 2)))
        distance = EARTH_KM * arc
        east = x / r * distance
        north = y / r * distance + (height - BASE_KM) * np.tan(np.radians(tilt_deg))
        views.append(map_place(east, north, texels))
    lean = np.arcsin(EARTH_KM / (EARTH_KM + BASE_KM) * np.sin(np.minimum(zenith, np.pi / 2)))
    airmass = 1 / (np.cos(np.minimum(zenith, np.pi / 2)) + 0.025)
    path = np.exp(-0.06 * (airmass - 1)) / np.cos(lean)
    path[r > 1.02] = 0
    return views, path.astype(np.float32)


@lru_cache(maxsize=2)
def _thrown(
    seed: int, throw_km: float, length_km: float, curls: int, phase: float, texels: int
) -> tuple[Plane, Plane]:
    """The map's coordinates after folding and curling: the form itself stays straight.

    ``throw_km`` far over ``length_km`` long folds, then ``curls`` vortices. Cached because
    neighbouring bands share one throw.
    """
    east, north, _ = _map(texels)
    rng = np.random.default_rng([seed, 2])
    number, offset = int(rng.integers(0, 1000)), rng.random(4).astype(np.float32)
    step = np.float32(1 / (length_km * 4))
    x, y = east, north
    if throw_km > 0.5:
        # The tile spans four fold lengths; throws across the arc are larger than along it.
        u, v = east * step + offset[0], north * step * np.float32(0.7) + offset[1]
        across = evolving(number, 4.6, u, v, phase)
        along = evolving(number + 5, 4.6, u + offset[2], v + offset[3], phase)
        y = north + np.float32(throw_km) * across
        x = east + np.float32(throw_km * 1.2) * along
    for _ in range(curls):
        centre_x = rng.normal(0, 220) + 40 * float(np.sin(phase + rng.uniform(0, 6)))
        centre_y = rng.normal(0, 160)
        size, turn = rng.uniform(40, 170), rng.uniform(1.2, 4.5) * rng.choice([-1, 1])
        dx, dy = x - np.float32(centre_x), y - np.float32(centre_y)
        angle = np.float32(turn) * np.exp(-(dx * dx + dy * dy) / np.float32(2 * size * size))
        cosine, sine = np.cos(angle), np.sin(angle)
        x = np.float32(centre_x) + cosine * dx - sine * dy
        y = np.float32(centre_y) + sine * dx + cosine * dy
    return x, y


def _throw_of(form: Form, texels: int) -> tuple[Plane, Plane]:
    return _thrown(form.fold_seed, form.fold_km, form.fold_scale_km, form.curls, form.phase, texels)


def _curtain(form: Form, texels: int) -> Plane:
    """The footprint of an arc or band: sharp on one side, trailing off on the other."""
    size = _map(texels)[2]
    x, y = _throw_of(form, texels)
    rng = np.random.default_rng([form.seed, 3])
    offset = rng.random(4).astype(np.float32)
    reach = x / 500
    line = form.north_km + form.slope * x + form.bend * reach * reach
    across = y - line
    if rng.random() < 0.5:
        across = -across
    blur = (0.7 * size) ** 2
    wide = np.where(across > 0, form.width_km * form.trail, form.width_km) ** 2
    shape = np.exp(-across * across / (2 * (wide + blur))) * np.sqrt(wide / (wide + blur))
    number = int(rng.integers(0, 1000))
    if form.patch > 0:
        lump = evolving(number, 3.0, x / 1400 + offset[0], across / 2000 + offset[1], form.phase * 0.7)
        shape = shape * np.maximum(0, 1 + form.patch * (1.2 * lump - 0.2))
    if form.rays > 0:
        fine = sample(
            tile(number + 3, 1.6), x / 420 + offset[2], across / 1800 + np.float32(form.phase * 0.2)
        )
        # Rays finer than a texel average out rather than flicker.
        seen = np.float32(form.rays) / (1 + (size / 14) ** 2)
        shape = shape * np.maximum(0.08, 1 + seen * 0.55 * fine)
    if form.threads > 0:
        thread = sample(
            tile(number + 4, 2.2), x / 1500 + offset[3], across / 150 + np.float32(form.phase * 0.1)
        )
        shape = shape * np.maximum(0.05, 1 + np.float32(form.threads) / (1 + (size / 25) ** 2) * thread)
    ends = np.clip((form.length_km / 2 - np.abs(x - form.east_km)) / (0.2 * form.length_km) + 0.5, 0, 1)
    return np.asarray(shape * ends * np.float32(CURTAIN * form.brightness), dtype=np.float32)


def _diffuse(form: Form, texels: int) -> Plane:
    """The footprint of a veil (smooth) or of pulsating patches (islands that come and go)."""
    size = _map(texels)[2]
    x, y = _throw_of(form, texels)
    rng = np.random.default_rng([form.seed, 4])
    offset, number = rng.random(4).astype(np.float32), int(rng.integers(0, 1000))
    belt = np.exp(-(((y - form.north_km) / (form.width_km * 8)) ** 2) / 2)
    scale = 4 * form.fold_scale_km
    lump = evolving(number, 3.8, x / (scale * 1.6) + offset[0], y / scale + offset[1], form.phase)
    if form.kind == "veil":
        shape = belt * np.maximum(0, 1 + form.patch * lump)
        if form.rays > 0:
            streak = sample(tile(number + 1, 2.4), x / 900 + offset[2], y / 260 + offset[3])
            shape = shape * np.maximum(0.1, 1 + form.rays * 0.6 * streak / (1 + (size / 30) ** 2))
    else:
        edge = np.clip((lump - 0.35) * 3, 0, 1)
        beat = evolving(number + 7, 3.2, x / 700 + offset[2], y / 700 + offset[3], form.phase * 7)
        shape = belt * edge * (0.55 + 0.45 * np.tanh(beat))
    return np.asarray(shape * np.float32(form.brightness), dtype=np.float32)


def footprint(form: Form, texels: int) -> Plane:
    """The energy that a form brings to 110 km height, on a map of (texels, texels) centred on the camera."""
    return _diffuse(form, texels) if form.kind in ("patches", "veil") else _curtain(form, texels)


def _layer_light(aurora: Aurora, fine: bool) -> tuple[Plane, Plane, Plane]:
    """Share of each layer in the green, red and violet light of a unit footprint."""
    h = heights(fine)
    thick = np.gradient(h)
    low = np.exp(-(((h - 112) / 7) ** 2)) * (h < 112) + (h >= 112) * np.exp(-(h - 112) / aurora.tall)
    green = low * thick
    red = np.exp(-(((h - 235) / 55) ** 2)) * thick
    violet = np.exp(-(((h - 98) / 5) ** 2)) * thick
    return green / green.sum(), red / red.sum(), 0.4 * violet / violet.sum()


def _footprints(aurora: Aurora, texels: int) -> tuple[Plane | None, Plane | None]:
    """Energy on the map of curtains (deep in height) and of diffuse sheets (thin), None where none."""
    curtains, sheets = None, None
    for form in aurora.forms:
        if form.brightness <= 0:
            continue
        drawn = footprint(form, texels)
        if form.kind in ("patches", "veil"):
            sheets = drawn if sheets is None else sheets + drawn
        else:
            curtains = drawn if curtains is None else curtains + drawn
    return curtains, sheets


def emission(aurora: Aurora, side: int) -> tuple[Plane, Plane, Plane] | None:
    """Green, red and violet light of the aurora over a north-up, east-right sky, or None if none."""
    if not any(form.brightness > 0 for form in aurora.forms):
        return None
    fine = side > 250
    texels = 192 if side <= 170 else 256 if side <= 250 else 448
    curtains, sheets = _footprints(aurora, texels)
    views, path = _views(side, texels, aurora.tilt_deg, fine)
    green_share, red_share, violet_share = _layer_light(aurora, fine)
    green, red, violet = (np.zeros((side, side), dtype=np.float32) for _ in range(3))
    if sheets is not None:
        base = [i for i, h in enumerate(heights(fine)) if SHEET_KM[0] <= h <= SHEET_KM[1]]
        for i in base:
            layer = cv2.remap(sheets, views[i][0], views[i][1], cv2.INTER_LINEAR)
            cv2.scaleAdd(layer, 1 / len(base), green, green)
    if curtains is None:
        return green * path, red, violet
    for view, g, r, v in zip(views, green_share, red_share, violet_share, strict=True):
        layer = cv2.remap(curtains, view[0], view[1], cv2.INTER_LINEAR)
        cv2.scaleAdd(layer, float(g), green, green)
        if r > 0.004 and aurora.red > 0:
            cv2.scaleAdd(layer, float(r), red, red)
        if v > 0.004 and aurora.fringe > 0:
            # Only energetic precipitation reaches this low: the fringe grows faster than the light.
            cv2.scaleAdd(layer * np.minimum(layer * 4, 1), float(v), violet, violet)
    if aurora.red > 0:
        # The 630.0 nm state lives for 110 s: the red drifts and blurs, and shows no layers.
        red = np.asarray(cv2.GaussianBlur(red, (0, 0), side / 60), dtype=np.float32)
    return green * path, red * path * np.float32(0.25 * aurora.red), violet * path * np.float32(aurora.fringe)


def turn_to_picture(plane: Plane, lens: Lens, declination_deg: float, side: int) -> Plane:
    """A north-up, east-right magnetic sky as the lens sees it: turned, flipped and scaled."""
    if lens.optics is not None:
        return _bent_to_picture(plane, lens, declination_deg, side)
    north = picture_angle(lens, 0.0)
    sign = -1.0 if lens.east_left else 1.0
    k = north + sign * np.radians(declination_deg)
    scale = (90 - round(lens.edge_elevation_deg)) / 90 / (round(lens.radius * 100) / 100)
    scale *= plane.shape[0] / side
    m = scale * np.array([[sign * np.cos(k), sign * np.sin(k)], [-np.sin(k), np.cos(k)]])
    there, here = (plane.shape[0] - 1) / 2, (side - 1) / 2
    shift = there - m @ np.array([here, here])
    full = np.column_stack([m, shift])
    turned = cv2.warpAffine(plane, full, (side, side), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    return np.asarray(turned, dtype=np.float32)


def _bent_to_picture(plane: Plane, lens: Lens, declination_deg: float, side: int) -> Plane:
    """The same for a lens of its own optics, direction by direction."""
    g = grid(lens, side)
    sign = -1.0 if lens.east_left else 1.0
    azimuth = sign * (g.angle - np.float32(picture_angle(lens, 0.0))) - np.float32(
        np.radians(declination_deg)
    )
    r, half = g.zenith / np.float32(np.pi / 2), np.float32(plane.shape[0] / 2)
    x, y = half + half * r * np.sin(azimuth) - 0.5, half - half * r * np.cos(azimuth) - 0.5
    return np.asarray(
        cv2.remap(plane, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR), dtype=np.float32
    )


def aurora_light(scene: Scene, side: int) -> Plane | None:
    """Aurora above the clouds as the camera's colours, (side, side, 3) BGR, or None if there is none."""
    layers = emission(scene.aurora, side)
    if layers is None:
        return None
    lines = np.stack(layers, axis=-1)
    lines = turn_to_picture(lines, scene.lens, scene.aurora.declination_deg, side)
    sensor = scene.sensor
    matrix = np.array([sensor.green[::-1], sensor.red[::-1], sensor.violet[::-1]], dtype=np.float32)
    return np.asarray(lines @ matrix, dtype=np.float32)
