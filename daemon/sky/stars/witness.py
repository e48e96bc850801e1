"""The stars as a witness of one camera's sky: what is clear, where it looks, and whether its clock is right.

How bright the camera shows a star depends on exposure, twilight and moon, and is learned from its own best frames,
for each kind of night. Until such frames have shown that the lens is right, the witness is silent: a camera that
was moved does not turn every clear sky into an overcast one.

A lens that the configuration gives is the owner's, and stays; where the stars contradict it, the operator hears of it.
Without one the stars give it: a default is only where to begin, and is believed once the camera's own frames show
their stars where it puts them; any other lens once two frames, some time apart, were solved to the same.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

from daemon.observation import FoundLens, Orientation, Points, SkyState
from daemon.sky.ephemeris import Observatory
from daemon.sky.lens import project
from daemon.sky.stars.catalogue import StarField
from daemon.sky.stars.clock import BRIGHT as BRIGHTER
from daemon.sky.stars.clock import DAY_MIN, later, minutes_off
from daemon.sky.stars.fit import Shot, apart_deg
from daemon.sky.stars.solve import Solution, solve
from daemon.sky.stars.visibility import Shown, StarCover, shown, star_cover

KEPT = 400
"""Frames of each kind of night whose zero is kept."""
PROVEN = 5
"""Frames that must have shown the stars where the lens puts them before it is trusted."""
KINDS = frozenset(
    f"{twilight} {moon}"
    for twilight in ("night", "astronomical", "nautical")
    for moon in ("none", "quarter", "full")
)
"""Kinds of night, by twilight and moonlight, dark enough for stars."""
MANY_POINTS, BRIGHT = 40, 400
"""Points from which a frame may be of a starry sky; and how many of the strongest are solved with."""
MISSED = 10
"""Frames in a row without the stars where they must be before the lens is solved anew."""
SOLVE_EVERY, SOLVE_AGAIN = timedelta(hours=1), timedelta(minutes=10)
"""Between two solutions, and between two frames that are to confirm each other."""
MOST_DOUBLED = 3
"""After each try that gives nothing the wait is doubled, so often at most: lamps and noise cost little."""
RENEW_EVERY, RENEW_FROM = timedelta(hours=20), 0.6
"""A lens that the stars gave is solved anew once a night, in a frame with so much of its starlight."""
EXPIRES = timedelta(days=120)
"""After so long a lens that the stars gave is only where to begin: the camera may have come back from the summer."""
MOVED_DEG, SAME_DEG = 1.0, 0.5
"""A lens that has turned by less has not been moved; two solutions that close confirm each other."""
CLOCK_EVERY = timedelta(minutes=30)
OFF_MIN, RIGHT_MIN = 1.5, 1.0
"""Minutes from which the clock is off, twice in a row; and under which it is right."""
ANCHOR = timedelta(minutes=30)
"""Places of stars are computed this often and turned with the sky in between."""
MOON_UP_DEG, MOON_LIT_DEG = 0.0, 40.0

Past = Iterable[tuple[str, str, float, float]]
"""(twilight, moonlight, zero, gamma) of frames that are recorded."""


Sees = Callable[[npt.NDArray[np.float64], npt.NDArray[np.float64]], npt.NDArray[np.bool_]]
"""Whether positions (x, y) on the disc are sky."""


@dataclass(frozen=True)
class StarLook:
    """What the stars say of a frame: the cover, None where they are silent; what this frame showed of them."""

    cover: StarCover | None
    shown: Shown | None = None


class StarWitness:
    """Of one camera. One thread at a time.

    ``orientation`` is what directions go by: the owner's, or what the stars have shown, or None.
    ``moved_deg`` is by how much the owner's lens is off, ``clock_off`` by how many minutes the frames' times are,
    where the stars say that they are; None where they do not. ``found`` is the lens that the stars gave last, ``news``
    the same as long as it is not on record.
    """

    moved_deg: float | None = None
    clock_off: float | None = None
    news: FoundLens | None = None

    def __init__(
        self,
        observatory: Observatory,
        given: Orientation | None,
        past: Past = (),
        *,
        start: Orientation | None = None,
        found: FoundLens | None = None,
        sees: Sees | None = None,
    ) -> None:
        self._observatory = observatory
        self._given = given
        self._sees = sees
        self._start = start
        self.found = found
        self._candidate: tuple[datetime, Orientation] | None = None
        self._zeros: dict[str, deque[float]] = {}
        self._missed = self._met = self._failed = 0
        self._solved_at: datetime | None = None
        self._clock_at: datetime | None = None
        self._clock_before: float | None = None
        self._anchor: tuple[datetime, StarField] | None = None
        self._gammas: deque[float] = deque(maxlen=KEPT)
        for twilight, moonlight, zero, gamma in past:
            self._gammas.append(gamma)
            self._learn(f"{twilight} {moonlight}", zero)

    @property
    def orientation(self) -> Orientation | None:
        """How the camera is turned and what its lens does, where that is established and not just being contradicted."""
        if self._given is not None or self.found is None:
            return self._given
        return self.found.orientation if self._candidate is None else None

    def look(self, points: Points, sky: SkyState) -> StarLook:
        """The stars of one frame."""
        kind = f"{sky.twilight} {sky.moonlight}"
        if kind not in KINDS:
            return StarLook(None)
        self._expire(sky.at)
        lens = self._given or (self.found.orientation if self.found else self._start)
        if lens is None:
            self._seek(points, None, sky.at)
            return StarLook(None)
        stars = self._in_sight(self._stars(sky.at), lens)
        up = sky.moon_altitude_deg > MOON_UP_DEG and sky.moon_phase_deg > MOON_LIT_DEG
        moon = (sky.moon_azimuth_deg, sky.moon_altitude_deg) if up else None
        gamma = float(np.median(self._gammas)) if self._gammas else None
        shows = shown(points, stars, lens, moon, gamma)
        zero = self._zero(kind)
        cover = star_cover(points, stars, lens, zero, moon, gamma) if zero is not None and gamma else None
        if shows is None:
            self._seek(points, lens, sky.at)
        else:
            self._gammas.append(shows.gamma)
            self._learn(kind, shows.zero)
            self._meet(points, lens, sky.at, cover)
        return StarLook(cover, shows)

    # ── how bright the camera shows a star ──────────────────────────────────────────────────────

    def _zero(self, kind: str) -> float | None:
        """The zero of the camera's clear frames of such twilight and moon; None where it is not known."""
        own = self._zeros.get(kind, ())
        return float(np.percentile(list(own), 80)) if len(own) >= PROVEN else None

    def _learn(self, kind: str, zero: float) -> None:
        if kind in KINDS:
            self._zeros.setdefault(kind, deque(maxlen=KEPT)).append(zero)

    def _stars(self, at: datetime) -> StarField:
        anchor = _anchor(at)
        if self._anchor is None or self._anchor[0] != anchor:
            self._anchor = anchor, self._observatory.stars(anchor)
        return later(self._anchor[1], (at - anchor) / timedelta(minutes=1), self._observatory.latitude_deg)

    def _in_sight(self, stars: StarField, lens: Orientation) -> StarField:
        """Without those behind the horizon mask."""
        if self._sees is None:
            return stars
        return stars.chosen(self._sees(*project(stars.azimuth_deg, stars.elevation_deg, lens)))

    # ── the lens ────────────────────────────────────────────────────────────────────────────────

    def _meet(self, points: Points, lens: Orientation, at: datetime, cover: StarCover | None) -> None:
        """The stars are where this lens puts them."""
        self._missed, self.moved_deg, self._candidate, self._met = 0, None, None, self._met + 1
        if self.orientation is not None:
            self._check_clock(points, lens, at)
        if self._given is not None:
            return
        if self.found is None:
            if self._met >= PROVEN:
                self._confirm(points, lens, at)
            return
        clear = cover is not None and cover.share is not None and cover.share >= RENEW_FROM
        if clear and at - self.found.at >= RENEW_EVERY and self._may_solve(at):
            answer = self._solve(points, at)
            if answer is not None and apart_deg(lens, answer.fit.orientation) < SAME_DEG:
                self._adopt(answer, at, before=None)

    def _confirm(self, points: Points, lens: Orientation, at: datetime) -> None:
        """The default holds; solved anew in this very frame where that gives nearly the same, else taken as it is."""
        answer = self._solve(points, at)
        if answer is not None and apart_deg(lens, answer.fit.orientation) < MOVED_DEG:
            self._adopt(answer, at, before=lens)
        else:
            self.found = self.news = FoundLens(lens, at, None, None, None)

    def _seek(self, points: Points, lens: Orientation | None, at: datetime) -> None:
        """Points enough, and no stars where the lens puts them: now and then clock and lens are looked into."""
        self._missed = self._missed + 1 if len(points) >= MANY_POINTS else 0
        if self._missed < MISSED or not self._may_solve(at):
            return
        self._solved_at = at
        if self.orientation is not None and self._look_for_the_hour(points, self.orientation, at):
            return
        answer = self._solve(points, at)
        if answer is None:
            self._candidate = None
            return
        turned = apart_deg(lens, answer.fit.orientation) if lens is not None else None
        if self._given is not None:
            self.moved_deg = turned if turned is not None and turned >= MOVED_DEG else None
            return
        first, self._candidate = self._candidate, (at, answer.fit.orientation)
        if first is None or abs(at - first[0]) < SOLVE_AGAIN:
            return
        if apart_deg(first[1], answer.fit.orientation) < SAME_DEG:
            self._adopt(answer, at, before=self.found.orientation if self.found else None)

    def _may_solve(self, at: datetime) -> bool:
        wait = (
            SOLVE_AGAIN if self._candidate is not None else SOLVE_EVERY * 2 ** min(self._failed, MOST_DOUBLED)
        )
        return self._solved_at is None or abs(at - self._solved_at) >= wait

    def _solve(self, points: Points, at: datetime) -> Solution | None:
        self._solved_at = at
        strongest = Points(points.x[:BRIGHT], points.y[:BRIGHT], points.height[:BRIGHT])
        answer = solve([Shot(strongest, self._observatory.stars(at))])
        self._failed = 0 if isinstance(answer, Solution) else self._failed + 1
        return answer if isinstance(answer, Solution) else None

    def _adopt(self, answer: Solution, at: datetime, before: Orientation | None) -> None:
        turned = apart_deg(before, answer.fit.orientation) if before is not None else None
        self.found = self.news = FoundLens(
            answer.fit.orientation, at, answer.error_deg, answer.fit.count, turned
        )
        self._candidate, self._missed, self.moved_deg = None, 0, None

    def _expire(self, at: datetime) -> None:
        if self.found is not None and abs(at - self.found.at) > EXPIRES:
            self._start, self.found, self._met = self.found.orientation, None, 0

    # ── the clock ───────────────────────────────────────────────────────────────────────────────

    def _check_clock(self, points: Points, lens: Orientation, at: datetime) -> None:
        """Now and then: do the stars stand as they would some minutes earlier or later?"""
        if self._clock_at is not None and abs(at - self._clock_at) < CLOCK_EVERY:
            return
        off = minutes_off(points, self._bright_after(at), lens)
        if off is None:
            return
        self._clock_at = at
        before, self._clock_before = self._clock_before, off.minutes
        if abs(off.minutes) < RIGHT_MIN:
            self.clock_off = None
        elif abs(off.minutes) >= OFF_MIN and before is not None and abs(before - off.minutes) < RIGHT_MIN:
            self.clock_off = off.minutes

    def _look_for_the_hour(self, points: Points, lens: Orientation, at: datetime) -> bool:
        """Is there an hour of the day at which the stars would stand as they are seen through this lens?"""
        off = minutes_off(points, self._bright_after(at), lens, DAY_MIN)
        self.clock_off = off.minutes if off is not None and abs(off.minutes) >= RIGHT_MIN else None
        return self.clock_off is not None

    def _bright_after(self, at: datetime) -> Callable[[float], StarField]:
        """The bright stars so many minutes after a time."""
        anchors: dict[datetime, StarField] = {}

        def after(minutes: float) -> StarField:
            when = at + timedelta(minutes=minutes)
            anchor = _anchor(when)
            if anchor not in anchors:
                anchors[anchor] = self._observatory.stars(anchor, BRIGHTER)
            return later(
                anchors[anchor], (when - anchor) / timedelta(minutes=1), self._observatory.latitude_deg
            )

        return after


def _anchor(at: datetime) -> datetime:
    epoch = datetime(2000, 1, 1, tzinfo=UTC)
    return epoch + round((at - epoch) / ANCHOR) * ANCHOR
