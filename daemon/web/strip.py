"""The night as one strip: when, how sure, what could be seen. Rows in, coordinates out. Pure.

x runs from 0 at the strip's beginning to 1000 at its end, y of the curve from 0 (probability 1)
to 100 (probability 0). The template draws these as SVG without a script.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytz

from daemon import words
from daemon.observation import SkyState
from daemon.record.rows import CourseRow, EventRow
from daemon.sighting import level_of, sure_of
from daemon.web.sight import TOP_LEVEL
from daemon.web.tongues import N_, _, ngettext

WIDTH = 1000.0
HEIGHT = 100.0
MAX_POINTS = 1500  # more than any screen has pixels; a 6 s cadence would send 9,000
GAP_CADENCES = 2.5  # a missing frame is not a gap, two are


_VERDICT_WORDS = {
    "aurora": N_("aurora"),
    "clear": N_("clear"),
    "unusable": N_("unusable"),
    "obscured": N_("sky hidden"),
    "not looked": N_("too light"),
    "stale": N_("no new picture"),
}
_PLAIN = ("aurora", "clear")
TWILIGHT_NAMES = {
    "day": N_("daylight"),
    "civil": N_("civil twilight"),
    "nautical": N_("nautical twilight"),
    "astronomical": N_("astronomical twilight"),
    "night": N_("night"),
}
LEAST_HEIGHT = 0.4
"""Of six: aurora whose strength was not measured, or is nothing, is still drawn."""


class Point(NamedTuple):
    """One observation on the strip: ``x`` as in :meth:`Strip.x`."""

    at: datetime
    x: float
    verdict: str
    probability: float | None
    threshold: float | None
    strength: float | None = None


@dataclass(frozen=True)
class Band:
    """A stretch of the strip, ``x`` to ``x + width``, of one kind."""

    x: float
    width: float
    kind: str


@dataclass(frozen=True)
class Tick:
    """A full hour: ``percent`` of the width, and its local name."""

    percent: float
    text: str


@dataclass(frozen=True)
class Strip:
    """Everything the template draws."""

    start: datetime
    end: datetime
    twilight: tuple[Band, ...]
    moon: tuple[Band, ...]
    verdicts: tuple[Band, ...]
    gaps: tuple[Band, ...]
    events: tuple[Band, ...]
    curve: str
    threshold: str
    ticks: tuple[Tick, ...]
    now_percent: float | None
    summary: str
    strength: str = ""
    zone: str = ""

    @property
    def ribbon(self) -> Iterator[tuple[str, str]]:
        """The verdicts of one plain colour, (kind, SVG path 12 high): a restless night has four hundred stretches."""
        for kind in _PLAIN:
            its = [band for band in self.verdicts if band.kind == kind]
            if its:
                yield kind, "".join(f"M{b.x:g} 0h{b.width:g}v12h-{b.width:g}z" for b in its)

    @property
    def patterned(self) -> Iterator[Band]:
        """The other verdicts: a pattern keeps its shape in a rectangle of its own."""
        return (band for band in self.verdicts if band.kind not in _PLAIN)

    @property
    def kinds(self) -> frozenset[str]:
        """What there is to explain: verdicts, gaps, twilights (``sun-night``), ``moon``, ``threshold``."""
        found = {band.kind for band in (*self.verdicts, *self.gaps)}
        found |= {f"sun-{band.kind}" for band in self.twilight}
        found |= {name for name in ("threshold", "strength", "moon") if getattr(self, name)}
        return frozenset(found)

    def x(self, at: datetime) -> float:
        """Where an instant lies, 0 to 1000."""
        return _x(at, self.start, self.end)


def span_of(midnight: datetime, sky: Sequence[SkyState]) -> tuple[datetime, datetime]:
    """The strip's beginning and end: sunset to sunrise around local solar midnight, outwards to full hours.

    The whole day where the sun does not set, does not rise, or where
    the sky is not known.
    """
    noon = midnight - timedelta(hours=12)
    start, end = noon, noon + timedelta(hours=24)
    below = [state.at for state in sky if state.sun_altitude_deg < 0]
    if below and len(below) < len(sky):
        start, end = min(below), max(below)
    return _hour_before(start), _hour_before(end + timedelta(minutes=59, seconds=59))


def sample_times(midnight: datetime, step_min: int = 5) -> list[datetime]:
    """Instants from local solar noon to noon around that midnight, for the sky's shading."""
    noon = midnight - timedelta(hours=12)
    return [noon + timedelta(minutes=m) for m in range(0, 24 * 60 + 1, step_min)]


