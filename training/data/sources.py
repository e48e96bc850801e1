"""What a batch is made from: a bank of drawn pictures or of real frames, or a manifest of labelled files.

Both answer one question, ``draw(rng, count, stage, …) → Batch``, and the answer depends on nothing
but its arguments.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from hashlib import sha256
from typing import Protocol

import numpy as np
import numpy.typing as npt

from training.data.augment import STRENGTHS, apply_change, apply_to_map, draw_change
from training.data.bank import HEAT_SIDE, Bank, open_bank
from training.data.batch import LABELS, Batch, unlabelled
from training.data.real import read_sources
from training.data.real_skies import pick
from training.recipe import MaterialSpec, Stage

Rows = npt.NDArray[np.int64]


class Material(Protocol):
    """A source of batches."""

    spec: MaterialSpec

    def __len__(self) -> int:
        """Pictures (or pairs) there are."""

    def draw(
        self, rng: np.random.Generator, count: int, stage: Stage, step: int, done: float, seed: int
    ) -> Batch:
        """``count`` pictures for one step; ``done`` is the share of the stage that is behind."""

    def validation(self, stage: Stage) -> Iterator[Batch]:
        """The pictures kept for validation, unchanged, in batches; none for a bank."""

    def fingerprint(self) -> str:
        """The same for the same labels of the same pictures."""


def open_material(spec: MaterialSpec, leave_out: Collection[str] = ()) -> Material:
    """Open what a recipe names. Real frames of the sources in ``leave_out`` are not learned from.

    Raises ValueError where such a source is not there.
    """
    if spec.kind != "manifest":
        return BankMaterial(open_bank(spec.path), spec, leave_out)
    from training.data.dataset import ManifestMaterial

    return ManifestMaterial(spec)


class BankMaterial:
    """Pairs or single pictures of a bank, drawn with replacement and changed like cameras differ.

    Of a bank of real frames as many with aurora as without, each source by ``real_skies.weights``.
    """

    def __init__(self, bank: Bank, spec: MaterialSpec, leave_out: Collection[str] = ()) -> None:
        self.bank = bank
        self.spec = spec
        self.strength = STRENGTHS[spec.augment]
        self.plainest_first = np.argsort(-bank.contrast, kind="stable")
        self.halves: list[list[Rows]] = []
        if spec.kind == "frames":
            unknown = sorted(set(leave_out) - set(read_sources()))
            if unknown:
                raise ValueError(f"no such source: {', '.join(unknown)}")
            kept = ~np.isin(bank.source, list(leave_out))
            members = (0, 1) if bank.members == 1 else (1,)
            self.halves = [_by_source(bank, kept & (bank.aurora[:, -1] == yes)) for yes in members]

    def __len__(self) -> int:
        return len(self.bank)

    def draw(
        self, rng: np.random.Generator, count: int, stage: Stage, step: int, done: float, seed: int
    ) -> Batch:
        """Pairs stay together. Where ``bright_first``, the first half of a ``plain_first`` stage opens
        the bank from its plainest third to all of it.
        """
        rows = max(1, count // self.bank.members)
        if self.halves:
            picked = [_pick(rng, self.halves[index % len(self.halves)]) for index in range(rows)]
            return _assemble(self.bank, np.array(picked, np.int64), rng, self, stage.side)
        reach = min(1.0, 0.33 + 1.34 * done) if self.spec.bright_first and stage.plain_first else 1.0
        limit = max(rows, int(reach * len(self.bank)))
        chosen = self.plainest_first[rng.integers(0, min(limit, len(self.bank)), rows)]
        return _assemble(self.bank, chosen, rng, self, stage.side)

    def validation(self, stage: Stage) -> Iterator[Batch]:
        """None: a bank's pictures are all for training."""
        return iter(())

    def fingerprint(self) -> str:
        """By the bank's table, which every draw has its own of."""
        return sha256((self.bank.path / "table.npz").read_bytes()).hexdigest()


def _by_source(bank: Bank, wanted: npt.NDArray[np.bool_]) -> list[Rows]:
    """The wanted rows of each source. Raises ValueError where there are none."""
    if not wanted.any():
        raise ValueError(f"{bank.path} has no frame to learn from once the left-out sources are gone")
    return [np.flatnonzero(wanted & (bank.source == source)) for source in sorted(set(bank.source[wanted]))]


def _pick(rng: np.random.Generator, groups: list[Rows]) -> int:
    source, number = pick(rng, [len(rows) for rows in groups])
    return int(groups[source][number])


def _assemble(
    bank: Bank, chosen: npt.NDArray[np.int64], rng: np.random.Generator, material: BankMaterial, side: int
) -> Batch:
    """Read the chosen rows, change them, and lay them side by side."""
    members = bank.members
    total = len(chosen) * members
    pictures = np.empty((total, side, side, 3), np.uint8)
    aurora = np.empty(total, np.int8)
    heat = np.zeros((total, HEAT_SIDE, HEAT_SIDE), np.float32)
    has_heat = np.zeros(total, np.float32)
    labels = unlabelled(total)
    for index, row in enumerate(chosen):
        change = draw_change(rng, material.strength, material.spec.looks)
        for member in range(members):
            at = index * members + member
            pictures[at] = apply_change(change, bank.pictures[row, member], side)
            aurora[at] = bank.aurora[row, member]
            if bank.has_heat[row]:
                has_heat[at] = 1
                if member == members - 1:
                    heat[at] = apply_to_map(change, bank.heat[row]) / 255.0
            for name, label in LABELS.items():
                if member == members - 1 or not label.lit:
                    labels[name][at] = bank.labels[name][row]
    return Batch(pictures=pictures, aurora=aurora, heat=heat, has_heat=has_heat, **labels)
