"""The nouns of the watch: frozen values, no I/O, no decisions.

Times are aware datetimes in UTC. Angles are degrees, named so. Pictures are ``uint8`` arrays in
OpenCV's BGR order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]
HeatMap = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

Twilight = Literal["night", "astronomical", "nautical", "civil", "day"]
Moonlight = Literal["none", "quarter", "full"]
Verdict = Literal["aurora", "clear", "obscured", "unusable", "not looked", "stale"]
EventPhase = Literal["quiet", "pending", "active", "over"]
EventChangeKind = Literal["onset", "strong", "stronger", "over"]
EVENT_CHANGES: tuple[EventChangeKind, ...] = get_args(EventChangeKind)
Trend = Literal["brightening", "fading", "steady"]
Drift = Literal["poleward", "equatorward", "steady"]
Spread = Literal["expanding", "shrinking", "steady"]

TWILIGHTS: tuple[Twilight, ...] = ("night", "astronomical", "nautical", "civil", "day")
MOONLIGHTS: tuple[Moonlight, ...] = ("none", "quarter", "full")
VERDICTS: tuple[Verdict, ...] = ("aurora", "clear", "obscured", "unusable", "not looked", "stale")
JUDGED: tuple[Verdict, ...] = ("aurora", "clear", "obscured")
"""Verdicts about the sky. Of an ``unusable`` picture the record keeps what the model said, which nothing is said by."""


@dataclass(frozen=True)
class Disc:
    """Where the sky disc lies, in pixels of a reference picture ``width`` × ``height``.

    A picture of another size is taken as the same picture scaled by its height and centred, so
    one disc serves AuroraMAX's 480p, 720p and 1080p.
    """

    centre_x: float
    centre_y: float
    radius: float
    width: int
    height: int


@dataclass(frozen=True)
class Lens:
    """How a fisheye lays the sky down: ``r = a z + b z³``.

    ``r`` is the distance from the optical axis in radii of the disc, ``z`` the angle from the axis
    in units of 90°. The axis meets the disc at (``centre_x``, ``centre_y``), in radii from the disc's
    centre, right and down. It points ``tilt_deg`` away from the zenith, toward ``tilt_azimuth_deg``.
    """

    a: float = 1.0
    b: float = 0.0
    centre_x: float = 0.0
    centre_y: float = 0.0
    tilt_deg: float = 0.0
    tilt_azimuth_deg: float = 0.0


@dataclass(frozen=True)
class Orientation:
    """How the disc is turned and what its lens does.

    ``north_deg`` is the direction of geographic north in the picture, clockwise from up.
    ``east_left`` is true where the sky is seen from below, as cameras see it: with north up,
    east is left. ``lens`` is what the stars have shown of it; without one the lens is taken as
    equidistant, zenith at the centre, with ``edge_elevation_deg`` at the disc's edge.
    """

    north_deg: float
    east_left: bool = True
    edge_elevation_deg: float = 0.0
    lens: Lens | None = None


@dataclass(frozen=True)
class FoundLens:
    """A lens that the stars of a camera's own frames gave.

    ``at`` is the time of the frame; ``error_deg`` its likely error over the sky and ``stars`` how many it rests on, None
    where a default was found right as it is. ``turned_deg`` is the angle from the lens before, where there was one.
    """

    orientation: Orientation
    at: datetime
    error_deg: float | None
    stars: int | None
    turned_deg: float | None = None


@dataclass(frozen=True, eq=False)
class Points:
    """Points of light on the disc, strongest first, arrays of one shape (n,), and the sky behind them.

    ``x y`` in −1…1 from the disc's centre, right and down; ``height`` grey levels above the surroundings.
    ``level`` and ``least`` are maps (m, m) of the square around the disc: the sky's grey level, and the least
    height with which a point is noticed there.
    """

    x: npt.NDArray[np.float64]
    y: npt.NDArray[np.float64]
    height: npt.NDArray[np.float64]
    level: npt.NDArray[np.float32] = field(default_factory=lambda: np.full((1, 1), 16.0, np.float32))
    least: npt.NDArray[np.float32] = field(default_factory=lambda: np.full((1, 1), 1.5, np.float32))

    def __len__(self) -> int:
        return len(self.x)


STAMP_DIRECTIVES = ("%Y", "%y", "%m", "%b", "%B", "%d", "%H", "%I", "%p", "%M", "%S", "%f", "%a", "%A")
"""What a stamp's format can hold: numbers, English names of months and days, clocks of 24 and of 12 hours."""


