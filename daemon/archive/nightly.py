"""After dawn: the night's movie, or a folder camera's own pictures, fill the minutes that the live watch missed.

A movie is asked for under the date of its morning, from a while after the watch's end until it appears or is
given up; loaded once, taken in through the same pipeline, and deleted. A folder's pictures are there already, also
those of the nights before in which nobody watched. Which nights are done is kept in the database, so that a
restart neither forgets one nor takes one twice. A stop ends what is being read between two batches, and the next
start goes on with it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

from daemon.alert.conditions import Conditions
from daemon.alert.summary import send_summary
from daemon.archive.dated_pictures import nights_in_folder
from daemon.archive.ingest import record_movie, settle_events
from daemon.archive.stills import record_night
from daemon.config import Settings
from daemon.errors import FetchError, FootageError, StoreError
from daemon.footage.movie import Scratch, read_movie
from daemon.night import midnight_of, night_of, night_text
from daemon.observation import utc_text
from daemon.pipeline import Pipeline
from daemon.record.outbox import LONGEST_WAIT
from daemon.record.progress import Morning
from daemon.source import fetch_movie, movie_retry_s, user_agent

log = logging.getLogger("aurorad.nightly")

IDLE = timedelta(minutes=30)

MOST_CRASHES = 3
"""Times in a row the process may end while it reads a night's footage without a row of it; then it is left alone, or
it would end every next one. A stop is none of these ends."""

AT_ONCE = 8
"""Pictures between which a stop may come, which waits for a few seconds alone."""

MOST_NIGHTS = 31
"""Nights in which nobody watched that a folder's pictures fill by themselves; `aurorad ingest` takes the others."""


class _Stopped(Exception):
    """The watch ends: what is being read is gone on with after the next start."""


