"""The outlook's words: what, for how long, whose, how old; and nothing where nothing recent is known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from daemon.observation import utc_text
from daemon.spaceweather import coupling, outlook

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
FEEDS = {"magnetic field": {"provider": "NOAA SWPC", "licence": "public domain"}}


def wind(*bz: float | None, until: datetime = NOW) -> list[dict[str, Any]]:
    """Minutes of solar wind that end at ``until``."""
    first = until - timedelta(minutes=len(bz) - 1)
    return [
        {"at": utc_text(first + timedelta(minutes=i)), "bz_nt": value, "bt_nt": 9.0, "speed_km_s": 512.0,
         "density_cm3": 6.2, "field_source": "SOLAR1", "plasma_source": "ACE"}
        for i, value in enumerate(bz)
    ]  # fmt: skip


def test_southward_field_is_told_with_its_duration() -> None:
    """Twenty minutes at −8 nT after a northward hour; single minutes the other way do not end the stretch."""
    south: list[float | None] = [-8.0] * 21
    south[9] = 2.0
    south[15] = None
    assert outlook.bz_text(wind(*[4.0] * 60, *south), NOW) == "Bz −8 nT for 20 min"
    assert outlook.bz_text(wind(*[-8.0] * 60, *[4.0] * 20), NOW) == "Bz +4 nT"
    assert outlook.bz_text(wind(*[4.0] * 30, -9.0, -9.0, -9.0), NOW) == "Bz −9 nT"


def test_old_wind_is_no_line_in_an_alert() -> None:
    """An alert names provider and age; what is older than half an hour is not mentioned."""
    line = outlook.alert_line(wind(*[-8.0] * 21, until=NOW - timedelta(minutes=4)), FEEDS, NOW)
    assert line == "Solar wind: Bz −8 nT for 20 min (NOAA SWPC, 4 min old; not seen here)."
    assert outlook.alert_line(wind(*[-8.0] * 21, until=NOW - timedelta(minutes=31)), FEEDS, NOW) == ""
    assert outlook.alert_line([], {}, NOW) == ""


def test_a_line_of_the_page_says_whose_it_is_and_how_old() -> None:
    """Field, speed, density; spacecraft, age, licence; marked where it is too old."""
    line = outlook.wind_line(wind(*[-8.0] * 31), FEEDS, NOW)
    assert line is not None
    assert line.text == "Bz −8 nT for 30 min, Bt 9 nT, 512 km/s, 6 cm⁻³"
    assert line.detail == "NOAA SWPC (ACE and SOLAR1), 0 min old, public domain"
    assert not line.old
    late = outlook.wind_line(wind(*[-8.0] * 31, until=NOW - timedelta(hours=3)), FEEDS, NOW)
    assert late is not None
    assert late.old
    assert late.text.startswith("Bz −8 nT, ")
    assert "3 h old" in late.detail


def test_coupling_is_newell_s() -> None:
    """v^(4/3) B_T^(2/3) sin^(8/3)(θ/2): 400 km/s at 5 nT due south is 8,621; due north it is nothing."""
    values = coupling.newell(np.array([400.0, 400.0]), np.array([0.0, 0.0]), np.array([-5.0, 5.0]))
    assert values[0] == pytest.approx(400 ** (4 / 3) * 5 ** (2 / 3))
    assert values[1] == 0
    assert coupling.travel_s(np.array([400.0]))[0] == pytest.approx(3750)
