"""One camera's footage on its whole way, live and archived, into a real database."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from daemon.alert.conditions import Conditions
from daemon.archive.ingest import ingest_movie, open_pipeline
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
from training.simulator.movie import compose, style_of, write_movie

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

    def show(self, aurora: bool) -> None:
        at = self.clock.now() - timedelta(seconds=6)
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

    def minutes(self, *auroras: bool | None) -> None:
        """One look a minute; None gives the same still as before: nothing new."""
        for aurora in auroras:
            if aurora is not None:
                self.feed.show(aurora)
            self.live.look()
            self.clock.move(60)

    def rows(self, sql: str) -> list[dict[str, Any]]:
        with Reader(self.store.path) as reader:
            return reader.query(sql)


@pytest.fixture
def watch(tmp_path: Path, night_clock: SetClock) -> Iterator[Watch]:
    with Store(tmp_path / "a.db", now=night_clock.now) as store:
        feed, model = Feed(night_clock), Greenness()
        pipeline = Pipeline(
            CAMERA,
            SETTINGS,
            store=store,
            predictor=lambda: model,  # type: ignore[arg-type, return-value]
            metrics=Metrics(),
            pictures=PictureFolder(tmp_path / "frames"),
            clock=night_clock,
        )
        live = LiveWatch(pipeline, feed, Conditions(store, SETTINGS.notify, night_clock))
        yield Watch(live, feed, night_clock, store, model)


def test_a_spell_becomes_rows_one_event_and_one_message_a_change(watch: Watch) -> None:
    """Onset after two of three, over after the dwell; people hear of both, the operator of neither."""
    watch.minutes(False, True, True, True, *[False] * 17)
    verdicts = [r["verdict"] for r in watch.rows("SELECT verdict FROM observations ORDER BY observed_at")]
    assert verdicts == ["clear", "aurora", "aurora", "aurora", *["clear"] * 17]
    (event,) = watch.rows("SELECT * FROM events")
    assert event["id"] == "yellowknife-20240210T053054Z"
    assert event["onset_at"] == "2024-02-10T05:30:54Z"
    assert event["ended_at"] == "2024-02-10T05:33:54Z"
    sent = watch.rows("SELECT kind, channel, picture FROM outbox ORDER BY id")
    assert [(m["kind"], m["channel"]) for m in sent] == [("onset", "people"), ("over", "people")]
    assert (watch.live.pipeline.pictures.root / sent[0]["picture"]).is_file()  # type: ignore[union-attr]


def test_a_restart_in_a_spell_goes_on_with_it(watch: Watch, tmp_path: Path) -> None:
    """The memory lies in the database: the spell that began before the restart ends after it, once."""
    watch.minutes(True, True, True)
    pipeline = Pipeline(
        CAMERA, SETTINGS, store=watch.store, predictor=lambda: watch.model, metrics=Metrics(),  # type: ignore[arg-type, return-value]
        clock=watch.clock,
    )  # fmt: skip
    watch.live = LiveWatch(pipeline, watch.feed, Conditions(watch.store, (), watch.clock))
    watch.minutes(*[False] * 17)
    assert [e["kind"] for e in watch.rows("SELECT kind FROM outbox ORDER BY id")] == ["onset", "over"]


def test_what_is_seen_is_recorded_told_and_silenced(watch: Watch) -> None:
    """Level, cover, form and direction of the mask stand in the row and the message; a snooze keeps it back."""
    band = np.zeros((60, 60), np.bool_)
    band[20:40, 5:55] = True
    plain = watch.model.predict
    watch.model.predict = lambda squares: [  # type: ignore[method-assign]
        replace(one, mask=band, forms=("band",), form_probabilities={"band": 0.9}) for one in plain(squares)
    ]
    watch.store.snooze("people", watch.clock.now() + timedelta(minutes=10))
    watch.minutes(False, True, True, True)
    row = watch.rows("SELECT * FROM observations ORDER BY observed_at DESC")[0]
    assert (row["forms"], row["level"] >= 4, 0.2 < row["cover"] < 0.6) == ("band", True, True)
    assert next(r["level"] for r in watch.rows("SELECT level FROM observations ORDER BY observed_at")) == 0
    assert watch.rows("SELECT * FROM outbox") == []
    assert watch.rows("SELECT peak_level FROM events")[0]["peak_level"] == row["level"]
    watch.store.snooze("people", watch.clock.now())
    watch.minutes(*[False] * 20, True, True)
    assert [m["kind"] for m in watch.rows("SELECT kind FROM outbox ORDER BY id")] == ["over"]


def test_a_frozen_feed_is_stale_told_once_and_recovers(watch: Watch) -> None:
    """No aurora alert, one word to the operator, stale rows with their reason; then all is well again."""
    watch.minutes(True)
    watch.minutes(*[None] * 20)
    stale = watch.rows("SELECT reason FROM observations WHERE verdict = 'stale'")
    assert {r["reason"] for r in stale} == {"nothing new"}
    assert watch.live.status.stale == "nothing new"
    assert [m["channel"] for m in watch.rows("SELECT channel FROM outbox")] == ["owner"]
    watch.minutes(False)
    assert watch.live.status.stale is None
    bodies = [m["body"].splitlines()[0] for m in watch.rows("SELECT body FROM outbox ORDER BY id")]
    assert bodies[0].startswith("The feed of yellowknife has stopped (nothing new)")
    assert bodies[1:] == ["The feed of yellowknife is back."]


def test_the_same_picture_again_is_no_news(watch: Watch) -> None:
    """The same bytes make no second row, however often they come."""
    watch.feed.show(True)
    still = watch.feed.next[0]
    watch.feed.next += [still, still]
    watch.minutes(None, None, None)
    assert watch.rows("SELECT count(*) AS n FROM observations WHERE verdict != 'stale'")[0]["n"] == 1


def test_rejected_footage_costs_its_own_minute_only(watch: Watch) -> None:
    """A truncated JPEG, a failed request and a wrong clock are counted; the next frame is recorded."""
    good = sky_picture(watch.clock.now(), False)
    now = watch.clock.now()
    watch.feed.next += [
        Still(good[: len(good) // 2], now, now, "s", "s"),
        FetchError("status 500", "http://camera/: answered 500"),
        Still(sky_picture(now + timedelta(hours=1), False), now + timedelta(minutes=2), now, "s", "s"),
    ]
    watch.minutes(None, None, None, False)
    rejected = watch.live.pipeline.metrics.frames_rejected
    reasons = {
        s.labels["reason"]: s.value
        for m in rejected.collect()
        for s in m.samples
        if s.name.endswith("_total")
    }
    assert reasons == {"truncated": 1, "status 500": 1, "clocks disagree": 1}
    assert [r["verdict"] for r in watch.rows("SELECT verdict FROM observations")] == ["clear"]


def test_by_day_nobody_is_asked_and_the_row_says_why(watch: Watch) -> None:
    """The gate is shut: no request, one row with the reason, and the next look when it opens."""
    watch.clock.at = datetime(2024, 2, 10, 20, 0, tzinfo=UTC)
    following = watch.live.look()
    watch.clock.at = following
    watch.live.look()
    assert watch.feed.asked == 0
    (row,) = watch.rows("SELECT verdict, reason FROM observations")
    assert row["verdict"] == "not looked"
    assert row["reason"].startswith("daylight: sun at ")
    assert watch.live.status.gate_until is not None
    assert watch.live.status.gate_until.hour in (0, 1)  # dusk over Yellowknife, UTC


def test_in_twilight_it_looks_and_wakes_nobody(watch: Watch) -> None:
    """Between −6° and −12° frames are judged, but no spell begins."""
    watch.clock.at = datetime(2024, 2, 10, 1, 10, tzinfo=UTC)
    watch.minutes(True, True, True, True)
    assert {r["verdict"] for r in watch.rows("SELECT verdict FROM observations")} == {"aurora"}
    assert not watch.rows("SELECT * FROM events")


def test_a_feed_dead_for_a_day_is_asked_seldom(watch: Watch) -> None:
    """The summer pause: every half hour instead of every minute."""
    watch.minutes(False, *[None] * 17)
    watch.clock.move(24 * 3600)
    watch.minutes(*[None] * 16)
    asked = watch.feed.asked
    following = watch.live.look()
    assert following - watch.clock.now() == timedelta(minutes=30)
    assert watch.feed.asked == asked + 1


def test_the_first_sign_of_a_spell_is_looked_at_again_soon(watch: Watch) -> None:
    """20 s after a frame that is no spell yet, else a cadence apart, within the spell too; rows for all.

    The source is asked to grant the sooner ones, and them alone.
    """

    def look(aurora: bool) -> float:
        watch.feed.show(aurora)
        following = watch.live.look()
        wait_s = (following - watch.clock.now()).total_seconds()
        watch.clock.at = following
        return wait_s

    assert [look(a) for a in (False, True, False, False, False)] == [60, 20, 60, 60, 60]
    # the sign before came to nothing, and looks that come soon weigh half: one more is asked for
    assert [look(True) for _ in range(5)] == [20, 20, 20, 60, 60]
    assert watch.feed.soon == [wait == 20 for wait in (60, 20, 60, 60, 60, 20, 20, 20, 60, 60)]
    assert watch.rows("SELECT count(*) AS n FROM observations")[0]["n"] == 10
    (spell,) = watch.rows("SELECT onset_at, confirmed_at FROM events")
    onset, confirmed = (datetime.fromisoformat(spell[name]) for name in ("onset_at", "confirmed_at"))
    assert confirmed - onset == timedelta(seconds=60)


def test_a_first_sign_before_a_standing_feed_is_not_looked_at_ever_sooner(watch: Watch) -> None:
    """One frame of aurora, then nothing new: one sooner look, then the cadence."""
    watch.feed.show(True)
    waits = []
    for _ in range(6):
        following = watch.live.look()
        waits.append((following - watch.clock.now()).total_seconds())
        watch.clock.at = following
    assert waits == [20, 60, 60, 60, 60, 60]


# ------------------------------------------------------------------------------- archives


@pytest.fixture(scope="module")
def movie(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty minutes as a night movie at 6 s a frame: aurora from the tenth to the twentieth minute."""
    begins = datetime(2024, 2, 10, 5, 0, 3, tzinfo=UTC)

    def draw(number: int) -> Picture:
        square = night_sky(RANDOM, 170 if 100 <= number < 200 else 0)
        return compose(square, begins + timedelta(seconds=6 * number), style_of(2024))

    path = tmp_path_factory.mktemp("movie") / "auroramaxHD_20240210_720p.mp4"
    return write_movie(path, (draw(number) for number in range(400)))


