"""Made scenes with all that is known of them: the six classes of OATH, the factors they were drawn from, boxes.

Every scene is drawn with its aurora and without, so aurora and its absence share camera and weather.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from models.labels import FORMS
from models.preprocess import SIDE, Pixels, disc_mask, shrink
from training.data.items import SEEN, heat_of, label_of
from training.data.made_skies import CLEAR_BELOW, CLOUDY_ABOVE
from training.simulator.cameras import lens, sensor
from training.simulator.night_sky import moon_level
from training.simulator.render import Truth, draw, draw_pair
from training.simulator.scene import random_scene
from training.simulator.scene_types import Aurora, Cloud, Form, Scene
from training.simulator.shown import shown_forms

CLASSES: Final = ("arc", "diffuse", "discrete", "cloudy", "moon", "clear")
"""OATH's six, in its order."""
MOONLIT: Final = 0.15
"""Share of a full moon's light from which a sky without aurora is the moon's."""
FACTORS: Final = ("sun altitude", "moon altitude", "cloud cover", "brightness", "place of the arc", "north")
"""What :func:`factor_scene` draws independently of each other."""
LEAST_CELLS: Final = 4
"""Cells of the 60 × 60 truth that make a box."""
HEAT_SIDE: Final = 60

Draw = np.random.Generator
Boxes = npt.NDArray[np.float32]


def class_of(scene: Scene, truth: Truth, lit: bool) -> int:
    """The scene's class by OATH's words, -1 where two people would differ.

    With aurora: an arc across the sky, diffuse (veils and patches alone), else discrete. Without: cloud over most
    of the sky, else the moon's light, else clear.
    """
    if lit:
        label = label_of(truth.contrast)
        return _form_class(scene) if label == 1 else (-1 if label < 0 else class_of(scene, truth, False))
    if truth.cloud_share > CLOUDY_ABOVE:
        return CLASSES.index("cloudy")
    if truth.cloud_share > CLEAR_BELOW:
        return -1
    return CLASSES.index("moon" if moon_level(scene.night_sky) > MOONLIT else "clear")


def _form_class(scene: Scene) -> int:
    shown = dict(zip(FORMS, shown_forms(scene).tolist(), strict=True))
    sharp = [name for name in ("arc", "band", "rays", "corona") if shown[name] == 1]
    if sharp == ["arc"]:
        return CLASSES.index("arc")
    if sharp:
        return CLASSES.index("discrete")
    return CLASSES.index("diffuse") if shown["diffuse"] == 1 or shown["patches"] == 1 else -1


def scene_pair(rng: Draw) -> tuple[list[Pixels], list[int], list[int], npt.NDArray[np.uint8]]:
    """One random scene without aurora and with it: pictures (240, 240, 3), aurora (1, 0, -1), class, and where the
    second shows aurora, (60, 60).
    """
    scene = random_scene(rng, aurora=True)
    lit, bare = draw_pair(scene, SIDE)
    pictures = [shrink(bare.square), shrink(lit.square)]
    label = label_of(lit.truth.contrast)
    kinds = [class_of(scene, bare.truth, False), class_of(scene, lit.truth, True)]
    heat = heat_of(bare.square, lit.square) if label else np.zeros((HEAT_SIDE, HEAT_SIDE), np.uint8)
    return pictures, [0, label], kinds, heat


def boxes_of(heat: npt.NDArray[np.uint8], side: int) -> Boxes:
    """The boxes (N, 4) x0 y0 x1 y1 in pixels of a picture of ``side`` around each connected piece of the truth."""
    shown = ((heat / 255 >= SEEN) & disc_mask(SIDE)[::4, ::4]).astype(np.uint8)
    count, _, stats, _ = cv2.connectedComponentsWithStats(shown, connectivity=8)
    kept = [stats[i] for i in range(1, count) if stats[i][cv2.CC_STAT_AREA] >= LEAST_CELLS]
    scale = side / heat.shape[0]
    corners = [(x * scale, y * scale, (x + w) * scale, (y + h) * scale) for x, y, w, h, _ in kept]
    return np.array(corners, np.float32).reshape(-1, 4)


def factor_scene(rng: Draw, side: int) -> tuple[Pixels, npt.NDArray[np.float32]]:
    """A picture by one camera with six factors drawn evenly and independently, and the factors (6,)."""
    sun, moon = rng.uniform(-30, -6), rng.uniform(-25, 50)
    cover, bright = rng.uniform(0, 0.95), rng.uniform(np.log(0.03), np.log(0.6))
    north_km, north = rng.uniform(-250, 350), rng.uniform(-60, 60)
    drawn = np.array([sun, moon, cover, bright, north_km, north], np.float32)
    scene = _one_camera()
    form = Form("arc", float(np.exp(bright)), float(north_km), rays=0.1, patch=0.2, seed=5)
    night_sky = replace(
        scene.night_sky, sun_altitude_deg=float(sun), moon_altitude_deg=float(moon), moon_phase_deg=120.0
    )
    scene = replace(
        scene,
        lens=replace(scene.lens, north_deg=float(north)),
        night_sky=night_sky,
        clouds=(Cloud(cover=float(cover), depth=1.2, seed=3),),
        aurora=Aurora(forms=(form,)),
    )
    return shrink(draw(scene, side).square, side), drawn


def _one_camera() -> Scene:
    rng = np.random.default_rng(7)
    name = "auroramax-2022"
    return Scene(lens=lens(rng, name), sensor=sensor(rng, name))
