"""When things are done: jobs that name their own next time, and jobs at an interval.

APScheduler lives here. It forgets a job that came too late, or whose last run was just ending, and
only logs one that raised; and it waits for a time of day, however far off a clock that was set puts
it. Here each of these is counted, and every job is planned again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from apscheduler.events import (
    EVENT_JOB_ERROR,
    EVENT_JOB_MAX_INSTANCES,
    EVENT_JOB_MISSED,
    JobEvent,
    JobExecutionEvent,
)
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from daemon.clock import Clock
from daemon.metrics import Metrics

log = logging.getLogger("aurorad.schedule")

AGAIN_S = 0.2
"""Until a job is tried again whose last run had not quite ended."""

CLOCK_LOOK_S, CLOCK_STEP_S = 2.0, 5.0
"""How often the machine's clock is compared with the time gone by, and what counts as set, not slewed."""

MOST_LOOKS = 32
"""Looks at once. They have threads of their own: what else is to be done waits for none of them, and the
few megabytes that a thread keeps of its first look are kept by no more threads than look."""

GRACE_S = 30
"""A job that could not start in this time (the machine slept) counts as missed, and is planned again."""


@dataclass(frozen=True)
class _Job:
    work: Callable[[], datetime]
    fallback: timedelta
    delay: timedelta
    executor: str


class Schedule:
    """The jobs of one service. ``failed`` is called with a job's name and what it raised."""

    def __init__(
        self, clock: Clock, metrics: Metrics, failed: Callable[[str, BaseException | None], None]
    ) -> None:
        self._clock = clock
        self._metrics = metrics
        self._failed = failed
        self._jobs: dict[str, _Job] = {}
        self._stopping = threading.Event()
        self._drain: threading.Thread | None = None
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(8), "looks": ThreadPoolExecutor(MOST_LOOKS)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": GRACE_S},
        )
        self._scheduler.add_listener(self._on_error, EVENT_JOB_ERROR)
        self._scheduler.add_listener(self._on_skipped, EVENT_JOB_MISSED | EVENT_JOB_MAX_INSTANCES)

    def repeat(
        self,
        job: str,
        work: Callable[[], datetime],
        *,
        fallback: timedelta,
        delay: timedelta = timedelta(0),
        looks: bool = False,
    ) -> None:
        """Run ``work`` now (after ``delay``) and then whenever it says; after ``fallback`` where it raised.

        ``looks`` puts it among the looks at cameras, which have threads of their own.
        """
        self._jobs[job] = _Job(work, fallback, delay, "looks" if looks else "default")
        self._plan(job, self._clock.now() + delay)

    def every(self, job: str, work: Callable[[], None], seconds: float, *, at_once: bool = True) -> None:
        """Run ``work`` every so many real seconds.

        Not by the scheduler's own intervals: it would wait an hour for a clock put back by one, and of a clock that was
        in 1970 list every run since.
        """
        interval = timedelta(seconds=seconds * self._clock.speed)

        def once() -> datetime:
            work()
            return self._clock.now() + interval

        self.repeat(job, once, fallback=interval, delay=timedelta(0) if at_once else interval)

    # ------------------------------------------------------------- start, change, stop

    def start(self) -> None:
        """Begin to run jobs, those planned before included."""
        self._scheduler.start()
        threading.Thread(target=self._watch_the_clock, name="clock", daemon=True).start()

    def pause(self) -> None:
        """Start no job until :meth:`resume`."""
        self._scheduler.pause()

    def resume(self) -> None:
        """Start jobs again."""
        self._scheduler.resume()

    def clear(self) -> None:
        """Forget all jobs; one that runs now does not come again."""
        self._jobs.clear()
        self._scheduler.remove_all_jobs()

    def stop(self, timeout_s: float) -> None:
        """Start no more jobs and wait for those that run, so long at most."""
        self._stopping.set()
        if self._scheduler.running:
            self._drain = threading.Thread(target=self._shut_down, daemon=True)
            self._drain.start()
            self._drain.join(timeout_s)

    def _shut_down(self) -> None:
        """Without a job left: the scheduler's own thread ends in a traceback where it is stopped while it starts one."""
        self._scheduler.pause()
        self._scheduler.remove_all_jobs()  # waits for that thread
        self._scheduler.shutdown()

    @property
    def drained(self) -> bool:
        """Has every job ended? A look may still hang in its request."""
        return self._drain is None or not self._drain.is_alive()

    # ------------------------------------------------------------- the jobs' next runs

    def _plan(self, job: str, at: datetime) -> None:
        """Run the job once at that instant of our clock."""
        if self._stopping.is_set() or job not in self._jobs:
            return
        wait_s = max(0.0, self._clock.real_s((at - self._clock.now()).total_seconds()))
        self._scheduler.add_job(
            partial(self._run, job),
            "date",
            run_date=datetime.now(UTC) + timedelta(seconds=wait_s),
            id=job,
            name=job,
            replace_existing=True,
            executor=self._jobs[job].executor,
        )

    def _run(self, job: str) -> None:
        planned = self._jobs.get(job)
        if planned is None:  # a reload has just dropped it
            return
        offset_s = self._clock.offset_s()
        following = self._clock.now() + planned.fallback
        try:
            following = planned.work()
        finally:
            # Where the clock was set meanwhile, that instant means nothing.
            was_set = abs(self._clock.offset_s() - offset_s) > CLOCK_STEP_S
            self._plan(job, self._clock.now() if was_set else following)

    def _watch_the_clock(self) -> None:
        """Plan again when the clock was set: the scheduler waits for a time of day, however far off."""
        before_s = self._clock.offset_s()
        while not self._stopping.wait(CLOCK_LOOK_S):
            step_s = self._clock.offset_s() - before_s
            before_s += step_s
            if abs(step_s) > CLOCK_STEP_S:
                self._metrics.clock_steps.inc()
                log.warning("this machine's clock was set by %+.0f s (or it slept): planning again", step_s)
                for job, planned in list(self._jobs.items()):
                    self._plan(job, self._clock.now() + planned.delay)

    def _on_skipped(self, happened: JobEvent) -> None:
        """The scheduler forgets a job that came too late, or while its last run was just ending."""
        job, at = str(happened.job_id), self._clock.now()
        if happened.code == EVENT_JOB_MISSED:
            self._metrics.job_missed.labels(job).inc()
            log.warning("%s: missed its time", job)
        else:
            at += timedelta(seconds=AGAIN_S * self._clock.speed)
        self._plan(job, at)

    def _on_error(self, happened: JobExecutionEvent) -> None:
        """What nobody foresaw: counted and logged whole; the job has planned itself again."""
        job = str(happened.job_id)
        self._metrics.job_errors.labels(job).inc()
        log.error("%s: failed: %r", job, happened.exception, exc_info=happened.exception)
        self._failed(job, happened.exception)
