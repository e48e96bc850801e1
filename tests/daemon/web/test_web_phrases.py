"""The watch's findings in words, and the night as a strip: plain values in, plain values out."""

from __future__ import annotations

import ast
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from typing import cast
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon import sighting, words
from daemon.config import CameraSettings, Settings
from daemon.footage.plausibility import FLAWS
from daemon.night import midnight_of
from daemon.observation import Description, utc_text
from daemon.record.columns import COLUMNS, ObservationRow
from daemon.record.store import Reader, Store
from daemon.source import fetch, freshness
from daemon.web import chips, news, phrases, pictures, presenters, sight
from daemon.web.ports import view_of
from daemon.web.season import level_of, moon_path
from daemon.web.sight import Sight
from daemon.web.strip import MAX_POINTS, Strip, _path, sample_times, span_of, strip
from daemon.web.tongues import speaking
from tests import web_night

ZONE = "America/Yellowknife"
AT = datetime(2024, 2, 10, 5, 41, tzinfo=UTC)
ONSET = phrases.Onset(AT, seen=True)
MIDNIGHT = midnight_of(web_night.NIGHT, CameraSettings())


def row_of(verdict: str, reason: str = "", **more: object) -> dict[str, object]:
    """A row with nothing established but what is given."""
    empty = dict.fromkeys(column.name for column in COLUMNS)
    return {**empty, "verdict": verdict, "reason": reason, **more}


def test_aurora_says_where_and_since_when() -> None:
    """An aurora is told with direction, height and onset in the camera's own time."""
    row = row_of("aurora", azimuth_deg=315.0, elevation_deg=35.2, colour_level=2)
    assert phrases.of_row(row, ZONE, ONSET).sentence == "Aurora: north-west, 35° up, since 22:41"


def test_an_onset_that_was_not_seen_may_have_been_earlier() -> None:
    """In every language of the page, in the finding and in a chip."""
    unseen = phrases.Onset(AT, seen=False)
    for tongue, told in {"en": "since 22:41 or earlier", "de": "seit 22:41 oder früher"}.items():
        with speaking(tongue):
            assert phrases.of_row(row_of("aurora"), ZONE, unseen).detail.endswith(f", {told}")
            assert chips.of_aurora(Sight(), unseen, AT, [], ZONE)[2].value == told


def test_a_described_aurora_is_told_in_the_words_of_the_alerts() -> None:
    """Page and alert say the same of one frame; another language says it in its own order."""
    seen = {"level": 5, "forms": "rays", "overhead": 1, "cover": 0.2, "trend": "brightening"}
    row = row_of("aurora", azimuth_deg=312.0, elevation_deg=45.0, colour_level=2, **seen)
    found = phrases.of_row(row, ZONE, ONSET)
    assert found.sentence == "Bright rays overhead and to the north-west: level 5 and rising, since 22:41"
    assert f"{found.headline}, level 5 and rising" == sighting.headline(row)
    with speaking("de"):
        assert phrases.of_row(row, ZONE).headline == "Strahlen, hell, über uns und im Nordwesten"
    nowhere = row_of("aurora", level=4)
    assert phrases.of_row(nowhere, ZONE).sentence == "Bright aurora: direction unknown, level 4"


def test_aurora_without_orientation_names_no_direction() -> None:
    """Where the camera's orientation is unknown no direction is made up."""
    assert phrases.of_row(row_of("aurora"), ZONE, ONSET).detail == "direction unknown, since 22:41"


def test_what_cannot_be_told_says_why() -> None:
    """Obscured and stale rows carry their reason."""
    assert phrases.of_row(row_of("obscured", "cloud"), ZONE).sentence == "Sky hidden: cloud"
    stale = phrases.of_row(row_of("stale", "same bytes"), ZONE)
    assert stale.sentence == "No new picture: the camera keeps sending the same file"
    unusable = phrases.of_row(row_of("unusable", "camera card"), ZONE)
    assert unusable.sentence == "No usable picture: camera card"
    row = row_of("not looked", "civil twilight: sun at −4.2°")
    assert phrases.of_row(row, ZONE).kind == "asleep"


