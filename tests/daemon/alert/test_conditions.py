"""What an operator must know is told once when it begins and once when it is over."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path

import pytest

from daemon.alert.conditions import Conditions, failing
from daemon.alert.direct import Direct, Letter
from daemon.alert.message import compose_operator
from daemon.config import NotifySettings
from daemon.errors import StoreError
from daemon.metrics import Metrics
from daemon.record.store import Reader, Store
from tests.conftest import SetClock
from tests.faults.harness import NIGHT, Inbox

CHANNELS = (
    NotifySettings(name="people", url="json://127.0.0.1:9/", audience="aurora"),
    NotifySettings(name="owner", url="json://127.0.0.1:9/", audience="operator"),
    NotifySettings(name="other", url="json://127.0.0.1:9/", audience="operator", cameras=("elsewhere",)),
)


def messages(path: Path) -> list[tuple[str, str]]:
    with Reader(path) as reader:
        return sorted((m["channel"], m["body"].splitlines()[0]) for m in reader.messages())


def test_a_condition_is_told_once_to_the_operator_and_its_end_once(
    tmp_path: Path, night_clock: SetClock
) -> None:
    """Not to people waiting for aurora, not for other cameras, not twice."""
    with Store(tmp_path / "a.db") as store:
        conditions = Conditions(store, CHANNELS, night_clock)
        for _ in range(3):
            conditions.begin("feed stale", "yellowknife", "the feed stands still")
        assert messages(store.path) == [("owner", "The feed stands still.")]
        night_clock.move(600)
        for _ in range(2):
            conditions.end("feed stale", "yellowknife", "the feed is back")
        assert messages(store.path) == [("owner", "The feed is back."), ("owner", "The feed stands still.")]


def test_a_restart_in_the_middle_tells_nobody_again(tmp_path: Path, night_clock: SetClock) -> None:
    """Open conditions outlive the process."""
    with Store(tmp_path / "a.db") as store:
        Conditions(store, CHANNELS, night_clock).begin("disk low", "", "only 3 MB free")
    with Store(tmp_path / "a.db") as store:
        again = Conditions(store, CHANNELS, night_clock)
        assert list(again.open) == ["aurorad-disk-low"]
        again.begin("disk low", "", "only 3 MB free")
        assert messages(store.path) == [("other", "Only 3 MB free."), ("owner", "Only 3 MB free.")]


def test_what_cannot_be_written_down_is_told_as_soon_as_it_can(tmp_path: Path, night_clock: SetClock) -> None:
    """A record that could not be written while the condition held costs the operator no word of it."""
    with Store(tmp_path / "a.db", now=night_clock.now) as store:
        conditions = Conditions(store, CHANNELS[1:2], night_clock)
        store._db.execute("PRAGMA query_only = ON")
        for _ in range(2):
            with pytest.raises(StoreError):
                conditions.begin("record", "", "the record cannot be written")
        assert not conditions.open
        night_clock.move(600)
        store._db.execute("PRAGMA query_only = OFF")
        conditions.end("record", "", "the record can be written again")
        conditions.end("record", "", "the record can be written again")
        assert messages(store.path) == [
            ("owner", "The record can be written again."),
            ("owner", "The record cannot be written."),
        ]


def test_a_feed_that_comes_and_goes_is_one_condition(tmp_path: Path, night_clock: SetClock) -> None:
    """A picture every 20 minutes, stale after 15: one message in four hours, and one when it has been well for 30."""
    with Store(tmp_path / "a.db", now=night_clock.now) as store:
        for minute in range(240):
            if minute % 60 == 30 or minute == 0:  # restarts in between change nothing
                conditions = Conditions(store, CHANNELS[1:2], night_clock, timedelta(minutes=30))
            if minute % 20 >= 15:
                conditions.begin("feed stale", "yellowknife", "the feed has stopped")
            else:
                conditions.end("feed stale", "yellowknife", "the feed is back")
            conditions.settle()
            night_clock.move(60)
        assert messages(store.path) == [("owner", "The feed has stopped.")]
        for _ in range(31):
            conditions.end("feed stale", "yellowknife", "the feed is back")
            night_clock.move(60)
        assert messages(store.path) == [("owner", "The feed has stopped."), ("owner", "The feed is back.")]
        assert not conditions.open


def test_an_end_is_written_once_the_hold_time_is_over_by_itself(
    tmp_path: Path, night_clock: SetClock
) -> None:
    """Nobody has to report it again, also across a restart; what a person ended is over at once."""
    with Store(tmp_path / "a.db", now=night_clock.now) as store:
        hold = timedelta(minutes=30)
        conditions = Conditions(store, CHANNELS[1:2], night_clock, hold)
        conditions.begin("disk low", "", "only 3 MB free")
        conditions.begin("reload", "", "the configuration was not reloaded")
        conditions.end("disk low", "", "600 MB free again")
        conditions.end("reload", "", "the configuration was reloaded", at_once=True)
        assert list(conditions.open) == ["aurorad-disk-low"]
        night_clock.move(29 * 60)
        conditions.settle()
        assert ("owner", "600 MB free again.") not in messages(store.path)
        again = Conditions(store, CHANNELS[1:2], night_clock, hold)
        night_clock.move(61)
        again.settle()
        assert ("owner", "600 MB free again.") in messages(store.path)
        assert not again.open


def test_a_condition_of_what_is_watched_or_used_no_more_is_over(
    tmp_path: Path, night_clock: SetClock
) -> None:
    """A camera and a channel taken out, by a reload or before a start: the operator hears so, and nothing stays open."""
    owner, phone = CHANNELS[1], CHANNELS[1].model_copy(update={"name": "phone"})
    with Store(tmp_path / "a.db", now=night_clock.now) as store:
        conditions = Conditions(store, (owner, phone), night_clock)
        for camera in ("hill", "hill-north"):
            conditions.begin("feed stale", camera, f"the feed of {camera} has stopped")
        conditions.begin(failing("phone"), "", "channel phone has not taken a message in 5 tries")
        conditions.begin(failing("owner"), "", "channel owner has not taken a message in 5 tries")
        conditions.begin("disk low", "", "only 3 MB free")
        again = Conditions(store, (owner,), night_clock)
        again.use((owner,), timedelta(minutes=30), None, cameras=("hill",), senders=("owner",))
        again.settle()
        assert set(again.open) == {"hill-feed-stale", "aurorad-delivery-failing-owner", "aurorad-disk-low"}
        over = {text for _, text in messages(store.path)}
        assert {"Hill-north is no longer watched.", "Channel phone is no longer used."} <= over


def test_a_reload_sends_nothing_to_a_channel_taken_out(tmp_path: Path, night_clock: SetClock) -> None:
    """What could not be written down yet is remembered, for the channels that are left."""
    owner, phone = CHANNELS[1], CHANNELS[1].model_copy(update={"name": "phone"})
    with Store(tmp_path / "a.db", now=night_clock.now) as store:
        conditions = Conditions(store, (owner, phone), night_clock)
        store._db.execute("PRAGMA query_only = ON")
        with suppress(StoreError):
            conditions.begin("record", "", "the record cannot be written")
        conditions.use((owner,), timedelta(0), None, cameras=(), senders=("owner",))
        store._db.execute("PRAGMA query_only = OFF")
        conditions.begin("record", "", "the record cannot be written")
        assert messages(store.path) == [("owner", "The record cannot be written.")]


def test_a_clock_put_back_keeps_no_condition_open(tmp_path: Path, night_clock: SetClock) -> None:
    """Where the hold time cannot be counted any more, the end is written."""
    with Store(tmp_path / "a.db", now=night_clock.now) as store:
        conditions = Conditions(store, CHANNELS[1:2], night_clock, timedelta(minutes=30))
        conditions.begin("disk low", "", "only 3 MB free")
        conditions.end("disk low", "", "600 MB free again")
        night_clock.move(-7200)
        conditions.settle()
        assert not conditions.open


def test_what_comes_back_while_nothing_can_be_written_is_logged_once(
    tmp_path: Path, night_clock: SetClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither "again" nor an end that could not be written stands in the log at every look."""
    caplog.set_level("INFO", "aurorad.conditions")
    with Store(tmp_path / "a.db", now=night_clock.now) as store:
        conditions = Conditions(store, CHANNELS[1:2], night_clock, timedelta(minutes=30))
        conditions.begin("record", "", "the record cannot be written")
        store._db.execute("PRAGMA query_only = ON")
        for _ in range(3):
            with pytest.raises(StoreError):
                conditions.end("record", "", "the record can be written again")
        assert caplog.messages == ["aurorad: the record cannot be written"]
        store._db.execute("PRAGMA query_only = OFF")
        conditions.end("record", "", "the record can be written again")
        store._db.execute("PRAGMA query_only = ON")
        with pytest.raises(StoreError):
            conditions.begin("record", "", "the record cannot be written")
        for _ in range(3):
            conditions.begin("record", "", "the record cannot be written")
        assert caplog.messages[1:] == [
            "aurorad: the record can be written again",
            "aurorad: again: the record cannot be written",
        ]
        store._db.execute("PRAGMA query_only = OFF")
        night_clock.move(3600)
        conditions.settle()
        assert conditions.holds("record", ""), "it has never been over"


