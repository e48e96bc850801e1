"""The stars as a witness of one camera's sky: what is clear, beside what the model says.

How faint a star the camera shows depends on moon and twilight, and is learned from its own best frames.
Until such frames have shown that the lens is right, and where too few stars are expected, the witness is
silent: a camera that was moved does not turn every clear sky into an overcast one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from daemon.observation import Orientation, Points, SkyState
from daemon.sky.ephemeris import Observatory
from daemon.sky.stars.catalogue import StarField
from daemon.sky.stars.fit import Shot, apart_deg
from daemon.sky.stars.solve import Solution, solve
from daemon.sky.stars.visibility import StarCover, expected_limit, limit_of, star_cover

KEPT = 400
"""Frames of each kind of night whose limit is kept."""
PROVEN = 5
"""Frames that must have shown the stars where the lens puts them before it is trusted."""
USUAL_LOSS = {
    "night none": 0.0, "night quarter": 0.7, "night full": 1.5,
    "astronomical none": 0.3, "astronomical quarter": 0.8, "astronomical full": 1.6,
    "nautical none": 1.5, "nautical quarter": 1.8, "nautical full": 2.2,
}  # fmt: skip
"""Magnitudes lost to twilight and moon, for nights whose like has not been seen yet. None in brighter twilight."""
MANY_POINTS, BRIGHT = 40, 400
"""Points from which a frame may be of a starry sky; and how many of the strongest are solved with."""
MISSED = 10
"""Frames in a row without the stars where they must be before the lens is solved anew."""
SOLVE_EVERY = timedelta(hours=1)
MOVED_DEG = 1.0
"""A lens that has turned by less has not been moved."""
MOON_UP_DEG, MOON_LIT_DEG = 0.0, 40.0

Past = Iterable[tuple[str, str, float]]
"""(twilight, moonlight, limit) of frames that are recorded."""


@dataclass(frozen=True)
class StarLook:
    """What the stars say of a frame: the cover, None where they are silent; the limit this frame showed."""

    cover: StarCover | None
    limit: float | None


class StarWitness:
    """Of one camera whose lens is solved. One thread at a time.

    ``moved_deg`` is by how much the lens has turned, where the stars say that it has; None where they do not.
    """

    moved_deg: float | None = None

    def __init__(self, observatory: Observatory, orientation: Orientation, past: Past = ()) -> None:
        self._observatory = observatory
        self._orientation = orientation
        self._limits: dict[str, deque[float]] = {}
        self._missed = 0
        self._solved_at: datetime | None = None
        for twilight, moonlight, limit in past:
            self._learn(f"{twilight} {moonlight}", limit)

    def look(self, points: Points, sky: SkyState) -> StarLook:
        """The stars of one frame."""
        kind = f"{sky.twilight} {sky.moonlight}"
        if kind not in USUAL_LOSS:
            return StarLook(None, None)
        stars = self._observatory.stars(sky.at)
        up = sky.moon_altitude_deg > MOON_UP_DEG and sky.moon_phase_deg > MOON_LIT_DEG
        moon = (sky.moon_azimuth_deg, sky.moon_altitude_deg) if up else None
        limit = limit_of(points, stars, self._orientation, moon)
        if limit is not None:
            self._learn(kind, limit)
            self._missed, self.moved_deg = 0, None
        else:
            self._search(points, stars, sky.at)
        expected = self.expected(kind)
        if expected is None:
            return StarLook(None, limit)
        return StarLook(star_cover(points, stars, self._orientation, expected, moon), limit)

    def expected(self, kind: str) -> float | None:
        """The magnitude to which stars must be seen in a clear sky of such twilight and moon; None where not known."""
        if sum(len(seen) for seen in self._limits.values()) < PROVEN:
            return None
        own = self._limits.get(kind, ())
        if len(own) >= PROVEN:
            return expected_limit(float(np.percentile(list(own), 80)))
        levels = [limit + USUAL_LOSS[other] for other, seen in self._limits.items() for limit in seen]
        return expected_limit(float(np.percentile(levels, 80)) - USUAL_LOSS[kind])

    def _search(self, points: Points, stars: StarField, at: datetime) -> None:
        """Points enough, and no stars where the lens puts them: now and then the lens is solved anew."""
        self._missed = self._missed + 1 if len(points) >= MANY_POINTS else 0
        if self._missed < MISSED or (self._solved_at and abs(at - self._solved_at) < SOLVE_EVERY):
            return
        self._solved_at = at
        strongest = Points(points.x[:BRIGHT], points.y[:BRIGHT], points.height[:BRIGHT])
        answer = solve([Shot(strongest, stars)])
        if isinstance(answer, Solution):
            turned = apart_deg(self._orientation, answer.fit.orientation)
            self.moved_deg = turned if turned >= MOVED_DEG else None

    def _learn(self, kind: str, limit: float) -> None:
        if kind in USUAL_LOSS:
            self._limits.setdefault(kind, deque(maxlen=KEPT)).append(limit)
