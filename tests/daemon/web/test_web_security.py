"""Own names and tokens: what a foreign page cannot read, and how slowly a token is guessed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.config import DaemonSettings, Settings
from daemon.web.connections import client_of
from daemon.web.security import Guesses, own_names, refusal_of_host
from tests import web_night
from tests.web_night import House

TOKEN = "correct horse battery staple"
PATHS = (
    "/",
    "/season",
    "/metrics",
    "/-/healthy",
    "/api/events",
    "/api/openapi.json",
    "/frames/x.jpg",
    "/none",
)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A page with a token, an address of its own and a further name."""
    settings = Settings(daemon=DaemonSettings(url="https://sky.example.org/aurora", names=("watch",)))
    with web_night.house(tmp_path_factory.mktemp("own"), minutes=10, token=TOKEN, settings=settings) as house:
        yield house


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    """One for all: each of its own would read the certificates of all authorities first."""
    with httpx.Client() as client:
        yield client


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "sky.example.org.evil.example",
             "localhost.evil.example", "[::1", "0x7f.1.evil.example", "@"],
)  # fmt: skip
def test_a_name_rebound_to_us_reads_nothing(house: House, client: httpx.Client, path: str, host: str) -> None:
    """Page, interface, metrics and errors alike: one line that names the fix, under the usual headers."""
    reply = client.get(f"{house.url}{path}", headers={"host": host})
    assert reply.status_code == 403
    assert "set [daemon] url to the one people use" in reply.text
    assert reply.headers["content-security-policy"]
    assert len(reply.text) < 300


@pytest.mark.parametrize(
    "host", ["localhost", "aurorad.localhost:81", "127.0.0.1:9", "192.168.1.5", "[::1]:8080", "WATCH",
             "sky.example.org", "Sky.Example.org:443"],
)  # fmt: skip
def test_own_names_read(house: House, host: str) -> None:
    """Loopback, plain addresses, the address people use and the configured names."""
    assert httpx.get(f"{house.url}/api/cameras", headers={"host": host}).status_code == 200


@given(st.text(max_size=60))
def test_no_host_breaks_the_check(host: str) -> None:
    """Whatever a Host header says, it is ours or refused in one line."""
    refused = refusal_of_host(host, own_names("127.0.0.1", "", ("watch",)))
    assert refused is None or (refused.isprintable() and len(refused) < 300)


@pytest.mark.parametrize("origin", ["http://[", "http://]", "http://[::1", "http://a:b:c", "http://\xff"])
def test_an_origin_that_is_no_address_is_refused(house: House, origin: str) -> None:
    """A client's error, never ours."""
    reply = httpx.post(f"{house.url}/label", json={}, headers={"origin": origin.encode("latin-1").decode("latin-1")}
                       if origin.isascii() else {"origin": origin.encode()})  # fmt: skip
    assert reply.status_code in (400, 403)
    if origin.count("[") > origin.count("]"):
        assert reply.status_code == 400


SURROGATE = json.loads('"\\ud800"')


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/label", {"camera": SURROGATE, "observed_at": web_night.at_minute(3), "label": "aurora", "who": "A"}),
        ("/label", {"camera": "yellowknife", "observed_at": SURROGATE, "label": "aurora", "who": "A"}),
        ("/label", {"camera": "yellowknife", "observed_at": web_night.at_minute(3), "label": "aurora",
                    "who": SURROGATE}),
        ("/label/undo", {"id": SURROGATE}),
        ("/events/answer", {"event_id": SURROGATE, "label": "aurora"}),
        ("/sign-in", {"token": SURROGATE}),
        ("/sign-in", {"token": TOKEN, "to": SURROGATE}),
    ],
)  # fmt: skip
def test_half_a_character_is_the_client_s_error(house: House, path: str, body: dict[str, Any]) -> None:
    """JSON can write a lone surrogate, no database takes one: 400."""
    headers = {"content-type": "application/json", "authorization": f"Bearer {TOKEN}"}
    reply = httpx.post(f"{house.url}{path}", content=json.dumps(body), headers=headers)
    assert reply.status_code == 400


