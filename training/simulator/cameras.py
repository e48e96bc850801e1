"""Camera generations: how each renders the same sky, from frames seen.

Green, red and violet are the camera's linear colours of the auroral lines; AuroraMAX renders green
pale (a 557.7 nm arc reads about (91, 116, 101) in 2015-16, yellower from 2016-02, creamy in 2022),
Longyearbyen's camera vivid. Each call draws one camera of the generation with its scatter.
"""

from __future__ import annotations

import numpy as np

from training.simulator.cloud import colour_of
from training.simulator.scene_types import Colour, Lens, Sensor

GENERATIONS = (
    "auroramax-2015",
    "auroramax-2016",
    "auroramax-2022",
    "auroramax-dark",
    "longyearbyen",
    "sony",
    "trex",
    "other",
)
WEIGHTS = (0.2, 0.14, 0.14, 0.22, 0.1, 0.06, 0.05, 0.09)


def _scatter(rng: np.random.Generator, colour: Colour, amount: float) -> Colour:
    r, g, b = (float(c * np.exp(rng.normal(0, amount))) for c in colour)
    return r, g, b


def _green(rng: np.random.Generator, name: str) -> Colour:
    seen = {
        "auroramax-2015": (92, 120, 103),
        "auroramax-2016": (110, 140, 70),
        "auroramax-2022": (150, 165, 125),
        "auroramax-dark": (84, 112, 96),
        "longyearbyen": (75, 160, 45),
        "sony": (70, 150, 60),
        "trex": (60, 140, 90),
    }.get(name, (rng.uniform(30, 120), 140, rng.uniform(30, 120)))
    r, g, b = _scatter(rng, seen, 0.07)
    return colour_of(r, max(g, 1.04 * max(r, b)), b)


def sensor(rng: np.random.Generator, name: str) -> Sensor:
    """One camera of a generation."""
    gain = {"auroramax-dark": 0.35, "auroramax-2015": 0.9, "trex": 0.8, "sony": 1.2}.get(name, 1.0)
    cast = {"longyearbyen": (1.12, 1.0, 0.72), "sony": (1.0, 1.0, 0.75), "trex": (0.95, 1.0, 1.0)}
    if rng.random() < 0.15:
        balance = _scatter(rng, (1.08, 1.1, 0.75), 0.06)  # the olive cast of some frames
    else:
        balance = _scatter(rng, cast.get(name, (1.0, 0.97, 1.03)), 0.06)
    black = float(abs(rng.normal(0, 3)))
    tint = (
        (9.0, 1.0, 7.0)
        if name == "longyearbyen"
        else (black, black * rng.uniform(0.6, 1.1), black * rng.uniform(0.8, 1.6))
    )
    return Sensor(
        name=name,
        gain=float(gain * np.exp(rng.normal(0, 0.45))),
        gamma=round(float(rng.uniform(1.75, 2.45)), 1),
        shoulder=round(float(rng.uniform(0, 1)), 1),
        saturation=float(np.clip(rng.normal(1.0, 0.18), 0.5, 1.6)),
        balance=balance,
        green=_green(rng, name),
        red=_scatter(rng, (0.3, 0.1, 0.1) if name.startswith("auroramax") else (1.0, 0.25, 0.2), 0.4),
        violet=_scatter(rng, (0.7, 0.3, 0.9), 0.2),
        black=tint,
        noise=float(np.exp(rng.normal(-0.1, 0.6))),
        chroma_noise=float(rng.uniform(0.1, 0.9)),
        hot_pixels=int(rng.integers(0, 12)) if rng.random() < 0.4 else 0,
        blur=float(rng.uniform(0.1, 0.8)),
        jpeg=int(rng.integers(45, 97)) if rng.random() < 0.85 else 0,
        video=float(rng.uniform(0, 1)) if rng.random() < 0.5 else 0.0,
    )


def lens(rng: np.random.Generator, name: str) -> Lens:
    """The optics and surroundings of one camera of a generation."""
    old = name in ("auroramax-2015", "auroramax-2016", "auroramax-dark")
    radius = rng.uniform(0.92, 1.0) if old or rng.random() < 0.3 else rng.uniform(0.97, 1.04)
    bank = float(rng.uniform(0.02, 0.3)) if name == "auroramax-2022" or rng.random() < 0.04 else 0.0
    return Lens(
        north_deg=float(rng.uniform(0, 360)),
        east_left=bool(rng.random() < 0.5),
        radius=round(float(radius), 2),
        edge_elevation_deg=float(rng.choice([0, 0, 0, 3, 6])),
        horizon=float(rng.uniform(0.97, 1.03) if bank else rng.uniform(0.94, 1.01)),
        hills=float(rng.uniform(0.015, 0.045) if bank else rng.choice([0.002, 0.006, 0.015])),
        trees=int(rng.integers(20, 90)) if old else int(rng.integers(0, 40)),
        notches=int(rng.integers(1, 3)) if name in ("longyearbyen", "trex") or rng.random() < 0.15 else 0,
        snowbank=bank,
        ground=(0.0006, 0.0006, 0.0008) if rng.random() < 0.7 else (0.0016, 0.0014, 0.0012),
        vignette=float(rng.uniform(0.1, 0.85)),
        meridian=bool(old and rng.random() < 0.2),
        seed=int(rng.integers(0, 2**31)),
    )


def pick(rng: np.random.Generator) -> str:
    """A generation by its weight in what is met."""
    return str(rng.choice(GENERATIONS, p=np.array(WEIGHTS) / np.sum(WEIGHTS)))