class Nightly:
    """One camera's mornings. One thread at a time; :meth:`stop` may be called from any."""

    def __init__(self, pipeline: Pipeline, settings: Settings, conditions: Conditions | None = None) -> None:
        self.pipeline = pipeline
        self.conditions = conditions
        self.settings = settings
        self.folder = settings.daemon.state_dir / "movies" / pipeline.camera.name
        self._tries = 0
        self._summed: date | None = None
        self._missing: tuple[datetime, date] | None = None
        self._stopped = False
        self._writing = threading.Lock()
        self._reading: Morning | None = None  # what is written down of it while footage is read

    def stop(self) -> None:
        """End what is being read between two batches; that is no crash. To be called before the store is closed."""
        with self._writing:
            self._stopped = True
            if self._reading is not None:
                self._put(replace(self._reading, begun=max(0, self._reading.begun - 1)))

    def visit(self, now: datetime) -> datetime:
        """Do what is due; returns when to come again."""
        try:
            return self._visit(now)
        except _Stopped:
            log.info("%s: stopped; the next start goes on with the night", self.pipeline.camera.name)
            return now + IDLE

    def _visit(self, now: datetime) -> datetime:
        done = self._reached(now)
        ended_at, night = self._last_night(now)
        if ended_at is None or night.isoformat() <= done:
            return now + IDLE
        if not done:  # a first start: earlier nights are for `aurorad ingest`, if anyone wants them
            return self._done(night - timedelta(days=1), now)
        self._ask_once_more(night, now)
        due = ended_at + timedelta(minutes=self.pipeline.camera_settings.source.movie_after_sunrise_min)
        if now < due:
            return due
        wait = self._take(night, now, ended_at)
        self._missing = (ended_at, night) if wait is not None else None
        # A movie may be late, or never come: the morning's summary does not wait for it.
        self._sum_up(night, now)
        return now + wait if wait is not None else self._done(night, now)

    def _ask_once_more(self, night: date, now: datetime) -> None:
        """A movie that was missing when the night before fell may have come in the dark, which is for watching."""
        missing, self._missing = self._missing, None
        if missing is None or missing[1] >= night:
            return
        ended_at, earlier = missing
        if self._take(earlier, now, ended_at) is None:
            self._done(earlier, now)
        else:
            log.warning("movie of %s: given up: the next night's is due", earlier)
        self._tries = 0

    def _sum_up(self, night: date, now: datetime) -> None:
        """Queue the night's summary once there is something to sum up. Who is silenced then is not sent it later."""
        p = self.pipeline
        if night != self._summed and p.store.reader.nights(p.camera.name, night, night):
            send_summary(p.store, p.camera_settings, self.settings, p.pictures, night, now)
            self._summed = night

    def _reached(self, now: datetime) -> str:
        """The newest night that is done; none where a clock that ran ahead said so: until then no night would be read."""
        name, progress = self.pipeline.camera.name, self.pipeline.store.progress
        kept = progress.morning(name)
        tonight = night_of(now, self.pipeline.camera).isoformat()
        if kept.done <= tonight and kept.done_at <= utc_text(now + LONGEST_WAIT):
            return kept.done
        log.warning(
            "%s: the night %s counts as not done: it was noted at %s, by a clock that ran ahead; nights are read from the"
            " last one on", name, kept.done, kept.done_at,
        )  # fmt: skip
        progress.put_morning(name, Morning())
        return ""

    def _last_night(self, now: datetime) -> tuple[datetime | None, date]:
        """When the last watch ended (the sun rose past the gate) and its night."""
        look_below_deg = self.settings.gate.look_below_deg
        observatory, camera = self.pipeline.observatory, self.pipeline.camera
        if observatory.state(now).sun_altitude_deg <= look_below_deg:
            return None, night_of(now, camera)
        rose = observatory.next_crossing(now - timedelta(days=1), look_below_deg, rising=True)
        if rose is None or rose > now:
            return None, night_of(now, camera)
        return rose, night_of(rose, camera)

    def _take(self, night: date, now: datetime, ended_at: datetime) -> timedelta | None:
        """The movie of that night into the record; how long to wait where it is not there yet."""
        source = self.pipeline.camera_settings.source
        if source.kind == "folder":
            self._fill(night, now)
        if source.kind != "auroramax" or not source.movie_url:
            return None
        movie = self._fetch(night)
        if movie is not None and self._read(movie, night, now):
            movie.unlink(missing_ok=True)
            self._space_again()
            return None
        if now - ended_at > timedelta(hours=source.movie_give_up_h):
            log.warning("movie of %s: given up after %g h", night, source.movie_give_up_h)
            if movie is not None:
                movie.unlink(missing_ok=True)
            return None
        self._tries += 1
        return timedelta(seconds=movie_retry_s(self._tries))

    def _fetch(self, night: date) -> Path | None:
        """The night's movie, or None where it is not there yet or cannot be had now."""
        source, d = self.pipeline.camera_settings.source, self.settings.daemon
        try:
            return fetch_movie(source, night, self.folder, user_agent(d.user_agent_contact), d.min_free_mb)
        except FetchError as error:
            log.warning("movie of %s: %s", night, error)
            if error.reason == "disk":
                self._no_space(error)
            return None

    def _no_space(self, error: FootageError) -> None:
        """Count, and tell the operator: no later night's movie comes either until somebody frees some."""
        name = self.pipeline.camera.name
        self.pipeline.metrics.rejected(name, error.reason)
        if self.conditions is not None:
            self.conditions.begin("no space for movies", name, f"the night's movie cannot be read: {error}")

    def _space_again(self) -> None:
        if self.conditions is not None:
            name = self.pipeline.camera.name
            self.conditions.end(
                "no space for movies", name, "there is space for the night's movie again", at_once=True
            )

    def _read(self, movie: Path, night: date, now: datetime) -> bool:
        """The movie's minutes into the record; False where it is to be tried again.

        A decoder's crash is not to come again with every start.
        """
        with self._attempt(night, "movie") as may:
            if not may:
                return True
            try:
                scratch = Scratch(self.folder, self.settings.daemon.min_free_mb)
                with read_movie(
                    movie, self.pipeline.camera, now, scratch=scratch, progress=lambda _: self._check()
                ) as dated:
                    tally = record_movie(self.pipeline.stoppable(self._go_on), dated)
                log.info(
                    "movie of %s: %d minutes filled, %d known, %d without a time",
                    night, tally.recorded, tally.known, tally.undated,
                )  # fmt: skip
            except FootageError as error:
                log.warning("movie of %s: %s", night, error)
                if error.reason == "disk":
                    self._no_space(error)
                    return False
                self.pipeline.metrics.rejected(self.pipeline.camera.name, error.reason)
        return True

    @contextmanager
    def _attempt(self, night: date, what: str) -> Iterator[bool]:
        """May the night's footage be read? Not where the process ended over it too often."""
        name, store = self.pipeline.camera.name, self.pipeline.store
        kept = store.progress.morning(name)
        begun = kept.begun if kept.reading == night.isoformat() else 0
        if begun >= MOST_CRASHES:
            self._leave_out(night, what, begun)
            yield False
            return
        with self._writing:
            self._check()
            self._reading = replace(kept, reading=night.isoformat(), begun=begun + 1)
            store.progress.put_morning(name, self._reading)
        try:
            yield True
        finally:
            with self._writing:
                if not self._stopped:  # else that is written down, and the store may be closed by now
                    self._put(replace(kept, reading="", begun=0))
                self._reading = None

    def _put(self, reached: Morning) -> None:
        try:
            self.pipeline.store.progress.put_morning(self.pipeline.camera.name, reached)
        except StoreError as error:  # at worst it counts as a crash
            log.warning("%s: the morning is not recorded: %s", self.pipeline.camera.name, error)

    def _check(self) -> None:
        if self._stopped:
            raise _Stopped

    def _go_on(self, way: Pipeline) -> None:
        """Before each batch. Where rows were written, what ends the process is not what kept it from writing any."""
        with self._writing:
            self._check()
            if way.newest is not None and self._reading is not None and self._reading.begun:
                self._reading = replace(self._reading, begun=0)
                self._put(self._reading)

    def _leave_out(self, night: date, what: str, begun: int) -> None:
        """Count it, tell the operator, and lead the events over the rows that were written."""
        p = self.pipeline
        p.metrics.rejected(p.camera.name, "crash")
        log.error("%s of %s: left out: aurorad ended %d times while reading it", what, night, begun)
        if self.conditions is not None:
            self.conditions.report(
                "night left out",
                p.camera.name,
                f"the {what} of the {night_text(night)} was left out: aurorad ended {begun} times while reading it;"
                " see the log, and take it in with `aurorad ingest` once the cause is gone",
            )
        middle, half = midnight_of(night, p.camera), timedelta(hours=12)
        settle_events(p, middle - half, middle + half)

    def _fill(self, night: date, now: datetime) -> None:
        """What a folder holds of this night and of those before it that nobody watched."""
        done = date.fromisoformat(self.pipeline.store.progress.morning(self.pipeline.camera.name).done)
        oldest = max(done + timedelta(days=1), night - timedelta(days=MOST_NIGHTS - 1))
        for kept in nights_in_folder(self.pipeline.camera_settings, oldest, night, now):
            with self._attempt(kept.night, "pictures") as may:
                if may:
                    tally = record_night(kept, self.pipeline.stoppable(self._go_on), at_once=AT_ONCE)
                    log.info(
                        "pictures of %s: %d minutes filled, %d known, %d that cannot be read",
                        kept.night, tally.recorded, tally.known, tally.refused,
                    )  # fmt: skip
            if kept.night < night:  # of two nights that end the process each is left alone by itself
                self._done(kept.night, now)

    def _done(self, night: date, now: datetime) -> datetime:
        self._tries = 0
        self.pipeline.store.progress.put_morning(
            self.pipeline.camera.name, Morning(night.isoformat(), utc_text(now))
        )
        return now + IDLE
