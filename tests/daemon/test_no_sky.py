"""Pictures that are no sky on their way through the watch: a row with the reason, no event, one word to the operator."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from daemon import words
from daemon.alert import homeassistant
from daemon.commands.report.frames import Wanted, read_frames
from daemon.footage import image
from daemon.record.store import Reader
from daemon.source import Still
from daemon.verdict import UNKNOWN
from daemon.web import presenters, trust
from daemon.web.ports import view_of
from tests.hand_watch import CAMERA, SETTINGS, Greenness, Watch
from tests.no_sky.cards import write
from training.simulator.movie import compose, style_of


def show_card(watch: Watch) -> None:
    """A camera's card, green as aurora, with a stamp that goes on."""
    at = watch.clock.now() - timedelta(seconds=6)
    card = np.full((720, 720, 3), (40, 60, 40), np.uint8)
    card[:, :: 1 + watch.clock.now().minute % 2] += (
        1  # no two alike: a watch of the bytes finds nothing to say
    )
    picture = compose(write(np.random.default_rng(1), card, (40, 230, 40), lines=3), at, style_of(2024))
    still = Still(image.encode_jpeg(picture), watch.clock.now(), at, "http://camera/still.jpg", "still.jpg")
    watch.feed.next.append(still)


def cards(watch: Watch, count: int) -> None:
    for _ in range(count):
        show_card(watch)
        watch.live.look()
        watch.clock.move(60)


def test_a_card_is_unusable_and_the_model_never_sees_it(watch: Watch) -> None:
    """Two in a row, as a camera writes at start and stop: rows with the reason, no event, nobody alerted."""
    watch.minutes(False)
    cards(watch, 3)
    watch.minutes(False)
    rows = watch.rows("SELECT verdict, reason, probability FROM observations ORDER BY observed_at")
    assert [row["verdict"] for row in rows] == ["clear", *["unusable"] * 3, "clear"]
    assert {row["reason"] for row in rows[1:4]} == {"card"}
    assert {row["probability"] for row in rows[1:4]} == {None}
    assert watch.model.asked == 2
    assert not watch.rows("SELECT * FROM events")
    assert not watch.rows("SELECT * FROM outbox")


def test_a_card_neither_confirms_nor_ends_an_event(watch: Watch) -> None:
    """One frame of aurora and a card are no event; a running event outlives three cards as it does a gap."""
    watch.minutes(True)
    cards(watch, 1)
    assert not watch.rows("SELECT * FROM events")
    watch.minutes(True, True)
    cards(watch, 3)
    watch.minutes(True)
    (event,) = watch.rows("SELECT ended_at FROM events")
    assert event["ended_at"] is None


def test_the_operator_hears_of_cards_that_stay_once_and_of_their_end(watch: Watch) -> None:
    """Nothing for a quarter of an hour; then one message, and one when the sky is back."""
    cards(watch, 14)
    assert not watch.rows("SELECT * FROM outbox")
    cards(watch, 10)
    assert [row["channel"] for row in watch.rows("SELECT channel FROM outbox")] == ["owner"]
    watch.minutes(False)
    bodies = [row["body"] for row in watch.rows("SELECT body FROM outbox ORDER BY id")]
    assert len(bodies) == 2
    assert "have shown no sky since" in bodies[0]
    assert "show the sky again" in bodies[1]


def test_the_operator_hears_of_pictures_that_the_model_doubts(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lamp under the lens cap all night: it looks like a picture of a sky to all but the model."""
    plain = Greenness._one
    with monkeypatch.context() as doubting:
        doubting.setattr(Greenness, "_one", staticmethod(lambda square: replace(plain(square), doubted=True)))
        watch.minutes(*[True] * 14)
        assert not watch.rows("SELECT * FROM outbox")
        watch.minutes(*[True] * 10)
        (body,) = (row["body"] for row in watch.rows("SELECT body FROM outbox"))
        assert "have shown no sky since" in body
        assert f"(last: {UNKNOWN})" in body
    watch.minutes(False)
    assert "show the sky again" in watch.rows("SELECT body FROM outbox ORDER BY id")[-1]["body"]


def test_nobody_says_what_the_model_said_of_a_picture_that_it_doubts(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row keeps it; no sum, metric, message, page or figure speaks of aurora by it."""
    plain = Greenness._one
    monkeypatch.setattr(Greenness, "_one", staticmethod(lambda square: replace(plain(square), doubted=True)))
    watch.minutes(True, True)
    with Reader(watch.store.path) as reader:
        (row, _), (night,) = reader.between(CAMERA.name), reader.nights()
    assert row["calibrated_probability"] == 0.97
    assert (night["peak_probability"], night["peak_at"]) == (None, None)
    told = homeassistant.state(watch.live.status, row, None)
    assert (told["verdict"], told["probability"]) == ("unusable", None)
    assert trust.lines(row, {}, (0, 0)) == []
    shown = presenters.shown(row, view_of(CAMERA, SETTINGS))
    assert shown is not None
    assert shown.probability == words.NO_VALUE
    assert (
        watch.live.pipeline.metrics.registry.get_sample_value("aurorad_probability", {"camera": CAMERA.name})
        is None
    )
    with closing(sqlite3.connect(watch.store.path)) as record:
        record.row_factory = sqlite3.Row
        (frames,) = read_frames(record, Wanted())
    assert not frames.predicted.any()
