"""Clocks: ours put forward and back, the camera's through both changes of summer time, a leap second."""

from __future__ import annotations

import contextlib
import glob
import re
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from daemon.alert.conditions import Conditions
from daemon.config import CameraSettings, DaemonSettings, Settings
from daemon.footage import image
from daemon.housekeeping import Housekeeping
from daemon.keepsakes import Keepsakes
from daemon.live import LiveWatch
from daemon.metrics import Metrics
from daemon.observation import Picture
from daemon.pipeline import Pipeline
from daemon.predictor import Predictor
from daemon.record import keepsake_files
from daemon.record.picture_files import PictureFolder
from daemon.record.store import Store
from daemon.source import Still
from daemon.source.fetch import Head
from daemon.source.url import last_modified_of
from tests.conftest import SetClock
from tests.daemon.record.made import NIGHT, T0, observation
from tests.faults.conftest import Entry
from tests.faults.harness import Inbox, Promises, Sky, aurorad, check, rows, soon, write_config
from tests.skies import night_sky
from training.simulator.http import Server
from training.simulator.movie import STYLES, compose
from training.simulator.site import Site

FAKETIME = next(iter(glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")), None)


class Feed:
    """A camera whose clock keeps UTC, however ours goes: a still whenever it is asked for."""

    def __init__(self, zone_in_stamp: bool = True) -> None:
        self.at = datetime(2024, 2, 10, 5, 30, tzinfo=UTC)
        style = STYLES[2024]
        self.style = style if zone_in_stamp else replace(style, stamp="%Y-%m-%d %H:%M:%S")
        self.ours: SetClock | None = None
        self.pixels: Picture | None = None

    def latest(self) -> Still:
        """The present still."""
        assert self.ours is not None
        square = night_sky(np.random.default_rng(int(self.at.timestamp())), side=480)
        pixels = self.pixels if self.pixels is not None else compose(square, self.at, self.style)
        made = self.at.replace(microsecond=0)
        return Still(image.encode_jpeg(pixels), self.ours.now(), made, "http://camera/a.jpg", "a.jpg")

    def ask(self) -> Still:
        """As latest."""
        return self.latest()

    def next_request(self, wanted: datetime, *, soon: bool = False) -> datetime:
        """As wished."""
        return wanted

    def describe(self) -> str:
        """Its name."""
        return "feed"

    cursor = None


def unasked() -> Predictor:
    """No model is asked."""
    raise AssertionError


class Nobody:
    """In the model's place where only the clock matters: it never sees aurora."""

    def predict(self, squares: list[Picture]) -> list[object]:
        """The same answer to every frame."""
        from daemon.observation import Prediction

        flat = np.zeros((8, 8), np.float32)
        return [Prediction(np.zeros(4, np.float32), 0.1, 0.1, 0.9, flat, "0" * 64) for _ in squares]

    def predict_shadow(self, squares: list[Picture], failed: object) -> list[None]:
        """Nobody."""
        return [None] * len(squares)

    def threshold(self, sky: object) -> float:
        """Far from its answer."""
        return 0.5


class Watch:
    """A pipeline whose own clock is set by hand, apart from the camera's."""

    def __init__(self, store: Store, clock: SetClock, feed: Feed) -> None:
        self.store, self.clock, self.feed = store, clock, feed
        camera = CameraSettings()
        settings = Settings(camera=(camera,))
        feed.ours = clock
        pipeline = Pipeline(
            camera, settings, store=store, predictor=lambda: cast(Predictor, Nobody()), metrics=Metrics(),
            clock=clock,
        )  # fmt: skip
        self.live = LiveWatch(pipeline, feed, Conditions(store, (), clock))

    def minutes(self, count: int) -> None:
        """So many looks, a minute apart on both clocks."""
        for _ in range(count):
            self.live.look()
            self.clock.move(60)
            self.feed.at += timedelta(seconds=60)

    def put(self, true: datetime) -> None:
        """Both clocks to the same instant."""
        self.clock.at, self.feed.at = true + timedelta(seconds=7), true

    def judged(self) -> list[str]:
        """The times of the rows with a verdict on the sky."""
        sql = "SELECT observed_at FROM observations WHERE probability IS NOT NULL ORDER BY observed_at"
        return [row["observed_at"] for row in rows(self.store.path, sql)]


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    clock = SetClock(datetime(2024, 2, 10, 5, 30, 7, tzinfo=UTC))
    with Store(tmp_path / "a.db", now=clock.now) as store:
        yield Watch(store, clock, Feed())
        check(store.path, Promises(alerts=False))


@pytest.mark.parametrize(
    ("name", "jump"),
    [("an hour forward", 3600), ("an hour back", -3600), ("into the day", 12 * 3600), ("to 1970", -1.7e9)],
)
def test_our_clock_put_and_put_right_again(name: str, jump: float, watch: Watch, matrix: Entry) -> None:
    """While it is wrong nothing false is recorded; once it is right the next look is judged again."""
    watch.minutes(2)
    watch.clock.move(jump)
    watch.minutes(3)
    watch.clock.move(-jump)
    before = watch.judged()
    memory = watch.live._state
    assert memory.last_at is None or memory.last_at <= watch.feed.at
    watch.minutes(2)
    assert len(watch.judged()) == len(before) + 2, "both looks after the end are judged"
    true = {f"2024-02-10T05:{minute:02d}:00Z" for minute in range(30, 40)}
    assert set(watch.judged()) <= true, "a row's time is the camera's, not ours"
    matrix("Clocks", f"our own clock put {name}, and right again", "no false time recorded", "1 cadence")


@pytest.mark.parametrize("zone", [True, False], ids=["MST-or-MDT", "no-zone"])
@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("spring: 2 h becomes 3 h", datetime(2024, 3, 10, 9, 0, 3, tzinfo=UTC)),
        ("autumn: 1 h comes twice", datetime(2023, 11, 5, 8, 0, 3, tzinfo=UTC)),
    ],
)
def test_summer_time_moves_no_row(
    name: str, change: datetime, zone: bool, tmp_path: Path, matrix: Entry
) -> None:
    """Local clocks leap, the record goes on minute by minute in UTC, with or without the zone in the stamp."""
    with Store(tmp_path / "a.db") as store:
        watch = Watch(store, SetClock(change), Feed(zone_in_stamp=zone))
        begins = change - timedelta(minutes=2)
        watch.put(begins)
        watch.minutes(4)
        wanted = [f"{begins + timedelta(minutes=n):%Y-%m-%dT%H:%M:%SZ}" for n in range(4)]
        assert watch.judged() == wanted
        check(store.path, Promises(alerts=False))
    matrix("Clocks", f"{name}{'' if zone else ', no zone in the stamp'}", "a row a minute in UTC, none twice")


