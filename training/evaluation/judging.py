"""One evaluation from beginning to end: ask the model, reckon, write, tell."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models.card import Thresholds
from models.runtime import load
from training.evaluation import evaluate as ev
from training.evaluation.events import event_figures
from training.evaluation.leave_out import Fitted, LeftOut, crossed, fit_to, read_answers, read_beside, table
from training.evaluation.sets import keogram_frames, manifest_frames, real_frames
from training.evaluation.split_leakage import leak


def judge_model(
    model_path: Path,
    out: Path,
    *,
    into_card: bool = False,
    threads: int = 2,
    real: Path | None = None,
    manifest: Path | None = None,
    keograms: Path | None = None,
    nights: Path | None = None,
    calibration: Path | None = None,
    left_out: Path | None = None,
    beside: Path | None = None,
) -> dict[str, Any]:
    """Judge a model on what is given; returns the figures by set, as written to ``evaluation.json``.

    With ``left_out`` (``training/evaluation/leave_out.py``), temperatures come from those answers, and they stand
    in place of the model's own about the real frames, which it has learned from; with ``beside`` the figures of other
    seeds and starts (``whole.json``) stand beside theirs. With ``calibration``,
    temperatures and thresholds are fitted on those nights and used for all sets. Else the card's own
    stand. Raises ValueError where nothing is given to judge on, or ``beside`` without ``left_out``.
    """
    if beside is not None and left_out is None:
        raise ValueError("--beside stands beside the figures of --left-out: give both")
    model = load(model_path, device="cpu", threads=threads)
    strange = crossed(read_answers(left_out)) if left_out is not None else None
    by_source = fit_to(strange) if strange is not None else None
    fitted = _calibration(model, calibration, by_source)
    found: dict[str, Any] = {"calibration": _calibration_figures(fitted)}
    rows: list[dict[str, Any]] = []
    _judge_pictures(
        model, {"real": real, "manifest": manifest, "keograms": keograms}, fitted, strange, found, rows
    )
    if strange is not None and by_source is not None:
        found["cameras left out"] = table(strange, by_source)
        if beside is not None:
            found["cameras left out"]["beside"] = read_beside(beside)
    if keograms is not None:
        _judge_what_it_knows(model, keograms, fitted, found)
    if nights is not None:
        judged = list(ev.judge_nights(model, nights))
        frames, answers = ev.night_frames(judged, "simulated nights")
        _judge_set(frames, answers, fitted, found, rows)
        found["events"] = event_figures(ev.judge_events(judged, fitted.temperature, fitted.thresholds))
    if not rows:
        raise ValueError("nothing to judge on: give --real, --manifest, --keograms or --nights")
    ev.write_evaluation(out, model, found, rows)
    _draw(out, found)
    if into_card:
        _into_card(model_path, found, fitted, {row["set"] for row in rows})
    return found


def _calibration(model: ev.Judge, calibration: Path | None, by_source: Fitted | None) -> ev.Calibration:
    """The card's own; fitted on simulated nights; or, before these, fitted to the answers about cameras left out."""
    if by_source is not None:
        return ev.Calibration(
            by_source.temperature, by_source.sky_temperature, Thresholds(by_source.threshold, {})
        )
    if calibration is not None:
        return ev.calibrate(list(ev.judge_nights(model, calibration)))
    return ev.Calibration(model.card.temperature, model.card.sky_temperature, model.card.thresholds)


def _calibration_figures(fitted: ev.Calibration) -> dict[str, Any]:
    return {
        "temperature": fitted.temperature,
        "sky_temperature": fitted.sky_temperature,
        "threshold": fitted.thresholds.default,
        "cells": dict(fitted.thresholds.cells),
    }


_READERS: dict[str, Callable[[Path], ev.Frames]] = {
    "real": real_frames,
    "manifest": manifest_frames,
    "keograms": keogram_frames,
}


def _judge_pictures(
    model: ev.Judge,
    folders: Mapping[str, Path | None],
    fitted: ev.Calibration,
    strange: Sequence[LeftOut] | None,
    found: dict[str, Any],
    rows: list[dict[str, Any]],
) -> None:
    """The sets of single pictures. Of the real ones, which the model has learned from, the answers of models
    that had not seen their camera count, where there are such."""
    for name, folder in folders.items():
        if folder is None:
            continue
        frames = _READERS[name](folder)
        answers = ev.ask(model, frames.squares)
        if strange is not None and frames.name == "real":
            answers = in_place_of(answers, frames, strange)
        _judge_set(frames, answers, fitted, found, rows)


