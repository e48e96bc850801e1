"""The record over HAPI 3.3: what its clients read, what it refuses and how, and that it is bounded."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import httpx
import numpy as np
import pytest

from daemon.config import CameraSettings
from daemon.footage.plausibility import FLAWS
from daemon.observation import Drift, Moonlight, Spread, Trend, Twilight, Verdict
from daemon.record.store import Reader, Store
from daemon.sky.stars.visibility import SECTORS
from daemon.spaceweather.values import FeedState, Magnetism, SolarWind
from daemon.web import hapi
from daemon.web.hapi_data import _OBSERVED, _index, datasets
from daemon.web.hapi_time import hapi_time
from models.labels import FORMS
from tests import web_night
from tests.daemon.record.made import NIGHT, observation
from tests.web_night import FIRST, House, at_minute

OBSERVATIONS = "yellowknife/observations"


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The made-up night, and some minutes of solar wind."""
    with web_night.house(tmp_path_factory.mktemp("hapi"), minutes=320) as house:
        winds = [SolarWind(FIRST + timedelta(minutes=i), bz_nt=-float(i)) for i in range(5)]
        state = FeedState("magnetic field", "NOAA SWPC", "public domain", "", FIRST, winds[-1].at)
        house.store.space.add(winds, state)
        yield house


@pytest.fixture(scope="module")
def ask(night: House) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{night.url}/hapi/") as client:
        yield client


def asked(ask: httpx.Client, path: str, **given: str) -> dict[str, Any]:
    answer = ask.get(path, params=given)
    made: dict[str, Any] = answer.json()
    assert made["HAPI"] == "3.3"
    return made


def test_a_place_has_a_height_where_it_was_given(tmp_path: Path) -> None:
    """HAPI's geoLocation has two numbers or three; AuroraMAX's height is known."""
    cameras = [
        CameraSettings(),
        CameraSettings(name="roof", latitude_deg=52, longitude_deg=13),
        CameraSettings(name="coast", latitude_deg=69, longitude_deg=18, elevation_m=0),
    ]
    with Store(tmp_path / "a.db") as store:
        for camera in cameras:
            store.progress.register_camera(camera.about())
            store.record(observation(camera=camera.name), night=NIGHT)
        offered = datasets(store.reader)
    places = {name: offered[f"{name}/observations"].place for name in ("yellowknife", "roof", "coast")}
    assert places == {"yellowknife": (-114.35, 62.4333, 206), "roof": (13, 52), "coast": (18, 69, 0)}


def test_the_five_endpoints_say_what_there_is(ask: httpx.Client) -> None:
    """about, capabilities, catalog and info in HAPI's own words; every parameter has type, unit, fill."""
    assert asked(ask, "about")["id"] == "aurorad"
    assert asked(ask, "capabilities")["outputFormats"] == ["csv", "json"]
    listed = [entry["id"] for entry in asked(ask, "catalog")["catalog"]]
    assert listed == [OBSERVATIONS, "yellowknife/events", "solar_wind"]
    for name in listed:
        told = asked(ask, "info", dataset=name)
        assert told["startDate"] <= told["stopDate"]
        assert told["parameters"][0]["type"] == "isotime"
        for parameter in told["parameters"]:
            assert {"name", "type", "units", "fill"} <= parameter.keys()
            assert parameter["type"] in ("isotime", "string", "double")
            assert (parameter["type"] == "double") != (parameter.get("length", 0) > 0)
            assert parameter["units"] != "1"
            if parameter["type"] == "isotime" and parameter["fill"] is not None:
                assert len(parameter["fill"]) == parameter["length"]
    assert asked(ask, "catalog", depth="dataset", resolve_references="false")["catalog"]
    assert asked(ask, "info", dataset="solar_wind", resolve_references="true")["parameters"]
    assert asked(ask, "about")["serverCitation"]
    assert asked(ask, "info", dataset="solar_wind")["x_licence"] == "NOAA SWPC, public domain"


