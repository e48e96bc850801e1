"""One or many frames → the camera's lens, or why there is none. Pure.

Search, fit, and the trial of the held-out stars, in this order; a lens that passes the trial is fitted
once more with every star. Where the time is not known either, the stars of a whole sidereal day are searched;
a clock that is off and a lens that leans east or west look alike, so the hour found is the one at which
the lens leans neither way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from math import cos, radians, sin

import numpy as np

from daemon.observation import Lens, Orientation
from daemon.sky.stars.catalogue import StarField
from daemon.sky.stars.fit import FINE, ROUGH, Fit, Round, Shot, error_deg, fitted, matched, refined
from daemon.sky.stars.search import Hypothesis, search, spots
from daemon.sky.stars.trial import Trial, split, tried

LEAST_POINTS = 15
LEAST_PAIRS = 16
FOLLOWED = 8
"""How many of the hypotheses are followed to the end."""
CERTAIN = 1e-9
"""A trial that chance would pass this seldom ends the search."""
MOST_ERROR_DEG = 0.5
"""A lens whose own errors are larger is not believed, though its stars are real ones."""
MOST_TILT_DEG = 6.5
"""More than any mounted camera leans: the time or the place is wrong, and the sky merely looks turned."""

HOURS_SCALES = tuple(np.geomspace(0.9, 1.32, 7))
HOURS_SHIFTS = ((0.0, 0.0), (0.03, 0.0), (-0.03, 0.0), (0.0, 0.03), (0.0, -0.03))
STEP_MIN = 10.0
"""Step between the instants of a sidereal day that are searched."""
SIDEREAL_DAY_MIN = 1436.07


@dataclass(frozen=True, eq=False)
class Solution:
    """A lens that is believed: its fit to every star, the trial it passed, its likely error over the sky.

    ``minutes`` is what the search of an unknown time found: how long after the time given the stars
    stand so; 0 where the time was known.
    """

    fit: Fit
    trial: Trial
    error_deg: float
    minutes: float = 0.0


@dataclass(frozen=True)
class NoSolution:
    """Why there is none: ``reason``, and ``advice`` that would help."""

    reason: str
    advice: str
    trial: Trial | None = None


_FEW = NoSolution("too few stars are seen", "use a frame of a clear, moonless night")
_NONE = "no lens brings stars and picture together"
_CLEARER = "use a clearer frame without moon, and check its time (--at) and the camera's place"


def solve(shots: Sequence[Shot]) -> Solution | NoSolution:
    """The lens of the camera that took all the shots, whose times are known."""
    if max((len(shot.points) for shot in shots), default=0) < LEAST_POINTS:
        return _FEW
    kept, held_out = _split(shots)
    richest = max(kept, key=lambda shot: len(shot.points))
    found = search(spots(richest.points), [richest.stars])
    best = _best(((kept, one.orientation) for one in found), held_out)
    return best if isinstance(best, NoSolution) else _finished(shots, *best)


def solve_unknown_time(
    shot: Shot, stars_after: Callable[[float], StarField], latitude_deg: float
) -> Solution | NoSolution:
    """The same for one frame of unknown time; ``stars_after`` minutes are the stars at a first guess plus so much."""
    if len(shot.points) < LEAST_POINTS:
        return _FEW
    times = np.arange(0.0, SIDEREAL_DAY_MIN, STEP_MIN)
    fields = [split(stars_after(minutes))[0] for minutes in times]
    found = search(spots(shot.points), fields, scales=HOURS_SCALES, shifts=HOURS_SHIFTS, shapes=(-0.08,))
    for one in found[:FOLLOWED]:
        best = _at_hour(shot, one, float(times[one.instant]), stars_after, latitude_deg)
        if isinstance(best, Solution):
            return best
    return NoSolution(_NONE, "use a clearer frame without moon, and check the camera's latitude")


def _at_hour(
    shot: Shot,
    one: Hypothesis,
    minutes: float,
    stars_after: Callable[[float], StarField],
    latitude_deg: float,
) -> Solution | NoSolution:
    """Follow one hypothesis, moving the time until the lens leans neither east nor west."""
    start = one.orientation
    answer: Solution | NoSolution = _FEW
    for _ in range(4):
        now = replace(shot, stars=stars_after(minutes))
        kept, held_out = _split([now])
        best = _best([(kept, start)], held_out)
        answer = best if isinstance(best, NoSolution) else _finished([now], *best, most_tilt_deg=30.0)
        if isinstance(answer, NoSolution):
            return answer
        answer = replace(answer, minutes=minutes)
        lens = answer.fit.orientation.lens
        assert lens is not None
        step = minutes_of_tilt(lens, latitude_deg)
        if abs(step) < 0.2:
            break
        minutes += step
        level = replace(lens, tilt_deg=lens.tilt_deg * abs(cos(radians(lens.tilt_azimuth_deg))),
                        tilt_azimuth_deg=0.0 if cos(radians(lens.tilt_azimuth_deg)) > 0 else 180.0)  # fmt: skip
        turn_deg = step * 0.25 * sin(radians(latitude_deg))
        turn_deg = turn_deg if answer.fit.orientation.east_left else -turn_deg
        start = replace(
            answer.fit.orientation, lens=level, north_deg=answer.fit.orientation.north_deg + turn_deg
        )
    return _judged(answer)


def minutes_of_tilt(lens: Lens, latitude_deg: float) -> float:
    """By how many minutes the clock would have to be put forward for the lens to lean neither east nor west."""
    east_deg = lens.tilt_deg * sin(radians(lens.tilt_azimuth_deg))
    return east_deg / (0.25 * max(cos(radians(latitude_deg)), 0.05))


def _split(shots: Sequence[Shot]) -> tuple[list[Shot], list[StarField]]:
    halves = [split(shot.stars) for shot in shots]
    kept = [replace(shot, stars=half[0]) for shot, half in zip(shots, halves, strict=True)]
    return kept, [half[1] for half in halves]


def _best(
    starts: Iterable[tuple[Sequence[Shot], Orientation]], held_out: Sequence[StarField]
) -> tuple[Fit, Trial] | NoSolution:
    """The fit whose held-out stars convince most; those with most pairs are tried first."""
    rough = [(shots, fit) for shots, start in starts if (fit := refined(shots, start, ROUGH))]
    rough.sort(key=lambda each: -each[1].count)
    best: tuple[Fit, Trial] | None = None
    for shots, each in rough[:FOLLOWED]:
        fit = refined(shots, each.orientation, FINE)
        if fit is None or fit.count < LEAST_PAIRS:
            continue
        trial = tried(shots, held_out, fit)
        if best is None or trial.chance < best[1].chance:
            best = fit, trial
        if trial.passed and trial.chance < CERTAIN:
            break
    if best is None or not best[1].passed:
        return NoSolution(_NONE, _CLEARER, best[1] if best else None)
    return best


def _finished(
    shots: Sequence[Shot], fit: Fit, trial: Trial, most_tilt_deg: float = MOST_TILT_DEG
) -> Solution | NoSolution:
    """With every star now, closer each time."""
    for _ in range(3):
        how = Round(max(0.35, min(0.7, 3.5 * fit.rms_deg)), 400, 400, 7)
        fit = fitted(shots, [matched(shot, fit.orientation, how) for shot in shots], fit.orientation)
    return _judged(Solution(fit, trial, error_deg(fit)), most_tilt_deg)


def _judged(answer: Solution | NoSolution, most_tilt_deg: float = MOST_TILT_DEG) -> Solution | NoSolution:
    """What the numbers of a lens forbid to believe, though the stars are real."""
    if isinstance(answer, NoSolution):
        return answer
    if answer.error_deg > MOST_ERROR_DEG:
        return NoSolution(
            f"the stars seen leave the lens open by {answer.error_deg:.1f}°",
            "use a clearer frame, or several frames of different nights",
            answer.trial,
        )
    lens = answer.fit.orientation.lens
    if lens is not None and lens.tilt_deg > most_tilt_deg:
        return NoSolution(
            f"the camera would have to lean by {lens.tilt_deg:.0f}°",
            "check the time (--at) and the camera's latitude and longitude; a clock that is off looks so",
            answer.trial,
        )
    return answer
