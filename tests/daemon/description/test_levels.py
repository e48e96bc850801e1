"""Level, trend and movement from plain figures."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from daemon.description.levels import Moment, level, minutes_before
from daemon.description.movement import course, recalled, remember

AT = datetime(2024, 2, 10, 5, 0, tzinfo=UTC)
QUIET = tuple(Moment(AT - timedelta(minutes=n), 2.0, 0.05, 30.0) for n in range(11, 0, -1))


def past(index: float, cover: float = 0.1, poleward_deg: float | None = None) -> tuple[Moment, ...]:
    return tuple(Moment(AT - timedelta(minutes=n), index, cover, poleward_deg) for n in range(11, 0, -1))


@pytest.mark.parametrize(
    ("brightness", "cover", "expected"),
    [(5, 0.5, 1), (12, 0.05, 2), (40, 0.05, 3), (70, 0.05, 4), (40, 0.3, 4), (70, 0.3, 5)],
)
def test_levels_of_a_sky_that_does_not_change(brightness: float, cover: float, expected: int) -> None:
    """Brightness and extent alone give 1 to 5; breakup is a rise and needs a before."""
    assert level(brightness, brightness * cover, cover) == expected
    assert level(brightness, brightness * cover, cover, past(brightness * cover, cover)) == expected


def test_a_level_never_falls_as_aurora_grows() -> None:
    """Monotone in brightness, in cover and in index, with and without a before."""
    for before in ((), QUIET, past(20, 0.3)):
        known = minutes_before(before, AT)
        for cover in (0.02, 0.1, 0.2, 0.3, 0.6):
            by_brightness = [level(b, b * cover * 0.6, cover, known) for b in range(1, 120)]
            assert all(a <= b for a, b in pairwise(by_brightness))
        for b in (5, 20, 45, 90):
            by_cover = [level(b, b * c * 0.006, c / 100, known) for c in range(1, 100)]
            assert all(a <= b for a, b in pairwise(by_cover))


def test_a_weaker_rise_is_5_and_a_slow_one_is_none() -> None:
    """A factor of two over an eighth of the sky in minutes is 5; the same light reached slowly is not."""
    assert level(45, 6.0, 0.15, minutes_before(past(2.5), AT)) == 5
    assert level(45, 6.0, 0.15, minutes_before(past(5.0), AT)) == 3


def test_out_of_nothing_is_no_rise_where_nothing_was_seen() -> None:
    """A gap in the cloud that shows a bright sky says nothing of the minutes before."""
    assert level(100, 30, 0.5, minutes_before((), AT)) == 5
    assert level(100, 30, 0.5, minutes_before([Moment(AT - timedelta(minutes=40))], AT)) == 5
    assert level(100, 30, 0.5, minutes_before([Moment(AT - timedelta(minutes=7))], AT)) == 6


def test_trend_has_a_dead_band() -> None:
    """Brightening begins at 1.4 times, goes on down to 1.15 times, and noise about either does not make it chatter."""
    earlier = past(9.0)
    assert course(Moment(AT, 12.0, 0.1), earlier).trend == "steady"
    assert course(Moment(AT, 14.0, 0.1), earlier).trend == "brightening"
    rising = (*earlier[:-1], Moment(AT - timedelta(minutes=1), 14.0, 0.1, trend="brightening"))
    assert course(Moment(AT, 12.0, 0.1), rising).trend == "brightening"
    assert course(Moment(AT, 9.5, 0.1), rising).trend == "steady"
    assert course(Moment(AT, 5.0, 0.1), rising).trend == "fading"


def test_noise_does_not_make_the_trend_chatter() -> None:
    """An hour of a steady sky with 10 % of noise has no word but steady; a slow swing changes it a few times."""
    held: tuple[Moment, ...] = ()
    words = []
    for minute in range(60):
        noise = 1 + 0.1 * (-1) ** minute * ((minute * 7 % 5) / 4)
        now = course(Moment(AT + timedelta(minutes=minute), 10 * noise, 0.2, 10.0), held)
        words.append((now.trend, now.drift, now.spread))
        held = remember(held, now)
    assert set(words[3:]) == {("steady", "steady", "steady")}
    assert words[0] == (None, None, None)


@pytest.mark.parametrize(("now", "word"), [(22.0, "poleward"), (-5.0, "equatorward"), (12.0, "steady")])
def test_drift_is_along_the_meridian(now: float, word: str) -> None:
    """Six degrees toward the pole or from it in minutes have a word."""
    assert course(Moment(AT, 5.0, 0.1, now), past(5.0, poleward_deg=10.0)).drift == word
    assert course(Moment(AT, 5.0, 0.1, now), past(5.0)).drift is None


def test_the_past_is_short_and_begins_anew_when_time_is_put_back() -> None:
    """Twelve minutes are remembered; an archive's earlier night is not compared with a later one."""
    held: tuple[Moment, ...] = ()
    for minute in range(40):
        held = remember(held, Moment(AT + timedelta(minutes=minute)))
    assert len(held) == 13
    assert remember(held, Moment(AT)) == (Moment(AT),)


def test_what_the_record_keeps_is_what_was_remembered() -> None:
    """A restarted watch goes on where it was."""
    row = {"observed_at": "2024-02-10T05:00:00Z", "aurora_index": 3.0, "cover": 0.2, "poleward_deg": -4.0,
           "trend": "fading", "drift": None, "spread": "steady"}  # fmt: skip
    assert recalled([row]) == (Moment(AT, 3.0, 0.2, -4.0, "fading", None, "steady"),)
    empty = dict.fromkeys(row) | {"observed_at": "2024-02-10T05:00:00Z"}
    assert recalled([empty]) == (Moment(AT, cover=None),)
    assert course(Moment(AT, 5.0, None), past(5.0)).spread is None