def strip(
    rows: Sequence[CourseRow],
    sky: Sequence[SkyState],
    events: Sequence[EventRow],
    span: tuple[datetime, datetime],
    *,
    timezone: str,
    cadence_s: float,
    look_below_deg: float,
    now: datetime,
) -> Strip:
    """Lay a night out. ``rows`` are one night's observations in order of time."""
    start, end = span
    if rows:
        start, end = widened(span, *(instant_of(rows[i]["observed_at"]) for i in (0, -1)))
    points = _thinned(_points(rows, start, end))
    step = _step(points, cadence_s)
    seen = [point for point in points if point.probability is not None]
    runs = list(_runs(seen, step * GAP_CADENCES))
    return Strip(
        start=start,
        end=end,
        twilight=tuple(_sky_bands(sky, start, end, lambda state: state.twilight)),
        moon=tuple(band for band in _sky_bands(sky, start, end, _moon_kind) if band.kind != "down"),
        verdicts=tuple(_verdict_bands(points, step, start, end)),
        gaps=tuple(_gaps(points, sky, step, (start, min(end, now)), (start, end), look_below_deg)),
        events=tuple(_events(events, start, end, now)),
        curve=" ".join(_path([(p.x, p.probability) for p in run]) for run in runs),
        threshold=" ".join(_path([(p.x, p.threshold) for p in run]) for run in runs),
        ticks=tuple(_ticks(start, end, timezone)),
        now_percent=round(_x(now, start, end) / 10, 1) if start <= now <= end else None,
        summary=_summary(points, events),
        strength=" ".join(_hill(run) for run in _lit_runs(points, step * GAP_CADENCES)),
        zone=words.zone(start.astimezone(pytz.timezone(timezone))),
    )


def _points(rows: Sequence[CourseRow], start: datetime, end: datetime) -> list[Point]:
    """The observations laid on the strip; every function called for each of a thousand would be felt."""
    whole_s = (end - start).total_seconds()
    found = []
    for row in rows:
        at, verdict = instant_of(row["observed_at"]), row["verdict"]
        x = round(WIDTH * (at - start).total_seconds() / whole_s, 2)
        strength = max(LEAST_HEIGHT, level_of(row) or 0) if verdict == "aurora" else None
        found.append(Point(at, x, verdict, sure_of(row), row["threshold"], strength))
    return found


def _x(at: datetime, start: datetime, end: datetime) -> float:
    share = (at - start) / (end - start)
    return round(WIDTH * min(1.0, max(0.0, share)), 2)


