"""The tables of a report: the thesis's, and how often each verdict stood. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from math import sqrt
from operator import add
from typing import Any

from daemon.observation import MOONLIGHTS, TWILIGHTS
from daemon.words import percent

BINS = 20
"""Bins of the probability's histogram."""

FIGURE_6 = "Figure 6: yes-probability by cell, mean ± standard deviation"

FIGURE_7 = "Figure 7: frames by yes-probability"

WHEN = {"hour": "hour (UTC)", "month": "month", "moonlight": "moonlight", "phase": "moon phase"}


@dataclass(frozen=True)
class Table:
    """One table: ``name`` of its file, what it shows, its columns and rows."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


@dataclass
class Cell:
    """Frames of one camera under one twilight and moonlight."""

    frames: int = 0
    aurora: int = 0
    clear: int = 0
    obscured: int = 0
    total: float = 0.0
    squares: float = 0.0
    said: int = 0
    histogram: tuple[int, ...] = (0,) * BINS

    @property
    def judged(self) -> int:
        """Frames the model looked at."""
        return self.aurora + self.clear + self.obscured

    @property
    def mean(self) -> float | None:
        """Mean of the yes-probability."""
        return self.total / self.said if self.said else None

    @property
    def deviation(self) -> float | None:
        """Standard deviation of the yes-probability over the frames."""
        if not self.said:
            return None
        return sqrt(max(0.0, self.squares / self.said - (self.total / self.said) ** 2))

    def __add__(self, other: Cell) -> Cell:
        names = [field.name for field in fields(self) if field.name != "histogram"]
        sums = {name: getattr(self, name) + getattr(other, name) for name in names}
        return Cell(**sums, histogram=tuple(map(add, self.histogram, other.histogram)))


Cells = dict[tuple[str, str], Cell]


Seen = dict[str, tuple[int, int]]
"""What → (frames with aurora, frames in which the sky or aurora was seen)."""


def share(part: float, whole: float) -> float | None:
    """part / whole, or None of nothing: 61,013 of 214,890 is 0.284."""
    return part / whole if whole else None


def cell_tables(cells: Cells) -> list[Table]:
    """Tables 2, 3 and 6 and the numbers of Figures 6 and 7."""
    return [
        _frames_table(
            "table2_twilight", "Table 2: frames by twilight", "twilight", TWILIGHTS, lambda key: key[0], cells
        ),
        _frames_table(
            "table3_moonlight",
            "Table 3: frames of the dark night by moonlight",
            "moonlight",
            MOONLIGHTS,
            lambda key: key[1],
            {key: cell for key, cell in cells.items() if key[0] == "night"},
        ),
        _aurora_table(cells),
        Table(
            "figure6_probability",
            FIGURE_6,
            ("twilight", "moonlight", "frames", "mean", "standard deviation"),
            tuple(
                (*key, cell.said, round(cell.mean or 0.0, 4), round(cell.deviation or 0.0, 4))
                for key, cell in ordered(cells)
                if cell.said
            ),
        ),
        Table(
            "figure7_histogram",
            FIGURE_7,
            ("twilight", "moonlight", *(f"{i / BINS:.2f}–{(i + 1) / BINS:.2f}" for i in range(BINS))),
            tuple((*key, *cell.histogram) for key, cell in ordered(cells) if cell.said),
        ),
    ]


def _frames_table(
    name: str,
    title: str,
    column: str,
    classes: Sequence[str],
    of: Callable[[tuple[str, str]], str],
    cells: Cells,
) -> Table:
    total = sum(cell.frames for cell in cells.values())
    counts = {c: sum(cell.frames for key, cell in cells.items() if of(key) == c) for c in classes}
    rows = [(c, n, percent(share(n, total), 1)) for c, n in counts.items()]
    return Table(
        name, title, (column, "frames", "share"), (*rows, ("all", total, percent(share(total, total), 1)))
    )


def _aurora_table(cells: Cells) -> Table:
    everything = sum((cell for cell in cells.values()), Cell())
    columns = ("twilight", "moonlight", "judged", "aurora", "clear", "obscured")
    shares = ("aurora share of judged", "aurora share of observable", "odds (yes / no)")
    rows = [*ordered(cells), (("all", "all"), everything)]
    return Table(
        "table6_aurora",
        "Table 6: aurora by cell",
        (*columns, *shares),
        tuple((*key, *_aurora_row(cell)) for key, cell in rows if cell.judged),
    )


def _aurora_row(cell: Cell) -> tuple[Any, ...]:
    no = cell.judged - cell.aurora
    return (
        cell.judged,
        cell.aurora,
        cell.clear,
        cell.obscured,
        percent(share(cell.aurora, cell.judged), 1),
        percent(share(cell.aurora, cell.aurora + cell.clear), 1),
        f"{cell.aurora / no:.3f}" if no else "–",
    )


def ordered(cells: Cells) -> list[tuple[tuple[str, str], Cell]]:
    """Cells that have frames, from dark to light and from moonless to full."""
    return [((t, m), cells[t, m]) for t in TWILIGHTS for m in MOONLIGHTS if (t, m) in cells]


def time_tables(seen: Mapping[str, Seen]) -> list[Table]:
    """Occurrence by UTC hour, month, moonlight and moon phase."""
    return [
        Table(
            f"occurrence_by_{what}",
            f"Occurrence of aurora by {column}",
            (column, "aurora frames", "observable frames", "occurrence"),
            tuple((v, a, n, percent(share(a, n), 1)) for v, (a, n) in in_order(what, seen[what])),
        )
        for what, column in WHEN.items()
    ]


def in_order(what: str, counted: Seen) -> list[tuple[str, tuple[int, int]]]:
    """The classes of one kind in the order a reader expects, with their counts."""
    if what == "moonlight":
        return [(light, counted[light]) for light in MOONLIGHTS if light in counted]
    return sorted(counted.items())
