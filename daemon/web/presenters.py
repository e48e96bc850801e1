"""Rows of the record as the page shows them: words, addresses, outlines. Pure but for the outline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from math import cos, radians, sin
from urllib.parse import quote, urlencode

from daemon import sighting, words
from daemon.observation import from_utc_text, utc_text
from daemon.record.columns import COLUMNS, ObservationRow, heatmap_from_bytes
from daemon.record.rows import CourseRow, EventRow
from daemon.sky import geometry
from daemon.sky.stars.visibility import AZIMUTHS, RINGS_DEG, from_code, share_of
from daemon.web import horizon, phrases
from daemon.web.asking import url
from daemon.web.phrases import Onset
from daemon.web.ports import View
from daemon.web.sight import mask_of
from daemon.web.tongues import N_, _, ngettext

MovieOf = Callable[[str], str | None]  # an event's timelapse, by its id
OUTLINE_SIDE = 240  # the viewBox the outline is drawn in; also the model's own picture size
JUDGED = {"aurora": N_("right"), "none": N_("wrong"), "obscured": N_("impossible to tell")}


@dataclass(frozen=True)
class Shown:
    """One observation, ready to be shown."""

    observed_at: str
    clock: str
    caption: str
    age_s: float | None
    age: str
    sentence: str
    picture: str | None
    outline: str
    probability: str
    threshold: str
    mask: str = ""
    panorama: str | None = None


@dataclass(frozen=True)
class EventCard:
    """One event, ready to be shown. ``camera`` is its camera's title where there are several, else empty."""

    id: str
    camera: str
    anchor: str
    link: str
    picture: str | None
    times: str
    words: str
    strong: str | None
    label: str | None
    judged: str | None
    wrong: bool
    night: date
    movie: str | None


@dataclass(frozen=True)
class Gauge:
    """How sure, as a bar."""

    percent: float
    text: str
    threshold: float | None
    words: str


def certainty(probability: float | None) -> str:
    """:func:`daemon.words.certainty` in the reader's language."""
    return _(words.certainty(probability))


def shown(
    row: ObservationRow | None,
    view: View,
    now: datetime | None = None,
    since: Onset | None = None,
    *,
    dated: bool = False,
) -> Shown | None:
    """An observation; with ``now`` its age too, ``dated`` its date."""
    if row is None:
        return None
    at = from_utc_text(row["observed_at"])
    age_s = (now - at).total_seconds() if now is not None else None
    date_before = f"{phrases.day(phrases.local(at, view.timezone).date())}, " if dated else ""
    return Shown(
        observed_at=row["observed_at"],
        clock=f"{date_before}{phrases.clock(at, view.timezone)}",
        caption=f"{date_before}{phrases.clock_and_zone(at, view.timezone)}",
        age_s=age_s,
        age="" if age_s is None else phrases.lasting(age_s),
        sentence=phrases.of_row(row, view.timezone, since).sentence,
        picture=picture_url(row["picture"]),
        # A map is scaled to its own peak: where no aurora is seen it would point at nothing.
        outline=outline(row["heatmap"]) if row["verdict"] == "aurora" else "",
        probability=certainty(sighting.sure_of(row)),
        threshold=certainty(row["threshold"]),
        mask=horizon.mask_path(mask_of(row)),
        panorama=_panorama_url(row["picture"]) if view.orientation is not None else None,
    )


def _panorama_url(relative: str | None) -> str | None:
    return url(f"/panorama/{quote(relative)}") if relative else None


def picture_url(relative: str | None) -> str | None:
    """The address of a kept picture."""
    return url(f"/frames/{quote(relative)}") if relative else None


def outline(heatmap: bytes | None) -> str:
    """The heat map's outline at half its peak, as an SVG path in a square of 240."""
    return _outline(bytes(heatmap)) if heatmap is not None and len(heatmap) == 64 else ""


