"""The outbox's threads: whatever goes wrong around one message, the channel goes on and nobody reads twice."""

from __future__ import annotations

import sqlite3
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from daemon.alert.conditions import Conditions
from daemon.alert.delivery import Delivery
from daemon.clock import FastClock
from daemon.config import NotifySettings, Settings
from daemon.errors import StoreError
from daemon.metrics import Metrics
from daemon.observation import Message
from daemon.record.rows import MessageRow
from daemon.record.store import Reader, Store
from tests.daemon.record.made import event
from tests.faults.harness import NIGHT, Inbox

MESSAGE = Message(
    "e", "onset", "phone", "aurora", "cam", "Aurora", "event e", NIGHT, NIGHT + timedelta(days=30)
)


class Post:
    """Two channels, their inboxes, and the threads between them and the record."""

    def __init__(self, folder: Path) -> None:
        self.clock = FastClock(NIGHT, 3600)
        self.inboxes = {name: Inbox(self.clock) for name in ("phone", "mail")}
        self.settings = Settings(
            notify=tuple(
                NotifySettings(name=name, url=inbox.url, audience="both", picture=False)
                for name, inbox in self.inboxes.items()
            )
        )
        self.store = Store(folder / "a.db", now=self.clock.now)
        self.metrics = Metrics()
        conditions = Conditions(self.store, self.settings.notify, self.clock)
        self.delivery = Delivery(self.settings, self.store, self.metrics, self.clock, folder, conditions)
        self.delivery.start()

    def send(
        self, event_id: str, channel: str = "phone", picture: str | None = None, kind: str = "onset"
    ) -> None:
        """Queue a message."""
        now = self.clock.now()
        self.store.enqueue(
            [Message(event_id, kind, channel, "aurora", "cam", "Aurora", f"event {event_id}", now,
                     now + timedelta(days=30), picture)]
        )  # fmt: skip

    def titles(self, channel: str, count: int) -> list[str]:
        """The events heard of, once so many have arrived."""
        end = time.monotonic() + 30
        while len(self.inboxes[channel].got) < count and time.monotonic() < end:
            time.sleep(0.02)
        return [mail.event_id for mail in self.inboxes[channel].got if mail.title == "Aurora"]

    def arrived(self, *event_ids: str) -> list[str]:
        """The events heard of on the phone, in their order, once these are among them."""
        end = time.monotonic() + 30
        while not {mail.event_id for mail in self.inboxes["phone"].got}.issuperset(event_ids):
            assert time.monotonic() < end, [mail.event_id for mail in self.inboxes["phone"].got]
            time.sleep(0.02)
        return [mail.event_id for mail in self.inboxes["phone"].got if mail.title == "Aurora"]

    def row(self, event_id: str, kind: str = "onset") -> MessageRow:
        """What became of a message to the phone."""
        return next(row for row in self.store.reader.messages(event_id) if row["kind"] == kind)

    def operator_lines(self) -> list[str]:
        """What the operator was told."""
        with Reader(self.store.path) as reader:
            sent = reader.query(
                "SELECT body FROM outbox WHERE kind = 'operator' AND channel = 'mail' ORDER BY id"
            )
        return [row["body"].splitlines()[0] for row in sent]

    def close(self) -> None:
        """Stop."""
        self.delivery.stop(5)
        self.store.close()
        for inbox in self.inboxes.values():
            inbox.close()


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    post = Post(tmp_path)
    yield post
    post.close()


