"""Sun, moon and their classes: against Skyfield itself, and against the method's own table."""

import itertools
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from daemon.errors import ClockError
from daemon.sky.day_curve import Degrees
from daemon.sky.ephemeris import MOONLIGHT_RULE, TWILIGHT_RULE, Observatory, moonlight_class, twilight_class
from tests.pace import nominal_cpu_s

YELLOWKNIFE = (62.4333, -114.3500)

METHOD_NIGHTS = (
    (date(2022, 12, 1), date(2023, 4, 30)),
    (date(2024, 2, 1), date(2024, 4, 30)),
    (date(2024, 12, 1), date(2025, 2, 28)),
)


def _skyfield_altitudes(at: datetime, place: tuple[float, float]) -> tuple[float, float]:
    """Sun and moon by Skyfield called directly, its full nutation and all its deflectors."""
    import skyfield_data
    from skyfield.api import load, load_file, wgs84

    ephemeris = load_file(str(Path(skyfield_data.__file__).parent / "data" / "de421.bsp"))
    try:
        here = (ephemeris["earth"] + wgs84.latlon(*place)).at(load.timescale(builtin=True).from_datetime(at))
        sun, moon = (here.observe(ephemeris[body]).apparent().altaz()[0].degrees for body in ("sun", "moon"))
    finally:
        ephemeris.close()
    return sun, moon


@pytest.mark.parametrize(
    ("at", "place"),
    [
        (datetime(2024, 2, 10, 4, 50, 3, tzinfo=UTC), YELLOWKNIFE),
        (datetime(2016, 2, 8, 6, 12, 18, tzinfo=UTC), YELLOWKNIFE),
        (datetime(2026, 6, 21, 18, 0, tzinfo=UTC), YELLOWKNIFE),
        (datetime(2013, 12, 4, 18, 49, 44, tzinfo=UTC), (78.1480, 16.0429)),
        (datetime(2030, 9, 23, 12, 0, tzinfo=UTC), (-77.85, 166.67)),
    ],
)
def test_altitudes_are_skyfields_own(at: datetime, place: tuple[float, float]) -> None:
    """Our shortcuts keep sun and moon within 0.001° of Skyfield called directly (0.01° is promised)."""
    sun, moon = _skyfield_altitudes(at, place)
    state = Observatory(*place).state(at)
    assert state.sun_altitude_deg == pytest.approx(sun, abs=0.001)
    assert state.moon_altitude_deg == pytest.approx(moon, abs=0.001)
    assert state.at == at


def test_the_phase_is_the_almanacs_folded() -> None:
    """The phase is Skyfield's own moon_phase to 0.001°, folded so that waxing and waning agree."""
    import skyfield_data
    from skyfield.almanac import moon_phase
    from skyfield.api import load, load_file

    times = [datetime(2024, 2, 1, tzinfo=UTC) + timedelta(hours=17 * k) for k in range(45)]
    ephemeris = load_file(str(Path(skyfield_data.__file__).parent / "data" / "de421.bsp"))
    raw = moon_phase(ephemeris, load.timescale(builtin=True).from_datetimes(times)).degrees
    ephemeris.close()
    assert raw.max() > 300  # the sample does cover the half that is folded
    ours = [state.moon_phase_deg for state in Observatory(*YELLOWKNIFE).states(times)]
    assert ours == pytest.approx(list(np.minimum(raw, 360 - raw)), abs=0.001)


def test_table_3_night_shares_of_the_method_come_out() -> None:
    """Night-time minutes are 0.574 moonless, 0.253 quarter, 0.173 full over the method's 331 nights.

    The thesis prints its Table 3 conditions under the wrong names, and compares a phase that runs
    0…360°. Read so, a waning moon (say 300°, a crescent) would pass for "full", and the shares are
    0.555 / 0.167 / 0.278. With the phase folded to 0…180° and the conditions put under their right
    names (full: phase ≥ 150 and altitude > 5; quarter: 45 ≤ phase < 150 and altitude > 10; none:
    everything else) they are the thesis's own frame counts, 0.574 / 0.254 / 0.173. Both readings
    are computed here, minute by minute while the sun is at or under −18°.
    """
    place = Observatory(*YELLOWKNIFE)
    minutes = _dark_minutes(place)
    angles = place.angles(minutes)
    night = angles.sun_altitude_deg <= -18
    altitude, folded = angles.moon_altitude_deg[night], angles.moon_phase_deg[night]
    assert _shares(altitude, folded) == [0.574, 0.253, 0.173]
    waning = np.diff(angles.moon_phase_deg, append=0.0)[night] < 0
    raw = np.where(waning, 360 - folded, folded)
    assert _shares(altitude, raw) == [0.555, 0.167, 0.278]


