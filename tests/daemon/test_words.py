"""How sure, how bright, where: one function for each, and never one for another."""

from __future__ import annotations

import pytest

from daemon import words


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
        (2, 0.4, "Faint aurora over much of the sky"),
        (3, 0.1, "Clearly visible aurora"),
        (4, 0.1, "Bright aurora"),
        (5, 0.4, "Bright aurora over much of the sky"),
        (6, 0.6, "Bright aurora over much of the sky"),
        (7, 0.6, "Bright aurora over much of the sky"),
    ],
)
def test_a_headline_says_how_bright_wherever_that_was_measured(
    level: int | None, cover: float | None, headline: str
) -> None:
    """By colour level and cover; without a measurement the brightness is left out."""
    assert words.aurora(level, cover) == headline


def test_a_direction_needs_an_orientation() -> None:
    """Compass point and height, overhead near the zenith, nothing where north is not known."""
    assert words.direction(312.0, 35.4) == "north-west, 35° up"
    assert words.direction(312.0, 80.0) == "overhead"
    assert words.direction(None, 35.4) == ""
