"""One frame's whole way, in order. The page to read first.

    source → frame → clock → sky → gate → predict (+ map) → observe → event → outbox → notify

A live still and a movie's frames come in by different doors (:meth:`Pipeline.watch`,
:meth:`Pipeline.ingest`) and from :meth:`Pipeline.follow` on go the same way through the same
functions. What decides is pure and lives in rooms of its own (gate, event, overlay, freshness);
this page says in which order, and what a failure means:

* footage that cannot be used is counted, logged and left out; the night goes on;
* a feed that stands still gives ``stale`` rows, no aurora alerts, and one word to the operator;
* a row, its event's change and its messages are written together or not at all.

Delivery comes after, in :mod:`daemon.alert.delivery`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby, islice

from daemon import event
from daemon.alert.conditions import Upkeep
from daemon.alert.message import compose
from daemon.archive.recorded_night import Known, Past
from daemon.clock import Clock
from daemon.config import CameraSettings, Settings
from daemon.errors import FootageError, ModelError
from daemon.footage.frame import from_still, keogram_column
from daemon.footage.movie import DatedMovie
from daemon.footage.still_clock import StillClock
from daemon.gate import gate
from daemon.metrics import Metrics
from daemon.observation import (
    EventChange,
    Frame,
    Gate,
    Message,
    Observation,
    Picture,
    Prediction,
    SkyState,
    Verdict,
    night_of,
    utc_text,
)
from daemon.predictor import Predictor
from daemon.record.picture_files import PictureFolder
from daemon.record.store import Store
from daemon.sky import geometry
from daemon.sky.ephemeris import Observatory
from daemon.source import LiveSource, Still
from daemon.source.freshness import Freshness
from daemon.verdict import judge
from models import colour

log = logging.getLogger("aurorad.pipeline")

ALERT_WITHIN = timedelta(minutes=15)
"""Older news is history, not an alert: the night movie fills the record and wakes nobody."""

REST = timedelta(minutes=10)
"""Longest sleep while the gate is shut, so that the page's word on it stays true."""

PAUSE_AFTER, PAUSE = timedelta(hours=24), timedelta(minutes=30)
"""A feed that has stood still for a day (AuroraMAX from May to August) is asked this seldom."""

BATCH = 16
"""Frames of a movie predicted together; more gains nothing on two cores."""


@dataclass
class Now:
    """What the page and the health check ask about a camera at this moment."""

    fetched_at: datetime | None = None
    framed_at: datetime | None = None
    progressed_at: datetime | None = None
    stale: str | None = None
    stale_since: datetime | None = None
    gate: Gate | None = None
    gate_until: datetime | None = None


@dataclass
class Tally:
    """What became of a movie's sampled frames."""

    recorded: int = 0
    known: int = 0
    undated: int = 0


