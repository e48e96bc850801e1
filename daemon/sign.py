"""What the frames of a first sign of aurora weigh together, and whether that is enough for an event. Pure.

Each frame adds its log-odds against the threshold's, from -1 to 1, where it is sure; the sum is never less than none.
The log-odds of independent frames add up to those of all of them (Wald's sequential test); the bounds keep one frame
from deciding alone. A sign ends where nothing is left of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from math import inf, log
from typing import Any, Final

SOON: Final = 0.5
"""Weight of a look that comes within half a cadence of the one before: it sees much the same sky."""

WARY, WARIEST = 0.5, 1.0
"""What each sign that came to nothing adds to the weight that the next one needs, and the most they all can."""

CALMER: Final = timedelta(minutes=30)
"""Time in which such a sign is half forgotten."""

FORGOTTEN: Final = 0.05
"""As good as none."""

QUICK: Final = 5
"""Frames of a sign after which the watch looks again soon: enough for a sure one on a restless sky, no more."""

LONGEST: Final = 30
"""Frames of a sign that are remembered, for its onset is the first of them."""

SLACK: Final = 1e-3
"""Sums are kept to four decimals and compared to this."""


@dataclass(frozen=True)
class Sign:
    """The present sign: the ``weight`` of its ``frames``; ``failed`` counts the signs before that came to nothing, half
    forgotten in :data:`CALMER`, as far as they count.
    """

    weight: float = 0.0
    frames: int = 0
    failed: float = 0.0

    def and_frame(self, adds: float, since: timedelta) -> Sign:
        """With a frame that adds so much, so long after the one before."""
        weight = max(0.0, self.weight + adds)
        frames = min(self.frames + 1, LONGEST) if self.weight > 0 else 1
        failed = min(
            self.failed * 0.5 ** (since / CALMER) + (self.weight > 0 and weight == 0), WARIEST / WARY
        )
        return Sign(round(weight, 4), frames if weight > 0 else 0,
                    round(failed, 4) if failed >= FORGOTTEN else 0.0)  # fmt: skip

    @property
    def is_fresh(self) -> bool:
        """Has it begun, and is it young enough to be looked at again soon?"""
        return 0 < self.frames <= QUICK

    def is_enough(self, confirm: int) -> bool:
        """Does it weigh as much as ``confirm`` sure frames, and more on a sky whose signs have come to nothing?"""
        return self.weight >= confirm + min(WARIEST, WARY * self.failed) - SLACK

    def forgotten(self) -> Sign:
        """Without its frames: a gap in the pictures, or daylight."""
        return Sign(failed=self.failed)

    def to_dict(self) -> dict[str, Any]:
        """For the record; :meth:`from_dict` undoes it, and takes what it lacks for none."""
        return asdict(self)

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> Sign:
        """Raises ValueError, TypeError or AttributeError for what is no such dictionary."""
        sign = cls(float(kept.get("weight", 0.0)), int(kept.get("frames", 0)), float(kept.get("failed", 0.0)))
        if not (0 <= sign.weight < inf and 0 <= sign.frames <= LONGEST and 0 <= sign.failed < inf):
            raise ValueError(f"no sign: {sign}")
        return sign


NO_SIGN: Final = Sign()


def weigh(probability: float, threshold: float, sure: float) -> float:
    """What a frame says, from -1 to 1: its log-odds against the threshold's, 1 where it is ``sure``."""
    whole = _log_odds(sure) - _log_odds(threshold)
    if whole <= 0:
        return 1.0 if probability >= threshold else -1.0
    return max(-1.0, min(1.0, (_log_odds(probability) - _log_odds(threshold)) / whole))


def _log_odds(probability: float) -> float:
    within = min(max(probability, 1e-9), 1 - 1e-9)
    return log(within / (1 - within))
