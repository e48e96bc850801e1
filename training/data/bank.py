"""Banks: training pictures drawn once, kept as flat arrays on disk, read by memory map.

A bank is a folder:

    pictures.npy  (N, M, S, S, 3) uint8 BGR, masked; M = 2 for matched pairs (without, with aurora), else 1
    heat.npy      (N, H, H) uint8, visible aurora light of the last member (0..255), where known
    table.npz     aurora (N, M) int8 (1 yes, 0 no, -1 not judged), sky (N,) int8 (1 clear, 0 cloudy,
                  -1 not judged), contrast (N,) float32 (how plain the aurora is, 0 = not there),
                  has_heat (N,) bool, night (N,) text, source (N,) text, forms (N, 6) int8 of the last member
                  (``models.labels.FORMS``: 1 shown, 0 not, -1 not judged)

Half a megabyte a pair at 240 px: drawing costs more than reading, so every seed and stage shares one bank.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from daemon.files import replacing
from training.data.batch import unlabelled

if TYPE_CHECKING:
    from training.data.items import Item

HEAT_SIDE = 60


@dataclass(frozen=True, eq=False)
class Bank:
    """A bank opened for reading."""

    path: Path
    pictures: npt.NDArray[np.uint8]
    heat: npt.NDArray[np.uint8]
    aurora: npt.NDArray[np.int8]
    contrast: npt.NDArray[np.float32]
    has_heat: npt.NDArray[np.bool_]
    night: npt.NDArray[np.str_]
    source: npt.NDArray[np.str_]
    labels: Mapping[str, npt.NDArray[np.int8]]
    """By name, as in :data:`training.data.batch.LABELS`."""

    def __len__(self) -> int:
        return len(self.aurora)

    @property
    def members(self) -> int:
        """1, or 2 for matched pairs."""
        return int(self.pictures.shape[1])


def open_bank(path: Path) -> Bank:
    """Open a bank. Raises FileNotFoundError with the command that makes one where there is none."""
    if not (path / "table.npz").exists():
        raise FileNotFoundError(f"no bank at {path}; make it with: aurorad-train simulate --bank {path}")
    table = np.load(path / "table.npz")
    pictures = np.load(path / "pictures.npy", mmap_mode="r")
    heat = np.load(path / "heat.npy", mmap_mode="r")
    names = ("aurora", "contrast", "has_heat", "night", "source")
    columns: dict[str, Any] = {name: table[name] for name in names}
    count = len(columns["aurora"])
    # A bank that was drawn before there was a label is without it.
    labels = {name: table.get(name, nothing) for name, nothing in unlabelled(count).items()}
    return Bank(path=path, pictures=pictures[:count], heat=heat, labels=labels, **columns)


def new_array(path: Path, shape: tuple[int, ...]) -> np.memmap[Any, np.dtype[np.uint8]]:
    """A new array of zeros (uint8) in a file, to be filled by memory map; who reads an earlier one keeps it.

    Its space is taken from the disk at once: a page that finds none later ends the process by a bus error. Raises
    OSError where the disk has not that much, and leaves no file.
    """
    path.unlink(missing_ok=True)
    array = np.lib.format.open_memmap(path, "w+", np.uint8, shape)
    if hasattr(os, "posix_fallocate"):  # not on macOS
        with path.open("r+b") as file:
            try:
                os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
            except OSError as error:
                path.unlink()
                raise OSError(error.errno, error.strerror, str(path)) from error
    return array


class BankWriter:
    """Fill a bank of known size, one item at a time; :meth:`flush` writes the table.

    What was filled before an interruption is readable up to the last :meth:`flush`; of a bank that was there before
    nothing is.
    """

    def __init__(self, path: Path, count: int, members: int, side: int) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.filled = 0
        (path / "table.npz").unlink(missing_ok=True)  # an earlier bank's labels are not these pictures'
        self.pictures = new_array(path / "pictures.npy", (count, members, side, side, 3))
        self.heat = new_array(path / "heat.npy", (count, HEAT_SIDE, HEAT_SIDE))
        self.aurora = np.full((count, members), -1, np.int8)
        self.contrast = np.zeros(count, np.float32)
        self.has_heat = np.zeros(count, bool)
        self.labels = unlabelled(count)
        self.night: list[str] = []
        self.source: list[str] = []

    def add(self, item: Item) -> None:
        """Add one item."""
        row = self.filled
        for member, picture in enumerate(item.pictures):
            self.pictures[row, member] = picture
        self.aurora[row] = item.aurora
        self.contrast[row] = item.contrast
        if item.heat is not None:
            self.heat[row] = item.heat
            self.has_heat[row] = True
        for name, its in self.labels.items():
            if (value := getattr(item, name)) is not None:
                its[row] = value
        self.night.append(item.night)
        self.source.append(item.source)
        self.filled += 1

    def flush(self) -> None:
        """Write the table of what is filled so far."""
        n = self.filled
        columns: dict[str, Any] = {name: its[:n] for name, its in self.labels.items()}
        with replacing(self.path / "table.npz") as part:
            np.savez(
                part,
                aurora=self.aurora[:n],
                contrast=self.contrast[:n],
                has_heat=self.has_heat[:n],
                night=np.array(self.night, dtype=np.str_),
                source=np.array(self.source, dtype=np.str_),
                **columns,
            )
