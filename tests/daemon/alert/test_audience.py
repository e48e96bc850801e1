"""Which channel hears of which change, by level, form and cover; and the words for what is seen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from daemon import sighting
from daemon.alert.audience import due
from daemon.alert.news import News
from daemon.config import CameraSettings, NotifySettings, Settings
from daemon.event import EventState
from daemon.observation import Description, Event, EventChange, Observation, Prediction, SkyState
from daemon.record import snoozes
from daemon.record.store import Store
from tests.conftest import SetClock

T0 = datetime(2024, 2, 10, 4, 50, 3, tzinfo=UTC)
SKY = SkyState(T0, -31.2, 12.0, 14.5, 200.0, 98.75, "night", "quarter")
EVENT = Event("e", "yellowknife", T0, T0)


def observation(description: Description | None, verdict: Any = "aurora") -> Observation:
    prediction = Prediction(np.zeros(4, np.float32), 0.9, 0.9, 0.9, np.zeros((8, 8), np.float32), "ab")
    at = T0 + timedelta(minutes=1)
    return Observation("yellowknife", at, at, verdict, "", SKY, prediction, description=description)


def kinds(
    channel: dict[str, Any],
    description: Description | None,
    *changes: EventChange,
    event: Event | None = EVENT,
    told: bool = False,
) -> list[str]:
    settings = NotifySettings(name="phone", url="json://localhost", **channel)  # type: ignore[arg-type]
    return [c.kind for c in due(changes, event, observation(description), settings, lambda _: told)]


def change(kind: Any, **of_event: Any) -> EventChange:
    return EventChange(kind, Event("e", "yellowknife", T0, T0, **of_event), T0)


def test_a_channel_without_thresholds_hears_every_change_once() -> None:
    """Of its kinds, as they happen, and nothing in the minutes between."""
    assert kinds({}, None, change("onset")) == ["onset"]
    assert kinds({}, Description(4, 0.5)) == []
    assert kinds({}, Description(4), change("stronger")) == []
    assert kinds({"kinds": ("stronger",)}, Description(4), change("stronger")) == ["stronger"]


@pytest.mark.parametrize(
    ("waits_for", "below", "above"),
    [
        ({"min_level": 4}, Description(3, 0.5), Description(4)),
        ({"min_cover": 0.3}, Description(5, 0.2), Description(1, 0.3)),
        (
            {"forms": ("corona", "rays")},
            Description(5, 0.5, forms=("arc",)),
            Description(2, forms=("rays", "arc")),
        ),
        ({"forms": ("corona",)}, Description(5, 0.5), Description(2, forms=("corona",))),
    ],
)
def test_a_channel_that_waits_hears_of_the_onset_when_it_is_there(
    waits_for: dict[str, Any], below: Description, above: Description
) -> None:
    """Not at the onset but in the first frame that has it, once; unknown counts as not there."""
    assert kinds(waits_for, below, change("onset")) == []
    assert kinds(waits_for, below) == []
    assert kinds(waits_for, above) == ["onset"]
    assert kinds(waits_for, above, told=True) == []
    assert kinds(waits_for, above, change("onset")) == ["onset"]
    assert kinds(waits_for, above, event=None) == []


def test_it_hears_of_the_end_only_where_it_has_heard_of_the_event() -> None:
    """No "has ended" out of the blue."""
    waits = {"min_level": 4}
    assert kinds(waits, None, change("over"), event=None, told=False) == []
    assert kinds(waits, None, change("over"), event=None, told=True) == ["over"]
    assert kinds({}, None, change("over"), event=None) == ["over"]


def test_one_message_a_frame_where_strong_and_the_late_onset_meet() -> None:
    """A channel that waits for level 5 gets "strong" and no onset beside it."""
    assert kinds({"min_level": 5}, Description(5, 0.4), change("strong", strong_at=T0)) == ["strong"]


def test_an_event_that_begins_strong_is_one_message() -> None:
    """Unless the channel hears of onsets alone; the end of the event before is a message of its own."""
    both = (change("onset"), change("strong", strong_at=T0))
    assert kinds({}, Description(5), *both) == ["strong"]
    assert kinds({"kinds": ("onset", "over")}, Description(5), *both) == ["onset"]
    assert kinds({}, Description(5), change("over"), *both) == ["over", "strong"]


def test_in_the_cool_down_only_a_strong_event_is_news() -> None:
    """Onset and steps up of an event that follows at once are quiet; strong and its end are not."""
    quiet = {"in_cool_down": True}
    every = {"kinds": ("onset", "strong", "stronger", "over")}
    assert kinds(every, Description(4), change("onset", **quiet), event=None) == []
    assert kinds(every, Description(4), change("stronger", **quiet), event=None) == []
    assert kinds(every, Description(5), change("strong", strong_at=T0, **quiet), event=None) == ["strong"]
    assert kinds(every, None, change("over", strong_at=T0, **quiet), event=None) == ["over"]


@pytest.mark.parametrize(
    ("seen", "text"),
    [
        ({}, "Aurora"),
        ({"level": 5, "forms": "rays", "overhead": 1, "azimuth_deg": 312, "elevation_deg": 45, "cover": 0.2,
          "trend": "brightening"}, "Bright rays overhead and to the north-west, level 5 and rising"),
        ({"level": 1, "forms": "arc", "overhead": 0, "azimuth_deg": 2, "elevation_deg": 12, "cover": 0.02,
          "trend": "fading"}, "Faint arc low in the north, level 1 and falling"),
        ({"level": 3, "forms": "band rays patches", "cover": 0.3}, "Clearly visible rayed band and patches over much of the sky, level 3"),
        ({"level": 6, "forms": "corona rays", "cover": 0.35, "azimuth_from_deg": 0, "azimuth_to_deg": 360},
         "Very bright corona and rays over the whole sky, level 6"),
        ({"level": 4, "forms": "", "overhead": 1, "azimuth_deg": 10, "elevation_deg": 80}, "Bright aurora overhead, level 4"),
        ({"level": 2, "forms": "diffuse", "azimuth_deg": 180, "elevation_deg": 40}, "Diffuse aurora in the south, level 2"),
    ],
)  # fmt: skip
def test_what_is_seen_in_words(seen: dict[str, Any], text: str) -> None:
    """Form, place and level as one would call them; what is not known is left out."""
    assert sighting.headline(seen) == text


def test_movement_colours_and_where_to_look() -> None:
    """Sentences of their own, and empty where there is nothing to say."""
    assert sighting.movement({"drift": "poleward", "spread": "expanding"}) == "Moving poleward and spreading."
    assert sighting.movement({"drift": "steady", "spread": None}) == ""
    assert (
        sighting.colours({"green_share": 0.8, "pink_share": 0.12, "red_share": 0.01})
        == "Colour: mostly green, some pink."
    )
    assert sighting.colours({}) == ""
    low = {"azimuth_deg": 4.0, "elevation_deg": 12.0, "distance_km": 504.0}
    assert sighting.look(low) == "Brightest in the north (azimuth 4°), 12° up, about 500 km away."
    assert (
        sighting.look({"azimuth_deg": 4.0, "elevation_deg": 80.0}) == "Brightest overhead: look straight up."
    )
    assert sighting.look({}) == ""


def test_a_frame_without_news_asks_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who listens and who is silent is looked up when there is something to hear, not with every frame of the night."""
    asked: list[str] = []

    def listeners() -> list[NotifySettings]:
        asked.append("listeners")
        return [NotifySettings(name="phone", url="json://localhost")]

    def active(*_: object) -> dict[str, datetime]:
        asked.append("silences")
        return {}

    monkeypatch.setattr(snoozes, "active", active)
    with Store(tmp_path / "a.db") as store:
        news = News(CameraSettings(), Settings(), store, SetClock(T0), listeners)
        frame = observation(Description(3))
        assert list(news.about(frame, (), EventState())) == []
        assert asked == []
        assert list(news.about(frame, (), EventState(event=EVENT))) == []
        assert asked == ["listeners"]
        (message,) = news.about(frame, [change("onset")], EventState(event=EVENT))
    assert (message.channel, asked) == ("phone", ["listeners", "listeners", "silences"])
