"""The live still over real HTTP: what is asked for, when, and what becomes of bad answers."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from daemon.clock import Clock
from daemon.config import CameraSettings, DaemonSettings, SourceSettings
from daemon.errors import FetchError
from daemon.source import open_source, user_agent
from daemon.source.fetch import MAX_RETRY_AFTER_S, Limits, fetch_bytes, retry_after_s
from daemon.source.pace import Pace
from daemon.source.url import UrlSource
from tests.conftest import SetClock
from tests.daemon.source.test_source_url_strange import Raw
from tests.pace import slowness
from tests.small_site import START, small_site
from training.simulator.http import Server
from training.simulator.site import Site


@pytest.fixture
def clock() -> SetClock:
    return SetClock(START)


@pytest.fixture
def site(clock: SetClock) -> Site:
    return small_site(clock, START - timedelta(hours=1))


@pytest.fixture
def server(site: Site) -> Iterator[Server]:
    with Server(site) as running:
        yield running


def source_of(url: str, clock: Clock, cadence_s: float = 60.0, **more: object) -> UrlSource:
    settings = SourceSettings.model_validate({"kind": "url", "url": url, "timeout_s": 3.0, **more})
    return UrlSource(settings, cadence_s, "aurorad-test", clock, random.Random(1))


@pytest.fixture
def live(server: Server, clock: SetClock) -> UrlSource:
    return source_of(f"{server.address}/recent/recent_480p.jpg", clock)


def test_a_still_comes_with_its_age_and_address(live: UrlSource, clock: SetClock) -> None:
    """The bytes, the server's Last-Modified and the address arrive as they were served."""
    still = live.latest()
    assert still is not None
    assert still.data.startswith(b"\xff\xd8")
    assert still.last_modified == START - timedelta(seconds=1)  # exposed at −6 s, published 5 s later
    assert still.fetched_at == clock.now()
    assert still.name == "recent_480p.jpg"
    assert still.source == live.settings.url


def test_what_was_seen_is_not_sent_again(live: UrlSource, clock: SetClock, site: Site) -> None:
    """The second request is conditional, and 304 means nothing new."""
    site.faults.set("freeze")
    assert live.latest() is not None
    clock.move(60)
    assert live.latest() is None
    site.faults.set("none")
    clock.move(60)
    assert live.latest() is not None
    assert site.asked["live"] == 3


def test_never_more_than_one_request_a_cadence(live: UrlSource, clock: SetClock, site: Site) -> None:
    """However often the source is looked at, the server is asked once a cadence."""
    for _ in range(600):
        live.latest()
        clock.move(1)
    assert 9 <= site.asked["live"] <= 11


def test_next_request_says_when_asking_is_allowed(live: UrlSource, clock: SetClock) -> None:
    """A scheduler that goes by next_request wastes no look and never comes too early."""
    live.latest()
    soon = live.next_request(clock.now())
    assert START + timedelta(seconds=45) <= soon <= START + timedelta(seconds=60)
    clock.at = soon
    assert live.latest() is not None


def test_a_look_brought_forward_is_granted_once(live: UrlSource, clock: SetClock, site: Site) -> None:
    """Twenty seconds on, where the watch asks for it; then a cadence again. Back-off still has the last word."""
    live.latest()
    assert live.next_request(clock.now() + timedelta(seconds=20), soon=True) == START + timedelta(seconds=20)
    clock.at = START + timedelta(seconds=20)
    live.latest()
    assert site.asked["live"] == 2
    assert live.next_request(clock.now()) == START + timedelta(seconds=20 + 45)
    site.faults.set("500")
    clock.at = START + timedelta(seconds=80)
    with pytest.raises(FetchError):
        live.latest()
    assert live.next_request(clock.now() + timedelta(seconds=20), soon=True) > START + timedelta(seconds=110)


def test_a_request_that_hangs_does_not_cost_its_time_twice() -> None:
    """The wait after a failure counts from when it was asked; a Retry-After from the answer."""
    pace = Pace(60.0, random.Random(1))
    pace.asked(START)
    gave_up = START + timedelta(seconds=30)
    pace.failed(gave_up)
    assert pace.earliest(gave_up) <= START + timedelta(seconds=60)
    pace.asked(gave_up)
    pace.failed(gave_up, retry_after_s=119)
    assert pace.earliest(gave_up) == gave_up + timedelta(seconds=119)