def test_a_moment_carries_its_day_where_that_is_not_clear() -> None:
    """``17:42`` tonight, ``14 August, 00:42`` months ahead, with the year where that is another."""
    at = datetime(2024, 2, 11, 0, 42, tzinfo=UTC)
    assert phrases.moment(at, ZONE, at - timedelta(hours=1)) == "17:42"
    assert phrases.moment(at + timedelta(days=80), ZONE, at) == "30 April, 18:42"
    assert phrases.moment(at - timedelta(days=80), ZONE, at) == "22 November 2023, 17:42"


def test_a_moment_within_a_sentence_has_its_own_words() -> None:
    """ "at 17:42" and "on 30 April at 18:42", never "at 30 April"."""
    at = datetime(2024, 2, 11, 0, 42, tzinfo=UTC)
    assert phrases.at_moment(at, ZONE, at) == "at 17:42"
    assert phrases.at_moment(at + timedelta(days=80), ZONE, at) == "on 30 April at 18:42"
    assert phrases.at_moment(at - timedelta(days=80), ZONE, at) == "on 22 November 2023 at 17:42"
    with speaking("de"):
        assert phrases.at_moment(at + timedelta(days=80), ZONE, at) == "am 30. April um 18:42"


@pytest.mark.parametrize(
    ("begin_s", "end_s", "text"),
    [
        (0, 40, "40 s"),
        (50, 4070, "67 min"),
        (59, 6061, "1 h 41 min"),
        (0, 6059, "1 h 40 min"),
        (50, 155, "2 min"),
    ],
)
def test_a_length_beside_two_clocks_is_theirs(begin_s: int, end_s: int, text: str) -> None:
    """Clocks are cut to the minute, so the length between them is too."""
    midnight = datetime(2024, 2, 10, tzinfo=UTC)
    begin, end = (midnight + timedelta(seconds=s) for s in (begin_s, end_s))
    assert phrases.between(begin, end) == text


def test_numbers_have_one_decimal_mark_in_each_language() -> None:
    """A comma in German, Norwegian and French, in the numbers of a frame too."""
    row = row_of(
        "clear", sun_altitude_deg=-41.24, twilight="night", moon_altitude_deg=3.04, moon_phase_deg=5.0
    )
    told = presenters.facts(cast(ObservationRow, row_of("clear") | row))
    assert "−41.2°, night" in dict(told).values()
    with speaking("de"):
        values = list(dict(presenters.facts(cast(ObservationRow, row))).values())
    assert "−41,2°, Nacht" in values
    assert not any("." in value for value in values), values


LIVE = ("source", "footage", "sky")
NOT_LIVE = ("auroramax", "movie", "movie_clock", "video", "timelapse", "horizon")
"""Modules of archived movies and of commands: their reasons reach no row and no page."""


def reasons_of_a_live_look() -> set[str]:
    """Every reason that the code can give for a look without news, read from the code itself."""
    daemon = Path(phrases.__file__).parents[1]
    paths = [path for folder in LIVE for path in (daemon / folder).rglob("*.py") if path.stem not in NOT_LIVE]
    found: set[str] = set()
    for path in (*paths, daemon / "address.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            given: ast.expr | None = None
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in (
                "FetchError", "PictureError", "ClockError", "FootageError",
            ):  # fmt: skip
                given = node.args[0]
            elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "reason":
                given = node.value
            if isinstance(given, ast.Constant) and isinstance(given.value, str):
                found.add(given.value)
    found |= {fetch._refused(fetch.Head(status, {}, "http://camera/")).reason for status in range(400, 600)}
    return found | {value for name, value in vars(freshness).items() if name in WITNESSES}


WITNESSES = ("SAME_BYTES", "SAME_PICTURE", "CLOCK_STOPPED", "OLD_LAST_MODIFIED", "OLD_CLOCK", "NOTHING_NEW")


def test_every_reason_for_no_news_has_words() -> None:
    """No code word reaches the page, in no language; and no words are kept for what is never said."""
    reasons = reasons_of_a_live_look()
    assert {"clock ahead", "redirect loop", "wrong shape", "too many requests", "dns", "status"} <= reasons
    assert set(phrases._STALE) == reasons
    with speaking("de"):
        assert not [reason for reason in reasons if phrases.why_stale(reason).startswith("Grund:")]
        assert not [flaw for flaw in FLAWS if phrases.reason_of(flaw) == flaw]
        stale = cast(ObservationRow, row_of("stale", "redirect loop", sun_altitude_deg=-41.24, twilight="night",
                                            moon_altitude_deg=3.04, moon_phase_deg=5.0))  # fmt: skip
        assert "redirect loop" not in str(presenters.facts(stale))


def test_local_time_follows_the_change_of_2026() -> None:
    """Yellowknife stays on UTC−6 from November 2026, whatever the system's own tables say."""
    assert phrases.clock(datetime(2026, 12, 1, 6, 0, tzinfo=UTC), ZONE) == "00:00"
    assert phrases.clock(datetime(2025, 12, 1, 6, 0, tzinfo=UTC), ZONE) == "23:00"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-3, "0 s"), (41, "41 s"), (99.4, "99 s"), (720, "12 min"), (11_100, "3 h 05 min"), (200_000, "2 days")],
)
def test_lengths_of_time_are_taken_in_at_a_glance(seconds: float, text: str) -> None:
    """Seconds, minutes, hours or days, never more than needed."""
    assert phrases.lasting(seconds) == text


