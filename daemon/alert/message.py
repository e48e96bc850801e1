"""What a message says. Pure: plain values in, a :class:`daemon.observation.Message` out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytz

from daemon.config import CameraSettings, NotifySettings
from daemon.night import night_of, night_text
from daemon.observation import EventChange, Message, Observation, utc_text
from daemon.sky.geometry import compass_point


def compose(
    change: EventChange,
    observation: Observation,
    camera: CameraSettings,
    channel: NotifySettings,
    url: str = "",
) -> Message:
    """The message of an event's change; ``observation`` is the frame that brought it about.

    ``url`` is the address people reach the page at, or empty.
    """
    by_kind = {"onset": compose_onset, "strong": compose_strong, "over": compose_over}
    return by_kind[change.kind](change, observation, camera, channel, url)


def compose_onset(
    change: EventChange,
    observation: Observation,
    camera: CameraSettings,
    channel: NotifySettings,
    url: str = "",
) -> Message:
    """There is aurora: since when, how surely, where, under which sun and moon."""
    lines = [
        f"Since {_both_times(change.event.onset_at, camera.timezone)}.",
        *_finding(observation),
        _sun_and_moon(observation),
    ]
    return _event_message(f"Aurora over {_title(camera)}", lines, change, observation, camera, channel, url)


def compose_strong(
    change: EventChange,
    observation: Observation,
    camera: CameraSettings,
    channel: NotifySettings,
    url: str = "",
) -> Message:
    """Local breakup: bright aurora over a large part of the sky."""
    lines = [
        f"Bright aurora over much of the sky at {_both_times(change.at, camera.timezone)}.",
        f"The spell began at {_clock(change.event.onset_at, camera.timezone)}.",
        *_finding(observation),
        _sun_and_moon(observation),
    ]
    title = f"Strong aurora over {_title(camera)}"
    return _event_message(title, lines, change, observation, camera, channel, url)


def compose_over(
    change: EventChange,
    observation: Observation,
    camera: CameraSettings,
    channel: NotifySettings,
    url: str = "",
) -> Message:
    """The spell is over: how long it was and how sure its best moment."""
    event = change.event
    ended_at = event.ended_at or change.at
    minutes = max(1, round((ended_at - event.onset_at).total_seconds() / 60))
    peak = f"Peak probability {_percent(event.peak_probability)}"
    if event.peak_at is not None:
        peak += f" at {_clock(event.peak_at, camera.timezone)}"
    lines = [
        f"From {_both_times(event.onset_at, camera.timezone)} to {_clock(ended_at, camera.timezone)}.",
        f"It lasted {minutes} min.",
        f"{peak}{', strong' if event.strong_at else ''}.",
        f"Over: {event.ended_reason}." if event.ended_reason else "",
    ]
    title = f"Aurora over {_title(camera)} has ended"
    return _event_message(title, lines, change, observation, camera, channel, url)


def compose_operator(*, key: str, camera: str, text: str, at: datetime, channel: NotifySettings) -> Message:
    """Word to whoever runs the camera. ``key`` names the condition; with the time it makes the id."""
    event_id = f"{key}-{at:%Y%m%dT%H%M%SZ}"
    return Message(
        event_id=event_id,
        kind="operator",
        channel=channel.name,
        audience="operator",
        camera=camera,
        title=f"aurorad: {camera or 'the watch'}",
        body=f"{text[:1].upper()}{text[1:]}.\n{utc_text(at)}\nevent {event_id}",
        created_at=at,
        expires_at=at + timedelta(minutes=channel.expire_min),
    )


def compose_summary(
    night: Mapping[str, Any],
    events: Sequence[Mapping[str, Any]],
    camera: CameraSettings,
    channel: NotifySettings,
    at: datetime,
    url: str = "",
    picture: str | None = None,
) -> Message:
    """The morning's word on a night: ``night`` and ``events`` are rows as the store's Reader gives them."""
    looked = night["aurora"] + night["clear"] + night["obscured"]
    lines = [_seen(night, looked)]
    for event in events:
        ended = f" to {_clock_of(event['ended_at'], camera.timezone)}" if event["ended_at"] else " on"
        strong = ", strong" if event["strong_at"] else ""
        lines.append(
            f"{_clock_of(event['onset_at'], camera.timezone)}{ended}, "
            f"peak probability {_percent(event['peak_probability'])}{strong}."
        )
    event_id = f"summary-{camera.name}-{night['night']}"
    link = f"{url.rstrip('/')}/night/{night['night']}?{urlencode({'camera': camera.name})}" if url else ""
    spells = {0: "no aurora", 1: "one spell of aurora"}.get(len(events), f"{len(events)} spells of aurora")
    return Message(
        event_id=event_id,
        kind="summary",
        channel=channel.name,
        audience="aurora",
        camera=camera.name,
        title=f"{_title(camera)}, {night_text(date.fromisoformat(night['night']))}: {spells}",
        body="\n".join(filter(None, [*lines, link, f"event {event_id}"])),
        created_at=at,
        expires_at=at + timedelta(minutes=channel.expire_min),
        picture=picture if channel.picture else None,
    )


def _seen(night: Mapping[str, Any], looked: int) -> str:
    if not looked:
        return "Nothing could be looked at."
    observable = night["aurora"] + night["clear"]
    return (
        f"{100 * observable / looked:.0f} % of {looked} frames showed the sky; "
        f"aurora in {100 * night['aurora'] / observable if observable else 0:.0f} % of those."
    )


def _event_message(
    title: str,
    lines: list[str],
    change: EventChange,
    observation: Observation,
    camera: CameraSettings,
    channel: NotifySettings,
    url: str,
) -> Message:
    night = night_of(change.event.onset_at, camera)
    query = urlencode({"camera": camera.name, "at": utc_text(observation.observed_at)})
    link = f"{url.rstrip('/')}/night/{night.isoformat()}?{query}" if url else ""
    return Message(
        event_id=change.event.id,
        kind=change.kind,
        channel=channel.name,
        audience="aurora",
        camera=camera.name,
        title=title,
        body="\n".join(filter(None, [*lines, link, f"event {change.event.id}"])),
        created_at=change.at,
        expires_at=change.at + timedelta(minutes=channel.expire_min),
        picture=observation.picture if channel.picture else None,
    )


def _title(camera: CameraSettings) -> str:
    return camera.title or camera.name


def _both_times(at: datetime, zone: str) -> str:
    """``22:41 MST on 9 February 2024 (05:41 UTC)``; pytz, for a system's own tables may be old."""
    local = at.astimezone(pytz.timezone(zone))
    return f"{local:%H:%M %Z} on {local.day} {local:%B %Y} ({at.astimezone(pytz.utc):%H:%M} UTC)"


