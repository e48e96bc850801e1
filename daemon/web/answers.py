"""What the JSON API answers with beyond the record's own rows; the OpenAPI document is made from these types."""

from __future__ import annotations

from typing import Annotated, TypedDict

from daemon.observation import Verdict
from daemon.record.rows import EventRow
from daemon.web.present import State

Instant = Annotated[str, "date-time"]
"""A time whose key does not end in ``_at``."""


class CameraAnswer(TypedDict):
    """A camera and the live state of its watch; null where it is not watched or has no present."""

    name: str
    title: str
    timezone: str
    cadence_s: float
    latitude_deg: float | None
    longitude_deg: float | None
    watched: bool
    state: State
    words: str
    next_step: str
    observed_at: str | None
    verdict: Verdict | None
    picture: str | None
    last_fetch_at: str | None
    last_frame_at: str | None
    stale: str | None
    look: bool | None
    alert: bool | None
    reason: str | None
    until: Instant | None


class EventAnswer(EventRow):
    """An event; ``ongoing`` where it is under way."""

    ongoing: bool


class ObservationDetails(TypedDict):
    """What a single observation carries besides its row: its map as 8 × 8 numbers, the outline, the page's words."""

    heatmap: list[list[float]] | None
    outline: str
    mask: list[str] | None
    words: str
    facts: list[list[str]]


class Sheet(TypedDict):
    """How a contact sheet is laid out: frames in all, columns, px of a frame's side."""

    frames: int
    columns: int
    side: int


class NightAnswer(TypedDict):
    """A night's frames as columns."""

    camera: str
    night: str
    sheet: Sheet
    observed_at: list[Instant]
    clock: list[str]
    verdict: list[str]
    headline: list[str]
    detail: list[str]
    kind: list[str]
    calibrated_probability: list[float | None]
    threshold: list[float | None]
    certainty: list[str]
    needed: list[str]
    strength: list[int | None]
    picture: list[str | None]


class QueuedAnswer(TypedDict):
    """A frame to label, in words."""

    camera: str
    observed_at: str
    picture: str | None
    where: str
    sky: str
    model: str