def archive_in(store: Store) -> Pipeline:
    model = Greenness()
    return Pipeline(CAMERA, SETTINGS, store=store, predictor=lambda: model, metrics=Metrics())  # type: ignore[arg-type, return-value]


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Pipeline]:
    with Store(tmp_path / "archive.db") as store:
        yield archive_in(store)


def table(store: Store, name: str = "observations") -> list[tuple[Any, ...]]:
    """A table as it stands, but for when it was written."""
    with Reader(store.path) as reader:
        rows = reader.query(f"SELECT * FROM {name} ORDER BY 1, 2")
    moving = ("recorded_after_s", "fetched_after_s", "recorded_at", "fetched_at")
    return [tuple(v for k, v in row.items() if k not in moving) for row in rows]


def test_a_movie_becomes_one_row_a_minute_and_its_spell(archive: Pipeline, movie: Path) -> None:
    """Forty minutes, forty rows, each at its own second; one spell; nobody is woken."""
    outcome = ingest_movie(movie, archive)
    assert outcome.tally is not None
    assert (outcome.tally.recorded, outcome.tally.undated, outcome.fault) == (40, 0, None)
    times = [row[1] for row in table(archive.store)]
    assert times[0] == "2024-02-10T05:00:03Z"
    assert times[-1] == "2024-02-10T05:39:03Z"
    ((_, _, onset, confirmed, _, ended, *_),) = table(archive.store, "events")
    assert (onset, confirmed, ended) == (
        "2024-02-10T05:10:03Z",
        "2024-02-10T05:11:03Z",
        "2024-02-10T05:20:03Z",
    )
    assert not table(archive.store, "outbox")


