"""Fill banks: made skies in matched pairs, real keograms as skies, real frames, made aurora over both.

    aurorad-train simulate --bank runs/banks/simulated --kind simulated --count 4000 --seed 1
    aurorad-train simulate --bank runs/banks/keogram --kind keogram --count 2000 --keograms DIR
    aurorad-train simulate --bank runs/banks/real --kind real --real DIR
    aurorad-train simulate --bank runs/banks/light --kind light --count 1200
    aurorad-train simulate --bank runs/banks/transplant --kind transplant --count 4000 --real DIR --light runs/banks/light

Labels: a simulated frame by the simulator's stated contrast, frames between half and twice the criterion
not judged; a keogram sky by its span's label; a real frame by eye (``training/data/real.py``).

Item i of a bank depends on (seed, kind, i) alone, so several processes draw the same bank as one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Final, Literal, get_args

import cv2
import numpy as np

from models.preprocess import SIDE
from training.data import keogram_skies, made_skies, real_skies
from training.data.bank import BankWriter
from training.data.items import Item

Kind = Literal[
    "simulated",
    "keogram",
    "overlaid",
    "bright",
    "daylight",
    "onset",
    "light",
    "forms",
    "dusk",
    "real",
    "transplant",
    "overhead",
]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
"""Their order is part of what an item is drawn from: a new kind comes last."""
SINGLE: Final = ("light", "real")
"""Kinds of single pictures; the others are pairs."""
NEEDS: Final = {
    "keogram": ("keograms",),
    "overlaid": ("keograms",),
    "real": ("real",),
    "transplant": ("real", "light"),
}
"""What a kind is drawn from, by the option that names it."""


@dataclass(frozen=True)
class Plan:
    """All that decides a bank's items. ``keograms`` and ``real`` are folders of pictures, ``light`` a bank."""

    kind: Kind
    seed: int
    side: int = SIDE
    keograms: Path | None = None
    real: Path | None = None
    light: Path | None = None

    def check(self) -> None:
        """Raises ValueError in one line where something to draw from is missing."""
        for name in NEEDS.get(self.kind, ()):
            if getattr(self, name) is None:
                raise ValueError(f"a bank of kind {self.kind} is drawn from others' pictures: give --{name}")


def fill_bank(
    path: Path, plan: Plan, count: int, *, workers: int = 1, tell: Callable[[int], None] = lambda done: None
) -> Path:
    """Fill a bank with ``count`` items (all labelled frames for ``real``), drawn by ``workers`` processes.

    Held-out nights' keograms are left out. Raises ValueError: :meth:`Plan.check`.
    """
    plan.check()
    count = len(real_skies.labelled()) if plan.kind == "real" else count
    writer = BankWriter(path, count, 1 if plan.kind in SINGLE else 2, plan.side)
    for done, item in enumerate(_drawn(plan, count, workers), start=1):
        writer.add(item)
        if done % 50 == 0 or done == count:
            writer.flush()
            tell(done)
    return path


def _drawn(plan: Plan, count: int, workers: int) -> Iterator[Item]:
    if workers == 1:
        yield from (draw_item(plan, number) for number in range(count))
        return
    size = min(50, -(-count // workers))
    starts = range(0, count, size)
    with ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=cv2.setNumThreads, initargs=(1,)
    ) as pool:
        chunks = pool.map(_chunk, ((plan, range(start, min(start + size, count))) for start in starts))
        for chunk in chunks:
            yield from chunk


def _chunk(job: tuple[Plan, Iterable[int]]) -> list[Item]:
    plan, numbers = job
    return [draw_item(plan, number) for number in numbers]


def draw_item(plan: Plan, number: int) -> Item:
    """Item ``number`` of a bank."""
    rng = np.random.default_rng([plan.seed, KINDS.index(plan.kind) + 1, number])
    if plan.kind in ("keogram", "overlaid"):
        assert plan.keograms is not None, "checked"
        draw = keogram_skies.keogram if plan.kind == "keogram" else keogram_skies.overlaid
        return draw(rng, _season(plan.keograms), plan.side)
    if plan.kind == "real":
        assert plan.real is not None, "checked"
        return real_skies.real(plan.real, number, plan.side)
    if plan.kind == "transplant":
        assert plan.real is not None, "checked"
        assert plan.light is not None, "checked"
        return real_skies.transplanted(rng, plan.real, plan.light, plan.side)
    if plan.kind == "bright":
        return made_skies.simulated(rng, plan.side, bright=True)
    return MADE[plan.kind](rng, plan.side)


MADE: Final[dict[Kind, Callable[[np.random.Generator, int], Item]]] = {
    "simulated": made_skies.simulated,
    "daylight": made_skies.daylight,
    "onset": made_skies.onset,
    "light": made_skies.light,
    "forms": made_skies.forms,
    "dusk": made_skies.dusk,
    "overhead": made_skies.overhead,
}


@cache
def _season(folder: Path) -> keogram_skies.Season:
    return keogram_skies.Season(folder)
