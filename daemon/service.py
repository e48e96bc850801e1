"""The daemon: wiring, start, reload, stop.

    run → Service.start → (look at each camera · deliver · night movies · housekeeping) → SIGTERM → stop

One process, one writer to the database, one page. When things are done is :mod:`daemon.schedule`'s.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from daemon import health, memory, preflight, systemd, uptime
from daemon.alert.broker import Broker
from daemon.alert.conditions import Conditions
from daemon.alert.delivery import Delivery
from daemon.alert.direct import Direct
from daemon.alert.push import Push
from daemon.archive.nightly import Nightly
from daemon.clock import Clock
from daemon.config import CameraSettings, Settings, load, resolve_secret
from daemon.errors import AuroradError, ConfigError, StoreError
from daemon.housekeeping import EVERY_S, Housekeeping, end_unwatched, introduce
from daemon.keepsakes import Keepsakes
from daemon.live import LiveWatch
from daemon.live_status import LiveStatus
from daemon.metrics import Metrics
from daemon.one_look import OneLook
from daemon.pipeline import Pipeline
from daemon.predictor import Predictor
from daemon.record import recent
from daemon.record.picture_files import PictureFolder
from daemon.record.store import Reader, open_store
from daemon.schedule import Schedule
from daemon.source import open_source
from daemon.spaceweather.visits import Visits, visits_of
from daemon.subscribers import Subscribers
from daemon.web.app import create_app
from daemon.web.ports import Ports
from daemon.web.server import Page, Server

log = logging.getLogger("aurorad.service")

DRAIN_S = 8.0
"""Longest a stop may take; systemd and Docker kill after more."""

RELOAD_DRAIN_S = 2.0
"""Longest a reload waits for deliveries under way. They go on by themselves, and a stop may come meanwhile."""

NIGHTLY_FALLBACK = timedelta(minutes=10)
KEEPSAKES_AFTER = timedelta(minutes=10)
"""First the watch, then its souvenirs."""


@dataclass(frozen=True)
class _Built:
    """All that follows from one configuration and its model."""

    settings: Settings
    predictor: Predictor
    direct: Direct
    watches: dict[str, LiveWatch]
    nightlies: dict[str, Nightly]
    delivery: Delivery
    broker: Broker | None
    housekeeping: Housekeeping
    space_weather: Visits | None
    app: Any


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
        predictor = preflight.check(settings, config_path)
        d = settings.daemon
        self.store = open_store(d.state_dir, d.database, self.clock.now, systemd.starts_slowly)
        self._undo = contextlib.ExitStack()
        self._undo.callback(self.store.close)
        with contextlib.ExitStack() as on_failure:
            on_failure.callback(self._undo.close)
            self._wire(predictor)
            on_failure.pop_all()

    def _wire(self, predictor: Predictor) -> None:
        self.schedule = Schedule(self.clock, self.metrics, self._job_failed)
        self.watches: dict[str, LiveWatch] = {}
        self.subscribers = Subscribers.kept_in(self.settings.daemon.state_dir)
        self.conditions = Conditions(self.store, (), self.clock)
        self.keepsakes = Keepsakes(self.settings, self.store, self.pictures.root, self.clock)
        built = self._build(self.settings, predictor)
        introduce(self.store, built.settings, built.predictor)
        end_unwatched(self.store, built.settings)
        self._use(built)
        self.page = Page(built.app)
        d = self.settings.daemon
        self.server = Server(self.page, d.host, d.port, certificate=d.tls_certificate, key=d.tls_key)
        self.started_at = self.clock.now()
        self._stopping = threading.Event()

    def _build(self, settings: Settings, predictor: Predictor) -> _Built:
        """All that follows from a configuration, whole and not yet at work. What cannot be used raises here."""
        conditions = self.conditions
        push = Push(settings, self.store, self.clock, self.subscribers)
        watches = {camera.name: self._watch(camera, settings, conditions, push) for camera in settings.camera}
        broker = self._broker(settings, conditions)
        return _Built(
            settings=settings,
            predictor=predictor,
            direct=Direct(settings.notify, self.clock, self.metrics),
            watches=watches,
            nightlies={name: Nightly(w.pipeline, settings, conditions) for name, w in watches.items()},
            delivery=Delivery(
                settings,
                self.store,
                self.metrics,
                self.clock,
                self.pictures.root,
                conditions,
                [push, broker] if broker else [push],
            ),
            broker=broker,
            housekeeping=self._housekeeping(settings, conditions),
            space_weather=visits_of(settings, self.store.space, self.metrics, self.clock),
            app=create_app(self._web_ports(settings, watches, push)),
        )

    def _broker(self, settings: Settings, conditions: Conditions) -> Broker | None:
        if settings.mqtt is None:
            return None
        frames = self.pictures.root
        return Broker(settings, settings.mqtt, self.store, self.camera, frames, self.clock, conditions)

    def _housekeeping(self, settings: Settings, conditions: Conditions) -> Housekeeping:
        return Housekeeping(
            settings,
            store=self.store,
            pictures=self.pictures,
            metrics=self.metrics,
            conditions=conditions,
            predictor=lambda: self.predictor,
            clock=self.clock,
        )

    def _watch(
        self, camera: CameraSettings, settings: Settings, conditions: Conditions, push: Push
    ) -> LiveWatch:
        pipeline = Pipeline(
            camera,
            settings,
            store=self.store,
            predictor=lambda: self.predictor,
            metrics=self.metrics,
            pictures=self.pictures if settings.daemon.keep_pictures_days else None,
            clock=self.clock,
            listeners=push.channels,
        )
        source = open_source(camera, settings.daemon, clock=self.clock)
        return LiveWatch(pipeline, source, conditions)

    def _use(self, built: _Built) -> None:
        """From here on this is what runs."""
        for name in self.watches.keys() - built.watches.keys():
            self.metrics.unwatched(name)
        self.settings, self.predictor = built.settings, built.predictor
        self.conditions.use(
            self.settings.notify,
            timedelta(minutes=self.settings.daemon.hold_min),
            built.direct,
            cameras=built.watches.keys(),
            senders={*(channel.name for channel in self.settings.channels), Push.name},
        )
        self.watches, self.nightlies = built.watches, built.nightlies
        self.space_weather = built.space_weather
        self.delivery, self.housekeeping = built.delivery, built.housekeeping
        self.broker = built.broker
        self.keepsakes.settings = built.settings
        for camera in built.settings.camera:
            self.metrics.watching(camera.name, camera.cadence_s)
        for channel in built.settings.channels:
            self.metrics.channel(channel.name)
        self.housekeeping.show_model()

    def _web_ports(self, settings: Settings, watches: dict[str, LiveWatch], push: Push) -> Ports:
        token = settings.daemon.token
        return Ports(
            settings=settings,
            reader=lambda: Reader(self.store.path),
            labels=self.store,
            status=self,
            registry=self.metrics.registry,
            frames_dir=self.pictures.root,
            skies={name: watch.pipeline.observatory for name, watch in watches.items()},
            classify=OneLook({name: watch.pipeline for name, watch in watches.items()}, self.clock),
            push=push,
            turned=lambda name: watches[name].pipeline.camera.orientation if name in watches else None,
            clock=self.clock.now,
            clock_rate=self.clock.speed,
            replays=self.clock.replays,
            token=resolve_secret(token).get_secret_value() if token else None,
        )

    # ------------------------------------------------------------- start, reload, stop

    def start(self) -> None:
        """Begin to watch; returns at once. The page is up before the first look."""
        self._undo.callback(self.stop)
        self.server.start()
        self._start_sending()
        self.schedule.start()
        self._plan_all()
        systemd.tell("READY=1\nSTATUS=")
        log.info("watching %s; page at %s", ", ".join(self.watches), self.server.url)

    def _start_sending(self) -> None:
        self.delivery.start()
        if self.broker is not None:
            self.broker.start()

    def _stop_sending(self, timeout_s: float) -> None:
        self.delivery.stop(timeout_s)
        if self.broker is not None:
            self.broker.stop(timeout_s)

    def _stop_filling(self) -> None:
        for nightly in self.nightlies.values():
            nightly.stop()

    def _plan_all(self) -> None:
        for place, (name, watch) in enumerate(self.watches.items()):
            cadence = timedelta(seconds=watch.pipeline.camera.cadence_s)
            # Spread the first looks: a hundred cameras at once would all be late.
            delay = cadence * place / len(self.watches)
            self.schedule.repeat(
                f"watch {name}", partial(self._look, name, watch), fallback=cadence, delay=delay, looks=True
            )
            self.schedule.repeat(
                f"movie {name}", partial(self._visit, self.nightlies[name]), fallback=NIGHTLY_FALLBACK
            )
        if self.space_weather is not None:
            self.schedule.repeat("space weather", self.space_weather.visit, fallback=NIGHTLY_FALLBACK)
        self.schedule.repeat(
            "timelapse", self.keepsakes.visit, fallback=NIGHTLY_FALLBACK, delay=KEEPSAKES_AFTER
        )
        self.schedule.every("housekeeping", self._keep_house, EVERY_S)
        self.schedule.every("uptime", self._say_uptime, uptime.EVERY_S, at_once=False)
        interval_s = systemd.watchdog_interval_s()
        if interval_s is not None:
            self.schedule.every("watchdog", self._feed_watchdog, interval_s, at_once=False)

    def _look(self, name: str, watch: LiveWatch) -> datetime:
        following = self.clock.now() + timedelta(seconds=watch.pipeline.camera.cadence_s)
        before = watch.pipeline.rows
        try:
            following = watch.look()
            # A look without news proves nothing, nor do a condition's few bytes.
            if watch.pipeline.rows > before:
                self.conditions.end("record", "", "the record can be written again")
            self.conditions.end("look failed", name, f"{name} is watched again")
        except StoreError as error:
            # Nothing is acknowledged that is not written; the next look tries again.
            log.error("%s: not recorded: %s", name, error)
            self.housekeeping.not_recorded(error)
        return following

    def _visit(self, nightly: Nightly) -> datetime:
        return nightly.visit(self.clock.now())

    def _keep_house(self) -> None:
        self.housekeeping.run()

    def _say_uptime(self) -> None:
        """A line in the log each hour: a healthy watch is not silent, and its log shows since when one is."""
        now = self.clock.now()
        parts = []
        for name, watch in self.watches.items():
            counted = recent.verdicts(self.store.reader, name, now - timedelta(hours=1), now)
            looks = sum(n for verdict, n in counted.items() if verdict not in ("stale", "not looked"))
            parts.append(uptime.camera_part(name, watch.status, looks, counted.get("aurora", 0)))
        log.info(uptime.uptime_line(now - self.started_at, parts))

    def _job_failed(self, job: str, error: BaseException | None) -> None:
        kind, _, name = job.partition(" ")
        if kind == "watch":
            with contextlib.suppress(StoreError):
                self.conditions.begin(
                    "look failed",
                    name,
                    f"a look at {name} failed ({type(error).__name__}); the log says more",
                )

    def reload(self) -> None:
        """Read configuration and model again; where they cannot be used, all of the old ones stay."""
        systemd.tell("RELOADING=1")
        try:
            settings = load(self.config_path, watching=self.config_path is not None)
            if settings.daemon != self.settings.daemon:
                raise ConfigError("[daemon] cannot change while running; restart aurorad")
            self._take_over(settings, preflight.check(settings, self.config_path))
        except AuroradError as error:
            self._not_reloaded(error.lines)
        except Exception as error:  # what nobody foresaw in a file must not end the watch that goes on
            log.exception("the configuration led to an error in aurorad")
            self._not_reloaded(
                (f"it led to an error in aurorad ({type(error).__name__}); report the log's lines",)
            )
        else:
            model = self.predictor.model.card.name
            log.info("reloaded: model %s, cameras %s", model, ", ".join(self.watches))
            with contextlib.suppress(StoreError):
                self.conditions.end("reload", "", "the configuration was reloaded", at_once=True)
        systemd.tell("READY=1")

    def _not_reloaded(self, faults: Sequence[str]) -> None:
        log.error("not reloaded, the old configuration stays: %s", "; ".join(faults))
        more = f" (and {len(faults) - 1} more faults, in the log)" if len(faults) > 1 else ""
        with contextlib.suppress(StoreError):
            self.conditions.begin("reload", "", f"the configuration was not reloaded: {faults[0]}{more}")

    def _take_over(self, settings: Settings, predictor: Predictor) -> None:
        """The new watch in place of the old one, which is let go only when the new one is whole."""
        same_watch = settings.model_copy(update={"model": self.settings.model}) == self.settings
        self.schedule.pause()
        try:
            built = None if same_watch else self._build(settings, predictor)
            introduce(self.store, settings, predictor)
            if built is None:  # only the model is another: the watch stays, with what it knows of the feed
                self.settings, self.predictor = settings, predictor
                self.housekeeping = self._housekeeping(settings, self.conditions)
                self.housekeeping.show_model()
            else:
                self._swap(built)
        finally:
            self.schedule.resume()

    def _swap(self, built: _Built) -> None:
        before = list(self.watches.values())
        try:
            for watch in before:
                watch.retire()
            end_unwatched(self.store, built.settings)
            for name, watch in built.watches.items():
                watch.recall()
                if name in self.watches:
                    watch.go_on_from(self.watches[name])
        except StoreError:
            for watch in before:
                watch.retire(False)
            raise
        self.schedule.clear()
        self._stop_filling()
        self._stop_sending(RELOAD_DRAIN_S)
        self._use(built)
        self.page.app = built.app
        self._plan_all()
        self._start_sending()

    def stop(self) -> None:
        """Finish the looks in hand, send what is due, close. Twice does no harm."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        systemd.tell("STOPPING=1")
        log.info("stopping")
        self._stop_filling()
        self.schedule.stop(DRAIN_S / 2)
        self._stop_sending(DRAIN_S / 8)
        self.keepsakes.stop(DRAIN_S / 8)
        self.server.stop()
        self.store.close()
        log.info("stopped")

    @property
    def drained(self) -> bool:
        """Has all work ended? A look may still hang in its request; the record is closed to it."""
        return self.schedule.drained and self.keepsakes.drained

    def _feed_watchdog(self) -> None:
        well, why = health.alive(self.watches, self.clock.now(), in_place=self.store.in_place)
        if well:
            systemd.tell("WATCHDOG=1")
        else:
            log.error("not telling systemd that all is well: %s", why)

    # ------------------------------------------------------------- what the page asks

    def camera(self, name: str) -> LiveStatus | None:
        """The live state of one camera; None where it is not watched, or was not yet looked at."""
        watch = self.watches.get(name)
        return watch.status if watch is not None and watch.status.progressed_at is not None else None

    def healthy(self) -> tuple[bool, str]:
        """Progress, not mere life: every camera has been looked after lately, and that is on record."""
        return health.healthy(self.watches, self.clock.now(), in_place=self.store.in_place)

    def ready(self) -> tuple[bool, str]:
        """Has every camera been looked at once?"""
        return health.ready(self.watches, self.predictor, in_place=self.store.in_place)


@contextlib.contextmanager
def serving(settings: Settings, path: Path | None = None, clock: Clock | None = None) -> Iterator[Service]:
    """A running service, stopped at the end whatever happens."""
    memory.give_back()
    service = Service(settings, path, clock)
    try:
        service.start()
        yield service
    finally:
        service.stop()
