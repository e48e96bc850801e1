"""What other seeds and other starts give stands on a card beside the model's own figures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from training.data.real import read_frames
from training.evaluation.judging import judge_model
from training.evaluation.leave_out import HOME, LeftOut, fit_to, read_answers, read_beside, table


def test_the_figures_beside_are_those_of_other_peoples_cameras(tmp_path: Path) -> None:
    """The home camera, which the model is made for, does not lend them its skill."""
    answers = [
        LeftOut(f.file, f.source, f.night, f.yes, f.sky, f.note, 9.0 if f.source in HOME else -9.0, 1.0)
        for f in read_frames()
        if f.judged
    ]
    found = table(answers, fit_to(answers))
    kept = tmp_path / "whole.json"
    kept.write_text(json.dumps({"seed 1": found}))
    beside = read_beside(kept)["seed 1"]
    assert found["confusion"]["true_yes"] > 0
    assert (beside["confusion"]["true_yes"], beside["balanced_accuracy"]) == (0, 0.5)


@pytest.mark.parametrize("content", ["[]", "{", "{}", '{"seed 1": {}}', '{"seed 1": 3}'])
def test_other_files_are_refused_in_one_line(tmp_path: Path, content: str) -> None:
    """A wrong file is named, with what makes the right one."""
    kept = tmp_path / "whole.json"
    kept.write_text(content)
    with pytest.raises(ValueError, match="holds no figures of aurorad-train whole"):
        read_beside(kept)


def test_figures_that_nothing_stands_beside_are_refused(tmp_path: Path) -> None:
    """Otherwise they would be left out of the card without a word."""
    with pytest.raises(ValueError, match="give both"):
        judge_model(tmp_path / "none.onnx", tmp_path / "out", beside=tmp_path / "whole.json")


@pytest.mark.parametrize("content", ["[]", "{}", "{", "3", '[{"file": "a"}]'])
def test_a_file_without_answers_is_refused_in_one_line(tmp_path: Path, content: str) -> None:
    """An empty list too, as one that was cut short leaves: there is nothing to calibrate on."""
    kept = tmp_path / "answers.json"
    kept.write_text(content)
    with pytest.raises(ValueError, match="holds no left-out answers: make them with aurorad-train leave-out"):
        read_answers(kept)
