"""The daemon: wiring, schedule, start, drain, stop.

    run → Service.start → (watch each camera · deliver · night movies · housekeeping) → SIGTERM → stop

One process, one writer to the database, one page. Each camera's look plans its own next one; a look
that raises what nobody foresaw is counted, logged and planned anew, so that no camera stays behind.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from apscheduler.events import (
    EVENT_JOB_ERROR,
    EVENT_JOB_MAX_INSTANCES,
    EVENT_JOB_MISSED,
    JobEvent,
    JobExecutionEvent,
)
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from daemon import memory, systemd
from daemon.alert.conditions import Upkeep
from daemon.alert.delivery import Delivery
from daemon.archive.nightly import Nightly
from daemon.clock import Clock
from daemon.config import CameraSettings, Settings, load, resolve_secret
from daemon.errors import AuroradError, ConfigError, StoreError
from daemon.metrics import Metrics
from daemon.pipeline import Pipeline
from daemon.predictor import Predictor
from daemon.record.picture_files import PictureFolder
from daemon.record.store import Reader, Store
from daemon.source import open_source
from daemon.web.app import create_app
from daemon.web.ports import CameraStatus, WebDeps
from daemon.web.server import Server

log = logging.getLogger("aurorad.service")

DRAIN_S = 8.0
"""Longest a stop may take; systemd and Docker kill after more."""

HOUSEKEEPING_S = 60.0
AGAIN_S = 0.2
"""Until a job is tried again whose last run had not quite ended."""

SIGNAL_LOOK_S = 0.2
"""How often signals are looked for. To wait for them without end can miss one: it wakes nobody where it
comes just before the wait, and an Event set in a handler may be the very one that is being waited for."""

CLOCK_LOOK_S, CLOCK_STEP_S = 2.0, 5.0
"""How often the machine's clock is compared with the time gone by, and what counts as put, not slewed."""

MOST_LOOKS = 32
"""Looks at once. They have threads of their own: what else is to be done waits for none of them, and the
few megabytes that a thread keeps of its first look are kept by no more threads than look."""

GRACE_S = 30
"""A look that could not start in this time (the machine slept) counts as missed, and is planned anew."""


