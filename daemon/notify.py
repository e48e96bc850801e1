"""Messages in words, and their delivery by Apprise.

What is said is pure: plain values in, a :class:`Message` out. How it is sent: one Apprise object
per delivery and channel, so that a dead channel blocks no other; a limit on the whole time, kept
by a thread of our own, since a server that drips defeats every socket timeout; an attachment that
is refused does not take its message along. No address of a channel, nor a part of one, ever stands
in an error or a log line.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlencode

import pytz
from pydantic import SecretStr

from daemon.config import CameraSettings, NotifySettings
from daemon.errors import ConfigError, DeliveryError
from daemon.geometry import compass_point
from daemon.observation import EventChange, Message, Observation, OutboxRow, night_of, utc_text

__all__ = [
    "Channel",
    "Message",
    "compose",
    "compose_onset",
    "compose_operator",
    "compose_over",
    "compose_strong",
    "compose_summary",
    "deliver",
    "next_attempt",
    "redact",
]

TIMEOUT_S = 60.0
"""Longest one delivery may take, both tries of a message with a picture together."""

BACK_OFF = (timedelta(seconds=30), timedelta(minutes=30))
"""The first wait after a failure, doubled each time, and the longest."""

# ------------------------------------------------------------------ what is said


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
        title=f"{_title(camera)}, night of {night['night']}: {spells}",
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
    night = night_of(change.event.onset_at, camera.longitude_deg)
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


# ------------------------------------------------------------------ how it is sent


@dataclass
class Channel:
    """Where messages go. ``url`` is an Apprise address: a secret, always."""

    name: str
    url: SecretStr
    _sending: threading.Thread | None = field(default=None, repr=False, compare=False)

    def check(self) -> None:
        """Raise ConfigError where no service understands the address; nothing is sent."""
        if _service(self.url) is None:
            raise ConfigError(f"channel {self.name!r}: no service understands its address; check the `url`")


@dataclass
class _Answer:
    """What came of one try, left here by its thread."""

    taken: bool = False
    refused: bool = False
    why: str = "no answer"
    error: Exception | None = None


def deliver(
    row: OutboxRow, channel: Channel, picture: Path | None = None, *, timeout_s: float = TIMEOUT_S
) -> None:
    """Send one message; returning means the service took it. Raises DeliveryError otherwise.

    ``picture`` is the file to attach, by default the message's own; one that is gone is left out.
    A service that refuses the message with its picture is asked again without. Takes at most
    ``timeout_s``; a delivery that hangs longer is left behind, and the channel sends nothing more
    until it has ended.
    """
    if channel._sending is not None and channel._sending.is_alive():
        raise DeliveryError(f"channel {channel.name}: the delivery before still hangs")
    if picture is None and row.message.picture is not None:
        picture = Path(row.message.picture)
    answer = _Answer()
    channel._sending = threading.Thread(
        target=_send,
        args=(row.message, channel, picture if picture and picture.is_file() else None, answer),
        name=f"deliver-{channel.name}",
        daemon=True,
    )
    channel._sending.start()
    channel._sending.join(timeout_s)
    if channel._sending.is_alive():
        raise DeliveryError(f"channel {channel.name}: no answer within {timeout_s:g} s")
    if answer.error is not None:
        text = redact(f"{type(answer.error).__name__}: {answer.error}", channel.url)
        raise DeliveryError(f"channel {channel.name}: {text}") from None
    if not answer.taken:
        raise DeliveryError(f"channel {channel.name}: not taken: {redact(answer.why, channel.url)}")


def _send(message: Message, channel: Channel, picture: Path | None, answer: _Answer) -> None:
    """Thread: try with the picture, then without where that may be what was refused."""
    try:
        _try(message, channel, picture, answer)
        if picture is not None and not answer.taken and answer.refused:
            _try(message, channel, None, answer)
    except Exception as error:  # a plugin's own fault must not end as a thread's traceback, url and all
        answer.error = error


def _try(message: Message, channel: Channel, picture: Path | None, answer: _Answer) -> None:
    service = _service(channel.url)
    if service is None:
        answer.why = "no service understands its address; check the `url`"
        return
    result = service.notify(
        title=message.title,
        body=message.body,
        body_format="text",
        notify_type="warning" if message.audience == "operator" else "info",
        attach=str(picture) if picture else None,
    )
    answer.taken = bool(result)
    said = [entry.message for entry in result.logs()]
    answer.why = " ".join(said) or "the service gave no reason"
    # Too many requests, or nobody there: asking again at once would be rude or in vain.
    answer.refused = not re.search(r"error=429|[Cc]onnection error|[Tt]imed? ?out", answer.why)


def _service(url: SecretStr) -> Any:
    """An Apprise object with the one service, or None. Imported here: most commands send nothing."""
    import apprise

    _quieten()
    asset = apprise.AppriseAsset(
        app_id="aurorad",
        app_desc="a night watch for the aurora",
        async_mode=False,
        service_timeout=0,  # the limit is deliver's own; Apprise's would leave threads that bar the exit
        http_redirects=False,  # a redirected POST arrives as a GET without the message
        storage_mode="memory",
    )
    service = apprise.Apprise(asset=asset)
    if not service.add(url.get_secret_value()):
        return None
    for plugin in service:
        if plugin.socket_read_timeout == apprise.URLBase.socket_read_timeout:
            plugin.socket_read_timeout = 15.0  # 4 s is short for a picture
    return service


def _quieten() -> None:
    """Keep addresses out of the log: Apprise names hosts, its and urllib3's debug lines whole paths."""
    apprise = logging.getLogger("apprise")
    apprise.propagate = False
    if not apprise.handlers:
        apprise.addHandler(logging.NullHandler())  # without one, warnings go to standard error
    for logger, least in ((apprise, logging.WARNING), (logging.getLogger("urllib3"), logging.INFO)):
        if logger.level < least:
            logger.setLevel(least)


def redact(text: str, url: SecretStr) -> str:
    """The text without any address and without any part of this one, as written or percent-encoded."""
    whole = url.get_secret_value()
    text = text.replace(whole, "…") if whole else text
    text = re.sub(r"[A-Za-z][A-Za-z0-9+.-]*://\S+", "…", text)
    rest = whole.partition("://")[2]
    parts = {part for part in re.split(r"[/:@?&=,]+", rest) if len(part) >= 4}
    forms = {form for part in parts for form in (part, unquote(part), quote(unquote(part), safe=""))}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, "…")
    return " ".join(text.split())


def next_attempt(attempts: int, now: datetime) -> datetime:
    """When to try again after that many failures: 30 s, doubled each time, at most 30 min."""
    first, longest = BACK_OFF
    doublings: int = min(max(attempts, 1) - 1, 16)
    return now + min(first * (1 << doublings), longest)
