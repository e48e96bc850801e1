"""The labelled frames: a manifest in Parquet, the thesis's sampling and split, the honest split.

A manifest has one row a frame:

    path, night, camera, observed_at, twilight, moonlight, source, label (yes, no or empty),
    sky (clear, cloudy or empty), sha256, split (train, validation or empty), labelled_by, labelled_at,
    model_sha256, model_probability, model_verdict (what the model had said to who labelled it)

``path`` is relative to the manifest's folder, where the frames lie as square discs. Frames get their
night, camera and sky from the daemon's own code (:mod:`training.data.extract`); labels come from a person,
in folders (:mod:`training.data.folder_labels`) or on the page (:mod:`training.data.page_labels`).
"""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from daemon.files import replacing
from models.labels import SKY
from models.preprocess import Pixels, shrink
from training.data.augment import STRENGTHS, Strength, apply_change, draw_change
from training.data.bank import HEAT_SIDE
from training.data.batch import Batch, unlabelled
from training.recipe import MaterialSpec, Stage

SAMPLE_MOST: Final = 20
SAMPLE_SHARE: Final = 0.5
TRAIN_SHARE: Final = 0.8


@dataclass(frozen=True)
class Row:
    """One frame of the manifest; every field is text, empty where not known."""

    path: str
    night: str
    camera: str = ""
    observed_at: str = ""
    twilight: str = ""
    moonlight: str = ""
    source: str = ""
    label: str = ""
    sha256: str = ""
    split: str = ""
    sky: str = ""
    labelled_by: str = ""
    labelled_at: str = ""
    model_sha256: str = ""
    model_probability: str = ""
    model_verdict: str = ""


def write_manifest(rows: Iterable[Row], path: Path) -> Path:
    """Write a manifest, whole or not at all."""
    with replacing(path) as part:
        pq.write_table(pa.Table.from_pylist([asdict(row) for row in rows]), part)
    return path


def read_manifest(path: Path) -> list[Row]:
    """Read a manifest. Raises ValueError in one line where it is missing or no manifest."""
    try:
        return [Row(**row) for row in pq.read_table(path).to_pylist()]
    except FileNotFoundError as error:
        raise ValueError(f"no manifest at {path}; make one with: aurorad-train sample") from error
    except (TypeError, pa.ArrowInvalid) as error:
        raise ValueError(f"{path} is not a manifest: {error}") from error