@lru_cache(maxsize=4096)
def _outline(kept: bytes) -> str:
    loops = geometry.heatmap_outline(heatmap_from_bytes(kept), OUTLINE_SIDE)
    # Every third point: the outline is drawn from a map 8 cells wide.
    return "".join(
        "M" + "L".join(f"{x:.0f} {y:.0f}" for x, y in loop[::3]) + "Z" for loop in loops if len(loop) >= 6
    )


_TITLES = (
    N_("Observed"), N_("Verdict"), N_("Brightness"), N_("Probability, calibrated"), N_("Probability, as computed"),
    N_("Aurora from"), N_("Clear sky"), N_("Stars"), N_("Sun"), N_("Moon"), N_("Direction"),
    N_("Outlined part of the sky"), N_("Colour of aurora"), N_("Candidate model"), N_("Fetched"), N_("Recorded"),
    N_("Source"), N_("Model"), N_("Level"), N_("Share of the sky"), N_("Forms"), N_("Trend"),
)  # fmt: skip
"""The record's titles of its columns, for the catalogues."""
_VALUES = (
    N_("aurora"), N_("clear"), N_("obscured"), N_("unusable"), N_("not looked"), N_("stale"),
    N_("night"), N_("astronomical"), N_("nautical"), N_("civil"), N_("day"),
    N_("none"), N_("quarter"), N_("full"), N_("aurora through cloud"), N_("clear sky, no aurora"),
    N_("stars seen, no aurora"), N_("stars seen between clouds, no aurora"), N_("stars dimmed by thin cloud, no aurora"),
    N_("over 99 %"), N_("under 1 %"),
)  # fmt: skip
"""Short words of the record, for the catalogues."""


def gauge(row: ObservationRow | None) -> Gauge | None:
    """The probability of an observation as a bar with its threshold."""
    if row is None or row["calibrated_probability"] is None:
        return None
    value, threshold = row["calibrated_probability"], row["threshold"]
    said = _("probability %(percent)s", percent=certainty(value))
    if threshold is not None:
        said = _(
            "probability %(percent)s, aurora from %(threshold)s",
            percent=certainty(value),
            threshold=certainty(threshold),
        )
    return Gauge(
        percent=round(100 * value, 1),
        text=certainty(value),
        threshold=round(100 * threshold, 1) if threshold is not None else None,
        words=said,
    )


def facts(row: ObservationRow | None) -> list[tuple[str, str]]:
    """Everything an observation holds, for those who want the numbers."""
    if row is None:
        return []
    plain = dict(row)
    return [
        (_(column.title), _FACTS[column.name](row) if column.name in _FACTS else _fact(plain[column.name]))
        for column in COLUMNS
        if column.title
    ]


def _fact(value: object) -> str:
    """A column that is shown as it is; what is a number and has no words of its own is a probability."""
    return certainty(value) if value is None or isinstance(value, float) else str(value)


def _stars(row: ObservationRow) -> str:
    """How much of the starlight comes through; a dash where that is not known."""
    share = share_of(row["stars"]) if row["stars"] else None
    if share is None:
        return words.NO_VALUE
    return _("%(percent)s of their light comes through", percent=words.percent(share))


@dataclass(frozen=True)
class Patch:
    """One sector of the star map: its outline in a circle of radius 100, its level 0 to 4 (None: not known), in words."""

    path: str
    level: int | None
    words: str


def star_map(row: ObservationRow | None) -> list[Patch]:
    """The sky by stars, sector by sector, north up and east left; empty where nothing is recorded."""
    if row is None or not row["stars"]:
        return []
    return [_patch(number, share) for number, share in enumerate(from_code(row["stars"]))]


