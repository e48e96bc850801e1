"""A made-up night in a real database, and a real server over it, for the tests of the page.

The night of 2024-02-10 over Yellowknife, a frame a minute: twilight, clear sky, an arc from minute
240 on, a breakup, cloud, an hour without footage, twilight again. Pictures are drawn, and tiny.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from math import exp, sin
from pathlib import Path
from typing import Any

import numpy as np
from prometheus_client import CollectorRegistry, Counter

from daemon.config import Settings
from daemon.event import EventState
from daemon.footage import image
from daemon.live_status import LiveStatus
from daemon.night import night_of
from daemon.observation import (
    Event,
    EventChange,
    Gate,
    Message,
    Observation,
    Picture,
    Prediction,
    SkyState,
    Verdict,
    utc_text,
)
from daemon.record.store import Store
from daemon.sky.ephemeris import Observatory
from daemon.web.app import create_app
from daemon.web.ports import Classifier, Ports, Push
from daemon.web.server import Server

CAMERA = "yellowknife"
NIGHT = date(2024, 2, 10)
FIRST = datetime(2024, 2, 10, 0, 20, tzinfo=UTC)
MINUTES = 880
ONSET, STRONG, OVER = 240, 300, 420
SHA = "c0ffee" * 10 + "beef"
LONGITUDE = -114.35
Draw = Callable[[int, float], Picture]


@lru_cache(maxsize=1)
def observatory() -> Observatory:
    """The real sky over Yellowknife."""
    return Observatory(62.4333, LONGITUDE)


@dataclass
class Watch:
    """A status the tests set by hand."""

    now: datetime = FIRST + timedelta(minutes=400)
    ticks_since: float | None = None
    cameras: dict[str, LiveStatus] = field(default_factory=dict)
    well: bool = True

    def clock(self) -> datetime:
        """The time set; or, once it ticks, that and what has passed since."""
        passed_s = 0.0 if self.ticks_since is None else time.monotonic() - self.ticks_since
        return self.now + timedelta(seconds=passed_s)

    def camera(self, name: str) -> LiveStatus | None:
        """The live state set for a camera."""
        return self.cameras.get(name)

    def healthy(self) -> tuple[bool, str]:
        """As set."""
        return (True, "watching") if self.well else (False, "no frame has been handled for 10 min")

    def ready(self) -> tuple[bool, str]:
        """As set."""
        return self.well, "ready" if self.well else "the model is not loaded"


@dataclass
class House:
    """Everything a test may want to turn."""

    store: Store
    watch: Watch
    ports: Ports
    server: Server
    app: Any = None

    @property
    def url(self) -> str:
        """Where the page is."""
        return self.server.url


def probability_at(minute: int) -> float:
    """A quiet evening, an arc, a breakup, and after it nothing."""
    arc = 0.93 if ONSET <= minute < OVER else 0.0
    swell = 0.9 * exp(-(((minute - STRONG) / 40) ** 2))
    wobble = 0.03 * sin(minute / 7) + 0.02 * sin(minute / 2.3)
    return float(np.clip(0.06 + max(arc * 0.9, swell) + wobble, 0.001, 0.999))


def verdict_at(minute: int, sky: SkyState) -> tuple[Verdict, str]:
    """What the watch makes of a minute."""
    if sky.sun_altitude_deg > -6:
        return "not looked", f"civil twilight: sun at {sky.sun_altitude_deg:.1f}°"
    if probability_at(minute) >= 0.5:
        return "aurora", "probability above the threshold"
    return ("obscured", "cloud") if 480 <= minute < 620 else ("clear", "sky seen")


def is_gap(minute: int) -> bool:
    """An hour in which the camera sent nothing."""
    return 660 <= minute < 720


def heatmap_at(minute: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """A blob that wanders."""
    y, x = np.mgrid[0:8, 0:8]
    cx, cy = 3.5 + 2 * sin(minute / 60), 3 + sin(minute / 45)
    blob = np.exp(-(((x - cx) / 1.9) ** 2 + ((y - cy) / 0.9) ** 2))
    return np.asarray(blob / blob.max(), np.float32)


def drawn_sky(minute: int, probability: float, side: int = 96) -> Picture:
    """A small dome: dark blue, a green band where there is aurora, stars that do not move."""
    y, x = (np.mgrid[0:side, 0:side] + 0.5) / side * 2 - 1
    inside = (x**2 + y**2 < 1)[..., None]
    band = np.exp(-(((y + 0.25 + 0.12 * np.sin(3 * x + minute / 40)) / 0.16) ** 2)) * probability
    rgb = np.stack([34 + 30 * band, 26 + 190 * band, 14 + 40 * band], axis=-1)
    rgb[(minute * 7) % side, side // 2] += 60
    return np.asarray(np.clip(rgb * inside, 0, 255), np.uint8)


def drawn_column(minute: int, probability: float) -> bytes:
    """The same as a keogram column: 120 × 3 RGB bytes, north first."""
    y = np.linspace(-1, 1, 120)
    band = np.exp(-(((y + 0.25 + 0.12 * np.sin(minute / 40)) / 0.16) ** 2)) * probability
    rgb = np.stack([14 + 40 * band, 26 + 190 * band, 34 + 30 * band], axis=-1)
    return np.asarray(np.clip(rgb, 0, 255), np.uint8).tobytes()


def observation_at(minute: int, sky: SkyState, camera: str = CAMERA, kept: str | None = None) -> Observation:
    """One row of the made-up night."""
    verdict, reason = verdict_at(minute, sky)
    at, p = sky.at, probability_at(minute)
    told = Observation(
        camera, at, at + timedelta(seconds=9), verdict, reason, sky, source="recent_720p.jpg", picture=kept
    )
    if verdict == "not looked":
        return told
    said = Prediction(
        np.zeros(4, np.float32),
        min(1.0, p * 1.02),
        p,
        0.1 if verdict == "obscured" else 0.9,
        heatmap_at(minute),
        SHA,
    )
    shadow = float(np.clip(p + 0.1 * sin(minute), 0, 1))
    lit = verdict == "aurora"
    return replace(
        told,
        prediction=said,
        threshold=0.5 if sky.twilight == "night" else 0.6,
        colour_cover=p / 2,
        colour_level=int(p * 5),
        heatmap_area=0.2,
        azimuth_deg=315.0 if lit else None,
        elevation_deg=35.0 if lit else None,
        shadow_probability=shadow,
    )


def event_of(now_minute: int, camera: str = CAMERA) -> Event:
    """The night's one event, as it stands at a minute."""
    at = [FIRST + timedelta(minutes=m) for m in (ONSET, ONSET + 1, STRONG, OVER + 15)]
    return Event(
        id=f"{camera}-{at[0]:%Y%m%dT%H%M%SZ}",
        camera=camera,
        onset_at=at[0],
        confirmed_at=at[1],
        strong_at=at[2] if now_minute >= STRONG else None,
        ended_at=at[3] if now_minute >= OVER + 15 else None,
        peak_probability=0.987,
        peak_at=at[2] if now_minute >= STRONG else at[1],
    )


