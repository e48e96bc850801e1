"""Random aurora as it is met: quiet arcs, bands and folds, breakup, corona, patches, veils."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from training.simulator.scene_types import Aurora, Form

DISPLAYS = {
    "arc": 0.17,
    "arcs": 0.11,
    "low arc": 0.15,
    "band": 0.12,
    "bundle": 0.12,
    "breakup": 0.15,
    "veil": 0.09,
    "patches": 0.05,
    "corona": 0.04,
}


def arc(rng: np.random.Generator, brightness: float, north_km: float, wild: float) -> Form:
    """One arc or band; ``wild`` 0 is quiet and straight, 1 thrown into folds and curls."""
    return Form(
        kind="band" if wild > 0.35 else "arc",
        brightness=brightness,
        north_km=north_km,
        slope=float(rng.normal(0, 0.12)),
        bend=float(rng.normal(-25, 40)),
        width_km=float(np.exp(rng.uniform(np.log(3), np.log(20)))),
        trail=float(np.exp(rng.uniform(np.log(1.2), np.log(12)))),
        fold_km=float(rng.uniform(2, 20) + 110 * wild * rng.uniform(0.2, 1)),
        fold_scale_km=float(rng.uniform(180, 600) / (1 + 0.6 * wild)),
        curls=int(rng.integers(0, 1 + round(4 * wild))) if wild > 0.2 else 0,
        rays=float(rng.uniform(0, 1)) if rng.random() < 0.3 else float(rng.uniform(0, 0.2)),
        threads=float(rng.uniform(0, 0.8)),
        patch=float(rng.uniform(0.1, 0.9)),
        east_km=float(rng.normal(0, 250)),
        length_km=float(rng.uniform(300, 3000)),
        phase=float(rng.uniform(0, 50)),
        seed=int(rng.integers(0, 2**31)),
        fold_seed=int(rng.integers(0, 2**31)),
    )


def bundle(rng: np.random.Generator, brightness: float, north_km: float, wild: float) -> list[Form]:
    """Neighbouring bands thrown about together: filaments and dark lanes side by side."""
    first = arc(rng, brightness, north_km, wild)
    apart = float(np.exp(rng.uniform(np.log(10), np.log(80))))
    out = [first]
    for i in range(1, int(rng.integers(3, 7))):
        own = arc(
            rng,
            brightness * float(rng.uniform(0.1, 1)),
            north_km + apart * i * float(rng.uniform(0.6, 1.4)),
            wild,
        )
        out.append(
            replace(
                own,
                slope=first.slope + float(rng.normal(0, 0.03)),
                bend=first.bend,
                fold_km=first.fold_km,
                fold_scale_km=first.fold_scale_km,
                curls=first.curls,
                phase=first.phase,
                fold_seed=first.fold_seed,
            )
        )
    return out


def veil(rng: np.random.Generator, brightness: float, north_km: float) -> Form:
    """Diffuse aurora: a smooth belt, or the whole sky."""
    return Form(
        kind="veil",
        brightness=brightness,
        north_km=north_km,
        width_km=float(np.exp(rng.uniform(np.log(6), np.log(90)))),
        fold_km=float(rng.uniform(5, 80)),
        fold_scale_km=float(rng.uniform(80, 350)),
        rays=float(rng.uniform(0, 0.8)) if rng.random() < 0.6 else 0.0,
        patch=float(rng.uniform(0.2, 0.9)),
        phase=float(rng.uniform(0, 50)),
        seed=int(rng.integers(0, 2**31)),
        fold_seed=int(rng.integers(0, 2**31)),
    )


def patches(rng: np.random.Generator, brightness: float, north_km: float) -> Form:
    """Pulsating patches: islands of weak light."""
    return Form(
        kind="patches",
        brightness=brightness,
        north_km=north_km,
        width_km=float(rng.uniform(10, 50)),
        fold_km=float(rng.uniform(5, 40)),
        fold_scale_km=float(rng.uniform(12, 60)),
        phase=float(rng.uniform(0, 50)),
        seed=int(rng.integers(0, 2**31)),
        fold_seed=int(rng.integers(0, 2**31)),
    )


def _forms(rng: np.random.Generator, display: str, b: float) -> list[Form]:
    if display == "arc":
        return [arc(rng, b, float(rng.normal(60, 200)), float(rng.beta(1, 2.5)))]
    if display == "low arc":
        away = float(rng.uniform(350, 900) * rng.choice([-1, 1]))
        return [arc(rng, b * float(rng.uniform(0.5, 1.5)), away, float(rng.beta(1, 3)))]
    if display in ("arcs", "band"):
        wild = float(rng.beta(1, 2) if display == "arcs" else rng.uniform(0.35, 1))
        middle, apart = rng.normal(60, 180), rng.uniform(25, 140)
        count = int(rng.integers(2, 6)) if display == "arcs" else int(rng.integers(1, 4))
        return [
            arc(rng, b * float(rng.uniform(0.25, 1)), float(middle + apart * i), wild) for i in range(count)
        ]
    if display == "bundle":
        return bundle(rng, b, float(rng.normal(0, 200)), float(rng.uniform(0.1, 1)))
    if display == "breakup":
        out = bundle(
            rng, b * float(rng.uniform(0.4, 1)), float(rng.normal(-60, 120)), float(rng.uniform(0.5, 1))
        )
        if rng.random() < 0.7:
            out += bundle(
                rng, b * float(rng.uniform(0.2, 1)), float(rng.normal(60, 160)), float(rng.uniform(0.3, 1))
            )[:3]
        return [*out, veil(rng, b * float(rng.uniform(0.02, 0.3)), float(rng.normal(0, 100)))]
    if display == "corona":
        out = [
            arc(rng, b * float(rng.uniform(0.4, 1)), float(rng.normal(0, 35)), float(rng.uniform(0.2, 0.9)))
            for _ in range(int(rng.integers(1, 4)))
        ]
        return [replace(f, rays=float(rng.uniform(0.7, 1))) for f in out]
    if display == "veil":
        out = [veil(rng, b * 0.7, float(rng.normal(0, 250)))]
        return out + (
            [arc(rng, b * float(rng.uniform(0.1, 1)), float(rng.normal(0, 250)), 0.3)]
            if rng.random() < 0.4
            else []
        )
    return [
        patches(rng, b, float(rng.normal(0, 150))),
        veil(rng, b * float(rng.uniform(0, 0.5)), float(rng.normal(0, 150))),
    ]


def random_aurora(
    rng: np.random.Generator, background: float, gain: float, display: str | None = None
) -> Aurora:
    """A display, one of ``DISPLAYS`` or drawn by their shares, whose brightness starts a little under what
    ``background`` (radiance) lets one see.
    """
    display = display or str(rng.choice(list(DISPLAYS), p=list(DISPLAYS.values())))
    faint = min(0.25 * background + 0.002 / gain, 0.5)
    # More faint than bright, as in a season of keograms.
    reach = float(rng.beta(1, 1.25))
    bright = float(np.exp(np.log(faint) + reach * np.log(max(1.1 / gain / faint, 3))))
    tall = float(np.exp(rng.uniform(np.log(8), np.log(30))))
    return Aurora(
        forms=tuple(_forms(rng, display, bright)),
        red=float(rng.choice([0.0, rng.uniform(0.1, 0.9)], p=[0.4, 0.6])),
        fringe=float(rng.uniform(0, 1.2)) if rng.random() < 0.6 else 0.0,
        tall=tall,
        tilt_deg=int(rng.choice([7, 9, 12])),
        declination_deg=float(rng.uniform(-30, 30)),
    )
