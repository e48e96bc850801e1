"""Nights are shown as the camera was turned then."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx
import pytest

from daemon.config import Settings
from daemon.observation import Lens, Orientation
from daemon.web import horizon
from daemon.web.turned import turned_at
from tests import web_night
from tests.web_night import CAMERA

SOLVED = Orientation(331.6, lens=Lens())
MORE = {"east_left": True, "edge_elevation_deg": 0.0, "lens": None, "centre": [0.0, 0.0], "tilt_deg": 0.0,
        "tilt_azimuth_deg": 0.0, "solved_on": ""}  # fmt: skip


def said(day: int, north_deg: float | None) -> dict[str, Any]:
    """The configuration of that day of January on."""
    given = None if north_deg is None else {"north_deg": north_deg, **MORE}
    return {"since": f"2026-01-{day:02d}T12:00:00Z", "name": CAMERA, "orientation": given}


def seen(day: int) -> dict[str, Any]:
    """What the stars showed that day."""
    return {"since": f"2026-01-{day:02d}T12:00:00Z", "from_stars": asdict(SOLVED)}


@pytest.mark.parametrize(
    ("history", "turned"),
    [
        ([], None),
        ([said(20, 25.0)], None),
        ([said(1, None)], None),
        ([said(1, 25.0)], Orientation(25.0)),
        ([said(1, 25.0), said(5, 115.0), said(20, 205.0)], Orientation(115.0)),
        ([said(1, None), seen(2)], SOLVED),
        ([said(1, None), seen(2), said(5, 25.0)], Orientation(25.0)),
        ([said(1, None), seen(2), said(5, 25.0), said(6, None)], SOLVED),
        ([said(1, 25.0), seen(20)], Orientation(25.0)),
    ],
)
def test_the_newest_orientation_before_a_row_is_its_own(
    history: list[dict[str, Any]], turned: Orientation | None
) -> None:
    """The configuration's before the stars'; without it what the stars have shown; of later ones none."""
    assert turned_at(history, "2026-01-10T00:00:00Z") == turned


def test_an_orientation_that_cannot_be_read_costs_no_page() -> None:
    """A later version's words are as good as none."""
    broken = said(1, 25.0)
    broken["orientation"]["north_deg"] = "up"
    assert turned_at([broken], "2026-01-10T00:00:00Z") is None


def letter(north_deg: float) -> str:
    """Where the dome's N stands for a camera turned so, as the page has it."""
    rose = horizon.rose(Orientation(north_deg))
    assert rose is not None
    x, y, text = rose.letters[0]
    assert text == "N"
    return f'<text x="{x}" y="{y}"'


def test_a_night_keeps_its_compass_when_the_camera_is_turned(tmp_path: Path) -> None:
    """The letters on the dome agree with the directions of its rows, not with a later configuration."""
    settings = Settings.model_validate({"camera": [{"orientation": {"north_deg": 70.0}}]})
    with web_night.house(tmp_path, settings=settings) as house:
        night = f"{house.url}/night/2024-02-10"
        assert letter(70.0) in httpx.get(night).text
        with closing(sqlite3.connect(house.store.path)) as db, db:
            for since, north_deg in (("2000-01-01T00:00:00Z", 25.0), ("2100-01-01T00:00:00Z", 70.0)):
                about = {"name": CAMERA, "orientation": {"north_deg": north_deg, **MORE}}
                db.execute("INSERT INTO camera_history VALUES (?, ?, ?)", [CAMERA, since, json.dumps(about)])
        page = httpx.get(night).text
        assert letter(25.0) in page
        assert letter(70.0) not in page
