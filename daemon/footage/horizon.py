"""The horizon mask of a camera: which parts of its disc never show sky. A square PNG of the disc, white where sky is.

It can be painted by hand, or learned from many frames of one camera: by the medians of what the frames show (trees
and roofs stay dark under every sky, lamps stay bright) and by the stars that are never seen where they must be.
Masked parts count for nothing: not for the stars, nor for the cover of aurora and its direction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from daemon.errors import PictureError
from daemon.footage import image
from daemon.observation import Disc, HeatMap, Orientation, Picture, Points, Prediction
from daemon.sky.geometry import cut_disc
from daemon.sky.lens import unproject
from daemon.sky.stars.catalogue import StarField
from daemon.sky.stars.visibility import on_points

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Plane = npt.NDArray[np.float32]

SIDE = 240
LEAST_FRAMES = 8
"""Fewer frames do not tell a tree from a cloud."""
DARK, BRIGHT = 0.35, 4.0
"""Shares of the open sky's level under and over which a place that stays so is no sky."""
LEAST_LEVEL = 6.0
"""Frames whose open sky is darker than this, in grey levels, say nothing of what is darker still."""
OPEN, RIM = 0.7, 0.93
"""Within the one share of the radius is open sky; what is no sky reaches out to the other."""
AZIMUTHS, STEP_DEG, UP_TO_DEG = 36, 5.0, 40.0
LEAST_TIMES = 6
"""Times that stars must have been missed in a cell of the sky, and never seen, for it to be hidden."""


def _inside() -> Mask:
    at = np.arange(SIDE) + 0.5 - SIDE / 2
    return np.asarray(at[:, None] ** 2 + at[None, :] ** 2 <= (SIDE / 2) ** 2)


@dataclass(frozen=True, eq=False)
class Horizon:
    """``sky`` (SIDE, SIDE): True where the disc shows sky."""

    sky: Mask
    _shares: dict[tuple[int, int], Plane] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def share(self) -> float:
        """How much of the disc is sky, 0…1."""
        inside = _inside()
        return float((self.sky & inside).sum() / inside.sum())

    def sees(self, x: Floats, y: Floats) -> Mask:
        """Whether positions on the disc are sky."""
        column, row = (np.clip(((at + 1) / 2 * SIDE).astype(int), 0, SIDE - 1) for at in (x, y))
        return np.asarray(self.sky[row, column])

    def square(self, square: Picture) -> Picture:
        """A disc (n, n, 3) with what is no sky blackened."""
        sky = cv2.resize(self.sky.astype(np.uint8), square.shape[1::-1], interpolation=cv2.INTER_NEAREST)
        return np.asarray(square * sky[:, :, None], dtype=np.uint8)

    def over(self, heatmap: HeatMap) -> HeatMap:
        """A map of the disc (n, n), each cell with the share of it that is sky."""
        return np.asarray(heatmap * self._share_at(heatmap.shape), dtype=np.float32)

    def within(self, mask: Mask) -> Mask:
        """A mask of the disc (n, n) without the cells that are mostly no sky."""
        return np.asarray(mask & (self._share_at(mask.shape) >= 0.5))

    def seen(self, said: Prediction) -> Prediction:
        """What the model said of the disc, without what it saw where no sky is."""
        mask = None if said.mask is None else self.within(said.mask)
        return replace(said, heatmap=self.over(said.heatmap), mask=mask)

    def _share_at(self, shape: tuple[int, ...]) -> Plane:
        """How much of each cell of a map is sky; worked out once for each of the few sizes there are."""
        rows, columns = shape
        if (rows, columns) not in self._shares:
            share = cv2.resize(self.sky.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA)
            self._shares[rows, columns] = np.asarray(share, dtype=np.float32)
        return self._shares[rows, columns]


