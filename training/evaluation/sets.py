"""Real frames to judge a model on: the developers' collection, a labelled folder, skies cut from keograms."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

from models.labels import SKY
from models.preprocess import SIDE, Pixels
from training.data.dataset import read_manifest, read_square
from training.data.keogram import cut_sky, draw_cut, greenness, is_held_out, read_keogram, read_labels
from training.data.real import counted, read_frames, squares
from training.evaluation.evaluate import Frames

Nights = Literal["held out", "trained on", "all"]


def real_frames(folder: Path) -> Frames:
    """The collection's labelled frames that count, by source: no camera and no night outweighs the others.

    Raises FileNotFoundError where the folder is not there.
    """
    frames = counted(read_frames())
    return Frames(
        "real",
        squares(folder, frames),
        np.array([frame.yes for frame in frames]),
        np.array([frame.source for frame in frames]),
        [frame.file for frame in frames],
        clear=np.array([SKY.index(f.sky) if f.sky else -1 for f in frames], np.int8),
    )


def manifest_frames(path: Path, split: str = "validation") -> Frames:
    """A manifest's labelled frames of one split."""
    rows = [row for row in read_manifest(path) if row.label and row.split == split]
    if not rows:
        raise ValueError(f"{path}: no labelled frame in the {split} split")
    return Frames(
        "manifest",
        np.stack([read_square(path.parent / row.path) for row in rows]),
        np.array([row.label == "yes" for row in rows]),
        np.array([row.night for row in rows]),
        [row.path for row in rows],
    )


def keogram_frames(folder: Path, nights: Nights = "held out", per_span: int = 4, seed: int = 5) -> Frames:
    """Skies cut from the labelled keograms: real colours and labels, made shapes.

    Of the nights kept from training, of those trained on (other cuts of them), or of all.
    """
    rng = np.random.default_rng(seed)
    skies: list[Pixels] = []
    aurora: list[bool] = []
    names: list[str] = []
    clear: list[int] = []
    of_night: list[str] = []
    wanted = {"held out": (True,), "trained on": (False,), "all": (True, False)}[nights]
    spans = [span for span in read_labels() if is_held_out(span.night) in wanted]
    pictures = {night: read_keogram(folder, night) for night in sorted({span.night for span in spans})}
    for span in spans:
        green = greenness(pictures[span.night]) if span.label == "aurora" else None
        for number in range(per_span):
            skies.append(cut_sky(pictures[span.night], draw_cut(rng, span, green), SIDE))
            aurora.append(span.label == "aurora")
            clear.append(int(span.clear))
            of_night.append(span.night)
            names.append(f"{span.night}/{span.row_from}-{number}")
    return Frames(
        "keogram" if nights == "held out" else f"keogram, nights {nights}",
        np.stack(skies),
        np.array(aurora),
        np.array(of_night),
        names,
        clear=np.array(clear, np.int8),
    )
