"""What fault tests are given: the green model, and where results for the table go."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.harness import green_model

Entry = Callable[..., None]


@pytest.fixture(scope="session")
def green(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file that knows green from dark."""
    return green_model(tmp_path_factory.mktemp("green"))


@pytest.fixture(scope="session")
def matrix() -> Entry:
    """Keep a line of the fault matrix; ``python -m tests.faults`` makes docs/faults.md of them."""
    table = os.environ.get("AURORAD_FAULT_TABLE")

    def entry(family: str, injected: str, happened: str, recovery: str = "–") -> None:
        if table:
            line = {"family": family, "injected": injected, "happened": happened, "recovery": recovery}
            with open(table, "a", encoding="utf-8") as opened:
                opened.write(json.dumps(line, ensure_ascii=False) + "\n")

    return entry
