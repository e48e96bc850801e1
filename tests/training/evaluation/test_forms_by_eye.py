"""A model's forms are held against those that people agree on."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from models.labels import FORMS, OUTPUTS
from models.preprocess import Pixels
from models.runtime import Model
from training.data.real import read_frames
from training.evaluation import forms_by_eye
from training.evaluation.forms_by_eye import Reading, agreed, judge_forms, read_forms, table


def always(form: str) -> Model:
    """A model that holds every sky for this form."""
    answer = SimpleNamespace(forms=np.array([float(name == form) for name in FORMS], np.float32))
    card = SimpleNamespace(name="always", outputs=OUTPUTS)
    return cast(Model, SimpleNamespace(card=card, predict=lambda pictures: [answer] * len(pictures)))


@pytest.fixture
def without_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Black skies in place of the collection's."""
    monkeypatch.setattr(forms_by_eye, "squares", lambda folder, frames: blank(len(list(frames))))


def blank(count: int) -> Pixels:
    return np.zeros((count, 240, 240, 3), np.uint8)


def test_three_readers_looked_at_every_frame_and_each_shows_aurora() -> None:
    """Every form is one of the six, every frame one with aurora."""
    readings = read_forms()
    aurora = {frame.file for frame in read_frames() if frame.yes}
    assert len(readings) == 36
    assert set(readings) <= aurora
    assert {tuple(sorted(one)) for one in readings.values()} == {("1", "2", "3")}


def test_two_of_three_agree() -> None:
    """One reader's word alone is no form of the frame's."""
    readings = {
        "1": Reading("arc", frozenset()),
        "2": Reading("band", frozenset({"arc"})),
        "3": Reading("diffuse", frozenset({"band"})),
    }
    assert agreed(readings) == {"arc", "band"}


@pytest.mark.usefixtures("without_pictures")
def test_a_model_that_always_says_band_is_right_as_often_as_people_saw_one() -> None:
    """The share is counted from the table, and what is apart is named."""
    readings = read_forms()
    with_band = sum("band" in agreed(one) for one in readings.values())
    found = judge_forms(always("band"), Path())
    assert found["model, forms that two of three readers gave"] == round(with_band / 36, 3)
    assert len(found["apart"]) == 36 - with_band
    assert table(found)[0] == "36 frames"


def test_a_model_without_forms_is_refused() -> None:
    """In place of a table in which it is never right."""
    bare = cast(Model, SimpleNamespace(card=SimpleNamespace(name="thesis-b1", outputs=OUTPUTS[:2])))
    with pytest.raises(ValueError, match="thesis-b1 names no forms"):
        judge_forms(bare, Path())


def test_a_form_that_is_none_is_an_error(tmp_path: Path) -> None:
    """In one line, with the frame's name."""
    path = tmp_path / "forms.csv"
    path.write_text("file,reader,first,also\na.jpg,1,swirl,arc\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"a\.jpg has a form that is none"):
        read_forms(path)
