"""``aurorad ingest --ray ADDRESS``: an archive of years over many machines, with Ray Data.

    movie → a worker's own pipeline → one Parquet file → merged into the database

One movie is one task, and a worker loads the model once. What a worker does with a movie is what
``aurorad ingest`` does, into a database of its own that is thrown away: :func:`ingest_movie`. Its
rows go to ``<database>.parts/``, one file a movie, which appears when it is whole. So a worker that
dies costs its movie in hand and nothing else, a run that is called again begins where the last one
stopped, and merging a part twice changes nothing.

Movies and parts lie on storage that all machines see under the same paths; ``docs/cluster.md``.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import datetime
from math import nan
from pathlib import Path
from typing import Any

import numpy as np

from daemon import __version__
from daemon.archive import night_events
from daemon.archive.ingest import Outcome, Tally, ingest_movie, open_pipeline
from daemon.archive.recorded_night import RecordedNight
from daemon.config import CameraSettings, Settings
from daemon.errors import AuroradError, UsageError
from daemon.files import replacing
from daemon.night import night_of
from daemon.observation import (
    Observation,
    Prediction,
    SkyState,
    from_utc_text,
)
from daemon.record.columns import COLUMNS, described, heatmap_from_bytes
from daemon.record.migrations import known_migrations
from daemon.record.store import Reader, Store
from daemon.text import one_line

TRIES = 3
"""Workers that may die over one movie before it is given up: Ray by itself would go on for ever."""

STORE_MB = 256
"""Ray's shared memory on one machine: what travels is a line a movie, so little is enough."""

_COLUMNS = tuple(c for c in COLUMNS if c.name not in ("camera", "recorded_at", "picture"))
"""What a part keeps of each observation, under the database's own names; and ``column``, the keogram's."""

_SAME = tuple(
    {c.name for c in _COLUMNS}
    & {f.name for f in fields(Observation)} - {"observed_at", "fetched_at", "verdict", "reason", "source"}
)
"""What an observation holds as the part does; the others are put together from it in :func:`_observation`."""


def ingest_on_ray(
    movies: Sequence[Path],
    settings: Settings,
    camera: CameraSettings,
    database: Path,
    address: str,
    on_outcome: Callable[[Outcome], None],
    *,
    workers: int | None = None,
) -> int:
    """Take the movies in over a Ray cluster; how many could not be used, or not to their end.

    ``address`` is a cluster's, or ``local`` for one on this machine that ends with the run;
    ``workers`` how many at most, one a CPU if not told. Raises AuroradError.
    """
    _ray()
    parts = database.absolute().with_name(database.name + ".parts")
    with Store(database) as store:
        model = open_pipeline(settings, camera, store, None, at_once=1).predictor().model
        parts.mkdir(exist_ok=True)
        tasks = [_task(movie, settings, camera, model.sha256, parts) for movie in movies]
        faults = 0
        for task, fault in _done(tasks, settings, camera, address, workers):
            outcome = (
                Outcome(task.movie, None, fault=fault) if fault else merge(task.part, store, camera, settings)
            )
            faults += outcome.fault is not None
            on_outcome(outcome)
    return faults


# ------------------------------------------------------------------------------- the tasks


@dataclass(frozen=True)
class Task:
    """One movie and the file its rows go to."""

    movie: Path
    part: Path


def _task(movie: Path, settings: Settings, camera: CameraSettings, model: str, parts: Path) -> Task:
    """The part's name says what it was made of, so that nothing is taken for something else."""
    movie = movie.absolute()
    try:
        status = movie.stat()
    except OSError as error:
        raise UsageError(f"{movie}: {error.strerror}") from error
    made_of = [str(movie), status.st_size, status.st_mtime_ns, model, __version__, known_migrations()[-1]]
    made_of += [table.model_dump_json() for table in (camera, settings.gate, settings.event)]
    digest = hashlib.sha256(json.dumps(made_of).encode()).hexdigest()[:16]
    return Task(movie, parts / f"{movie.stem}.{digest}.parquet")


def _done(
    tasks: Sequence[Task], settings: Settings, camera: CameraSettings, address: str, workers: int | None
) -> Iterator[tuple[Task, str | None]]:
    """The tasks as they are done, with what went wrong; those done by an earlier run come first."""
    left = {str(task.part): task for task in tasks}
    for name, task in list(left.items()):
        if task.part.exists():
            yield left.pop(name), None
    if not left:
        return
    for task in left.values():
        _tries(task.part).unlink(missing_ok=True)
    with _cluster(address):
        for row in _run(list(left.values()), settings, camera, workers):
            task = left.pop(row["part"])
            yield task, row["fault"] or None
    for task in left.values():
        yield task, f"{task.movie}: Ray lost it; call again"


