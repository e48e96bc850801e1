"""Which night it is, everywhere on Earth, against what the people there would call it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
import pytz
from hypothesis import given
from hypothesis import strategies as st

from daemon.night import midnight_of, night_of, night_text, odd_noon
from tests.daemon.places import PLACES, Place

at_places = pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)


def by_the_clock(place: Place, *when: int) -> datetime:
    """The instant at which the clocks of a place show that time."""
    return pytz.timezone(place.timezone).localize(datetime(*when)).astimezone(UTC)  # type: ignore[arg-type]


@at_places
@pytest.mark.parametrize(("month", "name"), [(12, "December"), (6, "June")])
def test_a_night_is_that_of_the_evening_and_the_morning_people_there_speak_of(
    place: Place, month: int, name: str
) -> None:
    """From the evening of the 4th to the morning of the 5th by the clocks of the place: "night of 4–5", key the 5th."""
    key = date(2013, month, 5)
    evening_and_morning = ((4, 18, 0), (4, 21, 30), (4, 23, 59), (5, 0, 0), (5, 0, 1), (5, 3, 0), (5, 8, 0))
    for day, hour, minute in evening_and_morning:
        at = by_the_clock(place, 2013, month, day, hour, minute)
        assert night_of(at, place) == key, f"{day} {name} {hour}:{minute:02}"
    assert night_text(key) == f"night of 4–5 {name} 2013"


def test_the_key_of_yellowknife_is_the_date_in_auroramax_s_file_names() -> None:
    """auroramaxHD_20240201 begins on 31 January 2024 at 18:19 MST and ends the next morning."""
    yellowknife = next(place for place in PLACES if place.name == "yellowknife")
    for at in (datetime(2024, 2, 1, 1, 19, tzinfo=UTC), datetime(2024, 2, 1, 15, 30, tzinfo=UTC)):
        assert night_of(at, yellowknife) == date(2024, 2, 1)


@pytest.mark.parametrize("longitude_deg", [-180, -120.5, -60, -1, 0, 1, 60, 120.5, 180])
def test_without_a_zone_of_its_own_a_night_goes_by_the_mean_sun(longitude_deg: float) -> None:
    """A camera left at UTC: the date that begins at mean solar midnight, 12 h either side."""
    place = Place("somewhere", 0.0, longitude_deg, "UTC")
    midnight = datetime(2024, 1, 10, tzinfo=UTC) - timedelta(hours=longitude_deg / 15)
    for apart_min in (-719, -1, 0, 1, 719):
        assert night_of(midnight + timedelta(minutes=apart_min), place) == date(2024, 1, 10)


@given(
    st.sampled_from(PLACES),
    st.datetimes(datetime(2012, 1, 2), datetime(2050, 1, 1)).map(lambda at: at.replace(tzinfo=UTC)),
)
def test_a_night_has_its_midnight_in_its_middle(place: Place, at: datetime) -> None:
    """Every instant lies within 12 h of its night's midnight, and a night's midnight is of that night."""
    night = night_of(at, place)
    midnight = midnight_of(night, place)
    assert abs(midnight - at) <= timedelta(hours=12)
    assert night_of(midnight, place) == night
    assert midnight_of(night + timedelta(days=1), place) - midnight == timedelta(days=1)


def test_a_place_that_crosses_the_date_line_keeps_its_night_whole() -> None:
    """Samoa left out 30 December 2011: that evening's night is of the 29th and the 31st, and one night."""
    apia = PLACES[0]
    leap = datetime(2011, 12, 30, 10, 0, tzinfo=UTC)  # midnight there; the next minute was the 31st
    assert {night_of(leap + timedelta(hours=h), apia) for h in (-6, -1, 0, 1, 6)} == {date(2011, 12, 31)}
    assert midnight_of(date(2011, 12, 31), apia) - leap < timedelta(hours=2)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (date(2024, 2, 10), "night of 9–10 February 2024"),
        (date(2024, 3, 1), "night of 29 February – 1 March 2024"),
        (date(2024, 1, 1), "night of 31 December 2023 – 1 January 2024"),
    ],
)
def test_a_night_is_named_by_both_its_dates(key: date, text: str) -> None:
    """Month and year are written once where they are the same."""
    assert night_text(key) == text


@at_places
def test_the_noon_of_a_place_in_its_own_zone_is_not_odd(place: Place) -> None:
    """Wherever people watch, the date line included; a zone that is nobody's own says nothing."""
    assert odd_noon(place) is None
    assert odd_noon(place._replace(longitude_deg=-place.longitude_deg, timezone="UTC")) is None


@pytest.mark.parametrize(
    ("place", "noon"),
    [
        (Place("swapped", 18.96, 69.65, "Europe/Oslo"), "09:21"),
        (Place("no minus sign", 62.43, 114.35, "America/Edmonton"), "21:22"),
        (Place("a minus sign too many", 67.86, -20.22, "Europe/Stockholm"), "14:20"),
        (Place("somebody else's zone", 69.65, 18.96, "America/Edmonton"), "04:44"),
    ],
    ids=lambda value: value.name if isinstance(value, Place) else value,
)
def test_a_longitude_that_cannot_be_right_is_noticed(place: Place, noon: str) -> None:
    """It moves sun and moon by hours: the watch would look by day and sleep by night."""
    assert f"the sun is highest there at {noon} by the clocks of {place.timezone}" in (odd_noon(place) or "")
