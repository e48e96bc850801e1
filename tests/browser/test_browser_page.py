"""The page as people meet it: in a browser, over a night, by keyboard and touch, in the dark."""

from __future__ import annotations

import base64
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from browsing import SCRUB, THEMES, said, until
from chromium import NARROW, WIDE, asked_for, size
from selenium.webdriver import Chrome
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By

from daemon.config import Settings
from daemon.footage import image
from tests import web_night
from tests.pace import slowness
from tests.web_night import CAMERA, FIRST, NIGHT, House, looking

FRAMES = 900
PAGES = ("/", "/night/2024-02-10", "/season", "/events", "/label", "/sign-in")


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A whole night of 900 frames."""
    with web_night.house(tmp_path_factory.mktemp("whole"), minutes=FRAMES + 60) as house:
        yield house


@pytest.fixture
def live(tmp_path: Path) -> Iterator[House]:
    """A watch with a frame every three seconds, whose clock ticks."""
    settings = Settings.model_validate({"camera": [{"cadence_s": 3}]})
    with web_night.house(tmp_path, minutes=200, settings=settings) as house:
        house.watch.ticks_since = time.monotonic()
        house.watch.cameras[CAMERA] = looking(house.watch.clock())
        yield house


def theme(driver: Chrome, house: House, name: str) -> None:
    driver.get(f"{house.url}/-/ready")
    driver.add_cookie({"name": "aurorad_theme", "value": name})


# ---------------------------------------------------------------------- tonight


def test_the_page_follows_the_night_without_reloading(browser: Chrome, live: House) -> None:
    """New frames change verdict, picture and strip of the open page; the page itself stays."""
    browser.get(live.url)
    browser.execute_script("window.stayed = true")
    assert "Clear sky, no aurora" in said(browser)
    picture_before = browser.execute_script("return document.querySelector('.dome img').src")
    web_night.fill(live.store, live.ports.frames_dir, first=200, last=260)
    live.watch.now += timedelta(minutes=60)
    live.watch.cameras[CAMERA] = looking(live.watch.clock())
    until(browser, lambda: "since 21:20" in said(browser))
    assert browser.execute_script("return document.querySelector('.dome img').src") != picture_before
    assert "aurora over much of the sky" in browser.title
    assert browser.execute_script("return window.stayed") is True
    assert browser.execute_script("return performance.getEntriesByType('navigation').length") == 1


def test_a_frozen_feed_is_called_stale_within_two_cadences(browser: Chrome, live: House) -> None:
    """With nothing told by the server but the time of the last frame, and with no server at all."""
    live.watch.cameras[CAMERA] = looking(live.watch.clock())
    browser.get(live.url)
    assert not browser.find_elements(By.CSS_SELECTOR, ".banner.stale")
    took_s = until(browser, lambda: browser.find_elements(By.CSS_SELECTOR, ".banner.stale"), 12)
    assert took_s < 2 * 3 + 2
    assert browser.find_elements(By.CSS_SELECTOR, ".sky.old")
    live.server.stop()
    until(browser, lambda: "No connection to the watch." in said(browser), 20)
    browser.get_log("browser")  # failed requests are what this is about


STRUCK = """
return Object.fromEntries([...document.querySelectorAll(".chip")].map((chip) =>
  [chip.querySelector("dt").textContent.trim(), getComputedStyle(chip.querySelector("dd")).textDecorationLine === "line-through"]));
