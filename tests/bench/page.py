"""The page over years of nights: how long it takes to be served, through real HTTP, by a process of its own.

    python -m tests.bench.page DATABASE        the page alone, until its input is closed; prints its address

Every request is for another night, so that nothing but the almanac's files and SQLite's own pages is warm.
The archive is that of ``years``, with two spells a night and the pictures' paths of its last 400 nights.
"""

from __future__ import annotations

import http.client
import itertools
import json
import os
import random
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from daemon.record.store import Reader
from tests.bench.figure import CACHE, ROOT, Plan, Row, percentile
from tests.bench.years import CAMERA, archive
from tests.browser.budget import FIRST_PAINT_MS, PHONE, painted
from tests.browser.chromium import opened, size

REQUESTS = 200
KEPT_NIGHTS = 400
SPELLS = 2


def measure(plan: Plan) -> list[Row]:
    """The night page and the season page, median and p95."""
    rows = plan.pick(5_000_000, 100_000)
    path = furnished(rows)
    with Reader(path) as reader:
        nights = [row["night"] for row in reader.nights(CAMERA)]
    drawn = random.Random(4)
    some = drawn.sample(nights, min(REQUESTS, len(nights)))
    years = sorted({int(night[:4]) for night in nights})
    seasons = list(itertools.islice(itertools.cycle(years), max(100, len(years))))
    with serving(path) as (port, pid):
        asked = Asker(port, pid)
        asked.ms(["/night/" + nights[0], "/season"])  # templates, ephemeris
        night = asked.ms([f"/night/{each}" for each in some])
        season = asked.ms([f"/season?season={year}" for year in seasons])
        columns = asked.ms([f"/api/nights/{each}" for each in some])
        events = asked.ms([f"/events?since={each}" for each in some])
        first = _first_paint(f"http://127.0.0.1:{port}/", plan.pick(7, 2))
    return [
        _row(
            f"{rows / 1e6:g} million rows: the night page served, p95",
            30,
            night,
            "different nights",
            columns,
            events,
        ),
        _row(
            f"{rows / 1e6:g} million rows: the season page served, p95",
            300,
            season,
            f"of {len(years)} seasons",
        ),
        first,
    ]


def _first_paint(url: str, loads: int) -> Row:
    """The home page in Chromium on a phone's window, its processor slowed as browsers' tools slow one for a Pi."""
    with tempfile.TemporaryDirectory(prefix="aurorad-bench-") as profile, opened(Path(profile)) as browser:
        size(browser, *PHONE)
        took, weight = painted(browser, url, loads)
    middle = statistics.median(took)
    return Row(
        "the home page's first paint, processor slowed fourfold",
        f"≤ {FIRST_PAINT_MS} ms",
        f"{middle:.0f} ms",
        middle <= FIRST_PAINT_MS,
        f"median of {loads} loads without cache, most {max(took):.0f} ms; {weight / 1000:.0f} kB without pictures, not compressed",
    )