def test_a_night_is_named_by_both_its_days() -> None:
    """The evening's date and the morning's, over the month's and the year's end too."""
    assert phrases.night(date(2024, 2, 10)) == "Night of 9–10 February 2024"
    assert phrases.night(date(2024, 3, 1)) == "Night of 29 February – 1 March 2024"
    assert phrases.night(date(2024, 1, 1)) == "Night of 31 December 2023 – 1 January 2024"


def test_the_moon_is_drawn_as_lit() -> None:
    """New is nothing, full is a disc, a waning half is lit on the other side."""
    assert moon_path(0.0) == "M0 -5A5 5 0 0 1 0 5A5.00 5 0 0 0 0 -5Z"  # there and back: empty
    assert moon_path(180.0) == "M0 -5A5 5 0 0 1 0 5A5.00 5 0 0 1 0 -5Z"  # all around
    assert moon_path(90.0).startswith("M0 -5A5 5 0 0 1")
    assert moon_path(90.0, lit_left=True).startswith("M0 -5A5 5 0 0 0")
    assert words.lit_percent(90) == 50


def test_levels_rise_with_the_share() -> None:
    """A cell's shade: none, then five steps."""
    assert [level_of(share) for share in (None, 0.0, 0.01, 0.05, 0.2, 0.3, 0.9)] == [0, 0, 1, 2, 3, 4, 5]


# ---------------------------------------------------------------------- the strip


def rows(first: int, last: int) -> list[dict[str, object]]:
    """The made-up night's rows as the database gives them."""
    told = []
    for minute in range(first, last):
        if web_night.is_gap(minute):
            continue
        at = web_night.FIRST + timedelta(minutes=minute)
        p = web_night.probability_at(minute)
        verdict = "aurora" if p >= 0.5 else "clear"
        told.append(
            {
                "observed_at": utc_text(at),
                "verdict": verdict,
                "calibrated_probability": p,
                "threshold": 0.5,
                "level": None,
                "colour_level": None,
            }
        )
    return told


def laid(given_rows: list[dict[str, object]], now_minute: int = 900) -> Strip:
    """A strip of Yellowknife's night."""
    sky = web_night.observatory().states(sample_times(MIDNIGHT))
    event = {
        "onset_at": web_night.at_minute(240),
        "ended_at": web_night.at_minute(435),
        "last_seen_at": None,
        "strong_at": None,
    }
    return strip(
        given_rows,
        sky,
        [event],
        span_of(MIDNIGHT, sky),
        timezone=ZONE,
        cadence_s=60,
        look_below_deg=-6,
        now=web_night.FIRST + timedelta(minutes=now_minute),
    )


def test_an_hour_without_footage_is_a_gap_and_breaks_the_curve() -> None:
    """The missing hour is marked where it was, and no line is drawn across it."""
    drawn = laid(rows(120, 800))
    gaps = [band for band in drawn.gaps if band.kind == "gap"]
    missing = [drawn.x(web_night.FIRST + timedelta(minutes=m)) for m in (659, 720)]
    assert any(abs(g.x - missing[0]) < 0.1 and abs(g.x + g.width - missing[1]) < 0.1 for g in gaps)
    assert drawn.curve.count("M") == 2


