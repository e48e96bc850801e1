"""How bright the aurora is over the sky's own background, and in which colours. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from daemon.description.sky_grid import SIDE, Cells, Floats, SkyGrid
from daemon.observation import Picture

COLOURS = ("green", "red", "pink", "purple")

TOP = 0.1
"""Share of the aurora, the brightest, whose mean is its brightness."""

_MARGIN = 3
_REACHES = ((4.0, 1.0), (12.0, 0.03))
"""Cells from which the background is carried in, near and far, and what the far count beside the near."""

_FEWEST = 400
_DARKEST = 5
_FAINT = 3.0
"""Counts under which a colour is the camera's noise."""

_GREY = 0.15
"""Saturation under which light has no colour."""

_HUES_DEG = {"green": (50.0, 200.0), "purple": (200.0, 285.0), "pink": (285.0, 345.0)}
"""Hues of the light that aurora adds, 0 red, 120 green, 240 blue; the rest of the circle is red."""


@dataclass(frozen=True, eq=False)
class Light:
    """``excess`` (60, 60) is grey levels over the background, negative where darker.

    ``brightness`` is the mean excess of the brightest tenth of the aurora, in counts (0…255); ``index`` the mean
    excess of the aurora over the whole sky, in counts: brightness and area in one. ``shares`` of the aurora's
    light by colour, in the order of ``COLOURS``, together at most 1; None where it is too faint to have one.
    """

    excess: Floats
    brightness: float
    index: float
    shares: tuple[float, ...] | None


def light(square: Picture, mask: Cells, grid: SkyGrid) -> Light:
    """The light of the aurora under ``mask`` (60, 60) in a masked square sky disc (n, n, 3) BGR."""
    small = cv2.resize(square, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float64)
    background = _background(small, mask, grid)
    added = small - background
    excess = added @ np.array([0.114, 0.587, 0.299])
    lit = np.sort(np.maximum(excess[mask], 0.0))
    top = lit[-max(1, round(TOP * len(lit))) :]
    weight = np.where(mask, grid.solid_angle, 0.0)
    return Light(
        excess=excess,
        brightness=float(top.mean()) if len(top) else 0.0,
        index=float((np.maximum(excess, 0.0) * weight).sum() / grid.solid_angle.sum()),
        shares=_shares(added[mask], excess[mask]),
    )


def _background(small: Floats, mask: Cells, grid: SkyGrid) -> Floats:
    """The sky's own colour (BGR) cell by cell, carried in from beside the aurora.

    From near by where there is sky enough, from farther where there is not: town light and moonlight are
    brighter on one side. Where aurora fills nearly all, the darkest sky stands for it.
    """
    near = cv2.dilate(mask.astype(np.uint8), np.ones((_MARGIN, _MARGIN), np.uint8)) > 0
    beside = grid.sky & ~near
    if np.count_nonzero(beside) < _FEWEST:
        return np.broadcast_to(np.percentile(small[grid.sky], _DARKEST, axis=0), small.shape)
    seen = np.zeros((*beside.shape, 4), np.float32)  # B, G, R and whether it is sky: carried in together
    seen[beside, :3], seen[beside, 3] = small[beside], 1.0
    blurred = [share * cv2.GaussianBlur(seen, (0, 0), reach).astype(np.float64) for reach, share in _REACHES]
    found = np.sum(blurred, axis=0)
    least = _REACHES[-1][1] ** 2
    total, sky = found[..., :3], found[..., 3:]
    return np.asarray((total + least * np.median(small[beside], axis=0)) / (sky + least))


def _shares(added: Floats, excess: Floats) -> tuple[float, ...] | None:
    """Shares of the light by hue of what was added to the sky."""
    seen = excess >= _FAINT
    if not seen.any():
        return None
    colour, weight = np.maximum(added[seen], 0.0), excess[seen]
    most, least = colour.max(axis=1), colour.min(axis=1)
    spread = np.maximum(most - least, 1e-9)
    blue, green, red = colour.T
    hue = np.select(
        [most == red, most == green],
        [60 * (green - blue) / spread, 120 + 60 * (blue - red) / spread],
        240 + 60 * (red - green) / spread,
    ) % 360  # fmt: skip
    coloured = most - least >= _GREY * most
    ranges = [_HUES_DEG.get(name, (345.0, 410.0)) for name in COLOURS]
    held = [coloured & ((hue - low) % 360 < high - low) for low, high in ranges]
    return tuple(float(weight[one].sum() / weight.sum()) for one in held)