"""


def test_without_a_connection_nothing_is_called_live(browser: Chrome, tmp_path: Path) -> None:
    """The word, the dome and the horizon are taken back, the card says why, first and last; sun and moon hold."""
    settings = Settings.model_validate(
        {"camera": [{"name": CAMERA, "cadence_s": 3, "orientation": {"north_deg": 0.0}}]}
    )
    with web_night.house(tmp_path, minutes=300, settings=settings) as house:
        house.watch.ticks_since = time.monotonic()
        house.watch.cameras[CAMERA] = looking(house.watch.clock())
        browser.get(house.url)
        assert browser.find_element(By.CSS_SELECTOR, ".place span:not(.dot, .age)").text == "live"
        assert not browser.find_elements(By.CSS_SELECTOR, ".old-mark")
        house.server.stop()
        sentence = browser.find_element(By.CSS_SELECTOR, ".card .sentence")
        until(browser, lambda: "No new picture has come in time." in sentence.text)
        until(browser, lambda: "No connection to the watch." in sentence.text, 20)
        assert "in time" not in sentence.text
        assert browser.find_element(By.CSS_SELECTOR, ".place span:not(.dot, .age)").text == "not live"
        for frame in (".sky.old .dome", ".horizon.old .round"):
            (mark,) = browser.find_elements(By.CSS_SELECTOR, f"{frame} .old-mark")
            assert mark.text.lower() == "old picture"
        assert browser.execute_script(STRUCK) == {
            "Where": True, "How strong": True, "How long": True, "Dark hours": False, "Moon": False, "Camera": False,
        }  # fmt: skip
    browser.get_log("browser")  # failed requests are what this is about


def test_the_age_ticks_by_itself(browser: Chrome, night: House) -> None:
    """The picture's age grows while nothing comes."""
    browser.get(night.url)
    first = browser.find_element(By.CSS_SELECTOR, ".age").text
    until(browser, lambda: browser.find_element(By.CSS_SELECTOR, ".age").text != first, 4)


def test_the_outline_is_put_away_and_stays_so(browser: Chrome, night: House) -> None:
    """The toggle works by keyboard and is remembered."""
    path = "/night/2024-02-10?at=2024-02-10T05:00:00Z"
    browser.get(night.url + path)
    outline = browser.find_element(By.CSS_SELECTOR, ".outline")
    until(browser, lambda: outline.find_element(By.CSS_SELECTOR, ".line").get_attribute("d"))
    assert outline.is_displayed()
    browser.find_element(By.CSS_SELECTOR, "[data-outline-toggle]").send_keys(" ")
    assert not outline.is_displayed()
    browser.get(night.url + path)
    assert not browser.find_element(By.CSS_SELECTOR, ".outline").is_displayed()


# ---------------------------------------------------------------------- a night


def open_night(browser: Chrome, night: House) -> None:
    browser.get(f"{night.url}/night/2024-02-10?at=2024-02-10T00:20:00Z")
    until(browser, lambda: browser.find_elements(By.CSS_SELECTOR, "[data-scrub][data-ready]"), 60)


def test_a_night_of_900_frames_is_gone_through_at_100_ms_a_step(browser: Chrome, night: House) -> None:
    """Every step by key shows its own frame, painted, within 100 ms (the slowest one in a hundred apart)."""
    open_night(browser, night)
    browser.set_script_timeout(110)
    steps = browser.execute_async_script(SCRUB, FRAMES)
    assert len(steps) == FRAMES - 1
    assert statistics.quantiles(steps, n=100)[98] <= 100 * slowness()
    assert "900 of 900" in said(browser)


def test_keys_lead_through_the_night(browser: Chrome, night: House) -> None:
    """Arrow keys step, N finds the aurora, the slider and the page agree, and the address follows."""
    open_night(browser, night)
    keys = ActionChains(browser)
    keys.send_keys("n").perform()
    until(browser, lambda: "Clear" not in browser.find_element(By.CSS_SELECTOR, "[data-headline]").text)
    first = int(browser.find_element(By.ID, "scrub").get_attribute("value") or 0)
    assert web_night.probability_at(first) >= 0.5 > web_night.probability_at(first - 1)
    ActionChains(browser).send_keys("\ue012").perform()  # left
    assert "Clear" in browser.find_element(By.CSS_SELECTOR, "[data-headline]").text
    at = web_night.at_minute(first - 1)
    until(browser, lambda: browser.current_url.endswith(f"at={at}"))
    browser.get(browser.current_url)
    assert browser.find_element(By.ID, "scrub").get_attribute("value") == str(first - 1)


