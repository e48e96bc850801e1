"""Is a lens to be believed? Stars that took no part, and wrong turns of the same lens, decide. Pure.

In a dense field some point lies near every place, so that the share of stars found proves nothing
by itself. What counts is how much oftener the held-out stars are found where this lens puts
them than where the same lens, turned to wrong directions or mirrored, would.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from daemon.observation import Orientation
from daemon.sky.lens import project
from daemon.sky.stars.catalogue import StarField
from daemon.sky.stars.fit import DEGREE, Fit, Shot
from daemon.sky.stars.nearest import Nearest, by_chance

HOLD_OUT = 4
"""Every fourth star, in order of brightness, takes no part in search and fit."""
CHANCE = 1e-6
"""The held-out stars must be found so often that chance would do it once in a million cameras …"""
TIMES_CONTROL = 2.0
"""… and this many times as often as under the best of the wrong turns."""
WRONG_TURNS_DEG = tuple(range(15, 346, 11))
LEAST_HELD_OUT = 5
ABOVE_DEG = 10.0


@dataclass(frozen=True)
class Trial:
    """Held-out stars: how many, the share found, the share found under wrong turns on average and at
    most, and how likely chance alone would find as many."""

    held_out: int
    found: float
    control: float
    worst_control: float
    chance: float

    @property
    def passed(self) -> bool:
        """Whether the lens is to be believed."""
        return (
            self.held_out >= LEAST_HELD_OUT
            and self.chance <= CHANCE
            and self.found >= TIMES_CONTROL * self.worst_control
        )


def split(stars: StarField) -> tuple[StarField, StarField]:
    """(for search and fit, held out)."""
    out = np.arange(len(stars)) % HOLD_OUT == HOLD_OUT - 1
    return stars.chosen(~out), stars.chosen(out)


def tried(shots: Sequence[Shot], held_out: Sequence[StarField], fit: Fit) -> Trial:
    """The held-out stars of each shot under the lens and under wrong turns of it."""
    fields = [stars.brighter(_limit(shots, fit), ABOVE_DEG) for stars in held_out]
    tolerance = max(0.4, 2.5 * fit.rms_deg) * DEGREE
    right = _found(shots, fields, fit.orientation, tolerance)
    if not len(right):
        return Trial(0, 0.0, 1.0, 1.0, 1.0)
    wrong = [_found(shots, fields, turned, tolerance) for turned in _wrong_turns(fit.orientation)]
    shares = [float(found.mean()) if len(found) else 0.0 for found in wrong]
    tries = sum(len(found) for found in wrong)
    rate = (sum(float(found.sum()) for found in wrong) + 1.0) / (tries + 1.0)
    chance = by_chance(int(right.sum()), len(right), rate)
    return Trial(len(right), float(right.mean()), float(np.mean(shares)), max(shares), chance)


def _limit(shots: Sequence[Shot], fit: Fit) -> float:
    """The magnitude to which held-out stars may be expected: that of most of the matched ones."""
    seen = [shot.stars.magnitude[stars] for shot, (stars, _) in zip(shots, fit.pairs, strict=True)]
    return float(np.percentile(np.concatenate(seen), 60))


def _wrong_turns(orientation: Orientation) -> list[Orientation]:
    turns = [replace(orientation, north_deg=orientation.north_deg + turn) for turn in WRONG_TURNS_DEG]
    return turns + [replace(turn, east_left=not turn.east_left) for turn in turns[::3]]


def _found(
    shots: Sequence[Shot], fields: Sequence[StarField], orientation: Orientation, tolerance: float
) -> npt.NDArray[np.bool_]:
    """For each star on the disc: does a point lie where it must be?"""
    out = [np.zeros(0, np.bool_)]
    for shot, stars in zip(shots, fields, strict=True):
        x, y = project(stars.azimuth_deg, stars.elevation_deg, orientation)
        on = np.hypot(x, y) < 1.0
        if on.any() and len(shot.points):
            near = Nearest(shot.points.x, shot.points.y)
            out.append(near.to(x[on], y[on])[0] <= tolerance)
    return np.concatenate(out)
