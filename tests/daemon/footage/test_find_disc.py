"""The sky disc is found wherever it lies in the picture, cut or whole."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from daemon.footage.find_disc import find_disc, whole_picture
from daemon.observation import Picture


def _picture(width: int, height: int, x: float, y: float, radius: float, level: int = 30) -> Picture:
    rng = np.random.default_rng(1)
    picture = np.zeros((height, width, 3), np.uint8)
    cv2.circle(picture, (round(x), round(y)), round(radius), (level, level, level), -1)
    noise = rng.integers(0, 6, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("width", "height", "x", "y", "radius"),
    [
        (1280, 720, 640, 360, 355),
        (720, 1000, 362, 470, 340),
        (640, 480, 250, 240, 200),
        (960, 700, 480, 350, 400),
        (2400, 2000, 1210, 990, 960),
        (300, 300, 150, 150, 140),
    ],
    ids=["wide", "portrait", "off centre", "cut at top and bottom", "large", "small"],
)
def test_the_disc_is_found(width: int, height: int, x: float, y: float, radius: float) -> None:
    """Centre and radius to 1.5 % of the radius."""
    found = find_disc(_picture(width, height, x, y, radius))
    assert found is not None
    disc = found.disc
    assert (disc.width, disc.height) == (width, height)
    assert np.hypot(disc.centre_x - x, disc.centre_y - y) < 0.015 * radius
    assert disc.radius == pytest.approx(radius, rel=0.015)


def test_letters_beside_it_do_no_harm() -> None:
    """A stamp in the corner and a bright horizon on one side."""
    picture = _picture(720, 480, 360, 238, 228, level=14)
    cv2.putText(picture, "2014/02/21 23:19", (480, 470), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255, 255, 255), 1)
    cv2.ellipse(picture, (360, 238), (220, 220), 0, 20, 70, (40, 200, 60), 8)
    found = find_disc(picture)
    assert found is not None
    assert found.disc.centre_x == pytest.approx(360, abs=4)
    assert found.disc.radius == pytest.approx(228, abs=4)


@pytest.mark.parametrize("level", [0, 120])
def test_a_picture_without_a_rim_has_none(level: int) -> None:
    """Black, or grey to the edge: no disc, rather than any."""
    assert find_disc(np.full((480, 640, 3), level, np.uint8)) is None


@pytest.mark.parametrize(("width", "height"), [(1, 5000), (5000, 20), (1, 1)])
def test_a_picture_of_a_few_rows_has_none(width: int, height: int) -> None:
    assert find_disc(np.full((height, width, 3), 30, np.uint8)) is None


def test_the_whole_picture_is_the_fallback() -> None:
    """Half the longer side: what a lens fills where no rim shows."""
    disc = whole_picture(np.zeros((480, 640, 3), np.uint8))
    assert (disc.centre_x, disc.centre_y, disc.radius) == (320, 240, 320)
