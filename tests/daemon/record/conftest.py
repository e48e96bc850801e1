"""A database of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from daemon.record.store import Store
from tests.daemon.record.made import T0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "aurorad.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store(path, now=lambda: T0 + timedelta(minutes=5)) as opened:
        yield opened
