"""Delivery of messages to a real receiver on the loopback, and what a channel does when nobody takes them."""

from __future__ import annotations

import base64
import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from daemon.alert.channel import Channel, deliver, next_attempt, redact
from daemon.alert.message import compose
from daemon.errors import ConfigError, DeliveryError
from daemon.observation import (
    Message,
    OutboxRow,
)
from daemon.record.store import Store
from tests.daemon.alert.test_message import CAMERA, PHONE, T0, change, observation
from tests.pace import slowness

# ------------------------------------------------------------------ delivery


class Receiver:
    """A real HTTP server; ``answers`` gives the status of each request in turn, the last for ever."""

    def __init__(self) -> None:
        self.answers: list[int | str] = [200]
        self.got: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.let_go = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.paths.append(self.path)
                outer.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                answer = outer.answers.pop(0) if len(outer.answers) > 1 else outer.answers[0]
                if answer == "hang":
                    outer.let_go.wait(20)
                    return
                if answer == "drip":
                    self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
                    while not outer.let_go.wait(0.05):
                        self.wfile.write(b".")
                        self.wfile.flush()
                    return
                if answer == "no pictures":
                    answer = 413 if outer.got[-1]["attachments"] else 200
                assert isinstance(answer, int)
                self.send_response(answer)
                if answer in (301, 302):
                    self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    @property
    def url(self) -> str:
        """An address full of canaries."""
        return (
            f"json://canaryuser:canarypass@127.0.0.1:{self.server.server_port}/canarytoken?+X-Key=canarykey"
        )

    def close(self) -> None:
        """Let hanging requests go and stop."""
        self.let_go.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    opened = Receiver()
    yield opened
    opened.close()


@pytest.fixture
def channel(receiver: Receiver) -> Channel:
    return Channel("phone", SecretStr(receiver.url))


def row(picture: str | None = None, **changed: Any) -> OutboxRow:
    message = compose(change(), observation(), CAMERA, PHONE)
    return OutboxRow(1, replace(message, picture=picture, **changed), 1)


def jpeg(tmp_path: Path) -> Path:
    path = tmp_path / "sky.jpg"
    path.write_bytes(b"\xff\xd8\xff\xe0 a picture \xff\xd9")
    return path


def test_title_text_and_picture_arrive(receiver: Receiver, channel: Channel, tmp_path: Path) -> None:
    """What was composed is what the receiver gets, the picture byte for byte."""
    picture = jpeg(tmp_path)
    deliver(row(str(picture)), channel)
    [got] = receiver.got
    assert got["title"] == row().message.title
    assert got["message"] == row().message.body
    assert got["type"] == "info"
    [attached] = got["attachments"]
    assert (attached["filename"], attached["mimetype"]) == ("sky.jpg", "image/jpeg")
    assert base64.b64decode(attached["base64"]) == picture.read_bytes()


def test_operator_messages_are_marked_as_warnings(receiver: Receiver, channel: Channel) -> None:
    """Services that colour messages colour these as warnings."""
    deliver(row(audience="operator"), channel)
    assert receiver.got[0]["type"] == "warning"


def test_a_picture_that_is_gone_or_refused_does_not_take_the_message_along(
    receiver: Receiver, channel: Channel, tmp_path: Path
) -> None:
    """A missing file is left out; a service that takes no picture gets the text."""
    deliver(row(str(tmp_path / "gone.jpg")), channel)
    receiver.answers = ["no pictures"]
    deliver(row(), channel, jpeg(tmp_path))
    assert [len(got["attachments"]) for got in receiver.got] == [0, 1, 0]


@pytest.mark.parametrize(("status", "requests"), [(500, 2), (429, 1), (302, 2), (404, 2)])
def test_what_is_not_taken_is_an_error_and_never_a_silent_loss(
    receiver: Receiver, channel: Channel, tmp_path: Path, status: int, requests: int
) -> None:
    """Errors and redirects (which would drop the text) raise; 429 is not asked again at once."""
    receiver.answers = [status]
    with pytest.raises(DeliveryError, match=rf"^channel phone: not taken: .*error={status}"):
        deliver(row(), channel, jpeg(tmp_path))
    assert len(receiver.got) == requests
    assert set(receiver.paths) == {"/canarytoken"}


@pytest.mark.parametrize("way", ["hang", "drip"])
def test_a_server_that_hangs_or_drips_costs_a_bounded_time(
    receiver: Receiver, channel: Channel, way: str
) -> None:
    """The whole delivery is bounded; the channel waits for the hanging one, others do not."""
    channel.check()  # a process's first use of the services loads them, seconds where much else runs
    receiver.answers = [way]
    began = time.monotonic()
    with pytest.raises(DeliveryError, match=r"no answer within 0.4 s"):
        deliver(row(), channel, timeout_s=0.4)
    assert time.monotonic() - began < 1 + slowness()
    with pytest.raises(DeliveryError, match="the delivery before still hangs"):
        deliver(row(), channel, timeout_s=0.4)
    receiver.answers = [200]
    deliver(row(), Channel("mail", SecretStr(receiver.url)), timeout_s=5)
    receiver.let_go.set()
    hanging = channel._line.sending
    assert hanging is not None
    hanging.join(20)
    deliver(row(), channel, timeout_s=5)
    assert len(receiver.got) >= 3


