"""A month of nights in sped-up time: what the daemon holds stays what it was, and the record is whole."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from daemon.clock import FastClock
from daemon.observation import utc_text
from daemon.record.store import Reader
from tests.faults.conftest import Entry
from tests.faults.harness import Inbox, Promises, Sky, check, spells
from training.simulator.http import Server
from training.simulator.site import Site

START = datetime(2024, 1, 20, 20, 0, tzinfo=UTC)
WARM_UP_DAYS = 5
BYTES_A_ROW = (400, 1400)
"""What an observation and its keogram column take on disk, with indices, pages not quite full."""


def growth(days: np.ndarray, values: np.ndarray) -> tuple[float, float]:
    """(growth over the whole span by the fitted line, scatter about it)."""
    slope, offset = np.polyfit(days, values, 1)
    return float(slope * np.ptp(days)), float(np.std(values - slope * days - offset))


def held(record: Path) -> dict[str, float]:
    """Rows of the record and bytes of its pages."""
    with Reader(record) as reader:
        rows = reader.query("SELECT count(*) AS n FROM observations")[0]["n"]
        size = reader.query("SELECT page_count * page_size AS n FROM pragma_page_count, pragma_page_size")
    return {"rows": rows, "database": size[0]["n"]}


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_a_month_of_nights(tmp_path: Path, green: Path, matrix: Entry) -> None:
    """Resident memory, open files and threads are flat after the first nights; the database grows by its rows."""
    nights = float(os.environ.get("AURORAD_SOAK_NIGHTS", "30"))
    speed = float(os.environ.get("AURORAD_SOAK_SPEED", "2000"))
    clock = FastClock(START, speed, time.time() + 5)
    inbox = Inbox(clock)
    with Server(Site(Sky(spells(180, 60, START)), clock)) as server, (tmp_path / "log").open("wb") as log:
        asked = {
            "state": str(tmp_path / "state"), "model": str(green), "inbox": inbox.url, "start": utc_text(START),
            "url": f"{server.address}/recent/recent_480p.jpg", "speed": speed, "origin": clock.origin, "days": nights,
        }  # fmt: skip
        month = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.month", json.dumps(asked)],
            stdout=subprocess.PIPE, stderr=log, cwd=Path(__file__).parents[2],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        assert month.stdout is not None
        record = tmp_path / "state/aurorad.db"
        samples = [json.loads(line) | held(record) for line in month.stdout]
        assert month.wait(60) == 0, (tmp_path / "log").read_text()[-3000:]
        month.stdout.close()
    inbox.close()
    (tmp_path / "samples.json").write_text(json.dumps(samples))
    assert "Traceback" not in (tmp_path / "log").read_text()
    # At this speed a look may end a quarter of an hour after its frame, whose news is history then.
    counted = check(tmp_path / "state/aurorad.db", Promises({"people": inbox}, alerts=False))
    assert counted["messages"] >= counted["events"]
    assert samples[-1]["day"] > nights - 1
    warm = [sample for sample in samples if sample["day"] >= WARM_UP_DAYS]
    days = np.array([sample["day"] for sample in warm])
    said = {}
    for what, allowed in (("resident_mb", 3.0), ("files", 1.0), ("threads", 1.0)):
        values = np.array([sample[what] for sample in warm])
        more, scatter = growth(days, values)
        said[what] = (
            f"{np.median(values):.0f} ({more:+.1f} over {np.ptp(days):.0f} nights, scatter {scatter:.1f})"
        )
        assert more <= max(2 * scatter, allowed), (what, said[what])
    first, last = warm[0], warm[-1]
    a_row = (last["database"] - first["database"]) / (last["rows"] - first["rows"])
    assert BYTES_A_ROW[0] <= a_row <= BYTES_A_ROW[1], a_row
    assert counted["events"] >= nights
    kept = {path.name for path in (tmp_path / "state/frames").glob("*/*")}
    oldest = (START + timedelta(days=nights - 9 - 10 * speed / 86400)).date().isoformat()
    assert min(kept) >= oldest, "pictures older than keep_pictures_days are gone"
    line = (
        f"{counted['observations']} observations, {counted['events']} events; resident MB {said['resident_mb']}, "
        f"open files {said['files']}, threads {said['threads']}; {a_row:.0f} bytes of database a row"
    )
    print(line)
    matrix("The machine", f"{nights:.0f} nights in sped-up time", line)
