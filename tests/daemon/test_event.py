"""Hysteresis of spells, frame by frame, and what holds whatever the frames are."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from daemon.event import EventState, Evidence, Rules, step
from daemon.observation import Event, EventChange

T0 = datetime(2024, 2, 10, 4, 0, 0, tzinfo=UTC)
RULES = Rules(on=0.6, off=0.3, confirm=2, of=3, dwell=timedelta(minutes=5), cool_down=timedelta(minutes=30))

COUNTED = replace(RULES, sure=0.5)
"""Frames at the model's threshold have their whole weight: counting alone decides."""


def minute(n: float) -> datetime:
    return T0 + timedelta(minutes=n)


def play(
    probabilities: list[float | None],
    memory: EventState | None = None,
    *,
    start: int = 0,
    rules: Rules = RULES,
) -> tuple[EventState, list[EventChange]]:
    """One frame a minute; the changes in order."""
    memory = memory or EventState()
    changes: list[EventChange] = []
    for n, probability in enumerate(probabilities, start):
        memory, new = step(memory, "yellowknife", Evidence(minute(n), probability, threshold=0.5), rules)
        changes += new
    return memory, changes


def test_one_bright_frame_is_no_event() -> None:
    """A single frame above `on` never starts a spell; the camera is pending until it has slid out."""
    memory, changes = play([0.1, 0.9])
    assert (changes, memory.phase) == ([], "pending")
    memory, changes = play([0.1, 0.1, 0.1], memory, start=2)
    assert (changes, memory.phase) == ([], "quiet")


def test_two_of_three_confirm_and_the_onset_is_the_first_of_them() -> None:
    """Onset is dated to the first confirming frame, confirmation to the last, and names the event."""
    memory, changes = play([0.1, 0.9, 0.5, 0.95], rules=COUNTED)
    assert [c.kind for c in changes] == ["onset"]
    event = changes[0].event
    assert (event.onset_at, event.confirmed_at) == (minute(1), minute(3))
    assert event.id == "yellowknife-20240210T040100Z"
    assert (event.peak_probability, event.peak_at) == (0.95, minute(3))
    assert memory.phase == "active"


def test_exactly_on_counts_and_exactly_off_does_not_fade() -> None:
    """`on` is reached by equality, and a spell at exactly `off` goes on."""
    memory, changes = play([0.6, 0.6, *[0.3] * 30], rules=COUNTED)
    assert [c.kind for c in changes] == ["onset"]
    assert memory.phase == "active"


def test_a_dwell_below_off_ends_it_at_the_first_frame_below() -> None:
    """The end is known after the dwell and dated to when the aurora was gone, with its reason."""
    memory, changes = play([0.9, 0.9, 0.5, *[0.1] * 6])
    assert [c.kind for c in changes] == ["onset", "over"]
    over = changes[1]
    assert (over.event.ended_at, over.at) == (minute(3), minute(8))
    assert over.event.ended_reason == "below 0.30 for 5 min"
    assert memory.quiet_until == minute(3) + RULES.cool_down
    assert memory.phase == "quiet"


def test_a_frame_at_off_or_above_starts_the_dwell_anew() -> None:
    """Flicker keeps a spell alive."""
    memory, changes = play([0.9, 0.9, *[0.1, 0.1, 0.1, 0.1, 0.4] * 6])
    assert [c.kind for c in changes] == ["onset"]
    assert memory.phase == "active"


@pytest.mark.parametrize("gap", [1, 4, 40])
def test_frames_without_evidence_neither_confirm_nor_end(gap: int) -> None:
    """Gated, stale or missing minutes change nothing about what the other frames decide."""
    silent = [None] * gap
    _, changes = play([0.9, *silent, 0.1, *silent, 0.1, *silent])
    assert changes == []
    memory, changes = play([0.9, 0.9, 0.1, *silent, 0.1, 0.1])
    assert [c.kind for c in changes] == ["onset"], "the gap itself must not count as darkness"
    assert memory.phase == "active"


def test_old_frames_do_not_confirm() -> None:
    """Two bright frames with an hour between them are not one onset an hour ago."""
    memory, _ = play([0.9])
    memory, changes = step(memory, "yellowknife", Evidence(minute(60), 0.9, threshold=0.5), RULES)
    assert changes == []
    memory, changes = step(memory, "yellowknife", Evidence(minute(61), 0.9, threshold=0.5), RULES)
    assert changes[0].event.onset_at == minute(60)


def test_daylight_ends_a_spell_at_its_last_evidence() -> None:
    """The first frame too light to look at ends the night's spell, dated to the last frame seen."""
    memory, _ = play([0.9, 0.9, 0.9])
    memory, changes = step(memory, "yellowknife", Evidence(minute(20), threshold=0.5, daylight=True), RULES)
    assert [c.kind for c in changes] == ["over"]
    assert (changes[0].event.ended_at, changes[0].event.ended_reason) == (minute(2), "daylight")


