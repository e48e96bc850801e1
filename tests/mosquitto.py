"""A real MQTT broker on loopback, and one who listens to it as Home Assistant does."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

PROGRAM = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
needs_mosquitto = pytest.mark.skipif(PROGRAM is None, reason="no mosquitto here (Debian: mosquitto)")


def soon(what: Callable[[], object], why: str, limit_s: float = 20.0) -> None:
    """Wait until it is so."""
    end = time.monotonic() + limit_s
    while not what():
        assert time.monotonic() < end, f"not within {limit_s:g} s: {why}"
        time.sleep(0.02)


class Mosquitto:
    """A broker that keeps nothing on disk. ``more`` is added to its configuration."""

    def __init__(self, folder: Path, *more: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self._file = folder / "mosquitto.conf"
        lines = [f"listener {self.port} 127.0.0.1", "persistence false", "user root", *more]
        if not any(line.startswith("allow_anonymous") for line in more):
            lines.append("allow_anonymous true")
        self._file.write_text("\n".join(lines) + "\n")
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Begin, or begin again: on the same port, with nothing remembered."""
        assert PROGRAM is not None
        self._process = subprocess.Popen(
            [PROGRAM, "-c", self._file], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        soon(self._answers, "mosquitto listens")

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def kill(self) -> None:
        """End it as a power cut does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class Home:
    """Subscribes to everything and connects again by itself; ``got`` is (topic, payload, retained)."""

    def __init__(self, port: int, prepare: Callable[[paho.Client], object] = lambda client: None) -> None:
        self.got: list[tuple[str, bytes, bool]] = []
        self.there = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        prepare(self._client)
        self._client.reconnect_delay_set(0.1, 0.1)  # type: ignore[arg-type]
        self._client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self._client.on_subscribe = lambda *_: self.there.set()
        self._client.on_message = lambda _, __, m: self.got.append((m.topic, m.payload, m.retain))
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self.there.wait(10)

    def publish(self, topic: str, payload: str) -> None:
        """Say something."""
        self._client.publish(topic, payload, qos=1).wait_for_publish(5)

    def all_of(self, topic: str) -> list[bytes]:
        """Every payload of a topic, in order."""
        return [payload for where, payload, _ in list(self.got) if where == topic]

    def last(self, topic: str) -> str | None:
        """What a topic says now."""
        found = self.all_of(topic)
        return found[-1].decode() if found else None

    def last_json(self, topic: str) -> Any:
        """The same, read."""
        return json.loads(self.last(topic) or "null")

    def close(self) -> None:
        """Leave."""
        self._client.disconnect()
        self._client.loop_stop()
