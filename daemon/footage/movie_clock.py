"""A movie's clock from a few dozen readings of its stamps. Pure; used through :mod:`daemon.footage.stamp`.

Readings may be wrong: a line that most of them lie on gives the cadence, the largest set that a real
clock could show is kept, jumps forward (a camera switched off, frames lost) split the movie, and
what the readings do not establish stays undated. Which frames to read is decided here as well:
evenly spread ones first, then those around whatever does not fit.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from daemon.errors import ClockError

LEAST_AGREEING = 3
_LEAST_SHARE = 1 / 3  # of the legible readings; fewer agree by chance
_SLACK = 1.2  # of the stamp's resolution: two readings cut to whole seconds differ by up to one
_EVEN = 0.75  # of the resolution: how far a reading may lie off an even clock's line
_WANDER = 4.0  # of the resolution: a jump so small is followed, not cut
_DRIFT = 0.001  # of the elapsed time
_JUMP_COST = 1.9  # readings that must speak for a gap before it is believed
_BENT, _BENT_COST = 0.03, 0.55  # a gait changed by so much of the elapsed time is more likely than a gap
_OTHER_GAIT = 0.2  # log of two cadences' ratio from which they are two
_SLOWEST_S = 3600.0  # a frame; nobody films slower
_LONGEST_GAP_S = 20 * 3600.0


@dataclass(frozen=True, order=True)
class Reading:
    """What the stamp of frame ``index`` was read as."""

    index: int
    at: datetime


@dataclass(frozen=True)
class Segment:
    """A stretch of frames one cadence apart; ``readings`` are those that agree, three at least.

    ``line`` is the clock's even gait, (start, seconds after it at frame 0, seconds a frame);
    ``strays`` are (frame, seconds) by which the clock departs from it, none where it never does.
    """

    readings: tuple[Reading, ...]
    resolution_s: float
    line: tuple[datetime, float, float]
    strays: tuple[tuple[int, float], ...]

    @property
    def cadence_s(self) -> float:
        """Seconds a frame."""
        return self.line[2]

    @property
    def first(self) -> int:
        """Index of the first agreeing reading."""
        return self.readings[0].index

    @property
    def last(self) -> int:
        """Index of the last agreeing reading."""
        return self.readings[-1].index

    def at(self, index: int) -> datetime:
        """UTC in whole seconds: on the line, plus what the clock strays around there."""
        start, offset_s, cadence_s = self.line
        seconds = offset_s + cadence_s * index
        if self.strays:
            seconds += float(np.interp(index, [i for i, _ in self.strays], [off for _, off in self.strays]))
        # A stamp is cut to its resolution, so the instant lies half of that later on average.
        return (start + timedelta(seconds=seconds + self.resolution_s / 2)).replace(microsecond=0)


@dataclass(frozen=True)
class MovieClock:
    """When each frame of a movie was taken.

    ``cadence_s`` is seconds a frame. Frames between two segments, before the first agreeing reading
    and after the last are not dated. ``agreeing`` of ``readings`` legible stamps agree.
    """

    segments: tuple[Segment, ...]
    cadence_s: float
    agreeing: int
    readings: int

    def at(self, index: int) -> datetime | None:
        """The frame's instant in UTC, whole seconds; None where the readings do not establish it."""
        for segment in self.segments:
            if segment.first <= index <= segment.last:
                return segment.at(index)
        return None


def consensus(
    readings: Iterable[Reading], nominal_cadence_s: float | None = None, resolution_s: float | None = None
) -> MovieClock:
    """Offset and cadence from readings of which some are wrong; gaps split the movie into segments.

    ``nominal_cadence_s`` only breaks ties: the cadence is estimated. ``resolution_s`` is what the
    stamps are cut to, 1 or 60 s; None guesses 60 s where no reading has seconds, which is wrong for
    a movie sampled at every full minute. Raises ClockError, reason ``no consensus`` or ``clock stopped``.
    """
    ordered = sorted({reading.index: reading for reading in readings}.values())
    if len(ordered) < LEAST_AGREEING:
        raise ClockError(
            "no consensus", f"only {len(ordered)} stamps are legible; {LEAST_AGREEING} must agree"
        )
    if resolution_s is None:
        resolution_s = 60.0 if not any(r.at.second for r in ordered) else 1.0
    segments = _segments(ordered, nominal_cadence_s, resolution_s)
    agreeing = sum(len(segment.readings) for segment in segments)
    if not segments or agreeing < _LEAST_SHARE * len(ordered):
        raise ClockError("no consensus", f"only {agreeing} of {len(ordered)} stamps agree on a clock")
    longest = max(segments, key=lambda segment: segment.last - segment.first)
    segments = _with_other_gaits(ordered, segments, longest.cadence_s, resolution_s)
    agreeing = sum(len(segment.readings) for segment in segments)
    return MovieClock(tuple(segments), longest.cadence_s, agreeing, len(ordered))


