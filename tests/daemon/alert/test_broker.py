"""The MQTT channel against a real mosquitto: nothing lost, nothing doubled, never off where nobody knows."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from daemon.alert import broker as broker_module
from daemon.alert import delivery as delivery_module
from daemon.alert.broker import Broker
from daemon.alert.conditions import Conditions
from daemon.alert.delivery import Delivery
from daemon.clock import FastClock
from daemon.config import MqttSettings, NotifySettings, Settings
from daemon.errors import DeliveryError
from daemon.footage import image
from daemon.live_status import LiveStatus
from daemon.metrics import Metrics
from daemon.observation import Gate
from daemon.record.store import Store
from tests.daemon.record.made import NIGHT, T0, event, message, observation
from tests.mosquitto import Home, Mosquitto, needs_mosquitto, soon
from tests.skies import night_sky

pytestmark = needs_mosquitto
CAMERA = "aurorad/yellowknife"
SPEED = 3600.0  # an hour of the watch in a second


def picture_of(minute: int) -> str:
    """Where the picture of a made frame is kept."""
    return f"yellowknife/2024-02-10/{T0 + timedelta(minutes=minute):%Y%m%d%H%M%S}_{minute}.jpg"


class Wired:
    """The outbox, its threads and the broker's, and a camera whose state is set by hand."""

    def __init__(self, folder: Path, mqtt: MqttSettings, *, settle_s: float = 0.3) -> None:
        self.clock = FastClock(T0, SPEED)
        told = NotifySettings(name="operator", url="json://127.0.0.1:9/", audience="operator")
        self.settings = Settings(mqtt=mqtt, notify=(told,))
        self.store = Store(folder / "a.db", now=self.clock.now)
        self.frames = folder / "frames"
        self.status: dict[str, LiveStatus] = {}
        conditions = Conditions(self.store, self.settings.notify, self.clock)
        self.broker = Broker(
            self.settings, mqtt, self.store, self.status.get, self.frames, self.clock, conditions,
            settle_s=settle_s,
        )  # fmt: skip
        self.delivery = Delivery(
            Settings(mqtt=mqtt), self.store, Metrics(), self.clock, self.frames, conditions, [self.broker]
        )
        self.broker.start()
        self.delivery.start()

    def look(self, minute: int, **changed: Any) -> None:
        """A frame is judged and recorded, and is the present."""
        made = observation(minute, picture=picture_of(minute), **changed)
        kept = self.frames / picture_of(minute)
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(image.encode_jpeg(night_sky(np.random.default_rng(minute), 0, side=96)))
        self.store.record(made, night=NIGHT)
        self.status["yellowknife"] = LiveStatus(
            Gate(True, True, "dark enough"),
            framed_at=self.clock.now() + timedelta(days=1),  # the clock runs fast: present for the whole test
            before_at=self.clock.now() + timedelta(days=1),
            observed_at=made.observed_at,
            progressed_at=self.clock.now(),
        )

    def close(self) -> None:
        self.delivery.stop(5)
        self.broker.stop(5)
        self.store.close()


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker_module, "RETRY_S", (0.1, 0.2))
    monkeypatch.setattr(broker_module, "LOOK_S", 0.05)
    monkeypatch.setattr(delivery_module, "LOOK_S", 0.05)


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    server = Mosquitto(tmp_path)
    yield server
    server.kill()


@pytest.fixture
def home(mosquitto: Mosquitto) -> Iterator[Home]:
    listener = Home(mosquitto.port)
    yield listener
    listener.close()


@pytest.fixture
def wired(tmp_path: Path, mosquitto: Mosquitto) -> Iterator[Wired]:
    made = Wired(tmp_path, MqttSettings(port=mosquitto.port))
    yield made
    made.close()


def heard(home: Home) -> list[tuple[str, str]]:
    """(event_id, event_type) of the events that arrived, in order."""
    return [
        (told["event_id"], told["event_type"]) for told in map(json.loads, home.all_of(f"{CAMERA}/event"))
    ]


