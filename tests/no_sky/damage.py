"""What files, cables and memories do to a picture of the sky, and what a wrong set-up makes of it.

Each function of ``DAMAGE`` takes a numpy generator and a frame, (height, width, 3) uint8, BGR, and gives
another of that kind.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import cv2
import numpy as np

from daemon.observation import Picture
from tests.no_sky.cards import any_colour, write

Spoil = Callable[[np.random.Generator, Picture], Picture]

DAMAGE: dict[str, Spoil] = {}


def _damage(spoil: Spoil) -> Spoil:
    DAMAGE[spoil.__name__.strip("_").replace("_", " ")] = spoil
    return spoil


# ── damage ──────────────────────────────────────────────────────────────────────────────────────


def _cut_row(rng: np.random.Generator, sky: Picture) -> int:
    return int(sky.shape[0] * rng.uniform(0.25, 0.7)) // 8 * 8


def _ending_in(colour: tuple[int, int, int]) -> Spoil:
    def spoil(rng: np.random.Generator, sky: Picture) -> Picture:
        spoiled = sky.copy()
        spoiled[_cut_row(rng, sky) :] = colour
        return spoiled

    return spoil


DAMAGE["lower part grey"] = _ending_in((128, 128, 128))
DAMAGE["lower part green"] = _ending_in((0, 135, 0))
DAMAGE["lower part black"] = _ending_in((0, 0, 0))
DAMAGE["lower part magenta"] = _ending_in((255, 0, 255))


def _without_chroma(sky: Picture, value: int) -> Picture:
    coded = cv2.cvtColor(sky, cv2.COLOR_BGR2YCrCb)
    coded[..., 1:] = value
    return np.asarray(cv2.cvtColor(coded, cv2.COLOR_YCrCb2BGR), dtype=np.uint8)


@_damage
def _chroma_lost_below(rng: np.random.Generator, sky: Picture) -> Picture:
    spoiled, row = sky.copy(), _cut_row(rng, sky)
    spoiled[row:] = _without_chroma(sky, int(rng.choice([0, 255])))[row:]
    return spoiled


@_damage
def _chroma_lost(rng: np.random.Generator, sky: Picture) -> Picture:
    return _without_chroma(sky, int(rng.choice([0, 255])))


@_damage
def _last_row_repeated_to_the_end(rng: np.random.Generator, sky: Picture) -> Picture:
    spoiled, row = sky.copy(), _cut_row(rng, sky)
    spoiled[row:] = spoiled[row - 1]
    return spoiled


@_damage
def _band_of_rows_repeated(rng: np.random.Generator, sky: Picture) -> Picture:
    spoiled, row = sky.copy(), _cut_row(rng, sky)
    thick = int(sky.shape[0] * rng.uniform(0.06, 0.15))
    for times in range(1, 4):
        part = spoiled[row + times * thick : row + (times + 1) * thick]
        part[:] = spoiled[row : row + len(part)]
    return spoiled


@_damage
def _every_row_repeated(rng: np.random.Generator, sky: Picture) -> Picture:
    times = int(rng.integers(8, 40))
    return sky[np.arange(len(sky)) // times * times]


@_damage
def _lower_part_shifted(rng: np.random.Generator, sky: Picture) -> Picture:
    spoiled, row = sky.copy(), _cut_row(rng, sky)
    spoiled[row:] = np.roll(sky[row:], int(sky.shape[1] * rng.uniform(0.15, 0.5)), axis=1)
    return spoiled


@_damage
def _torn_into_bands(rng: np.random.Generator, sky: Picture) -> Picture:
    spoiled = sky.copy()
    edges = np.sort(rng.integers(0, len(sky), int(rng.integers(3, 9))))
    for top, end in pairwise(edges):
        spoiled[top:end] = np.roll(sky[top:end], int(sky.shape[1] * rng.uniform(0.1, 0.9)), axis=1)
    return spoiled


@_damage
def _lower_part_of_the_picture_above(rng: np.random.Generator, sky: Picture) -> Picture:
    spoiled, row = sky.copy(), _cut_row(rng, sky)
    spoiled[row:] = sky[: len(sky) - row]
    return spoiled


@_damage
def _blocks_moved(rng: np.random.Generator, sky: Picture) -> Picture:
    spoiled = sky.copy()
    side = int(rng.choice([16, 32, 64]))
    rows, columns = sky.shape[0] // side, sky.shape[1] // side
    for _ in range(rows * columns // 3):
        (y, v), (x, u) = rng.integers(0, rows, 2) * side, rng.integers(0, columns, 2) * side
        spoiled[y : y + side, x : x + side] = sky[v : v + side, u : u + side]
    return spoiled


@_damage
def _blocks_of_colour(rng: np.random.Generator, sky: Picture) -> Picture:
    spoiled = sky.copy()
    side = int(rng.choice([8, 16, 32]))
    rows, columns = sky.shape[0] // side, sky.shape[1] // side
    for _ in range(rows * columns // int(rng.integers(3, 8))):
        y, x = rng.integers(0, rows) * side, rng.integers(0, columns) * side
        spoiled[y : y + side, x : x + side] = any_colour(rng)
    return spoiled


@_damage
def _random_bytes_in_the_file(rng: np.random.Generator, sky: Picture) -> Picture:
    data = bytearray(
        cv2.imencode(".jpg", sky, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(70, 96))])[1].tobytes()
    )
    start = int(len(data) * rng.uniform(0.2, 0.45))
    for at in rng.integers(start, len(data) - 2, int(rng.integers(20, 200))):
        data[at] = int(rng.integers(0, 254))
    return _decoded(bytes(data), sky)


@_damage
def _stretch_of_random_bytes(rng: np.random.Generator, sky: Picture) -> Picture:
    data = bytearray(
        cv2.imencode(".jpg", sky, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(70, 96))])[1].tobytes()
    )
    start, end = int(len(data) * rng.uniform(0.2, 0.4)), int(len(data) * rng.uniform(0.6, 0.95))
    data[start:end] = rng.integers(0, 254, end - start, dtype=np.uint8).tobytes()
    return _decoded(bytes(data), sky)


@_damage
def _file_cut_short(rng: np.random.Generator, sky: Picture) -> Picture:
    data = cv2.imencode(".jpg", sky, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(70, 96))])[1].tobytes()
    return _decoded(data[: int(len(data) * rng.uniform(0.3, 0.7))] + b"\xff\xd9", sky)


def _decoded(data: bytes, sky: Picture) -> Picture:
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return np.full_like(sky, 128) if decoded is None else np.asarray(decoded, dtype=np.uint8)


@_damage
def _halves_exchanged(rng: np.random.Generator, sky: Picture) -> Picture:
    return np.roll(sky, sky.shape[0] // 2, axis=int(rng.integers(0, 2)))


@_damage
def _four_pictures_in_one(rng: np.random.Generator, sky: Picture) -> Picture:
    small = cv2.resize(sky, (sky.shape[1] // 2, sky.shape[0] // 2), interpolation=cv2.INTER_AREA)
    return np.asarray(np.tile(small, (2, 2, 1)), dtype=np.uint8)


@_damage
def _disc_beside_the_sky(rng: np.random.Generator, sky: Picture) -> Picture:
    side = len(sky)
    turn, far = rng.uniform(0, 2 * np.pi), rng.uniform(0.3, 0.8) * side
    moved = np.float32([[1, 0, far * np.cos(turn)], [0, 1, far * np.sin(turn)]])
    return np.asarray(cv2.warpAffine(sky, moved, (side, side)), dtype=np.uint8)


@_damage
def _raw_mosaic(rng: np.random.Generator, sky: Picture) -> Picture:
    raw = np.zeros(sky.shape[:2], np.uint8)
    raw[0::2, 0::2], raw[0::2, 1::2] = sky[0::2, 0::2, 0], sky[0::2, 1::2, 1]
    raw[1::2, 0::2], raw[1::2, 1::2] = sky[1::2, 0::2, 1], sky[1::2, 1::2, 2]
    return np.repeat(raw[..., None], 3, axis=2)


@_damage
def _band_of_noise(rng: np.random.Generator, sky: Picture) -> Picture:
    spoiled, row = sky.copy(), _cut_row(rng, sky)
    part = spoiled[row : row + int(len(sky) * rng.uniform(0.15, 0.3))]
    part[:] = rng.integers(0, 256, part.shape)
    return spoiled


@_damage
def _wrong_row_length(rng: np.random.Generator, sky: Picture) -> Picture:
    slip = int(rng.integers(1, 12))
    return np.stack([np.roll(row, slip * y, axis=0) for y, row in enumerate(sky)])


@_damage
def _planes_side_by_side(rng: np.random.Generator, sky: Picture) -> Picture:
    planes = np.concatenate([sky[..., c] for c in range(3)], axis=1)
    grey = cv2.resize(planes, (sky.shape[1], sky.shape[0]), interpolation=cv2.INTER_AREA)
    return np.repeat(grey[..., None], 3, axis=2)


@_damage
def _large_text_over_the_sky(rng: np.random.Generator, sky: Picture) -> Picture:
    return write(rng, sky.copy(), lines=int(rng.integers(2, 5)))


@_damage
def _text_over_a_blurred_sky(rng: np.random.Generator, sky: Picture) -> Picture:
    blurred = cv2.GaussianBlur(sky, (0, 0), sky.shape[0] / 40)
    return write(rng, np.asarray(blurred, dtype=np.uint8), lines=int(rng.integers(2, 5)))
