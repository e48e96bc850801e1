"""The schedule's own promises, with the real scheduler."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from apscheduler.jobstores.memory import MemoryJobStore

from daemon.clock import Clock
from daemon.metrics import Metrics
from daemon.schedule import Schedule


def test_a_stop_in_the_moment_in_which_a_job_begins_is_no_error() -> None:
    """The scheduler's thread ends as any other: an exception in it would fail this test."""
    failed: list[str] = []
    schedule = Schedule(Clock(), Metrics(), lambda job, error: failed.append(job))
    stopping = threading.Thread(target=schedule.stop, args=(10.0,))

    class Due(MemoryJobStore):  # type: ignore[misc]
        """Begins the stop between finding a job due and starting it."""

        def get_due_jobs(self, now: datetime) -> Sequence[Any]:
            due: Sequence[Any] = super().get_due_jobs(now)
            if due and not stopping.is_alive():
                stopping.start()
                while schedule._scheduler.running:
                    pass
            return due

    ran = threading.Event()
    schedule._scheduler.add_jobstore(Due())
    schedule.every("look", ran.set, 60.0)
    schedule.start()
    assert ran.wait(10)
    stopping.join(10)
    assert schedule.drained
    assert not failed
