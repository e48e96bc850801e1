"""The bench's footage: a night's movie of 9,000 frames, short ones, and stills of this very moment.

Made once and kept under ``runs/bench/``. The sky is the real AuroraMAX sequence where a checkout has
it beside it, else a drawn night; titles and stamps are the simulator's.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from daemon.observation import Picture
from models.preprocess import shrink
from tests.bench.figure import CACHE, ROOT
from training.simulator.movie import clock, compose, style_of, write_movie

NOISE = 8.0
SEQUENCE = ROOT / "../shared/data/auroramax/sequence"
BEGINS = datetime(2024, 2, 10, 1, 30, tzinfo=UTC)
"""Dusk at Yellowknife: fifteen hours from here all lie under the gate's −6°, but for the ends."""


def night(frames: int = 9000, begins: datetime = BEGINS) -> Path:
    """A night's movie, 1280 × 720, 25 fps, six seconds a frame."""
    CACHE.mkdir(parents=True, exist_ok=True)
    path = CACHE / f"night_{begins:%Y%m%d}_{frames}.mp4"
    if not path.exists():
        times = clock(begins, frames)
        skies = islice(cycle(_there_and_back()), frames)
        style = style_of(2024)
        write_movie(path, (compose(sky, at, style) for sky, at in zip(skies, times, strict=True)))
    return path


def skies(count: int) -> Picture:
    """So many skies as the model sees them, (count, 240, 240, 3), none two alike."""
    return np.stack([shrink(square) for square in islice(_squares(), 100, 100 + 3 * count, 3)])


def _there_and_back() -> list[Picture]:
    """Squares that follow each other as a movie's do, forwards and then backwards, so that they can be looped."""
    kept = list(_squares())
    return kept + kept[::-1]


def _squares() -> Iterator[Picture]:
    """Some 240 to 490 squares (720, 720, 3); between two real ones their mean, as the sky moves on."""
    names = sorted(SEQUENCE.glob("*.jpg"))
    if names:
        pictures = (np.asarray(cv2.imread(str(name)), np.uint8) for name in names)
    else:
        from training.simulator.night import Night

        drawn = Night(7, BEGINS.date())
        pictures = (drawn.frame(drawn.start + timedelta(minutes=2 * k), 720).square for k in range(120))
    exposures = cycle(_noise())
    before: Picture | None = None
    for sky in pictures:
        if before is not None:
            yield _exposed(cv2.addWeighted(before, 0.5, sky, 0.5, 0), next(exposures))
        before = sky
        yield _exposed(sky, next(exposures))


def _noise() -> list[npt.NDArray[np.int16]]:
    """Noise of eight exposures. So strong that a frame has the real movies' 11 kB: 100 MB a night of 9,000."""
    draw = np.random.default_rng(1)
    return [draw.normal(0, NOISE, (720, 720, 3)).astype(np.int16) for _ in range(8)]


def _exposed(sky: Picture, noise: npt.NDArray[np.int16]) -> Picture:
    return np.asarray(np.clip(sky + noise, 0, 255), np.uint8)


def stills(begins: datetime, count: int, step_s: float) -> Iterator[tuple[datetime, bytes]]:
    """(published, JPEG) of the stills that a camera in UTC makes from that instant on."""
    style = style_of(2024)
    squares = islice(cycle(list(islice(_squares(), 60))), count)
    for number, square in enumerate(squares):
        at = begins + timedelta(seconds=step_s * number)
        frame = compose(square, at, style, "UTC")
        done, data = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 88])
        assert done
        yield at, data.tobytes()