def test_rows_come_as_csv_and_json_with_fills_for_nothing(ask: httpx.Client) -> None:
    """stop is excluded; parameters asked for come in their order behind the time; null is the fill."""
    span = {"start": "2024-02-10T00:20Z", "stop": "2024-02-10T00:22Z"}
    told = asked(ask, "data", dataset="solar_wind", parameters="bz_nt,speed_km_s", format="json", **span)
    assert told["data"] == [["2024-02-10T00:20:00Z", 0.0, -1e31], ["2024-02-10T00:21:00Z", -1.0, -1e31]]
    assert [p["name"] for p in told["parameters"]] == ["Time", "bz_nt", "speed_km_s"]
    text = ask.get("data", params={"id": "solar_wind", "parameters": "bz_nt", "time.min": span["start"],
                                   "time.max": span["stop"], "include": "header"}).text  # fmt: skip
    assert text.startswith("#{")
    assert [line for line in text.splitlines() if not line.startswith("#")] == [
        "2024-02-10T00:20:00Z,0.0", "2024-02-10T00:21:00Z,-1.0",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "given", "code"),
    [
        ("data", {"dataset": "nothing"}, 1406),
        ("datasets", {}, 1400),
        ("catalog", {"depth": "all"}, 1413),
        ("catalog", {"resolve_references": "banana"}, 1412),
        ("info", {"dataset": "solar_wind", "resolve_references": ""}, 1412),
        ("data", {"dataset": "solar_wind", "resolve_references": "true"}, 1401),
        ("data", {"dataset": "solar_wind", "start": "2024-02-10T00:25:00Z", "stop": "2025"}, 1405),
        ("data", {"dataset": "solar_wind", "start": "0001", "stop": "0999"}, 1405),
        ("data", {"dataset": "solar_wind", "start": "2024", "stop": "2025", "include": ""}, 1410),
        ("info", {"dataset": "solar_wind", "parameters": "bz"}, 1407),
        ("info", {"dataset": "solar_wind", "parameters": "bz_nt,bt_nt"}, 1411),
        ("info", {"dataset": "solar_wind", "colour": "red"}, 1401),
        ("data", {"dataset": "solar_wind", "start": "yesterday", "stop": "2024-02-11"}, 1402),
        ("data", {"dataset": "solar_wind", "start": "2024-02-10"}, 1403),
        ("data", {"dataset": "solar_wind", "start": "2024-02-11", "stop": "2024-02-10"}, 1404),
        ("data", {"dataset": "solar_wind", "start": "2020-01-01", "stop": "2020-01-02"}, 1405),
        (
            "data",
            {"dataset": "solar_wind", "start": "2024-02-10", "stop": "2024-02-11", "format": "binary"},
            1409,
        ),
        (
            "data",
            {"dataset": "solar_wind", "start": "2024-02-10", "stop": "2024-02-11", "include": "x"},
            1410,
        ),
        ("data", {"dataset": "x' OR '1'='1", "start": "2024-02-10", "stop": "2024-02-11"}, 1406),
    ],
)
def test_what_cannot_be_had_is_refused_in_hapi_s_words(
    ask: httpx.Client, path: str, given: dict[str, str], code: int
) -> None:
    """Each fault has HAPI's own status code, with HTTP 400 or 404, never a traceback."""
    answer = ask.get(path, params=given)
    assert answer.status_code == (404 if code in (1406, 1407) else 400)
    assert answer.json()["status"]["code"] == code


def test_an_answer_is_bounded(ask: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """More records than one answer holds: status 1408, and nothing half sent."""
    monkeypatch.setattr(hapi, "MOST_ROWS", 4)
    told = ask.get("data", params={"dataset": "solar_wind", "start": "2024-02-10", "stop": "2024-02-11"})
    assert (told.status_code, told.json()["status"]["code"]) == (400, 1408)
    monkeypatch.setattr(hapi, "MOST_ROWS", 5)
    told = ask.get("data", params={"dataset": "solar_wind", "start": "2024-02-10", "stop": "2024-02-11"})
    assert len(told.text.splitlines()) == 5


def test_what_there_is_is_looked_up_whatever_the_record_s_size(tmp_path: Path) -> None:
    """The catalog, and the time a data set covers: no dearer with 1,000 rows a table than with 100."""

    def steps(minutes: int) -> int:
        path = tmp_path / f"{minutes}.db"
        with Store(path) as store:
            winds = [SolarWind(FIRST + timedelta(minutes=i), bz_nt=-1.0) for i in range(minutes)]
            field = [Magnetism("abk", wind.at, 1.0, 2.0, 3.0) for wind in winds]
            store.space.add([*winds, *field], FeedState("magnetic field", "NOAA", "", "", FIRST, FIRST))
            with store.batch():
                for i in range(minutes):
                    store.record(observation(i), night=web_night.NIGHT)
        counted = []
        with Reader(path) as reader:
            reader._connection.set_progress_handler(lambda: counted.append(1), 1)
            there = datasets(reader)
            assert len([one for one in there.values() if one.span(reader)[0]]) == 3
        return len(counted)

    assert steps(1000) < 2 * steps(100)


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("2024-02-10T04:50:03.250Z", datetime(2024, 2, 10, 4, 50, 3, 250_000, tzinfo=UTC)),
        ("2024-02-10T04:50:03.000000001Z", datetime(2024, 2, 10, 4, 50, 3, 1, tzinfo=UTC)),
        ("2024-02-10T04:50:03.999999999Z", datetime(2024, 2, 10, 4, 50, 3, 999_999, tzinfo=UTC)),
        ("2024-02-10T04:50:03.Z", datetime(2024, 2, 10, 4, 50, 3, tzinfo=UTC)),
        ("2024-02-10T04:50", datetime(2024, 2, 10, 4, 50, tzinfo=UTC)),
        ("2024-041T04Z", datetime(2024, 2, 10, 4, tzinfo=UTC)),
        ("2024-02", datetime(2024, 2, 1, tzinfo=UTC)),
        ("2024", datetime(2024, 1, 1, tzinfo=UTC)),
    ],
)
def test_times_are_read_in_both_calendars(text: str, means: datetime) -> None:
    """Days of the month and of the year, shortened at will."""
    assert hapi_time(text) == means