def test_a_leap_second_costs_nothing(watch: Watch, matrix: Entry) -> None:
    """A stamp of 16:59:60 is no time a computer knows: the frame is dated by the server, and the watch goes on."""
    watch.put(datetime(2016, 12, 31, 23, 58, 59, tzinfo=UTC))
    watch.minutes(1)
    square = night_sky(np.random.default_rng(60), side=480)
    leap = compose(square, watch.feed.at, replace(STYLES[2024], stamp="2016-12-31 16:59:60 %Z"))
    watch.feed.pixels = leap
    watch.minutes(1)
    watch.feed.pixels = None
    watch.minutes(1)
    assert watch.judged() == ["2016-12-31T23:58:59Z", "2016-12-31T23:59:59Z", "2017-01-01T00:00:59Z"]
    odd = Head(200, {"last-modified": "Sat, 31 Dec 2016 23:59:60 GMT"}, "http://camera/")
    assert last_modified_of(odd) is None or last_modified_of(odd) <= datetime(2017, 1, 1, tzinfo=UTC)
    assert format_datetime(datetime(2017, 1, 1, tzinfo=UTC), usegmt=True).endswith("00:00:00 GMT")
    matrix(
        "Clocks", "a leap second in the stamp and in Last-Modified", "dated by the server's time", "1 cadence"
    )


def test_a_clock_of_a_wrong_year_takes_no_kept_picture(tmp_path: Path, matrix: Entry) -> None:
    """Pictures stay so long from the newest on; when newer ones have come, those that are too old go."""
    clock, frames = SetClock(T0 + timedelta(days=500)), tmp_path / "frames"
    settings = Settings(
        daemon=DaemonSettings(state_dir=tmp_path, keep_pictures_days=30), camera=(CameraSettings(),)
    )
    timelapse = keepsake_files.of_event(tmp_path, "yellowknife-20240210T045003Z")
    timelapse.parent.mkdir(parents=True)
    timelapse.write_bytes(b"a movie")
    with Store(tmp_path / "a.db", now=clock.now) as store:
        store.progress.register_camera(CameraSettings().about())
        house = Housekeeping(
            settings, store=store, pictures=PictureFolder(frames), metrics=Metrics(), clock=clock,
            conditions=Conditions(store, (), clock), predictor=unasked,
        )  # fmt: skip
        keepsakes = Keepsakes(settings, store, frames, clock)

        def kept_at(days: int) -> Path:
            path = frames / f"yellowknife/2024-02-10/{days}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"a picture")
            at = T0 + timedelta(days=days)
            store.record(
                replace(
                    observation(), observed_at=at, fetched_at=at, picture=path.relative_to(frames).as_posix()
                ),
                night=NIGHT,
            )
            return path

        old = kept_at(0)
        house._prune_pictures(clock.now())
        keepsakes.visit()
        assert old.exists()
        assert timelapse.exists()
        new = kept_at(31)
        house._prune_pictures(clock.now())
        assert (old.exists(), new.exists()) == (False, True)
    matrix(
        "Clocks", "this machine's clock a year ahead, for a while", "no kept picture, no timelapse is deleted"
    )


