"""Ready-made random textures: the grain of clouds, folds, rays and snow.

Each tile is periodic, so that it can be sampled anywhere and drift for ever, and has a power
spectrum ``k ** -slope`` (random phases): about 2.8 for cloud, 4 for the smooth bends of arcs, less for grain.
Values are normalised to mean 0 and standard deviation 1. Tiles are made once per process.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.floating[Any]]  # float32 in practice: half the time of float64

SIDE = 256
TILES = 12


def tile(number: int, slope: float = 2.8) -> Plane:
    """One periodic texture, (SIDE + 1, SIDE + 1): the first row and column repeat at the end."""
    return _tile(number % TILES, slope)


@lru_cache(maxsize=TILES * 12)
def _tile(number: int, slope: float) -> Plane:
    rng = np.random.default_rng([number, round(slope * 100)])
    k = np.fft.fftfreq(SIDE)[:, None] ** 2 + np.fft.rfftfreq(SIDE)[None, :] ** 2
    k[0, 0] = 1.0
    amplitude = k ** (-slope / 4)
    amplitude[0, 0] = 0.0
    spectrum = amplitude * np.exp(2j * np.pi * rng.random(k.shape))
    texture = np.fft.irfft2(spectrum, s=(SIDE, SIDE))
    texture = (texture - texture.mean()) / texture.std()
    return np.pad(texture, ((0, 1), (0, 1)), mode="wrap").astype(np.float32)


def sample(texture: Plane, x: Plane, y: Plane) -> Plane:
    """The texture at (x, y), in tile lengths (period 1), any shape of two dimensions."""
    u = (x - np.floor(x)) * np.float32(SIDE)
    v = (y - np.floor(y)) * np.float32(SIDE)
    found = cv2.remap(texture, u.astype(np.float32), v.astype(np.float32), cv2.INTER_LINEAR)
    return np.asarray(found, dtype=np.float32)


def evolving(number: int, slope: float, x: Plane, y: Plane, phase: float) -> Plane:
    """A texture that changes its shape, not only its place, as ``phase`` runs (1 = another shape).

    A mixture of two neighbours on a quarter circle, so that the variance stays 1.
    """
    first = int(np.floor(phase))
    angle = (phase - first) * np.pi / 2
    # Neighbouring tiles are shifted by irrational steps, or the sequence would repeat in place.
    shift = np.float32(0.618 * first % 1.0)
    now = sample(tile(number + first, slope), x + shift, y)
    if angle < 1e-6:
        return now
    later = sample(tile(number + first + 1, slope), x + np.float32(0.618 * (first + 1) % 1.0), y)
    return np.asarray(np.cos(angle) * now + np.sin(angle) * later, dtype=np.float32)


@lru_cache(maxsize=4)
def grain(colours: int = 3) -> npt.NDArray[np.float32]:
    """White noise, (1536, 1536, colours), standard deviation 1: windows of it are sensor noise."""
    rng = np.random.default_rng(20151110)
    return rng.standard_normal((1536, 1536, colours), dtype=np.float32)
