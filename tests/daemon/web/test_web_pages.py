"""The pages, asked for over HTTP from a real server over a real database."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from daemon.config import CameraSettings, Settings
from daemon.night import night_of
from daemon.observation import Gate, Observation, Verdict
from daemon.sky.ephemeris import Observatory
from daemon.spaceweather.values import FeedState, Index
from tests import web_night
from tests.pace import slowness
from tests.web_night import CAMERA, FIRST, House, looking


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The made-up night up to a minute before midnight, aurora overhead."""
    with web_night.house(tmp_path_factory.mktemp("pages")) as house:
        yield house


@pytest.fixture
def page(night: House) -> Iterator[httpx.Client]:
    """A reader; the watch is set back to looking before each test."""
    night.watch.now = FIRST + timedelta(minutes=399, seconds=12)
    night.watch.well = True
    night.watch.cameras = {web_night.CAMERA: looking(night.watch.now - timedelta(seconds=3))}
    with httpx.Client(base_url=night.url) as client:
        yield client


def test_tonight_says_aurora_where_and_since_when(page: httpx.Client) -> None:
    """The verdict stands in words with its reason, and the picture is there with its outline."""
    html = page.get("/").text
    assert "Bright aurora over much of the sky: north-west, 35° up, since 21:20" in html
    assert '<path class="line" d="M' in html
    assert "?w=480" in html
    assert 'class="age" data-age-of="2024-02-10T06:59:00Z">12 s ago' in html
    assert "<h1>Go now</h1>" in html
    assert '<dd class="value">since 21:20</dd>' in html


def test_an_outline_is_drawn_of_aurora_alone(page: httpx.Client) -> None:
    """Every map has a peak, however little is seen: outside an event it would point at nothing."""
    drawn = page.get("/night/2024-02-10?at=2024-02-10T05:20:00Z").text
    assert '<path class="line" d="M' in drawn
    bare = page.get("/night/2024-02-10?at=2024-02-10T03:00:00Z").text
    assert '<path class="line" d=""/>' in bare
    whole = page.get("/api/observations/yellowknife/2024-02-10T03:00:00Z").json()
    assert whole["outline"].startswith("M")  # whoever wants it has it


def test_a_closed_gate_comes_with_the_time_it_opens(page: httpx.Client, night: House) -> None:
    """By twilight the page says what it waits for, and until when."""
    shut = Gate(False, False, "civil twilight: sun at −4.2°")
    until = night.watch.now + timedelta(hours=2)
    night.watch.cameras[web_night.CAMERA] = replace(looking(night.watch.now), gate=shut, gate_until=until)
    html = page.get("/").text
    assert "Too light to watch: civil twilight" in html
    assert "The watch resumes at 01:59, once the sun is 6° below the horizon." in html


def test_a_stale_feed_is_unmistakable(page: httpx.Client, night: House) -> None:
    """Banner, headline and a picture marked old."""
    then = night.watch.now - timedelta(minutes=12)
    night.watch.cameras[web_night.CAMERA] = looking(then, stale="same picture")
    html = page.get("/").text
    assert 'class="banner stale"' in html
    assert "The last came at 23:47 (the camera keeps sending the same picture). What you see is old." in html
    assert 'class="sky old"' in html
    assert "<h1>No picture</h1>" in html
    assert "No new picture: the last came at 23:47" in html


def test_two_cadences_without_a_frame_are_stale_whatever_the_reason(page: httpx.Client, night: House) -> None:
    """A watch that gives no reason but has had no frame for two cadences is not shown as live."""
    night.watch.cameras[web_night.CAMERA] = looking(night.watch.now - timedelta(seconds=119))
    assert 'class="banner stale"' not in page.get("/").text
    night.watch.cameras[web_night.CAMERA] = looking(night.watch.now - timedelta(seconds=121))
    assert 'class="banner stale"' in page.get("/").text


def test_an_ailing_watch_says_so(page: httpx.Client, night: House) -> None:
    """The page and the health check say the same, and the check fails."""
    assert page.get("/-/healthy").status_code == 200
    assert page.get("/-/ready").text == "ready\n"
    night.watch.well = False
    assert "no frame has been handled for 10 min" in page.get("/").text
    assert page.get("/-/healthy").status_code == 503
    assert page.get("/-/ready").status_code == 503


