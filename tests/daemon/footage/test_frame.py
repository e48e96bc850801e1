"""Footage → frames: the still's clock among its witnesses, the keogram's line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from daemon.config import CameraSettings, SourceSettings
from daemon.errors import ClockError, PictureError
from daemon.footage.frame import Frame, from_pixels, from_still, keogram_column
from daemon.footage.still_clock import StillClock, heard
from daemon.observation import Lens, Orientation
from daemon.sky.lens import project
from daemon.source import Still
from training.simulator.movie import compose, style_of

AT = datetime(2024, 2, 10, 5, 30, 6, tzinfo=UTC)
CAMERA = CameraSettings()


def shown(
    at: datetime, *, last_modified: datetime | None = None, fetched_at: datetime | None = None
) -> Frame:
    """A frame of a black sky with that stamp drawn in."""
    picture = compose(np.zeros((720, 720, 3), np.uint8), at, style_of(2024))
    return from_pixels(
        picture,
        CAMERA.camera(),
        source="http://camera/still.jpg",
        fetched_at=fetched_at or at + timedelta(seconds=8),
        last_modified=last_modified,
    )


def clock(**source: object) -> StillClock:
    return StillClock(CAMERA.camera(), SourceSettings(**source))  # type: ignore[arg-type]


def test_the_stamp_dates_a_still_that_the_server_vouches_for() -> None:
    """Stamp and Last-Modified agree: the stamp's second is the record's."""
    assert clock().date(shown(AT, last_modified=AT + timedelta(seconds=5)), "s.jpg").observed_at == AT


def test_a_stamp_an_hour_off_keeps_the_frame_out() -> None:
    """A wrong time zone would spoil the record unseen; it is refused with both times named."""
    with pytest.raises(
        ClockError, match=r"stamp says 2024-02-10T05:30:06Z, Last-Modified 2024-02-10T06:30:06Z"
    ):
        clock().date(shown(AT, last_modified=AT + timedelta(hours=1)), "s.jpg")


def test_an_illegible_stamp_gives_way_to_a_fresh_last_modified() -> None:
    """A bird on the stamp costs no minute of the night."""
    frame = shown(AT, last_modified=AT)
    assert frame.stamp is not None
    frame.stamp[:] = 0
    assert clock().date(frame, "s.jpg").observed_at == AT


def test_without_stamp_or_last_modified_there_is_no_time() -> None:
    """A frame whose time cannot be established is kept out."""
    frame = shown(AT)
    assert frame.stamp is not None
    frame.stamp[:] = 0
    with pytest.raises(ClockError):
        clock().date(frame, "s.jpg")


def test_a_clock_put_back_is_believed_when_a_second_frame_confirms_it() -> None:
    """One reading that goes back is doubted; the camera's clock having been set is not."""
    it = clock()
    it.date(shown(AT), "s.jpg")
    back = AT - timedelta(minutes=5)
    with pytest.raises(ClockError, match="confirms"):
        it.date(shown(back, fetched_at=AT), "s.jpg")
    again = shown(back + timedelta(minutes=1), fetched_at=AT + timedelta(minutes=1))
    assert it.date(again, "s.jpg").observed_at == back + timedelta(minutes=1)


def test_a_clock_that_leaps_ahead_is_believed_when_a_second_frame_confirms_it() -> None:
    """One 1 misread as a 7 makes no row six minutes off; a camera whose clock was set goes on."""

    def minute(number: int, off: int = 0) -> Frame:
        now = AT + timedelta(minutes=number)
        return shown(now + timedelta(minutes=off), fetched_at=now + timedelta(seconds=8), last_modified=now)

    it = clock()
    slow = -7  # minutes by which the camera's clock is behind
    assert it.date(minute(0, slow), "s.jpg").observed_at == AT + timedelta(minutes=slow)
    with pytest.raises(ClockError, match="confirms") as told:
        it.date(minute(1), "s.jpg")
    assert told.value.reason == "clock leapt"
    assert it.date(minute(2, slow), "s.jpg").observed_at == AT + timedelta(minutes=2 + slow)
    with pytest.raises(ClockError, match="confirms"):
        it.date(minute(3), "s.jpg")
    for number in (4, 5):
        assert it.date(minute(number), "s.jpg").observed_at == AT + timedelta(minutes=number)


def still(modified: datetime | None, name: str = "still.jpg") -> Still:
    return Still(b"", AT, modified, "http://camera/still.jpg", name)


