"""Figures of skill, pure: from labels and probabilities, with intervals bootstrapped by night.

Frames of one night resemble each other, so whole nights are drawn with replacement, not frames.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from sklearn.metrics import average_precision_score

Floats = npt.NDArray[np.float64]
Truths = npt.NDArray[np.bool_]

RESAMPLES: Final = 1000
BINS: Final = 10


@dataclass(frozen=True)
class Bin:
    """One bar of a reliability diagram: frames whose probability lies in it."""

    frames: int
    probability: float
    aurora_share: float


def confusion(aurora: Truths, yes: Truths) -> dict[str, int]:
    """Counts of right and wrong answers."""
    return {
        "true_yes": int((yes & aurora).sum()),
        "false_yes": int((yes & ~aurora).sum()),
        "true_no": int((~yes & ~aurora).sum()),
        "false_no": int((~yes & aurora).sum()),
    }


def figures(aurora: Truths, probability: Floats, threshold: float | Floats = 0.5) -> dict[str, float | None]:
    """Every figure of one set of frames; None where it has no meaning (one kind of frame only)."""
    yes = probability >= threshold
    counts = confusion(aurora, yes)
    recall = _share(counts["true_yes"], counts["false_no"])
    precision = _share(counts["true_yes"], counts["false_yes"])
    quiet = _share(counts["true_no"], counts["false_yes"])
    both = bool(aurora.any() and not aurora.all())
    f1 = None
    if recall is not None and precision is not None and recall + precision > 0:
        f1 = 2 * recall * precision / (recall + precision)
    return {
        "balanced_accuracy": (recall + quiet) / 2 if recall is not None and quiet is not None else None,
        "precision": precision,
        "recall": recall,
        "specificity": quiet,
        "f1": f1,
        "roc_area": roc_area(aurora, probability),
        "pr_area": float(average_precision_score(aurora, probability)) if both else None,
        "brier": float(np.mean((probability - aurora) ** 2)) if len(aurora) else None,
        "calibration_error": calibration_error(aurora, probability) if len(aurora) else None,
    }


def _share(part: int, rest: int) -> float | None:
    return part / (part + rest) if part + rest else None


def reliability(aurora: Truths, probability: Floats, bins: int = BINS) -> list[Bin]:
    """The reliability diagram's bars, equal widths, empty ones left out."""
    place = np.minimum((probability * bins).astype(int), bins - 1)
    bars = []
    for index in range(bins):
        inside = place == index
        if inside.any():
            bars.append(
                Bin(int(inside.sum()), float(probability[inside].mean()), float(aurora[inside].mean()))
            )
    return bars


def calibration_error(aurora: Truths, probability: Floats, bins: int = BINS) -> float:
    """Expected calibration error: mean distance of the bars from the diagonal, weighted by frames."""
    bars = reliability(aurora, probability, bins)
    total = sum(bar.frames for bar in bars)
    return sum(bar.frames * abs(bar.probability - bar.aurora_share) for bar in bars) / total