def test_touch_leads_through_the_night(browser: Chrome, night: House) -> None:
    """A finger drawn over the strip moves the cursor, the words and the picture."""
    size(browser, NARROW, 800)
    open_night(browser, night)
    timeline = browser.find_element(By.CSS_SELECTOR, "[data-timeline]")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", timeline)
    box = browser.execute_script(
        "const b = arguments[0].getBoundingClientRect(); return [b.left, b.top, b.width]", timeline
    )

    def touch(kind: str, share: float) -> None:
        point = [] if kind == "touchEnd" else [{"x": box[0] + share * box[2], "y": box[1] + 60}]
        browser.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": point})

    def value() -> int:
        return int(browser.find_element(By.ID, "scrub").get_attribute("value") or 0)

    seen = [value()]
    for kind, share in (("touchStart", 0.3), ("touchMove", 0.35), ("touchMove", 0.5)):
        touch(kind, share)
        until(browser, lambda: value() > seen[-1])
        seen.append(value())
    touch("touchEnd", 0)
    start, end = (int(timeline.get_attribute(f"data-{name}") or 0) for name in ("start", "end"))
    # The hour without footage lies after this; minutes and frames are still the same number.
    wanted = (start + 0.5 * (end - start) - FIRST.timestamp()) / 60
    assert abs(seen[-1] - wanted) <= 2


# ---------------------------------------------------------------------- labels


def test_fifty_labels_by_keyboard_alone_three_undone(browser: Chrome, night: House) -> None:
    """Each key is one label in the database, with its frame; the undone are on record as undone."""
    browser.get(f"{night.url}/label?queue=night")
    browser.execute_script("document.querySelector('[data-who]').focus()")
    keys = ActionChains(browser)
    keys.send_keys("Ada\t").perform()
    browser.execute_script("document.activeElement.blur()")
    until(browser, lambda: "1 of 200" in said(browser))
    pressed = ("aons" * 20)[:66]  # 50 labels among 16 skips
    given = [key for key in pressed if key != "s"]
    assert len(given) == 50
    ActionChains(browser).send_keys(pressed).perform()
    until(browser, lambda: "· 50 labelled" in said(browser), 30)
    for left in (49, 48, 47):
        ActionChains(browser).send_keys("u").perform()
        until(browser, lambda left=left: f"· {left} labelled" in said(browser))
    with night.ports.reader() as reader:
        valid, everything = reader.labels(), reader.labels(undone=True)
    meant = {"a": "aurora", "o": "obscured", "n": "none"}
    assert [row["label"] for row in valid] == [meant[key] for key in given[:47]]
    assert sum(row["undone_at"] is not None for row in everything) == 3
    assert {(row["labelled_by"], row["queue"]) for row in valid} == {("Ada", "night")}
    frames = [row["observed_at"] for row in valid]
    assert frames == sorted(set(frames))


def test_back_changes_ones_mind(browser: Chrome, night: House) -> None:
    """Back to the frame before, another answer: one valid label, the newer."""
    browser.get(f"{night.url}/label?queue=uncertainty")
    browser.execute_script("document.cookie = 'aurorad_who=Bo; path=/'; location.reload()")
    until(browser, lambda: "1 of 200" in said(browser))
    at = browser.find_element(By.ID, "main").get_attribute("data-at")
    ActionChains(browser).send_keys("abn").perform()
    until(browser, lambda: "Saved: no aurora." in said(browser))

    def labels() -> list[str]:
        with night.ports.reader() as reader:
            return [row["label"] for row in reader.labels() if row["observed_at"] == at]

    until(browser, lambda: labels() == ["none"])
    assert "· 1 labelled" in said(browser)


def test_was_this_right_is_answered_in_place(browser: Chrome, night: House) -> None:
    """One click, kept, and the page stays."""
    browser.get(f"{night.url}/events")
    browser.execute_script("window.stayed = true")
    browser.find_element(By.CSS_SELECTOR, '.judge button[value="none"]').click()
    until(browser, lambda: "Marked wrong. Thank you." in said(browser))
    assert browser.execute_script("return window.stayed") is True
    with night.ports.reader() as reader:
        (event,) = reader.events()
    assert event["right"] is False


# ---------------------------------------------------------------------- everywhere


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_axe_finds_nothing_on_any_page(
    browser: Chrome, night: House, axe: Callable[[], dict[str, Any]], width: int
) -> None:
    """WCAG 2.2 A and AA and axe's best practices, in every theme, wide and narrow, details opened."""
    size(browser, width)
    found = {}
    for path in (*PAGES, "/?kiosk", "/nowhere"):
        browser.get(night.url + path)
        found[path] = axe()
    assert {path: violations for path, violations in found.items() if violations} == {}
    browser.get_log("browser")  # the 404 itself


