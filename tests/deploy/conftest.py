"""What the tests of a booted machine share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module")
def figures() -> Iterator[dict[str, float]]:
    """What was measured, printed at the end for docs/deployment.md."""
    measured: dict[str, float] = {}
    yield measured
    print("\n" + "\n".join(f"{what}: {value:.1f} s" for what, value in measured.items()))
