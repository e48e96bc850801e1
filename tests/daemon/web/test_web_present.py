"""What the page, the API, the picture address and the title say where there is no present, and where there is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from daemon.config import Settings
from daemon.live_status import LiveStatus
from daemon.observation import Disc, FoundLens, Gate, Lens, Observation, Orientation, utc_text
from daemon.web.site import Site
from tests import web_night
from tests.web_night import CAMERA, FIRST, House, looking

OPEN = Gate(True, True, "dark enough")


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The made-up night up to minute 400, its event without an end: as a watch that was killed leaves it."""
    with web_night.house(tmp_path_factory.mktemp("present")) as house:
        yield house


def title(html: str) -> str:
    return html.split("<title>")[1].split("</title>")[0]


def camera(client: httpx.Client) -> dict[str, Any]:
    return dict(client.get("/api/cameras").json()["cameras"][0])


RESTARTED = {
    "a dead feed": LiveStatus(OPEN, began_at=FIRST + timedelta(minutes=399), stale="timeout"),
    "its first look failed": LiveStatus(OPEN, began_at=FIRST + timedelta(minutes=399), fault="connect"),
    "before its first look": None,
    "waiting for the first picture": LiveStatus(OPEN, began_at=FIRST + timedelta(minutes=399)),
}


@pytest.mark.parametrize("situation", RESTARTED)
def test_a_restart_never_shows_an_old_row_as_the_present(night: House, situation: str) -> None:
    """However new the newest row: title, page, API, picture address and fragment say there is no picture."""
    night.watch.now = FIRST + timedelta(minutes=399, seconds=12)
    status = RESTARTED[situation]
    night.watch.cameras = {} if status is None else {CAMERA: status}
    with httpx.Client(base_url=night.url) as client:
        for path in ("/", "/live"):
            html = client.get(path).text
            assert "<h1>No picture</h1>" in html
            assert "35° up" not in html
            assert "north-west" not in html
            assert 'class="dome">\n        <canvas' in html.replace("    <canvas", "        <canvas")
        assert title(client.get("/").text).startswith("No picture")
        told = camera(client)
        assert told["state"] in ("no picture", "starting")
        assert (told["observed_at"], told["verdict"], told["picture"]) == (None, None, None)
        assert told["words"].startswith("No picture")
        assert told["next_step"].endswith(".")
        latest = client.get("/latest.jpg")
        assert latest.status_code == 404
        assert "there is no picture of the present: No picture" in latest.text


@pytest.mark.parametrize(
    ("reason", "why"), [("full", "the disk is full"), ("failed", "the record cannot be written to")]
)
def test_what_cannot_be_recorded_leads_the_page(night: House, reason: str, why: str) -> None:
    """Pictures come and none is recorded: the page and the API say that, why, and what to do."""
    night.watch.now = FIRST + timedelta(minutes=399, seconds=12)
    night.watch.cameras = {CAMERA: looking(night.watch.now, observed_at=None, unwritten=reason)}
    with httpx.Client(base_url=night.url) as client:
        for path in ("/", "/live"):
            html = client.get(path).text
            assert "<strong>Nothing is recorded.</strong>" in html
            assert "35° up" not in html
        told = camera(client)
        assert (told["state"], told["words"]) == ("not recorded", f"Nothing is recorded: {why}")
        assert "nobody is alerted" in told["next_step"]
        assert (told["observed_at"], told["verdict"], told["picture"]) == (None, None, None)


def test_an_event_without_a_present_is_not_called_ongoing(night: House) -> None:
    """Neither "– now" nor "since": the page says when aurora was last seen, the API that it does not go on."""
    night.watch.now = FIRST + timedelta(minutes=700)
    night.watch.cameras = {CAMERA: RESTARTED["a dead feed"]}  # type: ignore[dict-item]
    with httpx.Client(base_url=night.url) as client:
        for path in ("/", "/events", "/night/2024-02-10"):
            html = client.get(path).text
            assert "21:20, last seen 23:59" in html, path
            assert "now</a>" not in html
        (event,) = client.get("/api/events").json()["events"]
        assert (event["ongoing"], event["ended_at"], event["last_seen_at"]) == (
            False,
            None,
            "2024-02-10T06:59:00Z",
        )
        assert client.get(f"/api/events/{event['id']}").json()["ongoing"] is False


