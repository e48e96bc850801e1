"""How sure, how bright, where: one function for each, and never one for another."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytz

from daemon import words
from daemon.web import phrases, sight

MANUAL = Path(__file__).parents[2] / "docs" / "description.md"


@pytest.mark.parametrize(
    ("probability", "text"),
    [
        (None, "–"), (0.0, "under 1 %"), (0.0099, "under 1 %"), (0.01, "1 %"), (0.5, "50 %"), (0.934, "93 %"),
        (0.99, "99 %"), (0.9901, "over 99 %"), (0.99999, "over 99 %"), (1.0, "over 99 %"),
    ],
)  # fmt: skip
def test_certainty_has_one_form_and_is_never_whole(probability: float | None, text: str) -> None:
    """Neither 100 % nor 1.00 nor 0 %: rounding alone makes no certainty."""
    assert words.certainty(probability) == text


@pytest.mark.parametrize(
    ("level", "cover", "headline"),
    [
        (None, None, "Aurora"),
        (0, 0.0, "Aurora, faint or colourless"),
        (1, 0.01, "Faint aurora"),
        (2, 0.4, "Aurora over much of the sky"),
        (3, 0.1, "Clearly visible aurora"),
        (4, 0.1, "Bright aurora"),
        (5, 0.4, "Bright aurora over much of the sky"),
        (6, 0.6, "Very bright aurora over much of the sky"),
        (7, 0.6, "Very bright aurora over much of the sky"),
    ],
)
def test_a_headline_says_how_bright_wherever_that_was_measured(
    level: int | None, cover: float | None, headline: str
) -> None:
    """By colour level and cover; without a measurement the brightness is left out."""
    assert words.aurora(level, cover) == headline


@pytest.mark.parametrize("level", range(1, len(words.LEVELS)))
def test_a_level_has_one_word_on_the_page_in_alerts_and_in_the_manual(level: int) -> None:
    """A chip, a table's cell and the manual say the level's word; a sentence says it too, or none at all."""
    word = words.LEVELS[level]
    assert words.brightness(level, None) == sight.strength(level) == word
    assert f"| {level} | {word} |" in MANUAL.read_text(encoding="utf-8")
    assert words.adjective(level) in (word, {2: "", 6: "very bright"}.get(level))


@pytest.mark.parametrize("level", [None, -2, 0])
def test_without_a_level_nothing_is_said_of_how_aurora_looks(level: int | None) -> None:
    """No adjective where nothing was measured, or no colour found."""
    assert words.adjective(level) == ""


def test_what_is_told_of_a_level_is_marked_for_the_catalogues() -> None:
    """The page translates what these functions give: every one of their answers, and nothing else, is marked."""
    told = {
        say(level, cover)
        for say in (words.aurora, words.brightness)
        for level in range(8)
        for cover in (0, 1)
    }
    assert set(phrases.LEVEL_WORDS) == told | {"Aurora", "very bright"}  # the last in sentences


def test_a_direction_needs_an_orientation() -> None:
    """Compass point and height, overhead near the zenith, nothing where north is not known."""
    assert words.direction(312.0, 35.4) == "north-west, 35° up"
    assert words.direction(312.0, 80.0) == "overhead"
    assert words.direction(None, 35.4) == ""


@pytest.mark.parametrize(
    ("zone", "text"),
    [
        ("America/Yellowknife", "MST"), ("Indian/Kerguelen", "UTC+5"), ("America/Punta_Arenas", "UTC−3"),
        ("Asia/Kolkata", "IST"), ("Asia/Colombo", "UTC+5:30"), ("Atlantic/Azores", "UTC−1"), ("UTC", "UTC"),
        ("Antarctica/Troll", "UTC"),
    ],
)  # fmt: skip
def test_a_zone_without_letters_is_told_by_its_hours(zone: str, text: str) -> None:
    """``23:20 +05`` is no zone that a reader knows, and ``19:20 -03`` looks like a span of time."""
    assert words.zone(datetime(2024, 2, 10, 5, tzinfo=UTC).astimezone(pytz.timezone(zone))) == text
