"""What tests of the daemon share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import SetClock
from tests.hand_watch import Watch, watching


@pytest.fixture
def watch(tmp_path: Path, night_clock: SetClock) -> Iterator[Watch]:
    """A live watch on a clock set by hand."""
    with watching(tmp_path, night_clock) as watched:
        yield watched
