"""The stand-in site answers as the real one does, over real HTTP, and goes wrong on demand."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest

from daemon.clock import FastClock
from daemon.observation import Picture, from_utc_text, utc_text
from tests.conftest import SetClock
from tests.small_site import START, sky, small_site
from training.simulator.faults import FEED, SERVER
from training.simulator.footage import PlayedMovie, movie_times
from training.simulator.http import Server, png_bomb
from training.simulator.movie import clock as clock_of
from training.simulator.movie import compose, write_movie
from training.simulator.site import Site

ROOT = Path(__file__).parents[3]


@pytest.fixture
def clock() -> SetClock:
    return SetClock(START)


@pytest.fixture
def site(clock: SetClock) -> Site:
    return small_site(clock)


@pytest.fixture
def web(site: Site) -> Iterator[httpx.Client]:
    with Server(site) as server, httpx.Client(base_url=server.address, timeout=5) as client:
        yield client


def decoded(data: bytes) -> Picture:
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    return np.asarray(pixels, dtype=np.uint8)


@pytest.mark.parametrize(
    ("size", "shape"), [("480p", (480, 853)), ("720p", (720, 1280)), ("1080p", (1080, 1920))]
)
def test_the_live_still_has_the_real_sizes(
    web: httpx.Client, clock: SetClock, size: str, shape: tuple[int, int]
) -> None:
    """Each size at its address, a JPEG with its date."""
    clock.move(60)
    answer = web.get(f"/recent/recent_{size}.jpg")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/jpeg"
    assert decoded(answer.content).shape[:2] == shape
    published = parsedate_to_datetime(answer.headers["last-modified"])
    assert timedelta(0) <= clock.now() - published < timedelta(seconds=6)


def test_a_new_still_comes_every_six_seconds_at_night(web: httpx.Client, clock: SetClock) -> None:
    """In half a minute of night there are five stills, each five seconds after its exposure began."""
    clock.move(5)
    made = set()
    for _ in range(30):
        made.add(parsedate_to_datetime(web.get("/recent/recent_480p.jpg").headers["last-modified"]))
        clock.move(1)
    assert sorted(made) == [START + timedelta(seconds=5 + 6 * k) for k in range(5)]


def test_by_day_stills_are_a_minute_and_a_half_apart(site: Site, clock: SetClock) -> None:
    """Before and after the night the feed is slow, as the real one is."""
    clock.at = START + timedelta(hours=10)
    steps = set()
    for _ in range(600):
        steps.add(site.state()["exposure"])
        clock.move(1)
    assert len(steps) in (7, 8)


def test_what_the_client_has_is_not_sent_again(web: httpx.Client, clock: SetClock) -> None:
    """304 by ETag and by date, until there is a newer still."""
    first = web.get("/recent/recent_480p.jpg")
    by_tag = {"If-None-Match": first.headers["etag"]}
    by_date = {"If-Modified-Since": first.headers["last-modified"]}
    for headers in (by_tag, by_date):
        answer = web.get("/recent/recent_480p.jpg", headers=headers)
        assert (answer.status_code, answer.content) == (304, b"")
    clock.move(6)
    for headers in (by_tag, by_date):
        assert web.get("/recent/recent_480p.jpg", headers=headers).status_code == 200


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty frames, a white bar a step further right in each."""
    frames = np.zeros((30, 144, 256, 3), np.uint8)
    for k in range(30):
        frames[k, :, 8 * k : 8 * k + 8] = 255
    return write_movie(tmp_path_factory.mktemp("film") / "film.mp4", frames)


MOVIE = "/sort_by_project/AuroraMAX/rt-movies/mp4/2024/02/10/auroramaxHD_20240210_720p.mp4"


