"""Pictures at the size shown, kept by content, and nothing from outside their folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import numpy as np
import pytest

from daemon.footage import image
from daemon.observation import Picture
from daemon.web import frames
from daemon.web.frames import SHEET_SIDE, Cache
from tests import web_night
from tests.web_night import FIRST, House


def painted(minute: int, probability: float) -> Picture:
    """A square of 480 px whose colour tells the minute."""
    return np.full((480, 480, 3), (minute % 250, 128, 40), np.uint8)


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Two hours and a bit, with pictures of a known colour."""
    with web_night.house(tmp_path_factory.mktemp("pictures"), minutes=130, draw=painted) as house:
        yield house


def address(house: House, minute: int) -> str:
    with house.ports.reader() as reader:
        row = reader.at(web_night.CAMERA, FIRST + timedelta(minutes=minute))
    assert row is not None
    return f"{house.url}/frames/{row['picture']}"


@pytest.mark.parametrize(("asked", "side"), [(None, 480), (96, 96), (97, 240), (240, 240), (700, 480)])
def test_pictures_are_sent_at_the_size_shown(night: House, asked: int | None, side: int) -> None:
    """The next larger of a few sizes, and never enlarged."""
    reply = httpx.get(address(night, 100), params={"w": asked} if asked else None)
    assert reply.headers["content-type"] == "image/jpeg"
    assert image.dimensions(reply.content) == (side, side)


def test_a_picture_already_had_is_not_sent_again(night: House) -> None:
    """ETag by content and size; kept by the browser for days."""
    first = httpx.get(address(night, 100), params={"w": 240})
    assert "max-age=604800" in first.headers["cache-control"]
    again = httpx.get(
        address(night, 100), params={"w": 240}, headers={"if-none-match": first.headers["etag"]}
    )
    assert again.status_code == 304
    assert again.content == b""
    assert httpx.get(address(night, 100)).headers["etag"] != first.headers["etag"]
    assert httpx.get(address(night, 101), params={"w": 240}).headers["etag"] != first.headers["etag"]


@pytest.mark.parametrize("width", ["0", "-1", "1e3", "99999", "ten", ""])
def test_widths_are_bounded(night: House, width: str) -> None:
    """A width that is none is refused."""
    assert httpx.get(address(night, 100), params={"w": width}).status_code == 400


@pytest.mark.parametrize(
    "path",
    [
        "../aurorad.db", "..%2faurorad.db", "%2e%2e/aurorad.db", "%2e%2e%2faurorad.db", "yellowknife/../../aurorad.db",
        "/etc/passwd", "%2fetc%2fpasswd", "yellowknife", "yellowknife/", "", ".hidden.jpg", "yellowknife/.hidden.jpg",
        "link.jpg", "folder-link/secret.jpg", "a%00b.jpg", "a%0ab.jpg", "yellowknife/..%5c..%5caurorad.db",
        "notes.txt", "x" * 300 + ".jpg", "a/b/c/d/e/f/g.jpg", "none.jpg", "~root.jpg",
    ],
)  # fmt: skip
def test_nothing_outside_the_folder_is_served(night: House, path: str) -> None:
    """Climbing, absolute, hidden, encoded, linked: 404, without a word about the disk."""
    root = night.ports.frames_dir
    outside = root.parent / "outside"
    outside.mkdir(exist_ok=True)
    for name in (outside / "secret.jpg", root / ".hidden.jpg", root / "notes.txt"):
        name.write_bytes(image.encode_jpeg(painted(0, 0)))
    for link, target in ((root / "link.jpg", outside / "secret.jpg"), (root / "folder-link", outside)):
        if not link.is_symlink():
            os.symlink(target, link)
    reply = httpx.get(f"{night.url}/frames/{path}", follow_redirects=True)
    assert reply.status_code == 404
    assert str(root.parent) not in reply.text


