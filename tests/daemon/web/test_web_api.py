"""The API: what it documents is what it does, and what it does not know it refuses."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest

from daemon.observation import Observation
from daemon.web import api, openapi
from tests import web_night
from tests.daemon.record.made import observation
from tests.web_night import FIRST, House, at_minute

DOCS = Path(__file__).parents[3] / "docs" / "api.md"


def judged(data: bytes, camera: str, at: datetime) -> Observation:
    """A model that finds the same in whatever it is given; pictures that are none are for test_web_classify."""
    return observation(camera=camera, observed_at=at)


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The made-up night with a few labels."""
    with web_night.house(tmp_path_factory.mktemp("api"), minutes=320, classify=judged) as house:
        for minute, label in ((250, "aurora"), (130, "none"), (131, "obscured")):
            house.store.add_label(
                web_night.CAMERA, FIRST + timedelta(minutes=minute), label, "Ada", queue="random"
            )
        house.store.enqueue([web_night.message()])
        yield house


@pytest.fixture(scope="module")
def ask(night: House) -> Iterator[httpx.Client]:
    """A program that reads."""
    with httpx.Client(base_url=night.url) as client:
        yield client


def test_observations_come_in_order_and_within_bounds(ask: httpx.Client) -> None:
    """Both ends included, oldest first unless told, at most the limit."""
    asked = {"since": at_minute(250), "until": at_minute(260), "camera": "yellowknife"}
    rows = ask.get("/api/observations", params=asked).json()["observations"]
    assert [row["observed_at"] for row in rows] == [at_minute(m) for m in range(250, 261)]
    assert rows[0]["picture"].startswith("/frames/yellowknife/20240210/")
    newest = ask.get("/api/observations", params=asked | {"order": "newest", "limit": 2}).json()
    assert [row["observed_at"] for row in newest["observations"]] == [at_minute(260), at_minute(259)]
    clear = ask.get("/api/observations", params={"verdict": "clear"}).json()["observations"]
    assert {row["verdict"] for row in clear} == {"clear"}


def test_times_are_read_in_any_zone(ask: httpx.Client) -> None:
    """A time with another offset is the same instant."""
    rows = ask.get(
        "/api/observations", params={"since": "2024-02-09T21:30:00-07:00", "until": "2024-02-10T04:30:00Z"}
    )
    assert [row["observed_at"] for row in rows.json()["observations"]] == ["2024-02-10T04:30:00Z"]


def test_one_observation_has_its_map_and_outline(ask: httpx.Client) -> None:
    """The heat map as 8 × 8 numbers, its outline as a path, and what the page says."""
    whole = ask.get(f"/api/observations/yellowknife/{at_minute(250)}").json()
    assert len(whole["heatmap"]) == 8
    assert max(max(row) for row in whole["heatmap"]) == 1.0
    assert whole["outline"].startswith("M")
    assert whole["words"] == "Bright aurora over much of the sky: north-west, 35° up"
    assert ["Model", web_night.SHA[:12]] in whole["facts"]


def test_a_nights_columns_are_as_long_as_the_night(ask: httpx.Client) -> None:
    """Every column of the night has one entry a frame."""
    night = ask.get("/api/nights/2024-02-10").json()
    lengths = {len(value) for value in night.values() if isinstance(value, list)}
    assert lengths == {320}
    assert night["clock"][0] == "17:20:00 MST"


def test_an_event_tells_its_messages_without_where_they_went(ask: httpx.Client) -> None:
    """Kind, channel's name and times; neither body nor address."""
    event = ask.get(f"/api/events/{web_night.event_of(300).id}").json()
    assert [message["kind"] for message in event["messages"]] == ["onset"]
    assert "body" not in event["messages"][0]


def test_labels_are_exported_alike_as_json_csv_and_parquet(ask: httpx.Client) -> None:
    """The same rows and columns in each."""
    rows = ask.get("/api/labels").json()["labels"]
    assert [row["label"] for row in rows] == ["aurora", "none", "obscured"]
    table = list(csv.DictReader(io.StringIO(ask.get("/api/labels.csv").text)))
    assert [{k: v or None for k, v in row.items()} for row in table] == [
        {k: None if v is None else str(v) for k, v in row.items()} for row in rows
    ]
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow comes with the training extra")
    data = ask.get("/api/labels.parquet")
    assert parquet.read_table(io.BytesIO(data.content)).to_pylist() == rows


def test_a_formula_is_no_formula_in_a_spreadsheet(night: House) -> None:
    """Text that begins like a formula is marked as text in the CSV."""
    evil = "=HYPERLINK(1)"
    night.store.add_label(web_night.CAMERA, FIRST + timedelta(minutes=132), "none", evil)
    told = httpx.get(f"{night.url}/api/labels.csv").text
    assert f",'{evil}," in told


def test_the_queue_asks_what_is_unsure_first(ask: httpx.Client) -> None:
    """Nearest its threshold first; labelled frames are left out; nights and seeds are kept to."""
    rows = ask.get("/api/queue", params={"limit": 20}).json()["queue"]
    doubts = [abs(web_night.probability_at(_minute(row["observed_at"])) - 0.5) for row in rows[:3]]
    assert doubts == sorted(doubts)
    assert at_minute(250) not in [row["observed_at"] for row in rows]
    seeds = [ask.get("/api/queue", params={"queue": "random", "seed": seed}).json() for seed in (1, 1, 2)]
    assert seeds[0] == seeds[1] != seeds[2]
    assert 0 < len(seeds[0]["queue"]) <= 20
    assert ask.get("/api/queue", params={"night": "2024-02-11"}).json() == {"queue": []}