class Pipeline:
    """The way of one camera's footage into the record. One thread at a time."""

    def __init__(
        self,
        camera: CameraSettings,
        settings: Settings,
        *,
        store: Store,
        predictor: Callable[[], Predictor],
        metrics: Metrics,
        pictures: PictureFolder | None = None,
        clock: Clock | None = None,
        source: LiveSource | None = None,
        upkeep: Upkeep | None = None,
    ) -> None:
        self.settings = settings
        self.camera_settings = camera
        self.camera = camera.camera()
        self.store = store
        self.predictor = predictor
        self.metrics = metrics
        self.pictures = pictures
        self.clock = clock or Clock()
        self.source = source
        self.upkeep = upkeep
        self.observatory = Observatory(camera.latitude_deg, camera.longitude_deg, camera.elevation_m)
        self.freshness = Freshness(camera.cadence_s, camera.source.stale_after_s)
        self.still_clock = StillClock(self.camera, camera.source, self._count_reading)
        self.rules = _rules(settings, camera)
        self.now = Now()
        self._began = self.clock.now()
        self._live_memory = event.Memory.from_dict(store.memory(camera.name))

    @property
    def _north_deg(self) -> float:
        return self.camera.orientation.north_deg if self.camera.orientation else 0.0

    def _count_reading(self, read: bool) -> None:
        self.metrics.ocr_readings.labels(self.camera.name, "read" if read else "failed").inc()

    def _rests_for_the_summer(self, now: datetime) -> bool:
        return self.now.stale is not None and now - (self.now.framed_at or self._began) > PAUSE_AFTER

    def patience(self) -> timedelta:
        """Longest time without progress that is no sign of trouble."""
        if self.now.gate is not None and not self.now.gate.look:
            return REST + timedelta(minutes=2)
        s = self.camera_settings
        slow = timedelta(seconds=3 * s.cadence_s + 2 * s.source.timeout_s)
        return PAUSE + slow if self._rests_for_the_summer(self.clock.now()) else slow

    # ------------------------------------------------------------- the live door

    def watch(self) -> datetime:
        """Look at the live feed once; returns when to look next.

        This is where a failure of the footage ends: counted, logged, told where it lasts.
        """
        assert self.source is not None
        now = self.clock.now()
        self.now.progressed_at = now
        sky = self.observatory.state(now)
        self.metrics.sky(self.camera.name, sky)
        self.now.gate = self._gate(sky)
        self.metrics.looking.labels(self.camera.name).set(self.now.gate.look)
        if not self.now.gate.look:
            return self._rest(now)
        self.now.gate_until = None
        before, fault = self._live_memory, None
        try:
            still = self.source.latest()
            if still is not None:
                self._take(still)
        except FootageError as error:
            fault = error
            self.metrics.rejected(self.camera.name, error.reason)
            log.warning("%s: %s", self.camera.name, error)
        self._mind_the_feed(self.clock.now(), fault, sky)
        self.now.progressed_at = self.clock.now()
        return self._next_look(now, news=self._live_memory is not before)

    def _take(self, still: Still) -> None:
        """A still → a dated frame → its way, unless it is no news."""
        self.now.fetched_at = still.fetched_at
        self.metrics.fetched(self.camera.name, still.elapsed_s)
        frame = from_still(still, self.camera, self.camera_settings.source.max_pixels)
        old = self.freshness.check(still, frame)
        if old is None:
            frame = self.still_clock.date(frame, still.name)
            old = self.freshness.check_time(frame)
        if old is not None:
            self.metrics.skipped(self.camera.name, old)
            return
        self.now.framed_at = self.clock.now()
        self._live_memory = self.follow([frame], self._live_memory, live=True)

    def _mind_the_feed(self, now: datetime, fault: FootageError | None, sky: SkyState) -> None:
        """Does the feed stand still? Then say so in a row, on the page and, once, to the operator."""
        name = self.camera.name
        reason = self.freshness.stale(now)
        if reason is not None and fault is not None:
            reason = fault.reason
        self.now.stale = reason
        self.metrics.feed(name, reason is not None, self.now.framed_at, now)
        if reason is None:
            self.now.stale_since = None
            if self.upkeep:
                self.upkeep.cleared("feed stale", name, f"the feed of {name} is back")
            return
        self.now.stale_since = self.now.stale_since or now
        row = self._observation(utc_second(now), now, sky, Gate(False, False, reason), None, "stale", reason)
        self._write(row, None, self._live_memory, live=True)
        # Before dark the feed may still show the morning's last picture: no reason to call anyone.
        if self.upkeep and sky.sun_altitude_deg <= self.settings.gate.alert_below_deg:
            since = self.now.framed_at or self.now.stale_since
            self.upkeep.raised(
                "feed stale",
                name,
                f"the feed of {name} stands still ({reason}); nothing new since {utc_text(since)}",
            )

    def _rest(self, now: datetime) -> datetime:
        """The gate is shut: no request; the spell, where there was one, ends with the night."""
        assert self.now.gate is not None
        self.now.stale = self.now.stale_since = None
        self.metrics.feed(self.camera.name, False, self.now.framed_at, now)
        if self.now.gate_until is None or now >= self.now.gate_until:
            opens = self.observatory.next_crossing(now, self.settings.gate.look_below_deg, rising=False)
            if self.now.gate_until is None:
                log.info("%s: not looking: %s", self.camera.name, self.now.gate.reason)
                row = self._observation(
                    utc_second(now), now, self.observatory.state(now), self.now.gate, None,
                    "not looked", self.now.gate.reason,
                )  # fmt: skip
                memory, changes = event.step(
                    self._live_memory,
                    self.camera.name,
                    row.observed_at,
                    None,
                    1.0,
                    False,
                    self.rules,
                    daylight=True,
                )
                # The daylight is our own clock's. Were that put forward by mistake, the frames of the
                # camera's clock would count as old until it had caught up.
                memory = replace(memory, last_at=self._live_memory.last_at)
                self._write(row, None, memory, live=True, changes=changes)
                self._live_memory = memory
            self.now.gate_until = opens
        wake = now + REST
        return min(wake, self.now.gate_until) if self.now.gate_until else wake

    def _next_look(self, now: datetime, *, news: bool) -> datetime:
        """One cadence on, sooner at the first sign of a spell, seldom where the feed rests for the summer.

        Never before the source may be asked again.
        """
        assert self.source is not None
        wait = self.rules.until_next(self._live_memory) if news else self.rules.cadence
        soon = wait < self.rules.cadence
        if self._rests_for_the_summer(now):
            wait = max(PAUSE, wait)
        return self.source.next_request(now + wait, soon=soon)

    # ------------------------------------------------------------- the archive door

    def ingest(self, movie: DatedMovie) -> Tally:
        """Take a dated movie into the record: what is there already stays as it is.

        Frames go in order of time, so that a run cut short leaves a beginning; the next run leads
        its memory along the rows of that beginning and goes on as if nothing had happened.
        """
        same = timedelta(seconds=self.camera.cadence_s / 2 - 1)
        past = Past.of(self.store.reader, self.camera.name, movie.begins, movie.ends, same)
        tally = Tally(undated=movie.undated)
        memory = event.Memory()
        everything = movie.frames()
        while batch := list(islice(everything, BATCH)):
            for row, group in groupby(batch, key=past.row_of):
                if row is None:
                    new = list(group)
                    memory = self.follow(new, memory, live=False, past=past)
                    tally.recorded += len(new)
                else:
                    memory = self._retrace(row, memory, past)
                    tally.known += 1
        self._end_with_the_footage(memory, past)
        return tally

    def _end_with_the_footage(self, memory: event.Memory, past: Past) -> None:
        """A spell that outlasts its movie is over where the movie is: nothing more is known of it."""
        if memory.event is None or memory.last_at is None:
            return
        after = memory.last_at + timedelta(seconds=1)
        _, changes = event.step(memory, self.camera.name, after, None, 1.0, False, self.rules, daylight=True)
        for change in past.own(changes, self.rules.dwell):
            self.store.put_event(replace(change.event, ended_reason="the footage ends"))

    def _retrace(self, row: Known, memory: event.Memory, past: Past) -> event.Memory:
        """Lead the memory along a row that is there, deciding again what was decided on it."""
        limits = self.settings.gate
        memory, changes = event.step(
            memory,
            self.camera.name,
            row.observed_at,
            row.probability if row.sun_altitude_deg <= limits.alert_below_deg else None,
            row.threshold,
            row.verdict == "aurora" and row.cover >= self.settings.event.strong,
            self.rules,
            daylight=row.sun_altitude_deg > limits.look_below_deg,
        )
        for change in past.own(changes, self.rules.dwell):
            self.store.put_event(change.event)
        return memory

    # ------------------------------------------------------------- the common way

    def follow(
        self, batch: Sequence[Frame], memory: event.Memory, *, live: bool, past: Past | None = None
    ) -> event.Memory:
        """Dated frames, oldest first: sky → gate → predict → observe → event → record.

        ``past`` holds what the record already says of an archived night, its spells among it.
        """
        skies = self.observatory.states([f.observed_at for f in batch if f.observed_at])
        gates = [self._gate(sky) for sky in skies]
        predictions = self._predict(batch, gates)
        with self.store.batch():  # what takes long is done; others may write meanwhile
            for frame, sky, may, (prediction, shadow) in zip(batch, skies, gates, predictions, strict=True):
                observation, strong = self._observe(frame, sky, may, prediction, shadow)
                memory, changes = event.step(
                    memory,
                    self.camera.name,
                    observation.observed_at,
                    prediction.calibrated_probability if prediction and may.alert else None,
                    observation.threshold if observation.threshold is not None else 1.0,
                    strong,
                    self.rules,
                    daylight=not may.look,
                )
                if past is not None:
                    changes = list(past.own(changes, self.rules.dwell))
                self._write(observation, frame, memory, live=live, changes=changes)
        return memory

    def _gate(self, sky: SkyState) -> Gate:
        return gate(sky, self.settings.gate.look_below_deg, self.settings.gate.alert_below_deg)

    def _predict(
        self, batch: Sequence[Frame], gates: Sequence[Gate]
    ) -> Iterator[tuple[Prediction | None, float | None]]:
        """A prediction for each frame that may be looked at, None for the others."""
        looked = [frame.square for frame, may in zip(batch, gates, strict=True) if may.look]
        began = time.perf_counter()
        predictor = self.predictor()
        said = iter(predictor.predict(looked))
        if looked:
            self.metrics.predicted(self.camera.name, (time.perf_counter() - began) / len(looked))
        shadow = iter(self._ask_the_shadow(predictor, looked) or [None] * len(looked))
        return iter([(next(said), next(shadow)) if may.look else (None, None) for may in gates])

    def _ask_the_shadow(
        self, predictor: Predictor, looked: Sequence[Picture]
    ) -> Sequence[float | None] | None:
        """What the candidate says; one that fails costs its own figure, not the night."""
        try:
            return predictor.predict_shadow(looked)
        except ModelError as error:
            self.metrics.job_errors.labels("shadow").inc()
            log.error("the candidate in the shadow failed: %s", error)
            return None

    def _observe(
        self, frame: Frame, sky: SkyState, may: Gate, prediction: Prediction | None, shadow: float | None
    ) -> tuple[Observation, bool]:
        """What is to be written of this frame, and whether it shows local breakup."""
        assert frame.observed_at is not None
        at = frame.observed_at
        if prediction is None:
            return self._observation(
                at, frame.fetched_at, sky, may, None, "not looked", may.reason, frame
            ), False
        threshold = self.predictor().threshold(sky)
        verdict, reason = judge(prediction, threshold)
        index = colour.colour_index(frame.square)
        azimuth_deg, elevation_deg = geometry.heatmap_direction(prediction.heatmap, self.camera.orientation)
        observation = replace(
            self._observation(at, frame.fetched_at, sky, may, prediction, verdict, reason, frame),
            threshold=threshold,
            colour_index=index.cover,
            colour_level=index.level,
            heatmap_area=geometry.heatmap_area(prediction.heatmap),
            azimuth_deg=azimuth_deg,
            elevation_deg=elevation_deg,
            shadow_probability=shadow,
        )
        return observation, verdict == "aurora" and index.cover >= self.settings.event.strong

    def _observation(
        self,
        at: datetime,
        fetched_at: datetime,
        sky: SkyState,
        may: Gate,
        prediction: Prediction | None,
        verdict: Verdict,
        reason: str,
        frame: Frame | None = None,
    ) -> Observation:
        return Observation(
            camera=self.camera.name,
            observed_at=at,
            fetched_at=fetched_at,
            verdict=verdict,
            reason=reason,
            sky=sky,
            prediction=prediction,
            source=frame.source if frame else "",
        )

    def _write(
        self,
        observation: Observation,
        frame: Frame | None,
        memory: event.Memory,
        *,
        live: bool,
        changes: Sequence[EventChange] = (),
    ) -> None:
        """Row, event, messages and memory in one transaction; the picture's file before it."""
        night = night_of(observation.observed_at, self.camera.longitude_deg)
        if frame is not None and self.pictures is not None and frame.picture:
            name = self.pictures.keep(self.camera.name, night, frame)
            observation = replace(observation, picture=name)
        messages = list(self._messages(observation, changes)) if live else []
        recorded = self.store.record(
            observation,
            night=night,
            changes=changes,
            messages=messages,
            column=keogram_column(frame, self._north_deg) if frame is not None else None,
            memory=memory.to_dict() if live else None,
            spell=memory.event if live else None,
        )
        if recorded:
            if live and frame is not None:
                delay_s = (self.clock.now() - observation.fetched_at).total_seconds()
                self.metrics.record_delay_seconds.labels(self.camera.name).observe(delay_s)
            self.metrics.observed(observation, changes)
            for change in changes:
                log.info(
                    "%s: %s of %s at %s", self.camera.name, change.kind, change.event.id, utc_text(change.at)
                )

    def _messages(self, observation: Observation, changes: Iterable[EventChange]) -> Iterator[Message]:
        """One message a change and channel, unless it is history, or a spell within the cool-down."""
        if self.clock.now() - observation.observed_at > ALERT_WITHIN:
            return
        for change in changes:
            if change.event.quiet and change.kind != "strong":  # breakup is worth a word at any time
                continue
            for channel in self.settings.notify:
                if channel.audience == "operator" or change.kind not in channel.kinds:
                    continue
                if channel.cameras and self.camera.name not in channel.cameras:
                    continue
                yield compose(change, observation, self.camera_settings, channel, self.settings.daemon.url)


def utc_second(at: datetime) -> datetime:
    """The instant to the whole second, as the record keeps it."""
    return at.replace(microsecond=0)


def _rules(settings: Settings, camera: CameraSettings) -> event.Rules:
    e = settings.event
    return event.Rules(
        on=e.on,
        off=e.off,
        confirm=e.confirm,
        of=e.of,
        dwell=timedelta(minutes=e.dwell_min),
        strong=e.strong,
        cool_down=timedelta(minutes=e.cool_down_min),
        cadence=timedelta(seconds=camera.cadence_s),
        look_again=timedelta(seconds=e.look_again_s),
    )