def _segments(ordered: list[Reading], nominal_s: float | None, resolution_s: float) -> list[Segment]:
    """The stretches of one cadence in readings of ascending frames. Raises ClockError."""
    index = np.array([r.index for r in ordered], dtype=np.float64)
    seconds = np.array([(r.at - ordered[0].at).total_seconds() for r in ordered])
    cadence_s = _cadence(index, seconds, _SLACK * resolution_s, nominal_s)
    chain = _chain(index, seconds, cadence_s, resolution_s)
    runs = _runs(chain, index, seconds, cadence_s, resolution_s)
    return [_segment([ordered[i] for i in run], cadence_s, resolution_s) for run in runs]


def _with_other_gaits(
    ordered: list[Reading], segments: list[Segment], cadence_s: float, resolution_s: float
) -> list[Segment]:
    """The segments, and between and beside them those of another cadence: a camera that changed its own.

    More is asked of them than of the first: four readings, two thirds of those that lie there, another
    cadence indeed (a digit misread for long has the same), and times that fit between their neighbours'.
    """
    found = list(segments)
    for before, after in pairwise([None, *segments, None]):
        lying = [
            r for r in ordered
            if (before is None or r.index > before.last) and (after is None or r.index < after.first)
        ]  # fmt: skip
        try:
            other = _segments(lying, None, resolution_s) if len(lying) > LEAST_AGREEING else []
        except ClockError:
            continue
        own = [reading for segment in other for reading in segment.readings]
        if len(own) <= LEAST_AGREEING or 3 * len(own) < 2 * len(lying):
            continue
        changed = abs(np.log(other[0].cadence_s / cadence_s)) > _OTHER_GAIT
        late = before is None or own[0].at >= before.readings[-1].at
        early = after is None or own[-1].at <= after.readings[0].at
        if changed and late and early:
            found += other
    return sorted(found, key=lambda segment: segment.first)


_Array = npt.NDArray[np.float64]


def _cadence(index: _Array, seconds: _Array, slack_s: float, nominal_s: float | None) -> float:
    """Seconds a frame on the line that most readings lie on. Raises ClockError."""
    on_line, standing = _majority(index, seconds, slack_s, nominal_s)
    if standing:
        raise ClockError("clock stopped", "the stamps do not advance: the clock has stopped")
    if on_line.sum() < LEAST_AGREEING:
        raise ClockError("no consensus", f"no {LEAST_AGREEING} of {len(index)} stamps agree on a clock")
    return float(np.polyfit(index[on_line], seconds[on_line], 1)[0])


def _majority(
    index: _Array, seconds: _Array, slack_s: float, nominal_s: float | None
) -> tuple[npt.NDArray[np.bool_], bool]:
    """(which readings lie on the best line through two of them, whether only a standing clock fits).

    All pairs are tried (RANSAC without the chance). Of lines with equally many readings the one with
    the widest base is the most exact, and one near the usual cadence the most likely.
    """
    first, second = np.triu_indices(len(index), k=1)
    slopes = (seconds[second] - seconds[first]) / (index[second] - index[first])
    off = seconds[None, :] - seconds[first, None] - slopes[:, None] * (index[None, :] - index[first, None])
    votes = (np.abs(off) <= slack_s).sum(axis=1)
    advancing = (slopes > 0) & (slopes < _SLOWEST_S)
    standing = votes.max() >= LEAST_AGREEING and bool(np.all(slopes[votes == votes.max()] <= 0))
    votes = np.where(advancing, votes, 0)
    best = np.flatnonzero(votes == votes.max())
    with np.errstate(divide="ignore", invalid="ignore"):
        unusual = np.abs(np.log(slopes[best] / nominal_s)) > 0.7 if nominal_s else np.zeros(len(best))
    pick = best[np.lexsort((index[first[best]] - index[second[best]], unusual))[0]]
    lying: npt.NDArray[np.bool_] = np.abs(off[pick]) <= slack_s
    return lying if votes[pick] else np.zeros_like(lying), standing


