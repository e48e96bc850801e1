"""The record on real SQLite files: one transaction a frame, each frame once, and it comes back as it was written."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from daemon.archive.export import Selection, export
from daemon.config import CameraSettings
from daemon.event import EventState
from daemon.night import night_of
from daemon.observation import Description, Disc, EventChange, FoundLens, Orientation, from_utc_text
from daemon.record import recent
from daemon.record.columns import COLUMNS, described, mask_from_bytes
from daemon.record.store import Reader, Store, heatmap_from_bytes
from tests.daemon.record.made import COLUMN, NIGHT, T0, dump, event, message, observation


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
    nothing = dict.fromkeys(column.name for column in COLUMNS if column.name != "heatmap")
    assert row == nothing | {
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
        "stars": "9" * 20 + "-" * 4,
        "star_limit": 4.5,
        "star_zero": 11.25,
        "star_gamma": 1.5,
        "model_sha256": "ab" * 32,
        "source": "auroramaxHD_20240210_720p.mp4",
        "picture": "yellowknife/2024-02-10/0.jpg",
    } | dict.fromkeys(field.name for field in fields(Description))


def test_a_description_comes_back_as_it_was_written(store: Store, path: Path) -> None:
    """Level, place, light, form, movement and the mask, each as the record rounds it."""
    mask = np.zeros((60, 60), np.bool_)
    mask[3:9, 10:40] = True
    shown = Description(
        level=5, cover=0.3125, brightness=81.5, aurora_index=12.25, forms=("arc", "rays"),
        form_probabilities={"arc": 0.93, "rays": 0.71}, azimuth_from_deg=270.0, azimuth_to_deg=60.0,
        lower_edge_deg=12.0, upper_edge_deg=55.0, overhead=False, distance_km=480.0, poleward_deg=41.5,
        arciness=0.82, curvature=0.75, green_share=0.9, red_share=0.04, pink_share=0.05, purple_share=0.0,
        trend="brightening", drift="equatorward", spread="steady", mask=mask,
    )  # fmt: skip
    store.record(replace(observation(), description=shown), night=NIGHT)
    with Reader(path) as reader:
        row = reader.latest("yellowknife")
        (seen,) = reader.query("SELECT * FROM described")
        (moment,) = recent.described(reader, "yellowknife", T0, T0)
    assert row is not None
    back = described(row)
    assert back is not None
    assert back.mask is not None
    assert len(row["mask"] or b"") < 200
    assert vars(back) | {"mask": None} == vars(shown) | {"mask": None}
    assert np.array_equal(back.mask, mask)
    assert (row["forms"], row["form_probabilities"], row["overhead"]) == ("arc rays", "arc:0.93 rays:0.71", 0)
    assert (seen["level"], seen["forms"], moment["aurora_index"]) == (5, "arc rays", 12.25)
    with pytest.raises(ValueError, match="no aurora mask"):
        mask_from_bytes(b"x")


def test_a_camera_that_stands_elsewhere_is_noticed(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """Rows of one name are of one place; a place that is put right by a few hundred metres is the same."""
    here = CameraSettings(name="kho", latitude_deg=78.148, longitude_deg=16.043)
    for camera in (here, here.model_copy(update={"latitude_deg": 78.15})):
        store.progress.register_camera(camera.about())
    assert not caplog.records
    store.progress.register_camera(here.model_copy(update={"longitude_deg": -100.0}).about())
    (record,) = caplog.records
    assert record.getMessage().startswith(
        "kho stood at 78.150° N 16.043° E and stands at 78.148° N 100.000° W from now on, its older rows too;"
    )


def test_a_corrected_place_divides_the_older_rows_into_its_own_nights(tmp_path: Path) -> None:
    """A longitude that lacked its sign: rows of before and after lie about noon, and each is in one night, and exported once."""
    wrong = CameraSettings(name="kho", latitude_deg=78.148, longitude_deg=-16.0, timezone="UTC")
    right = wrong.model_copy(update={"longitude_deg": 16.0})
    with Store(tmp_path / "a.db") as store:
        for camera, minutes in ((wrong, range(0, 180, 10)), (right, range(5, 185, 10))):
            store.progress.register_camera(camera.about())
            for minute in minutes:  # from 10:50 to 13:50, about both noons
                seen = observation(360 + minute, camera="kho", verdict="aurora" if minute % 3 else "clear")
                store.record(seen, night=night_of(seen.observed_at, camera))
        kept = store.reader.nights("kho")
        rows = store.reader.between("kho")
    for night in kept:
        its = [row for row in rows if night["first_at"] <= row["observed_at"] <= night["last_at"]]
        assert {str(night_of(from_utc_text(row["observed_at"]), right)) for row in its} == {night["night"]}
        assert (night["observations"], night["aurora"]) == (
            len(its),
            sum(r["verdict"] == "aurora" for r in its),
        )
        assert (night["moon_quarter"], night["peak_probability"]) == (len(its), pytest.approx(0.8))
        assert night["peak_at"] == night["first_at"]  # of equals the earliest
    assert [night["night"] for night in kept] == ["2024-02-10", "2024-02-11"]
    assert export(tmp_path / "a.db", tmp_path / "a.csv", Selection()) == len(rows) == 36


def test_it_stays_known_how_a_camera_was_turned(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One entry a change, beside the lenses that its stars gave: by which north a row's directions are can be told."""
    now = T0
    here = CameraSettings.model_validate({"name": "kho", "orientation": {"north_deg": 26.0}})
    turned = here.model_copy(update={"orientation": here.orientation.model_copy(update={"north_deg": 300.0})})
    caplog.set_level("INFO")
    with Store(tmp_path / "a.db", now=lambda: now) as store:
        for days, camera in ((0, here), (1, here), (2, turned), (3, here)):
            now = T0 + timedelta(days=days)
            store.progress.register_camera(camera.about())
        disc = Disc(**here.disc.model_dump())
        lens = FoundLens(Orientation(north_deg=299.0), T0 + timedelta(days=2, hours=1), 0.1, 40, None)
        store.progress.put_lens("kho", disc, lens)
        told = [
            (entry["since"][:10], (entry.get("orientation") or entry["from_stars"])["north_deg"])
            for entry in store.reader.history("kho")
        ]
        assert store.reader.history("kho")[0]["disc"] == here.disc.model_dump(mode="json")
    assert told == [("2024-02-10", 26.0), ("2024-02-12", 300.0), ("2024-02-12", 299.0), ("2024-02-13", 26.0)]
    assert caplog.text.count("is turned otherwise from now on") == 2


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


def test_a_killed_writer_leaves_whole_rows_only(path: Path) -> None:
    """SIGKILL in mid-writing: what was acknowledged is there, each with its message, and nothing half."""
    script = textwrap.dedent(
        f"""
        import sys
        sys.path[:0] = [{str(Path(__file__).parents[3])!r}]
        from tests.daemon.record.made import *
        from daemon.record.store import Store
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
