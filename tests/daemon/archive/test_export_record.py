"""What is exported is read by those it is for: pandas, xarray, AuroraX; with units, times and what it rests on."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas
import pytest
from click.testing import CliRunner

from daemon.archive.export import EVENT_COLUMNS, Selection, export
from daemon.cli import main
from daemon.commands.report import write_report
from daemon.config import CameraSettings
from daemon.errors import StoreError, UsageError
from daemon.observation import EventChange, utc_text
from daemon.record.label_files import export_labels
from daemon.record.meanings import EVENT_LONG_NAMES, EXPORTED, long_name, units
from daemon.record.store import Store
from daemon.sky.ephemeris import MOONLIGHT_RULE, TWILIGHT_RULE
from tests import web_night
from tests.daemon.record.made import NIGHT, T0, event, observation
from tests.web_night import CAMERA, SHA, at_minute, probability_at

ROWS = 320


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The made-up night in a database, its camera introduced."""
    folder = tmp_path_factory.mktemp("export")
    with web_night.house(folder, minutes=ROWS) as house:
        house.store.progress.register_camera(house.ports.settings.camera[0].about())
        yield folder / "aurorad.db"


@pytest.fixture(scope="module")
def count(record: Path) -> int:
    from daemon.record.store import Reader

    with Reader(record) as reader:
        return reader.counts()["observations"]


def test_pandas_reads_the_parquet(record: Path, count: int, tmp_path: Path) -> None:
    """Typed columns, times in UTC, every row; the file says version, model and period."""
    assert export(record, tmp_path / "a.parquet", Selection()) == count
    frame = pandas.read_parquet(tmp_path / "a.parquet")
    assert len(frame) == count
    assert str(frame["observed_at"].dtype).endswith("UTC]")
    row = frame[frame["observed_at"] == pandas.Timestamp(at_minute(250))].iloc[0]
    assert row["calibrated_probability"] == pytest.approx(probability_at(250), abs=1e-5)
    assert row["verdict"] == "aurora"
    from pyarrow import parquet

    about = parquet.read_schema(tmp_path / "a.parquet")
    (told,) = json.loads(about.metadata[b"camera_history"])[CAMERA]
    assert {"since", "orientation", "disc", "cadence_s", "timezone"} <= set(told)
    assert SHA.encode() in about.metadata[b"source"]
    assert about.field("twilight").metadata[b"comment"].decode() == TWILIGHT_RULE
    assert about.field("sun_altitude_deg").metadata[b"units"] == b"degree"


def test_pandas_reads_the_csv(record: Path, count: int, tmp_path: Path) -> None:
    """Lines with # say what the table rests on; the events have a table of their own."""
    export(record, tmp_path / "a.csv", Selection())
    assert len(pandas.read_csv(tmp_path / "a.csv", comment="#")) == count
    assert f"sha256 {SHA}" in (tmp_path / "a.csv").read_text()
    assert export(record, tmp_path / "e.csv", Selection(what="events")) == 1
    [event] = pandas.read_csv(tmp_path / "e.csv", comment="#").to_dict("records")
    assert event["onset_at"] == at_minute(web_night.ONSET)


def test_the_csv_keeps_every_text_as_it_is(tmp_path: Path) -> None:
    """A ``#`` in a file's name ends no line for pandas; only words that somebody chose are marked as text."""
    stars = ["-" * 8 + "9" * 16, "0" * 24]
    with Store(tmp_path / "odd.db") as store:
        for minute, code in enumerate(stars):
            store.record(observation(minute, source=f"night #{minute}.mp4", stars=code), night=NIGHT)
        store.record(observation(2, source="=cmd()", reason="@here"), night=NIGHT)
    export(tmp_path / "odd.db", tmp_path / "a.csv", Selection())
    frame = pandas.read_csv(tmp_path / "a.csv", comment="#", dtype={"stars": str})
    assert list(frame["source"]) == ["night #0.mp4", "night #1.mp4", "'=cmd()"]
    assert list(frame["reason"]) == ["aurora", "aurora", "'@here"]
    assert list(frame["stars"][:2]) == stars
    assert list(frame["recorded_at"].str[-1]) == ["Z"] * 3
    assert frame["star_limit"].to_list() == [4.5] * 3


