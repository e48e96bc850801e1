"""Real frames to judge a model on: the developers' collection, a labelled folder, skies cut from keograms."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Final, Literal

import cv2
import numpy as np

from daemon.footage.image import read
from daemon.observation import Disc
from daemon.sky.geometry import cut_disc, cut_square
from models.preprocess import SIDE, Pixels, shrink
from training.data.dataset import read_manifest, read_square
from training.data.keogram import cut_sky, draw_cut, greenness, is_held_out, read_keogram, read_labels
from training.evaluation.evaluate import Frames

Nights = Literal["held out", "trained on", "all"]

FAINT: Final = range(110, 196)
"""Frames of the AuroraMAX sequence that two people would differ over; not counted."""

DISCS: Final = {
    "longyearbyen_nipr": Disc(360, 238, 230, 720, 480),
    "trex_rgb": Disc(276.5, 240, 276, 553, 480),
}
"""Where the sky lies in the pictures of the collection's other cameras; KHO's fill their width."""


def real_frames(folder: Path) -> Frames:
    """The collection's labelled frames: AuroraMAX's sequence, other cameras' stills, two AuroraMAX pictures.

    Raises FileNotFoundError where the folder is not there.
    """
    squares: list[Pixels] = []
    names: list[str] = []
    nights: list[str] = []
    aurora: list[bool] = []
    for path in sorted((folder / "auroramax" / "sequence").glob("*.jpg")):
        if int(path.stem) in FAINT:
            continue
        squares.append(shrink(cut_square(read(path))))
        names.append(f"auroramax/{path.stem}")
        nights.append("auroramax-sequence")
        aurora.append(True)
    with (folder / "other_cameras" / "labels.csv").open(newline="") as lines:
        for row in csv.DictReader(lines):
            path = folder / "other_cameras" / row["file"]
            squares.append(_other(path))
            names.append(row["file"])
            nights.append(f"{path.parent.name}/{_date(path.stem)}")
            aurora.append(row["aurora"] == "yes")
    overlay = folder / "auroramax" / "overlay"
    for path, disc in (
        (overlay / "2016-02-07T23-12-18_MST_player_911x545.png", Disc(484, 272, 262, 969, 545)),
        (overlay / "slide10_masked_20221201.jpeg", None),
    ):
        squares.append(_overlay(path, disc))
        names.append(f"overlay/{path.name}")
        nights.append(f"overlay/{path.name}")
        aurora.append(True)
    return Frames("real", np.stack(squares), np.array(aurora), np.array(nights), names)


def _other(path: Path) -> Pixels:
    pixels = read(path)
    height, width = pixels.shape[:2]
    disc = DISCS.get(path.parent.name, Disc(width / 2, width / 2, width / 2, width, height))
    return shrink(cut_disc(pixels, disc))


def _overlay(path: Path, disc: Disc | None) -> Pixels:
    """A picture whose aspect was not kept: stretched back before the disc is cut."""
    pixels = read(path)
    if disc is None:
        side = pixels.shape[0]
        return shrink(cut_square(np.asarray(cv2.resize(pixels, (side, side)), np.uint8)))
    return shrink(cut_disc(np.asarray(cv2.resize(pixels, (disc.width, disc.height)), np.uint8), disc))


def _date(stem: str) -> str:
    """The date or date-like part of a still's name: digits of its first long number."""
    digits = "".join(c if c.isdigit() else " " for c in stem).split()
    return max(digits, key=len)[:8] if digits else stem


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
    squares: list[Pixels] = []
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
            squares.append(cut_sky(pictures[span.night], draw_cut(rng, span, green), SIDE))
            aurora.append(span.label == "aurora")
            clear.append(int(span.clear))
            of_night.append(span.night)
            names.append(f"{span.night}/{span.row_from}-{number}")
    return Frames(
        "keogram" if nights == "held out" else f"keogram, nights {nights}",
        np.stack(squares),
        np.array(aurora),
        np.array(of_night),
        names,
        clear=np.array(clear, np.int8),
    )