def sha256_of_file(path: Path) -> str:
    """The hexadecimal sha256 of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def placed(rows: Iterable[Row], folder: Path, out: Path) -> list[Row]:
    """Rows of ``folder`` as seen from ``out``, where their manifest will lie."""
    return [replace(row, path=os.path.relpath(folder / row.path, out)) for row in rows]


# ---------------------------------------------------------------------------------- the thesis's way


def by_night(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Rows grouped by night, nights in order."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.night].append(row)
    return {night: groups[night] for night in sorted(groups)}


def thesis_sample(rows: Iterable[Row], seed: int) -> list[Row]:
    """Frames to label: each night at most 20 and at most half of its frames, moonless night only."""
    rng = np.random.default_rng(seed)
    chosen = []
    for frames in by_night(rows).values():
        fit = [row for row in frames if row.twilight == "night" and row.moonlight == "none"]
        count = min(SAMPLE_MOST, int(len(frames) * SAMPLE_SHARE), len(fit))
        chosen += [fit[i] for i in sorted(rng.choice(len(fit), count, replace=False))] if count else []
    return chosen


def thesis_split(rows: Sequence[Row], seed: int) -> list[Row]:
    """The labelled rows with their split, as the thesis made it; frames left over have none.

    Of a night's yes frames floor(0.8·n) go to training, the rest to validation. No frames are drawn
    to match both totals exactly, each night in proportion to its no frames, fractions resolved by
    the largest nights first. Frames of one night stand on both sides, which is what
    :func:`night_split` mends.
    """
    rng = np.random.default_rng(seed)
    split: dict[str, str] = {}
    totals = {"train": 0, "validation": 0}
    for frames in by_night(row for row in rows if row.label == "yes").values():
        order = rng.permutation(len(frames))
        first = int(TRAIN_SHARE * len(frames) + 1e-9)
        for place, index in enumerate(order):
            side = "train" if place < first else "validation"
            split[frames[index].path] = side
            totals[side] += 1
    no = by_night(row for row in rows if row.label == "no")
    left = {night: list(rng.permutation(len(frames))) for night, frames in no.items()}
    for side in ("train", "validation"):
        quota = proportional({night: len(order) for night, order in left.items()}, totals[side])
        for night, count in quota.items():
            for _ in range(count):
                split[no[night][left[night].pop()].path] = side
    return [replace(row, split=split.get(row.path, "")) for row in rows]


def proportional(sizes: dict[str, int], total: int) -> dict[str, int]:
    """Split ``total`` over nights in proportion to ``sizes``, none over its size; exact where possible.

    Whole parts first; what fractions leave goes one each to the largest nights.
    """
    whole = sum(sizes.values())
    if total >= whole:
        return dict(sizes)
    quota = {night: size * total // whole for night, size in sizes.items()}
    missing = total - sum(quota.values())
    for night in sorted(sizes, key=lambda name: (-sizes[name], name)):
        if missing and quota[night] < sizes[night]:
            quota[night] += 1
            missing -= 1
    return quota


def night_split(
    rows: Sequence[Row], seed: int, train_share: float = TRAIN_SHARE, before: Sequence[Row] = ()
) -> list[Row]:
    """The labelled rows split by whole nights: no night on both sides.

    Nights are drawn at random until the training side holds ``train_share`` of the frames; with two
    or more nights each side gets one at least. Nights that an earlier split (``before``) has on one side stay there: a
    model that has learned from one would be judged on it as if it had not.
    """
    groups = by_night(row for row in rows if row.label)
    side = {night: one for night, one in sides_of(before).items() if night in groups}
    nights = [night for night in groups if night not in side]
    order = [nights[i] for i in np.random.default_rng(seed).permutation(len(nights))]
    wanted = train_share * sum(len(g) for g in groups.values())
    held = sum(len(groups[night]) for night, one in side.items() if one == "train")
    for place, night in enumerate(order):
        last_for_validation = place == len(order) - 1 and "validation" not in side.values()
        train = (held < wanted and not last_for_validation) or len(groups) == 1
        side[night] = "train" if train else "validation"
        held += len(groups[night]) if train else 0
    return [replace(row, split=side.get(row.night, "") if row.label else "") for row in rows]


def sides_of(rows: Sequence[Row]) -> dict[str, str]:
    """Which side each night is on, where all of it is on one."""
    found: dict[str, set[str]] = {}
    for row in rows:
        if row.split:
            found.setdefault(row.night, set()).add(row.split)
    return {night: next(iter(sides)) for night, sides in found.items() if len(sides) == 1}


# ------------------------------------------------------------------------------------- for training


class ManifestMaterial:
    """Labelled files as a material: epochs of a shuffled order, validation in file order.

    ``augment = "thesis"`` is the method's: RandomResizedCrop (area 0.8–1.0, ratio 3/4–4/3),
    horizontal flip, ColorJitter of brightness, contrast and saturation by 0.3.
    """

    def __init__(self, spec: MaterialSpec) -> None:
        self.spec = spec
        rows = [row for row in read_manifest(spec.path) if row.label and row.split]
        self.train = [row for row in rows if row.split == "train"]
        self.kept = [row for row in rows if row.split == "validation"]
        if not self.train:
            raise ValueError(f"{spec.path}: no frame is labelled and in the training split")
        self.squares: dict[str, Pixels] = {}

    def __len__(self) -> int:
        return len(self.train)

    def _square(self, row: Row) -> Pixels:
        if row.path not in self.squares:
            self.squares[row.path] = read_square(self.spec.path.parent / row.path)
        return self.squares[row.path]

    def draw(
        self, rng: np.random.Generator, count: int, stage: Stage, step: int, done: float, seed: int
    ) -> Batch:
        """The step's slice of its epoch's shuffled order."""
        per_epoch = -(-len(self.train) // count)
        epoch, place = divmod(step, per_epoch)
        order = np.random.default_rng([seed, epoch, 77]).permutation(len(self.train))
        rows = [self.train[i] for i in order[place * count : (place + 1) * count]]
        pictures = np.stack([self._changed(self._square(row), rng, stage.side) for row in rows])
        return _batch(pictures, rows)

    def _changed(self, picture: Pixels, rng: np.random.Generator, side: int) -> Pixels:
        if self.spec.augment == "thesis":
            return thesis_change(picture, rng, side)
        strength: Strength = STRENGTHS[self.spec.augment]
        return apply_change(draw_change(rng, strength), picture, side)

    def validation(self, stage: Stage) -> Iterator[Batch]:
        """The validation frames, unchanged."""
        for start in range(0, len(self.kept), stage.batch):
            rows = self.kept[start : start + stage.batch]
            yield _batch(np.stack([shrink(self._square(row), stage.side) for row in rows]), rows)

    def fingerprint(self) -> str:
        """By each frame's picture, label, sky and side."""
        rows = [(row.path, row.sha256, row.label, row.sky, row.split) for row in [*self.train, *self.kept]]
        return hashlib.sha256(repr(rows).encode()).hexdigest()


