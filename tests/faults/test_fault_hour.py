"""An hour with everything in it: cards, a green frame, a clock step, a dead feed, and one real aurora."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from daemon.alert.conditions import Conditions
from daemon.config import CameraSettings, EventSettings, NotifySettings, Settings
from daemon.errors import FetchError
from daemon.live import LiveWatch
from daemon.metrics import Metrics
from daemon.observation import HeatMap, Picture, Prediction
from daemon.pipeline import Pipeline
from daemon.predictor import Predictor
from daemon.record.store import Store
from daemon.source import Still
from tests.conftest import SetClock
from tests.faults.conftest import Entry
from tests.faults.harness import Promises, check, rows
from tests.faults.test_fault_clock import Feed, Nobody
from tests.no_sky.cards import CARDS
from tests.no_sky.damage import DAMAGE
from tests.skies import night_sky
from training.simulator.movie import compose

PEOPLE = NotifySettings(name="people", url="json://127.0.0.1:9/")
OWNER = NotifySettings(name="owner", url="json://127.0.0.1:9/", audience="operator")
SETTINGS = Settings(camera=(CameraSettings(),), notify=(PEOPLE, OWNER), event=EventSettings(strong_level=7))


class Greenness(Nobody):
    """In the model's place: a sky is aurora where a wide green band shows."""

    def predict(self, squares: list[Picture]) -> list[object]:
        """How green each is."""
        heat: HeatMap = np.ones((8, 8), np.float32)
        sure = [0.97 if int((s[..., 1].astype(int) - s[..., 2] > 60).sum()) > 1500 else 0.03 for s in squares]
        return [Prediction(np.zeros(4, np.float32), p, p, 0.9, heat, "0" * 64) for p in sure]


class Hour(Feed):
    """A feed that can also be dead, or show something else."""

    dead = False
    aurora = False

    def latest(self) -> Still:
        """What the camera gives at this minute."""
        if self.dead:
            raise FetchError("connect", "http://camera/: nobody answers")
        if self.aurora:
            square = night_sky(np.random.default_rng(int(self.at.timestamp())), 150, side=480)
            self.pixels = compose(square, self.at, self.style)
        return super().latest()


class Watched:
    """A live watch and its camera, minute by minute."""

    def __init__(self, store: Store) -> None:
        self.clock, self.feed, self.store = (
            SetClock(datetime(2024, 2, 10, 5, 30, 7, tzinfo=UTC)),
            Hour(),
            store,
        )
        self.feed.ours = self.clock
        pipeline = Pipeline(
            CameraSettings(), SETTINGS, store=store, predictor=lambda: cast(Predictor, Greenness()),
            metrics=Metrics(), clock=self.clock,
        )  # fmt: skip
        self.live = LiveWatch(pipeline, self.feed, Conditions(store, SETTINGS.notify, self.clock))

    def minutes(
        self, count: int, pixels: Picture | None = None, *, aurora: bool = False, dead: bool = False
    ) -> None:
        """So many looks at that."""
        self.feed.aurora, self.feed.dead = aurora, dead
        for _ in range(count):
            self.feed.pixels = None if pixels is None else compose(pixels, self.feed.at, self.feed.style)
            self.live.look()
            self.clock.move(60)
            self.feed.at += timedelta(seconds=60)


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    with Store(tmp_path / "a.db") as store:
        yield Watched(store)
        check(store.path, Promises(alerts=False))


def test_an_hour_of_faults_sends_no_false_alert_and_misses_no_true_one(
    watched: Watched, matrix: Entry
) -> None:
    """Two cards, a half green frame, our clock two hours back and right again, a dead feed: one event, the real one."""
    random = np.random.default_rng(11)
    lit = np.clip(night_sky(random, 140).astype(int) * 1.3 + 8, 0, 255).astype(np.uint8)
    watched.minutes(5)
    for _ in range(2):
        watched.minutes(1, CARDS["text on a flat ground"](random)[:480, :480])
    watched.minutes(3)
    for _ in range(2):
        watched.minutes(1, DAMAGE["lower part green"](random, lit))
    watched.minutes(3)
    watched.clock.move(-2 * 3600)
    watched.minutes(3)
    watched.clock.move(2 * 3600)
    watched.minutes(4)
    begins = watched.feed.at
    watched.minutes(8, aurora=True)
    watched.minutes(20)
    watched.minutes(18, dead=True)
    watched.minutes(3)
    sent = rows(watched.store.path, "SELECT kind, channel FROM outbox WHERE channel = 'people' ORDER BY id")
    assert [message["kind"] for message in sent] == ["onset", "over"], sent
    (event,) = rows(watched.store.path, "SELECT onset_at FROM events")
    assert datetime.fromisoformat(event["onset_at"]) - begins <= timedelta(minutes=2)
    verdicts = [r["verdict"] for r in rows(watched.store.path, "SELECT verdict FROM observations")]
    assert verdicts.count("unusable") == 4
    assert verdicts.count("stale") >= 2
    matrix(
        "Pictures that are no sky",
        "an hour with two cards, two half green frames, our clock two hours back, a dead feed and one aurora",
        "one event, one alert and its end; nothing about the rest",
        "1 cadence",
    )
