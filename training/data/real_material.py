"""Real frames as materials: evenly over sources, with and without made aurora over them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from models.labels import SKY
from models.preprocess import Pixels
from training.data.augment import STRENGTHS, apply_change, draw_change
from training.data.bank import HEAT_SIDE, open_bank
from training.data.banks import heat_of
from training.data.batch import Batch
from training.data.real import RealFrame, read_frames, square, without
from training.data.transplant import transplant
from training.recipe import MaterialSpec, Stage

Groups = dict[str, list[RealFrame]]


@lru_cache(maxsize=1024)
def _square(folder: Path, frame: RealFrame) -> Pixels:
    return square(folder, frame)


def by_source(frames: list[RealFrame]) -> Groups:
    """The frames of each source."""
    groups: Groups = {}
    for frame in frames:
        groups.setdefault(frame.source, []).append(frame)
    return groups


def pick(rng: np.random.Generator, groups: Groups) -> RealFrame:
    """A frame of a source drawn in proportion to the fourth root of its frames, so that one camera's
    hundred frames of a night weigh three times what a camera with one frame does.
    """
    weight = np.array([len(frames) for frames in groups.values()]) ** 0.25
    frames = list(groups.values())[int(rng.choice(len(groups), p=weight / weight.sum()))]
    return frames[int(rng.integers(len(frames)))]


def _sky(frame: RealFrame) -> int:
    return SKY.index(frame.sky) if frame.sky else -1


class FramesMaterial:
    """Labelled real frames, as many with aurora as without, each source alike."""

    def __init__(self, spec: MaterialSpec, leave_out: Collection[str] = ()) -> None:
        self.spec = spec
        frames = [frame for frame in without(read_frames(), leave_out) if frame.judged]
        self.groups = tuple(by_source([f for f in frames if f.yes is yes]) for yes in (False, True))
        self.count = len(frames)

    def __len__(self) -> int:
        return self.count

    def draw(
        self, rng: np.random.Generator, count: int, stage: Stage, step: int, done: float, seed: int
    ) -> Batch:
        """Every second frame shows aurora."""
        frames = [pick(rng, self.groups[index % 2]) for index in range(count)]
        pictures = np.stack([self._changed(rng, frame, stage.side) for frame in frames])
        return Batch(
            pictures,
            np.array([frame.yes for frame in frames], np.int8),
            np.array([_sky(frame) for frame in frames], np.int8),
            np.zeros((count, HEAT_SIDE, HEAT_SIDE), np.float32),
            np.array([not frame.yes for frame in frames], np.float32),  # no aurora: the map is known, empty
        )

    def _changed(self, rng: np.random.Generator, frame: RealFrame, side: int) -> Pixels:
        change = draw_change(rng, STRENGTHS[self.spec.augment], self.spec.looks)
        return apply_change(change, _square(self.spec.path, frame), side)

    def validation(self, stage: Stage) -> Iterator[Batch]:
        """None: frames of sources left out are judged by ``training/judging.py``."""
        return iter(())


class TransplantMaterial:
    """Pairs of a real sky without aurora and the same with made aurora over it."""

    def __init__(self, spec: MaterialSpec, leave_out: Collection[str] = ()) -> None:
        if spec.light is None:
            raise ValueError('a transplant needs the bank of aurora light: light = "runs/banks/light"')
        self.spec = spec
        frames = [f for f in without(read_frames(), leave_out) if f.aurora == "no" and f.light != "day"]
        self.groups = by_source(frames)
        self.light = open_bank(spec.light)
        self.count = len(frames)

    def __len__(self) -> int:
        return self.count

    def draw(
        self, rng: np.random.Generator, count: int, stage: Stage, step: int, done: float, seed: int
    ) -> Batch:
        """``count / 2`` pairs, each with one change for both of its members."""
        parts: list[Batch] = []
        while len(parts) < count // 2:
            frame = pick(rng, self.groups)
            bare = _square(self.spec.path, frame)
            if bare.shape[0] != stage.side:
                bare = np.asarray(cv2.resize(bare, (stage.side,) * 2, interpolation=cv2.INTER_AREA), np.uint8)
            root = self.light.pictures[int(rng.integers(len(self.light))), 0]
            pair = transplant(rng, bare, np.asarray(root), frame.sky == "cloudy")
            if pair is None:
                continue
            change = draw_change(rng, STRENGTHS[self.spec.augment], self.spec.looks)
            members = [apply_change(change, one, stage.side) for one in (pair.bare, pair.lit)]
            heat = np.zeros((2, HEAT_SIDE, HEAT_SIDE), np.float32)
            heat[1] = heat_of(members[0], members[1]) / np.float32(255)
            parts.append(
                Batch(
                    np.stack(members),
                    np.array([0, 1], np.int8),
                    np.full(2, _sky(frame), np.int8),
                    heat,
                    np.ones(2, np.float32),
                )
            )
        return Batch.join(parts)

    def validation(self, stage: Stage) -> Iterator[Batch]:
        """None."""
        return iter(())
