"""The page on a phone, in a real Chromium: under a sub-path, installed, offline, and with news by web push."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import until
from chromium import NARROW, opened, size
from selenium.common.exceptions import WebDriverException
from selenium.webdriver import Chrome

from daemon.alert.push import Push
from daemon.config import DaemonSettings, PushSettings, Settings
from daemon.observation import OutboxRow
from daemon.record.store import Store
from daemon.subscribers import Subscribers
from tests import web_night
from tests.conftest import SetClock
from tests.daemon.record.made import NIGHT, T0, event, message, observation
from tests.deploy.test_deploy_proxies import DEFAULTS, TOKEN, behind, nginx
from tests.push_service import Browser, PushService
from tests.web_night import House

# Where a browser would ask its maker's push service, which is not to be had here: a subscription like
# one of theirs, to a service on loopback. The keys are the test's, which so reads what is sent.
SUBSCRIBED = """
const given = arguments[0];
const made = { endpoint: given.endpoint, options: {}, toJSON: () => ({ endpoint: given.endpoint, keys: given }), unsubscribe: async () => { there = null; return true; } };
let there = null;
PushManager.prototype.getSubscription = async () => there;
PushManager.prototype.subscribe = async (wishes) => {
  window.wishes = wishes;
  made.options.applicationServerKey = wishes.applicationServerKey.buffer;
  return (there = made);
};
"""


@pytest.fixture(scope="module")
def phone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    with opened(tmp_path_factory.mktemp("phone")) as driver:
        size(driver, NARROW)
        yield driver


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PushService]:
    made = PushService(tmp_path_factory.mktemp("push"))
    yield made
    made.close()


class Home:
    """A page with a real push channel over a record of its own."""

    def __init__(self, folder: Path, service: PushService) -> None:
        daemon = DaemonSettings(state_dir=folder / "state")
        settings = Settings(daemon=daemon, push=PushSettings(services=("localhost",)))
        (folder / "state").mkdir()
        self.store = Store(folder / "state/a.db")
        self.push = Push(
            settings, self.store, SetClock(T0), Subscribers.kept_in(folder / "state"), trust=service.trust
        )
        self.page = web_night.house(folder, minutes=260, push=self.push)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, service: PushService) -> Iterator[tuple[Home, House]]:
    made = Home(tmp_path_factory.mktemp("home"), service)
    with made.page as house:
        yield made, house
    made.store.close()


def shown(driver: Chrome, selector: str) -> bool:
    script = "const e = document.querySelector(arguments[0]); return !!e && e.checkVisibility()"
    return bool(driver.execute_script(script, selector))


def click(driver: Chrome, selector: str) -> None:
    driver.execute_script("document.querySelector(arguments[0]).click()", selector)


def said(driver: Chrome) -> str:
    return str(driver.execute_script("return document.querySelector('[data-home-said]').textContent"))


def allowed(driver: Chrome, origin: str, browser: Browser) -> None:
    """Notifications of this site are allowed, and its subscription will be the browser's."""
    driver.execute_cdp_cmd("Browser.grantPermissions", {"origin": origin, "permissions": ["notifications"]})
    driver.execute_cdp_cmd(
        "Page.addScriptToEvaluateOnNewDocument",
        {"source": f"(function () {{ {SUBSCRIBED} }})({json.dumps(browser.subscription)})"},
    )


def worker_ready(driver: Chrome) -> None:
    """Until the service worker serves this page; one that began while it was being loaded serves the next."""
    driver.execute_async_script("const done = arguments[0]; navigator.serviceWorker.ready.then(() => done())")
    if not driver.execute_script("return !!navigator.serviceWorker.controller"):
        driver.refresh()
    until(driver, lambda: driver.execute_script("return !!navigator.serviceWorker.controller"))


