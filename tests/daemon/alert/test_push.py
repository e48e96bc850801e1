"""Web push: encrypted as the standard says, to whom it concerns, once, and to nobody's other servers."""

from __future__ import annotations

import errno
import json
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from daemon.alert.push import Push, contact_of, is_push_service
from daemon.alert.webpush import Identity, encrypt, unb64, verified
from daemon.config import DaemonSettings, PushSettings, Settings
from daemon.errors import ConfigError, DeliveryError, UsageError
from daemon.observation import Message, OutboxRow
from daemon.record.store import Store
from daemon.subscribers import MOST, Subscriber, SubscriberError, Subscribers
from tests.conftest import SetClock
from tests.daemon.record.made import NIGHT, T0, event, message, observation
from tests.push_service import Browser, PushService

EVENT = event().id


def test_a_message_is_encrypted_as_the_standard_s_example() -> None:
    """RFC 8291, appendix A: the same keys and salt give the same bytes."""
    private = int.from_bytes(unb64("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"), "big")
    made = encrypt(
        b"When I grow up, I want to be a watermelon",
        unb64("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"),
        unb64("BTBZMqHH6r4Tts7J_aSIgg"),
        sender=ec.derive_private_key(private, ec.SECP256R1()),
        salt=unb64("DGv6ra1nlYgDCS1FRnbzlw"),
    )
    assert made == unb64(
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8w"
        "EqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PushService]:
    made = PushService(tmp_path_factory.mktemp("service"))
    yield made
    made.close()


class Wired:
    """A record, the channel over it, and phones."""

    def __init__(self, folder: Path, service: PushService) -> None:
        self.folder, self.service = folder, service
        self.settings = Settings(
            daemon=DaemonSettings(state_dir=folder, user_agent_contact="me@example.org"),
            push=PushSettings(services=("localhost",)),
        )
        self.clock = SetClock(T0)
        self.store = Store(folder / "a.db", now=self.clock.now)
        self.tick_s = 0.0
        self.push = self.begin()

    def begin(self) -> Push:
        """The channel as after a start."""
        kept = Subscribers.kept_in(self.folder)
        return Push(
            self.settings, self.store, self.clock, kept, trust=self.service.trust, tick=lambda: self.tick_s
        )

    def phone(self, name: str, **wishes: Any) -> Browser:
        """Somebody subscribes."""
        made = Browser(self.service, name)
        self.push.subscribe(Subscriber(**made.subscription, **wishes))
        return made

    def event(self, level: int, **changed: Any) -> None:
        """An event whose brightest frame so far has that level."""
        self.store.record(observation(level, colour_level=level), night=NIGHT)
        self.store.put_event(event(**changed))

    def send(self, kind: str = "onset") -> None:
        """A row of the outbox, delivered."""
        told = message(kind, "push")
        self.store.enqueue([told])
        self.push.deliver(OutboxRow(1, told, 1), None)

    def later(self) -> None:
        """The next look for an event that has risen."""
        self.tick_s += 60
        self.push.ready()


@pytest.fixture
def wired(tmp_path: Path, service: PushService) -> Iterator[Wired]:
    service.got.clear()
    service.answer.clear()
    made = Wired(tmp_path, service)
    yield made
    made.store.close()


def test_a_message_reaches_a_phone_signed_and_readable_by_it_alone(wired: Wired) -> None:
    """Urgent, kept for a phone that sleeps, with the picture and where to go; the push service sees none of it."""
    phone = wired.phone("one")
    wired.event(4)
    told = replace(
        message("onset", "push"),
        picture="yellowknife/2024-02-10/a b.jpg",
        body="Look north.\nhttps://x/\nevent e",
    )
    wired.push.deliver(OutboxRow(1, told, 1), None)
    (got,) = phone.got
    assert got == {
        "title": "t",
        "body": "Look north.",
        "tag": EVENT,
        "url": "./?camera=yellowknife",
        "image": "./frames/yellowknife/2024-02-10/a%20b.jpg",
    }
    assert (phone.headers["urgency"], phone.headers["ttl"]) == ("high", str(12 * 3600))
    claims = verified(phone.headers["authorization"])
    assert (claims["aud"], claims["sub"]) == (wired.service.address, "mailto:me@example.org")
    assert f"k={wired.push.key()}" in phone.headers["authorization"]
    assert b"Look north" not in wired.service.got[-1][2]


def test_each_hears_of_what_they_asked_for_and_once(wired: Wired) -> None:
    """From one's own level on; a repeat of the row reaches nobody twice, nor does one after a restart."""
    faint, bright = wired.phone("faint"), wired.phone("bright", level=4)
    other = wired.phone("other", camera="yellowknife", level=2)
    wired.event(2)
    wired.send()
    assert [len(one.got) for one in (faint, bright, other)] == [1, 0, 1]
    wired.push = wired.begin()
    wired.send()
    assert [len(one.got) for one in (faint, bright, other)] == [1, 0, 1]


def test_a_message_to_many_costs_one_of_all_but_the_requests(
    wired: Wired, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One key read, one TLS context made, one file written, however many browsers; one that is gone among them."""
    phones = [wired.phone(name) for name in ("one", "two", "gone", "three")]
    wired.service.answer["/gone"] = 410
    wired.event(4)
    done: Counter[str] = Counter()
    for owner, name in ((Identity, "__init__"), (httpx.Client, "__init__"), (Subscribers, "_write")):
        real = getattr(owner, name)

        def counted(
            self: Any, *given: Any, _real: Any = real, _who: str = owner.__name__, **more: Any
        ) -> Any:
            done[_who] += 1
            return _real(self, *given, **more)

        monkeypatch.setattr(owner, name, counted)
    wired.send()
    assert [len(phone.got) for phone in phones] == [1, 1, 0, 1]
    assert done == {"Identity": 1, "Client": 1, "Subscribers": 1}
    assert [one.has for one in Subscribers.kept_in(wired.folder).all()] == [(f"{EVENT}/onset",)] * 3
    with pytest.raises(DeliveryError, match="ended its subscription"):
        wired.push.test(wired.phone("gone").subscription["endpoint"])
    done.clear()
    wired.send()
    wired.later()
    assert done == {}, "who has it costs nothing"


def test_who_waits_for_bright_aurora_hears_of_it_when_it_is(wired: Wired) -> None:
    """The event began faint; its rise is news to the one who asked for that, once, and its end too."""
    bright = wired.phone("bright", level=4)
    wired.event(2)
    wired.send()
    wired.later()
    assert bright.got == []
    wired.event(5)
    wired.store.snooze("push", wired.clock.now() + timedelta(minutes=10))
    wired.later()
    assert bright.got == [], "silenced on the page"
    wired.store.snooze("push", wired.clock.now())
    wired.later()
    wired.later()
    assert [got["title"] for got in bright.got] == ["Aurora over Yellowknife: bright aurora"]
    wired.event(5, ended_at=T0 + timedelta(hours=1))
    wired.send("over")
    assert len(bright.got) == 2


def test_who_waits_for_more_hears_of_an_event_that_began_strong(wired: Wired) -> None:
    """Its strong message is its first: nothing was queued of an onset."""
    near, waits = wired.phone("near"), wired.phone("waits", level=6)
    wired.event(5)
    wired.send("strong")
    assert (len(near.got), waits.got) == (1, [])
    wired.event(6)
    wired.later()
    wired.later()
    assert (len(near.got), len(waits.got)) == (1, 1)


def test_the_end_is_for_those_who_heard_of_the_event(wired: Wired) -> None:
    """Nobody is woken by the end of what was too faint to wake them."""
    bright = wired.phone("bright", level=4)
    wired.event(2)
    wired.send()
    wired.send("over")
    assert bright.got == []


def test_quiet_hours_are_the_person_s_own_and_over_when_they_are_over(wired: Wired) -> None:
    """21:50 in Yellowknife: quiet there, not in Tromsø; an event still under way when they end is news then."""
    asleep = wired.phone("asleep", quiet_from="21:00", quiet_to="07:00", timezone="America/Yellowknife")
    awake = wired.phone("awake", quiet_from="21:00", quiet_to="05:00", timezone="Europe/Oslo")
    wired.event(3)
    wired.send()
    assert [len(one.got) for one in (asleep, awake)] == [0, 1]
    wired.clock.move(9.5 * 3600)
    wired.later()
    assert [len(one.got) for one in (asleep, awake)] == [1, 1]


@pytest.mark.parametrize(
    ("hour", "quiet"),
    [(22, False), (23, True), (3, True), (6, False)],
    ids=["before", "evening", "night", "after"],
)
def test_quiet_hours_go_past_midnight(hour: int, quiet: bool) -> None:
    """From 23:00 to 06:00, ends included and not."""
    one = Subscriber("e", "k", "a", quiet_from="23:00", quiet_to="06:00")
    assert one.sleeps(datetime(2024, 2, 10, hour, tzinfo=UTC)) is quiet


def test_one_phone_s_trouble_is_not_another_s(wired: Wired) -> None:
    """A service that fails is tried again for that phone alone; a browser that left is forgotten."""
    well, ill, gone = (wired.phone(name) for name in ("well", "ill", "gone"))
    wired.service.answer = {ill.path: 503, gone.path: 410}
    wired.event(3)
    with pytest.raises(DeliveryError, match="refused with 503") as failed:
        wired.send()
    assert ill.subscription["endpoint"] not in str(failed.value)
    assert wired.push.find(gone.subscription["endpoint"]) is None
    wired.service.answer = {}
    wired.send()
    assert [len(one.got) for one in (well, ill)] == [1, 1]


def test_a_phone_that_was_away_gets_nothing_old_behind_what_is_new(wired: Wired) -> None:
    """Its trouble keeps the next message from nobody; what was passed by then reaches only who has nothing newer."""
    well, ill = wired.phone("well"), wired.phone("ill")
    wired.event(3)
    rows = [message(kind, "push") for kind in ("onset", "strong")]
    wired.store.enqueue(rows)
    (first,) = wired.store.due(wired.clock.now(), "push")
    wired.service.answer = {ill.path: 503}
    with pytest.raises(DeliveryError) as failed:
        wired.push.deliver(first, None)
    assert failed.value.passes
    behind = wired.store.behind(first.id, wired.clock.now())
    assert behind is not None
    wired.service.answer = {}
    wired.push.deliver(behind, None)
    wired.push.deliver(replace(first, attempts=2), None)
    wired.later()
    assert [len(one.got) for one in (well, ill)] == [2, 1]


def test_rows_are_queued_only_while_somebody_listens(wired: Wired) -> None:
    """No subscriber, no channel; the first makes it, the last who leaves takes it away."""
    assert wired.push.channels() == ()
    phone = wired.phone("one")
    (channel,) = wired.push.channels()
    assert (channel.name, channel.hears("onset", "yellowknife"), channel.hears("operator", "")) == (
        "push",
        True,
        False,
    )
    assert wired.push.unsubscribe(phone.subscription["endpoint"])
    assert wired.push.channels() == ()


@pytest.mark.parametrize(
    ("endpoint", "known"),
    [
        ("https://fcm.googleapis.com/fcm/send/x", True),
        ("https://updates.push.services.mozilla.com/wpush/v2/x", True),
        ("https://web.push.apple.com/x", True),
        ("https://wns2-par02p.notify.windows.com/w/?token=x", True),
        ("http://fcm.googleapis.com/x", False),
        ("https://fcm.googleapis.com.evil.example/x", False),
        ("https://evilfcm.googleapis.com/x", False),
        ("https://fcm.googleapis.com@127.0.0.1/x", False),
        ("https://127.0.0.1:8080/", False),
        ("https://[::1", False),
        ("https://fcm.googleapis.com:99999/", False),
        ("file:///etc/passwd", False),
    ],
)  # fmt: skip
def test_only_push_services_are_ever_asked(endpoint: str, known: bool) -> None:
    """A subscription is an address that a stranger may give: nothing but the known services is taken."""
    assert is_push_service(endpoint, PushSettings().services) is known


def test_what_cannot_be_a_browser_is_refused(wired: Wired) -> None:
    """A foreign address, keys that are none, a camera that is none: one line each, and nothing is kept."""
    right = Subscriber(**Browser(wired.service, "x").subscription)
    for wrong, why in (
        (replace(right, endpoint="https://evil.example/x"), "evil.example is no push service"),
        (replace(right, endpoint="https://[::1/x"), "this is no push service"),
        (replace(right, p256dh="AAAA"), "keys cannot be used"),
        (replace(right, auth="AAAA"), "keys cannot be used"),
        (replace(right, camera="nobody"), "no camera"),
    ):
        with pytest.raises(UsageError, match=why):
            wired.push.subscribe(wrong)
    with pytest.raises(UsageError, match="has not subscribed"):
        wired.push.test(right.endpoint)
    assert len(wired.push.subscribers) == 0


def test_key_and_subscribers_are_the_daemon_s_own_and_outlive_it(wired: Wired) -> None:
    """Files of mode 600 beside the record; a new start has the same key, or every phone would be lost."""
    wired.phone("one", level=3)
    before = wired.push.key()
    for name in ("key.pem", "subscribers.json"):
        assert stat.S_IMODE((wired.folder / "push" / name).stat().st_mode) == 0o600
    after = wired.begin()
    assert after.key() == before
    assert [one.level for one in after.subscribers.all()] == [3]


def test_a_key_that_cannot_be_kept_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next start makes one; half a key would have been refused at every start."""

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as during:
        during.setattr("os.fsync", full)
        with pytest.raises(ConfigError, match="No space left"):
            Identity(tmp_path / "key.pem")
    assert list(tmp_path.iterdir()) == []
    assert Identity(tmp_path / "key.pem").public == Identity(tmp_path / "key.pem").public


def test_a_damaged_file_of_subscribers_does_not_keep_the_watch_from_beginning(tmp_path: Path) -> None:
    """It is put aside, and people subscribe again."""
    path = tmp_path / "subscribers.json"
    path.write_text('[{"endpoint": ')
    assert len(Subscribers(path)) == 0
    assert path.with_suffix(".damaged").exists()


def test_there_is_an_end_to_subscribers(tmp_path: Path) -> None:
    """So many and no more; one who is there may still change his mind."""
    path = tmp_path / "subscribers.json"
    path.write_text(json.dumps([vars(Subscriber(str(n), "k", "a")) for n in range(MOST)]))
    full = Subscribers(path)
    with pytest.raises(SubscriberError, match=f"{MOST} browsers"):
        full.put(Subscriber("new", "k", "a"))
    full.put(Subscriber("1", "k", "a", level=5))
    assert [one.level for one in full.all() if one.endpoint == "1"] == [5]


@pytest.mark.parametrize(
    ("given", "url", "contact"),
    [
        ("me@example.org", "", "mailto:me@example.org"),
        ("https://a.example/about", "", "https://a.example/about"),
        ("call me", "https://sky.example/", "https://sky.example/"),
        ("", "http://10.0.0.2/", "https://github.com/aurorad/aurorad"),
        ("pi@localhost", "https://sky.local/", "https://github.com/aurorad/aurorad"),
        ("pi@allsky.local", "https://10.0.0.2/", "https://github.com/aurorad/aurorad"),
        ("Ada <me@example.org>", "", "https://github.com/aurorad/aurorad"),
    ],
)
def test_the_contact_is_one_that_push_services_take(given: str, url: str, contact: str) -> None:
    """An address of mail or https; Apple refuses any other."""
    daemon = DaemonSettings(user_agent_contact=given, url=url)
    assert contact_of(Settings(daemon=daemon)) == contact


def test_a_long_message_fits(wired: Wired) -> None:
    """A push service takes four kilobytes; a longer text is cut, not refused."""
    phone = wired.phone("one")
    told: Message = replace(message("strong", "push"), body="x" * 5000)
    wired.event(5)
    wired.push.deliver(OutboxRow(1, told, 1), None)
    assert len(phone.got[0]["body"]) == 700
