"""The MQTT broker as a channel of the outbox, and as the place where each camera's state is shown.

State is what it is now: it is published when it changes and whole after each connection, and what the
broker missed of it is gone for good. Events come from the outbox, which keeps them until the broker has them.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from daemon.alert import homeassistant as ha
from daemon.alert.channel import REFUSED_OFTEN
from daemon.alert.conditions import Conditions, failing
from daemon.alert.mqtt import Heard, Link
from daemon.clock import Clock
from daemon.config import MQTT_CHANNEL, CameraSettings, MqttSettings, Settings
from daemon.errors import DeliveryError, StoreError
from daemon.live_status import LiveStatus
from daemon.observation import OutboxRow
from daemon.record.columns import ObservationRow
from daemon.record.store import Store

log = logging.getLogger("aurorad.mqtt")

LOOK_S = 0.5
"""Real seconds between looks whether a camera's state has changed."""

SETTLE_S = 15.0
"""From a connection to its first event. After a broker's restart Home Assistant tries again every 10 s, and an
event that comes before it is lost to it: brokers keep none for who is not there."""

RETRY_S = (1.0, 30.0)
MISSED_AFTER_S = 300.0
"""The operator hears of a broker that has been away for so long."""

_Shown = tuple[bool, datetime | None, datetime | None]


