"""The record on real SQLite files: one transaction a frame, once each, and honest refusals."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from daemon.errors import StoreError
from daemon.event import EventState
from daemon.observation import Event, EventChange, Message, Observation, Prediction, SkyState
from daemon.record.store import Reader, Store, backup, heatmap_from_bytes, restore

T0 = datetime(2024, 2, 10, 4, 50, 3, tzinfo=UTC)
NIGHT = date(2024, 2, 10)
COLUMN = bytes(range(120)) * 3


def observation(minute: int = 0, **changed: Any) -> Observation:
    at = T0 + timedelta(minutes=minute)
    sky = SkyState(at, -31.25, 12.0, 14.5, 200.0, 98.75, "night", "quarter")
    heatmap = np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)
    prediction = Prediction(np.zeros(4, np.float32), 0.9, 0.8, 0.7, heatmap, "ab" * 32)
    made = Observation(
        camera="yellowknife",
        observed_at=at,
        fetched_at=at + timedelta(seconds=12),
        verdict="aurora",
        reason="aurora",
        sky=sky,
        prediction=prediction,
        threshold=0.5,
        colour_cover=0.125,
        colour_level=2,
        heatmap_area=0.25,
        azimuth_deg=312.4,
        elevation_deg=34.6,
        source="auroramaxHD_20240210_720p.mp4",
        picture=f"yellowknife/2024-02-10/{minute}.jpg",
    )
    return replace(made, **changed)


def dark(minute: int) -> Observation:
    return observation(minute, prediction=None, verdict="not looked", reason="civil twilight", picture=None)


def event(**changed: Any) -> Event:
    made = Event(
        "yellowknife-20240210T045003Z", "yellowknife", T0, T0 + timedelta(minutes=1), peak_probability=0.8
    )
    return replace(made, peak_at=T0, **changed)


def message(kind: str = "onset", channel: str = "phone", minute: int = 0, **changed: Any) -> Message:
    at = T0 + timedelta(minutes=minute)
    made = Message(
        "yellowknife-20240210T045003Z",
        kind,
        channel,
        "aurora",
        "yellowknife",
        "t",
        "b",
        at,
        at + timedelta(hours=12),
    )
    return replace(made, **changed)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "aurorad.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store(path, now=lambda: T0 + timedelta(minutes=5)) as opened:
        yield opened


def test_a_row_comes_back_as_it_was_written(store: Store, path: Path) -> None:
    """Every column of the contract, times as UTC text with Z, the map at its own 8 × 8."""
    store.register_model("ab" * 32, "aurorad-b1", {"skill": 0.97})
    assert store.record(observation(), night=NIGHT, column=COLUMN)
    with Reader(path) as reader:
        row = reader.latest("yellowknife")
        assert row is not None
        assert reader.columns("yellowknife", NIGHT) == [
            {"observed_at": "2024-02-10T04:50:03Z", "rgb": COLUMN}
        ]
        assert reader.models()[0]["card"] == {"skill": 0.97}
    heatmap = heatmap_from_bytes(row.pop("heatmap"))
    assert np.abs(heatmap.ravel() - np.linspace(0, 1, 64)).max() <= 0.5 / 255 + 1e-6
    assert row == {
        "camera": "yellowknife",
        "observed_at": "2024-02-10T04:50:03Z",
        "fetched_at": "2024-02-10T04:50:15Z",
        "recorded_at": "2024-02-10T04:55:03Z",
        "verdict": "aurora",
        "reason": "aurora",
        "probability": 0.9,
        "calibrated_probability": 0.8,
        "threshold": 0.5,
        "clear_probability": 0.7,
        "shadow_probability": None,
        "colour_cover": 0.125,
        "colour_level": 2,
        "sun_altitude_deg": -31.25,
        "moon_altitude_deg": 14.5,
        "moon_phase_deg": 98.75,
        "twilight": "night",
        "moonlight": "quarter",
        "heatmap_area": 0.25,
        "azimuth_deg": 312.0,
        "elevation_deg": 35.0,
        "model_sha256": "ab" * 32,
        "source": "auroramaxHD_20240210_720p.mp4",
        "picture": "yellowknife/2024-02-10/0.jpg",
    }


def test_a_frame_is_written_once(store: Store, path: Path) -> None:
    """The second writing of (camera, observed_at) is False and changes no table at all."""
    store.record(observation(), night=NIGHT, column=COLUMN, state=EventState(last_at=T0))
    before = dump(path)
    again = observation(verdict="clear", source="another.mp4", picture="b.jpg")
    changes = [EventChange("onset", event(), T0)]
    assert not store.record(
        again, night=NIGHT, changes=changes, messages=[message()], column=b"", state=EventState(event())
    )
    assert dump(path) == before


def test_a_stale_row_gives_way_to_what_was_seen_that_second_after_all(store: Store, path: Path) -> None:
    """The movie's frame takes its place, in the row and in the night's sum; the reverse never happens."""
    stale = observation(verdict="stale", reason="nothing new", prediction=None, picture=None)
    assert store.record(stale, night=NIGHT)
    assert not store.record(stale, night=NIGHT)
    assert store.record(observation(verdict="aurora"), night=NIGHT)
    assert not store.record(stale, night=NIGHT)
    with Reader(path) as reader:
        (row,) = reader.query("SELECT verdict FROM observations")
        (night,) = reader.query("SELECT observations, aurora, stale FROM nights")
    assert row == {"verdict": "aurora"}
    assert night == {"observations": 1, "aurora": 1, "stale": 0}


def test_all_that_follows_from_a_frame_is_written_with_it_or_not_at_all(store: Store, path: Path) -> None:
    """When the last of the writes fails, the row, event, message and memory are not there either."""
    before = dump(path)
    unwritable = EventState(below_for=None)  # type: ignore[arg-type]
    with pytest.raises(AttributeError):
        store.record(
            observation(),
            night=NIGHT,
            changes=[EventChange("onset", event(), T0)],
            messages=[message()],
            column=COLUMN,
            state=unwritable,
        )
    assert dump(path) == before
    assert store.record(
        observation(),
        night=NIGHT,
        changes=[EventChange("onset", event(), T0)],
        messages=[message()],
        state=EventState(),
    )
    with Reader(path) as reader:
        assert reader.counts() == {
            "observations": 1, "nights": 1, "events": 1, "messages": 1, "labels": 0, "pictures": 1,
        }  # fmt: skip


def test_a_batch_that_fails_leaves_nothing_and_the_store_usable(store: Store, path: Path) -> None:
    """An archive's batch is one transaction; after its failure the next write works."""

    def fail() -> None:
        with store.batch():
            store.record(observation(1), night=NIGHT)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    with Reader(path) as reader:
        assert reader.counts()["observations"] == 0
    assert store.record(observation(1, source="other.mp4"), night=NIGHT)
    with Reader(path) as reader:
        assert reader.latest("yellowknife")["source"] == "other.mp4"  # type: ignore[index]


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
        assert (night["peak_probability"], night["peak_at"]) == (0.8, "2024-02-10T04:55:03Z")
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


