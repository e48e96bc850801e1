"""Judge a model on frames and nights it has not seen:

    aurorad-train evaluate models/weights/aurorad-b1.onnx --real ../shared/data --nights runs/nights \\
        --keograms ../shared/data/auroramax/keograms --out runs/evaluation

Writes ``evaluation.json`` (every figure, and every frame's answer, which ``promote`` compares) and
reliability diagrams, and prints the tables. ``--into-card`` fits temperature and thresholds on
the calibration half of the simulated nights and writes them, with the skill, into the model's card.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from daemon.event import Rules
from daemon.files import write_whole
from daemon.observation import SkyState
from daemon.sky.ephemeris import Observatory
from models.card import Card, Thresholds
from models.colour import FITTED, colour_index
from models.labels import SKY_HEAD, has
from models.preprocess import Pixels
from models.runtime import Answer
from training.evaluation import scores
from training.evaluation.events import Judgement, alerts_of, judge_night
from training.evaluation.nights import KeptNight, read_nights
from training.simulator.night import YELLOWKNIFE

BATCH: Final = 32
DEFAULT_THRESHOLD: Final = 0.5
LEAST_IN_CELL: Final = 60
"""Frames of each kind that a cell needs before it gets a threshold of its own."""


class Judge(Protocol):
    """A model, as the daemon loads it."""

    card: Card
    sha256: str

    def predict(self, squares: Pixels) -> list[Answer]:
        """Answers to (N, 240, 240, 3) frames."""


@dataclass(frozen=True, eq=False)
class Frames:
    """One held-out set: squares by batches, and what is known of every frame.

    ``cell`` is twilight/moonlight/cloud, empty where the sky's state is not known.
    """

    name: str
    squares: Pixels
    aurora: npt.NDArray[np.bool_]
    night: npt.NDArray[np.str_]
    frame: list[str]
    cell: list[str] = field(default_factory=list)
    clear: npt.NDArray[np.int8] | None = None


@dataclass(frozen=True, eq=False)
class Answers:
    """What a model and the colour rules say of a set: margins are differences of two logits."""

    margin: npt.NDArray[np.float64]
    sky_margin: npt.NDArray[np.float64]
    colour: npt.NDArray[np.float64]


def ask(model: Judge, squares: Pixels) -> Answers:
    """Run the model and the colour index over the frames, in batches."""
    logits = []
    for start in range(0, len(squares), BATCH):
        logits += [one.logits for one in model.predict(np.ascontiguousarray(squares[start : start + BATCH]))]
    table = np.asarray(logits, dtype=np.float64)
    pair = table[:, SKY_HEAD.span] if has(SKY_HEAD, table.shape[1]) else np.zeros((len(table), 2))
    sky = pair[:, 1] - pair[:, 0]
    colour = np.array([colour_index(np.ascontiguousarray(one)).index for one in squares], float)
    return Answers(table[:, 1] - table[:, 0], sky, colour)


def set_figures(frames: Frames, answers: Answers, temperature: float, threshold: float) -> dict[str, Any]:
    """The model's figures on one set, by cell too, and the colour index's beside them."""
    probability = scores.sigmoid(answers.margin / temperature)
    result: dict[str, Any] = scores.summary(frames.aurora, probability, frames.night, threshold)
    result["reliability"] = [vars(bar) for bar in scores.reliability(frames.aurora, probability)]
    result["colour_index"] = colour_figures(frames, answers)
    if frames.cell:
        names = np.array(frames.cell)
        result["cells"] = {
            str(name): scores.summary(
                frames.aurora[names == name],
                probability[names == name],
                frames.night[names == name],
                threshold,
            )
            for name in np.unique(names)
        }
    if frames.clear is not None:
        known = frames.clear >= 0
        if known.any():
            clear = frames.clear[known] == 1
            said = scores.sigmoid(answers.sky_margin[known])
            result["sky_clear"] = scores.summary(clear, said, frames.night[known])
    return result


def colour_figures(frames: Frames, answers: Answers) -> dict[str, Any]:
    """The baseline: the colour index with its shipped limit, and its ROC area."""
    yes = answers.colour >= FITTED.seen
    both = bool(frames.aurora.any() and not frames.aurora.all())
    fast = scores.figures_fast(frames.aurora, yes)
    area = scores.figures(frames.aurora, answers.colour / 255 + 0.5)["roc_area"] if both else None
    return {
        "balanced_accuracy": fast["balanced_accuracy"],
        "f1": fast["f1"],
        "roc_area": area,
        "confusion": scores.confusion(frames.aurora, yes),
    }


# ------------------------------------------------------------------------------------- simulated nights


@dataclass(frozen=True, eq=False)
class JudgedNight:
    """One simulated night, the sky over it, and what the model said.

    ``more`` asks the model about an instant between the night's frames: the sky, and its margin.
    """

    night: KeptNight
    skies: list[SkyState]
    answers: Answers
    more: Callable[[datetime], tuple[SkyState, float]]

    def look(self, at: datetime) -> tuple[SkyState, float]:
        """The sky at an instant and the model's margin, by a frame at hand or one drawn for it."""
        index = self._index.get(at)
        return self.more(at) if index is None else (self.skies[index], float(self.answers.margin[index]))

    @cached_property
    def _index(self) -> dict[datetime, int]:
        return {at: index for index, at in enumerate(self.night.times)}

    @property
    def cells(self) -> list[str]:
        """twilight/moonlight/cloud of every frame."""
        return [
            f"{sky.twilight}/{sky.moonlight}/{'cloudy' if cloud > 0.5 else 'clear'}"
            for sky, cloud in zip(self.skies, self.night.cloud, strict=True)
        ]


