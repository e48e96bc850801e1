"""What a split within nights hides: the same learner judged within nights and on whole other nights.

The learner is the plainest that can remember a night: the nearest neighbours of a frame's colours,
8 × 8 of them. Frames are skies cut from the labelled keograms, so nights are real.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
from sklearn.neighbors import KNeighborsClassifier

from training.data.dataset import Row, night_split, thesis_split
from training.evaluation.evaluate import Frames
from training.evaluation.scores import figures_fast

SIDE: Final = 8
NEIGHBOURS: Final = 5


def leak(frames: Frames, seeds: Sequence[int] = (1, 2, 3, 4, 5)) -> dict[str, float]:
    """Mean balanced accuracy over ``seeds`` by either split, and how much the one within nights adds."""
    colours = np.stack(
        [cv2.resize(one, (SIDE, SIDE), interpolation=cv2.INTER_AREA).ravel() for one in frames.squares]
    ).astype(np.float32)
    rows = [
        Row(name, night, label="yes" if aurora else "no")
        for name, night, aurora in zip(frames.frame, frames.night, frames.aurora, strict=True)
    ]
    within = float(np.mean([_score(colours, thesis_split(rows, seed)) for seed in seeds]))
    across = float(np.mean([_score(colours, night_split(rows, seed)) for seed in seeds]))
    return {
        "within_nights": round(within, 4),
        "by_nights": round(across, 4),
        "leak": round(within - across, 4),
        "seeds": len(seeds),
    }


def _score(colours: npt.NDArray[np.float32], rows: Sequence[Row]) -> float:
    side = np.array([row.split for row in rows])
    yes = np.array([row.label == "yes" for row in rows])
    learner = KNeighborsClassifier(NEIGHBOURS).fit(colours[side == "train"], yes[side == "train"])
    said = np.asarray(learner.predict(colours[side == "validation"]), bool)
    return figures_fast(yes[side == "validation"], said)["balanced_accuracy"] or 0.0
