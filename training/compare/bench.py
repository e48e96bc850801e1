"""How a method is judged: the same for all.

What has a head is fitted once for every fold of real sources, on the lessons and the real frames of the other folds, and asked
about the fold's frames; and once on everything, to be asked about keogram nights and simulated nights. Balanced
accuracy and ROC area have intervals drawn over sources or nights (``training.evaluation.scores``).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from daemon.files import replacing
from models.preprocess import Pixels
from training.compare.heads import Ask, Classify, Flags, Floats, Head, Lesson, weights
from training.compare.plan import Plan
from training.compare.skies import JUDGED, Collection, Skies, Tell
from training.evaluation import scores

Encode = Callable[[Pixels], Floats]
"""Pictures (N, 240, 240, 3) → features (N, D)."""
KEPT: Final = ("frames", "nights", "balanced_accuracy", "balanced_accuracy_95", "roc_area", "roc_area_95")
RESAMPLES: Final = 1000


@dataclass(frozen=True)
class Outcome:
    """What running a method gave: figures by set, others by name, speed and size; each may be missing."""

    sets: dict[str, dict[str, Any]] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)
    frames_per_second: float | None = None
    megabytes: float | None = None


class Bench:
    """The sets, and features of them kept by encoder."""

    def __init__(self, folder: Path, plan: Plan, tell: Tell = lambda line: None) -> None:
        self.folder = folder
        self.plan = plan
        self.tell = tell
        self.skies = Collection(folder, plan, tell)

    def features(self, name: str, which: str, encode: Encode, sky: Skies) -> Floats:
        """An encoder's features of a set, computed once and kept."""
        path = self.folder / "features" / name / f"{which}.npy"
        if not path.exists():
            self.tell(f"{name}: features of {len(sky)} pictures ({which})")
            path.parent.mkdir(parents=True, exist_ok=True)
            found = encode(sky.pictures).astype(np.float32)
            with replacing(path) as part, part.open("wb") as file:
                np.save(file, found)
        return np.asarray(np.load(path), np.float64)

    def judge_head(self, name: str, encode: Encode, head: Head) -> tuple[dict[str, dict[str, Any]], Ask]:
        """Figures by set of a head on an encoder's features, and the head fitted on everything."""
        lessons, real = self.skies.lessons, self.skies.real
        known = self.features(name, "lessons", encode, lessons)
        theirs = None if real is None else self.features(name, "real", encode, real)
        margins = {}
        if real is not None and theirs is not None:
            margins["real"] = crossed(lessons, known, real, theirs, head)
        ask = head(lesson(lessons, known, real, theirs))
        for which in JUDGED[1:]:
            sky = self.skies.judged(which)
            if sky is not None:
                margins[which] = ask(self.features(name, which, encode, sky))
        return self.figures(margins), ask

    def figures(self, margins: Mapping[str, Floats]) -> dict[str, dict[str, Any]]:
        """Figures by set of margins in the sets' order."""
        found = {}
        for which, margin in margins.items():
            sky = self.skies.judged(which)
            assert sky is not None, f"no set {which}"
            found[which] = set_figures(sky.yes, margin, sky.group)
        return found

    def judge_classes(self, name: str, encode: Encode, classify: Classify) -> dict[str, Any]:
        """Six classes: learned on the lessons' made scenes, judged on scenes nobody has learned from."""
        lessons, scenes = self.skies.lessons, self.skies.scenes
        known, asked = lessons.kind >= 0, scenes.kind >= 0
        ask = classify(self.features(name, "lessons", encode, lessons)[known], lessons.kind[known])
        said = ask(self.features(name, "scenes", encode, scenes)[asked])
        return class_figures(scenes.kind[asked], said, scenes.group[asked])

    def speed(self, answer: Callable[[Pixels], Any]) -> float:
        """Pictures a second, one at a time, as a watch asks, from the square disc to the answer."""
        count = self.plan.size.timed
        pictures = self.skies.scenes.pictures[:count]
        answer(pictures[:1])
        spent = []
        for picture in pictures:
            began = time.process_time()
            answer(picture[None])
            spent.append(time.process_time() - began)
        return round(1 / max(float(np.median(spent)), 1e-6), 1)


def lesson(lessons: Skies, known: Floats, real: Skies | None, theirs: Floats | None) -> Lesson:
    """Lessons, with real frames beside them where there are any."""
    if real is None or theirs is None or not len(real):
        return Lesson(known, lessons.yes, weights(lessons.part, lessons.yes))
    yes, part = np.concatenate([lessons.yes, real.yes]), np.concatenate([lessons.part, real.part])
    return Lesson(np.concatenate([known, theirs]), yes, weights(part, yes))


def crossed(lessons: Skies, known: Floats, real: Skies, theirs: Floats, head: Head) -> Floats:
    """The margin of every real frame by a head that has seen no source of its fold."""
    margin = np.zeros(len(real))
    for number in np.unique(real.fold):
        mine = real.fold == number
        ask = head(lesson(lessons, known, real.where(~mine), theirs[~mine]))
        margin[mine] = ask(theirs[mine])
    return margin


def set_figures(yes: Flags, margin: Floats, group: npt.NDArray[np.str_]) -> dict[str, Any]:
    """Balanced accuracy and ROC area with their intervals; yes is a margin of at least 0.

    The margin's rank alone counts, so a margin as small as a share of pixels loses nothing.
    """
    levels = np.unique(np.append(margin, 0.0))
    place = 0.5 + (np.searchsorted(levels, margin) - np.searchsorted(levels, 0.0)) / (2 * len(levels))
    found = scores.summary(yes, np.asarray(place, np.float64), group)
    return {key: found[key] for key in KEPT if key in found}


def class_figures(kind: npt.NDArray[np.int8], said: npt.NDArray[np.int8], group: Any) -> dict[str, Any]:
    """Accuracy, and the mean over classes of the share found, with its interval over groups."""

    def recall(rows: npt.NDArray[np.intp]) -> float:
        truth, answer = kind[rows], said[rows]
        return float(np.mean([(answer[truth == one] == one).mean() for one in np.unique(truth)]))

    every = np.arange(len(kind))
    interval = scores.bootstrap(np.asarray(group, dtype=np.str_), recall, RESAMPLES)
    found: dict[str, Any] = {
        "frames": len(kind),
        "classes": len(np.unique(kind)),
        "accuracy": round(float((kind == said).mean()), 4),
        "balanced_accuracy": round(recall(every), 4),
    }
    if interval is not None:
        found["balanced_accuracy_95"] = [round(edge, 4) for edge in interval]
    return found