def _minute(text: str) -> int:
    from daemon.observation import from_utc_text

    return round((from_utc_text(text) - FIRST).total_seconds() / 60)


def test_a_camera_of_the_archive_alone_is_listed(tmp_path: Path) -> None:
    """Rows of a camera the configuration does not know are readable."""
    with web_night.house(tmp_path, minutes=30) as house:
        (sky,) = web_night.observatory().states([FIRST])
        house.store.record(web_night.observation_at(0, sky, camera="archive"), night=web_night.NIGHT)
        cameras = httpx.get(f"{house.url}/api/cameras").json()["cameras"]
        assert [(c["name"], c["watched"]) for c in cameras] == [("yellowknife", True), ("archive", False)]
        rows = httpx.get(f"{house.url}/api/observations?camera=archive").json()["observations"]
        assert len(rows) == 1


@pytest.mark.parametrize(
    "path",
    [
        "/api/observations?limit=0", "/api/observations?limit=1501", "/api/observations?limit=ten",
        "/api/observations?since=yesterday", "/api/observations?since=2024-02-10T00:00:00",
        "/api/observations?sinse=2024-02-10T00:00:00Z", "/api/observations?limit=1&limit=2",
        "/api/observations?verdict=maybe", "/api/events?strong=1", "/api/events?min_probability=nan",
        "/api/events?min_probability=2", "/api/events?min_probability=0_1",
        "/api/observations?since=2024-02-10T00Z", "/api/observations?since=2024-02-10T00:00:00%2B05", "/api/nights?since=2024-02-30", "/api/cameras?x=1", "/api/events?offset=-1",
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_by_name(ask: httpx.Client, path: str) -> None:
    """400, as JSON, naming the parameter and what it takes."""
    reply = ask.get(path)
    assert reply.status_code == 400
    name = path.partition("?")[2].split("&")[-1].split("=")[0]
    assert name in reply.json()["error"]


@pytest.mark.parametrize(
    "path",
    [
        "/api/observations?camera=nobody", "/api/events/none", "/api/nights/yesterday", "/api/nope",
        "/api/observations/yellowknife/2024-02-10T03:00:01Z", "/api/observations/nobody/2024-02-10T03:00:00Z",
    ],
)  # fmt: skip
def test_what_is_not_there_is_404_as_json(ask: httpx.Client, path: str) -> None:
    """A program gets JSON whatever happens."""
    reply = ask.get(path)
    assert reply.status_code == 404
    assert reply.json()["error"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_the_api_is_read_only(ask: httpx.Client, method: str) -> None:
    """Every operation refuses every method that could change something."""
    for operation in api.OPERATIONS:
        reply = ask.request(method, operation.path)
        assert reply.status_code == 405
        assert "GET" in reply.headers["allow"]


def test_an_overlong_query_is_refused(ask: httpx.Client) -> None:
    """Queries are bounded before they are read."""
    assert ask.get("/api/observations", params={"camera": "x" * 5000}).status_code == 414


def test_every_operation_and_parameter_is_in_the_documentation() -> None:
    """docs/api.md names them all; an undocumented one fails the build."""
    text = DOCS.read_text(encoding="utf-8")
    for operation in api.OPERATIONS:
        assert f"`GET {operation.path}`" in text, operation.path
        section = text.split(f"`GET {operation.path}`")[1].split("\n## ")[0].split("\n### ")[0]
        for param in operation.params:
            assert f"`{param.name}`" in section, f"{operation.path}: {param.name}"


def test_the_document_is_valid_openapi_and_served(ask: httpx.Client) -> None:
    """OpenAPI 3.1, the same as the code makes."""
    assert ask.get("/api/openapi.json").json() == openapi.document()
    assert openapi.document()["openapi"] == "3.1.0"


def schemathesis(night: House, folder: Path, *options: str) -> None:
    """Run the tool against the page; what it finds fails the test, in its own words."""
    tool = Path(sys.executable).with_name("schemathesis")
    if not tool.exists():
        pytest.skip("schemathesis is not installed: pip install -e '.[dev]'")
    command = [tool, "run", f"{night.url}/api/openapi.json", "--no-color", "--continue-on-failure", *options]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=1200, check=False)
    assert ran.returncode == 0, ran.stdout[-6000:] + ran.stderr[-2000:]


@pytest.mark.timeout(600)
def test_what_is_documented_is_what_happens(night: House, tmp_path: Path) -> None:
    """Schemathesis asks what the document allows and what it forbids; every answer is as documented."""
    schemathesis(night, tmp_path, "--phases", "coverage,fuzzing", "-n", "3", "--generation-deterministic")


@pytest.mark.soak
@pytest.mark.timeout(1500)
def test_what_is_documented_is_what_happens_at_length(night: House, tmp_path: Path) -> None:
    """The same with two hundred examples an operation and operations in sequence."""
    schemathesis(night, tmp_path, "-n", "200")


def test_since_a_fraction_of_a_second_after_a_row_is_after_it(ask: httpx.Client) -> None:
    """Who goes on a little after the last row gets the next one, and not the last again."""
    given = {"since": "2024-02-10T01:00:00.001Z", "limit": 1}
    (row,) = ask.get("/api/observations", params=given).json()["observations"]
    assert row["observed_at"] == "2024-02-10T01:01:00Z"
    assert ask.get("/api/observations", params=given | {"since": "9999-12-31T23:59:59.9Z"}).json() == {
        "observations": []
    }