@pytest.mark.parametrize(
    "source",
    [
        "https://auroramax.phys.ucalgary.ca/recent/recent_720p.jpg",
        "night.mp4",
        "frames/a.jpg",
        "a.png",
        "/x/y/z.JPG",
    ],
)
def test_sources_are_interned_and_come_back_whole(store: Store, path: Path, source: str) -> None:
    """What a row came from is kept by number and reads as it was given, a bare file name as ./name."""
    store.record(observation(source=source), night=NIGHT)
    with Reader(path) as reader:
        row = reader.latest("yellowknife")
    assert row is not None
    assert row["source"] == (source if "/" in source or source.endswith("mp4") else f"./{source}")


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


def test_labels_carry_what_the_model_had_said_and_can_be_undone(store: Store, path: Path) -> None:
    """Who, when, which model and what it had said; the newest valid label counts."""
    store.record(observation(), night=NIGHT)
    first = store.add_label("yellowknife", T0, "none", "anna", queue="random")
    store.add_label("yellowknife", T0, "aurora", "björn")
    with Reader(path) as reader:
        [label] = reader.labels()
        assert (label["label"], label["labelled_by"], label["model_sha256"]) == ("aurora", "björn", "ab" * 32)
        assert (label["model_probability"], label["model_verdict"]) == (0.8, "aurora")
        assert label["labelled_at"] == "2024-02-10T04:55:03Z"
        assert len(reader.labels(undone=True)) == 2
    assert store.undo_label(label["id"])
    assert not store.undo_label(label["id"])
    assert not store.undo_label(999)
    with Reader(path) as reader:
        assert [row["id"] for row in reader.labels()] == [first]
        assert reader.label_counts() == {"aurora": 0, "none": 1, "obscured": 0}
    with pytest.raises(StoreError, match="'maybe' is no label; use one of aurora, none, obscured"):
        store.add_label("yellowknife", T0, "maybe", "anna")


