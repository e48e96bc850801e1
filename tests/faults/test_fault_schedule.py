"""No look is ever the last one: slow looks, looks that fail, jobs the scheduler drops."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from apscheduler.schedulers.base import STATE_RUNNING

from daemon.clock import Clock
from daemon.metrics import Metrics
from daemon.schedule import Schedule
from tests.faults.conftest import Entry
from tests.faults.harness import Sky, back_in_time, check_watch, soon, watching


def test_a_stop_while_a_job_is_being_started_ends_in_no_traceback() -> None:
    """As a stop right after the start does: the scheduler's own thread ends as quietly as the jobs."""
    clock, begun, go_on = Clock(), threading.Event(), threading.Event()
    schedule = Schedule(clock, Metrics(), lambda job, error: None)
    scheduler = schedule._scheduler
    executor = scheduler._executors["default"]
    submit = executor.submit_job

    def slowly(*job: Any) -> None:
        begun.set()
        assert go_on.wait(30)
        submit(*job)

    executor.submit_job = slowly
    schedule.repeat("job", clock.now, fallback=timedelta(seconds=60))
    schedule.start()
    assert begun.wait(30)
    stopping = threading.Thread(target=schedule.stop, args=(30.0,))
    stopping.start()
    soon(lambda: scheduler.state != STATE_RUNNING, "it stops")
    go_on.set()
    stopping.join(30)
    assert schedule.drained  # a traceback of a thread fails the test by itself


def test_a_look_planned_while_the_last_one_is_ending_is_not_lost(
    tmp_path: Path, green: Path, matrix: Entry
) -> None:
    """The scheduler drops a job whose last run has not quite ended; the watch goes on all the same."""
    with watching(tmp_path, green, {"cam": Sky()}, speed=60) as watch:
        schedule, live = watch.service.schedule, watch.service.watches["cam"]
        run, look = schedule._run, live.look

        def late() -> datetime:
            look()
            return watch.clock.now()

        def lingering(job: str) -> None:
            run(job)
            time.sleep(0.3)

        live.look = late  # type: ignore[method-assign]
        schedule._run = lingering  # type: ignore[method-assign]
        watch.wait(lambda: len(watch.judged("cam")) >= 5, "looks go on", cadences=30)
        check_watch(watch)
    matrix(
        "The machine", "looks later than their cadence, the next due before the last has ended", "watched on"
    )


def test_looks_that_fail_are_told_once_and_end_with_the_fault(
    tmp_path: Path, green: Path, matrix: Entry
) -> None:
    """A fault nobody foresaw: counted, logged whole, one word to the operator, and planned anew each time."""
    with watching(tmp_path, green, {"cam": Sky(), "other": Sky()}, speed=60) as watch:
        watch.wait(lambda: watch.judged("cam"), "it watches")
        pipeline = watch.service.watches["cam"].pipeline
        follow = pipeline.follow

        def broken(*_: object, **__: object) -> object:
            raise RuntimeError("nobody foresaw this")

        pipeline.follow = broken  # type: ignore[method-assign, assignment]
        watch.wait(lambda: watch.counter("job_errors_total", job="watch cam") >= 3, "it fails", cadences=8)
        pipeline.follow = follow  # type: ignore[method-assign]
        ended = watch.clock.now()
        recovery = watch.recovery_cadences("cam", ended)
        assert back_in_time(recovery)
        watch.wait(lambda: len(watch.operator_mail(camera="cam")) == 2, "the operator hears of both")
        assert watch.counter("job_errors_total", job="watch other") == 0
        assert len(watch.judged("other")) >= 3
        assert sum("nobody foresaw this" in line for line in watch.notes.lines) >= 3
        check_watch(watch)
    matrix(
        "The machine",
        "looks that end in an error nobody foresaw",
        "counted and logged, the operator notified once, other cameras not touched",
        f"{recovery:.1f} cadences",
    )
