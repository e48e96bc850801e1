"""Watching, measured: the live feed at its own pace, many cameras, memory, the start.

The daemon is the real one in a process of its own; the cameras are behind real HTTP on this machine,
and stand where it is night now. Their orientation is given without a lens, for the stills' stars are not of that
place and hour: each camera would look for its lens again and again. What the stars cost stands in ``look``.
"""

from __future__ import annotations

import json
import math
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from daemon.sky.ephemeris import Observatory
from tests.bench import ways
from tests.bench.box import box
from tests.bench.figure import Plan, Row, percentile

STEP_S = 6.0
"""A new still so often, as at AuroraMAX."""

MANY = 300
"""Cameras that one process watches, each once a minute."""

LATE_S = 1.0
"""A look that begins so much after it was due is late, and so is one not done when the next is due."""

RUN = "import sys; sys.modules['pandas'] = None; from daemon.cli import main; main()"
"""``aurorad``, as where only what watching needs is installed (see ``watcher``)."""


def measure(plan: Plan) -> Iterator[Row]:
    """The live figures, then those of many cameras, the start, and the same in a small machine."""
    yield from live(plan)
    yield from many(plan)
    yield start(plan)
    yield small(plan)


# ------------------------------------------------------------------------------- live


def live(plan: Plan) -> list[Row]:
    """From a still published to its row committed, a few cameras at the feed's own six seconds."""
    cameras, seconds = plan.pick(8, 2), plan.pick(75, 25)
    with _feed(seconds + 20) as feed:
        said = _watch(feed, cameras, STEP_S, seconds, alerts=True)
        alerts = json.loads(urllib.request.urlopen(f"{feed.url}/alerts", timeout=5).read())
    settled = said["ready"] + 2 * STEP_S  # the first looks fall in step with the feed
    delays = [committed - observed for _, observed, committed in said["rows"] if committed > settled]
    p50, p99 = percentile(delays, 0.5), percentile(delays, 0.99)
    handed = _handed_over(said["rows"], [at for at, _ in alerts])
    looks = len(said["rows"])
    cost_ms = 1e3 * (said["cpu_s"] + said["children_s"]) / looks
    return [
        Row(
            "still published → row committed, p99 at a 6 s cadence",
            f"≤ {STEP_S + 0.5:g} s",
            f"{p99:.2f} s",
            p99 <= STEP_S + 0.5,
            f"p50 {p50:.2f} s, {len(delays)} stills of {cameras} cameras; onset's row → alert handed over"
            f" p50 {percentile(handed, 0.5):.2f} s, most {max(handed, default=math.nan):.2f} s;"
            f" {cost_ms:.0f} ms of CPU a frame, {1e3 * said['children_s'] / looks:.0f} of them Tesseract's",
        )
    ]


def _handed_over(rows: list[tuple[str, float, float]], alerts: list[float]) -> list[float]:
    """Seconds from each camera's second row, which confirms the spell, to the alerts in their order."""
    second: dict[str, list[float]] = {}
    for camera, _, committed in rows:
        second.setdefault(camera, []).append(committed)
    confirmed = sorted(times[1] for times in second.values() if len(times) > 1)
    return [max(0.0, at - row) for at, row in zip(sorted(alerts), confirmed, strict=False)]


# ------------------------------------------------------------------------------- many cameras