def bootstrap(
    nights: npt.NDArray[np.str_],
    figure: Callable[[npt.NDArray[np.intp]], float | None],
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[float, float] | None:
    """95 % interval of a figure of frame indices, nights drawn with replacement; None where undefined.

    With fewer than two nights there is nothing to draw, and None too.
    """
    groups = [np.flatnonzero(nights == night) for night in np.unique(nights)]
    if len(groups) < 2:
        return None
    rng = np.random.default_rng(seed)
    values = []
    for _ in range(resamples):
        drawn = rng.integers(0, len(groups), len(groups))
        value = figure(np.concatenate([groups[i] for i in drawn]))
        if value is not None:
            values.append(value)
    if len(values) < resamples / 2:
        return None
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def summary(
    aurora: Truths, probability: Floats, nights: npt.NDArray[np.str_], threshold: float | Floats = 0.5
) -> dict[str, Any]:
    """Counts, figures, and the intervals of those that decide: what a card's ``skill`` holds."""
    limit = np.broadcast_to(np.asarray(threshold, float), aurora.shape)
    found = figures(aurora, probability, limit)
    result: dict[str, Any] = {
        "frames": len(aurora),
        "nights": len(np.unique(nights)),
        "aurora_frames": int(aurora.sum()),
        "confusion": confusion(aurora, probability >= limit),
    }
    for name, value in found.items():
        if value is None:
            continue
        result[name] = round(value, 4)
        if name in ("balanced_accuracy", "f1", "roc_area"):
            interval = bootstrap(nights, _figure_of(name, aurora, probability, limit))
            if interval is not None:
                result[f"{name}_95"] = [round(edge, 4) for edge in interval]
    return result


def gain(
    aurora: Truths, yes: Truths, other: Truths, nights: npt.NDArray[np.str_]
) -> tuple[float, float] | None:
    """95 % interval, by night, of the balanced accuracy ``yes`` has beyond ``other``; None as `bootstrap`."""

    def more(rows: npt.NDArray[np.intp]) -> float | None:
        mine, theirs = (figures_fast(aurora[rows], one[rows])["balanced_accuracy"] for one in (yes, other))
        return None if mine is None or theirs is None else mine - theirs

    return bootstrap(nights, more)


def _figure_of(
    name: str, aurora: Truths, probability: Floats, limit: Floats
) -> Callable[[npt.NDArray[np.intp]], float | None]:
    def figure(rows: npt.NDArray[np.intp]) -> float | None:
        here, said = aurora[rows], probability[rows]
        if name == "roc_area":
            return roc_area(here, said)
        return figures_fast(here, said >= limit[rows])[name]

    return figure


def figures_fast(aurora: Truths, yes: Truths) -> dict[str, float | None]:
    """Balanced accuracy and F1 alone, for the bootstrap's thousand rounds."""
    counts = confusion(aurora, yes)
    recall = _share(counts["true_yes"], counts["false_no"])
    quiet = _share(counts["true_no"], counts["false_yes"])
    double = 2 * counts["true_yes"] + counts["false_yes"] + counts["false_no"]
    return {
        "balanced_accuracy": (recall + quiet) / 2 if recall is not None and quiet is not None else None,
        "f1": 2 * counts["true_yes"] / double if double else None,
    }


def roc_area(aurora: Truths, probability: Floats) -> float | None:
    """Area under the ROC curve: how often a frame with aurora outranks one without (ties half).

    None for frames of one kind. The same as scikit-learn's, at a thirtieth of its time, which the
    resampling of every cell needs.
    """
    without = np.sort(probability[~aurora])
    if not len(without) or len(without) == len(aurora):
        return None
    below = np.searchsorted(without, probability[aurora], "left")
    not_above = np.searchsorted(without, probability[aurora], "right")
    return float((below + not_above).mean() / (2 * len(without)))


def sigmoid(margin: Floats) -> Floats:
    """Probability of a difference of two logits."""
    return np.asarray(1 / (1 + np.exp(-np.clip(margin, -60, 60))))


def fit_temperature(margin: Floats, truth: Truths) -> float:
    """The temperature that gives the margins (aurora's logit less the other) the least log loss."""

    def loss(log_temperature: float) -> float:
        probability = np.clip(sigmoid(margin / np.exp(log_temperature)), 1e-7, 1 - 1e-7)
        return float(-np.mean(np.where(truth, np.log(probability), np.log(1 - probability))))

    return float(np.exp(minimize_scalar(loss, bounds=(-3.0, 3.0), method="bounded").x))


def best_threshold(aurora: Truths, probability: Floats) -> float:
    """The threshold of greatest balanced accuracy; the middle of the best stretch.

    0.5 where one kind of frame is missing.
    """
    if not aurora.any() or aurora.all():
        return 0.5
    levels = np.unique(np.round(probability, 4))
    middles = (levels[1:] + levels[:-1]) / 2
    if not len(middles):
        return 0.5
    scores = np.array([figures_fast(aurora, probability >= level)["balanced_accuracy"] for level in middles])
    best = np.flatnonzero(scores >= scores.max() - 1e-9)
    return float(np.clip(middles[best[len(best) // 2]], 0.02, 0.98))
