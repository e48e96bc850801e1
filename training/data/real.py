"""Real frames with labels by eye, from many cameras, as one table.

``labels/frames.csv`` names files of the developers' collection (relative to its folder; ``MOVIE#N`` is
frame N of a movie) and says what is on them; ``labels/sources.csv`` says where they come from. The
pictures themselves are not part of the project.

A *source* is one camera, or several of one owner that look alike. Sources are grouped into folds by
owner, so that a model is judged on cameras of which it has seen nothing.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from daemon.footage.image import read
from daemon.observation import Disc
from daemon.sky.geometry import cut_disc, cut_square
from models.preprocess import Pixels, shrink

LABELS: Final = Path(__file__).parent / "labels"
TABLE: Final = LABELS / "frames.csv"
SOURCES: Final = LABELS / "sources.csv"

DISCS: Final = {
    "longyearbyen-nipr": Disc(360, 238, 230, 720, 480),
    "longyearbyen-kho": Disc(167, 125, 98, 320, 240),
    "trex-gillam": Disc(276.5, 240, 276, 553, 480),
}
"""Where the sky lies in the pictures that are not square discs; KHO's Sony fills its picture's width."""
STRETCHED: Final = {
    "2016-02-07T23-12-18_MST_player_911x545.png": Disc(484, 272, 262, 969, 545),
    "slide10_masked_20221201.jpeg": None,
}
"""AuroraMAX pictures whose aspect was not kept: their disc once put right, None where it fills the square."""


@dataclass(frozen=True)
class Source:
    """Where frames come from. ``fold`` groups sources that are left out together."""

    source: str
    fold: int
    camera: str
    origin: str
    licence: str


@dataclass(frozen=True)
class RealFrame:
    """One labelled frame. ``aurora`` is yes, no or unsure; ``sky`` clear, cloudy or empty; ``light``
    night, twilight or day.
    """

    file: str
    source: str
    night: str
    aurora: str
    sky: str
    light: str
    note: str

    @property
    def judged(self) -> bool:
        """Whether two people would agree on it."""
        return self.aurora != "unsure"

    @property
    def yes(self) -> bool:
        """Whether it shows aurora."""
        return self.aurora == "yes"


def read_sources(path: Path = SOURCES) -> dict[str, Source]:
    """The sources by name."""
    with path.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    return {
        row["source"]: Source(row["source"], int(row["fold"]), row["camera"], row["from"], row["licence"])
        for row in rows
    }


def read_frames(path: Path = TABLE) -> list[RealFrame]:
    """The table's rows. Raises ValueError in one line for a label that is none."""
    with path.open(newline="", encoding="utf-8") as lines:
        frames = [RealFrame(**row) for row in csv.DictReader(lines)]
    for frame in frames:
        if frame.aurora not in ("yes", "no", "unsure") or frame.sky not in ("clear", "cloudy", ""):
            raise ValueError(
                f"{path}: {frame.file} has a label that is none: {frame.aurora!r}, {frame.sky!r}"
            )
    return frames


def folds(sources: dict[str, Source] | None = None) -> dict[int, list[str]]:
    """The sources of each fold."""
    groups: dict[int, list[str]] = {}
    for one in (read_sources() if sources is None else sources).values():
        groups.setdefault(one.fold, []).append(one.source)
    return dict(sorted(groups.items()))


MOST_OF_A_NIGHT: Final = 8
"""Frames of one label and one night of one source that count: a sequence is no hundred witnesses."""


def counted(frames: Iterable[RealFrame], most: int = MOST_OF_A_NIGHT) -> list[RealFrame]:
    """The judged frames, at most ``most`` of one label and one night of one source, evenly over the night."""
    groups: dict[tuple[str, str, str], list[RealFrame]] = {}
    for one in frames:
        if one.judged:
            groups.setdefault((one.source, one.night, one.aurora), []).append(one)
    return [group[i] for group in groups.values() for i in _evenly(len(group), most)]


def _evenly(count: int, most: int) -> list[int]:
    if count <= most:
        return list(range(count))
    return [int(i) for i in np.linspace(0, count - 1, most)]


# ------------------------------------------------------------------------------------------ pictures


def square(folder: Path, frame: RealFrame) -> Pixels:
    """The frame's sky disc, (240, 240, 3). Raises OSError or ValueError where it cannot be read."""
    name, _, number = frame.file.partition("#")
    pixels = _movie(folder / name)[int(number)] if number else read(folder / name)
    if Path(name).name in STRETCHED:
        return _unstretched(pixels, STRETCHED[Path(name).name])
    disc = DISCS.get(frame.source)
    height, width = pixels.shape[:2]
    if width == height:
        return shrink(cut_square(pixels))
    if disc is None:
        disc = Disc(width / 2, width / 2, width / 2, width, height)
    return shrink(cut_disc(pixels, disc))


def check_collection(folder: Path) -> None:
    """Raises FileNotFoundError in one line where pictures of the judged frames are not there."""
    names = dict.fromkeys(frame.file.partition("#")[0] for frame in read_frames() if frame.judged)
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise FileNotFoundError(
            f"{folder} is not the collection of real frames: {len(missing)} of its {len(names)} files are missing, "
            f"{missing[0]} for one"
        )


def squares(folder: Path, frames: Iterable[RealFrame]) -> Pixels:
    """All their discs, (N, 240, 240, 3)."""
    return np.stack([square(folder, frame) for frame in frames])


def _unstretched(pixels: Pixels, disc: Disc | None) -> Pixels:
    """Stretched back before the disc is cut."""
    if disc is None:
        side = pixels.shape[0]
        return shrink(cut_square(np.asarray(cv2.resize(pixels, (side, side)), np.uint8)))
    return shrink(cut_disc(np.asarray(cv2.resize(pixels, (disc.width, disc.height)), np.uint8), disc))


@lru_cache(maxsize=1)
def _movie(path: Path) -> list[Pixels]:
    """Every frame of a short movie."""
    if not path.exists():
        raise FileNotFoundError(f"no movie at {path}")
    frames: list[Pixels] = []
    film = cv2.VideoCapture(str(path))
    while True:
        more, picture = film.read()
        if not more:
            return frames
        frames.append(np.asarray(picture, dtype=np.uint8))
