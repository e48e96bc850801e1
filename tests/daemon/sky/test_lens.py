"""The lens: every direction has its place on the disc and back, and the simulator's lens agrees."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.observation import Lens, Orientation
from daemon.sky.lens import edge_elevation_deg, project, unproject
from training.simulator.lens import places
from training.simulator.scene_types import Lens as SimulatedLens
from training.simulator.scene_types import Optics

AZIMUTH, ELEVATION = (plane.ravel() for plane in np.meshgrid(np.arange(0, 360, 10.0), np.arange(1, 90, 8.0)))


@given(
    north=st.floats(0, 360),
    east_left=st.booleans(),
    b=st.floats(-0.15, 0.1),
    x=st.floats(-0.1, 0.1),
    tilt=st.floats(0, 10),
    toward=st.floats(0, 360),
)
def test_directions_come_back(
    north: float, east_left: bool, b: float, x: float, tilt: float, toward: float
) -> None:
    """Sky → disc → sky is the identity for any lens that a camera may have."""
    lens = Lens(1.1, b, x, -x / 2, tilt, toward)
    turned = Orientation(north, east_left, lens=lens)
    azimuth, elevation = unproject(*project(AZIMUTH, ELEVATION, turned), turned)
    across = np.cos(np.radians(ELEVATION)) * ((azimuth - AZIMUTH + 180) % 360 - 180)
    assert np.abs(across).max() < 1e-5
    assert np.abs(elevation - ELEVATION).max() < 1e-5


@pytest.mark.parametrize("east_left", [True, False])
def test_the_simulators_lens_is_the_same(east_left: bool) -> None:
    """Two implementations that share no code put every direction on the same place."""
    optics = Optics(1.13, -0.11, 0.02, -0.03, 4.0, 200.0)
    drawn = SimulatedLens(north_deg=40.0, east_left=east_left, radius=0.9, optics=optics)
    x, y = places(drawn, 720, AZIMUTH, ELEVATION)
    lens = Lens(1.13, -0.11, 0.02, -0.03, 4.0, 200.0)
    at_x, at_y = project(AZIMUTH, ELEVATION, Orientation(40.0, east_left, lens=lens))
    assert np.allclose((x + 0.5 - 360) / 324, at_x, atol=1e-9)
    assert np.allclose((y + 0.5 - 360) / 324, at_y, atol=1e-9)


def test_without_a_lens_old_settings_mean_what_they_meant() -> None:
    """An orientation without a lens is equidistant, zenith at the centre, its edge where it was set."""
    turned = Orientation(0.0, True, edge_elevation_deg=6.0)
    x, y = project(np.array([0.0, 90.0]), np.array([6.0, 48.0]), turned)
    assert np.allclose(x, [0.0, -0.5])
    assert np.allclose(y, [-1.0, 0.0])
    assert edge_elevation_deg(turned) == pytest.approx(6.0)


def test_the_edge_of_a_bent_lens() -> None:
    """AuroraMAX's disc ends some 3° above the horizon, by the lens that its stars show."""
    assert edge_elevation_deg(Orientation(25.3, lens=Lens(1.132, -0.111))) == pytest.approx(2.5, abs=1.0)
