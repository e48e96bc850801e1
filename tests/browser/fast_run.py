"""``aurorad run`` as a process of its own, on a clock that runs faster than time.

    python fast_run.py CONFIG START SPEED ORIGIN

START, SPEED and ORIGIN are what the stand-in site tells of its own clock, so that both read the same time.
"""

import sys
from pathlib import Path

from daemon import service
from daemon.clock import FastClock
from daemon.config import load
from daemon.observation import from_utc_text


def main(config: Path, start: str, speed: float, origin: float) -> None:
    """Watch until SIGTERM, like the command."""
    service.run(load(config), config, FastClock(from_utc_text(start), speed, origin))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]), float(sys.argv[4]))
