"""The outbox: queued once, delivered in order, at most one repeat a crash, nothing forgotten."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from daemon.observation import Message, OutboxRow
from daemon.record.store import LEASE, Reader, Store
from daemon.weather import SkyHeld
from tests.daemon.record.made import event

T0 = datetime(2024, 2, 10, 4, 50, 3, tzinfo=UTC)


def message(
    event_id: str = "e1",
    kind: str = "onset",
    channel: str = "phone",
    minute: int = 0,
    camera: str = "yellowknife",
) -> Message:
    at = T0 + timedelta(minutes=minute)
    return Message(
        event_id,
        kind,
        channel,
        "aurora",
        camera,
        "title",
        "body",
        at,
        at + timedelta(hours=12),
        "a.jpg",
    )


def test_a_message_is_queued_once(tmp_path: Path) -> None:
    """(event, kind, channel) is unique; the second queuing changes nothing."""
    with Store(tmp_path / "a.db") as store:
        assert store.enqueue([message(), message(channel="mail")]) == 2
        assert store.enqueue([message(minute=5)]) == 0
        rows = store.due(T0)
        assert {row.message.channel for row in rows} == {"phone", "mail"}
        assert rows[0].message == message()


def test_what_is_claimed_is_not_given_twice_and_comes_again_after_the_lease(tmp_path: Path) -> None:
    """Two deliverers never hold one message; a hanging one loses it after the lease."""
    with Store(tmp_path / "a.db") as store:
        store.enqueue([message()])
        assert [row.attempts for row in store.due(T0)] == [1]
        assert store.due(T0 + LEASE - timedelta(seconds=1)) == []
        assert [row.attempts for row in store.due(T0 + LEASE)] == [2]


def test_a_crash_in_mid_delivery_repeats_the_message_at_once(tmp_path: Path) -> None:
    """The next process need not wait for the lease, and what was delivered stays delivered."""
    path = tmp_path / "a.db"
    store = Store(path, now=lambda: T0)
    store.enqueue([message(), message("e2", camera="kiruna")])
    first, second = store.due(T0)
    store.delivered(first.id, T0)
    store._db.close()  # the process dies here, the second message in flight
    store._process.release()
    with Store(path, now=lambda: T0) as again:
        assert [row.id for row in again.due(T0)] == [second.id]


def test_of_one_thread_the_oldest_goes_first_and_other_channels_do_not_wait(tmp_path: Path) -> None:
    """Nobody reads of the end before the onset; a dead channel delays no other."""
    with Store(tmp_path / "a.db") as store:
        store.enqueue([message(kind=k, channel=c) for k in ("onset", "over") for c in ("dead", "phone")])
        dead, phone = store.due(T0)
        store.delivered(phone.id, T0)
        store.failed(dead.id, T0, "down", T0 + timedelta(hours=1))
        assert [(r.message.channel, r.message.kind) for r in store.due(T0)] == [("phone", "over")]
        assert store.due(T0, channel="dead") == []
        assert [r.message.kind for r in store.due(T0 + timedelta(hours=1), channel="dead")] == ["onset"]


def test_one_camera_s_news_arrive_in_their_order(tmp_path: Path) -> None:
    """The next event waits for the one before it; another camera's does not, nor does the operator."""
    with Store(tmp_path / "a.db") as store:
        ill = replace(message("cam-feed-stale"), audience="operator", kind="operator")
        store.enqueue([message("a"), message("b"), message("c", camera="kiruna"), ill])
        first = store.due(T0)
        assert [row.message.event_id for row in first] == ["a", "c", "cam-feed-stale"]
        for other in first[1:]:
            store.delivered(other.id, T0)
        store.failed(first[0].id, T0, "down", T0 + timedelta(minutes=30))
        assert store.due(T0) == [], "b was never tried and waits all the same"
        [again] = store.due(T0 + timedelta(minutes=30))
        assert again.message.event_id == "a"
        store.delivered(again.id, T0)
        assert [row.message.event_id for row in store.due(T0)] == ["b"]


def test_a_channel_that_takes_a_message_gets_all_that_waits_for_it(tmp_path: Path) -> None:
    """At once, and not after the back-off of its outage; who was asked for patience has it, another channel too."""
    later = T0 + timedelta(minutes=30)
    with Store(tmp_path / "a.db") as store:
        places = ("one", "two", "three")
        store.enqueue([*(message(name, camera=name) for name in places), message(channel="mail")])
        one, two, three, mail = store.due(T0)
        store.failed(two.id, T0, "error=500", later)
        store.failed(three.id, T0, "error=429", later)
        store.failed(mail.id, T0, "error=500", later)
        store.delivered(one.id, T0)
        [woken] = store.due(T0)
        assert woken.id == two.id
        store.delivered(woken.id, T0)
        assert [row.id for row in store.due(later)] == [three.id, mail.id]


