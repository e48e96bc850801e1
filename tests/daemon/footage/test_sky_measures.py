"""The measures of "is it a sky at all", each against its own definition worked out plainly."""

from __future__ import annotations

import numpy as np
import pytest

from daemon.footage import likeness, measures
from daemon.footage.measures import View
from daemon.observation import Picture


def _disc(side: int, seed: int = 1) -> Picture:
    """Something with shape and noise, no two rows alike."""
    rng = np.random.default_rng(seed)
    row, column = np.mgrid[0:side, 0:side] / side
    grey = 60 + 50 * np.sin(7 * row + 2) * np.cos(5 * column) + rng.normal(0, 9, (side, side))
    return np.clip(grey[:, :, None] * (1.0, 0.9, 0.7), 0, 255).astype(np.uint8)


def _blocks(plane: np.ndarray, block: int) -> list[list[np.ndarray]]:
    count = len(plane) // block
    cut = [slice(k * block, (k + 1) * block) for k in range(count)]
    return [[plane[rows, columns] for columns in cut] for rows in cut]


@pytest.mark.parametrize("side", [64, 100, 341, 720])
def test_blocks_are_measured_as_if_one_by_one(side: int) -> None:
    """Extremes, counts, mean and variance; what is left over at the edge belongs to none."""
    view = View(_disc(side))
    blocks = _blocks(view.light, 8)
    mean, variance = measures._mean_and_variance(view, 8)
    assert mean == pytest.approx(np.array([[b.mean(dtype=float) for b in row] for row in blocks]))
    assert variance == pytest.approx(
        np.array([[b.var(dtype=float) for b in row] for row in blocks]), rel=1e-6
    )
    high, low = measures._extremes(view.green)
    green = _blocks(view.green, 8)
    assert (high == [[b.max() for b in row] for row in green]).all()
    assert (low == [[b.min() for b in row] for row in green]).all()
    mask = view.green > 70
    assert (measures._count(mask) == [[b.sum() for b in row] for row in _blocks(mask, 8)]).all()
    assert (_blocks(measures._enlarged(high), 8)[1][2] == high[1, 2]).all()
    apart = measures._differences(view.light)
    assert apart == pytest.approx(
        np.array([[np.square(np.diff(b, axis=0)).mean() / 2 for b in row] for row in blocks]), rel=1e-4
    )


@pytest.mark.parametrize(("side", "repeated"), [(64, 0), (200, 40), (513, 128), (720, 240)])
@pytest.mark.parametrize("across", [False, True])
def test_rows_that_come_again_are_measured_by_their_distances(side: int, repeated: int, across: bool) -> None:
    """The least ratio over all shifts and starts, as two loops find it."""
    disc = _disc(side)
    if repeated:
        disc[repeated + side // 3 : 2 * repeated + side // 3] = disc[side // 3 : side // 3 + repeated]
    if across:
        disc = np.ascontiguousarray(disc.transpose(1, 0, 2))
    found = likeness.repeats(View(disc), across)
    assert found == pytest.approx(_by_loops(disc.transpose(1, 0, 2) if across else disc), rel=2e-3, abs=2e-4)
    assert (found < 0.24) == bool(repeated)


def _by_loops(disc: Picture) -> float:
    size = len(disc)
    rows = disc[size // 10 : size - size // 10, size // 5 : size * 4 // 5 : max(1, size // 100), 1].astype(
        float
    )
    count, width = rows.shape
    reach = int(count * 0.7)

    def distance(first: int, lag: int) -> float:
        if first + lag >= count:
            return 1e5 * width
        return float(np.square(rows[first] - rows[first + lag]).sum())

    eights = np.array(
        [[sum(distance(8 * k + r, lag) for r in range(8)) for lag in range(reach)] for k in range(count // 8)]
    )
    near = (eights[2:] + eights[1:-1] + eights[:-2]) / (24 * width)
    least = 9.0
    for line in near:
        for lag in range(7, reach - 6):
            beside = min(line[lag - 6], line[lag + 6])
            if beside > 6:
                least = min(least, line[lag] / beside)
    return least


def test_neighbours_of_a_mosaic_are_apart_as_counted() -> None:
    """Every second pixel darker: neighbours differ, every second pixel does not."""
    disc = np.full((300, 300, 3), 120, np.uint8)
    disc[::2] -= 40
    disc[:, ::2] -= 40
    assert measures.raw_mosaic(View(disc)) == pytest.approx(40 / 0.5)
