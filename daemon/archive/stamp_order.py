"""Stamps read one by one: which of them the pictures around them contradict.

A camera program counts its pictures up, or puts the time into their names, and so the order of the names says which
came first. A stamp that was misread breaks that order where all around it keep it. Not all names are in order of time,
though: a counter starts again, days come before months. An order against which many legible stamps speak is no
witness, and nothing is held against it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from pathlib import Path

MISREAD = 0.2
"""Share of the legible stamps that may break an order at most; one may always. With more, it is no order of time."""

FEWEST = 3
"""Stamps from which on an order can be told: of two that disagree nobody knows which is wrong. As many that keep to
one order and are of another day than all others were not misread: a day's pictures lie where their date puts them."""

ANOTHER_DAY = timedelta(days=1)

_NUMBER = re.compile(r"(\d+)")


@dataclass(frozen=True)
class Stamped:
    """A picture, what its stamp says, and when its file was written, as the file system says."""

    path: Path
    at: datetime
    written: float


def in_natural_order(path: Path) -> list[tuple[str, int, str]]:
    """A key to sort by as people count: ``frame_2`` before ``frame_10``."""
    parts = _NUMBER.split(str(path))
    words, numbers = parts[::2], [*parts[1::2], ""]
    return [(word, int(number or 0), number) for word, number in zip(words, numbers, strict=True)]


def judged(pictures: Sequence[Stamped]) -> tuple[set[Path], set[Path]]:
    """The pictures whose stamps those around them contradict, and those of folders in no order that could say so.

    Each folder is judged by itself, by the order of names or, where that is none of time, by the files' own times; and
    once more together with the folder after it, which catches a leap at its end.
    """
    by_folder = sorted(pictures, key=lambda one: in_natural_order(one.path.parent))
    folders = [list(group) for _, group in groupby(by_folder, key=lambda one: one.path.parent)]
    wrong, without_order, in_order = set[Path](), set[Path](), list[list[Stamped]]()
    for folder in folders:
        named = sorted(folder, key=lambda one: in_natural_order(one.path))
        ordered, breaking = named, _breaking(named, len(named))
        if breaking is None:
            ordered = sorted(named, key=lambda one: one.written)
            breaking = _breaking(ordered, len(ordered))
        if breaking is None:
            without_order.update(one.path for one in folder)
            continue
        wrong.update(one.path for one in breaking)
        in_order.append([one for one in ordered if one not in breaking])
    for one, two in pairwise(in_order):
        wrong.update(each.path for each in _breaking([*one, *two], min(len(one), len(two))) or ())
    return wrong, without_order


def _breaking(ordered: Sequence[Stamped], of: int) -> list[Stamped] | None:
    """Those that break the order; None where it is no order of time, for it would cost too many ``of`` so many."""
    kept = _never_going_back([one.at for one in ordered])
    runs = [
        [ordered[k] for k in run]
        for is_kept, run in groupby(range(len(ordered)), kept.__contains__)
        if not is_kept
    ]
    others = [ordered[k].at for k in sorted(kept)]
    breaking = [one for run in runs if not _of_another_day(run, others) for one in run]
    if breaking and (of < FEWEST or len(breaking) > max(1, MISREAD * of)):
        return None
    return breaking


def _of_another_day(run: Sequence[Stamped], others: Sequence[datetime]) -> bool:
    """Are these pictures, one after another, in an order of their own, far from all others?"""
    if len(run) < FEWEST or any(two.at < one.at for one, two in pairwise(run)):
        return False
    begins, ends = run[0].at - ANOTHER_DAY, run[-1].at + ANOTHER_DAY
    return not any(begins < at < ends for at in others)


def _never_going_back(times: Sequence[datetime]) -> set[int]:
    """The places of the most of the times that never go back."""
    ends: list[tuple[datetime, int]] = []  # of the rows of each length, the one that ends first
    before: dict[int, int | None] = {}
    for k, at in enumerate(times):
        length = bisect_right(ends, at, key=lambda end: end[0])
        before[k] = ends[length - 1][1] if length else None
        ends[length : length + 1] = [(at, k)]
    kept: set[int] = set()
    last = ends[-1][1] if ends else None
    while last is not None:
        kept.add(last)
        last = before[last]
    return kept
