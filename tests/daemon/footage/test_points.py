"""Points of light: stars are found where they are, other bright things are not taken for them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from daemon.footage.points import find_points
from daemon.observation import Disc, Picture

DISC = Disc(240, 240, 235, 480, 480)


def _sky(stars: list[tuple[float, float]], level: float = 25.0, light: float = 60.0) -> Picture:
    """Stars of 1 px width on a noisy sky."""
    rng = np.random.default_rng(2)
    row, column = np.mgrid[0:480, 0:480] + 0.5
    grey = rng.normal(level, 2.0, (480, 480))
    for x, y in stars:
        grey += light * np.exp(-((column - x) ** 2 + (row - y) ** 2) / 2)
    return np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def test_stars_are_found_to_a_fraction_of_a_pixel() -> None:
    """Nine stars, nine strongest points, 0.2 px at most from where they were put."""
    stars = [(60.3 + 45 * i, 200.7 + 11 * i) for i in range(9)]
    points = find_points(_sky(stars), DISC)
    x, y = 240 + 235 * points.x[:9], 240 + 235 * points.y[:9]
    for star in stars:
        assert np.hypot(x - star[0], y - star[1]).min() < 0.2


def test_a_quiet_sky_has_next_to_none() -> None:
    """Noise alone: a handful in 170,000 pixels, none of them strong."""
    points = find_points(_sky([]), DISC)
    assert len(points) < 60
    assert points.height.max(initial=0) < 6


def test_edges_are_not_points() -> None:
    """A bright arc and a dark roof, all edges: no strong points along them."""
    picture = _sky([])
    cv2.ellipse(picture, (240, 240), (180, 120), 20, 0, 360, (90, 160, 90), 9)
    cv2.rectangle(picture, (100, 300), (320, 420), (0, 0, 0), -1)
    inside = find_points(picture, DISC)
    assert (inside.height > 15).sum() <= 6


def test_nothing_outside_the_disc() -> None:
    """Letters and lamps beside the sky are none of its stars."""
    points = find_points(_sky([(10.5, 10.5), (470.5, 12.5), (240.5, 240.5)]), DISC)
    assert np.hypot(points.x, points.y).max() < 1.0
    assert points.height[0] == pytest.approx(points.height.max())
    assert np.hypot(points.x[0], points.y[0]) < 0.01


def test_a_small_picture_has_none() -> None:
    """Too small to measure its own noise: no points, no error."""
    assert len(find_points(np.zeros((40, 40, 3), np.uint8), Disc(20, 20, 20, 40, 40))) == 0
