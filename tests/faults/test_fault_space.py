"""Space weather with everything wrong at once: dead, slow, malformed and lying feeds, and a watch that is on time."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from daemon.config import NotifySettings, SpaceWeatherSettings
from daemon.observation import from_utc_text
from tests.faults.conftest import Entry
from tests.faults.harness import CADENCE_S, Sky, check_watch, spells, watching
from tests.loopback import Loopback
from tests.pace import slowness

FASTER = 120.0
OVER = threading.Event()

FAULTS = {
    "magnetic field": ("never answers", "timeout"),
    "plasma": ("sends a byte now and then", "timeout"),
    "kp": ("tells of a Kp of −40 next year", "implausible"),
    "ovation": ("sends brackets within brackets", "not JSON"),
    "hp30": ("is not there", "connect"),
}


class Feeds(BaseHTTPRequestHandler):
    """Each address wrong in its own way."""

    def do_GET(self) -> None:
        if "mag" in self.path:
            OVER.wait(30)
        elif "wind" in self.path:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            while not OVER.wait(0.1):
                self.wfile.write(b"[")
        else:
            lie: list[dict[str, Any]] = [{"time_tag": "2031-01-01T00:00:00", "Kp": -40}]
            body = json.dumps(lie).encode() if "k-index" in self.path else b"[" * 500_000
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)


@pytest.fixture
def feeds() -> Iterator[str]:
    OVER.clear()
    server = Loopback(Feeds)
    yield f"http://{server.place}"
    OVER.set()
    server.close()


def test_no_look_and_no_alert_waits_for_a_feed(
    feeds: str, green: Path, tmp_path: Path, matrix: Entry
) -> None:
    """Every feed at fault at once: each typed and counted, and no look comes a second late, no alert fails."""
    wanted = SpaceWeatherSettings(enabled=True, noaa_url=feeds, gfz_url="http://127.0.0.1:9", timeout_s=2.0)
    people = NotifySettings(name="people", url="json://x", picture=False, outlook=True)
    channels, skies = (people, "owner"), {"cam": Sky(spells(30, 12))}
    with watching(tmp_path, green, skies, speed=FASTER, channels=channels, space_weather=wanted) as watch:
        watch.wait(lambda: len(watch.judged("cam")) >= 8, "eight looks", cadences=10)
        watch.wait(
            lambda: all(
                reason in watch.counters("space_weather_errors_total", feed=feed)
                for feed, (_, reason) in FAULTS.items()
            ),
            "every feed has failed in its own way",
        )
        looks = [from_utc_text(row["fetched_at"]) for row in watch.judged("cam")]
        late_s = [((b - a).total_seconds() - CADENCE_S) / FASTER for a, b in pairwise(looks)]
        assert max(late_s) < 1.0 * slowness()
        assert watch.service.healthy()[0]
        assert watch.rows("SELECT * FROM solar_wind") == []
        (onset,) = watch.rows("SELECT body FROM outbox WHERE kind = 'onset'")
        assert "Solar wind" not in onset["body"]
        check_watch(watch)
    for feed, (what, reason) in FAULTS.items():
        matrix("Space weather", f"{feed}: the feed {what}", f"counted as “{reason}”; no look late", "–")