def _batch(pictures: Pixels, rows: Sequence[Row]) -> Batch:
    count = len(rows)
    sky = np.array([SKY.index(row.sky) if row.sky else -1 for row in rows], np.int8)
    return Batch(
        pictures=pictures,
        aurora=np.array([row.label == "yes" for row in rows], np.int8),
        heat=np.zeros((count, HEAT_SIDE, HEAT_SIDE), np.float32),
        has_heat=np.zeros(count, np.float32),
        **(unlabelled(count) | {"sky": sky}),
    )


def read_square(path: Path) -> Pixels:
    """A stored square disc → (240, 240, 3). Raises ValueError where it cannot be read."""
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise ValueError(f"no readable picture at {path}")
    return shrink(np.asarray(picture, dtype=np.uint8))


def thesis_change(picture: Pixels, rng: np.random.Generator, side: int) -> Pixels:
    """The method's changes, as torchvision makes them, drawn from ``rng``."""
    left, top, width, height = _crop_box(rng, picture.shape[0])
    crop = picture[top : top + height, left : left + width]
    crop = np.asarray(cv2.resize(crop, (side, side), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
    if rng.random() < 0.5:
        crop = crop[:, ::-1]
    jitter = [_brighter, _contrasted, _saturated]
    light: npt.NDArray[np.float32] = crop.astype(np.float32)
    for index in rng.permutation(3):
        light = np.clip(jitter[int(index)](light, float(rng.uniform(0.7, 1.3))), 0, 255)
    return np.asarray(light, dtype=np.uint8)


def _crop_box(rng: np.random.Generator, size: int) -> tuple[int, int, int, int]:
    """RandomResizedCrop's box: ten tries, else the whole."""
    for _ in range(10):
        area = rng.uniform(0.8, 1.0) * size * size
        ratio = np.exp(rng.uniform(np.log(3 / 4), np.log(4 / 3)))
        width, height = round(float(np.sqrt(area * ratio))), round(float(np.sqrt(area / ratio)))
        if 0 < width <= size and 0 < height <= size:
            left, top = (int(rng.integers(0, size - edge + 1)) for edge in (width, height))
            return left, top, width, height
    return 0, 0, size, size


def _grey(light: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.asarray(light @ np.array([0.114, 0.587, 0.299], dtype=np.float32))


def _brighter(light: npt.NDArray[np.float32], factor: float) -> npt.NDArray[np.float32]:
    return light * np.float32(factor)


def _contrasted(light: npt.NDArray[np.float32], factor: float) -> npt.NDArray[np.float32]:
    return np.asarray(light * np.float32(factor) + np.float32((1 - factor) * _grey(light).mean()))


def _saturated(light: npt.NDArray[np.float32], factor: float) -> npt.NDArray[np.float32]:
    return np.asarray(light * np.float32(factor) + np.float32(1 - factor) * _grey(light)[..., None])