class Asker:
    """One keep-alive connection to the page, and the page's CPU time."""

    def __init__(self, port: int, pid: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._stat = Path(f"/proc/{pid}/stat")

    def ms(self, paths: Sequence[str]) -> tuple[list[float], float]:
        """The time of each request until the last byte, and CPU ms a request."""
        took, before = [], self._cpu_s()
        for path in paths:
            began = time.perf_counter()
            self._connection.request("GET", path, headers={"accept-encoding": "gzip"})
            reply = self._connection.getresponse()
            reply.read()
            took.append(1e3 * (time.perf_counter() - began))
            assert reply.status == 200, f"{path}: {reply.status}"
        return took, 1e3 * (self._cpu_s() - before) / len(paths)

    def _cpu_s(self) -> float:
        fields = self._stat.read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


Took = tuple[list[float], float]


def _row(what: str, bar_ms: float, took: Took, of: str, *more: Took) -> Row:
    p95 = percentile(took[0], 0.95)
    detail = (
        f"{len(took[0])} requests, {of}; median {statistics.median(took[0]):.0f} ms,"
        f" most {max(took[0]):.0f} ms, {took[1]:.0f} ms of CPU each"
    )
    for name, other in zip(("its frames as JSON", "the events page"), more, strict=False):
        detail += f"; {name}: p95 {percentile(other[0], 0.95):.0f} ms, CPU {other[1]:.0f} ms"
    return Row(what, f"≤ {bar_ms:.0f} ms", f"{p95:.0f} ms", p95 <= bar_ms, detail)


@contextmanager
def serving(path: Path) -> Iterator[tuple[int, int]]:
    """The page in a process of its own: its port and process id."""
    command = [sys.executable, "-m", "tests.bench.page", str(path)]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        yield int(json.loads(server.stdout.readline())["port"]), server.pid
    finally:
        server.stdin.close()
        server.wait(30)
        server.stdout.close()


def furnished(rows: int) -> Path:
    """The archive of so many rows with spells and pictures, made once."""
    path = CACHE / f"page_{rows}.db"
    if not path.exists():
        bare, _ = archive(rows)
        with tempfile.TemporaryDirectory(prefix="aurorad-bench-", dir=CACHE) as folder:
            copy = Path(folder) / "page.db"
            with closing(sqlite3.connect(bare)) as db:
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            shutil.copyfile(bare, copy)
            with closing(sqlite3.connect(copy)) as db, db:
                _furnish(db)
            copy.rename(path)
    return path


def _furnish(db: sqlite3.Connection) -> None:
    nights = db.execute("SELECT first_at FROM nights WHERE camera = ? ORDER BY night", [CAMERA])
    for number, (first_at,) in enumerate(nights.fetchall()):
        for spell in range(SPELLS):
            at = [
                f"strftime('%Y-%m-%dT%H:%M:%SZ', '{first_at}', '+{60 + 240 * spell + m} minutes')"
                for m in (0, 2, 20, 90)
            ]
            db.execute(
                f"""INSERT INTO events (id, camera, onset_at, confirmed_at, peak_at, ended_at, strong_at,
                    peak_probability, in_cool_down) VALUES (?, ?, {at[0]}, {at[1]}, {at[2]}, {at[3]}, {at[2]}, ?, 0)""",
                [f"{CAMERA}-{number}-{spell}", CAMERA, 0.6 + 0.1 * spell],
            )
    newest = db.execute(
        "SELECT first_at FROM nights ORDER BY night DESC LIMIT 1 OFFSET ?", [KEPT_NIGHTS]
    ).fetchone()
    db.execute(
        """INSERT OR IGNORE INTO pictures SELECT camera, observed_at,
            camera || '/' || date(observed_at) || '/' || strftime('%Y%m%d%H%M%S', observed_at) || '_x_0.jpg'
        FROM observations WHERE camera = ? AND observed_at >= ?""",
        [CAMERA, newest[0] if newest else ""],
    )


def serve(path: Path) -> None:
    """The page over a record, nothing watched, until standard input is closed."""
    from prometheus_client import CollectorRegistry

    from daemon import memory
    from daemon.config import Settings
    from daemon.live_status import LiveStatus
    from daemon.sky.ephemeris import Observatory
    from daemon.web.app import create_app
    from daemon.web.ports import Ports
    from daemon.web.server import Server

    class Nothing:
        """No camera is watched, nothing can be labelled."""

        def camera(self, name: str) -> LiveStatus | None:
            return None

        def healthy(self) -> tuple[bool, str]:
            return True, "well"

        def ready(self) -> tuple[bool, str]:
            return True, "ready"

        def add_label(self, *_: object, **__: object) -> int:
            raise NotImplementedError

        def undo_label(self, label_id: int) -> bool:
            raise NotImplementedError

    settings, nothing = Settings(), Nothing()
    place = settings.camera[0]
    with Reader(path) as reader:
        newest = reader.latest(CAMERA)
    assert newest is not None
    ports = Ports(
        settings=settings,
        reader=lambda: Reader(path),
        labels=nothing,
        status=nothing,
        registry=CollectorRegistry(),
        frames_dir=path.parent / "no-pictures",
        skies={CAMERA: Observatory(place.latitude_deg, place.longitude_deg)},
        clock=lambda: datetime.fromisoformat(newest["observed_at"]).astimezone(UTC),
    )
    server = Server(create_app(ports), "127.0.0.1", 0)
    server.start()
    memory.settle()
    print(json.dumps({"port": server.port}), flush=True)
    sys.stdin.read()
    server.stop()


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