def _run(
    tasks: Sequence[Task], settings: Settings, camera: CameraSettings, workers: int | None
) -> Iterator[dict[str, str]]:
    ray = _ray()
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    # A movie that cannot be done, whatever it does to its workers, must not end the others.
    context.max_errored_blocks = -1
    cpus = max(1, int(ray.cluster_resources().get("CPU", 1)))
    most = min(len(tasks), workers or cpus)
    items = [{"movie": str(task.movie), "part": str(task.part)} for task in tasks]
    todo = ray.data.from_items(items, override_num_blocks=len(items))
    done = todo.map_batches(
        Worker,
        batch_size=1,
        fn_constructor_args=(settings, camera),
        compute=ray.data.ActorPoolStrategy(
            min_size=1, max_size=most, initial_size=most, max_tasks_in_flight_per_actor=1
        ),
        num_cpus=1,
    )  # a worker that dies is replaced and its movie tried again, without end unless we end it
    yield from done.iter_rows()


@contextmanager
def _cluster(address: str) -> Iterator[None]:
    """A connection to the cluster, unless the caller has one already. Raises AuroradError."""
    ray = _ray()
    if ray.is_initialized():
        yield
        return
    more: dict[str, Any] = {}
    if address == "local":
        more = {"object_store_memory": STORE_MB * 1_000_000, "include_dashboard": False}
    try:
        ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False, **more)
    except (ConnectionError, ValueError, RuntimeError) as error:
        why = " ".join(str(error).split())[:200]
        raise AuroradError(f"no Ray cluster at {address!r}: {why}; use 'local' for this machine") from error
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    try:
        yield
    finally:
        ray.shutdown()


def _ray() -> Any:
    # It reports every use to its makers unless told not to.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # it tells of inner matters on standard error
    try:
        import ray
        import ray.data
    except ImportError:
        raise UsageError(
            "--ray needs Ray, which is not installed: install aurorad[cluster], or leave out --ray"
        ) from None
    return ray


# ------------------------------------------------------------------------------- a worker


class Worker:
    """Lives in a process of Ray's, on one core; keeps its model from movie to movie."""

    def __init__(self, settings: Settings, camera: CameraSettings) -> None:
        # As many workers as cores: threads of one would only take from another.
        os.environ["OPENCV_FFMPEG_THREADS"] = "1"
        model = settings.model.model_copy(update={"threads": 1})
        self._settings = settings.model_copy(update={"model": model})
        self._camera = camera
        self._folder = tempfile.TemporaryDirectory(prefix="aurorad-")
        self._store = Store(Path(self._folder.name) / "one.db")
        self._pipeline = open_pipeline(self._settings, camera, self._store, None, at_once=1)

    def close(self) -> None:
        """Leave nothing behind. Ray's own end of a worker is its process's."""
        self._store.close()
        self._folder.cleanup()

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[str]]:
        """A batch of one movie → its part, and in a line what went wrong (empty: nothing)."""
        movie, part = Path(str(batch["movie"][0])), Path(str(batch["part"][0]))
        if _count_try(part) > TRIES:
            fault = f"{movie}: given up: {TRIES} workers died over it; ingest it alone to see why"
        else:
            fault = self._ingest(movie, part) or ""
        _tries(part).unlink(missing_ok=True)
        return {"part": [str(part)], "fault": [fault]}

    def _ingest(self, movie: Path, part: Path) -> str | None:
        """One movie into its part; what went wrong, where no part could be made."""
        began = time.time()
        try:
            with tempfile.TemporaryDirectory(prefix="aurorad-") as folder, self._fresh(Path(folder)) as store:
                outcome = ingest_movie(movie, self._pipeline, ahead=False)
                if outcome.tally is not None:
                    write_part(part, outcome, store.path, self._camera.name, began)
        except (AuroradError, OSError) as error:
            return f"{movie}: {error}"
        return outcome.fault if outcome.tally is None else None

    @contextmanager
    def _fresh(self, folder: Path) -> Iterator[Store]:
        """An empty record for one movie, so that a movie tried twice is told once."""
        with Store(folder / "movie.db") as store:
            self._pipeline.store = store
            yield store


