"""What comes in as bytes is a picture, or a PictureError that says why."""

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.errors import PictureError
from daemon.footage import image
from daemon.observation import Picture

FOOTAGE = Path(__file__).parents[3] / "../shared/data"


def _sky(height: int = 60, width: int = 80) -> Picture:
    rows, columns = np.mgrid[0:height, 0:width]
    return np.stack([rows * 2, columns * 3, rows + columns], axis=-1).astype(np.uint8)


def _png(pixels: Picture) -> bytes:
    return bytes(cv2.imencode(".png", pixels)[1])


def _claiming(width: int, height: int) -> bytes:
    """A tiny PNG whose header claims any size: a bomb's outside."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    return (
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", 13)
        + chunk
        + struct.pack(">I", zlib.crc32(chunk))
        + struct.pack(">I", 0)
        + b"IEND\xaeB`\x82"
    )


def test_png_comes_back_exactly_and_jpeg_nearly() -> None:
    """Pixels survive PNG bit by bit, and our own JPEG within a few grey levels."""
    pixels = _sky()
    assert np.array_equal(image.decode(_png(pixels)), pixels)
    jpeg = image.decode(image.encode_jpeg(pixels, quality=95))
    assert jpeg.shape == pixels.shape
    assert np.abs(jpeg.astype(int) - pixels).mean() < 3


def _reason(data: bytes, max_pixels: int = image.MAX_PIXELS) -> str:
    with pytest.raises(PictureError) as caught:
        image.decode(data, max_pixels)
    assert "\n" not in str(caught.value)
    return caught.value.reason


def test_each_bad_input_has_its_reason() -> None:
    """Empty, a web page, text, a half header and a zero size are told apart."""
    assert _reason(b"") == "empty"
    assert _reason(b"<!doctype html><title>404</title>") == "not an image"
    assert _reason(b"GIF89a" + b"\0" * 40) == "not an image"
    assert _reason(b"\x89PNG\r\n") == "truncated"
    assert _reason(_claiming(0, 5)) == "not an image"


@pytest.mark.parametrize("kept", [0.02, 0.3, 0.5, 0.9, 0.999])
def test_a_broken_off_download_is_truncated_not_dark(kept: float) -> None:
    """A JPEG or PNG cut anywhere is refused, where OpenCV would hand back a half grey picture."""
    noisy = np.random.default_rng(1).integers(0, 255, (120, 160, 3), dtype=np.uint8)
    for whole in (image.encode_jpeg(noisy), _png(noisy)):
        assert _reason(whole[: int(len(whole) * kept)]) == "truncated"


def test_a_bomb_is_refused_by_its_header() -> None:
    """A picture over the bound is refused before anything is decoded, the bound itself is allowed."""
    assert _reason(_claiming(60_000, 60_000)) == "too large"
    pixels = _sky(60, 80)
    assert _reason(_png(pixels), max_pixels=60 * 80 - 1) == "too large"
    assert image.decode(_png(pixels), max_pixels=60 * 80).shape == (60, 80, 3)


def test_a_progressive_jpeg_with_trailing_bytes_is_read() -> None:
    """Camera programs write progressive JPEGs and append data of their own; both are fine."""
    data = bytes(cv2.imencode(".jpg", _sky(), [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1])
    assert image.decode(data + b"\0" * 300).shape == (60, 80, 3)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300), st.sampled_from([b"", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n"]))
def test_any_bytes_end_as_a_picture_error(data: bytes, head: bytes) -> None:
    """No bytes, however made, crash the decoder."""
    try:
        outcome = f"{image.decode(head + data, max_pixels=10_000).ndim} dimensions"
    except PictureError as error:
        outcome = error.reason
    assert outcome in {"empty", "not an image", "truncated", "too large", "3 dimensions"}


def test_read_names_the_file(tmp_path: Path) -> None:
    """A file's error carries its path, and a missing file is one too."""
    page = tmp_path / "recent_720p.jpg"
    page.write_text("<html>")
    with pytest.raises(PictureError, match=r"recent_720p\.jpg: a web page"):
        image.read(page)
    with pytest.raises(PictureError, match="No such file") as caught:
        image.read(tmp_path / "none.jpg")
    assert caught.value.reason == "unreadable"


