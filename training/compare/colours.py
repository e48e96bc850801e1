"""Rows of colour rules: what each finds of aurora in a picture, and the limit that the lessons ask for.

Where a rule was published with a limit, the figure with that limit stands beside the one with ours. Rules made for
pictures of another size count shares of the disc here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from models.colour import FITTED, colour_index
from models.preprocess import Pixels, disc_mask
from training.compare import heads
from training.compare.bench import Bench, Outcome
from training.compare.heads import Floats

Mask = npt.NDArray[np.bool_]
Score = Callable[[Pixels], float]

HUE: Final = (35, 90)
SATURATION, LIGHTNESS = 25, 20
"""Green to blue-green of OpenCV's 0–179, saturation and lightness of 0–255: ours, for FMI's table is not in its text."""
GRAIN: Final = 3
"""Side of the structure that the top hat takes away, in pixels of a 240-pixel picture."""


@dataclass(frozen=True)
class Rule:
    """A rule's number for one picture (240, 240, 3), and its published limit where it has one in these units."""

    name: str
    score: Score
    published: float | None = None


def _planes(picture: Pixels, space: int) -> list[npt.NDArray[np.int16]]:
    inside = disc_mask(picture.shape[0])
    converted = picture if space < 0 else cv2.cvtColor(picture, space)
    return [np.asarray(plane, np.int16)[inside] for plane in cv2.split(converted)]


def slide(picture: Pixels) -> float:
    """The thesis's slide: the share of the disc that is green or pink by its two rules, in per cent."""
    b, g, r = _planes(picture, -1)
    h, s, v = _planes(picture, cv2.COLOR_BGR2HSV)
    y, cr, cb = _planes(picture, cv2.COLOR_BGR2YCrCb)
    green = (g == v) & (s >= 25) & (v - y > 1)
    pink = (((h <= 10) | (h >= 120)) & (cr >= cb) & (s > 50) & (r > 30)) | ((b == v) & (cr > 130))
    return float((green | pink).mean() * 100)


def largest_green(picture: Pixels) -> float:
    """FMI's simplification of Kiruna's: HSL limits, grains taken away by a top hat, the largest piece in pixels."""
    hue, light, saturation = cv2.split(cv2.cvtColor(picture, cv2.COLOR_BGR2HLS))
    shown = (hue >= HUE[0]) & (hue <= HUE[1]) & (saturation >= SATURATION) & (light >= LIGHTNESS)
    shown &= disc_mask(picture.shape[0])
    mask = shown.astype(np.uint8)
    grains = cv2.morphologyEx(mask, cv2.MORPH_TOPHAT, np.ones((GRAIN, GRAIN), np.uint8))
    count, _, stats, _ = cv2.connectedComponentsWithStats(mask - grains, connectivity=8)
    return float(stats[1:, cv2.CC_STAT_AREA].max()) if count > 1 else 0.0


def lommedalen(picture: Pixels) -> float:
    """The Lommedalen bot's filter: pixels of bright green or purple."""
    b, g, r = _planes(picture, -1)
    green = (g > 100) & (g > r) & (g > b) & ((r < 150) | (b < 150))
    purple = (r > 100) & (b > 80) & (g < r) & (g < b)
    return float((green | purple).sum())


def opponent(picture: Pixels) -> float:
    """Zliobaite's: the share of the disc that is yellowish (b* over 0) and green or red (a* far from 0), in per cent."""
    _, a, b = _planes(picture, cv2.COLOR_BGR2Lab)
    return float(((b > 128) & ((a < 120) | (a > 150))).mean() * 100)


def ours(picture: Pixels) -> float:
    """The green excess that 1.5 % of the disc surpass (``models.colour``)."""
    return colour_index(np.ascontiguousarray(picture)).index


RULES: Final = {
    "slide": Rule("slide", slide),
    "hsl": Rule("hsl", largest_green, 100.0),
    "lommedalen": Rule("lommedalen", lommedalen, 50.0),
    "zliobaite": Rule("zliobaite", opponent, 1e-9),
    "ours": Rule("ours", ours, FITTED.seen),
}


def colour(bench: Bench, name: str) -> Outcome:
    """A rule with the limit that the lessons ask for, and with its own."""
    rule = RULES[name]

    def encode(pictures: Pixels) -> Floats:
        return np.array([[rule.score(picture)] for picture in pictures], np.float64)

    key = f"colour-{name}"
    sets, ask = bench.judge_head(key, encode, heads.limit)
    more = {}
    if rule.published is not None:
        margins = {}
        for which in sets:
            sky = bench.skies.judged(which)
            assert sky is not None
            margins[which] = bench.features(key, which, encode, sky)[:, 0] - rule.published
        own = bench.figures(margins)
        more["published limit"] = {which: one.get("balanced_accuracy") for which, one in own.items()}
    return Outcome(sets, more, bench.speed(lambda picture: ask(encode(picture))), 0.0)