def _tries(part: Path) -> Path:
    return part.with_name(f".{part.name}.tries")


def _count_try(part: Path) -> int:
    """How many workers have begun this part, this one included; a dead one cannot take its word back."""
    with _tries(part).open("ab") as file:
        file.write(b".")
        return file.tell()


def write_part(part: Path, outcome: Outcome, database: Path, camera: str, began: float) -> None:
    """Write what the database holds of a camera as Parquet, whole or not at all."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    assert outcome.tally is not None
    with Reader(database) as reader:
        rows = reader.between(camera)
        columns = reader.query("SELECT rgb FROM columns WHERE camera = ? ORDER BY observed_at", [camera])
    kept: dict[str, list[Any]] = {c.name: [dict(row)[c.name] for row in rows] for c in _COLUMNS}
    kept["column"] = [column["rgb"] for column in columns]
    about = {
        "movie": str(outcome.movie),
        "camera": camera,
        "undated": outcome.tally.undated,
        "readings": outcome.readings,
        "fault": outcome.fault,
        "worker": os.getpid(),
        "began": began,
        "ended": time.time(),
    }
    table = pa.table(kept, schema=_schema(pa)).replace_schema_metadata({"aurorad": json.dumps(about)})
    with replacing(part, mark=str(os.getpid())) as draft:
        pq.write_table(table, draft, compression="zstd")


def _schema(pa: Any) -> Any:
    """Types by the columns' own, not guessed: a night in which nothing was looked at has columns of nulls alone."""
    types = {float: pa.float64(), int: pa.int64(), bytes: pa.binary()}
    fields = [(column.name, types.get(column.plain, pa.string())) for column in _COLUMNS]
    return pa.schema([*fields, ("column", pa.binary())])


# ------------------------------------------------------------------------------- merging


def read_part(part: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """A part's rows, and what it says of its movie."""
    import pyarrow.parquet as pq

    table = pq.read_table(part)
    return table.to_pylist(), json.loads(table.schema.metadata[b"aurorad"])


def merge(part: Path, store: Store, camera: CameraSettings, settings: Settings) -> Outcome:
    """Take a movie's part into the database. What is there already stays as it is; events are those of all rows by then."""
    rows, about = read_part(part)
    times = [from_utc_text(row["observed_at"]) for row in rows]
    begins, ends = (times[0], times[-1]) if times else (None, None)
    footage = one_line(Path(about["movie"]).name)
    past = RecordedNight.of(store.reader, camera.name, camera.cadence_s, begins, ends, footage)
    tally = Tally(undated=about["undated"])
    with store.batch():
        for at, row in zip(times, rows, strict=True):
            if not past.take(at):
                tally.known += 1
                continue
            night = night_of(at, camera)
            store.record(_observation(row, camera.name, at), night=night, column=row["column"])
            tally.recorded += 1
    night_events.settle(store, camera.name, settings, settings.event.rules(camera.cadence_s), begins, ends)
    return Outcome(Path(about["movie"]), tally, about["readings"], about["fault"])


def _observation(row: dict[str, Any], camera: str, at: datetime) -> Observation:
    sky = SkyState(
        at=at,
        sun_altitude_deg=row["sun_altitude_deg"],
        sun_azimuth_deg=nan,  # the record keeps no azimuths
        moon_altitude_deg=row["moon_altitude_deg"],
        moon_azimuth_deg=nan,
        moon_phase_deg=row["moon_phase_deg"],
        twilight=row["twilight"],
        moonlight=row["moonlight"],
    )
    return Observation(
        camera=camera,
        observed_at=at,
        fetched_at=from_utc_text(row["fetched_at"]),
        verdict=row["verdict"],
        reason=row["reason"],
        sky=sky,
        prediction=_prediction(row) if row["probability"] is not None else None,
        source=row["source"] or "",
        description=described(row),
        **{name: row[name] for name in _SAME},
    )


def _prediction(row: dict[str, Any]) -> Prediction:
    return Prediction(
        logits=np.empty(0, np.float32),  # not kept: the probabilities are
        probability=row["probability"],
        calibrated_probability=row["calibrated_probability"],
        clear_probability=row["clear_probability"],
        heatmap=heatmap_from_bytes(row["heatmap"]),
        model_sha256=row["model_sha256"],
    )