def test_a_movie_appears_after_dawn_under_its_date(
    web: httpx.Client, site: Site, clock: SetClock, film: Path
) -> None:
    """404 until it is there; then whole, or in parts."""
    site.add_movie(date(2024, 2, 10), film, appears=START + timedelta(hours=9))
    assert web.get(MOVIE).status_code == 404
    clock.move(9 * 3600)
    data = film.read_bytes()
    assert web.get(MOVIE).content == data
    part = web.get(MOVIE, headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, data[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(data)}"
    assert web.get(MOVIE, headers={"Range": "bytes=-10"}).content == data[-10:]
    assert web.get(MOVIE, headers={"Range": f"bytes={len(data)}-"}).status_code == 416
    changed = web.get(MOVIE, headers={"Range": "bytes=100-", "If-Range": '"another"'})
    assert (changed.status_code, len(changed.content)) == (200, len(data))
    assert web.get(MOVIE.replace("20240210", "20240211")).status_code == 404


def test_some_years_insert_a_folder(web: httpx.Client, site: Site, film: Path) -> None:
    """The variant is found at its own address alone."""
    site.add_movie(date(2024, 2, 10), film, folder="yknf_slr-12")
    assert web.get(MOVIE).status_code == 404
    assert web.get(MOVIE.replace("/auroramaxHD", "/yknf_slr-12/auroramaxHD")).status_code == 200


def live(web: httpx.Client, fault: str | None = None) -> httpx.Response:
    if fault is not None:
        assert web.get("/control", params={"fault": fault}).status_code == 200
    return web.get("/recent/recent_720p.jpg")


def test_the_feed_stands_still_in_each_of_its_ways(web: httpx.Client, clock: SetClock) -> None:
    """Frozen, re-dated, re-encoded, with a stopped clock, or old: each changes just what it says."""
    clock.move(60)
    seen = {}
    for fault in FEED:
        live(web, "none")
        first = live(web, fault)
        clock.move(6)
        second = live(web)
        frames = decoded(first.content).astype(int), decoded(second.content).astype(int)
        stamp = np.abs(frames[0][660:700, 950:] - frames[1][660:700, 950:]).mean()
        disc = np.abs(frames[0] - frames[1])[100:600, 400:900].mean()
        dated = first.headers["last-modified"] != second.headers["last-modified"]
        seen[fault] = (first.content == second.content, dated, bool(stamp < 1), bool(disc < 4))
    assert seen == {
        "freeze": (True, False, True, True),
        "touch": (True, True, True, True),
        "reencode": (False, True, True, True),
        "stopped-clock": (False, True, True, False),
        "old": (True, False, True, True),
    }
    age = clock.now() - parsedate_to_datetime(live(web, "old").headers["last-modified"])
    assert age > timedelta(days=89)
    frozen = live(web, "none")
    assert clock.now() - parsedate_to_datetime(frozen.headers["last-modified"]) < timedelta(seconds=6)


@pytest.mark.parametrize(
    ("fault", "status", "begins"),
    [
        ("html", 200, b"<!DOCTYPE"),
        ("empty", 200, b""),
        ("half", 200, b"\xff\xd8"),
        ("500", 500, b"<html>"),
        ("503", 503, b"<html>"),
        ("429", 429, b"<html>"),
        ("404", 404, b"<html>"),
        ("403", 403, b"<html>"),
        ("loop", 302, b""),
        ("bomb", 200, b"\x89PNG"),
    ],
)
def test_the_server_goes_wrong_as_told(web: httpx.Client, fault: str, status: int, begins: bytes) -> None:
    """Each wrong answer has its status and body, and is over when told."""
    answer = live(web, fault)
    assert answer.status_code == status
    assert answer.content[: len(begins)] == begins
    assert live(web, "none").status_code == 200


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("truncated", httpx.RemoteProtocolError),
        ("close", httpx.RemoteProtocolError),
        ("garbage", httpx.RemoteProtocolError),
        ("hang", httpx.ReadTimeout),
    ],
)
def test_the_connection_goes_wrong_as_told(
    web: httpx.Client, fault: str, error: type[httpx.HTTPError]
) -> None:
    """Breaks and silences are real ones."""
    web.timeout = httpx.Timeout(0.3)
    with pytest.raises(error):
        live(web, fault)


def test_a_fault_can_be_for_some_requests_and_one_place(web: httpx.Client, site: Site, film: Path) -> None:
    """`times` counts down by itself; `where` leaves the other feed alone."""
    site.add_movie(date(2024, 2, 10), film)
    web.get("/control", params={"fault": "500", "where": "live", "times": 2})
    assert web.get(MOVIE).status_code == 200
    assert [live(web).status_code for _ in range(3)] == [500, 500, 200]


def test_control_refuses_what_it_does_not_know(web: httpx.Client) -> None:
    """A misspelt fault is an error, not a test that passes for nothing."""
    assert web.get("/control", params={"fault": "hnag"}).status_code == 400
    assert web.get("/control", params={"fault": "500", "where": "moon"}).status_code == 400
    assert web.get("/control", params={"fault": "500", "times": "x"}).status_code == 400
    state = web.get("/control").json()
    assert state["fault"] is None
    assert from_utc_text(state["now"]) == START