def _patch(number: int, share: float | None) -> Patch:
    ring, around = divmod(number, AZIMUTHS)
    outer, inner = ((90 - edge) / 75 * 100 for edge in RINGS_DEG[ring : ring + 2])
    left, right = ((around + step) * 360 / AZIMUTHS for step in (-0.5, 0.5))

    def at(radius: float, azimuth_deg: float) -> str:
        angle = radians(azimuth_deg)
        return f"{-radius * sin(angle):.1f} {-radius * cos(angle):.1f}"

    arc, back = f"A{outer:.1f} {outer:.1f} 0 0 0", f"A{inner:.1f} {inner:.1f} 0 0 1"
    path = f"M{at(outer, left)}{arc} {at(outer, right)}L{at(inner, right)}"
    path += (f"{back} {at(inner, left)}" if inner else "") + "Z"
    where = _(
        "%(compass)s, %(low)d to %(high)d° up",
        compass=phrases.compass(around * 360 / AZIMUTHS),
        low=RINGS_DEG[ring],
        high=RINGS_DEG[ring + 1],
    )
    told = _("too few stars to tell")
    if share is not None:
        told = _("%(percent)s of the starlight", percent=words.percent(share))
    return Patch(path, None if share is None else min(4, int(share * 5)), f"{where}: {told}")


def _forms(held: str | None) -> str:
    """All the forms seen; "none" where they were looked for and none was found."""
    if held is None:
        return words.NO_VALUE
    return _(", ").join(sighting.forms({"forms": name}, _) for name in held.split()) or _("none")


def _direction(row: ObservationRow) -> str:
    if row["azimuth_deg"] is None or row["elevation_deg"] is None:
        return _("unknown") if row["verdict"] == "aurora" else words.NO_VALUE
    return _(
        "azimuth %(azimuth)d°, elevation %(elevation)d°",
        azimuth=row["azimuth_deg"],
        elevation=row["elevation_deg"],
    )


def _colour(row: ObservationRow) -> str:
    if row["colour_cover"] is None:
        return words.NO_VALUE
    share = words.percent(row["colour_cover"])
    if row["colour_level"] is None:
        return _("on %(percent)s of the sky", percent=share)
    return _("on %(percent)s of the sky, level %(level)d of 5", percent=share, level=row["colour_level"])


def _moon(row: ObservationRow) -> str:
    return _(
        "%(altitude)s, phase %(phase)d°, %(lit)d %% lit",
        altitude=phrases.degrees(row["moon_altitude_deg"]),
        phase=round(row["moon_phase_deg"]),
        lit=words.lit_percent(row["moon_phase_deg"]),
    )


def _threshold(row: ObservationRow) -> str:
    return _(
        "%(threshold)s (%(twilight)s, moonlight %(moonlight)s)",
        threshold=certainty(row["threshold"]),
        twilight=_(row["twilight"]),
        moonlight=_(row["moonlight"]),
    )


_FACTS: dict[str, Callable[[ObservationRow], str]] = {
    "verdict": lambda row: (
        f"{_(row['verdict'])} ({phrases.why(row)})" if row["reason"] else _(row["verdict"])
    ),
    "colour_level": lambda row: _(sighting.brightness(row) or words.NO_VALUE),
    "threshold": _threshold,
    "sun_altitude_deg": lambda row: f"{phrases.degrees(row['sun_altitude_deg'])}, {_(row['twilight'])}",
    "moon_altitude_deg": _moon,
    "azimuth_deg": _direction,
    "heatmap_area": lambda row: words.percent(row["heatmap_area"]),
    "colour_cover": _colour,
    "cover": lambda row: words.percent(row["cover"]),
    "forms": lambda row: _forms(row["forms"]),
    "trend": lambda row: _(row["trend"]) if row["trend"] else words.NO_VALUE,
    "stars": _stars,
    "model_sha256": lambda row: (row["model_sha256"] or words.NO_VALUE)[:12],
}
"""Columns that are shown in words of their own, or together with others."""


def night_link(view: View, night: date, at: str | None = None) -> str:
    """The address of a night, or of an instant in it."""
    query = {"camera": view.name} | ({"at": at} if at else {})
    return url(f"/night/{night.isoformat()}?{urlencode(query)}")