def test_a_picture_that_is_no_sky_draws_no_curve() -> None:
    """What the model said of it is on record; drawn, it would be an aurora that nobody saw."""
    course = [dict(row) for row in rows(120, 300)]
    for row in course[40:60]:
        row.update(verdict="unusable", calibrated_probability=0.99)
    heights = [
        float(point.split()[1]) for point in laid(course).curve.strip("M").replace("M", "L").split("L")
    ]
    plain = [
        float(point.split()[1])
        for point in laid(course[:40] + course[60:]).curve.strip("M").replace("M", "L").split("L")
    ]
    assert min(heights) == min(plain)


def test_daylight_is_gated_and_not_a_gap() -> None:
    """Time the sun forbade looking is told apart from time the camera failed."""
    drawn = laid(rows(60, 800))
    dusk = drawn.x(datetime(2024, 2, 10, 0, 30, tzinfo=UTC))
    gated = [band for band in drawn.gaps if band.kind == "gated"]
    assert any(band.x <= dusk <= band.x + band.width for band in gated)
    assert not any(band.kind == "gap" and band.x <= dusk <= band.x + band.width for band in drawn.gaps)


def test_the_future_is_no_gap() -> None:
    """What has not come yet is not missing."""
    drawn = laid(rows(60, 400), now_minute=400)
    now = drawn.x(web_night.FIRST + timedelta(minutes=401))
    assert not any(band.kind == "gap" and band.x + band.width > now for band in drawn.gaps)
    assert drawn.now_percent is not None


@pytest.mark.parametrize(
    ("verdict", "level", "colour_level", "told"),
    [
        ("clear", 0, 4, "–"),  # a bright sky without aurora has no bright aurora
        ("obscured", None, 0, "–"),
        ("aurora", 4, 1, "bright"),  # as the headline beside it
        ("aurora", None, 1, "faint"),
        ("aurora", None, None, "–"),
    ],
)
def test_brightness_is_told_of_aurora_alone_and_by_its_described_level(
    verdict: str, level: int | None, colour_level: int | None, told: str
) -> None:
    """Page, caption and Home Assistant say how bright aurora is; of any other sky nothing."""
    row = row_of(verdict, level=level, cover=0.1, colour_level=colour_level, colour_cover=0.1)
    assert sighting.brightness(row) == ("" if told == "–" else told)
    assert presenters._FACTS["colour_level"](cast(ObservationRow, row)) == told


def test_of_a_level_stretch_only_the_ends_are_named() -> None:
    """A night of nine hundred frames under one threshold is a line of two points, not ten kilobytes."""
    spots = [(0, 0.5), (1, 0.5), (2, 0.5), (3, None), (4, 0.2), (5, 0.2), (6, 0.4)]
    assert _path(spots) == "M0 50.0L2 50.0L4 80.0L5 80.0L6 60.0"
    assert _path([(float(n), 0.5) for n in range(900)]) == "M0 50.0L899 50.0"


def test_strip_tooltip_and_caption_show_the_described_level(tmp_path: Path) -> None:
    """Where a frame was described its level counts in all of them, not the level of its colours."""
    (sky,) = web_night.observatory().states([web_night.FIRST + timedelta(minutes=300)])
    seen = replace(
        web_night.observation_at(300, sky), description=Description(level=5, cover=0.4), colour_level=2
    )
    with Store(tmp_path / "a.db") as store:
        store.record(seen, night=web_night.NIGHT)
        with Reader(tmp_path / "a.db") as reader:
            course = reader.course(web_night.CAMERA, web_night.NIGHT)
            (whole,) = reader.night(web_night.CAMERA, web_night.NIGHT)
    assert sight.strength_of(whole) == 5
    heights = [float(part.split()[1]) for part in laid(course).strength.strip("MZ").split("L")]
    assert min(heights) == pytest.approx(100 * (1 - 5 / 6), abs=0.1)
    view = view_of(CameraSettings(), Settings())
    assert pictures.caption(whole, view).startswith("aurora, bright, over much of the sky, north-west")


