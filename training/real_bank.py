"""A bank of real full frames, for the last touch of a model that has learned from made ones.

    aurorad-train simulate --bank runs/banks/real-half --kind real --count 200 --real ../shared/data --half 0

With ``half`` only every second night is taken, so that the rest can judge what the touch is worth.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.preprocess import SIDE
from training.bank import BankWriter
from training.evaluate import Frames
from training.held_out import real_frames


def nights_of_half(frames: Frames, half: int) -> npt.NDArray[np.bool_]:
    """(frames,) mask of every second night, in order of their names: half 0 or 1."""
    chosen = sorted(set(frames.night.tolist()))[half::2]
    return np.isin(frames.night, chosen)


def fill_real(path: Path, folder: Path, count: int, seed: int, half: int | None = None) -> Path:
    """``count`` pairs of a real frame without and one with aurora, nights drawn evenly.

    Raises ValueError where the half has frames of one kind only.
    """
    frames = real_frames(folder)
    taken = np.ones(len(frames.aurora), bool) if half is None else nights_of_half(frames, half)
    rng = np.random.default_rng([seed, 6])
    writer = BankWriter(path, count, 2, SIDE)
    kinds = [np.flatnonzero(taken & (frames.aurora == kind)) for kind in (False, True)]
    if not all(len(kind) for kind in kinds):
        raise ValueError(f"{folder}: no frames of both kinds in this half")
    for _ in range(count):
        rows = [_draw(rng, frames, kind) for kind in kinds]
        writer.add([frames.squares[row] for row in rows], [0, 1], contrast=1.0, source="real")
    writer.flush()
    return path


def _draw(rng: np.random.Generator, frames: Frames, rows: npt.NDArray[np.intp]) -> int:
    """A frame of a night drawn evenly; half the time a night of many frames, for they differ."""
    nights = np.unique(frames.night[rows])
    sizes = np.array([(frames.night[rows] == night).sum() for night in nights], float)
    weight = sizes**0.5
    night = rng.choice(nights, p=weight / weight.sum())
    return int(rng.choice(rows[frames.night[rows] == night]))
