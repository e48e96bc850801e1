"""What a frame with aurora shows: where, how bright, what form, which level, which way it goes. Pure.

    mask → where (extent) · light over the sky · shape → level, with the minutes before → course

The aurora mask of the network is the witness; without one (an older model) the colour rules' pixels give
brightness and level, the Grad-CAM map the direction, and all else is None. Each quantity is stated in
docs/description.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import cv2
import numpy as np

from daemon.description.bones import shape
from daemon.description.brightness import COLOURS, Light, light
from daemon.description.levels import Moment, level, minutes_before
from daemon.description.movement import course, recalled, remember
from daemon.description.movement import since as remembered_since
from daemon.description.place import Extent, extent, poleward_deg, without_specks
from daemon.description.sky_grid import SIDE, Cells, SkyGrid, sky_grid
from daemon.observation import Camera, Description, Mask, Orientation, Picture, Prediction, Verdict
from daemon.sky import geometry
from models import colour

__all__ = [
    "COURSE",
    "Described",
    "Moment",
    "describe",
    "no_aurora",
    "of_verdict",
    "recalled",
    "remember",
    "remembered_since",
]


class Described(NamedTuple):
    """A frame's description, the direction of its brightest part, and what the frames after it must know."""

    description: Description
    azimuth_deg: float | None
    elevation_deg: float | None
    moment: Moment


COURSE = ("trend", "drift", "spread")
"""What only several frames can say of the aurora."""


def of_verdict(
    verdict: Verdict,
    at: datetime,
    square: Picture,
    prediction: Prediction,
    camera: Camera,
    past: Sequence[Moment] = (),
) -> Described | None:
    """What a judged frame shows; None where its sky was not seen. Arguments as of :func:`describe`."""
    if verdict == "clear":
        return no_aurora(at)
    if verdict != "aurora":
        return None
    south = camera.latitude_deg < 0
    return describe(at, square, prediction, camera.orientation, past, south=south)


def no_aurora(at: datetime) -> Described:
    """Of a clear sky without aurora."""
    return Described(Description(level=0, cover=0.0), None, None, Moment(at))


def describe(
    at: datetime,
    square: Picture,
    prediction: Prediction,
    orientation: Orientation | None,
    past: Sequence[Moment] = (),
    *,
    south: bool = False,
) -> Described:
    """Describe one frame with aurora.

    ``square`` is the masked disc (240, 240, 3); ``past`` what the frames before left, oldest first; ``south``
    for a camera south of the equator.
    """
    grid = sky_grid(orientation)
    seen = _by_colour(square) if prediction.mask is None else prediction.mask
    mask = without_specks(seen & grid.sky)
    found, cover = light(square, mask, grid), grid.share(mask)
    strength = level(found.brightness, found.index, cover, minutes_before(past, at))
    if prediction.mask is None or not mask.any():
        direction = geometry.heatmap_direction(prediction.heatmap, orientation)
        now = course(Moment(at, round(found.index, 2), None), past)
        return Described(_description(strength, prediction, found, now), *direction, now)
    toward = round(poleward_deg(mask, found.excess, grid, south=south), 1) if orientation else None
    now = course(Moment(at, round(found.index, 2), round(cover, 4), toward), past)
    if orientation is None:
        return Described(_description(strength, prediction, found, now, mask, grid), None, None, now)
    where = extent(mask, found.excess, grid)
    description = _description(strength, prediction, found, now, mask, grid, where)
    return Described(description, where.azimuth_deg, where.elevation_deg, now)


def _by_colour(square: Picture) -> Cells:
    """The cells (60, 60) that are more than half full of pixels in the colours of aurora."""
    pixels = np.where(colour.pixel_classes(square) >= colour.DIFFUSE, np.uint8(255), np.uint8(0))
    small = cv2.resize(pixels, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(small > 127)


def _description(
    strength: int,
    prediction: Prediction,
    found: Light,
    now: Moment,
    mask: Mask | None = None,
    grid: SkyGrid | None = None,
    where: Extent | None = None,
) -> Description:
    """Put together; without a mask there is no cover and no shape, without ``where`` no place."""
    more: dict[str, Any] = {}
    if mask is not None and grid is not None:
        form = shape(mask, found.excess, grid)
        more = {"cover": now.cover, "mask": mask} | (form._asdict() if form else {})
    if where is not None:
        more |= {name: value for name, value in where._asdict().items() if name not in _OBSERVATIONS_OWN}
    if found.shares is not None:
        more |= {f"{name}_share": share for name, share in zip(COLOURS, found.shares, strict=True)}
    return Description(
        level=strength,
        brightness=found.brightness if found.brightness > 0 else None,
        aurora_index=found.index if found.brightness > 0 else None,
        forms=prediction.forms,
        form_probabilities=prediction.form_probabilities,
        poleward_deg=now.poleward_deg,
        trend=now.trend,
        drift=now.drift,
        spread=now.spread,
        **more,
    )


_OBSERVATIONS_OWN = ("azimuth_deg", "elevation_deg")
