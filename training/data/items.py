"""One drawn item of a bank: a sky without aurora and the same with it, or one picture, and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from models.preprocess import Pixels
from training.data.bank import HEAT_SIDE
from training.simulator.render import CONTRAST, FLOOR_LEVELS

PLAIN: Final = 3 * CONTRAST
"""Contrast at which the heat map is full."""
SEEN: Final = 1 / 3
"""Heat from which a place shows aurora: the simulator's criterion, ``CONTRAST``."""


@dataclass(frozen=True, eq=False)
class Item:
    """``pictures`` (S, S, 3) each, the lit one last, and ``aurora`` of each: 1 yes, 0 no, -1 not judged.

    ``heat`` (60, 60) uint8 and ``forms`` (6,) int8 are of the last picture; the rest as in a bank's table.
    """

    pictures: list[Pixels]
    aurora: list[int]
    sky: int = -1
    contrast: float = 0.0
    heat: npt.NDArray[np.uint8] | None = None
    forms: npt.NDArray[np.int8] | None = None
    night: str = ""
    source: str = ""


def label_of(contrast: float) -> int:
    """1 aurora, 0 none, -1 too near the simulator's criterion to say."""
    if contrast >= 1.5 * CONTRAST:
        return 1
    return 0 if contrast < CONTRAST / 2 else -1


def heat_of(without: Pixels, lit: Pixels) -> npt.NDArray[np.uint8]:
    """Where aurora is plain: its contrast by the simulator's criterion, (60, 60), 255 = three times it."""
    before, after = (cv2.blur(one.mean(axis=2, dtype=np.float32), (3, 3)) for one in (without, lit))
    contrast = (after - before) / (before + FLOOR_LEVELS) / PLAIN
    small = cv2.resize(np.clip(contrast, 0, 1), (HEAT_SIDE, HEAT_SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(small * 255, dtype=np.uint8)


def no_heat() -> npt.NDArray[np.uint8]:
    """No aurora anywhere."""
    return np.zeros((HEAT_SIDE, HEAT_SIDE), np.uint8)
