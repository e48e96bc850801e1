"""The figures about masks and forms are what they say, by answers whose faults are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.labels import FORMS
from training.evaluation.scenes import Asked, described_figures, fit_thresholds, form_figures, mask_figures


@pytest.fixture
def right() -> Asked:
    """Forty scenes, answered without fault: a bright square of aurora in each, half of them arcs, half bands."""
    count = 40
    mask = np.zeros((count, 60, 60), bool)
    shown = np.zeros((count, len(FORMS)), np.int8)
    pictures = np.full((count, 240, 240, 3), 12, np.uint8)
    for row in range(count):
        place = 15 + row % 20
        mask[row, place : place + 8, 20:40] = True
        pictures[row, 4 * place : 4 * place + 32, 80:160, 1] = 90
        shown[row, row // 2 % 2] = 1
    return Asked(pictures, mask, mask.copy(), shown.astype(np.float32), shown, np.ones(count, np.float32))


def test_answers_without_fault_have_full_figures(right: Asked) -> None:
    """1 where everything is right; forms that no scene shows are left out."""
    assert mask_figures(right)["iou_bright"] == 1
    assert mask_figures(right)["cover_error_median"] == 0
    forms = form_figures(right)
    assert forms["f1"] == {"arc": 1.0, "band": 1.0}
    assert forms["macro_f1"] == 1
    assert described_figures(right)["level_exact"] == 1
    assert described_figures(right)["direction_error_median_deg"] == 0


def test_every_fault_shows_in_its_own_figure(right: Asked) -> None:
    """A mask on the wrong side, one half as high, a form that is never named, one that is always."""
    flipped = replace(right, mask=right.mask[:, ::-1])
    assert described_figures(flipped)["direction_error_median_deg"] > 10
    thin = right.mask.copy()
    thin[:, :, 30:] = False
    assert mask_figures(replace(right, mask=thin))["iou_visible"] == pytest.approx(0.5)
    assert mask_figures(replace(right, mask=thin))["cover_error_median"] == pytest.approx(0.5)
    forms = right.forms.copy()
    forms[:, 0], forms[:, 1] = 0.1, 0.9
    figures = form_figures(replace(right, forms=forms))["f1"]
    assert figures["arc"] == 0
    assert figures["band"] == pytest.approx(2 / 3, abs=0.01)


def test_thresholds_are_judged_on_scenes_that_did_not_choose_them(right: Asked) -> None:
    """Chance answers get no credit for a threshold that happens to fit; what is not judged does not count."""
    rng = np.random.default_rng(0)
    chance = replace(right, forms=rng.random(right.forms.shape).astype(np.float32))
    assert form_figures(chance)["macro_f1"] < 0.75
    unjudged = replace(right, shown=np.where(right.shown == 0, -1, right.shown).astype(np.int8))
    assert fit_thresholds(unjudged)["arc"] == pytest.approx(0.2)
    assert form_figures(unjudged)["f1"]["arc"] == 1