@pytest.mark.parametrize(
    ("cadence_s", "asked_s", "waits_s"), [(60, 900, 120), (1, 3600, 120), (300, 3600, 600)]
)
def test_no_server_stops_the_looking_for_long(cadence_s: float, asked_s: float, waits_s: float) -> None:
    """A Retry-After of a quarter of an hour costs two minutes of the night, or two cadences of a slow camera."""
    pace = Pace(cadence_s, random.Random(1))
    at = START
    for _ in range(5):
        pace.asked(at)
        pace.failed(at, retry_after_s=asked_s)
        assert pace.earliest(at) == at + timedelta(seconds=waits_s)
        at = pace.earliest(at)


def test_a_clock_put_back_does_not_silence_the_watch(live: UrlSource, clock: SetClock) -> None:
    """After the machine's clock jumps an hour back, the next look asks again at once."""
    assert live.latest() is not None
    clock.move(-3600)
    assert live.latest() is not None


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("html", "not an image"),
        ("empty", "empty"),
        ("truncated", "truncated"),
        ("500", "server error"),
        ("503", "server error"),
        ("429", "too many requests"),
        ("404", "not found"),
        ("403", "forbidden"),
        ("loop", "redirect loop"),
        ("long-loop", "redirect loop"),
        ("garbage", "protocol"),
        ("close", "protocol"),
        ("huge", "too large"),
    ],
)
def test_a_bad_answer_is_one_line_and_the_next_good_one_is_taken(
    live: UrlSource, clock: SetClock, site: Site, fault: str, reason: str
) -> None:
    """Each fault of a server has its fixed reason and one line with the address and a mend; then it is over."""
    site.faults.set(fault, times=1 if "loop" not in fault else None)
    with pytest.raises(FetchError) as caught:
        live.latest()
    assert caught.value.reason == reason
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\S+: .+; .+", str(caught.value))
    site.faults.set("none")
    clock.at = live.next_request(clock.now())
    assert live.latest() is not None


@pytest.mark.parametrize("fault", ["hang", "drip", "drip-headers"])
def test_a_slow_server_is_left_when_the_time_is_up(server: Server, site: Site, fault: str) -> None:
    """A server that says nothing, or a byte now and then, holds nobody longer than timeout_s."""
    live = source_of(f"{server.address}/recent/recent_480p.jpg", Clock(), timeout_s=0.6)
    site.faults.set(fault)
    began = time.monotonic()
    with pytest.raises(FetchError) as caught:
        live.latest()
    assert caught.value.reason == "timeout"
    assert time.monotonic() - began < 0.6 + slowness()


def test_an_error_page_is_not_remembered_as_the_newest_picture(
    live: UrlSource, clock: SetClock, site: Site
) -> None:
    """After a page under a picture's name, the next request is not conditional on the page."""
    site.faults.set("html", times=1)
    with pytest.raises(FetchError, match="web page"):
        live.latest()
    clock.move(60)
    assert live.latest() is not None


def test_failures_space_requests_to_two_cadences_at_most(
    live: UrlSource, clock: SetClock, site: Site
) -> None:
    """Back-off grows, is drawn by lot, and never reaches beyond two cadences."""
    site.faults.set("500")
    waits = []
    for _ in range(12):
        with pytest.raises(FetchError):
            live.latest()
        due = live.next_request(clock.now())
        waits.append((due - clock.now()).total_seconds())
        clock.at = due
    assert max(waits) <= 120
    assert min(waits[2:]) > 60
    assert len({round(wait, 3) for wait in waits[2:]}) > 5


