"""A picture in, a verdict out: judged as the watch's own, recorded nowhere, and bounded whoever asks."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import numpy as np
import pytest

from daemon.clock import Clock
from daemon.config import Settings
from daemon.errors import ModelError
from daemon.footage import image
from daemon.metrics import Metrics
from daemon.observation import Description, Observation, Prediction, utc_text
from daemon.one_look import OneLook
from daemon.pipeline import Pipeline
from daemon.record.store import Store
from daemon.web import classify
from daemon.web.turns import Turns
from tests import web_night
from tests.daemon.record.made import NIGHT, observation
from tests.skies import night_sky
from tests.web_night import House

TOKEN = "correct horse battery staple"
HEADERS = {"authorization": f"Bearer {TOKEN}", "content-type": "image/jpeg"}
DARK = datetime(2024, 2, 10, 7, 0, tzinfo=UTC)
PICTURE = image.encode_jpeg(night_sky(np.random.default_rng(1), 150, side=240))

SHOWN = Description(
    level=4, cover=0.3, forms=("arc", "rays"), form_probabilities={"arc": 0.9}, overhead=False
)


class Fake:
    """Says what it was asked, and what a test has it say."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, str, datetime]] = []
        self.error: Exception | None = None
        self.hold = threading.Event()
        self.hold.set()

    def __call__(self, data: bytes, camera: str, at: datetime) -> Observation:
        self.asked.append((len(data), camera, at))
        image.decode(data)
        self.hold.wait(10)
        if self.error is not None:
            raise self.error
        return observation(camera=camera, observed_at=at, description=SHOWN)


@pytest.fixture(scope="module")
def fake() -> Fake:
    return Fake()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, fake: Fake) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("classify")
    with web_night.house(folder, minutes=3, token=TOKEN, classify=fake) as made:
        yield made


@pytest.fixture(autouse=True)
def _own_turns(house: House) -> None:
    house.app.state.site.turns = Turns(a_minute=3)


def send(house: House, query: str = "", data: bytes = PICTURE, **headers: str) -> httpx.Response:
    return httpx.post(f"{house.url}/api/classify{query}", content=data, headers=HEADERS | headers)


def test_the_answer_is_the_command_s_with_words_for_an_overlay(house: House, fake: Fake) -> None:
    """Verdict, level, direction; the camera and the time asked about, else the first camera, now.

    Level and cover are those of the description, as the command has them, not of the colour rules.
    """
    told = send(house, "?camera=yellowknife&at=2024-02-10T07:00:00Z").json()
    assert fake.asked[-1] == (len(PICTURE), "yellowknife", DARK)
    assert (told["verdict"], told["level"], told["azimuth_deg"]) == ("aurora", 4, 312.4)
    assert (told["cover"], told["forms"], told["overhead"]) == (0.3, ["arc", "rays"], False)
    assert told["words"] == "aurora, bright, over much of the sky, north-west, 35° up"
    declared = httpx.get(f"{house.url}/api/openapi.json").json()["components"]["schemas"]["Judged"]
    assert set(told) == set(declared["required"])
    assert send(house).json()["at"] == utc_text(house.watch.now)


def test_brightness_and_direction_are_those_of_an_aurora() -> None:
    """A clear sky's map and colours say nothing of an aurora that is not there."""
    told = classify.told(replace(observation(), verdict="clear", reason="clear sky, no aurora"))
    assert (told["azimuth_deg"], told["direction"], told["brightness"], told["words"]) == (
        None,
        "",
        "",
        "clear",
    )