def test_a_file_names_the_models_of_its_rows(tmp_path: Path) -> None:
    """Not those that looked at another camera or another night."""
    with Store(tmp_path / "two.db") as store:
        for days, sha256 in enumerate(("ab" * 32, "cd" * 32)):
            store.register_model(sha256, f"model {days}", {})
            row = observation(days * 1440)
            assert row.prediction is not None
            looked = replace(row, prediction=replace(row.prediction, model_sha256=sha256))
            store.record(looked, night=NIGHT + timedelta(days=days))
            store.record(replace(looked, camera=f"roof{days}"), night=NIGHT + timedelta(days=days))

    def models(selection: Selection) -> str:
        export(tmp_path / "two.db", tmp_path / "a.csv", selection)
        [line] = [
            line for line in (tmp_path / "a.csv").read_text().splitlines() if line.startswith("# source")
        ]
        return line.partition("models: ")[2]

    first, second = f"model 0 sha256 {'ab' * 32}", f"model 1 sha256 {'cd' * 32}"
    assert models(Selection()) == f"{first}; {second}"
    assert models(Selection(until=NIGHT)) == first
    assert models(Selection(camera="roof1")) == second
    assert models(Selection(what="events", camera="roof1")) == second


def test_an_event_in_the_cool_down_is_a_one_in_every_form(tmp_path: Path) -> None:
    """As in the record; Parquet and NetCDF have it as a number."""
    h5netcdf = pytest.importorskip(
        "h5netcdf", reason="h5netcdf is not installed: pip install 'aurorad[science]'"
    )
    with Store(tmp_path / "a.db") as store:
        changes = [EventChange("onset", event(in_cool_down=True), T0)]
        store.record(observation(), night=NIGHT, changes=changes)
    chosen = Selection(what="events")
    for name in ("e.csv", "e.parquet", "e.nc"):
        assert export(tmp_path / "a.db", tmp_path / name, chosen) == 1
    [line] = [
        line for line in (tmp_path / "e.csv").read_text().splitlines() if line.startswith("yellowknife")
    ]
    assert line.split(",")[EVENT_COLUMNS.index("in_cool_down")] == "1"
    assert pandas.read_parquet(tmp_path / "e.parquet")["in_cool_down"].to_list() == [1.0]
    with h5netcdf.File(tmp_path / "e.nc") as file:
        assert list(file["events"]["in_cool_down"][...]) == [1.0]


@pytest.mark.parametrize("made", [None, os.symlink, os.link])
def test_the_record_is_never_written_over(tmp_path: Path, made: Callable[[Path, Path], None] | None) -> None:
    """Whatever it is called: exports, labels and reports leave the file that they read."""
    own = tmp_path / "nights.csv"
    with Store(own) as store:
        store.record(observation(), night=NIGHT)
    before, target = own.read_bytes(), tmp_path / "nights.csv"
    if made is not None:
        (tmp_path / "out").mkdir()
        target = tmp_path / "out" / "nights.csv"
        made(own, target)
    for db in (own, target):
        with pytest.raises(UsageError, match="this is a file of the database"):
            export(db, target, Selection())
        with pytest.raises(UsageError, match="this is a file of the database"):
            export_labels(db, target)
        with pytest.raises(UsageError, match="this is a file of the database"):
            write_report(db, target.parent, formats=())
    assert target.samefile(own)
    assert own.read_bytes() == before
    assert not (target.parent / "report.html").exists()


def test_one_row_is_no_plural(tmp_path: Path) -> None:
    """What the commands say that they wrote."""
    with Store(tmp_path / "a.db") as store:
        store.record(observation(), night=NIGHT)
        store.add_label("yellowknife", T0, "aurora", "Ada")
    for command, said in ((["export"], "1 row"), (["labels", "export"], "1 label")):
        asked = [*command, "--db", str(tmp_path / "a.db"), str(tmp_path / "a.csv")]
        assert CliRunner().invoke(main, asked).output.rstrip().endswith(f"a.csv: {said}")


def test_the_files_beside_the_record_are_not_written_over(tmp_path: Path) -> None:
    """Nor is a link to its log, there or not."""
    with Store(tmp_path / "a.db") as store:
        store.record(observation(), night=NIGHT)
    for number, end in enumerate(("-wal", "-shm", "-journal", ".lock")):
        (tmp_path / f"{number}.csv").symlink_to(tmp_path / f"a.db{end}")
        with pytest.raises(UsageError, match="this is a file of the database"):
            export(tmp_path / "a.db", tmp_path / f"{number}.csv", Selection())


