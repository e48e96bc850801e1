"""No look is ever the last one: slow looks, looks that fail, jobs the scheduler drops."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path

from tests.faults.conftest import Entry
from tests.faults.harness import Sky, back_in_time, check_watch, watching


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
