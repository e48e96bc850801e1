"""The stars' sectors over the dome itself, through the camera's lens: the star map where the sky is. Pure."""

from __future__ import annotations

import numpy as np

from daemon import words
from daemon.observation import Orientation
from daemon.record.columns import ObservationRow
from daemon.sky.lens import project
from daemon.sky.stars.visibility import AZIMUTHS, RINGS_DEG, from_code

RADIUS = 120
"""Of the disc in the dome's drawing; x to the right and y down from its centre."""
STEP_DEG = 5.0


def star_layer(row: ObservationRow | None, turned: Orientation | None) -> list[tuple[str, int, str]]:
    """(outline, level 0…4, words) of each sector that is known; empty without a lens or without stars.

    A sector's words stand in its middle's place on the star map; here they are its percentage alone.
    """
    if row is None or not row["stars"] or turned is None or turned.lens is None:
        return []
    return [
        (_outline(number, turned), min(4, int(share * 5)), words.percent(share))
        for number, share in enumerate(from_code(row["stars"]))
        if share is not None
    ]


def _outline(number: int, turned: Orientation) -> str:
    """A sector's border as an SVG path: along its lower edge and back along its upper one."""
    ring, around = divmod(number, AZIMUTHS)
    wide = 360.0 / AZIMUTHS
    azimuth = (around - 0.5) * wide + np.arange(0.0, wide + 0.1, STEP_DEG)
    low, high = RINGS_DEG[ring : ring + 2]
    there = azimuth, np.full(len(azimuth), low)
    back = azimuth[::-1], np.full(len(azimuth), high)
    azimuths, elevations = (np.concatenate(pair) for pair in zip(there, back, strict=True))
    x, y = project(azimuths, elevations, turned)
    places = " ".join(f"{RADIUS * a:.1f} {RADIUS * b:.1f}" for a, b in zip(x, y, strict=True))
    return f"M{places}Z"