def test_xarray_opens_the_netcdf_with_units_and_times(record: Path, count: int, tmp_path: Path) -> None:
    """CF: decoded times, units, the station's place, flags with meanings; the events in their group."""
    pytest.importorskip("h5netcdf", reason="h5netcdf is not installed: pip install 'aurorad[science]'")
    xarray = pytest.importorskip("xarray", reason="xarray is not installed: pip install xarray")
    assert export(record, tmp_path / "a.nc", Selection()) == count
    with xarray.open_dataset(tmp_path / "a.nc", engine="h5netcdf") as data:
        assert data.attrs["Conventions"] == "CF-1.11"
        assert data.attrs["nights"] == "1"
        assert data.sizes == {"obs": count, "station": 1}
        at = int(np.flatnonzero(data["time"].values == np.datetime64(at_minute(250)[:-1]))[0])
        assert float(data["calibrated_probability"][at]) == pytest.approx(probability_at(250), abs=1e-5)
        assert data["moon_phase_deg"].attrs["units"] == "degree"
        assert (float(data["lat"][0]), data["lat"].attrs["units"]) == (62.4333, "degrees_north")
        assert (float(data["alt"][0]), data["alt"].attrs["positive"]) == (206.0, "up")
        assert data["twilight"].attrs["comment"] == TWILIGHT_RULE
        assert data["moonlight"].attrs["comment"] == MOONLIGHT_RULE
        verdicts = data["verdict"].attrs["flag_meanings"].split()
        assert verdicts[int(data["verdict"][at])] == "aurora"
        assert str(data["station_name"].values[0]) == CAMERA
    with xarray.open_dataset(tmp_path / "a.nc", engine="h5netcdf", group="events") as events:
        assert events["onset_at"].values[0] == np.datetime64(at_minute(web_night.ONSET)[:-1])


def test_an_unknown_class_is_missing_in_netcdf(tmp_path: Path) -> None:
    """A verdict that only a later release knows is no number for xarray, and no word of the list."""
    pytest.importorskip("h5netcdf", reason="h5netcdf is not installed: pip install 'aurorad[science]'")
    xarray = pytest.importorskip("xarray", reason="xarray is not installed: pip install xarray")
    with Store(tmp_path / "a.db") as store:
        for minute in (0, 1):
            store.record(observation(minute), night=NIGHT)
    with closing(sqlite3.connect(tmp_path / "a.db")) as db, db:
        db.execute("UPDATE observations SET verdict_kept = 99 WHERE observed_at = ?", [utc_text(T0)])
    export(tmp_path / "a.db", tmp_path / "a.nc", Selection())
    with xarray.open_dataset(tmp_path / "a.nc", engine="h5netcdf") as data:
        assert data["verdict"].encoding["_FillValue"] == -1
        unknown, aurora = data["verdict"].values
    assert np.isnan(unknown)
    assert aurora == 0


def test_an_event_is_exported_with_its_level_and_what_its_columns_hold(tmp_path: Path) -> None:
    """``peak_level`` in every form; long names in NetCDF's group and in Parquet's fields."""
    h5netcdf = pytest.importorskip(
        "h5netcdf", reason="h5netcdf is not installed: pip install 'aurorad[science]'"
    )
    from pyarrow import parquet

    with Store(tmp_path / "a.db") as store:
        store.record(observation(), night=NIGHT, changes=[EventChange("onset", event(peak_level=5), T0)])
    for name in ("e.csv", "e.parquet", "e.nc"):
        export(tmp_path / "a.db", tmp_path / name, Selection(what="events"))
    assert pandas.read_csv(tmp_path / "e.csv", comment="#")["peak_level"].to_list() == [5]
    assert pandas.read_parquet(tmp_path / "e.parquet")["peak_level"].to_list() == [5.0]
    fields = parquet.read_schema(tmp_path / "e.parquet")
    assert fields.field("onset_at").metadata[b"long_name"] == b"time of the first frame with aurora"
    with h5netcdf.File(tmp_path / "e.nc") as file:
        held = file["events"]
        assert list(held["peak_level"][...]) == [5.0]
        assert {name: held[name].attrs["long_name"] for name in EVENT_COLUMNS} == EVENT_LONG_NAMES


