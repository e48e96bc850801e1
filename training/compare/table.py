"""The table: rows as JSON and as Markdown, and where our model is not first."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from daemon.files import write_whole
from training.compare.methods import OURS
from training.compare.rows import Row
from training.compare.skies import JUDGED, TITLES

NOTHING = "–"
MARK = "<!-- table -->"


def write_tables(folder: Path, rows: Sequence[Row], papers: dict[str, Any], machine: dict[str, Any]) -> str:
    """``table.json`` and ``table.md`` in the folder; returns the Markdown."""
    text = markdown(rows, papers, machine)
    kept = {"machine": machine, "rows": [asdict(row) for row in rows], "papers": papers}
    write_whole(folder / "table.json", (json.dumps(kept, indent=1) + "\n").encode())
    write_whole(folder / "table.md", text.encode())
    return text


def put_table(page: Path, text: str) -> None:
    """Put the tables into a page between its line ``<!-- table -->`` and the next heading.

    Raises ValueError where there is no such line.
    """
    before, mark, after = page.read_text(encoding="utf-8").partition(f"{MARK}\n")
    if not mark:
        raise ValueError(f"{page} has no line {MARK} to put the table after")
    rest = after[after.index("\n## ") :] if "\n## " in after else "\n"
    write_whole(page, f"{before}{mark}\n{text}{rest}".encode())


def markdown(rows: Sequence[Row], papers: dict[str, Any], machine: dict[str, Any]) -> str:
    """The whole page part: skill, what else was measured, the papers' own data, how each differs."""
    done, failed = [row for row in rows if not row.reason], [row for row in rows if row.reason]
    parts = [_skill(done), "\n".join(f"- {line}" for line in placing(done)), _more(done)]
    if failed:
        parts.append("Not run here:\n\n" + "\n".join(f"- {row.title}: {row.reason}" for row in failed))
    parts += [_paper(name, found) for name, found in papers.items()]
    parts.append("\n".join(f"- **{row.title}** ({row.paper}): {row.differs}." for row in rows))
    parts.append(", ".join(f"{key} {value}" for key, value in machine.items()) + ".")
    return "\n\n".join(part for part in parts if part) + "\n"


def _skill(rows: Sequence[Row]) -> str:
    heads = ["method", *(TITLES[name] for name in JUDGED), "frames/s", "MB"]
    lines = [heads, ["---"] * len(heads)]
    for row in sorted(rows, key=_order):
        cells = [_figures(row.sets.get(name)) for name in JUDGED]
        lines.append([row.title, *cells, _number(row.frames_per_second), _number(row.megabytes)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _order(row: Row) -> tuple[float, float]:
    """By skill on real frames, then on simulated nights."""
    return -_balanced(row, "real"), -_balanced(row, "nights")


def _balanced(row: Row, name: str) -> float:
    value = row.sets.get(name, {}).get("balanced_accuracy")
    return -1.0 if value is None else float(value)


def _figures(found: dict[str, Any] | None) -> str:
    """``0.978 (0.944–1.000) / 0.999``: balanced accuracy with its interval, and ROC area."""
    if not found or found.get("balanced_accuracy") is None:
        return NOTHING
    text = f"{found['balanced_accuracy']:.3f}"
    if "balanced_accuracy_95" in found:
        low, high = found["balanced_accuracy_95"]
        text += f" ({low:.3f}–{high:.3f})"
    return text + (f" / {found['roc_area']:.3f}" if found.get("roc_area") is not None else "")


def _number(value: float | None) -> str:
    if value is None:
        return NOTHING
    return f"{value:,.0f}" if value >= 100 else f"{value:g}"


def placing(rows: Sequence[Row]) -> list[str]:
    """A sentence for each set: is ours first, and if not, which rows are above it and which of these are as fast."""
    mine = next((row for row in rows if row.key == OURS), None)
    return [] if mine is None else [_place(mine, rows, name) for name in JUDGED if name in mine.sets]


def _place(mine: Row, rows: Sequence[Row], name: str) -> str:
    own = _balanced(mine, name)
    others = [row for row in rows if row.key != OURS and not row.key.startswith("context-")]
    above = [row for row in others if _balanced(row, name) > own]
    fast = [row for row in above if (row.frames_per_second or 0) >= (mine.frames_per_second or 0)]
    where = TITLES[name]
    if not above:
        return f"{where}: the shipped model is first of {len(others) + 1} with {own:.3f}."
    names = ", ".join(f"{row.title} ({_balanced(row, name):.3f})" for row in above)
    tail = f"as fast or faster: {', '.join(row.title for row in fast)}" if fast else "none of them as fast"
    return f"{where}: **not first**. The shipped model has {own:.3f}; above it: {names}; {tail}."


def _more(rows: Sequence[Row]) -> str:
    """What some rows measure beside the sets."""
    lines = ["| method | measured | figures |", "|---|---|---|"]
    for row in rows:
        lines += [f"| {row.title} | {name} | {_words(found)} |" for name, found in row.more.items()]
    return "\n".join(lines) if len(lines) > 2 else ""


def _words(found: dict[str, Any]) -> str:
    said = []
    for key, value in found.items():
        if key.endswith("_95") or value is None:
            continue
        shown = f"{value:.3f}" if isinstance(value, float) else str(value)
        if f"{key}_95" in found:
            low, high = found[f"{key}_95"]
            shown += f" ({low:.3f}–{high:.3f})"
        said.append(f"{key.replace('_', ' ')} {shown}")
    return ", ".join(said)


def _paper(name: str, found: dict[str, Any]) -> str:
    if "reason" in found:
        return f"{name}: {found['reason']}"
    lines = [
        f"{name}: {found['pictures']} pictures, split: {found['split']}; published: {found['published']}.",
        "",
    ]
    lines += ["| method | accuracy | balanced accuracy |", "|---|---|---|"]
    for title, one in found.items():
        if isinstance(one, dict):
            shown = _figures({**one, "roc_area": None})
            lines.append(f"| {title} | {one['accuracy']:.3f} | {shown} |")
    return "\n".join(lines)