def test_a_full_temporary_folder_costs_the_picture_and_not_the_message(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no temporary folder can be made, the words go alone, and the channel lives on."""
    monkeypatch.setattr(tempfile, "tempdir", "/proc/no-room-here")
    post.send("one", picture="cam/2024-02-10/a.jpg")
    assert post.titles("phone", 1) == ["one"]


def test_the_summary_s_keogram_goes_as_it_is(post: Post, tmp_path: Path) -> None:
    """Its name carries no time and it has no map: it is attached all the same."""
    keogram = tmp_path / "cam/2024-02-10/keogram.png"
    keogram.parent.mkdir(parents=True)
    keogram.write_bytes(b"\x89PNG\r\n\x1a\n")
    summary = replace(MESSAGE, kind="summary", picture="cam/2024-02-10/keogram.png")
    assert post.delivery._attachment(summary, tmp_path) == keogram
    assert post.delivery._attachment(replace(summary, picture="cam/gone.png"), tmp_path) is None


def test_a_fault_nobody_foresaw_does_not_silence_a_channel(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is counted and logged; the thread goes on with the next message."""
    due = post.store.due
    struck = threading.Event()

    def strike_once(*args: object) -> object:
        if not struck.is_set():
            struck.set()
            raise RuntimeError("a bug")
        return due(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(post.store, "due", strike_once)
    post.send("one")
    post.send("two", "mail")
    assert post.titles("phone", 1) == ["one"]
    assert post.titles("mail", 1) == ["two"]
    total = sum(
        post.metrics.registry.get_sample_value("aurorad_job_errors_total", {"job": f"channel {name}"}) or 0
        for name in ("phone", "mail")
    )
    assert total == 1


def test_a_record_that_cannot_be_written_is_one_line_of_the_log(
    post: Post, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Not one each second, for each channel, of a night on a full disk; what goes wrong next is another."""
    monkeypatch.setattr("daemon.alert.delivery.LOOK_S", 0.01)
    looks, enough = iter(["full", "full", "full", "read-only", "read-only"]), threading.Event()

    def look(*_: object) -> None:
        why = next(looks, None)
        if why is None:
            enough.set()
        else:
            raise StoreError("unwritable", f"the disk is {why}")

    post.delivery.stop(5)
    delivery = Delivery(
        Settings(notify=post.settings.notify[:1]), post.store, post.metrics, post.clock, Path(),
        Conditions(post.store, (), post.clock),
    )  # fmt: skip
    monkeypatch.setattr(delivery, "_look", look)
    delivery.start()
    assert enough.wait(30)
    delivery.stop(5)
    told = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert told == ["channel phone: the disk is full", "channel phone: the disk is read-only"]


def test_what_was_taken_and_could_not_be_recorded_is_not_sent_again(post: Post) -> None:
    """The database is locked between the sending and its record: written down later, sent once."""
    other = sqlite3.connect(post.store.path, isolation_level=None, check_same_thread=False)
    post.store._db.execute("PRAGMA busy_timeout = 100")
    post.inboxes["phone"].on_take = lambda: other.execute("BEGIN IMMEDIATE")
    post.send("one")
    assert post.titles("phone", 1) == ["one"]
    time.sleep(2)  # two hours of the watch: its lease is long over
    post.inboxes["phone"].on_take = lambda: None
    other.execute("ROLLBACK")
    other.close()
    end = time.monotonic() + 30
    while post.store._db.execute("SELECT 1 FROM outbox WHERE delivered_at IS NULL").fetchone():
        assert time.monotonic() < end
        time.sleep(0.02)
    assert [mail.event_id for mail in post.inboxes["phone"].got] == ["one"]


def test_a_channel_that_works_does_not_clear_another_s_trouble(post: Post) -> None:
    """The operator hears once of the dead channel, however often another one delivers meanwhile."""
    post.inboxes["phone"].status = 503
    for n in range(8):
        post.send(f"p{n}")
        post.send(f"m{n}", "mail")
        time.sleep(0.3)
    end = time.monotonic() + 60
    while not post.operator_lines() and time.monotonic() < end:
        time.sleep(0.1)
    post.send("last", "mail")
    assert post.titles("mail", 9)
    time.sleep(1.5)
    lines = post.operator_lines()
    assert len(lines) == 1
    assert lines[0].startswith("Channel phone has not taken")


def test_after_an_outage_the_last_word_is_what_is_in_the_sky(post: Post) -> None:
    """One aurora came and went unheard of, another is there: one line on the first, then the second, and no more."""
    phone = post.inboxes["phone"]
    phone.status = 500
    post.store.put_event(event(id="first"))
    post.send("first")
    end = time.monotonic() + 30
    while post.row("first")["attempts"] < 2:
        assert time.monotonic() < end
        time.sleep(0.02)
    post.store.put_event(event(id="first", ended_at=NIGHT))
    post.send("first", kind="over")
    post.store.put_event(event(id="second"))
    post.send("second")
    while post.row("first")["expired_at"] is None:
        assert time.monotonic() < end
        time.sleep(0.02)
    phone.status = 204
    assert post.arrived("first", "second") == ["first", "second"]
    assert post.row("first", "over")["delivered_at"]
    why = post.row("first")["last_error"] or ""
    assert why.endswith("given up: the event was over before the channel took it")
    dropped = {"channel": "phone", "result": "dropped"}
    assert post.metrics.registry.get_sample_value("aurorad_deliveries_total", dropped) == 1


def test_a_message_that_is_refused_for_good_bars_the_channel_for_minutes(post: Post) -> None:
    """Four times no, and the one behind it is tried: it is taken, so that the first is given up and recorded so."""
    post.inboxes["phone"].refuses = lambda event_id: event_id == "bad"
    post.send("bad")
    post.send("good")
    assert post.arrived("good") == ["good"]
    bad = post.row("bad")
    assert bad["attempts"] == 4
    end = time.monotonic() + 30
    while post.row("bad")["expired_at"] is None:
        assert time.monotonic() < end
        time.sleep(0.02)
    assert (post.row("bad")["last_error"] or "").endswith("the channel took a newer message and not this one")


def test_what_a_service_asks_to_wait_for_overtakes_nothing(post: Post) -> None:
    """However often it answers 429, or is not there: that is the service, and the messages keep their order."""
    phone = post.inboxes["phone"]
    phone.status = 429
    post.send("one")
    post.send("two")
    end = time.monotonic() + 60
    while post.row("one")["attempts"] < 6:
        assert time.monotonic() < end
        time.sleep(0.02)
    assert post.row("two")["attempts"] == 0
    phone.status = 204
    assert post.arrived("two") == ["one", "two"]
