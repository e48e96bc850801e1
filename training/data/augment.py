"""One picture, many cameras: the changes a training picture goes through before the network sees it.

Geometry: any rotation, mirroring, small zoom and shift, because cameras are mounted any way round
and no direction of the sky is special to an arc. Camera: gain, white balance, tone, saturation,
black level, blur, noise, JPEG. Members of one matched pair get the same change, so that the aurora
stays the only difference between them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from models.preprocess import Pixels, disc_mask
from training.data.looks import dress

Map = npt.NDArray[np.float32]
_LEVELS: Final = np.arange(256, dtype=np.float32) / 255.0


@dataclass(frozen=True)
class Strength:
    """How far each change may go; 0 switches it off.

    ``gain`` and ``tone`` are the standard deviations of a natural logarithm, ``balance`` that of one
    channel's gain, ``black`` the largest lift of the black level (of 1), ``shift`` is a share of the
    side. ``jpeg``, ``blur`` and ``noise`` are probabilities.
    """

    rotate: bool = True
    zoom: float = 0.08
    shift: float = 0.02
    gain: float = 0.35
    tone: float = 0.2
    balance: float = 0.07
    saturation: float = 0.2
    black: float = 0.03
    jpeg: float = 0.4
    blur: float = 0.2
    noise: float = 0.3


STRONG: Final = Strength()
NONE: Final = Strength(False, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
STRENGTHS: Final = {"strong": STRONG, "mild": replace(STRONG, gain=0.2, tone=0.1, balance=0.04), "none": NONE}


@dataclass(frozen=True, eq=False)
class Change:
    """One drawn change, to be applied to one picture or to both members of a pair."""

    turn: npt.NDArray[np.float64]
    """(2, 3) affine map in unit coordinates, -1..1 from the centre, source from target."""
    curve: Pixels
    """(256, 1, 3) table, BGR."""
    saturation: float
    blur: float
    noise: float
    noise_seed: int
    jpeg: int
    look_seed: int | None = None
    """Of a camera's look (``training/data/looks.py``); None for none."""


def draw_change(rng: np.random.Generator, strength: Strength, looks: float = 0.0) -> Change:
    """Draw one change, with a camera's look as often as ``looks`` says. The same generator state
    gives the same change.
    """
    angle = rng.uniform(0, 2 * np.pi) if strength.rotate else 0.0
    zoom = np.exp(rng.normal(0, 1) * strength.zoom)
    flip = -1.0 if strength.rotate and rng.random() < 0.5 else 1.0
    cos, sin = np.cos(angle) * zoom, np.sin(angle) * zoom
    shift = rng.normal(0, 1, 2) * strength.shift
    turn = np.array([[flip * cos, -sin, shift[0]], [flip * sin, cos, shift[1]]])
    gain = np.exp(rng.normal(0, 1) * strength.gain)
    tone = np.exp(rng.normal(0, 1) * strength.tone)
    curve = np.empty((256, 1, 3), np.uint8)
    for channel in range(3):
        own = gain * (1 + rng.normal(0, 1) * strength.balance)
        black = rng.uniform(0, 1) * strength.black * rng.random()
        level = np.clip(_LEVELS * max(own, 0.1), 0, None) ** tone
        curve[:, 0, channel] = np.clip((level * (1 - black) + black) * 255 + 0.5, 0, 255)
    return Change(
        turn=turn,
        curve=curve,
        saturation=float(np.exp(rng.normal(0, 1) * strength.saturation)),
        blur=float(rng.uniform(0.4, 1.2)) if rng.random() < strength.blur else 0.0,
        noise=float(rng.uniform(1, 7)) if rng.random() < strength.noise else 0.0,
        noise_seed=int(rng.integers(0, 2**31 - 1)),
        jpeg=int(rng.integers(35, 95)) if rng.random() < strength.jpeg else 0,
        look_seed=int(rng.integers(0, 2**31 - 1)) if looks and rng.random() < looks else None,
    )


def _warp(picture: npt.NDArray[np.uint8], turn: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    """Apply an affine map given in unit coordinates to a square picture of any side."""
    half = (picture.shape[0] - 1) / 2
    matrix = turn.copy()
    matrix[:, 2] = turn[:, 2] * half + half - turn[:, :2] @ np.array([half, half])
    size = (picture.shape[1], picture.shape[0])
    warped = cv2.warpAffine(picture, matrix, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    return np.asarray(warped, dtype=np.uint8)


def _saturate(picture: Pixels, factor: float) -> Pixels:
    """Colour distance from grey times ``factor``."""
    grey = np.array([[0.114, 0.587, 0.299]]).repeat(3, axis=0)
    mix = (np.eye(3) * factor + grey * (1 - factor)).astype(np.float32)
    return np.asarray(cv2.transform(picture, mix), dtype=np.uint8)


def apply_change(change: Change, picture: Pixels, side: int) -> Pixels:
    """A (S, S, 3) disc → the changed disc (side, side, 3), black outside the circle."""
    if picture.shape[0] != side:
        how = cv2.INTER_AREA if picture.shape[0] > side else cv2.INTER_LINEAR
        picture = np.asarray(cv2.resize(picture, (side, side), interpolation=how), dtype=np.uint8)
    changed = _warp(picture, change.turn)
    changed = np.asarray(cv2.LUT(changed, change.curve), dtype=np.uint8)
    if change.saturation != 1.0:
        changed = _saturate(changed, change.saturation)
    if change.look_seed is not None:
        changed = dress(changed, change.look_seed)
    if change.blur:
        changed = np.asarray(cv2.GaussianBlur(changed, (0, 0), change.blur * side / 240), dtype=np.uint8)
    if change.noise:
        changed = _add_noise(changed, change.noise, change.noise_seed)
    if change.jpeg:
        _, data = cv2.imencode(".jpg", changed, [cv2.IMWRITE_JPEG_QUALITY, change.jpeg])
        changed = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), dtype=np.uint8)
    if not changed.flags.writeable:
        changed = changed.copy()
    changed[~disc_mask(side)] = 0
    return changed


def _add_noise(picture: Pixels, sigma: float, seed: int) -> Pixels:
    """Gaussian noise of ``sigma`` levels, coarse in colour as a debayered sensor's is."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((*picture.shape[:2], 3), dtype=np.float32) * np.float32(sigma)
    return np.asarray(np.clip(picture + noise, 0, 255), dtype=np.uint8)


def apply_to_map(change: Change, heat: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Turn a heat map of any square size as its picture was turned."""
    return _warp(heat, change.turn)