def test_a_tap_subscribes_and_the_news_arrive(
    phone: Chrome, home: tuple[Home, House], service: PushService
) -> None:
    """Button, permission, wishes; the test message and then an event, decrypted, handed to the worker, are shown."""
    made, house = home
    mine = Browser(service, "chromium")
    origin = house.url
    allowed(phone, origin, mine)
    phone.get(house.url)
    until(phone, lambda: shown(phone, "[data-home-subscribe]"))
    assert not shown(phone, "[data-home-needs]")
    click(phone, "[data-home-subscribe]")
    until(phone, lambda: "next aurora" in said(phone))
    key = phone.execute_script(
        "return btoa(String.fromCharCode(...new Uint8Array(window.wishes.applicationServerKey)))"
    )
    assert key.rstrip("=").replace("+", "-").replace("/", "_") == made.push.key()
    phone.execute_script(
        "const f = document.querySelector('[data-home] form'); f.elements.level.value = '3';"
        "f.dispatchEvent(new Event('change', {bubbles: true}))"
    )
    until(phone, lambda: made.push.subscribers.all()[0].level == 3)
    click(phone, "[data-home-test]")
    until(phone, lambda: len(mine.got) == 1)
    made.store.record(observation(0, colour_level=4), night=NIGHT)
    made.store.put_event(event())
    told = message("onset", "push")
    made.store.enqueue([told])
    made.push.deliver(OutboxRow(1, told, 1), None)
    worker_ready(phone)
    for text in mine.got:
        _push_to_worker(phone, house.url, text)
    titles = _notifications(phone, 2)
    assert titles == {"aurorad: a test", "t"}
    # A subscription made with a key that the watch has no more is given up for one with its own.
    phone.execute_async_script(
        "const done = arguments[0]; navigator.serviceWorker.ready.then(async (worker) => {"
        " const its = await worker.pushManager.getSubscription();"
        " its.options.applicationServerKey = new Uint8Array(65).buffer; window.wishes = null; done(); })"
    )
    click(phone, "[data-home-subscribe]")
    until(phone, lambda: phone.execute_script("return window.wishes !== null"))
    click(phone, "[data-home-end]")
    until(phone, lambda: not made.push.subscribers.all())
    until(phone, lambda: shown(phone, "[data-home-subscribe]"))


def test_a_phone_signs_in_where_it_is_refused_and_then_subscribes(
    phone: Chrome, service: PushService, tmp_path: Path
) -> None:
    """With a token and under a sub-path: the refusal has a link to sign in, which leads back; then one tap is enough."""
    mine = Browser(service, "signed-in")
    (tmp_path / "push").mkdir()
    made = Home(tmp_path / "push", service)
    # The store first: where there is no nginx the test is skipped in the next expression.
    with contextlib.closing(made.store), behind(nginx(DEFAULTS), tmp_path, made.push) as (_, url):
        allowed(phone, url.removesuffix("/aurora"), mine)
        phone.get(f"{url}/season")
        until(phone, lambda: shown(phone, "[data-home-subscribe]"))
        assert not shown(phone, "[data-home-sign-in]")
        click(phone, "[data-home-subscribe]")
        until(phone, lambda: said(phone) == "Sign in first.")
        assert made.push.subscribers.all() == []
        click(phone, "[data-home-sign-in]")
        until(phone, lambda: shown(phone, "input[name=token]"))
        phone.find_element("css selector", "input[name=token]").send_keys(TOKEN)
        click(phone, "form.sign-in button")
        until(phone, lambda: phone.current_url == f"{url}/season")
        until(phone, lambda: shown(phone, "[data-home-subscribe]"))
        click(phone, "[data-home-subscribe]")
        until(phone, lambda: "next aurora" in said(phone))
        assert not shown(phone, "[data-home-sign-in]")
        click(phone, "[data-home-test]")
        until(phone, lambda: [text["title"] for text in mine.got] == ["aurorad: a test"])


def _push_to_worker(driver: Chrome, url: str, text: dict[str, Any]) -> None:
    """As the browser does when its push service brings a message.

    Registrations are numbered from 0 in a profile; this one is among the first, and a number without one is no error.
    """
    driver.execute_cdp_cmd("ServiceWorker.enable", {})
    for number in range(4):
        with contextlib.suppress(WebDriverException):
            driver.execute_cdp_cmd(
                "ServiceWorker.deliverPushMessage",
                {"origin": url, "registrationId": str(number), "data": json.dumps(text)},
            )


def _notifications(driver: Chrome, count: int) -> set[str]:
    script = """
const done = arguments[arguments.length - 1];
navigator.serviceWorker.ready.then((r) => r.getNotifications()).then((all) => done(all.map((n) => n.title)));
"""
    until(driver, lambda: len(driver.execute_async_script(script)) >= count)
    return set(driver.execute_async_script(script))


