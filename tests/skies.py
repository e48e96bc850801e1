"""A night sky simple enough to be told by its greenness and still a sky: soft, uneven, with a sensor's noise."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from daemon.observation import Picture


@lru_cache(maxsize=8)
def _shape(side: int) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.float32]], ...]:
    """Glow towards the horizon, and a soft, bent band across the zenith; both (side, side, 1)."""
    along = (np.arange(side, dtype=np.float32) + 0.5) / side * 2 - 1
    glow = 6 + 14 * (along[:, None] ** 2 + along[None, :] ** 2)
    bent = along[:, None] + 0.3 * along[None, :] ** 2 - 0.06 * np.sin(7 * along[None, :])
    band = np.exp(-((bent / 0.22) ** 2))
    return glow[..., None], band[..., None]


@lru_cache(maxsize=8)
def _band(side: int, aurora: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """What an aurora so many levels bright adds, (side, side, 3)."""
    _, band = _shape(side)
    added: np.ndarray[tuple[int, ...], np.dtype[np.float32]] = (
        aurora * band * np.array([0.4, 1, 0.3], dtype=np.float32)
    )
    return added


def night_sky(random: np.random.Generator, aurora: float = 0, side: int = 720, noise: int = 9) -> Picture:
    """(side, side, 3) BGR: a dark sky; ``aurora`` is how many levels of green its band adds,
    ``noise`` from how many levels its noise is drawn."""
    glow, _ = _shape(side)
    light = glow + random.integers(0, noise, (side, side, 3), dtype=np.uint8)
    if aurora:
        light += _band(side, aurora)
    return np.clip(light, 0, 255, out=light).astype(np.uint8)
