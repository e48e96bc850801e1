"""Years: five million observations in one SQLite file, and a season's growth under the same frame.

One night is written by the store itself, row by row, which gives the rate; the other nights are
copies of its rows under other dates, made by SQL. Measured are the bytes a row, the page's
queries, and the retention of pictures, which needs no VACUUM.
"""

from __future__ import annotations

import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from daemon.config import CameraSettings
from daemon.night import night_of
from daemon.observation import Description, Observation, Prediction, SkyState
from daemon.record.store import Reader, Store
from models.labels import FORMS
from tests.bench.figure import CACHE, Plan, Row, percentile, spent

FIRST = datetime(2000, 1, 1, 1, 0, tzinfo=UTC)
A_NIGHT = 900
CAMERA, LONGITUDE_DEG = "yellowknife", -114.35


def measure(plan: Plan) -> list[Row]:
    """Bytes, rates and queries of a large database."""
    rows = plan.pick(5_000_000, 100_000)
    path, rate = archive(rows)
    kept = sizes(path)
    a_row = kept["observations"] / rows
    with Reader(path) as reader:
        nights = [date.fromisoformat(n["night"]) for n in reader.nights(CAMERA)]
        middle = nights[len(nights) // 2 :: max(1, len(nights) // 40)]
        night_ms = [_ms(lambda n=n: reader.night(CAMERA, n)) for n in middle]  # type: ignore[misc]
        latest_ms = statistics.median(_ms(lambda: reader.latest(CAMERA)) for _ in range(20))
        year = nights[-1].year
        season_ms = statistics.median(
            _ms(lambda: reader.nights(CAMERA, date(year - 1, 1, 1), date(year, 1, 1))) for _ in range(5)
        )
    typical = statistics.median(night_ms)
    season = (nights[-200], nights[-1]) if len(nights) >= 200 else (nights[0], nights[-1])
    return [
        Row(
            f"{rows / 1e6:g} million rows: bytes each, without pictures",
            "≤ 320",
            f"{a_row:.0f}",
            a_row <= 320,
            f"written singly {rate[0]:.0f} a second, each on disk; in batches of 16 {rate[1]:.0f};"
            f" the keogram's column, a picture of 360 bytes, takes {rate[2]:.0f} more;"
            f" pictures' paths of {A_NIGHT} frames forgotten in {1e3 * rate[3]:.0f} ms, no VACUUM",
        ),
        Row(
            f"{rows / 1e6:g} million rows: the night's query",
            "≤ 20 ms",
            f"{typical:.1f} ms",
            typical <= 20,
            f"{A_NIGHT} rows, p99 {percentile(night_ms, 0.99):.1f} ms; the latest row {latest_ms:.2f} ms,"
            f" a year's nights {season_ms:.1f} ms",
        ),
        _export(path, *season),
    ]


def _export(path: Path, since: date, until: date) -> Row:
    """``aurorad export`` of a season out of the years, start and all."""
    told = []
    with tempfile.TemporaryDirectory(prefix="aurorad-bench-") as folder:
        for kind in ("csv", "parquet", "nc"):
            target = Path(folder) / f"season.{kind}"
            command = [sys.executable, "-m", "daemon.cli", "export", "--db", str(path), "--since", f"{since}",
                       "--until", f"{until}", str(target)]  # fmt: skip
            one = spent(partial(subprocess.run, command, check=True, capture_output=True))
            told.append((kind, one.wall_s, target.stat().st_size / 1e6))
    slowest = max(wall_s for _, wall_s, _ in told)
    return Row(
        f"export of a season out of them ({(until - since).days + 1} nights)",
        "–",
        f"{slowest:.1f} s at most",
        None,
        "; ".join(f"{kind} {wall_s:.1f} s, {megabytes:.0f} MB" for kind, wall_s, megabytes in told),
    )


def archive(rows: int) -> tuple[Path, tuple[float, float, float, float]]:
    """A database of so many observations, and what the store's own writing of some of them showed."""
    CACHE.mkdir(parents=True, exist_ok=True)
    path = CACHE / f"years_{rows}.db"
    with tempfile.TemporaryDirectory(prefix="aurorad-bench-", dir=CACHE) as folder:
        seed = Path(folder) / "seed.db"
        shown = _write_a_night(seed)
        if not path.exists():
            _multiply(seed, rows // A_NIGHT)
            shutil.move(seed, path)
    return path, shown


def observation(number: int, draw: np.random.Generator) -> Observation:
    """The ``number``-th minute of a night, with everything a frame that was looked at has."""
    at = FIRST + timedelta(minutes=number)
    p = round(float(draw.random()), 4)
    sky = SkyState(at, -31.1234, 12.0, 20.4321, 100.0, 97.1234, "night", "quarter")
    prediction = Prediction(
        draw.normal(size=4).astype(np.float32), p, p, round(float(draw.random()), 4),
        draw.random((8, 8), dtype=np.float32), "a" * 64,
    )  # fmt: skip
    lit = p > 0.5
    return Observation(
        CAMERA, at, at + timedelta(hours=9), "aurora" if lit else "clear",
        "aurora" if lit else "stars seen, no aurora", sky, prediction,
        threshold=0.437512, colour_cover=round(float(draw.random()), 6), colour_level=3,
        heatmap_area=round(float(draw.random()), 6), azimuth_deg=123.0, elevation_deg=45.0,
        source="auroramaxHD_20000101_720p.mp4", picture=f"{CAMERA}/2000-01-01/{at:%Y%m%d%H%M%S}_20000101_{number}.jpg",
        description=_description(draw) if lit else Description(level=0, cover=0.0),
        stars=None if lit else "".join(draw.choice(list("456789-"), 24)),
        star_limit=4.37, star_zero=10.214, star_gamma=1.52,
    )  # fmt: skip


def _description(draw: np.random.Generator) -> Description:
    """Of an arc with rays, somewhere in the sky."""
    mask = np.zeros((60, 60), np.uint8)
    centre, size = (
        tuple(int(v) for v in draw.integers(15, 45, 2)),
        tuple(int(v) for v in draw.integers(6, 25, 2)),
    )
    cv2.ellipse(mask, centre, size, float(draw.integers(0, 180)), 180, 360, 1, int(draw.integers(2, 6)))
    share = [round(float(value), 4) for value in draw.dirichlet([8, 1, 1, 1])]
    return Description(
        level=int(draw.integers(1, 7)), cover=round(float(draw.random()), 4), brightness=81.53, aurora_index=12.251,
        forms=("arc", "rays"), form_probabilities={form: round(float(draw.random()), 4) for form in FORMS},
        azimuth_from_deg=270.0, azimuth_to_deg=60.0, lower_edge_deg=12.34, upper_edge_deg=55.12, overhead=False,
        distance_km=480.2, poleward_deg=41.51, arciness=0.8213, curvature=0.7514, green_share=share[0],
        red_share=share[1], pink_share=share[2], purple_share=share[3], trend="brightening", drift="equatorward",
        spread="steady", mask=mask.astype(np.bool_),
    )  # fmt: skip


def _write_a_night(path: Path) -> tuple[float, float, float, float]:
    """(rows a second singly, in batches, bytes of a keogram column, seconds to forget the pictures)."""
    draw = np.random.default_rng(3)
    made = [observation(number, draw) for number in range(A_NIGHT)]
    night = night_of(FIRST, CameraSettings())
    with Store(path) as store:
        began = time.perf_counter()
        for one in made[:200]:
            store.record(one, night=night, column=draw.bytes(360))
        singly = 200 / (time.perf_counter() - began)
        began = time.perf_counter()
        for start in range(200, A_NIGHT, 16):
            with store.batch():
                for one in made[start : start + 16]:
                    store.record(one, night=night, column=draw.bytes(360))
        batched = (A_NIGHT - 200) / (time.perf_counter() - began)
        began = time.perf_counter()
        store.prune_pictures(FIRST + timedelta(days=2), lambda _: None)
        pruned = time.perf_counter() - began
    return singly, batched, sizes(path)["columns"] / A_NIGHT, pruned


def _multiply(path: Path, nights: int) -> None:
    """Copy the night ``nights`` − 1 times to following dates, in order of time, as years would grow."""
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("PRAGMA journal_mode = DELETE")  # a copy in the making needs no second file
        db.execute("DELETE FROM columns")
        columns = [
            row[1] for row in db.execute("PRAGMA table_xinfo(observations)") if row[6] == 0
        ]  # not the computed ones
        same = ", ".join(name for name in columns if name != "observed_at")
        for number in range(1, nights):
            db.execute(
                f"""INSERT INTO observations (observed_at, {same})
                SELECT strftime('%Y-%m-%dT%H:%M:%SZ', observed_at, ?1), {same} FROM observations
                WHERE camera = ?2 AND observed_at < ?3""",
                [f"+{number} days", CAMERA, (FIRST + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")],
            )
            db.execute(
                """INSERT INTO nights SELECT camera, date(night, ?1),
                strftime('%Y-%m-%dT%H:%M:%SZ', first_at, ?1), strftime('%Y-%m-%dT%H:%M:%SZ', last_at, ?1),
                observations, aurora, clear, obscured, not_looked, stale, moon_quarter, moon_full,
                peak_probability, strftime('%Y-%m-%dT%H:%M:%SZ', peak_at, ?1)
                FROM nights ORDER BY night LIMIT 1""",
                [f"+{number} days"],
            )
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode = WAL")


def sizes(path: Path) -> dict[str, int]:
    """Bytes of the file's pages, by table."""
    with closing(sqlite3.connect(path)) as db:
        try:
            return dict(db.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name"))
        except sqlite3.OperationalError:  # this SQLite was built without dbstat
            counted = db.execute("SELECT count(*) FROM columns").fetchone()[0]
            return {"observations": path.stat().st_size - 420 * counted, "columns": 420 * counted}


def _ms(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return 1e3 * (time.perf_counter() - began)
