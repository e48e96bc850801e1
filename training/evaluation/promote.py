"""Put a candidate model in the place of the current one, unless it is worse on nights held out.

    aurorad-train promote CANDIDATE.onnx --over models/weights/aurorad-b1.onnx \\
        --evaluation candidate.json --against current.json

Both models must have been evaluated on the same frames (``aurorad-train evaluate``). An evaluation
is a JSON file with ``model_sha256`` and ``frames``, a list of ``{"set": name of the held-out set,
"night": …, "frame": …, "aurora": true or false, "probability": calibrated, "threshold": of its cell}``.

Frames of one night resemble each other, so what counts is the difference between the two models on
the same nights, and its interval is bootstrapped by night. For balanced accuracy and ROC area, set by
set, a candidate is refused where it is worse beyond chance, and where it seems worse and a loss of
more than ``MARGIN`` cannot be ruled out. Sets of fewer than ``LEAST_NIGHTS`` nights compare nothing.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from daemon.files import replacing
from models.card import ModelError, card_path, read_card
from models.runtime import load
from training.evaluation import scores

MARGIN: Final = 0.01
"""A loss of balanced accuracy or ROC area that is taken as none, where the interval proves it."""

LEAST_NIGHTS: Final = 3
"""Nights of a set, at least: one night drawn again and again is always itself, which looks like certainty."""

RESAMPLES: Final = 1000

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Judged:
    """One held-out frame, its label, and what a model made of it."""

    held_out: str
    night: str
    frame: str
    aurora: bool
    probability: float
    threshold: float


@dataclass(frozen=True)
class Evaluation:
    """A model's answers on the held-out frames, by (set, frame)."""

    model_sha256: str
    frames: dict[tuple[str, str], Judged]


@dataclass(frozen=True)
class Comparison:
    """One figure on one set: candidate less current, with its 95 % interval over nights."""

    held_out: str
    figure: str
    candidate: float
    current: float
    low: float
    high: float

    @property
    def difference(self) -> float:
        """Candidate less current; above 0 the candidate is better."""
        return self.candidate - self.current

    @property
    def worse(self) -> bool:
        """Worse beyond chance, or seemingly worse with a loss above MARGIN not ruled out."""
        return self.high < 0 or (self.difference < 0 and self.low < -MARGIN)

    def __str__(self) -> str:
        return (
            f"{self.held_out}: {self.figure} {self.candidate:.3f} against {self.current:.3f} "
            f"({self.difference:+.3f}, 95 % {self.low:+.3f} to {self.high:+.3f})"
        )


def promote(candidate: Path, place: Path, evaluation: Path, against: Path | None) -> list[Comparison]:
    """Copy the candidate and its card to ``place`` and return the comparisons; the old files are
    kept beside as ``NAME.previous.onnx`` and ``.json``.

    ``against`` may be None only where ``place`` is empty. Raises ModelError, and changes nothing,
    where the candidate is worse, does not load, or the evaluations are not of these two models.
    """
    new = read_evaluation(evaluation, candidate)
    load(candidate, device="cpu", threads=1)
    comparisons: list[Comparison] = []
    if place.exists():
        if against is None:
            raise ModelError(f"{place} is in use: give its evaluation on the same frames with --against")
        comparisons = compare(new, read_evaluation(against, place))
        worse = [str(one) for one in comparisons if one.worse]
        if worse:
            raise ModelError(
                f"{candidate} is not promoted, it is worse on held-out nights: {'; '.join(worse)}"
            )
    put_in_place(candidate, place)
    return comparisons