class Broker:
    """Keeps the connection, shows the state, and delivers events: a thread of its own, and Delivery's."""

    name = MQTT_CHANNEL
    wants_all = True  # machines listen, which are told when each change was

    def __init__(
        self,
        settings: Settings,
        mqtt: MqttSettings,
        store: Store,
        status: Callable[[str], LiveStatus | None],
        frames_dir: Path,
        clock: Clock,
        conditions: Conditions,
        *,
        settle_s: float = SETTLE_S,
    ) -> None:
        self._settings, self._mqtt, self._store, self._status = settings, mqtt, store, status
        self._frames_dir, self._clock, self._conditions = frames_dir, clock, conditions
        self._cameras = {camera.name: camera for camera in settings.camera}
        self._settle_s = settle_s
        self._link: Link | None = None
        self._since = 0.0
        self._shown: dict[str, _Shown] = {}
        self._left: SimpleQueue[str] = SimpleQueue()
        self._forgotten: set[str] = set()
        self._again = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)

    # ------------------------------------------------------------------ the channel

    def ready(self) -> bool:
        """Is there a broker, with those who listen to it back again?"""
        link = self._link
        return (
            link is not None and not link.lost.is_set() and time.monotonic() - self._since >= self._settle_s
        )

    def deliver(self, row: OutboxRow, picture: Path | None) -> None:
        """One change of an event, its picture first. Raises DeliveryError where the broker has not taken it.

        Brokers end the connection over what is too large for them: after a few tries the words go alone.
        """
        link, message = self._link, row.message
        if link is None:
            raise DeliveryError("there is no connection to the MQTT broker")
        reader = self._store.reader
        frame = reader.at(message.camera, message.created_at)
        told = ha.event(message, frame, reader.event(message.event_id))
        if picture is not None and picture.is_file() and row.attempts <= REFUSED_OFTEN:
            link.publish(self._topic(message.camera, "event_picture"), picture.read_bytes())
        link.publish(self._topic(message.camera, "event"), json.dumps(told), retain=False)

    # ------------------------------------------------------------------ the connection

    def start(self) -> None:
        """Connect, and stay so."""
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """Say that the watch is no more, and leave."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        wait_s, missed = RETRY_S[0], time.monotonic()
        while not self._stop.is_set():
            try:
                self._connect()
                wait_s = RETRY_S[0]
                self._stay()
                missed = time.monotonic()
            except DeliveryError as error:
                log.warning("%s", error)
                self._judge(str(error), time.monotonic() - missed)
            except Exception:  # the broker's own thread: the outbox and the watch go on without it
                log.exception("mqtt: failed; it connects again")
            self._leave()
            if self._stop.wait(wait_s):
                return
            wait_s = min(RETRY_S[1], 2 * wait_s)

    def _connect(self) -> None:
        will = (ha.status_topic(self._mqtt.topic), ha.OFFLINE)
        listen: dict[str, Heard] = {self._topic("+", "availability"): self._heard_of}
        if self._mqtt.discovery:
            listen[f"{self._mqtt.discovery}/status"] = self._home_began
        self._forgotten.clear()
        link = Link(self._mqtt, will, listen)
        self._link, self._since = link, time.monotonic()
        log.info("connected to the MQTT broker at %s:%d", self._mqtt.host, self._mqtt.port)
        self._told(lambda: self._conditions.end(_CONDITION, "", "the MQTT broker takes messages again"))

    def _stay(self) -> None:
        """Show what there is, and then what changes, until the connection is lost or the watch ends."""
        link = self._link
        assert link is not None
        self._again.set()
        while not self._stop.is_set() and not link.lost.is_set():
            if self._again.is_set():
                self._again.clear()
                self._introduce(link)
            while not self._left.empty():
                self._forget(link, self._left.get())
            try:
                for camera in self._settings.camera:
                    self._show(link, camera)
            except StoreError as error:
                log.warning("mqtt: the record cannot be read: %s", error)
            if link.lost.wait(LOOK_S):
                break
        if link.lost.is_set() and not self._stop.is_set():
            raise DeliveryError(
                f"the connection to the MQTT broker at {self._mqtt.host}:{self._mqtt.port} was lost"
            )

    def _leave(self) -> None:
        link, self._link = self._link, None
        if link is None:
            return
        if not link.lost.is_set():
            try:
                for name in self._cameras:
                    link.publish(self._topic(name, "availability"), ha.OFFLINE)
                link.publish(ha.status_topic(self._mqtt.topic), ha.OFFLINE)
            except DeliveryError as error:
                log.info("%s", error)
        link.close()

    def _judge(self, why: str, away_s: float) -> None:
        if away_s >= MISSED_AFTER_S:
            self._told(lambda: self._conditions.begin(_CONDITION, "", why))

    def _told(self, tell: Callable[[], None]) -> None:
        try:
            tell()
        except StoreError as error:
            log.error("mqtt: not recorded: %s", error)

    # ------------------------------------------------------------------ the state

    def _introduce(self, link: Link) -> None:
        """Who we are, and everything anew: to a broker that may have forgotten, or a Home Assistant just begun."""
        self._shown.clear()
        for camera in self._settings.camera if self._mqtt.discovery else ():
            told = ha.discovery(
                self._mqtt.topic,
                camera.name,
                camera.called,
                url=self._settings.daemon.url,
                picture=self._mqtt.picture,
            )
            link.publish(self._discovery(camera.name), json.dumps(told))
        link.publish(ha.status_topic(self._mqtt.topic), ha.ONLINE)

    def _show(self, link: Link, camera: CameraSettings) -> None:
        """A camera's state, where it is another than the one shown last."""
        status = self._status(camera.name)
        there = ha.available(status, self._clock.now(), camera.cadence_s)
        shown = there, status.observed_at if status else None, status.progressed_at if status else None
        before = self._shown.get(camera.name)
        if shown == before:
            return
        if there and status is not None:
            self._show_state(link, camera.name, status, new=before is None or before[1] != shown[1])
        if before is None or before[0] != there:
            link.publish(self._topic(camera.name, "availability"), ha.ONLINE if there else ha.OFFLINE)
        self._shown[camera.name] = shown

    def _show_state(self, link: Link, name: str, status: LiveStatus, *, new: bool) -> None:
        at = status.observed_at if status.gate.look else None
        row = self._store.reader.at(name, at) if at else None
        newest: Sequence[Any] = self._store.reader.events(name, limit=1)
        ongoing = newest[0] if newest and not newest[0]["ended_at"] else None
        link.publish(self._topic(name, "state"), json.dumps(ha.state(status, row, ongoing)))
        if new and row is not None and self._mqtt.picture:
            self._show_picture(link, row)

    def _show_picture(self, link: Link, row: ObservationRow) -> None:
        if row["picture"] is None:
            return
        try:
            data = (self._frames_dir / row["picture"]).read_bytes()
        except OSError as error:
            log.warning("%s: its picture cannot be read: %s", row["camera"], error.strerror)
            return
        link.publish(self._topic(row["camera"], "picture"), data)

    # ------------------------------------------------------------------ what is heard

    def _home_began(self, topic: str, payload: bytes) -> None:
        """Home Assistant has started: it asks for the state of everything that way."""
        if payload == b"online":
            self._again.set()

    def _heard_of(self, topic: str, payload: bytes) -> None:
        """A camera under our topic that is watched no more: it must not stay available for ever."""
        name = topic.split("/")[-2]
        # One that was killed left "online" behind, one that ended or was reloaded "offline": the device stays either way.
        if payload and name not in self._cameras and name not in self._forgotten:
            self._forgotten.add(name)  # what we send is heard here too
            self._left.put(name)  # the connection's own thread must not wait for what it sends

    def _forget(self, link: Link, name: str) -> None:
        link.publish(self._topic(name, "availability"), ha.OFFLINE)
        if self._mqtt.discovery:
            link.publish(self._discovery(name), "")

    def _topic(self, camera: str, what: str) -> str:
        return ha.camera_topic(self._mqtt.topic, camera, what)

    def _discovery(self, camera: str) -> str:
        return ha.discovery_topic(self._mqtt.discovery, self._mqtt.topic, camera)


_CONDITION = failing(MQTT_CHANNEL)
