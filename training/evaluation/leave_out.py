"""How right a recipe is on cameras it has never seen: train with a fold of sources left out, ask about them.

    aurorad-train leave-out --recipe aurorad-b1-cameras --runs runs/left-out --real ../shared/data

Every real frame is answered by a network that has seen no frame of its source, nor of any other source
of its fold. What these answers say is what the card says of strangers' cameras; temperature and
threshold come from them too. A network trained before goes on where it was stopped, a finished one is
not trained again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch

from models.labels import AURORA_HEAD, SKY_HEAD
from models.preprocess import Pixels, to_input
from training.data.real import RealFrame, check_collection, counted, folds, read_frames, squares
from training.evaluation import scores
from training.export import read_checkpoint
from training.fit import fit
from training.recipe import Recipe

COLDEST: Final = 0.5
"""No lower temperature is fitted: answers that part some hundred frames well cannot prove more certainty
about cameras not among them."""
STEEP: Final = 0.3
"""The temperature at which the shift is fitted: steep, so that the answers in the middle decide it."""
SHIFTED: Final = 0.5
"""The part of the best shift that is taken: the collection's aurora is plainer than what the watch must not
miss, and on keograms, where the faint is, the whole shift costs a tenth of the aurora."""
HOME: Final = ("auroramax",)
"""The camera that aurorad is made for; the others are other people's."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LeftOut:
    """One frame's answer by a network that knows nothing of its source."""

    file: str
    source: str
    night: str
    yes: bool
    sky: str
    note: str
    margin: float
    sky_margin: float


def leave_out(
    recipe: Recipe,
    runs: Path,
    real: Path,
    seed: int = 1,
    tell: Callable[[str], None] = lambda line: None,
) -> list[LeftOut]:
    """Train once for every fold into ``runs/fold-N`` and ask about the fold's frames.

    Raises FileNotFoundError where frames are missing, before anything is trained.
    """
    check_collection(real)
    answers: list[LeftOut] = []
    frames = [frame for frame in read_frames() if frame.judged]
    for number, names in folds().items():
        run = runs / f"fold-{number}"
        if not (run / "model.pt").exists():
            tell(f"fold {number}: without {', '.join(names)}")
            fit(recipe.model_copy(update={"leave_out": names}), run, seed)
        mine = [frame for frame in frames if frame.source in names]
        answers += answer_frames(run / "model.pt", mine, squares(real, mine))
    return answers


def answer_frames(model: Path, frames: Sequence[RealFrame], pictures: Pixels) -> list[LeftOut]:
    """What a finished run says of frames."""
    margins = ask_network(model, pictures)
    return [
        LeftOut(f.file, f.source, f.night, f.yes, f.sky, f.note, round(float(m[0]), 4), round(float(m[1]), 4))
        for f, m in zip(frames, margins, strict=True)
    ]


def ask_network(model: Path, pictures: Pixels, batch: int = 16) -> Floats:
    """A run's ``model.pt`` over (N, 240, 240, 3): margins of aurora and of clear sky, (N, 2)."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    net = read_checkpoint(model)[0].to(device)
    found = []
    with torch.inference_mode():
        for start in range(0, len(pictures), batch):
            logits, _ = net.learn(torch.from_numpy(to_input(pictures[start : start + batch])).to(device))
            found.append(logits.double().cpu().numpy())
    table = np.concatenate(found)
    sky = table[:, SKY_HEAD.span]
    aurora = table[:, AURORA_HEAD.span]
    return np.stack([aurora[:, 1] - aurora[:, 0], sky[:, 1] - sky[:, 0]], axis=1)


# ------------------------------------------------------------------------------------------- figures


def counting(answers: Sequence[LeftOut]) -> list[LeftOut]:
    """The answers about the frames that count (``training/data/real.py``, :func:`counted`)."""
    files = {frame.file for frame in counted(read_frames())}
    return [one for one in answers if one.file in files]


@dataclass(frozen=True)
class Fitted:
    """What the left-out answers ask for: temperatures, threshold, and how far aurora's margin is off."""

    temperature: float
    sky_temperature: float
    threshold: float = 0.5
    shift: float = 0.0


