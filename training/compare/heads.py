"""Small learners on features: ridge, k nearest neighbours, a linear support vector machine, logistic, a limit.

Each is a function of lessons that gives a function of features: the margin, at least 0 where it says yes. Every lesson
carries a weight: a third each for keograms, made scenes and real frames, and in each as much for yes as for no.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression, RidgeClassifierCV, RidgeCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Ask = Callable[[Floats], Floats]

ALPHAS: Final = tuple(float(10.0**power) for power in range(-2, 6))
"""Ridge's strengths tried; the one of least leave-one-out error is taken."""
NEIGHBOURS: Final = 9


@dataclass(frozen=True, eq=False)
class Lesson:
    """Features (N, D), whether each shows aurora, and its weight (mean 1)."""

    features: Floats
    yes: Flags
    weight: Floats


Head = Callable[[Lesson], Ask]


def weights(part: npt.NDArray[np.str_], yes: Flags) -> Floats:
    """Each part the same in all, and in each part yes and no the same; mean 1."""
    weight = np.zeros(len(yes))
    for name in np.unique(part):
        for label in (False, True):
            mine = (part == name) & (yes == label)
            if mine.any():
                weight[mine] = 1 / mine.sum()
    return np.asarray(weight * len(weight) / weight.sum())


def scaled(head: Head) -> Head:
    """A head whose features have mean 0 and deviation 1 over the lessons."""

    def fit(lesson: Lesson) -> Ask:
        mean = np.average(lesson.features, axis=0, weights=lesson.weight)
        spread = np.sqrt(np.average((lesson.features - mean) ** 2, axis=0, weights=lesson.weight)) + 1e-6
        ask = head(Lesson((lesson.features - mean) / spread, lesson.yes, lesson.weight))
        return lambda features: ask((features - mean) / spread)

    return fit


@scaled
def ridge(lesson: Lesson) -> Ask:
    """Ridge regression on ±1, its strength by leave-one-out."""
    model = RidgeCV(ALPHAS).fit(lesson.features, np.where(lesson.yes, 1.0, -1.0), lesson.weight)
    return lambda features: np.asarray(model.predict(features), np.float64)


@scaled
def support_vectors(lesson: Lesson) -> Ask:
    """A linear support vector machine, the features' whole variance 1."""
    root = np.sqrt(lesson.features.shape[1])
    model = SVC(kernel="linear", C=1.0).fit(lesson.features / root, lesson.yes, lesson.weight)
    slope, offset = model.coef_[0] / root, model.intercept_[0]
    return lambda features: np.asarray(features @ slope + offset)


@scaled
def logistic(lesson: Lesson) -> Ask:
    """Logistic regression: the linear probe."""
    model = LogisticRegression(C=0.01, max_iter=500).fit(lesson.features, lesson.yes, lesson.weight)
    return lambda features: np.asarray(model.decision_function(features), np.float64)


@scaled
def neighbours(lesson: Lesson) -> Ask:
    """The weighted vote of the nearest lessons, a half taken off."""
    model = KNeighborsClassifier(min(NEIGHBOURS, len(lesson.yes))).fit(lesson.features, lesson.yes)

    def ask(features: Floats) -> Floats:
        near = model.kneighbors(features, return_distance=False)
        votes = np.where(lesson.yes[near], lesson.weight[near], 0).sum(1) / lesson.weight[near].sum(1)
        return np.asarray(votes - 0.5)

    return ask


def limit(lesson: Lesson) -> Ask:
    """One number, (N, 1), and the limit on it that parts the lessons best."""
    best = best_limit(lesson.features[:, 0], lesson.yes, lesson.weight)
    return lambda features: np.asarray(features[:, 0] - best)


def best_limit(score: Floats, yes: Flags, weight: Floats) -> float:
    """The limit at and above which yes is right most often, both answers weighing the same."""
    order = np.argsort(score, kind="stable")
    ranked, gain = (
        score[order],
        np.where(yes, -weight / weight[yes].sum(), weight / weight[~yes].sum())[order],
    )
    right = np.concatenate([[0.0], np.cumsum(gain)])  # of a limit below the i-th
    right[1:-1][ranked[1:] == ranked[:-1]] = -np.inf  # no limit between equals
    place = int(np.argmax(right))
    if place == 0:
        return float(ranked[0])
    if place == len(ranked):
        return float(np.nextafter(ranked[-1], np.inf))
    return float((ranked[place - 1] + ranked[place]) / 2)


def few(head: Head, share: float, seed: int) -> Head:
    """A head that is shown only a share of the labels, at least two of each answer."""

    def fit(lesson: Lesson) -> Ask:
        rng = np.random.default_rng([seed, int(share * 1000)])
        rows = []
        for label in (False, True):
            mine = np.flatnonzero(lesson.yes == label)
            rows.append(rng.choice(mine, min(len(mine), max(2, round(share * len(mine)))), replace=False))
        kept = np.sort(np.concatenate(rows))
        return head(Lesson(lesson.features[kept], lesson.yes[kept], lesson.weight[kept]))

    return fit if share < 1 else head


Classify = Callable[[Floats, npt.NDArray[np.int8]], Callable[[Floats], npt.NDArray[np.int8]]]


def _classifier(make: Callable[[], Any]) -> Classify:
    def fit(features: Floats, kind: npt.NDArray[np.int8]) -> Callable[[Floats], npt.NDArray[np.int8]]:
        mean, spread = features.mean(0), features.std(0) + 1e-6
        model = make().fit((features - mean) / spread, kind)
        return lambda asked: np.asarray(model.predict((asked - mean) / spread), np.int8)

    return fit


ridge_classes: Final = _classifier(lambda: RidgeClassifierCV(ALPHAS, class_weight="balanced"))
"""Ridge over several classes, which weigh the same."""
vector_classes: Final = _classifier(lambda: SVC(kernel="linear", C=0.003, class_weight="balanced"))
"""A linear support vector machine over several classes."""
neighbour_classes: Final = _classifier(lambda: KNeighborsClassifier(NEIGHBOURS, weights="distance"))
"""The nearest neighbours' vote over several classes."""
probe_classes: Final = _classifier(lambda: LogisticRegression(C=0.01, class_weight="balanced", max_iter=500))
"""Logistic regression over several classes."""
