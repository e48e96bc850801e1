"""Stamps read by the shapes of their characters, taught by the real Tesseract."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime

import numpy as np
import pytest

from daemon.errors import ClockError
from daemon.footage import ocr, tesseract
from daemon.footage.glyphs import AGREED, CHECKED_EACH, Glyphs, Symbol
from daemon.footage.reading import StampReader
from daemon.observation import Picture, StampStyle
from tests import stamps

pytestmark = pytest.mark.skipif(shutil.which("tesseract") is None, reason="tesseract is not installed")

KIND = "white on dark"
SIZE = 19


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many strips Tesseract was given, call by call."""
    counts: list[int] = []
    real = tesseract.read_pages

    def counted(strips: list[Picture], mode: int, timeout_s: float) -> list[tesseract.Page]:
        counts.append(len(strips))
        return real(strips, mode, timeout_s)

    monkeypatch.setattr(tesseract, "read_pages", counted)
    return counts


def reader(kind: str = KIND) -> StampReader:
    return StampReader(StampStyle((0, 0, 1, 1), (stamps.KINDS[kind][3],), "UTC"))


@pytest.mark.parametrize("kind", stamps.KINDS)
def test_no_stamp_is_read_wrongly_by_its_shapes(kind: str, asked: list[int]) -> None:
    """Whatever is drawn, on whatever ground: what Tesseract is not asked about is right."""
    one, wrong, known = reader(kind), [], 0
    for strip, _, at in stamps.strips(kind, 60, SIZE):
        before = len(asked)
        try:
            found, text = one.read(strip)
        except ClockError:
            continue
        if len(asked) == before:
            known += 1
            if found != at.replace(tzinfo=UTC):
                wrong.append(text)
    assert wrong == []
    if kind == KIND:
        assert known >= 35


def test_one_in_twenty_is_tesseract_s_all_the_same(asked: list[int]) -> None:
    """The very same strip over and over: read twice to be known, then once in a while."""
    (strip, _, at), *_ = stamps.strips(KIND, 1, SIZE)
    one = reader()
    for _ in range(AGREED + 3 * CHECKED_EACH):
        assert one.read(strip)[0] == at.replace(tzinfo=UTC)
    assert sum(asked) == AGREED + 3


def test_a_strip_of_other_letters_is_tesseract_s(asked: list[int]) -> None:
    """A camera that was given another size of letters, or turned its stamp off."""
    one = reader()
    for strip, _, _ in stamps.strips(KIND, 30, SIZE):
        one.read(strip)
    before = sum(asked)
    for strip, _, at in stamps.strips(KIND, 4, SIZE + 5):
        assert one.read(strip)[0] == at.replace(tzinfo=UTC)
    assert sum(asked) == before + 4
    with pytest.raises(ClockError):
        one.read(np.zeros_like(strip))


def taught(glyphs: Glyphs, picture: Picture, text: str) -> None:
    """What Tesseract says of a strip, as if it had read ``text`` there."""
    (read,) = ocr.read_strips([picture])
    assert read.page is not None
    letters = text.replace(" ", "")
    assert len(letters) == len(read.symbols)
    symbols = [Symbol(letter, symbol.middle) for letter, symbol in zip(letters, read.symbols, strict=True)]
    glyphs.learn(read.page, text, symbols)


def page_of(text: str) -> tuple[Picture, Picture]:
    strip = stamps.drawn(stamps.dark(np.random.default_rng(1)), text, stamps.WHITE, size=SIZE)
    return strip, ocr.prepare(strip)


def test_what_tesseract_reads_now_so_and_now_so_is_not_known() -> None:
    """An 8 that was taken for a 6 makes neither of them known, until it has been read right again and again."""
    glyphs = Glyphs()
    strip, page = page_of("2024-02-08 18:08:03")
    taught(glyphs, strip, "2024-02-08 18:08:03")
    taught(glyphs, strip, "2024-02-08 18:08:03")
    assert glyphs.read(page) == "2024-02-08 18:08:03"
    taught(glyphs, strip, "2024-02-06 16:06:03")
    assert glyphs.read(page) is None
    for _ in range(AGREED):
        assert glyphs.read(page) is None
        taught(glyphs, strip, "2024-02-08 18:08:03")
    assert glyphs.read(page) == "2024-02-08 18:08:03"


def test_a_shape_is_known_by_two_readings_not_by_two_places() -> None:
    """One reading that takes all three 8s for 6s teaches nothing yet."""
    glyphs = Glyphs()
    strip, page = page_of("2024-02-08 18:08:03")
    taught(glyphs, strip, "2024-02-06 16:06:03")
    assert glyphs.read(page) is None


def test_a_character_that_was_not_read_before_is_not_guessed() -> None:
    """The first 7 of a night is Tesseract's, though it be the only spot that is new."""
    glyphs = Glyphs()
    for _ in range(AGREED):
        taught(glyphs, page_of("2024-02-08 18:08:03")[0], "2024-02-08 18:08:03")
    assert glyphs.read(page_of("2024-02-08 18:08:03")[1]) is not None
    assert glyphs.read(page_of("2024-02-08 18:08:07")[1]) is None
    assert glyphs.read(page_of("2024-02-08 18:08")[1]) is None


def test_a_repaired_text_teaches_nothing(asked: list[int]) -> None:
    """Where the hour had to be guessed from the server's time, its character is not known by it."""
    one = reader()
    strip = page_of("2024-02-08 1B:08:03")[0]
    near = datetime(2024, 2, 8, 18, 8, tzinfo=UTC)
    for count in range(1, 4):
        one.read_all([strip], near)
        assert len(asked) >= count
