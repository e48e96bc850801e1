"""Real skies without aurora, and the same skies with aurora laid over them: matched pairs of real cameras.

A made aurora's light (bank ``light``) is added, in linear light, to a real frame that shows none, in the
frame's own colour balance, behind its cloud and its trees, and at a contrast that is drawn. What is
learned from such a pair is the aurora and not the camera, its cast, its rim or its cloud.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from models.preprocess import Pixels, disc_mask
from training.simulator.render import AREA, CONTRAST, FLOOR_LEVELS

Light = npt.NDArray[np.float32]

GAMMA = 2.2
LEAST, MOST = 1.6 * CONTRAST, 3.0
"""Contrasts that are drawn: from just plain to brilliant."""
_LINEAR = ((np.arange(256) / 255.0) ** GAMMA).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Pair:
    """A sky without and with aurora, (S, S, 3), and the contrast by the simulator's criterion."""

    bare: Pixels
    lit: Pixels
    contrast: float


def transplant(rng: np.random.Generator, bare: Pixels, root: Pixels, cloudy: bool) -> Pair | None:
    """Lay the light ``root`` (square root of it, any square size) over ``bare`` (S, S, 3).

    None where no brightness makes it plain, as over a white sky.
    """
    side = bare.shape[0]
    glow = _turned(rng, root, side)
    glow *= _colours(rng, bare) * _open_sky(bare)[..., None]
    if is_grey(bare):
        glow = np.repeat(glow.mean(axis=2, keepdims=True), 3, axis=2)
    if cloudy and rng.random() < 0.8:
        glow *= _gaps(rng, side)[..., None]
    wanted = float(np.exp(rng.uniform(np.log(LEAST), np.log(MOST))))
    strength = _strength(bare, glow, wanted)
    if strength is None:
        return None
    lit = added(bare, glow * np.float32(strength))
    return Pair(bare, lit, contrast(bare, lit))


def is_grey(bare: Pixels) -> bool:
    """Whether a picture is of a sensor without colour."""
    apart = bare.max(axis=2).astype(np.int16) - bare.min(axis=2)
    return float(np.quantile(apart, 0.99)) < 6


def added(bare: Pixels, glow: Light) -> Pixels:
    """The frame with more light in it, bright parts rounded off as a sensor's curve does."""
    total = _LINEAR[bare] + glow
    soft = np.where(total > 0.7, 0.7 + 0.3 * (1 - np.exp(-(total - 0.7) / 0.3)), total)
    total = np.maximum(np.minimum(total, 1), soft) if bare.max() == 255 else soft
    lit = np.asarray(np.clip(total, 0, 1) ** np.float32(1 / GAMMA) * 255 + 0.5, np.uint8)
    lit = np.where(glow.max(axis=2, keepdims=True) > 1e-5, np.maximum(lit, bare), bare)
    return np.asarray(lit, np.uint8)


def contrast(bare: Pixels, lit: Pixels) -> float:
    """The simulator's criterion, near enough: the relative rise that ``AREA`` of the disc exceeds."""
    before, after = (cv2.blur(one.astype(np.float32), (3, 3)) for one in (bare, lit))
    grey = (after - before).mean(axis=2)
    rise = after - before
    green = 1.5 * (rise[..., 1] - (rise[..., 0] + rise[..., 2]) / 2)
    inside = disc_mask(bare.shape[0])
    change = np.maximum(grey - 0.7 * grey[inside].mean(), green - 0.7 * green[inside].mean())
    return float(np.quantile((change / (before.mean(axis=2) + FLOOR_LEVELS))[inside], 1 - AREA))


def _strength(bare: Pixels, glow: Light, wanted: float) -> float | None:
    """The factor on ``glow`` that gives the wanted contrast, on a small picture; None where none does."""
    small = np.asarray(cv2.resize(bare, (64, 64), interpolation=cv2.INTER_AREA), np.uint8)
    light = np.asarray(cv2.resize(glow, (64, 64), interpolation=cv2.INTER_AREA), np.float32)
    low, high = -9.0, 3.0
    if contrast(small, added(small, light * np.float32(np.exp(high)))) < LEAST:
        return None
    for _ in range(9):
        middle = (low + high) / 2
        if contrast(small, added(small, light * np.float32(np.exp(middle)))) < wanted:
            low = middle
        else:
            high = middle
    reached = contrast(small, added(small, light * np.float32(np.exp(high))))
    return float(np.exp(high)) if reached >= LEAST else None


def _turned(rng: np.random.Generator, root: Pixels, side: int) -> Light:
    """The light, turned, mirrored, a little shifted, at the frame's size."""
    half = (root.shape[0] - 1) / 2
    matrix = cv2.getRotationMatrix2D((half, half), float(rng.uniform(0, 360)), float(rng.uniform(0.9, 1.15)))
    turned = cv2.warpAffine(root, matrix, (root.shape[1], root.shape[0]), flags=cv2.INTER_LINEAR)
    turned = turned[:, ::-1] if rng.random() < 0.5 else turned
    how = cv2.INTER_AREA if root.shape[0] > side else cv2.INTER_LINEAR
    small = cv2.resize(np.ascontiguousarray(turned), (side, side), interpolation=how).astype(np.float32) / 255
    return np.asarray(small * small, np.float32)


def _colours(rng: np.random.Generator, bare: Pixels) -> Light:
    """The camera's balance, as far as the sky's own colour tells it, and a tint of its own."""
    inside = disc_mask(bare.shape[0])
    median = np.median(bare[inside].astype(np.float32), axis=0) + 6
    balance = (median / median.mean()) ** np.float32(rng.uniform(0, 0.7))
    return np.asarray(balance * np.exp(rng.normal(0, 0.12, 3)), np.float32)


def _open_sky(bare: Pixels) -> Light:
    """Where sky is seen and not trees, houses or a black edge: what is not far darker than its surroundings."""
    side = bare.shape[0]
    level = cv2.blur(bare.max(axis=2).astype(np.float32), (3, 3))
    inside = disc_mask(side)
    limit = 0.35 * float(np.median(level[inside]))
    seen = ((level > max(limit, 1.5)) & inside).astype(np.float32)
    seen = cv2.morphologyEx(seen, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    return np.asarray(cv2.GaussianBlur(seen, (0, 0), side / 160), np.float32)


def _gaps(rng: np.random.Generator, side: int) -> Light:
    """Uneven cloud before the aurora."""
    coarse = rng.normal(0, 1, (int(rng.integers(3, 8)),) * 2).astype(np.float32)
    fine = rng.normal(0, 0.5, (int(rng.integers(9, 24)),) * 2).astype(np.float32)
    lumps = sum(cv2.resize(one, (side, side), interpolation=cv2.INTER_CUBIC) for one in (coarse, fine))
    return np.asarray(np.exp(-np.clip(1.2 * np.asarray(lumps) + rng.uniform(0, 1.2), 0, 3)), np.float32)