def read(path: Path) -> Horizon:
    """A mask from its file, of any size. Raises PictureError."""
    pixels = image.read(path)
    if pixels.shape[0] != pixels.shape[1]:
        height, width = pixels.shape[:2]
        raise PictureError(
            "not a mask", f"{path}: a horizon mask is a square picture of the disc, this is {width}×{height}"
        )
    grey = cv2.resize(pixels.mean(axis=2).astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    found = Horizon(np.asarray(grey >= 128))
    if found.share < 0.2:
        raise PictureError(
            "not a mask", f"{path}: only {found.share:.0%} of the disc is white; white is sky, black is not"
        )
    return found


def png(horizon: Horizon) -> bytes:
    """The mask as its file, twice its size: something to paint on."""
    big = cv2.resize(horizon.sky.astype(np.uint8) * 255, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
    return image.encode_png(np.asarray(big, dtype=np.uint8))


# ── what many frames show ───────────────────────────────────────────────────────────────────────


def by_medians(pictures: Sequence[Picture], disc: Disc) -> Horizon:
    """Sky but for places at the rim that stay far darker or brighter than the open sky. Raises PictureError."""
    inside, r = _inside(), np.hypot(*(np.mgrid[0:SIDE, 0:SIDE] + 0.5 - SIDE / 2)) / (SIDE / 2)
    ratios = []
    for pixels in pictures:
        grey = image.shrink(cut_disc(pixels, disc), SIDE).mean(axis=2)
        level = float(np.median(grey[r < OPEN]))
        if level >= LEAST_LEVEL:
            ratios.append((grey / level).astype(np.float32))
    if len(ratios) < LEAST_FRAMES:
        raise PictureError(
            "too few",
            f"{len(ratios)} of {len(pictures)} pictures are bright enough to show a horizon; give at least"
            f" {LEAST_FRAMES} of different hours and weather, twilight and moonlight too",
        )
    middle = cv2.medianBlur(np.median(ratios, axis=0).astype(np.float32), 5)
    ground = ((middle < DARK) | (middle > BRIGHT)) & inside
    return Horizon(~_reaching(ground, r > RIM) & inside)


def _reaching(ground: Mask, rim: Mask) -> Mask:
    """The parts of ``ground`` that reach the rim: a dark patch in mid-sky is no tree."""
    _, parts = cv2.connectedComponents(ground.astype(np.uint8), connectivity=8)
    return np.asarray(np.isin(parts, np.setdiff1d(np.unique(parts[rim & ground]), [0])) & ground)


@dataclass(frozen=True, eq=False)
class StarsSeen:
    """One frame of a clear sky: its points, and the stars that the camera shows under such a sky."""

    points: Points
    stars: StarField


def by_stars(frames: Sequence[StarsSeen], orientation: Orientation) -> Horizon:
    """Sky but for the cells of the sky in which stars were to be seen, and never were."""
    cells = (AZIMUTHS, int(UP_TO_DEG / STEP_DEG))
    expected, seen = np.zeros(cells), np.zeros(cells)
    for frame in frames:
        low = frame.stars.chosen(frame.stars.elevation_deg < UP_TO_DEG)
        on_disc, there = on_points(frame.points, low, orientation)
        cell = _cell(on_disc.azimuth_deg, on_disc.elevation_deg)
        np.add.at(expected, cell, 1.0)
        np.add.at(seen, cell, there)
    hidden = (expected >= LEAST_TIMES) & (seen == 0)
    side = (np.arange(SIDE) + 0.5) / SIDE * 2 - 1
    x, y = (plane.ravel() for plane in np.meshgrid(side, side))
    azimuth, elevation = unproject(x, y, orientation)
    masked = hidden[_cell(azimuth, elevation)] & (elevation < UP_TO_DEG)
    return Horizon(~masked.reshape(SIDE, SIDE) & _inside())


def _cell(azimuth_deg: Floats, elevation_deg: Floats) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    around = np.floor(azimuth_deg / (360.0 / AZIMUTHS)).astype(np.intp) % AZIMUTHS
    up = np.clip(elevation_deg / STEP_DEG, 0, UP_TO_DEG / STEP_DEG - 1).astype(np.intp)
    return around, up


def together(*masks: Horizon) -> Horizon:
    """Sky where each of them has sky."""
    return Horizon(np.asarray(np.logical_and.reduce([mask.sky for mask in masks])))
