"""What frames weigh together: sure ones begin an event at once, flickering ones never, weak ones in the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.event import EventState, Evidence, Rules, step
from daemon.sign import Sign

T0 = datetime(2024, 2, 10, 4, 0, 0, tzinfo=UTC)
RULES = Rules()


def onset(
    probabilities: Sequence[float],
    rules: Rules = RULES,
    every_s: float = 60.0,
    state: EventState | None = None,
) -> int | None:
    """The frame that begins an event, by number; None where none does."""
    state = state or EventState()
    for n, probability in enumerate(probabilities):
        at = T0 + timedelta(seconds=every_s * n)
        state, changes = step(state, "yellowknife", Evidence(at, probability, threshold=0.5), rules)
        if changes:
            return n
    return None


def after(probabilities: Sequence[float]) -> EventState:
    """The state after one frame a minute, none of which began an event; the last is a minute before ``T0``."""
    state = EventState()
    for n, probability in enumerate(probabilities):
        at = T0 - timedelta(minutes=len(probabilities) - n)
        state, changes = step(state, "yellowknife", Evidence(at, probability, threshold=0.5), RULES)
        assert not changes
    return state


def test_two_sure_frames_are_enough() -> None:
    """Plain aurora waits for nothing that counting alone did not wait for."""
    assert onset([0.01, 0.95, 0.99]) == 2


@pytest.mark.parametrize(("probability", "frames"), [(0.9, 2), (0.8, 4), (0.7, 6), (0.6, 11)])
def test_weaker_ones_take_longer(probability: float, frames: int) -> None:
    """Their log-odds add up to those of two sure ones."""
    assert onset([probability] * 20) == frames - 1


def test_the_onset_is_the_first_frame_of_the_sign() -> None:
    """However long a weak sign takes, people are told since when it has been there, and not of a flicker before."""
    state, changes = EventState(), []
    for n, probability in enumerate([0.7, 0.01, *[0.7] * 9]):
        at = T0 + timedelta(minutes=n)
        state, new = step(state, "yellowknife", Evidence(at, probability, threshold=0.5), RULES)
        changes += new
    (onset,) = changes
    assert onset.event.onset_at == T0 + timedelta(minutes=2)
    assert onset.event.confirmed_at > T0 + timedelta(minutes=7)


def test_a_frame_against_them_takes_away() -> None:
    """Two of three are not enough where the third is as sure of the contrary."""
    assert onset([0.95, 0.05, 0.95]) is None
    assert onset([0.95, 0.4, 0.95, 0.95]) == 3


@given(st.lists(st.sampled_from([0.6, 0.95, 0.999]), min_size=1, max_size=200))
def test_flicker_never_begins_an_event(signs: list[float]) -> None:
    """One frame above between frames that are sure of none, as moving cloud shows, however long it lasts."""
    assert onset([p for sign in signs for p in (0.02, sign)]) is None


@given(st.integers(0, 40))
def test_no_restless_sky_hides_plain_aurora(signs: int) -> None:
    """Whatever came to nothing before, three sure frames are enough."""
    calm = onset([0.99] * 5, state=after([p for _ in range(signs) for p in (0.99, 0.01)]))
    assert calm is not None
    assert calm <= 2


@pytest.mark.parametrize("probability", [0.5, 0.501, 0.51, 0.6])
def test_a_sky_just_over_the_threshold_is_not_asked_every_few_seconds(probability: float) -> None:
    """A few sooner looks to know whether the sign holds; then the cadence, however long it hovers there."""
    state, at, waits = EventState(), T0, []
    while at < T0 + timedelta(hours=2):
        state, _ = step(state, "yellowknife", Evidence(at, probability, threshold=0.5), RULES)
        waits.append(RULES.until_next(state))
        at += waits[-1]
    assert waits.count(RULES.look_again) <= 5
    assert len(waits) <= 125


def test_an_hour_of_flicker_is_forgotten_as_soon_as_a_few_signs() -> None:
    """What counts for no more is not counted on: an hour later a sky is trusted again as after two signs."""
    assert after([0.99, 0.01] * 40).sign.failed <= 2
    assert onset([0.99] * 5, state=after([0.99, 0.01] * 40 + [0.01] * 180)) == 1


def test_signs_that_came_to_nothing_make_wary_and_are_forgotten() -> None:
    """Two sure frames are enough on a calm sky; after three flickers a third is asked for; after hours no more."""
    restless = after([0.99, 0.01] * 3)
    assert onset([0.99] * 5, state=restless) == 2
    calmed = after([0.99, 0.01] * 3 + [0.01] * 300)
    assert onset([0.99] * 5, state=calmed) == 1


def test_a_look_again_weighs_half() -> None:
    """Three looks within a minute see much the same cloud."""
    assert onset([0.95] * 5, every_s=20) == 2
    assert onset([0.95] * 5, every_s=40) == 1


def test_how_sure_is_for_the_owner_to_say() -> None:
    """A lower `sure` alerts sooner; at the threshold every frame that counts weighs all."""
    assert onset([0.7] * 9, replace(RULES, sure=0.7)) == 1
    assert onset([0.55] * 9, replace(RULES, sure=0.5)) == 1
    assert onset([0.95] * 9, replace(RULES, sure=0.99)) == 3


def test_one_frame_is_enough_for_whoever_wants_it_so() -> None:
    """`confirm = 1`: one sure frame, or several less sure ones."""
    assert onset([0.01, 0.9], replace(RULES, confirm=1, of=1)) == 1
    assert onset([0.01, 0.75, 0.75], replace(RULES, confirm=1, of=1)) == 2


def test_long_ago_weighs_nothing() -> None:
    """After a gap in the pictures a sign begins anew."""
    state, _ = step(EventState(), "yellowknife", Evidence(T0, 0.99, threshold=0.5), RULES)
    later = T0 + RULES.forget
    state, changes = step(state, "yellowknife", Evidence(later, 0.99, threshold=0.5), RULES)
    assert (changes, state.sign.weight) == ([], 1.0)


def test_the_weight_outlives_a_restart_and_is_unknown_to_older_records() -> None:
    """A restart in the middle of a sign loses nothing; a state kept by an older release weighs nothing."""
    kept = after([0.99, 0.01, 0.95]).to_dict()
    assert EventState.from_dict(kept) == after([0.99, 0.01, 0.95])
    assert onset([0.95], state=EventState.from_dict(kept)) is None
    assert onset([0.95, 0.95], state=EventState.from_dict(kept)) == 1
    older = {key: value for key, value in kept.items() if key != "sign"}
    assert EventState.from_dict(older).sign == Sign()
