"""One evaluation from beginning to end: ask the model, reckon, write, tell."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from models.card import Thresholds
from models.runtime import load
from training.evaluation import evaluate as ev
from training.evaluation.events import spell_figures
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
) -> dict[str, Any]:
    """Judge a model on what is given; returns the figures by set, as written to ``evaluation.json``.

    With ``calibration``, temperatures and thresholds are fitted on those nights first and used for
    all sets; else the card's own stand. Raises ValueError where nothing is given to judge on.
    """
    model = load(model_path, device="cpu", threads=threads)
    fitted = ev.Calibration(model.card.temperature, model.card.sky_temperature, model.card.thresholds)
    if calibration is not None:
        fitted = ev.calibrate(list(ev.judge_nights(model, calibration)))
    found: dict[str, Any] = {
        "calibration": {
            "temperature": fitted.temperature,
            "sky_temperature": fitted.sky_temperature,
            "threshold": fitted.thresholds.default,
            "cells": dict(fitted.thresholds.cells),
        }
    }
    rows: list[dict[str, Any]] = []
    sets: tuple[tuple[Path | None, Callable[[Path], ev.Frames]], ...] = (
        (real, real_frames),
        (manifest, manifest_frames),
        (keograms, keogram_frames),
    )
    for folder, read in sets:
        if folder is not None:
            frames = read(folder)
            _judge_set(frames, ev.ask(model, frames.squares), fitted, found, rows)
    if keograms is not None:  # what the model remembers of its nights: told, but no held-out skill
        frames = keogram_frames(keograms, nights="trained on", per_span=1)
        known = ev.ask(model, frames.squares)
        found[frames.name] = ev.set_figures(frames, known, fitted.temperature, fitted.thresholds.default)
        found["split within nights"] = leak(keogram_frames(keograms, "all", per_span=2))
    if nights is not None:
        judged = list(ev.judge_nights(model, nights))
        frames, answers = ev.night_frames(judged, "simulated nights")
        _judge_set(frames, answers, fitted, found, rows)
        found["spells"] = spell_figures(ev.judge_spells(judged, fitted.temperature, fitted.thresholds))
    if not rows:
        raise ValueError("nothing to judge on: give --real, --manifest, --keograms or --nights")
    ev.write_evaluation(out, model, found, rows)
    for name, figures in found.items():
        if "reliability" in figures:
            ev.draw_reliability(
                out / f"reliability-{name.replace(' ', '-')}.png", name, figures["reliability"]
            )
    if into_card:
        _into_card(model_path, found, fitted, {row["set"] for row in rows})
    return found


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

    left_out = ("reliability", "cells")
    skill = {
        name: {key: value for key, value in figures.items() if key not in left_out}
        for name, figures in found.items()
        if name in held_out
    }
    if "spells" in found:
        skill["simulated nights"]["spells"] = found["spells"]
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
        base = figures["colour_index"]
        lines.append(f"  colour index: {_words(base)}")
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