def fill(
    store: Store,
    frames_dir: Path,
    *,
    first: int = 0,
    last: int = MINUTES,
    camera: str = CAMERA,
    draw: Draw = drawn_sky,
    days: int = 0,
    sky_of: Callable[[list[datetime]], list[SkyState]] | None = None,
) -> None:
    """Write the night's minutes ``first`` to ``last``, pictures and columns with them."""
    minutes = [m for m in range(first, last) if not is_gap(m)]
    times = [FIRST + timedelta(days=days, minutes=m) for m in minutes]
    states = (sky_of or observatory().states)(times)
    folder = frames_dir / camera / (NIGHT + timedelta(days=days)).strftime("%Y%m%d")
    folder.mkdir(parents=True, exist_ok=True)
    with store.batch():
        for minute, sky in zip(minutes, states, strict=True):
            p = probability_at(minute)
            name = folder / f"{sky.at:%Y%m%d%H%M%S}_{folder.name}_{minute}.jpg"
            name.write_bytes(image.encode_jpeg(draw(minute, p)))
            row = observation_at(minute, sky, camera, name.relative_to(frames_dir).as_posix())
            changes = (
                [EventChange("onset", event_of(minute, camera), sky.at)]
                if minute == ONSET and not days
                else []
            )
            store.record(
                row,
                night=night_of(sky.at, Settings().camera[0]),
                changes=changes,
                column=drawn_column(minute, p),
                state=EventState(event_of(minute, camera)) if not days and minute >= ONSET else None,
            )


def message() -> Message:
    """An onset told to somebody."""
    event = event_of(ONSET)
    return Message(
        event.id, "onset", "phone", "aurora", CAMERA, "Aurora", "now", event.confirmed_at,
        event.confirmed_at + timedelta(hours=1),
    )  # fmt: skip


def looking(at: datetime, **more: Any) -> LiveStatus:
    """A watch that looks, and had a frame just now, the made-up night's of that minute, and another before it."""
    minute, before = at.replace(second=0, microsecond=0), at - timedelta(seconds=1)
    fresh = {"began_at": FIRST, "fetched_at": at, "framed_at": at, "before_at": before, "observed_at": minute}
    return LiveStatus(Gate(True, True, "dark enough"), **(fresh | more))


@contextmanager
def house(
    folder: Path,
    *,
    minutes: int = 400,
    token: str | None = None,
    settings: Settings | None = None,
    draw: Draw = drawn_sky,
    port: int = 0,
    rate: float = 1.0,
    replays: bool = False,
    classify: Classifier | None = None,
    push: Push | None = None,
) -> Iterator[House]:
    """A database with the night up to ``minutes``, and the page over it on a free port."""
    with Store(folder / "aurorad.db") as store:
        store.register_model(SHA, "test model", {"name": "test model"})
        fill(store, folder / "frames", last=minutes, draw=draw)
        now = FIRST + timedelta(minutes=minutes - 1, seconds=12)
        watch = Watch(now=now, cameras={CAMERA: looking(now - timedelta(seconds=3))})
        registry = CollectorRegistry()
        Counter("aurorad_test_pages", "A metric to be found.", registry=registry).inc()
        from daemon.record.store import Reader

        ports = Ports(
            settings=settings or Settings(),
            reader=lambda: Reader(folder / "aurorad.db"),
            labels=store,
            status=watch,
            registry=registry,
            frames_dir=folder / "frames",
            skies={CAMERA: observatory()},
            clock=watch.clock,
            clock_rate=rate,
            replays=replays,
            token=token,
            classify=classify,
            push=push,
        )
        app = create_app(ports)
        server = Server(app, "127.0.0.1", port)
        server.start()
        try:
            yield House(store, watch, ports, server, app)
        finally:
            server.stop()


def at_minute(minute: int) -> str:
    """A minute's time as the record writes it."""
    return utc_text(FIRST + timedelta(minutes=minute))
