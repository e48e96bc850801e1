"""The colour index: aurora by colour rules alone. A second opinion beside the model, and its baseline.

After the alert of Kiruna (Yamauchi & Brändström 2023, doi:10.5194/gi-12-71-2023): every pixel is put
into a class by simple rules, the classes' shares of the sky and the brightest aurora's intensity
describe the frame, and a level from 0 to 5 sums it up. Theirs also asks how the sky changed since
the frame before; here that is the event's business (``daemon.event``).

The measure of green is the excess G − (R + B)/2 in counts. It was chosen, and the limits fitted, on
the real frames at hand: AuroraMAX's (247 of one night), 24 of other cameras, and 1,300 skies cut from
labelled keograms. G over luminance, the best rule before, weighs red double and stumbles over other
cameras' casts (ROC area 0.85 against 1.00 there, 0.93 against 0.91 on the keograms). It is a rule
of colour: white or blue aurora under the moon and green cloud are beyond it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from models.preprocess import Pixels, disc_mask

DARK, CLOUD, LIGHT, DIFFUSE, ARC, STRONG = range(6)
CLASSES: Final = ("dark sky", "cloud", "light", "diffuse aurora", "arc", "strong aurora")
"""Names of the pixel classes, in the order of their numbers; "light" is the moon and lamps."""

_MOST: Final = 510
"""Twice the greatest excess, either way, of 8-bit colours."""

Classes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Limits:
    """The rules' parameters. Counts are 0–255, shares are of the disc.

    seen: excess of diffuse aurora, and the index from which a frame shows any: 95 % of the frames
    without aurora stay below 3.5, and all AuroraMAX frames but faint ones are above.
    arc, strong: excess of an arc and of strong aurora; the brightest AuroraMAX frames reach 42,
    other cameras' 89.
    bright_green: green that with an arc's excess is nearly saturated.
    magenta, magenta_reach: (R + B)/2 − G of a pink or purple border, within so many pixels of an arc.
    light: all three colours at or above. cloud: luminance of what is bright and not green.
    top: share of the disc that the index leaves above itself.
    wide: diffuse share of level 2. arcs: arc share of levels 3 and 4. strongs: strong share of 4 and 5.
    """

    seen: float = 5.0
    arc: float = 15.0
    strong: float = 35.0
    bright_green: int = 215
    magenta: float = 15.0
    magenta_reach: int = 5
    light: int = 240
    cloud: int = 45
    top: float = 0.015
    wide: float = 0.05
    arcs: tuple[float, float] = (0.015, 0.15)
    strongs: tuple[float, float] = (0.005, 0.05)


FITTED: Final = Limits()


@dataclass(frozen=True)
class ColourIndex:
    """What colour says of one frame.

    index: the green excess that 1.5 % of the disc surpass, in counts; aurora from ``Limits.seen``.
    cover: share of the disc in the three aurora classes. intensity: mean green of the strongest
    class present, 0 without aurora. level: 0 none, 1 a trace, 2 diffuse, 3 an arc, 4 bright or wide,
    5 strong and wide, as at breakup. shares: of the disc, by class number.
    """

    index: float
    cover: float
    intensity: float
    level: int
    shares: tuple[float, ...]


def colour_index(square: Pixels, limits: Limits = FITTED) -> ColourIndex:
    """The colour index of a masked square sky disc (n, n, 3) uint8 BGR, as from ``shrink``."""
    inside = disc_mask(square.shape[0])
    planes = _planes(square)
    classes = _classify(planes, limits)[inside]
    counts = np.bincount(classes, minlength=len(CLASSES))
    shares = counts / len(classes)
    index = _top(planes.twice[inside], limits.top)
    strongest = next((one for one in (STRONG, ARC, DIFFUSE) if counts[one]), None)
    return ColourIndex(
        index=index,
        cover=float(shares[DIFFUSE:].sum()),
        intensity=0.0 if strongest is None else float(planes.green[inside][classes == strongest].mean()),
        level=level_of(index, shares, limits),
        shares=tuple(float(share) for share in shares),
    )


def pixel_classes(square: Pixels, limits: Limits = FITTED) -> Classes:
    """The class of every pixel, (n, n) uint8, numbered as ``CLASSES``; outside the disc dark sky."""
    classes = _classify(_planes(square), limits)
    classes[~disc_mask(square.shape[0])] = DARK
    return classes


def level_of(index: float, shares: npt.NDArray[np.float64], limits: Limits = FITTED) -> int:
    """The level 0–5 of a frame from its index and its classes' shares of the disc."""
    if index < limits.seen:
        return 0
    strong, arc, aurora = shares[STRONG], shares[ARC:].sum(), shares[DIFFUSE:].sum()
    if strong >= limits.strongs[1]:
        return 5
    if strong >= limits.strongs[0] or arc >= limits.arcs[1]:
        return 4
    if arc >= limits.arcs[0]:
        return 3
    return 2 if aurora >= limits.wide else 1


@dataclass(frozen=True, eq=False)
class _Planes:
    """Green, twice its excess over the mean of red and blue (whole numbers), luminance, darkest colour."""

    green: Pixels
    twice: npt.NDArray[np.int16]
    luminance: Pixels
    least: Pixels


def _planes(square: Pixels) -> _Planes:
    blue, green, red = (np.asarray(plane, np.uint8) for plane in cv2.split(square))
    twice = 2 * green.astype(np.int16) - red - blue
    luminance = np.asarray(cv2.cvtColor(square, cv2.COLOR_BGR2GRAY), np.uint8)
    return _Planes(green, twice, luminance, np.minimum(np.minimum(blue, green), red))


def _classify(planes: _Planes, limits: Limits) -> Classes:
    """The highest class whose rule holds, but light where all colours are saturated.

    Maxima over whole planes, since assigning through masks takes three times as long.
    """
    twice = planes.twice
    arc = twice >= 2 * limits.arc
    strong = twice >= 2 * limits.strong
    strong |= arc & (planes.green >= limits.bright_green)
    magenta = twice <= -2 * limits.magenta
    if arc.any() and magenta.any():
        reach = np.ones((2 * limits.magenta_reach + 1,) * 2, np.uint8)
        strong |= magenta & (cv2.dilate(arc.view(np.uint8), reach) > 0)
    classes = (planes.luminance >= limits.cloud) * np.uint8(CLOUD)
    for held, number in ((twice >= 2 * limits.seen, DIFFUSE), (arc, ARC), (strong, STRONG)):
        np.maximum(classes, held * np.uint8(number), out=classes)
    classes[planes.least >= limits.light] = LIGHT
    return classes


def _top(twice: npt.NDArray[np.int16], share: float) -> float:
    """The excess that ``share`` of the pixels surpass: counted, for sorting is four fifths of the whole index's time."""
    rank = min(len(twice) - 1, int(len(twice) * (1 - share)))
    up_to = np.cumsum(np.bincount(twice + _MOST))
    return float(np.searchsorted(up_to, rank, side="right") - _MOST) / 2
