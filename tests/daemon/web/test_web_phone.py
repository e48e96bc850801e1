"""The page on a phone: installable, and only its own people subscribe to news."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from daemon.errors import DeliveryError, UsageError
from daemon.footage import image
from daemon.subscribers import Subscriber
from tests import web_night
from tests.web_night import House

TOKEN = "correct horse battery staple"
HEADERS = {"authorization": f"Bearer {TOKEN}"}
ENDPOINT = "https://push.example/abc"
BROWSER = {"endpoint": ENDPOINT, "p256dh": "B" * 87, "auth": "A" * 22}


class Fake:
    """Keeps who subscribed, and fails as it is told."""

    def __init__(self) -> None:
        self.all: dict[str, Subscriber] = {}
        self.error: Exception | None = None

    def key(self) -> str:
        return "BKey"

    def subscribe(self, given: Subscriber) -> None:
        if self.error is not None:
            raise self.error
        self.all[given.endpoint] = given

    def unsubscribe(self, endpoint: str) -> bool:
        return self.all.pop(endpoint, None) is not None

    def find(self, endpoint: str) -> Subscriber | None:
        return self.all.get(endpoint)

    def test(self, endpoint: str) -> None:
        if self.error is not None:
            raise self.error


@pytest.fixture(scope="module")
def fake() -> Fake:
    return Fake()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, fake: Fake) -> Iterator[House]:
    with web_night.house(tmp_path_factory.mktemp("phone"), minutes=3, token=TOKEN, push=fake) as made:
        yield made


def post(house: House, path: str, body: object, **headers: str) -> httpx.Response:
    return httpx.post(f"{house.url}/push/{path}", json=body, headers=HEADERS | headers)


def test_a_browser_subscribes_changes_its_mind_and_leaves(house: House, fake: Fake) -> None:
    """Its wishes are kept, given back to it alone who knows its address, and forgotten with it."""
    assert httpx.get(f"{house.url}/push/key").json() == {"key": "BKey"}
    wishes = {"camera": "yellowknife", "level": 3, "quiet_from": "23:00", "quiet_to": "06:30",
              "timezone": "America/Yellowknife"}  # fmt: skip
    assert post(house, "subscribe", BROWSER | wishes).status_code == 201
    assert post(house, "mine", {"endpoint": ENDPOINT}).json() == {"wishes": wishes}
    assert post(house, "mine", {"endpoint": f"{ENDPOINT}x"}).json() == {"wishes": None}
    assert post(house, "test", {"endpoint": ENDPOINT}).json() == {"sent": True}
    assert post(house, "unsubscribe", {"endpoint": ENDPOINT}).json() == {"forgotten": True}
    assert fake.all == {}


@pytest.mark.parametrize("path", ["subscribe", "unsubscribe", "mine", "test"])
def test_only_who_may_write_subscribes(house: House, path: str) -> None:
    """Without the token 401, from another site 403; nothing of it by GET."""
    assert post(house, path, BROWSER, authorization="").status_code == 401
    assert post(house, path, BROWSER, origin="https://evil.example").status_code == 403
    assert httpx.get(f"{house.url}/push/{path}").status_code == 405


@pytest.mark.parametrize(
    "wrong",
    [
        {"endpoint": 1}, {"endpoint": "x"}, {"endpoint": "https://é.example/abc"}, {"endpoint": "h" * 2000},
        {"p256dh": "<script>"}, {"auth": None}, {"level": 7}, {"level": True}, {"level": "3"},
        {"quiet_from": "25:00", "quiet_to": "06:00"}, {"quiet_from": "23:00"}, {"timezone": "Mars"},
        {"camera": 5}, {"camera": "x" * 300},
    ],
)  # fmt: skip
def test_what_cannot_be_a_wish_is_refused_with_its_name(
    house: House, fake: Fake, wrong: dict[str, object]
) -> None:
    """400 with the field; nothing is kept."""
    reply = post(house, "subscribe", BROWSER | wrong)
    assert reply.status_code == 400
    assert any(name in reply.json()["error"] for name in wrong)
    assert fake.all == {}


@pytest.mark.parametrize(
    ("error", "status"),
    [(UsageError("no push service known"), 400), (DeliveryError("refused with 403"), 502)],
)
def test_a_refusal_says_why(house: House, fake: Fake, error: Exception, status: int) -> None:
    """The sender's fault or the push service's, in one line."""
    fake.error = error
    try:
        reply = post(house, "test", {"endpoint": ENDPOINT})
    finally:
        fake.error = None
    assert (reply.status_code, reply.json()) == (status, {"error": str(error)})


def test_the_page_can_be_installed(house: House) -> None:
    """A manifest whose addresses hold under any path, icons of the sizes it says, a worker over the whole page."""
    version = house.app.state.site.static_version
    at = f"{house.url}/static/{version}/manifest.json"
    told = httpx.get(at).json()
    assert told["display"] == "standalone"
    assert str(httpx.URL(at).join(told["start_url"])) == f"{house.url}/"
    sizes = {"192x192", "512x512"}
    for icon in told["icons"]:
        data = httpx.get(httpx.URL(at).join(icon["src"])).content
        if icon["sizes"] in sizes:
            assert image.decode(data).shape[0] == int(icon["sizes"].partition("x")[0])
    worker = httpx.get(f"{house.url}/sw.js")
    assert worker.headers["content-type"].startswith("text/javascript")
    assert (worker.headers["cache-control"], version in worker.text) == ("no-cache", True)