def test_a_spell_that_outlasts_its_movie_ends_with_it(archive: Pipeline, tmp_path: Path) -> None:
    """An archive's spell is never left open: it would hide the next night's."""
    begins = datetime(2024, 2, 10, 5, 0, 3, tzinfo=UTC)

    def draw(number: int) -> Picture:
        return compose(night_sky(RANDOM, 170), begins + timedelta(seconds=6 * number), style_of(2024))

    ingest_movie(write_movie(tmp_path / "night.mp4", (draw(n) for n in range(101))), archive)
    with Reader(archive.store.path) as reader:
        (spell,) = reader.events()
    assert spell["ended_at"] == "2024-02-10T05:10:03Z"
    assert spell["ended_reason"] == "the footage ends"


def test_a_movie_taken_in_whole_is_not_decoded_again(archive: Pipeline, movie: Path, tmp_path: Path) -> None:
    """Known by name and size; one of another size under the same name is looked at."""
    ingest_movie(movie, archive)
    assert ingest_movie(movie, archive).readings == 0
    other = tmp_path / movie.name
    other.write_bytes(movie.read_bytes() + b"\0")
    assert ingest_movie(other, archive).readings > 0


def test_a_second_time_changes_nothing(archive: Pipeline, movie: Path) -> None:
    """Repeats are free: same rows, same events."""
    ingest_movie(movie, archive)
    before = table(archive.store), table(archive.store, "events")
    again = ingest_movie(movie, archive)
    assert again.tally is not None
    assert (again.tally.recorded, again.tally.known) == (0, 40)
    assert (table(archive.store), table(archive.store, "events")) == before


