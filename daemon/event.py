"""(state, evidence) → (state, event changes): hysteresis in probability and time.

    quiet ──k of the last n frames ≥ on, and the weight of k sure ones──▶ active ──dwell below off──▶ over
      └─ pending: some frames ≥ on, not yet enough ─┘ └─ daylight, or no evidence for ``patience`` ─▶ over

Frames are weighed as well as counted (:mod:`daemon.sign`): two that are sure are enough, weaker ones take longer, one
against them takes away. Moving cloud flickers, aurora stays: on simulated nights it leaves a tenth of the false alerts
for up to two thirds of a minute (training/README.md, "The last minutes").

A frame without a probability (not looked, stale, missing) is no evidence: it neither confirms nor
ends an event. Two bounds keep an event from lasting for ever without evidence: it is over, with the
reason kept, at the first frame for which it is too light to look, and when nothing has been seen
for ``patience``. Frames that are not newer than the last one change nothing, unless they are so much
older that the clock must have been put back: then counting begins anew.

Everything here is pure: plain values in, plain values out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from daemon.observation import Event, EventChange, EventPhase, Gate, Observation, from_utc_text, utc_text
from daemon.sign import NO_SIGN, SOON, Sign, weigh

_STRIDE = 2
"""Cadences that one frame below ``off`` vouches for at most: a gap does not count as darkness."""


@dataclass(frozen=True)
class Rules:
    """When an event begins and ends.

    ``on``, ``off`` and ``sure`` are calibrated probabilities; ``on`` None takes what :func:`step` is given
    (the model's threshold of the sky cell), ``off`` None half of ``on``. ``sure`` is where a frame has its whole
    weight (:mod:`daemon.sign`). ``strong_level`` is the level
    that makes an event strong. These defaults are also the configuration's.
    """

    on: float | None = None
    off: float | None = None
    confirm: int = 2
    of: int = 3
    sure: float = 0.9
    dwell: timedelta = timedelta(minutes=15)
    strong_level: int = 5
    cool_down: timedelta = timedelta(minutes=30)
    cadence: timedelta = timedelta(seconds=60)
    look_again: timedelta = timedelta(seconds=20)
    patience: timedelta = timedelta(hours=2)

    def until_next(self, state: EventState) -> timedelta:
        """Time from the look that gave ``state`` to the next: the cadence, or less after a first sign.

        A frame at or above ``on`` that does not yet make an event is looked at again soon: that is most of
        a minute off the time to the alert. One below it, or none at all, is not, so that a flicker, a feed
        that has stopped and the dawn are asked no oftener than any sky; nor is a sky that stays just over
        the threshold, after the first few frames of its sign. Cameras so quick that it would bring less
        than half a cadence keep theirs.
        """
        soon = state.first_sign and 2 * self.look_again < self.cadence
        return self.look_again if soon else self.cadence

    @property
    def forget(self) -> timedelta:
        """Age at which a frame no longer counts towards an onset."""
        return max(self.dwell, _STRIDE * self.of * self.cadence)

    @property
    def wait(self) -> timedelta:
        """Time without evidence that ends an event; never shorter than a slow camera's few frames."""
        return max(self.patience, self.forget)


@dataclass(frozen=True)
class Evidence:
    """What one frame says about aurora.

    ``probability`` is the calibrated one, or None for a frame that is no evidence (not looked, stale, unusable,
    too light to alert). ``threshold`` is that of the frame's sky cell, used where the rules have none;
    ``level`` the frame's, 0 without a verdict of aurora; ``daylight`` marks a frame not looked at because the
    sun is up: the night is over.
    """

    at: datetime
    probability: float | None = None
    threshold: float = 1.0
    level: int = 0
    daylight: bool = False


@dataclass(frozen=True)
class EventState:
    """All that must be remembered of one camera between frames.

    ``recent`` holds the last n frames with evidence, or those of the present sign where it has more, as (time,
    probability, at or above ``on``); ``below_since`` and ``below_for`` the present stretch below ``off``: its first
    frame and the time it is vouched for. ``quiet_until`` is the end of the cool-down. ``sign`` is what the frames up
    to ``evidence_at`` weigh together.
    """

    event: Event | None = None
    recent: tuple[tuple[datetime, float, bool], ...] = ()
    below_since: datetime | None = None
    below_for: timedelta = timedelta(0)
    last_at: datetime | None = None
    evidence_at: datetime | None = None
    quiet_until: datetime | None = None
    sign: Sign = NO_SIGN

    @property
    def phase(self) -> EventPhase:
        """Where the camera stands between quiet and active."""
        if self.event is not None:
            return "active"
        return "pending" if any(above for _, _, above in self.recent) else "quiet"

    @property
    def first_sign(self) -> bool:
        """Was the newest frame at or above ``on``, and one of the first of a sign that is no event yet?"""
        return (
            self.event is None
            and self.sign.is_fresh
            and bool(self.recent)
            and self.recent[-1][2]
            and self.recent[-1][0] == self.last_at
        )

    def to_dict(self) -> dict[str, Any]:
        """A plain dictionary that JSON can keep; :meth:`from_dict` undoes it to the second."""
        return {
            "event": self.event.plain() if self.event else None,
            "recent": [[utc_text(at), probability, above] for at, probability, above in self.recent],
            "below_since": _text(self.below_since),
            "below_for_s": self.below_for.total_seconds(),
            "last_at": _text(self.last_at),
            "evidence_at": _text(self.evidence_at),
            "quiet_until": _text(self.quiet_until),
            "sign": self.sign.to_dict(),
        }

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any] | None) -> EventState:
        """The state kept by :meth:`to_dict`; None or an empty one is a fresh start.

        Raises ValueError for anything else that is not such a dictionary.
        """
        if not kept:
            return cls()
        try:
            return cls(
                event=_event(kept["event"]) if kept["event"] else None,
                recent=tuple((from_utc_text(at), float(p), bool(above)) for at, p, above in kept["recent"]),
                below_since=_time(kept["below_since"]),
                below_for=timedelta(seconds=kept["below_for_s"]),
                last_at=_time(kept["last_at"]),
                evidence_at=_time(kept["evidence_at"]),
                quiet_until=_time(kept["quiet_until"]),
                sign=Sign.from_dict(kept.get("sign", {})),  # older releases only counted
            )
        except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
            raise ValueError(f"no event state: {error!r}") from error


