"""The colour index sees green, and knows what only looks like it."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from models.colour import (
    ARC,
    CLASSES,
    CLOUD,
    DARK,
    DIFFUSE,
    FITTED,
    LIGHT,
    STRONG,
    colour_index,
    pixel_classes,
)
from models.preprocess import SIDE, disc_mask, shrink
from tests.pace import nominal_cpu_s

DATA = Path(__file__).parents[2] / "../shared/data"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the real frames of ../shared/data are not here")


def sky(colour: tuple[int, int, int] = (25, 22, 20)) -> np.ndarray:
    """An even sky of one BGR colour."""
    return shrink(np.full((SIDE, SIDE, 3), colour, np.uint8))


def band(square: np.ndarray, colour: tuple[int, int, int], rows: slice) -> np.ndarray:
    square = square.copy()
    square[rows] = colour
    return shrink(square)


def test_each_colour_falls_into_its_class() -> None:
    """A dark sky, town-lit cloud, the moon, and aurora of three strengths."""
    cases = {
        DARK: (25, 22, 20),
        CLOUD: (60, 80, 110),
        LIGHT: (250, 250, 250),
        DIFFUSE: (25, 40, 30),
        ARC: (30, 60, 40),
        STRONG: (60, 160, 90),
    }
    for expected, colour in cases.items():
        assert pixel_classes(sky(colour))[120, 120] == expected, CLASSES[expected]
        assert pixel_classes(sky(colour))[0, 0] == DARK, "outside the disc there is no sky"


def test_levels_rise_with_strength_and_width() -> None:
    """From an empty sky to a wide strong one, through all six levels."""
    dark = sky()
    steps = [
        dark,
        band(dark, (25, 40, 30), slice(118, 123)),
        band(dark, (25, 40, 30), slice(100, 140)),
        band(dark, (30, 60, 40), slice(115, 125)),
        band(dark, (30, 60, 40), slice(90, 150)),
        band(dark, (60, 160, 90), slice(90, 150)),
    ]
    assert [colour_index(one).level for one in steps] == [0, 1, 2, 3, 4, 5]


def test_numbers_of_a_known_sky() -> None:
    """Cover, intensity and index of a band are those it was drawn with."""
    found = colour_index(band(sky(), (30, 60, 40), slice(90, 150)))
    mask = disc_mask(SIDE)
    assert found.cover == pytest.approx(mask[90:150].sum() / mask.sum())
    assert found.intensity == pytest.approx(60)
    assert found.index == pytest.approx(60 - (30 + 40) / 2)
    assert sum(found.shares) == pytest.approx(1)
    assert colour_index(sky()).intensity == 0


def test_a_magenta_border_counts_only_beside_an_arc() -> None:
    """Pink below an arc is strong aurora; the same colour alone is a lamp or dawn."""
    pink = (110, 60, 110)
    alone = band(sky(), pink, slice(123, 126))
    beside = band(band(sky(), (30, 60, 40), slice(113, 123)), pink, slice(123, 126))
    assert pixel_classes(alone)[124, 120] == CLOUD
    assert pixel_classes(beside)[124, 120] == STRONG


def test_moon_and_town_light_are_no_aurora() -> None:
    """White, orange and blue skies have level 0, however bright."""
    for colour in ((255, 255, 255), (60, 100, 160), (140, 90, 60), (0, 0, 0)):
        assert colour_index(sky(colour)).level == 0


def test_it_costs_little() -> None:
    """A frame takes at most 3 ms of work."""
    square = band(band(sky(), (30, 60, 40), slice(113, 123)), (110, 60, 110), slice(123, 126))
    colour_index(square)
    assert nominal_cpu_s(lambda: colour_index(square)) < 3e-3


@needs_data
def test_real_auroramax_aurora_is_seen() -> None:
    """Of the frames of one real night all but the faintest are called aurora, the brightest above level 3."""
    frames = [
        shrink(cv2.imread(str(path))) for path in sorted((DATA / "auroramax/sequence").glob("*.jpg"))[::4]
    ]
    found = [colour_index(frame) for frame in frames]
    plain = [one for number, one in zip(range(0, 247, 4), found, strict=True) if not 110 <= number <= 195]
    assert all(one.level >= 1 for one in plain)
    assert np.mean([one.level >= 1 for one in found]) > 0.9
    assert max(one.level for one in found) >= 4


@needs_data
def test_real_frames_of_other_cameras() -> None:
    """The index parts the labelled stills of other cameras without an error in their order."""
    yes, no = [], []
    for row in csv.DictReader((DATA / "other_cameras/labels.csv").read_text().splitlines()):
        picture = cv2.imread(str(DATA / "other_cameras" / row["file"]))
        height, width = picture.shape[:2]
        x, y, radius = (
            (360, 238, 220) if "nipr" in row["file"] else (width // 2, height // 2, min(width, height) // 2)
        )
        cut = np.ascontiguousarray(picture[y - radius : y + radius, x - radius : x + radius])
        (yes if row["aurora"] == "yes" else no).append(colour_index(shrink(cut)).index)
    assert min(yes) > max(no)
    assert min(yes) > FITTED.seen