@dataclass(frozen=True)
class StampStyle:
    """What the burnt-in clock looks like and where.

    ``region`` is (left, top, right, bottom) as fractions of the picture's width and height.
    ``formats`` are strptime formats without zone; ``timezone`` is the zone the stamp is written
    in where it carries no abbreviation of its own (an IANA name, ``UTC`` included).
    """

    region: tuple[float, float, float, float]
    formats: tuple[str, ...]
    timezone: str


@dataclass(frozen=True)
class Camera:
    """One all-sky imager and where it stands. ``stamp`` is None where there is no clock.

    ``orientation`` is what is established; ``start`` what the stars may begin with where it is not.
    """

    name: str
    latitude_deg: float
    longitude_deg: float
    timezone: str
    disc: Disc
    elevation_m: float | None = None
    orientation: Orientation | None = None
    stamp: StampStyle | None = None
    cadence_s: float = 60.0
    start: Orientation | None = None


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of the sky on its way through the pipeline.

    ``square`` is the masked, cropped sky disc, (240, 240, 3), what the model sees;
    ``picture`` the disc as JPEG for people (empty where none is kept);
    ``stamp`` the strip with the burnt-in clock, or None;
    ``source`` a file name or address, for the record; ``index`` the frame's number in its movie;
    ``points`` of light in the disc, None where the owner gives an orientation without a lens.
    ``flaw`` why the disc is no sky (:mod:`daemon.footage.plausibility`), or None.
    """

    camera: str
    square: Picture
    picture: bytes
    stamp: Picture | None
    source: str
    fetched_at: datetime
    observed_at: datetime | None = None
    last_modified: datetime | None = None
    index: int = 0
    points: Points | None = None
    flaw: str | None = None


@dataclass(frozen=True)
class SkyState:
    """Sun and moon over one place at one instant. Altitudes are apparent and airless, as the method has them."""

    at: datetime
    sun_altitude_deg: float
    sun_azimuth_deg: float
    moon_altitude_deg: float
    moon_azimuth_deg: float
    moon_phase_deg: float
    twilight: Twilight
    moonlight: Moonlight


@dataclass(frozen=True)
class Gate:
    """May we look, may we alert, and why not (``reason`` is "dark enough" when both)."""

    look: bool
    alert: bool
    reason: str


@dataclass(frozen=True, eq=False)
class Prediction:
    """What the model said of one frame.

    ``logits`` (4,): no aurora, aurora, cloudy, clear. ``probability`` is the softmax of the
    aurora output, ``calibrated_probability`` the same after temperature scaling;
    ``clear_probability`` the softmax of the sky-clear output. ``heatmap`` is the Grad-CAM of the
    aurora output at its own size (8, 8), scaled so that its peak is 1 (all 0 when empty). ``doubted``:
    the picture is further from all the model knows than its card allows. ``mask`` (60, 60) is true where
    there is aurora, row 0 at the top of the disc; ``forms`` the names of those present, ``form_probabilities``
    all of them; each None from a model that is not asked.
    """

    logits: npt.NDArray[np.float32]
    probability: float
    calibrated_probability: float
    clear_probability: float
    heatmap: HeatMap
    model_sha256: str
    doubted: bool = False
    mask: Mask | None = None
    forms: tuple[str, ...] | None = None
    form_probabilities: Mapping[str, float] | None = None


@dataclass(frozen=True, eq=False)
class Description:
    """What a frame shows beside yes or no; docs/description.md states each quantity. None: not established.

    ``level`` 0…6. ``cover`` is the aurora's share of the sky's solid angle. ``brightness`` of its brightest part
    and ``aurora_index``, its light over the whole sky, in counts over the sky's background. Azimuths go clockwise
    from ``azimuth_from_deg`` to ``azimuth_to_deg``. ``distance_km`` to its lower border along the ground, where it
    is low. ``poleward_deg`` is where its middle stands from the zenith. ``arciness`` 0…1; ``curvature`` in one
    over the disc's radius. The shares are of its light. ``mask`` as in :class:`Prediction`, without specks.
    """

    level: int
    cover: float | None = None
    brightness: float | None = None
    aurora_index: float | None = None
    forms: tuple[str, ...] | None = None
    form_probabilities: Mapping[str, float] | None = None
    azimuth_from_deg: float | None = None
    azimuth_to_deg: float | None = None
    lower_edge_deg: float | None = None
    upper_edge_deg: float | None = None
    overhead: bool | None = None
    distance_km: float | None = None
    poleward_deg: float | None = None
    arciness: float | None = None
    curvature: float | None = None
    green_share: float | None = None
    red_share: float | None = None
    pink_share: float | None = None
    purple_share: float | None = None
    trend: Trend | None = None
    drift: Drift | None = None
    spread: Spread | None = None
    mask: Mask | None = None


@dataclass(frozen=True, eq=False)
class Observation:
    """One minute of the record. None marks what was not established.

    ``description`` is None where nothing can be described (not looked at, cloud).
    ``stars`` is the share of the starlight that comes through, sector by sector (see ``daemon.sky.stars.visibility``);
    ``star_limit`` the magnitude to which this frame shows them, ``star_zero`` that of a star of one unit of light, and
    ``star_gamma`` the power by which its grey levels go to light.
    """

    camera: str
    observed_at: datetime
    fetched_at: datetime
    verdict: Verdict
    reason: str
    sky: SkyState
    prediction: Prediction | None = None
    threshold: float | None = None
    colour_cover: float | None = None
    colour_level: int | None = None
    heatmap_area: float | None = None
    azimuth_deg: float | None = None
    elevation_deg: float | None = None
    source: str = ""
    picture: str | None = None
    shadow_probability: float | None = None
    stars: str | None = None
    star_limit: float | None = None
    description: Description | None = None
    star_zero: float | None = None
    star_gamma: float | None = None


@dataclass(frozen=True)
class Event:
    """One stretch of aurora over one camera.

    ``id`` is ``camera-YYYYMMDDTHHMMSSZ`` of the onset. ``onset_at`` is the first frame above
    ``on`` of those that confirmed it; ``confirmed_at`` the frame that did; ``strong_at`` when
    a strong level was first seen, ``peak_level`` the highest, None where none was. ``ended_reason`` says why it is over; ``in_cool_down`` marks an event that
    began within the cool-down of the one before, about which no message goes out.
    """

    id: str
    camera: str
    onset_at: datetime
    confirmed_at: datetime
    ended_at: datetime | None = None
    strong_at: datetime | None = None
    peak_probability: float = 0.0
    peak_at: datetime | None = None
    ended_reason: str | None = None
    in_cool_down: bool = False
    peak_level: int | None = None

    def plain(self) -> dict[str, Any]:
        """Its fields as its table and the watch's state keep them, instants as text."""
        values = vars(self).items()
        return {name: utc_text(value) if isinstance(value, datetime) else value for name, value in values}

    @classmethod
    def from_plain(cls, kept: Mapping[str, Any]) -> Event:
        """Undoes :meth:`plain`, to the second; what else is kept beside it is not looked at.

        Raises TypeError, ValueError or AttributeError for what is no event.
        """
        values = {each.name: kept[each.name] for each in fields(cls) if each.name in kept}
        for name, value in values.items():
            if name.endswith("_at") and value is not None:
                values[name] = from_utc_text(value)
        return cls(**values | {"in_cool_down": bool(values.get("in_cool_down"))})


