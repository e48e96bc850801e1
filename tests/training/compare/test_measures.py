"""What single methods are measured by: clusters, factors, boxes, colours, ten minutes of context."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import torch

from models.preprocess import Pixels, disc_mask
from training.compare import boxes, clusters, colours, factors, features, shipped
from training.compare.made import CLASSES, boxes_of, class_of
from training.compare.skies import judged_minutes
from training.evaluation.nights import KeptNight, NightEvent
from training.simulator.render import Truth
from training.simulator.scene_types import NightSky, Scene

RNG = np.random.default_rng(5)


def test_purity_is_the_share_of_the_most_frequent_class() -> None:
    """Of two clusters, one mixed two to one and one pure, five of six pictures are in their cluster's class."""
    kind, cluster = np.array([0, 0, 1, 1, 1, 1], np.int8), np.array([0, 0, 0, 1, 1, 1])
    found = clusters.worth(kind, cluster)
    assert found["purity"] == pytest.approx(5 / 6, abs=1e-4)
    assert 0 < found["nmi"] < 1
    assert clusters.worth(kind, kind.astype(np.int64))["nmi"] == 1


def test_deep_clusters_find_what_lies_apart() -> None:
    """Two heaps far from each other become two clusters."""
    truth = np.arange(40) % 2
    points = RNG.normal(0, 0.1, (40, 6)) + 4 * truth[:, None]
    assign = clusters.embedded(points, 2, seed=1, epochs=20)
    assert clusters.worth(truth.astype(np.int8), assign(points))["purity"] == 1


def test_belonging_adds_up_and_sharpens() -> None:
    """What a point belongs to sums to one, and the target is surer than the answer."""
    near = clusters.nearness(torch.tensor([[0.0], [1.0], [4.0]]), torch.tensor([[0.0], [5.0]]))
    assert near.sum(1).tolist() == pytest.approx([1, 1, 1])
    assert bool((clusters.sharper(near).max(1).values > near.max(1).values).all())


def test_the_gap_is_one_number_for_one_factor() -> None:
    """A factor that one number carries alone has a gap near 1, one that two share none."""
    truth = RNG.random((400, 2)).astype(np.float32)
    numbers = np.stack([truth[:, 0], truth[:, 1], truth[:, 1], RNG.random(400)], axis=1).astype(float)
    alone, shared = factors.gaps(numbers, truth)
    assert alone > 0.9
    assert shared == pytest.approx(0, abs=1e-6)


def test_the_autoencoder_learns_its_pictures() -> None:
    """A few steps lower the loss, and every part of the network is moved by it."""
    torch.manual_seed(2)
    net, light = factors.Autoencoder(), torch.rand(8, 3, 64, 64)
    optimiser = torch.optim.Adam(net.parameters(), lr=3e-3)
    losses = []
    for _ in range(6):
        optimiser.zero_grad()
        one = factors.loss(net, light, 8)
        one.backward()
        optimiser.step()
        losses.append(float(one.detach()))
    assert losses[-1] < losses[0]
    assert all(weight.grad is not None for weight in net.parameters())


def test_contrast_is_least_where_views_agree() -> None:
    """Two views that are the same and unlike all others lose less than views of strangers."""
    views = torch.eye(4)
    assert features.contrast(views, views) < features.contrast(views, views.roll(1, 0))


def test_boxes_surround_the_light() -> None:
    """One lit patch gives one box in the picture's pixels; specks give none."""
    heat = np.zeros((60, 60), np.uint8)
    heat[20:26, 30:40] = 255
    heat[45, 30] = 255
    assert boxes_of(heat, 120).tolist() == [[60, 40, 80, 52]]
    assert boxes_of(np.zeros((60, 60), np.uint8), 120).shape == (0, 4)


def test_precision_counts_each_true_box_once() -> None:
    """All found: 1. Found twice, or one of two: less. Nothing there: 0."""
    box = np.array([[0, 0, 10, 10]], np.float32)
    far = np.array([[40, 40, 50, 50]], np.float32)

    def answer(*found: tuple[np.ndarray, float]) -> dict[str, torch.Tensor]:
        stacked = [torch.from_numpy(one[0]) for one, _ in found]
        return {"boxes": torch.stack(stacked), "scores": torch.tensor([score for _, score in found])}

    assert boxes.precision([answer((box, 0.9))], [box]) == 1
    assert boxes.precision([answer((box, 0.9))], [np.concatenate([box, far])]) == 0.5
    assert boxes.precision([answer((far, 0.9), (box, 0.5))], [box]) == 0.5
    assert boxes.precision([answer((far, 0.9))], [box]) == 0


