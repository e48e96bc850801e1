"""The stars' sectors on the dome: each where the lens puts it, none where nothing is known."""

from __future__ import annotations

import re
from typing import Any

import pytest

from daemon.observation import Orientation
from daemon.sky.geometry import position
from daemon.web.star_layer import RADIUS, star_layer
from tests.starry import TURNED


def _row(code: str | None) -> Any:
    return {"stars": code}


def test_a_sector_lies_where_the_lens_puts_it() -> None:
    """The eastern sector of the lowest ring surrounds the place of azimuth 90°, 25° up, and not that of azimuth 270°."""
    code = "-" * 2 + "7" + "-" * 21
    ((path, level, words),) = star_layer(_row(code), TURNED)
    numbers = [float(number) for number in re.findall(r"-?[\d.]+", path)]
    across, down = numbers[::2], numbers[1::2]
    x, y = (RADIUS * at for at in position(90.0, 25.0, TURNED))
    assert min(across) < x < max(across)
    assert min(down) < y < max(down)
    x, y = (RADIUS * at for at in position(270.0, 25.0, TURNED))
    assert not (min(across) < x < max(across) and min(down) < y < max(down))
    assert (level, words) == (3, "75 %")


@pytest.mark.parametrize(
    ("code", "turned"), [(None, TURNED), ("9" * 24, None), ("9" * 24, Orientation(26.0)), ("-" * 24, TURNED)]
)
def test_nothing_is_drawn_without_witness(code: str | None, turned: Orientation | None) -> None:
    """No stars recorded, no lens known, no sector known: no layer."""
    assert star_layer(_row(code), turned) == []
