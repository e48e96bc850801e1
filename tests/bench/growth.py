"""Does a frame cost the same in the first night and in the three-hundredth?

The same short movie is taken into an archive of one night and into one of three hundred, copies of
both each time, by the daemon's own function.
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from daemon.archive.ingest import ingest_movie, open_pipeline
from daemon.config import load
from daemon.record.store import Store
from tests.bench.figure import Plan, Row, Spent, interleaved, spent
from tests.bench.footage import night
from tests.bench.years import A_NIGHT, archive

BEGINS = datetime(2024, 3, 10, 4, 0, tzinfo=UTC)


def measure(plan: Plan) -> list[Row]:
    """A frame's CPU and wall time, from the movie to the committed row."""
    nights = plan.pick(300, 30)
    movie = night(plan.pick(1200, 200), BEGINS)
    few, many = archive(A_NIGHT)[0], archive(A_NIGHT * nights)[0]
    runs = interleaved(
        {"few": lambda: _into(few, movie), "many": lambda: _into(many, movie)}, plan.pick(9, 2)
    )
    grown = runs.ratio("many", "few", cpu=True) - 1
    frames = plan.pick(1200, 200) // 10
    return [
        Row(
            f"cost per frame as the archive grows from 1 to {nights} nights",
            "flat within 5 %",
            f"{100 * grown:+.1f} %",
            abs(grown) <= 0.05,
            f"CPU time, {1e3 * runs.median_s('few', cpu=True) / frames:.1f} ms a sampled frame"
            f" (its 10 movie frames' decoding in it); wall {100 * (runs.ratio('many', 'few') - 1):+.1f} %",
        )
    ]


def _into(database: Path, movie: Path) -> Spent:
    """Take the movie into a copy of the database; the copying and the model's loading are left out."""
    settings = load(None)
    with tempfile.TemporaryDirectory(prefix="aurorad-bench-") as folder:
        copied = Path(folder) / "archive.db"
        shutil.copyfile(database, copied)
        with closing(Store(copied)) as store:
            pipeline = open_pipeline(settings, settings.camera_named(None), store, None)
            return spent(lambda: ingest_movie(movie, pipeline))