def test_every_fault_is_explained() -> None:
    """What can be asked for is told apart: no fault of the feed is one of the server's."""
    assert not FEED.keys() & SERVER.keys()
    assert all(FEED.values())
    assert all(SERVER.values())
    assert len(png_bomb()) < 200


def test_a_movie_is_played_at_its_own_times(film: Path) -> None:
    """Each time gives its frame, forwards and back; before the first and after the last the ends."""
    times = movie_times(film, START, 6.0)
    assert len(times) == 30
    played = PlayedMovie(film, times)
    for second, index in ((0, 0), (5, 0), (6, 1), (100, 16), (99, 16), (10, 1), (9999, 29), (-60, 0)):
        at = played.exposure(START + timedelta(seconds=second))
        assert at == times[index]
        assert int(played.frame(at).mean(axis=(0, 2)).argmax()) // 8 == index


def test_a_movies_times_are_read_from_the_table_beside_it(film: Path) -> None:
    """The table's UTC column, frame by frame, gaps and all."""
    table = film.with_suffix(".csv")
    times = [START + timedelta(seconds=6 * k + (600 if k > 9 else 0)) for k in range(30)]
    rows = [f"{k},x,{utc_text(at)}" for k, at in enumerate(times)]
    table.write_text("frame,overlay_text,observed_at_utc\n" + "\n".join(rows) + "\n")
    try:
        assert movie_times(film) == times
    finally:
        table.unlink()


@pytest.mark.skipif(shutil.which("tesseract") is None, reason="tesseract is not installed")
def test_a_movies_times_are_read_from_its_stamps_where_there_is_no_table(tmp_path: Path) -> None:
    """Any AuroraMAX movie can be replayed: its own clock is read."""
    times = clock_of(START + timedelta(seconds=3), 41)
    path = write_movie(tmp_path / "night.mp4", (compose(sky(at), at) for at in times))
    found = movie_times(path)
    assert max(abs((a - b).total_seconds()) for a, b in zip(found, times, strict=True)) <= 1


class Process:
    """The site as a process of its own, as the demo runs it."""

    def __init__(self, *arguments: str) -> None:
        module = () if "-c" in arguments else ("-m", "training.simulator.site")
        command = [sys.executable, *module, *arguments]
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Process:
        assert self.process.stdout is not None
        self.said = self.process.stdout.readline()
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()


@pytest.mark.parametrize("way", ["sigterm", "closed pipe"])
def test_it_runs_as_a_process_and_ends_when_told(film: Path, way: str) -> None:
    """One line of JSON with address and clock; the clock runs as fast as asked; it ends cleanly."""
    arguments = ["--movie", str(film), "--begins", utc_text(START), "--speed", "60"]
    with Process(*arguments) as running:
        line = json.loads(running.said)
        assert line["begins"] == utc_text(START)
        same = FastClock(from_utc_text(line["start"]), line["speed"], line["origin"])
        state = httpx.get(line["address"] + "/control").json()
        assert abs((from_utc_text(state["now"]) - same.now()).total_seconds()) < 60
        assert httpx.get(line["live"]).headers["content-type"] == "image/jpeg"
        if way == "sigterm":
            running.process.send_signal(signal.SIGTERM)
        else:
            assert running.process.stdin is not None
            running.process.stdin.close()
        assert running.process.wait(10) == 0


def test_it_draws_a_night_without_torch() -> None:
    """Started as the demo does it: the night's own frames, and nothing of torch imported."""
    code = (
        "import sys; sys.modules['torch'] = None; sys.modules['torchvision'] = None\n"
        "from training.simulator import site\n"
        "sys.exit(site.main(['--date', '2024-02-10', '--side', '240', '--seed', '7']))"
    )
    with Process("-c", code) as running:
        line = json.loads(running.said)
        picture = decoded(httpx.get(line["live"], timeout=20).content)
        assert picture.shape == (720, 1280, 3)
        assert picture[:, 280:1000].std() > 1


def test_what_is_no_movie_is_told_in_one_line(tmp_path: Path) -> None:
    """Text under a movie's name: exit 1, one line, no traceback."""
    text = tmp_path / "text.mp4"
    text.write_text("this is no movie")
    command = [sys.executable, "-m", "training.simulator.site", "--movie", str(text)]
    quiet = {**os.environ, "OPENCV_LOG_LEVEL": "OFF", "OPENCV_FFMPEG_LOGLEVEL": "-8"}
    began = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, env=quiet)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert str(text) in done.stderr
    assert time.monotonic() - began < 20
