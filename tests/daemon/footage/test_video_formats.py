"""Frames of every kind of movie: the ones asked for, to the last bit as OpenCV decodes them all; none that is damaged."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from contextlib import suppress
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.video.stream import VideoStream

from daemon.errors import MovieError
from daemon.footage import video
from daemon.observation import Picture

COUNT = 150
KINDS = {
    "h264.mp4": ("libx264", {"x264-params": "bframes=3:b-adapt=0:keyint=60"}),
    "pyramid.mkv": ("libx264", {"x264-params": "bframes=8:b-pyramid=normal:open-gop=1:keyint=40"}),
    "h264.ts": ("libx264", {"bf": "3"}),
    "h264.avi": ("libx264", {"bf": "3"}),
    "h265.mp4": ("libx265", {"x265-params": "log-level=none"}),
    "mpeg4.avi": ("mpeg4", {"bf": "2"}),
    "mpeg2.mpg": ("mpeg2video", {"bf": "2"}),
    "motion.avi": ("mjpeg", {}),
    "vp9.webm": ("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8"}),
}


@cache
def drawn() -> Sequence[Picture]:
    """Grain that moves, so that each picture is told by those before it; from dark to bright."""
    grain = np.random.default_rng(5).integers(0, 90, (96, 160 + COUNT, 3)).astype(np.uint8)
    grain = cv2.GaussianBlur(grain, (0, 0), 2)
    return [grain[:, k : k + 160] + np.uint8(k) for k in range(COUNT)]


def written(path: Path, codec: str, options: dict[str, str], times: Sequence[int] = range(COUNT)) -> Path:
    with av.open(str(path), "w") as movie:
        stream = movie.add_stream(codec, rate=25, options=options)
        stream.width, stream.height, stream.time_base = 160, 96, Fraction(1, 25)
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        for at, pixels in zip(times, drawn(), strict=True):
            frame = av.VideoFrame.from_ndarray(pixels, format="bgr24")
            frame.pts, frame.time_base = at, Fraction(1, 25)
            movie.mux(stream.encode(frame))
        movie.mux(stream.encode(None))
    return path


def muxed_anew(path: Path, source: Path, change: Callable[[int, av.Packet[VideoStream]], bool]) -> Path:
    """The packets of a movie, changed, in another; those are left out for which ``change`` is False."""
    with av.open(str(source)) as movie, av.open(str(path), "w") as other:
        stream = other.add_stream_from_template(movie.streams.video[0])
        for number, packet in enumerate(movie.demux(movie.streams.video[0])):
            if packet.size and change(number, packet):
                packet.stream = stream
                other.mux(packet)
    return path


def all_by_opencv(path: Path) -> list[Picture]:
    capture, found = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG), []
    while capture.grab():
        found.append(np.asarray(capture.retrieve()[1], np.uint8))
    return found


def must_be_the_same(seen: Sequence[tuple[int, Picture]], expected: Sequence[Picture], step: int) -> None:
    assert [index for index, _ in seen] == list(range(0, len(expected), step))
    for index, pixels in seen:
        assert np.array_equal(pixels, expected[index]), index


@pytest.mark.parametrize("step", [1, 7])
@pytest.mark.parametrize("name", KINDS)
def test_the_frames_asked_for_are_those_of_a_decoder_of_all(name: str, step: int, tmp_path: Path) -> None:
    """Pictures that others refer to, and that come in another order than they are shown, among them."""
    path = written(tmp_path / name, *KINDS[name])
    expected = all_by_opencv(path)
    assert len(expected) == COUNT
    must_be_the_same(list(video.frames(path, step)), expected, step)


def test_pictures_that_no_other_needs_are_not_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a movie like AuroraMAX's half are passed over; the one asked for is not, though none needs it."""
    path = written(tmp_path / "h264.mp4", *KINDS["h264.mp4"])
    decoded = 0
    real = video.Shown.next

    def counted(shown: video.Shown, frame: av.VideoFrame) -> tuple[int, bool]:
        nonlocal decoded
        decoded += 1
        return real(shown, frame)

    monkeypatch.setattr(video.Shown, "next", counted)
    seen = list(video.frames(path, 25))
    assert decoded < 0.7 * COUNT
    monkeypatch.undo()
    must_be_the_same(seen, [pixels for _, pixels in video.frames(path, 1)], 25)


