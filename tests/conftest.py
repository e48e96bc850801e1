"""What tests of several rooms share: where the real pictures are, and a clock that is set by hand."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from daemon.clock import Clock
from tests.living import export_living, made_once

DATA = Path(__file__).parents[1].parent / "shared" / "data"


# Where a test means no bound on time its client waits for an answer: a starved machine's pages take seconds. What the
# daemon itself asks for has a limit of its own each time.
for call in (
    httpx.get,
    httpx.post,
    httpx.put,
    httpx.delete,
    httpx.stream,
    httpx.request,
    httpx.Client.__init__,
):
    inspect.unwrap(call).__kwdefaults__["timeout"] = httpx.Timeout(60.0)


WAITING = (
    "test_demo.py",
    "test_browser_night.py",
    "test_browser_present.py",
    "test_fault_feed.py",
    "browser",
    "faults",
)
"""Files and folders whose tests mostly wait for a clock, a browser or a process; what takes longest first."""

WORKING = (
    "test_cli.py",
    "test_fit.py",
    "test_ingest.py",
    "test_live.py",
    "test_cluster.py",
    "test_ocr.py",
    "test_known.py",
)
"""Of the other files, which take a core to themselves, those that take longest."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of every three files one that waits, so that the cores have work; the tests of a file as they stand."""

    def place(path: Path, first: Sequence[str]) -> int:
        return next((n for n, name in enumerate(first) if name in path.parts), len(first))

    files = list(dict.fromkeys(item.path for item in items))
    waiting = [path for path in files if place(path, WAITING) < len(WAITING)]
    waiting.sort(key=lambda path: place(path, WAITING))
    working = sorted(set(files) - set(waiting), key=lambda path: (place(path, WORKING), files.index(path)))
    order = {path: 3 * n for n, path in enumerate(waiting)}
    order |= {path: 3 * (n // 2) + n % 2 + 1 for n, path in enumerate(working)}
    items.sort(key=lambda item: order[item.path])


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
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The living network exported, with its card beside it; tests that change files copy both first."""
    return made_once(tmp_path_factory, "living", export_living) / "living.onnx"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real pictures, where a checkout has one beside it."""
    if not DATA.is_dir():
        pytest.skip("no real pictures here: ../shared/data is absent")
    return DATA
