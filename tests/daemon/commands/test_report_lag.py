"""The report on a month of made nights with a made solar wind, from the record and from an OMNI file."""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from daemon.commands.report import write_report
from daemon.commands.report.frames import Wanted
from daemon.config import CameraSettings
from daemon.errors import StoreError, UsageError
from daemon.observation import utc_text
from daemon.record.store import Store
from daemon.spaceweather.coupling import L1_KM, newell
from daemon.spaceweather.omni import read_omni
from tests.daemon.record.made import put_rows
from training.simulator.space_weather import Wind, made_wind

NIGHTS, LAG_MIN, SPEED = 30, 40, 400.0
START = datetime(2026, 11, 1, tzinfo=UTC)
TRAVEL_MIN = round(L1_KM / SPEED / 60)


def nights(wind: Wind) -> Iterator[tuple[Any, ...]]:
    """A frame in five minutes of thirty nights: aurora by the coupling of 40 minutes before, a quarter cloud."""
    drive = newell(np.full(len(wind.bz_nt), SPEED), wind.by_nt, wind.bz_nt) / 5000
    dice = np.random.default_rng(2)
    for night in range(1, NIGHTS + 1):
        for minute in range(180, 780, 5):
            i = night * 1440 + minute
            strength = drive[i - LAG_MIN - 2 : i - LAG_MIN + 3].mean() + dice.normal(0, 0.4) - 0.5
            cover, cloud = float(np.clip(strength, 0, 1)), dice.random() < 0.25
            verdict = "obscured" if cloud else "aurora" if cover > 0.05 else "clear"
            p = float(np.clip(0.5 + strength / 2, 0, 1))
            yield ("yellowknife", utc_text(wind.at(i)), p, verdict, cover, int(5 * cover))


@pytest.fixture(scope="module")
def wind() -> Wind:
    return made_wind(START, (NIGHTS + 2) * 1440, seed=11)


@pytest.fixture(scope="module")
def record(wind: Wind, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The nights, the wind as it was at L1, and Kp; the frames go by the bow shock's time."""
    path = tmp_path_factory.mktemp("lag") / "month.db"
    with closing(Store(path)) as store:
        store.progress.register_camera(CameraSettings(cadence_s=300).about())
    with closing(sqlite3.connect(path)) as connection:
        put_rows(
            connection,
            (
                *("camera", "observed_at", "probability", "verdict", "colour_cover", "colour_level"),
                *("twilight", "moonlight", "moon_phase_deg", "sun_altitude_deg", "moon_altitude_deg"),
            ),
            ((*row, "night", "none", 10, -30, -5) for row in nights(wind)),
        )
        at_l1 = timedelta(minutes=TRAVEL_MIN)
        connection.executemany(
            "INSERT INTO solar_wind (at, by_nt, bz_nt, bt_nt, speed_km_s, fetched_at) VALUES (?, ?, ?, ?, ?, '')",
            [
                (utc_text(wind.at(i) - at_l1), wind.by_nt[i], wind.bz_nt[i], wind.bt_nt[i], SPEED)
                for i in range(len(wind.bz_nt))
            ],
        )
        connection.executemany(
            "INSERT INTO geomagnetic_indices VALUES ('kp', ?, ?, '')",
            [(utc_text(START + timedelta(hours=3 * k)), k % 5) for k in range(8 * (NIGHTS + 2))],
        )
        connection.commit()
    return path


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()[1:]))


def must_find_the_lag(rows: list[dict[str, str]]) -> None:
    """40 minutes to five, by cover with coupling and with Bz, each beyond chance."""
    found = {(row["of"], row["with"]): row for row in rows}
    for driver in ("Newell coupling", "Bz"):
        row = found["cover", driver]
        assert abs(int(row["lag (min)"]) - LAG_MIN) <= 5
        assert int(row["lag low"]) <= LAG_MIN <= int(row["lag high"])
        assert row["beyond chance"] == "yes"
    assert float(found["cover", "Bz"]["rank correlation"]) < -0.3
    assert float(found["probability", "Newell coupling"]["rank correlation"]) > 0.3


