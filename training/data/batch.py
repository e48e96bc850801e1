"""One step's pictures and what is known of them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from models.labels import FORMS
from models.preprocess import Pixels


class Label(NamedTuple):
    """The shape of a label, and whether it is of the lit picture of a pair alone or of both."""

    shape: tuple[int, ...] = ()
    lit: bool = False


LABELS: Final = {"sky": Label(), "forms": Label((len(FORMS),), lit=True)}
"""What items, banks and batches know beside aurora, by the name of their field: int8, -1 for what is not judged."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Pictures and what is known of them; -1 and False mark what is not."""

    pictures: Pixels
    """(N, S, S, 3) uint8 BGR."""
    aurora: npt.NDArray[np.int8]
    sky: npt.NDArray[np.int8]
    heat: npt.NDArray[np.float32]
    """(N, 60, 60), 0..1."""
    has_heat: npt.NDArray[np.float32]
    forms: npt.NDArray[np.int8]
    """(N, 6), in the order of ``models.labels.FORMS``."""

    @staticmethod
    def join(parts: list[Batch]) -> Batch:
        """One batch of several."""
        if len(parts) == 1:
            return parts[0]
        return Batch(
            *(np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(Batch)),
        )

    def part(self, rank: int, world: int) -> Batch:
        """Every ``world``-th pair of pictures, from the ``rank``-th."""
        if world == 1:
            return self
        chosen = np.flatnonzero(np.arange(len(self.aurora)) // 2 % world == rank)
        return Batch(*(getattr(self, one.name)[chosen] for one in fields(Batch)))


def unlabelled(count: int) -> dict[str, npt.NDArray[np.int8]]:
    """Of so many pictures nothing is judged: -1 in the shape of each of :data:`LABELS`."""
    return {name: np.full((count, *label.shape), -1, np.int8) for name, label in LABELS.items()}