def judge_nights(model: Judge, folder: Path) -> Iterator[JudgedNight]:
    """Ask the model about every frame of every night."""
    observatory = Observatory(YELLOWKNIFE.latitude_deg, YELLOWKNIFE.longitude_deg, YELLOWKNIFE.elevation_m)
    for night in read_nights(folder):
        yield JudgedNight(
            night,
            observatory.states(night.times),
            ask(model, night.pictures),
            cache(partial(_look_between, model, observatory, night)),
        )


def _look_between(
    model: Judge, observatory: Observatory, night: KeptNight, at: datetime
) -> tuple[SkyState, float]:
    return observatory.state(at), float(ask(model, night.between(at)[None]).margin[0])


def night_frames(nights: Sequence[JudgedNight], name: str) -> tuple[Frames, Answers]:
    """All frames of the nights whose truth is plain (marginal ones left out), as one set."""
    keep = [~one.night.marginal for one in nights]
    frames = Frames(
        name=name,
        squares=np.zeros((0, 1, 1, 3), np.uint8),
        aurora=_together([one.night.aurora[k] for one, k in zip(nights, keep, strict=True)]),
        night=_together([np.full(int(k.sum()), one.night.name) for one, k in zip(nights, keep, strict=True)]),
        frame=[
            f"{one.night.name}/{at:%Y%m%dT%H%M%SZ}"
            for one, k in zip(nights, keep, strict=True)
            for at, kept in zip(one.night.times, k, strict=True)
            if kept
        ],
        cell=[
            cell
            for one, k in zip(nights, keep, strict=True)
            for cell, kept in zip(one.cells, k, strict=True)
            if kept
        ],
        clear=_together(
            [_sky_truth(one.night.cloud)[k] for one, k in zip(nights, keep, strict=True)],
        ),
    )
    parts = [
        (one.answers.margin[k], one.answers.sky_margin[k], one.answers.colour[k])
        for one, k in zip(nights, keep, strict=True)
    ]
    return frames, Answers(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _sky_truth(cloud: npt.NDArray[np.float64]) -> npt.NDArray[np.int8]:
    return np.where(cloud < 0.3, 1, np.where(cloud > 0.6, 0, -1)).astype(np.int8)


def _together(parts: list[Any]) -> Any:
    return np.concatenate(parts)


def judge_events(
    nights: Iterable[JudgedNight], temperature: float, thresholds: Thresholds
) -> list[Judgement]:
    """Run the daemon's rules over the nights."""

    def threshold(sky: SkyState) -> float:
        return thresholds.cells.get(f"{sky.twilight}/{sky.moonlight}", thresholds.default)

    judged = []
    for one in nights:

        def look(at: datetime, one: JudgedNight = one) -> tuple[SkyState, float]:
            sky, margin = one.look(at)
            return sky, float(scores.sigmoid(np.array(margin / temperature)))

        changes = alerts_of(one.night.times[0], one.night.times[-1], look, threshold, Rules())
        judged.append(judge_night(one.night, changes, one.skies))
    return judged


# ----------------------------------------------------------------------------------------- calibration


@dataclass(frozen=True)
class Calibration:
    """What goes into the card: both temperatures and the thresholds on calibrated probabilities."""

    temperature: float
    sky_temperature: float
    thresholds: Thresholds


def calibrate(nights: Sequence[JudgedNight]) -> Calibration:
    """Temperatures by least log loss, the default threshold 0.5, cells' by balanced accuracy.

    A cell with enough frames of both kinds has a threshold of its own (:func:`cell_threshold`).
    """
    frames, answers = night_frames(nights, "calibration")
    temperature = scores.fit_temperature(answers.margin, frames.aurora)
    known = frames.clear >= 0 if frames.clear is not None else np.zeros(0, bool)
    sky = 1.0
    if frames.clear is not None and known.any():
        sky = scores.fit_temperature(answers.sky_margin[known], frames.clear[known] == 1)
    probability = scores.sigmoid(answers.margin / temperature)
    by_cell: dict[str, list[int]] = defaultdict(list)
    for index, cell in enumerate(frames.cell):
        by_cell["/".join(cell.split("/")[:2])].append(index)
    cells = {}
    for cell, rows in sorted(by_cell.items()):
        aurora = frames.aurora[rows]
        if min(int(aurora.sum()), int((~aurora).sum())) >= LEAST_IN_CELL:
            cells[cell] = cell_threshold(aurora, probability[rows], frames.night[rows])
    return Calibration(round(temperature, 4), round(sky, 4), Thresholds(DEFAULT_THRESHOLD, cells))


def cell_threshold(
    aurora: npt.NDArray[np.bool_], probability: npt.NDArray[np.float64], nights: npt.NDArray[np.str_]
) -> float:
    """The threshold of greatest balanced accuracy where the nights agree on it, else 0.5.

    A best threshold of few nights is mostly chance: each night is judged by that of the others, and
    the gain over 0.5 must be one in 97.5 % of nights drawn anew.
    """
    by_others = np.zeros(len(aurora), bool)
    for night in np.unique(nights):
        mine = nights == night
        by_others[mine] = probability[mine] >= scores.best_threshold(aurora[~mine], probability[~mine])
    gain = scores.gain(aurora, by_others, probability >= DEFAULT_THRESHOLD, nights)
    agreed = gain is not None and gain[0] > 0
    return round(scores.best_threshold(aurora, probability), 3) if agreed else DEFAULT_THRESHOLD


# ------------------------------------------------------------------------------------------- reporting


def frame_rows(
    frames: Frames, answers: Answers, temperature: float, threshold: float
) -> list[dict[str, Any]]:
    """One row a frame, as ``promote`` reads them."""
    probability = scores.sigmoid(answers.margin / temperature)
    return [
        {
            "set": frames.name,
            "night": str(frames.night[i]),
            "frame": frames.frame[i],
            "aurora": bool(frames.aurora[i]),
            "probability": round(float(probability[i]), 5),
            "threshold": threshold,
        }
        for i in range(len(frames.aurora))
    ]


def write_evaluation(path: Path, model: Judge, sets: dict[str, Any], rows: list[dict[str, Any]]) -> Path:
    """Write ``evaluation.json``, whole or not at all."""
    path.mkdir(parents=True, exist_ok=True)
    kept = {"model_sha256": model.sha256, "model": model.card.name, "sets": sets, "frames": rows}
    target = path / "evaluation.json"
    write_whole(target, json.dumps(kept, indent=1).encode())
    return target


def draw_reliability(path: Path, name: str, bars: Sequence[dict[str, Any]]) -> None:
    """The reliability diagram of one set, as PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.5, 4.5), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=1)
    axes.scatter(
        [bar["probability"] for bar in bars],
        [bar["aurora_share"] for bar in bars],
        s=[10 + 4 * bar["frames"] ** 0.5 for bar in bars],
    )
    axes.set(
        xlim=(0, 1), ylim=(0, 1), xlabel="calibrated probability", ylabel="share with aurora", title=name
    )
    figure.savefig(path)