def test_the_present_is_shown_as_the_present(night: House) -> None:
    """With a frame fetched just now: verdict, title, API and the picture itself, which no cache may keep."""
    night.watch.now = FIRST + timedelta(minutes=399, seconds=12)
    night.watch.cameras = {CAMERA: looking(night.watch.now)}
    with httpx.Client(base_url=night.url) as client:
        assert title(client.get("/").text).startswith(
            "Bright aurora over much of the sky: north-west, 35° up, since"
        )
        told = camera(client)
        assert (told["state"], told["verdict"]) == ("live", "aurora")
        assert told["observed_at"] == "2024-02-10T06:59:00Z"
        (event,) = client.get("/api/events").json()["events"]
        assert event["ongoing"] is True
        latest = client.get("/latest.jpg")
        assert latest.headers["content-type"] == "image/jpeg"
        assert latest.headers["cache-control"] == "no-cache"
        assert latest.headers["last-modified"] == "Sat, 10 Feb 2024 06:59:00 GMT"
        assert latest.content == client.get(told["picture"]).content


def test_rows_that_another_process_writes_are_not_the_present(night: House) -> None:
    """A movie taken in while the watch goes on: the page keeps to the frame the watch itself has fetched."""
    night.watch.now = FIRST + timedelta(minutes=239, seconds=12)
    night.watch.cameras = {CAMERA: looking(night.watch.now)}  # rows go on to minute 399, aurora among them
    with httpx.Client(base_url=night.url) as client:
        assert title(client.get("/").text).startswith("Clear sky, no aurora")
        assert camera(client)["verdict"] == "clear"


def test_by_day_last_night_is_shown_at_its_best(night: House) -> None:
    """Too light: why, until when, and last night's brightest frame, dated and marked as last night's."""
    noon = FIRST + timedelta(hours=17)
    night.watch.now = noon
    shut = Gate(False, False, "daylight: sun at 8.0°")
    night.watch.cameras = {CAMERA: LiveStatus(shut, gate_until=noon + timedelta(hours=8))}
    with httpx.Client(base_url=night.url) as client:
        html = client.get("/").text
        assert title(html).startswith("Too light to watch: daylight")
        assert "The watch resumes at 18:20, once the sun is 6° below the horizon." in html
        assert '<p class="countdown" hidden>' in html, "a script fills in the time and shows it"
        assert ">last night</p>" in html
        best = max(
            range(240, 400), key=lambda m: (int(web_night.probability_at(m) * 5), web_night.probability_at(m))
        )
        assert f'data-shows="{web_night.at_minute(best)}"' in html
        assert "Friday 9 February 2024, 2" in html
        assert ">Last night</h2>" in html
        assert client.get("/latest.jpg").status_code == 404
        assert camera(client)["state"] == "too light"


def test_a_first_run_says_so_and_what_comes_next(tmp_path: Path) -> None:
    """Nothing on record, nothing fetched: no empty claims, and when the first picture is due, once it is known to be dark."""
    with web_night.house(tmp_path, minutes=0) as house, httpx.Client(base_url=house.url) as client:
        house.watch.cameras = {}
        assert "The watch begins within 2 min; this page follows by itself." in client.get("/").text
        house.watch.cameras = {CAMERA: LiveStatus(OPEN, began_at=FIRST)}
        html = client.get("/").text
        assert '<noscript><meta http-equiv="refresh" content="60"></noscript>' in html, (
            "without JavaScript, too"
        )
        assert title(html).startswith("No picture yet")
        assert "The first picture is due within 2 min; this page follows by itself." in html
        shut = Gate(False, False, "daylight: sun at 8.0°")
        house.watch.cameras = {CAMERA: LiveStatus(shut, gate_until=house.watch.now + timedelta(days=80))}
        html = client.get("/").text
        assert "The watch resumes on 29 April at 18:19, once the sun is 6° below the horizon." in html
        house.watch.cameras = {CAMERA: LiveStatus(shut)}
        assert (
            "The watch resumes once the sun is 6° below the horizon: not within a day."
            in client.get("/").text
        )