def test_news_is_not_kept_by_the_back_off_of_what_is_before_it(tmp_path: Path) -> None:
    """It makes its camera's oldest message due, once."""
    with Store(tmp_path / "a.db") as store:
        store.enqueue([message()])
        [row] = store.due(T0)
        store.failed(row.id, T0, "error=500", T0 + timedelta(minutes=30))
        assert store.due(T0 + timedelta(minutes=1)) == []
        store.enqueue([message("e2", minute=1)])
        assert [row.message.event_id for row in store.due(T0 + timedelta(minutes=1))] == ["e1"]


def test_that_it_has_become_strong_is_news_for_an_hour(tmp_path: Path) -> None:
    """Of an event that goes on the onset stays: it is true, until its end is. What is being sent is left to its end."""
    with Store(tmp_path / "a.db") as store:
        store.put_event(event(id="e1"))
        store.enqueue([message(kind=kind) for kind in ("strong", "onset", "stronger 4")])
        [strong] = store.due(T0)
        assert store.outdated(T0 + timedelta(minutes=59), "phone") == []
        late = T0 + timedelta(minutes=60)
        assert store.outdated(late, "mail") == []
        assert [row.message.kind for row in store.outdated(late, "phone")] == ["stronger 4"]
        store.failed(strong.id, late, "down", late)
        assert [row.message.kind for row in store.outdated(late, "phone")] == ["strong"]
        assert store.outdated(late, "phone") == []
        [onset] = store.due(late)
        assert onset.message.kind == "onset"
        store.failed(onset.id, late, "down", late)
        store.put_event(event(id="e1", ended_at=late))
        store.enqueue([message(kind="over")])
        assert [row.id for row in store.outdated(late, "phone")] == [onset.id]
        assert [row.message.kind for row in store.due(late)] == ["over"]
        with Reader(store.path) as reader:
            why = {row["kind"]: (row["last_error"] or "")[21:] for row in reader.messages("e1")}
        assert why == {
            "over": "",
            "onset": "given up: the event was over before the channel took it",
            "strong": "given up: too late to be news",
            "stronger 4": "given up: too late to be news",
        }


def test_that_the_sky_has_cleared_is_no_news_under_cloud(tmp_path: Path) -> None:
    """Nor is it twice; a channel that asks for one of the two alone is sent nothing that is no longer so."""
    with Store(tmp_path / "a.db") as store:
        store.progress.put_sky("yellowknife", SkyHeld(clear=True))
        store.enqueue([message("sky-1", "clears", channel) for channel in ("phone", "mail")])
        assert store.outdated(T0, "phone") == []
        store.progress.put_sky("yellowknife", SkyHeld(clear=False))
        store.enqueue([message("sky-2", "clouds over", "phone", 30)])
        late = T0 + timedelta(hours=2)
        assert [row.message.kind for row in store.outdated(late, "mail")] == ["clears"]
        assert [row.message.kind for row in store.outdated(late, "phone")] == ["clears"]
        store.progress.put_sky("yellowknife", SkyHeld(clear=True))
        store.enqueue([message("sky-3", "clears", channel, 90) for channel in ("phone", "mail")])
        assert [row.message.kind for row in store.outdated(late, "phone")] == ["clouds over"]
        assert store.outdated(late, "mail") == []
        assert [row.message.event_id for row in store.due(late)] == ["sky-3", "sky-3"]
        store.progress.put_sky("yellowknife", SkyHeld())
        assert store.outdated(late, "phone") == []


def test_an_event_that_began_strong_has_no_other_message(tmp_path: Path) -> None:
    """However late, it is the one that says that there is aurora; what came after it is not needed."""
    with Store(tmp_path / "a.db") as store:
        store.put_event(event(id="e1"))
        store.enqueue([message(kind=kind) for kind in ("strong", "stronger 6")])
        late = T0 + timedelta(hours=2)
        assert [row.message.kind for row in store.outdated(late, "phone")] == ["stronger 6"]
        assert [row.message.kind for row in store.due(late)] == ["strong"]


def test_what_failed_waits_and_what_is_too_old_is_given_up(tmp_path: Path) -> None:
    """A failure keeps its reason; expiry is recorded, told, and lets the thread go on."""
    path = tmp_path / "a.db"
    with Store(path) as store, Reader(path) as reader:
        store.enqueue([message(), message(kind="over", minute=60)])
        [row] = store.due(T0)
        store.failed(row.id, T0, "channel phone: not taken", T0 + timedelta(minutes=1))
        assert store.due(T0 + timedelta(seconds=59)) == []
        late = T0 + timedelta(hours=12)
        assert [r.message.kind for r in store.due(late)] == ["over"], "an expired onset bars nothing"
        assert [r.message.kind for r in store.expire(late)] == ["onset"]
        assert store.expire(late) == []
        assert reader.pending() == {"phone": 1}
        onset = reader.messages("e1")[-1]
        assert onset["last_error"] == "2024-02-10T04:50:03Z channel phone: not taken"
        assert onset["expired_at"] == "2024-02-10T16:50:03Z"


def test_what_is_being_delivered_does_not_expire_under_way(tmp_path: Path) -> None:
    """A delivery begun in time may still succeed; only when its lease is over is it given up."""
    with Store(tmp_path / "a.db") as store:
        store.enqueue([message()])
        end = T0 + timedelta(hours=12)
        store.due(end - timedelta(seconds=1))
        assert store.expire(end) == []
        assert len(store.expire(end + LEASE)) == 1