def test_uneven_times_change_no_frame_s_number(tmp_path: Path) -> None:
    """A camera that drops pictures and stretches others."""
    times = np.cumsum(np.random.default_rng(1).integers(1, 9, COUNT)).tolist()
    path = written(tmp_path / "uneven.mkv", *KINDS["h264.mp4"], times=times)
    must_be_the_same(list(video.frames(path, 4)), all_by_opencv(path), 4)


def test_a_movie_whose_clock_begins_anew_is_counted_on(tmp_path: Path) -> None:
    """Two recordings in one file, as a camera that restarts appends them."""
    one = written(tmp_path / "one.ts", *KINDS["h264.ts"]).read_bytes()
    path = tmp_path / "both.ts"
    path.write_bytes(one + one)
    expected = all_by_opencv(path)
    assert len(expected) == 2 * COUNT
    must_be_the_same(list(video.frames(path, 6)), expected, 6)


def test_a_movie_that_goes_on_at_another_size_ends_there(tmp_path: Path) -> None:
    """Two recordings of a camera whose size was changed between; what was seen was seen."""
    path, large = written(tmp_path / "one.ts", *KINDS["h264.ts"]), tmp_path / "large.ts"
    with av.open(str(large), "w") as movie:
        stream = movie.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 192, "yuv420p"
        for pixels in drawn()[:30]:
            movie.mux(
                stream.encode(av.VideoFrame.from_ndarray(cv2.resize(pixels, (320, 192)), format="bgr24"))
            )
        movie.mux(stream.encode(None))
    path.write_bytes(path.read_bytes() + large.read_bytes())
    seen = []
    with pytest.raises(MovieError, match="at another size, 320×192 after 160×96") as told:
        seen.extend(video.frames(path, 10))
    assert told.value.reason == "truncated"
    assert [index for index, _ in seen] == list(range(0, COUNT, 10))


def test_another_format_than_before_is_read_too(tmp_path: Path) -> None:
    """AV1, which OpenCV's decoder is not built for."""
    path = written(tmp_path / "av1.mp4", "libsvtav1", {"preset": "12"})
    seen = list(video.frames(path, 10))
    assert [index for index, _ in seen] == list(range(0, COUNT, 10))
    for index, pixels in seen:
        assert np.abs(pixels.astype(int) - drawn()[index]).mean() < 6


def test_times_in_the_order_in_which_pictures_are_sent_are_not_believed(tmp_path: Path) -> None:
    """As some cameras write them; which picture a packet holds is known when it has been decoded."""

    def sent(_: int, packet: av.Packet[VideoStream]) -> bool:
        packet.pts = packet.dts
        return True

    path = muxed_anew(tmp_path / "sent.mp4", written(tmp_path / "h264.mp4", *KINDS["h264.mp4"]), sent)
    expected = all_by_opencv(path)
    assert len(expected) > COUNT - 3
    must_be_the_same(list(video.frames(path, 7)), expected, 7)


def test_what_an_edit_cuts_off_is_not_missing(tmp_path: Path) -> None:
    """A movie that was cut without being encoded again still declares the frames before."""

    def earlier(_: int, packet: av.Packet[VideoStream]) -> bool:
        assert packet.pts is not None
        assert packet.dts is not None
        packet.pts, packet.dts = packet.pts - 40 * 512, packet.dts - 40 * 512
        return True

    path = muxed_anew(tmp_path / "cut.mp4", written(tmp_path / "h264.mp4", *KINDS["h264.mp4"]), earlier)
    assert video.probe(path).frames == COUNT
    expected = all_by_opencv(path)
    assert len(expected) == COUNT - 40
    must_be_the_same(list(video.frames(path, 7)), expected, 7)