def _hour_before(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def instant_of(text: str) -> datetime:
    """The instant of a row, ten times as fast as strptime: a night has a thousand."""
    return datetime.fromisoformat(text)


def widened(span: tuple[datetime, datetime], first: datetime, last: datetime) -> tuple[datetime, datetime]:
    """The span with a night's first and last row inside: no finding falls off the strip's edge."""
    return min(span[0], _hour_before(first)), max(span[1], last)


def _thinned(points: list[Point]) -> list[Point]:
    """At most MAX_POINTS: the highest probability of each bucket stays, so no onset is lost."""
    size = -(-len(points) // MAX_POINTS)
    if size <= 1:
        return points
    buckets = (points[i : i + size] for i in range(0, len(points), size))
    return [max(bucket, key=lambda point: point.probability or -1.0) for bucket in buckets]


def _step(points: Sequence[Point], cadence_s: float) -> timedelta:
    """The time between points: the cadence, or more where points were thinned."""
    if len(points) < 3:
        return timedelta(seconds=cadence_s)
    steps = sorted(b.at - a.at for a, b in itertools.pairwise(points))
    return max(timedelta(seconds=cadence_s), steps[len(steps) // 2])


def _runs(points: Sequence[Point], gap: timedelta) -> Iterable[list[Point]]:
    """Stretches without a gap."""
    run: list[Point] = []
    for point in points:
        if run and point.at - run[-1].at > gap:
            yield run
            run = []
        run.append(point)
    if run:
        yield run


def _path(spots: Iterable[tuple[float, float | None]]) -> str:
    """(x, share of the height) as an SVG path; of a level stretch only its ends are named, which draws the same."""
    known = [(x, f"{HEIGHT * (1 - value):.1f}") for x, value in spots if value is not None]
    if not known:
        return ""
    if len(known) == 1:  # one frame alone is drawn as a short stroke, not as nothing
        known.append((known[0][0] + 0.5, known[0][1]))
    heights = [None, *(y for _, y in known), None]
    ends = [spot for n, spot in enumerate(known) if not heights[n] == spot[1] == heights[n + 2]]
    return "M" + "L".join([f"{x:g} {y}" for x, y in ends])


def _lit_runs(points: Sequence[Point], gap: timedelta) -> Iterable[list[Point]]:
    """Stretches of aurora without a gap or another verdict in between."""
    for lit, group in itertools.groupby(points, key=lambda point: point.strength is not None):
        if lit:
            yield from _runs(list(group), gap)


def _hill(run: Sequence[Point]) -> str:
    """The strength of a stretch as a filled shape on the ground: 0 at 100, 6 at 0."""
    top = _path([(point.x, (point.strength or 0.0) / TOP_LEVEL) for point in run])
    right = run[-1].x + (0.5 if len(run) == 1 else 0.0)
    return f"{top}L{right:g} 100L{run[0].x:g} 100Z"


def _sky_bands(
    sky: Sequence[SkyState], start: datetime, end: datetime, kind: Callable[[SkyState], str]
) -> Iterable[Band]:
    """Neighbouring samples of one kind as one band; changes fall midway between samples."""
    edges: list[tuple[datetime, str]] = []
    for before, state in zip([None, *sky], sky, strict=False):
        if before is None or kind(before) != kind(state):
            edges.append(
                (state.at if before is None else before.at + (state.at - before.at) / 2, kind(state))
            )
    stops = [at for at, _ in edges[1:]] + ([sky[-1].at] if sky else [])
    for (begin, name), stop in zip(edges, stops, strict=True):
        left, right = _x(begin, start, end), _x(stop, start, end)
        if right > left:
            yield Band(left, round(right - left, 2), name)


def _moon_kind(state: SkyState) -> str:
    if state.moon_altitude_deg <= 0:
        return "down"
    return {"none": "thin", "quarter": "quarter", "full": "full"}[state.moonlight]


def _verdict_bands(
    points: Sequence[Point], step: timedelta, start: datetime, end: datetime
) -> Iterable[Band]:
    """Neighbouring points of one verdict as one band; a short one is drawn wider, as far as the next begins."""
    begin: Point | None = None
    apart = step * GAP_CADENCES
    for point, after in itertools.zip_longest(points, points[1:]):
        begin = begin or point
        goes_on = after is not None and after.at - point.at <= apart
        if goes_on and after.verdict == point.verdict:
            continue
        right = after.x if goes_on else _x(point.at + step, start, end)
        width = max(right - begin.x, 0.6)
        if after is not None:
            width = min(width, after.x - begin.x)
        if width > 0:
            yield Band(begin.x, round(width, 2), point.verdict.replace(" ", "-"))
        begin = None


def _gaps(
    points: Sequence[Point],
    sky: Sequence[SkyState],
    step: timedelta,
    past: tuple[datetime, datetime],
    span: tuple[datetime, datetime],
    look_below_deg: float,
) -> Iterable[Band]:
    """Dark time without rows: ``gap``. Time the sun forbade looking: ``gated``."""
    for state, after in itertools.pairwise(sky):
        if state.sun_altitude_deg > look_below_deg:
            left, right = _x(state.at, *span), _x(after.at, *span)
            if right > left:
                yield Band(left, round(right - left, 2), "gated")
    dark = [state.at for state in sky if state.sun_altitude_deg <= look_below_deg]
    if not dark:
        return
    begin, stop = max(past[0], dark[0]), min(past[1], dark[-1])
    marks = [begin, *(point.at for point in points if begin <= point.at <= stop), stop]
    apart = step * GAP_CADENCES
    for a, b in itertools.pairwise(marks):
        if b - a > apart:
            left, right = _x(a, *span), _x(b, *span)
            yield Band(left, round(right - left, 2), "gap")


def _events(events: Iterable[EventRow], start: datetime, end: datetime, now: datetime) -> Iterable[Band]:
    for event in events:
        begin = instant_of(event["onset_at"])
        # An event without an end reaches to where aurora was last seen, not to the present.
        last = event["ended_at"] or event["last_seen_at"]
        stop = instant_of(last) if last else min(now, end)
        left, right = _x(begin, start, end), _x(stop, start, end)
        yield Band(left, round(max(right - left, 2.0), 2), "strong" if event["strong_at"] else "event")


def _ticks(start: datetime, end: datetime, timezone: str) -> Iterable[Tick]:
    """Full local hours, every second or third one where there are many."""
    zone = pytz.timezone(timezone)
    hours = (end - start) / timedelta(hours=1)
    every = 1 if hours <= 9 else 2 if hours <= 18 else 3
    at = _hour_before(start)
    while at <= end:
        here = at.astimezone(zone)
        at += timedelta(minutes=15)  # zones with half and quarter hours have full hours too
        if here.minute or here.hour % every:
            continue
        share = _x(here.astimezone(UTC), start, end) / 10
        if 2 <= share <= 98:
            yield Tick(share, here.strftime("%H:%M"))


def _summary(points: Sequence[Point], events: Sequence[EventRow]) -> str:
    """The strip in a sentence, for those who do not see it."""
    if not points:
        return _("No frames have been recorded.")
    counts = Counter(point.verdict for point in points)
    parts = [f"{_(_VERDICT_WORDS[name])} {100 * n / len(points):.0f} %" for name, n in counts.items()]
    frames = ngettext("one frame", "%(n)d frames", len(points))
    found = ngettext("one aurora event", "%(n)d aurora events", len(events))
    return f"{frames}: {', '.join(parts)}; {found}."