def test_nobody_there_is_an_error_at_once(tmp_path: Path) -> None:
    """A refused connection raises, and the picture's second try is spared."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(DeliveryError, match="Connection error"):
        deliver(row(), Channel("phone", SecretStr(f"json://127.0.0.1:{port}/")), jpeg(tmp_path))


@pytest.mark.parametrize("answer", [200, 401, 429, 500, 302, "hang"])
def test_no_part_of_an_address_is_in_errors_or_logs(
    receiver: Receiver, channel: Channel, caplog: pytest.LogCaptureFixture, answer: int | str
) -> None:
    """User, password, token and key appear nowhere, at the most talkative log level."""
    caplog.set_level(logging.DEBUG)
    receiver.answers = [answer]
    said = ""
    try:
        deliver(row(), channel, timeout_s=1)
    except DeliveryError as error:
        said = f"{error!r} {error.__cause__!r}"
    assert "canary" not in said + caplog.text + repr(channel)
    assert (answer == 200) == (said == "")


def test_a_plugin_s_own_fault_is_a_delivery_error_without_the_address() -> None:
    """Whatever a service's code raises becomes one redacted line."""
    channel = Channel(
        "phone", SecretStr("mailto://canaryuser:canarypass@127.0.0.1:1?smtp=127.0.0.1&to=canary@x.org")
    )
    with pytest.raises(DeliveryError) as told:
        deliver(row(), channel, timeout_s=20)
    assert "canary" not in str(told.value)


@pytest.mark.parametrize("url", ["nonsense://canarytoken", "canarytoken", "slack://canary", ""])
def test_an_address_nobody_understands_is_named_by_its_channel_only(url: str) -> None:
    """check-config can tell before the night, and a delivery says it too."""
    channel = Channel("phone", SecretStr(url))
    for action in (channel.check, lambda: deliver(row(), channel)):
        with pytest.raises((ConfigError, DeliveryError), match="no service understands its address") as told:
            action()
        assert "canary" not in str(told.value)
    Channel("good", SecretStr("json://localhost")).check()


@pytest.mark.parametrize(
    ("url", "topic"), [("ntfy://ntfy.sh/", False), ("ntfys://canary", True), ("ntfy://h/t", True)]
)
def test_an_address_of_ntfy_names_a_topic(url: str, topic: bool) -> None:
    """Without one ntfy takes every message and gives it to nobody; a name alone is a topic of ntfy.sh."""
    channel = Channel("phone", SecretStr(url))
    if topic:
        channel.check()
    else:
        with pytest.raises(ConfigError, match="'phone': its address names no topic"):
            channel.check()


def test_redaction_knows_encoded_forms() -> None:
    """Parts are found as written, decoded and encoded."""
    url = SecretStr("mailto://me%40home:p%2Fw0rd@mail.example.org/?key=a1b2c3")
    text = redact("login me@home p/w0rd me%40home at mail.example.org a1b2c3 https://other/x", url)
    assert text == "login … … … at … … …"


def test_back_off_doubles_and_is_bounded() -> None:
    """30 s, 1, 2, 4 … min, never above five minutes, for any number of failures."""
    waits = [(next_attempt(n, T0) - T0).total_seconds() for n in (1, 2, 3, 4, 8, 1000)]
    assert waits == [30, 60, 120, 240, 300, 300]


def test_a_channel_dead_for_six_hours_gets_every_unexpired_message_once(
    receiver: Receiver, channel: Channel, tmp_path: Path
) -> None:
    """With outbox, back-off and expiry together, on an injected clock; the other channel is not delayed."""

    def note(n: int, name: str, hours: float) -> Message:
        at = T0 + timedelta(hours=n)
        return Message(f"e{n}", "onset", name, "aurora", "c", f"m{n}", "b", at, at + timedelta(hours=hours))

    other = Channel("mail", SecretStr(receiver.url.replace("canarytoken", "mail")))
    mailed: list[timedelta] = []
    with Store(tmp_path / "a.db") as store:
        now = T0
        while now < T0 + timedelta(hours=8):
            hour = (now - T0) // timedelta(hours=1)
            if hour < 6:
                store.enqueue([note(hour, "phone", 4), note(hour, "mail", 4)])
            store.expire(now)
            for due in store.due(now):
                dead = due.message.channel == "phone" and now < T0 + timedelta(hours=6)
                receiver.answers = [503 if dead else 200]
                try:
                    deliver(due, channel if due.message.channel == "phone" else other)
                    store.delivered(due.id, now)
                    if due.message.channel == "mail":
                        mailed.append(now - due.message.created_at)
                except DeliveryError as error:
                    store.failed(due.id, now, str(error), next_attempt(due.attempts, now))
            now += timedelta(minutes=10)
    arrived = [
        got["title"] for got, path in zip(receiver.got, receiver.paths, strict=True) if "canary" in path
    ]
    assert arrived[-3:] == ["m3", "m4", "m5"], "m0 to m2 expired after 4 hours"
    assert len(mailed) == 6
    assert max(mailed) == timedelta(0)
