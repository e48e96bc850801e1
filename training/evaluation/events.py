"""Judging by spell: how soon is the alert out, which spells are missed, how many alerts are false.

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
from training.evaluation.nights import KeptNight, NightSpell

LOOK_BELOW_DEG: Final = -6.0
ALERT_BELOW_DEG: Final = -12.0
"""The daemon's defaults ([gate])."""

BRIGHT_CONTRAST: Final = 0.24
"""A spell counts as bright where its greatest contrast is twice what is visible."""

GRACE: Final = timedelta(minutes=10)
"""An alert this long before the truth's onset or after its end still belongs to the spell."""


@dataclass(frozen=True)
class Judgement:
    """One night: each spell with the delay of its alert (None: missed), and the alerts of no spell.

    A spell that began before the night's first frame, or while no alert may go out, is left out of
    the delays; it still explains an alert.
    """

    night: str
    hours: float
    delays_min: tuple[tuple[NightSpell, float | None], ...]
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
    """Match onsets with the night's spells."""
    onsets = [change.at for change in changes if change.kind == "onset"]
    ends = {change.event.id: change.at for change in changes if change.kind == "over"}
    events = [
        (change.event.onset_at, change.at, ends.get(change.event.id, night.times[-1]))
        for change in changes
        if change.kind == "onset"
    ]
    open_times = [
        at for at, sky in zip(night.times, skies, strict=True) if sky.sun_altitude_deg <= ALERT_BELOW_DEG
    ]
    delays = []
    for spell in night.spells:
        if not open_times or spell.onset <= night.times[0] or spell.onset < open_times[0]:
            continue
        # An event already running when the spell begins (the one before it not yet over) has told people.
        running = [at for onset, at, end in events if onset - GRACE <= spell.end and end >= spell.onset]
        delay = max(0.0, (min(running) - spell.onset).total_seconds() / 60) if running else None
        delays.append((spell, delay))
    false = [at for at in onsets if not any(_within(at, spell) for spell in night.spells)]
    # A marginal frame is one that two people would differ over: an alert on it is not false.
    false = [at for at in false if not _marginal_near(night, at)]
    return Judgement(night.name, len(open_times) / 60, tuple(delays), tuple(false))


def _within(at: datetime, spell: NightSpell) -> bool:
    return spell.onset - GRACE <= at <= spell.end + GRACE


def _marginal_near(night: KeptNight, at: datetime) -> bool:
    return any(
        marginal and abs(time - at) <= timedelta(minutes=3)
        for time, marginal in zip(night.times, night.marginal, strict=True)
    )


def spell_figures(judgements: Sequence[Judgement]) -> dict[str, Any]:
    """The figures over all nights. A whole night is ten hours dark here, for rates a night."""
    delays = [delay for one in judgements for _, delay in one.delays_min if delay is not None]
    spells = [(spell, delay) for one in judgements for spell, delay in one.delays_min]
    bright = [(spell, delay) for spell, delay in spells if spell.contrast >= BRIGHT_CONTRAST]
    caught = [delay for _, delay in bright if delay is not None]
    false = sum(len(one.false_alerts) for one in judgements)
    hours = sum(one.hours for one in judgements)
    return {
        "nights": len(judgements),
        "hours": round(hours, 1),
        "spells": len(spells),
        "bright_spells": len(bright),
        "bright_contrast": BRIGHT_CONTRAST,
        "bright_alerted": round(len(caught) / len(bright), 4) if bright else None,
        "median_delay_min": float(np.median(caught)) if caught else None,
        "median_delay_all_min": float(np.median(delays)) if delays else None,
        "false_alerts": false,
        "false_alerts_per_night": round(false / max(len(judgements), 1), 3),
        "false_alerts_per_10_h": round(10 * false / hours, 3) if hours else None,
    }
