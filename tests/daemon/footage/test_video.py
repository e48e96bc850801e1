"""Movies give their frames at the right indices, and their faults by name."""

import csv
import struct
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest

from daemon.errors import ClockError, MovieError
from daemon.footage import ocr, video
from daemon.footage.stamp import MovieClock, Reading, date_frames, frame_cadence, parse_stamp
from daemon.observation import Picture, StampStyle

FOOTAGE = Path(__file__).parents[3] / "../shared/data"
COUNT = 120


@pytest.fixture(scope="module")
def movie(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """120 frames of 160 × 96 whose grey level, twice the index, tells which frame one is."""
    path = tmp_path_factory.mktemp("movie") / "made.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 25.0, (160, 96))
    for k in range(COUNT):
        writer.write(np.full((96, 160, 3), 2 * k, dtype=np.uint8))
    writer.release()
    path.write_bytes(_index_first(path.read_bytes()))
    return path


def _index_first(data: bytes) -> bytes:
    """An MP4 with its index (moov) moved before its pictures, as servers lay movies out for players."""
    atoms, at = {}, 0
    while at < len(data):
        (size,) = struct.unpack(">I", data[at : at + 4])
        atoms[data[at + 4 : at + 8]] = data[at : at + size]
        at += size
    moov = bytearray(atoms[b"moov"])
    table = moov.index(b"stco")
    (count,) = struct.unpack(">I", moov[table + 8 : table + 12])
    for entry in range(table + 12, table + 12 + 4 * count, 4):
        (offset,) = struct.unpack(">I", moov[entry : entry + 4])
        moov[entry : entry + 4] = struct.pack(">I", offset + len(moov))
    rest = b"".join(atom for name, atom in atoms.items() if name not in (b"ftyp", b"moov"))
    return atoms[b"ftyp"] + bytes(moov) + rest


def test_probe(movie: Path) -> None:
    """The header's frame rate, count and size come back."""
    info = video.probe(movie)
    assert (info.fps, info.frames, info.width, info.height) == (25.0, COUNT, 160, 96)
    assert info.usual_cadence_s == 6.0


@pytest.mark.parametrize("step", [1, 7, 10, 2.5, 13.7])
def test_frames_are_the_ones_asked_for(movie: Path, step: float) -> None:
    """Each index comes with that frame's own pixels, fractional steps rounded to whole frames."""
    seen = list(video.frames(movie, step))
    expected = [round(k * step) for k in range(COUNT) if round(k * step) < COUNT]
    assert [index for index, _ in seen] == expected
    for index, pixels in seen:
        assert pixels.shape == (96, 160, 3)
        assert pixels.mean() == pytest.approx(2 * index, abs=4)


def test_first_frames_stop_where_they_are_asked_to(movie: Path) -> None:
    """Only the asked frames come; those beyond the end are left out."""
    assert [index for index, _ in video.first_frames(movie, (5, 0, 3))] == [0, 3, 5]
    assert [index for index, _ in video.first_frames(movie)] == [0, 1, 2, 3, 5, 20, 40, 60, 80, 100]


def test_sample_step() -> None:
    """Steps follow the real cadence, snap to whole frames when near, and never fall under one."""
    info = video.MovieInfo(25.0, 1545, 1280, 720)
    assert video.sample_step(info, 6.0) == 10.0
    assert video.sample_step(info, 6.01) == 10.0
    assert video.sample_step(info, None) == 10.0
    assert video.sample_step(info, 1.0247) == pytest.approx(58.55, abs=0.01)
    assert video.sample_step(info, 600.0) == 1.0


def _count(path: Path) -> tuple[int, MovieError | None]:
    """(good frames, the error they ended in)."""
    good = 0
    try:
        for _ in video.frames(path, 1):
            good += 1
    except MovieError as error:
        return good, error
    return good, None


def _broken(path: Path) -> tuple[MovieError, int]:
    good, error = _count(path)
    assert error is not None
    assert str(path) in str(error)
    assert "\n" not in str(error)
    return error, good


def test_a_truncated_movie_gives_its_good_frames_first(movie: Path, tmp_path: Path) -> None:
    """A faststart MP4 cut in half opens and declares everything: what it holds comes, then "truncated"."""
    cut = tmp_path / "cut.mp4"
    data = movie.read_bytes()
    cut.write_bytes(data[: int(len(data) * 0.6)])
    error, good = _broken(cut)
    assert error.reason == "truncated"
    assert 5 < good < COUNT - 5
    assert f"after {good} of {COUNT} frames" in str(error)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty", b"", "empty"),
        ("page", b"<!DOCTYPE html><html>404 Not Found</html>", "not a movie"),
        ("text", b"this is no movie at all\n" * 50, "not a movie"),
        ("playlist", b"#EXTM3U\n#EXTINF:10,\n/etc/passwd\n", "not a movie"),
        ("headless", b"\0\0\0\x18ftypmp42" + b"\0" * 3000, "truncated"),
        ("noise", bytes(np.random.default_rng(0).integers(0, 256, 5000, dtype=np.uint8)), "not a movie"),
    ],
)
def test_what_is_no_movie_has_a_reason(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    """Nothing, a web page, text, a playlist, a header alone and noise are refused, each by its reason."""
    path = tmp_path / f"{name}.mp4"
    path.write_bytes(content)
    error, good = _broken(path)
    assert (error.reason, good) == (reason, 0)
    with pytest.raises(MovieError):
        video.probe(path)


def test_a_missing_file_and_a_folder_are_unreadable(tmp_path: Path) -> None:
    """No file and no regular file are told by name, not waited for."""
    for path in (tmp_path / "none.mp4", tmp_path):
        assert _broken(path)[0].reason == "unreadable"


def test_a_movie_of_gigantic_frames_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, movie: Path
) -> None:
    """Frames or lengths over the bounds are refused from the header."""
    monkeypatch.setattr(video, "MAX_PIXELS", 160 * 96 - 1)
    assert _broken(movie)[0].reason == "too large"
    monkeypatch.setattr(video, "MAX_PIXELS", 160 * 96)
    monkeypatch.setattr(video, "MAX_FRAMES", COUNT - 1)
    assert _broken(movie)[0].reason == "too large"


