"""Stamps read by the shapes of their characters, taught by the real Tesseract."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from daemon.errors import ClockError
from daemon.footage import ocr, tesseract
from daemon.footage.glyphs import AGREED, CHECKED_EACH, MOST_KNOWN, Glyphs, Symbol
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


@pytest.mark.parametrize("shown", ["2024-02-07 18:13:03", "2024-02-07 17:58:13"])
def test_what_tesseract_taught_wrongly_is_asked_again(shown: str) -> None:
    """Where it took an 8 for a 6 twice, the live stamp leaves the server's time, which it has kept to."""
    one = reader()
    at = datetime.fromisoformat("2024-02-07 17:59:03").replace(tzinfo=UTC)
    assert one.read(page_of("2024-02-07 17:59:03")[0], at)[0] == at
    for _ in range(AGREED):
        taught(one._glyphs, page_of("2024-02-07 18:18:03")[0], "2024-02-07 16:16:03")
        taught(one._glyphs, page_of("2024-02-07 17:53:19")[0], "2024-02-07 17:53:19")
    strip, page = page_of(shown)
    assert one._glyphs.read(page) == shown.replace("8", "6")
    at = datetime.fromisoformat(shown).replace(tzinfo=UTC)
    assert one.read(strip, at + timedelta(seconds=3))[0] == at
    assert one._glyphs.read(page) != shown.replace("8", "6")


def close_set(text: str, seed: int) -> tuple[Picture, list[Symbol]]:
    """A prepared strip whose letters touch, and where Tesseract would find each of them."""
    strip, x, middles = stamps.dark(np.random.default_rng(seed)), 40.0, []
    for letter in text:
        alone = stamps.drawn(np.zeros_like(strip), letter, stamps.WHITE, size=18, x=round(x))
        strip = np.maximum(strip, alone)
        columns = np.flatnonzero(alone.any(axis=(0, 2)))
        if len(columns):
            middles.append((columns[0] + columns[-1]) / 2)
        x += 9.45 if letter.isdigit() else 4.5  # of 11.5 and 6
    page = ocr.prepare(strip)
    symbols = zip(text.replace(" ", ""), middles, strict=True)
    return page, [Symbol(letter, 12 + 3 * middle) for letter, middle in symbols]


def test_of_letters_that_touch_each_counts_by_itself() -> None:
    """Two of them differ by half as much as one: 02-09 was read as the 02-08 of all the evening."""
    glyphs, wrong, known = Glyphs(), [], 0
    for look in range(200):
        text = f"{datetime(2024, 2, 8, 22, 50, 3) + timedelta(seconds=40 * look):%Y-%m-%d %H:%M}"
        page, symbols = close_set(text, look)
        said = glyphs.read(page)
        if said is None:
            glyphs.learn(page, text, symbols)
        else:
            known += 1
            if said != text:
                wrong.append((text, said))
    assert wrong == []
    assert known >= 80


def test_what_is_known_does_not_grow_with_the_looks() -> None:
    """Where all letters touch every minute is a shape of its own."""
    glyphs, rng = Glyphs(), np.random.default_rng(1)
    for minute in range(MOST_KNOWN + 20):
        page = np.where(np.kron(rng.random((4, 12)), np.ones((10, 10))) < 0.5, 0, 255).astype(np.uint8)
        page[[0, -1]] = 0
        glyphs.learn(page, f"{minute:04}", [Symbol(letter, 60) for letter in f"{minute:04}"])
    assert len(glyphs._known) == MOST_KNOWN


def test_a_repaired_text_teaches_nothing(asked: list[int]) -> None:
    """Where the hour had to be guessed from the server's time, its character is not known by it."""
    one = reader()
    strip = page_of("2024-02-08 1B:08:03")[0]
    near = datetime(2024, 2, 8, 18, 8, tzinfo=UTC)
    for count in range(1, 4):
        one.read_all([strip], near)
        assert len(asked) >= count
