"""A movie file → its frames, a step apart. FFmpeg decodes, by PyAV; this bounds and distrusts it.

Frames between two samples are decoded, but not converted, as far as others refer to them; half of AuroraMAX's are
referred to by none, and are passed over. A movie that breaks off gives its good frames first and says so then: what
was seen was seen.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from daemon.errors import MovieError
from daemon.footage.image import MAX_PIXELS
from daemon.footage.shown import REORDERED, Asked, Shown
from daemon.observation import Picture
from models.runtime import cores

if TYPE_CHECKING:
    import av
    from av.container import InputContainer
    from av.video.stream import VideoStream

    VideoPacket = av.Packet[VideoStream]

MAX_FRAMES = 500_000
"""Longest movie read: five nights of one frame a second."""

FIRST_FRAMES = (0, 1, 2, 3, 5, *range(20, 201, 20))
"""Frames whose stamps tell the cadence to 0.3 % (20 minutes of AuroraMAX), a stall at the start seen."""

PIXELS_FREE, PIXELS_PER_BYTE = 5_000_000_000, 20_000
"""Pixels decoded of a movie at most: so many, and so many for each byte of its file. A night of AuroraMAX
has 500 a byte; a movie of frames that only repeat can have a thousand times that."""

_AHEAD = 4  # decoded samples waiting at most, so that a slow consumer costs no memory
_SNAP = 0.003  # a step this near to whole frames is meant to be whole
_OTHER_FORMAT = (
    "it is of a format that is not read here: make H.264 of it with `ffmpeg -i IN -c:v libx264 OUT`"
)
_BROADCAST = ("mpegts", "mpeg")  # FFmpeg's names
_MISSING_SHARE, _MISSING_FRAMES = 0.01, 2  # what a container may declare too much without being truncated


@dataclass(frozen=True)
class MovieInfo:
    """What a movie says of itself; ``frames`` is 0 where the container does not tell."""

    fps: float
    frames: int
    width: int
    height: int

    @property
    def usual_cadence_s(self) -> float:
        """Seconds a frame by the method's rule for AuroraMAX, fps·2/5 frames a minute; a first guess."""
        return 150.0 / self.fps


def probe(path: Path) -> MovieInfo:
    """Open a movie and read its header.

    Raises MovieError, reason ``unreadable``, ``empty``, ``not a movie``, ``truncated`` or ``too large``.
    """
    with _opened(path) as (_, info):
        return info


def sample_step(info: MovieInfo, frame_cadence_s: float | None, cadence_s: float = 60.0) -> float:
    """Frames from one sample to the next, so that samples are ``cadence_s`` apart; at least 1.

    ``frame_cadence_s`` is seconds a frame as its stamps tell; None takes the usual.
    """
    step = cadence_s / (frame_cadence_s or info.usual_cadence_s)
    whole = round(step)
    return max(1.0, float(whole) if abs(step - whole) <= _SNAP * step else step)


def frames(path: Path, step: float = 1.0, *, ahead: bool = True) -> Generator[tuple[int, Picture]]:
    """(index, (height, width, 3) pixels) of frames 0, step, 2·step, … rounded to whole frames.

    With ``ahead`` a thread decodes ahead of the consumer, four samples at most. Raises MovieError
    as :func:`probe`; ``truncated`` comes after the good frames were given.
    """
    if step < 1:
        raise ValueError(f"a step of {step} frames")
    decoded = _decoded(path, _every(step))
    return _ahead(decoded) if ahead else decoded


def chosen_frames(
    path: Path, indices: Iterable[int], *, ahead: bool = True
) -> Generator[tuple[int, Picture]]:
    """As :func:`frames`, the frames of these indices, ascending."""
    decoded = _decoded(path, iter(indices))
    return _ahead(decoded) if ahead else decoded


def first_frames(path: Path, indices: Iterable[int] = FIRST_FRAMES) -> Iterator[tuple[int, Picture]]:
    """Only the frames of these indices, ascending; fewer where the movie is shorter. Raises MovieError."""
    return _decoded(path, iter(sorted(indices)))


def _every(step: float) -> Iterator[int]:
    for k in range(MAX_FRAMES):
        yield round(k * step)