def lit(colour: tuple[int, int, int], patch: bool = True) -> Pixels:
    """A dark disc with a square of a colour (B, G, R), or grains of it."""
    picture = np.full((240, 240, 3), 12, np.uint8)
    if patch:
        picture[100:140, 100:140] = colour
    else:
        picture[60:180:6, 60:180:6] = colour
    picture[~disc_mask(240)] = 0
    return picture


@pytest.mark.parametrize("name", sorted(colours.RULES))
def test_every_rule_sees_green_and_not_grey(name: str) -> None:
    """A bright green patch scores above a grey one of the same size, for each of the rules."""
    score = colours.RULES[name].score
    assert score(lit((40, 190, 60))) > score(lit((110, 110, 110)))


def test_the_top_hat_takes_grains_away() -> None:
    """Single green pixels, as snow on the dome makes them, are no piece; a patch is."""
    assert colours.largest_green(lit((40, 190, 60), patch=False)) == 0
    assert colours.largest_green(lit((40, 190, 60))) == pytest.approx(1600, rel=0.1)


@pytest.mark.parametrize(
    ("cloud", "moon", "expected"),
    [(0.9, -20.0, "cloudy"), (0.0, 40.0, "moon"), (0.0, -20.0, "clear"), (0.45, -20.0, None)],
)
def test_a_sky_without_aurora_has_its_class(cloud: float, moon: float, expected: str | None) -> None:
    """Cloud comes before the moon, the moon before clear; half a sky of cloud is neither."""
    scene = Scene(night_sky=NightSky(moon_altitude_deg=moon, moon_phase_deg=170))
    truth = Truth(False, False, 0.0, 0.0, (), cloud, False, None, None)
    assert class_of(scene, truth, lit=False) == (-1 if expected is None else CLASSES.index(expected))


# ------------------------------------------------------------------------------- ten minutes of context

START = datetime(2024, 1, 5, 4, tzinfo=UTC)


def minutes(answers: list[float]) -> np.ndarray:
    return shipped.before(np.array(answers, float))


def test_a_window_looks_back_alone() -> None:
    """The newest answer first, and nothing of what comes later."""
    window = minutes([1, 2, 3])
    assert window.shape == (3, shipped.MINUTES)
    assert window[2, :3].tolist() == [3, 2, 1]
    assert window[0].tolist() == [1] * shipped.MINUTES


def test_three_of_five_say_yes() -> None:
    """Three answers of yes among the last five are a yes, two are not."""
    assert (shipped.k_of_n(minutes([-1, -1, 2, 2, -1, 2])) >= 0).tolist() == [False] * 5 + [True]


def test_smoothing_outvotes_one_minute() -> None:
    """One minute of yes among many of no is no more one; a lasting yes is."""
    assert shipped.smoothed(minutes([-3] * 9 + [3]))[-1] < 0
    assert shipped.smoothed(minutes([-3] * 5 + [3] * 5))[-1] > 0


def night(aurora: list[int]) -> KeptNight:
    times = [START + timedelta(minutes=i) for i in range(len(aurora))]
    on = [at for at, one in zip(times, aurora, strict=True) if one]
    flags = np.array(aurora, bool)
    marginal = np.zeros(len(aurora), bool)
    marginal[3] = True
    events = [NightEvent(on[0], on[-1], None, 1.0)] if on else []
    pictures = np.zeros((len(aurora), 2, 2, 3), np.uint8)
    return KeptNight(
        "n", times, pictures, flags * 1.0, flags, marginal, flags * 0.0, events, lambda at: pictures[0]
    )


def test_events_are_judged_by_delay_and_false_runs() -> None:
    """Seen two minutes late is a delay of two; a yes long after the event is one false run, a yes just after it is none."""
    truth = [0] * 10 + [1] * 10 + [0] * 40
    said = np.full(60, -1.0)
    said[12:22] = 1
    said[45:48] = 1
    found = shipped.event_figures([night(truth)], [said])
    assert found == {"events": 1, "missed": 0, "median_delay_min": 2.0, "false_runs_per_10_h": 10.0}
    assert shipped.event_figures([night(truth)], [np.full(60, -1.0)])["missed"] == 1


def test_minutes_near_the_criterion_do_not_count() -> None:
    """Every stride-th frame counts, those two people would differ over do not."""
    assert judged_minutes(night([0] * 10), 3).tolist() == [0, 6, 9]