def test_a_damaged_middle_never_crashes(movie: Path, tmp_path: Path) -> None:
    """Bytes overwritten anywhere end as frames or as a MovieError."""
    data = bytearray(movie.read_bytes())
    generator = np.random.default_rng(7)
    for trial in range(12):
        damaged = bytearray(data)
        for at in generator.integers(0, len(data), 20):
            damaged[at] = int(generator.integers(0, 256))
        path = tmp_path / f"{trial}.mp4"
        path.write_bytes(damaged)
        good, error = _count(path)
        assert good <= COUNT
        assert error is None or error.reason in {"truncated", "not a movie", "too large"}


def test_nothing_is_said_on_standard_error(movie: Path, tmp_path: Path) -> None:
    """A damaged movie leaves FFmpeg's and OpenCV's own complaints unprinted."""
    data = bytearray(movie.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 400] = b"\xff" * 400
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(data[:-200])
    headless = tmp_path / "headless.mp4"
    headless.write_bytes(b"\0\0\0\x18ftypmp42" + b"\0" * 3000)
    script = (
        "import sys\nfrom pathlib import Path\nfrom daemon.footage import video\nfrom daemon.errors import MovieError\n"
        "for name in sys.argv[1:]:\n"
        "    try:\n        print(sum(1 for _ in video.frames(Path(name), 3)))\n"
        "    except MovieError as error:\n        print(error.reason)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, str(bad), str(headless)], capture_output=True, text=True, check=True
    )
    assert ran.stderr == ""
    assert ran.stdout.splitlines()[-1] == "truncated"


def test_leaving_early_ends_the_decoding_thread(movie: Path) -> None:
    """A consumer that stops after one frame leaves no thread behind."""
    frames = video.frames(movie, 1)
    next(frames)
    assert any(thread.name == "aurorad-decode" for thread in threading.enumerate())
    frames.close()
    assert not any(thread.name == "aurorad-decode" for thread in threading.enumerate())


def test_decoding_runs_ahead_but_not_far(movie: Path) -> None:
    """While the consumer is busy a few frames wait, never the whole movie."""
    frames = video.frames(movie, 1)
    next(frames)
    time.sleep(0.2)
    (thread,) = [t for t in threading.enumerate() if t.name == "aurorad-decode"]
    assert thread.is_alive()  # 120 tiny frames would be decoded long since
    frames.close()


