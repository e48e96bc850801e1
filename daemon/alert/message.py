"""What a message says. Pure: plain values in, a :class:`daemon.observation.Message` out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlencode

import pytz

from daemon import sighting, words
from daemon.config import CameraSettings, NotifySettings
from daemon.night import night_of, night_text
from daemon.observation import EventChange, Message, Observation, utc_text
from daemon.record.rows import EventRow, NightRow
from daemon.weather import SkyChange

BREAKUP = 6
"""The level that is a breakup."""


def compose(
    change: EventChange,
    observation: Observation,
    camera: CameraSettings,
    channel: NotifySettings,
    url: str = "",
    brightest: Mapping[str, Any] | None = None,
    outlook: str = "",
    sky_seen_before: bool = False,
) -> Message:
    """The message of an event's change; ``observation`` is the frame that brought it about.

    ``url`` is the address people reach the page at, or empty; ``brightest`` the event's row as the store's
    Reader gives it, with its brightest frame, for the message that it is over; ``outlook`` a line on the solar
    wind (:func:`daemon.spaceweather.outlook.alert_line`), for a channel that wants it. Where the sky was not seen
    shortly before the event's first frame, the aurora may have been there earlier, and the onset's message says so.
    """
    onset = partial(_onset, sky_seen_before=sky_seen_before)
    by_kind: Mapping[str, Callable[..., _Text]] = {
        "onset": onset,
        "strong": _strong,
        "stronger": _stronger,
        "over": _over,
    }
    title, lines = by_kind[change.kind](change, observation, camera, brightest or {})
    night = night_of(change.event.onset_at, camera)
    query = urlencode({"camera": camera.name, "at": utc_text(observation.observed_at)})
    link = f"{url.rstrip('/')}/night/{night.isoformat()}?{query}" if url else ""
    picture = (brightest or {}).get("picture") or observation.picture
    return Message(
        event_id=change.event.id,
        kind=f"stronger {change.event.peak_level}" if change.kind == "stronger" else change.kind,
        channel=channel.name,
        audience="aurora",
        camera=camera.name,
        title=title,
        body="\n".join(
            filter(None, [*lines, outlook if channel.outlook else "", link, f"event {change.event.id}"])
        ),
        created_at=change.at,
        expires_at=change.at + timedelta(minutes=channel.expire_min),
        picture=picture if channel.picture else None,
    )


_Text = tuple[str, list[str]]


def _onset(
    change: EventChange,
    o: Observation,
    camera: CameraSettings,
    _: Mapping[str, Any],
    *,
    sky_seen_before: bool,
) -> _Text:
    """There is aurora: what, how strong, where, since when, how sure, under which sun and moon."""
    seen = sighting.of_observation(o)
    begin = words.onset(_both_times(change.event.onset_at, camera.timezone), sky_seen_before)
    since = f"{sighting.headline(seen)}, since {begin}."
    return sighting.over(_title(camera), seen), [since, *_finding(o), _sun_and_moon(o)]


def _strong(change: EventChange, o: Observation, camera: CameraSettings, _: Mapping[str, Any]) -> _Text:
    """A strong level: bright over much of the sky, or local breakup."""
    breakup = o.description is not None and o.description.level >= BREAKUP
    title = f"{'Aurora breakup' if breakup else 'Strong aurora'} over {_title(camera)}"
    return title, _grown(change, o, camera)


def _stronger(change: EventChange, o: Observation, camera: CameraSettings, _: Mapping[str, Any]) -> _Text:
    """A new highest level of the event."""
    title = sighting.over(_title(camera), sighting.of_observation(o), "Stronger aurora")
    return title, _grown(change, o, camera)


def _grown(change: EventChange, o: Observation, camera: CameraSettings) -> list[str]:
    how = sighting.headline(sighting.of_observation(o))
    return [
        f"{how}, at {_both_times(change.at, camera.timezone)}.",
        f"First seen at {_clock(change.event.onset_at, camera.timezone)}.",
        *_finding(o),
        _sun_and_moon(o),
    ]


def _over(change: EventChange, o: Observation, camera: CameraSettings, brightest: Mapping[str, Any]) -> _Text:
    """The event is over: how long it lasted, its brightest moment, and how its end is known."""
    event = change.event
    ended_at = event.ended_at or change.at
    long = _lasting(words.minutes_between(event.onset_at, ended_at))
    begin = words.onset(_both_times(event.onset_at, camera.timezone), brightest.get("seen_before_at"))
    lines = [
        f"From {begin} to {_clock(ended_at, camera.timezone)} ({long}).",
        _brightest(brightest, camera),
        words.peak(event.peak_probability),
        _how_it_ended(event.ended_reason or ""),
    ]
    return f"Aurora over {_title(camera)} has ended", lines


def _brightest(event: Mapping[str, Any], camera: CameraSettings) -> str:
    seen = sighting.of_event(event)
    if seen["level"] is None:
        return ""
    return f"Brightest at {_clock_of(event['brightest_at'], camera.timezone)}: {sighting.within(seen)}."


def _how_it_ended(reason: str) -> str:
    """An event's ``ended_reason`` as a sentence for people who wait outside."""
    if reason == "daylight":
        return "It is now too light to see more."
    if reason.startswith("below"):
        return f"No aurora has been seen for {reason.rpartition(' for ')[2]}."
    if reason.startswith("nothing seen"):
        return f"No picture could be used for {reason.rpartition(' for ')[2]}, so its real end is not known."
    return f"Reason: {reason}." if reason else ""