def test_a_broker_dead_for_an_hour_loses_nothing_and_doubles_nothing(
    wired: Wired, mosquitto: Mosquitto, home: Home
) -> None:
    """Killed without a word, its memory gone: every event arrives once, in order, and the state is whole again."""
    wired.look(0)
    wired.store.enqueue([message("onset", "mqtt", event_id="before")])
    soon(lambda: len(heard(home)) == 1, "the first event")
    mosquitto.kill()
    home.there.clear()
    dead_since = wired.clock.now()
    for n in range(5):
        kinds = ("onset", "strong", "over")
        wired.store.enqueue([message(kind, "mqtt", event_id=f"event-{n}") for kind in kinds])
    soon(lambda: wired.clock.now() - dead_since > timedelta(hours=1), "an hour has passed")
    mosquitto.start()
    assert home.there.wait(10)
    soon(lambda: len(heard(home)) == 16, "all events")
    assert set(Counter(heard(home)).values()) == {1}
    for n in range(5):
        assert [kind for name, kind in heard(home) if name == f"event-{n}"] == ["onset", "strong", "over"]
    soon(lambda: len(home.all_of("homeassistant/device/aurorad_yellowknife/config")) == 2, "discovery anew")
    assert home.last("aurorad/status") == "online"
    waiting = "SELECT 1 FROM outbox WHERE delivered_at IS NULL"
    soon(lambda: wired.store.reader.query(waiting) == [], "the record knows of each that it was taken")


def test_a_camera_appears_with_its_state_and_picture(wired: Wired, home: Home) -> None:
    """Discovery, availability, state and the kept picture, as soon as there is a frame."""
    wired.look(0)
    soon(lambda: home.last(f"{CAMERA}/availability") == "online", "available")
    state = home.last_json(f"{CAMERA}/state")
    assert (state["verdict"], state["brightness"], state["aurora"]) == ("aurora", 2, None)
    soon(lambda: home.all_of(f"{CAMERA}/picture"), "picture")
    assert image.decode(home.all_of(f"{CAMERA}/picture")[-1]).shape == (96, 96, 3)
    assert (
        home.last_json("homeassistant/device/aurorad_yellowknife/config")["device"]["manufacturer"]
        == "aurorad"
    )


def test_a_feed_that_stops_is_unavailable_and_not_off(wired: Wired, home: Home) -> None:
    """The state that was shown last stays what it was; the camera is unavailable at once, and back with a frame."""
    wired.look(0, verdict="clear")
    soon(lambda: home.last(f"{CAMERA}/availability") == "online", "available")
    states = len(home.all_of(f"{CAMERA}/state"))
    wired.status["yellowknife"] = replace(wired.status["yellowknife"], stale="the same picture for 15 min")
    soon(lambda: home.last(f"{CAMERA}/availability") == "offline", "unavailable")
    assert len(home.all_of(f"{CAMERA}/state")) == states
    wired.look(1)
    soon(lambda: home.last(f"{CAMERA}/availability") == "online", "available again")


def test_an_event_brings_its_picture_first(wired: Wired, home: Home) -> None:
    """Whoever acts on the event finds its picture there already, with where the aurora was seen."""
    wired.look(0)
    wired.store.put_event(event())
    told = replace(message("onset", "mqtt"), picture=picture_of(0))
    wired.store.enqueue([told])
    soon(lambda: heard(home), "the event")
    topics = [topic for topic, _, _ in home.got]
    assert topics.index(f"{CAMERA}/event") > topics.index(f"{CAMERA}/event_picture")
    event_told = home.last_json(f"{CAMERA}/event")
    assert (event_told["brightness"], event_told["direction"]) == (2, "north-west, 35° up")
    assert not any(retained for topic, _, retained in home.got if topic == f"{CAMERA}/event")


def test_the_watch_that_ends_or_dies_is_offline(tmp_path: Path, mosquitto: Mosquitto, home: Home) -> None:
    """Stopped: it says so. Its connection cut: the broker says so, by its last will."""
    first = Wired(tmp_path, MqttSettings(port=mosquitto.port))
    soon(lambda: home.last("aurorad/status") == "online", "online")
    first.close()
    soon(lambda: home.last("aurorad/status") == "offline", "offline after a stop")
    second = Wired(tmp_path, MqttSettings(port=mosquitto.port))
    soon(lambda: home.last("aurorad/status") == "online", "online again")
    assert second.broker._link is not None
    second.broker._stop.set()
    second.broker._link._client._sock_close()  # as if the cable were cut: no word of leaving
    soon(lambda: home.last("aurorad/status") == "offline", "offline by its last will")
    second.close()


