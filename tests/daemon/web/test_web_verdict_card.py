"""The verdict card and its chips: every state of the watch in a table, plain values in, plain values out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import hypot
from typing import Any

import numpy as np
import pytest

from daemon.config import Settings
from daemon.observation import Lens, Orientation, Verdict
from daemon.web import chips, first_run, horizon, sight, trust
from daemon.web.phrases import Onset
from daemon.web.present import State
from daemon.web.sight import Sight
from daemon.web.verdict_card import KINDS, Kind, kind_of
from models.card import SHIPPED, read_card

BRIGHT = Sight(level=4, azimuth_deg=315.0, elevation_deg=35.0)
AT = datetime(2024, 2, 10, 5, 18, tzinfo=UTC)
ZONE = "America/Yellowknife"

TABLE: list[tuple[Kind, State, Verdict | None, Sight | None, bool]] = [
    ("go", "live", "aurora", BRIGHT, True),
    ("go", "live", "aurora", Sight(level=3), True),
    ("go", "live", "aurora", Sight(level=6), True),
    ("look", "live", "aurora", BRIGHT, False),  # one frame is no event yet
    ("look", "live", "aurora", Sight(level=2), True),
    ("look", "live", "aurora", Sight(level=0), True),
    ("look", "live", "aurora", Sight(level=None), True),  # brightness without a witness
    ("look", "live", "aurora", Sight(level=5, through_cloud=True), True),
    ("wait", "live", "clear", None, False),
    ("wait", "live", "clear", None, True),  # it has faded, its event is not over yet
    ("clouded", "live", "obscured", None, False),
    ("clouded", "live", "obscured", None, True),
    ("no-picture", "live", "unusable", None, False),
    ("no-picture", "live", "stale", None, True),
    ("day", "live", "not looked", None, False),
    ("day", "too light", None, None, False),
    ("day", "too light", "aurora", BRIGHT, True),  # yesterday's row leads nobody out by day
    ("no-picture", "stale", "aurora", BRIGHT, True),  # what is old is not the present
    ("no-picture", "no picture", None, None, False),
    ("no-picture", "starting", None, None, False),
    ("no-picture", "archive", "aurora", BRIGHT, True),
    ("no-picture", "live", None, None, False),
]


@pytest.mark.parametrize(("kind", "state", "verdict", "seen", "confirmed"), TABLE)
def test_each_state_has_its_card(
    kind: Kind, state: State, verdict: Verdict | None, seen: Sight | None, confirmed: bool
) -> None:
    """Nobody is sent out without a picture of now, a confirmed event and a measured brightness."""
    assert kind_of(state, verdict, seen, confirmed=confirmed) == kind


def test_the_table_has_every_card() -> None:
    """None of the six is left untested."""
    assert {row[0] for row in TABLE} == set(KINDS)


@pytest.mark.parametrize(
    ("elevation_deg", "words"),
    [(0.0, "at the horizon"), (4.9, "at the horizon"), (9.0, "one fist up"), (21.0, "2 fists up"),
     (74.0, "7 fists up"), (80.0, "straight up")],
)  # fmt: skip
def test_height_is_counted_in_fists(elevation_deg: float, words: str) -> None:
    """Ten degrees a fist at arm's length."""
    assert sight.fists(elevation_deg) == words


def test_what_was_not_measured_is_not_made_up() -> None:
    """Without orientation, brightness and event the chips say so, and no needle points anywhere."""
    where, strong, long = chips.of_aurora(Sight(), None, AT, [], ZONE)
    assert (where.value, where.angle_deg) == ("unknown", None)
    assert (strong.value, strong.level) == ("not measured", None)
    assert (long.value, long.note) == ("just seen", "not yet confirmed")


def test_the_chips_say_where_how_strong_how_long() -> None:
    """Compass and fists, the level with its trend, the onset with what the record knows of such events."""
    seen = Sight(level=4, trend="brightening", azimuth_deg=46.0, elevation_deg=21.0)
    lengths_s = [60.0 * minutes for minutes in (5, 30, 31, 32, 33, 34, 40, 41, 42, 43, 44)]
    where, strong, long = chips.of_aurora(
        seen, Onset(AT, seen=True), AT + timedelta(minutes=12), lengths_s, ZONE
    )
    assert (where.value, where.note, where.angle_deg) == ("north-east", "2 fists up", 46)
    assert (strong.value, strong.note, strong.level) == ("4 of 6", "bright, brightening", 4)
    assert (long.value, long.note) == ("since 22:18", "half of such events last over 37 min")


def test_how_long_needs_a_record() -> None:
    """Nine events that lasted as long say nothing; ten do, and shorter ones take no part."""
    long_ones = [3600.0] * 9
    assert chips.half_last(long_ones, timedelta(minutes=10)) is None
    assert chips.half_last([*long_ones, 60.0], timedelta(minutes=10)) is None
    assert chips.half_last([*long_ones, 3000.0], timedelta(minutes=10)) == timedelta(hours=1)


# ---------------------------------------------------------------------- the horizon