def many(plan: Plan) -> list[Row]:
    """Three hundred cameras, each looked at once a minute; then the same ones oftener, until one is late."""
    cameras = plan.pick(MANY, 10)
    cadence_s, seconds = plan.pick(60, 12), plan.pick(185, 30)
    with _feed(seconds + 40) as feed:
        one = _watch(feed, 1, STEP_S, plan.pick(25, 15))
    with _feed(seconds + 60) as feed:
        all_of_them = _watch(feed, cameras, cadence_s, seconds)
    late, lags, looks = _lateness(all_of_them)
    more = _ramp(plan, cameras)
    cost_ms = 1e3 * (all_of_them["cpu_s"] + all_of_them["children_s"]) / max(1, len(all_of_them["rows"]))
    return [
        Row(
            "cameras at one-minute cadence, none late, p99",
            f"≥ {MANY}",
            f"{cameras}" if late == 0 else f"{cameras}, {late} of {looks} late",
            late == 0 and cameras >= MANY,
            f"{looks} looks begun p99 {percentile(lags, 0.99):.2f} s after they were due, most {max(lags):.2f} s;"
            f" {cost_ms:.0f} ms of CPU a look; the same cameras looked at oftener: {more}",
        ),
        Row(
            f"resident memory, one camera / {cameras} cameras",
            "≤ 220 / ≤ 600 MB",
            f"{one['most_mb']:.0f} / {all_of_them['most_mb']:.0f} MB",
            one["most_mb"] <= 220 and all_of_them["most_mb"] <= 600,
            f"the most it ever was; at the end {one['memory_mb']:.0f} / {all_of_them['memory_mb']:.0f} MB",
        ),
    ]


def _ramp(plan: Plan, cameras: int) -> str:
    """How many looks a minute the cameras can be given before one is late."""
    told = []
    for cadence_s in (6,) if plan.quick else (30, 20):
        seconds = 3 * cadence_s + 5
        with _feed(seconds + 60) as feed:
            late, _, looks = _lateness(_watch(feed, cameras, cadence_s, seconds))
        told.append(f"{cameras * 60 // cadence_s} a minute, {late} of {looks} late")
        if late:
            break
    return "; ".join(told)


def _lateness(said: dict[str, Any]) -> tuple[int, list[float], int]:
    """(looks that were late, seconds each was begun after it was due, looks)."""
    lags, late = [], 0
    ends: dict[str, float] = {}
    for camera, due, begun, ended in said["looks"]:
        if due is None:
            continue
        lags.append(max(0.0, begun - due))
        late += begun - due > LATE_S or ends.get(camera, 0.0) > due
        ends[camera] = ended
    return late, lags or [0.0], len(lags)


# ------------------------------------------------------------------------------- the start


def start(plan: Plan) -> Row:
    """From ``aurorad run`` to the first verdict that can be read in the database."""
    took = []
    for _ in range(plan.runs):
        with _feed(60) as feed, tempfile.TemporaryDirectory(prefix="aurorad-bench-") as folder:
            config = _config(Path(folder), feed.url, 1, STEP_S)
            began = time.time()
            command = [sys.executable, "-c", RUN, "run", "--config", str(config)]
            with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
                try:
                    took.append(_first_row(Path(folder) / "aurorad.db", began + 60) - began)
                finally:
                    process.terminate()
    middle = percentile(took, 0.5)
    return Row(
        "start to first verdict",
        "≤ 3 s",
        f"{middle:.1f} s",
        middle <= 3,
        f"{len(took)} starts, {min(took):.1f}–{max(took):.1f} s: Python, imports, model, ephemeris, fetch, OCR",
    )


SMALL_MB = 512


def small(plan: Plan) -> Row:
    """One camera at the feed's own pace in a control group of 512 MB and on one core: does it keep up?"""
    what, seconds = f"one camera within {SMALL_MB} MB, on one core", plan.pick(60, 20)
    with (
        box(SMALL_MB) as within,
        _feed(seconds + 60) as feed,
        tempfile.TemporaryDirectory(prefix="aurorad-bench-") as folder,
    ):
        if within is None:
            return Row(what, "runs", "not measured", None, "no control group can be made here (root can)")
        config = _config(Path(folder), feed.url, 1, STEP_S)
        began = time.time()
        command = [sys.executable, "-c", RUN, "run", "--config", str(config)]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL, preexec_fn=within.enter) as process:
            try:
                first_s = _first_row(Path(folder) / "aurorad.db", began + 60) - began
                time.sleep(seconds)
                alive = process.poll() is None
            finally:
                process.terminate()
        most_mb = within.most_mb
        with closing(sqlite3.connect(Path(folder) / "aurorad.db")) as db:
            (looks,) = db.execute(
                "SELECT count(*) FROM observations WHERE probability IS NOT NULL"
            ).fetchone()
    kept_up = alive and looks >= int(seconds / STEP_S)
    return Row(
        what,
        "runs",
        "runs" if kept_up else "does not keep up" if alive else "was killed",
        kept_up,
        f"{looks} looks, one each {STEP_S:g} s; start to first verdict {first_s:.1f} s; most memory {most_mb:.0f} MB,"
        " what the kernel keeps of files included",
    )