@pytest.mark.parametrize("ours", [timedelta(hours=-6), timedelta(days=-800)])
def test_a_clock_put_back_holds_no_message_up(tmp_path: Path, ours: timedelta) -> None:
    """A new message carries the camera's time, one tried before a time of our own clock: neither waits."""
    with Store(tmp_path / "a.db") as store:
        store.enqueue([message("a"), message("b", camera="kiruna")])
        (first, second) = store.due(T0)
        store.delivered(second.id, T0)
        store.failed(first.id, T0, "no", T0 + timedelta(minutes=30))
        store.enqueue([message("c", camera="kiruna")])
        assert [row.message.event_id for row in store.due(T0 + ours)] == ["a", "c"]


def key_of(row: OutboxRow) -> tuple[str, str, str]:
    return row.message.event_id, row.message.kind, row.message.channel


class Post(RuleBasedStateMachine):
    """Queueing, claiming, answers and crashes in any order, against a real file."""

    def __init__(self) -> None:
        super().__init__()
        self.now = T0
        self.folder = Path(tempfile.mkdtemp())
        self.store = Store(self.folder / "a.db", now=lambda: self.now)
        self.queued: dict[tuple[str, str, str], None] = {}
        self.sent: list[tuple[str, str, str]] = []
        self.marked: set[tuple[str, str, str]] = set()
        self.expired: set[tuple[str, str, str]] = set()
        self.crashes = 0

    def teardown(self) -> None:
        """Remove the file."""
        self.store.close()
        shutil.rmtree(self.folder)

    @rule(event=st.sampled_from("ab"), kind=st.sampled_from(["onset", "over"]), channel=st.sampled_from("xy"))
    def queue(self, event: str, kind: str, channel: str) -> None:
        """Queue, perhaps again."""
        minute = (self.now - T0) // timedelta(minutes=1)
        new = self.store.enqueue([message(event, kind, channel, minute)])
        assert new == ((event, kind, channel) not in self.queued)
        self.queued[event, kind, channel] = None

    @rule(answer=st.sampled_from(["taken", "refused", "passed", "crash before", "crash after"]))
    def deliver(self, answer: str) -> None:
        """One round of delivery, which may be cut short by a crash around the first message."""
        for row in self.store.due(self.now):
            key = key_of(row)
            assert key not in self.marked | self.expired
            if answer in ("taken", "crash after"):
                self.sent.append(key)
            if answer.startswith("crash"):
                self.crash()
                return
            if answer == "taken":
                self.take(row)
            else:
                self.store.failed(row.id, self.now, "no", self.now + timedelta(minutes=1))
            if answer == "passed" and (behind := self.store.behind(row.id, self.now)) is not None:
                self.sent.append(key_of(behind))
                self.take(behind)

    def take(self, row: OutboxRow) -> None:
        """The channel has it; what it overtook is given up."""
        self.marked.add(key_of(row))
        self.expired |= {key_of(one) for one in self.store.delivered(row.id, self.now)}

    def crash(self) -> None:
        """The process dies and another takes over."""
        self.crashes += 1
        self.store._db.close()
        self.store._process.release()
        self.store = Store(self.folder / "a.db", now=lambda: self.now)

    @rule(minutes=st.sampled_from([0, 1, 30, 600]))
    def wait(self, minutes: int) -> None:
        """Time goes on, and what is too old is given up."""
        self.now += timedelta(minutes=minutes)
        for row in self.store.expire(self.now):
            self.expired.add(key_of(row))

    @precondition(lambda self: self.queued)
    @rule()
    def everything_unexpired_arrives_in_the_end(self) -> None:
        """When channels work again, all that is not too old is delivered and nothing waits."""
        self.now += timedelta(minutes=1)
        self.wait(0)
        for _ in range(4):  # as many as a channel's queue has messages
            self.deliver("taken")
        assert self.marked | self.expired == self.queued.keys()

    @invariant()
    def nothing_is_sent_that_was_not_queued_and_repeats_need_crashes(self) -> None:
        """At most one repeat per crash; of one channel nothing old behind what is newer."""
        assert set(self.sent) <= self.queued.keys()
        for channel in "xy":
            arrived = [key for key in dict.fromkeys(self.sent) if key[2] == channel]
            assert arrived == [key for key in self.queued if key in arrived]
        assert len(self.sent) - len(set(self.sent)) <= self.crashes
        assert not self.marked & self.expired


Post.TestCase.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
TestPost = Post.TestCase


@pytest.mark.parametrize("channel", ["phone", None])
def test_a_round_is_bounded(tmp_path: Path, channel: str | None) -> None:
    """One call claims no more than asked, so that a long backlog does not hold the lease too long."""
    with Store(tmp_path / "a.db") as store:
        store.enqueue([message(f"e{n}", camera=f"c{n}") for n in range(10)])
        assert len(store.due(T0, channel, limit=4)) == 4
        assert len(store.due(T0, channel)) == 6
