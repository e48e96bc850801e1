"""How right a model's mask and forms are on made skies it never saw, by the simulator's own light.

    aurorad-train scenes models/weights/aurorad-b1.onnx --count 400 --into-card

Scenes are drawn from a seed that no bank uses; a form's thresholds are fitted on one half of them and judged on
the other, both ways, and the card's are those of all. A cell of the mask shows aurora where the light there has the simulator's criterion
(``training.data.items.heat_of``); scenes count as *bright* from five times the criterion on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from daemon.description import Described, describe
from daemon.observation import Orientation, Prediction
from models.card import read_card
from models.labels import FORMS, OUTPUTS
from models.preprocess import SIDE, Pixels, disc_mask
from models.runtime import Model
from training.data.bank import Bank, open_bank
from training.data.banks import Plan, fill_bank
from training.data.items import SEEN
from training.export import write_card
from training.simulator.render import CONTRAST

SEED: Final = 990_001
BRIGHT: Final = 5 * CONTRAST
LEAST_SHOWN: Final = 5
"""Scenes that must show a form for a figure about it."""

Flags = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Asked:
    """The model's answers about lit scenes beside the truth: masks (N, 60, 60), forms (N, 6), contrast (N,).

    ``pictures`` (N, 240, 240, 3) are the scenes' own.
    """

    pictures: Pixels
    mask: Flags
    truth: Flags
    forms: npt.NDArray[np.float32]
    shown: npt.NDArray[np.int8]
    contrast: npt.NDArray[np.float32]


def judge_scenes(model: Model, folder: Path, count: int, workers: int = 1) -> dict[str, Any]:
    """Draw ``count`` pairs of each of the kinds ``simulated`` and ``forms``, ask, and say how right the answers are.

    Raises ValueError for a model without mask or forms.
    """
    if model.card.mask_threshold is None or not model.card.form_thresholds:
        raise ValueError(f"{model.card.name} draws no mask and names no forms")
    banks = [
        open_bank(fill_bank(folder / kind, Plan(kind, SEED), count, workers=workers))
        for kind in ("simulated", "forms")
    ]
    asked = _joined([_ask(model, bank) for bank in banks])
    return {
        "scenes": len(asked.contrast),
        "mask": mask_figures(asked),
        "described": described_figures(asked),
        "forms": form_figures(asked),
        "form_thresholds": fit_thresholds(asked),
    }


def into_card(model: Path, found: Mapping[str, Any]) -> None:
    """Write the figures and the forms' thresholds into a model's card."""
    card = read_card(model)
    skill = {
        **card.skill,
        "made skies": {key: found[key] for key in ("scenes", "mask", "described", "forms")},
    }
    write_card(replace(card, skill=skill, form_thresholds=found["form_thresholds"]), model)


def _ask(model: Model, bank: Bank) -> Asked:
    lit = np.flatnonzero(bank.aurora[:, -1] == 1)
    answers = model.predict(np.ascontiguousarray(bank.pictures[lit, -1]))
    inside = disc_mask(SIDE)[::4, ::4]
    assert model.card.mask_threshold is not None
    return Asked(
        np.ascontiguousarray(bank.pictures[lit, -1]),
        np.stack([one.mask for one in answers if one.mask is not None]) >= model.card.mask_threshold,
        (bank.heat[lit] / 255 >= SEEN) & inside,
        np.stack([one.forms for one in answers if one.forms is not None]),
        bank.labels["forms"][lit],
        bank.contrast[lit],
    )


def _joined(parts: list[Asked]) -> Asked:
    return Asked(*(np.concatenate([getattr(p, name) for p in parts]) for name in Asked.__dataclass_fields__))


def _halves(asked: Asked) -> tuple[Asked, Asked]:
    names = Asked.__dataclass_fields__
    return Asked(*(getattr(asked, n)[::2] for n in names)), Asked(*(getattr(asked, n)[1::2] for n in names))


def mask_figures(asked: Asked) -> dict[str, float]:
    """Median and mean intersection over union on bright and on visible aurora, and the median error of the cover
    relative to the truth's.
    """
    both = (asked.mask & asked.truth).sum((1, 2))
    either = (asked.mask | asked.truth).sum((1, 2))
    iou = both / np.maximum(either, 1)
    truth = asked.truth.sum((1, 2))
    apart = np.abs(asked.mask.sum((1, 2)) - truth) / np.maximum(truth, 1)
    bright, visible = asked.contrast >= BRIGHT, truth >= 20
    return {
        "iou_bright": round(float(iou[bright & visible].mean()), 3),
        "iou_visible": round(float(iou[visible].mean()), 3),
        "cover_error_median": round(float(np.median(apart[visible])), 3),
        "cover_error_bright_median": round(float(np.median(apart[bright & visible])), 3),
        "bright_scenes": int((bright & visible).sum()),
        "visible_scenes": int(visible.sum()),
    }


def fit_thresholds(asked: Asked) -> dict[str, float]:
    """The probability that gives each form its best F1."""
    tried = np.round(np.arange(0.2, 0.81, 0.05), 2)
    found: dict[str, float] = {}
    for index, form in enumerate(FORMS):
        scores = [f1_of(_counted(asked, index, float(threshold))) for threshold in tried]
        found[form] = float(tried[int(np.argmax(scores))])
    return found


def form_figures(asked: Asked) -> dict[str, Any]:
    """F1 of every form that is shown often enough, and their mean; each half by the thresholds of the other."""
    fit, judge = _halves(asked)
    ways = [(judge, fit_thresholds(fit)), (fit, fit_thresholds(judge))]
    counts = {form: int((asked.shown[:, index] == 1).sum()) for index, form in enumerate(FORMS)}
    f1 = {
        form: round(f1_of(np.sum([_counted(half, index, limits[form]) for half, limits in ways], axis=0)), 3)
        for index, form in enumerate(FORMS)
        if counts[form] >= LEAST_SHOWN
    }
    return {"macro_f1": round(float(np.mean(list(f1.values()))), 3), "f1": f1, "shown": counts}


def described_figures(asked: Asked) -> dict[str, float]:
    """What the mask's errors do to the description: the level and the direction that ``daemon.description`` gives by
    the model's mask against those by the true one. Directions as of a level lens, in degrees apart.
    """
    levels, apart = [], []
    for picture, masks in zip(asked.pictures, zip(asked.truth, asked.mask, strict=True), strict=True):
        true, ours = (_described(picture, mask) for mask in masks)
        levels.append(abs((true.description.level or 0) - (ours.description.level or 0)))
        if true.azimuth_deg is not None and ours.azimuth_deg is not None:
            apart.append(float(np.degrees(np.arccos(np.clip(_toward(true) @ _toward(ours), -1, 1)))))
    return {
        "level_exact": round(float(np.mean(np.array(levels) == 0)), 3),
        "level_within_1": round(float(np.mean(np.array(levels) <= 1)), 3),
        "direction_error_median_deg": round(float(np.median(apart)), 1),
        "direction_within_10_deg": round(float(np.mean(np.array(apart) <= 10)), 3),
    }


def _described(picture: Pixels, mask: Flags) -> Described:
    bare = Prediction(
        np.zeros(len(OUTPUTS), np.float32), 1.0, 1.0, 1.0, np.ones((8, 8), np.float32), "", mask=mask
    )
    return describe(datetime(2024, 1, 1, tzinfo=UTC), picture, bare, Orientation(0.0))


def _toward(found: Described) -> npt.NDArray[np.float64]:
    azimuth, elevation = np.radians([found.azimuth_deg or 0.0, found.elevation_deg or 0.0])
    level = np.cos(elevation)
    return np.array([level * np.sin(azimuth), level * np.cos(azimuth), np.sin(elevation)])


def _counted(asked: Asked, index: int, threshold: float) -> Counts:
    """(right, shown, found) of a form."""
    judged = asked.shown[:, index] >= 0
    truth, found = asked.shown[judged, index] == 1, asked.forms[judged, index] >= threshold
    return np.array([(truth & found).sum(), truth.sum(), found.sum()])


def f1_of(counts: Counts) -> float:
    """F1 of (right, shown, found)."""
    right, shown, found = counts
    return 2 * float(right) / max(1.0, float(shown + found))
