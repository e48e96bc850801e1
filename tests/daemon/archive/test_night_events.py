"""A night that comes in parts, in any order, beside a live watch: its events are those of one reading of all its rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from daemon.archive import ingest
from daemon.archive.ingest import record_movie
from daemon.archive.night_events import FOOTAGE_ENDS, JOINS_LIVE, Seen, around, reach_of, stretches
from daemon.event import Evidence, Rules
from daemon.metrics import Metrics
from daemon.observation import Frame, from_utc_text
from daemon.pipeline import Pipeline
from daemon.record import keepsake_files
from daemon.record.store import Store
from tests.hand_watch import CAMERA, SETTINGS, Greenness, Watch
from tests.homes import allsky
from tests.picture_archive import allsky_camera, every, opened
from tests.skies import night_sky

BEGINS = datetime(2024, 2, 10, 5, 0, 3, tzinfo=UTC)
TAKEN = datetime(2024, 2, 20, tzinfo=UTC)
SKIES = {aurora: night_sky(np.random.default_rng(5), 150 if aurora else 0, 240) for aurora in (False, True)}
AURORA = {*range(10, 90), *range(120, 130)}
LOOKS = "SELECT observed_at, verdict, calibrated_probability FROM observations ORDER BY 1"


@dataclass(frozen=True)
class Movie:
    """A dated movie in hand: a frame at each time, with aurora or not."""

    name: str
    skies: Sequence[tuple[datetime, bool]]
    undated: int = 0

    @property
    def begins(self) -> datetime:
        return self.skies[0][0]

    @property
    def ends(self) -> datetime:
        return self.skies[-1][0]

    def frames(self) -> Iterator[Frame]:
        for at, aurora in self.skies:
            yield Frame(CAMERA.name, SKIES[aurora], b"", None, self.name, TAKEN, at)


def part(first: int, until: int, late_s: int = 0, step_s: int = 60) -> Movie:
    """The night's minutes from the first on: aurora from the tenth to the ninetieth, and again in the last ten of 130."""
    times = range(60 * first, 60 * until, step_s)
    skies = [(BEGINS + timedelta(seconds=s + late_s), s // 60 in AURORA) for s in times]
    return Movie(f"{first}-{until}-{late_s}-{step_s}.mp4", skies)


def take(store: Store, *movies: Movie) -> Pipeline:
    model = Greenness()
    pipeline = Pipeline(CAMERA, SETTINGS, store=store, predictor=lambda: model, metrics=Metrics())  # type: ignore[arg-type, return-value]
    for movie in movies:
        record_movie(pipeline, movie)  # type: ignore[arg-type]
    return pipeline


def events(store: Store) -> list[dict[str, Any]]:
    return store.reader.query("SELECT * FROM events ORDER BY onset_at")


def spans(store: Store) -> list[tuple[str, str, str]]:
    """From when to when each event is, and why it ended, with minutes of the night for times."""
    return [(minute(e["onset_at"]), minute(e["ended_at"]), e["ended_reason"]) for e in events(store)]


def minute(text: str) -> str:
    return f"{(from_utc_text(text) - BEGINS) / timedelta(minutes=1):g}"


def at(minutes: float) -> datetime:
    return BEGINS + timedelta(minutes=minutes)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "record.db") as store:
        yield store


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> list[list[dict[str, Any]]]:
    """Events and rows of the night in one movie."""
    with Store(tmp_path_factory.mktemp("whole") / "whole.db") as store:
        take(store, part(0, 130))
        assert spans(store) == [("10", "90", "below 0.25 for 15 min"), ("120", "129", FOOTAGE_ENDS)]
        return [events(store), store.reader.query(LOOKS)]


@pytest.mark.parametrize(
    "movies",
    [
        [(0, 40), (40, 80), (80, 130)],
        [(80, 130), (40, 80), (0, 40)],
        [(40, 80), (0, 40), (80, 130)],
        [(0, 70), (50, 130)],
        [(50, 130), (0, 70)],
        [(20, 60), (0, 130)],
        [(0, 11), (11, 130)],
        [(0, 130), (0, 130), (30, 50)],
    ],
    ids=str,
)
def test_parts_in_any_order_give_the_events_of_one_reading(
    movies: list[tuple[int, int]], store: Store, whole: list[list[dict[str, Any]]]
) -> None:
    """Adjoining, overlapping, the later first: no event ends with its file, none is left over."""
    take(store, *(part(*one) for one in movies))
    assert [events(store), store.reader.query(LOOKS)] == whole


def test_what_is_missing_between_two_parts_ends_no_event_and_what_comes_later_joins_two(store: Store) -> None:
    """Half an hour is missing: as where a live watch misses it, the event goes on; three hours end it."""
    take(store, part(12, 40), part(70, 89))
    assert spans(store) == [("12", "88", FOOTAGE_ENDS)]
    far = Movie("far.mp4", [(at + timedelta(hours=4), aurora) for at, aurora in part(20, 60).skies])
    take(store, far)
    assert spans(store) == [("12", "88", FOOTAGE_ENDS), ("260", "299", FOOTAGE_ENDS)]
    hours = [(BEGINS + timedelta(minutes=k), True) for k in range(80, 270)]
    take(store, Movie("between.mp4", hours))
    assert spans(store) == [("12", "299", FOOTAGE_ENDS)]


def test_a_repeat_writes_no_event(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    take(store, part(0, 60), part(60, 130))
    monkeypatch.setattr(store, "exchange_events", lambda *_: pytest.fail("written again"))
    take(store, part(0, 60), part(30, 130))


def test_pictures_in_parts_give_the_event_of_one_folder(tmp_path: Path, store: Store) -> None:
    """The later half of a night first; then the earlier."""
    pictures = every(60, 30, aurora=range(5, 30))
    late, early = (
        allsky(tmp_path / name, some) for name, some in (("b", pictures[15:]), ("a", pictures[:15]))
    )
    archive = opened(allsky_camera(late), store)
    archive.take(late / "images")
    archive.take(early / "images")
    (event,) = events(store)
    assert (event["onset_at"], event["ended_at"]) == ("2024-02-09T21:05:07Z", "2024-02-09T21:29:07Z")


def test_killed_before_its_events_the_next_run_gives_them(
    store: Store, whole: list[list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows come first: whoever takes the rest in leads the events over all of them."""

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ingest, "settle_events", killed)
    with pytest.raises(KeyboardInterrupt):
        take(store, part(0, 50))
    assert not events(store)
    monkeypatch.undo()
    take(store, part(50, 130))
    assert events(store) == whole[0]


def test_answers_go_with_the_frames_and_keepsakes_are_made_anew(tmp_path: Path) -> None:
    """Two events become one: what people answered of the second is an answer about it, and the old timelapses go."""
    settings = SETTINGS.model_copy(
        update={"daemon": SETTINGS.daemon.model_copy(update={"state_dir": tmp_path})}
    )
    with Store(settings.daemon.database) as store:
        pipeline = take(store, part(0, 40))
        pipeline.settings = settings
        far = Movie("far.mp4", [(at + timedelta(hours=4), aurora) for at, aurora in part(20, 60).skies])
        record_movie(pipeline, far)  # type: ignore[arg-type]
        first, second = (event["id"] for event in events(store))
        label = store.add_label(CAMERA.name, at(280), "aurora", "Ada", queue="event", event_id=second)
        movies = [keepsake_files.of_event(tmp_path, name) for name in (first, second)]
        films = [*movies, *map(keepsake_files.card_of, movies)]
        movies[0].parent.mkdir(parents=True)
        for film in films:
            film.write_bytes(b"film")
        between = Movie("between.mp4", [(at(k), True) for k in range(30, 270)])
        record_movie(pipeline, between)  # type: ignore[arg-type]
        assert [event["id"] for event in events(store)] == [first]
        assert [(one["id"], one["event_id"]) for one in store.reader.labels()] == [(label, first)]
        assert not any(film.exists() for film in films)


# ------------------------------------------------------------------ beside the live watch


def watched(watch: Watch, first: int, *auroras: bool | None) -> None:
    """A live watch of the night from that minute on; the pictures come 6 s late."""
    watch.clock.at = at(first) + timedelta(seconds=6)
    watch.live.recall()
    watch.minutes(*auroras)


@pytest.mark.parametrize("alerts", [True, False])
def test_a_live_event_stays_and_the_archive_fills_in_around_it(watch: Watch, alerts: bool) -> None:
    """The watch came up in the middle of an aurora and went down before its end: what it recorded stays, with or without
    messages; before it the archive's event ends at its onset, after it one goes on within its cool-down."""
    watched(watch, 50, *[True] * 10)
    watched(watch, 60 + 180, False)  # up again three hours later: nothing seen for two
    if not alerts:
        with watch.store._write() as db:
            db.execute("DELETE FROM outbox")
    (live,) = events(watch.store)
    assert (minute(live["ended_at"]), live["ended_reason"]) == ("59", "nothing seen for 2 h")
    for _ in range(2):
        take(watch.store, part(0, 130), part(20, 70, late_s=2))
        before, own, after, again = events(watch.store)
        assert own == live
        assert (minute(before["onset_at"]), before["ended_at"]) == ("10", live["onset_at"])
        assert before["ended_reason"] == JOINS_LIVE
        assert (minute(after["onset_at"]), minute(after["ended_at"]), after["in_cool_down"]) == (
            "60",
            "90",
            1,
        )
        assert minute(again["onset_at"]) == "120"


def test_the_same_aurora_seen_a_few_minutes_earlier_is_no_event_of_its_own(watch: Watch) -> None:
    """The watch came up five minutes after the onset: its event stands for both."""
    watched(watch, 15, *[True] * 75, *[False] * 20)
    (live,) = events(watch.store)
    take(watch.store, part(0, 110))
    assert events(watch.store) == [live]


def test_an_open_live_event_keeps_its_minutes(watch: Watch) -> None:
    """It is the watch's until nothing was seen for two hours; later aurora is the archive's."""
    watched(watch, 30, *[True] * 5)
    take(watch.store, part(0, 130))
    assert [(minute(e["onset_at"]), e["ended_reason"]) for e in events(watch.store)] == [
        ("10", JOINS_LIVE), ("30", None),
    ]  # fmt: skip


def test_what_a_folder_taken_in_every_few_minutes_gives_is_an_archives(store: Store) -> None:
    """Its frames are fetched as they come, like a watch's; its event goes on all the same."""
    for first in range(0, 60, 10):
        movie = part(first, first + 10)
        fresh = [
            replace(frame, fetched_at=frame.observed_at + timedelta(minutes=2))
            for frame in movie.frames()
            if frame.observed_at
        ]
        pipeline = take(store)
        ingest.record_frames(pipeline, fresh, ingest.Tally())
        ingest.settle_events(pipeline, movie.begins, movie.ends)
    assert spans(store) == [("10", "59", FOOTAGE_ENDS)]


def test_what_an_archive_adds_is_counted_and_not_called_under_way(store: Store) -> None:
    pipeline = take(store, part(0, 40), part(40, 130))
    registry = pipeline.metrics.registry
    labels = {"camera": CAMERA.name}
    assert registry.get_sample_value("aurorad_events_total", labels | {"kind": "onset"}) == 2
    assert not registry.get_sample_value("aurorad_event_active", labels)


# ------------------------------------------------------------------ which rows are looked at

RULES = Rules(off=0.25)


def seen(minutes: float, probability: float | None) -> Seen:
    return Seen(
        Evidence(at(minutes), probability, threshold=0.5), live=False, holds=(probability or 0) >= 0.25
    )


def test_rows_are_read_once_and_no_further_than_they_matter() -> None:
    """A polar night of a week: of it what aurora links to the footage, each row once."""
    aurora = {*range(100), *range(180, 240), *range(600, 700)}
    rows = [seen(k, 0.9 if k in aurora else 0.1) for k in range(-5000, 5000)]
    asked: list[datetime] = []

    def read(since: datetime, until: datetime) -> list[Seen]:
        found = [row for row in rows if since <= row.at <= until]
        asked.extend(row.at for row in found)
        return found

    found, since, until = around(read, at(50), at(60), reach_of(RULES))
    reach = reach_of(RULES)
    assert (since, until) == (at(0) - reach, at(239) + reach)
    assert asked.count(at(20)) == 1
    assert len(asked) == len(set(asked)) == len(found)
    assert [row.at for row in found] == sorted(asked)
    first, second = stretches(rows, reach)
    assert (first[0].at, first[-1].at) == (at(0), at(239) + reach)
    assert (second[0].at, second[-1].at) == (at(600), at(699) + reach)


# ------------------------------------------------------------------ rows a cadence apart


def gaps(store: Store) -> set[int]:
    times = [from_utc_text(row["observed_at"]) for row in store.reader.query(LOOKS)]
    return {int((two - one).total_seconds()) for one, two in pairwise(times)}


@pytest.mark.parametrize("late_s", [10, 30, 40])
def test_a_movie_of_other_seconds_doubles_no_minute(late_s: int, store: Store) -> None:
    take(store, part(0, 30), part(10, 30, late_s))
    assert len(store.reader.query(LOOKS)) == 30
    take(store, part(20, 60, late_s))
    assert min(gaps(store)) >= 45
    assert len(store.reader.query(LOOKS)) in (59, 60)


def test_a_movie_beside_live_rows_fills_only_what_is_missing(watch: Watch) -> None:
    """The live watch's pictures are twenty seconds off the movie's: none of its minutes comes twice."""
    watched(watch, 0, *[False] * 20)
    watched(watch, 40, *[False] * 20)
    take(watch.store, part(0, 60, late_s=20))
    assert min(gaps(watch.store)) >= 45
    assert max(gaps(watch.store)) < 120


def test_a_movies_own_frames_all_count_where_forty_seconds_lie_between_them(store: Store) -> None:
    """Read a cadence apart they are 40 and 80 s from each other; cut short and taken in again they are the same."""
    times = [k // 2 * 120 + k % 2 * 40 for k in range(20)]
    movie = Movie("slow.mp4", [(BEGINS + timedelta(seconds=s), False) for s in times])
    take(store, replace(movie, skies=movie.skies[:7]), movie)
    assert len(store.reader.query(LOOKS)) == 20
