"""The tables of a report, numbers as numbers: the thesis's, occurrence with intervals by night, events. Pure.

A share is one of time: a frame counts by the time it stands for, the cadence of its night, so that nights of different
cadences can stand in one table. Counts of frames are counts. A share's 95 % interval comes from how much whole nights differ (:mod:`intervals`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daemon.commands.report.frames import Codes, Frames, Values
from daemon.commands.report.intervals import interval
from daemon.observation import MOONLIGHTS, TWILIGHTS, VERDICTS

BINS = 20
"""Bins of the probability's histogram."""

PHASE_STEP_DEG = 30

FIGURE_6 = "Figure 6: yes-probability by cell, mean ± standard deviation"
FIGURE_7 = "Figure 7: frames by yes-probability"

NIGHT_LONG = ("hour", "mlt")
"""What is counted in hours of a day that begins at noon."""

OBSERVABLE_H = "observable (h)"
"""The column of the time in which aurora could have been seen."""

SHARES = frozenset({
    "share", "low", "high", "occurrence", "aurora share of judged", "aurora share of observable",
})  # fmt: skip
"""Columns that are shares, 0–1: numbers in the CSV, percent on the page."""


@dataclass(frozen=True)
class Table:
    """One table: ``name`` of its file, what it shows, its columns and rows; None where there is nothing to tell."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    note: str = ""
    shown: int = 60
    """Rows on the page; all are in the CSV."""


def share(part: float, whole: float) -> float | None:
    """part / whole, or None of nothing: 61,013 of 214,890 is 0.284."""
    return part / whole if whole else None


def hours(value: float) -> float:
    """Hours as a table keeps them, to the half minute."""
    return round(float(value), 2)


def rounded(value: float | None, digits: int = 4) -> float | None:
    """A number as a table keeps it."""
    return None if value is None or not np.isfinite(value) else round(float(value), digits)


# ------------------------------------------------------------------ the thesis's


def thesis_tables(frames: Frames) -> list[Table]:
    """Tables 2, 3 and 6 and the numbers of Figures 6 and 7."""
    return [
        _classes(frames, "table2_twilight", "Table 2: frames by twilight", "twilight"),
        _classes(
            frames,
            "table3_moonlight",
            "Table 3: frames of the dark night by moonlight",
            "moonlight",
            frames.twilight == 0,
        ),
        _aurora_table(frames),
        Table(
            "figure6_probability",
            FIGURE_6,
            ("twilight", "moonlight", "frames", "mean", "standard deviation"),
            tuple((*key, len(p), rounded(p.mean()), rounded(p.std())) for key, p in probabilities(frames)),
        ),
        Table(
            "figure7_histogram",
            FIGURE_7,
            ("twilight", "moonlight", *(f"{i / BINS:.2f}–{(i + 1) / BINS:.2f}" for i in range(BINS))),
            tuple((*key, *(int(n) for n in histogram(p))) for key, p in probabilities(frames)),
        ),
    ]


def probabilities(frames: Frames) -> list[tuple[tuple[str, str], Values]]:
    """The yes-probabilities of each cell that has some, from dark to light and from moonless to full."""
    return [
        (key, of_cell)
        for key, cell in _cells(frames)
        if len(of_cell := frames.probability[cell & frames.predicted])
    ]


def histogram(probability: Values) -> Codes:
    """Frames by bin; 1.0 is in the last."""
    bins = np.minimum((probability * BINS).astype(np.int64), BINS - 1)
    return np.bincount(bins, minlength=BINS)


def _cells(frames: Frames) -> list[tuple[tuple[str, str], NDArray[np.bool_]]]:
    return [
        ((twilight, moonlight), (frames.twilight == t) & (frames.moonlight == m))
        for t, twilight in enumerate(TWILIGHTS)
        for m, moonlight in enumerate(MOONLIGHTS)
    ]


def _classes(
    frames: Frames, name: str, title: str, column: str, among: NDArray[np.bool_] | None = None
) -> Table:
    classes = {"twilight": TWILIGHTS, "moonlight": MOONLIGHTS}[column]
    codes = getattr(frames, column)
    of = np.ones(len(codes), dtype=bool) if among is None else among
    held = [*((word, codes == i) for i, word in enumerate(classes)), ("all", of)]
    return Table(name, title, (column, "frames", "share", "hours"), _shares_of_time(frames, of, held))


def _shares_of_time(
    frames: Frames, among: NDArray[np.bool_], classes: Sequence[tuple[Any, NDArray[np.bool_]]]
) -> tuple[tuple[Any, ...], ...]:
    """Of each class its frames, its share of the time of those ``among`` which it is, and its hours."""
    total = frames.hours(among)
    return tuple(
        (word, int((of & among).sum()), rounded(share(frames.hours(of & among), total)),
         hours(frames.hours(of & among)))
        for word, of in classes
    )  # fmt: skip


def _aurora_table(frames: Frames) -> Table:
    columns = ("twilight", "moonlight", "judged", "aurora", "clear", "obscured")
    shares = ("aurora share of judged", "low", "high", "aurora share of observable", "odds (yes / no)",
              "judged (h)")  # fmt: skip
    cells = [*_cells(frames), (("all", "all"), np.ones(len(frames.at_s), dtype=bool))]
    rows = [
        (*key, *_aurora_row(frames, cell & frames.judged))
        for key, cell in cells
        if (cell & frames.judged).any()
    ]
    return Table("table6_aurora", "Table 6: aurora by cell", (*columns, *shares), tuple(rows))


def _aurora_row(frames: Frames, cell: NDArray[np.bool_]) -> tuple[Any, ...]:
    counts = [int((frames.verdict[cell] == i).sum()) for i in range(3)]
    aurora_h, clear_h, obscured_h = (frames.hours(cell & (frames.verdict == i)) for i in range(3))
    judged_h = aurora_h + clear_h + obscured_h
    hits, whole = (
        np.bincount(frames.night[which], weights=frames.stands_s[which], minlength=len(frames.nights))
        for which in (cell & frames.aurora, cell)
    )
    low, high = interval(hits[:, None].astype(float), whole[:, None].astype(float))
    return (
        sum(counts), *counts, rounded(share(aurora_h, judged_h)), rounded(low[0]), rounded(high[0]),
        rounded(share(aurora_h, aurora_h + clear_h)), rounded(share(aurora_h, clear_h + obscured_h), 3),
        hours(judged_h),
    )  # fmt: skip


# ------------------------------------------------------------------ what was seen


def shown_tables(frames: Frames) -> list[Table]:
    """Frames with aurora by level and by form; no table of what no frame has."""
    seen = frames.aurora & (frames.level > 0)
    highest = int(frames.level[seen].max(initial=0))
    levels = [(level, frames.level == level) for level in range(1, highest + 1)]
    named = frames.aurora & np.array([some is not None for some in frames.forms])
    each = [
        frozenset((some or "").split()) if aurora else frozenset()
        for some, aurora in zip(frames.forms, frames.aurora, strict=True)
    ]
    forms = [(form, np.array([form in some for some in each])) for form in sorted(frozenset().union(*each))]
    found = [
        _shown("levels", "Aurora by level", "level", frames, seen, levels),
        _shown("forms", "Aurora by form; several may hold", "form", frames, named, forms),
    ]
    return [table for table in found if table is not None]


def _shown(
    name: str, title: str, column: str, frames: Frames, among: NDArray[np.bool_],
    classes: Sequence[tuple[Any, NDArray[np.bool_]]],
) -> Table | None:  # fmt: skip
    """The frames of each class, as a share of those ``among`` which they are; None of none."""
    if not among.any():
        return None
    rows = _shares_of_time(frames, among, classes)
    return Table(name, title, (column, "aurora frames", "share", "aurora (h)"), rows)


# ------------------------------------------------------------------ occurrence


@dataclass(frozen=True)
class Axis:
    """What occurrence is counted by: name of the table, what its column is called, class of each frame, order, a note."""

    name: str
    column: str
    classes: NDArray[Any]
    labels: Mapping[Any, str] | None = None
    note: str = ""


def axes(frames: Frames, kp: Values) -> list[Axis]:
    """Hour (local and magnetic), month, moonlight, moon phase, and Kp where it is known (NaN elsewhere)."""
    low = (np.minimum(frames.phase_deg, 179.9) // PHASE_STEP_DEG).astype(np.int64) * PHASE_STEP_DEG
    phases = {int(deg): f"{deg:03d}–{deg + PHASE_STEP_DEG:03d}°" for deg in np.unique(low)}
    found = [
        Axis("hour", f"hour ({frames.place.timezone})", frames.local_hour),
        Axis("month", "month", frames.month, note="A night counts in the month of its morning."),
        Axis("moonlight", "moonlight", frames.moonlight, dict(enumerate(MOONLIGHTS))),
        Axis("phase", "moon phase", low, phases),
    ]
    if frames.place.known:
        found.insert(1, Axis("mlt", "magnetic local time (h)", frames.magnetic_hour))
    if np.isfinite(kp).any():
        found.append(Axis("kp", "Kp", np.where(np.isfinite(kp), np.floor(np.nan_to_num(kp)), -1).astype(int)))
    return found


def occurrence(frames: Frames, axis: Axis) -> Table:
    """Aurora as a share of observable time, a class a row, with its interval by night.

    Frames count by the time they stand for and by the share of the sky that was visible.
    """
    counted = frames.judged & (axis.classes != -1 if axis.name == "kp" else True) & (frames.visible > 0)
    values, code = np.unique(axis.classes[counted], return_inverse=True)
    if axis.name in NIGHT_LONG:  # from noon to noon, as a night goes
        order = np.argsort((values - 12) % 24)
        values, code = values[order], np.argsort(order)[code]
    seen = frames.aurora[counted]
    night, visible, stands_h = frames.night[counted], frames.visible[counted], frames.stands_s[counted] / 3600

    def sums(weights: Values) -> Values:
        made = np.zeros((len(frames.nights), len(values)))
        np.add.at(made, (night, code), weights)
        return made

    hits, whole = sums(np.where(seen, stands_h, 0.0)), sums(visible * stands_h)
    frames_seen, frames_whole = sums(np.where(seen, 1.0, 0.0)).sum(axis=0), sums(visible).sum(axis=0)
    low, high = interval(hits, whole)
    aurora_h, whole_h = hits.sum(axis=0), whole.sum(axis=0)
    rows = tuple(
        (_label(axis, value), int(frames_seen[i]), round(float(frames_whole[i]), 1), int((whole[:, i] > 0).sum()),
         rounded(share(aurora_h[i], whole_h[i])), rounded(low[i]), rounded(high[i]), hours(aurora_h[i]),
         hours(whole_h[i]))
        for i, value in enumerate(values)
    )  # fmt: skip
    columns = (axis.column, "aurora frames", "observable frames", "nights", "occurrence", "low", "high", "aurora (h)",
               OBSERVABLE_H)  # fmt: skip
    title = f"Occurrence of aurora by {axis.column}"
    return Table(f"occurrence_by_{axis.name}", title, columns, rows, axis.note)


def _label(axis: Axis, value: Any) -> Any:
    return axis.labels[int(value)] if axis.labels else str(value) if axis.name == "month" else int(value)


# ------------------------------------------------------------------ nights


def nights_table(frames: Frames) -> Table:
    """A night a row: how long was looked, how much could be seen, how much aurora."""
    size = len(frames.nights)

    def count(which: NDArray[np.bool_]) -> Codes:
        return np.bincount(frames.night[which], minlength=size)

    judged, aurora = count(frames.judged), count(frames.aurora)
    visible = np.bincount(frames.night, weights=np.where(frames.judged, frames.visible, 0), minlength=size)
    unusable = count(frames.verdict == VERDICTS.index("unusable"))
    cadence_s = [float(frames.stands_s[frames.night == i][0]) for i in range(size)]
    rows = tuple(
        (night.isoformat(), int(judged[i]), round(float(visible[i]), 1), int(aurora[i]), int(unusable[i]),
         rounded(share(aurora[i], visible[i])), cadence_s[i],
         *(hours(frames_of[i] * cadence_s[i] / 3600) for frames_of in (judged, visible, aurora)))
        for i, night in enumerate(frames.nights)
    )  # fmt: skip
    columns = ("night (date of its morning)", "judged", "observable frames", "aurora", "unusable", "occurrence",
               "cadence (s)", "judged (h)", OBSERVABLE_H, "aurora (h)")  # fmt: skip
    return Table("nights", "Nights", columns, rows)
