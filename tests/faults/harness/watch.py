"""The watch itself: the real service on its own clock, seen from outside."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from daemon.clock import Clock, FastClock
from daemon.config import (
    CameraSettings,
    DaemonSettings,
    EventSettings,
    ModelSettings,
    NotifySettings,
    Settings,
    SourceSettings,
    SpaceWeatherSettings,
)
from daemon.observation import from_utc_text
from daemon.service import Service, serving
from tests.faults.harness.inbox import Inbox
from tests.faults.harness.invariants import rows
from tests.faults.harness.sky import CADENCE_S, NIGHT, SLACK_S, SPEED, Sky
from training.simulator.http import Server
from training.simulator.site import Site


class Notes(logging.Handler):
    """What the daemon says in its log, kept."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        self.lines.append(f"{record.levelname} {record.getMessage()}")


@dataclass
class Watch:
    """A running daemon, what it looks at, and who listens."""

    service: Service
    clock: Clock
    sites: dict[str, Site]
    inboxes: dict[str, Inbox]
    notes: Notes

    @property
    def database(self) -> Path:
        """The record."""
        return self.service.settings.daemon.database

    def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        """What the record says."""
        return rows(self.database, sql, *values)

    def judged(self, camera: str, since: datetime | None = None) -> list[dict[str, Any]]:
        """The camera's rows with a verdict on the sky, fetched at or after ``since``."""
        sql = "SELECT * FROM observations WHERE camera = ? AND probability IS NOT NULL ORDER BY observed_at"
        found = self.rows(sql, camera)
        return [r for r in found if since is None or from_utc_text(r["fetched_at"]) >= since]

    def sleep(self, cadences: float) -> None:
        """Let so many cadences go by."""
        time.sleep(self.clock.real_s(cadences * CADENCE_S))

    def wait(self, until: Callable[[], object], what: str, cadences: float = 3, slack_s: float = 30) -> None:
        """Until it is so; fails after so many cadences and ``slack_s`` real seconds."""
        end = time.monotonic() + self.clock.real_s(cadences * CADENCE_S) + slack_s
        while not until():
            assert time.monotonic() < end, f"{what}: not within {cadences:g} cadences"
            time.sleep(0.05)

    def counter(self, name: str, **labels: str) -> float:
        """A metric's value, 0 where it was never touched."""
        value = self.service.metrics.registry.get_sample_value(f"aurorad_{name}", labels)
        return 0.0 if value is None else value

    def counters(self, name: str, **labels: str) -> dict[str, float]:
        """All series of a metric that carry these labels, by their other labels."""
        found = {}
        for metric in self.service.metrics.registry.collect():
            for sample in metric.samples:
                if sample.name == f"aurorad_{name}" and labels.items() <= sample.labels.items():
                    rest = [v for k, v in sample.labels.items() if k not in labels]
                    found["/".join(rest)] = sample.value
        return found

    def operator_mail(self, word: str = "", camera: str | None = None) -> list[dict[str, Any]]:
        """The operator's messages, of one camera or all, whose first line has this word."""
        found = self.rows("SELECT * FROM outbox WHERE audience = 'operator' ORDER BY id")
        return [m for m in found if word in m["body"].splitlines()[0] and camera in (None, m["camera"])]

    def recovery_cadences(self, camera: str, ended: datetime) -> float:
        """Wait for the first frame judged after the fault's end; how many cadences that took."""
        self.wait(lambda: self.judged(camera, ended), f"{camera} is watched again", cadences=4)
        first = from_utc_text(self.judged(camera, ended)[0]["fetched_at"])
        return (first - ended).total_seconds() / CADENCE_S


def back_in_time(cadences: float, speed: float = SPEED) -> bool:
    """Within two cadences, but for what a busy machine is late."""
    return cadences <= 2 + SLACK_S * speed / CADENCE_S


def camera(name: str, server: Server, *, stamped: bool = False, **source: Any) -> CameraSettings:
    """A camera on a stand-in site. Without a stamp the frames are dated by Last-Modified."""
    size = "720p" if stamped else "480p"
    given: dict[str, Any] = {
        "url": f"{server.address}/recent/recent_{size}.jpg",
        "movie_url": "",
        "time_from": "stamp" if stamped else "header",
        "timeout_s": 10.0,
        "stale_after_s": 120.0,
    }
    settings = CameraSettings(name=name, cadence_s=CADENCE_S, source=SourceSettings(**(given | source)))
    return settings if stamped else settings.model_copy(update={"stamp": False})


@contextmanager
def watching(
    folder: Path,
    model: Path,
    skies: dict[str, Sky],
    *,
    speed: float = SPEED,
    channels: Sequence[NotifySettings | str] = ("people", "owner"),
    event: EventSettings | None = None,
    start: datetime = NIGHT,
    sources: dict[str, dict[str, Any]] | None = None,
    space_weather: SpaceWeatherSettings | None = None,
    **daemon: Any,
) -> Iterator[Watch]:
    """The daemon in this process on a fast clock, a site a camera, an inbox a channel."""
    clock = FastClock(start, speed)
    notes = Notes()
    with ExitStack() as stack:
        sites = {name: Site(sky, clock) for name, sky in skies.items()}
        servers = {name: stack.enter_context(Server(site)) for name, site in sites.items()}
        inboxes = {name: Inbox(clock) for name in map(_channel_name, channels)}
        for inbox in inboxes.values():
            stack.callback(inbox.close)
        settings = Settings(
            daemon=DaemonSettings(
                state_dir=folder / "state", port=0, **({"min_free_mb": 1, "hold_min": 0} | daemon)
            ),
            model=ModelSettings(path=model, device="cpu", threads=1),
            camera=tuple(
                camera(name, servers[name], stamped=sky.stamped, **(sources or {}).get(name, {}))
                for name, sky in skies.items()
            ),
            event=event or EventSettings(strong_level=7, dwell_min=3, cool_down_min=0),
            notify=tuple(_channel(c, inboxes) for c in channels),
            space_weather=space_weather or SpaceWeatherSettings(),
        )
        logger = logging.getLogger("aurorad")
        level = logger.level
        logger.setLevel(logging.INFO)
        logger.addHandler(notes)
        stack.callback(logger.setLevel, level)
        stack.callback(logger.removeHandler, notes)
        service = stack.enter_context(serving(settings, None, clock))
        yield Watch(service, clock, sites, inboxes, notes)


def _channel_name(channel: NotifySettings | str) -> str:
    return channel if isinstance(channel, str) else channel.name


def _channel(channel: NotifySettings | str, inboxes: dict[str, Inbox]) -> NotifySettings:
    if not isinstance(channel, str):
        return channel.model_copy(update={"url": inboxes[channel.name].url})
    audience = "operator" if channel == "owner" else "aurora"
    return NotifySettings(name=channel, url=inboxes[channel].url, audience=audience, picture=False)
