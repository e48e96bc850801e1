"""Judging by event: how soon is the alert out, which events are missed, how many alerts are false.

The daemon's own gate and event rules run over the model's answers, and say when to look next.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np

from daemon.event import EventState, Evidence, Rules, step
from daemon.gate import gate
from daemon.observation import EventChange, SkyState
from training.evaluation.nights import KeptNight
from training.simulator.night import NightEvent

LOOK_BELOW_DEG: Final = -6.0
ALERT_BELOW_DEG: Final = -12.0
"""The daemon's defaults ([gate])."""

BRIGHT_CONTRAST: Final = 0.24
"""An event counts as bright where its greatest contrast is twice what is visible."""

GRACE: Final = timedelta(minutes=10)
"""An alert this long before the truth's onset or after its end still belongs to the event."""


@dataclass(frozen=True)
class Judgement:
    """One night: each event with the delay of its alert (None: missed), and the alerts of no event.

    An event that began before the night's first frame, or while no alert may go out, is left out of
    the delays; it still explains an alert.
    """

    night: str
    hours: float
    delays_min: tuple[tuple[NightEvent, float | None], ...]
    false_alerts: tuple[datetime, ...]


def alerts_of(
    begins: datetime,
    ends: datetime,
    look: Callable[[datetime], tuple[SkyState, float]],
    threshold: Callable[[SkyState], float],
    rules: Rules,
) -> list[EventChange]:
    """What the daemon would have announced between two instants: its event changes, in order.

    ``look`` gives the sky over the camera and the calibrated probability at an instant; it is asked
    when the daemon would look.
    """
    state, announced, at = EventState(), [], begins
    while at <= ends:
        sky, probability = look(at)
        may = gate(sky, LOOK_BELOW_DEG, ALERT_BELOW_DEG)
        evidence = Evidence(
            at, probability if may.alert else None, threshold=threshold(sky), daylight=not may.look
        )
        state, changes = step(state, "simulated", evidence, rules)
        announced += changes
        at += rules.until_next(state)
    return announced


def judge_night(night: KeptNight, changes: Sequence[EventChange], skies: Sequence[SkyState]) -> Judgement:
    """Match onsets with the night's events."""
    onsets = [change.at for change in changes if change.kind == "onset"]
    ends = {change.event.id: change.at for change in changes if change.kind == "over"}
    announced = [
        (change.event.onset_at, change.at, ends.get(change.event.id, night.times[-1]))
        for change in changes
        if change.kind == "onset"
    ]
    open_times = [
        at for at, sky in zip(night.times, skies, strict=True) if sky.sun_altitude_deg <= ALERT_BELOW_DEG
    ]
    delays = []
    for event in night.events:
        if not open_times or event.onset <= night.times[0] or event.onset < open_times[0]:
            continue
        # One announced that still runs when the event begins (the one before it not yet over) has told people.
        running = [at for onset, at, end in announced if onset - GRACE <= event.end and end >= event.onset]
        delay = max(0.0, (min(running) - event.onset).total_seconds() / 60) if running else None
        delays.append((event, delay))
    false = [at for at in onsets if not any(within_grace(at, event) for event in night.events)]
    # A marginal frame is one that two people would differ over: an alert on it is not false.
    false = [at for at in false if not _marginal_near(night, at)]
    return Judgement(night.name, len(open_times) / 60, tuple(delays), tuple(false))


def within_grace(at: datetime, event: NightEvent) -> bool:
    """Whether a yes at that time still belongs to the event."""
    return event.onset - GRACE <= at <= event.end + GRACE


def _marginal_near(night: KeptNight, at: datetime) -> bool:
    return any(
        marginal and abs(time - at) <= timedelta(minutes=3)
        for time, marginal in zip(night.times, night.marginal, strict=True)
    )


def event_figures(judgements: Sequence[Judgement]) -> dict[str, Any]:
    """The figures over all nights. A whole night is ten hours dark here, for rates a night."""
    delays = [delay for one in judgements for _, delay in one.delays_min if delay is not None]
    events = [(event, delay) for one in judgements for event, delay in one.delays_min]
    bright = [(event, delay) for event, delay in events if event.contrast >= BRIGHT_CONTRAST]
    caught = [delay for _, delay in bright if delay is not None]
    false = sum(len(one.false_alerts) for one in judgements)
    hours = sum(one.hours for one in judgements)
    return {
        "nights": len(judgements),
        "hours": round(hours, 1),
        "events": len(events),
        "bright_events": len(bright),
        "bright_contrast": BRIGHT_CONTRAST,
        "bright_alerted": round(len(caught) / len(bright), 4) if bright else None,
        "median_delay_min": float(np.median(caught)) if caught else None,
        "median_delay_all_min": float(np.median(delays)) if delays else None,
        "false_alerts": false,
        "false_alerts_per_night": round(false / max(len(judgements), 1), 3),
        "false_alerts_per_10_h": round(10 * false / hours, 3) if hours else None,
    }