@pytest.mark.skipif(
    FAKETIME is None, reason="libfaketime is not installed: the clock of a process cannot be put"
)
def test_a_machine_that_begins_in_1970_waits_for_its_clock(
    tmp_path: Path, green: Path, matrix: Entry
) -> None:
    """A Raspberry Pi has no clock of its own. Half a century of missed minutes is not made up for, in time or memory."""
    sky = Sky(begins=datetime(2000, 1, 1, tzinfo=UTC), ends=datetime(2100, 1, 1, tzinfo=UTC), step_s=1.0)
    offset, log, database = tmp_path / "offset", tmp_path / "log", tmp_path / "state/aurorad.db"
    offset.write_text(f"{-(time.time() - 86400):+.0f}")
    inbox = Inbox()
    with Server(Site(sky)) as server:
        config = write_config(
            tmp_path / "a.toml", model=green, url=f"{server.address}/recent/recent_480p.jpg", inbox=inbox.url
        )
        process = aurorad(config, log, **faked(offset))
        try:
            soon(lambda: "not looking until it is set" in log.read_text(), "it waits")
            assert site_looks(server) == 0
            offset.write_text("+0")
            soon(lambda: site_looks(server) >= 3, "it looks", 30)
            before_mb = resident_mb(process.pid)
            asked = site_looks(server)
            soon(lambda: site_looks(server) >= asked + 3, "it looks on")
            assert resident_mb(process.pid) < before_mb + 60
        finally:
            process.kill()
            process.wait()
            inbox.close()
        check(database, Promises(crashes=1, alerts=False))
        assert rows(database, "SELECT * FROM observations WHERE observed_at < '2010'") == []
    matrix("Clocks", "a machine that begins in 1970, in a real process", "no look, no row, no message until it is set",
           "1 cadence")  # fmt: skip


def faked(offset: Path) -> dict[str, str]:
    """The environment of a process whose clock is put by writing to a file."""
    return {
        "LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(offset), "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }  # fmt: skip


def resident_mb(pid: int) -> float:
    """What a process holds in memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


@pytest.mark.skipif(
    FAKETIME is None, reason="libfaketime is not installed: the clock of a process cannot be put"
)
@pytest.mark.parametrize(
    "jump_s", [pytest.param(-7200, id="back"), pytest.param(7200, id="forward", marks=pytest.mark.soak)]
)
def test_a_real_process_watches_on_when_its_clock_is_put(
    jump_s: int, tmp_path: Path, green: Path, matrix: Entry
) -> None:
    """The scheduler waits for a time of day: put back by two hours it would wait that long."""
    sky = Sky(begins=datetime(2000, 1, 1, tzinfo=UTC), ends=datetime(2100, 1, 1, tzinfo=UTC), step_s=1.0)
    offset = tmp_path / "offset"
    offset.write_text("+0")
    inbox = Inbox()
    with Server(Site(sky)) as server, systemd(tmp_path / "systemd") as heard:
        config = write_config(
            tmp_path / "a.toml", model=green, url=f"{server.address}/recent/recent_480p.jpg", inbox=inbox.url
        )
        log = tmp_path / "log"
        process = aurorad(
            config, log, NOTIFY_SOCKET=str(tmp_path / "systemd"), WATCHDOG_USEC="2000000", **faked(offset)
        )
        database = tmp_path / "state/aurorad.db"
        try:
            soon(lambda: database.exists() and site_looks(server) >= 3, "it watches")
            offset.write_text(f"{jump_s:+d}")
            soon(lambda: "clock was set" in log.read_text(), "the leap is noticed", 30)
            asked = site_looks(server)
            soon(lambda: site_looks(server) >= asked + 3, "it looks again", 30)
            signs = heard.count(b"WATCHDOG=1")
            soon(
                lambda: heard.count(b"WATCHDOG=1") > signs + 1, "systemd goes on hearing that it is alive", 30
            )
            said = re.findall(r"clock was set by ([+-]\d+) s", log.read_text())
            assert len(said) == 1
            assert abs(int(said[0]) - jump_s) < 30
        finally:
            process.kill()
            process.wait()
            inbox.close()
        check(database, Promises(crashes=1, alerts=False))
    way = "back" if jump_s < 0 else "forward"
    matrix("Clocks", f"the machine's clock put {way} by two hours, in a real process", "noticed within 2 s, "
           "one line, one count, everything planned anew", "≤ 2 cadences")  # fmt: skip


@contextlib.contextmanager
def systemd(path: Path) -> Iterator[list[bytes]]:
    """What the daemon says to systemd: a process that nobody listens to would wait."""
    heard: list[bytes] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))

        def listen() -> None:
            while (message := listener.recv(1000)) != b"":
                heard.append(message)

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        yield heard
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.sendto(b"", str(path))
        thread.join(10)


def site_looks(server: Server) -> int:
    """How often the live still was asked for."""
    site = server._server.RequestHandlerClass.site  # type: ignore[attr-defined]
    return int(site.asked["live"])
