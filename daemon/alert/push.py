"""Web push as a channel of the outbox: each change of an event to every browser that wants to hear of it.

The outbox has one row for all of them. Which browser has which message is remembered with the browsers, so that a
row that is tried again for one of them reaches none of the others twice, and none whom newer news has reached
meanwhile: the trouble of one keeps nothing from the others. An event that begins too faint for
somebody, or in their quiet hours, reaches them when it has become bright enough and they are awake.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from daemon import sighting
from daemon.alert.webpush import GoneError, Identity, Post, Sender, check_keys
from daemon.clock import Clock
from daemon.config import PUSH_CHANNEL, NotifySettings, PushSettings, Settings
from daemon.errors import ConfigError, DeliveryError, UsageError
from daemon.observation import Message, OutboxRow
from daemon.record import snoozes
from daemon.record.store import Store
from daemon.subscribers import Subscriber, Subscribers

log = logging.getLogger("aurorad.push")

NAME = PUSH_CHANNEL
RISING_S = 10.0
"""Real seconds between looks whether an event has become bright enough for somebody."""

LOOKED_THROUGH = 1000
"""Messages of the outbox, the newest, among which those are that went ahead of one that is tried again."""


class Push:
    """Who has subscribed, and how they are reached. Thread-safe."""

    name = NAME
    wants_all = False

    def __init__(
        self,
        settings: Settings,
        store: Store,
        clock: Clock,
        subscribers: Subscribers,
        *,
        trust: ssl.SSLContext | bool = True,
        tick: Callable[[], float] = time.monotonic,
    ) -> None:
        """``subscribers`` are one for all that read and write their file, also over a reload."""
        self._settings: PushSettings = settings.push
        self._folder: Path = settings.daemon.state_dir / "push"
        self._cameras = {camera.name: camera.called for camera in settings.camera}
        self._contact = contact_of(settings)
        self._store, self._clock, self._trust, self._tick = store, clock, trust, tick
        self.subscribers = subscribers
        self._looked_s = float("-inf")

    def channels(self) -> Sequence[NotifySettings]:
        """The channel, while anybody has subscribed: no rows wait for nobody."""
        if not len(self.subscribers):
            return ()
        return (NotifySettings(name=NAME, url="push:", expire_min=self._settings.expire_min),)

    # ------------------------------------------------------------------ what the page asks

    def key(self) -> str:
        """The public key that browsers subscribe with."""
        return self._identity().public

    def _identity(self) -> Identity:
        return Identity(self._folder / "key.pem")

    def subscribe(self, given: Subscriber) -> None:
        """Take a browser in, or its new wishes. Raises UsageError for one that cannot be reached."""
        if given.camera and given.camera not in self._cameras:
            raise UsageError("there is no camera of that name")
        if not is_push_service(given.endpoint, self._settings.services):
            raise UsageError(
                f"{_host(given.endpoint)[:100]} is no push service known here; add it to [push] services"
            )
        try:
            check_keys(given.p256dh, given.auth)
        except ValueError:
            raise UsageError("the browser's keys cannot be used") from None
        self.subscribers.put(given)

    def unsubscribe(self, endpoint: str) -> bool:
        """Forget a browser; False where it was not known."""
        return self.subscribers.remove(endpoint)

    def find(self, endpoint: str) -> Subscriber | None:
        """What a browser has asked for, for itself to show."""
        return self.subscribers.find(endpoint)

    def test(self, endpoint: str) -> None:
        """Send a test to one browser. Raises UsageError or DeliveryError."""
        one = self.subscribers.find(endpoint)
        if one is None:
            raise UsageError("this browser has not subscribed")
        text = {
            "title": "aurorad: a test",
            "body": "News of the aurora arrives here.",
            "tag": "test",
            "url": "./",
        }
        missed = self._send(Post(json.dumps(text), 300, "high", "test"), [one])
        if self.subscribers.find(endpoint) is None:
            raise GoneError("the browser has ended its subscription")
        if missed:
            raise DeliveryError(missed[0])

    # ------------------------------------------------------------------ the channel

    def ready(self) -> bool:
        """Always; and now and then an event that has risen is looked for."""
        if self._tick() - self._looked_s >= RISING_S:
            self._looked_s = self._tick()
            self._rising()
        return True

    def deliver(self, row: OutboxRow, picture: Path | None) -> None:
        """One change to everybody who wants it and does not have it. Raises DeliveryError where one was missed."""
        message = row.message
        event: Mapping[str, Any] = self._store.reader.event(message.event_id) or {}
        there = {_key(message.event_id, message.kind), *self._newer(row)}
        wanted = [
            one
            for one in self.subscribers.all()
            if there.isdisjoint(one.has) and self._is_for(one, message, event)
        ]
        missed = self._give(wanted, message, message.title)
        if missed:
            raise DeliveryError("; ".join(missed[:3]), passes=True)

    def _newer(self, row: OutboxRow) -> Iterator[str]:
        """What was queued of the camera after a message that is tried again, and may have gone ahead of it."""
        for other in self._store.reader.messages(limit=LOOKED_THROUGH) if row.attempts > 1 else ():
            if (other["channel"], other["camera"]) == (NAME, row.message.camera) and other["id"] > row.id:
                yield _key(other["event_id"], other["kind"])

    def _is_for(self, one: Subscriber, message: Message, event: Mapping[str, Any]) -> bool:
        """The end of an event is for those who heard of it; all else for those who want it now."""
        if message.kind == "over":
            heard = any(_key(message.event_id, kind) in one.has for kind in ("onset", "strong"))
            return heard and not one.sleeps(self._clock.now())
        return one.wants(message.camera, event.get("brightest_level"), self._clock.now())

    def _rising(self) -> None:
        """Events under way, to those who have heard nothing of them yet and want to by now."""
        everybody = self.subscribers.all()
        for camera, title in self._cameras.items() if everybody else ():
            for event in self._store.reader.events(camera, limit=1):
                if event["ended_at"] or event["in_cool_down"]:
                    continue
                first = next((m for m in self._store.beginnings(event["id"]) if m.channel == NAME), None)
                if first is not None:
                    self._tell_risen(everybody, first, event, title)

    def _tell_risen(
        self, everybody: Sequence[Subscriber], first: Message, event: Mapping[str, Any], title: str
    ) -> None:
        level, now = event["brightest_level"], self._clock.now()
        if now >= first.expires_at or snoozes.is_silent(self._store.reader, NAME, now):
            return
        risen = [
            one
            for one in everybody
            if not any(key.startswith(_key(event["id"], "")) for key in one.has)
            and one.wants(first.camera, level, now)
        ]
        for why in self._give(risen, first, sighting.over(title, sighting.of_event(event))):
            log.info("%s", why)  # the next look tries again

    def _give(self, those: Sequence[Subscriber], message: Message, title: str) -> list[str]:
        """Send to each; why some were missed, who neither have it nor are gone."""
        left_s = int((message.expires_at - self._clock.now()).total_seconds())
        urgency = "normal" if message.kind == "over" else "high"
        topic = hashlib.blake2b(message.event_id.encode(), digest_size=12).hexdigest()
        text = json.dumps(payload(message, title), ensure_ascii=False)
        post = Post(text, max(60, min(left_s, 12 * 3600)), urgency, topic)
        return self._send(post, those, _key(message.event_id, message.kind))

    def _send(self, post: Post, those: Sequence[Subscriber], key: str = "") -> list[str]:
        """One sending to all of them; with a ``key`` it is remembered who has it, whatever ends it."""
        has: list[str] = []
        gone: list[str] = []
        missed: list[str] = []
        if not those:
            return missed
        try:
            with Sender(self._identity(), self._contact, self._trust) as sender:
                for one in those:
                    try:
                        sender.send(post, one)
                    except GoneError as error:
                        log.info("%s", error)
                        gone.append(one.endpoint)
                    except DeliveryError as error:
                        missed.append(str(error))
                    else:
                        has.append(one.endpoint)
        except ConfigError as error:
            raise DeliveryError(str(error)) from error
        finally:
            self.subscribers.settle(key, has if key else (), gone)
        return missed


def _key(event_id: str, kind: str) -> str:
    return f"{event_id}/{kind}"


def payload(message: Message, title: str) -> dict[str, str]:
    """What the service worker shows. Addresses are relative to the page; one event is one notification."""
    lines = [
        line for line in message.body.splitlines() if not line.startswith(("http://", "https://", "event "))
    ]
    told = {
        "title": title,
        "body": "\n".join(lines)[:700],
        "tag": message.event_id,
        "url": f"./?camera={quote(message.camera)}"
        if message.kind != "over"
        else f"./events#event-{quote(message.event_id)}",
    }
    if message.picture:
        told["image"] = f"./frames/{quote(message.picture)}"
    return told


def _host(endpoint: str) -> str:
    try:
        return urlsplit(endpoint).hostname or "this"
    except ValueError:
        return "this"


def is_push_service(endpoint: str, services: Sequence[str]) -> bool:
    """Is that an address of a known push service? Nothing else is ever asked: anybody may give one."""
    try:
        parts = urlsplit(endpoint)
        host, _ = (parts.hostname or "").lower(), parts.port
    except ValueError:
        return False
    if (
        parts.scheme != "https"
        or parts.username is not None
        or not endpoint.isprintable()
        or len(endpoint) > 1000
    ):
        return False
    return any(host == service or host.endswith(f".{service}") for service in services)


def contact_of(settings: Settings) -> str:
    """Whom a push service may write to about us: an address it asks for.

    Apple's refuses each message where that is no address of the public internet (``BadJwtToken``), such as one
    that ends in ``@localhost`` or ``.local``.
    """
    given = settings.daemon.user_agent_contact.strip().removeprefix("mailto:")
    if re.fullmatch(r"[^\s@<>]+@[^\s@<>]+", given) and _is_public(given.rpartition("@")[2]):
        return f"mailto:{given}"
    for address in (given, settings.daemon.url):
        if address.startswith("https://") and _is_public(urlsplit(address).hostname or ""):
            return address
    return "https://github.com/aurorad/aurorad"


def _is_public(host: str) -> bool:
    """A name of the public internet, as far as its ending says."""
    name, dot, ending = host.lower().rpartition(".")
    return bool(name and dot and ending.isalpha()) and ending not in (
        "local",
        "lan",
        "home",
        "internal",
        "localhost",
    )
