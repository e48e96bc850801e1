"""``aurorad-train compare``: run every row that is not there yet, and print the table."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from training.compare.plan import NIGHT, QUICK, SMALL, Plan
from training.options import AT_ONCE, FOLDER, FOLDER_THERE, SEED, THERE


@click.command()
@click.option(
    "--out",
    type=FOLDER,
    required=True,
    help="Folder of skies, networks, rows and tables; goes on where it stopped.",
)
@click.option("--real", type=FOLDER_THERE, help="The developers' collection of real frames (../shared/data).")
@click.option("--keograms", type=FOLDER_THERE, help="Folder of the real keograms (YYYY-MM-DD.jpg).")
@click.option(
    "--model", type=THERE, help="The model of the row `shipped`; without it the one in the package."
)
@click.option("--left-out", type=THERE, help="Answers of `leave-out`: the row `shipped` on real frames.")
@click.option("--oath", type=FOLDER_THERE, help="The unpacked OATH archive: its own data and split too.")
@click.option(
    "--kvammen", type=FOLDER_THERE, help="Kvammen's pictures, one folder a class: their own data too."
)
@click.option(
    "--only", multiple=True, metavar="ROW", help="Only this row; repeatable. A wrong name lists them."
)
@click.option("--quick", is_flag=True, help="Everything tiny: does it run? Its figures mean nothing.")
@click.option("--night", is_flag=True, help="Everything larger: a night of a CPU.")
@click.option("--docs", type=THERE, help="Put the table into this page too, after its line `<!-- table -->`.")
@click.option("--seed", type=SEED, default=1, show_default=True)
@click.option("--threads", type=AT_ONCE, default=1, show_default=True, help="CPU threads.")
def compare(
    only: tuple[str, ...],
    quick: bool,
    night: bool,
    threads: int,
    out: Path,
    docs: Path | None,
    **given: Any,
) -> None:
    """The field's methods and ours on the same splits: one table of skill, speed and size."""
    from training.compare.methods import KEYS
    from training.compare.table import put_table

    if quick and night:
        raise click.UsageError("--quick or --night, not both")
    unknown = [name for name in only if name not in KEYS]
    if unknown:
        raise click.UsageError(f"no row {unknown[0]}: there are {', '.join(KEYS)}")
    plan = Plan(QUICK if quick else NIGHT if night else SMALL, **given)
    text = run(out, plan, only, threads, lambda line: click.echo(line, err=True))
    if docs is not None:
        put_table(docs, text)
    click.echo(text)


def run(out: Path, plan: Plan, only: Sequence[str], threads: int, tell: Callable[[str], None]) -> str:
    """Every wanted row, then the tables of all rows that are there; returns the Markdown."""
    import torch

    from training.compare.bench import Bench
    from training.compare.methods import METHODS
    from training.compare.rows import claim, not_run, read_row, run_row
    from training.compare.table import write_tables

    torch.set_num_threads(threads)
    claim(out, plan)
    bench = Bench(out, plan, tell)
    for method in METHODS:
        if not only or method.key in only:
            run_row(method, bench)
    rows = []
    for method in METHODS:
        path = out / "rows" / f"{method.key}.json"
        rows.append(read_row(path) if path.exists() else not_run(method))
    spent = {"CPU minutes of the rows": round(sum(row.seconds for row in rows) / 60, 1)}
    return write_tables(out, rows, _papers(bench), machine(plan, threads) | spent)


def _papers(bench: Any) -> dict[str, Any]:
    """The papers' own data, where they are given; kept, and a failure is its reason."""
    from training.compare import papers

    readers = {
        "oath": (bench.plan.oath, papers.read_oath),
        "kvammen": (bench.plan.kvammen, papers.read_kvammen),
    }
    found: dict[str, Any] = {}
    for name, (folder, read) in readers.items():
        path = bench.folder / f"{name}.json"
        if folder is not None and not path.exists():
            bench.tell(f"{name}: {folder}")
            judged = papers.judge(bench, read(folder, bench.plan.seed))
            path.write_text(json.dumps(judged, indent=1), encoding="utf-8")
        if path.exists():
            found[name] = json.loads(path.read_text(encoding="utf-8"))
    return found


def machine(plan: Plan, threads: int) -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "size": plan.size.name,
        "seed": plan.seed,
        "processor": f"{platform.machine()}, {os.cpu_count()} cores",
        "threads": threads,
        "system": platform.system(),
        "Python": platform.python_version(),
    }