class Post(Direct):
    """Takes letters in the test's own time: ``under_way`` until it is told what came of them."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []

    def send(self, letters: Iterable[Letter]) -> None:
        for letter in letters:
            if letter.due(NIGHT):
                letter.under_way = True
                self.letters.append(letter)

    def answer(self, *, taken: bool) -> None:
        for letter in self.letters:
            letter.under_way, letter.taken_at = False, NIGHT if taken else None


def outbox(path: Path) -> list[tuple[str, bool]]:
    """The first lines of the messages on record, and whether they count as delivered."""
    with Reader(path) as reader:
        return sorted((m["body"].splitlines()[0], m["delivered_at"] is not None) for m in reader.messages())


def test_what_cannot_be_written_down_is_sent_past_the_record_once(
    tmp_path: Path, night_clock: SetClock
) -> None:
    """At once and not at every look; with its end it goes into the record as sent, and the end is told once."""
    with Store(tmp_path / "a.db", now=night_clock.now) as store:
        post = Post()
        conditions = Conditions(store, CHANNELS[1:2], night_clock, timedelta(minutes=30), post)
        store._db.execute("PRAGMA query_only = ON")
        for _ in range(2):
            with suppress(StoreError):
                conditions.begin("disk low", "", "only 0 MB free")
        assert [letter.message.channel for letter in post.letters] == ["owner"]
        post.answer(taken=True)
        for _ in range(3):
            with pytest.raises(StoreError):
                conditions.begin("disk low", "", "only 0 MB free")
        assert len(post.letters) == 1
        store._db.execute("PRAGMA query_only = OFF")
        conditions.end("disk low", "", "600 MB free again")
        assert outbox(store.path) == [("Only 0 MB free.", True)]
        night_clock.move(31 * 60)
        conditions.end("disk low", "", "600 MB free again")
        conditions.settle()
        assert outbox(store.path) == [("600 MB free again.", False), ("Only 0 MB free.", True)]
        assert not conditions.open


def test_that_nothing_can_be_recorded_is_not_left_to_the_record(
    tmp_path: Path, night_clock: SetClock
) -> None:
    """It is sent even where its own row would fit, for that it is being sent could not be written."""
    with Store(tmp_path / "a.db", now=night_clock.now) as store:
        post = Post()
        conditions = Conditions(store, CHANNELS[1:2], night_clock, direct=post)
        for _ in range(3):
            conditions.begin("record", "", "the record cannot be written", directly=True)
        assert len(post.letters) == 1
        assert outbox(store.path) == []
        conditions.end("record", "", "the record can be written again")
        assert outbox(store.path) == [], "whether it was taken is not known yet"
        post.answer(taken=True)
        conditions.end("record", "", "the record can be written again")
        conditions.end("record", "", "the record can be written again")
        assert outbox(store.path) == [
            ("The record can be written again.", False),
            ("The record cannot be written.", True),
        ]


def test_what_no_channel_took_is_left_to_the_outbox(tmp_path: Path, night_clock: SetClock) -> None:
    """A line that was down with the disk: beginning and end are sent once there is a record again."""
    with Store(tmp_path / "a.db", now=night_clock.now) as store:
        post = Post()
        conditions = Conditions(store, CHANNELS[1:2], night_clock, timedelta(minutes=30), post)
        conditions.begin("record", "", "the record cannot be written", directly=True)
        post.answer(taken=False)
        conditions.begin("record", "", "the record cannot be written", directly=True)
        assert len(post.letters) == 2, "it is tried again"
        post.answer(taken=False)
        conditions.end("record", "", "the record can be written again")
        assert outbox(store.path) == [
            ("The record can be written again.", False),
            ("The record cannot be written.", False),
        ]


def test_a_letter_is_tried_again_after_a_while(night_clock: SetClock) -> None:
    """Nobody listens, then somebody does: taken once, whatever is called meanwhile."""
    with closing(Inbox()) as inbox:
        inbox.status = 500
        channel = NotifySettings(name="owner", url=inbox.url, audience="operator")
        direct = Direct((channel,), night_clock, Metrics())
        message = compose_operator(
            key="aurorad-record", camera="", text="the disk is full", at=NIGHT, channel=channel
        )
        letter = Letter(message)

        def sent() -> None:
            direct.send([letter])
            for thread in threading.enumerate():
                if thread.name == "direct-owner":
                    thread.join(30)

        sent()
        assert (letter.attempts, letter.taken_at) == (1, None)
        inbox.status = 204
        sent()
        assert letter.attempts == 1, "not yet"
        night_clock.move(31)
        sent()
        sent()
        assert letter.taken_at == night_clock.now()
        assert [mail.event_id for mail in inbox.got] == [message.event_id]
