"""The tables and figures of any database, after the thesis whose method this is.

Counterparts of its Tables 2 (frames by twilight), 3 (by moonlight) and 6 (aurora by cell) and its
Figures 6 (mean ± standard deviation of the yes-probability) and 7 (its histograms), and how often
there was aurora by hour, month and moon. Shares are shares of frames; where the thesis prints yes/no
as a ratio the column is called odds. Occurrence is aurora / (aurora + clear): normalised by the time
in which the sky could be seen, a frame standing for one cadence; looks between two cadences, as at
the first sign of an event, are not counted.
"""

from __future__ import annotations

import csv
import html
import io
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daemon.commands.report_tables import (
    BINS,
    FIGURE_6,
    FIGURE_7,
    WHEN,
    Cell,
    Cells,
    Seen,
    Table,
    cell_tables,
    ordered,
    time_tables,
)
from daemon.errors import AuroradError, StoreError
from daemon.record.database import connect_reader, translated

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


PHASE_STEP_DEG = 30

_JUDGED = ("aurora", "clear", "obscured")


def write_report(db: Path, out: Path) -> list[Path]:
    """Write CSV tables, PNG figures and ``report.html`` that shows them into ``out``.

    Each camera has tables and figures of its own. Everything is made before the first file is
    written. Returns the files. Raises StoreError for a database that cannot be read or is empty,
    AuroradError for a folder that cannot be written.
    """
    with closing(connect_reader(db)) as connection, translated(db):
        cells = _cells(connection.execute(_CELLS))
        times = _times(connection.execute(_TIMES))
    if not cells:
        message = f"{db}: there are no observations to report on; `aurorad ingest` footage first"
        raise StoreError("empty", message)
    files: dict[str, bytes] = {}
    sections = []
    for camera, of_camera in cells.items():
        prefix = f"{_file_name(camera)}_" if len(cells) > 1 else ""
        tables = [*cell_tables(of_camera), *time_tables(times[camera])]
        pictures = _figures(of_camera, times[camera])
        files |= {f"{prefix}{table.name}.csv": _csv(table) for table in tables}
        files |= {f"{prefix}{name}.png": data for name, (_, data) in pictures.items()}
        titles = {f"{prefix}{name}.png": title for name, (title, _) in pictures.items()}
        sections.append(_section(camera, tables, titles))
    files["report.html"] = _page(db, sections).encode()
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            (out / name).write_bytes(data)
    except OSError as error:
        raise AuroradError(f"{out}: the report cannot be written: {error.strerror}") from error
    return [out / name for name in files]


# ------------------------------------------------------------------ what is counted

_FRAMES = """
    WITH looks AS (
        SELECT camera, observed_at, verdict, probability, twilight, moonlight, moon_phase_deg,
            strftime('%s', observed_at)
                - strftime('%s', lag(observed_at) OVER (PARTITION BY camera ORDER BY observed_at)) AS after_s
        FROM observations WHERE verdict <> 'stale'),
    cadences AS (
        SELECT name AS camera, cadence_s FROM cameras),
    frames AS (
        SELECT looks.* FROM looks LEFT JOIN cadences USING (camera)
        WHERE after_s IS NULL OR cadence_s IS NULL OR after_s >= cadence_s / 2)
"""
"""The record's looks, one a cadence: those between, at an event's first sign, would make aurora look commoner."""

_CELLS = f"""{_FRAMES}
    SELECT camera, twilight, moonlight, verdict,
        CASE WHEN probability IS NULL THEN NULL
             ELSE min(CAST(probability * {BINS} AS INTEGER), {BINS - 1}) END AS bin,
        count(*) AS n, sum(probability) AS total, sum(probability * probability) AS squares
    FROM frames GROUP BY 1, 2, 3, 4, 5 ORDER BY 1
"""

_TIMES = f"""{_FRAMES}
    SELECT camera, substr(observed_at, 12, 2) AS hour, substr(observed_at, 1, 7) AS month, moonlight,
        CAST(min(moon_phase_deg, 179.9) / {PHASE_STEP_DEG} AS INTEGER) AS phase,
        count(*) AS n, sum(verdict = 'aurora') AS aurora
    FROM frames WHERE verdict IN ('aurora', 'clear') GROUP BY 1, 2, 3, 4, 5
"""


def _cells(rows: Iterable[Any]) -> dict[str, Cells]:
    """Camera → (twilight, moonlight) → its frames."""
    cameras: dict[str, Cells] = {}
    for row in rows:
        cells = cameras.setdefault(row["camera"], {})
        key = (row["twilight"], row["moonlight"])
        n, verdict = row["n"], row["verdict"]
        more = Cell(frames=n, **{name: n * (verdict == name) for name in _JUDGED})
        if row["bin"] is not None:
            more.said, more.total, more.squares = n, row["total"], row["squares"]
            more.histogram = tuple(n * (row["bin"] == i) for i in range(BINS))
        cells[key] = cells.get(key, Cell()) + more
    return cameras


