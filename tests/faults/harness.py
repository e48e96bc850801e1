"""What the fault tests share: a sky and a site to watch, a model that knows green, people who get mail.

Everything is real but the sky: real HTTP on loopback, the real daemon with its threads, its database
and its page, a real model file on ONNX Runtime. Time may run faster; :data:`CADENCE_S` of the watch's
own seconds lie between two looks.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import numpy as np

from daemon.clock import Clock, FastClock
from daemon.config import (
    CameraSettings,
    DaemonSettings,
    EventSettings,
    ModelSettings,
    NotifySettings,
    Settings,
    SourceSettings,
)
from daemon.errors import StoreError
from daemon.observation import Picture, from_utc_text
from daemon.record.store import Reader
from daemon.service import Service, serving
from models.card import Card, Thresholds, sha256_of
from models.labels import OUTPUTS
from tests.loopback import Loopback
from tests.skies import night_sky
from training.simulator.http import Server
from training.simulator.movie import compose, style_of
from training.simulator.site import Site

NIGHT = datetime(2024, 2, 10, 5, 30, tzinfo=UTC)
"""Half past ten in the evening in Yellowknife; it stays dark for seven hours."""

CADENCE_S = 60.0
SPEED = float(os.environ.get("AURORAD_FAULT_SPEED", "60"))
SLACK_S = 5.0
"""Real seconds a busy machine may be late, beyond what the watch promises."""

# ------------------------------------------------------------------ what is seen


@dataclass
class Sky:
    """A noisy dark sky, every exposure with noise of its own; a green band while there is aurora."""

    aurora: Callable[[datetime], bool] = lambda at: False
    stamped: bool = False
    begins: datetime = NIGHT - timedelta(days=400)
    ends: datetime = NIGHT + timedelta(days=400)
    step_s: float = 6.0

    def exposure(self, now: datetime) -> datetime:
        """The last multiple of the step."""
        since_s = (now - self.begins).total_seconds()
        return self.begins + timedelta(seconds=since_s // self.step_s * self.step_s)

    def frame(self, at: datetime) -> Picture:
        """The picture of an exposure: 720 high with the clock burnt in, or 480 high without."""
        random = np.random.default_rng(int(at.timestamp()))
        square = night_sky(random, 150 if self.aurora(at) else 0, side=480)
        if self.stamped:
            return compose(square, at, style_of(2024))
        frame = np.zeros((480, 853, 3), np.uint8)
        frame[:, 186:666] = square
        return frame


def spells(period_min: float, on_min: float, since: datetime = NIGHT) -> Callable[[datetime], bool]:
    """Aurora for the first ``on_min`` of every ``period_min`` minutes."""
    return lambda at: (at - since).total_seconds() / 60 % period_min < on_min


def green_model(folder: Path) -> Path:
    """A model file of aurorad's shape that knows one thing: how green the greenest eighth of the sky is."""
    from onnx import TensorProto, helper, numpy_helper, save

    def constant(name: str, value: object) -> Any:
        return numpy_helper.from_array(np.asarray(value, np.float32), name)

    nodes = [
        helper.make_node("AveragePool", ["pixels"], ["blocks"], kernel_shape=[30, 30], strides=[30, 30]),
        helper.make_node("Conv", ["blocks", "greenness"], ["green"]),
        helper.make_node("Neg", ["green"], ["other"]),
        helper.make_node("Concat", ["other", "green", "other", "other"], ["signed"], axis=1),
        helper.make_node("Relu", ["signed"], ["maps"]),
        helper.make_node("GlobalMaxPool", ["green"], ["most"]),
        helper.make_node("Conv", ["most", "scale", "offset"], ["four"]),
        helper.make_node("Flatten", ["four"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "green",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 3, 240, 240])],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 4]),
            helper.make_tensor_value_info("maps", TensorProto.FLOAT, ["n", 4, 8, 8]),
        ],
        [
            constant("greenness", [[[[-0.5]], [[1.0]], [[-0.5]]]]),
            constant("scale", [[[[0.0]]], [[[6.0]]], [[[0.0]]], [[[0.0]]]]),
            constant("offset", [0.0, -6.0, 0.0, 3.0]),
        ],
    )
    path = folder / "green.onnx"
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    save(model, path)
    card = Card(
        name="green", description="Greenness, for tests.", created="2026-01-01T00:00:00Z", licence="MIT",
        sha256=sha256_of(path), outputs=OUTPUTS, side=240, mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225), data={}, recipe={}, skill={}, temperature=1.0, sky_temperature=1.0,
        thresholds=Thresholds(0.5, {}), parity={},
    )  # fmt: skip
    path.with_suffix(".json").write_text(card.to_json(), encoding="utf-8")
    return path


