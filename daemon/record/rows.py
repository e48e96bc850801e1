"""What the reader gives, table by table; times and dates are the record's own text.

Observations have theirs in :mod:`daemon.record.columns`.
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict

from daemon.observation import Drift, Moonlight, Spread, Trend, Twilight, Verdict

Label = Literal["aurora", "none", "obscured"]
Queue = Literal["uncertainty", "disagreement", "night", "random"]


class CourseRow(TypedDict):
    """As much of an observation as a night's strip draws."""

    observed_at: str
    verdict: Verdict
    calibrated_probability: float | None
    threshold: float | None
    level: int | None
    colour_level: int | None


class LookRow(TypedDict):
    """As much of an observation as an event is decided on; where it came from, and how long after it was fetched."""

    observed_at: str
    fetched_after_s: int
    source: str | None
    verdict: Verdict
    calibrated_probability: float | None
    threshold: float | None
    level: int | None
    colour_cover: float | None
    sun_altitude_deg: float


class MomentRow(TypedDict):
    """As much of a description as the frames after it are compared with."""

    observed_at: str
    aurora_index: float | None
    cover: float | None
    poleward_deg: float | None
    trend: Trend | None
    drift: Drift | None
    spread: Spread | None


class KeogramRow(TypedDict):
    """One column of the keogram: ``rgb`` is 120 × 3 bytes from north to south."""

    observed_at: str
    rgb: bytes


class NightRow(TypedDict):
    """A night's sum."""

    camera: str
    night: str
    first_at: str
    last_at: str
    observations: int
    aurora: int
    clear: int
    obscured: int
    not_looked: int
    stale: int
    moon_quarter: int
    moon_full: int
    peak_probability: float | None
    peak_at: str | None
    events: int
    looked: int
    unusable: int
    observable: int
    aurora_share: float | None


class EventRow(TypedDict):
    """An event with its brightest frame (:mod:`daemon.record.event_rows`), when the sky was last seen before it, when an open one was last seen, the last answer to "was this right?", and what that means."""

    id: str
    camera: str
    onset_at: str
    confirmed_at: str
    strong_at: str | None
    ended_at: str | None
    ended_reason: str | None
    peak_probability: float
    peak_at: str | None
    in_cool_down: bool
    peak_level: int | None
    brightest_at: str | None
    brightest_level: int | None
    brightest_cover: float | None
    brightest_forms: str | None
    seen_before_at: str | None
    last_seen_at: str | None
    picture: str | None
    label: Label | None
    right: bool | None


class MessageRow(TypedDict):
    """A row of the outbox."""

    id: int
    event_id: str
    kind: str
    channel: str
    audience: str
    camera: str
    title: str
    body: str
    picture: str | None
    created_at: str
    expires_at: str
    attempts: int
    next_attempt_at: str
    claimed_at: str | None
    delivered_at: str | None
    expired_at: str | None
    last_error: str | None


class EventWholeRow(EventRow):
    """An event with the messages about it."""

    messages: list[MessageRow]


class LabelRow(TypedDict):
    """A label, and what the record knows of its frame: None where that was not watched here."""

    id: int
    camera: str
    observed_at: str
    label: Label
    labelled_by: str
    labelled_at: str
    queue: str
    event_id: str | None
    model_sha256: str | None
    model_probability: float | None
    model_verdict: Verdict | None
    undone_at: str | None
    picture: str | None
    source: str | None
    twilight: Twilight | None
    moonlight: Moonlight | None
    night: str | None


class CandidateRow(TypedDict):
    """As much of an observation as decides whether its label is wanted; ``label`` is one it has."""

    camera: str
    observed_at: str
    night: str
    twilight: Twilight
    moonlight: Moonlight
    colour_level: int | None
    calibrated_probability: float
    threshold: float | None
    shadow_probability: float | None
    label: int | None


class ModelRow(TypedDict):
    """A model that has looked; ``card`` is what it says of itself."""

    sha256: str
    name: str
    card: dict[str, Any]
    first_used_at: str
