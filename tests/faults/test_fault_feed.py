"""The live feed, with everything wrong that a server, a network or a frozen camera can do.

One daemon watches a camera a fault; all faults begin together and end together, which shows besides
that no camera's trouble touches another's.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from daemon.observation import from_utc_text
from tests.faults.conftest import Entry
from tests.faults.harness import SPEED, Sky, Watch, back_in_time, check_watch, watching
from tests.loopback import Loopback
from training.simulator.site import Site

FAULTS = {
    "html": ("a web page with status 200", {"not an image"}),
    "empty": ("status 200 and an empty body", {"empty"}),
    "half": ("a truncated JPEG, its length announced as right", {"truncated"}),
    "truncated": ("the connection closed half-way", {"truncated"}),
    "short-length": ("a Content-Length of half the body", {"truncated", "protocol"}),
    "500": ("500 Internal Server Error", {"server error"}),
    "503": ("503 with Retry-After", {"server error"}),
    "429": ("429 with Retry-After", {"too many requests"}),
    "404": ("404 Not Found", {"not found"}),
    "403": ("403 Forbidden", {"forbidden"}),
    "loop": ("a redirect to itself", {"redirect loop"}),
    "long-loop": ("redirects without end", {"redirect loop"}),
    "hang": ("a server that never answers", {"timeout"}),
    "drip": ("a body of one byte now and then", {"timeout"}),
    "drip-headers": ("headers of one byte now and then", {"timeout"}),
    "close": ("the connection closed without an answer", {"connection lost", "protocol"}),
    "garbage": ("bytes that are no HTTP", {"protocol"}),
    "bomb": ("a PNG of 100 bytes that says 60000 × 60000", {"too large"}),
    "huge": ("a body without end", {"too large"}),
    "dns": ("a redirect to a name that does not resolve", {"dns"}),
    "tls": ("a redirect to a certificate nobody trusts", {"tls"}),
    "refused": ("a redirect to a port where nobody listens", {"connect"}),
}
"""The site's name of the fault → what it is, the reasons it may be counted under."""

STANDSTILLS = {
    "freeze": ("the same bytes for ever", {"same bytes", "nothing new"}),
    "touch": ("the same bytes under new headers", {"same bytes"}),
    "reencode": ("the same pixels, encoded anew each time", {"same picture"}),
    "stopped-clock": ("new skies under a stopped stamp", {"clock stopped"}),
    "old": ("a picture 90 days old with status 200", {"old Last-Modified"}),
}

ELSEWHERE = ("dns", "tls", "refused")


class Door:
    """A server of one site's still that, while ``elsewhere`` is set, sends everybody there."""

    def __init__(self, certificate: Path | None = None) -> None:
        self.elsewhere: str | None = None
        self.site: Site | None = None
        door = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                assert door.site is not None
                still = None if door.elsewhere else door.site.still("480p")
                self.send_response(200 if still else 302)
                if still is None:
                    self.send_header("Location", door.elsewhere or "")
                else:
                    self.send_header("Last-Modified", still.last_modified)
                data = still.data if still else b""
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        self._server = Loopback(Handler, certificate)
        self.address = self._server.place
        self.close = self._server.close


@dataclass
class Told:
    """What the watch made of one fault."""

    rejected: dict[str, float]
    stale: set[str]
    false_rows: list[dict[str, Any]]
    recovery: float
    mails: list[str]
    alerts: int


@dataclass
class Night:
    """What came of all of them."""

    told: dict[str, Told] = field(default_factory=dict)
    counted: dict[str, int] = field(default_factory=dict)
    healthy: bool = False


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Door]]:
    pem = tmp_path_factory.mktemp("tls") / "own.pem"
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-keyout", str(pem), "-out", str(pem) + ".crt"], capture_output=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    pem.write_text(pem.read_text() + Path(str(pem) + ".crt").read_text())
    opened = {name: Door() for name in ELSEWHERE} | {"untrusted": Door(pem)}
    yield opened
    for door in opened.values():
        door.close()