def _judge_what_it_knows(
    model: ev.Judge, keograms: Path, fitted: ev.Calibration, found: dict[str, Any]
) -> None:
    """What the model remembers of the nights it learned from: reported, but no held-out skill."""
    frames = keogram_frames(keograms, nights="trained on", per_span=1)
    known = ev.ask(model, frames.squares)
    found[frames.name] = ev.set_figures(frames, known, fitted.temperature, fitted.thresholds.default)
    found["split within nights"] = leak(keogram_frames(keograms, "all", per_span=2))


def _draw(out: Path, found: Mapping[str, Any]) -> None:
    for name, figures in found.items():
        if "reliability" in figures:
            file = out / f"reliability-{name.replace(' ', '-')}.png"
            ev.draw_reliability(file, name, figures["reliability"])


def in_place_of(own: ev.Answers, frames: ev.Frames, strange: Sequence[LeftOut]) -> ev.Answers:
    """The left-out answers about the set's frames. Raises ValueError where one is missing."""
    known = {one.file: one for one in strange}
    missing = [name for name in frames.frame if name not in known]
    if missing:
        raise ValueError(f"no left-out answer about {missing[0]}: run aurorad-train leave-out again")
    margins = np.array([[known[name].margin, known[name].sky_margin] for name in frames.frame])
    return ev.Answers(margins[:, 0], margins[:, 1], own.colour)


def _judge_set(
    frames: ev.Frames,
    answers: ev.Answers,
    fitted: ev.Calibration,
    found: dict[str, Any],
    rows: list[dict[str, Any]],
) -> None:
    threshold = fitted.thresholds.default
    found[frames.name] = ev.set_figures(frames, answers, fitted.temperature, threshold)
    rows += ev.frame_rows(frames, answers, fitted.temperature, threshold)


def _into_card(model: Path, found: dict[str, Any], fitted: ev.Calibration, held_out: Collection[str]) -> None:
    from training.export import describe

    dropped = ("reliability", "cells")
    skill = {
        name: {key: value for key, value in figures.items() if key not in dropped}
        for name, figures in found.items()
        if name in held_out
    }
    if "cameras left out" in found:  # "real" holds the same answers, for `promote` to compare
        skill = {
            "cameras left out": found["cameras left out"],
            **{k: v for k, v in skill.items() if k != "real"},
        }
    if "events" in found:
        skill["simulated nights"]["events"] = found["events"]
    describe(
        model,
        skill=skill,
        temperature=fitted.temperature,
        sky_temperature=fitted.sky_temperature,
        thresholds=Thresholds(fitted.thresholds.default, dict(fitted.thresholds.cells)),
    )


def tell_figures(found: dict[str, Any]) -> list[str]:
    """The figures as lines for a person."""
    lines = []
    for name, figures in found.items():
        if "confusion" not in figures:
            lines.append(f"{name}: " + ", ".join(f"{key} {value}" for key, value in figures.items()))
            continue
        lines.append(f"{name}: {figures['frames']} frames of {figures['nights']} nights, {_words(figures)}")
        if "colour_index" in figures:
            lines.append(f"  colour index: {_words(figures['colour_index'])}")
        if "other_cameras" in figures:
            lines.append(f"  other cameras: {_words(figures['other_cameras'])}")
        for source, counts in figures.get("by_source", {}).items():
            lines.append(f"  {source}: " + ", ".join(f"{key} {value}" for key, value in counts.items()))
        if "sky_clear" in figures:
            lines.append(f"  sky clear or cloudy: {_words(figures['sky_clear'])}")
        for cell, inside in figures.get("cells", {}).items():
            lines.append(
                f"  {cell}: {inside['frames']} frames of {inside['nights']} nights, {_words(inside)}"
            )
    return lines


def _words(figures: dict[str, Any]) -> str:
    said = []
    for key in (
        "balanced_accuracy",
        "roc_area",
        "pr_area",
        "precision",
        "recall",
        "f1",
        "brier",
        "calibration_error",
    ):
        value = figures.get(key)
        if value is None:
            continue
        text = f"{key.replace('_', ' ')} {value:.3f}"
        if f"{key}_95" in figures:
            low, high = figures[f"{key}_95"]
            text += f" ({low:.3f}–{high:.3f})"
        said.append(text)
    counts = figures.get("confusion")
    if counts:
        said.append(
            f"right yes {counts['true_yes']}, false yes {counts['false_yes']}, "
            f"right no {counts['true_no']}, false no {counts['false_no']}"
        )
    return ", ".join(said)
