"""The made sky keeps its word: repeatable, labelled by the stated criterion, paired, fast."""

from __future__ import annotations

import time
from dataclasses import replace

import cv2
import numpy as np
import pytest

from daemon.observation import Orientation
from daemon.sky.geometry import direction
from training.simulator import lens as optics
from training.simulator.aurora_forms import arc
from training.simulator.cameras import GENERATIONS
from training.simulator.render import CONTRAST, draw, draw_pair, truth, without_aurora
from training.simulator.scene import random_scene
from training.simulator.scene_types import Aurora, Cloud, Lens, NightSky, Scene, Sensor, Town

QUIET = Sensor(noise=0.0, jpeg=0, video=0.0, blur=0.0)


def _scene(brightness: float, *, north_km: float = 0.0, clouds: tuple[Cloud, ...] = ()) -> Scene:
    form = replace(arc(np.random.default_rng(3), 1.0, north_km, 0.1), brightness=brightness)
    return Scene(
        lens=Lens(north_deg=0.0, trees=0),
        sensor=QUIET,
        night_sky=NightSky(milky_way=0.0, stars=0.0),
        town=Town(on_cloud=0.02),
        clouds=clouds,
        aurora=Aurora(forms=(form,), declination_deg=0.0),
    )


@pytest.mark.parametrize("camera", GENERATIONS)
def test_the_same_scene_gives_the_same_bytes(camera: str) -> None:
    """Same seed, same picture and truth; another seed, another picture."""
    first, again, other = (
        draw(random_scene(np.random.default_rng(seed), aurora=True, camera=camera), 96) for seed in (5, 5, 6)
    )
    assert np.array_equal(first.square, again.square)
    assert first.truth == again.truth
    assert not np.array_equal(first.square, other.square)


def test_contrast_grows_with_brightness_and_crosses_the_criterion() -> None:
    """Brighter aurora never has less contrast; it is called visible exactly from the criterion on."""
    seen = [truth(_scene(b)) for b in (0.0001, 0.0005, 0.002, 0.008, 0.03, 0.12)]
    contrasts = [t.contrast for t in seen]
    assert contrasts == sorted(contrasts)
    assert [t.aurora for t in seen] == [c >= CONTRAST for c in contrasts]
    assert not seen[0].aurora
    assert seen[-1].aurora


def test_overcast_hides_aurora_and_is_called_obscured() -> None:
    """An arc seen in clear air vanishes behind thick overcast, whose sky is obscured, not clear."""
    thick = Cloud(cover=0.999, depth=9.0, softness=3.0)
    clear, hidden = truth(_scene(0.01)), truth(_scene(0.01, clouds=(thick,)))
    assert clear.aurora
    assert not clear.obscured
    assert hidden.contrast < clear.contrast / 4
    assert hidden.obscured
    assert hidden.cloud_share > 0.9 > 0.1 > clear.cloud_share


def test_a_pair_differs_only_where_the_aurora_is() -> None:
    """With and without aurora share background, grain and camera: far from the arc not one pixel differs."""
    scene = replace(_scene(0.2, north_km=500.0), sensor=replace(QUIET, noise=1.5))
    lit, bare = draw_pair(scene, 160)
    assert lit.truth.aurora
    assert not bare.truth.aurora
    apart = cv2.absdiff(lit.square, bare.square).max(axis=2)
    assert apart.max() > 30
    assert np.array_equal(lit.square[120:], bare.square[120:])
    assert bare.square[120:].any()
    assert np.array_equal(bare.square, draw(without_aurora(scene), 160).square)


def test_the_brightest_part_lies_where_it_was_put() -> None:
    """An arc 300 km to the magnetic north, with no declination, is found low in the north."""
    found = truth(_scene(0.2, north_km=300.0))
    assert found.azimuth_deg is not None
    assert found.elevation_deg is not None
    assert min(found.azimuth_deg, 360 - found.azimuth_deg) < 75
    assert 5 < found.elevation_deg < 45


@pytest.mark.parametrize("east_left", [True, False])
def test_the_lens_agrees_with_the_daemon_on_directions(east_left: bool) -> None:
    """Azimuth and elevation of a point of the disc are the daemon's own."""
    lens = Lens(north_deg=25.0, east_left=east_left)
    orientation = Orientation(north_deg=25.0, east_left=east_left)
    for x, y in ((0.3, -0.4), (-0.7, 0.1), (0.0, 0.5)):
        assert optics.direction(lens, x, y) == pytest.approx(direction(x, y, orientation), abs=1e-6)


def test_outside_the_circle_all_is_black() -> None:
    """The square is masked as the daemon masks it: nothing outside the disc, camera noise included."""
    square = draw(random_scene(np.random.default_rng(11), aurora=True), 120).square
    axis = (np.arange(120) + 0.5) / 60 - 1
    outside = np.hypot(*np.meshgrid(axis, axis)) > 1.001
    assert not square[outside].any()


def test_random_scenes_are_of_every_kind() -> None:
    """Sixty scenes hold visible and invisible aurora, clear and obscured skies, dark and bright pictures."""
    drawn = [draw(random_scene(np.random.default_rng([1, i]), aurora=True), 64) for i in range(60)]
    levels = [float(d.square.mean()) for d in drawn]
    assert 0.5 < np.mean([d.truth.aurora for d in drawn]) < 0.98
    assert any(d.truth.obscured for d in drawn)
    assert any(d.truth.cloud_share < 0.1 for d in drawn)
    assert min(levels) < 15
    assert max(levels) > 90


def test_drawing_is_fast_enough_to_train_from() -> None:
    """Half of 30 scenes at 160 pixels take less than 150 ms of processor each, caches warm (some 20 ms alone)."""
    scenes = [random_scene(np.random.default_rng([2, i]), aurora=True) for i in range(30)]
    draw(scenes[0], 160)
    spent = []
    for scene in scenes:
        before = time.thread_time()
        draw(scene, 160)
        spent.append(time.thread_time() - before)
    assert float(np.median(spent)) < 0.15
