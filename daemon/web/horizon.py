"""The horizon all around, unrolled: 360° of azimuth with north in the middle, the zenith at the top. Pure.

x is degrees of azimuth from south over west, north and east to south again, 0…360; y runs from 0 at the
zenith to 90 at the horizon. It needs the camera's orientation: without one there is no horizon strip.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import hypot

import numpy as np
import numpy.typing as npt

from daemon.observation import Mask, Orientation, SkyState
from daemon.sky import geometry
from daemon.sky.lens import edge_elevation_deg, project
from daemon.web import phrases
from daemon.web.tongues import _

DOME = 120.0
"""Radius of the dome's own drawing, about its centre."""
STEP_DEG = 4
"""Width and height of a cell of the painted aurora."""
BELOW_DEG = -0.9
"""A moon at this altitude is still seen: half its disc and refraction."""


@dataclass(frozen=True)
class Spot:
    """A body or a mark: on the strip (x, y), on the dome (dome_x, dome_y), in words."""

    x: float
    y: float
    dome_x: float
    dome_y: float
    words: str = ""


@dataclass(frozen=True)
class Horizon:
    """The strip. ``aurora`` is the painted sky as an SVG path, ``peak`` its brightest part."""

    aurora: str
    peak: Spot | None
    moon: Spot | None
    words: str


def x_of(azimuth_deg: float) -> float:
    """Where an azimuth lies on the strip."""
    return round((azimuth_deg + 180.0) % 360.0, 1)


def spot(azimuth_deg: float, elevation_deg: float, orientation: Orientation, words: str = "") -> Spot:
    """A direction on strip and dome."""
    x, y = geometry.position(azimuth_deg, elevation_deg, orientation)
    return Spot(
        x_of(azimuth_deg), round(90 - elevation_deg, 1), round(x * DOME, 1), round(y * DOME, 1), words
    )


def moon_spot(state: SkyState | None, orientation: Orientation | None) -> Spot | None:
    """The moon where it is up and the camera's orientation known."""
    if state is None or orientation is None or state.moon_altitude_deg < BELOW_DEG:
        return None
    return spot(state.moon_azimuth_deg, max(0.0, state.moon_altitude_deg), orientation)


def horizon(
    orientation: Orientation | None,
    mask: Mask | None,
    peak: tuple[float, float] | None,
    moon: Spot | None,
) -> Horizon | None:
    """The strip of one frame. ``mask`` (n, n) of the disc; ``peak`` (azimuth_deg, elevation_deg)."""
    if orientation is None:
        return None
    cells = painted(mask, orientation) if mask is not None else None
    where = phrases.direction(*peak) if peak else ""
    return Horizon(
        aurora=_path(cells) if cells is not None else "",
        peak=spot(*peak, orientation, where) if peak else None,
        moon=moon,
        words=_("The horizon all around, north in the middle."),
    )


def painted(mask: Mask, orientation: Orientation) -> npt.NDArray[np.bool_]:
    """Which cells of the sky, (90 / STEP, 360 / STEP) from the zenith down and from south round, the mask fills."""
    across = np.arange(STEP_DEG / 2, 360, STEP_DEG) - 180.0
    up = 90.0 - np.arange(STEP_DEG / 2, 90, STEP_DEG)
    azimuth, elevation = np.meshgrid(across % 360.0, up)
    x, y = project(azimuth, elevation, orientation)
    inside = np.hypot(x, y) < 1.0
    side = len(mask)
    column = np.clip(((x + 1) / 2 * side).astype(int), 0, side - 1)
    row = np.clip(((y + 1) / 2 * side).astype(int), 0, side - 1)
    return np.asarray(inside & mask[row, column])


def _path(cells: npt.NDArray[np.bool_]) -> str:
    """Runs of filled cells, row by row, as one path of rectangles."""
    parts = []
    for number, filled in enumerate(cells):
        for left, right in _runs(filled):
            wide = (right - left) * STEP_DEG
            parts.append(f"M{left * STEP_DEG} {number * STEP_DEG}h{wide}v{STEP_DEG}h-{wide}z")
    return "".join(parts)


# ---------------------------------------------------------------------- on the dome


def mask_path(mask: Mask | None) -> str:
    """The mask as a path of rectangles in the dome's own drawing, −DOME…DOME; empty where there is none."""
    if mask is None:
        return ""
    side = 2 * DOME / len(mask)
    parts = []
    for number, filled in enumerate(mask):
        for left, right in _runs(filled):
            x, y, wide = left * side - DOME, number * side - DOME, (right - left) * side
            parts.append(f"M{x:g} {y:g}h{wide:g}v{side:g}h-{wide:g}z")
    return "".join(parts)


def _runs(filled: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """The stretches of true cells in a row, as (first, one past the last)."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], filled.astype(np.int8), [0])))).tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))


LETTERS_UP_DEG = 4.0
"""How far above the horizon the compass letters stand."""


@dataclass(frozen=True)
class Rose:
    """The compass on the dome: letters (x, y, text) at the horizon and rings of elevation as paths."""

    letters: tuple[tuple[float, float, str], ...]
    rings: tuple[str, ...]


def rose(orientation: Orientation | None) -> Rose | None:
    """North, east, south and west around the dome, with rings at 30° and 60°."""
    if orientation is None:
        return None
    edge = max(0.0, edge_elevation_deg(orientation))
    letters = tuple(
        (*_inside(*_on_dome(azimuth, edge + LETTERS_UP_DEG, orientation)), text)
        for azimuth, text in ((0, _("N")), (90, _("E")), (180, _("S")), (270, _("W")))
    )
    return Rose(letters, tuple(_ring(elevation, orientation) for elevation in (30.0, 60.0)))


def _inside(x: float, y: float) -> tuple[float, float]:
    """No nearer to the dome's rim than a letter may be, and on the way to the middle: a leaning lens, or one whose
    disc ends above the horizon, would put it outside, where it is cut off."""
    most = DOME * (1 - LETTERS_UP_DEG / 90)
    shrunk = min(1.0, most / max(hypot(x, y), 1e-9))
    return round(x * shrunk, 1), round(y * shrunk, 1)


def _on_dome(azimuth_deg: float, elevation_deg: float, orientation: Orientation) -> tuple[float, float]:
    x, y = geometry.position(azimuth_deg, elevation_deg, orientation)
    return round(x * DOME, 1), round(y * DOME, 1)


@lru_cache(maxsize=64)
def _ring(elevation_deg: float, orientation: Orientation) -> str:
    return _line([(float(azimuth), elevation_deg) for azimuth in range(0, 360, 10)], orientation) + "Z"


def _line(directions: Sequence[tuple[float, float]], orientation: Orientation) -> str:
    spots = (_on_dome(azimuth, elevation, orientation) for azimuth, elevation in directions)
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in spots)
