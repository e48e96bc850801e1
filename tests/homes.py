"""Folders as Allsky and indi-allsky keep them, made small: pictures, and what is made of pictures beside them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytz

from daemon.footage import image
from tests.skies import night_sky

ZONE = "Europe/Oslo"
"""Both write their file names in the machine's local time."""

SIDE = 180


def sky(seed: int, aurora: bool = False) -> bytes:
    """A small square sky as JPEG; its noise is its own."""
    return image.encode_jpeg(night_sky(np.random.default_rng(seed), 150 if aurora else 0, SIDE), 90)


def local(at: datetime) -> datetime:
    """An instant on the camera's own clock."""
    return at.astimezone(pytz.timezone(ZONE))


def put(path: Path, data: bytes, at: datetime) -> Path:
    """A file written at that instant."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, (at.timestamp(), at.timestamp()))
    return path


def allsky(home: Path, pictures: Sequence[tuple[datetime, bytes]]) -> Path:
    """``allsky/`` with ``images/EVENING/image-LOCAL.jpg``, what it makes of them, and the newest in ``tmp/``."""
    root = home / "allsky"
    for at, data in pictures:
        clock = local(at)
        day = root / "images" / f"{clock - timedelta(hours=12):%Y%m%d}"
        put(day / f"image-{clock:%Y%m%d%H%M%S}.jpg", data, at)
        put(day / "thumbnails" / f"image-{clock:%Y%m%d%H%M%S}.jpg", sky(0), at)
        put(day / "keogram" / f"keogram-{day.name}.jpg", sky(0), at)
        put(day / "startrails" / f"startrails-{day.name}.jpg", sky(0), at)
        put(day / f"allsky-{day.name}.mp4", b"no movie at all", at)
    put(root / "tmp" / "image.jpg", pictures[-1][1], pictures[-1][0])
    (root / "config").mkdir(exist_ok=True)
    (root / "config/settings.json").write_text(
        '{"cameratype": "RPi", "latitude": "69.6N", "longitude": "19.2E", "filename": "image.jpg", "angle": -6}'
    )
    (root / "allsky.sh").write_text("#!/bin/bash\n")
    return root


def indi_allsky(root: Path, pictures: Sequence[tuple[datetime, bytes]]) -> Path:
    """``images/ccd_ID/exposures/DAY/night/DD_HH/ccd1_LOCAL.jpg``, thumbnails beside, the newest as ``latest.jpg``."""
    images = root / "images"
    for at, data in pictures:
        clock = local(at)
        day = clock - timedelta(hours=12)
        hour = images / "ccd_27ba2065" / "exposures" / f"{day:%Y%m%d}" / "night" / f"{clock:%d_%H}"
        put(hour / f"ccd1_{clock:%Y%m%d_%H%M%S}.jpg", data, at)
        put(hour / "thumbnails" / "eeca31c3-0d86-47ce-9213-3fc84780dad3.jpg", sky(0), at)
    put(images / "latest.jpg", pictures[-1][1], pictures[-1][0])
    return images
