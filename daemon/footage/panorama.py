"""The dome unrolled: one band with the horizon at its foot and north in its middle."""

from __future__ import annotations

import cv2
import numpy as np

from daemon.observation import Orientation, Picture
from daemon.sky.lens import project


def panorama(disc: Picture, orientation: Orientation, width: int = 1080, height: int = 180) -> Picture:
    """(side, side, 3) disc → (height, width, 3), from south over west, north and east to south.

    The zenith is the top row, the horizon the last, elevation in equal steps; black where the camera sees nothing.
    """
    azimuth = ((np.arange(width) + 0.5) / width * 360.0 - 180.0) % 360.0
    elevation = 90.0 - (np.arange(height) + 0.5) / height * 90.0
    x, y = project(*np.meshgrid(azimuth, elevation), orientation)
    side = disc.shape[0]
    across, down = (((at + 1) / 2 * side - 0.5).astype(np.float32) for at in (x, y))
    across[np.hypot(x, y) > 1.0] = -9.0  # beyond the disc's edge
    unrolled = cv2.remap(disc, across, down, interpolation=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return np.asarray(unrolled, np.uint8)