def test_a_label_of_the_frame_outranks_a_judgement_of_its_spell(store: Store, path: Path) -> None:
    """ "Was this right?" labels the peak's frame only where nobody looked at that very frame."""
    store.record(observation(), night=NIGHT)
    judged = store.add_label("yellowknife", T0, "none", "page", queue="event", event_id="e1")
    with Reader(path) as reader:
        assert [row["id"] for row in reader.labels()] == [judged]
        assert (reader.labels()[0]["night"], reader.labels()[0]["twilight"]) == (NIGHT.isoformat(), "night")
    own = store.add_label("yellowknife", T0, "obscured", "anna", queue="random")
    store.add_label("yellowknife", T0, "none", "page", queue="event", event_id="e1")
    with Reader(path) as reader:
        assert [row["id"] for row in reader.labels()] == [own]


def test_the_label_queue_asks_for_what_is_worth_most(store: Store, path: Path) -> None:
    """Uncertain first, or most disputed first, or a repeatable sample; labelled frames leave."""
    said = observation().prediction
    assert said is not None
    for minute, (probability, level) in enumerate([(0.1, 0), (0.5, 2), (0.95, 0), (0.45, 2)]):
        prediction = replace(said, calibrated_probability=probability)
        sky = replace(observation().sky, moonlight="none")
        store.record(observation(minute, prediction=prediction, colour_level=level, sky=sky), night=NIGHT)
    store.record(observation(9, picture=None), night=NIGHT)
    with Reader(path) as reader:
        doubt = [row["observed_at"][14:16] for row in reader.label_queue("uncertainty")]
        assert doubt == ["51", "53", "50", "52"]
        assert reader.label_queue("disagreement")[0]["observed_at"][14:16] == "52"
        assert len(reader.label_queue("night", night=NIGHT)) == 4
        sample = reader.label_queue("random", seed=7)
        assert len(sample) == 2
        assert reader.label_queue("random", seed=7) == sample
    store.add_label("yellowknife", T0 + timedelta(minutes=1), "aurora", "anna")
    with Reader(path) as reader:
        assert reader.label_queue("uncertainty", limit=1)[0]["observed_at"][14:16] == "53"
    store.add_label("yellowknife", T0 + timedelta(minutes=3), "none", "page", queue="event", event_id="e1")
    with Reader(path) as reader:
        assert reader.label_queue("uncertainty", limit=1)[0]["observed_at"][14:16] == "53"