@pytest.mark.parametrize(
    ("headers", "query", "data", "status"),
    [
        ({"authorization": ""}, "", PICTURE, 401),
        ({"authorization": "Bearer no"}, "", PICTURE, 401),
        ({"origin": "https://evil.example"}, "", PICTURE, 403),
        ({"host": "evil.example"}, "", PICTURE, 403),
        ({"content-type": "text/plain"}, "", PICTURE, 403),
        ({"content-type": "application/json"}, "", b"{}", 415),
        ({}, "?camera=nobody", PICTURE, 404),
        ({}, "?at=yesterday", PICTURE, 400),
        ({}, "", b"", 422),
        ({}, "", b"<html>", 422),
        ({}, "", PICTURE[: len(PICTURE) // 2], 422),
        ({}, "", bytes(classify.MAX_PICTURE_BYTES + 1), 413),
    ],
    ids=["no token", "wrong token", "another site", "another name", "a form", "no picture", "no camera",
         "no time", "empty", "a page", "half", "too large"],
)  # fmt: skip
def test_what_is_refused_and_how(
    house: House, headers: dict[str, str], query: str, data: bytes, status: int
) -> None:
    """One line of JSON or text with the reason; the next picture is judged as if nothing had been."""
    reply = send(house, query, data, **headers)
    assert reply.status_code == status, reply.text
    assert send(house).status_code == 200


def test_one_picture_at_a_time_and_so_many_a_minute(house: House, fake: Fake) -> None:
    """Who comes while another is judged, or too often, is told how long to wait; health is answered meanwhile."""
    fake.hold.clear()
    first = threading.Thread(target=send, args=(house,))
    first.start()
    try:
        while not house.app.state.site.turns._busy.locked():
            pass
        busy = send(house)
        assert (busy.status_code, busy.headers["retry-after"]) == (429, "1")
        assert httpx.get(f"{house.url}/-/healthy").status_code == 200
    finally:
        fake.hold.set()
        first.join()
    statuses = [send(house).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]


def test_patience_has_an_end(house: House, fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look that hangs is 503 to the client; until it has ended nobody else's is begun."""
    monkeypatch.setattr(classify, "JUDGED_WITHIN_S", 0.1)
    fake.hold.clear()
    try:
        assert send(house).status_code == 503
        assert send(house).status_code == 429
    finally:
        fake.hold.set()
    while house.app.state.site.turns._busy.locked():
        pass
    assert send(house).status_code == 200


def test_a_model_that_fails_is_503_and_not_a_traceback(house: House, fake: Fake) -> None:
    """The reason is one line."""
    fake.error = ModelError("the GPU is gone")
    try:
        reply = send(house)
    finally:
        fake.error = None
    assert (reply.status_code, "the GPU is gone" in reply.json()["error"]) == (503, True)


class Model:
    """A predictor that is as sure of aurora as it is told."""

    def threshold(self, sky: object) -> float:
        return 0.5

    def predict(self, squares: list[object]) -> list[Prediction]:
        return [
            Prediction(np.zeros(4, np.float32), 0.97, 0.95, 0.9, np.ones((8, 8), np.float32), "ab" * 32)
            for _ in squares
        ]

    def predict_shadow(self, squares: list[object], failed: object) -> list[None]:
        return [None] * len(squares)


def one_look(store: Store) -> OneLook:
    """AuroraMAX's, with that model."""
    settings = Settings()
    (camera,) = settings.camera
    watched = Pipeline(camera, settings, store=store, predictor=lambda: Model(), metrics=Metrics())  # type: ignore[arg-type,return-value]
    return OneLook({camera.name: watched}, Clock())


def test_a_picture_is_judged_as_the_watch_judges_and_nothing_is_recorded(tmp_path: Path) -> None:
    """By night the model is asked, by day it is not, a blank is no sky; the record stays empty."""
    with Store(tmp_path / "a.db") as store:
        look = one_look(store)
        night = look(PICTURE, "yellowknife", DARK)
        assert (night.verdict, night.threshold, night.picture) == ("aurora", 0.5, None)
        day = look(PICTURE, "yellowknife", DARK.replace(hour=20))
        assert (day.verdict, day.prediction) == ("not looked", None)
        blank = look(image.encode_jpeg(np.zeros((240, 240, 3), np.uint8)), "yellowknife", DARK)
        assert blank.verdict == "unusable"
        assert store.reader.query("SELECT * FROM observations") == []


def test_a_picture_is_judged_by_itself(tmp_path: Path) -> None:
    """The camera's own minutes were faint: a bright picture from elsewhere is no sudden rise over them, and has no trend."""
    with Store(tmp_path / "a.db") as store:
        look = one_look(store)
        alone = look(PICTURE, "yellowknife", DARK)
        for minute in range(3, 12):
            at = DARK - timedelta(minutes=minute)
            seen = Description(level=1, brightness=0.5, aurora_index=0.1, cover=0.01)
            store.record(observation(0, observed_at=at, fetched_at=at, description=seen), night=NIGHT)
        after = look(PICTURE, "yellowknife", DARK)
    assert alone.description is not None
    assert after.description is not None
    assert alone.description.level < 6
    assert (after.description.level, after.description.trend) == (alone.description.level, None)


def test_odd_sizes_and_odd_times_are_the_sender_s_errors(tmp_path: Path) -> None:
    """A picture too small for a stamp is no sky; a time of which the sun is not known is 400: never a 500."""
    with Store(tmp_path / "a.db") as store:
        look = one_look(store)
        with web_night.house(tmp_path, minutes=3, token=TOKEN, classify=look) as house:
            house.app.state.site.turns = Turns(a_minute=100)
            for height, width in ((1, 1), (2, 2), (1, 400), (400, 1), (9, 16)):
                tiny = image.encode_jpeg(np.full((height, width, 3), 30, np.uint8))
                reply = send(house, "?at=2024-02-10T07:00:00Z", tiny)
                assert reply.status_code == 422 or reply.json()["verdict"] == "unusable", reply.text
            for at in ("0001-01-01T00:00:00Z", "2500-01-01T00:00:00Z", "9999-12-31T23:59:59Z"):
                reply = send(house, f"?at={at}")
                assert reply.status_code == 400
                assert "'at'" in reply.json()["error"]
