"""How the forms of one event come and go: an arc that brightens, breaks up and fades."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from training.simulator.aurora_forms import arc, patches, veil
from training.simulator.scene_types import Aurora, Form


@dataclass(frozen=True)
class _Plan:
    """An event as it happens above the clouds; times in seconds from the night's start."""

    begin: float
    breakup: float
    end: float
    bright: float
    breaks: bool
    forms: tuple[Form, ...]
    seed: int


def _smooth(x: float) -> float:
    """0 before 0, 1 after 1, smooth in between."""
    x = min(max(x, 0.0), 1.0)
    return x * x * (3 - 2 * x)


def _colours(rng: np.random.Generator) -> Aurora:
    return Aurora(
        red=float(rng.uniform(0, 0.5)),
        fringe=float(rng.uniform(0.1, 0.9)),
        tall=float(rng.uniform(16, 34)),
        tilt_deg=9,
    )


def _quiet_arc(rng: np.random.Generator, north_km: float) -> Form:
    """The growth phase's arc: narrow, so that it stands against the sky before the breakup."""
    form = arc(rng, 1.0, north_km, float(rng.uniform(0, 0.2)))
    return replace(form, width_km=float(rng.uniform(4, 10)), trail=float(rng.uniform(1.5, 5)))


def _plan(rng: np.random.Generator, length_s: float, number: int, count: int, gain: float) -> _Plan:
    """One event in its share of the night: 35 to 130 minutes from first glow to last."""
    room = length_s / count
    lasts = min(float(rng.uniform(35, 130) * 60), 0.8 * room)
    begin = number * room + float(rng.uniform(0.05, 0.95)) * (room - lasts)
    growth = float(rng.uniform(0.3, 0.55))
    seed = int(rng.integers(0, 2**31))
    bright = float(np.exp(rng.uniform(np.log(0.015), np.log(0.8)))) / gain
    forms = tuple(
        _quiet_arc(rng, float(rng.uniform(60, 320) + 60 * i)) for i in range(int(rng.integers(1, 3)))
    )
    broken = tuple(
        arc(rng, 1.0, float(rng.normal(40, 120)), float(rng.uniform(0.5, 1)))
        for _ in range(int(rng.integers(2, 4)))
    )
    late = (
        replace(veil(rng, 0.06, float(rng.normal(60, 100))), width_km=float(rng.uniform(6, 25))),
        patches(rng, 0.07, float(rng.normal(-60, 100))),
    )
    return _Plan(
        begin,
        begin + growth * lasts,
        begin + lasts,
        bright,
        bool(rng.random() < 0.7),
        forms + broken + late,
        seed,
    )


def _forms_at(plan: _Plan, seconds: float) -> Iterator[Form]:
    """The event's forms at an instant: growth, breakup, recovery."""
    if not plan.begin <= seconds <= plan.end:
        return
    grown = _smooth((seconds - plan.begin) / (plan.breakup - plan.begin))
    # A breakup brightens within two minutes and has spread after ten.
    burst = _smooth((seconds - plan.breakup + 60) / 150) if plan.breaks else 0.0
    spread = _smooth((seconds - plan.breakup) / 700) if plan.breaks else 0.0
    fading = _smooth((seconds - plan.breakup) / (plan.end - plan.breakup))
    age = (seconds - plan.begin) / 500
    rng = np.random.default_rng([plan.seed, 51])
    for form in plan.forms:
        pace, beat = float(rng.uniform(0.8, 2.0)), float(rng.uniform(0, 6))
        flicker = 1 + 0.15 * float(np.sin(seconds / 37 + beat))
        if form.kind in ("veil", "patches"):
            share = spread * (1 - fading) if plan.breaks else 0.5 * grown * (1 - fading)
            place, fold = form.north_km - 60 * spread, form.fold_km
        elif form.kind == "arc":
            share = (0.12 + 0.28 * grown + 0.6 * burst * (1 - spread)) * grown**0.5 * (1 - fading) ** 1.5
            place, fold = form.north_km + 160 * (1 - grown) + 150 * spread, form.fold_km * (1 + 4 * burst)
        else:
            share = burst * (1 - spread) ** 0.6 if spread < 1 else 0.0
            share = share * (0.5 + 0.5 * float(np.sin(seconds / 90 + beat)) ** 2)
            place, fold = form.north_km + 220 * spread, form.fold_km * (0.3 + 0.7 * burst)
        if share * form.brightness > 1e-4:
            yield replace(
                form,
                brightness=plan.bright * share * form.brightness * flicker,
                north_km=place,
                fold_km=fold,
                phase=form.phase + age * pace + 5 * spread,
            )
