"""Disk, old pictures, the outbox, memory: what is not about one frame, once a minute."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from daemon import event, memory
from daemon.alert.conditions import Conditions
from daemon.clock import Clock
from daemon.config import Settings
from daemon.errors import StoreError
from daemon.metrics import Metrics
from daemon.observation import utc_text
from daemon.predictor import Predictor
from daemon.record.picture_files import PictureFolder
from daemon.record.store import Store

log = logging.getLogger("aurorad.housekeeping")

EVERY_S = 60.0


class Housekeeping:
    """Keeps the state folder and the operator's view of it in order."""

    def __init__(
        self,
        settings: Settings,
        *,
        store: Store,
        pictures: PictureFolder,
        metrics: Metrics,
        conditions: Conditions,
        predictor: Callable[[], Predictor],
        clock: Clock,
    ) -> None:
        self.settings = settings
        self.store = store
        self.pictures = pictures
        self.metrics = metrics
        self.conditions = conditions
        self.predictor = predictor
        self.clock = clock

    def run(self) -> None:
        """Do it all once. Raises StoreError."""
        try:
            self._run()
        except StoreError as error:
            self.not_recorded(error)
            raise

    def not_recorded(self, error: StoreError) -> None:
        """Count what could not be written, and tell the operator.

        Where the database was replaced or removed, go on with the one that is at its path by now.
        """
        self.metrics.store_errors.labels(error.reason).inc()
        self._tell(error)
        if self.store.in_place:
            return
        try:
            self.store.reopen()
            introduce(self.store, self.settings, self.predictor())
        except StoreError as again:
            log.error("the record cannot be opened anew: %s", again)
            return
        log.warning("%s: the record was opened anew", self.store.path)

    def _tell(self, error: StoreError) -> None:
        """The one message that is sent before it is recorded: the record may never be written again."""
        with contextlib.suppress(StoreError):
            self.conditions.begin("record", "", f"the record cannot be written: {error}", directly=True)

    def _run(self) -> None:
        now = self.clock.now()
        self._check_disk()
        self._check_pictures()
        self._check_device()
        self._prune_pictures(now)
        self._expire_messages(now)
        self.conditions.settle()
        self.metrics.operator_conditions.set(len(self.conditions.open))
        memory.trim()

    def _check_disk(self) -> None:
        free_mb = self.pictures.free_mb()
        low = free_mb < self.settings.daemon.min_free_mb
        self.pictures.allowed = not low
        self.metrics.disk_free_bytes.set(free_mb * 1e6)
        if low:
            self.conditions.begin("disk low", "", f"only {free_mb:.0f} MB free: no pictures are kept")
        else:
            self.conditions.end("disk low", "", f"{free_mb:.0f} MB free again: pictures are kept")

    def _check_pictures(self) -> None:
        """What could not be kept since the last time is counted; that it cannot be is told once."""
        for reason, lost in self.pictures.lost().items():
            self.metrics.pictures_lost.labels(reason).inc(lost)
        fault = self.pictures.fault
        if fault and self.pictures.allowed:
            self.conditions.begin("pictures lost", "", f"pictures cannot be kept: {fault}")
        elif fault == "":
            self.conditions.end("pictures lost", "", "pictures are kept again")

    def show_model(self) -> None:
        """Which model looks from now on, and where it runs, on the metrics page."""
        model = self.predictor().model
        wanted = self.settings.model.device == "cuda"
        self.metrics.model(model.card.name, model.sha256, model.device, gpu_wanted=wanted)

    def _check_device(self) -> None:
        self.show_model()
        model = self.predictor().model
        if model.device != "cuda" and model.fallback_reason is not None:
            self.conditions.begin("model on CPU", "", f"the model runs on the CPU: {model.fallback_reason}")
        else:
            self.conditions.end("model on CPU", "", "the model runs on the GPU again")

    def _prune_pictures(self, now: datetime) -> None:
        """Counted from the newest picture: a clock that was put to a wrong year must not take them all."""
        newest = self.store.reader.newest_picture_at()
        if not self.settings.daemon.keep_pictures_days or newest is None:
            return
        oldest = min(now, newest) - timedelta(days=self.settings.daemon.keep_pictures_days)
        forgotten = self.store.prune_pictures(oldest, self.pictures.remove)
        if forgotten:
            log.info("%d pictures from before %s were deleted", forgotten, utc_text(oldest))
        spared = self.store.labelled_pictures()
        self.pictures.remove_nights((oldest - timedelta(days=1)).date(), spared)

    def _expire_messages(self, now: datetime) -> None:
        for row in self.store.expire(now):
            self.metrics.deliveries.labels(row.message.channel, "expired").inc()
            log.warning(
                "%s: given up for %s: undelivered past its time", row.message.event_id, row.message.channel
            )
        self.metrics.pending(self.store.reader.pending(), [c.name for c in self.settings.channels])


def introduce(store: Store, settings: Settings, predictor: Predictor) -> None:
    """Models and cameras into the record, together. Raises StoreError; then nothing has changed."""
    with store.batch():
        for model in filter(None, (predictor.model, predictor.shadow)):
            store.register_model(model.sha256, model.card.name, model.card.skill)
        for camera in settings.camera:
            store.progress.register_camera(camera.about())


def end_unwatched(store: Store, settings: Settings) -> None:
    """An event of a camera that the configuration names no more is over with its last frame. Raises StoreError."""
    watched = {camera.name for camera in settings.camera}
    with store.batch():
        for name in store.progress.cameras_of_events():
            if name in watched:
                continue
            try:
                state = store.progress.event_state(name)
            except StoreError as error:
                if error.reason != "damaged":
                    raise
                log.warning(
                    "%s", error
                )  # of a camera that nobody watches it keeps no other from being watched
                continue
            rules = settings.event.rules(settings.camera[0].cadence_s)
            state, over = event.break_off(state, name, rules, "the camera is no longer watched")
            for change in over:
                store.put_event(change.event)
                store.progress.put_event_state(name, state)
                log.info("%s: over of %s: the camera is no longer watched", name, change.event.id)
