"""Where the stars are: two ways to them that share nothing agree."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from daemon.sky.ephemeris import Observatory
from daemon.sky.stars.catalogue import air_mass, bright_stars
from training.simulator.night import sidereal_deg
from training.simulator.night_sky import star_places
from training.simulator.scene_types import NightSky

AT = datetime(2024, 2, 10, 7, 13, 20, tzinfo=UTC)


def _vector(azimuth: np.ndarray, elevation: np.ndarray) -> np.ndarray:
    a, e = np.radians(azimuth), np.radians(elevation)
    return np.stack([np.cos(e) * np.sin(a), np.cos(e) * np.cos(a), np.sin(e)], axis=-1)


def test_the_catalogue_has_the_bright_stars() -> None:
    """Sirius first; Polaris where it is; all of them to 5.5."""
    stars = bright_stars()
    assert stars.hip[0] == 32349
    polaris = int(np.flatnonzero(stars.hip == 11767)[0])
    assert stars.dec_deg[polaris] == pytest.approx(89.264, abs=0.01)
    assert stars.magnitude[polaris] == pytest.approx(1.97, abs=0.1)
    assert stars.magnitude.max() <= 5.5
    assert len(stars.hip) > 2800


def test_polaris_stands_over_the_north_as_high_as_the_latitude() -> None:
    """Within its 0.7° of the pole, refraction included."""
    field = Observatory(62.4333, -114.35).stars(AT)
    polaris = int(np.flatnonzero(field.hip == 11767)[0])
    assert field.elevation_deg[polaris] == pytest.approx(62.44, abs=0.75)
    assert abs((field.azimuth_deg[polaris] + 180) % 360 - 180) < 1.6


def test_the_simulators_stars_stand_where_skyfields_do() -> None:
    """Precession, sidereal time and refraction by hand against Skyfield: 0.02° above 10°."""
    field = Observatory(62.4333, -114.35).stars(AT)
    field = field.chosen((field.hip > 0) & (field.elevation_deg > 10))
    night_sky = NightSky(latitude_deg=62.4333, sidereal_deg=sidereal_deg(-114.35, AT), year=2024.11)
    azimuth, elevation, _, _ = star_places(night_sky)
    cosine = _vector(field.azimuth_deg, field.elevation_deg) @ _vector(azimuth, elevation).T
    assert np.degrees(np.arccos(np.clip(cosine, -1, 1))).min(axis=1).max() < 0.02


def test_planets_are_among_them() -> None:
    """Jupiter, brighter than any star but one, stands in the field of an evening when it is up."""
    field = Observatory(62.4333, -114.35).stars(datetime(2024, 1, 10, 2, tzinfo=UTC))
    assert (field.hip[:3] == 0).any()


def test_air_takes_more_light_low_down() -> None:
    """One air mass in the zenith, two at 30°, some 38 at the horizon (Kasten & Young 1989)."""
    assert air_mass(np.array([90.0, 30.0, 0.0])) == pytest.approx([1.0, 2.0, 38.0], rel=0.02)