# ------------------------------------------------------------------ who is told


@dataclass
class Mail:
    """One message as it arrived: when, its title and its event."""

    at: datetime
    title: str
    event_id: str
    body: str


class Inbox:
    """Somebody's channel: an HTTP receiver that answers with ``status``, or hangs while it is None."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.status: int | None = 204
        self.delay_s = 0.0  # real seconds from taking a message to the answer
        self.got: list[Mail] = []
        self.refused = 0
        self.on_take: Callable[[], object] = lambda: None
        self._clock = clock or Clock()
        self._over = threading.Event()
        inbox = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                inbox._take(self)

        self._server = Loopback(Handler)
        self.url = f"json://{self._server.place}/"

    def _take(self, request: BaseHTTPRequestHandler) -> None:
        said = json.loads(request.rfile.read(int(request.headers.get("Content-Length", 0))))
        status = self.status
        while status is None and not self._over.wait(0.1):
            status = self.status
            if status is not None:
                return  # whoever asked has long gone; the connection just ends
        if status is not None and status < 300:
            body = str(said.get("message", ""))
            event_id = body.rstrip().rsplit("event ", 1)[-1]
            self.on_take()
            self.got.append(Mail(self._clock.now(), str(said.get("title", "")), event_id, body))
            self._over.wait(self.delay_s)
        else:
            self.refused += 1
        request.send_response(status or 500)
        request.end_headers()

    def close(self) -> None:
        """Stop listening."""
        self._over.set()
        self._server.close()


# ------------------------------------------------------------------ the watch


class Notes(logging.Handler):
    """What the daemon says in its log, kept."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        self.lines.append(f"{record.levelname} {record.getMessage()}")


@dataclass
class Watch:
    """A running daemon, what it looks at, and who listens."""

    service: Service
    clock: Clock
    sites: dict[str, Site]
    inboxes: dict[str, Inbox]
    notes: Notes

    @property
    def database(self) -> Path:
        """The record."""
        return self.service.settings.daemon.database

    def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        """What the record says."""
        return rows(self.database, sql, *values)

    def judged(self, camera: str, since: datetime | None = None) -> list[dict[str, Any]]:
        """The camera's rows with a verdict on the sky, fetched at or after ``since``."""
        sql = "SELECT * FROM observations WHERE camera = ? AND probability IS NOT NULL ORDER BY observed_at"
        found = self.rows(sql, camera)
        return [r for r in found if since is None or from_utc_text(r["fetched_at"]) >= since]

    def sleep(self, cadences: float) -> None:
        """Let so many cadences go by."""
        time.sleep(self.clock.real_s(cadences * CADENCE_S))

    def wait(self, until: Callable[[], object], what: str, cadences: float = 3, slack_s: float = 30) -> None:
        """Until it is so; fails after so many cadences and ``slack_s`` real seconds."""
        end = time.monotonic() + self.clock.real_s(cadences * CADENCE_S) + slack_s
        while not until():
            assert time.monotonic() < end, f"{what}: not within {cadences:g} cadences"
            time.sleep(0.05)

    def counter(self, name: str, **labels: str) -> float:
        """A metric's value, 0 where it was never touched."""
        value = self.service.metrics.registry.get_sample_value(f"aurorad_{name}", labels)
        return 0.0 if value is None else value

    def counters(self, name: str, **labels: str) -> dict[str, float]:
        """All series of a metric that carry these labels, by their other labels."""
        found = {}
        for metric in self.service.metrics.registry.collect():
            for sample in metric.samples:
                if sample.name == f"aurorad_{name}" and labels.items() <= sample.labels.items():
                    rest = [v for k, v in sample.labels.items() if k not in labels]
                    found["/".join(rest)] = sample.value
        return found

    def operator_mail(self, word: str = "", camera: str | None = None) -> list[dict[str, Any]]:
        """The operator's messages, of one camera or all, whose first line has this word."""
        found = self.rows("SELECT * FROM outbox WHERE audience = 'operator' ORDER BY id")
        return [m for m in found if word in m["body"].splitlines()[0] and camera in (None, m["camera"])]

    def recovery_cadences(self, camera: str, ended: datetime) -> float:
        """Wait for the first frame judged after the fault's end; how many cadences that took."""
        self.wait(lambda: self.judged(camera, ended), f"{camera} is watched again", cadences=4)
        first = from_utc_text(self.judged(camera, ended)[0]["fetched_at"])
        return (first - ended).total_seconds() / CADENCE_S


