"""The truth about forms is what a picture shows of them, and not how they were made."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.labels import FORMS, FormName
from training.simulator.apparent import rayedness, throw_deg
from training.simulator.aurora_forms import arc, patches, veil
from training.simulator.scene_types import Aurora, Cloud, Form, Lens, NightSky, Scene, Sensor, Town
from training.simulator.shown import UNJUDGED, shown_forms


def curtain(north_km: float = 0.0, fold_km: float = 4.0, rays: float = 0.0, seed: int = 3) -> Form:
    """One plain curtain from horizon to horizon."""
    form = arc(np.random.default_rng(seed), 0.08, north_km, 0.1)
    form = replace(
        form, slope=0.0, bend=0.0, curls=0, threads=0.0, patch=0.0, width_km=8.0, trail=2.0, east_km=0.0
    )
    return replace(form, fold_km=fold_km, fold_scale_km=200.0, length_km=4000.0, rays=rays)


def shown(*forms: Form, clouds: tuple[Cloud, ...] = (), gain: float = 1.0) -> dict[FormName, int]:
    """What a quiet sky with these forms shows."""
    scene = Scene(
        lens=Lens(trees=0),
        sensor=Sensor(noise=0.0, jpeg=0, blur=0.0, gain=gain),
        night_sky=NightSky(milky_way=0.0, stars=0.0),
        town=Town(on_cloud=0.02),
        clouds=clouds,
        aurora=Aurora(forms=forms, declination_deg=0.0, red=0.0, fringe=0.0),
    )
    return dict(zip(FORMS, (int(one) for one in shown_forms(scene)), strict=True))


def test_a_straight_line_is_an_arc_and_nothing_else() -> None:
    """Overhead, without folds or rays."""
    assert shown(curtain()) == {name: int(name == "arc") for name in FORMS}


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_a_fold_is_a_band_overhead_and_an_arc_at_the_horizon(seed: int) -> None:
    """The same folds of some eighty kilometres: loops above the camera, a smooth line low in the north."""
    near, far = curtain(fold_km=80, seed=seed), curtain(north_km=800, fold_km=80, seed=seed)
    assert throw_deg(near) > 4 * throw_deg(far)
    assert (shown(near)["band"], shown(near)["arc"]) == (1, 0)
    assert (shown(far)["band"], shown(far)["arc"]) == (0, 1)


def test_rays_are_told_where_a_pixel_still_shows_them() -> None:
    """Strong rays are rays near the camera and a glow at the horizon."""
    near, far = curtain(north_km=60, rays=1.0), curtain(north_km=900, rays=1.0)
    assert rayedness(near) > 0.8 > 0.25 > rayedness(far)
    assert (shown(near)["rays"], shown(far)["rays"]) == (1, 0)
    assert rayedness(curtain()) == 0


def test_a_corona_stands_around_the_magnetic_zenith() -> None:
    """Rays on all sides of it are a corona; one thin rayed arc through it is not."""
    thin = replace(curtain(north_km=-18, rays=1.0), width_km=3.0, trail=1.2)
    around = [
        replace(curtain(north_km=north, rays=1.0), width_km=25.0, trail=2.0) for north in (-70, -18, 40)
    ]
    assert shown(thin)["corona"] != 1
    assert shown(*around)["corona"] == 1


def test_what_over_exposure_hides_is_not_judged() -> None:
    """In a picture that is full of light no form can be told, and none is denied."""
    form = replace(curtain(rays=1.0), brightness=0.3)
    assert shown(form)["rays"] == 1
    assert shown(form, gain=60.0)["rays"] == UNJUDGED


def test_patches_and_veils_are_what_they_are_made_as() -> None:
    """Diffuse light and islands are told by their kind; a hidden aurora shows nothing."""
    rng = np.random.default_rng(1)
    assert shown(veil(rng, 0.2, 0.0))["diffuse"] == 1
    assert shown(patches(rng, 0.3, 0.0))["patches"] == 1
    overcast = (Cloud(cover=1.0, depth=9.0, softness=0.1),)
    assert set(shown(replace(curtain(), brightness=0.002), clouds=overcast).values()) == {0}
