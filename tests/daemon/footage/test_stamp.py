"""One stamp: every form of it, every slip of it, and the hours that come twice or never."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytz

from daemon.errors import ClockError
from daemon.footage.stamp import parse_stamp
from daemon.observation import StampStyle

AURORAMAX = StampStyle(
    region=(0.62, 0.915, 0.99, 0.965),
    formats=("%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M"),
    timezone="America/Yellowknife",
)


def _style(*formats: str, timezone: str = "UTC") -> StampStyle:
    return StampStyle((0, 0, 1, 1), formats, timezone)


def _utc(*fields: int) -> datetime:
    return datetime(*fields, tzinfo=UTC)  # type: ignore[misc, arg-type]


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2024-01-31 18:19:54 MST", _utc(2024, 2, 1, 1, 19, 54)),
        ("2021/02/15 22:47:00 MST/HNR", _utc(2021, 2, 16, 5, 47, 0)),
        ("2016/02/07 23:12:18  MST/HNR", _utc(2016, 2, 8, 6, 12, 18)),
        ("2022/12/01 22:47 MST", _utc(2022, 12, 2, 5, 47)),
        ("2022/12/01 22:47", _utc(2022, 12, 2, 5, 47)),
        ("2024-03-20 23:00:06 MDT", _utc(2024, 3, 21, 5, 0, 6)),
        ("2024-03-20 23:00:06 MDT/HAR", _utc(2024, 3, 21, 5, 0, 6)),
        ("2026-12-01 21:00:00 CST", _utc(2026, 12, 2, 3, 0, 0)),
        ("2024-01-31 18:19:54", _utc(2024, 2, 1, 1, 19, 54)),
        (" |2024-01-31 18:19:54 MST ", _utc(2024, 2, 1, 1, 19, 54)),
        ("2024—01—31 18:19:54 MST", _utc(2024, 2, 1, 1, 19, 54)),
        ("2024-O1-3l 18:l9:54 MST", _utc(2024, 2, 1, 1, 19, 54)),
        ("2024-01-31 18.19.54 MST", _utc(2024, 2, 1, 1, 19, 54)),
    ],
)
def test_every_form_of_an_auroramax_stamp(text: str, at: datetime) -> None:
    """Slashes or dashes, with and without seconds, zone or French suffix, read as UTC."""
    assert parse_stamp(text, AURORAMAX) == at


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("2024-02-10 10:05 PM", "%Y-%m-%d %H:%M"),
        ("2024-02-10 10:05:09PM", "%Y-%m-%d %H:%M:%S"),
        ("2024-02-10 10:05", "%Y-%m-%d %I:%M %p"),
        ("2024-02-10 13:05 PM", "%Y-%m-%d %I:%M %p"),
        ("10 Fxb 2024 10:05", "%d %b %Y %H:%M"),
    ],
)
def test_no_half_of_the_day_is_guessed(text: str, form: str) -> None:
    """A clock of twelve hours under a 24-hour format, or without its half of the day, gives no time."""
    with pytest.raises(ClockError):
        parse_stamp(text, _style(form))


@pytest.mark.parametrize(
    ("text", "style", "at"),
    [
        ("04.12.2013 18:49:44", _style("%d.%m.%Y %H:%M:%S"), _utc(2013, 12, 4, 18, 49, 44)),
        ("2014/02/21 19: 26'10\"", _style("%Y/%m/%d %H:%M'%S"), _utc(2014, 2, 21, 19, 26, 10)),
        ("10 Feb 2024 10:05:09 PM", _style("%d %b %Y %I:%M:%S %p"), _utc(2024, 2, 10, 22, 5, 9)),
        ("10 feb. 2024 12:05 a.m.", _style("%d %b %Y %I:%M %p"), _utc(2024, 2, 10, 0, 5)),
        ("Feb 10, 2024 9:05 PM", _style("%b %d, %Y %I:%M %p"), _utc(2024, 2, 10, 21, 5)),
        ("Sat 10 February 2024 22:05:09", _style("%a %d %B %Y %H:%M:%S"), _utc(2024, 2, 10, 22, 5, 9)),
        (
            "Saturday, 10 December 2022 12:00:00 PM",
            _style("%A, %d %B %Y %I:%M:%S %p"),
            _utc(2022, 12, 10, 12, 0, 0),
        ),
        ("2024-02-10 22:05:09.25", _style("%Y-%m-%d %H:%M:%S.%f"), _utc(2024, 2, 10, 22, 5, 9)),
        ("20240131 181954", _style("%Y%m%d %H%M%S"), _utc(2024, 1, 31, 18, 19, 54)),
        ("31/01/24 18:19", _style("%d/%m/%y %H:%M"), _utc(2024, 1, 31, 18, 19)),
        ("2024-01-31 18:19:54Z", AURORAMAX, _utc(2024, 1, 31, 18, 19, 54)),
        (
            "2024-01-31 18:19:54 CST",
            _style("%Y-%m-%d %H:%M:%S", timezone="Asia/Shanghai"),
            _utc(2024, 1, 31, 10, 19, 54),
        ),
    ],
)
def test_other_cameras_by_configuration(text: str, style: StampStyle, at: datetime) -> None:
    """Formats and zone are the camera's; an abbreviation is the camera's own zone's where it knows it."""
    assert parse_stamp(text, style) == at


