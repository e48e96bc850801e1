"""Is this a sky at all? What no lens, sensor and sky can give, decided on the cut disc. Pure.

A model that has only seen skies gives a camera card or half a picture an answer as certain as any.
Each check below stands for something that a real all-sky picture does not do, whatever the weather:
two exact levels with nothing between them, a straight step across the whole disc, rows that come
twice, a pure primary colour, noise with no sky under it. What could be a dull sky is let pass: fog,
snow on the dome, over-exposure, moonlight, a nearly black night. So is a broken picture too dark to
show that it is broken.

The limits keep a distance from every real frame at hand, and from each of them once more made
smaller or larger and coarser by JPEG; what these reach stands beside each measure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from daemon.footage.inner_disc import arc
from daemon.footage.likeness import repeats, smear
from daemon.footage.measures import (
    View,
    evenness,
    false_colour,
    noise,
    raw_mosaic,
    strokes,
)
from daemon.observation import Picture

SMALLEST: Final = 64
"""Pixels across under which a disc shows no sky: the checks below, and a person, have nothing to go by."""

TOO_SMALL: Final = "too small"


def flaw(disc: Picture) -> str | None:
    """Why a disc, (side, side, 3) uint8 BGR and black outside its circle, is no sky; None if it can be one.

    The reason is one of :data:`FLAWS`.
    """
    if len(disc) < SMALLEST:
        return TOO_SMALL
    view = View(disc)
    return next((name for name, found in _CHECKS if found(view)), None)


def _one_value(view: View, coloured: bool) -> bool:
    same, level, colour = view.sameness
    return (same > 0.9995 or (same > 0.995 and level > 24)) and (colour > 12) == coloured


def _false_colour(view: View) -> bool:
    odd, primary = false_colour(view)
    return odd > 0.08 or primary > 0.25


def _half_decoded(view: View) -> bool:
    """The picture stops at a row, and one value follows: a download or a memory that broke off."""
    for (depth, level, step), (opposite, other, _) in (view.ends, view.ends[::-1]):
        if depth > 0.95 or (opposite > max(0.1, depth / 2) and abs(level - other) <= 6):
            continue  # the ground of a card, or a sensor smaller than the disc: alike above and below
        if level > 24 and depth > (0.12 if level < 250 else 0.25):
            return True
        if level <= 24 and depth > 0.2 and opposite < depth / 2 and step > 0.7:
            return True
    return False


def _noise(view: View) -> bool:
    """Noise over more than a tenth of it, or noise alone: even a lens in the dark has more shape than that."""
    between, within = view.structure
    alone = within > 0.2 and between < 0.015 * within  # real: 0.04
    rough = within > 300 and between < 0.12 * within  # real: 0.45 where it is so rough
    return alone or rough or noise(view) > 0.1


def _card(view: View) -> bool:
    drawn = strokes(view)
    if drawn > 0.075:
        return True
    flat, even, sharp, middling = evenness(view)
    if flat > 0.6 and drawn > 0.01:
        return True
    if flat > 0.3 and all(depth > 0.12 and level > 24 for depth, level, _ in view.ends):
        return True
    if even > 0.3 and drawn > 0.012 and sharp > 0.5 * middling:
        return True
    between, within = view.structure
    return between > 25 and within < 0.007 * between  # real: 0.017


def _torn(view: View) -> bool:
    return any(tear > 0.45 for tear, _ in view.steps)


def _broken(view: View) -> bool:
    (_, rows), (_, columns) = view.steps
    return min(rows, columns) > 0.0017 or rows > 0.01 or columns > 0.004


def _repeated(view: View) -> bool:
    if smear(view, across=False) > 0.12 or smear(view, across=True) > 0.25:
        return True
    return repeats(view, across=False) < 0.24 or repeats(view, across=True) < 0.24


def _beside(view: View) -> bool:
    away, size, share = arc(view)
    return away > 0.25 and size < 1.25 and share > 0.64


_CHECKS: tuple[tuple[str, Callable[[View], bool]], ...] = (
    ("blank", lambda view: _one_value(view, coloured=False)),
    ("flat colour", lambda view: _one_value(view, coloured=True)),
    ("half decoded", _half_decoded),
    ("false colour", _false_colour),
    ("noise", _noise),
    ("card", _card),
    ("torn", _torn),
    ("broken blocks", _broken),
    ("repeated rows", _repeated),
    ("raw mosaic", lambda view: raw_mosaic(view) > 0.93),
    ("not the disc", _beside),
)


FLAWS: Final = (TOO_SMALL, *(name for name, _ in _CHECKS))
