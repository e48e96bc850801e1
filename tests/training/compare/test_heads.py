"""The small learners, and that none is asked about what it has learned from."""

from __future__ import annotations

import numpy as np
import pytest

from training.compare import heads
from training.compare.bench import class_figures, crossed, set_figures
from training.compare.heads import Lesson
from training.compare.skies import Skies, skies

RNG = np.random.default_rng(3)


def cloud(count: int = 60, apart: float = 3.0) -> Lesson:
    """Two clouds of points, the second three deviations to the right."""
    yes = np.arange(count) % 2 == 1
    features = RNG.normal(0, 1, (count, 5))
    features[:, 0] += apart * yes
    return Lesson(features, yes, np.ones(count))


def sky(aurora: list[int], part: str = "real", fold: list[int] | None = None) -> Skies:
    return skies(np.zeros((len(aurora), 2, 2, 3), np.uint8), aurora, ["a"] * len(aurora), part, fold)


@pytest.mark.parametrize("head", [heads.ridge, heads.support_vectors, heads.logistic, heads.neighbours])
def test_a_head_tells_two_clouds_apart(head: heads.Head) -> None:
    """Each learner says yes on the side where the lessons said yes."""
    ask = head(cloud())
    asked = cloud()
    assert ((ask(asked.features) >= 0) == asked.yes).mean() > 0.85


@pytest.mark.parametrize(
    ("score", "yes", "expected"),
    [
        ([1, 2, 3, 4], [0, 0, 1, 1], 2.5),
        ([1, 1, 1, 5], [0, 0, 1, 1], 3.0),  # equals stay together
        ([5, 6], [1, 1], None),
    ],
)
def test_the_limit_parts_the_lessons_best(score: list[float], yes: list[int], expected: float | None) -> None:
    """The limit lies between the two kinds, and never between equal scores."""
    flags = np.array(yes, bool)
    if expected is None:
        flags = np.array([True, False])
        assert heads.best_limit(np.array([5.0, 6.0]), flags, np.ones(2)) <= 5.0
    else:
        assert heads.best_limit(np.array(score, float), flags, np.ones(4)) == expected


def test_parts_and_answers_weigh_the_same() -> None:
    """Ten keogram skies weigh no more than two real ones, and yes as much as no in each."""
    part = np.array(["keogram"] * 10 + ["real"] * 2)
    yes = np.array([True] * 9 + [False] + [True, False])
    weight = heads.weights(part, yes)
    assert weight[part == "real"].sum() == pytest.approx(weight[part == "keogram"].sum())
    assert weight[(part == "keogram") & yes].sum() == pytest.approx(weight[(part == "keogram") & ~yes].sum())
    assert weight.mean() == pytest.approx(1)


@pytest.mark.parametrize(("share", "shown"), [(0.01, 4), (0.1, 6), (1.0, 60)])
def test_few_labels_are_few(share: float, shown: int) -> None:
    """A probe of one per cent sees two labels of each answer, of ten per cent three, of a hundred all."""
    seen = []

    def head(lesson: Lesson) -> heads.Ask:
        seen.append(len(lesson.yes))
        return lambda features: features[:, 0]

    heads.few(head, share, seed=1)(cloud())
    assert seen == [shown]


def test_no_real_frame_is_answered_by_what_saw_its_fold() -> None:
    """For every fold the lessons hold all other folds' frames and none of its own."""
    real = sky([1, 0, 1, 0, 1, 0], fold=[1, 1, 2, 2, 3, 3])
    theirs = real.fold[:, None].astype(float)
    asked: list[tuple[set[float], set[float]]] = []

    def head(lesson: Lesson) -> heads.Ask:
        def ask(features: heads.Floats) -> heads.Floats:
            asked.append((set(lesson.features[:, 0]), set(features[:, 0])))
            return features[:, 0]

        return ask

    margin = crossed(sky([0, 1], "made"), np.zeros((2, 1)), real, theirs, head)
    assert asked == [({0.0, 2.0, 3.0}, {1.0}), ({0.0, 1.0, 3.0}, {2.0}), ({0.0, 1.0, 2.0}, {3.0})]
    assert margin.tolist() == [1, 1, 2, 2, 3, 3]


def test_yes_is_a_margin_of_at_least_nothing() -> None:
    """Tiny margins count as much as large ones: their sign decides, and their order."""
    yes = np.array([True, True, False, False])
    found = set_figures(yes, np.array([1e-12, 0.0, -1e-12, -5.0]), np.array(["a", "b", "c", "d"]))
    assert found["balanced_accuracy"] == 1
    assert found["roc_area"] == 1
    found = set_figures(yes, np.array([3.0, -1.0, -2.0, 4.0]), np.array(["a", "b", "c", "d"]))
    assert found["balanced_accuracy"] == 0.5


def test_classes_weigh_the_same() -> None:
    """A class of one counts as much as a class of nine."""
    kind, said = np.array([0] * 9 + [1], np.int8), np.zeros(10, np.int8)
    found = class_figures(kind, said, np.arange(10).astype(str))
    assert (found["accuracy"], found["balanced_accuracy"]) == (0.9, 0.5)
