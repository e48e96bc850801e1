"""Pictures as files and as pixels: at the size shown, remembered by content, and nothing else.

``/frames/<camera>/<night>/<name>.jpg?w=240`` · ``/sheets/<camera>/<night>/<n>.jpg`` (sixty thumbnails
in one picture, for scrubbing) · ``/keogram/<camera>/<night>.png``.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from daemon.errors import PictureError
from daemon.footage import image
from daemon.footage.panorama import panorama
from daemon.observation import Orientation, Picture
from daemon.record.store import heatmap_from_bytes
from daemon.sky import geometry

SIZES = (96, 240, 480, 720, 1080)  # sides sent; a width asked for gets the next larger
SHEET_COLUMNS, SHEET_ROWS, SHEET_SIDE = 10, 6, 96
SHEET_FRAMES = SHEET_COLUMNS * SHEET_ROWS
CACHE_BYTES = 48_000_000
MAX_FILE_BYTES = 20_000_000
KEEP_S = 7 * 24 * 3600  # a kept picture never changes; the bound is for those deleted
KEOGRAM_HEIGHT = 120
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}")


class Cache:
    """Made pictures by what they were made from; the least recently used go first. Thread-safe."""

    def __init__(self, max_bytes: int = CACHE_BYTES) -> None:
        self._kept: OrderedDict[tuple[object, ...], bytes] = OrderedDict()
        self._size = 0
        self._max_bytes = max_bytes
        self._lock = threading.Lock()

    def get(self, key: tuple[object, ...], make: Callable[[], bytes]) -> bytes:
        """The kept bytes, or those ``make`` gives (made outside the lock)."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        made = make()
        with self._lock:
            if key not in self._kept:
                self._kept[key] = made
                self._size += len(made)
            while self._size > self._max_bytes and len(self._kept) > 1:
                _, gone = self._kept.popitem(last=False)
                self._size -= len(gone)
        return made