@pytest.mark.parametrize("name", THEMES)
def test_every_page_fits_a_narrow_phone(browser: Chrome, night: House, name: str) -> None:
    """At 360 px nothing runs off to the right."""
    theme(browser, night, name)
    size(browser, NARROW, 800)
    for path in PAGES:
        browser.get(night.url + path)
        assert browser.execute_script("return document.documentElement.scrollWidth") <= NARROW, path


NAMED = """
return [...document.querySelectorAll(".sun-name")].map((each) => ({ room: each.getBoundingClientRect(), text: each.firstElementChild.getBoundingClientRect() }))
  .filter(({ room, text }) => text.top < room.bottom - 4)
  .map(({ room, text }) => [room.left, text.left, text.right, room.right]);
"""


@pytest.mark.parametrize("code", ["en", "nb", "fr"])
def test_no_name_of_a_twilight_lies_on_another(browser: Chrome, night: House, code: str) -> None:
    """In each language and width a name is whole within its stretch of the night, or not there."""
    browser.get(night.url)
    browser.add_cookie({"name": "aurorad_language", "value": code})
    for width in (500, 700, 1000, 1400):
        size(browser, width)
        browser.get(night.url)
        until(browser, lambda: browser.execute_script("return innerWidth") == width)  # noqa: B023
        names = browser.execute_script(NAMED)
        assert names, width
        for left, begins, ends, right in names:
            assert left - 1 <= begins < ends <= right + 1, (width, names)


def test_night_vision_lights_only_the_red_channel(browser: Chrome, night: House) -> None:
    """In the red theme no pixel of any page is green or blue, pictures and form fields included."""
    theme(browser, night, "red")
    for path in (*PAGES, "/night/2024-02-10?at=2024-02-10T05:00:00Z"):
        browser.get(night.url + path)
        time.sleep(0.4)
        shot = browser.execute_cdp_cmd(
            "Page.captureScreenshot", {"format": "png", "captureBeyondViewport": True}
        )
        pixels = image.decode(base64.b64decode(shot["data"]))
        assert pixels[:, :, 2].max() > 200, path
        assert pixels[:, :, :2].max() <= 2, path


def test_no_request_leaves_the_machine(browser: Chrome, night: House) -> None:
    """Every address asked for while going through all pages is the page's own."""
    for path in PAGES:
        browser.get(night.url + path)
        time.sleep(0.5)
    asked = asked_for(browser)
    assert len(asked) > 20
    assert [url for url in asked if not url.startswith(night.url)] == []


def test_the_pages_complain_of_nothing(browser: Chrome, night: House) -> None:
    """No error in the console: nothing blocked by the policy, nothing missing, no script failed."""
    for path in PAGES:
        browser.get(night.url + path)
        time.sleep(0.3)
    assert [entry["message"] for entry in browser.get_log("browser")] == []


def test_hostile_names_are_shown_and_never_run(browser: Chrome, tmp_path: Path) -> None:
    """A camera, a reason and a source that are scripts: on no page, in no script's hands, are they run."""
    evil = "<img src=x onerror='window.broken=1'><script>window.broken=1</script>"
    with web_night.house(tmp_path, minutes=30) as house:
        (sky,) = web_night.observatory().states([FIRST + timedelta(minutes=300)])
        kept = web_night.observation_at(300, sky, camera=evil, kept="yellowknife/none.jpg")
        house.store.record(replace(kept, reason=evil, source=evil, verdict="obscured"), night=NIGHT)
        for path in ("/", "/night/2024-02-10", "/season", "/events", "/label"):
            browser.get(f"{house.url}{path}")
            browser.execute_script("location.search = '?camera=' + encodeURIComponent(arguments[0])", evil)
            until(
                browser, lambda: evil[:20] in browser.execute_script("return document.body?.innerText || ''")
            )
            time.sleep(0.3)
            assert browser.execute_script("return window.broken") is None, path


def test_the_theme_is_chosen_and_kept(browser: Chrome, night: House) -> None:
    """A click changes the theme, and the next page has it from its first byte."""
    browser.get(night.url)
    browser.find_element(By.CSS_SELECTOR, '[data-theme-choice="red"]').click()
    assert browser.execute_script("return document.documentElement.dataset.theme") == "red"
    browser.get(f"{night.url}/season")
    assert browser.execute_script("return document.documentElement.dataset.theme") == "red"
