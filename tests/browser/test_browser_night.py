"""A night in front of the open page: the real daemon on the stand-in site, a real Chromium, one story."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from browsing import SCRUB, said, until
from chromium import asked_for
from selenium.webdriver import Chrome
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from watched import ROOT, Watched, drawn_site, watching

from daemon.observation import from_utc_text
from daemon.record.store import Reader, Store
from tests import web_night
from tests.faults.harness import Sky, dark_here
from tests.pace import slowness
from training.data.dataset import read_manifest
from training.simulator.http import Server
from training.simulator.site import Site

CAMERA = web_night.CAMERA
FRAMES = 900
LIT = ("go: ", "look: ")
QUIET = ("wait: Clear sky, no aurora", "clouded: Sky hidden")
MEANT = {"a": "aurora", "o": "obscured", "n": "none"}


def on_the_site(address: str, cadence_s: float) -> str:
    """[[camera]]: AuroraMAX's defaults, pointed at the stand-in site."""
    return f"""
[[camera]]
name = "{CAMERA}"
cadence_s = {cadence_s}
[camera.orientation]
north_deg = 0.0
[camera.source]
url = "{address}/recent/recent_720p.jpg"
movie_url = ""
movie_url_alternatives = []
"""


def earlier_night(folder: Path) -> None:
    """The night before with its 900 frames, in the record that the daemon goes on with."""
    with Store(folder / "state" / "aurorad.db") as store:
        store.register_model(web_night.SHA, "test model", {})
        web_night.fill(store, folder / "state" / "frames", last=FRAMES + 60, days=-1)


CARD = """
const card = document.querySelector(".card");
return `${card.className.match(/is-([a-z-]+)/)[1]}: ${card.querySelector(".sentence").textContent}`;
"""


def the_night_goes_by(browser: Chrome, watch: Watched, ends: datetime) -> list[str]:
    """What the open page said first, one after the other, until the night's end on the watch's clock."""
    browser.get(watch.url)
    browser.execute_script("window.stayed = true")
    told: list[str] = []
    pictures: set[str] = set()
    while True:
        headline = browser.execute_script(CARD)
        if not told or told[-1] != headline:
            told.append(headline)
        pictures.add(browser.execute_script("return document.querySelector('.dome img')?.src || ''"))
        with Reader(watch.database) as reader:
            latest = reader.latest(CAMERA)
        if latest and from_utc_text(latest["observed_at"]) >= ends:
            break
        time.sleep(0.25)
    assert len(pictures) >= 8
    assert browser.execute_script("return window.stayed") is True
    assert browser.execute_script("return performance.getEntriesByType('navigation').length") == 1
    return told


def a_step_each(browser: Chrome, watch: Watched, night: str) -> float:
    """Go through all frames by the arrow key; 99 of 100 steps took no longer than this, in ms."""
    browser.get(f"{watch.url}/night/{night}?at={night}T00:00:00Z")
    until(browser, lambda: browser.find_elements(By.CSS_SELECTOR, "[data-scrub][data-ready]"), 60)
    browser.set_script_timeout(110)
    count = int(browser.find_element(By.ID, "scrub").get_attribute("max") or 0) + 1
    steps = browser.execute_async_script(SCRUB, count)
    assert len(steps) == count - 1
    assert f"{count} of {count}" in said(browser)
    return statistics.quantiles(steps, n=100)[98]


def fifty_labels(browser: Chrome, watch: Watched, night: str) -> list[str]:
    """Fifty labels among skips and three taken back, all by key; what should be on record."""
    browser.get(f"{watch.url}/label?queue=night&night={night}")
    browser.execute_script("document.querySelector('[data-who]').focus()")
    ActionChains(browser).send_keys("Ada\t").perform()
    browser.execute_script("document.activeElement.blur()")
    until(browser, lambda: "1 of " in said(browser))
    pressed = ("aonaon" * 9)[:50] + "s"
    ActionChains(browser).send_keys(pressed).perform()
    until(browser, lambda: "· 50 labelled" in said(browser), 30)
    for left in (49, 48, 47):
        ActionChains(browser).send_keys("u").perform()
        until(browser, lambda left=left: f"· {left} labelled" in said(browser))
    return [MEANT[key] for key in pressed[:47]]


def they_arrive(watch: Watched, given: list[str], out: Path) -> None:
    """In the database, with who and what the model had said; and by one command in a manifest."""
    with Reader(watch.database) as reader:
        valid, everything = reader.labels(), reader.labels(undone=True)
        model = reader.query("SELECT sha256 FROM models WHERE name = 'aurorad-b1'")[0]["sha256"]
    assert [row["label"] for row in valid] == given
    assert (len(everything), sum(row["undone_at"] is not None for row in everything)) == (50, 3)
    assert {(row["labelled_by"], row["queue"], row["model_sha256"]) for row in valid} == {
        ("Ada", "night", model)
    }
    main = "from training.cli import main; main()"
    command = [sys.executable, "-c", main, "sample", "--database", watch.database, "--out", out]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    rows = read_manifest(out / "manifest.parquet")
    learnt = {"aurora": ("yes", ""), "none": ("no", "clear"), "obscured": ("no", "cloudy")}
    assert Counter((row.label, row.sky) for row in rows) == Counter(learnt[label] for label in given)
    assert {(row.night, row.camera, row.model_sha256) for row in rows} == {("20240210", CAMERA, model)}
    assert all((out / row.path).stat().st_size > 3000 for row in rows)