def test_home_assistant_that_restarts_gets_everything_again(wired: Wired, home: Home) -> None:
    """It greets the broker with ``online``: discovery and state are published anew."""
    wired.look(0)
    config = "homeassistant/device/aurorad_yellowknife/config"
    soon(lambda: home.last(f"{CAMERA}/state"), "the state")
    before = len(home.all_of(config)), len(home.all_of(f"{CAMERA}/state"))
    home.publish("homeassistant/status", "online")
    soon(lambda: len(home.all_of(config)) > before[0], "discovery again")
    soon(lambda: len(home.all_of(f"{CAMERA}/state")) > before[1], "state again")


@pytest.mark.parametrize("availability", ["online", "offline"], ids=["killed", "ended or reloaded"])
def test_a_camera_taken_out_of_the_configuration_leaves_home_assistant(
    tmp_path: Path, mosquitto: Mosquitto, home: Home, availability: str
) -> None:
    """What an earlier configuration left on the broker is taken back: its device would stay for ever."""
    left = Home(mosquitto.port)
    left._client.publish("aurorad/old/availability", availability, qos=1, retain=True).wait_for_publish(5)
    left.close()
    now = Wired(tmp_path, MqttSettings(port=mosquitto.port))
    soon(lambda: home.last("aurorad/old/availability") == "offline", "the old camera is unavailable")
    soon(lambda: home.last("homeassistant/device/aurorad_old/config") == "", "and gone")
    assert len(home.all_of("homeassistant/device/aurorad_old/config")) == 1
    now.close()


def test_tls_and_login(tmp_path: Path) -> None:
    """The broker's certificate is checked against our authority, and the login opens it; else an error says why."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-days", "1", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", key, "-out", certificate], check=True, capture_output=True,
    )  # fmt: skip
    passwords = tmp_path / "passwords"
    subprocess.run(
        ["mosquitto_passwd", "-b", "-c", passwords, "aurora", "s3cret"], check=True, capture_output=True
    )
    server = Mosquitto(tmp_path, "allow_anonymous false", f"password_file {passwords}", f"certfile {certificate}", f"keyfile {key}")  # fmt: skip
    right = MqttSettings(port=server.port, tls=True, ca=certificate, user="aurora", password="s3cret")

    def prepare(client: Any) -> None:
        client.tls_set(ca_certs=str(certificate))
        client.username_pw_set("aurora", "s3cret")

    home = Home(server.port, prepare)
    try:
        wired = Wired(tmp_path, right)
        soon(lambda: home.last("aurorad/status") == "online", "connected with TLS and login")
        wired.close()
        for wrong, why in (
            ({"password": "no"}, "refuses us: not authorized"),
            ({"ca": None}, "certificate verify failed"),
            ({"tls": False, "ca": None}, "refuses us|cannot be reached"),
        ):
            with pytest.raises(DeliveryError, match=why) as refused:
                broker_module.Link(right.model_copy(update=wrong), ("aurorad/status", "offline"), {})
            assert "s3cret" not in str(refused.value)
    finally:
        home.close()
        server.kill()


def test_a_broker_that_is_away_is_the_operator_s_business(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After minutes without it the operator hears of it through another channel, and again when it is back."""
    monkeypatch.setattr(broker_module, "MISSED_AFTER_S", 0.2)
    server = Mosquitto(tmp_path)
    server.kill()
    wired = Wired(tmp_path, MqttSettings(port=server.port))
    sql = "SELECT body FROM outbox WHERE audience = 'operator' ORDER BY id"
    try:
        soon(lambda: wired.store.reader.query(sql), "the operator hears of it")
        assert "MQTT broker at 127.0.0.1" in wired.store.reader.query(sql)[0]["body"]
        server.start()
        soon(lambda: len(wired.store.reader.query(sql)) == 2, "and that it is back")
    finally:
        wired.close()
        server.kill()
