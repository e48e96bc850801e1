"""The rows of the table: one method each, kept as they come, so that a comparison goes on where it stopped."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from daemon.files import write_whole
from daemon.text import one_line
from training.compare.bench import Bench, Outcome
from training.compare.plan import Plan


@dataclass(frozen=True)
class Method:
    """One row to be: its key and title, the paper, how ours differs from it, and what runs it."""

    key: str
    title: str
    paper: str
    differs: str
    run: Callable[[Bench], Outcome]


@dataclass(frozen=True)
class Row:
    """A method that was run: its outcome, or the reason why there is none. ``seconds`` of this process's CPU."""

    key: str
    title: str
    paper: str
    differs: str
    seconds: float = 0.0
    reason: str = ""
    sets: dict[str, dict[str, Any]] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)
    frames_per_second: float | None = None
    megabytes: float | None = None


class Missing(RuntimeError):
    """A method that cannot be run here, with what it needs."""


def run_row(method: Method, bench: Bench) -> Row:
    """The method's kept row; else run it and keep what came of it. A row with a reason is run again."""
    path = bench.folder / "rows" / f"{method.key}.json"
    if path.exists():
        kept = read_row(path)
        if not kept.reason:
            return kept
    bench.tell(method.title)
    began = time.process_time()
    try:
        outcome, reason = method.run(bench), ""
    except Exception as error:
        outcome, reason = Outcome(), one_line(" ".join(str(error).split())) or type(error).__name__
    row = Row(
        method.key,
        method.title,
        method.paper,
        method.differs,
        round(time.process_time() - began, 1),
        reason,
        **asdict(outcome),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(asdict(row), indent=1).encode())
    return row


def not_run(method: Method) -> Row:
    """The row of a method that nobody has asked for yet."""
    reason = f"not run; --only {method.key} adds it"
    return Row(method.key, method.title, method.paper, method.differs, reason=reason)


def read_row(path: Path) -> Row:
    """A kept row. Raises ValueError in one line where it is something else."""
    try:
        return Row(**json.loads(path.read_text(encoding="utf-8")))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path} is no row of a comparison: remove it and run again") from error


def claim(folder: Path, plan: Plan) -> None:
    """Write the plan into the folder. Raises ValueError where another comparison lies there."""
    path = folder / "plan.json"
    if path.exists() and json.loads(path.read_text(encoding="utf-8")) != json.loads(json.dumps(plan.text)):
        raise ValueError(f"{folder} holds another comparison (size, seed or data): give another --out")
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(plan.text, indent=1).encode())
