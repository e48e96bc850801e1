"""When it clears and when it clouds over: a slow yes or no from each frame's sky. Pure.

A frame's sky is known by its stars, else by the model's answer. What has been said holds until the contrary has held
for the hold time without a break; a sky half clear, thin cloud, bright aurora and pictures that show no sky speak for
neither side, and a gap longer than the hold time begins the wait anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from daemon.observation import Observation, from_utc_text, utc_text
from daemon.verdict import CLEAR_FROM, CLOUD_UNDER

SkyChangeKind = Literal["clears", "clouds over"]

MODEL_CLEAR, MODEL_CLOUDY = 0.8, 0.2
"""The model's probability of a clear sky, from which and under which its word counts where no star is known."""
FORGET = timedelta(hours=8)
"""After so long without a sky, a day or a dead feed, what was said of it no longer holds."""


@dataclass(frozen=True)
class SkyHeld:
    """What was last said of a camera's sky (``clear``; None: nothing yet), and ``other_since`` when frames say
    ``other`` of it; ``at`` is the last frame that said anything."""

    clear: bool | None = None
    other_since: datetime | None = None
    at: datetime | None = None
    other: bool | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON-serializable."""
        return {k: utc_text(v) if isinstance(v, datetime) else v for k, v in asdict(self).items()}

    @staticmethod
    def from_dict(kept: Mapping[str, Any] | None) -> SkyHeld:
        """The inverse of :meth:`to_dict`; None gives a fresh state."""
        if kept is None:
            return SkyHeld()
        times = {key: from_utc_text(kept[key]) if kept[key] else None for key in ("other_since", "at")}
        return SkyHeld(kept["clear"], **times, other=kept.get("other"))


@dataclass(frozen=True)
class SkyChange:
    """The sky has cleared or clouded over, ``since`` the first frame that showed it; ``by_stars`` or by the model alone."""

    kind: SkyChangeKind
    since: datetime
    at: datetime
    by_stars: bool


def clear_sky(observation: Observation, share: float | None) -> bool | None:
    """Does the frame show a clear sky (True), a covered one (False), or neither?"""
    prediction = observation.prediction
    if prediction is None or observation.verdict in ("unusable", "stale", "not looked"):
        return None
    if share is not None:
        return True if share >= CLEAR_FROM else False if share < CLOUD_UNDER else None
    if prediction.clear_probability >= MODEL_CLEAR:
        return True
    return False if prediction.clear_probability < MODEL_CLOUDY else None


def follow(
    held: SkyHeld, at: datetime, clear: bool | None, hold: timedelta, *, by_stars: bool
) -> tuple[SkyHeld, SkyChange | None]:
    """One frame more: what holds from here on, and the change where there is one."""
    if clear is None:
        return held, None
    gap = at - held.at if held.at is not None else timedelta(0)
    if gap > FORGET:
        held = SkyHeld()
    if clear == held.clear:
        return replace(held, other_since=None, at=at, other=None), None
    since = (held.other_since if held.other == clear and gap <= hold else None) or at
    if at - since < hold:
        return replace(held, other_since=since, at=at, other=clear), None
    news = SkyChange("clears" if clear else "clouds over", since, at, by_stars)
    silent = held.clear is None and not clear  # a night that begins under cloud is no news
    return SkyHeld(clear, None, at), None if silent else news