@pytest.fixture(scope="module")
def whole(movie: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[tuple[Any, ...]], ...]:
    """The rows and the events of the movie, taken in without a break."""
    with Store(tmp_path_factory.mktemp("whole") / "whole.db") as store:
        ingest_movie(movie, archive_in(store))
        return table(store), table(store, "events")


@pytest.mark.parametrize("stop_after", [1, 11, 16, 25])
def test_cut_short_and_run_again_it_ends_the_same(
    whole: tuple[list[tuple[Any, ...]], ...],
    movie: Path,
    tmp_path: Path,
    stop_after: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever is in hand when a run ends, the next one makes the same table of it."""

    class Enough(Exception):
        pass

    with Store(tmp_path / "cut.db") as store:
        cut = archive_in(store)
        record, count = store.record, itertools.count()

        def stopping(*args: Any, **kwargs: Any) -> bool:
            if next(count) == stop_after:
                raise Enough
            return record(*args, **kwargs)

        monkeypatch.setattr(store, "record", stopping)
        with pytest.raises(Enough):
            ingest_movie(movie, cut)
        monkeypatch.setattr(store, "record", record)
        ingest_movie(movie, cut)
        assert (table(store), table(store, "events")) == whole


def test_the_movie_fills_the_minutes_the_live_watch_missed(watch: Watch, movie: Path) -> None:
    """Minutes that are there stay; a stale row keeps no frame out; the live spell keeps its own words."""
    watch.clock.at = datetime(2024, 2, 10, 5, 12, 9, tzinfo=UTC)
    watch.minutes(True, True, *[None] * 17)
    live = [row for row in table(watch.store) if row[4] != "stale"]
    events = table(watch.store, "events")
    outcome = ingest_movie(movie, watch.live.pipeline)
    assert outcome.tally is not None
    assert outcome.tally.known == len(live) == 2
    after = table(watch.store)
    assert set(live) <= set(after)
    assert len([row for row in after if row[4] != "stale"]) == 40
    assert table(watch.store, "events") == events
    assert [m[4] for m in table(watch.store, "outbox") if m[4] == "aurora"] == ["aurora"]


def test_the_shipped_model_opens_the_archive(tmp_path: Path) -> None:
    """``open_pipeline`` registers the model it will judge by."""
    with Store(tmp_path / "a.db") as store:
        pipeline = open_pipeline(Settings(), CAMERA, store, None)
        with Reader(store.path) as reader:
            assert [m["sha256"] for m in reader.models()] == [pipeline.predictor().model.sha256]
