"""Where in the sky the aurora is: cover, range, edges, overhead or not, its brightest part. Pure."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from daemon.description.sky_grid import Cells, Floats, SkyGrid, ground_distance_km

SPECK = 4
"""Cells that a part of the mask has at least; smaller ones are the mask's own noise."""

OVERHEAD_DEG, OVERHEAD_SHARE = 70.0, 0.2
"""Aurora is overhead where it fills so much of the sky from this elevation up."""

LOW_DEG = 30.0
"""Up to this elevation of its brightest part aurora is low, and how far away it stands can be told."""

_EDGE = 0.02
_SECTOR_DEG = 10
_GAP_DEG = 60
_NEARBY_DEG = 20.0
_LOWEST_BORDER_DEG = 5.0
_BLUR = 3
_AROUND = 3


class Extent(NamedTuple):
    """Degrees but for ``distance_km``. Azimuths go clockwise from ``azimuth_from_deg`` to ``azimuth_to_deg``.

    0 to 360 is all around; both are None where all of it is near the zenith.
    """

    azimuth_from_deg: float | None
    azimuth_to_deg: float | None
    lower_edge_deg: float
    upper_edge_deg: float
    overhead: bool
    azimuth_deg: float
    elevation_deg: float
    distance_km: float | None


def without_specks(mask: Cells) -> Cells:
    """The mask's parts of at least ``SPECK`` cells."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    large = stats[:, cv2.CC_STAT_AREA] >= SPECK
    large[0] = False
    return np.asarray(large[labels]) if count > 1 else np.zeros_like(mask)


def extent(mask: Cells, light: Floats, grid: SkyGrid) -> Extent:
    """Where a mask that is not empty lies; ``light`` is its brightness over the sky, any unit."""
    azimuth_deg, elevation_deg = brightest(mask, light, grid)
    low, high = _edges(mask, grid)
    begin, end = _azimuths(mask, grid)
    return Extent(
        azimuth_from_deg=begin,
        azimuth_to_deg=end,
        lower_edge_deg=low,
        upper_edge_deg=high,
        overhead=is_overhead(mask, grid),
        azimuth_deg=azimuth_deg,
        elevation_deg=elevation_deg,
        distance_km=_distance_km(mask, grid, azimuth_deg) if elevation_deg <= LOW_DEG else None,
    )


def is_overhead(mask: Cells, grid: SkyGrid) -> bool:
    """Does it fill ``OVERHEAD_SHARE`` of the sky from ``OVERHEAD_DEG`` up?"""
    cap = grid.sky & (grid.elevation_deg >= OVERHEAD_DEG)
    return float(grid.solid_angle[cap & mask].sum()) >= OVERHEAD_SHARE * float(grid.solid_angle[cap].sum())


def brightest(mask: Cells, light: Floats, grid: SkyGrid) -> tuple[float, float]:
    """(azimuth_deg, elevation_deg) of the brightest part: the peak and its surroundings, weighed by their light.

    Where nothing in the mask is brighter than the sky about it, the mask itself is the light.
    """
    lit = np.where(mask & grid.sky, np.maximum(light, 0.0), 0.0)
    smooth = cv2.blur(lit if lit.any() else mask.astype(np.float64), (_BLUR, _BLUR)) * (mask & grid.sky)
    row, column = divmod(int(smooth.argmax()), smooth.shape[1])
    near = np.s_[max(0, row - _AROUND) : row + _AROUND + 1, max(0, column - _AROUND) : column + _AROUND + 1]
    weight = np.maximum(smooth[near] - smooth[row, column] / 2, 0.0) * grid.solid_angle[near]
    if weight.sum() <= 0:
        return float(grid.azimuth_deg[row, column]), float(grid.elevation_deg[row, column])
    east, north, up = (weight[..., None] * grid.vector[near]).sum(axis=(0, 1)) / weight.sum()
    return float(np.degrees(np.arctan2(east, north)) % 360), float(
        np.degrees(np.arctan2(up, np.hypot(east, north)))
    )


def poleward_deg(mask: Cells, light: Floats, grid: SkyGrid, *, south: bool = False) -> float:
    """How far from the zenith toward the pole the light's middle stands, degrees; negative toward the equator."""
    weight = np.where(mask, np.maximum(light, 0.0), 0.0) * grid.solid_angle
    weight = weight if weight.sum() > 0 else mask * grid.solid_angle
    along = (90.0 - grid.elevation_deg) * np.cos(np.radians(grid.azimuth_deg))
    middle = float((along * weight).sum() / max(float(weight.sum()), 1e-12))
    return -middle if south else middle


def _edges(mask: Cells, grid: SkyGrid) -> tuple[float, float]:
    """Elevations of the lower and the upper edge, a fiftieth of the aurora left beyond each."""
    cells = mask & grid.sky
    height, weight = grid.elevation_deg[cells], grid.solid_angle[cells]
    order = np.argsort(height)
    reached = np.cumsum(weight[order]) / weight.sum()
    low, high = (height[order][np.searchsorted(reached, share)] for share in (_EDGE, 1 - _EDGE))
    zenith = grid.elevation_deg >= grid.elevation_deg.max() - 2.0
    return float(low), 90.0 if mask[zenith].any() else float(high)


def _azimuths(mask: Cells, grid: SkyGrid) -> tuple[float | None, float | None]:
    """The smallest range that holds it, clockwise, to ten degrees; near the zenith azimuths mean nothing."""
    cells = mask & grid.sky & (grid.elevation_deg < OVERHEAD_DEG)
    if not cells.any():
        return None, None
    sectors = 360 // _SECTOR_DEG
    number = (grid.azimuth_deg[cells] // _SECTOR_DEG).astype(int) % sectors
    held = np.bincount(number, grid.solid_angle[cells], minlength=sectors)
    seen = np.flatnonzero(held > _EDGE * held.sum() / np.count_nonzero(held))
    gaps = np.diff(np.append(seen, seen[0] + sectors))
    widest = int(gaps.argmax())
    if (gaps[widest] - 1) * _SECTOR_DEG < _GAP_DEG:
        return 0.0, 360.0
    begin, end = seen[(widest + 1) % len(seen)], seen[widest] + 1
    return float(begin * _SECTOR_DEG % 360), float(end * _SECTOR_DEG % 360)


def _distance_km(mask: Cells, grid: SkyGrid, azimuth_deg: float) -> float:
    """Along the ground to the lower border, 110 km up, below the brightest part."""
    cells = mask & grid.sky
    apart = np.abs((grid.azimuth_deg[cells] - azimuth_deg + 180) % 360 - 180)
    # The middle of two parts may lie between them, where the mask has nothing: then what is nearest counts.
    lowest = float(grid.elevation_deg[cells][apart <= max(_NEARBY_DEG, apart.min())].min())
    return float(ground_distance_km(max(lowest, _LOWEST_BORDER_DEG)))