def tell_the_story(browser: Chrome, folder: Path, site: dict[str, Any], ends: str, scrubbed: str) -> None:
    """From the first frame to the manifest."""
    fast = ("tests/browser/fast_run.py", "CONFIG", site["start"], str(site["speed"]), site["address"])
    cadence_s = 0.5 * site["speed"]
    with watching(folder, on_the_site(site["address"], cadence_s), site["address"], fast) as watch:
        told = the_night_goes_by(browser, watch, from_utc_text(ends))
        quiet = [place for place, line in enumerate(told) if line.startswith(QUIET)]
        lit = [place for place, line in enumerate(told) if line.startswith(LIT)]
        assert lit, told
        assert quiet[0] < lit[0], told
        assert lit[-1] < quiet[-1], told
        assert a_step_each(browser, watch, scrubbed) <= 100 * slowness()
        they_arrive(watch, fifty_labels(browser, watch, "2024-02-10"), folder / "manifest")
        asked = asked_for(browser)
        assert len(asked) > 50
        assert [url for url in asked if not url.startswith(watch.url)] == []


@pytest.mark.timeout(480)
def test_a_night_goes_by_and_is_gone_through_and_labelled(browser: Chrome, tmp_path: Path) -> None:
    """The page follows the watch without reloading; 900 frames at 100 ms a step; 50 labels in a manifest.

    Its night is as fast as the machine is: a watch that comes late for each picture has none of the present to show.
    """
    (tmp_path / "state").mkdir()
    earlier_night(tmp_path)
    with drawn_site("2024-02-10T03:25:00Z", 240 / min(3.0, slowness())) as site:
        tell_the_story(browser, tmp_path, site, "2024-02-10T05:55:00Z", "2024-02-09")


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_a_whole_night_watched_live(browser: Chrome, tmp_path: Path) -> None:
    """From dusk, when the gate opens, until it shuts; the frames watched are those gone through and labelled."""
    with drawn_site("2024-02-10T00:40:00Z", 112) as site:
        tell_the_story(browser, tmp_path, site, "2024-02-10T14:45:00Z", "2024-02-10")


CADENCE_S = 2.0


def here_and_now(address: str) -> str:
    """[[camera]] where it is night at this moment, looked at every other second."""
    latitude, longitude = dark_here()
    return f"""
[[camera]]
name = "cam"
latitude_deg = {latitude}
longitude_deg = {longitude}
cadence_s = {CADENCE_S}
[camera.source]
kind = "auroramax"
url = "{address}/recent/recent_720p.jpg"
movie_url = ""
movie_url_alternatives = []
stale_after_s = 30
"""


NOTE_BANNERS = """
window.noted = [];
new MutationObserver(() => {
  const stale = document.querySelector(".banner.stale") !== null;
  if (stale === (window.noted.at(-1)?.stale ?? false)) return;
  window.noted.push({ stale, at: Date.now() / 1000 });
}).observe(document.querySelector("main"), { childList: true, subtree: true });
"""
"""When the banner comes and goes, as the page itself sees it: a busy driver would see it late."""


def test_a_frozen_feed_is_told_within_two_cadences(browser: Chrome, tmp_path: Path) -> None:
    """``aurorad run`` itself, in real time: the open page says stale, and takes it back, by itself."""
    sky = Sky(stamped=True, begins=datetime.now(UTC) - timedelta(hours=1), step_s=1.0)
    with Server(Site(sky)) as site, watching(tmp_path, here_and_now(site.address), site.address) as watch:
        browser.get(watch.url)
        browser.execute_script(NOTE_BANNERS)

        def shown() -> str:
            return str(browser.execute_script("return document.querySelector('.sky').dataset.shows"))

        def noted() -> dict[str, Any]:
            return dict(browser.execute_script("return window.noted.at(-1) ?? { stale: false }"))

        def due() -> float:
            return float(browser.execute_script("return document.querySelector('[data-due]').dataset.due"))

        def stale_for_want_of_the_next() -> bool:
            """The page knows the last new frame to a tenth; the record, in whole seconds, bears it out."""
            agreed = -1.0 <= _last_new_frame(watch).timestamp() - (due() - 2 * CADENCE_S) <= 0.1
            return agreed and noted()["stale"]

        first = shown()
        until(browser, lambda: shown() > first)
        watch.fault("freeze")
        until(browser, stale_for_want_of_the_next, 30)
        assert noted()["at"] <= due() + slowness()  # it judges four times a second
        assert browser.execute_script("return document.querySelector('.sky').matches('.old')")
        watch.fault("none")
        until(browser, lambda: not noted()["stale"], 30)
        assert browser.execute_script("return window.noted !== undefined"), "the page was not loaded anew"


def _last_new_frame(watch: Watched) -> datetime:
    with Reader(watch.database) as reader:
        rows = reader.query(
            "SELECT max(fetched_at) AS at FROM observations WHERE verdict NOT IN ('stale', 'not looked')"
        )
    return from_utc_text(rows[0]["at"])
