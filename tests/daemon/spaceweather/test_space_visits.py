"""The feeds are asked politely, recorded once, and what they do wrong is typed, counted and kept to themselves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from daemon.clock import Clock
from daemon.commands import doctor
from daemon.config import CameraSettings, Settings, SpaceWeatherSettings
from daemon.metrics import Metrics
from daemon.record import space
from daemon.record.store import Store
from daemon.spaceweather.feeds import feeds_of
from daemon.spaceweather.visits import Visits
from daemon.web.forecast import forecast_of
from daemon.web.tongues import speaking
from tests.loopback import Loopback
from training.simulator.space_weather import SpaceFeeds

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


ask_one, FINE = doctor._ask, doctor.Finding("other", True, "")


class Hand(Clock):
    """A clock put by hand."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at


class Server:
    """The stand-in feeds over HTTP; every request is kept with its headers."""

    def __init__(self, clock: Clock) -> None:
        self.feeds, self.asked, self.status = SpaceFeeds(seed=1), list[tuple[str, str]](), 200
        mine = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                mine.asked.append((self.path, self.headers.get("Range", "")))
                body = mine.feeds.answer(self.path, clock.now()) or b""
                first, _, last = self.headers.get("Range", "").removeprefix("bytes=").partition("-")
                part = bool(last) and mine.status == 200
                self.send_response(206 if part else mine.status)
                data = body[int(first or 0) : int(last) + 1] if part else body
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        self._loopback = Loopback(Handler)
        self.url = f"http://{self._loopback.place}"
        self.close = self._loopback.close


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
def server(clock: Hand) -> Iterator[Server]:
    it = Server(clock)
    yield it
    it.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "a.db") as it:
        yield it


def settings(server: Server) -> Settings:
    wanted = SpaceWeatherSettings(
        enabled=True, timeout_s=60, noaa_url=server.url, gfz_url=server.url, hapi_url=f"{server.url}/hapi"
    )
    return Settings(space_weather=wanted, camera=(CameraSettings(magnetometer="ykc/best-avail/PT1M/xyzf"),))


def visits(server: Server, store: Store, clock: Hand, metrics: Metrics | None = None) -> Visits:
    feeds = feeds_of(settings(server))
    return Visits(feeds, store.space, metrics or Metrics(), clock, contact="", timeout_s=60)


def test_off_asks_nobody() -> None:
    """Without [space_weather] enabled there is no feed at all."""
    assert feeds_of(Settings()) == ()


def test_every_feed_is_recorded_with_source_time_age_and_licence(
    server: Server, store: Store, clock: Hand
) -> None:
    """One visit fills every table; the page's lines say whose each is, how old, and that it was not seen here."""
    visits(server, store, clock).visit()
    reader = store.reader
    wind = space.solar_wind(reader, NOW - timedelta(hours=6), NOW)
    assert len(wind) > 300
    assert {row["field_source"] for row in wind} <= {"SOLAR1", None}
    assert sum(row["speed_km_s"] is not None and row["bz_nt"] is not None for row in wind) > 300
    assert space.index(reader, "kp", NOW - timedelta(days=1), NOW)
    assert space.index(reader, "hp30", NOW - timedelta(days=1), NOW)
    assert space.forecasts(reader, "yellowknife", NOW, NOW + timedelta(hours=1))[0]["percent"] == 36
    assert space.magnetic_field(reader, "ykc", NOW - timedelta(hours=1), NOW)
    stands = space.feeds(reader)
    assert {row["fault"] for row in stands.values()} == {""}
    assert stands["hp30"]["licence"] == "CC BY 4.0"
    block = forecast_of(reader, settings(server), "yellowknife", NOW)
    assert block is not None
    names = ["Solar wind", "Kp", "Hp30", "OVATION for this place", "Magnetometer YKC"]
    assert [line.name for line in block.lines] == names
    assert all("old" in line.detail for line in block.lines)
    assert "none of it was seen by this camera" in block.note
    plain = {line.name: line.text for line in block.lines}
    with speaking("de"):
        german = forecast_of(reader, settings(server), "yellowknife", NOW)
    assert german is not None
    for line in german.lines:
        if line.name in ("Kp", "Hp30"):
            assert line.text == plain[line.name].replace(".", ",") != plain[line.name]


def test_only_what_is_due_and_new_is_asked_for(server: Server, store: Store, clock: Hand) -> None:
    """A second visit a minute later asks nobody; after five the solar wind's newest part alone."""
    it = visits(server, store, clock)
    following = it.visit()
    assert following == NOW + timedelta(minutes=5)
    first = len(server.asked)
    clock.at += timedelta(minutes=1)
    it.visit()
    assert len(server.asked) == first
    clock.at += timedelta(minutes=5)
    it.visit()
    more = server.asked[first:]
    assert [path for path, _ in more] == ["/json/rtsw/rtsw_mag_1m.json", "/json/rtsw/rtsw_wind_1m.json"]
    assert all(part.startswith("bytes=0-") for _, part in more)
    newest = space.solar_wind(store.reader, NOW, clock.at)[-1]
    assert newest["at"] == "2026-11-26T12:03:00Z"


def test_a_feed_in_trouble_is_counted_and_asked_less_often(server: Server, store: Store, clock: Hand) -> None:
    """Each failure doubles the wait, to an hour; the fault is on record and the others are none the worse."""
    metrics = Metrics()
    it = visits(server, store, clock, metrics)
    server.status = 503
    for _ in range(5):
        clock.at = it.visit()
    counted = metrics.registry.get_sample_value(
        "aurorad_space_weather_errors_total", {"feed": "magnetic field", "reason": "server error"}
    )
    assert counted is not None
    assert 2 <= counted <= 4
    assert "answered 503" in space.feeds(store.reader)["magnetic field"]["fault"]
    server.status, server.feeds.lie = 200, "shape"
    clock.at += timedelta(hours=1)
    it.visit()
    assert "changed its shape" in space.feeds(store.reader)["kp"]["fault"]
    server.feeds.lie = None
    clock.at += timedelta(hours=1)
    it.visit()
    assert {row["fault"] for row in space.feeds(store.reader).values()} == {""}


def test_doctor_asks_every_feed_once(server: Server, clock: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line a feed with the age of its newest reading; one that lies is FAIL with the reason."""
    clock.at = datetime.now(UTC)
    monkeypatch.setattr(
        doctor, "_ask", lambda part, question: ask_one(part, question) if "space" in part else FINE
    )
    findings = [f for f in doctor.examine(settings(server), None) if "space" in f.part]
    assert len(findings) == 6
    assert all(f.well for f in findings), findings
    assert "NOAA SWPC, public domain" in findings[0].text
    server.feeds.lie = "shape"
    wrong = [f for f in doctor.examine(settings(server), None) if "space" in f.part]
    assert not any(f.well for f in wrong)
    assert "changed its shape" in wrong[2].text


def test_a_page_without_news_says_so(store: Store) -> None:
    """Switched on and silent for half a day: one sentence, and no old figures."""
    on = Settings(space_weather=SpaceWeatherSettings(enabled=True))
    block = forecast_of(store.reader, on, "yellowknife", NOW)
    assert block is not None
    assert (block.lines, "No feed" in block.note) == ((), True)
    assert forecast_of(store.reader, Settings(), "yellowknife", NOW) is None