def _shares(altitude: Degrees, phase: Degrees) -> list[float]:
    classes = [moonlight_class(a, p) for a, p in zip(altitude.tolist(), phase.tolist(), strict=True)]
    return [round(classes.count(name) / len(classes), 3) for name in ("none", "quarter", "full")]


def _dark_minutes(place: Observatory) -> list[datetime]:
    """Every minute of the method's nights on which the sun can be at or under −18°.

    The nights are named by their UTC date and run noon to noon in local mean solar time; a sun
    altitude every half hour tells which hours are worth looking at.
    """
    half_hours = []
    for first, last in METHOD_NIGHTS:
        start = datetime(first.year, first.month, first.day, tzinfo=UTC) - timedelta(hours=4.377)
        half_hours += [start + timedelta(minutes=30 * k) for k in range(48 * ((last - first).days + 1))]
    assert len(half_hours) == 331 * 48
    sun = place.angles(half_hours).sun_altitude_deg
    return [
        at + timedelta(minutes=k)
        for at, altitude in zip(half_hours, sun.tolist(), strict=True)
        if altitude < -14  # the sun moves at most 3.5° in half an hour at this latitude
        for k in range(30)
    ]


@pytest.mark.parametrize(
    ("altitude", "name"),
    [
        (-90.0, "night"),
        (-18.0, "night"),
        (-17.999, "astronomical"),
        (-12.0, "astronomical"),
        (-11.999, "nautical"),
        (-6.0, "nautical"),
        (-5.999, "civil"),
        (-0.001, "civil"),
        (0.0, "day"),
        (50.0, "day"),
    ],
)
def test_twilight_limits_belong_to_the_darker_class(altitude: float, name: str) -> None:
    """Each limit is inside the darker class, but the horizon itself is day."""
    assert twilight_class(altitude) == name


@pytest.mark.parametrize(
    ("altitude", "phase", "name"),
    [
        (5.0, 180.0, "none"),
        (5.001, 150.0, "full"),
        (40.0, 149.9, "quarter"),
        (10.0, 90.0, "none"),
        (10.001, 45.0, "quarter"),
        (40.0, 44.9, "none"),
        (-3.0, 175.0, "none"),
    ],
)
def test_moonlight_needs_phase_and_altitude(altitude: float, phase: float, name: str) -> None:
    """A full moon lights the sky above 5°, a quarter moon above 10°, a crescent never."""
    assert moonlight_class(altitude, phase) == name


def test_the_rules_in_words_are_the_rules() -> None:
    """Every number in them is where a class ends."""
    assert TWILIGHT_RULE == (
        "by the sun's altitude: night up to −18°, astronomical up to −12°, nautical up to −6°, civil below 0°, day from 0° on"
    )
    assert MOONLIGHT_RULE == (
        "by the moon's phase and altitude: full from 150° of phase on if above 5°, quarter from 45° on if above 10°, else none"
    )


def test_many_at_once_equal_one_by_one() -> None:
    """Vectorised states are the single states, in order."""
    place = Observatory(*YELLOWKNIFE)
    times = [datetime(2026, 11, 20, k, 7, tzinfo=UTC) for k in (3, 1, 22)]
    for state, at in zip(place.states(times), times, strict=True):
        alone = place.state(at)
        assert (state.at, state.twilight, state.moonlight) == (at, alone.twilight, alone.moonlight)
        assert state.sun_altitude_deg == pytest.approx(alone.sun_altitude_deg, abs=1e-9)
        assert state.moon_azimuth_deg == pytest.approx(alone.moon_azimuth_deg, abs=1e-9)
    assert place.states([]) == []


@pytest.mark.parametrize(
    ("place", "start"),
    [
        (YELLOWKNIFE, datetime(2024, 2, 9, 19, 40, tzinfo=UTC)),
        (YELLOWKNIFE, datetime(2024, 2, 9, 12, tzinfo=UTC)),  # new moon
        (YELLOWKNIFE, datetime(2024, 4, 23, 12, tzinfo=UTC)),  # full moon
        ((90.0, 0.0), datetime(2026, 9, 22, 12, tzinfo=UTC)),  # the sun along the horizon
        ((-23.1, 45.0), datetime(2026, 12, 21, 1, 0, 0, 250_000, tzinfo=UTC)),  # the sun through the zenith
        ((78.15, 16.04), datetime(2016, 12, 31, 12, tzinfo=UTC)),  # a leap second at the end of the day
        ((-77.85, 166.67), datetime(1930, 5, 1, tzinfo=UTC)),
    ],
)
def test_a_day_read_off_its_curve_is_what_the_ephemeris_says(
    place: tuple[float, float], start: datetime
) -> None:
    """Every 17 minutes over two days' edge, to a thousandth of what is promised (0.01°)."""
    times = [start + timedelta(minutes=17 * k) for k in range(86)]
    read = Observatory(*place).angles(times)
    far_apart = [start + timedelta(days=100 * k) for k in range(-2, 3)]
    for k in range(0, 86, 17):  # so few instants of so many days are each asked for
        asked = Observatory(*place).angles([times[k], *far_apart])
        for name in ("sun_altitude_deg", "moon_altitude_deg", "moon_phase_deg"):
            assert getattr(read, name)[k] == pytest.approx(getattr(asked, name)[0], abs=1e-5)
        for body in ("sun", "moon"):
            apart = getattr(read, f"{body}_azimuth_deg")[k] - getattr(asked, f"{body}_azimuth_deg")[0]
            across = np.cos(np.radians(getattr(asked, f"{body}_altitude_deg")[0]))
            assert abs((apart + 180) % 360 - 180) * across < 1e-5


