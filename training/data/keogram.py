"""Keograms into skies: real colours of aurora, cloud, moon and twilight, a whole season of them.

A keogram keeps one line of the sky (north to south through the zenith) once a minute. Two readings
of it fill a disc again. Across the slit nothing was seen, so a point beside it takes the colour of
the slit's point on the same arc (**extrusion**), at a time that runs on with the distance
(**frozen drift**: what will cross the slit later lies beside it now). Without drift that is an arc
or a band of cloud across the whole sky, with much drift a field of patches.

Rows are counted from the image's top, as in ``training/data/labels/keograms.csv``; the bottom is evening.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final, Literal

import cv2
import numpy as np
import numpy.typing as npt

from models.preprocess import Pixels, disc_mask

Label = Literal["aurora", "none", "obscured"]
LABELS: Final[tuple[Label, ...]] = ("aurora", "none", "obscured")
LABEL_FILE: Final = Path(__file__).parent / "labels" / "keograms.csv"
ROW_S: Final = 54.0
"""Seconds from one row to the next."""


@dataclass(frozen=True)
class Span:
    """Rows ``row_from`` ≤ row < ``row_to`` of one night that carry one label."""

    night: str
    row_from: int
    row_to: int
    label: Label
    clear: bool = True
    note: str = ""

    def __len__(self) -> int:
        return self.row_to - self.row_from


def is_held_out(night: str) -> bool:
    """Whether a night (YYYY-MM-DD) is kept from training, to be judged on: every fifth of the calendar."""
    return date.fromisoformat(night).toordinal() % 5 == 0


def read_labels(path: Path = LABEL_FILE) -> list[Span]:
    """The labelled spans. Raises ValueError naming the line where a label or a row is wrong."""
    spans = []
    with path.open(newline="") as lines:
        for number, row in enumerate(csv.DictReader(lines), start=2):
            label, sky = row["label"], row["sky"]
            first, last = int(row["row_from"]), int(row["row_to"])
            if label not in LABELS or sky not in ("clear", "cloudy") or not 0 <= first < last:
                raise ValueError(f"{path}:{number}: a span is night,row_from,row_to,label,sky; this is {row}")
            spans.append(Span(row["night"], first, last, label, sky == "clear", row.get("note") or ""))
    return spans


def read_keogram(folder: Path, night: str) -> Pixels:
    """One night's keogram, (rows, 120, 3) BGR. Raises FileNotFoundError where there is none."""
    picture = cv2.imread(str(folder / f"{night}.jpg"), cv2.IMREAD_COLOR)
    if picture is None:
        raise FileNotFoundError(f"no keogram of {night} in {folder}")
    return np.asarray(picture, dtype=np.uint8)


@dataclass(frozen=True)
class Cut:
    """How a disc is taken from a keogram.

    ``row`` is the time at the slit, ``drift_rows`` how many rows one radius across the slit is away
    in time, ``turn_deg`` the slit's direction in the disc, ``bend`` how far arcs curve (of a radius),
    ``wave`` the size of random waves in (north–south, time): radii and rows.
    """

    row: float
    drift_rows: float
    turn_deg: float
    bend: float = 0.0
    wave: tuple[float, float] = (0.0, 0.0)
    seed: int = 0


def draw_cut(rng: np.random.Generator, span: Span, green: npt.NDArray[np.float32] | None = None) -> Cut:
    """A random cut that stays within the span as far as its length allows.

    Given the night's :func:`greenness`, the greenest of three tries: for aurora spans.
    """
    tries = [_draw_cut(rng, span) for _ in range(1 if green is None else 3)]
    if green is None:
        return tries[0]
    return max(tries, key=lambda cut: float(green[round(cut.row)]))


def _draw_cut(rng: np.random.Generator, span: Span) -> Cut:
    room = (len(span) - 1) / 2
    drift = min(float(np.exp(rng.uniform(np.log(0.5), np.log(45.0)))), room) * rng.choice([-1, 1])
    slack = max(0.0, room - abs(drift))
    middle = (span.row_from + span.row_to - 1) / 2
    return Cut(
        row=middle + rng.uniform(-slack, slack),
        drift_rows=float(drift),
        turn_deg=float(rng.uniform(0, 360)),
        bend=float(rng.normal(0, 0.15)),
        wave=(float(abs(rng.normal(0, 0.06))), float(min(abs(rng.normal(0, 4)), slack))),
        seed=int(rng.integers(0, 2**31 - 1)),
    )


def greenness(keogram: Pixels) -> npt.NDArray[np.float32]:
    """(rows,) green excess over the brighter of red and blue, in levels, of each row's greenest tenth.

    Rows of an aurora span may be dark for a minute; this tells which ones are not.
    """
    soft = cv2.GaussianBlur(keogram, (5, 3), 0).astype(np.float32)[:, 4:-4]
    excess = np.sort(soft[..., 1] - np.maximum(soft[..., 2], soft[..., 0]), axis=1)
    tenth = max(1, excess.shape[1] // 10)
    return np.asarray(excess[:, -tenth:].mean(axis=1), dtype=np.float32)


def cut_sky(keogram: Pixels, cut: Cut, side: int) -> Pixels:
    """A disc (side, side, 3) from a keogram (rows, 120, 3); black outside the circle."""
    axis = (np.arange(side, dtype=np.float32) - (side - 1) / 2) / (side / 2)
    x, y = np.meshgrid(axis, axis)
    angle = np.radians(cut.turn_deg)
    along = (x * np.cos(angle) + y * np.sin(angle)).astype(np.float32)
    across = (y * np.cos(angle) - x * np.sin(angle)).astype(np.float32)
    rng = np.random.default_rng(cut.seed)
    slit = along + cut.bend * across**2 + cut.wave[0] * _waves(rng, side)
    time = cut.row + cut.drift_rows * across + cut.wave[1] * _waves(rng, side)
    rows, columns = keogram.shape[:2]
    # The outermost columns are the horizon's black; the disc's edge is the mask's business.
    column = np.clip((slit * 0.94 + 1) / 2 * (columns - 1), 1, columns - 2)
    row = np.clip(time, 0, rows - 1)
    drawn = cv2.remap(
        keogram,
        column.astype(np.float32),
        row.astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    sky: Pixels = np.asarray(drawn, dtype=np.uint8)
    sky[~disc_mask(side)] = 0
    return sky


def _waves(rng: np.random.Generator, side: int) -> npt.NDArray[np.float32]:
    """Smooth random waves of unit size over the disc: three octaves."""
    field = np.zeros((side, side), np.float32)
    for octave in range(3):
        grid = rng.standard_normal((3 * 2**octave, 3 * 2**octave)).astype(np.float32)
        field += cv2.resize(grid, (side, side), interpolation=cv2.INTER_CUBIC) * 0.4**octave
    return field
