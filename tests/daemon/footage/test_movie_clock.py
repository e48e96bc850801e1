"""A movie's clock: few readings date every frame, slips are outvoted, gaps split the movie."""

import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.errors import ClockError
from daemon.footage.stamp import MovieClock, Reading, consensus, date_frames, frame_cadence, parse_stamp
from daemon.footage.video import FIRST_FRAMES
from daemon.observation import StampStyle

START = datetime(2024, 2, 10, 4, 50, 3, tzinfo=UTC)
AURORAMAX = StampStyle((0, 0, 1, 1), ("%Y-%m-%d %H:%M:%S",), "America/Yellowknife")


class Movie:
    """A movie whose stamps are known: frame k shows ``times[k]``, cut to whole seconds."""

    def __init__(self, count: int, cadence_s: float, gaps: dict[int, float] | None = None) -> None:
        self.times, at = [], START
        for k in range(count):
            at += timedelta(seconds=(gaps or {}).get(k, 0.0))
            self.times.append(at)
            at += timedelta(seconds=cadence_s)
        self.calls: list[int] = []
        self.spoil: Callable[[int, datetime], datetime | None] = lambda index, shown: shown

    def read(self, indices: Sequence[int]) -> list[datetime | None]:
        """What is read off some frames."""
        self.calls += indices
        return [self.spoil(i, self.times[i].replace(microsecond=0)) for i in indices]

    def errors_s(self, clock: MovieClock, indices: Sequence[int]) -> list[float]:
        """Errors of every dated frame, in seconds."""
        dated = [(clock.at(i), self.times[i].replace(microsecond=0)) for i in indices]
        return [abs((at - true).total_seconds()) for at, true in dated if at is not None]


@pytest.mark.parametrize("cadence_s", [6.0, 1.0, 10.0, 1.0247, 37.7, 6.03])
@pytest.mark.parametrize("count", [400, 1545, 9000])
def test_a_clean_night_needs_few_readings(count: int, cadence_s: float) -> None:
    """Whatever the cadence, 12 readings date every frame of a clean movie to the second."""
    movie = Movie(count, cadence_s)
    indices = range(0, count, 10)
    clock = date_frames(indices, movie.read)
    assert len(movie.calls) <= 12
    assert len(clock.segments) == 1
    assert clock.cadence_s == pytest.approx(cadence_s, rel=1e-3)
    errors = movie.errors_s(clock, indices)
    assert len(errors) == len(indices)
    assert max(errors) <= 1


@pytest.mark.parametrize("seed", range(8))
def test_a_third_of_slips_is_outvoted(seed: int) -> None:
    """With a third of the readings wrong or illegible, in Table 1's ways, nothing is wrong and 95 % is dated."""
    chance = random.Random(seed)

    def slip(index: int, shown: datetime) -> datetime | None:
        if chance.random() > 1 / 3:
            return shown
        kind = chance.choice(["none", "day", "hour", "minute", "second", "year"])
        if kind == "none":
            return None
        if kind == "year":
            return shown.replace(year=2020)
        return (
            shown
            + chance.choice([-1, 1])
            * {
                "day": timedelta(days=chance.choice([1, 10, 20])),
                "hour": timedelta(hours=chance.choice([1, 5, 10])),
                "minute": timedelta(minutes=chance.choice([1, 3, 10, 40])),
                "second": timedelta(seconds=chance.choice([5, 10, 30])),
            }[kind]
        )

    movie = Movie(1545, 6.0)
    movie.spoil = slip
    indices = range(0, 1545, 10)
    clock = date_frames(indices, movie.read, nominal_cadence_s=6.0)
    assert len(movie.calls) <= 44
    errors = movie.errors_s(clock, indices)
    assert max(errors) <= 1
    assert len(errors) >= 0.95 * len(indices)


