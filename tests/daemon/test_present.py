"""The present is what this process has fetched within two cadences: the watch and the whole daemon held to it."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from daemon import health
from daemon.alert.conditions import Conditions
from daemon.clock import FastClock
from daemon.config import CameraSettings, DaemonSettings, ModelSettings, Settings, SourceSettings
from daemon.errors import FetchError, StoreError
from daemon.live import LiveWatch
from daemon.metrics import Metrics
from daemon.pipeline import Pipeline
from daemon.record.store import Store
from daemon.service import serving
from daemon.web.ports import view_of
from daemon.web.present import state_of
from tests import web_night
from tests.hand_watch import CAMERA, SETTINGS, Watch
from tests.loopback import Loopback


def restarted(watch: Watch) -> LiveWatch:
    """The same camera's watch in a new process, over the same record."""
    pipeline = Pipeline(
        CAMERA, SETTINGS, store=watch.store, predictor=lambda: watch.model, metrics=Metrics(),  # type: ignore[arg-type, return-value]
        clock=watch.clock,
    )  # fmt: skip
    return LiveWatch(pipeline, watch.feed, Conditions(watch.store, SETTINGS.notify, watch.clock))


def test_a_new_process_has_no_picture_until_it_has_fetched_one(watch: Watch) -> None:
    """Rows of a minute ago are another process's: only its own first frame is the present."""
    watch.minutes(True, True)
    assert watch.live.status.has_picture(watch.clock.now(), CAMERA.cadence_s)
    watch.live = restarted(watch)
    watch.feed.next.append(FetchError("timeout", "no answer"))
    watch.minutes(None)
    assert not watch.live.status.has_picture(watch.clock.now(), CAMERA.cadence_s)
    assert watch.live.status.fault == "timeout"
    watch.minutes(True)
    status = watch.live.status
    assert status.has_picture(watch.clock.now(), CAMERA.cadence_s)
    assert status.fault is None
    assert not status.has_picture(watch.clock.now() + timedelta(minutes=2), CAMERA.cadence_s)


def test_the_last_picture_before_a_camera_stopped_is_not_the_present(watch: Watch) -> None:
    """Ten minutes old when the watch begins, or after a gap: it may be the last there was, until another follows it."""
    late = timedelta(minutes=10)
    watch.minutes(True, late=late)
    status = watch.live.status
    assert status.framed_at is not None
    assert not status.has_picture(watch.clock.now(), CAMERA.cadence_s)
    assert state_of(view_of(CAMERA, SETTINGS), status, watch.clock.now()) == "starting"
    assert state_of(view_of(CAMERA, SETTINGS), status, watch.clock.now() + timedelta(minutes=3)) == "stale"
    watch.minutes(True, late=late)
    assert watch.live.status.has_picture(watch.clock.now(), CAMERA.cadence_s), (
        "its pictures are on their way that long"
    )
    watch.minutes(None, None, None)
    watch.minutes(True, late=late)
    status = watch.live.status
    assert not status.has_picture(watch.clock.now(), CAMERA.cadence_s)
    assert state_of(view_of(CAMERA, SETTINGS), status, watch.clock.now()) == "stale", (
        "the watch began long ago"
    )


def test_pictures_that_cannot_be_recorded_are_neither_shown_nor_waited_for(watch: Watch) -> None:
    """The page says so at once, health after three cadences; for systemd the watch is alive all the while."""
    watch.minutes(True)
    view, watches, connection = view_of(CAMERA, SETTINGS), {CAMERA.name: watch.live}, watch.store._db
    connection.execute("PRAGMA query_only = ON")
    for lasted in range(4):
        watch.feed.show(True)
        with pytest.raises(StoreError):
            watch.live.look()
        now = watch.clock.now()
        assert state_of(view, watch.live.status, now) == "not recorded"
        assert health.healthy(watches, now, in_place=True)[0] == (lasted < 3)
        assert health.alive(watches, now, in_place=True)[0]
        watch.clock.move(60)
    assert health.healthy(watches, now, in_place=True)[1] == (
        "yellowknife: nothing could be recorded for 180 s (unwritable)"
    )
    connection.execute("PRAGMA query_only = OFF")
    watch.live.look()
    assert watch.live.status.unwritten, "a look without a new picture writes nothing"
    watch.minutes(True)
    assert state_of(view, watch.live.status, watch.clock.now()) == "live"
    assert health.healthy(watches, watch.clock.now(), in_place=True)[0]


def test_an_event_does_not_outlive_its_evidence(watch: Watch) -> None:
    """Five hours later, the feed dead: stale rows end it at its last evidence, and people get to know why."""
    watch.minutes(True, True, True)
    watch.clock.move(5 * 3600 + 45 * 60)
    watch.live = restarted(watch)
    watch.minutes(*[None] * 20)
    (event,) = watch.rows("SELECT * FROM events")
    assert event["ended_reason"] == "nothing seen for 2 h"
    assert event["ended_at"] == "2024-02-10T05:31:54Z"
    (over,) = watch.rows("SELECT body FROM outbox WHERE kind = 'over'")
    assert "so its real end is not known" in over["body"]


class Dead(BaseHTTPRequestHandler):
    """A camera's server that is up and has nothing to give."""

    def do_GET(self) -> None:
        self.send_error(503)

    do_HEAD = do_GET


@pytest.mark.timeout(120)
def test_a_daemon_with_a_dead_feed_says_there_is_no_picture(tmp_path: Path) -> None:
    """Old rows with aurora in the record, an event left open: page, title, API, health and picture all say no."""
    with Store(tmp_path / "aurorad.db") as store:
        store.register_model(web_night.SHA, "test model", {"name": "test model"})
        web_night.fill(store, tmp_path / "frames", last=400)
    feed = Loopback(Dead)
    source = SourceSettings(url=f"http://{feed.place}/still.jpg", movie_url="", movie_url_alternatives=())
    settings = Settings(
        daemon=DaemonSettings(state_dir=tmp_path, port=0, min_free_mb=1),
        model=ModelSettings(device="cpu"),
        camera=(CameraSettings(source=source),),
    )
    clock = FastClock(web_night.FIRST + timedelta(minutes=401), 1.0)

    def get(path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"{service.server.url}{path}", timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    try:
        with serving(settings, None, clock) as service:
            end, html = time.monotonic() + 60, get("/")[1]
            while "server error" not in get("/-/healthy")[1] and time.monotonic() < end:
                assert "<title>No picture" in html
                assert "35° up" not in html
                time.sleep(0.1)
                html = get("/")[1]
            html = get("/")[1]
            assert (
                "<title>No picture: none since the watch began at 00:01 (the camera’s server reports an error)"
                in html
            )
            assert "35° up" not in html
            assert "21:20, last seen 23:59" in html
            told = json.loads(get("/api/cameras")[1])["cameras"][0]
            assert (told["state"], told["observed_at"], told["verdict"]) == ("no picture", None, None)
            assert json.loads(get("/api/events")[1])["events"][0]["ongoing"] is False
            assert get("/-/healthy") == (
                200,
                "watching yellowknife; no picture of yellowknife (server error)\n",
            )
            assert get("/latest.jpg")[0] == 404
    finally:
        feed.close()
