"""A candidate takes the current model's place unless it is worse on nights held out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from sklearn.metrics import roc_auc_score

from models.card import Card, ModelError, Thresholds, sha256_of
from models.labels import OUTPUTS
from models.preprocess import MEAN, STD
from models.runtime import load
from training.evaluation.promote import Evaluation, compare, judged, promote, roc_area
from training.export import write_card


def rows(skill: float, nights: int = 30, each: int = 20, seed: int = 0) -> list[dict[str, object]]:
    """Made answers of a model: the larger ``skill``, the farther apart aurora and none."""
    labels = np.random.default_rng(1)
    noise = np.random.default_rng(seed)
    made = []
    for night in range(nights):
        shared = noise.normal(0, 0.3)  # a night's frames err together
        for frame in range(each):
            aurora = bool(labels.random() < 0.4)
            logit = skill * (1 if aurora else -1) + noise.normal(0, 1) + shared
            made.append(
                {
                    "set": "keograms",
                    "night": f"night-{night}",
                    "frame": f"{night}-{frame}",
                    "aurora": aurora,
                    "probability": float(1 / (1 + np.exp(-logit))),
                    "threshold": 0.5,
                }
            )
    return made


def evaluation(made: list[dict[str, object]]) -> Evaluation:
    frames = [judged(row) for row in made]
    return Evaluation("0" * 64, {(one.held_out, one.frame): one for one in frames})


def test_a_worse_model_is_worse_and_a_better_one_is_not() -> None:
    """With a plain difference in skill both figures say so, in the right direction."""
    poor, good = evaluation(rows(0.7, seed=2)), evaluation(rows(1.5, seed=3))
    down, up = compare(poor, good), compare(good, poor)
    assert [one.figure for one in down] == ["balanced accuracy", "ROC area"]
    assert all(one.worse and one.high < 0 for one in down)
    assert not any(one.worse for one in up)
    assert str(down[0]).startswith("keograms: balanced accuracy 0.")


def test_the_same_model_is_not_worse_than_itself() -> None:
    """No difference, no interval."""
    same = evaluation(rows(1.0))
    assert [(one.difference, one.low, one.high, one.worse) for one in compare(same, same)] == [
        (0, 0, 0, False),
        (0, 0, 0, False),
    ]


def test_a_seeming_loss_that_may_be_large_is_refused() -> None:
    """On few nights a loss within chance, but not shown to be small, does not pass."""
    small = {"nights": 4, "each": 10}
    candidates = [evaluation(rows(1.0, seed=seed, **small)) for seed in range(2, 12)]
    current = evaluation(rows(1.05, seed=1, **small))
    found = [one for each in candidates for one in compare(each, current)]
    unsure = [one for one in found if one.difference < 0 < one.high and one.low < -0.01]
    assert unsure, "the draw must hold such a case"
    assert all(one.worse for one in unsure)
    assert not any(one.worse for one in found if one.difference >= 0)


def test_the_interval_is_by_night() -> None:
    """Frames of one night count together: the same frames as one night each give a narrower interval."""
    ours, theirs = rows(1.0, nights=6, each=60, seed=2), rows(1.0, nights=6, each=60, seed=3)
    for one in ours:  # two nights on which the candidate fails altogether
        if one["night"] in ("night-0", "night-1"):
            one["probability"] = 1 - float(one["probability"])  # type: ignore[arg-type]
    together = compare(evaluation(ours), evaluation(theirs))[0]
    apart = (
        [{**one, "night": one["frame"]} for one in ours],
        [{**one, "night": one["frame"]} for one in theirs],
    )
    single = compare(*(evaluation(one) for one in apart))[0]
    assert together.high - together.low > 1.5 * (single.high - single.low)


def test_evaluations_of_other_frames_are_not_compared() -> None:
    """Another label or a missing frame ends the comparison; so does a set of one kind."""
    made = rows(1.0)
    relabelled = [{**made[0], "aurora": not made[0]["aurora"]}, *made[1:]]
    for other in (relabelled, made[1:]):
        with pytest.raises(ModelError, match="not of the same labelled frames"):
            compare(evaluation(made), evaluation(other))
    only = [one for one in made if one["aurora"]]
    with pytest.raises(ModelError, match="one kind only"):
        compare(evaluation(only), evaluation(only))


@pytest.mark.parametrize(("nights", "said"), [(1, "one night"), (2, "2 nights")])
def test_a_night_or_two_prove_nothing(nights: int, said: str) -> None:
    """A single night has no interval: drawn anew it is always itself. No set is let pass by it, another's nights or not."""
    few, many = rows(1.0, nights=nights), [{**one, "set": "real"} for one in rows(1.0)]
    for made in (few, [*many, *few]):
        with pytest.raises(ModelError, match=f"set keograms has frames of {said}, which tells nothing"):
            compare(evaluation(made), evaluation(made))
    three = evaluation(rows(1.0, nights=3))
    assert len(compare(three, three)) == 2


def test_roc_area_is_scikit_learns() -> None:
    """Ties included."""
    draw = np.random.default_rng(0)
    aurora = draw.random(200) < 0.3
    probability = np.round(draw.random(200) + 0.2 * aurora, 1)
    assert roc_area(aurora, probability) == pytest.approx(roc_auc_score(aurora, probability))


@pytest.fixture
def two_models(tmp_path: Path) -> tuple[Path, Path]:
    """A candidate and a model in place, both loadable: the smallest graphs of aurorad's shape."""
    return small_model(tmp_path / "runs" / "new.onnx", 1.0), small_model(tmp_path / "live" / "b1.onnx", 2.0)