def test_a_spell_without_evidence_for_hours_is_over() -> None:
    """A feed dead since 04:02 ends the spell after `patience`, and it says so."""
    memory, changes = play([0.9, 0.9, *[None] * 119])
    assert memory.phase == "active"
    memory, changes = play([None, None], memory, start=121)
    assert changes[0].event.ended_reason == "nothing seen for 2 h"
    assert changes[0].event.ended_at == minute(1)


def test_the_first_frame_after_a_long_silence_ends_the_old_spell_and_counts_for_a_new_one() -> None:
    """A daemon that was off from one night to the next does not join the two nights' spells."""
    memory, _ = play([0.9, 0.9])
    memory, first = step(memory, "yellowknife", Evidence(minute(1440), 0.9, threshold=0.5), RULES)
    memory, second = step(memory, "yellowknife", Evidence(minute(1441), 0.9, threshold=0.5), RULES)
    assert [c.kind for c in [*first, *second]] == ["over", "onset"]
    assert second[0].event.onset_at == minute(1440)


def test_strong_is_told_once_and_only_in_a_spell() -> None:
    """Local breakup is one change of one event, at the confirming frame at the earliest."""
    memory = EventState()
    told: list[str] = []
    for n, probability in enumerate([0.9, 0.9, 0.9, 0.9]):
        memory, changes = step(
            memory, "yellowknife", Evidence(minute(n), probability, threshold=0.5, level=6), RULES
        )
        told += [c.kind for c in changes]
    assert told == ["onset", "strong"]
    assert memory.event is not None
    assert memory.event.strong_at == minute(1)


def test_every_step_up_is_a_change_and_a_step_down_is_none() -> None:
    """The highest level is kept; a step above it is "stronger", the one that reaches a strong level "strong"."""
    memory, changes = EventState(), []
    for n, level in enumerate([2, 2, 3, 2, 3, 4, 5, 4, 6]):
        evidence = Evidence(minute(n), 0.9, threshold=0.5, level=level)
        memory, new = step(memory, "yellowknife", evidence, RULES)
        changes += [(n, change.kind, change.event.peak_level) for change in new]
    assert changes == [
        (1, "onset", None),
        (2, "stronger", 3),
        (5, "stronger", 4),
        (6, "strong", 5),
        (8, "stronger", 6),
    ]


def test_a_spell_within_the_cool_down_is_kept_and_marked_quiet() -> None:
    """A new spell soon after the last is recorded like any other, and marked so that nobody is told."""
    memory, _ = play([0.9, 0.9, *[0.1] * 6])
    _, soon = play([0.9, 0.9], memory, start=10)
    _, later = play([0.9, 0.9], memory, start=40)
    assert [soon[0].event.in_cool_down, later[0].event.in_cool_down] == [True, False]


@pytest.mark.parametrize("late", [0, -1, -5])
def test_frames_that_are_not_newer_change_nothing(late: int) -> None:
    """A repeated or late frame leaves the memory as it was."""
    memory, _ = play([0.1, 0.9])
    again, changes = step(
        memory, "yellowknife", Evidence(minute(1 + late), 0.9, threshold=0.5, level=6), RULES
    )
    assert changes == []
    assert again == memory


def test_a_clock_put_back_blinds_nobody() -> None:
    """Three days ahead, then right: what was remembered of the future is dropped, and aurora is found at once."""
    memory, _ = play([0.1, 0.1, 0.9], start=3 * 1440)
    memory, changes = play([0.9], memory)
    assert changes == []  # one frame of the right time, one of the future: no two of one sky
    memory, changes = play([0.9], memory, start=1)
    assert [change.kind for change in changes] == ["onset"]
    assert changes[0].event.onset_at == minute(0)
    assert not changes[0].event.in_cool_down


def test_an_event_ends_where_the_clock_is_put_back_and_is_not_reported_twice() -> None:
    """Two hours back in the middle of an aurora: over where it was last seen; what goes on is in its cool-down."""
    memory, _ = play([0.9] * 5, start=120)
    memory, changes = play([0.9, 0.9, 0.9], memory)
    assert [change.kind for change in changes] == ["over", "onset"]
    over, onset = (change.event for change in changes)
    assert (over.ended_at, over.ended_reason) == (minute(124), "the clock was put back")
    assert (onset.onset_at, onset.in_cool_down) == (minute(0), True)