class Service:
    """Everything that runs, and the one place where it is put together."""

    def __init__(
        self, settings: Settings, config_path: Path | None = None, clock: Clock | None = None
    ) -> None:
        self.settings = settings
        self.config_path = config_path
        self.clock = clock or Clock()
        self.metrics = Metrics()
        self.pictures = PictureFolder(settings.daemon.state_dir / "frames")
        self.predictor = Predictor(settings.model)
        self.store = _open_store(settings, self.clock)
        self._undo = contextlib.ExitStack()
        self._undo.callback(self.store.close)
        with contextlib.ExitStack() as on_failure:
            on_failure.callback(self._undo.close)
            self._wire()
            on_failure.pop_all()

    def _wire(self) -> None:
        self._tell_model(self.predictor)
        self._show_model()
        self.upkeep = Upkeep(self.store, self.settings.notify, self.clock)
        for camera in self.settings.camera:
            self.metrics.watching(camera.name, camera.cadence_s)
        for channel in self.settings.notify:
            self.metrics.channel(channel.name)
        self.pipelines = {camera.name: self._pipeline(camera) for camera in self.settings.camera}
        self.nightlies = self._nightlies()
        self.delivery = self._delivery()
        self.scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(8), "looks": ThreadPoolExecutor(MOST_LOOKS)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": GRACE_S},
        )
        self.scheduler.add_listener(self._job_failed, EVENT_JOB_ERROR)
        self.scheduler.add_listener(self._job_skipped, EVENT_JOB_MISSED | EVENT_JOB_MAX_INSTANCES)
        self.page = _Page(create_app(self._web_deps()))
        d = self.settings.daemon
        self.server = Server(self.page, d.host, d.port, certificate=d.tls_certificate, key=d.tls_key)
        self.started_at = self.clock.now()
        self._stopping = threading.Event()
        self._drain: threading.Thread | None = None

    def _pipeline(self, camera: CameraSettings) -> Pipeline:
        self.store.register_camera(camera.name, camera.about())
        return Pipeline(
            camera,
            self.settings,
            store=self.store,
            predictor=lambda: self.predictor,
            metrics=self.metrics,
            pictures=self.pictures if self.settings.daemon.keep_pictures_days else None,
            clock=self.clock,
            source=open_source(camera, self.settings.daemon, clock=self.clock),
            upkeep=self.upkeep,
        )

    def _nightlies(self) -> dict[str, Nightly]:
        return {name: Nightly(p, self.settings, self.upkeep) for name, p in self.pipelines.items()}

    def _delivery(self) -> Delivery:
        return Delivery(self.settings, self.store, self.metrics, self.clock, self.pictures.root, self.upkeep)

    def _web_deps(self) -> WebDeps:
        token = self.settings.daemon.token
        return WebDeps(
            settings=self.settings,
            reader=lambda: Reader(self.store.path),
            labels=self.store,
            status=self,
            registry=self.metrics.registry,
            frames_dir=self.pictures.root,
            skies={name: pipeline.observatory for name, pipeline in self.pipelines.items()},
            clock=self.clock.now,
            clock_rate=self.clock.speed,
            token=resolve_secret(token).get_secret_value() if token else None,
        )

    def _tell_model(self, predictor: Predictor) -> None:
        for model in filter(None, (predictor.model, predictor.shadow)):
            self.store.register_model(model.sha256, model.card.name, model.card.skill)

    def _show_model(self) -> None:
        model = self.predictor.model
        wanted = self.settings.model.device == "cuda"
        self.metrics.model(model.card.name, model.sha256, model.device, gpu_wanted=wanted)

    # ------------------------------------------------------------- start, reload, stop

    def start(self) -> None:
        """Begin to watch; returns at once. The page is up before the first look."""
        self._undo.callback(self.stop)
        self.server.start()
        self.delivery.start()
        self.scheduler.start()
        self._plan_all()
        threading.Thread(target=self._mind_the_clock, name="clock", daemon=True).start()
        systemd.tell("READY=1")
        log.info("watching %s; page at %s", ", ".join(self.pipelines), self.server.url)

    def _plan_all(self) -> None:
        now = self.clock.now()
        for place, name in enumerate(self.pipelines):
            # Spread the first looks: a hundred cameras at once would all be late.
            spread_s = self.pipelines[name].camera.cadence_s * place / len(self.pipelines)
            self._plan(f"watch {name}", partial(self._watch, name), now + timedelta(seconds=spread_s))
            self._plan(f"movie {name}", partial(self._nightly, name), now)
        self.scheduler.add_job(
            self._keep_house,
            "interval",
            seconds=HOUSEKEEPING_S,
            id="housekeeping",
            next_run_time=datetime.now(UTC),
            replace_existing=True,
        )
        interval_s = systemd.watchdog_interval_s()
        if interval_s is not None:
            self.scheduler.add_job(
                self._feed_watchdog, "interval", seconds=interval_s, id="watchdog", replace_existing=True
            )

    def _mind_the_clock(self) -> None:
        """Plan anew when the clock was put: the scheduler waits for a time of day, however far off."""
        before_s = self.clock.offset_s()
        while not self._stopping.wait(CLOCK_LOOK_S):
            step_s = self.clock.offset_s() - before_s
            before_s += step_s
            if abs(step_s) > CLOCK_STEP_S:
                self.metrics.clock_steps.inc()
                log.warning("this machine's clock was put by %+.0f s (or it slept): planning anew", step_s)
                self._plan_all()

    def _plan(self, job: str, work: Callable[[], None], at: datetime) -> None:
        """Run the work once at that instant of our clock."""
        wait_s = max(0.0, self.clock.real_s((at - self.clock.now()).total_seconds()))
        run_at = datetime.now(UTC) + timedelta(seconds=wait_s)
        if not self._stopping.is_set():
            self.scheduler.add_job(
                work,
                "date",
                run_date=run_at,
                id=job,
                name=job,
                replace_existing=True,
                executor="looks" if job.startswith("watch ") else "default",
            )

    def _watch(self, name: str) -> None:
        pipeline = self.pipelines.get(name)
        if pipeline is None:  # a reload has just dropped this camera
            return
        offset_s = self.clock.offset_s()
        following = self.clock.now() + timedelta(seconds=pipeline.camera.cadence_s)
        try:
            following = pipeline.watch()
            self.upkeep.cleared("record", "", "the record can be written again")
            self.upkeep.cleared("look failed", name, f"{name} is looked at again")
        except StoreError as error:
            # Nothing is acknowledged that is not written; the next look tries again.
            self.metrics.store_errors.labels(error.reason).inc()
            log.error("%s: not recorded: %s", name, error)
            with contextlib.suppress(StoreError):
                self.upkeep.raised("record", "", f"the record cannot be written: {error}")
        finally:
            self._plan(f"watch {name}", partial(self._watch, name), self._unless_put(following, offset_s))

    def _nightly(self, name: str) -> None:
        nightly = self.nightlies.get(name)
        if nightly is None:
            return
        offset_s = self.clock.offset_s()
        following = self.clock.now() + timedelta(minutes=10)
        try:
            following = nightly.visit(self.clock.now())
        finally:
            self._plan(f"movie {name}", partial(self._nightly, name), self._unless_put(following, offset_s))

    def _unless_put(self, following: datetime, offset_s: float) -> datetime:
        """The instant, or now where the clock was put since ``offset_s`` was read and it means nothing."""
        put = abs(self.clock.offset_s() - offset_s) > CLOCK_STEP_S
        return self.clock.now() if put else following

    def _job_skipped(self, happened: JobEvent) -> None:
        """The scheduler forgets a job that came too late, or while its last run was just ending."""
        job = str(happened.job_id)
        at = self.clock.now()
        if happened.code == EVENT_JOB_MISSED:
            self.metrics.job_missed.labels(job).inc()
            log.warning("%s: missed its time", job)
        else:
            at += timedelta(seconds=AGAIN_S * self.clock.speed)
        kind, _, name = job.partition(" ")
        if kind in ("watch", "movie") and name in self.pipelines:
            self._plan(job, partial(self._watch if kind == "watch" else self._nightly, name), at)

    def _job_failed(self, happened: JobExecutionEvent) -> None:
        """What no room foresaw: counted and logged whole; the job has planned itself anew."""
        job = str(happened.job_id)
        self.metrics.job_errors.labels(job).inc()
        log.error("%s: failed: %r", job, happened.exception, exc_info=happened.exception)
        if job.startswith("watch "):
            name, kind = job.removeprefix("watch "), type(happened.exception).__name__
            with contextlib.suppress(StoreError):
                self.upkeep.raised(
                    "look failed", name, f"a look at {name} failed ({kind}); the log says more"
                )

    def reload(self) -> None:
        """Read configuration and model again; where they cannot be used, the old ones stay."""
        systemd.tell("RELOADING=1")
        try:
            settings = load(self.config_path)
            if settings.daemon != self.settings.daemon:
                raise ConfigError("[daemon] cannot change while running; restart aurorad")
            predictor = Predictor(settings.model)
            for secret in (settings.daemon.token, *(channel.url for channel in settings.notify)):
                resolve_secret(secret)
            self.upkeep.cleared("reload", "", "the configuration was reloaded")
            self._tell_model(predictor)  # before anything is changed: a record out of order stops it here
        except AuroradError as error:
            log.error("not reloaded, the old configuration stays: %s", error)
            with contextlib.suppress(StoreError):
                self.upkeep.raised("reload", "", f"the configuration was not reloaded: {error}")
            systemd.tell("READY=1")
            return
        self._take_over(settings, predictor)
        systemd.tell("READY=1")
        log.info("reloaded: model %s, cameras %s", self.predictor.model.card.name, ", ".join(self.pipelines))

    def _take_over(self, settings: Settings, predictor: Predictor) -> None:
        self.scheduler.pause()
        try:
            same_watch = settings.model_copy(update={"model": self.settings.model}) == self.settings
            self.settings, self.predictor = settings, predictor
            self._show_model()
            if not same_watch:
                self.scheduler.remove_all_jobs()
                self.delivery.stop(DRAIN_S)
                self.upkeep = Upkeep(self.store, settings.notify, self.clock)
                self.pipelines = {camera.name: self._pipeline(camera) for camera in settings.camera}
                self.nightlies = self._nightlies()
                self.delivery = self._delivery()
                self.delivery.start()
                self.page.app = create_app(self._web_deps())
                self._plan_all()
        finally:
            self.scheduler.resume()

    def stop(self) -> None:
        """Finish the looks in hand, send what is due, close. Twice does no harm."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        systemd.tell("STOPPING=1")
        log.info("stopping")
        if self.scheduler.running:
            self._drain = threading.Thread(target=self.scheduler.shutdown, daemon=True)
            self._drain.start()
            self._drain.join(DRAIN_S / 2)
        self.delivery.stop(DRAIN_S / 4)
        self.server.stop()
        self.store.close()
        log.info("stopped")

    @property
    def drained(self) -> bool:
        """Has all work ended? A look may still hang in its request; the record is closed to it."""
        return self._drain is None or not self._drain.is_alive()

    # ------------------------------------------------------------- housekeeping

    def _keep_house(self) -> None:
        """Disk, old pictures, the outbox: what is not about one frame."""
        free_mb = self.pictures.free_mb()
        low = free_mb < self.settings.daemon.min_free_mb
        self.pictures.allowed = not low
        if low:
            self.upkeep.raised("disk low", "", f"only {free_mb:.0f} MB free: no pictures are kept")
        else:
            self.upkeep.cleared("disk low", "", f"{free_mb:.0f} MB free again: pictures are kept")
        self._judge_device()
        now = self.clock.now()
        if self.settings.daemon.keep_pictures_days:
            oldest = now - timedelta(days=self.settings.daemon.keep_pictures_days)
            self.store.prune_pictures(oldest, self.pictures.remove)
            spared = self.store.labelled_pictures()
            self.pictures.remove_nights((oldest - timedelta(days=1)).date(), spared)
        for row in self.store.expire(now):
            self.metrics.deliveries.labels(row.message.channel, "expired").inc()
            log.warning(
                "%s: given up for %s: undelivered past its time", row.message.event_id, row.message.channel
            )
        self.metrics.pending(self.store.reader.pending(), [c.name for c in self.settings.notify])
        self.metrics.disk_free_bytes.set(free_mb * 1e6)
        self.metrics.operator_conditions.set(len(self.upkeep.conditions))
        memory.give_back()

    def _judge_device(self) -> None:
        model = self.predictor.model
        self._show_model()
        if model.device != "cuda" and model.fallback_reason is not None:
            self.upkeep.raised("model on CPU", "", f"the model runs on the CPU: {model.fallback_reason}")
        else:
            self.upkeep.cleared("model on CPU", "", "the model runs on the GPU again")

    def _feed_watchdog(self) -> None:
        well, why = self.healthy()
        if well:
            systemd.tell("WATCHDOG=1")
        else:
            log.error("not telling systemd that all is well: %s", why)

    # ------------------------------------------------------------- what the page asks

    def camera(self, name: str) -> CameraStatus | None:
        """The live state of one camera; None where it is not watched."""
        pipeline = self.pipelines.get(name)
        if pipeline is None or pipeline.now.gate is None:
            return None
        now = pipeline.now
        return CameraStatus(
            gate=pipeline.now.gate,
            last_fetch_at=now.fetched_at,
            last_frame_at=now.framed_at,
            stale=now.stale,
            gate_until=now.gate_until,
        )

    def healthy(self) -> tuple[bool, str]:
        """Progress, not mere life: every camera has been looked after lately."""
        now = self.clock.now()
        for name, pipeline in self.pipelines.items():
            since = max(pipeline.now.progressed_at or self.started_at, self.started_at)
            limit = pipeline.patience()
            if now - since > limit:
                return False, f"{name}: no progress for {(now - since).total_seconds():.0f} s"
        return True, f"watching {len(self.pipelines)} camera(s)"

    def ready(self) -> tuple[bool, str]:
        """Has every camera been looked at once?"""
        waiting = [name for name, p in self.pipelines.items() if p.now.progressed_at is None]
        if waiting:
            return False, f"not yet looked at: {', '.join(waiting)}"
        return True, f"model {self.predictor.model.card.name} on {self.predictor.model.device}"


class _Page:
    """The application the server serves; a reload puts another in its place."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


