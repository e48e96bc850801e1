"""The ratios, as one table: ``make bench``, or ``python -m tests.bench [NAME…]``.

    python -m tests.bench                     everything, some twenty minutes on two idle cores
    python -m tests.bench evidence night      only these
    python -m tests.bench --quick             small sizes: does the bench itself work?

Each figure is measured side by side with what people would do instead and with the physical limit,
in the same run. The model is the shipped one, or that of ``AURORAD_MODEL__PATH``.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
import traceback
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from daemon import __version__  # before numpy: it says how many threads OpenBLAS gets
from tests.bench.figure import Plan, Row, machine, reason_of

FIGURES = (
    "evidence",
    "small",
    "look",
    "night",
    "watching",
    "years",
    "page",
    "growth",
    "folder",
    "cluster",
    "gpu",
    "stars",
)

BEGIN, END = "<!-- figures -->", "<!-- /figures -->"
"""Between these the table stands in docs/bench.md."""


def main() -> int:
    """Exit 0 where every bar that was measured is met, 1 where one is missed."""
    asked = _parser().parse_args()
    plan = Plan(runs=2 if asked.quick else asked.runs, quick=asked.quick)
    before = machine()
    rows: list[Row] = []
    for name in asked.names or FIGURES:
        began = time.perf_counter()
        print(f"{name} …", file=sys.stderr, flush=True)
        for row in measure(name, plan):
            rows.append(row)
            print(f"  {row.what}: {row.measured} ({row.bar}) {row.detail}", file=sys.stderr, flush=True)
            if asked.json:  # what is measured is kept, whatever comes after
                told = json.dumps(_about(before) | {"rows": [asdict(each) for each in rows]}, indent=1)
                asked.json.write_text(told + "\n", encoding="utf-8")
        print(f"{name}: {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    about = _about(before)
    print(table(rows, about))
    if asked.docs:
        before_it, _, rest = asked.docs.read_text(encoding="utf-8").partition(BEGIN)
        held, _, after_it = rest.partition(END)
        told = again(held.strip(), rows, about) if asked.names else table(rows, about)
        asked.docs.write_text(f"{before_it}{BEGIN}\n{told}\n{END}{after_it}", encoding="utf-8")
    return int(any(row.met is False for row in rows))


def measure(name: str, plan: Plan) -> Iterator[Row]:
    """A module's rows as they come; what fails is a row with its reason, for the others are worth their minutes all
    the same.
    """
    try:
        yield from importlib.import_module(f"tests.bench.{name}").measure(plan)
    except Exception as error:
        traceback.print_exc()
        yield Row(name, "–", "failed", False, reason_of(error))


def _about(before: dict[str, object]) -> dict[str, object]:
    return {
        "at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "aurorad": __version__,
        "machine": before,
        "load_after": machine()["load"],
    }


def table(rows: list[Row], about: dict[str, object]) -> str:
    """Markdown, as docs/bench.md keeps it."""
    told: dict[str, object] = about["machine"]  # type: ignore[assignment]
    lines = [
        (
            f"{told['processor']}, {told['cores']} cores, {told['memory_gb']} GB, {told['system']}; "
            f"{about['at']}; load before {told['load']}, after {about['load_after']}."
        ),
        "",
        "| what | at least | measured | met | how |",
        "|---|---|---|---|---|",
    ]
    word = {True: "yes", False: "**no**", None: "–"}
    lines += [f"| {r.what} | {r.bar} | **{r.measured}** | {word[r.met]} | {r.detail} |" for r in rows]
    return "\n".join(lines)


def again(held: str, rows: list[Row], about: dict[str, object]) -> str:
    """The table that is there, with the lines that were measured once more in place of the old ones, and new ones
    under them.
    """
    lines = {line.split(" | ")[0]: line for line in table(rows, about).splitlines() if line.startswith("| ")}
    kept = [lines.pop(line.split(" | ")[0], line) for line in held.splitlines()]
    last = max(number for number, line in enumerate(kept) if line.startswith("|"))
    kept[last + 1 : last + 1] = lines.values()
    names = "; ".join(row.what for row in rows)
    return "\n".join([*kept, "", f"Measured again at {about['at']}, alone: {names}."])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"only these: {', '.join(FIGURES)}")
    parser.add_argument("--runs", type=int, default=5, help="rounds of each comparison (5)")
    parser.add_argument("--quick", action="store_true", help="small sizes, two rounds")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    parser.add_argument("--docs", type=Path, help="put the table into this page, between its marks")
    return parser


if __name__ == "__main__":
    sys.exit(main())