@dataclass(frozen=True)
class EventChange:
    """What just happened to an event; ``event`` is its state afterwards."""

    kind: EventChangeKind
    event: Event
    at: datetime


@dataclass(frozen=True)
class Message:
    """One message for one channel, as it waits in the outbox.

    (``event_id``, ``kind``, ``channel``) is unique, so a message is never queued twice.
    ``picture`` is the path of the picture to attach, or None.
    """

    event_id: str
    kind: str
    channel: str
    audience: Literal["aurora", "operator"]
    camera: str
    title: str
    body: str
    created_at: datetime
    expires_at: datetime
    picture: str | None = None


@dataclass(frozen=True)
class OutboxRow:
    """A message that is due. ``attempts`` counts this one."""

    id: int
    message: Message
    attempts: int


def utc_text(at: datetime) -> str:
    """ISO-8601 UTC text with Z and whole seconds: ``2024-02-10T04:50:03Z``."""
    # strftime would write the year 999 with three digits, which sorts behind every other time.
    return at.astimezone(UTC).isoformat(timespec="seconds")[:19] + "Z"


def from_utc_text(text: str) -> datetime:
    """The aware UTC datetime of :func:`utc_text`'s form. Raises ValueError for a text without a zone."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text!r} says no zone; times end in Z here")
    return at.astimezone(UTC)