def back_in_time(cadences: float, speed: float = SPEED) -> bool:
    """Within two cadences, but for what a busy machine is late."""
    return cadences <= 2 + SLACK_S * speed / CADENCE_S


def camera(name: str, server: Server, *, stamped: bool = False, **source: Any) -> CameraSettings:
    """A camera on a stand-in site. Without a stamp the frames are dated by Last-Modified."""
    size = "720p" if stamped else "480p"
    given: dict[str, Any] = {
        "url": f"{server.address}/recent/recent_{size}.jpg",
        "movie_url": "",
        "time_from": "stamp" if stamped else "header",
        "timeout_s": 10.0,
        "stale_after_s": 120.0,
    }
    settings = CameraSettings(name=name, cadence_s=CADENCE_S, source=SourceSettings(**(given | source)))
    return settings if stamped else settings.model_copy(update={"stamp": False})


@contextmanager
def watching(
    folder: Path,
    model: Path,
    skies: dict[str, Sky],
    *,
    speed: float = SPEED,
    channels: Sequence[NotifySettings | str] = ("people", "owner"),
    event: EventSettings | None = None,
    start: datetime = NIGHT,
    sources: dict[str, dict[str, Any]] | None = None,
    **daemon: Any,
) -> Iterator[Watch]:
    """The daemon in this process on a fast clock, a site a camera, an inbox a channel."""
    clock = FastClock(start, speed)
    notes = Notes()
    with ExitStack() as stack:
        sites = {name: Site(sky, clock) for name, sky in skies.items()}
        servers = {name: stack.enter_context(Server(site)) for name, site in sites.items()}
        inboxes = {name: Inbox(clock) for name in map(_channel_name, channels)}
        for inbox in inboxes.values():
            stack.callback(inbox.close)
        settings = Settings(
            daemon=DaemonSettings(
                state_dir=folder / "state", port=0, **({"min_free_mb": 1, "hold_min": 0} | daemon)
            ),
            model=ModelSettings(path=model, device="cpu", threads=1),
            camera=tuple(
                camera(name, servers[name], stamped=sky.stamped, **(sources or {}).get(name, {}))
                for name, sky in skies.items()
            ),
            event=event or EventSettings(strong=1.0, dwell_min=3, cool_down_min=0),
            notify=tuple(_channel(c, inboxes) for c in channels),
        )
        logger = logging.getLogger("aurorad")
        level = logger.level
        logger.setLevel(logging.INFO)
        logger.addHandler(notes)
        stack.callback(logger.setLevel, level)
        stack.callback(logger.removeHandler, notes)
        service = stack.enter_context(serving(settings, None, clock))
        yield Watch(service, clock, sites, inboxes, notes)


