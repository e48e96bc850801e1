"""A camera's picture → a frame: the masked sky disc for the model, a smaller picture for people, the stamp's strip."""

from __future__ import annotations

from datetime import datetime

import numpy as np

from daemon.footage import image, ocr
from daemon.footage.plausibility import flaw
from daemon.observation import Camera, Frame, Picture
from daemon.sky import geometry
from daemon.source import Still
from models import preprocess

PICTURE_SIDE = 480
"""Side in px of the pictures kept for people: sharp on a phone, some 25 kB."""

COLUMN_PIXELS = 120
"""Pixels of a keogram column, as in AuroraMAX's own keograms."""


def from_pixels(
    pixels: Picture,
    camera: Camera,
    *,
    source: str,
    fetched_at: datetime,
    last_modified: datetime | None = None,
    index: int = 0,
    keep_picture: bool = True,
) -> Frame:
    """Cut the sky disc and the stamp out of a camera's picture (height, width, 3)."""
    disc = geometry.cut_disc(pixels, camera.disc)
    return Frame(
        camera=camera.name,
        square=preprocess.shrink(disc),
        picture=image.encode_jpeg(image.shrink(disc, PICTURE_SIDE)) if keep_picture else b"",
        stamp=ocr.cut_stamp(pixels, camera.stamp) if camera.stamp else None,
        source=source,
        fetched_at=fetched_at,
        last_modified=last_modified,
        index=index,
        flaw=flaw(disc),
    )


def from_still(still: Still, camera: Camera, max_pixels: int) -> Frame:
    """A still's bytes → a frame without a time. Raises PictureError."""
    return from_pixels(
        image.decode(still.data, max_pixels),
        camera,
        source=still.source,
        fetched_at=still.fetched_at,
        last_modified=still.last_modified,
    )


def keogram_column(frame: Frame, north_deg: float = 0.0) -> bytes:
    """The disc's line from north to south through the zenith, 120 pixels of R, G, B.

    ``north_deg`` is north in the picture, clockwise from up; without an orientation the line is
    the picture's own vertical.
    """
    side = frame.square.shape[0]
    along = np.linspace(-1, 1, COLUMN_PIXELS) * (side / 2 - 1)
    turn = np.deg2rad(north_deg)
    x = np.rint(side / 2 - along * np.sin(turn)).astype(int).clip(0, side - 1)
    y = np.rint(side / 2 + along * np.cos(turn)).astype(int).clip(0, side - 1)
    return frame.square[y, x, ::-1].tobytes()
