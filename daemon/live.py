"""The live watch of one camera: when to look, and what it means that nothing new comes.

    gate shut → rest          picture → frame → time → pipeline          nothing new → stale

This is where a failure of live footage ends: it is counted and logged, and the operator hears of it
where it lasts. A feed that has stopped gives ``stale`` rows, which end an event whose evidence is too
old, and no aurora alerts.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from daemon import event
from daemon.alert.conditions import Conditions
from daemon.errors import FootageError, StoreError
from daemon.footage.frame import from_still
from daemon.footage.still_clock import StillClock, heard
from daemon.live_status import LiveStatus
from daemon.observation import Gate, Observation, SkyState, Verdict, utc_text
from daemon.pipeline import Look, Pipeline
from daemon.source import LiveSource, Still
from daemon.source.freshness import Freshness
from daemon.star_watch import lens_found

log = logging.getLogger("aurorad.live")

REST = timedelta(minutes=10)
"""Longest sleep while the gate is shut, so that what the page shows of it stays true."""

CLOCK_RUNS_FROM, UNTIL_CLOCK = datetime(2010, 1, 1, tzinfo=UTC), timedelta(seconds=10)
"""A machine without a battery for its clock begins in 1970, until the network tells it better. AuroraMAX began in 2010."""

NO_SKY_HOLD = timedelta(minutes=15)
"""Pictures that show no sky are the operator's business once they have come for so long."""

PAUSE_AFTER, PAUSE = timedelta(hours=24), timedelta(minutes=30)
"""A feed that has been stopped for a day (AuroraMAX from May to August) is asked this seldom."""