def test_the_installed_page_says_when_it_is_offline(phone: Chrome, home: tuple[Home, House]) -> None:
    """The open page at once; a page opened without a network says so with the time, and shows no old picture."""
    _, house = home
    phone.get(house.url)
    worker_ready(phone)
    phone.get(house.url)
    phone.execute_cdp_cmd("Network.enable", {})
    lost = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
    phone.execute_cdp_cmd("Network.emulateNetworkConditions", lost)
    try:
        until(phone, lambda: shown(phone, "[data-home-offline]"))
    finally:
        phone.execute_cdp_cmd(
            "Network.emulateNetworkConditions",
            {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1},
        )
    until(phone, lambda: not shown(phone, "[data-home-offline]"))


def test_a_watch_that_is_gone_is_offline_too(phone: Chrome, tmp_path: Path) -> None:
    """The page's server is stopped: the worker answers instead, and says that nothing is known of the sky now."""
    with web_night.house(tmp_path, minutes=3) as house:
        phone.get(house.url)
        worker_ready(phone)
        phone.get(f"{house.url}/season")
        house.server.stop()
        phone.get(f"{house.url}/")
        text = str(phone.execute_script("return document.body.innerText"))
        assert "Offline" in text
        assert "nothing is known of the sky now" in text
        assert "Last reached: 2" in text or "/" in text.split("Last reached:")[1]
        assert phone.execute_script("return document.images.length") == 0


def test_a_page_opened_once_was_reached(phone: Chrome, tmp_path: Path) -> None:
    """The page that brings the worker is not fetched through it, and counts all the same."""
    with web_night.house(tmp_path, minutes=3) as house:
        phone.get(house.url)
        worker_ready(phone)
        house.server.stop()
        phone.get(f"{house.url}/")
        text = str(phone.execute_script("return document.body.innerText"))
        assert "Last reached" in text
        assert "never" not in text


def test_chromium_takes_it_for_an_app(phone: Chrome, home: tuple[Home, House]) -> None:
    """The manifest has no error, and nothing keeps the page from being installed."""
    _, house = home
    phone.get(house.url)
    worker_ready(phone)
    told = phone.execute_cdp_cmd("Page.getAppManifest", {})
    assert told["errors"] == []
    assert told["url"].endswith("/manifest.json")
    kept_from = phone.execute_cdp_cmd("Page.getInstallabilityErrors", {})["installabilityErrors"]
    assert [error["errorId"] for error in kept_from if error["errorId"] != "in-incognito"] == []


def test_the_whole_page_works_under_a_sub_path(phone: Chrome, tmp_path: Path) -> None:
    """Through nginx as it comes: every link and file answers, a label is given, the worker's scope is the sub-path."""
    with behind(nginx(DEFAULTS), tmp_path) as (house, url):
        phone.get(f"{url}/sign-in")
        phone.execute_script(
            "document.querySelector('input[name=token]').value = arguments[0];"
            "document.querySelector('form.sign-in, form[method=post]').submit()",
            "correct horse battery staple",
        )
        until(phone, lambda: phone.current_url.rstrip("/") == url)
        worker_ready(phone)
        scope = phone.execute_script("return navigator.serviceWorker.getRegistration().then((r) => r.scope)")
        assert scope == f"{url}/"
        script = """
const done = arguments[arguments.length - 1];
const found = [...document.querySelectorAll("[href], [src]")].map((e) => e.href?.baseVal ?? e.href ?? e.src);
const own = [...new Set(found.filter((a) => typeof a === "string" && a.startsWith(location.origin)).map((a) => a.split("#")[0]))];
Promise.all(own.map((a) => fetch(a).then((r) => [a, r.status]))).then(done);
"""
        for path in ("/", "/season", "/events", "/label", "/night/2024-02-10"):
            phone.get(f"{url}{path}")
            answers = dict(phone.execute_async_script(script))
            assert len(answers) > 5
            wrong = {a: s for a, s in answers.items() if s >= 400 or not a.startswith(url)}
            assert wrong == {}, path
        with house.ports.reader() as reader:
            assert reader.labels() == []
        status = phone.execute_async_script(
            "const done = arguments[arguments.length - 1];"
            f"fetch('{url}/label', {{method: 'POST', headers: {{'content-type': 'application/json'}},"
            f" body: JSON.stringify({{camera: 'yellowknife', observed_at: '{web_night.at_minute(10)}',"
            " label: 'aurora', who: 'Ada'})}).then((r) => done(r.status))"
        )
        assert status == 201