def _first_row(database: Path, give_up: float) -> float:
    while time.time() < give_up:
        try:
            with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as db:
                if db.execute("SELECT 1 FROM observations WHERE probability IS NOT NULL").fetchone():
                    return time.time()
        except sqlite3.Error:  # not there yet
            pass
        time.sleep(0.02)
    raise RuntimeError("the daemon gave no verdict within a minute")


# ------------------------------------------------------------------------------- the parts


@dataclass
class _Feed:
    url: str
    begins: float


@contextmanager
def _feed(seconds: float) -> Iterator[_Feed]:
    """Stills from now on, for so long; encoding them takes a moment."""
    encoding_s = 2 + 0.1 * seconds / STEP_S * 4
    # On a whole second, as Last-Modified tells no smaller ones.
    begins = float(int(time.time() + encoding_s - STEP_S))
    command = [
        sys.executable,
        "-m",
        "tests.bench.feed",
        f"{begins}",
        f"{seconds + encoding_s + STEP_S}",
        f"{STEP_S}",
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            url = process.stdout.readline().strip()
            time.sleep(max(0.0, begins + 0.5 - time.time()))
            yield _Feed(url, begins)
        finally:
            process.stdin.close()
            process.terminate()


def _watch(
    feed: _Feed, cameras: int, cadence_s: float, seconds: float, alerts: bool = False
) -> dict[str, Any]:
    """Let the daemon watch; what it noted."""
    with tempfile.TemporaryDirectory(prefix="aurorad-bench-") as folder:
        config = _config(Path(folder), feed.url, cameras, cadence_s, alerts)
        command = [sys.executable, "-m", "tests.bench.watcher", str(config), f"{seconds}"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"the daemon failed: {done.stderr.strip()[-800:]}")
        said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        if not said["rows"]:
            raise RuntimeError(f"the daemon recorded nothing: {done.stderr.strip()[-800:]}")
        return said


def _config(folder: Path, url: str, cameras: int, cadence_s: float, alerts: bool = False) -> Path:
    latitude_deg, longitude_deg = _where_it_is_night(datetime.now(UTC))
    lines = [f'[daemon]\nstate_dir = "{folder}"\nport = 0\n[model]\npath = "{ways.model_file()}"']
    if alerts:
        # Everything counts as aurora: what is measured is the way of an alert, not the sky's.
        lines.append("[event]\non = 0.000001\noff = 0.0000001\nsure = 0.000001")
        lines.append(
            f'[[notify]]\nname = "people"\nurl = "{url.replace("http:", "json:")}/"\nkinds = ["onset"]'
        )
    lines += [
        f'[[camera]]\nname = "camera{number}"\nlatitude_deg = {latitude_deg}\nlongitude_deg = {longitude_deg}\n'
        f'timezone = "UTC"\ncadence_s = {cadence_s}\n[camera.orientation]\nnorth_deg = 26.0\n[camera.source]\nkind = "auroramax"\nmovie_url = ""\nurl = "{url}/{number}.jpg"'
        for number in range(cameras)
    ]
    path = folder / "aurorad.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def _where_it_is_night(now: datetime) -> tuple[float, float]:
    """A place with the deepest night there is at this moment."""
    midnight_deg = (360 - 15 * (now.hour + now.minute / 60)) % 360
    longitude_deg = round(midnight_deg - 360 if midnight_deg > 180 else midnight_deg, 2)
    depth = {
        latitude: Observatory(latitude, longitude_deg).state(now).sun_altitude_deg
        for latitude in (-60, -30, 0, 30, 60)
    }
    return min(depth, key=lambda latitude: depth[latitude]), longitude_deg