def _open_store(settings: Settings, clock: Clock) -> Store:
    folder = settings.daemon.state_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{folder}: cannot be made: {error.strerror}; set [daemon] state_dir") from error
    return Store(settings.daemon.database, now=clock.now)


@contextlib.contextmanager
def serving(
    settings: Settings, config_path: Path | None = None, clock: Clock | None = None
) -> Iterator[Service]:
    """A running service, stopped at the end whatever happens."""
    service = Service(settings, config_path, clock)
    try:
        service.start()
        yield service
    finally:
        service.stop()


def run(settings: Settings, config_path: Path | None, clock: Clock | None = None) -> None:
    """The daemon in the foreground until SIGTERM or SIGINT; SIGHUP reloads."""
    logging.basicConfig(
        level=settings.daemon.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("apscheduler").setLevel(logging.CRITICAL)  # its failures are told in _job_failed
    logging.getLogger("httpx").setLevel(logging.WARNING)
    asked: set[int] = set()
    pause = threading.Event()  # never set
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda number, _frame: asked.add(number))
    with serving(settings, config_path, clock) as service:
        while not asked & {signal.SIGTERM, signal.SIGINT}:
            pause.wait(SIGNAL_LOOK_S)
            if signal.SIGHUP in asked:
                asked.discard(signal.SIGHUP)
                service.reload()
    if not service.drained:  # Python would wait at its exit for a request to end: for a movie's, an hour
        logging.shutdown()
        os._exit(0)