def read_evaluation(path: Path, model: Path) -> Evaluation:
    """Read the evaluation of a model. Raises ModelError: not one, empty, or of another model."""
    sha256 = read_card(model).sha256
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        frames = [judged(one) for one in raw["frames"]]
        found = str(raw["model_sha256"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{path} is not an evaluation: {error!r}; make one with `aurorad-train evaluate`"
        ) from error
    if found != sha256:
        raise ModelError(
            f"{path} is the evaluation of another model ({found[:12]}…) than {model} ({sha256[:12]}…)"
        )
    if not frames:
        raise ModelError(f"{path} holds no frames: evaluate on held-out nights first")
    return Evaluation(found, {(one.held_out, one.frame): one for one in frames})


def judged(row: dict[str, Any]) -> Judged:
    """One row of an evaluation's ``frames``. Raises KeyError, TypeError or ValueError."""
    if not isinstance(row["aurora"], bool):
        raise ValueError(f"aurora must be true or false, not {row['aurora']!r}")
    probability, threshold = float(row["probability"]), float(row["threshold"])
    if not (0 <= probability <= 1 and 0 <= threshold <= 1):
        raise ValueError("probability and threshold lie between 0 and 1")
    return Judged(
        str(row["set"]), str(row["night"]), str(row["frame"]), row["aurora"], probability, threshold
    )


def compare(candidate: Evaluation, current: Evaluation) -> list[Comparison]:
    """Balanced accuracy and ROC area of two models on the same frames, set by set.

    Raises ModelError where the frames or their labels differ, and where a set compares nothing: frames of one kind
    only, or of fewer than ``LEAST_NIGHTS`` nights.
    """
    labels = [{key: one.aurora for key, one in each.frames.items()} for each in (candidate, current)]
    if labels[0] != labels[1]:
        raise ModelError("the two evaluations are not of the same labelled frames: evaluate both again")
    sets = sorted({held_out for held_out, _ in candidate.frames})
    return [one for held_out in sets for one in _compare_set(held_out, candidate, current)]


def _compare_set(held_out: str, candidate: Evaluation, current: Evaluation) -> list[Comparison]:
    keys = sorted(key for key in candidate.frames if key[0] == held_out)
    ours, theirs = ([each.frames[key] for key in keys] for each in (candidate, current))
    aurora = np.array([one.aurora for one in ours])
    if aurora.all() or not aurora.any():
        raise ModelError(f"the held-out set {held_out} has frames of one kind only, which compares nothing")
    names, nights = np.unique([one.night for one in ours], return_inverse=True)
    if len(names) < LEAST_NIGHTS:
        raise ModelError(
            f"the held-out set {held_out} has frames of {_nights(len(names))}, which tells nothing of others: "
            f"evaluate both on {LEAST_NIGHTS} nights or more"
        )
    return [
        _compare_figure(held_out, name, figure, aurora, nights, answers(ours), answers(theirs))
        for name, figure, answers in (
            ("balanced accuracy", balanced_accuracy, _yes),
            ("ROC area", roc_area, _probabilities),
        )
    ]


def _nights(count: int) -> str:
    return "one night" if count == 1 else f"{count} nights"


def _compare_figure(
    held_out: str,
    name: str,
    figure: Callable[[npt.NDArray[np.bool_], Floats], float],
    aurora: npt.NDArray[np.bool_],
    nights: npt.NDArray[np.intp],
    ours: Floats,
    theirs: Floats,
) -> Comparison:
    draw = np.random.default_rng(0)
    members = [np.flatnonzero(nights == night) for night in range(nights.max() + 1)]
    differences = []
    for _ in range(RESAMPLES):
        rows = np.concatenate([members[night] for night in draw.integers(0, len(members), len(members))])
        sample = aurora[rows]
        if sample.any() and not sample.all():
            differences.append(figure(sample, ours[rows]) - figure(sample, theirs[rows]))
    low, high = np.quantile(differences, (0.025, 0.975)) if differences else (-1.0, 1.0)
    return Comparison(held_out, name, figure(aurora, ours), figure(aurora, theirs), float(low), float(high))


def balanced_accuracy(aurora: npt.NDArray[np.bool_], yes: Floats) -> float:
    """Mean of the shares judged rightly among the frames with aurora and those without."""
    return float((yes[aurora].mean() + 1 - yes[~aurora].mean()) / 2)


def roc_area(aurora: npt.NDArray[np.bool_], probability: Floats) -> float:
    """:func:`training.evaluation.scores.roc_area` of a sample that has frames of both kinds."""
    area = scores.roc_area(aurora, probability)
    assert area is not None
    return area


def _yes(frames: list[Judged]) -> Floats:
    return np.array([float(one.probability >= one.threshold) for one in frames])


def _probabilities(frames: list[Judged]) -> Floats:
    return np.array([one.probability for one in frames])


def put_in_place(model: Path, place: Path) -> None:
    """Copy a model and its card to ``place``, each by one rename, the old ones kept as previous.

    Between the two renames a reader finds a card that is not the model's and refuses, so a daemon
    that reloads in that instant stays with the model it has.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    with (
        replacing(card_path(place), durable=True) as card_part,
        replacing(place, durable=True) as model_part,  # left first, so renamed first
    ):
        shutil.copyfile(model, model_part)
        shutil.copyfile(card_path(model), card_part)
        for old in (place, card_path(place)):
            if old.exists():
                shutil.copyfile(old, old.with_name(f"{place.stem}.previous{old.suffix}"))
