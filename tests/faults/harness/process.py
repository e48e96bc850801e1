"""The daemon as a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


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
strong_level = 7
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
            stdout=out, stderr=out, cwd=Path(__file__).parents[3],
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