@pytest.fixture(scope="module")
def night(doors: dict[str, Door], green: Path, tmp_path_factory: pytest.TempPathFactory) -> Night:
    """Two good cadences, four bad ones, and the way back."""
    names = [*FAULTS, *STANDSTILLS]
    skies = {f"f-{name}": Sky(stamped=name == "stopped-clock") for name in names}
    sources: dict[str, dict[str, Any]] = {
        f"f-{name}": {"url": f"http://{doors[name].address}/still.jpg"} for name in ELSEWHERE
    }
    sources |= {f"f-{name}": {"timeout_s": 1.0} for name in ("hang", "drip", "drip-headers")}
    sources["f-huge"] = {"max_bytes": 3_000_000}
    night = Night()
    with watching(tmp_path_factory.mktemp("feed"), green, skies, sources=sources, speed=SPEED / 2) as watch:
        for name in ELSEWHERE:
            doors[name].site = watch.sites[f"f-{name}"]
        watch.wait(lambda: all(watch.judged(camera) for camera in skies), "all are watched", cadences=4)
        watch.sleep(1)
        began = watch.clock.now()
        _begin(watch, doors, names)
        watch.sleep(4.5)
        watch.wait(lambda: all(_stale(watch, camera) for camera in skies), "all are called stale")
        night.healthy = watch.service.healthy()[0]
        ended = watch.clock.now()
        for name in names:
            if name not in ELSEWHERE:
                watch.sites[f"f-{name}"].faults.set("none")
        for name in ELSEWHERE:
            doors[name].elsewhere = None
        for name in names:
            night.told[name] = _told(watch, f"f-{name}", began, ended)
        watch.wait(lambda: all(m["delivered_at"] for m in watch.rows("SELECT * FROM outbox")), "mail arrives")
        night.counted = dict(check_watch(watch))
    return night


def _begin(watch: Watch, doors: dict[str, Door], names: list[str]) -> None:
    doors["dns"].elsewhere = "http://no-such-camera.invalid/still.jpg"
    doors["tls"].elsewhere = f"https://{doors['untrusted'].address}/still.jpg"
    doors["refused"].elsewhere = "http://127.0.0.1:9/still.jpg"
    for name in names:
        if name not in ELSEWHERE:
            watch.sites[f"f-{name}"].faults.set(name)


def _stale(watch: Watch, camera: str) -> bool:
    return bool(
        watch.rows("SELECT 1 FROM observations WHERE camera = ? AND verdict = 'stale' LIMIT 1", camera)
    )


def _told(watch: Watch, camera: str, began: datetime, ended: datetime) -> Told:
    recovery = watch.recovery_cadences(camera, ended)
    watch.wait(
        lambda: len(watch.operator_mail(camera=camera)) != 1, f"{camera}: all clear is said", cadences=2
    )
    there = watch.rows("SELECT * FROM observations WHERE camera = ?", camera)
    # A picture asked for just before the fault still arrives; a feed that stops first shows one more.
    since, until = began + timedelta(seconds=12), ended - timedelta(seconds=2)
    within = [
        r for r in there if r["probability"] is not None and since < from_utc_text(r["fetched_at"]) < until
    ]
    if camera.removeprefix("f-") in STANDSTILLS:
        within = within[1:]
    return Told(
        rejected=watch.counters("frames_rejected_total", camera=camera),
        stale={r["reason"] for r in there if r["verdict"] == "stale"},
        false_rows=within,
        recovery=recovery,
        mails=[m["body"].splitlines()[0] for m in watch.operator_mail(camera=camera)],
        alerts=len(watch.rows("SELECT 1 FROM outbox WHERE camera = ? AND audience = 'aurora'", camera)),
    )


@pytest.mark.parametrize("name", [*FAULTS, *STANDSTILLS])
def test_a_broken_feed_costs_only_its_own_time(name: str, night: Night, matrix: Entry) -> None:
    """Typed and counted, stale rows while it lasts, one word to the operator, back within two cadences."""
    told = night.told[name]
    injected, reasons = (FAULTS | STANDSTILLS)[name]
    if name in FAULTS:
        assert set(told.rejected) & reasons, told.rejected
    assert told.stale & (reasons | {"nothing new"}), told.stale
    assert not told.false_rows, "something was judged that was no news"
    assert told.alerts == 0
    assert len(told.mails) == 2, told.mails
    assert "has stopped" in told.mails[0]
    assert told.mails[1].endswith("is back.")
    assert back_in_time(told.recovery, SPEED / 2), told.recovery
    how = " and ".join(sorted(told.rejected)) or "no news"
    matrix(
        "The live feed",
        injected,
        f"counted as “{how}”; stale rows, the operator notified once",
        f"{told.recovery:.1f} cadences",
    )


def test_the_daemon_stays_well_meanwhile(night: Night) -> None:
    """With every camera in trouble at once the health check still sees progress."""
    assert night.healthy
    assert night.counted["events"] == 0
    assert night.counted["observations"] >= 3 * len(night.told)
