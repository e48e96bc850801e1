"""What the broker is given, in Home Assistant's terms. Pure: plain values in, topics and payloads out.

Topics, below ``[mqtt] topic`` (all retained but ``event``, of which the outbox loses none):

    status                  online | offline: the watch itself; offline is also its last will
    CAMERA/availability     online | offline: is there a picture of the present, or is it too light for one?
    CAMERA/state            JSON, :func:`state`
    CAMERA/event            JSON, :func:`event`: one message for each onset, strong, over
    CAMERA/picture          JPEG of the present
    CAMERA/event_picture    JPEG of the newest event, with where the aurora was seen

Sources: Home Assistant's documentation of MQTT discovery, availability, and of the binary_sensor, sensor,
event and image platforms. A null in the state becomes ``None``, which these read as "unknown".
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from daemon import __version__, sighting, words
from daemon.live_status import LiveStatus
from daemon.observation import VERDICTS, Message, utc_text

Json = dict[str, Any]
ONLINE, OFFLINE = "online", "offline"
EVENT_TYPES = ("onset", "strong", "over")
_HOME = "https://github.com/aurorad/aurorad"


def status_topic(base: str) -> str:
    """Where the watch says that it runs."""
    return f"{base}/status"


def camera_topic(base: str, camera: str, what: str) -> str:
    """One of a camera's topics."""
    return f"{base}/{camera}/{what}"


def discovery_topic(prefix: str, base: str, camera: str) -> str:
    """Where Home Assistant looks for a camera's entities."""
    return f"{prefix}/device/{_device(base, camera)}/config"


def _device(base: str, camera: str) -> str:
    return f"{base.replace('/', '_')}_{camera}"


def discovery(base: str, camera: str, title: str, *, url: str = "", picture: bool = True) -> Json:
    """One camera as a device with all its entities: the whole of its discovery message.

    ``url`` is the page's address, or empty; ``picture`` whether pictures are published.
    """
    device: Json = {
        "identifiers": [_device(base, camera)],
        "name": f"Aurora {title}",
        "manufacturer": "aurorad",
        "model": "Aurora watch",
        "sw_version": __version__,
    }
    if url:
        device["configuration_url"] = url
    entities = _entities(base, camera) | (_images(base, camera) if picture else {})
    for key, entity in entities.items():
        entity["unique_id"] = f"{_device(base, camera)}_{key}"
    return {
        "device": device,
        "origin": {"name": "aurorad", "sw_version": __version__, "support_url": _HOME},
        "components": entities,
        "qos": 1,
    }


def _entities(base: str, camera: str) -> dict[str, Json]:
    """What is read from the state, and the event. A stale camera's state is unavailable; its event is not.

    That an event is over may be known just because nothing more is seen.
    """
    present = {
        "state_topic": camera_topic(base, camera, "state"),
        "json_attributes_topic": camera_topic(base, camera, "state"),
        **_while_present(base, camera),
    }

    def sensor(name: str, key: str, icon: str, **more: Any) -> Json:
        value = {"value_template": f"{{{{ value_json.{key} }}}}"}
        return {"platform": "sensor", "name": name, "icon": icon, **present, **value, **more}

    measured = {"state_class": "measurement"}
    return {
        "aurora": sensor("Aurora", "aurora", "mdi:weather-night") | {"platform": "binary_sensor"},
        "verdict": sensor("Sky", "verdict", "mdi:telescope", device_class="enum", options=list(VERDICTS)),
        "probability": sensor(
            "Probability", "probability", "mdi:percent", unit_of_measurement="%", **measured
        ),
        "brightness": sensor("Brightness level", "brightness", "mdi:brightness-6", **measured),
        "azimuth": sensor("Azimuth", "azimuth", "mdi:compass", unit_of_measurement="°"),
        "elevation": sensor("Elevation", "elevation", "mdi:angle-acute", unit_of_measurement="°"),
        "observed": sensor("Picture taken", "observed_at", "mdi:clock-outline", device_class="timestamp"),
        "event": {
            "platform": "event",
            "name": "Aurora event",
            "icon": "mdi:bell",
            "event_types": list(EVENT_TYPES),
            "state_topic": camera_topic(base, camera, "event"),
            "availability": [{"topic": status_topic(base)}],
        },
    }


def _images(base: str, camera: str) -> dict[str, Json]:
    def image(name: str, what: str, **when: Any) -> Json:
        topic = {"image_topic": camera_topic(base, camera, what), "content_type": "image/jpeg"}
        return {"platform": "image", "name": name, **topic, **when}

    return {
        "picture": image("Sky picture", "picture", **_while_present(base, camera)),
        "event_picture": image(
            "Newest aurora", "event_picture", availability=[{"topic": status_topic(base)}]
        ),
    }


def _while_present(base: str, camera: str) -> Json:
    topics = (status_topic(base), camera_topic(base, camera, "availability"))
    return {"availability": [{"topic": topic} for topic in topics], "availability_mode": "all"}


def available(status: LiveStatus | None, now: datetime, cadence_s: float) -> bool:
    """Is there a present to speak of: a picture of it, or daylight, in which none is wanted?"""
    return status is not None and (not status.gate.look or status.has_picture(now, cadence_s))


def state(status: LiveStatus, row: Mapping[str, Any] | None, ongoing: Mapping[str, Any] | None) -> Json:
    """A camera's state. ``row`` is the present's observation, None by day; ``ongoing`` an event without an end.

    ``aurora`` is ON during an event, OFF under a sky that shows none, and null where nobody can know:
    clouds, daylight, a picture that is no sky, aurora that is no event (a single frame so far, or twilight too bright
    to alert). Brightness and direction are given of aurora alone.
    """
    verdict = row["verdict"] if row else "not looked"
    lit = row if row and verdict == "aurora" else {}
    sure = sighting.sure_of(row) if row else None
    return {
        "aurora": "ON" if ongoing else "OFF" if verdict == "clear" else None,
        "verdict": verdict,
        "reason": row["reason"] if row else status.gate.reason,
        "probability": None if sure is None else round(100 * sure, 1),
        "brightness": sighting.level_of(lit),
        "brightness_words": sighting.brightness(lit) or None,
        "azimuth": lit.get("azimuth_deg"),
        "elevation": lit.get("elevation_deg"),
        "direction": words.direction(lit.get("azimuth_deg"), lit.get("elevation_deg")) or None,
        "observed_at": row["observed_at"] if row else None,
        "event_id": ongoing["id"] if ongoing else None,
        "event_since": ongoing["onset_at"] if ongoing else None,
    }


def event(message: Message, row: Mapping[str, Any] | None, its: Mapping[str, Any] | None) -> Json:
    """One change of an event. ``row`` is the frame that brought it about, ``its`` the event; None: unknown.

    (``event_id``, ``event_type``) is the same whenever a message is sent again: what was heard before can be
    told by it.
    """
    frame, event = row or {}, its or {}
    return {
        "event_type": message.kind,
        "event_id": message.event_id,
        "camera": message.camera,
        "at": utc_text(message.created_at),
        "title": message.title,
        "message": message.body,
        "since": event.get("onset_at"),
        "ended_at": event.get("ended_at"),
        "probability": event.get("peak_probability"),
        "brightness": sighting.level_of(frame),
        "azimuth": frame.get("azimuth_deg"),
        "elevation": frame.get("elevation_deg"),
        "direction": words.direction(frame.get("azimuth_deg"), frame.get("elevation_deg")) or None,
    }