class LiveWatch:
    """Looks at one camera's live feed. One thread at a time; ``status`` may be read from any.

    ``began`` is when it was made, which a reload does too: until its first look that is its progress.
    """

    def __init__(self, pipeline: Pipeline, source: LiveSource, conditions: Conditions) -> None:
        self.pipeline = pipeline
        self.source = source
        self.conditions = conditions
        camera = pipeline.camera_settings
        self._name = camera.name
        self._clock = pipeline.clock
        self._metrics = pipeline.metrics
        self._freshness = Freshness(
            camera.cadence_s, camera.source.stale_after_s, camera.source.ignore_witnesses
        )
        self._no_sky_since: datetime | None = None
        self._still_clock = StillClock(pipeline.camera, camera.source, self._count_reading)
        self._lens = pipeline.stars.witness.found if pipeline.stars.witness else None
        self._waits_for_clock = False
        self.began = self._clock.now()
        gate = pipeline.gate(pipeline.observatory.state(self.began))
        self.status = LiveStatus(gate, began_at=self.began)
        self._retired, self._writing = False, threading.Lock()
        self.recall()

    def look(self) -> datetime:
        """Look at the live feed once; returns when to look next. Raises StoreError."""
        following = self._look()
        self._now(next_at=following)
        return following

    def _look(self) -> datetime:
        now = self._clock.now()
        if now < CLOCK_RUNS_FROM:
            return self._wait_for_the_clock(now)
        sky = self.pipeline.observatory.state(now)
        permit = self.pipeline.gate(sky)
        if permit.look and not self.status.gate.look:
            self._now(began_at=now)
        self._now(progressed_at=now, next_at=None, gate=permit)
        self._metrics.sky(self._name, sky)
        self._metrics.looking.labels(self._name).set(permit.look)
        if not permit.look:
            return self._rest(now, sky, permit)
        self._now(gate_until=None)
        before, still, fault = self._state, None, None
        try:
            still = self.source.latest()
        except FootageError as error:
            fault = error
        with self._writing:
            if not self._retired:
                self._follow(still, fault, sky, permit)
        self._now(progressed_at=self._clock.now())
        return self._next_look(now, news=self._state.last_at != before.last_at)

    def _wait_for_the_clock(self, now: datetime) -> datetime:
        """Sun, moon and all that is dated by this machine would be false: nothing is recorded."""
        if not self._waits_for_clock:
            log.warning(
                "%s: this machine's clock says %s: not looking until it is set", self._name, utc_text(now)
            )
        self._waits_for_clock = True
        self._now(progressed_at=now)
        return now + UNTIL_CLOCK

    def retire(self, retired: bool = True) -> None:
        """Another watch takes over: a picture in hand is finished first, a request under way gives no row."""
        with self._writing:
            self._retired = retired

    def recall(self) -> None:
        """Take the event's state from the record, as the watch before left it. Raises StoreError."""
        self._state = self.pipeline.store.progress.event_state(self._name)
        self._metrics.event_active.labels(self._name).set(self._state.event is not None)

    def go_on_from(self, before: LiveWatch) -> None:
        """Take over from a watch that was retired. What it has seen of the same feed is no news, or a picture that has no
        time of its own would be judged a second time, as one of now.
        """
        if _feed(self) != _feed(before):
            return
        self._freshness.go_on_from(before._freshness)
        if self.status.gate.look and before.status.gate.look:
            ours = self.status
            self.status = replace(before.status, gate=ours.gate, progressed_at=None, next_at=None)

    def patience(self) -> timedelta:
        """Longest time without progress, from when a look is due or under way, that is no sign of trouble."""
        camera = self.pipeline.camera_settings
        return timedelta(seconds=3 * camera.cadence_s + 2 * camera.source.timeout_s)

    def _now(self, **changed: Any) -> None:
        self.status = replace(self.status, **changed)

    def _count_reading(self, read: bool) -> None:
        self._metrics.ocr_readings.labels(self._name, "read" if read else "failed").inc()

    # ------------------------------------------------------------- a picture has come

    def _follow(self, still: Still | None, fault: FootageError | None, sky: SkyState, permit: Gate) -> None:
        """What the source gave, or why it gave nothing, into the record."""
        try:
            if still is not None:
                self._take(still)
        except FootageError as error:
            fault = error
        if fault is not None:
            self._metrics.rejected(self._name, fault.reason)
            log.warning("%s: %s", self._name, fault)
        self._now(fault=fault.reason if fault else None)
        self._check_feed(self._clock.now(), fault, sky, permit)

    def _take(self, still: Still) -> None:
        """A still → a dated frame → the pipeline, unless it is no news."""
        still = heard(still, self.pipeline.camera_settings.source)
        self._now(fetched_at=still.fetched_at)
        self._metrics.fetched(self._name, still.elapsed_s)
        frame = from_still(still, self.pipeline.camera, self.pipeline.camera_settings.source.max_pixels)
        undated = still.last_modified is None and not self._still_clock.reads_a_time
        old = self._freshness.check(still, frame, undated=undated)
        if old is None:
            frame = self._still_clock.date(frame, still.name)
            old = self._freshness.check_time(frame)
        if old is not None:
            self._metrics.skipped(self._name, old)
            return
        try:
            with self._recording():
                self._state = self.pipeline.follow([frame], self._state, live=True)
        except BaseException:
            # The feed is well, yet what it showed is not on record: there is no present to point at.
            self._new_picture(still, None)
            raise
        self._new_picture(still, frame.observed_at)
        self._check_picture(frame.flaw or self._why_unusable())
        self._check_stars()

    @contextmanager
    def _recording(self) -> Iterator[None]:
        """A row is written: page and health get to know whether it could be. Raises what the writing raises."""
        before = self.pipeline.rows
        try:
            yield
        except StoreError as error:
            now = self._clock.now()
            since = self.status.unwritten_since or now
            self._now(unwritten=error.reason, unwritten_since=since, unwritten_at=now)
            raise
        if self.pipeline.rows > before:
            self._now(unwritten=None, unwritten_since=None, unwritten_at=None)

    def _new_picture(self, still: Still, observed_at: datetime | None) -> None:
        self._now(framed_at=still.fetched_at, before_at=self.status.framed_at, observed_at=observed_at)

    def _why_unusable(self) -> str | None:
        """What was found to be wrong with the newest picture: that it is no sky may be the model's word alone."""
        newest = self.pipeline.newest
        return newest.reason if newest is not None and newest.verdict == "unusable" else None

    def _check_picture(self, flaw: str | None) -> None:
        """Have the pictures been no sky for long? Cards come and go with every restart; one that stays is a fault."""
        if flaw is None:
            self._no_sky_since = None
            self.conditions.end(
                "no usable picture", self._name, f"the pictures of {self._name} show the sky again"
            )
            return
        now = self._clock.now()
        self._no_sky_since = self._no_sky_since or now
        if now - self._no_sky_since >= NO_SKY_HOLD:
            self.conditions.begin(
                "no usable picture",
                self._name,
                f"the pictures of {self._name} have shown no sky since {utc_text(self._no_sky_since)} (last: {flaw});"
                " look at the newest one, and at the camera's disc in the configuration",
            )

    def _check_stars(self) -> None:
        """Do the stars say that the camera was moved, that its clock is off, or where it looks? The operator hears of it."""
        witness = self.pipeline.stars.witness
        if witness is None:
            return
        self._check_lens(witness.moved_deg)
        self._check_star_clock(witness.clock_off)
        found, before = witness.found, self._lens
        self._lens = found
        if found is not None and found is not before and (before is None or found.turned_deg is not None):
            self.conditions.report("lens", self._name, f"{self._name}: {lens_found(found)}")

    def _check_star_clock(self, minutes: float | None) -> None:
        if minutes is None:
            self.conditions.end("star clock", self._name, f"the stars and the clock of {self._name} agree")
            return
        way = "behind" if minutes > 0 else "ahead of"
        self.conditions.begin(
            "star clock",
            self._name,
            f"the times of {self._name} are {abs(minutes):.0f} min {way} the stars: correct the camera's clock or its"
            " `timezone`, or run `aurorad calibrate` again if the clock was off when its lens was solved",
        )

    def _check_lens(self, turned: float | None) -> None:
        """Was the camera moved? Then its directions are wrong."""
        if turned is None:
            self.conditions.end(
                "camera moved", self._name, f"the stars of {self._name} are where they must be"
            )
            return
        self.conditions.begin(
            "camera moved",
            self._name,
            f"{self._name} was moved: the stars stand {turned:.0f}° from where its lens puts them; "
            "run `aurorad calibrate` on a clear frame",
        )

    # ------------------------------------------------------------- nothing new has come

    def _check_feed(self, now: datetime, fault: FootageError | None, sky: SkyState, permit: Gate) -> None:
        """Has the feed stopped? Then a row, the page and, once, the operator get to know."""
        reason = self._freshness.stale(now)
        if reason is not None and fault is not None:
            reason = fault.reason
        self._metrics.feed(self._name, reason is not None, self.status.framed_at, now)
        if reason is None:
            self._now(stale=None, stale_since=None)
            came = self.status.framed_at
            if came is not None and now - came <= self._freshness.limit:  # else it is only waited for anew
                self.conditions.end("feed stale", self._name, f"the feed of {self._name} is back")
            return
        self._now(stale=reason, stale_since=self.status.stale_since or now)
        self._write_nothing_seen(now, sky, permit, "stale", reason)
        # Before dark the feed may still show the morning's last picture: no reason to call anyone.
        dark = sky.sun_altitude_deg <= self.pipeline.settings.gate.alert_below_deg
        if dark or self.conditions.holds("feed stale", self._name):
            nothing = f"no picture since the watch began at {utc_text(self.status.began_at or self.began)}"
            if self.status.framed_at:
                nothing = f"nothing new since {utc_text(self.status.framed_at)}"
            self.conditions.begin(
                "feed stale",
                self._name,
                f"the feed of {self._name} has stopped ({reason}); {nothing}",
            )

    def _write_nothing_seen(
        self, now: datetime, sky: SkyState, permit: Gate, verdict: Verdict, reason: str
    ) -> None:
        """A row without evidence: an event whose evidence is too old, or whose night is over, ends with it."""
        row = Observation(self._name, now.replace(microsecond=0), now, verdict, reason, sky)
        state, changes = event.step(self._state, self._name, event.evidence(row, permit), self.pipeline.rules)
        # This row's time is our own clock's. Were that put forward by mistake, the frames of the camera's
        # clock would count as old until it had caught up.
        state = replace(state, last_at=self._state.last_at)
        with self._recording():
            self.pipeline.write(Look(row, event.evidence(row, permit)), state, live=True, changes=changes)
        self._state = state

    def _rest(self, now: datetime, sky: SkyState, permit: Gate) -> datetime:
        """The gate is shut: no request; an event still open ends with the night."""
        began = self.status.gate_until is None
        self._now(stale=None, stale_since=None, fault=None, observed_at=None)
        self._metrics.feed(self._name, False, self.status.framed_at, now)
        if self.status.gate_until is None or now >= self.status.gate_until:
            if began:
                log.info("%s: not looking: %s", self._name, permit.reason)
                self._write_nothing_seen(now, sky, permit, "not looked", permit.reason)
            look_below_deg = self.pipeline.settings.gate.look_below_deg
            opens = self.pipeline.observatory.next_crossing(now, look_below_deg, rising=False)
            self._now(gate_until=opens)
        wake = now + REST
        return min(wake, self.status.gate_until) if self.status.gate_until else wake

    # ------------------------------------------------------------- when to look next

    def _next_look(self, now: datetime, *, news: bool) -> datetime:
        """One cadence on, sooner at the first sign of aurora, seldom where the feed pauses for the summer.

        Never before the source may be asked again. A wait of our own choosing is no pause to :class:`Freshness`.
        """
        rules = self.pipeline.rules
        wait = rules.until_next(self._state) if news else rules.cadence
        soon = wait < rules.cadence
        if self._pauses_for_the_summer(now):
            wait = max(PAUSE, wait)
        following = self.source.next_request(now + wait, soon=soon)
        self._freshness.expect(following)
        return following

    def _pauses_for_the_summer(self, now: datetime) -> bool:
        return self.status.stale is not None and now - (self.status.framed_at or self.began) > PAUSE_AFTER


def _feed(watch: LiveWatch) -> tuple[object, ...]:
    """Where a watch's pictures come from."""
    source = watch.pipeline.camera_settings.source
    return source.kind, source.url, source.path, source.pattern