def small_model(path: Path, scale: float) -> Path:
    """A graph that answers the frame's mean, in aurorad's shapes; no network, but the loader takes it."""
    make, float32 = onnx.helper.make_tensor_value_info, onnx.TensorProto.FLOAT
    initial = [
        onnx.numpy_helper.from_array(np.array(value, kind), name)
        for name, value, kind in (
            ("scale", [[scale, -scale, scale, -scale]], np.float32),
            ("axes", [1, 2, 3], np.int64),
            ("grid", [1, 1, 8, 8], np.int64),
            ("last", [1], np.int64),
            ("places", [2, 3], np.int64),
        )
    ]
    node = onnx.helper.make_node
    nodes = [
        node("ReduceMean", ["pixels", "axes"], ["mean"], keepdims=0),
        node("Unsqueeze", ["mean", "last"], ["column"]),
        node("Mul", ["column", "scale"], ["logits"]),
        node("Unsqueeze", ["logits", "places"], ["corners"]),
        node("Expand", ["corners", "grid"], ["maps"]),
    ]
    graph = onnx.helper.make_graph(
        nodes,
        "small",
        [make("pixels", float32, ["n", 3, 240, 240])],
        [make("logits", float32, ["n", 4]), make("maps", float32, ["n", 4, 8, 8])],
        initial,
    )
    path.parent.mkdir(parents=True)
    opset = [onnx.helper.make_opsetid("", 18)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=10), path)
    card = Card(
        name=path.stem, description="For tests.", created="2026-11-20T06:00:00Z", licence="MIT",
        sha256=sha256_of(path), outputs=OUTPUTS[:4], side=240, mean=MEAN, std=STD, data={}, recipe={}, skill={},
        temperature=1.0, sky_temperature=1.0, thresholds=Thresholds(0.5, {}), parity={},
    )  # fmt: skip
    write_card(card, path)
    return path


def write_evaluation(path: Path, model: Path, made: list[dict[str, object]]) -> Path:
    path.write_text(json.dumps({"model_sha256": sha256_of(model), "frames": made}))
    return path


def test_a_better_candidate_takes_the_place(two_models: tuple[Path, Path], tmp_path: Path) -> None:
    """Model and card are the candidate's, the old pair is kept as previous, nothing else is left."""
    new, live = two_models
    expected, before = sha256_of(new), live.read_bytes()
    better = write_evaluation(tmp_path / "new.json", new, rows(1.5, seed=2))
    current = write_evaluation(tmp_path / "live.json", live, rows(0.8, seed=3))
    found = promote(new, live, better, current)
    assert [one.difference > 0 for one in found] == [True, True]
    assert load(live, device="cpu", threads=1).sha256 == expected
    assert (live.parent / "b1.previous.onnx").read_bytes() == before
    assert sorted(one.name for one in live.parent.iterdir()) == [
        "b1.json", "b1.onnx", "b1.previous.json", "b1.previous.onnx",
    ]  # fmt: skip
    assert load(live.parent / "b1.previous.onnx", device="cpu", threads=1).sha256 != expected


def test_a_worse_candidate_is_refused_and_changes_nothing(
    two_models: tuple[Path, Path], tmp_path: Path
) -> None:
    """The error names the figure; the model in place is untouched."""
    new, live = two_models
    before = {one.name: one.read_bytes() for one in live.parent.iterdir()}
    worse = write_evaluation(tmp_path / "new.json", new, rows(0.5, seed=2))
    current = write_evaluation(tmp_path / "live.json", live, rows(1.5, seed=3))
    with pytest.raises(
        ModelError, match=r"not promoted, it is worse .*keograms: balanced accuracy 0\.\d+ against"
    ):
        promote(new, live, worse, current)
    assert {one.name: one.read_bytes() for one in live.parent.iterdir()} == before


def test_evaluations_must_be_of_these_models(two_models: tuple[Path, Path], tmp_path: Path) -> None:
    """Swapped, missing or broken evaluations end the promotion before anything is copied."""
    new, live = two_models
    ours = write_evaluation(tmp_path / "new.json", new, rows(1.5))
    theirs = write_evaluation(tmp_path / "live.json", live, rows(1.5))
    broken = tmp_path / "broken.json"
    broken.write_text('{"model_sha256": ')
    for evaluation_file, against, said in (
        (theirs, ours, "is the evaluation of another model"),
        (ours, None, "give its evaluation on the same frames with --against"),
        (broken, theirs, "is not an evaluation"),
        (write_evaluation(tmp_path / "empty.json", new, []), theirs, "holds no frames"),
    ):
        with pytest.raises(ModelError, match=said):
            promote(new, live, evaluation_file, against)
    assert not (live.parent / "b1.previous.onnx").exists()


def test_a_first_model_needs_no_rival(two_models: tuple[Path, Path], tmp_path: Path) -> None:
    """Where no model is in place the candidate is put there, if it loads."""
    new, _ = two_models
    place = tmp_path / "empty" / "b1.onnx"
    ours = write_evaluation(tmp_path / "new.json", new, rows(1.5))
    assert promote(new, place, ours, None) == []
    assert load(place, device="cpu", threads=1).sha256 == sha256_of(new)


def test_a_candidate_that_does_not_load_is_refused(two_models: tuple[Path, Path], tmp_path: Path) -> None:
    """An altered candidate never reaches the place, however good its evaluation."""
    new, live = two_models
    ours = write_evaluation(tmp_path / "new.json", new, rows(3.0))
    theirs = write_evaluation(tmp_path / "live.json", live, rows(0.5))
    new.write_bytes(new.read_bytes() + b"\0")
    with pytest.raises(ModelError, match="is not the file its card describes"):
        promote(new, live, ours, theirs)
    assert load(live, device="cpu", threads=1)
