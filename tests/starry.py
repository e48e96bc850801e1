"""A camera under a sky of real stars, as points of light: where each must be, and as bright as it must be."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from daemon.observation import Lens, Orientation, Points, SkyState
from daemon.sky.ephemeris import Observatory
from daemon.sky.lens import project
from daemon.sky.stars.catalogue import StarField
from daemon.sky.stars.visibility import TOP, USUAL_HEIGHT, USUAL_LEVEL, light

AT = datetime(2024, 2, 10, 7, 13, tzinfo=UTC)
HERE = Observatory(62.4333, -114.35)
TURNED = Orientation(26.0, True, lens=Lens(1.13, -0.11, 0.02, 0.01, 2.0, 30.0))
LEVEL = 16.0
GAMMA = 1.8
ZERO = 5.0 + float(light(np.array(LEVEL), np.array(2.0), GAMMA))
"""Of a camera that shows a star of magnitude 5 as a point 2 grey levels high."""


def starry_sky(at: datetime = AT) -> SkyState:
    return SkyState(at, -35.0, 0.0, -20.0, 0.0, 5.0, "night", "none")


def starry_points(
    stars: StarField,
    turned: Orientation = TURNED,
    *,
    noise: int = 60,
    dimmed: float = 0.0,
    level: float = LEVEL,
) -> Points:
    """Every star where it must be, as bright as it must be but for some magnitudes, and faint points where none is."""
    rng = np.random.default_rng(1)
    x, y = project(stars.azimuth_deg, stars.elevation_deg, turned)
    unit = (USUAL_LEVEL + TOP * USUAL_HEIGHT) ** GAMMA - USUAL_LEVEL**GAMMA
    lit = unit * 10 ** (0.4 * (ZERO - stars.magnitude - dimmed))
    height = ((lit + level**GAMMA) ** (1 / GAMMA) - level) / TOP
    seen = height >= 1.5
    r, angle = np.sqrt(rng.uniform(0, 0.9, noise)), rng.uniform(0, 2 * np.pi, noise)
    x, y = np.concatenate([x[seen], r * np.sin(angle)]), np.concatenate([y[seen], r * np.cos(angle)])
    height = np.concatenate([height[seen], np.linspace(5, 2, noise)])
    return Points(x, y, height, np.full((1, 1), level, np.float32))
