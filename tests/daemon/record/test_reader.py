"""What is asked of the record: nights, ranges, events; also by Datasette."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from daemon.event import EventState
from daemon.observation import EventChange, Verdict, utc_text
from daemon.record import recent
from daemon.record.store import Reader, Store
from tests.daemon.record.made import COLUMN, NIGHT, T0, dark, event, observation


def test_nights_sum_up_what_was_written_in_any_order(store: Store, path: Path) -> None:
    """The maintained summary equals the sums over the rows, and backfilled rows join it."""
    for minute in (5, 1, 3):
        store.record(observation(minute), night=NIGHT)
    store.record(observation(7, verdict="clear"), night=NIGHT)
    store.record(dark(9), night=NIGHT)
    store.record(observation(0, verdict="obscured"), night=NIGHT)
    store.record(observation(24 * 60, verdict="clear"), night=NIGHT + timedelta(days=1))
    with Reader(path) as reader:
        night, other = reader.nights("yellowknife")
        assert (night["first_at"], night["last_at"]) == ("2024-02-10T04:50:03Z", "2024-02-10T04:59:03Z")
        assert (night["aurora"], night["clear"], night["obscured"], night["not_looked"]) == (3, 1, 1, 1)
        assert (night["observations"], night["looked"], night["observable"], night["aurora_share"]) == (
            6,
            5,
            4,
            0.75,
        )
        assert night["moon_quarter"] == 6
        assert (night["peak_probability"], night["peak_at"]) == (0.8, "2024-02-10T04:50:03Z")
        assert [row["observed_at"][14:16] for row in reader.night("yellowknife", NIGHT)] == [
            "50", "51", "53", "55", "57", "59",
        ]  # fmt: skip
        assert other["night"] == "2024-02-11"
        assert reader.neighbours("yellowknife", NIGHT) == (None, NIGHT + timedelta(days=1))


def test_between_nearest_and_known(store: Store, path: Path) -> None:
    """Ranges include both ends, several cameras are merged in time, nearness is symmetric."""
    for minute in range(0, 10, 2):
        store.record(observation(minute), night=NIGHT)
        store.record(observation(minute + 1, camera="kiruna"), night=NIGHT)
    with Reader(path) as reader:
        some = reader.between("yellowknife", T0, T0 + timedelta(minutes=4))
        assert len(some) == 3
        merged = reader.between(since=T0 + timedelta(minutes=1), limit=3)
        assert [row["camera"] for row in merged] == ["kiruna", "yellowknife", "kiruna"]
        newest = reader.between(newest_first=True, limit=2)
        assert [row["observed_at"][14:16] for row in newest] == ["59", "58"]
        assert reader.between("yellowknife", verdict="clear") == []
        near = reader.nearest("yellowknife", T0 + timedelta(minutes=2, seconds=50))
        assert near is not None
        assert near["observed_at"] == "2024-02-10T04:52:03Z"
        assert reader.nearest("nowhere", T0) is None
        assert reader.cameras() == ["kiruna", "yellowknife"]
    assert store.known("yellowknife", T0 + timedelta(seconds=29), timedelta(seconds=29))
    assert not store.known("yellowknife", T0 + timedelta(seconds=30), timedelta(seconds=29))


def test_a_night_is_one_however_many_cameras_watched_it(store: Store, path: Path) -> None:
    """``aurorad doctor`` shows nights, not a night of each camera."""
    for camera in ("yellowknife", "kiruna"):
        store.record(observation(camera=camera), night=NIGHT)
    with Reader(path) as reader:
        counts = reader.counts()
        assert (counts["observations"], counts["nights"]) == (2, 1)


def test_events_follow_their_changes_and_can_be_filtered(store: Store, path: Path) -> None:
    """Onset, strong and end update one row; filters by camera, time, strength, probability and judgement."""
    store.record(observation(), night=NIGHT, changes=[EventChange("onset", event(), T0)])
    higher = event(peak_probability=0.9)
    store.record(observation(1), night=NIGHT, state=EventState(higher))
    strong = replace(higher, strong_at=T0 + timedelta(minutes=2))
    store.record(observation(2), night=NIGHT, changes=[EventChange("strong", strong, T0)])
    with Reader(path) as reader:
        [row] = reader.events()
        assert (row["peak_probability"], row["strong_at"], row["ended_at"]) == (
            0.9,
            "2024-02-10T04:52:03Z",
            None,
        )
        assert (row["picture"], row["right"], row["in_cool_down"]) == (
            "yellowknife/2024-02-10/0.jpg",
            None,
            False,
        )
        assert (
            reader.events(strong=False)
            == reader.events("kiruna")
            == reader.events(min_probability=0.95)
            == []
        )
        assert reader.events(right=True) == reader.events(judged=True) == []
        assert len(reader.events("yellowknife", T0, T0, strong=True, judged=False)) == 1
        assert reader.nights()[0]["events"] == 1
    label = store.add_label("yellowknife", T0, "none", "anna", event_id=event().id)
    with Reader(path) as reader:
        assert reader.events(right=False)[0]["id"] == event().id
        assert reader.events_of_night("yellowknife", NIGHT)[0]["right"] is False
    store.undo_label(label)
    with Reader(path) as reader:
        assert reader.event(event().id)["right"] is None  # type: ignore[index]
        assert reader.event("nothing") is None


def test_an_event_left_open_has_no_frames_of_what_came_after(store: Store, path: Path) -> None:
    """The watch was ended for good while one was under way: later events' frames, and later nights', are not its own."""
    store.record(observation(colour_level=2), night=NIGHT, changes=[EventChange("onset", event(), T0)])
    store.record(observation(1, colour_level=3), night=NIGHT)
    with Reader(path) as reader:  # while it is under way, the newest is its own
        [row] = reader.events()
        assert (row["brightest_level"], row["last_seen_at"]) == (3, "2024-02-10T04:51:03Z")
    store.record(observation(60, colour_level=4), night=NIGHT)
    store.record(observation(60 + 121, colour_level=5), night=NIGHT)
    with Reader(path) as reader:
        [row] = reader.events()
        assert (row["brightest_level"], row["last_seen_at"]) == (4, "2024-02-10T05:50:03Z")
    later = event(onset_at=T0 + timedelta(minutes=60), confirmed_at=T0 + timedelta(minutes=61))
    store.put_event(replace(later, id="later", ended_at=T0 + timedelta(minutes=60)))
    store.add_label("yellowknife", T0 + timedelta(minutes=181), "none", "anna", event_id="gone")
    store.exchange_events(["gone"], [])
    with Reader(path) as reader:
        _, row = reader.events()
        assert (row["brightest_level"], row["last_seen_at"]) == (3, "2024-02-10T04:51:03Z")
        assert not any(
            row["right"] is False for row in reader.events()
        )  # an answer about none of their frames


def test_a_closed_database_is_read_from_a_folder_that_cannot_be_written() -> None:
    """An archive on a read-only disk can be read: no shared memory is asked for."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "archive.db"
        with Store(path) as store:
            store.record(observation(), night=NIGHT)
        path.with_name("archive.db.lock").unlink()
        os.chmod(folder, 0o555)
        if (child := os.fork()) == 0:  # root may write anywhere, so somebody else has to read
            try:
                if os.getuid() == 0:
                    os.setuid(65534)
                with Reader(path) as reader:
                    os._exit(0 if reader.counts()["observations"] == 1 else 1)
            finally:
                os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        os.chmod(folder, 0o755)


