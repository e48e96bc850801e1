"""Why this can be believed, or how far: the figures of the model's card, what people answered, what the stars show. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from daemon import sighting, words
from daemon.record.columns import ObservationRow
from daemon.sky.stars.visibility import share_of
from daemon.web import phrases
from daemon.web.presenters import certainty
from daemon.web.tongues import _

LEAST_ANSWERS = 5
"""Fewer answers give no figure."""


def lines(row: ObservationRow | None, skill: Mapping[str, Any], answers: tuple[int, int]) -> list[str]:
    """One sentence for each witness there is. ``skill``: the card's, by held-out set; ``answers``: events that people judged, and those that were right."""
    found = [_this_picture(row), _stars(row), _other_cameras(skill), _calibration(skill), _people(*answers)]
    return [line for line in found if line]


def _this_picture(row: ObservationRow | None) -> str:
    sure = None if row is None else sighting.sure_of(row)
    if row is None or sure is None or row["threshold"] is None:
        return ""
    return _(
        "This picture: probability of aurora %(percent)s; from %(threshold)s on it counts.",
        percent=certainty(sure),
        threshold=certainty(row["threshold"]),
    )


def _stars(row: ObservationRow | None) -> str:
    share = share_of(row["stars"]) if row is not None and row["stars"] else None
    if share is None:
        return ""
    return _("The stars: %(percent)s of their light comes through.", percent=words.percent(share))


def _other_cameras(skill: Mapping[str, Any]) -> str:
    """Frames of cameras that took no part in training, counted."""
    left_out: Mapping[str, Any] = skill.get("cameras left out", {})
    counts = left_out.get("other_cameras", left_out).get("confusion")
    if not counts:
        return ""
    return _(
        "On %(n)d pictures of cameras it had never seen it found %(found)d of %(aurora)d with aurora, and took"
        " %(false)d of %(rest)d without for aurora.",
        n=sum(counts.values()),
        found=counts["true_yes"],
        aurora=counts["true_yes"] + counts["false_no"],
        false=counts["false_yes"],
        rest=counts["false_yes"] + counts["true_no"],
    )


def _calibration(skill: Mapping[str, Any]) -> str:
    off = skill.get("cameras left out", {}).get("calibration_error")
    if off is None:
        return ""
    return _(
        "Its probabilities are off by %(points)s percentage points on average there.",
        points=phrases.decimal(100 * off),
    )


def _people(judged: int, right: int) -> str:
    if judged < LEAST_ANSWERS:
        return ""
    return _("People answered for %(n)d events of this camera: %(right)d were right.", n=judged, right=right)