@pytest.mark.parametrize("ahead", [timedelta(minutes=3), timedelta(hours=2), timedelta(days=3)])
def test_a_time_that_has_not_been_yet_is_refused_whoever_gives_it(ahead: timedelta) -> None:
    """Stamp, file name and header alike: one reason, and the key that puts it right is named."""
    later = AT + ahead
    cases = (
        ("stamp", shown(later, fetched_at=AT, last_modified=later), "s.jpg", "timezone"),
        ("name", shown(AT), f"{later:%Y%m%d%H%M%S}.jpg", "name_timezone"),
        ("header", shown(AT, last_modified=later), "s.jpg", "ignore_witnesses"),
    )
    for source, frame, name, fix in cases:
        with pytest.raises(ClockError, match=fix) as told:
            clock(time_from=source).date(frame, name)
        assert told.value.reason == "clock ahead"


def test_local_times_in_names_are_read_in_their_zone() -> None:
    """Allsky in Tromsø writes 06:31:06 when it is 05:31:06 UTC; autumn's doubled hour is told by the clock."""
    source = {"time_from": "name", "name_format": "image-%Y%m%d%H%M%S", "name_timezone": "Europe/Oslo"}
    dated = clock(**source).date(shown(AT + timedelta(minutes=2)), "image-20240210063106.jpg")
    assert dated.observed_at == AT + timedelta(minutes=1)
    for utc_hour in (0, 1):
        then = datetime(2024, 10, 27, utc_hour, 30, tzinfo=UTC)
        frame = shown(AT, fetched_at=then + timedelta(seconds=8))
        assert clock(**source).date(frame, "image-20241027023000.jpg").observed_at == then


def test_a_last_modified_that_cannot_be_true_is_no_witness() -> None:
    """1970 and the future are left out; local time under GMT is read in its zone; any can be switched off."""
    fine = AT - timedelta(seconds=20)
    assert heard(still(fine), SourceSettings()).last_modified == fine
    for never in (datetime(1970, 1, 1, tzinfo=UTC), AT + timedelta(hours=2)):
        assert heard(still(never), SourceSettings()).last_modified is None
    local = fine + timedelta(hours=1)
    assert heard(still(local), SourceSettings(header_timezone="Europe/Oslo")).last_modified == fine
    assert heard(still(fine), SourceSettings(ignore_witnesses=("Last-Modified",))).last_modified is None
    late = heard(still(local), SourceSettings(time_from="header"))
    with pytest.raises(ClockError, match="header_timezone"):
        clock(time_from="header").date(shown(AT, last_modified=late.last_modified), "s.jpg")


def test_a_file_name_dates_a_still_where_configured() -> None:
    """time_from = "name": the UTC time at the start of the name."""
    dated = clock(time_from="name").date(shown(AT), "20240210053106_x.jpg")
    assert dated.observed_at == AT + timedelta(minutes=1)
    with pytest.raises(ClockError, match="check name_format"):
        clock(time_from="name").date(shown(AT), "still.jpg")


def test_the_keogram_line_runs_from_north_to_south() -> None:
    """With north turned to the right, the column begins at the picture's right edge."""
    frame = shown(AT)
    square = frame.square.copy()
    square[:] = 0
    square[:, 160:] = (10, 20, 30)  # B, G, R on the right third
    east = Frame("c", square, b"", None, "", AT)
    column = np.frombuffer(keogram_column(east, Orientation(90)), np.uint8).reshape(120, 3)
    assert tuple(column[5]) == (30, 20, 10)
    assert not column[-5].any()
    assert len(keogram_column(east)) == 360


def test_a_web_page_is_no_frame() -> None:
    """Bytes that are no picture are refused before anything is cut."""
    still = Still(b"<html>", AT, None, "http://camera/still.jpg", "still.jpg")
    with pytest.raises(PictureError):
        from_still(still, CAMERA.camera(), 1_000_000)


def test_the_keogram_of_a_bent_lens_follows_the_meridian() -> None:
    """A light in the south at 30° is at two thirds between zenith and southern end, whatever the lens does."""
    turned = Orientation(20.0, lens=Lens(1.13, -0.11, 0.03, -0.02, 3.0, 90.0))
    square = np.zeros((240, 240, 3), np.uint8)
    x, y = project(np.array([180.0]), np.array([30.0]), turned)
    row, column = round(120 + 120 * float(y[0])), round(120 + 120 * float(x[0]))
    square[row - 2 : row + 3, column - 2 : column + 3] = 200
    frame = Frame("a", square, b"", None, "a", datetime(2024, 2, 10, tzinfo=UTC))
    found = np.frombuffer(keogram_column(frame, turned), np.uint8).reshape(120, 3).mean(axis=1)
    assert np.argmax(found) == pytest.approx(60 + 60 * 2 / 3, abs=2)
