"""A drawn sky as AuroraMAX shows it: titles, burnt-in clock, one still or a night's movie.

Places, sizes and wordings are measured on frames of 2016, 2022 and 2024; where a year's own frame
is not at hand (2021) its stamp is as described and the rest is its neighbour's.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from importlib.util import find_spec
from itertools import chain
from pathlib import Path

import cv2
import numpy as np
import pytz
from PIL import Image, ImageDraw, ImageFont

from daemon.errors import MovieError
from daemon.files import replacing
from daemon.observation import Picture

WIDTH, HEIGHT = 1280, 720
FPS = 25.0
STEP_S = 6.0
"""Seconds of night between two frames: one 4 s exposure every 6 s."""

Place = tuple[int, int]

_FRENCH = {"MST": "HNR", "MDT": "HAR", "CST": "HNC", "CDT": "HAC"}
_OPEN_SANS = Path("/usr/share/fonts/truetype/open-sans")


@dataclass(frozen=True)
class Style:
    """How one season's frames look. Places are pixels of 1280 × 720: left end, baseline.

    ``radius`` is that of the sky disc about (640, 360). ``french`` adds the zone's French name,
    ``logo`` the disc bottom left.
    """

    title: str = "AuroraMAX"
    place: str = "Yellowknife, NWT, Canada"
    stamp: str = "%Y-%m-%d %H:%M:%S %Z"
    french: bool = False
    logo: bool = False
    radius: int = 360
    title_at: Place = (24, 44)
    place_at: Place = (955, 42)
    stamp_at: Place = (955, 687)


_SLASHES = Style(
    place="Yellowknife NWT/T.N-O",
    stamp="%Y/%m/%d %H:%M:%S %Z",
    logo=True,
    title_at=(233, 50),
    place_at=(833, 46),
    stamp_at=(867, 687),
)

STYLES: dict[int, Style] = {
    2016: Style(
        title="AuroraMAX HD",
        place=_SLASHES.place,
        stamp=_SLASHES.stamp,
        french=True,
        logo=True,
        radius=338,
        title_at=_SLASHES.title_at,
        place_at=_SLASHES.place_at,
        stamp_at=_SLASHES.stamp_at,
    ),
    2021: Style(
        place=_SLASHES.place,
        stamp=_SLASHES.stamp,
        french=True,
        logo=True,
        title_at=_SLASHES.title_at,
        place_at=_SLASHES.place_at,
        stamp_at=_SLASHES.stamp_at,
    ),
    2022: _SLASHES,
    2024: Style(),
}
"""The looks by the first year each is known from."""


def style_of(year: int) -> Style:
    """The look of a year: that of the latest known one not after it."""
    return STYLES[max((known for known in STYLES if known <= year), default=2016)]


def stamp_text(at: datetime, style: Style, timezone: str = "America/Yellowknife") -> str:
    """The burnt-in clock's text for an aware instant: ``2024-01-31 18:19:54 MST``."""
    local = at.astimezone(pytz.timezone(timezone))
    text = local.strftime(style.stamp)
    zone = local.strftime("%Z")
    return f"{text}/{_FRENCH[zone]}" if style.french and zone in _FRENCH else text


def compose(
    square: Picture,
    at: datetime | None,
    style: Style = STYLES[2024],
    timezone: str = "America/Yellowknife",
) -> Picture:
    """A full frame, (720, 1280, 3) BGR: the sky disc ``square`` (n, n, 3), titles, the clock.

    No clock is drawn where ``at`` is None.
    """
    side = 2 * style.radius
    disc = square if square.shape[0] == side else _resized(square, side, side)
    frame = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
    left, top = (WIDTH - side) // 2, (HEIGHT - side) // 2
    frame[top : top + side, left : left + side] = disc
    np.maximum(frame, _titles(style), out=frame)
    if at is not None:
        _write(frame, stamp_text(at, style, timezone), style.stamp_at, 19)
    return frame


def clock(
    start: datetime,
    frames: int,
    step_s: float = STEP_S,
    gaps: Iterable[tuple[int, float]] = (),
) -> list[datetime]:
    """The time of each frame of a night. ``gaps`` are (frame, seconds) by which the clock jumps there.

    Positive seconds are a pause of the camera, negative ones a clock put back at a restart.
    """
    jumps = dict(gaps)
    times, at = [], start
    for index in range(frames):
        at += timedelta(seconds=jumps.get(index, 0.0))
        times.append(at)
        at += timedelta(seconds=step_s)
    return times


def write_movie(path: Path, frames: Iterable[Picture], fps: float = FPS) -> Path:
    """Write frames, all of one size, as an MP4: H.264 with ffmpeg where there is one, else MPEG-4.

    The file appears when it is whole. Raises MovieError where it cannot be written.
    """
    every = iter(frames)
    first = next(every, None)
    if first is None:
        raise MovieError("empty", f"{path}: a movie needs a frame at least")
    size = (int(first.shape[1]), int(first.shape[0]))
    write = _write_h264 if shutil.which("ffmpeg") else _write_mpeg4
    with replacing(path) as draft:
        write(draft, chain([first], every), size, fps)
    return path