def test_the_open_page_follows_and_is_spared_what_has_not_changed(page: httpx.Client, night: House) -> None:
    """The moving parts answer 304 until a frame comes; the watch's clock is told each time."""
    first = page.get("/live")
    night.watch.now += timedelta(seconds=5)
    again = page.get("/live", headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304
    assert float(again.headers["aurorad-now"]) == pytest.approx(night.watch.now.timestamp())
    night.watch.cameras[web_night.CAMERA] = looking(night.watch.now, stale="a stopped clock")
    changed = page.get("/live", headers={"if-none-match": first.headers["etag"]})
    assert changed.status_code == 200
    assert "a stopped clock" in changed.text


def test_metrics_are_there_for_prometheus(page: httpx.Client) -> None:
    """The registry that was handed in, in the exposition format."""
    reply = page.get("/metrics")
    assert reply.headers["content-type"].startswith("text/plain; version=")
    assert "aurorad_test_pages_total 1.0" in reply.text


def test_a_shared_link_opens_its_instant(page: httpx.Client) -> None:
    """The frame nearest the instant is shown, without a script."""
    html = page.get("/night/2024-02-10?at=2024-02-10T05:30:20Z").text
    assert "22:30:00 MST" in html
    assert 'value="310"' in html
    spoilt = page.get("/night/2024-02-10?at=never")
    assert spoilt.status_code == 200


@pytest.mark.parametrize(
    "path", ["/night/2024-13-01", "/night/tonight", "/night/0001-01-01", "/season?season=9999"]
)
def test_nights_that_cannot_be_are_not_found(page: httpx.Client, path: str) -> None:
    """A plain 404, not a failure."""
    reply = page.get(path)
    assert reply.status_code == 404
    assert reply.headers["content-type"].startswith("text/plain")


def test_a_night_without_rows_is_empty_and_whole(page: httpx.Client) -> None:
    """An unrecorded night says so and still shows when it was dark."""
    html = page.get("/night/2024-01-05").text
    assert "Nothing was recorded this night." in html
    assert 'class="sun-night"' in html


def test_the_filter_says_in_what_a_probability_is_given(page: httpx.Client) -> None:
    """The page writes 93 % everywhere, and this field takes 0.93."""
    html = page.get("/events").text
    assert re.search(r"Probability at least \(0 to 1\) <input[^>]* max=\"1\"", html)


def test_the_season_has_a_cell_for_the_night(page: httpx.Client) -> None:
    """Aurora's share of the time the sky was seen, in the cell and in words, linked to the night."""
    html = page.get("/season").text
    assert (
        "Night of 9–10 February 2024, aurora 43 % of the time the sky was visible, sky hidden 0 %, one aurora event"
        in html
    )
    assert "/night/2024-02-10?camera=yellowknife" in html
    assert "Nothing was recorded in this season." in page.get("/season?season=2020").text


@pytest.mark.parametrize(("rate", "made_up"), [(1.0, False), (84.0, True), (1.0, True)])
def test_a_demonstration_s_space_weather_is_called_made_up(
    tmp_path: Path, rate: float, made_up: bool
) -> None:
    """Its figures bear NOAA's name as in a real watch, and NOAA never gave them; however fast it goes by."""
    settings = Settings.model_validate({"space_weather": {"enabled": True}})
    with web_night.house(tmp_path, minutes=3, settings=settings, rate=rate, replays=made_up) as house:
        at = house.watch.now - timedelta(minutes=90)
        house.store.space.add(
            [Index("kp", at, 1.3)], FeedState("kp", "NOAA SWPC", "public domain", "", at, at)
        )
        html = httpx.get(house.url).text
    assert ("Made up for this demonstration" in html) is made_up
    assert ("none of it was seen by this camera" in html) is not made_up


def test_a_dark_night_without_pictures_was_not_too_light(tmp_path: Path) -> None:
    """The season and tonight's look back say why nothing was judged: the camera, where it gave nothing by night."""
    with web_night.house(tmp_path, minutes=0) as house, httpx.Client(base_url=house.url) as client:
        evening = FIRST + timedelta(minutes=300)
        given: dict[int, tuple[Verdict, str]] = {
            -3: ("stale", "nothing new"), -2: ("unusable", "blank"), -1: ("not looked", "civil twilight: sun at −5.0°"),
        }  # fmt: skip
        for days, (verdict, reason) in given.items():
            sky = web_night.observatory().state(evening + timedelta(days=days))
            row = replace(
                web_night.observation_at(300, sky),
                observed_at=sky.at,
                verdict=verdict,
                reason=reason,
                prediction=None,
            )
            house.store.record(row, night=night_of(sky.at, Settings().camera[0]))
        html = client.get("/season").text
        assert "Night of 6–7 February 2024, no new picture," in html
        assert "Night of 7–8 February 2024, no usable picture," in html
        assert "Night of 8–9 February 2024, too light to watch," in html
        assert "8–9 February 2024: too light to watch" in client.get("/").text


@pytest.mark.parametrize(
    ("query", "there"),
    [
        ("", True),
        ("strong=true", True),
        ("min_probability=0.99", False),
        ("min_probability=0.98", True),
        ("since=2024-02-11", False),
        ("until=2024-02-09", False),
        ("since=2024-02-10&until=2024-02-10&camera=yellowknife", True),
        ("judged=right", False),
        ("judged=not&camera=&since=&min_probability=", True),
        ("page=1", False),
        ("min_probability=lots&since=soon", True),
    ],
)
def test_events_are_filtered(page: httpx.Client, query: str, there: bool) -> None:
    """By camera, date, strength, probability and judgement; what cannot be read is not asked."""
    html = page.get(f"/events?{query}").text
    assert ("since 21:20" in html) is there
    assert ("No event matches." in html) is not there


def test_a_camera_of_the_record_alone_keeps_its_place_and_name(tmp_path: Path) -> None:
    """No configuration names it any more: title, zone, sky and night are still its own; else UTC, no sky."""
    with web_night.house(tmp_path, minutes=30) as house:
        cabin = CameraSettings(
            name="cabin", title="The cabin", timezone="Europe/Oslo", latitude_deg=69.6, longitude_deg=19.2
        )
        house.store.progress.register_camera(cabin.about())
        for name in ("cabin", "stranger"):
            web_night.fill(house.store, house.ports.frames_dir, first=300, last=310, camera=name)
        with httpx.Client(base_url=house.url) as client:
            html = client.get("/night/2024-02-10?camera=cabin&at=2024-02-10T05:20:00Z").text
            assert "The cabin" in html
            assert "06:20:00 CET" in html
            assert "sun-night" in html
            (kept,) = [c for c in client.get("/api/cameras").json()["cameras"] if c["name"] == "cabin"]
            assert (kept["latitude_deg"], kept["longitude_deg"], kept["watched"]) == (69.6, 19.2, False)
            html = client.get("/night/2024-02-10?camera=stranger&at=2024-02-10T05:20:00Z").text
            assert "05:20:00 UTC" in html
            assert "sun-night" not in html


def test_an_unknown_camera_is_not_found(page: httpx.Client) -> None:
    """Every page answers 404 for a camera nobody knows."""
    for path in ("/", "/live", "/night/2024-02-10", "/season", "/label"):
        assert page.get(path, params={"camera": "<b>nobody</b>"}).status_code == 404


@pytest.mark.parametrize("theme", ["dark", "red", "light"])
def test_the_theme_is_there_from_the_first_byte(page: httpx.Client, theme: str) -> None:
    """The server writes the theme into the page: no flash of white in the dark."""
    page.cookies.set("aurorad_theme", theme)
    assert f'data-theme="{theme}"' in page.get("/").text
    page.cookies.set("aurorad_theme", '"><script>')
    assert 'data-theme="dark"' in page.get("/").text


def test_nothing_is_fetched_from_elsewhere(page: httpx.Client) -> None:
    """No page, style or script names an address outside the machine."""
    texts = [page.get(path).text for path in ("/", "/night/2024-02-10", "/season", "/events", "/label")]
    texts += [p.read_text(errors="replace") for p in Path("daemon/web/static").resolve().iterdir()]
    for text in texts:
        own = str(page.base_url).rstrip("/")  # what a shared link shows is named in full
        assert "http://" not in text.replace("http://www.w3.org/2000/svg", "").replace(own, "")
        assert "https://" not in text
        assert "//cdn" not in text


def test_the_policy_forbids_inline_and_the_pages_have_none(page: httpx.Client) -> None:
    """Content-Security-Policy without unsafe-inline, and no inline script, style or handler in a page."""
    for path in ("/", "/night/2024-02-10", "/season", "/events", "/label", "/sign-in"):
        reply = page.get(path)
        policy = reply.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert " style=" not in reply.text
        assert "<style" not in reply.text
        assert " onclick" not in reply.text
        assert reply.text.count("<script") == reply.text.count('<script type="module" src="/static/')


def test_static_files_are_kept_by_version(page: httpx.Client) -> None:
    """The address in the page is kept for good; another version's is asked for again."""
    html = page.get("/").text
    address = html.split('rel="stylesheet" href="')[1].split('"')[0]
    assert "immutable" in page.get(address).headers["cache-control"]
    assert page.get("/static/old/style.css").headers["cache-control"] == "no-cache"
    for outside in ("/static/old/%2e%2e/app.py", "/static/old/..%2fapp.py", "/static/old/%2e%2e%2fdeps.py"):
        assert page.get(outside, follow_redirects=True).status_code == 404


def test_hostile_text_is_shown_and_never_run(tmp_path: Path) -> None:
    """A camera in the database with a script for a name, a hostile reason and source, on every page."""
    evil = "<script>alert(1)</script>\"'&"
    with web_night.house(tmp_path, minutes=40) as house:
        (sky,) = Observatory(62.4, -114.35).states([FIRST + timedelta(minutes=300)])
        row = replace(
            web_night.observation_at(300, sky), camera=evil, reason=evil, source=evil, verdict="obscured"
        )
        house.store.record(row, night=web_night.NIGHT)
        with httpx.Client(base_url=house.url) as client:
            for path in ("/", "/night/2024-02-10", "/season", "/events", "/label"):
                reply = client.get(path, params={"camera": evil})
                assert reply.status_code == 200, path
                assert "<script>alert" not in reply.text
            whole = client.get("/night/2024-02-10", params={"camera": evil}).text
            assert "&lt;script&gt;alert(1)&lt;/script&gt;" in whole
            assert client.get("/").text.count("&lt;script&gt;") > 0  # in the list of cameras


def test_several_cameras_are_told_apart(tmp_path: Path) -> None:
    """Each camera has its own page, and links between them."""
    settings = Settings.model_validate(
        {"camera": [{"name": "yellowknife"}, {"name": "kiruna", "title": "Kiruna"}]}
    )
    with (
        web_night.house(tmp_path, minutes=40, settings=settings) as house,
        httpx.Client(base_url=house.url) as client,
    ):
        assert 'href="/?camera=kiruna">Kiruna</a>' in client.get("/").text
        assert "No picture yet" in client.get("/?camera=kiruna").text


def test_an_event_says_whose_it_is_where_there_are_several_cameras(tmp_path: Path) -> None:
    """The events of all cameras stand on one page; a page of one camera, and a watch of one, need no name."""
    settings = Settings.model_validate(
        {"camera": [{"name": "yellowknife", "title": "Back Bay"}, {"name": "kiruna", "title": "Kiruna"}]}
    )
    with (
        web_night.house(tmp_path, minutes=300, settings=settings) as house,
        httpx.Client(base_url=house.url) as client,
    ):
        web_night.fill(house.store, house.ports.frames_dir, first=235, last=300, camera="kiruna")
        html = client.get("/events").text
        assert ">Back Bay · since 21:20</a>" in html
        assert "(aurora: Back Bay · since 21:20)" in html
        assert re.search(r">Kiruna · \d\d:\d\d", html)
        assert ">since 21:20</a>" in client.get("/").text


def test_a_lost_database_is_one_line_and_503(tmp_path: Path) -> None:
    """The page says it cannot read the record; folders and tracebacks stay in the log."""
    with web_night.house(tmp_path, minutes=40) as house, httpx.Client(base_url=house.url) as client:
        house.store.close()
        for name in ("aurorad.db", "aurorad.db-wal", "aurorad.db-shm"):
            (tmp_path / name).unlink(missing_ok=True)
        for path in ("/", "/api/events"):
            reply = client.get(path)
            assert reply.status_code == 503
            assert str(tmp_path) not in reply.text
            assert "Traceback" not in reply.text


def test_the_night_page_answers_quickly(page: httpx.Client) -> None:
    """Well under a second; the bench holds the real bound."""
    page.get("/night/2024-02-10")
    begun = time.perf_counter()
    page.get("/night/2024-02-10")
    assert time.perf_counter() - begun < slowness()


def test_the_newest_night_is_none_of_the_future(tmp_path: Path) -> None:
    """A clock that stood in 2031 for a minute left a row there: people are led to the last night that was."""
    with web_night.house(tmp_path) as house:
        at = FIRST.replace(year=2031)
        row = Observation(
            camera=CAMERA,
            observed_at=at,
            fetched_at=at,
            verdict="stale",
            reason="timeout",
            sky=house.ports.skies[CAMERA].state(at),
            source="",
        )
        house.store.record(row, night=at.date())
        newest = httpx.get(f"{house.url}/night").headers["location"]
        assert newest.startswith("/night/2024-02-10")
