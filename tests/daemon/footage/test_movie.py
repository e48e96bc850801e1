"""A movie's frames, one cadence apart whatever the spacing of its frames does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from daemon.config import CameraSettings
from daemon.footage import movie
from daemon.observation import Picture
from training.simulator.movie import write_movie

BEGINS = datetime(2024, 2, 10, 4, 0, 0, tzinfo=UTC)
BITS = 9


def taken_at(number: int) -> datetime:
    """Every 10 s at first; from frame 90 on, after the moon has set, every 40 s."""
    return BEGINS + timedelta(seconds=10 * number if number < 90 else 900 + 40 * (number - 90))


def numbered(count: int) -> Iterator[Picture]:
    """Frames that carry their number as black and white bars instead of a stamp."""
    for number in range(count):
        frame = np.zeros((96, 128, 3), np.uint8)
        for bit in range(BITS):
            frame[:, 14 * bit : 14 * (bit + 1)] = 255 * (number >> bit & 1)
        yield frame


class BarReader:
    """Reads the bars where Tesseract would read letters."""

    def __init__(self, _: object) -> None:
        pass

    def read_all(self, strips: Sequence[Picture]) -> list[tuple[datetime, str]]:
        """Each frame's time."""
        found = []
        for strip in strips:
            bars = [strip[:, 14 * bit + 4 : 14 * bit + 10].mean() > 127 for bit in range(BITS)]
            at = taken_at(sum(1 << bit for bit, white in enumerate(bars) if white))
            found.append((at, f"{at:%Y-%m-%d %H:%M:%S}"))
        return found


def test_no_frame_is_lost_where_the_spacing_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From 10 s a frame to 40 s: rows stay a minute apart, but for the few around the change."""
    path = write_movie(tmp_path / "night.mp4", numbered(240))
    monkeypatch.setattr(movie, "StampReader", BarReader)
    settings = CameraSettings.model_validate({"stamp": {"region": [0, 0, 1, 1]}})
    with movie.read_movie(path, settings.camera(), taken_at(300)) as dated:
        frames = list(dated.frames())
    times = [frame.observed_at for frame in frames if frame.observed_at is not None]
    assert [frame.observed_at for frame in frames] == sorted(times)
    assert all(
        abs((at - taken_at(f.index)).total_seconds()) <= 2 for at, f in zip(times, frames, strict=True)
    )
    spaced = [(after - before).total_seconds() for before, after in pairwise(times)]
    assert sorted(spaced)[-2] <= 90, "once, at the change itself, more may be missing"
    assert len(frames) >= 105, "of 115 minutes"