def test_a_picture_is_ticked_off_once_one_has_come(tmp_path: Path) -> None:
    """Rows of a shut gate and of a feed that stands still are no picture; one without a sky is."""
    with web_night.house(tmp_path, minutes=0) as house, httpx.Client(base_url=house.url) as client:
        shut = Gate(False, False, "daylight: sun at 8.0°")
        house.watch.cameras = {CAMERA: LiveStatus(shut)}
        done = '<li class="done"><span class="tick-mark" aria-hidden="true">✓</span><strong>Picture</strong>'
        (sky,) = web_night.observatory().states([FIRST])
        for second, verdict in enumerate(("not looked", "stale")):
            at = FIRST + timedelta(seconds=second)
            house.store.record(Observation(CAMERA, at, at, verdict, "", sky), night=web_night.NIGHT)  # type: ignore[arg-type]
            html = client.get("/").text
            assert "<strong>Picture</strong>" in html
            assert done not in html, verdict
        at = FIRST + timedelta(seconds=2)
        house.store.record(Observation(CAMERA, at, at, "unusable", "card", sky), night=web_night.NIGHT)
        assert done in client.get("/").text


def test_this_night_is_not_called_the_last(tmp_path: Path) -> None:
    """A camera taken out of the configuration: "tonight" until the night is over, then "last night"."""
    settings = Settings.model_validate(
        {"camera": [{"name": "elsewhere", "source": {"kind": "folder", "path": str(tmp_path)}}]}
    )
    with web_night.house(tmp_path, settings=settings) as house, httpx.Client(base_url=house.url) as client:
        for passed, mark, heading in (
            (timedelta(minutes=400), "tonight", "The night so far"),
            (timedelta(hours=17), "last night", "Last night"),
            (timedelta(hours=30), "last night", "Last night"),
            (timedelta(hours=48), "9–10 February 2024", "Night of 9–10 February 2024"),
        ):
            house.watch.now, house.watch.cameras = FIRST + passed, {}
            html = client.get(f"/?camera={CAMERA}").text
            assert f'history-mark">{mark}</p>' in html, passed
            assert f">{heading}</h2>" in html, passed


def test_a_camera_of_the_archive_alone_is_called_that(tmp_path: Path) -> None:
    """No configuration names it: its newest night at its best, and how to watch it live."""
    settings = Settings.model_validate(
        {"camera": [{"name": "elsewhere", "source": {"kind": "folder", "path": str(tmp_path)}}]}
    )
    with web_night.house(tmp_path, settings=settings) as house, httpx.Client(base_url=house.url) as client:
        house.watch.now, house.watch.cameras = FIRST + timedelta(days=400), {}
        html = client.get(f"/?camera={CAMERA}").text
        assert title(html).startswith("Archive only: this camera is not being watched")
        assert f"add a [[camera]] table named “{CAMERA}” to the configuration." in html
        assert ">9–10 February 2024</p>" in html
        (told,) = [c for c in client.get("/api/cameras").json()["cameras"] if c["name"] == CAMERA]
        assert (told["state"], told["picture"]) == ("archive", None)


def test_a_stopped_feed_shows_its_last_picture_as_old(night: House) -> None:
    """What this process has fetched itself stays in sight, dimmed and marked, with its age."""
    night.watch.now = FIRST + timedelta(minutes=399, seconds=12)
    then = night.watch.now - timedelta(minutes=12)
    night.watch.cameras = {CAMERA: replace(looking(then), stale="same bytes")}
    with httpx.Client(base_url=night.url) as client:
        html = client.get("/").text
        assert title(html).startswith("No new picture: the last came at 23:47")
        assert ">old picture</p>" in html
        assert f'data-shows="{web_night.at_minute(387)}"' in html
        told = camera(client)
        assert (told["state"], told["observed_at"], told["picture"]) == ("stale", None, None)
        assert client.get("/latest.jpg").status_code == 404


