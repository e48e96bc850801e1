"""Figures of skill that are right on cases small enough to reckon by hand, and events judged by the rules."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from daemon.event import Rules
from daemon.observation import Moonlight, SkyState
from models.card import Thresholds
from training.evaluation import scores
from training.evaluation.evaluate import (
    Answers,
    Frames,
    JudgedNight,
    calibrate,
    frame_rows,
    judge_events,
    set_figures,
    write_evaluation,
)
from training.evaluation.events import alerts_of, event_figures, judge_night
from training.evaluation.nights import KeptNight, draw_nights, read_nights
from training.evaluation.promote import judged
from training.simulator.night import NightEvent

START = datetime(2024, 1, 10, 6, 0, tzinfo=UTC)
EVERY_MINUTE = Rules(look_again=timedelta(seconds=60))


def test_figures_by_hand() -> None:
    """Three of four aurora frames and one of two others found: every figure as reckoned on paper."""
    aurora = np.array([1, 1, 1, 1, 0, 0], bool)
    probability = np.array([0.9, 0.8, 0.7, 0.2, 0.6, 0.1])
    found = scores.figures(aurora, probability)
    assert found["recall"] == pytest.approx(3 / 4)
    assert found["precision"] == pytest.approx(3 / 4)
    assert found["balanced_accuracy"] == pytest.approx((3 / 4 + 1 / 2) / 2)
    assert found["f1"] == pytest.approx(3 / 4)
    assert found["roc_area"] == pytest.approx(7 / 8)
    assert found["brier"] == pytest.approx((0.01 + 0.04 + 0.09 + 0.64 + 0.36 + 0.01) / 6)
    assert scores.confusion(aurora, probability >= 0.5) == {
        "true_yes": 3,
        "false_yes": 1,
        "true_no": 1,
        "false_no": 1,
    }


def test_roc_area_is_scikit_learns_ties_included() -> None:
    """The fast area by ranks equals the library's on coarse probabilities."""
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(4)
    aurora = rng.random(500) < 0.3
    probability = np.round(rng.random(500) * 0.6 + aurora * 0.2, 1)
    assert scores.roc_area(aurora, probability) == pytest.approx(roc_auc_score(aurora, probability))


def test_one_kind_of_frame_gives_no_areas() -> None:
    """What has no meaning is None, not a number."""
    found = scores.figures(np.ones(3, bool), np.array([0.9, 0.4, 0.8]))
    assert found["roc_area"] is None
    assert found["balanced_accuracy"] is None
    assert found["recall"] == pytest.approx(2 / 3)


def test_calibration_error_is_the_mean_distance_from_the_diagonal() -> None:
    """Frames said 0.9 of which half are aurora, and 0.1 of which none: 0.4 and 0.1, weighted alike."""
    aurora = np.array([1, 0] * 10 + [0] * 20, bool)
    probability = np.array([0.9] * 20 + [0.1] * 20)
    assert scores.calibration_error(aurora, probability) == pytest.approx((0.4 + 0.1) / 2)
    assert [bar.frames for bar in scores.reliability(aurora, probability)] == [20, 20]


def test_interval_is_bootstrapped_by_night() -> None:
    """Twenty alike frames a night are worth one night, not twenty: the interval is far wider."""
    rng = np.random.default_rng(0)
    right_by_night = rng.random(12) < 0.7
    right = np.repeat(right_by_night, 20)
    nights = np.repeat([f"n{i}" for i in range(12)], 20)
    frames = np.array([str(i) for i in range(240)])

    def share(rows: Any) -> float:
        return float(right[rows].mean())

    by_night, by_frame = scores.bootstrap(nights, share), scores.bootstrap(frames, share)
    assert by_night is not None
    assert by_frame is not None
    assert by_night[1] - by_night[0] > 2.5 * (by_frame[1] - by_frame[0])
    assert scores.bootstrap(np.array(["n1"] * 9), lambda rows: 1.0) is None


def test_temperature_undoes_overstatement() -> None:
    """Margins three times too large are found out."""
    rng = np.random.default_rng(1)
    margin = rng.normal(0, 2, 20000)
    truth = rng.random(20000) < scores.sigmoid(margin)
    assert scores.fit_temperature(3 * margin, truth) == pytest.approx(3, rel=0.1)


def test_best_threshold_lies_between_the_kinds() -> None:
    """Separable probabilities give a threshold in the gap."""
    aurora = np.array([0, 0, 0, 1, 1, 1], bool)
    assert 0.3 < scores.best_threshold(aurora, np.array([0.1, 0.2, 0.3, 0.8, 0.9, 0.95])) < 0.8
    assert scores.best_threshold(np.ones(3, bool), np.array([0.1, 0.2, 0.3])) == 0.5