def test_shrink_is_the_mean() -> None:
    """Each pixel of a shrunk picture is the mean of those it covers."""
    pixels = np.random.default_rng(2).integers(0, 255, (80, 80, 3), dtype=np.uint8)
    small = image.shrink(pixels, 20)
    mean = pixels.reshape(20, 4, 20, 4, 3).mean(axis=(1, 3))
    assert np.abs(small - mean).max() <= 0.51
    assert image.shrink(small, 20) is small


def test_every_real_picture_is_read() -> None:
    """The real stills of several cameras pass the header walk."""
    paths = sorted(FOOTAGE.glob("other_cameras/*/*.[jp][pn]g")) + sorted(FOOTAGE.glob("auroramax/overlay/*"))
    if not paths:
        pytest.skip("real footage is not here (../shared/data)")
    for path in paths:
        assert image.read(path).ndim == 3, path


@pytest.mark.parametrize("quality", [80, 101])  # over 100: nothing is lost
def test_webp_is_a_picture_like_any_other(quality: int) -> None:
    """It is decoded at its size, and half of it is truncated, not a dark sky."""
    pixels = np.random.default_rng(1).integers(0, 90, (40, 60, 3), dtype=np.uint8)
    data = cv2.imencode(".webp", pixels, [cv2.IMWRITE_WEBP_QUALITY, quality])[1].tobytes()
    assert image.decode(data).shape == (40, 60, 3)
    with pytest.raises(PictureError) as caught:
        image.decode(data[: len(data) // 2])
    assert caught.value.reason == "truncated"


def test_a_webp_that_claims_too_much_is_not_decoded() -> None:
    """A canvas that is not the picture's, an animation, a gigantic size: refused by the headers alone."""
    plain = cv2.imencode(".webp", np.zeros((40, 60, 3), np.uint8))[1].tobytes()

    def extended(flags: int, width: int) -> bytes:
        header = b"VP8X" + (10).to_bytes(4, "little") + bytes([flags, 0, 0, 0])
        body = header + (width - 1).to_bytes(3, "little") + (39).to_bytes(3, "little") + plain[12:]
        return b"RIFF" + (len(body) + 4).to_bytes(4, "little") + b"WEBP" + body

    assert image.decode(extended(0, 60)).shape == (40, 60, 3)
    for data in (extended(0, 61), extended(2, 60)):
        with pytest.raises(PictureError) as caught:
            image.decode(data)
        assert caught.value.reason == "not an image"
    with pytest.raises(PictureError) as caught:
        image.decode(plain, max_pixels=2399)
    assert caught.value.reason == "too large"


@pytest.mark.parametrize("quality", [30, 75, 95])
def test_a_jpeg_that_lacks_its_end_mark_alone_is_taken(quality: int) -> None:
    """All its pixels are there; one that lacks any of them is truncated, however little is missing."""
    pixels = np.random.default_rng(2).integers(0, 60, (120, 160, 3), dtype=np.uint8)
    data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
    whole = image.decode(data)
    np.testing.assert_array_equal(image.decode(data[:-2]), whole)
    for missing in (8, 40, len(data) // 2):
        assert _reason(data[:-missing]) == "truncated"


def test_a_jpeg_of_many_passes_must_have_its_end() -> None:
    """Of a progressive one a whole pass can be missing unseen, of one with restart marks a whole part."""
    pixels = np.random.default_rng(3).integers(0, 60, (120, 160, 3), dtype=np.uint8)
    for option in (cv2.IMWRITE_JPEG_PROGRESSIVE, cv2.IMWRITE_JPEG_RST_INTERVAL):
        data = cv2.imencode(".jpg", pixels, [option, 1])[1].tobytes()
        with pytest.raises(PictureError) as caught:
            image.decode(data[:-2])
        assert caught.value.reason == "truncated"
