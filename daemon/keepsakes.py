"""A movie and a card of each night with aurora and of each event, made in the background.

Bounded: one at a time in a thread of the lowest priority, of at most ``MOST_FRAMES`` frames; of nights and events
of the last ``BACK`` only, once they are over; removed when their pictures are. What cannot be made is left out
until the watch starts again.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import pytz

from daemon import sighting, words
from daemon.clock import Clock
from daemon.config import CameraSettings, Settings
from daemon.errors import FootageError, StoreError
from daemon.files import write_whole
from daemon.footage import timelapse
from daemon.night import night_of, night_text
from daemon.observation import from_utc_text
from daemon.record import keepsake_files
from daemon.record.columns import ObservationRow
from daemon.record.rows import EventRow
from daemon.record.store import Store

log = logging.getLogger("aurorad.keepsakes")

BACK = timedelta(days=3)
MOST_FRAMES = 360
FEWEST_FRAMES = 5
SOON, LATER = timedelta(minutes=2), timedelta(minutes=30)
"""Until the next is made, and until it is looked whether there is one to make."""

LOWEST = 19


@dataclass(frozen=True)
class Wanted:
    """One keepsake: its movie's path, its frames' span, its card's title, and the zone of the card's times."""

    movie: Path
    camera: str
    since: datetime
    until: datetime
    title: str
    zone: str


class Keepsakes:
    """Makes what is missing, one a visit. One for all reloads, which set its ``settings``: one movie is made at a time."""

    def __init__(self, settings: Settings, store: Store, pictures: Path, clock: Clock) -> None:
        self.settings, self.store, self.pictures, self.clock = settings, store, pictures, clock
        self._given_up: set[Path] = set()
        self._maker: threading.Thread | None = None
        self._stopping = threading.Event()

    def visit(self) -> datetime:
        """Begin to make the next one that is missing; when to come again. Raises StoreError."""
        now = self.clock.now()
        if self._maker is not None and self._maker.is_alive():
            return now + SOON
        self._remove_old(now)
        wanted = next(self.missing(now), None)
        if wanted is None:
            return now + LATER
        self._maker = threading.Thread(target=self._make, args=(wanted,), name="timelapse", daemon=True)
        self._maker.start()
        return now + SOON

    def stop(self, timeout_s: float) -> None:
        """Leave the one being made, which the next start makes anew, and wait so long for that at most."""
        self._stopping.set()
        if self._maker is not None:
            self._maker.join(timeout_s)

    @property
    def drained(self) -> bool:
        """Is none being made? Python's end in the middle of an encoder's work ends the process by a signal."""
        return self._maker is None or not self._maker.is_alive()

    def missing(self, now: datetime) -> Iterator[Wanted]:
        """The keepsakes not yet made, events first, newest first. Raises StoreError."""
        for camera in self.settings.camera if self.settings.daemon.timelapses else ():
            for wanted in (*self._events(camera, now), *self._nights(camera, now)):
                if wanted.movie not in self._given_up and not wanted.movie.exists():
                    yield wanted

    def _events(self, camera: CameraSettings, now: datetime) -> Iterator[Wanted]:
        for event in self.store.reader.events(camera.name, now - BACK, now):
            if event["ended_at"] is not None:
                yield Wanted(
                    keepsake_files.of_event(self.settings.daemon.state_dir, event["id"]),
                    camera.name,
                    from_utc_text(event["onset_at"]),
                    from_utc_text(event["ended_at"]),
                    _title_of(event, camera),
                    camera.timezone,
                )

    def _nights(self, camera: CameraSettings, now: datetime) -> Iterator[Wanted]:
        tonight = night_of(now, camera)
        for row in self.store.reader.nights(camera.name, (now - BACK).date(), tonight)[::-1]:
            night = date.fromisoformat(row["night"])
            if row["aurora"] and night < tonight:
                name = camera.called
                yield Wanted(
                    keepsake_files.of_night(self.settings.daemon.state_dir, camera.name, night),
                    camera.name,
                    from_utc_text(row["first_at"]),
                    from_utc_text(row["last_at"]),
                    f"Aurora over {name}, {night_text(night)}",
                    camera.timezone,
                )

    def _make(self, wanted: Wanted) -> None:
        """Thread: movie and card. What goes wrong costs this one."""
        with contextlib.suppress(OSError, AttributeError):  # a thread's own priority is Linux's
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOWEST)
        try:
            self.make(wanted)
        except (FootageError, StoreError, OSError) as error:
            log.warning("%s: no timelapse: %s", wanted.movie.stem, error)
        except Exception as error:  # a keepsake must not end a thread in a traceback of somebody else's code
            log.exception("%s: no timelapse", wanted.movie.stem, exc_info=error)
        if not wanted.movie.exists():
            self._given_up.add(wanted.movie)

    def make(self, wanted: Wanted) -> None:
        """The movie and its card; nothing where too few pictures are kept. Raises FootageError, OSError, StoreError."""
        rows = [row for row in self._rows(wanted) if row["picture"]]
        if len(rows) < FEWEST_FRAMES:
            return
        step = -(-len(rows) // MOST_FRAMES)
        wanted.movie.parent.mkdir(parents=True, exist_ok=True)
        best = max(
            rows, key=lambda row: (row["level"] or 0, row["aurora_index"] or 0.0, row["colour_level"] or 0)
        )
        card = timelapse.card(
            (self.pictures / str(best["picture"])).read_bytes(), wanted.title, _lines(best, wanted.zone)
        )
        write_whole(keepsake_files.card_of(wanted.movie), card)
        timelapse.write_movie(self._bytes(rows[::step]), wanted.movie)

    def _rows(self, wanted: Wanted) -> list[ObservationRow]:
        return self.store.reader.between(wanted.camera, wanted.since, wanted.until)

    def _bytes(self, rows: list[ObservationRow]) -> Iterator[bytes]:
        for row in rows:
            if self._stopping.is_set():
                raise InterruptedError("the watch is stopping")
            with contextlib.suppress(OSError):  # pruned meanwhile
                yield (self.pictures / str(row["picture"])).read_bytes()

    def _remove_old(self, now: datetime) -> None:
        """Keepsakes are kept as long as pictures: counted from the newest, whatever year the clock says."""
        if not self.settings.daemon.keep_pictures_days:
            return
        made: dict[Path, float] = {}
        for path in (self.settings.daemon.state_dir / "timelapse").glob("*/*"):
            with contextlib.suppress(OSError):
                made[path] = path.stat().st_mtime
        kept_s = timedelta(days=self.settings.daemon.keep_pictures_days).total_seconds()
        oldest = min(now.timestamp(), max(made.values(), default=0.0)) - kept_s
        for path, at in made.items():
            if at < oldest:
                with contextlib.suppress(OSError):
                    path.unlink()


def _title_of(event: EventRow, camera: CameraSettings) -> str:
    return f"Aurora over {camera.called}, {night_text(night_of(from_utc_text(event['onset_at']), camera))}"


def _lines(best: ObservationRow, zone: str) -> list[str]:
    at = from_utc_text(best["observed_at"])
    return [
        f"{sighting.headline(best)}.",
        " ".join(filter(None, [sighting.look(best), sighting.colours(best)])),
        f"{words.clock(at.astimezone(pytz.timezone(zone)))} ({at:%H:%M} UTC)",
        "aurorad",
    ]
