"""The fault matrix as a page: runs the fault tests and writes docs/faults.md from what they measured.

python -m tests.faults            all of it, the long ones too (an hour)
python -m tests.faults --quick    what `make test` runs; lines of the long ones stay as they are
python -m tests.faults -k kill    pytest's own words: what is measured replaces its lines, the others stay

With AURORAD_FAULT_TABLE=FILE the lines are gathered in that file, so that an hour can be run in pieces.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/faults.md"
FAMILIES = (
    "The live feed",
    "Movies",
    "Clocks",
    "The record",
    "Alert channels",
    "Configuration and model",
    "The machine",
    "Anything at all",
)

HEAD = """# What was broken on purpose

Every line is a test in `tests/faults/`: what was done to a running aurorad, what it made of it, and how
long it took, from the fault's end, until a frame was judged again. A cadence is the time between two
looks, a minute for AuroraMAX. The faults are real where a machine allows it: real HTTP answers, files,
locks, signals, a disk that is full, a process whose clock is put; the sky alone is made.

After each fault the same promises are checked (`check` in `tests/faults/harness.py`):

1. every acknowledged observation is there, once, and the nights' sums are those of their rows;
2. no event without the observations that made it, and none that people are told of without its outbox rows;
3. nothing was delivered that is not recorded, and at most one message repeated per crash;
4. the watch goes on within two cadences of the fault's end;
5. what was wrong is in the log, in a counter, and, where an operator must act, in one operator alert.

This page is written by `python -m tests.faults`, which runs the matrix and the long tests with it.
"""


def main(words: list[str]) -> int:
    """Run, and write the page where all went well."""
    chosen = words if words not in ([], ["--quick"]) else []
    which = "not soak" if words == ["--quick"] else "soak or not soak"
    with tempfile.TemporaryDirectory() as folder:
        table = Path(os.environ.get("AURORAD_FAULT_TABLE", Path(folder) / "table"))
        command = [sys.executable, "-m", "pytest", "tests/faults", "-q", "-p", "no:cacheprovider"]
        code = subprocess.call(
            [*command, "-m", which, *chosen],
            cwd=ROOT,
            env={**os.environ, "AURORAD_FAULT_TABLE": str(table)},
        )
        lines = [json.loads(line) for line in table.read_text(encoding="utf-8").splitlines()]
    if code:
        print("not all is well: the page is left as it is", file=sys.stderr)
        return code
    kept = lines_of(PAGE.read_text(encoding="utf-8")) if words and PAGE.exists() else []
    newest = {line["injected"]: line for line in kept + lines}
    PAGE.write_text(page(list(newest.values())), encoding="utf-8")
    return 0


def page(lines: list[dict[str, str]]) -> str:
    """The whole page."""
    when = f"{datetime.now(UTC):%Y-%m-%d}"
    parts = [HEAD, f"Measured {when} on {os.cpu_count()} cores, Python {platform.python_version()}.\n"]
    lines = sorted(lines, key=lambda line: FAMILIES.index(line["family"]))
    for family, group in groupby(lines, key=lambda line: line["family"]):
        parts.append(f"## {family}\n\n| injected | what happened | time to recovery |\n|---|---|---|")
        parts += [f"| {x['injected']} | {x['happened']} | {x['recovery']} |" for x in group]
        parts.append("")
    return "\n".join(parts).rstrip() + "\n"


def lines_of(text: str) -> list[dict[str, str]]:
    """The lines of a page written before."""
    lines, family = [], ""
    for line in text.splitlines():
        family = line.removeprefix("## ") if line.startswith("## ") else family
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if family in FAMILIES and line.startswith("| ") and len(cells) == 3 and cells[0] != "injected":
            lines.append(dict(zip(("injected", "happened", "recovery"), cells, strict=True), family=family))
    return lines


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