def test_one_state_is_cheap() -> None:
    """One frame's sky costs no millisecond of CPU, once the ephemeris has been asked about its day."""
    place = Observatory(*YELLOWKNIFE)
    at = datetime(2026, 11, 20, 3, 7, tzinfo=UTC)
    place.state(at)
    minutes = itertools.count()
    assert nominal_cpu_s(lambda: place.state(at + timedelta(minutes=next(minutes))), 50) < 0.001


def test_next_crossing_finds_dusk_and_dawn() -> None:
    """The next fall under −6° and the next rise above it are where the altitude is −6°."""
    place = Observatory(*YELLOWKNIFE)
    at = datetime(2024, 2, 9, 20, tzinfo=UTC)
    dusk = place.next_crossing(at, -6.0, rising=False)
    dawn = place.next_crossing(at, -6.0, rising=True)
    assert dusk is not None
    assert dawn is not None
    assert at < dusk < dawn < at + timedelta(days=1)
    for moment in (dusk, dawn):
        assert place.state(moment).sun_altitude_deg == pytest.approx(-6.0, abs=0.01)


def test_next_crossing_is_found_from_whole_hours_after_the_one_before() -> None:
    """There one of the instants that Skyfield begins with is the crossing itself, and it divided zero by zero."""
    place = Observatory(62.4333, -114.35)
    dawn = datetime(2024, 2, 11, 14, 48, 46, 300205, tzinfo=UTC)
    found = place.next_crossing(dawn - timedelta(hours=16), -6.0, rising=True)
    assert found is not None
    assert abs(found - dawn) < timedelta(milliseconds=1)


def test_next_crossing_waits_out_the_summer_and_gives_up_on_the_impossible() -> None:
    """From June the first −12° night is in August; a sun that never gets so low gives None."""
    place = Observatory(*YELLOWKNIFE)
    june = datetime(2026, 6, 1, tzinfo=UTC)
    autumn = place.next_crossing(june, -12.0, rising=False)
    assert autumn is not None
    assert (autumn.year, autumn.month) == (2026, 8)
    assert place.next_crossing(june, -60.0, rising=False) is None


@pytest.mark.parametrize("year", [1899, 2053, 9999])
def test_years_outside_the_ephemeris_are_refused(year: int) -> None:
    """A misread year is a ClockError, not a crash in the ephemeris."""
    place = Observatory(*YELLOWKNIFE)
    with pytest.raises(ClockError, match="1900 to 2052"):
        place.state(datetime(year, 6, 1, tzinfo=UTC))
    with pytest.raises(ClockError, match="1900 to 2052"):
        place.next_crossing(datetime(year, 6, 1, tzinfo=UTC), -6.0, rising=True)


def test_threads_that_ask_first_together_open_one_ephemeris() -> None:
    """In a process of its own: eight threads that wait for each other hold as many files as one."""
    code = (
        "import os, sys, threading; from datetime import UTC, datetime; from daemon.sky.ephemeris import Observatory\n"
        "at, threads = datetime(2026, 11, 1, tzinfo=UTC), int(sys.argv[1]); gate = threading.Barrier(threads)\n"
        "def ask(): gate.wait(); Observatory(62.4, -114.4).state(at)\n"
        "all_of = [threading.Thread(target=ask) for _ in range(threads)]\n"
        "[one.start() for one in all_of]; [one.join() for one in all_of]\n"
        "names = [os.path.realpath(f'/proc/self/fd/{n}') for n in os.listdir('/proc/self/fd')]\n"
        "print(sum(name.endswith('.bsp') for name in names))\n"
    )
    root = Path(__file__).parents[3]
    one, eight = (
        int(subprocess.check_output([sys.executable, "-c", code, threads], cwd=root, timeout=60))
        for threads in ("1", "8")
    )
    assert one == eight > 0