def test_what_the_stars_showed_is_of_the_last_nights_in_which_they_were_looked_for(
    store: Store, path: Path
) -> None:
    """A start does not read years of a record for it; a summer without nights takes none of them away."""
    for day in (0, 1, 2, 100):
        store.record(observation(1440 * day, star_zero=10.0 + day), night=NIGHT + timedelta(days=day))
    for day in range(40, 60):
        store.record(replace(dark(1440 * day), star_zero=None), night=NIGHT + timedelta(days=day))
    with Reader(path) as reader:
        assert [zero for _, _, zero, _ in reader.star_zeros("yellowknife", nights=2)] == [12.0, 110.0]
        assert len(reader.star_zeros("yellowknife")) == 4
        assert reader.star_zeros("elsewhere") == []


def test_an_hour_s_verdicts_are_counted(store: Store, path: Path) -> None:
    """By verdict, both ends included; nothing of other times or cameras."""
    for minute, verdict in enumerate(("aurora", "aurora", "clear", "stale", "obscured")):
        store.record(observation(minute, verdict=verdict), night=NIGHT)
    store.record(observation(1, camera="elsewhere"), night=NIGHT)
    with Reader(path) as reader:
        counted = recent.verdicts(reader, "yellowknife", T0 + timedelta(minutes=1), T0 + timedelta(minutes=3))
    assert counted == {"aurora": 1, "clear": 1, "stale": 1}


@pytest.mark.parametrize(
    ("verdict", "minutes", "seen"),
    [
        ("clear", 1, True),
        ("aurora", 1, True),
        ("clear", 15, True),
        ("clear", 16, False),
        ("obscured", 1, False),
        ("unusable", 1, False),
        ("not looked", 1, False),
        ("stale", 1, False),
    ],
)
def test_an_onset_is_seen_where_the_sky_was_seen_shortly_before(
    store: Store, path: Path, verdict: Verdict, minutes: int, seen: bool
) -> None:
    """Behind cloud, after a gap and where the watch begins the aurora may have been there earlier."""
    store.record(observation(camera="kiruna"), night=NIGHT)
    at = T0 - timedelta(minutes=minutes)
    store.record(replace(observation(), observed_at=at, verdict=verdict), night=NIGHT)
    store.record(observation(), night=NIGHT, changes=[EventChange("onset", event(), T0)])
    with Reader(path) as reader:
        assert reader.sky_seen_before("yellowknife", T0) is seen
        assert reader.events()[0]["seen_before_at"] == (utc_text(at) if seen else None)


def test_datasette_opens_it_and_shows_events(store: Store, path: Path) -> None:
    """Real Datasette reads the live file: observations with text times, events by their id."""
    store.record(observation(), night=NIGHT, changes=[EventChange("onset", event(), T0)], column=COLUMN)
    for table, wanted in (
        ("observations", {"observed_at": "2024-02-10T04:50:03Z", "recorded_at": "2024-02-10T04:55:03Z"}),
        ("events", {"id": "yellowknife-20240210T045003Z", "onset_at": "2024-02-10T04:50:03Z"}),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "datasette", str(path), "--get", f"/aurorad/{table}.json?_shape=array"],
            capture_output=True,
            text=True,
        )
        [row] = json.loads(done.stdout)
        assert wanted.items() <= row.items()
    page = subprocess.run(
        [sys.executable, "-m", "datasette", str(path), "--get", "/aurorad/observations"],
        capture_output=True,
        text=True,
    )
    assert "auroramaxHD_20240210_720p.mp4" in page.stdout, "the source's number is shown by its name"
