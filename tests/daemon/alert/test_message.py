"""What messages say."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from daemon.alert.message import compose, compose_operator, compose_summary
from daemon.config import CameraSettings, NotifySettings, SourceSettings
from daemon.observation import (
    Description,
    Event,
    EventChange,
    Observation,
    Prediction,
    SkyState,
)
from tests.daemon.alert.skies import PAGE, page, texts

T0 = datetime(2024, 2, 10, 4, 50, 3, tzinfo=UTC)
SKY = SkyState(T0, -31.2, 12.0, 14.5, 200.0, 98.75, "night", "quarter")
CAMERA = CameraSettings(title="Yellowknife")
PHONE = NotifySettings(name="phone", url="json://localhost", expire_min=60)
EVENT = Event(
    "yellowknife-20240210T045003Z", "yellowknife", T0, T0 + timedelta(minutes=1), peak_probability=0.93
)


def observation(**changed: Any) -> Observation:
    prediction = Prediction(np.zeros(4, np.float32), 0.97, 0.93, 0.7, np.zeros((8, 8), np.float32), "ab" * 32)
    at = T0 + timedelta(minutes=1)
    made = Observation(
        "yellowknife",
        at,
        at,
        "aurora",
        "aurora",
        SKY,
        prediction,
        azimuth_deg=312.0,
        elevation_deg=35.0,
        description=Description(
            5,
            0.24,
            82.0,
            9.4,
            ("rays",),
            overhead=True,
            trend="brightening",
            drift="poleward",
            green_share=0.9,
        ),
    )
    return replace(made, picture="yellowknife/2024-02-10/1.jpg", **changed)


def change(kind: Any = "onset", **changed: Any) -> EventChange:
    return EventChange(kind, replace(EVENT, **changed), T0 + timedelta(minutes=1))


# ------------------------------------------------------------------ words


def test_auroramax_as_shipped_is_called_yellowknife_and_another_camera_by_its_name() -> None:
    """Who names no camera is alerted as the README shows; a title wins; no other sky is called Yellowknife."""
    shipped = CameraSettings()
    told = [
        compose(change(), observation(), camera, PHONE).title.partition(":")[0]
        for camera in (
            shipped,
            shipped.model_copy(update={"title": "the lake"}),
            shipped.model_copy(update={"name": "cabin"}),
            shipped.model_copy(update={"latitude_deg": 69.6}),
            shipped.model_copy(
                update={"source": SourceSettings(kind="url", url="http://camera.lan/now.jpg")}
            ),
        )
    ]
    over = ("Yellowknife", "the lake", "cabin", "yellowknife", "yellowknife")
    assert told == [f"Aurora over {place}" for place in over]


def test_an_onset_says_what_how_strong_where_when_how_surely_and_under_which_sky() -> None:
    """Local time and UTC, per cent, compass point, sun and moon, link and event id, picture attached."""
    message = compose(change(), observation(), CAMERA, PHONE, "https://aurora.example/", sky_seen_before=True)
    assert message.title == "Aurora over Yellowknife: bright rays overhead and to the north-west"
    assert message.body.splitlines() == [
        (
            "Bright rays overhead and to the north-west, level 5 and rising, since 21:50 MST on 9 February 2024"
            " (04:50 UTC)."
        ),
        "Brightest in the north-west (azimuth 312°), 35° up.",
        "Moving poleward. Colour: green.",
        "Probability 93 %.",
        "Sun 31° below the horizon, moon 14° above the horizon, 58 % lit.",
        "https://aurora.example/night/2024-02-10?camera=yellowknife&at=2024-02-10T04%3A51%3A03Z",
        "event yellowknife-20240210T045003Z",
    ]
    assert (message.event_id, message.kind, message.channel) == (EVENT.id, "onset", "phone")
    assert (message.audience, message.picture) == ("aurora", "yellowknife/2024-02-10/1.jpg")
    assert (message.created_at, message.expires_at) == (T0 + timedelta(minutes=1), T0 + timedelta(minutes=61))


def test_without_orientation_page_or_picture_it_says_so_or_nothing() -> None:
    """No direction is invented, no dead link made, no picture sent where none is wanted."""
    quiet = PHONE.model_copy(update={"picture": False})
    message = compose(change(), observation(azimuth_deg=None, elevation_deg=None), CAMERA, quiet)
    assert "Direction unknown." in message.body
    assert "http" not in message.body
    assert message.picture is None


def test_certainty_is_never_claimed() -> None:
    """0.9999 is not 100 %."""
    sure = replace(observation().prediction, calibrated_probability=0.9999)  # type: ignore[type-var]
    assert "Probability over 99 %." in compose(change(), observation(prediction=sure), CAMERA, PHONE).body


def test_yellowknife_stays_on_utc_minus_6_from_november_2026() -> None:
    """Times follow pytz's 2026 tables, whatever the system's own say."""
    onset = datetime(2026, 12, 1, 6, 0, tzinfo=UTC)
    body = compose(change(onset_at=onset), observation(), CAMERA, PHONE, sky_seen_before=True).body
    assert ", since 00:00 CST on 1 December 2026 (06:00 UTC)." in body


def test_the_length_of_an_event_is_that_of_the_clocks_beside_it() -> None:
    """21:13:20 to 22:20:55 is shown as 21:13 to 22:20, which anybody takes for 1 h 07 min."""
    onset = datetime(2024, 2, 10, 4, 13, 20, tzinfo=UTC)
    over = change("over", onset_at=onset, ended_at=onset + timedelta(minutes=67, seconds=35))
    row = {"brightest_level": None, "seen_before_at": "2024-02-10T04:12:20Z"}
    body = compose(over, observation(), CAMERA, PHONE, "", row).body
    assert "From 21:13 MST on 9 February 2024 (04:13 UTC) to 22:20 MST (1 h 07 min)." in body


def test_an_onset_that_nobody_saw_coming_may_have_been_earlier() -> None:
    """Where the sky was not seen shortly before, no message claims to know when the aurora came."""
    onset = compose(change(), observation(), CAMERA, PHONE, sky_seen_before=False).body
    assert ", since 21:50 MST on 9 February 2024 (04:50 UTC) or earlier." in onset
    ended = change("over", ended_at=T0 + timedelta(minutes=42))
    row = {"brightest_level": None, "seen_before_at": None}
    over = compose(ended, observation(), CAMERA, PHONE, "", row).body
    assert "From 21:50 MST on 9 February 2024 (04:50 UTC) or earlier to 22:32 MST (42 min)." in over
    event = {"onset_at": "2024-02-10T04:50:03Z", "ended_at": "2024-02-10T05:32:03Z", "strong_at": None}
    night = {"night": "2024-02-10", "aurora": 9, "clear": 0, "obscured": 0, "stale": 0, "unusable": 0}
    morning = compose_summary(night, [{**event, **row, "peak_probability": 0.93}], CAMERA, PHONE, T0).body
    assert "21:50 MST or earlier to 22:32 MST. Probability 93 %." in morning


def test_strong_and_over_belong_to_the_same_thread() -> None:
    """Their titles tell them apart; the id joins them."""
    strong = compose(change("strong", strong_at=T0), observation(), CAMERA, PHONE)
    assert strong.title == "Strong aurora over Yellowknife"
    ended = {
        "ended_at": T0 + timedelta(minutes=42),
        "ended_reason": "daylight",
        "peak_at": T0,
        "strong_at": T0,
    }
    best = {
        "brightest_at": "2024-02-10T05:10:03Z",
        "brightest_level": 5,
        "brightest_cover": 0.4,
        "brightest_forms": "band rays",
        "picture": "b.jpg",
        "seen_before_at": "2024-02-10T04:49:03Z",
    }
    over = compose(change("over", **ended), observation(), CAMERA, PHONE, "", best)
    assert over.title == "Aurora over Yellowknife has ended"
    assert over.body.splitlines()[:4] == [
        "From 21:50 MST on 9 February 2024 (04:50 UTC) to 22:32 MST (42 min).",
        "Brightest at 22:10 MST: bright rayed band over much of the sky, level 5.",
        "Probability at most 93 %.",
        "It is now too light to see more.",
    ]
    assert over.picture == "b.jpg"
    assert strong.body.startswith(
        "Bright rays overhead and to the north-west, level 5 and rising, at 21:51 MST"
    )
    assert strong.event_id == over.event_id == EVENT.id


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        ("below 0.25 for 15 min", "No aurora has been seen for 15 min."),
        ("nothing seen for 2 h", "No picture could be used for 2 h, so its real end is not known."),
        ("something new", "Reason: something new."),
    ],
)
def test_the_end_is_explained_to_people_and_not_to_machines(reason: str, sentence: str) -> None:
    """No threshold and no bare word: how the end is known, in a sentence."""
    ended = change("over", ended_at=T0 + timedelta(minutes=42), ended_reason=reason)
    assert sentence in compose(ended, observation(), CAMERA, PHONE).body.splitlines()


def test_brightness_is_left_out_where_it_was_not_measured() -> None:
    """A probability is never made into a strength: what was not described is aurora, and no more."""
    unknown = {"description": None, "azimuth_deg": None, "elevation_deg": None}
    bare = compose(change(), observation(**unknown), CAMERA, PHONE)
    assert bare.title == "Aurora over Yellowknife"
    assert "level" not in bare.body
    faint = compose(change(), observation(description=Description(1)), CAMERA, PHONE)
    assert faint.title == "Aurora over Yellowknife: faint aurora in the north-west"


def test_breakup_and_stronger_have_titles_of_their_own() -> None:
    """Level 6 is called breakup; every new highest level is a message of its own in the outbox."""
    six = observation(description=Description(6, 0.5, azimuth_from_deg=0, azimuth_to_deg=360))
    assert (
        compose(change("strong", strong_at=T0), six, CAMERA, PHONE).title == "Aurora breakup over Yellowknife"
    )
    more = compose(change("stronger", peak_level=6), six, CAMERA, PHONE)
    assert (more.kind, more.title) == (
        "stronger 6",
        "Stronger aurora over Yellowknife: very bright aurora over the whole sky",
    )


def test_the_twelve_skies_in_the_docs_are_what_goes_out() -> None:
    """docs/alerts.md is made by `python -m tests.daemon.alert.skies`."""
    assert page() == PAGE.read_text(encoding="utf-8")
    assert len(texts()) == 12


def test_operator_messages_are_apart_and_keyed_by_condition_and_time() -> None:
    """The same condition twice is two messages; the audience is the operator's."""
    first = compose_operator(
        key="yellowknife-feed-stale", camera="yellowknife", text="the feed", at=T0, channel=PHONE
    )
    later = compose_operator(
        key="yellowknife-feed-stale", camera="yellowknife", text="x", at=T0 + timedelta(1), channel=PHONE
    )
    assert (first.audience, first.event_id) == ("operator", "yellowknife-feed-stale-20240210T045003Z")
    assert first.body.startswith("The feed.")
    assert later.event_id != first.event_id