def _times(rows: Iterable[Any]) -> Mapping[str, dict[str, Seen]]:
    """Camera → hour, month, moonlight or phase → value → (aurora, observable)."""
    cameras: dict[str, dict[str, Seen]] = defaultdict(lambda: {what: {} for what in WHEN})
    for row in rows:
        seen = cameras[row["camera"]]
        low = row["phase"] * PHASE_STEP_DEG
        values = {**dict(row), "phase": f"{low:03d}–{low + PHASE_STEP_DEG:03d}°"}
        for what, counted in seen.items():
            aurora, observable = counted.get(values[what], (0, 0))
            counted[values[what]] = (aurora + row["aurora"], observable + row["n"])
    return cameras


# ------------------------------------------------------------------ tables


# ------------------------------------------------------------------ figures


def _figures(cells: Cells, seen: Mapping[str, Seen]) -> dict[str, tuple[str, bytes]]:
    """File name → (title, PNG)."""
    drawn: dict[str, tuple[str, bytes]] = {}
    shown = [(key, cell) for key, cell in ordered(cells) if cell.said]
    if shown:
        drawn["figure6_probability"] = (FIGURE_6, _draw_means(shown))
        drawn["figure7_histogram"] = (FIGURE_7, _draw_histograms(shown))
    for table in time_tables(seen):
        if table.rows:
            drawn[table.name] = (table.title, _draw_occurrence(table, seen))
    return drawn


def _new_figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure  # imported here: only this command draws

    return Figure(figsize=(width, height), layout="constrained")


def _png(figure: Figure) -> bytes:
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=120)
    return data.getvalue()


def _draw_means(shown: Sequence[tuple[tuple[str, str], Cell]]) -> bytes:
    figure = _new_figure(8, 4)
    axes: Axes = figure.subplots()
    axes.bar(
        [f"{twilight}\n{moonlight}" for (twilight, moonlight), _ in shown],
        [cell.mean or 0.0 for _, cell in shown],
        yerr=[cell.deviation or 0.0 for _, cell in shown],
        capsize=4,
        color="#3a7d5c",
    )
    axes.set(ylim=(0, 1), ylabel="yes-probability", xlabel="twilight and moonlight")
    axes.tick_params(axis="x", labelsize=7)
    return _png(figure)


def _draw_histograms(shown: Sequence[tuple[tuple[str, str], Cell]]) -> bytes:
    wide = 3
    tall = -(-len(shown) // wide)
    figure = _new_figure(9, 2.2 * tall)
    grid = figure.subplots(tall, wide, sharex=True, squeeze=False).ravel()
    edges = [i / BINS for i in range(BINS)]
    for axes, ((twilight, moonlight), cell) in zip(grid, shown, strict=False):
        axes.bar(edges, cell.histogram, width=1 / BINS, align="edge", color="#3a7d5c")
        axes.set_title(f"{twilight}, moon {moonlight}: {cell.said} frames", fontsize=8)
    for axes in grid[len(shown) :]:
        axes.set_axis_off()
    figure.supxlabel("yes-probability")
    figure.supylabel("frames")
    return _png(figure)


def _draw_occurrence(table: Table, seen: Mapping[str, Seen]) -> bytes:
    counted = seen[table.name.removeprefix("occurrence_by_")]
    figure = _new_figure(max(6.0, 0.35 * len(table.rows)), 3.5)
    axes: Axes = figure.subplots()
    labels = [str(row[0]) for row in table.rows]
    axes.bar(labels, [100 * counted[label][0] / counted[label][1] for label in labels], color="#3a7d5c")
    axes.set(ylim=(0, 100), ylabel="aurora, % of observable time", xlabel=table.columns[0])
    axes.tick_params(axis="x", rotation=90 if len(labels) > 12 else 0, labelsize=8)
    return _png(figure)


# ------------------------------------------------------------------ pages


def _csv(table: Table) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows(table.rows)
    return text.getvalue().encode()


def _file_name(camera: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", camera)


def _section(camera: str, tables: Iterable[Table], figures: Mapping[str, str]) -> str:
    parts = [f"<h2>{html.escape(camera)}</h2>"]
    for table in tables:
        if table.name == "figure7_histogram":
            continue  # twenty columns; the figure and the CSV file tell it better
        rows = "".join(
            f"<tr>{''.join(f'<td>{html.escape(str(v))}</td>' for v in row)}</tr>" for row in table.rows
        )
        heads = "".join(f"<th>{html.escape(column)}</th>" for column in table.columns)
        parts.append(f"<h3>{html.escape(table.title)}</h3><table><tr>{heads}</tr>{rows}</table>")
    for name, title in figures.items():
        text = html.escape(title)
        parts.append(f'<figure><img src="{name}" alt="{text}"><figcaption>{text}</figcaption></figure>')
    return "\n".join(parts)


def _page(db: Path, sections: Iterable[str]) -> str:
    style = (
        "body{font:16px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
        "table{border-collapse:collapse}td,th{padding:.2rem .7rem;text-align:right;border-bottom:1px solid #ccc}"
        "td:first-child,th:first-child{text-align:left}img{max-width:100%}figure{margin:1.5rem 0}"
    )
    name = html.escape(db.name)
    return (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>Aurora report: {name}</title>'
        f"<style>{style}</style>\n<h1>Aurora report: {name}</h1>\n"
        "<p>Shares are shares of frames. Observable: frames that showed the sky or aurora; occurrence is "
        "aurora / observable. Hours are UTC.</p>\n" + "\n".join(sections) + "\n</html>\n"
    )
