"""How a form looks from the camera: how far its line is thrown, how rayed it is, how plainly it is seen.

A fold of fifty kilometres is a loop overhead and a smooth arc low in the north; rays a few kilometres apart are
one glow at the horizon. So forms are told apart by angles in the sky and not by the kilometres they are made of.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from training.simulator.aurora import BASE_KM, footprint, map_place, texel_km
from training.simulator.noise import Plane
from training.simulator.scene_types import Form

Floats = npt.NDArray[np.float64]

TEXELS: Final = 192
REACH_KM: Final = 1000.0
"""Light farther than this lies within six degrees of the horizon and tells nothing of a form."""
RAY_KM, THREAD_KM = 14.0, 25.0
"""Size of a texel, a pixel of a picture, at which rays and threads are half averaged out (``aurora.footprint``)."""
FAINT: Final = 0.15
"""Of a form's brightest part: what is fainter does not tell its line."""


@lru_cache(maxsize=64)
def throw_deg(form: Form) -> float:
    """How far a curtain's line strays from a smooth arc as it is seen, root mean square, degrees.

    The ridge of its light on the map is held against the parabola nearest to it; every part counts by its light
    and by the angle that it takes up in the sky.
    """
    x, y, peak = _ridge(form)
    if peak.max() <= 0:
        return 0.0
    seen = np.minimum(peak / peak.max(), 0.5) * (peak > FAINT * peak.max())
    weight = seen * np.gradient(x) / np.sqrt(x * x + y * y + BASE_KM**2)
    powers = np.stack([np.ones_like(x), x / 500, (x / 500) ** 2], axis=1)
    root = np.sqrt(weight)
    smooth = powers @ np.linalg.lstsq(powers * root[:, None], y * root, rcond=None)[0]
    astray = _angle_deg(x, smooth, y - smooth)
    return float(np.sqrt((weight * astray**2).sum() / weight.sum()))


def rayedness(form: Form) -> float:
    """How rayed a form looks, 0 to 1: its rays, averaged out where a pixel holds many of them."""
    return _seen(form, form.rays, RAY_KM)


def threadedness(form: Form) -> float:
    """The same of the filaments that run along a curtain; a person tells them from rays by their course alone."""
    return _seen(form, form.threads, THREAD_KM)


@lru_cache(maxsize=128)
def _seen(form: Form, depth: float, half_km: float) -> float:
    if depth <= 0:
        return 0.0
    light, size = footprint(form, 256), texel_km(256)
    whole = float(light.sum())
    return float((light * depth / (1 + (size / half_km) ** 2)).sum()) / whole if whole > 0 else 0.0


def _ridge(form: Form) -> tuple[Floats, Floats, Floats]:
    """(x, y) km of the brightest place north or south of every x, and the light there."""
    east, north, u, v = _lines()
    light = cv2.remap(footprint(form, TEXELS), u, v, cv2.INTER_LINEAR)
    light = np.where(np.hypot(east, north) < REACH_KM, light, 0)
    at = light.argmax(axis=0)
    return east[0].astype(np.float64), north[at, 0].astype(np.float64), light.max(axis=0).astype(np.float64)


@lru_cache(maxsize=1)
def _lines() -> tuple[Plane, Plane, Plane, Plane]:
    """Lines over the map, north along rows and east along columns, evenly spaced as seen: (east, north) km and
    their place (u, v) on it.
    """
    x = 150 * np.tan(np.linspace(-1.4, 1.4, 81))
    y = 150 * np.tan(np.linspace(-1.45, 1.45, 201))
    east, north = (plane.astype(np.float32) for plane in np.meshgrid(x, y))
    return east, north, *map_place(east, north, TEXELS)


def _angle_deg(east: Floats, north: Floats, shift: Floats) -> Floats:
    """The angle in the sky of a shift to the north, km, at places of the map: foreshortened away from the camera."""
    distance = np.maximum(np.hypot(east, north), 1e-6)
    up = BASE_KM / np.hypot(distance, BASE_KM)  # the sine of the elevation
    seen = np.hypot(north / distance * up, east / distance)
    return np.asarray(np.degrees(np.arctan(np.abs(shift) * up / BASE_KM * seen)))