def test_a_damaged_picture_is_not_found_and_harms_nothing(night: House) -> None:
    """Half a file is 404 when it must be resized; the sheet shows its neighbours."""
    name = night.ports.frames_dir / "half.jpg"
    name.write_bytes(image.encode_jpeg(painted(0, 0))[:500])
    assert httpx.get(f"{night.url}/frames/half.jpg?w=96").status_code == 404
    made = frames.Pictures(night.ports.frames_dir, Cache())
    good = address(night, 3).split("/frames/")[1]
    sheet = image.decode(made.sheet(["half.jpg", None, "gone.jpg", good]))
    assert sheet[:, : 3 * SHEET_SIDE - 8].max() < 8
    assert sheet[SHEET_SIDE // 2, 3 * SHEET_SIDE + SHEET_SIDE // 2].max() > 100


def test_a_sheet_holds_sixty_frames_in_order(night: House) -> None:
    """Ten in a row, six rows; the last sheet holds the rest; beyond it there is none."""
    base = f"{night.url}/sheets/yellowknife/2024-02-10"
    sheet = image.decode(httpx.get(f"{base}/1.jpg").content)
    assert sheet.shape[:2] == (6 * SHEET_SIDE, 10 * SHEET_SIDE)
    for place in (0, 7, 25, 59):
        row, column = divmod(place, 10)
        middle = sheet[row * SHEET_SIDE + SHEET_SIDE // 2, column * SHEET_SIDE + SHEET_SIDE // 2]
        assert abs(int(middle[0]) - (60 + place)) <= 4
    rest = httpx.get(f"{base}/2.jpg")
    assert image.decode(rest.content).shape[:2] == (SHEET_SIDE, 10 * SHEET_SIDE)
    assert "max-age=60" in rest.headers["cache-control"]
    for beyond in ("3", "999", "-1", "x"):
        assert httpx.get(f"{base}/{beyond}.jpg").status_code == 404
    assert httpx.get(f"{night.url}/sheets/nobody/2024-02-10/0.jpg").status_code == 404


def test_the_keogram_lies_on_the_strips_axis(night: House) -> None:
    """A column's colour stands where its minute is; what was not recorded is transparent."""
    reply = httpx.get(f"{night.url}/keogram/yellowknife/2024-02-10.png")
    assert reply.headers["content-type"] == "image/png"
    assert image.dimensions(reply.content)[1] == 120
    assert httpx.get(f"{night.url}/keogram/yellowknife/2024-02-11.png").status_code == 404


def test_keogram_columns_fill_small_gaps_only() -> None:
    """One missing frame is bridged, an hour is not; red stays red."""
    red = bytes([200, 0, 0]) * 120
    start = FIRST
    columns = [(start + timedelta(minutes=m), red) for m in (10, 11, 13, 80)]
    data = frames.keogram(columns, start, start + timedelta(minutes=100), 60)
    import cv2

    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert pixels.shape == (120, 100, 4)
    assert pixels[0, 10].tolist() == [0, 0, 200, 255]
    assert pixels[:, 12, 3].all()
    assert not pixels[:, 20:79, 3].any()
    assert pixels[0, 80, 3] == 255
    assert not pixels[:, :10, 3].any()


def test_an_empty_keogram_is_transparent() -> None:
    """No columns, no failure."""
    assert image.dimensions(frames.keogram([], FIRST, FIRST + timedelta(hours=2), 60)) == (120, 120)


def test_the_cache_is_bounded() -> None:
    """Whatever is asked for, no more than its bound is kept; what is used stays."""
    cache = Cache(max_bytes=1000)
    made: list[int] = []

    def make(number: int) -> bytes:
        made.append(number)
        return bytes(300)

    for number in (1, 2, 3, 1, 4, 1):
        cache.get((number,), lambda n=number: make(n))
    assert made == [1, 2, 3, 4]
    cache.get((2,), lambda: make(2))
    assert made == [1, 2, 3, 4, 2]


def test_pictures_are_read_where_the_service_keeps_them(night: House) -> None:
    """The row's path is the address under /frames."""
    assert Path(address(night, 5)).name.endswith("_5.jpg")
