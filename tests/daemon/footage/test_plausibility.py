"""Is this a sky at all: real skies pass whatever the weather, cards and broken pictures do not."""

from __future__ import annotations

import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from daemon.footage.plausibility import FLAWS, flaw
from daemon.observation import Disc, Picture
from daemon.sky.geometry import cut_disc, cut_square
from tests.no_sky.cards import CARDS
from tests.no_sky.damage import DAMAGE
from tests.skies import night_sky

SEEDS = 4
HARD = {
    "text on noise", "text on a vignette", "halves exchanged", "wrong row length", "raw mosaic",
    "planes side by side", "lower part of the picture above", "lower part shifted", "band of rows repeated",
}  # fmt: skip
"""Kinds of which some draws pass: faint letters, and skies so dull that a part looks like any other."""


def disc_of(pixels: Picture) -> Picture:
    """The sky disc as ``aurorad classify`` cuts it, with a disc as high as the picture."""
    height, width = pixels.shape[:2]
    if height == width:
        return cut_square(pixels)
    return cut_disc(pixels, Disc(width / 2, height / 2, height / 2, width, height))


def as_jpeg(pixels: Picture, quality: int) -> Picture:
    data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), dtype=np.uint8)


def sky(rng: np.random.Generator) -> Picture:
    """A frame to spoil: a night with a moon's worth of light, an aurora and its disc's black surroundings."""
    return cut_square(np.clip(night_sky(rng, 140).astype(int) * 1.3 + 8, 0, 255).astype(np.uint8))


def refused(kind: str) -> list[str | None]:
    """What is said of a few pictures of the kind, as drawn and as JPEG of changing quality."""
    answers = []
    for seed in range(SEEDS):
        rng = np.random.default_rng([seed, zlib.crc32(kind.encode())])
        pixels = CARDS[kind](rng) if kind in CARDS else DAMAGE[kind](rng, sky(rng))
        answers.append(flaw(disc_of(as_jpeg(pixels, int(rng.integers(60, 97))) if seed else pixels)))
    return answers


def test_there_are_many_kinds_of_pictures_that_are_no_sky() -> None:
    """At least forty kinds are drawn; the reasons come from one short vocabulary."""
    assert len(CARDS) + len(DAMAGE) >= 40
    assert len(FLAWS) == len(set(FLAWS)) <= 12


@pytest.mark.parametrize("kind", sorted({*CARDS, *DAMAGE} - HARD))
def test_a_picture_that_is_no_sky_is_refused(kind: str) -> None:
    """Each draw of a kind, with a reason of the vocabulary."""
    answers = refused(kind)
    assert set(answers) <= set(FLAWS), answers


def test_of_the_hard_kinds_most_are_refused() -> None:
    """Half of the draws whose flaw can hide in a dull sky or in faint letters."""
    answers = [answer for kind in sorted(HARD) for answer in refused(kind)]
    assert sum(answer is not None for answer in answers) >= len(answers) / 2


def test_a_made_sky_passes() -> None:
    """Noise, glow and a green band make a sky, at any size and JPEG quality."""
    rng = np.random.default_rng(7)
    for side in (120, 240, 480, 720, 1080):
        for aurora in (0, 60, 150):
            pixels = night_sky(rng, aurora, side)
            assert flaw(cut_square(pixels)) is None
            assert flaw(cut_square(as_jpeg(pixels, 70))) is None


def test_a_nearly_black_night_passes_and_a_black_picture_does_not() -> None:
    """A few levels of glow and noise are a dark sky; one value everywhere is blank."""
    rng = np.random.default_rng(3)
    dim = (night_sky(rng).astype(float) * 0.4).round().astype(np.uint8)
    assert flaw(cut_square(dim)) is None
    assert flaw(np.zeros((720, 720, 3), np.uint8)) == "blank"
    assert flaw(cut_square(np.full((480, 480, 3), 255, np.uint8))) == "blank"
    assert flaw(cut_square(np.full((480, 480, 3), (20, 160, 20), np.uint8))) == "flat colour"


def test_cards_of_real_software_are_refused(shared_data: Path) -> None:
    """Allsky's own notification cards, which it writes in place of the picture."""
    cards = sorted((shared_data / "not_sky").glob("*.jpg"))
    assert cards
    assert [path.name for path in cards if flaw(disc_of(cv2.imread(str(path)))) is None] == []  # type: ignore[arg-type]


def test_no_real_frame_is_refused(shared_data: Path) -> None:
    """Fogged, snowed-in, over-exposed, moonlit, town-lit, twilit, grey and nearly black skies of some 20 cameras."""
    squares = [
        *(shared_data / "unseen_cameras").glob("*.jpg"),
        *sorted((shared_data / "unseen_cameras" / "nights_without_aurora_korea").glob("*.jpg"))[::4],
        *sorted((shared_data / "auroramax" / "sequence").glob("*.jpg"))[::8],
    ]
    assert len(squares) > 100
    judged = {path.name: flaw(cut_square(cv2.imread(str(path)))) for path in squares}  # type: ignore[arg-type]
    for path in (shared_data / "other_cameras" / "longyearbyen_nipr").glob("*.jpg"):
        judged[path.name] = flaw(cut_disc(cv2.imread(str(path)), Disc(360, 238, 226, 720, 480)))  # type: ignore[arg-type]
    assert {name: reason for name, reason in judged.items() if reason} == {}
