"""The hourly line of a healthy watch."""

from datetime import UTC, datetime, timedelta

from daemon.live_status import LiveStatus
from daemon.observation import Gate
from daemon.uptime import camera_part, uptime_line

AT = datetime(2024, 2, 10, 5, 30, tzinfo=UTC)
OPEN, SHUT = Gate(True, True, "night"), Gate(False, False, "daylight: sun at 3°")


def test_the_line_says_what_each_camera_does() -> None:
    """Looking, resting until when and why, or stale since when and why; and what the last hour brought."""
    looking = camera_part("hill", LiveStatus(OPEN, began_at=AT, framed_at=AT), 58, 3)
    resting = camera_part("fjord", LiveStatus(SHUT, began_at=AT, gate_until=AT), 0, 0)
    stale = camera_part("town", LiveStatus(OPEN, began_at=AT, stale="timeout", stale_since=AT), 4, 0)
    line = uptime_line(timedelta(hours=26, minutes=10), [looking, resting, stale])
    assert line == (
        "up 26 h: hill looking, newest picture 2024-02-10T05:30:00Z, 58 looks in the last hour, 3 with aurora; "
        "fjord not looking until 2024-02-10T05:30:00Z (daylight: sun at 3°), 0 looks in the last hour, 0 with aurora; "
        "town stale since 2024-02-10T05:30:00Z (timeout), no picture yet, 4 looks in the last hour, 0 with aurora"
    )


def test_how_long_it_has_been_up_is_told_as_people_do() -> None:
    """Minutes, hours, days."""
    for up, said in ((0.5, "30 min"), (26, "26 h"), (75, "3 days 3 h")):
        assert uptime_line(timedelta(hours=up), []).startswith(f"up {said}")
