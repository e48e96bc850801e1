"""The morning summary on its whole way: the watch ends, the night is summed up, somebody's phone has it."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from daemon.alert.conditions import Conditions
from daemon.alert.delivery import Delivery
from daemon.archive.ingest import open_pipeline
from daemon.archive.nightly import Nightly
from daemon.config import CameraSettings, DaemonSettings, NotifySettings, Settings, SourceSettings
from daemon.footage import image
from daemon.metrics import Metrics
from daemon.record.store import Reader, Store
from tests.conftest import SetClock
from tests.loopback import Loopback
from tests.web_night import CAMERA, NIGHT, SHA, fill

DAY_BEFORE = datetime(2024, 2, 9, 20, 0, tzinfo=UTC)
SEEN = (200, 450)  # the minutes around the event, which lasts from 240 to 420
MORNING = datetime(2024, 2, 10, 20, 0, tzinfo=UTC)
NO_MOVIE = SourceSettings(movie_url="", movie_url_alternatives=())


class Phone:
    """A real receiver on this machine that keeps what it is sent."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        phone = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                phone.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(204)
                self.end_headers()

        self._server = Loopback(Handler)
        self.url = f"json://{self._server.place}/"
        self.close = self._server.close


@pytest.fixture
def phone() -> Iterator[Phone]:
    phone = Phone()
    yield phone
    phone.close()


def morning(
    folder: Path,
    phone: Phone,
    mornings: int = 1,
    silenced: str | None = None,
    source: SourceSettings = NO_MOVIE,
    **channel: Any,
) -> list[dict[str, Any]]:
    """What arrives after a night, on a channel so configured, however often the morning is visited."""
    settings = Settings(
        daemon=DaemonSettings(state_dir=folder, url="http://cabin.example:8080"),
        camera=(CameraSettings(source=source),),
        notify=(NotifySettings(name="phone", url=phone.url, **channel),),
    )
    clock = SetClock(MORNING)
    with Store(settings.daemon.database, now=clock.now) as store:
        store.register_model(SHA, "test model", {})
        fill(store, folder / "frames", first=SEEN[0], last=SEEN[1])
        pipeline = open_pipeline(settings, settings.camera[0], store, folder / "frames")
        conditions = Conditions(store, settings.notify, clock)
        nightly = Nightly(pipeline, settings)
        nightly.visit(DAY_BEFORE)  # a first start: nights before it are nobody's news
        if silenced is not None:
            store.snooze(silenced, MORNING + timedelta(hours=1))
        for _ in range(mornings):
            nightly.visit(MORNING)
        delivery = Delivery(settings, store, Metrics(), clock, folder / "frames", conditions)
        delivery.start()
        end = time.monotonic() + 20
        with Reader(store.path) as reader:
            while reader.pending() and time.monotonic() < end:
                time.sleep(0.02)
        delivery.stop(5)
    return phone.got


def test_the_summary_arrives_with_keogram_and_link(phone: Phone, tmp_path: Path) -> None:
    """When, how strong, how much could be seen; the night's keogram; a link to the night. Once."""
    (message,) = morning(tmp_path, phone, mornings=2, kinds=["summary"])
    assert message["title"].endswith("night of 9–10 February 2024: one aurora event")
    lines = message["message"].splitlines()
    with Reader(tmp_path / "aurorad.db") as reader:
        (night,) = reader.nights(CAMERA, NIGHT, NIGHT)
    share = 100 * night["observable"] / night["looked"]
    assert lines[0].startswith(f"The sky was visible in {share:.0f} % of {night['looked']} pictures")
    assert f"{100 * night['aurora_share']:.0f} % of those showed aurora" in lines[0]
    assert lines[1].startswith("21:20")
    assert ", strong. Brightest at " in lines[1]
    assert lines[1].endswith("Probability 99 %.")
    assert lines[2] == f"http://cabin.example:8080/night/2024-02-10?camera={CAMERA}"
    (attached,) = message["attachments"]
    keogram = image.decode(base64.b64decode(attached["base64"]))
    frames = night["observations"]
    assert keogram.shape == (120, frames, 3)
    green = keogram[:, :, 1].max(axis=0).astype(int)
    lit = np.flatnonzero(green > 150)
    assert (lit.min(), lit.max()) == pytest.approx(
        (240 - SEEN[0], 420 - SEEN[0]), abs=15
    )  # the event, where it was


def test_nobody_gets_a_summary_who_did_not_ask(phone: Phone, tmp_path: Path) -> None:
    """It is opt-in: a channel for alerts hears nothing in the morning."""
    assert morning(tmp_path, phone) == []


def test_who_is_silenced_gets_no_summary(phone: Phone, tmp_path: Path) -> None:
    """Silence from the page holds for it too; that of another channel does not."""
    assert morning(tmp_path, phone, silenced="phone", kinds=["summary"]) == []


def test_a_channel_without_pictures_gets_the_words(phone: Phone, tmp_path: Path) -> None:
    """As with alerts: ``picture = false`` is kept."""
    (message,) = morning(tmp_path, phone, kinds=["summary"], picture=False)
    assert not message.get("attachments")
    assert "/night/2024-02-10" in message["message"]


def test_the_summary_does_not_wait_for_a_movie_that_is_missing(phone: Phone, tmp_path: Path) -> None:
    """An hour after the watch's end it goes out with what is on record, once, and the movie is asked for on."""
    missing = SourceSettings(movie_url="http://127.0.0.1:9/{yyyy}{mm}{dd}.mp4", movie_url_alternatives=())
    (message,) = morning(tmp_path, phone, mornings=3, source=missing, kinds=["summary"])
    assert message["title"].endswith("night of 9–10 February 2024: one aurora event")