@dataclass(frozen=True)
class Pictures:
    """The kept pictures of one state folder."""

    folder: Path
    cache: Cache

    def file(self, relative: str) -> Path:
        """The file a row's ``picture`` or an address names. Raises 404 for whatever lies outside.

        Plain names only, no dot first; links that lead out of the folder lead nowhere.
        """
        parts = relative.split("/")
        if not parts or len(parts) > 6 or not all(_PART.fullmatch(part) for part in parts):
            raise HTTPException(404, "there is no such picture")
        if not parts[-1].lower().endswith((".jpg", ".jpeg", ".png")):
            raise HTTPException(404, "there is no such picture")
        root = self.folder.resolve()
        path = (root / relative).resolve()
        if not path.is_relative_to(root) or not path.is_file():
            raise HTTPException(404, "there is no such picture")
        return path

    def bytes_of(self, relative: str) -> bytes:
        """A kept picture's bytes. Raises 404 where it is gone, which pruning may do at any time."""
        path = self.file(relative)
        try:
            with path.open("rb") as opened:
                return opened.read(MAX_FILE_BYTES)
        except OSError:
            raise HTTPException(404, "there is no such picture") from None

    def sized(self, relative: str, width: int | None) -> tuple[bytes, str]:
        """The picture at the size asked for, or as kept where that is smaller; and its ETag."""
        data = self.bytes_of(relative)
        digest = hashlib.blake2b(data, digest_size=12).hexdigest()
        if width is None:
            return data, f'"{digest}"'
        side = next((size for size in SIZES if size >= width), SIZES[-1])
        made = self.cache.get((digest, side), lambda: _shrunk(data, side))
        return made, f'"{digest}-{side}"'

    def captioned(self, data: bytes, heatmap: bytes | None, text: str) -> bytes:
        """The picture with the outline of where aurora is seen, and a line of text under it."""
        key = ("captioned", hashlib.blake2b(data, digest_size=12).digest(), heatmap, text)
        return self.cache.get(key, lambda: _captioned(data, heatmap, text))

    def unrolled(self, relative: str, orientation: Orientation) -> tuple[bytes, str]:
        """The picture as a band around the horizon; and its ETag."""
        data = self.bytes_of(relative)
        key = hashlib.blake2b(data + repr(orientation).encode(), digest_size=12).hexdigest()
        return self.cache.get(("panorama", key), lambda: _unrolled(data, orientation)), f'"{key}-round"'

    def sheet(self, names: Sequence[str | None]) -> bytes:
        """Thumbnails of up to sixty pictures, ten in a row, in order; black where one is missing."""
        key = ("sheet", hashlib.blake2b("\n".join(n or "" for n in names).encode(), digest_size=12).digest())
        return self.cache.get(key, lambda: self._sheet(names))

    def _sheet(self, names: Sequence[str | None]) -> bytes:
        rows = -(-len(names) // SHEET_COLUMNS)
        sheet = np.zeros((rows * SHEET_SIDE, SHEET_COLUMNS * SHEET_SIDE, 3), np.uint8)
        for place, name in enumerate(names):
            if name is None:
                continue
            try:
                thumbnail = image.shrink(_square(decoded(self.bytes_of(name))), SHEET_SIDE)
            except HTTPException:
                continue  # one picture that was pruned or damaged leaves the others to be seen
            top, left = (n * SHEET_SIDE for n in divmod(place, SHEET_COLUMNS))
            sheet[top : top + SHEET_SIDE, left : left + SHEET_SIDE] = thumbnail
        return image.encode_jpeg(sheet, quality=70)


def decoded(data: bytes) -> Picture:
    """The pixels of a kept picture. Raises 404 for a damaged one."""
    try:
        return image.decode(data)
    except PictureError:
        raise HTTPException(404, "this picture is damaged") from None


def _captioned(data: bytes, heatmap: bytes | None, text: str) -> bytes:
    pixels = decoded(data)
    if heatmap is not None:
        outline = geometry.heatmap_outline(heatmap_from_bytes(heatmap), pixels.shape[0])
        pixels = image.draw_outline(pixels, outline)
    return image.encode_jpeg(image.caption(pixels, text))


def _shrunk(data: bytes, side: int) -> bytes:
    pixels = decoded(data)
    if max(pixels.shape[:2]) <= side:
        return data
    return image.encode_jpeg(image.shrink(_square(pixels), side), quality=82)


def _unrolled(data: bytes, orientation: Orientation) -> bytes:
    pixels = decoded(data)
    return image.encode_jpeg(panorama(_square(pixels), orientation), quality=80)


def _square(pixels: Picture) -> Picture:
    """The middle square; kept pictures are square already, others may lie in the folder."""
    height, width = pixels.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return pixels[top : top + side, left : left + side]


def keogram(
    columns: Sequence[tuple[datetime, bytes]], start: datetime, end: datetime, cadence_s: float
) -> bytes:
    """Columns laid along the strip's own time axis as a PNG; transparent where there are none.

    One pixel a cadence, at most 1440 wide. A column fills on to the next, up to 2.5 cadences, as
    the strip's curve does. Columns are 120 × 3 RGB bytes, north (top) to south.
    """
    length_s = (end - start).total_seconds()
    width = int(np.clip(round(length_s / cadence_s), 60, 1440))
    picture_ = np.zeros((KEOGRAM_HEIGHT, width, 4), np.uint8)
    reach_s = 2.5 * max(cadence_s, length_s / width)
    times = [(at - start).total_seconds() for at, _ in columns]
    for (_, column), begin, after in zip(columns, times, [*times[1:], float("inf")], strict=False):
        stop = after if after - begin <= reach_s else begin + cadence_s
        left, right = round(begin / length_s * width), round(stop / length_s * width)
        if len(column) != KEOGRAM_HEIGHT * 3 or right < 0 or left >= width:
            continue
        rgb = np.frombuffer(column, np.uint8).reshape(KEOGRAM_HEIGHT, 1, 3)
        place = slice(max(left, 0), max(right, left + 1, 1))
        picture_[:, place, :3] = rgb[:, :, ::-1]
        picture_[:, place, 3] = 255
    return image.encode_png(picture_)


def answer(request: Request, data: bytes, etag: str, media_type: str, keep_s: int) -> Response:
    """The bytes, or 304 where the reader has them already."""
    headers = {"etag": etag, "cache-control": f"private, max-age={keep_s}" if keep_s else "no-cache"}
    if etag in [
        tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")
    ]:
        return Response(status_code=304, headers=headers)
    return Response(data, media_type=media_type, headers=headers)


def etag_of(data: bytes) -> str:
    """An ETag from content."""
    return f'"{hashlib.blake2b(data, digest_size=12).hexdigest()}"'


def media_type_of(data: bytes) -> str:
    """JPEG or PNG by the bytes themselves; a browser is told nosniff."""
    return "image/png" if data.startswith(b"\x89PNG") else "image/jpeg"
