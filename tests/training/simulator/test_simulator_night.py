"""A simulated night goes on like a night: coherent, dated by the ephemeris, events with known truth."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest

from daemon.sky.ephemeris import Observatory
from training.simulator.night import YELLOWKNIFE, Fault, Night
from training.simulator.render import CONTRAST

DAY = date(2024, 2, 10)


@pytest.fixture(scope="module")
def night() -> Night:
    """A clear night with one event."""
    return Night(4, DAY, events=1, weather="clear")


def test_the_same_arguments_give_the_same_night(night: Night) -> None:
    """Another Night of the same seed draws the same bytes, asked in another order."""
    again = Night(4, DAY, events=1, weather="clear")
    later, earlier = night.start + timedelta(hours=5), night.start + timedelta(hours=1)
    ahead, behind = again.frame(earlier, 96).square, again.frame(later, 96).square
    assert np.array_equal(night.frame(later, 96).square, behind)
    assert np.array_equal(night.frame(earlier, 96).square, ahead)


def test_it_lies_in_the_dark_of_its_date(night: Night) -> None:
    """The night of a UTC date begins at Yellowknife's dusk, about 01-02 UTC, and ends at dawn."""
    assert night.start.date() == night.end.date() == DAY
    assert night.start.hour in (1, 2)
    assert timedelta(hours=11) < night.end - night.start < timedelta(hours=14)


def test_sun_and_moon_are_the_ephemeris(night: Night) -> None:
    """Between its five-minute steps the night's sun and moon stay within 0.02 degrees of the truth."""
    at = night.start + timedelta(hours=3, minutes=2, seconds=31)
    place = YELLOWKNIFE
    true = Observatory(place.latitude_deg, place.longitude_deg, place.elevation_m).state(at)
    made = night.scene(at).night_sky
    assert made.sun_altitude_deg == pytest.approx(true.sun_altitude_deg, abs=0.02)
    assert made.moon_altitude_deg == pytest.approx(true.moon_altitude_deg, abs=0.02)
    assert made.moon_azimuth_deg == pytest.approx(true.moon_azimuth_deg, abs=0.02)


def test_neighbouring_frames_resemble_each_other(night: Night) -> None:
    """Six seconds change the sky by less than an hour does, and by something."""
    event = night.events[0]
    at = event.onset + (event.end - event.onset) / 3

    def picture(seconds: float) -> np.ndarray:
        return night.frame(at + timedelta(seconds=seconds), 120).square.astype(float)

    here = picture(0)
    near, far = np.abs(picture(6) - here).mean(), np.abs(picture(3600) - here).mean()
    assert 0 < near < 0.5 * far


def test_events_are_the_minutes_seen(night: Night) -> None:
    """An event begins and ends with a visible minute, and the minute before it shows none."""
    assert len(night.events) == 1
    event = night.events[0]
    assert event.onset < event.end
    assert night.truth(event.onset).aurora
    assert night.truth(event.end).aurora
    assert not night.truth(event.onset - timedelta(minutes=1)).aurora
    assert event.contrast >= CONTRAST
    if event.breakup is not None:
        assert event.onset <= event.breakup <= event.end


def test_a_night_without_events_shows_no_aurora() -> None:
    """No event planned: none listed, and an hour's frames show none."""
    empty = Night(5, DAY, events=0)
    assert empty.events == ()
    assert not any(empty.truth(empty.start + timedelta(minutes=15 * i)).aurora for i in range(4))


def test_faults_are_honoured() -> None:
    """A gap leaves its frames out and keeps the beat; a restart begins anew; a frozen feed repeats."""
    begin = datetime(2024, 2, 10, 4, tzinfo=UTC)
    minute = timedelta(minutes=1)
    faults = (
        Fault("gap", begin + minute, begin + 2 * minute),
        Fault("restart", begin + 3 * minute, begin + 4 * minute + timedelta(seconds=2)),
        Fault("frozen", begin + 6 * minute, begin + 8 * minute),
    )
    night = Night(6, DAY, hours=(begin, begin + 10 * minute), faults=faults, weather="clear")
    times = list(night.exposures(6.0))
    assert all(a < b for a, b in pairwise(times))
    assert not any(f.start <= at < f.end for at in times for f in faults[:2])
    assert (times[10] - times[9]).total_seconds() == 66
    assert faults[1].end in times
    frozen = night.frame(begin + 7 * minute, 96).square
    assert np.array_equal(frozen, night.frame(begin + 6 * minute, 96).square)
    assert not np.array_equal(frozen, night.frame(begin + 9 * minute, 96).square)