def test_the_morning_summary_tells_when_how_strong_and_how_much_was_seen() -> None:
    """Shares are of what could be seen, times are local, a night under cloud is no division by zero."""
    night = {"night": "2024-02-10", "aurora": 30, "clear": 70, "obscured": 100, "stale": 0, "unusable": 0}
    events = [
        {
            "onset_at": "2024-02-10T04:50:03Z",
            "ended_at": None,
            "strong_at": "x",
            "peak_probability": 0.93,
            "brightest_at": "2024-02-10T05:10:03Z",
            "brightest_level": 3,
            "brightest_cover": 0.1,
            "seen_before_at": "2024-02-10T04:49:03Z",
        },
    ]
    message = compose_summary(night, events, CAMERA, PHONE, T0, "http://h:8080", "k.png")
    assert message.title == "Yellowknife, night of 9–10 February 2024: one aurora event"
    assert message.body.splitlines() == [
        "The sky was visible in 50 % of 200 pictures; 30 % of those showed aurora.",
        "21:50 MST, end not seen, strong. Brightest at 22:10 MST: clearly visible aurora, level 3. Probability 93 %.",
        "http://h:8080/night/2024-02-10?camera=yellowknife",
        "event summary-yellowknife-2024-02-10",
    ]
    cloudy = compose_summary({**night, "aurora": 0, "clear": 0}, [], CAMERA, PHONE, T0)
    assert "The sky was hidden in all 100 pictures." in cloudy.body
    unseen = compose_summary({**night, "aurora": 0, "clear": 0, "obscured": 0}, [], CAMERA, PHONE, T0)
    assert "It was too light to look all night." in unseen.body