def cards(
    events: Iterable[EventRow], views: Mapping[str, View], ongoing: frozenset[str], movie_of: MovieOf
) -> list[EventCard]:
    """Events as cards; ``ongoing``: ids of those under way. Cameras unknown by then are left out."""
    return [
        _card(
            event,
            views[event["camera"]],
            movie_of(event["id"]),
            ongoing=event["id"] in ongoing,
            named=len(views) > 1,
        )
        for event in events
        if event["camera"] in views
    ]


def _card(event: EventRow, view: View, movie: str | None, *, ongoing: bool, named: bool) -> EventCard:
    onset, strong, best = (instant(event[key]) for key in ("onset_at", "strong_at", "brightest_at"))
    assert onset is not None
    best = best or instant(event["peak_at"]) or onset
    label = event["label"]
    return EventCard(
        id=event["id"],
        camera=view.title if named else "",
        anchor=f"event-{event['id']}",
        link=night_link(view, view.night(onset), utc_text(best)),
        picture=picture_url(event["picture"]),
        times=_times(event, view, onset, ongoing=ongoing),
        words=_how_bright(event, view, best),
        strong=phrases.clock(strong, view.timezone) if strong else None,
        label=label,
        judged=_(JUDGED[label]) if label in JUDGED else None,
        wrong=label == "none",
        night=view.night(onset),
        movie=movie,
    )


def instant(text: str | None) -> datetime | None:
    """A time of the record, or None where there is none."""
    return from_utc_text(text) if text else None


def _times(event: EventRow, view: View, onset: datetime, *, ongoing: bool) -> str:
    """``21:20 – 22:41, 1 h 21 min``; what is not under way and has no end was last seen at some time."""
    begin = phrases.onset_of(event).clock(view.timezone)
    ended, seen = instant(event["ended_at"]), instant(event["last_seen_at"]) or onset
    if ended is None and ongoing:
        return _("since %(clock)s", clock=begin)
    if ended is None:
        return _("%(begin)s, last seen %(clock)s", begin=begin, clock=phrases.clock(seen, view.timezone))
    return f"{begin} – {phrases.clock(ended, view.timezone)}, {phrases.between(onset, ended)}"


def _how_bright(event: EventRow, view: View, best: datetime) -> str:
    """``Brightest at 22:20: bright rays over much of the sky, level 4. Probability over 99 %.``"""
    seen = sighting.of_event(event)
    sure = _("Probability %(percent)s.", percent=certainty(event["peak_probability"]))
    if seen["level"] is None:
        return sure
    how = sighting.within(seen, _)
    brightest = _("Brightest at %(clock)s: %(how)s.", clock=phrases.clock(best, view.timezone), how=how)
    return f"{brightest} {sure}"


def tally(rows: Sequence[CourseRow]) -> list[tuple[str, str]]:
    """A night's frames by verdict, and aurora's share of what could be seen."""
    counts: Counter[str] = Counter(row["verdict"] for row in rows)
    judged = counts["aurora"] + counts["clear"] + counts["obscured"]
    open_sky = counts["aurora"] + counts["clear"]
    sums = [(_("Frames"), str(len(rows)))]
    if judged:
        share, hidden = (words.percent(n / judged) for n in (open_sky, counts["obscured"]))
        seen = _("in %(percent)s of %(n)d frames looked at", percent=share, n=judged)
        sums += [(_("Sky visible"), seen), (_("Sky hidden"), _("in %(percent)s", percent=hidden))]
    if open_sky:
        sums.append((_("Aurora"), of_the_visible(counts["aurora"] / open_sky)))
    others = (
        (_("Unusable"), "unusable"),
        (_("Too light"), "not looked"),
        (_("No new picture"), "stale"),
    )
    for title, verdict in others:
        count = counts[verdict]
        sums += [(title, ngettext("one frame", "%(n)d frames", count))] if count else []
    return sums


def of_the_visible(share: float | None) -> str:
    """Aurora's share of the time that the sky could be seen."""
    return _("%(percent)s of the time the sky was visible", percent=words.percent(share))