def _decoded(path: Path, wanted: Iterator[int]) -> Generator[tuple[int, Picture]]:
    with _opened(path) as (stream, info):
        most = _most_frames(path, info)
        asked = Asked(wanted)
        broadcast = _movie_of(stream).format.name in _BROADCAST
        shown = Shown(reorders=stream.codec_context.has_b_frames, broadcast=broadcast)
        for frame in _frames(stream, asked, shown):
            index, whole = shown.next(frame)
            if index >= most:
                raise MovieError(
                    "too large", f"{path}: more than {most} frames of {info.width}×{info.height}"
                )
            if asked.takes(index) and whole:
                yield index, _pixels(frame, path, info)
            if asked.over:
                return
        missing = info.frames - shown.count
        tolerated = max(_MISSING_FRAMES, _MISSING_SHARE * info.frames)
        breaks_off = missing > tolerated and not _plays_to_its_end(stream, shown, tolerated)
    if not shown.whole:
        raise MovieError(
            "truncated", f"{path}: no frame can be decoded; it breaks off at once, or {_OTHER_FORMAT}"
        )
    if breaks_off:
        raise MovieError("truncated", f"{path}: breaks off after {shown.count} of {info.frames} frames")
    if shown.damaged > tolerated:
        raise MovieError(
            "truncated",
            f"{path}: damaged from frame {shown.first_damaged} on; frames that are missing or not whole are left out",
        )


def _frames(stream: VideoStream, asked: Asked, shown: Shown) -> Iterator[av.VideoFrame]:
    """What is decoded, in the order in which it is shown. Frames that cannot be are left out."""
    import av

    def decoded(packet: VideoPacket | None) -> list[av.VideoFrame]:
        try:
            return decoder.decode(packet)
        except av.FFmpegError:
            shown.harmed(shown.last + 1)
            return []

    decoder = stream.codec_context
    # Twice as many as there are cores: none waits while one picture takes longer, a tenth less of the time.
    decoder.thread_type, decoder.thread_count = "AUTO", 2 * cores()
    for packet in _packets(stream, shown):
        decoder.skip_frame = "NONREF" if shown.is_needless(packet, asked) else "DEFAULT"
        yield from decoded(packet)
    yield from decoded(None)


def _packets(stream: VideoStream, shown: Shown) -> Iterator[VideoPacket]:
    """The movie's packets, each when all have been seen whose pictures may be shown before its own."""
    import av

    coming: deque[VideoPacket] = deque()
    # IndexError: a damaged MPEG-TS that speaks of a stream it has not announced ends there.
    with suppress(av.FFmpegError, IndexError, OSError):
        for packet in _movie_of(stream).demux(stream):
            if not packet.size:
                continue
            shown.coming(packet)
            coming.append(packet)
            if len(coming) > REORDERED:
                yield coming.popleft()
    yield from coming


def _plays_to_its_end(stream: VideoStream, shown: Shown, tolerated: float) -> bool:
    """Have frames been seen for as long as the movie lasts, but for so many? It may declare more than it shows: some
    that are cut off by an edit, or, where only a length is declared, as many as there would be at a constant rate."""
    duration, count = _movie_of(stream).duration, len(shown.times)
    if not duration or not stream.time_base or count < 2 or not shown.trusted:
        return False
    span_s = float((shown.times[-1] - shown.times[0]) * stream.time_base)
    return duration / 1e6 - span_s <= (tolerated + 1) * span_s / (count - 1)


