"""A daemon on a fast clock that says how much it holds: memory, open files, threads.

    python -m tests.faults.month JSON

where JSON gives ``state``, ``model``, ``url``, ``inbox``, ``start``, ``speed``, ``origin``, ``days``.
One line of JSON every second: day, resident memory, open files and their names, threads. The database
is counted from outside: a reader of its own in here kept as many pages as the database grew by, and was
taken for a leak.
"""

import json
import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from daemon.clock import FastClock
from daemon.config import (
    CameraSettings,
    DaemonSettings,
    EventSettings,
    ModelSettings,
    NotifySettings,
    Settings,
    SourceSettings,
)
from daemon.observation import from_utc_text
from daemon.service import serving

CADENCE_S = 300.0


def main(asked: dict[str, str]) -> None:
    """Watch until the days are over."""
    logging.basicConfig(level=logging.WARNING)
    logging.getLogger("apscheduler").setLevel(logging.CRITICAL)
    clock = FastClock(from_utc_text(asked["start"]), float(asked["speed"]), float(asked["origin"]))
    state = Path(asked["state"])
    source = SourceSettings(url=asked["url"], movie_url="", time_from="header")
    settings = Settings(
        daemon=DaemonSettings(state_dir=state, port=0, min_free_mb=1, keep_pictures_days=7),
        model=ModelSettings(path=Path(asked["model"]), device="cpu", threads=1),
        camera=(CameraSettings(cadence_s=CADENCE_S, source=source, stamp=False),),
        event=EventSettings(confirm=1, of=1, dwell_min=10, cool_down_min=0, strong_level=7),
        notify=(NotifySettings(name="people", url=asked["inbox"], audience="both", kinds=("onset", "over", "summary")),),
    )  # fmt: skip
    until = clock.now() + timedelta(days=float(asked["days"]))
    with serving(settings, None, clock) as service:
        # SQLite keeps up to 2 MB of pages a connection: filled in a month, that would read as a leak.
        service.store._db.execute("PRAGMA cache_size = -100")
        service.store.reader._connection.execute("PRAGMA cache_size = -100")
        while clock.now() < until:
            # Once a real minute is once in days of this clock; of real time it is once a look.
            service._keep_house()
            print(json.dumps(_sample(clock)), flush=True)
            time.sleep(1)
    if (
        not service.drained
    ):  # as the daemon itself ends (daemon/foreground.py): no thread outlives the interpreter
        os._exit(0)


def _sample(clock: FastClock) -> dict[str, float | list[str]]:
    status = Path("/proc/self/status").read_text()
    resident_kb = int(status.split("VmRSS:")[1].split()[0])
    names = sorted(_opened())
    return {
        "day": (clock.now() - clock.start).total_seconds() / 86400,
        "resident_mb": resident_kb / 1024,
        "files": len(names),
        "names": names,
        "threads": len(os.listdir("/proc/self/task")),
    }


def _opened() -> Iterator[str]:
    for number in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):  # closed meanwhile, the list's own first
            yield os.readlink(f"/proc/self/fd/{number}")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
