"""Slow and broken connections, a device that slept, other tabs: nothing is lost, doubled or shown for what it is not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from browsing import said, until
from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.common.by import By

from daemon.config import Settings
from tests import web_night
from tests.web_night import House

GATE = """
window.held = []; window.asked = [];
const real = window.fetch;
window.fetch = (address, given) => {
  window.asked.push(String(address));
  if (!String(address).includes(arguments[0])) return real(address, given);
  return new Promise((done, fail) => window.held.push({ go: () => done(real(address, given)), fail: () => fail(new TypeError("gone")) }));
};
"""
"""Holds what the page asks of addresses with the word in them until the test lets it go, or fail."""


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The made-up night with its aurora under way, somebody to alert, and a clock that stands still."""
    settings = Settings.model_validate({"notify": [{"name": "phone", "url": "json://127.0.0.1:9/"}]})
    with web_night.house(tmp_path_factory.mktemp("slow"), settings=settings) as house:
        yield house


def text(driver: Chrome, selector: str) -> str:
    """What stands there, read at once: the page may exchange the element at any time."""
    return str(driver.execute_script("return document.querySelector(arguments[0]).textContent", selector))


def press(driver: Chrome, keys: str) -> None:
    ActionChains(driver).send_keys(keys).perform()


def held(driver: Chrome) -> int:
    return int(driver.execute_script("return window.held.length"))


def let(driver: Chrome, what: str) -> None:
    """Let the oldest question that is held go on its way, or fail."""
    driver.execute_script(f"window.held.shift().{what}()")


def test_after_the_device_slept_nothing_is_called_live(browser: Chrome, night: House) -> None:
    """The steady clock stood still, the wall clock went on, and nobody answers: at once all is taken back."""
    browser.get(night.url)
    place = ".place span:not(.dot, .age)"
    assert text(browser, place) == "live"
    browser.execute_script(GATE, "/live")
    browser.execute_script("const now = Date.now; Date.now = () => now() + 8 * 3600 * 1000")
    until(browser, lambda: text(browser, place) == "not live")
    until(browser, lambda: "8 h" in text(browser, ".age"))
    assert text(browser, ".card h1") == "No picture"


def labels(house: House) -> list[tuple[str, str, str]]:
    with house.ports.reader() as reader:
        return [(row["observed_at"], row["label"], row["queue"]) for row in reader.labels()]


def opened(driver: Chrome, house: House) -> str:
    """The page of labels, somebody's name in it; the time of the first frame."""
    driver.get(f"{house.url}/label?queue=uncertainty")
    driver.execute_script("document.cookie = 'aurorad_who=Bo; path=/'; location.reload()")
    until(driver, lambda: "1 of 200" in said(driver))
    driver.execute_script(GATE, "/label")
    return str(driver.find_element(By.ID, "main").get_attribute("data-at"))


def test_a_label_on_its_way_stays_with_its_frame_and_queue(browser: Chrome, night: House) -> None:
    """Another queue is chosen before the answer: its first frame is not called labelled, nor is undo about it."""
    first = opened(browser, night)
    press(browser, "a")
    until(browser, lambda: held(browser) == 1)
    browser.execute_script(
        "const q = document.querySelector('[data-queue-form]').elements.queue; q.value = 'night';"
        "q.dispatchEvent(new Event('change', {bubbles: true}))"
    )
    let(browser, "go")
    until(browser, lambda: browser.find_element(By.ID, "main").get_attribute("data-at") != first)
    until(browser, lambda: (first, "aurora", "uncertainty") in labels(night))
    until(browser, lambda: "1 of 200" in said(browser))
    assert "your label" not in said(browser)
    assert not browser.find_element(By.CSS_SELECTOR, "[data-undo]").is_enabled()


def test_a_label_that_is_not_saved_is_asked_for_again(browser: Chrome, night: House) -> None:
    """Its frame comes at the end of the queue; the next key is still for the frame that is shown."""
    opened(browser, night)
    lost = browser.find_element(By.ID, "main").get_attribute("data-at")
    press(browser, "n")
    second = browser.find_element(By.ID, "main").get_attribute("data-at")
    until(browser, lambda: held(browser) == 1)
    let(browser, "fail")
    until(browser, lambda: "Not saved: gone." in said(browser))
    assert "2 of 201" in said(browser)
    assert browser.find_element(By.ID, "main").get_attribute("data-at") == second
    press(browser, "s" * 199)
    assert browser.find_element(By.ID, "main").get_attribute("data-at") == lost
    browser.get_log("browser")


def test_an_undo_that_fails_can_be_tried_again(browser: Chrome, night: House) -> None:
    """The label is still the page's last, and the second press takes it back."""
    at = opened(browser, night)
    press(browser, "o")
    until(browser, lambda: held(browser) == 1)
    let(browser, "go")
    until(browser, lambda: "Saved: obscured." in said(browser))
    for what, words in (("fail", "Not saved: gone."), ("go", "Undone: obscured.")):
        press(browser, "u")
        until(browser, lambda: held(browser) == 1)
        let(browser, what)
        until(browser, lambda words=words: words in said(browser))
    assert at not in [row[0] for row in labels(night)]


