"""Random input by the hundred thousand: each case is used or refused by a typed error, quickly, and nothing stays.

``python -m tests.faults.fuzz [CASES [KIND…]]`` runs it and prints a line a kind; `make soak` runs 100,000 of each.
Kinds: config, stamp, address, http, jpeg, names.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np

from daemon import address
from daemon.clock import Clock
from daemon.config import CameraSettings, Settings, SourceSettings, load
from daemon.errors import AuroradError
from daemon.footage import image, stamp, still_clock
from daemon.footage.frame import from_still
from daemon.observation import StampStyle
from daemon.source.folder import FolderSource
from daemon.source.url import UrlSource
from tests.faults import bombs
from tests.faults.answering import Answering

SLOWEST_S = 5.0
"""CPU seconds that no case may take; the slowest are pictures near the bound."""

GROWN_MB = 40.0
"""Resident memory that a run may leave, allocators' scraps included."""

Case = Callable[[random.Random], str]
"""One case: uses it up, and says what became of it. Raises AuroradError where it is refused."""


@dataclass
class Figures:
    """What came of a run."""

    kind: str
    cases: int = 0
    seconds: float = 0.0
    slowest_s: float = 0.0
    grown_mb: float = 0.0
    files: int = 0
    threads: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)

    def line(self) -> str:
        """All of it in a line."""
        most = ", ".join(f"{what} {n:,}" for what, n in self.outcomes.most_common(6))
        return (
            f"{self.kind}: {self.cases:,} cases in {self.seconds:.0f} s, slowest {1e3 * self.slowest_s:.0f} ms of CPU,"
            f" memory {self.grown_mb:+.1f} MB, files {self.files:+d}, threads {self.threads:+d}; {most}"
        )