def _clock(path: Path, style: StampStyle) -> tuple[MovieClock, list[int], int]:
    """The whole way of a movie's clock with the real Tesseract: (clock, sampled indices, strips read)."""
    read_strips = 0

    def read(strips: list[Picture]) -> list[datetime | None]:
        nonlocal read_strips
        read_strips += len(strips)
        times: list[datetime | None] = []
        for text in (read.text for read in ocr.read_strips(strips)):
            try:
                times.append(parse_stamp(text, style))
            except ClockError:
                times.append(None)
        return times

    first = [(index, ocr.cut_stamp(pixels, style)) for index, pixels in video.first_frames(path)]
    known = [
        Reading(index, at)
        for (index, _), at in zip(first, read([strip for _, strip in first]), strict=True)
        if at is not None
    ]
    cadence_s = frame_cadence(known)
    step = video.sample_step(video.probe(path), cadence_s)
    strips = {index: ocr.cut_stamp(pixels, style) for index, pixels in video.frames(path, step)}
    clock = date_frames(sorted(strips), lambda indices: read([strips[i] for i in indices]), cadence_s, known)
    return clock, sorted(strips), read_strips


def test_a_real_auroramax_night_is_dated_to_the_second() -> None:
    """Every sampled minute of the night movie is right to 1 s, from 60 stamps at most."""
    path = FOOTAGE / "auroramax/auroramaxHD_20240210_720p.mp4"
    if not path.exists():
        pytest.skip("real footage is not here (../shared/data)")
    formats = ("%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M:%S")
    style = StampStyle((0.62, 0.915, 0.99, 0.965), formats, "America/Yellowknife")
    clock, indices, read = _clock(path, style)
    with path.with_suffix(".csv").open() as file:
        truth = {
            int(row["frame"]): datetime.fromisoformat(row["observed_at_utc"]) for row in csv.DictReader(file)
        }
    assert len(indices) in (154, 155)
    assert read <= 60
    assert clock.cadence_s == pytest.approx(6.0, abs=1e-3)
    for index in indices:
        at = clock.at(index)
        assert at is not None, index
        assert abs((at - truth[index]).total_seconds()) <= 1


def test_another_cameras_movie_by_configuration_alone() -> None:
    """kho1.mp4, one second a frame, stamp top left: every minute of its hour, right to 2 s.

    Its first and last frames are stamped 2013-12-04 18:49:44 and 19:51:13 UTC.
    """
    path = FOOTAGE / "other_cameras/longyearbyen_nipr/kho1.mp4"
    if not path.exists():
        pytest.skip("real footage is not here (../shared/data)")
    style = StampStyle((0.0, 0.0, 0.34, 0.062), ("%d.%m.%Y %H:%M:%S",), "UTC")
    clock, indices, _ = _clock(path, style)
    times = [clock.at(index) for index in indices]
    first = datetime(2013, 12, 4, 18, 49, 44, tzinfo=UTC)
    assert times[0] is not None
    assert abs(times[0] - first) <= timedelta(seconds=2)
    minutes = {at.replace(second=0) for at in times if at is not None}
    assert minutes >= {first.replace(second=0) + timedelta(minutes=k) for k in range(62)}
    stamps = {1800: (19, 20, 26), 15: (18, 49, 57), 2490: (19, 32, 14), 3540: (19, 50, 11)}  # by eye
    for index, (hour, minute, second) in stamps.items():
        at = clock.at(index)
        assert at is not None
        assert abs((at - first.replace(hour=hour, minute=minute, second=second)).total_seconds()) <= 2


def test_opencv_reads_what_is_written_by_opencv(tmp_path: Path) -> None:
    """An AVI, as small cameras write it, is read as well as an MP4."""
    path = tmp_path / "made.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (64, 48))
    for k in range(20):
        writer.write(np.full((48, 64, 3), 10 * k, dtype=np.uint8))
    writer.release()
    assert [index for index, _ in video.frames(path, 5)] == [0, 5, 10, 15]
    assert video.probe(path).usual_cadence_s == 15.0
