"""A stand-in for AuroraMAX's site: live still and night movies over real HTTP, and their faults.

    python -m training.simulator.site --date 2024-02-10 --speed 60

prints one line of JSON with its address and clock, and serves until SIGTERM, or until the pipe it
was given as standard input is closed. Addresses are the real site's:

    /recent/recent_{480p,720p,1080p}.jpg                      Last-Modified, ETag, 304
    /sort_by_project/AuroraMAX/rt-movies/mp4/YYYY/MM/DD/[yknf_slr-12/]auroramaxHD_YYYYMMDD_{…}.mp4
                                                              Range, If-Range
    /json/… /products/… /app/json/ /hapi/data                 space weather (training.simulator.space_weather)
    /control[?fault=NAME&where=live|movie|space|all&times=N]        from this machine alone
    /control?origin=T&speed=N                                 sets its clock going at that time.time()
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import stat
import sys
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from daemon.clock import HELD, Clock, FastClock
from daemon.errors import AuroradError
from daemon.observation import Picture, from_utc_text, utc_text
from training.simulator.faults import FEED, Faults
from training.simulator.footage import DrawnNight, Footage, PlayedMovie, movie_times
from training.simulator.http import Body, Server
from training.simulator.movie import STEP_S, style_of, write_movie
from training.simulator.movie import clock as clock_of
from training.simulator.space_weather import SpaceFeeds

PUBLISHED_AFTER = timedelta(seconds=5)
"""From the start of an exposure to its still: 4 s of light and a second of work."""

SIZES = {"480p": (853, 480), "720p": (1280, 720), "1080p": (1920, 1080)}
QUALITY = 88


@dataclass(frozen=True)
class Movie:
    """A night's movie on the site: its file, the folder it may be inserted in, when it appears."""

    path: Path
    folder: str = ""
    appears: datetime | None = None