def test_pictures_are_forgotten_with_their_files(store: Store, path: Path) -> None:
    """Retention removes old pictures' files and paths and touches no observation."""
    for minute in range(4):
        store.record(observation(minute), night=NIGHT)
    gone: list[str] = []
    assert store.prune_pictures(T0 + timedelta(minutes=2), gone.append) == 2
    assert gone == ["yellowknife/2024-02-10/0.jpg", "yellowknife/2024-02-10/1.jpg"]
    with Reader(path) as reader:
        assert [row["picture"] is None for row in reader.night("yellowknife", NIGHT)] == [
            True,
            True,
            False,
            False,
        ]


def test_a_labelled_picture_stays(store: Store, path: Path) -> None:
    """The next model learns from it, however old; a label taken back lets it go."""
    for minute in range(2):
        store.record(observation(minute), night=NIGHT)
    label = store.add_label("yellowknife", T0, "aurora", "anna")
    gone: list[str] = []
    assert store.prune_pictures(T0 + timedelta(days=900), gone.append) == 1
    assert store.labelled_pictures() == {"yellowknife/2024-02-10/0.jpg"}
    store.undo_label(label)
    assert store.labelled_pictures() == set()
    assert store.prune_pictures(T0 + timedelta(days=900), gone.append) == 1
    assert gone == ["yellowknife/2024-02-10/1.jpg", "yellowknife/2024-02-10/0.jpg"]


# ------------------------------------------------------------------ what goes wrong


def test_two_writers_on_one_database_are_refused(store: Store, path: Path) -> None:
    """The second daemon is told which process has it; when the first is gone, it may."""
    with pytest.raises(StoreError, match=rf"another aurorad \(process {os.getpid()}\)") as told:
        Store(path)
    assert told.value.reason == "locked"
    store.close()
    Store(path).close()


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"this is no database, " * 100, "damaged"), (b"SQLite format 3\0" + b"\xff" * 5000, "damaged")],
)
def test_what_is_no_database_is_named(path: Path, content: bytes, reason: str) -> None:
    """A corrupt file is one line with the mend, for the writer and for readers, and left untouched."""
    path.write_bytes(content)
    for opening in (Store, Reader):
        with pytest.raises(StoreError, match="restore a backup with `aurorad restore`") as told:
            opening(path)
        assert told.value.reason == reason
        assert "\n" not in str(told.value)
    assert path.read_bytes() == content


def test_a_page_damaged_later_is_named_too(store: Store, path: Path) -> None:
    """Damage inside the file is found when it is read, and said the same way."""
    with store.batch():
        for minute in range(500):
            store.record(observation(minute), night=NIGHT)
    store.close()
    data = bytearray(path.read_bytes())
    data[30 * 4096 :] = b"\x55" * (len(data) - 30 * 4096)
    path.write_bytes(data)
    with Reader(path) as reader, pytest.raises(StoreError) as told:
        reader.between("yellowknife")
    assert told.value.reason == "damaged"
    with pytest.raises(StoreError):
        backup(path, path.with_name("copy.db"))
    assert not path.with_name("copy.db").exists()


def test_somebody_else_s_database_is_left_alone(path: Path) -> None:
    """A SQLite file of another program gets none of our tables."""
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE things (a)")
    other.close()
    for opening in (Store, Reader):
        with pytest.raises(StoreError, match="was not written by aurorad") as told:
            opening(path)
        assert told.value.reason == "foreign"


def test_a_missing_database_and_a_missing_folder_are_named(path: Path) -> None:
    """A reader makes no file; a writer makes no folder."""
    with pytest.raises(StoreError, match="there is no such database"):
        Reader(path)
    with pytest.raises(StoreError, match="does not exist; create it"):
        Store(path.parent / "no" / "x.db")
    assert list(path.parent.iterdir()) == []


def test_a_database_locked_from_outside_is_named_and_usable_after(store: Store, path: Path) -> None:
    """Another program's write lock is an error that names the mend; once gone, writing goes on."""
    store._db.execute("PRAGMA busy_timeout = 50")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="another program keeps the database locked; close it") as told:
        store.record(observation(), night=NIGHT)
    assert told.value.reason == "locked"
    other.execute("ROLLBACK")
    other.close()
    assert store.record(observation(), night=NIGHT)