def test_two_answers_reach_the_watch_in_their_order(browser: Chrome, night: House) -> None:
    """No, and then Yes before the first is answered: the second waits its turn, and holds."""
    browser.get(f"{night.url}/events")
    browser.execute_script(GATE, "/events/answer")
    for value in ("none", "aurora"):
        browser.find_element(By.CSS_SELECTOR, f'.judge button[value="{value}"]').click()
    until(browser, lambda: held(browser) == 1)
    let(browser, "go")
    until(browser, lambda: "Marked wrong." in said(browser) and held(browser) == 1)
    let(browser, "go")
    until(browser, lambda: "Marked right." in said(browser))
    assert httpx.get(f"{night.url}/api/events").json()["events"][0]["right"] is True


def test_the_last_hour_pressed_twice_plays_once(browser: Chrome, night: House) -> None:
    """While its frames are on their way a second press starts no second player, which nothing would stop."""
    browser.get(night.url)
    browser.execute_script(GATE, "/api/nights")
    button = browser.find_element(By.CSS_SELECTOR, "[data-play-hour]")
    button.click()
    button.click()
    until(browser, lambda: held(browser) >= 1)
    while held(browser):
        let(browser, "go")
    until(browser, lambda: button.text == "■ Stop")
    button.click()
    until(browser, lambda: not browser.find_elements(By.CSS_SELECTOR, ".dome.scrubbing"))
    browser.execute_async_script("setTimeout(arguments[0], 500)")  # several frames of a player's
    assert not browser.find_elements(By.CSS_SELECTOR, ".dome.scrubbing")
    assert sum("/api/nights" in one for one in browser.execute_script("return window.asked")) == 1


VIEWER = """
const image = document.querySelector("dialog.viewer[open] img");
return image && [new URL(image.src).pathname, image.alt, document.querySelector("dialog.viewer .old-mark")?.textContent];
"""


def full_screen(driver: Chrome) -> Any:
    driver.execute_script("document.querySelector('[data-expand]').click()")
    until(driver, lambda: driver.execute_script(VIEWER))
    return driver.execute_script(VIEWER)


def test_full_screen_and_caption_are_of_the_frame_that_is_shown(browser: Chrome, night: House) -> None:
    """Gone through the night, tonight and on its own page: not the picture that was there at first."""
    columns = httpx.get(f"{night.url}/api/nights/2024-02-10").json()
    browser.get(f"{night.url}/night/2024-02-10?at={web_night.at_minute(300)}")
    until(browser, lambda: browser.find_elements(By.CSS_SELECTOR, ".dome.scrubbing"))
    press(browser, "\ue012" * 5)  # arrow left
    clock = columns["clock"][295]
    assert text(browser, "[data-caption]") == clock
    assert full_screen(browser) == [columns["picture"][295], f"The whole sky, {clock}", clock]
    browser.get(night.url)
    was = text(browser, "[data-caption]")
    browser.execute_script(
        "const t = document.querySelector('[data-timeline]'), b = t.getBoundingClientRect();"
        "t.dispatchEvent(new PointerEvent('pointerdown', {bubbles: true, button: 0, clientX: b.left + 0.2 * b.width}))"
    )
    until(browser, lambda: browser.find_elements(By.CSS_SELECTOR, ".dome.scrubbing"))
    words = text(browser, "[data-reel-words]")
    shown = text(browser, "[data-caption]")
    assert words.startswith(shown)
    assert shown != was
    assert full_screen(browser)[0] == columns["picture"][columns["clock"].index(shown)]
    browser.execute_script("document.querySelector('dialog.viewer').close()")
    browser.find_element(By.CSS_SELECTOR, "[data-back-to-now]").click()
    until(browser, lambda: text(browser, "[data-caption]") == was)


def test_numbers_that_do_not_come_are_not_another_frame_s(browser: Chrome, night: House) -> None:
    """Going on leaves dashes until the frame's own numbers are there."""
    browser.get(f"{night.url}/night/2024-02-10?at={web_night.at_minute(300)}")
    until(browser, lambda: browser.find_elements(By.CSS_SELECTOR, ".dome.scrubbing"))
    browser.execute_script(GATE, "/api/observations")
    press(browser, "\ue012")
    asked = "return window.asked.some((each) => each.includes(arguments[0]))"
    until(browser, lambda: browser.execute_script(asked, web_night.at_minute(299)))
    values = "return [...document.querySelectorAll('[data-numbers] dd')].map((each) => each.textContent)"
    assert set(browser.execute_script(values)) == {"–"}
    while held(browser):  # the page may have asked of the frame that it began with too
        let(browser, "go")
    until(browser, lambda: web_night.at_minute(299) in browser.execute_script(values))


def test_what_another_tab_silenced_is_silent_here_too(browser: Chrome, night: House) -> None:
    """The open page follows: silenced elsewhere, and heard again once that time is over."""
    browser.get(night.url)
    form = "return document.querySelector('.snooze').innerText"
    assert "Silence alerts for" in browser.execute_script(form)
    assert httpx.post(f"{night.url}/snooze", json={"minutes": 60}).status_code == 201
    ask = "window.dispatchEvent(new Event('online'))"
    browser.execute_script(ask)
    until(browser, lambda: "Alerts are silent until" in browser.execute_script(form))
    night.watch.now += timedelta(hours=2)
    browser.execute_script(ask)
    until(browser, lambda: "Silence alerts for" in browser.execute_script(form))
    night.watch.now -= timedelta(hours=2)
