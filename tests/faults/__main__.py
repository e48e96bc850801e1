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
    "Pictures that are no sky",
    "Movies",
    "Clocks",
    "Space weather",
    "Owners' own reports",
    "The record",
    "Alert channels",
    "The page",
    "Configuration and model",
    "The machine",
    "Bounds and names",
    "Anything at all",
)

HEAD = """# What was broken on purpose

Every line of the tables is a test in `tests/faults/`: what was done to a running aurorad, what it made of
it, and how long it took, from the fault's end, until a frame was judged again. A cadence is the time
between two looks, a minute for AuroraMAX. The faults are real where a machine allows it: real HTTP answers,
files, locks, signals, a disk that is full, a process whose clock is put; the sky alone is made.

```
python -m tests.faults            # all of it, the long tests too, and this page written anew (an hour)
python -m tests.faults --quick    # what `make test` runs
```

## What is promised

After each fault these are checked (`check` in `tests/faults/harness/`), on one snapshot of the record:

| promise | in full | measured by |
|---|---|---|
| nothing is lost | An observation is acknowledged once its transaction is on the disk: another process can read it, `aurorad_observations_total` has counted it. From then on it is there, once, and the nights' sums are those of their rows. | `test_fault_kill.py` (a witness reads all the while), `test_fault_database.py`, `test_fault_morning.py` |
| nothing is false | No event without the observations of its onset and its confirmation; no judged row under a time that was not established; nothing judged while the feed has stopped. | `test_fault_feed.py`, `test_fault_clock.py`, `test_fault_movie.py`, the state machines in `tests/daemon/test_event.py` |
| everybody is notified | Every event that people are notified of has its outbox row for every change and channel, written in the event's own transaction; it is sent until the channel takes it, it expires, or it is no longer true (its event is over: then the end is sent alone); of one camera in order, and no channel waits for another. | `test_fault_channels.py`, `tests/daemon/record/test_outbox.py` |
| nobody is notified twice | Nothing is delivered that is not recorded, but for the operator's message that nothing can be; at most one message a channel is repeated per crash, under the same event id. | `test_fault_kill.py`, `test_fault_database.py` |
| it comes back | A frame is judged again within two cadences of the fault's end. Nobody has to press start. | all, `tests/deploy/test_deploy_systemd.py` |
| the operator knows | What was wrong is in the log and in a counter, and where an operator must act, in one operator alert when it begins and one when it ends. | all |
| it ends when asked | SIGTERM ends it cleanly within ten seconds, whatever hangs. | `test_fault_stop.py`, `tests/deploy/` |
| it does not grow | Memory, open files and threads stay what they were; the database grows by its rows. | `test_fault_soak.py` |
| strangers do not starve it | However many connect to the page and say nothing, no look is late, `/-/healthy` answers 200, the log stays short, and the page is back two seconds after them. | `test_fault_strangers.py`, `tests/daemon/web/test_web_connections.py` |
| it keeps secrets | No secret in the log, the metrics, the page, the record, an error. | `test_fault_secrets.py` |

Not promised: that a message comes exactly once where a channel takes it and the line breaks before its
answer (receivers can drop a repeat by its event id); that anybody is alerted of aurora while the record
itself cannot be written, for nothing is sent that is not recorded. Only the operator's messages are then sent
from memory, once, by best effort, and are recorded as sent when they can be; `/-/healthy` fails once no row
could be written for three cadences, while systemd goes on being told that the watch is alive: a restart would
cure neither a full disk nor a read-only one. Nor promised: a picture for every row. Resident memory in the month is measured
with SQLite's page caches at 100 kB a connection: left at their default they fill to 2 MB each and stop there.
Housekeeping, which hands free memory back once a minute, comes in the month once in about an hour of its time.
"""


def main(words: list[str]) -> int:
    """Run, and write the page where all went well."""
    chosen = words if words not in ([], ["--quick"]) else []
    which = "not soak" if words == ["--quick"] else "soak or not soak"
    with tempfile.TemporaryDirectory() as folder:
        table = Path(os.environ.get("AURORAD_FAULT_TABLE", Path(folder) / "table"))
        where = [] if any(word.startswith("tests/") for word in chosen) else ["tests/faults"]
        command = [sys.executable, "-m", "pytest", *where, "-q", "-p", "no:cacheprovider"]
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