def _channel_name(channel: NotifySettings | str) -> str:
    return channel if isinstance(channel, str) else channel.name


def _channel(channel: NotifySettings | str, inboxes: dict[str, Inbox]) -> NotifySettings:
    if not isinstance(channel, str):
        return channel.model_copy(update={"url": inboxes[channel.name].url})
    audience = "operator" if channel == "owner" else "aurora"
    return NotifySettings(name=channel, url=inboxes[channel].url, audience=audience, picture=False)


# ------------------------------------------------------------------ what must hold after every fault


def rows(database: Path, sql: str, *values: object) -> list[dict[str, Any]]:
    """A query, read-only; a database that is being written or mended at this moment is asked again."""
    for tries in range(20):
        try:
            with Reader(database) as reader:
                return reader.query(sql, values)
        except StoreError:
            if tries == 19:
                raise
            time.sleep(0.1)
    return []


class Snapshot:
    """The record at one instant, however much is written meanwhile."""

    def __init__(self, database: Path) -> None:
        self._connection = sqlite3.connect(
            f"file:{database}?mode=ro", uri=True, isolation_level=None, timeout=30
        )
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("BEGIN")

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """A query's rows."""
        return [dict(row) for row in self._connection.execute(sql)]

    def close(self) -> None:
        """Let go."""
        self._connection.close()


@dataclass
class Promises:
    """What :func:`check` compares the record with. ``crashes`` is how often the daemon was killed."""

    inboxes: dict[str, Inbox] = field(default_factory=dict)
    acknowledged: set[tuple[str, str]] = field(default_factory=set)
    channels: Sequence[str] = ("people",)
    crashes: int = 0
    alerts: bool = True


def check(database: Path, promises: Promises) -> Counter[str]:
    """The invariants of the record after a fault; returns what was counted. Fails where one is broken.

    * SQLite finds the file whole, and each night's sum is that of its rows;
    * every acknowledged observation is there, once;
    * every event has the observations of its onset and its confirmation, and nothing ended before;
    * every event that people are told of has its outbox row for every change and channel;
    * whatever arrived is recorded, and arrived once, but for one repeat a crash.
    """
    before = {channel: list(inbox.got) for channel, inbox in promises.inboxes.items()}
    snapshot = Snapshot(database)
    held = {(r["camera"], r["observed_at"]): r for r in snapshot.rows("SELECT * FROM observations")}
    assert promises.acknowledged <= held.keys(), "acknowledged observations are lost"
    assert snapshot.rows("PRAGMA integrity_check(1)")[0]["integrity_check"] == "ok"
    count = snapshot.rows("SELECT count(*) AS n FROM observations")[0]["n"]
    assert count == len(held), "an observation is there twice"
    summed = snapshot.rows("SELECT sum(observations) AS n, sum(aurora) AS a FROM nights")[0]
    assert (summed["n"] or 0) == len(held), "the nights' sums are not those of the rows"
    assert (summed["a"] or 0) == sum(r["verdict"] == "aurora" for r in held.values())

    events = snapshot.rows("SELECT * FROM events ORDER BY onset_at")
    told = {(m["event_id"], m["kind"], m["channel"]): m for m in snapshot.rows("SELECT * FROM outbox")}
    snapshot.close()
    for event in events:
        for moment in ("onset_at", "confirmed_at", "strong_at", "peak_at"):
            at = event[moment]
            assert at is None or (event["camera"], at) in held, f"{event['id']} has no observation {moment}"
        if event["in_cool_down"] or not promises.alerts:
            continue
        kinds = ["onset"] + (["over"] if event["ended_at"] else [])
        for channel in promises.channels:
            for kind in kinds:
                assert (event["id"], kind, channel) in told, f"{event['id']}: no {kind} for {channel}"

    repeats = 0
    for channel, inbox in promises.inboxes.items():
        recorded = {(m["event_id"], m["title"]) for key, m in told.items() if key[2] == channel}
        early = Counter((mail.event_id, mail.title) for mail in before[channel])
        assert early.keys() <= recorded, f"{channel}: something arrived that is not recorded"
        arrived = Counter((mail.event_id, mail.title) for mail in inbox.got)
        repeats += sum(arrived.values()) - len(arrived)
        for (event_id, _, to), message in told.items():
            if to == channel and message["delivered_at"]:
                assert (event_id, message["title"]) in arrived, f"{event_id}: delivered to nobody"
    assert repeats <= promises.crashes * max(1, len(promises.inboxes)), f"{repeats} repeats"
    return Counter(observations=len(held), events=len(events), messages=len(told), repeats=repeats)