def test_table_1_slips_never_move_a_movie() -> None:
    """Slips of Table 1 in two frames of three move no date; only unread ends stay undated."""
    slips = ["A4-01-31", "A0-01-31", "2024-01-41", "2024-01-34"]

    def slip(index: int, shown: datetime) -> datetime | None:
        local = (shown - timedelta(hours=7)).strftime("%Y-%m-%d %H:%M:%S MST")
        if index % 20 == 0:
            local = slips[index // 20 % 4] + local[10:]
        elif index % 30 == 0:
            local = local[:11] + "2" + local[12:]  # an hour 2x: 28 is no time, 21 for 01 is a wrong one
        try:
            return parse_stamp(local, AURORAMAX)
        except ClockError:
            return None

    movie = Movie(1545, 6.0)
    movie.spoil = slip
    indices = range(0, 1545, 10)
    clock = date_frames(indices, movie.read)
    errors = movie.errors_s(clock, indices)
    assert max(errors) == 0
    assert len(errors) >= 0.97 * len(indices)


@pytest.mark.parametrize("gap_s", [12.0, 600.0, 4 * 3600.0])
@pytest.mark.parametrize("where", [45, 700, 1204, 1480])
def test_a_gap_splits_the_movie_at_the_very_sample(where: int, gap_s: float) -> None:
    """A camera that was off is found to one sample; every frame on both sides is right to 1 s."""
    movie = Movie(1545, 6.0, {where: gap_s})
    indices = range(0, 1545, 10)
    clock = date_frames(indices, movie.read)
    assert len(movie.calls) <= 44
    assert len(clock.segments) == 2
    assert clock.segments[0].last < where <= clock.segments[1].first
    errors = movie.errors_s(clock, indices)
    assert max(errors) <= 1
    assert len(errors) == len(indices)


def test_frames_lost_in_the_dark_of_a_gap_stay_undated() -> None:
    """Between two segments, where no reading says on which side a frame lies, there is no date."""
    movie = Movie(1000, 6.0, {500: 900.0})
    readings = [Reading(i, movie.times[i]) for i in (0, 100, 200, 400, 600, 700, 900, 990)]
    clock = consensus(readings)
    assert clock.at(400) == movie.times[400]
    assert clock.at(600) == movie.times[600]
    assert clock.at(450) is None
    assert clock.at(550) is None


def test_two_restarts_and_slips_together() -> None:
    """Two gaps and a fifth of the readings wrong: what is dated is right, and nearly all is dated."""
    chance = random.Random(3)
    movie = Movie(3000, 6.0, {800: 1200.0, 2100: 300.0})
    movie.spoil = lambda i, shown: shown + timedelta(hours=10) if chance.random() < 0.2 else shown
    indices = range(0, 3000, 10)
    clock = date_frames(indices, movie.read)
    assert len(movie.calls) <= 44
    errors = movie.errors_s(clock, indices)
    assert max(errors) <= 1
    assert len(errors) >= 0.97 * len(indices)


def test_an_uneven_clock_is_followed() -> None:
    """A cadence that wanders by a few per cent, and a stall at the start, are followed to 2 s."""
    movie = Movie(3601, 1.0247)
    movie.times[:3] = [movie.times[3]] * 3
    chance, drift = random.Random(1), 0.0
    for k in range(1800, 3601):
        drift += chance.choice([0.0, 0.03])
        movie.times[k] += timedelta(seconds=drift)
    probes = [Reading(i, movie.times[i].replace(microsecond=0)) for i in (0, 1, 2, 5, 10, 20, 40, 80)]
    indices = range(0, 3601, 59)
    clock = date_frames(indices, movie.read, known=probes)
    assert max(movie.errors_s(clock, indices)) <= 2
    assert len(movie.errors_s(clock, indices)) == len(indices)


def test_stamps_without_seconds() -> None:
    """Stamps of whole minutes date frames to half a minute."""
    movie = Movie(1545, 6.0)
    movie.spoil = lambda index, shown: shown.replace(second=0)
    indices = range(0, 1545, 10)
    clock = date_frames(indices, movie.read)
    assert clock.cadence_s == pytest.approx(6.0, rel=0.01)
    assert max(movie.errors_s(clock, indices)) <= 30


def test_the_first_frames_tell_the_cadence() -> None:
    """A dozen stamps of the first 200 frames give the cadence to 0.3 %, a stall and a slip included."""
    probes = FIRST_FRAMES
    for cadence_s in (1.0, 1.0247, 6.0, 10.0):
        movie = Movie(201, cadence_s)
        movie.times[:3] = [movie.times[3]] * 3
        readings = [Reading(i, movie.times[i].replace(microsecond=0)) for i in probes]
        readings[6] = Reading(40, movie.times[40] + timedelta(hours=10))
        assert frame_cadence(readings) == pytest.approx(cadence_s, rel=3e-3)
    assert frame_cadence([]) is None
    minutes = [Reading(i, START.replace(second=0) + timedelta(minutes=i // 60)) for i in probes]
    assert frame_cadence(minutes) is None


def _reason(readings: list[Reading]) -> str:
    with pytest.raises(ClockError) as caught:
        consensus(readings)
    return caught.value.reason


def test_too_little_agreement_is_no_clock() -> None:
    """Two readings, or many of which no third part agrees, establish nothing."""
    movie = Movie(100, 6.0)
    assert _reason([Reading(i, movie.times[i]) for i in (0, 50)]) == "no consensus"
    chance = random.Random(5)
    wild = [Reading(10 * i, START + timedelta(seconds=chance.uniform(0, 9e7))) for i in range(40)]
    assert _reason(wild) == "no consensus"


def test_a_stopped_clock_is_named() -> None:
    """Stamps that never advance are a stopped clock, not a cadence of nothing."""
    assert _reason([Reading(10 * i, START) for i in range(12)]) == "clock stopped"


def test_an_illegible_movie_is_given_up_in_bounds() -> None:
    """Where nothing can be read, the reading stops at its bound with a ClockError."""
    movie = Movie(9000, 6.0)
    movie.spoil = lambda index, shown: None
    with pytest.raises(ClockError, match="only 0 stamps are legible"):
        date_frames(range(0, 9000, 10), movie.read)
    assert len(movie.calls) == 44
    with pytest.raises(ClockError, match="no frames"):
        date_frames([], movie.read)


def test_an_illegible_end_is_kept_out() -> None:
    """Past the last legible stamp nothing says when a frame was taken."""
    movie = Movie(1000, 6.0)
    movie.spoil = lambda index, shown: shown if index < 800 else None
    clock = date_frames(range(0, 1000, 10), movie.read)
    assert clock.at(790) == movie.times[790]
    assert clock.at(800) is None
    assert clock.at(990) is None


@settings(max_examples=60, deadline=None)
@given(
    cadence_s=st.floats(0.5, 60),
    count=st.integers(60, 3000),
    gap=st.tuples(st.floats(0.05, 0.95), st.floats(180, 40_000)),
    seed=st.integers(0, 999),
)
def test_what_is_dated_is_right(cadence_s: float, count: int, gap: tuple[float, float], seed: int) -> None:
    """For any cadence, length and gap, with a seventh of the readings wrong, no frame gets a wrong date."""
    chance = random.Random(seed)
    movie = Movie(count, cadence_s, {int(gap[0] * count): gap[1]})

    def slip(index: int, shown: datetime) -> datetime | None:
        wrong = timedelta(minutes=chance.choice([-1, 1]) * chance.randrange(1, 900))
        return shown + wrong if chance.random() < 1 / 7 else shown

    movie.spoil = slip
    step = max(1, round(60 / cadence_s))
    indices = range(0, count, step)
    try:
        clock = date_frames(indices, movie.read)
    except ClockError:
        return
    assert max(movie.errors_s(clock, indices), default=0) <= 2


def test_a_movie_sampled_at_every_full_minute_is_dated_to_the_second() -> None:
    """Stamps with seconds that all happen to be :00 are not stamps cut to minutes."""
    begins = datetime(2024, 2, 10, 4, 50, 0, tzinfo=UTC)
    readings = [Reading(10 * k, begins + timedelta(minutes=k)) for k in range(12)]
    clock = consensus(readings, 6.0, resolution_s=1.0)
    assert [clock.at(reading.index) for reading in readings] == [reading.at for reading in readings]


@pytest.mark.parametrize("slow_s", [40.0, 25.0])
def test_a_movie_whose_spacing_changes_is_dated_on_both_sides(slow_s: float) -> None:
    """From 10 s a frame to 40 s: all but the few frames around the change have their time, to two seconds."""
    begins = datetime(2024, 2, 10, 4, 0, 0, tzinfo=UTC)
    true = [begins + timedelta(seconds=10 * n if n < 180 else 1800 + slow_s * (n - 180)) for n in range(300)]
    clock = date_frames(range(0, 300, 3), lambda wanted: [true[i] for i in wanted], 6.0, resolution_s=1.0)
    times = {i: clock.at(i) for i in range(0, 300, 3)}
    dated = {i: at for i, at in times.items() if at is not None}
    assert len(dated) >= 92
    assert all(abs((at - true[i]).total_seconds()) <= 2 for i, at in dated.items())


def test_a_digit_misread_for_long_is_no_other_gait() -> None:
    """An hour too much over the last eighth keeps the same cadence: it is a gap or a slip, never a new clock."""
    begins = datetime(2024, 2, 10, 4, 0, 0, tzinfo=UTC)
    readings = [Reading(n, begins + timedelta(seconds=6 * n)) for n in range(0, 160, 10)]
    wild = [Reading(n, begins + timedelta(seconds=6 * n, hours=-3)) for n in range(160, 200, 10)]
    clock = consensus([*readings, *wild], 6.0, resolution_s=1.0)
    assert len(clock.segments) == 1
    assert clock.at(190) is None