def test_retry_after_is_honoured(live: UrlSource, clock: SetClock, site: Site) -> None:
    """A server that asks for more peace than our own back-off gets it."""
    live.pace = Pace(1.0, random.Random(1))
    site.faults.set("429", times=1)  # Retry-After: 3
    with pytest.raises(FetchError):
        live.latest()
    assert live.next_request(clock.now()) == clock.now() + timedelta(seconds=3)
    clock.move(2.9)
    assert live.latest() is None
    clock.move(0.1)
    assert live.latest() is not None


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        ("0", 0.0),
        ("99999999999999999999", MAX_RETRY_AFTER_S),
        ("Thu, 01 Jan 1970 00:02:00 GMT", 60.0),
        ("Thu, 01 Jan 1970 00:00:10 GMT", 0.0),
        ("Wed, 01 Jan 2099 00:00:00 GMT", MAX_RETRY_AFTER_S),
        ("soon", None),
        ("-5", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_in_all_its_forms(header: str | None, seconds: float | None) -> None:
    """Seconds, a date, nonsense; never more than an hour."""
    assert retry_after_s(header, now_s=60.0) == seconds


def test_logins_and_keys_stay_out_of_every_message(server: Server, site: Site, clock: SetClock) -> None:
    """User, password and query of an address are in no error, description or recorded source."""
    address = server.address.replace("http://", "http://eve:CANARY1@")
    live = source_of(f"{address}/recent/recent_480p.jpg?key=CANARY2", clock)
    still = live.latest()
    assert still is not None
    said = [still.source, still.name, live.describe()]
    for fault in ("500", "loop", "html", "garbage"):
        site.faults.set(fault)
        clock.move(300)
        with pytest.raises(FetchError) as caught:
            live.latest()
        said.append(str(caught.value))
    assert not any("CANARY" in text or "eve" in text for text in said)
    assert all("recent_480p.jpg" in text for text in said)


def test_who_asks_is_named() -> None:
    """The User-Agent names project, version and contact, and a contact cannot add headers."""
    assert user_agent("").startswith("aurorad/")
    assert "me@example.org" in user_agent("me@example.org")
    hostile = user_agent("x\r\nEvil: 1\u00e9")
    assert "\r" not in hostile
    assert "\n" not in hostile
    assert hostile.isascii()


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://host/x.jpg", "gopher://x", "http://", "http://[::1/x"]
)
def test_only_web_addresses_are_asked(url: str) -> None:
    """Another scheme, or no host at all, is refused before anything is opened."""
    with pytest.raises(FetchError) as caught:
        fetch_bytes(url, Limits(1, 1000), {})
    assert caught.value.reason == "address"


def test_the_streams_own_time_header_is_read() -> None:
    """The sibling camera's feed gives its time in a header of its own."""
    answer = (
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"
        b"x-rt-stream-last-updated-utc: 2024-02-10T05:00:07\r\n\r\n\xff\xd8\xff\xff\xd9"
    )
    with Raw(answer) as raw:
        still = source_of(f"http://127.0.0.1:{raw.port}/latest", Clock()).ask()
    assert still.last_modified == datetime(2024, 2, 10, 5, 0, 7, tzinfo=UTC)


@pytest.mark.parametrize("phase_s", [0.2, 1.5, 3.9, 5.8])
def test_a_fast_watch_falls_in_step_with_the_feed(
    site: Site, server: Server, clock: SetClock, phase_s: float
) -> None:
    """At the feed's own cadence each still is fetched within two seconds of its publication, none left out,
    whenever the watch begins and though each look is a moment late; requests stay one a cadence."""
    clock.at = START + timedelta(seconds=5 + phase_s)
    live = source_of(f"{server.address}/recent/recent_480p.jpg", clock, cadence_s=6)
    seen = []
    for _ in range(60):
        still = live.latest()
        assert still is not None
        assert still.last_modified is not None
        seen.append((still.last_modified, (still.fetched_at - still.last_modified).total_seconds()))
        clock.at = live.next_request(clock.now() + timedelta(seconds=6)) + timedelta(seconds=0.03)
    assert max(late for _, late in seen[2:]) < 2
    made = [at for at, _ in seen[2:]]
    assert made == [made[0] + timedelta(seconds=6 * k) for k in range(len(made))]


def test_the_source_of_a_camera_is_the_configured_one(tmp_path: Path) -> None:
    """open_source gives each kind what it names."""
    defaults = open_source(CameraSettings(), DaemonSettings())
    assert defaults.describe() == "auroramax https://auroramax.phys.ucalgary.ca/recent/recent_720p.jpg"
    folder = CameraSettings.model_validate({"source": {"kind": "folder", "path": str(tmp_path)}})
    assert open_source(folder, DaemonSettings()).describe() == f"folder {tmp_path}/*.jpg"
