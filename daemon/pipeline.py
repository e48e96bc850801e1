"""One frame's way, in order. The page to read first.

    sky → gate → sky at all? → predict (+ map) → verdict → describe → event → record

A live still (:mod:`daemon.live`) and an archived movie's frames (:mod:`daemon.archive.ingest`) arrive
here as dated frames and go the same way through the same function, :meth:`Pipeline.follow`. What
decides is pure and lives in modules of its own (gate, plausibility, verdict, event); this page says in
which order. A picture that is no sky at all (a camera's card, half a download) is never shown to the
model, and says nothing about aurora.

A row, its event's change and the messages about it are written together or not at all. Delivery comes
after, in :mod:`daemon.alert.delivery`. What a failure of the footage means is decided by who brought
it: :mod:`daemon.live` or :mod:`daemon.archive`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path

from daemon import describer, event
from daemon.alert.news import News
from daemon.alert.sky_news import SkyNews
from daemon.clock import Clock
from daemon.config import CameraSettings, NotifySettings, Settings
from daemon.errors import ModelError
from daemon.event import EventState, Evidence
from daemon.footage import horizon
from daemon.footage.frame import keogram_column
from daemon.gate import gate
from daemon.metrics import Metrics
from daemon.night import night_of
from daemon.observation import (
    Camera,
    EventChange,
    Frame,
    Gate,
    Observation,
    Picture,
    Prediction,
    SkyState,
    utc_text,
)
from daemon.predictor import Predictor
from daemon.record.picture_files import PictureFolder
from daemon.record.store import Store
from daemon.sky import geometry
from daemon.sky.ephemeris import Observatory
from daemon.star_watch import StarWatch
from daemon.verdict import disagrees, judge
from models import colour

log = logging.getLogger("aurorad.pipeline")


@dataclass(frozen=True, eq=False)
class Look:
    """One frame looked at: what is to be written of it, and what it says about aurora."""

    observation: Observation
    evidence: Evidence
    column: bytes | None = None


class Pipeline:
    """The way of one camera's frames into the record.

    It keeps nothing between two calls but what the stars have shown. What a trend and a sudden rise are
    against, the last minutes, is taken from the record.
    """

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
        listeners: Callable[[], Sequence[NotifySettings]] = tuple,
    ) -> None:
        """``listeners`` get messages besides the channels of the configuration: who has subscribed on the page."""
        self.settings = settings
        self.camera_settings = camera
        self.store = store
        self.predictor = predictor
        self.metrics = metrics
        self.pictures = pictures
        self.clock = clock or Clock()
        self.observatory = Observatory(camera.latitude_deg, camera.longitude_deg, camera.elevation_m)
        self.rules = settings.event.rules(camera.cadence_s)
        self._news = News(camera, settings, store, self.clock, listeners)
        self._sky_news = SkyNews(camera, settings, store, self.clock)
        self.horizon = horizon.read(Path(camera.horizon)) if camera.horizon else None
        self.stars = StarWatch(camera.camera(), self.observatory, store, self.horizon)
        # What was followed last: to ask the record for it would cost fifty times as much.
        self.newest: Observation | None = None
        self.rows = 0
        """How many rows have been written: who sees it grow knows that the record can be written."""
        self._go_on: Callable[[], object] = lambda: None

    def follow(self, frames: Sequence[Frame], state: EventState, *, live: bool) -> EventState:
        """Dated frames, oldest first, all their way; returns the event's state after the last.

        Of an archive's frames the rows alone are written, for they come in any order: its events are led over all
        rows of their time (:mod:`daemon.archive.night_events`). What takes long is done before the transaction is
        opened, so that others may write meanwhile.
        """
        self._go_on()
        looks = list(self._look(frames, describer.before(self.store.reader, self.camera.name, frames)))
        written: list[tuple[Look, list[EventChange]]] = []
        with self.store.batch():
            self.stars.keep()
            for look in looks:
                changes: list[EventChange] = []
                if live:
                    self._sky_news.follow(look.observation)
                    state, changes = event.step(state, self.camera.name, look.evidence, self.rules)
                if self._record(look, state, live=live, changes=changes):
                    written.append((look, changes))
        for look, changes in written:
            self._count(look, changes, live=live)
        self.newest = looks[-1].observation if looks else self.newest
        self.stars.kept()
        return state

    def beside(self, metrics: Metrics) -> Pipeline:
        """The same way, for what is no figure of the watch: one camera, its lens as the stars show it, its horizon."""
        other = copy(self)
        other.metrics = metrics
        return other

    def stoppable(self, go_on: Callable[[Pipeline], object]) -> Pipeline:
        """The same way, for footage that takes long: ``go_on`` is called with it before each batch, and may raise."""
        other = copy(self)
        other.newest = None
        other._go_on = lambda: go_on(other)
        return other

    @property
    def camera(self) -> Camera:
        """The camera, with the orientation that its owner gives or its stars have shown."""
        return self.stars.camera

    def gate(self, sky: SkyState) -> Gate:
        """May we look under this sky, and may we alert?"""
        return gate(sky, self.settings.gate.look_below_deg, self.settings.gate.alert_below_deg)

    def judge(self, frame: Frame) -> Observation:
        """A dated frame looked at like any other but by itself, and not recorded. Raises ModelError."""
        return next(self._look([frame], past=())).observation

    # ------------------------------------------------------------- look: sky → gate → sky at all? → predict → verdict → describe

    def _look(self, frames: Sequence[Frame], past: describer.Past) -> Iterator[Look]:
        predictor = self.predictor()  # one model for answer and threshold, whatever a reload does meanwhile
        skies = self.observatory.states([frame.observed_at for frame in frames if frame.observed_at])
        gates = [self.gate(sky) for sky in skies]
        predictions = self._predict(predictor, frames, gates)
        for frame, sky, permit in zip(frames, skies, gates, strict=True):
            assert frame.observed_at is not None
            observation = Observation(
                camera=self.camera.name,
                observed_at=frame.observed_at,
                fetched_at=frame.fetched_at,
                verdict="not looked",
                reason=permit.reason,
                sky=sky,
                source=frame.source,
            )
            if permit.look and frame.flaw is not None:
                observation = replace(observation, verdict="unusable", reason=frame.flaw)
            elif permit.look:
                square = self._sky_of(frame)
                threshold = predictor.threshold(sky)
                observation = self._judge(observation, frame, square, threshold, *next(predictions))
                observation, past = describer.describe(observation, square, self.camera, past)
            yield Look(
                self._with_picture(observation, frame),
                event.evidence(observation, permit),
                keogram_column(frame, self.camera.orientation),
            )

    def _predict(
        self, predictor: Predictor, frames: Sequence[Frame], gates: Sequence[Gate]
    ) -> Iterator[tuple[Prediction, float | None]]:
        """Prediction and the candidate's probability of each frame that shows a sky and may be looked at, in order."""
        looks = zip(frames, gates, strict=True)
        squares = [frame.square for frame, permit in looks if permit.look and frame.flaw is None]
        began = time.perf_counter()
        predictions = predictor.predict(squares)
        if squares:  # of an archive's, which are still being predicted, nobody asks for this figure
            self.metrics.predicted(self.camera.name, (time.perf_counter() - began) / len(squares))
        shadow = predictor.predict_shadow(squares, self._shadow_failed)
        return zip(predictions, shadow, strict=True)

    def _shadow_failed(self, error: ModelError) -> None:
        self.metrics.job_errors.labels("shadow").inc()
        log.error("the candidate model failed: %s", error)

    def _judge(
        self,
        observation: Observation,
        frame: Frame,
        square: Picture,
        threshold: float,
        prediction: Prediction,
        shadow: float | None,
    ) -> Observation:
        """The observation with the verdict on a frame that the model has seen, and what it rests on."""
        sky_share = 1.0
        if self.horizon is not None:  # what is no sky counts for nothing
            sky_share = self.horizon.share
            prediction = self.horizon.seen(prediction)
        stars = self.stars.look(frame, observation.sky)
        cover, shown = (stars.cover, stars.shown) if stars else (None, None)
        share = cover.share if cover else None
        verdict, reason = judge(
            prediction, threshold, share, broken=bool(cover and cover.broken), doubted=prediction.doubted
        )
        self.metrics.stars(self.camera.name, share, disagrees(prediction, share))
        index = colour.colour_index(square)
        return replace(
            observation,
            verdict=verdict,
            reason=reason,
            prediction=prediction,
            threshold=threshold,
            colour_cover=min(1.0, index.cover / sky_share),
            colour_level=index.level,
            heatmap_area=geometry.heatmap_area(prediction.heatmap),
            shadow_probability=shadow,
            stars=cover.code() if cover else None,
            star_limit=shown.limit if shown else None,
            star_zero=shown.zero if shown else None,
            star_gamma=shown.gamma if shown else None,
        )

    def _sky_of(self, frame: Frame) -> Picture:
        """The frame's disc, black where its horizon mask says that there is no sky."""
        return frame.square if self.horizon is None else self.horizon.square(frame.square)

    def _with_picture(self, observation: Observation, frame: Frame) -> Observation:
        if self.pictures is None or not frame.picture:
            return observation
        night = night_of(observation.observed_at, self.camera)
        return replace(observation, picture=self.pictures.keep(self.camera.name, night, frame))

    # ------------------------------------------------------------- record: event → messages → row

    def write(
        self, look: Look, state: EventState, *, live: bool, changes: Sequence[EventChange] = ()
    ) -> None:
        """Row, event, messages and the event's state in one transaction. Raises StoreError."""
        if self._record(look, state, live=live, changes=changes):
            self._count(look, changes, live=live)

    def _record(self, look: Look, state: EventState, *, live: bool, changes: Sequence[EventChange]) -> bool:
        observation = look.observation
        return self.store.record(
            observation,
            night=night_of(observation.observed_at, self.camera),
            changes=changes,
            messages=list(self._news.about(observation, changes, state)) if live else [],
            column=look.column,
            state=state if live else None,
        )

    def _count(self, look: Look, changes: Sequence[EventChange], *, live: bool) -> None:
        """What is on the disk is counted and logged; not before, for a transaction may fail at its end."""
        observation = look.observation
        self.rows += 1
        if live and look.column is not None:
            self.metrics.recorded(observation, self.clock.now())
        self.metrics.observed(observation, changes)
        for change in changes:
            log.info(
                "%s: %s of %s at %s", self.camera.name, change.kind, change.event.id, utc_text(change.at)
            )