def run(kind: str, cases: int, seed: int = 1) -> Figures:
    """So many cases of a kind. Whatever is raised that is no AuroradError comes through, with its number."""
    with KINDS[kind]() as case:
        figures = Figures(kind)
        chance = random.Random(seed)
        for _ in range(min(200, cases // 4)):
            _one(case, chance, figures)
        before = _held()
        began = time.monotonic()
        for _ in range(cases):
            _one(case, chance, figures)
        figures.seconds = time.monotonic() - began
        after = _held()
    figures.cases = cases
    figures.grown_mb, figures.files, figures.threads = (b - a for a, b in zip(before, after, strict=True))
    return figures


def _one(case: Case, chance: random.Random, figures: Figures) -> None:
    state = chance.getstate()
    began = time.thread_time()
    try:
        outcome = case(chance)
    except AuroradError as error:
        outcome = getattr(error, "reason", type(error).__name__) if str(error).isprintable() else "two lines"
    except Exception as error:
        chance.setstate(state)
        raise AssertionError(f"{figures.kind}: {type(error).__name__}: {error}") from error
    figures.slowest_s = max(figures.slowest_s, time.thread_time() - began)
    figures.outcomes[outcome] += 1


def _held() -> tuple[float, int, int]:
    """Resident MB, open files, threads."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    files = len(os.listdir("/proc/self/fd"))
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6, files, threading.active_count()


# ------------------------------------------------------------------- pieces

ODD = ["", "\0", "\n", "\r\n", "\x1b[2J", "é", "２", "\u202e", "'", '"', "\\", "%", "%n", "://", "[", "]", "{", "}", "inf",
       "nan", "1e400", "-0", "9" * 400, "[" * 60, "env:", "credential:../x", "true", "\ud800", "A" * 3000]  # fmt: skip


def text(chance: random.Random, alphabet: str, most: int = 40) -> str:
    """Mostly of an alphabet, now and then something odd."""
    parts = [chance.choice(alphabet) for _ in range(chance.randrange(most))]
    if chance.random() < 0.4:
        parts.insert(chance.randrange(len(parts) + 1), chance.choice(ODD))
    return "".join(parts)


def mutated(chance: random.Random, data: bytes, head: int) -> bytes:
    """Bytes changed, taken out, doubled, cut, mostly in the first ``head``."""
    out = bytearray(data)
    for _ in range(chance.randrange(1, 6)):
        end = head if chance.random() < 0.8 else len(out)
        at = chance.randrange(max(1, min(end, len(out))))
        way = chance.randrange(6)
        if way == 0:
            out[at : at + 1] = bytes([chance.randrange(256)])
        elif way == 1:
            del out[at : at + chance.randrange(1, 9)]
        elif way == 2:
            out[at:at] = chance.randbytes(chance.randrange(1, 9))
        elif way == 3:
            out[at : at + 2] = bytes([0xFF, chance.choice((0, 1, *range(0xC0, 0x100)))])
        elif way == 4:
            out[at:at] = out[at : at + chance.randrange(1, 40)]
        elif chance.random() < 0.3:
            del out[at:]
    return bytes(out)


# ------------------------------------------------------------------- kinds

TABLES = [
    "[daemon]",
    "[model]",
    "[[camera]]",
    "[camera.source]",
    "[camera.stamp]",
    "[gate]",
    "[event]",
    "[[notify]]",
]
KEYS = sorted({*SourceSettings.model_fields, *CameraSettings.model_fields, *Settings.model_fields, "port", "host",
               "state_dir", "token", "on", "off", "confirm", "of", "dwell_min", "path", "region", "formats", "north_deg"})  # fmt: skip


@contextmanager
def _config() -> Iterator[Case]:
    folder = Path(tempfile.mkdtemp(prefix="aurorad-fuzz-"))
    path = folder / "a.toml"

    def value(chance: random.Random) -> str:
        way = chance.randrange(6)
        if way == 0:
            return str(
                chance.choice(
                    [0, -1, 1, 60, 2**63, 10**30, 1e300, 1e-300, "inf", "nan", "true", "1979-05-27"]
                )
            )
        if way == 1:
            return f"[{text(chance, '0123456789, .', 12)}]"
        if way == 2:
            return repr(text(chance, "abcdefgh/:.%", 20))
        return chance.choice(
            ['"UTC"', '"url"', '"http://127.0.0.1:9/a.jpg"', '"json://127.0.0.1:9"', "5", "0.5", "{}"]
        )

    def case(chance: random.Random) -> str:
        lines = []
        for _ in range(chance.randrange(10)):
            way = chance.random()
            if way < 0.35:
                lines.append(chance.choice(TABLES))
            elif way < 0.9:
                lines.append(f"{chance.choice(KEYS)} = {value(chance)}")
            else:
                lines.append(text(chance, "abc=[]'\" \t#", 20))
        path.write_bytes("\n".join(lines).encode("utf-8", "surrogatepass"))
        load(path)
        return "settings"

    yield case
    shutil.rmtree(folder)


@contextmanager
def _stamp() -> Iterator[Case]:
    forms = [
        ("%Y-%m-%d %H:%M:%S",),
        ("%Y/%m/%d %H:%M",),
        ("%d.%m.%y %H-%M",),
        ("%H:%M %d/%m/%Y", "%Y-%m-%d %H:%M:%S"),
    ]
    zones = ["America/Yellowknife", "UTC", "Europe/Oslo", "Asia/Kathmandu", "No/Where"]

    def case(chance: random.Random) -> str:
        at = datetime(1990, 1, 1) + timedelta(seconds=chance.randrange(2_000_000_000))
        written = list(f"{at:%Y-%m-%d %H:%M:%S} MST")
        for _ in range(chance.randrange(4)):
            written[chance.randrange(len(written))] = chance.choice("0O1lI5S8B-–:;. é２\n") + chance.choice(
                ODD[:8]
            )
        shown = (
            "".join(written) if chance.random() < 0.7 else text(chance, "0123456789-/: .MSTDCHNRoOlIBS|", 45)
        )
        near = (
            at.replace(tzinfo=UTC) + timedelta(hours=chance.randrange(-30, 30))
            if chance.random() < 0.7
            else None
        )
        found = stamp.parse_stamp(
            shown, StampStyle((0, 0, 1, 1), chance.choice(forms), chance.choice(zones)), near
        )
        assert found.utcoffset() == timedelta(0)
        return "a time"

    yield case


@contextmanager
def _address() -> Iterator[Case]:
    def case(chance: random.Random) -> str:
        way = chance.random()
        login = f"{text(chance, 'abc:@/#?;=%', 12)}@" if way < 0.5 else ""
        scheme = chance.choice(["http://", "https://", "http:", "//", "", "file:///", "HTTP://"])
        url = f"{scheme}{login}{text(chance, 'abc.[]:0129-é', 15)}/{text(chance, 'ab/;?#=&%{}', 25)}"
        assert address.redact(url).isprintable()
        address.checked(url)
        address.last_part(url)
        address.origin(url)
        address.without_login(url)
        return "an address"

    yield case


JPEG = image.encode_jpeg(image.np.tile(image.np.arange(64, dtype=image.np.uint8), (48, 1)))
WEBP = (
    cv2.imencode(".webp", np.full((48, 64, 3), 90, np.uint8), [cv2.IMWRITE_WEBP_QUALITY, quality])
    for quality in (80, 101)
)
PICTURES = (
    JPEG,
    bombs.png(20, 10, bombs.chunk(b"tEXt", b"a\0b")),
    bombs.scans(64, 48, 6),
    *(data.tobytes() for _, data in WEBP),
)


@contextmanager
def _jpeg() -> Iterator[Case]:
    def case(chance: random.Random) -> str:
        data = chance.choice(PICTURES)
        pixels = image.decode(mutated(chance, data, 700), 4_000_000)
        return "a picture" if pixels.ndim == 3 else "?"

    yield case


HEADERS = ("Content-Length", "Last-Modified", "ETag", "Location", "Transfer-Encoding", "Content-Encoding", "Retry-After",
           "x-rt-stream-last-updated-utc", "Content-Range", "Connection", "Content-Type", "WWW-Authenticate", "Set-Cookie")  # fmt: skip
VALUES = ("0", "-1", "9" * 20, "chunked", "gzip", 'W/"a"', "Sat, 31 Dec 2016 23:59:60 GMT", "2024-02-10T05:30:00", "//",
          "multipart/x-mixed-replace; boundary=a", "multipart/x-mixed-replace; boundary*=idna''%ff", "0001-01-01T00:00:00+23:59",
          'Digest realm="a", nonce="b", qop="auth-int"', "Basic", "a=b; Max-Age=nan; path=/", "http://[::1", "file:///etc/passwd", "bytes 0-1/2", "close", "Mon, 99 Foo 0000 00:00:00", str(len(JPEG)))  # fmt: skip


@contextmanager
def _http() -> Iterator[Case]:
    server = Answering()
    camera = CameraSettings(stamp=False, source=SourceSettings(kind="url", url=server.url))
    settings = SourceSettings(
        kind="url",
        url=server.url,
        timeout_s=2.0,
        max_bytes=1_000_000,
        time_from="header",
        max_pixels=2_000_000,
        login="user:word",
    )
    source = UrlSource(settings, 60, "aurorad/test", Clock())

    def case(chance: random.Random) -> str:
        status = chance.choice(
            [200, 200, 200, 200, 206, 204, 100, 301, 302, 304, 401, 404, 416, 429, 500, 503, 999]
        )
        lines = [f"HTTP/1.1 {status} {text(chance, 'OK', 3)}"]
        for _ in range(chance.randrange(5)):
            value = chance.choice(VALUES) if chance.random() < 0.6 else text(chance, "ab:;=,0é ", 30)
            lines.append(f"{chance.choice(HEADERS)}: {value}")
        body = mutated(chance, JPEG, 700) if chance.random() < 0.5 else JPEG
        answer = "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n" + body
        server.answer = answer if chance.random() < 0.8 else mutated(chance, answer, 200)
        still = still_clock.heard(source.ask(), settings)
        frame = from_still(still, camera.camera(), 2_000_000)
        still_clock.StillClock(camera.camera(), settings).date(frame, still.name)
        return "a frame"

    yield case
    server.close()


@contextmanager
def _names() -> Iterator[Case]:
    folder = Path(tempfile.mkdtemp(prefix="aurorad-fuzz-"))
    settings = SourceSettings.model_validate({"kind": "folder", "path": str(folder), "pattern": "*"})

    def case(chance: random.Random) -> str:
        raw = bytes(b for b in chance.randbytes(chance.randrange(1, 60)) if b not in b"\0/") or b"x"
        name = (
            raw
            if chance.random() < 0.6
            else text(chance, "ab:%?#* \n\t\x1b'\"", 30).encode("utf-8", "surrogatepass")
        )
        name = name.replace(b"\0", b"").replace(b"/", b"")[:250]
        if name in (b"", b".", b".."):
            return "no name"
        place = os.path.join(os.fsencode(folder), name)
        with open(place, "wb") as file:
            file.write(JPEG)
        try:
            still = FolderSource(settings).latest()
        finally:
            os.unlink(place)
        if name.startswith(b"."):
            assert still is None
            return "a draft"
        assert still is not None
        assert still.source.isprintable()
        assert still.name.isprintable()
        still.source.encode()
        return "a picture"

    yield case
    shutil.rmtree(folder)


KINDS = {
    "config": _config,
    "stamp": _stamp,
    "address": _address,
    "http": _http,
    "jpeg": _jpeg,
    "names": _names,
}

if __name__ == "__main__":
    for chosen in sys.argv[2:] or KINDS:
        print(run(chosen, int(sys.argv[1]) if len(sys.argv) > 1 else 100_000).line(), flush=True)