def test_a_picture_that_goes_with_a_movie_is_not_the_movie(tmp_path: Path) -> None:
    """Its cover, which may be the first stream."""
    plain = written(tmp_path / "plain.mkv", *KINDS["h264.mp4"])
    path = tmp_path / "cover.mkv"
    with av.open(str(plain)) as movie, av.open(str(path), "w") as other:
        cover = other.add_stream("mjpeg", rate=25)
        cover.width, cover.height, cover.pix_fmt = 64, 64, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        stream = other.add_stream_from_template(movie.streams.video[0])
        other.mux(cover.encode(av.VideoFrame.from_ndarray(drawn()[0][:64, :64], format="bgr24")))
        other.mux(cover.encode(None))
        for packet in movie.demux(movie.streams.video[0]):
            if packet.size:
                packet.stream = stream
                other.mux(packet)
    must_be_the_same(list(video.frames(path, 7)), all_by_opencv(plain), 7)


def test_pictures_that_are_not_in_a_stream_are_missed(tmp_path: Path) -> None:
    """No packet is damaged; what refers to those that are gone is not what the camera saw."""
    codec, options = KINDS["h264.ts"]
    source = written(tmp_path / "whole.ts", codec, options | {"g": "40"})
    whole = dict(video.frames(source, 1))
    path = muxed_anew(tmp_path / "hole.ts", source, lambda number, _: not 52 <= number < 70)
    seen: list[tuple[int, Picture]] = []
    with pytest.raises(MovieError, match=r"damaged from frame \d+ on|breaks off") as told:
        seen.extend(video.frames(path, 1))
    assert told.value.reason == "truncated"
    assert 60 < len(seen) < COUNT
    shown = {pixels.tobytes() for pixels in whole.values()}
    assert [index for index, pixels in seen if pixels.tobytes() not in shown] == []


@pytest.mark.parametrize("name", ["h264.mp4", "pyramid.mkv"])
def test_a_pause_in_a_movie_is_no_damage(name: str, tmp_path: Path) -> None:
    """A camera that waited, or whose maker left pictures out: all that are there are whole."""
    times = [at + (60 if at > 70 else 0) + (9 if at > 120 else 0) for at in range(COUNT)]
    path = written(tmp_path / name, *KINDS[name], times=times)
    must_be_the_same(list(video.frames(path, 3)), all_by_opencv(path), 3)


@pytest.mark.parametrize("seed", range(6))
def test_no_damaged_picture_is_given(seed: int, tmp_path: Path) -> None:
    """A hole in the file: what a decoder makes up for it, and of what refers to it, is not what the camera saw."""
    path = written(tmp_path / "h264.mp4", *KINDS["h264.mp4"])
    whole, data = dict(video.frames(path, 1)), bytearray(path.read_bytes())
    rng = np.random.default_rng(seed)
    pictures = data.index(b"mdat")
    (size,) = struct.unpack(">I", data[pictures - 4 : pictures])
    at = pictures + int(rng.integers(size // 4, size * 3 // 4))
    data[at : at + size // 10] = bytes(size // 10)
    path.write_bytes(data)
    seen: list[tuple[int, Picture]] = []
    with pytest.raises(MovieError, match=r"damaged from frame \d+ on|breaks off") as told:
        seen.extend(video.frames(path, 1))
    assert told.value.reason == "truncated"
    assert 20 < len(seen) < COUNT
    wrong = [index for index, pixels in seen if not np.array_equal(pixels, whole[index])]
    assert wrong == []


@pytest.mark.parametrize("name", ["h264.ts", "pyramid.mkv", "mpeg4.avi", "h264.mp4"])
def test_bytes_changed_anywhere_end_in_frames_or_a_fault(name: str, tmp_path: Path) -> None:
    """Headers and tables among them: no other error leaves, and no frame of another size than the header's."""
    path = written(tmp_path / name, *KINDS[name])
    data, rng = path.read_bytes(), np.random.default_rng(3)
    for _ in range(12):
        damaged = np.frombuffer(data, np.uint8).copy()
        damaged[rng.integers(0, len(data), 60)] = rng.integers(0, 256, 60)
        path.write_bytes(damaged.tobytes())
        with suppress(MovieError):
            info = video.probe(path)
            sizes = {pixels.shape for _, pixels in video.frames(path, 5)}
            assert sizes <= {(info.height, info.width, 3)}
