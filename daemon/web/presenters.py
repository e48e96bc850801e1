"""Rows of the record as the page shows them: words, addresses, outlines. Pure but for the outline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlencode

from daemon.gate import degrees_text
from daemon.observation import from_utc_text, utc_text
from daemon.record.store import heatmap_from_bytes
from daemon.sky import geometry
from daemon.web import phrases
from daemon.web.ports import View

Row = Mapping[str, Any]
OUTLINE_SIDE = 240  # the viewBox the outline is drawn in; also the model's own picture size
JUDGED = {"aurora": "right", "none": "wrong", "obscured": "impossible to tell"}


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


@dataclass(frozen=True)
class EventCard:
    """One event, ready to be shown."""

    id: str
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


@dataclass(frozen=True)
class Gauge:
    """How sure, as a bar."""

    percent: float
    text: str
    threshold: float | None
    words: str


def shown(
    row: Row | None, view: View, now: datetime | None = None, since: datetime | None = None
) -> Shown | None:
    """An observation; with ``now`` its age too."""
    if row is None:
        return None
    at = from_utc_text(row["observed_at"])
    age_s = (now - at).total_seconds() if now is not None else None
    return Shown(
        observed_at=row["observed_at"],
        clock=phrases.clock(at, view.timezone),
        caption=phrases.clock_and_zone(at, view.timezone),
        age_s=age_s,
        age="" if age_s is None else phrases.lasting(age_s),
        sentence=phrases.of_row(row, view.timezone, since).sentence,
        picture=picture_url(row.get("picture")),
        # A map is scaled to its own peak: where no aurora is seen it would point at nothing.
        outline=outline(row.get("heatmap")) if row["verdict"] == "aurora" else "",
        probability=decimal(row.get("calibrated_probability")),
        threshold=decimal(row.get("threshold")),
    )


def picture_url(relative: str | None) -> str | None:
    """The address of a kept picture."""
    return f"/frames/{quote(relative)}" if relative else None


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


def decimal(value: float | None, digits: int = 2) -> str:
    """A number for people; a dash where there is none."""
    return "–" if value is None else f"{value:.{digits}f}"


def gauge(row: Row | None) -> Gauge | None:
    """The probability of an observation as a bar with its threshold."""
    if row is None or row.get("calibrated_probability") is None:
        return None
    value, threshold = float(row["calibrated_probability"]), row.get("threshold")
    told = f"probability {value:.2f}" + (f", threshold {threshold:.2f}" if threshold is not None else "")
    return Gauge(
        percent=round(100 * value, 1),
        text=f"{value:.2f}",
        threshold=round(100 * threshold, 1) if threshold is not None else None,
        words=told,
    )


def facts(row: Row | None) -> list[tuple[str, str]]:
    """Everything an observation holds, for those who want the numbers."""
    if row is None:
        return []
    moonlit = f", {phrases.lit_percent(row['moon_phase_deg'])} % lit"
    model = row.get("model_sha256")
    listed = [
        ("Observed", row["observed_at"]),
        ("Verdict", f"{row['verdict']} ({row['reason']})" if row["reason"] else row["verdict"]),
        ("Probability, calibrated", decimal(row["calibrated_probability"], 3)),
        ("Probability, as computed", decimal(row["probability"], 3)),
        ("Threshold", f"{decimal(row['threshold'], 3)} for {row['twilight']}, moonlight {row['moonlight']}"),
        ("Clear sky", decimal(row["clear_probability"], 3)),
        ("Sun", f"{degrees_text(row['sun_altitude_deg'])}, {row['twilight']}"),
        ("Moon", f"{degrees_text(row['moon_altitude_deg'])}, phase {row['moon_phase_deg']:.0f}°{moonlit}"),
        ("Direction", _direction(row)),
        ("Share of the sky", phrases.percent(row["heatmap_area"])),
        ("Colour index", _colour(row)),
        ("Shadow model", decimal(row["shadow_probability"], 3)),
        ("Fetched", row["fetched_at"]),
        ("Recorded", row["recorded_at"]),
        ("Source", row["source"] or "–"),
        ("Model", model[:12] if model else "–"),
    ]
    return [(name, str(value)) for name, value in listed]


def _direction(row: Row) -> str:
    if row["azimuth_deg"] is None or row["elevation_deg"] is None:
        return "–"
    return f"azimuth {row['azimuth_deg']:.0f}°, elevation {row['elevation_deg']:.0f}°"


def _colour(row: Row) -> str:
    if row["colour_index"] is None:
        return "–"
    level = "" if row["colour_level"] is None else f", level {row['colour_level']} of 5"
    return f"{row['colour_index']:.3f}{level}"


def night_link(view: View, night: date, at: str | None = None) -> str:
    """The address of a night, or of an instant in it."""
    query = {"camera": view.name} | ({"at": at} if at else {})
    return f"/night/{night.isoformat()}?{urlencode(query)}"


def cards(events: Iterable[Row], views: Mapping[str, View], now: datetime) -> list[EventCard]:
    """Events as cards; those of cameras unknown by then are left out."""
    return [_card(event, views[event["camera"]], now) for event in events if event["camera"] in views]


def _card(event: Row, view: View, now: datetime) -> EventCard:
    onset = from_utc_text(event["onset_at"])
    ended = from_utc_text(event["ended_at"]) if event["ended_at"] else None
    strong = from_utc_text(event["strong_at"]) if event["strong_at"] else None
    peak = from_utc_text(event["peak_at"]) if event["peak_at"] else onset
    until = phrases.clock(ended, view.timezone) if ended else "now"
    long = phrases.lasting(((ended or now) - onset).total_seconds())
    label = event.get("label")
    return EventCard(
        id=event["id"],
        anchor=f"event-{event['id']}",
        link=night_link(view, view.night(onset), utc_text(peak)),
        picture=picture_url(event.get("picture")),
        times=f"{phrases.clock(onset, view.timezone)} – {until}",
        words=f"{long}, strongest {phrases.clock(peak, view.timezone)} "
        f"with probability {event['peak_probability']:.2f}",
        strong=phrases.clock(strong, view.timezone) if strong else None,
        label=label,
        judged=JUDGED.get(label or ""),
        wrong=label == "none",
        night=view.night(onset),
    )


def compass(view: View) -> list[tuple[float, float, str]]:
    """Where to write N, E, S and W around the dome: (x, y, letter) about a dome of radius 112."""
    if view.orientation is None:
        return []
    edge = view.orientation.edge_elevation_deg
    spots = []
    for azimuth, letter in ((0, "N"), (90, "E"), (180, "S"), (270, "W")):
        x, y = geometry.position(azimuth, edge, view.orientation)
        spots.append((round(x * 112, 1), round(y * 112, 1), letter))
    return spots


def tally(rows: Sequence[Row]) -> list[tuple[str, str]]:
    """A night's frames by verdict, and aurora's share of what could be seen."""
    counts = Counter(row["verdict"] for row in rows)
    judged = counts["aurora"] + counts["clear"] + counts["obscured"]
    open_sky = counts["aurora"] + counts["clear"]
    told = [("Frames", str(len(rows)))]
    if judged:
        told.append(("Sky seen", f"{phrases.percent(open_sky / judged)} of {judged} looked at"))
        told.append(("Obscured", phrases.percent(counts["obscured"] / judged)))
    if open_sky:
        told.append(
            ("Aurora", f"{phrases.percent(counts['aurora'] / open_sky)} of the time the sky was seen")
        )
    for title, count in (("Not looked", counts["not looked"]), ("Stale", counts["stale"])):
        told += [(title, f"{count} frames")] if count else []
    return told