def _excess(index: _Array, seconds: _Array, i: int, j: int, cadence_s: float) -> tuple[float, float]:
    """(seconds by which the clock ran ahead between two readings, elapsed seconds)."""
    elapsed = cadence_s * float(index[j] - index[i])
    return float(seconds[j] - seconds[i]) - elapsed, elapsed


def _smooth(excess_s: float, elapsed_s: float, resolution_s: float) -> bool:
    return abs(excess_s) <= max(_WANDER * resolution_s, _SLACK * resolution_s + _DRIFT * elapsed_s)


def _chain(index: _Array, seconds: _Array, cadence_s: float, resolution_s: float) -> list[int]:
    """The largest set of readings a real clock could show: forward in time, gaps few and paid for."""
    score, before = [1.0] * len(index), [-1] * len(index)
    for j in range(len(index)):
        for i in range(j):
            excess_s, elapsed_s = _excess(index, seconds, i, j, cadence_s)
            if _smooth(excess_s, elapsed_s, resolution_s):
                worth = score[i] + 1.0 - 1e-6 * abs(excess_s)
            elif abs(excess_s) <= _BENT * elapsed_s:
                worth = score[i] + 1.0 - _BENT_COST
            elif seconds[j] >= seconds[i] and excess_s < _LONGEST_GAP_S:
                worth = score[i] + 1.0 - _JUMP_COST
            else:
                continue
            if worth > score[j]:
                score[j], before[j] = worth, i
    at = int(np.argmax(score))
    chain = []
    while at >= 0:
        chain.append(at)
        at = before[at]
    return chain[::-1]


def _runs(
    chain: list[int], index: _Array, seconds: _Array, cadence_s: float, resolution_s: float
) -> list[list[int]]:
    """The chain cut at its jumps; runs too short to be believed are left out."""
    runs = [[chain[0]]]
    for i, j in pairwise(chain):
        if _smooth(*_excess(index, seconds, i, j, cadence_s), resolution_s):
            runs[-1].append(j)
        else:
            runs.append([j])
    return [run for run in runs if len(run) >= LEAST_AGREEING]


def _segment(readings: list[Reading], cadence_s: float, resolution_s: float) -> Segment:
    """Fit a line. What lies off it alone is a slip and left out; off it in company is the clock's own gait."""
    index = np.array([r.index for r in readings], dtype=np.float64)
    seconds = np.array([(r.at - readings[0].at).total_seconds() for r in readings])
    lies, _ = _majority(index, seconds, _SLACK * resolution_s, cadence_s)
    slope = float(np.polyfit(index[lies], seconds[lies], 1)[0]) if lies.sum() >= 2 else cadence_s
    off = seconds - slope * index
    lies = np.abs(off - np.median(off[lies] if lies.any() else off)) <= _EVEN * resolution_s
    offset = float(off[lies].max() + off[lies].min()) / 2
    strays = np.where(lies, 0.0, off - offset)
    near = np.abs(np.diff(strays)) <= _SLACK * resolution_s
    with_next, with_previous = np.append(near & ~lies[1:], False), np.insert(near & ~lies[:-1], 0, False)
    believed = lies | with_next | with_previous
    return Segment(
        readings=tuple(r for r, true in zip(readings, believed.tolist(), strict=True) if true),
        resolution_s=resolution_s,
        line=(readings[0].at, offset, slope),
        strays=tuple(zip(index[believed].astype(int).tolist(), strays[believed].tolist(), strict=True))
        if not lies[believed].all()
        else (),
    )


# ── which frames to read ────────────────────────────────────────────────────────────────────────


def plan(indices: Sequence[int], count: int) -> list[int]:
    """``count`` of the indices, evenly spread, first and last among them."""
    if len(indices) <= count:
        return list(indices)
    return [indices[round(k * (len(indices) - 1) / (count - 1))] for k in range(count)]


