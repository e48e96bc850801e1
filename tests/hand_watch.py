"""A live watch on a clock set by hand: a feed and a model in the camera's and the model's place, all else real."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from daemon.alert.conditions import Conditions
from daemon.config import CameraSettings, EventSettings, NotifySettings, Settings
from daemon.errors import FetchError
from daemon.footage import image
from daemon.live import LiveWatch
from daemon.metrics import Metrics
from daemon.observation import HeatMap, Picture, Prediction, SkyState
from daemon.pipeline import Pipeline
from daemon.record.picture_files import PictureFolder
from daemon.record.store import Reader, Store
from daemon.source import Still
from tests.conftest import SetClock
from tests.skies import night_sky
from training.simulator.movie import compose, style_of

CAMERA = CameraSettings()
OWNER = NotifySettings(name="owner", url="json://127.0.0.1:9/", audience="operator")
PEOPLE = NotifySettings(name="people", url="json://127.0.0.1:9/", audience="aurora")
SETTINGS = Settings(camera=(CAMERA,), notify=(OWNER, PEOPLE), event=EventSettings(strong_level=7))
RANDOM = np.random.default_rng(5)


def sky_picture(at: datetime, aurora: bool) -> bytes:
    """A noisy dark sky, with a bright green band where there is aurora, and the stamp."""
    square = night_sky(RANDOM, 150 if aurora else 0)
    return image.encode_jpeg(compose(square, at, style_of(2024)))


class Greenness:
    """In the model's place: how green the frame is. The way of a frame is tested here, not the model."""

    def __init__(self) -> None:
        self.asked = 0

    def predict(self, squares: list[Picture]) -> list[Prediction]:
        self.asked += len(squares)
        return [self._one(square) for square in squares]

    def predict_shadow(self, squares: list[Picture], failed: object) -> list[None]:
        return [None] * len(squares)

    def threshold(self, sky: SkyState) -> float:
        return 0.5

    @staticmethod
    def _one(square: Picture) -> Prediction:
        heat: HeatMap = np.zeros((8, 8), np.float32)
        heat[3:5] = 1
        p = 0.97 if int((square[..., 1] > 100).sum()) > 2000 else 0.03
        return Prediction(np.zeros(4, np.float32), p, p, 0.9, heat, "0" * 64)


@dataclass
class Feed:
    """In the camera's place: what the next look gets."""

    clock: SetClock
    next: list[Still | FetchError | None] = field(default_factory=list)
    asked: int = 0
    soon: list[bool] = field(default_factory=list)

    def latest(self) -> Still | None:
        self.asked += 1
        given = self.next.pop(0) if self.next else None
        if isinstance(given, FetchError):
            raise given
        return given

    def ask(self) -> Still:
        raise NotImplementedError

    def next_request(self, wanted: datetime, *, soon: bool = False) -> datetime:
        self.soon.append(soon)
        return wanted

    def describe(self) -> str:
        return "feed"

    @property
    def cursor(self) -> None:
        return None

    def show(self, aurora: bool, late: timedelta = timedelta(seconds=6)) -> None:
        at = self.clock.now() - late
        self.next.append(
            Still(sky_picture(at, aurora), self.clock.now(), at, "http://camera/still.jpg", "still.jpg")
        )


@dataclass
class Watch:
    """A live watch on a clock set by hand."""

    live: LiveWatch
    feed: Feed
    clock: SetClock
    store: Store
    model: Greenness

    def minutes(self, *auroras: bool | None, late: timedelta = timedelta(seconds=6)) -> None:
        """One look a minute; None gives the same still as before: nothing new. Pictures come so long after they were taken."""
        for aurora in auroras:
            if aurora is not None:
                self.feed.show(aurora, late)
            self.live.look()
            self.clock.move(60)

    def rows(self, sql: str) -> list[dict[str, Any]]:
        with Reader(self.store.path) as reader:
            return reader.query(sql)


@contextmanager
def watching(folder: Path, clock: SetClock) -> Iterator[Watch]:
    """A watch of one camera, its record and pictures in a folder."""
    with Store(folder / "a.db", now=clock.now) as store:
        feed, model = Feed(clock), Greenness()
        pipeline = Pipeline(
            CAMERA,
            SETTINGS,
            store=store,
            predictor=lambda: model,  # type: ignore[arg-type, return-value]
            metrics=Metrics(),
            pictures=PictureFolder(folder / "frames"),
            clock=clock,
        )
        live = LiveWatch(pipeline, feed, Conditions(store, SETTINGS.notify, clock))
        yield Watch(live, feed, clock, store, model)