def check_watch(watch: Watch, **promises: Any) -> Counter[str]:
    """The invariants of a running watch; its own count of observations is what it acknowledged."""
    aurora = [c.name for c in watch.service.settings.notify if c.audience != "operator"]
    watch.service.store.known("", NIGHT)  # one turn of the writer's lock: what is counted is committed
    return Counter(check(watch.database, Promises(watch.inboxes, channels=aurora, **promises)))


# ------------------------------------------------------------------ the daemon as a process of its own


def dark_here() -> tuple[float, float]:
    """Latitude and longitude where it is the middle of the night at this moment."""
    now = datetime.now(UTC)
    hours = now.hour + now.minute / 60
    longitude = -15 * hours if hours <= 12 else 15 * (24 - hours)
    return 0.0, round(max(-180.0, min(180.0, longitude)), 2)


def write_config(path: Path, **parts: Any) -> Path:
    """A configuration for a process: a camera where it is dark now, looked at every second."""
    latitude, longitude = dark_here()
    wanted = {
        "state": path.parent / "state", "model": "", "url": "", "inbox": "", "more": "", "port": 0,
    } | parts  # fmt: skip
    path.write_text(
        f"""
[daemon]
state_dir = "{wanted["state"]}"
port = {wanted["port"]}
min_free_mb = 1
hold_min = 0
[model]
path = "{wanted["model"]}"
device = "cpu"
threads = 1
[[camera]]
name = "cam"
latitude_deg = {latitude}
longitude_deg = {longitude}
timezone = "UTC"
cadence_s = 1
stamp = false
[camera.disc]
centre_x = 426
centre_y = 240
radius = 240
width = 853
height = 480
[camera.source]
kind = "auroramax"
url = "{wanted["url"]}"
movie_url = ""
time_from = "header"
timeout_s = 2
stale_after_s = 5
[event]
confirm = 1
of = 1
dwell_min = 0.05
cool_down_min = 0
strong = 1.0
[[notify]]
name = "people"
url = "{wanted["inbox"]}"
audience = "both"
picture = false
{wanted["more"]}
""",
        encoding="utf-8",
    )
    return path


def aurorad(config: Path, log: Path, **environment: str) -> subprocess.Popen[bytes]:
    """``aurorad run``, its log in a file."""
    with log.open("ab") as out:
        return subprocess.Popen(
            [sys.executable, "-c", "from daemon.cli import main; main()", "run", "--config", str(config)],
            stdout=out, stderr=out, cwd=Path(__file__).parents[2],
            env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        )  # fmt: skip


def soon(until: Callable[[], object], what: str, within_s: float = 60) -> None:
    """Wait in real time until it is so."""
    end = time.monotonic() + within_s
    while not until():
        assert time.monotonic() < end, f"{what}: not within {within_s:g} s"
        time.sleep(0.05)


def unexpected(said: str) -> str:
    """A log without the words APScheduler's own thread may end with when it is stopped as a job is due."""
    return re.sub(r"Exception in thread APScheduler:\n(.*\n)*?\S*JobLookupError.*\n", "", said)
