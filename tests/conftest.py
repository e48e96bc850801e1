"""What tests of several rooms share: where the real pictures are, and a clock that is set by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from daemon.clock import Clock

DATA = Path(__file__).parents[1].parent / "shared" / "data"


LONGEST_FIRST = ("browser", "test_demo.py", "test_cli.py", "test_cluster.py", "test_pipeline.py", "faults")
"""Files that take long begin first, so that of two processes neither waits for the other at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files in that order, the tests of a file as they stand."""

    def place(item: pytest.Item) -> int:
        parts = item.path.parts
        return next((n for n, name in enumerate(LONGEST_FIRST) if name in parts), len(LONGEST_FIRST))

    items.sort(key=place)


class SetClock(Clock):
    """A clock that stands until it is moved."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        """Where it stands."""
        return self.at

    def move(self, seconds: float) -> datetime:
        """Put it forward."""
        self.at += timedelta(seconds=seconds)
        return self.at


@pytest.fixture
def night_clock() -> SetClock:
    """Half past ten in the evening in Yellowknife, well after dusk."""
    return SetClock(datetime(2024, 2, 10, 5, 30, tzinfo=UTC))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real pictures, where a checkout has one beside it."""
    if not DATA.is_dir():
        pytest.skip("no real pictures here: ../shared/data is absent")
    return DATA