def where_to_read_next(indices: Sequence[int], tried: set[int], clock: MovieClock | None) -> list[int]:
    """The frames whose readings would tell most, the most telling first; none when all is settled.

    Without a clock, the middle of every stretch nobody has tried. With one, the middle of every
    stretch over which it is not even: a gap, or an end that no agreeing reading reaches.
    """
    wanted: dict[int, int] = {}
    for low, high in _unsettled(indices, tried, clock):
        for left, right in pairwise([low, *sorted(i for i in tried if low < i < high), high]):
            inside = indices[bisect_left(indices, left) : bisect_left(indices, right + 1)]
            untried = [i for i in inside if i not in tried]
            if untried:
                middle = min(untried, key=lambda i: abs(2 * i - left - right))
                wanted[middle] = max(right - left, wanted.get(middle, 0))
    return sorted(wanted, key=lambda i: -wanted[i])


def _unsettled(
    indices: Sequence[int], tried: set[int], clock: MovieClock | None
) -> Iterable[tuple[int, int]]:
    if clock is None:
        yield indices[0], indices[-1]
        return
    known = [(segment, reading) for segment in clock.segments for reading in segment.readings]
    yield indices[0], known[0][1].index
    for (segment, one), (other, two) in pairwise(known):
        excess_s = (two.at - one.at).total_seconds() - segment.cadence_s * (two.index - one.index)
        if segment is not other or abs(excess_s) > _SLACK * segment.resolution_s:
            yield one.index, two.index
    yield known[-1][1].index, indices[-1]


def date_frames(
    indices: Sequence[int],
    read: Callable[[Sequence[int]], Sequence[datetime | None]],
    nominal_cadence_s: float | None = None,
    known: Iterable[Reading] = (),
    first: int = 12,
    most: int = 44,
    resolution_s: float | None = None,
) -> MovieClock:
    """The clock of a movie from few readings of its sampled frames.

    ``indices`` ascend; ``read`` takes some of them and gives what each one's stamp says, None where
    it is illegible; ``known`` are readings already made (the movie's first frames). ``first``
    readings are spread evenly, further ones go where the clock is not settled, ``most`` at most.
    Raises ClockError.
    """
    if not indices:
        raise ClockError("no consensus", "the movie has no frames")
    readings = list(known)
    tried = {reading.index for reading in readings}
    wanted = [i for i in plan(indices, min(first, most)) if i not in tried]
    left = most
    while wanted and left > 0:
        asked = wanted[:left]
        left -= len(asked)
        tried.update(asked)
        readings += [
            Reading(index, at) for index, at in zip(asked, read(asked), strict=True) if at is not None
        ]
        wanted = where_to_read_next(
            indices, tried, _consensus_or_none(readings, nominal_cadence_s, resolution_s)
        )
    return consensus(readings, nominal_cadence_s, resolution_s)


def passed_over(indices: Sequence[int], clock: MovieClock, cadence_s: float) -> list[int]:
    """The frames to sample besides ``indices``, ascending, where those lie more than one and a half cadences apart.

    Sampling goes by the spacing of a movie's first frames; a camera that later waits longer between
    exposures, as in a brighter sky, would lose most of its frames.
    """
    more: list[int] = []
    for segment in clock.segments:
        inside = [i for i in indices if segment.first <= i <= segment.last]
        for one, two in pairwise(inside):
            apart_s = (segment.at(two) - segment.at(one)).total_seconds()
            pieces = min(two - one, round(apart_s / cadence_s))
            more += [one + round(k * (two - one) / pieces) for k in range(1, pieces)]
    return more


def frame_cadence(readings: Iterable[Reading]) -> float | None:
    """Seconds a frame from readings of a movie's first frames; None where they do not tell.

    The very first tenth is left out of the slope: recorders repeat a frame or two when they start.
    """
    clock = _consensus_or_none(list(readings), None)
    if clock is None or len(clock.segments) != 1:
        return None
    (segment,) = clock.segments
    spanned_s = segment.cadence_s * (segment.last - segment.first)
    if spanned_s < 10 * segment.resolution_s:
        return None  # stamps cut to minutes tell a cadence only over many of them
    late = [r for r in segment.readings if r.index - segment.first >= 0.1 * (segment.last - segment.first)]
    if len(late) < LEAST_AGREEING:
        return segment.cadence_s
    seconds = [(r.at - late[0].at).total_seconds() for r in late]
    return float(np.polyfit([r.index for r in late], seconds, 1)[0])


def _consensus_or_none(
    readings: list[Reading], nominal_cadence_s: float | None, resolution_s: float | None = None
) -> MovieClock | None:
    try:
        return consensus(readings, nominal_cadence_s, resolution_s)
    except ClockError:
        return None