def step(
    state: EventState, camera: str, evidence: Evidence, rules: Rules
) -> tuple[EventState, list[EventChange]]:
    """Take one frame into account.

    Times are kept to the second. Returns the new state and what happened, in order: at most an end, an
    onset, and a strong or a stronger.
    """
    at, probability = evidence.at.astimezone(UTC).replace(microsecond=0), evidence.probability
    changes: list[EventChange] = []
    if state.last_at is not None and at <= state.last_at:
        if state.last_at - at < rules.forget:
            return state, []
        state = _clock_put_back(state, at, rules, changes)
    state = _end_without_evidence(state, at, evidence.daylight, rules, changes)
    state = replace(state, last_at=at)
    if probability is None:
        return state, changes
    on, off = _limits(evidence, rules)
    if state.event is None:
        state = _signed(state, at, probability, min(on, evidence.threshold), rules)
        state = _look_for_onset(state, camera, at, probability, on, rules, changes)
    else:
        state = _follow(state, at, probability, off, rules, changes)
    if probability >= on:
        state = _note_level(state, at, evidence.level, rules, changes)
    return replace(state, evidence_at=at), changes


def sustains(evidence: Evidence, rules: Rules) -> bool:
    """Does the frame keep an event that is under way from ending? Every frame that helps to begin one does."""
    return evidence.probability is not None and evidence.probability >= _limits(evidence, rules)[1]


def _limits(evidence: Evidence, rules: Rules) -> tuple[float, float]:
    """``on`` and ``off`` for a frame."""
    on = evidence.threshold if rules.on is None else rules.on
    return on, on / 2 if rules.off is None else min(rules.off, on)


def _end_without_evidence(
    state: EventState, at: datetime, daylight: bool, rules: Rules, changes: list[EventChange]
) -> EventState:
    """End an event, or forget a pending one, of which nothing can be or has been seen."""
    if daylight:
        reason = "daylight"
    elif state.evidence_at is not None and at - state.evidence_at >= rules.wait:
        reason = f"nothing seen for {rules.wait.total_seconds() / 3600:g} h"
    else:
        return state
    if state.event is None:
        return replace(state, recent=(), sign=state.sign.forgotten())
    ended_at = state.below_since or state.evidence_at or state.event.confirmed_at
    return _end(state, at, ended_at, reason, rules, changes)


def _clock_put_back(state: EventState, at: datetime, rules: Rules, changes: list[EventChange]) -> EventState:
    """Begin anew at an earlier time: what was kept of times that have not been yet would blind us until then.

    An event ends where it was last seen. The aurora that goes on under the new time is the same one, so
    that it begins within the cool-down and is not reported twice.
    """
    if state.event is not None:
        seen_at = state.below_since or state.evidence_at or state.event.confirmed_at
        _end(state, at, seen_at, "the clock was put back", rules, changes)
        return EventState(quiet_until=at + rules.cool_down)
    if state.quiet_until is None:
        return EventState()
    return EventState(quiet_until=min(state.quiet_until, at + rules.cool_down))


def _signed(
    state: EventState, at: datetime, probability: float, threshold: float, rules: Rules
) -> EventState:
    """The frame's weight put to that of the frames before it."""
    since = at - state.evidence_at if state.evidence_at is not None else rules.forget
    before = state.sign if since < rules.forget else state.sign.forgotten()
    adds = weigh(probability, threshold, rules.sure)
    if adds > 0 and 2 * since < rules.cadence:
        adds *= SOON
    return replace(state, sign=before.and_frame(adds, since))