def test_without_own_limits_the_model_s_threshold_rules() -> None:
    """`on` none takes the frame's own threshold and `off` half of it."""
    rules = replace(RULES, on=None, off=None, sure=0.5)
    memory, changes = EventState(), []
    for n, (probability, on) in enumerate([(0.5, 0.9), (0.5, 0.4), (0.5, 0.4), (0.21, 0.4), (0.19, 0.4)]):
        memory, new = step(memory, "yellowknife", Evidence(minute(n), probability, threshold=on), rules)
        changes += new
    assert [c.at for c in changes] == [minute(2)]
    assert memory.below_since == minute(4)


def test_a_slow_camera_can_have_events_too() -> None:
    """With one frame in 30 minutes the window of the last n frames is as wide as it has to be."""
    rules = replace(RULES, cadence=timedelta(minutes=30), dwell=timedelta(minutes=15))
    memory, _ = step(EventState(), "yellowknife", Evidence(minute(0), 0.9, threshold=0.5), rules)
    memory, changes = step(memory, "yellowknife", Evidence(minute(30), 0.9, threshold=0.5), rules)
    assert [c.kind for c in changes] == ["onset"]


@pytest.mark.parametrize(
    "kept",
    [
        {"event": None},
        {"recent": 3},
        {**EventState().to_dict(), "below_for_s": "long"},
        {"x": 1},
        {**EventState().to_dict(), "sign": {"weight": "much"}},
        {**EventState().to_dict(), "sign": 3},
        {**EventState().to_dict(), "sign": {"failed": -1e9}},
        {**EventState().to_dict(), "sign": {"weight": float("nan")}},
    ],
)
def test_a_spoilt_memory_is_refused(kept: dict[str, object]) -> None:
    """What is no memory raises ValueError instead of becoming half a memory."""
    with pytest.raises(ValueError, match="no event state"):
        EventState.from_dict(kept)


class Watch(RuleBasedStateMachine):
    """Any frames in any order, with restarts in between; the promises hold after each."""

    def __init__(self) -> None:
        super().__init__()
        self.memory = EventState()
        self.at = T0
        self.events: dict[str, Event] = {}
        self.kinds: dict[str, list[str]] = {}

    @rule(
        gap_s=st.one_of(st.just(60), st.integers(-359, 9000)),
        probability=st.one_of(st.none(), st.sampled_from([0.0, 0.3, 0.59, 0.6, 1.0]), st.floats(0, 1)),
        level=st.integers(0, 6),
        daylight=st.booleans(),
    )
    def frame(self, gap_s: int, probability: float | None, level: int, daylight: bool) -> None:
        """A frame, in order or not; one without evidence begins nothing."""
        at = self.at + timedelta(seconds=gap_s)
        before = self.memory
        self.memory, changes = step(
            before,
            "c",
            Evidence(
                at,
                probability,
                threshold=0.5,
                level=level,
                daylight=daylight and probability is None,
            ),
            RULES,
        )
        if before.last_at is not None and at <= before.last_at:
            assert (self.memory, changes) == (before, [])
            return
        self.at = at
        if probability is None:
            assert [c.kind for c in changes if c.kind != "over"] == []
        for change in changes:
            assert change.at == at
            self.events[change.event.id] = change.event
            self.kinds.setdefault(change.event.id, []).append(change.kind)

    @rule()
    def restart(self) -> None:
        """What is kept as JSON is all there is."""
        assert EventState.from_dict(json.loads(json.dumps(self.memory.to_dict()))) == self.memory
        self.memory = EventState.from_dict(json.loads(json.dumps(self.memory.to_dict())))

    @invariant()
    def each_event_is_told_in_order_and_once(self) -> None:
        """Onset, at most one strong, at most five steps up and one end."""
        for kinds in self.kinds.values():
            assert kinds[0] == "onset"
            assert "onset" not in kinds[1:]
            assert kinds.count("strong") <= 1
            assert kinds.count("strong") + kinds.count("stronger") <= 6
            assert "over" not in kinds[:-1]

    @invariant()
    def times_are_in_order_and_events_do_not_overlap(self) -> None:
        """Onset ≤ confirmed ≤ strong, ended ≤ the next onset; only the remembered one is open."""
        ended = None
        for event in self.events.values():
            assert event.onset_at <= event.confirmed_at
            assert ended is None or ended <= event.onset_at
            if event.strong_at is not None:
                assert event.confirmed_at <= event.strong_at
            if event.ended_at is not None:
                assert event.confirmed_at <= event.ended_at
                assert event.ended_reason
            assert event.peak_probability >= 0.6
            ended = event.ended_at
        open_ones = [event.id for event in self.events.values() if event.ended_at is None]
        assert open_ones == ([self.memory.event.id] if self.memory.event else [])

    @invariant()
    def the_memory_is_bounded(self) -> None:
        """However long the watch, what is remembered stays small."""
        assert len(self.memory.recent) <= 30
        assert len(json.dumps(self.memory.to_dict())) < 3000


Watch.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestWatch = Watch.TestCase
