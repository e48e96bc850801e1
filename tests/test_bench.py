"""The bench keeps what it measured: a figure that fails is a row with its reason."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.bench import __main__ as bench
from tests.bench.figure import Plan, Row


def _module(name: str, rows: list[Row] | Exception) -> ModuleType:
    made = ModuleType(f"tests.bench.{name}")

    def measure(plan: Plan) -> list[Row]:
        if isinstance(rows, Exception):
            raise rows
        return rows

    made.measure = measure  # type: ignore[attr-defined]
    return made


def test_a_figure_that_fails_is_a_row_and_the_others_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Minutes of measuring are not thrown away because a later figure falls over."""
    fine = [Row("looks a second", "≥ 1", "2", True)]
    for name, rows in (("evidence", fine), ("night", IndexError("no alert came")), ("years", fine)):
        monkeypatch.setitem(sys.modules, f"tests.bench.{name}", _module(name, rows))
    kept = tmp_path / "rows.json"
    monkeypatch.setattr(sys, "argv", ["bench", "evidence", "night", "years", "--json", str(kept)])
    assert bench.main() == 1
    rows = json.loads(kept.read_text())["rows"]
    assert [row["measured"] for row in rows] == ["2", "failed", "2"]
    assert rows[1]["detail"] == "IndexError: no alert came"
    assert "IndexError: no alert came" in capsys.readouterr().out


def test_rows_are_kept_as_they_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bench that is stopped in a later figure, or in the middle of a module, has the earlier ones on disk."""
    fine = [Row("looks a second", "≥ 1", "2", True)]
    kept = tmp_path / "rows.json"
    monkeypatch.setitem(sys.modules, "tests.bench.evidence", _module("evidence", fine))
    stopped = ModuleType("tests.bench.night")

    def measure(plan: Plan) -> Iterator[Row]:
        yield fine[0]
        raise KeyboardInterrupt

    stopped.measure = measure  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tests.bench.night", stopped)
    monkeypatch.setattr(sys, "argv", ["bench", "evidence", "night", "--json", str(kept)])
    with pytest.raises(KeyboardInterrupt):
        bench.main()
    assert [row["measured"] for row in json.loads(kept.read_text())["rows"]] == ["2", "2"]


def test_what_is_measured_once_more_stands_in_the_table_and_what_is_new_under_it() -> None:
    """Rows keep their place, new ones do not land below the notes."""
    about: dict[str, object] = {"at": "now", "load_after": [0.0], "machine": {
        "processor": "x", "cores": 2, "memory_gb": 1, "system": "y", "load": [0.0]}}  # fmt: skip
    held = bench.table([Row("a", "≥ 1", "1", False), Row("b", "≥ 1", "1", False)], about) + "\n\nA note."
    lines = bench.again(held, [Row("new", "–", "3"), Row("a", "≥ 1", "2", True)], about).splitlines()
    assert [line.split(" | ")[0] for line in lines if line.startswith("| ")] == [
        "| what",
        "| a",
        "| b",
        "| new",
    ]
    assert "| a | ≥ 1 | **2** | yes |  |" in lines
    assert lines.index("A note.") > max(n for n, line in enumerate(lines) if line.startswith("|"))