def test_card_and_feed_call_an_event_what_its_alerts_do(tmp_path: Path) -> None:
    """Form and level of its brightest frame, in the words of the message that it is over; not the words for colours."""
    (sky,) = web_night.observatory().states([web_night.FIRST + timedelta(minutes=300)])
    seen = Description(level=6, cover=0.3, forms=("rays",))
    with Store(tmp_path / "a.db") as store:
        store.record(
            replace(web_night.observation_at(300, sky), description=seen, colour_level=2),
            night=web_night.NIGHT,
        )
        store.put_event(web_night.event_of(600))
        with Reader(tmp_path / "a.db") as reader:
            (event,) = reader.events()
    view = view_of(CameraSettings(), Settings())
    (card,) = presenters.cards([event], {view.name: view}, frozenset(), lambda _: None)
    assert ": very bright rays over much of the sky, level 6. Probability" in card.words
    entry = "".join(news._entry(event, view, "", ongoing=False))
    assert f"<title>Aurora over {view.title}: very bright rays over much of the sky</title>" in entry
    with speaking("de"):
        (card,) = presenters.cards([event], {view.name: view}, frozenset(), lambda _: None)
    assert ": Strahlen, sehr hell, über weite Teile des Himmels, Stufe 6. " in card.words


def test_no_row_falls_off_the_strip() -> None:
    """Rows before dusk and after dawn widen it."""
    early = rows(120, 400)
    early[0]["observed_at"] = "2024-02-09T21:10:00Z"
    drawn = laid(early)
    assert drawn.start <= datetime(2024, 2, 9, 21, 10, tzinfo=UTC)


def test_a_fast_camera_is_thinned_without_losing_its_peak() -> None:
    """A cadence of 6 s draws no more points than a screen shows, and the highest stays."""
    many = []
    for second in range(0, 36_000, 6):
        at = web_night.FIRST + timedelta(hours=2, seconds=second)
        p = 0.97 if second == 18_000 else 0.1
        row = {"observed_at": utc_text(at), "verdict": "clear", "calibrated_probability": p, "threshold": 0.5}
        many.append(row | {"level": None, "colour_level": None})
    drawn = laid(many)
    assert drawn.curve.count("L") <= MAX_POINTS
    assert " 3.0" in drawn.curve


def test_a_flicker_does_not_cover_the_aurora_around_it() -> None:
    """Frames every six seconds, every eighth clear: each colour of the ribbon takes the time that it lasted."""
    begins = datetime(2024, 2, 10, 5, tzinfo=UTC)
    many: list[dict[str, object]] = [
        {"observed_at": utc_text(begins + timedelta(seconds=6 * n)), "verdict": "clear" if n % 8 == 7 else "aurora",
         "calibrated_probability": 0.5, "threshold": 0.5, "level": None, "colour_level": None}
        for n in range(1400)
    ]  # fmt: skip
    drawn = laid(many)
    for band, after in pairwise(drawn.verdicts):
        assert band.x + band.width <= after.x + 0.005
    wide = {kind: sum(b.width for b in drawn.verdicts if b.kind == kind) for kind in ("aurora", "clear")}
    assert wide["aurora"] > 5 * wide["clear"] > 0
    assert {kind for kind, _ in drawn.ribbon} == {"aurora", "clear"}


def test_an_empty_night_is_still_drawn() -> None:
    """No rows: the sky's shading, one gap, and a sentence saying so."""
    drawn = laid([])
    assert drawn.twilight
    assert drawn.curve == ""
    assert drawn.summary == "No frames have been recorded."


def test_polar_night_and_polar_day_take_the_whole_day() -> None:
    """Where the sun does not cross the horizon the strip runs from noon to noon."""
    from daemon.sky.ephemeris import Observatory

    for night in (date(2024, 1, 1), date(2024, 6, 21)):
        midnight = datetime.combine(night, time(), UTC) - timedelta(hours=16.04 / 15)
        sky = Observatory(78.15, 16.04).states(sample_times(midnight))
        start, end = span_of(midnight, sky)
        assert timedelta(hours=24) <= end - start <= timedelta(hours=26)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, 880), unique=True, max_size=60), st.integers(0, 900))
def test_coordinates_stay_inside(minutes: list[int], now: int) -> None:
    """Whatever frames there are, everything drawn lies on the strip and is well formed."""
    chosen = [row for m in sorted(minutes) for row in rows(m, m + 1)]
    drawn = laid(chosen, now)
    for band in (*drawn.twilight, *drawn.moon, *drawn.verdicts, *drawn.gaps, *drawn.events):
        assert 0 <= band.x <= 1000
        assert band.width > 0
        assert band.x + band.width <= 1003
    ElementTree.fromstring(f'<path d="{drawn.curve}{drawn.strength}{drawn.threshold}"/>')
