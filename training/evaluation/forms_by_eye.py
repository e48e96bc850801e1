"""A model's forms beside those that people saw on real frames:

    aurorad-train forms-by-eye models/weights/aurorad-b1.onnx --real ../shared/data

``labels/forms.csv`` holds what three readers said of 36 real frames with aurora, each alone and without a model's
answer: the form they would name first, and the others that are right as well. Readers differ, so the model is held
against the forms that at least two of them gave, and the readers against each other.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from models.labels import FORM_HEAD, FORMS, has
from models.runtime import Model
from training.data.real import LABELS, read_frames, squares

TABLE: Final = LABELS / "forms.csv"
AGREED: Final = 2
"""Readers that must have given a form."""


@dataclass(frozen=True)
class Reading:
    """What one reader saw on a frame: ``first``, the form named first, and ``also``, others that are right as well."""

    first: str
    also: frozenset[str]

    @property
    def seen(self) -> frozenset[str]:
        """All of them."""
        return self.also | {self.first}


def read_forms(path: Path = TABLE) -> dict[str, dict[str, Reading]]:
    """Frame → reader → reading. Raises ValueError in one line for a form that is none."""
    readings: dict[str, dict[str, Reading]] = {}
    with path.open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            reading = Reading(row["first"], frozenset(row["also"].split()))
            if not reading.seen <= set(FORMS):
                raise ValueError(f"{path}: {row['file']} has a form that is none: {sorted(reading.seen)}")
            readings.setdefault(row["file"], {})[row["reader"]] = reading
    return readings


def agreed(readings: Mapping[str, Reading]) -> set[str]:
    """The forms of a frame that at least two readers gave."""
    given = Counter(form for one in readings.values() for form in one.seen)
    return {form for form, readers in given.items() if readers >= AGREED}


def judge_forms(model: Model, folder: Path) -> dict[str, Any]:
    """How often the form that the model holds for the likeliest is one that people saw, and people each other's.

    Raises ValueError for a model that names no forms.
    """
    if not has(FORM_HEAD, model.card.outputs):
        raise ValueError(f"{model.card.name} names no forms")
    readings = read_forms()
    by_file = {frame.file: frame for frame in read_frames()}
    frames = [by_file[file] for file in readings]
    answers = model.predict(squares(folder, frames))
    forms = np.array([answer.forms for answer in answers], np.float32)
    firsts = {frame.file: FORMS[first] for frame, first in zip(frames, forms.argmax(axis=1), strict=True)}
    readers = sorted({reader for one in readings.values() for reader in one})
    return {
        "frames": len(frames),
        "model, forms that two of three readers gave": _share(
            firsts, {f: agreed(r) for f, r in readings.items()}
        ),
        **{
            f"model, reader {who}": _share(firsts, {f: r[who].seen for f, r in readings.items()})
            for who in readers
        },
        **{
            f"reader {who}, reader {other}": _share(
                {f: r[who].first for f, r in readings.items()},
                {f: r[other].seen for f, r in readings.items()},
            )
            for who in readers
            for other in readers
            if who != other
        },
        "apart": [
            f"{file}: {first}, people {' '.join(sorted(agreed(readings[file]))) or 'differ'}"
            for file, first in firsts.items()
            if first not in agreed(readings[file])
        ],
    }


def _share(firsts: Mapping[str, str], right: Mapping[str, set[str] | frozenset[str]]) -> float:
    return round(sum(first in right[file] for file, first in firsts.items()) / max(1, len(right)), 3)


def table(found: Mapping[str, Any]) -> Sequence[str]:
    """Lines to print."""
    shares = [f"{name}: {100 * value:.0f} %" for name, value in found.items() if isinstance(value, float)]
    return [f"{found['frames']} frames", *shares, *found["apart"]]