def _most_frames(path: Path, info: MovieInfo) -> int:
    """Frames decoded at most: a file of some kilobytes that takes hours to decode shows no night."""
    budget = PIXELS_FREE + PIXELS_PER_BYTE * path.stat().st_size
    return min(MAX_FRAMES, budget // (info.width * info.height))


def _pixels(frame: av.VideoFrame, path: Path, info: MovieInfo) -> Picture:
    import av

    try:
        pixels = frame.to_ndarray(format="bgr24")
    except (av.FFmpegError, ValueError) as error:
        raise MovieError("not a movie", f"{path}: a frame cannot be decoded: {error}") from error
    if pixels.shape != (info.height, info.width, 3):
        height, width = pixels.shape[:2]
        raise MovieError(
            "truncated",
            f"{path}: its pictures go on at another size, {width}×{height} after {info.width}×{info.height}; "
            "make two movies of it",
        )
    return np.asarray(pixels, dtype=np.uint8)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[VideoStream, MovieInfo]]:
    import av  # 25 MB of memory that a live watch seldom needs

    _recognised(path)
    # The file, not its name: FFmpeg would take `http:/x` and `18:49.mp4` for addresses.
    with path.open("rb") as file:
        try:
            movie = av.open(file, "r")
        except (av.FFmpegError, ValueError, OSError) as error:  # OSError: sent to before the file's begin
            raise _unusable(path) from error
        with movie:
            # Not the first: a picture that goes with a movie, its cover, is a stream too.
            stream = movie.streams.best("video")
            if not isinstance(stream, av.VideoStream):
                raise _unusable(path)
            if stream.codec_context is None:
                raise MovieError("truncated", f"{path}: no frame can be decoded: {_OTHER_FORMAT}")
            yield stream, _checked(stream, path)


def _unusable(path: Path) -> MovieError:
    return MovieError(
        "truncated", f"{path}: cannot be opened; its index is missing or broken, or it holds no pictures"
    )


def _movie_of(stream: VideoStream) -> InputContainer:
    return cast("InputContainer", stream.container)


def _checked(stream: VideoStream, path: Path) -> MovieInfo:
    width, height = stream.width, stream.height
    if width < 1 or height < 1:
        raise MovieError("not a movie", f"{path}: declares frames of {width}×{height}")
    if width * height > MAX_PIXELS:
        raise MovieError("too large", f"{path}: {width}×{height}, over {MAX_PIXELS} pixels a frame")
    fps = float(stream.guessed_rate or 0)
    if not 0.1 <= fps <= 1000:
        fps = 25.0
    count = stream.frames or round((_movie_of(stream).duration or 0) / 1e6 * fps)
    if count > MAX_FRAMES:
        raise MovieError("too large", f"{path}: {count} frames, over {MAX_FRAMES}")
    return MovieInfo(fps=fps, frames=max(0, count), width=width, height=height)


def _recognised(path: Path) -> None:
    """Only containers that hold pictures themselves: a playlist would have FFmpeg open other files."""
    try:
        if not path.is_file():
            missing = "is no file" if path.exists() else "there is no such file"
            raise MovieError("unreadable", f"{path}: {missing}")
        with path.open("rb") as file:
            head = file.read(512)
    except OSError as error:
        raise MovieError("unreadable", f"{path}: {error.strerror or error}") from error
    if not head:
        raise MovieError("empty", f"{path}: the file is empty")
    known = (
        head[4:8] in (b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip")
        or head.startswith((b"\x1aE\xdf\xa3", b"\0\0\x01\xba", b"\0\0\x01\xb3", b"FLV"))
        or (head.startswith(b"RIFF") and head[8:12] == b"AVI ")
        or (head.startswith(b"G") and head[188:189] == b"G")
    )
    if not known:
        looks_like = "a web page, " if head.lstrip()[:1] == b"<" else ""
        raise MovieError("not a movie", f"{path}: {looks_like}not a movie: begins with {head[:12]!r}")


class _Failed:
    """What the decoding thread hands over instead of a frame when it stops by an error."""

    def __init__(self, error: Exception) -> None:
        self.error = error


def _ahead(source: Iterator[tuple[int, Picture]]) -> Generator[tuple[int, Picture]]:
    """Run ``source`` in a thread of its own; closing this iterator ends the thread."""
    ready: queue.Queue[tuple[int, Picture] | _Failed | None] = queue.Queue(maxsize=_AHEAD)
    stop = threading.Event()

    def hand_over(item: tuple[int, Picture] | _Failed | None) -> bool:
        while not stop.is_set():
            try:
                ready.put(item, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def work() -> None:
        try:
            for item in source:
                if not hand_over(item):
                    return
            hand_over(None)
        except Exception as error:  # carried over to the consumer, who raises it
            hand_over(_Failed(error))

    thread = threading.Thread(target=work, name="aurorad-decode", daemon=True)
    thread.start()
    try:
        while (item := ready.get()) is not None:
            if isinstance(item, _Failed):
                raise item.error
            yield item
    finally:
        stop.set()
        thread.join()