def test_a_full_disk_loses_nothing_that_was_acknowledged(store: Store, path: Path) -> None:
    """SQLite's own "full" leaves no half row; with space again the same frame is written."""
    store._db.execute(f"PRAGMA max_page_count = {store._db.execute('PRAGMA page_count').fetchone()[0] + 3}")
    written = []

    def fill() -> None:
        for minute in range(500):
            more = [message(str(minute))]
            assert store.record(observation(minute), night=NIGHT, column=COLUMN, messages=more)
            written.append(minute)

    with pytest.raises(StoreError, match="the disk is full") as told:
        fill()
    assert told.value.reason == "full"
    with Reader(path) as reader:
        counts = reader.counts()
        rows = len(reader.between("yellowknife"))
    assert counts["observations"] == counts["messages"] == counts["pictures"] == rows == len(written) > 0
    store._db.execute("PRAGMA max_page_count = 1000000")
    assert store.record(observation(len(written)), night=NIGHT, column=COLUMN, messages=[message("more")])


def test_a_killed_writer_leaves_whole_rows_only(path: Path) -> None:
    """SIGKILL in mid-writing: what was acknowledged is there, each with its message, and nothing half."""
    script = textwrap.dedent(
        f"""
        import sys
        sys.path[:0] = [{str(Path(__file__).parent)!r}]
        from test_store import *
        store = Store(Path({str(path)!r}))
        for minute in range(100000):
            store.record(observation(minute), night=NIGHT, messages=[message(str(minute))], column=COLUMN)
            print(minute, flush=True)
        """
    )
    for delay in (5, 60, 200):
        writer = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        acknowledged = [int(line) for line, _ in zip(writer.stdout, range(delay), strict=False)]
        writer.send_signal(signal.SIGKILL)
        acknowledged += [int(line) for line in writer.stdout.read().splitlines()]
        writer.stdout.close()
        writer.wait()
        with Store(path), Reader(path) as reader:
            minutes = {row["kind"] for row in reader.messages(limit=10**6)}
            assert {str(n) for n in acknowledged} <= minutes
            assert len(minutes) == reader.counts()["observations"] == len(reader.between())
            assert len(reader.columns("yellowknife", NIGHT)) == len(minutes)


# ------------------------------------------------------------------ copies


def test_a_backup_of_a_database_in_use_is_whole_and_can_be_restored(store: Store, path: Path) -> None:
    """The copy is consistent and checked; restoring keeps what was there aside."""
    store.record(observation(), night=NIGHT)
    copy = path.with_name("backup.db")
    store.backup(copy)
    store.record(observation(1), night=NIGHT)
    with Reader(copy) as reader:
        assert reader.counts()["observations"] == 1
    with pytest.raises(StoreError, match="stop it first"):
        restore(copy, path)
    store.close()
    aside = restore(copy, path)
    assert aside is not None
    for name, rows in ((path, 1), (aside, 2)):
        with Reader(name) as reader:
            assert reader.counts()["observations"] == rows
    assert not [p for p in path.parent.iterdir() if p.name.endswith((".part", ".restored"))]


def test_restoring_rubbish_leaves_the_database(store: Store, path: Path) -> None:
    """A damaged backup is refused before anything is touched."""
    store.record(observation(), night=NIGHT)
    store.close()
    rubbish = path.with_name("rubbish.db")
    rubbish.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    with pytest.raises(StoreError):
        restore(rubbish, path)
    with pytest.raises(StoreError, match="that is the database itself"):
        backup(path, path)
    with Reader(path) as reader:
        assert reader.counts()["observations"] == 1


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


def dump(path: Path) -> list[str]:
    """Everything in the database as SQL."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return list(connection.iterdump())
    finally:
        connection.close()
