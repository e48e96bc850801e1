"""Old footage in the record, a dead feed: nothing in the browser may take the one for the other."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from browsing import said, until
from selenium.webdriver import Chrome
from watched import ENVIRONMENT, ROOT, Watched, watching

from daemon.record.store import Reader, Store
from tests import web_night
from tests.loopback import Loopback

MOVIE = ROOT.parent / "shared" / "data" / "other_cameras" / "longyearbyen_nipr" / "kho1.mp4"
KHO = """
[[camera]]
name = "longyearbyen-kho"
title = "Longyearbyen, KHO"
latitude_deg = 78.1480
longitude_deg = 16.0430
timezone = "Arctic/Longyearbyen"
[camera.disc]
centre_x = 167
centre_y = 125
radius = 98
width = 320
height = 240
[camera.orientation]
north_deg = 327.5
[camera.stamp]
region = [0.0, 0.0, 0.34, 0.062]
formats = ["%d.%m.%Y %H:%M:%S"]
timezone = "UTC"
[camera.source]
kind = "url"
url = "http://PLACE/still.jpg"
"""
"""docs/cameras.md's own, on a feed that gives nothing."""


class Dead(BaseHTTPRequestHandler):
    """A camera's server that is up and has nothing to give; it only takes note of the watch's clock."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path.startswith("/control") else 503)
        self.end_headers()

    do_HEAD = do_GET


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def ingest_kho(folder: Path) -> None:
    """``aurorad ingest`` of the movie of 2013 into the daemon's own record, as its owner would."""
    config = folder / "ingest.toml"
    config.write_text(
        f'[daemon]\nstate_dir = "{folder / "state"}"\n[model]\ndevice = "cpu"\n{KHO}', encoding="utf-8"
    )
    command = [sys.executable, "-m", "daemon.cli", "ingest", MOVIE, "--config", config]
    done = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr


def fill_made_rows(folder: Path) -> None:
    """The made-up night, its aurora and its event without an end, under this camera's name."""
    with Store(folder / "state" / "aurorad.db") as store:
        store.register_model(web_night.SHA, "test model", {})
        web_night.fill(store, folder / "state" / "frames", last=400, camera="longyearbyen-kho")


def a_dead_feed_stays_a_dead_feed(browser: Chrome, folder: Path, fill: Callable[[Path], None]) -> None:
    """The daemon starts over a record of old footage; from the first answer on, everything says: no picture."""
    (folder / "state").mkdir()
    fill(folder)
    with Reader(folder / "state" / "aurorad.db") as reader:
        assert any(row["aurora"] for row in reader.nights("longyearbyen-kho"))
    feed = Loopback(Dead)
    dark = ("tests/browser/fast_run.py", "CONFIG", "2026-12-20T20:00:00Z", "1.0", f"http://{feed.place}")
    try:
        with watching(folder, KHO.replace("PLACE", feed.place), feed.place, dark) as watch:
            browser.get(watch.url)
            assert browser.title.startswith("No picture")
            until(browser, lambda: browser.title.startswith("No picture: "), 30)  # its first look has failed
            no_picture_anywhere(browser, watch)
            browser.get(watch.url)
            no_picture_anywhere(browser, watch)
    finally:
        feed.close()


def no_picture_anywhere(browser: Chrome, watch: Watched) -> None:
    assert browser.title.startswith("No picture: none since the watch began at "), browser.title
    text = said(browser)
    assert "° up" not in text
    assert "newest night on record" in text
    assert "now\n" not in text
    assert "Nothing on this page shows the sky as it is now." in text
    assert browser.execute_script("return document.querySelector('.dome img') === null")
    (camera,) = json.loads(get(f"{watch.url}/api/cameras")[1])["cameras"]
    assert (camera["state"], camera["observed_at"], camera["picture"]) == ("no picture", None, None)
    assert not any(event["ongoing"] for event in json.loads(get(f"{watch.url}/api/events")[1])["events"])
    assert "no picture of longyearbyen-kho" in get(f"{watch.url}/-/healthy")[1]
    assert get(f"{watch.url}/latest.jpg")[0] == 404


@pytest.mark.timeout(300)
def test_footage_of_2013_is_never_the_present(browser: Chrome, tmp_path: Path) -> None:
    """A real movie of Longyearbyen with aurora, in the record of a daemon whose feed is dead."""
    if not MOVIE.is_file():
        pytest.skip("needs ../shared/data/other_cameras/longyearbyen_nipr/kho1.mp4")
    a_dead_feed_stays_a_dead_feed(browser, tmp_path, ingest_kho)


@pytest.mark.timeout(180)
def test_old_rows_are_never_the_present(browser: Chrome, tmp_path: Path) -> None:
    """The same with rows made for it, where the real movie is not at hand."""
    a_dead_feed_stays_a_dead_feed(browser, tmp_path, fill_made_rows)