def sky(at: datetime, sun_altitude_deg: float = -30.0) -> SkyState:
    twilight = "night" if sun_altitude_deg <= -18 else "nautical"
    return SkyState(at, sun_altitude_deg, 0.0, -20.0, 0.0, 90.0, cast(Any, twilight), "none")


def drawn(aurora: list[int], events: list[NightEvent], name: str = "n1") -> KeptNight:
    count = len(aurora)
    return KeptNight(
        name=name,
        times=[START + timedelta(minutes=i) for i in range(count)],
        pictures=np.zeros((0, 1, 1, 3), np.uint8),
        contrast=np.array(aurora, float),
        aurora=np.array(aurora, bool),
        marginal=np.zeros(count, bool),
        cloud=np.zeros(count),
        events=events,
        between=lambda at: np.zeros((1, 1, 3), np.uint8),
    )


def event(first: int, last: int, contrast: float = 1.0) -> NightEvent:
    return NightEvent(START + timedelta(minutes=first), START + timedelta(minutes=last), None, contrast)


def changes_of(probability: list[float], skies: list[SkyState], rules: Rules = EVERY_MINUTE) -> Any:
    """By one look a minute; between two looks the model says what it said at the first."""

    def look(at: datetime) -> tuple[SkyState, float]:
        minute = int((at - START).total_seconds() // 60)
        return skies[minute], probability[minute]

    return alerts_of(START, skies[-1].at, look, lambda _: 0.5, rules)


def test_delay_is_from_the_first_visible_minute_to_the_confirmed_onset() -> None:
    """Aurora from minute 30; the model sees it from minute 31 and two of three frames confirm: 2 minutes."""
    night = drawn([0] * 30 + [1] * 30 + [0] * 60, [event(30, 59)])
    skies = [sky(at) for at in night.times]
    probability = [0.1] * 31 + [0.9] * 29 + [0.1] * 60
    verdict = judge_night(night, changes_of(probability, skies), skies)
    assert [delay for _, delay in verdict.delays_min] == [2.0]
    assert verdict.false_alerts == ()
    figures = event_figures([verdict])
    assert figures["median_delay_min"] == 2.0
    assert figures["bright_alerted"] == 1.0


def test_a_first_sign_is_looked_at_again_as_the_daemon_does() -> None:
    """Seen from minute 31, looked at again 20 s and 40 s later, each weighing half: out 100 s after the onset."""
    night = drawn([0] * 30 + [1] * 30 + [0] * 60, [event(30, 59)])
    skies = [sky(at) for at in night.times]
    changes = changes_of([0.1] * 31 + [0.9] * 29 + [0.1] * 60, skies, Rules())
    verdict = judge_night(night, changes, skies)
    assert [delay for _, delay in verdict.delays_min] == [pytest.approx(100 / 60)]


def test_a_kept_night_is_drawn_again_between_its_frames(tmp_path: Path) -> None:
    """The same night from its description: the same picture at a kept instant, another one 20 s on."""
    draw_nights(tmp_path, 1, 7, hours=0.05)
    (night,) = read_nights(tmp_path)
    assert np.array_equal(night.between(night.times[1]), night.pictures[1])
    assert not np.array_equal(night.between(night.times[1] + timedelta(seconds=20)), night.pictures[1])
    (file,) = tmp_path.glob("*/night.json")
    kept = json.loads(file.read_text())
    old = kept | {
        "spells": [
            {"onset": "2024-02-10T04:00:00Z", "end": "2024-02-10T04:01:00Z", "breakup": None, "contrast": 1.0}
        ]
    }
    file.write_text(json.dumps({key: value for key, value in old.items() if key != "events"}))
    assert [one.contrast for one in next(read_nights(tmp_path)).events] == [1.0], "the key of older versions"


def test_a_night_without_a_frame_is_neither_drawn_nor_judged(tmp_path: Path) -> None:
    """One that an earlier version drew is named, with the way out."""
    with pytest.raises(
        ValueError, match=r"900-000: no frame in -1 hours of this night: give more with --hours"
    ):
        draw_nights(tmp_path, 1, 900, hours=-1)
    assert not list(tmp_path.iterdir())
    draw_nights(tmp_path, 1, 900, hours=0.02)
    (place,) = tmp_path.glob("*/night.json")
    place.write_text(json.dumps({**json.loads(place.read_text()), "frames": []}))
    with pytest.raises(ValueError, match=r"900-000: a night without a frame; remove it and draw it anew"):
        list(read_nights(tmp_path))


def test_an_alert_without_an_event_is_false_and_an_event_without_one_missed() -> None:
    """The two mistakes are told apart and both counted."""
    night = drawn([0] * 120 + [1] * 20 + [0] * 20, [event(120, 139)])
    skies = [sky(at) for at in night.times]
    probability = [0.1] * 20 + [0.9] * 5 + [0.1] * 135
    verdict = judge_night(night, changes_of(probability, skies), skies)
    assert len(verdict.false_alerts) == 1
    assert [delay for _, delay in verdict.delays_min] == [None]
    assert event_figures([verdict])["false_alerts_per_night"] == 1.0


def test_no_alert_goes_out_while_the_gate_is_shut() -> None:
    """In nautical twilight the model may be as sure as it likes."""
    night = drawn([1] * 40, [event(5, 39)])
    skies = [sky(at, -9.0) for at in night.times]
    assert changes_of([0.99] * 40, skies) == []
    assert judge_night(night, [], skies).delays_min == ()


def test_a_cells_threshold_moves_where_every_night_says_so() -> None:
    """Margins that stand 9 too low in one cell: its threshold follows; one night that says so moves nothing."""
    nights = [judged_night(f"n{i}", i) for i in range(6)]
    moonlit = [judged_night(f"m{i}", i, -9.0, "full") for i in range(6)]
    cells = calibrate(nights + moonlit).thresholds.cells
    assert cells["night/none"] == 0.5
    assert cells["night/full"] < 0.3
    alone = [judged_night("m0", 0, -9.0, "full")] + [
        judged_night(f"m{i}", i, 0.0, "full") for i in range(1, 6)
    ]
    assert calibrate(nights + alone).thresholds.cells["night/full"] == 0.5


def test_thresholds_of_few_nights_that_differ_by_chance_stay() -> None:
    """Nights whose margins wander about 0.5, none in truth better served elsewhere: at most 1 of 20 moves."""
    moved = 0
    for draw in range(20):
        shifts = np.random.default_rng(draw).normal(0, 4.0, 4)
        nights = [judged_night(f"n{i}", 100 * draw + i, shift) for i, shift in enumerate(shifts)]
        moved += calibrate(nights).thresholds.cells["night/none"] != 0.5
    assert moved <= 1


def judged_night(name: str, seed: int, shift: float = 0.0, moonlight: Moonlight = "none") -> JudgedNight:
    rng = np.random.default_rng(seed)
    night = drawn([0] * 100 + [1] * 100, [event(100, 199)], name)
    margin = rng.normal(np.where(night.aurora, 8.0, -8.0), 4.0) + shift
    answers = Answers(margin, rng.normal(3, 1, 200), np.where(night.aurora, 20.0, 1.0))
    skies = [replace(sky(at), moonlight=moonlight) for at in night.times]
    return JudgedNight(night, skies, answers, lambda at: (sky(at), 8.0))


def test_calibration_from_nights_and_events_over_them() -> None:
    """A temperature, a threshold for the cell with enough frames, alerts by rule."""
    nights = [judged_night(f"n{i}", i) for i in range(4)]
    fitted = calibrate(nights)
    assert fitted.temperature > 0
    assert fitted.thresholds.cells == {"night/none": 0.5}
    verdicts = judge_events(nights, fitted.temperature, Thresholds(0.5, {}))
    assert event_figures(verdicts)["bright_alerted"] == 1.0


def test_a_set_has_figures_by_cell_beside_the_colour_index() -> None:
    """Cells, reliability, the sky's answer and the baseline are all there, and promote reads the rows."""
    aurora = np.array([1, 0] * 40, bool)
    frames = Frames(
        "made",
        np.zeros((0, 1, 1, 3), np.uint8),
        aurora,
        np.array([f"n{i // 8}" for i in range(80)]),
        [str(i) for i in range(80)],
        cell=["night/none/clear", "night/full/cloudy"] * 20 + ["night/full/cloudy", "night/none/clear"] * 20,
        clear=np.array([1, 0] * 40, np.int8),
    )
    answers = Answers(np.where(aurora, 3.0, -3.0), np.where(aurora, 2.0, -2.0), np.where(aurora, 20.0, 1.0))
    figures = set_figures(frames, answers, 1.0, 0.5)
    assert figures["balanced_accuracy"] == 1.0
    assert figures["colour_index"]["roc_area"] == 1.0
    assert figures["sky_clear"]["roc_area"] == 1.0
    assert set(figures["cells"]) == {"night/none/clear", "night/full/cloudy"}
    row = judged(frame_rows(frames, answers, 1.0, 0.5)[0])
    assert row.held_out == "made"
    assert row.aurora


def test_evaluation_is_written_whole(tmp_path: Path) -> None:
    """The file names the model by its sha256 and holds sets and frames."""
    model = cast(Any, SimpleNamespace(sha256="ab" * 32, card=SimpleNamespace(name="made")))
    path = write_evaluation(tmp_path, model, {"real": {"frames": 1}}, [])
    kept = json.loads(path.read_text())
    assert kept["model_sha256"] == "ab" * 32
    assert kept["sets"]["real"]["frames"] == 1
    assert not list(tmp_path.glob("*.part*"))