@pytest.mark.parametrize(
    "text",
    [
        "",
        "| al",
        "Yellowknife",
        "2022/12/01 22:",
        "2022/12/01 22:4",
        "2022/12/01 22:47:",
        "2022/12/01 22:47:1",
        "2022/12/01 22:47:1S9",
        "2022/13/01 22:47:19",
        "2022/12/01 25:47:19",
        "2922/12/01 22:47:19",
        "12022/12/01 22:47:191",
    ],
)
def test_what_is_no_whole_time_is_refused(text: str) -> None:
    """A stamp cut off, spoilt or impossible gives no time, least of all a shorter format's."""
    with pytest.raises(ClockError, match="no time can be established"):
        parse_stamp(text, AURORAMAX)


# The thesis's crop began at the year's last digit; these are its Table 1, with the time meant.
TABLE_1 = [
    ("A4-01-31 18:20:03", _utc(2024, 2, 1, 1, 20, 3)),
    ("A0-01-31 18:20:03", _utc(2024, 2, 1, 1, 20, 3)),
    ("4-01-41 18:20:03", _utc(2024, 1, 12, 1, 20, 3)),
    ("4-01-34 18:20:03", _utc(2024, 2, 1, 1, 20, 3)),
    ("4-01-31 28:20:03", _utc(2024, 2, 1, 1, 20, 3)),
    ("4-01-31 418:20:03", _utc(2024, 2, 1, 1, 20, 3)),
    ("4-01-31 18:420:03", _utc(2024, 2, 1, 1, 20, 3)),
]


@pytest.mark.parametrize(("text", "meant"), TABLE_1)
def test_table_1_slips_are_dropped_alone_and_repaired_near(text: str, meant: datetime) -> None:
    """Each slip of the thesis's Table 1 is no time by itself, and the right one where it is expected."""
    with pytest.raises(ClockError):
        parse_stamp(text, AURORAMAX)
    for off in (timedelta(), timedelta(seconds=75), timedelta(seconds=-60)):
        assert parse_stamp(text, AURORAMAX, near=meant + off) == meant


@pytest.mark.parametrize("year", ["202", "20", "2", ""])
@pytest.mark.parametrize(("text", "meant"), TABLE_1)
def test_table_1_slips_in_wider_crops(text: str, meant: datetime, year: str) -> None:
    """The same slips with more of the year in the crop, and a zone behind, are repaired as well."""
    wider = text if text.startswith("A") else year + text
    assert parse_stamp(wider + " MST", AURORAMAX, near=meant) == meant


@pytest.mark.parametrize(
    "text", ["4-01-31 28:20:03", "4-01-31 18:2?:03", "4-01-31 18:20:8S", "9-99-99 99:99:03"]
)
def test_repair_does_not_guess(text: str) -> None:
    """Far from the expected time, with a whole digit or the seconds gone, or all wrong: no time."""
    with pytest.raises(ClockError):
        parse_stamp(text, AURORAMAX, near=_utc(2024, 2, 1, 10, 23, 0))


def test_a_valid_reading_is_never_rewritten() -> None:
    """What reads as a time stays that time, however far from the expected one: others must outvote it."""
    near = _utc(2024, 2, 1, 1, 20, 0)
    assert parse_stamp("2024-01-31 13:20:03 MST", AURORAMAX, near=near) == _utc(2024, 1, 31, 20, 20, 3)


def test_the_doubled_hour_in_autumn() -> None:
    """01:30 of 2024-11-03 comes twice: told apart by the abbreviation, else by the time near, else not."""
    first, second = _utc(2024, 11, 3, 7, 30), _utc(2024, 11, 3, 8, 30)
    assert parse_stamp("2024-11-03 01:30:00 MDT", AURORAMAX) == first
    assert parse_stamp("2024-11-03 01:30:00 MST", AURORAMAX) == second
    assert parse_stamp("2024-11-03 01:30:00", AURORAMAX, near=first + timedelta(minutes=9)) == first
    assert parse_stamp("2024-11-03 01:30:00", AURORAMAX, near=second - timedelta(minutes=9)) == second
    with pytest.raises(ClockError, match="twice"):
        parse_stamp("2024-11-03 01:30:00", AURORAMAX)


def test_the_hour_that_spring_skips() -> None:
    """02:30 of 2024-03-10 does not exist; a camera that says MST all year means 09:30 UTC by it."""
    with pytest.raises(ClockError, match="does not exist"):
        parse_stamp("2024-03-10 02:30:00", AURORAMAX)
    assert parse_stamp("2024-03-10 02:30:00 MST", AURORAMAX) == _utc(2024, 3, 10, 9, 30)
    assert parse_stamp("2024-07-10 02:30:00 MST", AURORAMAX) == _utc(2024, 7, 10, 9, 30)


def test_yellowknife_keeps_utc_minus_6_from_november_2026() -> None:
    """From 2026-11-01 Yellowknife is UTC−6 all year, as pytz 2026.6 knows and older zone data do not."""
    assert parse_stamp("2026-12-01 00:00:00", AURORAMAX) == _utc(2026, 12, 1, 6)
    assert parse_stamp("2026-11-01 01:30:00", AURORAMAX) == _utc(2026, 11, 1, 7, 30)  # comes once now
    assert parse_stamp("2025-12-01 00:00:00", AURORAMAX) == _utc(2025, 12, 1, 7)
    local: Any = pytz.timezone("America/Yellowknife").localize(datetime(2026, 12, 1))
    assert local.utcoffset() == timedelta(hours=-6)


def test_an_unknown_zone_is_an_error_of_ours() -> None:
    """A zone nobody knows ends as a ClockError."""
    with pytest.raises(ClockError, match="no IANA time zone"):
        parse_stamp("2024-01-31 18:19:54", _style("%Y-%m-%d %H:%M:%S", timezone="Mars/Olympus"))