def fit_to(answers: Sequence[LeftOut]) -> Fitted:
    """Temperatures and shift by least log loss; the threshold is 0.5, on shifted margins."""
    few = counting(answers)
    yes, margin = np.array([one.yes for one in few]), np.array([one.margin for one in few])
    known = [one for one in few if one.sky]
    shift = round(SHIFTED * fit_shift(margin, yes), 3)
    temperature = scores.fit_temperature(margin - shift, yes)
    sky = scores.fit_temperature(
        np.array([one.sky_margin for one in known]), np.array([one.sky == "clear" for one in known])
    )
    return Fitted(round(max(temperature, COLDEST), 4), round(max(sky, COLDEST), 4), 0.5, shift)


def fit_shift(margin: Floats, yes: npt.NDArray[np.bool_]) -> float:
    """What taken from the margins gives the least log loss at a steep temperature."""
    tried = np.round(np.arange(-6, 6.01, 0.05), 2)
    sign = np.where(yes, 1.0, -1.0)
    losses = [np.mean(np.log1p(np.exp(-sign * (margin - shift) / STEEP))) for shift in tried]
    return float(tried[int(np.argmin(losses))])


def crossed(answers: Sequence[LeftOut]) -> list[LeftOut]:
    """The answers with each fold's margins shifted as the other folds' answers ask."""
    fold_of = {source: number for number, names in folds().items() for source in names}
    shifts = {
        number: fit_to([one for one in answers if fold_of[one.source] != number]).shift for number in folds()
    }
    return [replace(one, margin=round(one.margin - shifts[fold_of[one.source]], 4)) for one in answers]


def table(answers: Sequence[LeftOut], fitted: Fitted) -> dict[str, Any]:
    """The figures over all sources and over other people's, and the count of each source.

    Intervals are drawn over sources.
    """
    few = counting(answers)
    found: dict[str, Any] = _figures(few, fitted)
    found["other_cameras"] = _figures([one for one in few if one.source not in HOME], fitted)
    found["by_source"] = {
        source: _counts([one for one in answers if one.source == source], fitted)
        for source in sorted({one.source for one in answers})
    }
    return found


def _figures(few: Sequence[LeftOut], fitted: Fitted) -> dict[str, Any]:
    probability = scores.sigmoid(np.array([one.margin for one in few]) / fitted.temperature)
    sources = np.array([one.source for one in few])
    return scores.summary(np.array([one.yes for one in few]), probability, sources, fitted.threshold)


def _counts(mine: Sequence[LeftOut], fitted: Fitted) -> dict[str, int]:
    yes = np.array([one.yes for one in mine])
    said = scores.sigmoid(np.array([one.margin for one in mine]) / fitted.temperature) >= fitted.threshold
    return {
        "aurora_frames": int(yes.sum()),
        "seen": int((said & yes).sum()),
        "other_frames": int((~yes).sum()),
        "false_yes": int((said & ~yes).sum()),
    }


def write_answers(path: Path, answers: Sequence[LeftOut]) -> None:
    """The answers as JSON, for ``evaluate --left-out``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(one) for one in answers], indent=1) + "\n", encoding="utf-8")


def read_answers(path: Path) -> list[LeftOut]:
    """What :func:`write_answers` wrote. Raises ValueError in one line where it is something else."""
    fault = f"{path} holds no left-out answers: make them with aurorad-train leave-out"
    try:
        answers = [LeftOut(**row) for row in json.loads(path.read_text(encoding="utf-8"))]
    except (TypeError, ValueError) as error:
        raise ValueError(fault) from error
    if not answers:
        raise ValueError(fault)
    return answers


def read_beside(path: Path) -> dict[str, Any]:
    """Of the tables that ``whole`` wrote, what stands beside a model's own figures on its card: about other people's
    cameras, by the table's name. Raises ValueError in one line where it is something else.
    """
    kept = ("balanced_accuracy", "balanced_accuracy_95", "roc_area", "confusion")
    try:
        tables = json.loads(path.read_text(encoding="utf-8"))
        found = {name: {key: one["other_cameras"][key] for key in kept} for name, one in tables.items()}
        if not found:
            raise ValueError("it is empty")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} holds no figures of aurorad-train whole (its whole.json)") from error
    return found
