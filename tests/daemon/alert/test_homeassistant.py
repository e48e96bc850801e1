"""What Home Assistant is given: nothing that was not witnessed, and nothing it cannot read."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest

from daemon.alert import homeassistant as ha
from daemon.live_status import LiveStatus
from daemon.observation import Gate
from tests.daemon.record.made import T0, message

LOOKING = LiveStatus(Gate(True, True, "dark enough"), framed_at=T0, observed_at=T0)
BY_DAY = LiveStatus(Gate(False, False, "day: sun at 12.0°"))
ROW: dict[str, Any] = {
    "verdict": "aurora", "reason": "aurora", "calibrated_probability": 0.9312, "colour_level": 4,
    "colour_cover": 0.3, "azimuth_deg": 312.0, "elevation_deg": 35.0, "observed_at": "2024-02-10T04:50:03Z",
}  # fmt: skip
EVENT = {"id": "cam-20240210T045003Z", "onset_at": "2024-02-10T04:50:03Z", "ended_at": None}

# What the platforms' documentation lists, as far as it is used; a key that is not there is an error to
# Home Assistant's device discovery, or is dropped without a word.
SHARED = {"platform", "name", "icon", "unique_id", "availability", "availability_mode"}
READS = {"state_topic", "value_template", "json_attributes_topic"}
KNOWN = {
    "binary_sensor": SHARED | READS | {"device_class"},
    "sensor": SHARED | READS | {"device_class", "options", "state_class", "unit_of_measurement"},
    "event": SHARED | {"state_topic", "event_types", "device_class"},
    "image": SHARED | {"image_topic", "content_type"},
}
NEEDS = {
    "binary_sensor": {"state_topic"},
    "sensor": {"state_topic"},
    "event": {"state_topic", "event_types"},
    "image": {"image_topic"},
}


@pytest.mark.parametrize("picture", [True, False])
def test_the_discovery_message_is_what_device_discovery_takes(picture: bool) -> None:
    """Device, origin and components with the keys each platform knows, all ids different, JSON throughout."""
    told = json.loads(
        json.dumps(ha.discovery("aurorad", "cam", "Home", url="https://a.example/", picture=picture))
    )
    assert set(told) == {"device", "origin", "components", "qos"}
    assert told["origin"]["name"] == "aurorad"
    assert told["device"]["identifiers"] == ["aurorad_cam"]
    assert told["device"]["configuration_url"] == "https://a.example/"
    entities = told["components"]
    for key, entity in entities.items():
        platform = entity["platform"]
        assert set(entity) <= KNOWN[platform], key
        assert set(entity) >= NEEDS[platform] | {"unique_id", "availability"}, key
        # An enumeration has no unit and no state class, and only a measurement has either.
        if entity.get("device_class") == "enum":
            assert entity["options"]
            assert not {"unit_of_measurement", "state_class"} & set(entity)
    assert len({entity["unique_id"] for entity in entities.values()}) == len(entities)
    assert any(e["platform"] == "image" for e in entities.values()) is picture


def test_every_value_an_entity_reads_is_in_the_state() -> None:
    """No template points at a key that is not there, whatever there is to say."""
    entities = ha.discovery("aurorad", "cam", "Home")["components"].values()
    read = {
        key for e in entities for key in re.findall(r"value_json\.(\w+)", str(e.get("value_template", "")))
    }
    assert read >= {"aurora", "verdict", "probability", "brightness"}
    for told in (ha.state(LOOKING, ROW, EVENT), ha.state(BY_DAY, None, None)):
        assert read <= set(told)


@pytest.mark.parametrize(
    ("status", "there"),
    [
        (LOOKING, True),
        (BY_DAY, True),
        (None, False),
        (LiveStatus(Gate(True, True, "dark enough")), False),
        (LiveStatus(Gate(True, True, "dark enough"), framed_at=T0, observed_at=T0, stale="same picture"), False),
    ],
    ids=["live", "by day", "never looked at", "no picture yet", "stale"],
)  # fmt: skip
def test_stale_is_unavailable(status: LiveStatus | None, there: bool) -> None:
    """A camera without a picture of the present is unavailable; daylight is no fault of it."""
    assert ha.available(status, T0 + timedelta(seconds=60), 60.0) is there
    if status is LOOKING:
        assert not ha.available(status, T0 + timedelta(seconds=121), 60.0)


@pytest.mark.parametrize(
    ("verdict", "ongoing", "aurora"),
    [
        ("aurora", EVENT, "ON"),
        ("aurora", None, None),
        ("clear", None, "OFF"),
        ("obscured", None, None),
        ("obscured", EVENT, "ON"),
        ("unusable", None, None),
    ],
)
def test_off_is_only_said_of_a_sky_that_was_seen(verdict: str, ongoing: Any, aurora: str | None) -> None:
    """Behind clouds, or with aurora that no event has confirmed yet, the binary sensor is unknown, not off."""
    assert ha.state(LOOKING, ROW | {"verdict": verdict}, ongoing)["aurora"] == aurora


def test_by_day_nothing_is_known_and_nothing_is_off() -> None:
    """The sky says "not looked" with the reason; all else is unknown."""
    told = ha.state(BY_DAY, None, None)
    assert (told["verdict"], told["reason"]) == ("not looked", "day: sun at 12.0°")
    assert {told[key] for key in ("aurora", "probability", "brightness", "azimuth", "observed_at")} == {None}


def test_brightness_and_direction_are_given_of_aurora_alone() -> None:
    """A clear sky has a colour index too, and a map; they say nothing of an aurora that is not there."""
    lit, clear = ha.state(LOOKING, ROW, EVENT), ha.state(LOOKING, ROW | {"verdict": "clear"}, None)
    assert (lit["brightness"], lit["direction"], lit["probability"]) == (4, "north-west, 35° up", 93.1)
    assert {clear["brightness"], clear["azimuth"], clear["direction"]} == {None}


def test_the_brightness_is_the_described_level() -> None:
    """As on the page and in the alerts; the colours' level stands in for it where a frame was not described."""
    described = ROW | {"level": 6, "cover": 0.1, "colour_level": 2}
    lit = ha.state(LOOKING, described, EVENT)
    assert (lit["brightness"], lit["brightness_words"]) == (6, "breakup")
    assert ha.event(message(), described, EVENT)["brightness"] == 6


def test_an_event_says_what_the_record_holds_and_where_that_is_gone_no_more() -> None:
    """With the frame: brightness and direction; without: the message's own words."""
    told = ha.event(message(), ROW, EVENT | {"peak_probability": 0.8})
    assert (told["event_type"], told["brightness"], told["since"]) == ("onset", 4, EVENT["onset_at"])
    bare = ha.event(message("over"), None, None)
    assert (bare["event_type"], bare["message"], bare["brightness"]) == ("over", "b", None)