def cut_short(path: Path, share: float) -> Path:
    """Keep only the first ``share`` of a file, as a download that broke would."""
    os.truncate(path, int(path.stat().st_size * share))
    return path


def scaled(frames: Iterable[Picture], height: int) -> Iterator[Picture]:
    """The same frames at another height, even in width: 480 gives 854 × 480."""
    for frame in frames:
        width = round(frame.shape[1] * height / frame.shape[0] / 2) * 2
        yield _resized(frame, width, height)


def _resized(pixels: Picture, width: int, height: int) -> Picture:
    how = cv2.INTER_AREA if height < pixels.shape[0] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=how), dtype=np.uint8)


@lru_cache(maxsize=8)
def _titles(style: Style) -> Picture:
    """What stands on every frame of a season; black where nothing does."""
    layer = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
    _write(layer, style.title, style.title_at, 26, bold=True)
    _write(layer, style.place, style.place_at, 24)
    if style.logo:
        cv2.ellipse(layer, (290, 648), (38, 26), 0, 180, 360, (30, 130, 235), -1, cv2.LINE_AA)
        cv2.ellipse(layer, (290, 654), (38, 18), 0, 0, 180, (60, 150, 70), -1, cv2.LINE_AA)
        _write(layer, "AURORAMAX", (234, 692), 18, bold=True)
    layer.setflags(write=False)
    return layer


def _write(frame: Picture, text: str, place: Place, size: int, bold: bool = False) -> None:
    """White text on a frame, its left end and baseline at ``place``."""
    font = _font(size, bold)
    left, top, right, bottom = (int(edge) for edge in font.getbbox(text, anchor="ls"))
    strip = Image.new("L", (right - left + 2, bottom - top + 2))
    ImageDraw.Draw(strip).text((1 - left, 1 - top), text, fill=255, font=font, anchor="ls")
    y, x = max(0, place[1] + top - 1), place[0] + left - 1
    white = np.asarray(strip, dtype=np.uint8)[: frame.shape[0] - y, : frame.shape[1] - x, None]
    under = frame[y : y + white.shape[0], x : x + white.shape[1]]
    share = white.astype(np.float32) / 255
    under[:] = np.rint(under * (1 - share) + 255 * share).astype(np.uint8)


@lru_cache(maxsize=16)
def _font(size: int, bold: bool) -> ImageFont.FreeTypeFont:
    """Open Sans, as on the site, where Debian has it; else DejaVu Sans, which matplotlib brings.

    DejaVu is wider, so it is taken a tenth smaller.
    """
    own = _OPEN_SANS / ("OpenSans-Bold.ttf" if bold else "OpenSans-Regular.ttf")
    if own.exists():
        return ImageFont.truetype(own, size)
    package = find_spec("matplotlib")
    assert package is not None
    assert package.origin is not None
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(Path(package.origin).parent / "mpl-data/fonts/ttf" / name, round(size * 0.9))


def _write_h264(path: Path, frames: Iterable[Picture], size: Sequence[int], fps: float) -> None:
    """Through ffmpeg's standard input; the index in front, as on the site, so that a player can begin."""
    taken = ["-f", "rawvideo", "-pix_fmt", "bgr24", "-s", f"{size[0]}x{size[1]}", "-r", f"{fps:g}", "-i", "-"]
    given = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "23", "-pix_fmt", "yuv420p"]
    command = [
        "ffmpeg",
        "-v",
        "error",
        "-y",
        *taken,
        *given,
        "-threads",
        "2",
        "-movflags",
        "+faststart",
        str(path),
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as encoder:
        assert encoder.stdin is not None
        assert encoder.stderr is not None
        try:
            for frame in frames:
                encoder.stdin.write(_of_size(path, frame, size).tobytes())
            encoder.stdin.close()
        except BrokenPipeError:
            pass  # ffmpeg has given up; it says why below
        except BaseException:
            encoder.kill()
            raise
        said = encoder.stderr.read().decode(errors="replace").strip()
    if encoder.returncode != 0:
        raise MovieError(
            "unwritable", f"{path}: ffmpeg failed: {said.splitlines()[-1] if said else 'no word'}"
        )


def _write_mpeg4(path: Path, frames: Iterable[Picture], size: Sequence[int], fps: float) -> None:
    """OpenCV's own wheel has no H.264 encoder; MPEG-4 Part 2 every reader here knows."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), fps, (size[0], size[1]))
    try:
        if not writer.isOpened():
            raise MovieError("unwritable", f"{path}: cannot be written; check the folder, or install ffmpeg")
        for frame in frames:
            writer.write(_of_size(path, frame, size))
    finally:
        writer.release()


def _of_size(path: Path, frame: Picture, size: Sequence[int]) -> Picture:
    if (frame.shape[1], frame.shape[0]) != tuple(size):
        raise MovieError("unwritable", f"{path}: frames of two sizes cannot be in one movie")
    return np.ascontiguousarray(frame)