def test_the_recorded_wind_gives_the_lag_behind_the_bow_shock(record: Path, tmp_path: Path) -> None:
    """From L1 the way takes 62 minutes more, which are taken off; an index that has nothing to do with it has not."""
    write_report(record, tmp_path, formats=("svg",))
    rows = table(tmp_path / "lag.csv")
    must_find_the_lag(rows)
    assert {row["beyond chance"] for row in rows if row["with"] == "Kp"} == {"no"}
    assert (tmp_path / "lag_cover.svg").exists()
    kp = table(tmp_path / "occurrence_by_kp.csv")
    assert [row["Kp"] for row in kp] == ["0", "1", "2", "3", "4"]
    assert all(float(row["low"]) <= float(row["occurrence"]) <= float(row["high"]) for row in kp)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "shifted to the bow shock by the measured speed" in page
    assert "30 nights" in page


def omni_line(at: datetime, by: float, bz: float, bt: float, speed: float) -> str:
    """One minute as OMNI's file has it: 46 columns, nines where there is nothing."""
    columns = ["99"] * 46
    columns[:4] = [f"{at:%Y}", str(at.timetuple().tm_yday), str(at.hour), str(at.minute)]
    columns[13], columns[17], columns[18] = f"{bt:.2f}", f"{by:.2f}", f"{bz:.2f}"
    columns[21], columns[25] = f"{speed:.1f}", "999.99"
    return " ".join(columns)


def test_an_omni_file_gives_the_same_lag(record: Path, wind: Wind, tmp_path: Path) -> None:
    """OMNI's minutes are those at the bow shock; gaps are nines."""
    lines = [
        omni_line(wind.at(i), wind.by_nt[i], 9999.99 if i % 50 == 0 else wind.bz_nt[i], wind.bt_nt[i], SPEED)
        for i in range(len(wind.bz_nt))
    ]
    file = tmp_path / "omni_min2026.asc"
    file.write_text("\n".join(lines) + "\n")
    series = read_omni([file])
    assert (series.at_s[0], np.isnan(series.bz_nt[0]), np.isnan(series.density_cm3).all()) == (
        START.timestamp(), True, True,
    )  # fmt: skip
    write_report(record, tmp_path / "out", omni=[file], formats=())
    must_find_the_lag(table(tmp_path / "out" / "lag.csv"))


def test_what_is_no_omni_file_is_one_line(record: Path, tmp_path: Path) -> None:
    """Another file, a damaged one, none: named, and nothing is written."""
    wrong = tmp_path / "wrong.asc"
    wrong.write_text("1 2 3\n")
    with pytest.raises(UsageError, match="3 columns; an OMNI file of minutes has 46"):
        write_report(record, tmp_path / "out", omni=[wrong])
    wrong.write_text(" ".join(["much"] * 46) + "\n")
    with pytest.raises(UsageError, match="is no OMNI file"):
        write_report(record, tmp_path / "out", omni=[wrong])
    with pytest.raises(UsageError, match="cannot be read"):
        write_report(record, tmp_path / "out", omni=[tmp_path / "none.asc"])
    assert not (tmp_path / "out").exists()


def test_a_report_is_of_the_nights_and_the_camera_that_were_asked_for(record: Path, tmp_path: Path) -> None:
    """--since and --until name nights by their mornings; a week gives no lag, and says why."""
    wanted = Wanted("yellowknife", date(2026, 11, 5), date(2026, 11, 7))
    write_report(record, tmp_path, wanted, formats=())
    named = [row["night (date of its morning)"] for row in table(tmp_path / "nights.csv")]
    assert named == ["2026-11-05", "2026-11-06", "2026-11-07"]
    assert not (tmp_path / "lag.csv").exists()
    assert "Too few nights" in (tmp_path / "report.html").read_text(encoding="utf-8")
    with pytest.raises(StoreError, match="no observations of that camera and time"):
        write_report(record, tmp_path, Wanted("kiruna"))