def test_a_grown_event_was_first_seen_not_begun() -> None:
    """The watch may begin with an aurora that has been there for hours: when it began nobody saw."""
    for kind in ("strong", "stronger"):
        body = compose(change(kind, strong_at=T0, peak_level=6), observation(), CAMERA, PHONE).body
        assert "First seen at 21:50 MST." in body
        assert "began" not in body


@pytest.mark.parametrize(
    ("frames", "title", "said"),
    [
        ({"clear": 9, "stale": 90}, "no aurora", "The sky was visible in 100 % of 9 pictures"),
        ({"obscured": 9, "stale": 90}, "sky not seen", "The sky was hidden in all 9 pictures."),
        ({"stale": 90, "unusable": 3}, "sky not seen", "No new picture came all night."),
        ({"stale": 3, "unusable": 90}, "sky not seen", "No picture could be used all night."),
        ({}, "sky not seen", "It was too light to look all night."),
    ],
)
def test_a_summary_claims_no_aurora_only_where_the_sky_was_seen(
    frames: dict[str, int], title: str, said: str
) -> None:
    """Under cloud, or with a camera that gave nothing, nobody knows; and a dead camera is not the light's fault."""
    counted = {"aurora": 0, "clear": 0, "obscured": 0, "stale": 0, "unusable": 0, **frames}
    message = compose_summary({"night": "2024-02-10", **counted}, [], CAMERA, PHONE, T0)
    assert message.title.endswith(f": {title}")
    assert message.body.startswith(said)
