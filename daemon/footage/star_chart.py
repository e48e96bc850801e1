"""A picture with what the stars showed drawn in: grid, compass, horizon, stars matched and missed. Pure."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from daemon.observation import Disc, Orientation, Picture
from daemon.sky.lens import project

Floats = npt.NDArray[np.float64]
Directions = tuple[Floats, Floats]
"""Azimuths and elevations in degrees, of one shape."""

CHART_SIDE = 960
"""Side in px of the square that is cut around the disc."""
GRID, HORIZON, MATCHED, MISSED, TEXT = (
    (130, 110, 80),
    (90, 160, 230),
    (110, 230, 110),
    (90, 90, 240),
    (240, 240, 240),
)
BRIGHTEN_TO = 60.0
"""Grey level that the sky's 90th percentile is brought to, or a dark sky would show nothing."""


def star_chart(
    pixels: Picture, disc: Disc, orientation: Orientation, matched: Directions, missed: Directions
) -> Picture:
    """(height, width, 3) → a square (CHART_SIDE, CHART_SIDE, 3) around the disc, drawn on."""
    reach = disc.radius * 1.06
    scale = CHART_SIDE / (2 * reach)
    move = np.array(
        [[scale, 0, (reach - disc.centre_x) * scale], [0, scale, (reach - disc.centre_y) * scale]]
    )
    chart = cv2.warpAffine(pixels, move, (CHART_SIDE, CHART_SIDE), flags=cv2.INTER_AREA)
    chart = _brightened(np.asarray(chart, dtype=np.uint8))
    for elevation, colour in ((0.0, HORIZON), (30.0, GRID), (60.0, GRID)):
        _line(chart, np.arange(0.0, 361.0, 3.0), np.full(121, elevation), orientation, colour)
    for azimuth in range(0, 360, 45):
        _line(chart, np.full(31, float(azimuth)), np.linspace(0.0, 90.0, 31), orientation, GRID)
    _circles(chart, missed, orientation, MISSED, 7)
    _circles(chart, matched, orientation, MATCHED, 9)
    for name, bearing in (("N", 0.0), ("E", 90.0), ("S", 180.0), ("W", 270.0)):
        (x,), (y,) = _at(np.array([bearing]), np.array([4.0]), orientation)
        _text(chart, name, int(x) - 10, int(y) + 10, 0.9)
    _text(chart, f"stars matched: {len(matched[0])} (green), not seen: {len(missed[0])} (red)", 14, 26, 0.55)
    return chart


def _brightened(chart: Picture) -> Picture:
    level = float(np.percentile(chart, 90))
    gain = float(np.clip(BRIGHTEN_TO / max(level, 1.0), 1.0, 4.0))
    return np.asarray(np.clip(chart.astype(np.float32) * gain, 0, 255), dtype=np.uint8)


def _at(azimuth_deg: Floats, elevation_deg: Floats, orientation: Orientation) -> tuple[Floats, Floats]:
    """Pixels of the chart."""
    x, y = project(azimuth_deg, elevation_deg, orientation)
    half = CHART_SIDE / 2
    return half + x * half / 1.06, half + y * half / 1.06


def _line(
    chart: Picture, azimuth: Floats, elevation: Floats, orientation: Orientation, colour: tuple[int, int, int]
) -> None:
    points = np.rint(np.column_stack(_at(azimuth, elevation, orientation))).astype(np.int32)
    cv2.polylines(chart, [points], isClosed=False, color=colour, thickness=1, lineType=cv2.LINE_AA)


def _circles(
    chart: Picture, where: Directions, orientation: Orientation, colour: tuple[int, int, int], radius: int
) -> None:
    for x, y in zip(*_at(*where, orientation), strict=True):
        cv2.circle(chart, (round(float(x)), round(float(y))), radius, colour, 1, cv2.LINE_AA)


def _text(chart: Picture, text: str, x: int, y: int, size: float) -> None:
    for colour, thickness in (((0, 0, 0), 4), (TEXT, 1)):
        cv2.putText(chart, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, size, colour, thickness, cv2.LINE_AA)
