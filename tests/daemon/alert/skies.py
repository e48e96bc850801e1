"""Twelve skies and what a message says of each: docs/alerts.md is made of them.

python -m tests.daemon.alert.skies      writes the page anew
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from daemon.alert.message import compose
from daemon.config import CameraSettings, NotifySettings
from daemon.observation import Description, Event, EventChange, Observation, Prediction, SkyState

PAGE = Path(__file__).parents[3] / "docs" / "alerts.md"
ONSET = datetime(2024, 2, 10, 5, 41, 3, tzinfo=UTC)
NOW = ONSET + timedelta(minutes=1)
SKY = SkyState(NOW, -31.2, 12.0, -14.5, 200.0, 10.0, "night", "none")
CAMERA = CameraSettings(title="Yellowknife")
PHONE = NotifySettings(name="phone", url="json://localhost")
GREEN = {"green_share": 0.96}

Change = tuple[str, str, dict[str, Any], Description | None, tuple[float | None, float | None]]

SKIES: tuple[Change, ...] = (
    (
        "A faint arc low in the north",
        "onset",
        {},
        Description(1, 0.02, 7.0, 0.1, ("arc",), overhead=False, distance_km=500, trend="steady", **GREEN),
        (4.0, 12.0),
    ),
    (
        "A clear arc that is getting brighter and comes nearer",
        "onset",
        {},
        Description(3, 0.08, 41.0, 1.9, ("arc",), overhead=False, distance_km=280, trend="brightening",
                    drift="equatorward", spread="steady", **GREEN),
        (350.0, 21.0),
    ),
    (
        "Two bands across the sky",
        "onset",
        {},
        Description(4, 0.19, 66.0, 5.1, ("band",), overhead=True, trend="steady", spread="steady", green_share=0.9,
                    pink_share=0.07),
        (95.0, 40.0),
    ),
    (
        "Rays in the north-west and above",
        "onset",
        {},
        Description(5, 0.24, 82.0, 9.4, ("rays",), overhead=True, trend="brightening", drift="steady",
                    green_share=0.8, red_share=0.12),
        (312.0, 48.0),
    ),
    (
        "Breakup",
        "strong",
        {"strong_at": NOW + timedelta(minutes=27), "peak_level": 6},
        Description(6, 0.46, 121.0, 31.0, ("band", "rays"), azimuth_from_deg=0, azimuth_to_deg=360, overhead=True,
                    trend="brightening", drift="poleward", spread="expanding", green_share=0.82, pink_share=0.11,
                    purple_share=0.05),
        (78.0, 37.0),
    ),
    (
        "A corona",
        "stronger",
        {"strong_at": NOW, "peak_level": 6},
        Description(6, 0.52, 140.0, 44.0, ("rays", "corona"), azimuth_from_deg=0, azimuth_to_deg=360, overhead=True,
                    trend="steady", drift="steady", spread="steady", green_share=0.6, red_share=0.2, pink_share=0.15),
        (170.0, 77.0),
    ),
    (
        "Bright for a long time, without a sudden rise",
        "strong",
        {"strong_at": NOW, "peak_level": 5},
        Description(5, 0.29, 70.0, 12.0, ("band",), overhead=False, trend="steady", drift="steady", **GREEN),
        (30.0, 33.0),
    ),
    (
        "Patches all over the sky as the cloud opens",
        "onset",
        {},
        Description(4, 0.61, 34.0, 7.5, ("patches", "diffuse"), azimuth_from_deg=0, azimuth_to_deg=360,
                    overhead=True, trend="fading", spread="steady", **GREEN),
        (120.0, 62.0),
    ),
    (
        "A glow through cloud, its form unknown",
        "onset",
        {},
        Description(2, 0.11, 15.0, 0.8, (), overhead=False, **GREEN),
        (15.0, 28.0),
    ),
    (
        "A camera whose orientation is not known",
        "onset",
        {},
        Description(4, 0.33, 45.0, 8.0, ("arc", "rays"), trend="brightening", spread="expanding", **GREEN),
        (None, None),
    ),
    (
        "A model without mask and forms",
        "onset",
        {},
        Description(3, brightness=36.0, aurora_index=2.0, trend="steady", green_share=1.0),
        (312.0, 35.0),
    ),
    (
        "The end",
        "over",
        {"ended_at": ONSET + timedelta(minutes=64), "ended_reason": "below 0.25 for 15 min", "peak_level": 6,
         "strong_at": NOW},
        None,
        (None, None),
    ),
)  # fmt: skip

BRIGHTEST = {
    "brightest_at": "2024-02-10T06:10:03Z",
    "brightest_level": 6,
    "brightest_cover": 0.46,
    "brightest_forms": "band rays",
    "seen_before_at": "2024-02-10T05:40:03Z",
}


def texts() -> list[tuple[str, str, str]]:
    """(sky, title, body) of each."""
    prediction = Prediction(np.zeros(4, np.float32), 0.97, 0.93, 0.7, np.zeros((8, 8), np.float32), "ab" * 32)
    event = Event("yellowknife-20240210T054103Z", "yellowknife", ONSET, NOW, peak_probability=0.93)
    found = []
    for name, kind, more, shown, (azimuth, elevation) in SKIES:
        at = NOW if kind == "onset" else NOW + timedelta(minutes=27)
        seen = Observation(
            "yellowknife", at, at, "aurora", "aurora", SKY, prediction,
            azimuth_deg=azimuth, elevation_deg=elevation, description=shown,
        )  # fmt: skip
        change = EventChange(kind, replace(event, **more), at)  # type: ignore[arg-type]
        message = compose(
            change, seen, CAMERA, PHONE, "https://aurora.example", BRIGHTEST, sky_seen_before=True
        )
        found.append((name, message.title, message.body))
    return found


def page() -> str:
    """The whole of docs/alerts.md."""
    text = PAGE.read_text(encoding="utf-8")
    head = text[: text.index("## Twelve skies")]
    skies = [f"### {name}\n\n```\n{title}\n\n{body}\n```\n" for name, title, body in texts()]
    return head + "## Twelve skies\n\n" + _INTRODUCTION + "\n" + "\n".join(skies)


_INTRODUCTION = """\
What goes out about twelve skies over Yellowknife, word for word; a test keeps this page true. The picture of that
minute is attached.
"""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
