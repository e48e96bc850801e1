"""Real frames, and made aurora over those that show none: items of a bank.

A bank's ``source`` says whose camera it was, so that a source can be left out when learning.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import cv2
import numpy as np

from models.labels import SKY
from models.preprocess import Pixels
from training.data.bank import Bank, open_bank
from training.data.items import Item, heat_of, no_heat
from training.data.real import RealFrame, read_frames, square
from training.data.transplant import transplant

Draw = np.random.Generator


@cache
def labelled() -> list[RealFrame]:
    """The frames whose label is sure, in the table's order."""
    return [frame for frame in read_frames() if frame.judged]


def real(folder: Path, number: int, side: int) -> Item:
    """Labelled frame ``number`` of the collection in ``folder``; where aurora lies on it is not known."""
    frame = labelled()[number]
    return Item(
        [_sized(_square(folder, frame), side)],
        [int(frame.yes)],
        sky=_sky(frame),
        contrast=float(frame.yes),
        heat=None if frame.yes else no_heat(),
        night=frame.night,
        source=frame.source,
    )


def transplanted(rng: Draw, folder: Path, light: Path, side: int) -> Item:
    """A frame without aurora, of a source drawn as :func:`weights` says, and the same with made aurora over it."""
    groups = _by_source([frame for frame in labelled() if not frame.yes and frame.light != "day"])
    glows = _light(light)
    while True:
        source, number = pick(rng, [len(frames) for frames in groups])
        frame = groups[source][number]
        bare = _sized(_square(folder, frame), side)
        root = np.asarray(glows.pictures[int(rng.integers(len(glows))), 0])
        pair = transplant(rng, bare, root, frame.sky == "cloudy")
        if pair is not None:
            break
    return Item(
        [pair.bare, pair.lit],
        [0, 1],
        sky=_sky(frame),
        contrast=pair.contrast,
        heat=heat_of(pair.bare, pair.lit),
        night=frame.night,
        source=frame.source,
    )


def _by_source(frames: list[RealFrame]) -> list[list[RealFrame]]:
    """The frames of each source."""
    groups: dict[str, list[RealFrame]] = {}
    for frame in frames:
        groups.setdefault(frame.source, []).append(frame)
    return list(groups.values())


def pick(rng: Draw, counts: list[int]) -> tuple[int, int]:
    """A source drawn by :func:`weights` from its count of frames, and which of its frames."""
    source = int(rng.choice(len(counts), p=weights(counts)))
    return source, int(rng.integers(counts[source]))


def weights(counts: list[int]) -> np.ndarray:
    """How often each source is drawn: by the fourth root of its frames, so that one camera's hundred frames of
    a night weigh three times what a camera with one frame does.
    """
    weight = np.array(counts, np.float64) ** 0.25
    return np.asarray(weight / weight.sum())


def _sky(frame: RealFrame) -> int:
    return SKY.index(frame.sky) if frame.sky else -1


@cache
def _square(folder: Path, frame: RealFrame) -> Pixels:
    return square(folder, frame)


@cache
def _light(path: Path) -> Bank:
    return open_bank(path)


def _sized(picture: Pixels, side: int) -> Pixels:
    if picture.shape[0] == side:
        return picture
    return np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
