"""Small input that would cost much: refused before it does, or decoded for what it is worth."""

from __future__ import annotations

import time

import cv2
import numpy as np
import pytest

from daemon.errors import PictureError
from daemon.footage import headers, image
from tests.faults import bombs
from tests.faults.conftest import Entry

JPEG = image.encode_jpeg(np.zeros((16, 16, 3), np.uint8))
FAMILY = "Bounds and names"

PICTURES = {
    "two sizes": (
        "a JPEG of 16×16 to one reader and 25,000×25,000 to another",
        lambda: bombs.two_sizes(JPEG, 25_000, 25_000),
        "not an image",
    ),
    "scans": ("a JPEG of 383 kB with 34,000 scans", lambda: bombs.scans(2000, 2000, 34_000), "too large"),
    "large scans": (
        "a JPEG of 36 megapixels with 30 scans",
        lambda: bombs.scans(6000, 6000, 30),
        "too large",
    ),
    "inflates": (
        "a PNG of 100×100 whose data inflates to 400 MB",
        lambda: bombs.png(100, 100, pixels=bytes(400_000_000)),
        "too large",
    ),
    "late header": (
        "a PNG with another chunk before its header",
        lambda: bombs.png(16, 16)[:8] + bombs.chunk(b"tEXt", b"\0\0\0\x10" * 4) + bombs.png(9000, 9000)[8:],
        "not an image",
    ),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_that_costs_more_than_it_shows_is_refused_at_once(name: str, matrix: Entry) -> None:
    """Refused by its structure, within a second of one core, decoded by nobody."""
    injected, make, reason = PICTURES[name]
    data = make()
    began = time.process_time()
    with pytest.raises(PictureError) as refused:
        image.decode(data)
    assert time.process_time() - began < 1
    assert refused.value.reason == reason
    matrix(FAMILY, injected, f"refused as “{reason}” before it is decoded")


def test_text_in_a_png_is_not_inflated(matrix: Entry) -> None:
    """The picture is decoded; 1.4 GB of text in it, which the decoder would read, is not."""
    data = bombs.png(100, 100, bombs.texts(200))
    began = time.process_time()
    assert image.decode(data).shape == (100, 100, 3)
    assert time.process_time() - began < 1
    matrix(FAMILY, "a PNG with 1.4 GB of compressed text", "decoded without its text, in milliseconds")


@pytest.mark.parametrize("quality", [30, 95])
def test_progressive_pictures_of_real_cameras_pass(quality: int) -> None:
    """Ten scans and restart marks, as cameras and optimizers write them, are no fault."""
    pixels = np.random.default_rng(1).integers(0, 255, (480, 640, 3), dtype=np.uint8)
    options = [
        cv2.IMWRITE_JPEG_QUALITY,
        quality,
        cv2.IMWRITE_JPEG_PROGRESSIVE,
        1,
        cv2.IMWRITE_JPEG_RST_INTERVAL,
        7,
    ]
    data = cv2.imencode(".jpg", pixels, options)[1].tobytes()
    assert 5 < data.count(b"\xff\xda") < 20
    assert image.decode(data).shape == pixels.shape


def test_the_decoder_has_a_bound_of_its_own() -> None:
    """Where our own reading of a header were fooled, OpenCV refuses past 250 megapixels by itself."""
    data = np.frombuffer(bombs.scans(25_000, 25_000, 1), np.uint8)
    with pytest.raises(cv2.error):
        cv2.imdecode(data, cv2.IMREAD_COLOR)


def test_only_what_the_pixels_need_reaches_the_decoder() -> None:
    """What is handed on is a whole PNG of the same size, without its text."""
    data = bombs.png(20, 10, bombs.chunk(b"tEXt", b"a\0b"))
    bare = headers.plain(data)
    assert headers.dimensions(bare) == (20, 10)
    assert b"tEXt" not in bare
