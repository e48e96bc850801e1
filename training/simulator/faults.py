"""What the stand-in site can do wrong, on demand: faults of the feed, and of the server."""

from __future__ import annotations

import threading
from dataclasses import dataclass

FEED = {
    "freeze": "the same bytes and headers, for ever",
    "touch": "the same bytes under new headers",
    "reencode": "the same picture, encoded anew each time",
    "stopped-clock": "a new sky under the same burnt-in time",
    "old": "the same picture, its Last-Modified 90 days back",
}
"""Faults of the live still: 200 is answered, and the picture is no news."""

SERVER = {
    "html": "a web page with status 200 under the picture's type",
    "empty": "status 200 and nothing",
    "half": "the first half of the file, its length announced as right",
    "truncated": "the connection closed half-way through the announced length",
    "short-length": "a Content-Length of half the body",
    "500": "Internal Server Error",
    "503": "Service Unavailable, Retry-After 1",
    "429": "Too Many Requests, Retry-After 3",
    "404": "Not Found",
    "403": "Forbidden",
    "loop": "a redirect to itself",
    "long-loop": "a redirect to another address, without end",
    "hang": "no answer",
    "drip": "one byte of the body now and then",
    "drip-headers": "one byte of the headers now and then",
    "close": "the connection closed without an answer",
    "garbage": "bytes that are no HTTP",
    "bomb": "a PNG of a few bytes that says it is 60000 × 60000",
    "huge": "a body without end",
    "ignore-range": "the whole file though a part was requested",
    "bad-range": "another part than the requested one",
}
"""Faults of the answer."""


@dataclass(frozen=True)
class Fault:
    """One fault: what, where (``live``, ``movie``, ``space`` or ``all``), and for how many requests (None: all)."""

    kind: str
    where: str = "all"
    times: int | None = None


class Faults:
    """The fault in force, set from anywhere, asked by every request. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._fault: Fault | None = None

    def set(self, kind: str, where: str = "all", times: int | None = None) -> None:
        """Put a fault in force; ``none`` ends it. Raises ValueError for one there is not."""
        if kind not in {"none", *FEED, *SERVER} or where not in ("live", "movie", "space", "all"):
            raise ValueError(f"no fault is called {kind!r} at {where!r}")
        with self._lock:
            self._fault = None if kind == "none" else Fault(kind, where, times)

    def take(self, where: str) -> str | None:
        """The fault one request to ``live``, ``movie`` or ``space`` meets, counted; None where all is well."""
        with self._lock:
            fault = self._fault
            if fault is None or fault.where not in (where, "all"):
                return None
            if fault.times is not None:
                left = fault.times - 1
                self._fault = Fault(fault.kind, fault.where, left) if left > 0 else None
            return fault.kind

    @property
    def now(self) -> Fault | None:
        """The fault in force."""
        return self._fault
