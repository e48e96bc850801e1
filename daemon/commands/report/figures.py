"""The figures of a report, as PNG, SVG and PDF: the thesis's Figures 6 and 7, occurrence, the lags."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np

from daemon.commands.report.frames import Frames
from daemon.commands.report.lag import LAGS_MIN, STEP_MIN, LagCurve
from daemon.commands.report.tables import (
    BINS,
    FIGURE_6,
    FIGURE_7,
    NIGHT_LONG,
    OBSERVABLE_H,
    Table,
    histogram,
    probabilities,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, FILL, PALE, RULE = "#1d2b24", "#3a7d5c", "#c9ded2", "#d9d9d9"
FORMATS = ("png", "svg", "pdf")
STYLE: Any = {
    "font.size": 9.0, "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": INK,
    "axes.labelcolor": INK, "text.color": INK, "xtick.color": INK, "ytick.color": INK, "axes.axisbelow": True,
    "svg.hashsalt": "aurorad",
}  # fmt: skip


@dataclass(frozen=True)
class Drawn:
    """One figure: the name of its files, what it shows, its width in inches, and its bytes by format."""

    name: str
    title: str
    width_in: float
    files: dict[str, bytes]


def draw(
    frames: Frames,
    tables: Sequence[Table],
    curves: Sequence[LagCurve],
    note: str,
    formats: Sequence[str] = FORMATS,
) -> list[Drawn]:
    """Every figure that there is something for, in each of the formats; ``note`` is written under each."""
    import matplotlib  # imported here: only this command draws

    with matplotlib.rc_context(STYLE):
        drawn = []
        if cells := probabilities(frames):
            drawn.append(_saved("figure6_probability", FIGURE_6, _means(cells), note, formats))
            drawn.append(_saved("figure7_histogram", FIGURE_7, _histograms(cells), note, formats))
        shares = [table for table in tables if table.name.startswith("occurrence_by_") and table.rows]
        drawn += [_saved(table.name, table.title, _occurrence(table), note, formats) for table in shares]
        for target in dict.fromkeys(curve.target for curve in curves):
            shown = [curve for curve in curves if curve.target == target]
            title = f"Rank correlation of {target} with the solar wind by lag"
            drawn.append(_saved(f"lag_{target}", title, _lags(shown), note, formats))
    return drawn


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _saved(name: str, title: str, figure: Figure, note: str, formats: Sequence[str]) -> Drawn:
    width, height = figure.get_size_inches()
    lines = wrap(note, int(width / 0.035))
    foot = (0.13 + 0.09 * len(lines)) / height
    engine = figure.get_layout_engine()
    assert engine is not None
    engine.set(rect=(0, foot, 1, 1 - foot))  # type: ignore[call-arg]
    figure.text(0.06 / width, 0.06 / height, "\n".join(lines), fontsize=5, color="#666666")
    files = {}
    for form in formats:
        data = io.BytesIO()
        about = {"png": {"Description": note}, "svg": {"Description": note, "Date": None},
                 "pdf": {"Subject": note, "CreationDate": None}}[form]  # fmt: skip
        figure.savefig(data, format=form, dpi=150, metadata=about)
        files[form] = data.getvalue()
        figure.set_layout_engine("none")  # laid out once: it takes longer than drawing
    return Drawn(name, title, width, files)


def _grid(axes: Axes) -> None:
    axes.grid(axis="y", color=RULE, linewidth=0.6)
    axes.tick_params(length=0)


def _means(cells: Sequence[tuple[tuple[str, str], np.ndarray]]) -> Figure:
    figure = _figure(7.2, 3.4)
    axes = figure.subplots()
    labels = [f"{twilight}\n{moonlight}" for (twilight, moonlight), _ in cells]
    means, spreads = [p.mean() for _, p in cells], [p.std() for _, p in cells]
    axes.bar(range(len(cells)), means, width=0.65, color=FILL)
    # A probability ends at 0 and 1: so do its bars.
    below, above = np.minimum(spreads, means), np.minimum(spreads, 1 - np.array(means))
    axes.errorbar(range(len(cells)), means, yerr=[below, above], fmt="none", ecolor=INK, capsize=3, lw=1)
    axes.set_xticks(range(len(cells)), labels, fontsize=8 if len(cells) < 7 else 6.5)
    axes.set(
        ylim=(0, 1),
        ylabel="yes-probability",
        xlabel="twilight and moonlight",
        xlim=(-0.6, max(4, len(cells)) - 0.4),
    )
    _grid(axes)
    return figure


def _histograms(cells: Sequence[tuple[tuple[str, str], np.ndarray]]) -> Figure:
    wide = min(3, len(cells))
    tall = -(-len(cells) // wide)
    figure = _figure(2.4 * wide, 1.7 * tall + 0.5)
    grid = figure.subplots(tall, wide, sharex=True, squeeze=False).ravel().tolist()
    edges = [i / BINS for i in range(BINS)]
    for axes, ((twilight, moonlight), probability) in zip(grid, cells, strict=False):
        axes.bar(edges, histogram(probability), width=1 / BINS, align="edge", color=FILL)
        axes.set_title(f"{twilight}, moon {moonlight}\n{len(probability):,} frames", fontsize=8)
        axes.tick_params(labelsize=7)
        _grid(axes)
    for axes in grid[len(cells) :]:
        axes.set_axis_off()
    _name_axes(grid, len(cells), wide, "yes-probability", "frames")
    return figure


def _name_axes(grid: Sequence[Axes], count: int, wide: int, across: str, up: str) -> None:
    """Name the axes of small figures: below the lowest of each column, beside the first of each row."""
    for place, axes in enumerate(grid[:count]):
        if place + wide >= count:
            axes.set_xlabel(across, fontsize=8)
            axes.tick_params(labelbottom=True)
        if place % wide == 0:
            axes.set_ylabel(up, fontsize=8)


def _occurrence(table: Table) -> Figure:
    """Bars of the share, its interval if it has one, and under the axis how much observable time each rests on."""
    labels = [str(row[0]) for row in table.rows]
    share = np.array([100 * (row[4] or 0.0) for row in table.rows])
    low, high = (
        np.array([np.nan if row[place] is None else 100 * row[place] for row in table.rows])
        for place in (5, 6)
    )
    each = max(0.3, 0.075 * max(map(len, labels)))  # inches
    figure = _figure(min(7.2, max(4.2, each * len(labels) + 1.4)), 3.6)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    place = _order(table)
    above.bar(place, share, width=0.75, color=FILL)
    spread = [np.clip(share - low, 0, None), np.clip(high - share, 0, None)]
    above.errorbar(place, share, yerr=spread, fmt="none", ecolor=INK, capsize=2, lw=1)
    above.set(
        ylim=(0, max(5.0, min(100.0, 1.15 * float(np.fmax(share, high).max(initial=0))))),
        ylabel="aurora, % of\nobservable time",
    )
    below.bar(place, [row[table.columns.index(OBSERVABLE_H)] for row in table.rows], width=0.75, color=PALE)
    below.set(ylabel="observable\nhours", xlabel=table.columns[0])
    turned = each * len(labels) + 1.4 > 7.2
    below.set_xticks(place, labels, rotation=90 if turned else 0, fontsize=8)
    for axes in (above, below):
        _grid(axes)
    below.set_xlim(min(place) - 0.7, max(min(place) + 3.7, max(place) + 0.7))
    figure.align_ylabels()
    return figure


def _order(table: Table) -> list[int]:
    """Where each class stands: hours of a night as they follow each other, from noon to noon."""
    if table.name.removeprefix("occurrence_by_") not in NIGHT_LONG:
        return list(range(len(table.rows)))
    return [(int(row[0]) - 12) % 24 for row in table.rows]


def _lags(curves: Sequence[LagCurve]) -> Figure:
    wide = 2 if len(curves) == 4 else min(3, len(curves))
    tall = -(-len(curves) // wide)
    figure = _figure(2.4 * wide + 0.2, 1.9 * tall + 0.5)
    grid = figure.subplots(tall, wide, sharex=True, sharey=True, squeeze=False).ravel().tolist()
    for axes, curve in zip(grid, curves, strict=False):
        axes.fill_between(
            LAGS_MIN, curve.chance_low, curve.chance_high, color=RULE, label="95 % by chance", lw=0
        )
        axes.fill_between(LAGS_MIN, curve.low, curve.high, color=PALE, label="95 % by nights", lw=0)
        axes.plot(LAGS_MIN, curve.rho, color=FILL, lw=1.6, label="rank correlation")
        axes.axhline(0, color=INK, lw=0.5)
        if curve.significant:
            axes.axvline(curve.lag_min, color=INK, lw=0.8, ls=":")
            axes.plot(
                [curve.lag_low, curve.lag_high], [curve.rho[curve.lag_min // STEP_MIN]] * 2, color=INK, lw=1
            )
        axes.set_title(_title(curve), fontsize=8)
        axes.set_xticks(range(0, 181, 60))
        axes.tick_params(labelsize=7)
        _grid(axes)
    for axes in grid[len(curves) :]:
        axes.set_axis_off()
    handles, names = grid[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=3, fontsize=7, frameon=False)
    _name_axes(grid, len(curves), wide, "minutes after the bow shock", "Spearman's ρ")
    return figure


def _title(curve: LagCurve) -> str:
    if not curve.significant:
        return f"{curve.driver}\nwithin chance"
    rho = f"{curve.best:+.2f}".replace("-", "−")
    return f"{curve.driver}\n{curve.lag_min} min (95 %: {curve.lag_low}–{curve.lag_high}), ρ {rho}"
