"""The papers' own data, where somebody has fetched them, and their own split: OATH and Kvammen's classes.

Neither can be shipped with aurorad. What is read:

- **OATH** (Clausen & Nickisch 2018): the unpacked archive, with ``classification/classification.csv``,
  ``classification/train_test_split.csv`` and ``images/cropped_scaled/00001.png``.
- **Kvammen et al. 2020**: one folder for each class with its pictures in it. Without a table of their folds, seven
  tenths of each class are learned from, drawn by the seed.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from daemon.footage.image import read
from daemon.sky.geometry import cut_square
from models.preprocess import Pixels, shrink
from training.compare import heads
from training.compare.bench import Bench, class_figures
from training.compare.encoders import encoder, pixels, pretrained
from training.compare.heads import Floats
from training.compare.made import CLASSES
from training.compare.shipped import margins, open_model

TRAIN_SHARE: Final = 0.7
OATH_AURORA: Final = 3
"""OATH's first three classes are aurora."""
PUBLISHED: Final = {
    "oath": "82 % of six classes, 96 % binary",
    "kvammen": "92 % average precision of seven classes",
}
PICTURES: Final = (".png", ".jpg", ".jpeg", ".tif", ".bmp")

Kinds = npt.NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class PaperData:
    """Pictures (N, 240, 240, 3) with their class, and which of them are learned from.

    ``split`` says where that comes from.
    """

    name: str
    pictures: Pixels
    kind: Kinds
    classes: tuple[str, ...]
    train: npt.NDArray[np.bool_]
    split: str


def read_oath(folder: Path, seed: int = 1) -> PaperData:
    """The unpacked OATH archive. Raises ValueError in one line where the layout is another."""
    table = _found(folder, "classification/classification.csv", "classifications/classifications.csv")
    rows = _table(table, "class6")
    numbers, kind = [int(row[0]) for row in rows], np.array([int(row[1]) for row in rows], np.int8)
    if not rows or kind.min() < 0 or kind.max() >= len(CLASSES):
        raise ValueError(f"{table}: class6 is a number from 0 to {len(CLASSES) - 1}")
    images = _found(folder, "images/cropped_scaled", "images/cropped_scaled_rotated")
    pictures = np.stack([_square(images / f"{number:05d}.png") for number in numbers])
    split = table.parent / "train_test_split.csv"
    if split.exists():
        train, how = _split(split, numbers), "the paper's"
    else:
        train, how = drawn_split(kind, seed), "drawn, seven tenths to learn from"
    return PaperData("oath", pictures, kind, CLASSES, train, how)


def read_kvammen(folder: Path, seed: int = 1) -> PaperData:
    """A folder of classes. Raises ValueError in one line where there are fewer than two."""
    classes = sorted(path for path in folder.iterdir() if path.is_dir() and _pictures(path))
    if len(classes) < 2:
        raise ValueError(f"{folder}: one folder for each class with its pictures in it is expected")
    files = [(file, number) for number, path in enumerate(classes) for file in _pictures(path)]
    kind = np.array([number for _, number in files], np.int8)
    pictures = np.stack([_square(file) for file, _ in files])
    names = tuple(path.name for path in classes)
    how = "drawn, seven tenths to learn from"
    return PaperData("kvammen", pictures, kind, names, drawn_split(kind, seed), how)


def drawn_split(kind: Kinds, seed: int) -> npt.NDArray[np.bool_]:
    """Seven tenths of each class to learn from."""
    rng = np.random.default_rng([seed, 70])
    train = np.zeros(len(kind), bool)
    for one in np.unique(kind):
        mine = rng.permutation(np.flatnonzero(kind == one))
        train[mine[: max(1, round(TRAIN_SHARE * len(mine)))]] = True
    return train


def _found(folder: Path, *places: str) -> Path:
    for place in places:
        if (folder / place).exists():
            return folder / place
    raise ValueError(f"{folder} is not the unpacked OATH archive: there is no {places[0]} in it")


def _lines(path: Path) -> list[list[str]]:
    text = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return [[cell.strip() for cell in row] for row in csv.reader(text) if row and not row[0].startswith("#")]


def _table(path: Path, column: str) -> list[tuple[str, str]]:
    """(picture's number, value) of a table whose head, after any remarks, names the column."""
    lines = _lines(path)
    for place, line in enumerate(lines):
        if column in line:
            wanted = line.index(column)
            return [(row[0], row[wanted]) for row in lines[place + 1 :] if row[0].isdigit()]
    raise ValueError(f"{path}: no line names the column {column}")


def _split(path: Path, numbers: list[int]) -> npt.NDArray[np.bool_]:
    """Which pictures are learned from: by a column that says train or test, else the first seven tenths of an order."""
    rows = [row for row in _lines(path) if row[0].isdigit()]
    word = [{cell.lower() for cell in row} & {"train", "test"} for row in rows]
    if rows and all(word):
        chosen = {int(row[0]) for row, words in zip(rows, word, strict=True) if "train" in words}
    else:
        order = [int(row[0]) for row in rows]
        chosen = set(order[: round(TRAIN_SHARE * len(order))])
    train = np.array([number in chosen for number in numbers])
    if train.all() or not train.any():
        raise ValueError(f"{path} splits the pictures into none and all: a number and train or test a line")
    return train


def _pictures(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURES)


def _square(path: Path) -> Pixels:
    """One picture as the watch would see it. Raises PictureError, which names the file."""
    return shrink(cut_square(read(path)))


# ------------------------------------------------------------------------------------------- judging


def judge(bench: Bench, data: PaperData) -> dict[str, Any]:
    """Heads on features and on pixels, by the data's split; the shipped model as it is, on OATH's aurora or none."""
    encode = encoder(pretrained())
    known, small = encode(data.pictures), pixels(data.pictures)
    found: dict[str, Any] = {
        "pictures": len(data.kind),
        "classes": list(data.classes),
        "split": data.split,
        "published": PUBLISHED[data.name],
    }
    tried = {
        "features and ridge": (known, heads.ridge_classes),
        "features and k nearest neighbours": (known, heads.neighbour_classes),
        "features and support vector machine": (known, heads.vector_classes),
        "pixels and k nearest neighbours": (small, heads.neighbour_classes),
        "pixels and support vector machine": (small, heads.vector_classes),
    }
    for name, (features, classify) in tried.items():
        found[name] = _classes(data, features, classify)
    if data.name == "oath":
        found["features and ridge, aurora or none"] = _binary(data, known)
        model = open_model(bench)
        said = (margins(model, data.pictures[~data.train]) >= 0).astype(np.int8)
        truth = (data.kind[~data.train] < OATH_AURORA).astype(np.int8)
        found["shipped model, aurora or none, nothing learned from OATH"] = class_figures(
            truth, said, np.arange(len(truth)).astype(str)
        )
    return found


def _classes(data: PaperData, features: Floats, classify: heads.Classify) -> dict[str, Any]:
    ask = classify(features[data.train], data.kind[data.train])
    rest = ~data.train
    return class_figures(data.kind[rest], ask(features[rest]), np.arange(int(rest.sum())).astype(str))


def _binary(data: PaperData, features: Floats) -> dict[str, Any]:
    kind = (data.kind < OATH_AURORA).astype(np.int8)
    return _classes(PaperData(data.name, data.pictures, kind, ("none", "aurora"), data.train, ""), features,
                    heads.ridge_classes)  # fmt: skip