def test_a_height_that_was_not_given_is_no_number(tmp_path: Path) -> None:
    """No camera stands at 0 m for want of a better figure; one that does, does."""
    h5netcdf = pytest.importorskip(
        "h5netcdf", reason="h5netcdf is not installed: pip install 'aurorad[science]'"
    )
    with Store(tmp_path / "a.db") as store:
        for name, given in (("coast", {"elevation_m": 0.0}), ("roof", {})):
            camera = CameraSettings(name=name, latitude_deg=52, longitude_deg=13, **given)
            store.progress.register_camera(camera.about())
            store.record(observation(camera=name), night=NIGHT)
    export(tmp_path / "a.db", tmp_path / "a.nc", Selection())
    with h5netcdf.File(tmp_path / "a.nc") as file:
        coast, roof = file["alt"][...]
    assert coast == 0
    assert np.isnan(roof)


def test_aurorax_gets_a_record_a_minute_looked_at(record: Path, tmp_path: Path) -> None:
    """Its ephemeris shape: source, epoch by the minute, place, both traces, the verdict as metadata."""
    rows = export(record, tmp_path / "a.json", Selection())
    records = json.loads((tmp_path / "a.json").read_text())
    assert len(records) == rows
    assert len({record["epoch"] for record in records}) == rows
    first = records[0]
    assert first["nbtrace"] == first["location_geo"] == {"lat": 62.4333, "lon": -114.35}
    assert -75 < first["sbtrace"]["lat"] < -65
    assert {record["metadata"]["aurorad_verdict"] for record in records} <= {"aurora", "clear", "obscured"}


def test_every_number_has_a_unit() -> None:
    """A column that is a number is one of something; a text is not."""
    assert {units(column) for column in EXPORTED if column.plain in (int, float)} >= {"degree", "1"}
    assert all(units(column) for column in EXPORTED if column.plain in (int, float))


def test_a_long_name_says_more_than_the_name() -> None:
    """In words what the column holds; of events too. A column that is newer than the names may do with its title."""
    names = {column.name: long_name(column) for column in EXPORTED if column.since <= 4} | EVENT_LONG_NAMES
    plain = {name for name, words in names.items() if words.lower() in (name, name.replace("_", " "))}
    assert not plain
    assert names["poleward_deg"].endswith("toward the pole")
    assert "brightest" in names["azimuth_deg"]


def test_units_are_words_that_udunits_knows() -> None:
    """CF's attribute ``units`` is read by UDUNITS, which has no magnitude."""
    assert {units(column) for column in EXPORTED} <= {"1", "count", "degree", "km", "m", "s", None}


def test_units_are_those_that_the_documentation_states() -> None:
    """Kilometres and grey levels are no plain numbers; shares, powers, magnitudes and counts of kinds are."""
    unit = {column.name: units(column) for column in EXPORTED}
    assert (unit["distance_km"], unit["moon_phase_deg"]) == ("km", "degree")
    assert (unit["brightness"], unit["aurora_index"]) == ("count", "count")
    plain = {name for name, held in unit.items() if held == "1"}
    by_name = {name for name in unit if name.endswith(("probability", "_share"))}
    assert {"clear_probability", "green_share"} < by_name < plain
    assert plain - by_name == {
        "colour_level", "threshold", "star_gamma", "level", "cover", "overhead", "arciness", "curvature",
        "heatmap_area", "colour_cover", "star_limit", "star_zero",
    }  # fmt: skip


def test_what_cannot_be_exported_is_one_line_and_leaves_no_file(record: Path, tmp_path: Path) -> None:
    """Another ending, a night without rows, a folder that is not there."""
    with pytest.raises(UsageError, match=r"\.csv, \.parquet, \.nc or \.json"):
        export(record, tmp_path / "a.xlsx", Selection())
    with pytest.raises(StoreError, match="nothing of that camera and time"):
        export(record, tmp_path / "a.csv", Selection(camera="kiruna"))
    with pytest.raises(StoreError, match="nothing of that camera and time"):
        export(record, tmp_path / "a.csv", Selection(camera=""))
    with Store(record.parent / "new.db"):
        pass
    with pytest.raises(StoreError, match="nothing is recorded in it yet"):
        export(record.parent / "new.db", tmp_path / "a.csv", Selection())
    assert list(tmp_path.iterdir()) == []