@pytest.mark.parametrize("query", ["%00", "%ed%a0%80", "%ff", "%f0%9f", "+" * 300, "%5b", "-1e999"])
def test_a_hostile_query_is_never_our_error(house: House, client: httpx.Client, query: str) -> None:
    """Every address that takes something in, with every parameter there is."""
    names = ("camera", "night", "queue", "judged", "limit", "offset", "since", "until", "verdict", "to", "at")
    for path in ("/", "/live", "/season", "/events", "/label", "/sign-in", "/night/", "/frames/", "/sheets/",
                 "/keogram/", "/api/observations", "/api/events", "/api/nights", "/api/labels", "/api/queue"):  # fmt: skip
        asked = "&".join(f"{name}={query}" for name in names)
        for address in (f"{path}?{asked}", f"{path}{query}", f"{path}{query}/{query}/{query}"):
            assert client.get(f"{house.url}{address}").status_code < 500, address


# ------------------------------------------------------------------ guessing


class Hand:
    """A clock moved by hand."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_every_wrong_token_after_the_fifth_costs_twice_the_wait() -> None:
    """Up to a minute; another client waits for nothing, and a quarter of an hour forgets."""
    clock = Hand()
    guesses = Guesses(clock)
    waits = []
    for number in range(14):
        guesses.wrong("a", f"guess {number}")
        waits.append(guesses.wait_s("a"))
        clock.now += waits[-1]
    assert waits == [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60]
    assert guesses.wait_s("a") == 0
    assert guesses.wait_s("b") == 0
    clock.now += Guesses.FORGOTTEN_AFTER_S + 1
    guesses.wrong("a", "another")
    assert guesses.wait_s("a") == 0


def test_an_old_cookie_is_one_wrong_token_however_often_it_comes() -> None:
    """The browser of somebody who signed in before the token changed is not shut out."""
    guesses = Guesses(Hand())
    for _ in range(1000):
        guesses.wrong("a", "last season's")
    assert guesses.wait_s("a") == 0


def test_guessers_without_number_take_no_memory() -> None:
    """Only so many clients are remembered."""
    guesses = Guesses(Hand())
    for number in range(3 * Guesses.CLIENTS):
        guesses.wrong(str(number), "guess")
    assert len(guesses._wrong) == Guesses.CLIENTS


@pytest.mark.parametrize(
    ("address", "client"),
    [("192.0.2.7", "192.0.2.7"), ("::ffff:192.0.2.7", "192.0.2.7"), ("2001:db8::1", "2001:db8::/64"),
     ("2001:db8::ffff:1", "2001:db8::/64"), ("fe80::1%eth0", "fe80::/64"), ("", "")],
)  # fmt: skip
def test_one_household_is_one_client(address: str, client: str) -> None:
    """Nobody becomes many by taking another address of the same network."""
    assert client_of(address) == client


def test_who_guesses_waits_even_with_the_right_token(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """By bearer, cookie and form alike: 429 and when to come back; reading goes on, signed out."""
    # The wait is measured from the last guess: on a busy machine it was over before the questions were.
    stopped_at = time.monotonic()
    monkeypatch.setattr(house.app.state.site.key._guesses, "_clock", lambda: stopped_at)
    for number in range(6):
        sent = httpx.post(f"{house.url}/label", json={}, headers={"authorization": f"Bearer guess{number}"})
    assert sent.status_code in (401, 429)
    right = httpx.post(
        f"{house.url}/label/undo", json={"id": 1}, headers={"authorization": f"Bearer {TOKEN}"}
    )
    assert right.status_code == 429
    assert int(right.headers["retry-after"]) >= 1
    form = httpx.post(f"{house.url}/sign-in", data={"token": TOKEN}, headers={"origin": house.url})
    assert form.status_code == 429
    read = httpx.get(f"{house.url}/label", headers={"authorization": f"Bearer {TOKEN}"})
    assert read.status_code == 200
    assert '/sign-in?to=/label">sign in</a>' in read.text
