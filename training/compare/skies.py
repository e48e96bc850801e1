"""The skies that every method learns from and is judged on: drawn once, kept as flat files, the same for all.

======== ============================================================================================
lessons  skies cut from keograms of nights to train on, and made scenes with aurora and without
real     the labelled real frames that count; each is answered by what learned nothing of its source's fold
keogram  skies cut from the keograms of the nights held out
nights   every few minutes of simulated nights that nothing is learned from
scenes   made scenes nobody has learned from, with their class
======== ============================================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from daemon.files import replacing
from models.preprocess import SIDE, Pixels
from training.compare.made import HEAT_SIDE, factor_scene, scene_pair
from training.compare.plan import Plan
from training.data.keogram import cut_sky, draw_cut, greenness, is_held_out, read_keogram, read_labels
from training.data.real import counted, folds, read_frames, squares
from training.evaluation.nights import KeptNight, draw_nights, read_nights
from training.evaluation.sets import keogram_frames

JUDGED: Final = ("real", "keogram", "nights")
"""The sets that ask: is there aurora?"""
TITLES: Final = {
    "real": "real frames, sources left out",
    "keogram": "keogram nights held out",
    "nights": "simulated nights",
}
NIGHT_SEED: Final = 41_000
FIT_SEED: Final = 42_000
UNKNOWN: Final = -1

Names = npt.NDArray[np.str_]
Whole = npt.NDArray[np.int8]
Tell = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Skies:
    """One set: ``pictures`` (N, 240, 240, 3), ``aurora`` 1 yes, 0 no, -1 not judged; ``group`` the source, night or
    scene; ``part`` keogram, made or real; ``fold`` of the real sources, -1 elsewhere; ``kind`` of the six classes or -1;
    ``heat`` (N, 60, 60) where a made scene shows aurora.
    """

    pictures: Pixels
    aurora: Whole
    group: Names
    part: Names
    fold: Whole
    kind: Whole
    heat: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.aurora)

    @property
    def yes(self) -> npt.NDArray[np.bool_]:
        """Which show aurora."""
        return np.asarray(self.aurora == 1)

    def where(self, rows: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> Skies:
        """Some of them."""
        return Skies(*(getattr(self, one.name)[rows] for one in fields(self)))


def skies(
    pictures: Pixels,
    aurora: npt.ArrayLike,
    group: npt.ArrayLike,
    part: str,
    fold: npt.ArrayLike | None = None,
    kind: npt.ArrayLike | None = None,
    heat: npt.NDArray[np.uint8] | None = None,
) -> Skies:
    """A set of one part, with what is not known filled in."""
    count = len(pictures)
    unknown = np.full(count, UNKNOWN, np.int8)
    return Skies(
        pictures,
        np.asarray(aurora, np.int8),
        np.asarray(group, dtype=np.str_),
        np.full(count, part),
        unknown if fold is None else np.asarray(fold, np.int8),
        unknown if kind is None else np.asarray(kind, np.int8),
        np.zeros((count, HEAT_SIDE, HEAT_SIDE), np.uint8) if heat is None else heat,
    )


def together(sets: list[Skies]) -> Skies:
    """Several sets as one."""
    return Skies(*(np.concatenate([getattr(s, one.name) for s in sets]) for one in fields(Skies)))


class Collection:
    """The sets of a plan in a folder; each is drawn when first asked for."""

    def __init__(self, folder: Path, plan: Plan, tell: Tell = lambda line: None) -> None:
        self.folder = folder / "skies"
        self.plan = plan
        self.tell = tell

    @cached_property
    def lessons(self) -> Skies:
        """What to learn from, the judged alone."""
        drawn = self._kept("lessons", self._draw_lessons)
        return drawn.where(drawn.aurora >= 0)

    @cached_property
    def scenes(self) -> Skies:
        """Made scenes to be judged on, by class and by box."""
        size, seed = self.plan.size, self.plan.seed
        return self._kept("scenes", lambda: draw_scenes(size.judged_scenes, seed + 990))

    @cached_property
    def real(self) -> Skies | None:
        """The real frames that count, with their fold; None without the collection."""
        folder = self.plan.real
        return None if folder is None else self._kept("real", lambda: real_skies(folder))

    @cached_property
    def keogram(self) -> Skies | None:
        """Skies of the keogram nights held out; None without keograms."""
        folder, cuts = self.plan.keograms, self.plan.size.judged_cuts
        return None if folder is None else self._kept("keogram", lambda: held_out_keograms(folder, cuts))

    @cached_property
    def nights(self) -> Skies:
        """Every ``stride``-th frame of the simulated nights; those near the criterion are left out."""
        stride = self.plan.size.stride
        return together([_night_skies(night, stride) for night in self.whole_nights()])

    def judged(self, name: str) -> Skies | None:
        """One of the sets of ``JUDGED``."""
        found: Skies | None = getattr(self, name)
        return found

    def whole_nights(self) -> list[KeptNight]:
        """The simulated nights minute by minute."""
        return self._nights("nights", self.plan.size.nights, NIGHT_SEED)

    def fit_nights(self) -> list[KeptNight]:
        """Other simulated nights, to fit filters over time on."""
        return self._nights("fit-nights", self.plan.size.fit_nights, FIT_SEED)

    @cached_property
    def factors(self) -> tuple[Pixels, npt.NDArray[np.float32]]:
        """Pictures (N, 64, 64, 3) by one camera and the factors (N, 6) they were drawn from."""
        path = self.folder / "factors.npz"
        if not path.exists():
            self.tell(f"drawing {self.plan.size.factors} scenes of known factors")
            rng = np.random.default_rng([self.plan.seed, 64])
            drawn = [factor_scene(rng, 64) for _ in range(self.plan.size.factors)]
            keep(path, pictures=np.stack([p for p, _ in drawn]), factors=np.stack([f for _, f in drawn]))
        kept = np.load(path)
        return kept["pictures"], kept["factors"]

    def _draw_lessons(self) -> Skies:
        size, seed = self.plan.size, self.plan.seed
        parts = [draw_scenes(size.scenes, seed)]
        if self.plan.keograms is not None:
            parts.append(lesson_keograms(self.plan.keograms, size.cuts, size.keograms, seed))
        return together(parts)

    def _nights(self, name: str, count: int, seed: int) -> list[KeptNight]:
        folder = self.folder / name
        self.tell(f"drawing {count} simulated nights ({name})")
        draw_nights(folder, count, seed + self.plan.seed, hours=self.plan.size.hours)
        return list(read_nights(folder))

    def _kept(self, name: str, make: Callable[[], Skies]) -> Skies:
        path = self.folder / f"{name}.npz"
        if not path.exists():
            self.tell(f"drawing the set {name}")
            made = make()
            keep(path, **{one.name: getattr(made, one.name) for one in fields(Skies)})
        kept = np.load(path)
        return Skies(*(kept[one.name] for one in fields(Skies)))


def keep(path: Path, **arrays: npt.NDArray[np.generic]) -> None:
    """Write arrays as one file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as part, part.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def draw_scenes(count: int, seed: int) -> Skies:
    """``count`` made scenes, each without aurora and with it; a scene is one group."""
    rng = np.random.default_rng([seed, 19])
    drawn = [scene_pair(rng) for _ in range(count)]
    dark = np.zeros((HEAT_SIDE, HEAT_SIDE), np.uint8)
    return skies(
        np.stack([picture for pictures, *_ in drawn for picture in pictures]),
        [label for _, labels, *_ in drawn for label in labels],
        [f"scene {number}" for number in range(count) for _ in range(2)],
        "made",
        kind=[kind for _, _, kinds, _ in drawn for kind in kinds],
        heat=np.stack([heat for *_, lit in drawn for heat in (dark, lit)]),
    )