def _clock(at: datetime, zone: str) -> str:
    return f"{at.astimezone(pytz.timezone(zone)):%H:%M %Z}"


def _clock_of(text: str, zone: str) -> str:
    return _clock(datetime.fromisoformat(text), zone)


def _percent(probability: float) -> str:
    """Whole per cent; never a certainty that rounding alone made."""
    if probability > 0.99:
        return "over 99 %"
    return f"{100 * probability:.0f} %"


def _finding(o: Observation) -> list[str]:
    probability = f"Probability {_percent(o.prediction.calibrated_probability)}." if o.prediction else ""
    if o.azimuth_deg is None or o.elevation_deg is None:
        return [probability, "Direction unknown."]
    where = f"{compass_point(o.azimuth_deg)}, azimuth {o.azimuth_deg:.0f}°, elevation {o.elevation_deg:.0f}°"
    return [probability, f"Look {where}."]


def _sun_and_moon(o: Observation) -> str:
    sun = f"Sun {_height(o.sky.sun_altitude_deg)}"
    moon = f"moon {_height(o.sky.moon_altitude_deg)}"
    if o.sky.moon_altitude_deg > 0:
        moon += {"none": ", dim", "quarter": ", quarter", "full": ", full"}[o.sky.moonlight]
    return f"{sun}, {moon}."


def _height(altitude_deg: float) -> str:
    side = "above" if altitude_deg >= 0 else "below"
    return f"{abs(altitude_deg):.0f}° {side} the horizon"
