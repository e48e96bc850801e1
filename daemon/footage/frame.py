"""A camera's picture → a frame: the masked sky disc for the model, a smaller picture for people, the stamp's strip."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import numpy.typing as npt

from daemon.footage import image, ocr
from daemon.footage.plausibility import flaw
from daemon.footage.points import find_points
from daemon.observation import Camera, Disc, Frame, Orientation, Picture, Points
from daemon.sky import geometry
from daemon.sky.lens import project
from daemon.source import Still
from models import preprocess

Floats = npt.NDArray[np.float64]

MOST_POINTS = 1500
"""Points of light kept for the star witness: more than the stars of its catalogue in any sky."""

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
    find_stars: bool = True,
) -> Frame:
    """Cut the sky disc and the stamp out of a camera's picture (height, width, 3)."""
    disc = geometry.cut_disc(pixels, camera.disc)
    lens_wanted = camera.orientation is None or camera.orientation.lens is not None
    return Frame(
        camera=camera.name,
        square=preprocess.shrink(disc),
        picture=image.encode_jpeg(image.shrink(disc, geometry.KEPT_SIDE)) if keep_picture else b"",
        stamp=ocr.cut_stamp(pixels, camera.stamp) if camera.stamp else None,
        source=source,
        fetched_at=fetched_at,
        last_modified=last_modified,
        index=index,
        flaw=flaw(disc),
        points=_points(disc) if find_stars and lens_wanted else None,
    )


def _points(disc: Picture) -> Points:
    """The points of light of a disc that is cut out already."""
    half = disc.shape[0] / 2
    return find_points(disc, Disc(half, half, half, disc.shape[1], disc.shape[0]), MOST_POINTS)


def from_still(still: Still, camera: Camera, max_pixels: int) -> Frame:
    """A still's bytes → a frame without a time. Raises PictureError."""
    return from_pixels(
        image.decode(still.data, max_pixels),
        camera,
        source=still.source,
        fetched_at=still.fetched_at,
        last_modified=still.last_modified,
    )


def keogram_column(frame: Frame, turned: Orientation | None = None) -> bytes:
    """The true meridian from the north horizon to the south through the zenith, 120 pixels of R, G, B.

    Without a solved lens it is the disc's straight line along north; without an orientation the picture's
    own vertical.
    """
    side = frame.square.shape[0]
    across, down = _meridian(turned, 1 - 2 / side)
    x = np.rint(side / 2 + across * side / 2).astype(int).clip(0, side - 1)
    y = np.rint(side / 2 + down * side / 2).astype(int).clip(0, side - 1)
    return frame.square[y, x, ::-1].tobytes()


def _meridian(turned: Orientation | None, reach: float) -> tuple[Floats, Floats]:
    """Positions on the disc from north to south; a straight line goes ``reach`` to either side."""
    along = np.linspace(-1.0, 1.0, COLUMN_PIXELS)
    if turned is not None and turned.lens is not None:
        return project(np.where(along < 0, 0.0, 180.0), 90.0 * (1.0 - np.abs(along)), turned)
    angle = np.deg2rad(turned.north_deg if turned else 0.0)
    return -along * reach * np.sin(angle), along * reach * np.cos(angle)