class Site:
    """What is on the site at each instant of its clock. Knows nothing of HTTP."""

    def __init__(self, footage: Footage, clock: Clock | None = None) -> None:
        self.footage = footage
        self.clock = clock or Clock()
        self.faults = Faults()
        self.movies: dict[tuple[date, str], Movie] = {}
        self.asked: Counter[str] = Counter()
        self.feeds = SpaceFeeds()
        self._lock = threading.Lock()
        self._drawn: tuple[datetime, Picture] | None = None
        self._encoded: dict[tuple[datetime, str, int], bytes] = {}
        self._pinned: datetime | None = None

    def go(self, origin: float, speed: float) -> None:
        """Set a clock that was held going: it stood at its start at ``time.time() == origin``."""
        if not isinstance(self.clock, FastClock):
            raise ValueError("this site's clock is the real one")
        self.clock.speed, self.clock.origin = speed, origin

    def add_movie(
        self,
        night: date,
        path: Path,
        size: str = "720p",
        folder: str = "",
        appears: datetime | None = None,
    ) -> None:
        """Put a movie on the site; ``folder`` is ``yknf_slr-12`` in some years."""
        self.movies[night, size] = Movie(path, folder, appears)

    def still(self, size: str, fault: str | None = None) -> Body:
        """The newest still in one of SIZES, as the fault makes it."""
        exposure = self._exposure()
        with self._lock:
            if fault not in FEED:
                self._pinned = None
                return self._still(exposure, exposure, size)
            pinned = self._pinned = self._pinned or exposure
            if fault == "freeze":
                return self._still(pinned, pinned, size)
            if fault == "old":
                return self._still(pinned, pinned - timedelta(days=90), size)
            if fault == "stopped-clock":
                return self._with_stamp_of(pinned, exposure, size)
            turn = int(exposure.timestamp() // STEP_S) % 8
            return self._still(pinned, exposure, size, QUALITY - turn if fault == "reencode" else QUALITY)

    def movie(self, path: str) -> Movie | None:
        """The movie of an address, once it has appeared."""
        for (night, size), movie in self.movies.items():
            folder = f"{movie.folder}/" if movie.folder else ""
            name = f"auroramaxHD_{night:%Y%m%d}_{size}.mp4"
            if path == f"/sort_by_project/AuroraMAX/rt-movies/mp4/{night:%Y/%m/%d}/{folder}{name}":
                there = movie.appears is None or self.clock.now() >= movie.appears
                return movie if there else None
        return None

    def space(self, path: str) -> Body | None:
        """A feed of space weather as it stands now (:mod:`training.simulator.space_weather`)."""
        now = self.clock.now()
        made = self.feeds.answer(path, now)
        return None if made is None else Body(made, "application/json", format_datetime(now, usegmt=True), "")

    def state(self) -> dict[str, object]:
        """What ``/control`` says: the clock, the newest exposure, the fault, requests so far."""
        fault, now = self.faults.now, self.clock.now()
        return {
            "now": utc_text(now),
            "exposure": utc_text(self._exposure()),
            "ended": now >= self.footage.ends,
            "fault": None if fault is None else fault.kind,
            "requests": dict(self.asked),
        }

    def _exposure(self) -> datetime:
        return self.footage.exposure(self.clock.now() - PUBLISHED_AFTER)

    def _still(self, exposure: datetime, dated: datetime, size: str, quality: int = QUALITY) -> Body:
        key = (exposure, size, quality)
        if key not in self._encoded:
            self._keep(key, _jpeg(self._frame(exposure), size, quality))
        return _body(self._encoded[key], dated)

    def _with_stamp_of(self, pinned: datetime, exposure: datetime, size: str) -> Body:
        """The newest sky with the clock's strip of an older frame."""
        old, frame = self._frame(pinned), self._frame(exposure).copy()
        top, left = int(frame.shape[0] * 0.91), int(frame.shape[1] * 0.64)
        frame[top:, left:] = old[top:, left:]
        return _body(_jpeg(frame, size, QUALITY), exposure)

    def _frame(self, exposure: datetime) -> Picture:
        if self._drawn is None or self._drawn[0] != exposure:
            self._drawn = (exposure, self.footage.frame(exposure))
        return self._drawn[1]

    def _keep(self, key: tuple[datetime, str, int], jpeg: bytes) -> None:
        """Remember an encoded still; the oldest of a few makes room."""
        while len(self._encoded) >= 12:
            self._encoded.pop(next(iter(self._encoded)))
        self._encoded[key] = jpeg


def _body(jpeg: bytes, exposure: datetime) -> Body:
    published = exposure + PUBLISHED_AFTER
    tag = f'"{len(jpeg):x}-{int(published.timestamp()):x}"'
    return Body(jpeg, "image/jpeg", format_datetime(published.astimezone(UTC), usegmt=True), tag)


def _jpeg(frame: Picture, size: str, quality: int) -> bytes:
    width, height = SIZES[size]
    if frame.shape[0] != height:
        how = cv2.INTER_AREA if height < frame.shape[0] else cv2.INTER_LINEAR
        frame = np.asarray(cv2.resize(frame, (width, height), interpolation=how), dtype=np.uint8)
    _, jpeg = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return jpeg.tobytes()


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to stop. Exit 0; 1 with one line on standard error where it cannot begin."""
    asked = _parser().parse_args(arguments)
    try:
        footage = _footage(asked)
    except AuroradError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    clock = FastClock(asked.at or footage.begins, asked.speed, HELD if asked.hold else None)
    site = Site(footage, clock)
    if asked.movie is not None:
        site.add_movie(asked.date or footage.ends.date(), asked.movie, appears=footage.ends)
    with TemporaryDirectory() as folder, Server(site, asked.host, asked.port) as server:
        if asked.movie_step is not None and isinstance(footage, DrawnNight):
            path = Path(folder) / "night.mp4"
            threading.Thread(
                target=_draw_movie, args=(site, footage, path, asked.movie_step), daemon=True
            ).start()
        print(json.dumps(_line(server, site, clock)), flush=True)
        _wait_for_the_end()
    return 0


def _line(server: Server, site: Site, clock: FastClock) -> dict[str, object]:
    """What a parent needs to know: where, and how to read the same clock (``daemon.clock.FastClock``)."""
    movies = "/sort_by_project/AuroraMAX/rt-movies/mp4/{yyyy}/{mm}/{dd}/auroramaxHD_{yyyy}{mm}{dd}_720p.mp4"
    return {
        "address": server.address,
        "live": f"{server.address}/recent/recent_720p.jpg",
        "movie": f"{server.address}{movies}",
        "start": utc_text(clock.start),
        "speed": clock.speed,
        "origin": None if clock.origin == HELD else clock.origin,
        "begins": utc_text(site.footage.begins),
        "ends": utc_text(site.footage.ends),
    }


def _footage(asked: argparse.Namespace) -> Footage:
    if asked.movie is not None:
        return PlayedMovie(asked.movie, movie_times(asked.movie, asked.begins, asked.step))
    from training.simulator.night import Night

    night = Night(asked.seed, asked.date or date(2024, 2, 10), events=asked.events, weather=asked.weather)

    def draw(at: datetime) -> Picture:
        return night.frame(at, asked.side).square

    return DrawnNight(draw, night.start, night.end, style_of(night.night.year))


def _draw_movie(site: Site, night: DrawnNight, path: Path, step_s: float) -> None:
    """Draw the night's movie while the night is watched; it is on the site after its end."""
    frames = round((night.ends - night.begins).total_seconds() / step_s)
    write_movie(path, (night.frame(at) for at in clock_of(night.begins, frames, step_s)))
    site.add_movie(night.ends.date(), path, appears=night.ends)


def _wait_for_the_end() -> None:
    """Until SIGTERM or SIGINT, or, where standard input is a pipe, until its other end is closed."""
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    if stat.S_ISFIFO(os.fstat(0).st_mode):

        def watch() -> None:
            while os.read(0, 4096):
                pass
            over.set()

        threading.Thread(target=watch, daemon=True).start()
    over.wait()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.simulator.site", description=__doc__.splitlines()[0]
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to serve on")
    add("--port", type=int, default=0, help="port; 0 takes a free one")
    add("--date", type=date.fromisoformat, help="the night's UTC date (2024-02-10)")
    add("--at", type=from_utc_text, help="where its clock begins, 2024-02-10T04:00:00Z; else with the night")
    add("--speed", type=float, default=1.0, help="how many times as fast as time its clock runs")
    add(
        "--hold",
        action="store_true",
        help="keep the clock where it begins until /control?origin= sets it going",
    )
    add("--seed", type=int, default=7, help="which of the nights of that date")
    add("--events", type=int, help="how many events of aurora the night has; else as the seed has it")
    add(
        "--weather",
        choices=("clear", "thin", "broken", "overcast", "changing"),
        help="else as the seed has it",
    )
    add("--side", type=int, default=720, help="pixels the sky is drawn at; less is faster and coarser")
    add("--movie", type=Path, help="show this movie's frames instead of a drawn night")
    add("--movie-step", type=float, help="draw the night's movie too, a frame in so many seconds of it")
    add(
        "--begins",
        type=from_utc_text,
        help="when the movie's first frame was made; else from the table beside it, or its stamps",
    )
    add("--step", type=float, default=STEP_S, help="seconds between two of the movie's frames, with --begins")
    return parser


if __name__ == "__main__":
    sys.exit(main())
