"""Strangers at the page: connections that say nothing, or half of it, and come back when they are shut out.

A process of its own, so that their cost is not the daemon's: ``python -m tests.faults.strangers JSON``
with ``host``, ``port``, ``idle`` (connections that say nothing), ``half`` (half-sent requests),
``seconds`` and ``again_per_s`` (how many that were closed come back in a second). Loopback only.
"""

from __future__ import annotations

import contextlib
import json
import selectors
import socket
import sys
import time
from dataclasses import dataclass, field

HALF = (
    b"GET /season HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ",
    b"POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 400\r\n\r\ntoken=",
    b"G",
)


@dataclass
class Strangers:
    """All of them, on one selector."""

    place: tuple[str, int]
    again_per_s: float
    wanted: dict[bytes, int]
    closed: int = 0
    _selector: selectors.DefaultSelector = field(default_factory=selectors.DefaultSelector)
    _there: dict[bytes, int] = field(default_factory=dict)

    def run(self, seconds: float) -> None:
        """Be there for so long; who is closed comes back."""
        began = time.monotonic()
        allowed = float(sum(self.wanted.values()))  # the first time all at once
        last = began
        while (now := time.monotonic()) - began < seconds:
            allowed, last = min(allowed + (now - last) * self.again_per_s, 1e4), now
            for said, number in self.wanted.items():
                while self._there.get(said, 0) < number and allowed >= 1:
                    allowed -= 1
                    self._come(said)
            for key, _ in self._selector.select(0.02):
                self._hear(key)

    def _come(self, said: bytes) -> None:
        stranger = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        stranger.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            stranger.connect(self.place)
        self._there[said] = self._there.get(said, 0) + 1
        self._selector.register(stranger, selectors.EVENT_READ | (selectors.EVENT_WRITE if said else 0), said)

    def _hear(self, key: selectors.SelectorKey) -> None:
        stranger = key.fileobj
        assert isinstance(stranger, socket.socket)
        try:
            if key.events & selectors.EVENT_WRITE:
                stranger.send(key.data)
                self._selector.modify(stranger, selectors.EVENT_READ, key.data)
                return
            if stranger.recv(4096):
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self._selector.unregister(stranger)
        stranger.close()
        self._there[key.data] -= 1
        self.closed += 1


def main() -> None:
    """Be there, then say how often somebody was shut out."""
    asked = json.loads(sys.argv[1])
    share, rest = divmod(asked["half"], len(HALF))
    wanted = {said: share + (place < rest) for place, said in enumerate(HALF)} | {b"": asked["idle"]}
    strangers = Strangers(("127.0.0.1", asked["port"]), asked["again_per_s"], wanted)
    strangers.run(asked["seconds"])
    print(json.dumps({"closed": strangers.closed}))


if __name__ == "__main__":
    main()