def _look_for_onset(
    state: EventState,
    camera: str,
    at: datetime,
    probability: float,
    on: float,
    rules: Rules,
    changes: list[EventChange],
) -> EventState:
    """Count the frame; begin an event when it is the k-th of the last n at or above ``on``, and all weigh enough."""
    above = probability >= on
    fresh = [frame for frame in state.recent if at - frame[0] < rules.forget]
    recent = (*fresh, (at, probability, above))[-max(rules.of, state.sign.frames) :]
    confirming = [frame for frame in recent if frame[2]]
    counted = sum(frame[2] for frame in recent[-rules.of :])
    if not above or counted < rules.confirm or not state.sign.is_enough(rules.confirm):
        return replace(state, recent=recent)
    onset_at = confirming[0][0]
    peak_at, peak, _ = max(confirming, key=lambda frame: frame[1])
    event = Event(
        id=f"{camera}-{onset_at:%Y%m%dT%H%M%SZ}",
        camera=camera,
        onset_at=onset_at,
        confirmed_at=at,
        peak_probability=peak,
        peak_at=peak_at,
        in_cool_down=state.quiet_until is not None and onset_at < state.quiet_until,
    )
    changes.append(EventChange("onset", event, at))
    return replace(
        state,
        event=event,
        recent=(),
        below_since=None,
        below_for=timedelta(0),
        sign=NO_SIGN,
    )


def _follow(
    state: EventState, at: datetime, probability: float, off: float, rules: Rules, changes: list[EventChange]
) -> EventState:
    """Keep the peak of the present event; end it after a dwell below ``off``."""
    event = state.event
    assert event is not None
    if probability > event.peak_probability:
        event = replace(event, peak_probability=probability, peak_at=at)
        state = replace(state, event=event)
    if probability >= off:
        return replace(state, below_since=None, below_for=timedelta(0))
    if state.below_since is None:
        return replace(state, below_since=at, below_for=timedelta(0))
    since_last = at - (state.evidence_at or state.below_since)
    below_for = state.below_for + min(since_last, _STRIDE * rules.cadence)
    if below_for < rules.dwell:
        return replace(state, below_for=below_for)
    reason = f"below {off:.2f} for {rules.dwell.total_seconds() / 60:g} min"
    return _end(state, at, state.below_since, reason, rules, changes)


def break_off(
    state: EventState, camera: str, rules: Rules, reason: str
) -> tuple[EventState, list[EventChange]]:
    """The event is over where its frames end: nothing more is known of it."""
    if state.event is None or state.last_at is None:
        return state, []
    last = Evidence(state.last_at + timedelta(seconds=1), daylight=True)
    after, changes = step(state, camera, last, rules)
    return after, [replace(one, event=replace(one.event, ended_reason=reason)) for one in changes]


def _note_level(
    state: EventState, at: datetime, level: int, rules: Rules, changes: list[EventChange]
) -> EventState:
    """Keep the highest level; strong is marked once an event, every other step up after the first is stronger."""
    event = state.event
    if event is None or level <= (event.peak_level or 0):
        return state
    before, event = event.peak_level, replace(event, peak_level=level)
    if level >= rules.strong_level and event.strong_at is None:
        event = replace(event, strong_at=at)
        changes.append(EventChange("strong", event, at))
    elif before is not None:
        changes.append(EventChange("stronger", event, at))
    return replace(state, event=event)


def _end(
    state: EventState, at: datetime, ended_at: datetime, reason: str, rules: Rules, changes: list[EventChange]
) -> EventState:
    """The event is over; the cool-down counts from when the aurora was last there."""
    assert state.event is not None
    event = replace(state.event, ended_at=ended_at, ended_reason=reason)
    changes.append(EventChange("over", event, at))
    return EventState(
        last_at=state.last_at, evidence_at=state.evidence_at, quiet_until=ended_at + rules.cool_down
    )


def _text(at: datetime | None) -> str | None:
    return None if at is None else utc_text(at)


def _time(text: str | None) -> datetime | None:
    return None if text is None else from_utc_text(text)


def _event(kept: Mapping[str, Any]) -> Event:
    """The event of a state; the first schema had another word for the cool-down."""
    return Event.from_plain({"in_cool_down": kept.get("quiet")} | dict(kept))


def evidence(observation: Observation, permit: Gate) -> Evidence:
    """What an observation says about aurora: nothing where it is no sky, not looked at, or too light to alert."""
    at, prediction = observation.observed_at, observation.prediction
    if prediction is None or observation.verdict == "unusable":
        return Evidence(at, daylight=not permit.look)
    assert observation.threshold is not None
    return Evidence(
        at,
        prediction.calibrated_probability if permit.alert else None,
        threshold=observation.threshold,
        level=observation.description.level if observation.description else 0,
    )
