"""The stand-in site on the real clock: a drawn night that is going on now, wherever it is night now.

    python site_now.py PORT

A service under test has no clock of its own to turn, so the night comes to it: the site's sky is one
of 2024, its burnt-in times are the present, and :func:`camera_table` puts a camera where it is midnight.
"""

import sys
import time
from datetime import UTC, date, datetime, timedelta


def camera_table(now: datetime, port: int, cadence_s: float = 6.0, stale_after_s: float = 30.0) -> str:
    """[[camera]] for a place on the equator where ``now`` (aware) is the middle of the night."""
    hours = now.astimezone(UTC).hour + now.minute / 60
    longitude_deg = (-15 * hours + 180) % 360 - 180
    return f"""
[[camera]]
name = "midnight"
latitude_deg = 0.0
longitude_deg = {longitude_deg:.2f}
timezone = "America/Yellowknife"
cadence_s = {cadence_s}
[camera.source]
kind = "auroramax"
url = "http://127.0.0.1:{port}/recent/recent_720p.jpg"
movie_url = ""
movie_url_alternatives = []
timeout_s = 5.0
stale_after_s = {stale_after_s}
"""


def main(port: int) -> None:
    """Serve for ever."""
    from training.simulator.footage import DrawnNight
    from training.simulator.http import Server
    from training.simulator.movie import style_of
    from training.simulator.night import Night
    from training.simulator.site import Site

    night = Night(7, date(2024, 2, 10), events=1, weather="clear")
    began = datetime.now(UTC) - timedelta(hours=1)

    def sky(at: datetime):  # type: ignore[no-untyped-def]
        return night.frame(night.start + timedelta(hours=2) + (at - began), 240).square

    footage = DrawnNight(sky, began, began + timedelta(hours=10), style_of(2024))
    with Server(Site(footage), "127.0.0.1", port):
        print("serving", flush=True)
        while True:
            time.sleep(3600)


if __name__ == "__main__":
    main(int(sys.argv[1]))
