"""A report's files: CSV tables with numbers as numbers, and one HTML page with everything in it, made to be printed."""

from __future__ import annotations

import base64
import html
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from daemon.commands.report.figures import Drawn
from daemon.commands.report.provenance import Provenance
from daemon.commands.report.tables import SHARES, Table
from daemon.text import write_table
from daemon.words import percent

WIDEST = 12
"""Columns of a table on the page; wider ones are in their CSV and their figure alone."""


PAGE_IN = 7.2
"""Inches of the widest figure; it fills the page."""

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
"""An instant as the record writes it; on the page minutes are enough, and all of them are UTC."""

CSV_ONLY = frozenset({"event"})
"""Columns that are long and say nothing to a reader."""


@dataclass(frozen=True)
class Section:
    """One camera's part of a report."""

    title: str
    about: Provenance
    tables: Sequence[Table]
    figures: Sequence[Drawn]
    notes: Sequence[str] = ()
    lead: str = ""
    """What was observed, in a sentence."""


def as_csv(table: Table, about: Provenance) -> bytes:
    """A table under a line that begins with ``#`` and says what it rests on; empty where there is nothing."""
    text = io.StringIO()
    text.write(f"# {table.title} · {about.line}\n")
    write_table(text, table.columns, table.rows)
    return text.getvalue().encode()


_STYLE = """
body{font:15px/1.45 Georgia,'Times New Roman',serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#1d2b24}
h1,h2,h3,table,figcaption,.about{font-family:system-ui,'Helvetica Neue',Arial,sans-serif}
h1{font-size:1.7rem;margin-bottom:.2rem}h2{font-size:1.3rem;margin-top:2.5rem;border-bottom:2px solid #3a7d5c}
h3{font-size:1rem;margin:1.6rem 0 .4rem}.about{font-size:.75rem;color:#555}
table{border-collapse:collapse;font-size:.78rem;font-variant-numeric:tabular-nums}
th{border-bottom:1.5px solid #1d2b24;text-align:right;padding:.15rem .55rem;vertical-align:bottom;font-weight:600}
td{text-align:right;padding:.12rem .55rem;border-bottom:1px solid #e3e3e3}
td{white-space:nowrap}.words{text-align:left;white-space:normal}td.words{min-width:8rem}td.name,th.name{text-align:left}
td:first-child,th:first-child{text-align:left;padding-left:0}.wrap{overflow-x:auto}
figure{margin:1.4rem 0}figure img{max-width:100%}figcaption{font-size:.8rem;margin-top:.2rem}
ol.sources{font-size:.85rem}
@page{size:A4;margin:16mm 15mm}
@media print{body{max-width:none;margin:0;padding:0;font-size:10.5pt}h2.camera{break-before:page}h2.first{break-before:auto}
figure,.wrap:not(:has(.long)){break-inside:avoid}tr{break-inside:avoid}h3{break-after:avoid}
.wrap{overflow:visible}}
"""


def as_page(name: str, made_at: str, sections: Sequence[Section], sources: Sequence[str]) -> str:
    """The whole report as one HTML document that needs no other file."""
    title = html.escape(f"Aurora report: {name}")
    intro = (
        "Shares are shares of time: a frame counts by the time it stands for, which is the cadence of its night, as its "
        "rows have it. Observable time is the time in which aurora "
        "could have been seen: by the stars where the camera's lens is solved, else under clear sky or aurora. "
        "Intervals are of 95 % and come from how much whole nights differ, at Student's quantile for so many nights; three "
        "nights are the fewest that give one. "
        "Magnetic local time is that of a centred dipole."
    )
    parts = [_section(section, first=i == 0) for i, section in enumerate(sections)]
    listed = "".join(f"<li>{html.escape(source)}</li>" for source in sources)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head>\n<body><h1>{title}</h1>\n"
        f'<p class="about">made {html.escape(made_at)}</p><p>{intro}</p>\n'
        + "\n".join(parts)
        + f'\n<h2>Sources and methods</h2><ol class="sources">{listed}</ol>\n</body></html>\n'
    )


def _section(section: Section, *, first: bool) -> str:
    about = f'<p class="about">{html.escape(section.about.line)}</p>'
    kind = "camera first" if first else "camera"
    lead = f"<p>{html.escape(section.lead)}</p>" if section.lead else ""
    parts = [f'<h2 class="{kind}">{html.escape(section.title)}</h2>{about}{lead}']
    drawn = {figure.name: figure for figure in section.figures}
    for table in section.tables:
        parts.append(f"<h3>{html.escape(table.title)}</h3>")
        if figure := drawn.pop(table.name, None):
            parts.append(_figure(figure))
        parts.append(_table(table))
    parts += [f"<h3>{html.escape(figure.title)}</h3>{_figure(figure)}" for figure in drawn.values()]
    parts += [f"<p>{html.escape(note)}</p>" for note in section.notes]
    return "\n".join(parts)


def _figure(figure: Drawn) -> str:
    text = html.escape(figure.title)
    data = base64.b64encode(figure.files["svg"]).decode()
    return (
        f'<figure><img style="width:{min(100, 100 * figure.width_in / PAGE_IN):.0f}%" src="data:image/svg+xml;base64,{data}" alt="{text}">'
        f"<figcaption>{text} ({figure.name}.svg, .pdf, .png)</figcaption></figure>"
    )


def _table(table: Table) -> str:
    note = f"<p>{html.escape(table.note)}</p>" if table.note else ""
    if len(table.columns) > WIDEST:
        return f"{note}<p>The numbers are in {html.escape(table.name)}.csv.</p>"
    shown = [i for i, column in enumerate(table.columns) if column not in CSV_ONLY]
    columns = [table.columns[i] for i in shown]
    rows = [[row[i] for i in shown] for row in table.rows[: table.shown]]
    heads = "".join(
        f"<th{_kind(v)}>{html.escape(c)}</th>"
        for c, v in zip(columns, rows[0] if rows else columns, strict=True)
    )
    body = "".join(f"<tr>{_cells(columns, row)}</tr>" for row in rows)
    more = len(table.rows) - len(rows)
    left = f"<p>{more} more rows are in {html.escape(table.name)}.csv.</p>" if more > 0 else ""
    kind = ' class="long"' if len(rows) > 25 else ""
    return f'<div class="wrap">{note}<table{kind}><thead><tr>{heads}</tr></thead>{body}</table></div>{left}'


def _cells(columns: Iterable[str], row: Iterable[Any]) -> str:
    return "".join(
        f"<td{_kind(v)}>{html.escape(_shown(column, v))}</td>" for column, v in zip(columns, row, strict=True)
    )


def _kind(value: Any) -> str:
    """Texts stand left, those of several words may be broken; numbers stand right."""
    if not isinstance(value, str):
        return ""
    return ' class="words"' if " " in value else ' class="name"'


def _shown(column: str, value: Any) -> str:
    if value is None:
        return "–"
    if column in SHARES:
        return percent(value, 1)
    if isinstance(value, str) and _INSTANT.fullmatch(value):
        return value[:16].replace("T", " ")
    if isinstance(value, float) and value.is_integer() and abs(value) >= 1:
        value = int(value)
    return f"{value:,}" if isinstance(value, int) and value >= 10_000 else str(value)
