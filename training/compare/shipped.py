"""Rows of our own: the shipped model, and ten minutes of context on its answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from models.card import SHIPPED
from models.preprocess import Pixels
from models.runtime import Model, load
from training.compare.bench import Bench, Outcome
from training.compare.heads import Floats
from training.compare.rows import Missing
from training.compare.skies import JUDGED, judged_minutes, keep, real_files
from training.evaluation.events import within_grace
from training.evaluation.leave_out import crossed as shifted
from training.evaluation.leave_out import read_answers
from training.evaluation.nights import KeptNight

MINUTES: Final = 10
HALF_LIFE_MIN: Final = 3.0
K_OF_N: Final = (3, 5)


def open_model(bench: Bench) -> Model:
    """The plan's model on one core of the CPU."""
    return load(bench.plan.model, device="cpu", threads=1)


def margins(model: Model, pictures: Pixels) -> Floats:
    """Aurora's logit less none's of pictures."""
    return np.array([float(a.logits[1] - a.logits[0]) for a in model.predict(np.ascontiguousarray(pictures))])


def shipped(bench: Bench) -> Outcome:
    """The shipped model; of the real frames, which it has learned from, the answers of networks that had not."""
    model = open_model(bench)
    found = {}
    if bench.plan.left_out is not None and bench.skies.real is not None:
        found["real"] = left_out_margins(bench.plan.left_out)
    for which in JUDGED[1:]:
        sky = bench.skies.judged(which)
        if sky is not None:
            found[which] = margins(model, sky.pictures)
    file = bench.plan.model or SHIPPED
    size = round(file.stat().st_size / 1e6, 1)
    return Outcome(bench.figures(found), {}, bench.speed(model.predict), size)


def left_out_margins(path: Path) -> Floats:
    """The answers of ``aurorad-train leave-out`` to the real set, shifted as the other folds ask.

    Raises Missing where one is not among them.
    """
    known = {one.file: one.margin for one in shifted(read_answers(path))}
    missing = [file for file in real_files() if file not in known]
    if missing:
        raise Missing(f"{path} has no answer about {missing[0]}: run aurorad-train leave-out again")
    return np.array([known[file] for file in real_files()])


# ---------------------------------------------------------------------------------- ten minutes of context


def before(values: Floats, minutes: int = MINUTES) -> Floats:
    """(T,) → (T, minutes): each answer and those of the minutes before, newest first; the first repeats."""
    padded = np.concatenate([np.full(minutes - 1, values[0]), values])
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, minutes)[:, ::-1])


def alone(window: Floats) -> Floats:
    """The frame's own answer."""
    return window[:, 0]


def k_of_n(window: Floats) -> Floats:
    """The k-th greatest of the last n answers: at least 0 where k of n say yes."""
    k, n = K_OF_N
    return np.asarray(np.sort(window[:, :n], axis=1)[:, -k])


def smoothed(window: Floats) -> Floats:
    """The mean over ten minutes, halving every three."""
    weight = 0.5 ** (np.arange(window.shape[1]) / HALF_LIFE_MIN)
    return np.asarray(window @ (weight / weight.sum()))


def fitted(window: Floats, yes: npt.NDArray[np.bool_]) -> Any:
    """A logistic filter over ten minutes, as wide as its margins."""
    model = LogisticRegression(class_weight="balanced", max_iter=500).fit(window, yes)
    return lambda asked: np.asarray(model.decision_function(asked), np.float64)


def night_windows(model: Model, nights: list[KeptNight]) -> list[Floats]:
    """The model's answers minute by minute, with the ten minutes before each."""
    return [before(np.clip(margins(model, night.pictures), -12, 12)) for night in nights]


def context(bench: Bench, kind: str) -> Outcome:
    """A filter over ten minutes of the shipped model's answers on simulated nights."""
    model = open_model(bench)
    nights = bench.skies.whole_nights()
    windows = _kept_windows(bench, "nights", model, nights)
    if kind == "logistic":
        known = bench.skies.fit_nights()
        plain = np.concatenate([~night.marginal for night in known])
        yes = np.concatenate([night.aurora for night in known])[plain]
        ask = fitted(np.concatenate(_kept_windows(bench, "fit-nights", model, known))[plain], yes)
    else:
        ask = {"alone": alone, "k of n": k_of_n, "smoothed": smoothed}[kind]
    answers = [ask(window) for window in windows]
    stride = bench.plan.size.stride
    judged = np.concatenate([a[judged_minutes(n, stride)] for a, n in zip(answers, nights, strict=True)])
    more = {"events": event_figures(nights, answers)}
    return Outcome(bench.figures({"nights": judged}), more, None, None)


def event_figures(nights: list[KeptNight], answers: list[Floats]) -> dict[str, Any]:
    """Minutes from onset to the first yes (median over events seen), events missed, runs of false yes in ten hours.

    A yes within ten minutes of an event is not false, as in ``training/evaluation/events.py``.
    """
    delays, missed, false, minutes = [], 0, 0, 0
    for night, answer in zip(nights, answers, strict=True):
        yes = answer >= 0
        times = night.times
        for event in night.events:
            if event.onset <= times[0]:
                continue
            seen = [at for at, one in zip(times, yes, strict=True) if one and event.onset <= at <= event.end]
            if seen:
                delays.append((seen[0] - event.onset).total_seconds() / 60)
            else:
                missed += 1
        wrong = yes & ~night.aurora & ~night.marginal & ~near_event(night)
        false += int((wrong & ~np.concatenate([[False], wrong[:-1]])).sum())
        minutes += len(times)
    return {
        "events": len(delays) + missed,
        "missed": missed,
        "median_delay_min": float(np.median(delays)) if delays else None,
        "false_runs_per_10_h": round(600 * false / max(minutes, 1), 3),
    }


def near_event(night: KeptNight) -> npt.NDArray[np.bool_]:
    """(T,) whether a minute lies in an event or within its grace."""
    return np.array([any(within_grace(at, event) for event in night.events) for at in night.times])


def _kept_windows(bench: Bench, name: str, model: Model, nights: list[KeptNight]) -> list[Floats]:
    path = bench.folder / "features" / "minutes" / f"{name}.npz"
    if not path.exists():
        bench.tell(f"the shipped model on {len(nights)} nights, minute by minute")
        found = night_windows(model, nights)
        keep(path, **{str(i): window for i, window in enumerate(found)})
    kept = np.load(path)
    return [kept[str(i)] for i in range(len(nights))]