def _lasting(whole_minutes: int) -> str:
    hours, minutes = divmod(max(1, whole_minutes), 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"


def compose_operator(*, key: str, camera: str, text: str, at: datetime, channel: NotifySettings) -> Message:
    """A message to whoever runs the camera. ``key`` names the condition; with the time it makes the id."""
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


def compose_sky(
    change: SkyChange,
    observation: Observation,
    camera: CameraSettings,
    channel: NotifySettings,
    url: str = "",
) -> Message:
    """It clears, or clouds over: since when, how that is known, under which sun and moon."""
    clears = change.kind == "clears"
    event_id = f"sky-{camera.name}-{change.at:%Y%m%dT%H%M%SZ}"
    seen = "the stars" if change.by_stars else "the model alone; no star is known here yet"
    lines = [
        f"{'Clear' if clears else 'Covered'} since {_both_times(change.since, camera.timezone)}, by {seen}.",
        _sun_and_moon(observation),
        f"{url.rstrip('/')}/?{urlencode({'camera': camera.name})}" if url else "",
        f"event {event_id}",
    ]
    return Message(
        event_id=event_id,
        kind=change.kind,
        channel=channel.name,
        audience="aurora",
        camera=camera.name,
        title=f"The sky over {_title(camera)} {'has cleared' if clears else 'has clouded over'}",
        body="\n".join(filter(None, lines)),
        created_at=change.at,
        expires_at=change.at + timedelta(minutes=channel.expire_min),
        picture=observation.picture if channel.picture else None,
    )


def compose_summary(
    night: NightRow,
    events: Sequence[EventRow],
    camera: CameraSettings,
    channel: NotifySettings,
    at: datetime,
    url: str = "",
    picture: str | None = None,
) -> Message:
    """The morning's report of a night: ``night`` and ``events`` are rows as the store's Reader gives them."""
    looked = night["aurora"] + night["clear"] + night["obscured"]
    lines = [_visible(night, looked), *(_summary_line(event, camera) for event in events)]
    event_id = f"summary-{camera.name}-{night['night']}"
    link = f"{url.rstrip('/')}/night/{night['night']}?{urlencode({'camera': camera.name})}" if url else ""
    none = "no aurora" if night["aurora"] + night["clear"] else "sky not seen"
    count = {0: none, 1: "one aurora event"}.get(len(events), f"{len(events)} aurora events")
    return Message(
        event_id=event_id,
        kind="summary",
        channel=channel.name,
        audience="aurora",
        camera=camera.name,
        title=f"{_title(camera)}, {night_text(date.fromisoformat(night['night']))}: {count}",
        body="\n".join(filter(None, [*lines, link, f"event {event_id}"])),
        created_at=at,
        expires_at=at + timedelta(minutes=channel.expire_min),
        picture=picture if channel.picture else None,
    )


def _summary_line(event: EventRow, camera: CameraSettings) -> str:
    """``21:50 MST to 22:41 MST, strong. Brightest at 22:10 MST: bright. Probability over 99 %.``"""
    ended = f" to {_clock_of(event['ended_at'], camera.timezone)}" if event["ended_at"] else ", end not seen"
    strong = ", strong" if event["strong_at"] else ""
    onset = words.onset(_clock_of(event["onset_at"], camera.timezone), event["seen_before_at"])
    begin = f"{onset}{ended}{strong}."
    sure = f"Probability {words.certainty(event['peak_probability'])}."
    return " ".join(filter(None, [begin, _brightest(event, camera), sure]))


def _visible(night: NightRow, looked: int) -> str:
    if not looked and not night["stale"] and not night["unusable"]:
        return "It was too light to look all night."
    if not looked:
        stopped = night["stale"] >= night["unusable"]
        return f"{'No new picture came' if stopped else 'No picture could be used'} all night."
    visible = night["aurora"] + night["clear"]
    if not visible:
        return f"The sky was hidden in all {looked} pictures."
    return (
        f"The sky was visible in {100 * visible / looked:.0f} % of {looked} pictures; "
        f"{100 * night['aurora'] / visible:.0f} % of those showed aurora."
    )


def _title(camera: CameraSettings) -> str:
    return camera.called


def _both_times(at: datetime, zone: str) -> str:
    """``22:41 MST on 9 February 2024 (05:41 UTC)``; pytz, for a system's own tables may be old."""
    local = at.astimezone(pytz.timezone(zone))
    return f"{words.clock(local)} on {local.day} {local:%B %Y} ({at.astimezone(pytz.utc):%H:%M} UTC)"


def _clock(at: datetime, zone: str) -> str:
    return words.clock(at.astimezone(pytz.timezone(zone)))


def _clock_of(text: str, zone: str) -> str:
    return _clock(datetime.fromisoformat(text), zone)


def _finding(o: Observation) -> list[str]:
    seen = sighting.of_observation(o)
    how = " ".join(filter(None, [sighting.movement(seen), sighting.colours(seen)]))
    sure = o.prediction.calibrated_probability if o.prediction else None
    probability = "" if sure is None else f"Probability {words.certainty(sure)}."
    return [line for line in (sighting.look(seen) or "Direction unknown.", how, probability) if line]


def _sun_and_moon(o: Observation) -> str:
    moon = f"moon {_height(o.sky.moon_altitude_deg)}"
    if o.sky.moon_altitude_deg > 0:
        moon += f", {words.lit_percent(o.sky.moon_phase_deg)} % lit"
    return f"Sun {_height(o.sky.sun_altitude_deg)}, {moon}."


def _height(altitude_deg: float) -> str:
    side = "above" if altitude_deg >= 0 else "below"
    return f"{abs(altitude_deg):.0f}° {side} the horizon"