@pytest.mark.parametrize(
    "text", ["", "2024-13", "2024-02-30", "2023-366", "2024-000", "2024-02-10T25", "now", "9" * 99]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    """Never a guess, never another exception."""
    with pytest.raises(ValueError, match="time"):
        hapi_time(text)


def times(ask: httpx.Client, dataset: str, start: str, stop: str) -> list[str]:
    told = asked(ask, "data", dataset=dataset, start=start, stop=stop, parameters="Time", format="json")
    return [row[0] for row in told["data"]]


def test_the_whole_of_a_data_set_can_be_had(ask: httpx.Client) -> None:
    """From startDate to stopDate is every record, of one event too: the stop is excluded, and lies behind the last."""
    for name, rows in (("solar_wind", 5), ("yellowknife/events", 1)):
        told = asked(ask, "info", dataset=name)
        assert len(times(ask, name, told["startDate"], told["stopDate"])) == rows


def test_fractions_of_a_second_count(ask: httpx.Client) -> None:
    """A record at a whole second is not after a later start, and lies before a later stop."""
    first, last = at_minute(0)[:-1], at_minute(4)[:-1]
    assert times(ask, "solar_wind", f"{first}.1Z", "9999-12-31T23:59:59.999999999Z") == [
        at_minute(n) for n in range(1, 5)
    ]
    assert times(ask, "solar_wind", "2024", f"{first}.000000001Z") == [at_minute(0)]
    assert times(ask, "solar_wind", f"{last}.000Z", f"{last}.9Z") == [at_minute(4)]
    assert times(ask, "solar_wind", f"{first}.1Z", f"{first}.2Z") == []


LONGEST_TEXTS = {
    "verdict": get_args(Verdict), "twilight": get_args(Twilight), "moonlight": get_args(Moonlight),
    "trend": get_args(Trend), "drift": get_args(Drift), "spread": get_args(Spread),
    "forms": [" ".join(FORMS)], "form_probabilities": [" ".join(f"{form}:1.00" for form in FORMS)],
    "stars": ["9" * SECTORS], "reason": [*FLAWS, "ø" * 100],
}  # fmt: skip


def test_no_text_of_the_record_is_longer_than_hapi_says() -> None:
    """Each column's longest value comes whole; a length is one in bytes."""
    texts = {p.column: p for p in _OBSERVED if p.kind == "string"}
    assert texts.keys() == LONGEST_TEXTS.keys()
    for name, values in LONGEST_TEXTS.items():
        assert [texts[name].value(value) for value in values] == [*values]
        if name != "reason":
            assert texts[name].about()["length"] == max(map(len, values))
    assert texts["reason"].value("ø" * 101) == "ø" * 100
    assert texts["reason"].value("x" + "ø" * 100) == "x" + "ø" * 99


def test_an_index_stands_at_the_beginning_of_its_hours() -> None:
    """HAPI takes a time for the middle of what was measured, unless told."""
    kp = _index("kp", {})
    assert hapi._header(kp, kp.parameters, ("", ""))["timeStampLocation"] == "begin"


def test_no_form_is_another_answer_than_none_asked_for() -> None:
    """The fill stands for nothing, an empty text for a sky in which no form was told."""
    [forms] = [p for p in _OBSERVED if p.name == "forms"]
    assert (forms.value(""), forms.value(None)) == ("", forms.about()["fill"])
    assert forms.about()["fill"]


def test_hapiclient_reads_a_night(night: House, tmp_path: Path) -> None:
    """The field's own client, from catalog to numbers: every minute, its probability and its verdict."""
    hapiclient = pytest.importorskip(
        "hapiclient", reason="hapiclient is not installed: pip install hapiclient"
    )
    server = f"{night.url}/hapi"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # hapiclient's own, about its libraries
        data, meta = hapiclient.hapi(
            server, OBSERVATIONS, "verdict,calibrated_probability", at_minute(240), at_minute(300),
            logging=False, usecache=False, cache=False, cachedir=str(tmp_path),
        )  # fmt: skip
    assert meta["HAPI"] == "3.3"
    assert data["Time"][0].decode() == at_minute(240)
    assert len(data) == 60
    assert set(np.unique(data["verdict"].astype(str))) == {"aurora"}
    expected = [web_night.probability_at(minute) for minute in range(240, 300)]
    assert data["calibrated_probability"] == pytest.approx(expected, abs=1e-5)
