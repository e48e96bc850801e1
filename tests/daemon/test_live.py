"""One camera's live feed on its whole way into a real database."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from daemon import health
from daemon.alert.conditions import Conditions
from daemon.config import CameraSettings
from daemon.errors import FetchError
from daemon.housekeeping import end_unwatched
from daemon.live import LiveWatch
from daemon.metrics import Metrics
from daemon.observation import utc_text
from daemon.pipeline import Pipeline
from daemon.source import Still
from tests.hand_watch import CAMERA, SETTINGS, Watch, sky_picture


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


def test_the_event_of_a_camera_that_was_taken_out_is_over(watch: Watch) -> None:
    """With its last frame, once; one that is watched goes on, and one that is put back begins anew."""
    settings = watch.live.pipeline.settings
    watch.minutes(*[True] * 6)
    end_unwatched(watch.store, settings)
    assert [e["ended_at"] for e in watch.rows("SELECT ended_at FROM events")] == [None]
    last = watch.rows("SELECT max(observed_at) AS at FROM observations")[0]["at"]
    without = settings.model_copy(update={"camera": (CameraSettings(name="other"),)})
    for _ in range(2):
        end_unwatched(watch.store, without)
    (over,) = watch.rows("SELECT ended_at, ended_reason FROM events")
    assert (over["ended_at"], over["ended_reason"]) == (last, "the camera is no longer watched")
    assert watch.store.progress.event_state("yellowknife").event is None
    with closing(sqlite3.connect(watch.store.path)) as db, db:
        db.execute("UPDATE event_states SET json = '{}'")
    end_unwatched(watch.store, without)  # what is kept of a camera that nobody watches stops no watch


def anew(watch: Watch, camera: CameraSettings, metrics: Metrics | None = None) -> LiveWatch:
    """Another watch on the same record and feed, as a reload or a restart makes one."""
    pipeline = Pipeline(
        camera,
        SETTINGS,
        store=watch.store,
        predictor=watch.live.pipeline.predictor,
        metrics=metrics or Metrics(),
        clock=watch.clock,
    )
    return LiveWatch(pipeline, watch.feed, Conditions(watch.store, SETTINGS.notify, watch.clock))


def test_a_reload_makes_no_second_picture_of_a_standing_one(watch: Watch) -> None:
    """One frame of aurora without a time of its own, a reload, the same bytes again: one row, no event, and the page stays."""
    camera = CAMERA.model_copy(update={"stamp": False})
    data, came = sky_picture(watch.clock.now(), True), watch.clock.now() + timedelta(minutes=1)
    watch.live = anew(watch, camera)
    earlier = sky_picture(watch.clock.now(), False)
    for shown in (earlier, data, data, data):
        watch.feed.next.append(Still(shown, watch.clock.now(), None, "s", "s"))
        watch.minutes(None)
        before, watch.live = watch.live, anew(watch, camera)
        before.retire()
        watch.live.go_on_from(before)
    assert len(watch.rows("SELECT 1 FROM observations")) == 1
    assert watch.rows("SELECT 1 FROM events") == []
    assert (watch.live.status.framed_at, watch.live.status.progressed_at) == (came, None)
    source = camera.source.model_copy(update={"url": "http://other/"})
    other = anew(watch, camera.model_copy(update={"source": source}))
    other.go_on_from(watch.live)
    assert other.status.framed_at is None, "another feed has shown nothing yet"


def test_restarts_make_no_event_of_a_standing_picture_without_a_time(watch: Watch) -> None:
    """The first picture after a start may be days old where nothing gives its time: what follows it is the first to be judged."""
    camera = CAMERA.model_copy(update={"stamp": False})
    data = sky_picture(watch.clock.now(), True)
    for _ in range(3):
        watch.live = anew(watch, camera)
        watch.feed.next.append(Still(data, watch.clock.now(), None, "s", "s"))
        watch.minutes(None, None)
    assert watch.rows("SELECT 1 FROM observations") == []
    assert watch.live.status.framed_at is None
    watch.feed.next.append(Still(sky_picture(watch.clock.now(), True), watch.clock.now(), None, "s", "s"))
    watch.minutes(None)
    assert [row["verdict"] for row in watch.rows("SELECT verdict FROM observations")] == ["aurora"]


def test_an_event_under_way_is_active_from_the_start_on(watch: Watch) -> None:
    """Restarted or reloaded in an event: the metric shows it before it changes again."""
    watch.minutes(True, True, True)
    metrics = Metrics()
    anew(watch, CAMERA, metrics)
    assert metrics.registry.get_sample_value("aurorad_event_active", {"camera": CAMERA.name}) == 1


def test_a_dead_feed_is_not_back_because_the_watch_began_anew(watch: Watch) -> None:
    """Waiting anew, after a restart or a pause, is no picture: the operator hears of one when it has come."""
    watch.minutes(True, *[None] * 20)
    store, settings = watch.store, watch.live.pipeline.settings
    restarted = LiveWatch(watch.live.pipeline, watch.feed, Conditions(store, settings.notify, watch.clock))
    watch.live = restarted
    watch.minutes(*[None] * 3)
    assert watch.live.status.stale is None
    watch.clock.move(3600)  # a pause of the machine: silence is counted anew
    watch.minutes(*[None] * 20)
    assert [m["channel"] for m in watch.rows("SELECT channel FROM outbox")] == ["owner"]
    watch.minutes(False)
    bodies = [m["body"].splitlines()[0] for m in watch.rows("SELECT body FROM outbox ORDER BY id")]
    assert bodies[1:] == ["The feed of yellowknife is back."]


def test_a_feed_that_stops_again_in_the_evening_is_not_back(watch: Watch) -> None:
    """While the sky is too bright for a first word about it, a fault that was reported goes on all the same."""
    settings = watch.live.pipeline.settings
    held = Conditions(watch.store, settings.notify, watch.clock, hold=timedelta(minutes=30))
    watch.live = LiveWatch(watch.live.pipeline, watch.feed, held)
    watch.minutes(True, *[None] * 20)
    bright = settings.gate.model_copy(update={"alert_below_deg": -80.0})
    watch.live.pipeline.settings = settings.model_copy(update={"gate": bright})
    watch.minutes(True, *[None] * 40)
    held.settle()
    assert [m["channel"] for m in watch.rows("SELECT channel FROM outbox")] == ["owner"]


def test_a_feed_that_never_gave_a_picture_is_told_of_as_that(watch: Watch) -> None:
    """Not "nothing new since" the second of the message: since the watch began. One that gave some, since the last."""
    began = utc_text(watch.clock.now())
    watch.minutes(*[None] * 20)
    (told,) = watch.rows("SELECT body FROM outbox")
    assert f"stopped (nothing new); no picture since the watch began at {began}." in told["body"]
    last = utc_text(watch.clock.now())
    watch.minutes(False, *[None] * 20)
    body = watch.rows("SELECT body FROM outbox ORDER BY id")[-1]["body"]
    assert f"stopped (nothing new); nothing new since {last}." in body


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
    for _ in range(8):  # and it stays so: half an hour between two looks is no new beginning
        watch.clock.at = following
        following = watch.live.look()
        assert following - watch.clock.now() == timedelta(minutes=30)
        assert watch.live.status.stale == "nothing new"
        assert watch.live.patience() < timedelta(minutes=30)
        for minute in range(30):
            assert health.alive(
                {"cam": watch.live}, watch.clock.now() + timedelta(minutes=minute), in_place=True
            )[0]
    assert watch.feed.asked == asked + 9


def test_a_server_that_wants_to_be_left_alone_is_silent_and_the_watch_is_well(watch: Watch) -> None:
    """A slow camera's server answers 429 and names a long wait: stale all the same, and nobody restarts the watch for it."""
    watch.minutes(False)
    peace = timedelta(minutes=20)
    watch.feed.next_request = lambda wanted, soon=False: watch.clock.now() + peace  # type: ignore[method-assign]
    for _ in range(3):
        watch.feed.next.append(FetchError("too many requests", "http://camera/: answered 429"))
        following = watch.live.look()
        assert health.alive({"cam": watch.live}, following, in_place=True)[0]
        late = following + watch.live.patience() + timedelta(seconds=1)
        assert not health.alive({"cam": watch.live}, late, in_place=True)[0]
        watch.clock.at = following
    assert watch.live.status.stale == "too many requests"
    assert [m["channel"] for m in watch.rows("SELECT channel FROM outbox")] == ["owner"]


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
    """One frame of aurora, then nothing new: one sooner look, then the cadence, when the feed is called stale too."""
    watch.feed.show(True)
    waits = []
    for _ in range(30):
        following = watch.live.look()
        waits.append((following - watch.clock.now()).total_seconds())
        watch.clock.at = following
    assert waits == [20, *[60] * 29]
    assert len(watch.rows("SELECT 1 FROM observations WHERE verdict = 'stale'")) > 5