def lesson_keograms(folder: Path, cuts: int, most: int, seed: int) -> Skies:
    """Skies cut from the labelled spans of the nights to train on, as many with aurora as without."""
    rng = np.random.default_rng([seed, 20])
    spans = [span for span in read_labels() if not is_held_out(span.night)]
    halves = [[s for s in spans if (s.label == "aurora") == yes] * cuts for yes in (False, True)]
    each = min(most // 2, *(len(half) for half in halves))
    chosen = [half[i] for half in halves for i in rng.permutation(len(half))[:each]]
    pictures = []
    for span in chosen:
        keogram = read_keogram(folder, span.night)
        green = greenness(keogram) if span.label == "aurora" else None
        pictures.append(cut_sky(keogram, draw_cut(rng, span, green), SIDE))
    return skies(
        np.stack(pictures), [s.label == "aurora" for s in chosen], [s.night for s in chosen], "keogram"
    )


def held_out_keograms(folder: Path, cuts: int) -> Skies:
    """Skies of the nights held out, as ``evaluate`` judges them."""
    frames = keogram_frames(folder, "held out", cuts)
    return skies(frames.squares, frames.aurora, frames.night, "keogram")


def real_skies(folder: Path) -> Skies:
    """The labelled real frames that count, grouped by source."""
    frames = counted(read_frames())
    fold_of = {source: number for number, names in folds().items() for source in names}
    return skies(
        squares(folder, frames),
        [frame.yes for frame in frames],
        [frame.source for frame in frames],
        "real",
        fold=[fold_of[frame.source] for frame in frames],
    )


def real_files() -> list[str]:
    """The files of the real set, in its order."""
    return [frame.file for frame in counted(read_frames())]


def _night_skies(night: KeptNight, stride: int) -> Skies:
    rows = judged_minutes(night, stride)
    return skies(night.pictures[rows], night.aurora[rows], np.full(len(rows), night.name), "made")


def judged_minutes(night: KeptNight, stride: int) -> npt.NDArray[np.intp]:
    """The frames of a night that count."""
    return np.array([i for i in range(0, len(night.times), stride) if not night.marginal[i]], np.intp)


def batches(pictures: Pixels, count: int) -> Iterator[Pixels]:
    """Pictures in slices of at most ``count``."""
    for start in range(0, len(pictures), count):
        yield np.ascontiguousarray(pictures[start : start + count])