def test_the_unrolled_horizon_of_an_old_picture_is_marked_as_the_dome(tmp_path: Path) -> None:
    """Old: both are dimmed and marked; by day both carry "last night"; live, neither."""
    settings = Settings.model_validate({"camera": [{"name": CAMERA, "orientation": {"north_deg": 0.0}}]})
    with web_night.house(tmp_path, settings=settings) as house, httpx.Client(base_url=house.url) as client:
        house.watch.now = FIRST + timedelta(minutes=399, seconds=12)
        live = looking(house.watch.now)
        house.watch.cameras = {CAMERA: live}
        html = client.get("/").text
        assert ('<figure class="horizon">' in html, "old-mark" in html) == (True, False)
        house.watch.cameras = {CAMERA: replace(live, stale="same bytes")}
        html = client.get("/").text
        assert '<figure class="horizon old">' in html
        assert html.count('<p class="old-mark">old picture</p>') == 2
        house.watch.now = FIRST + timedelta(hours=17)
        house.watch.cameras = {CAMERA: LiveStatus(Gate(False, False, "daylight: sun at 8.0°"))}
        html = client.get("/").text
        assert html.count('<p class="old-mark history-mark">last night</p>') == 2


def test_there_is_one_moon_on_the_page(tmp_path: Path) -> None:
    """As much of it is lit in the chip as in the numbers, though by midnight it will be more or less."""
    with web_night.house(tmp_path, minutes=0) as house, httpx.Client(base_url=house.url) as client:
        web_night.fill(house.store, house.ports.frames_dir, first=60, last=91, days=7)
        house.watch.now = FIRST + timedelta(days=7, minutes=90, seconds=12)
        house.watch.cameras = {CAMERA: looking(house.watch.now)}
        html = client.get("/").text
        chip = re.search(r"chip-moon.*?>(\d+) % lit<", html, re.DOTALL)
        number = re.search(r"phase \d+°, (\d+) % lit<", html)
        assert chip is not None
        assert number is not None
        assert chip[1] == number[1]


def test_without_orientation_nothing_carries_a_compass(tmp_path: Path) -> None:
    """No N, E, S, W on the dome and no N and S on the keogram: "direction unknown", in words."""
    settings = Settings.model_validate(
        {"camera": [{"name": CAMERA, "source": {"kind": "folder", "path": str(tmp_path)}}]}
    )
    with web_night.house(tmp_path, settings=settings) as house, httpx.Client(base_url=house.url) as client:
        for path in ("/", "/night/2024-02-10"):
            html = client.get(path).text
            assert 'class="compass"' not in html
            assert 'class="compass-s"' not in html
            assert "north at the top" not in html
            assert html.count("direction unknown") >= 2


def test_a_keogram_from_before_the_lens_was_found_has_no_north(tmp_path: Path) -> None:
    """Its lines are the picture's own vertical: what the stars show later does not turn them."""
    with web_night.house(tmp_path) as house, house.ports.reader() as reader:
        site = Site(replace(house.ports, turned=lambda name: Orientation(331.6, lens=Lens())))
        view = site.views[CAMERA]
        first = utc_text(FIRST)
        assert not site.along_meridian(view, reader, first)
        found = FoundLens(Orientation(331.6, lens=Lens()), FIRST + timedelta(hours=3), 0.1, 40, None)
        house.store.progress.put_lens(CAMERA, Disc(1.0, 1.0, 1.0, 2, 2), found)
        assert not site.along_meridian(view, reader, first)
        assert site.along_meridian(view, reader, utc_text(FIRST + timedelta(days=1)))
        owners = Settings.model_validate({"camera": [{"orientation": {"north_deg": 25.0}}]})
        site = Site(replace(house.ports, settings=owners))
        assert site.along_meridian(site.views[CAMERA], reader, first)
