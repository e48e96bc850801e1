"""``aurorad run`` as a process of its own, on a clock that runs faster than time.

    python fast_run.py CONFIG START SPEED SITE

START is where the stand-in site's clock is held. When everything is loaded, both clocks are set going
together, so that both read the same time however slow the machine is.
"""

import sys
import time
import urllib.request
from pathlib import Path

from daemon import foreground
from daemon.clock import FastClock
from daemon.config import load
from daemon.observation import from_utc_text

GET_READY_S = 2.0
"""Until the daemon has loaded its model and serves its page."""


def main(config: Path, start: str, speed: float, site: str) -> None:
    """Watch until SIGTERM, like the command."""
    settings, origin = load(config), time.time() + GET_READY_S
    with urllib.request.urlopen(f"{site}/control?origin={origin}&speed={speed}", timeout=30):
        pass
    foreground.run(settings, config, FastClock(from_utc_text(start), speed, origin))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]), sys.argv[4])