def test_aurora_is_painted_at_its_azimuth() -> None:
    """A mask filled in the picture's left half, north up and east left, is painted from north over east to south."""
    mask = np.zeros((60, 60), bool)
    mask[:, :30] = True
    cells = horizon.painted(mask, Orientation(north_deg=0.0))
    azimuth = (np.arange(cells.shape[1]) + 0.5) * horizon.STEP_DEG - 180.0
    eastern = (azimuth > 0) & (azimuth < 180)
    assert cells[:-1, eastern].all()
    assert not cells[:-1, ~eastern].any()


def test_the_horizon_has_north_in_the_middle() -> None:
    """x is degrees from south over west, north, east; the peak stands where it is."""
    assert [horizon.x_of(azimuth) for azimuth in (180, 270, 0, 90, 179)] == [0, 90, 180, 270, 359]
    laid = horizon.horizon(Orientation(0.0), None, (90.0, 30.0), None)
    assert laid is not None
    assert laid.peak is not None
    assert (laid.peak.x, laid.peak.y) == (270, 60)
    assert laid.aurora == ""


def test_the_compass_letters_stay_within_the_dome() -> None:
    """Under a lens that leans, as one does that was solved for Longyearbyen, no letter is cut off at the rim."""
    plain = horizon.rose(Orientation(0.0))
    assert plain is not None
    assert plain.letters[0] == (0.0, -114.7, "N")
    leaning = Lens(1.0947, -0.1004, centre_x=-0.005, centre_y=-0.008, tilt_deg=8.0, tilt_azimuth_deg=293.0)
    turned = horizon.rose(Orientation(331.6, lens=leaning))
    assert turned is not None
    assert max(hypot(x, y) for x, y, _ in turned.letters) <= 114.8


def test_without_orientation_there_is_no_horizon() -> None:
    """No compass and no strip on a picture that nobody knows the directions of."""
    assert horizon.horizon(None, np.ones((60, 60), bool), (0.0, 10.0), None) is None
    assert horizon.rose(None) is None
    assert horizon.moon_spot(None, Orientation(0.0)) is None


# ---------------------------------------------------------------------- trust, setting up

SKILL: dict[str, Any] = {
    "cameras left out": {
        "calibration_error": 0.0231,
        "other_cameras": {"confusion": {"true_yes": 37, "false_yes": 1, "true_no": 68, "false_no": 0}},
    }
}


def test_trust_gives_the_cards_real_figures() -> None:
    """Counts of frames from cameras left out, the error of the probabilities, people's answers."""
    row = {"verdict": "aurora", "calibrated_probability": 0.93, "threshold": 0.5, "stars": None}
    assert trust.lines(row, SKILL, (12, 11)) == [
        "This picture: probability of aurora 93 %; from 50 % on it counts.",
        "On 106 pictures of cameras it had never seen it found 37 of 37 with aurora, and took 1 of 69 without for aurora.",
        "Its probabilities are off by 2.3 percentage points on average there.",
        "People answered for 12 events of this camera: 11 were right.",
    ]


def test_trust_reads_the_shipped_models_own_card() -> None:
    """The card that comes with aurorad has the figures under the names that are read here."""
    assert len(trust.lines(None, read_card(SHIPPED).skill, (0, 0))) == 2


def test_trust_leaves_out_what_it_has_no_figures_for() -> None:
    """No card, no picture, few answers: no sentence."""
    assert trust.lines(None, {}, (4, 4)) == []


def test_setting_up_names_the_next_step() -> None:
    """Another camera without disc, north and channels: three steps to do, each with what to do."""
    given = {"camera": [{"name": "cabin", "source": {"kind": "url", "url": "http://camera.lan/now.jpg"}}]}
    steps = first_run.checklist(Settings.model_validate(given), "cabin", has_picture=True)
    assert [(step.name, step.done) for step in steps] == [
        ("Picture", True), ("Sky disc", False), ("North", False), ("Alerts", False),
    ]  # fmt: skip
    assert all(step.next_step.endswith(".") for step in steps)


def test_a_camera_that_was_not_asked_is_not_blamed() -> None:
    """By day, and at the start, no picture is missing: nobody has asked for one. Afterwards the source is looked into."""
    for waits, said in ((True, "once it is dark enough"), (False, "address or folder under [camera.source]")):
        steps = first_run.checklist(Settings(), "yellowknife", has_picture=False, waits=waits)
        (step,) = (step for step in steps if step.name == "Picture")
        assert not step.done
        assert said in step.next_step
        assert ("[camera.source]" in step.next_step) is not waits


def test_what_the_stars_have_shown_and_a_broker_are_set_up_too() -> None:
    """Nobody is asked to calibrate a camera whose lens the watch has found, nor for a channel beside the broker."""
    settings = Settings.model_validate({"mqtt": {"host": "127.0.0.1"}})
    assert first_run.checklist(settings, "yellowknife", has_picture=True, knows_north=True) == []
    steps = first_run.checklist(settings, "yellowknife", has_picture=True)
    assert [step.name for step in steps if not step.done] == ["North"]


def test_what_is_set_up_asks_for_nothing() -> None:
    """All four done, or a camera that is not configured: no list."""
    given = {
        "camera": [{"orientation": {"north_deg": 25.0}}],
        "notify": [{"name": "phone", "url": "json://localhost"}],
    }
    settings = Settings.model_validate(given)
    assert first_run.checklist(settings, "yellowknife", has_picture=True) == []
    assert first_run.checklist(settings, "elsewhere", has_picture=False) == []
