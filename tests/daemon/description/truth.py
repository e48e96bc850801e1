"""Skies of the simulator with the mask and the light that really are in them, small and quick."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import cv2
import numpy as np
import numpy.typing as npt

from daemon.description.sky_grid import SIDE
from daemon.observation import Mask, Orientation, Picture, Prediction
from training.simulator import render
from training.simulator.scene_types import Aurora, Form, NightSky, Scene
from training.simulator.scene_types import Lens as SimulatedLens

AT = datetime(2024, 2, 10, 5, 0, tzinfo=UTC)
NORTH_UP = Orientation(north_deg=0.0)


@dataclass(frozen=True, eq=False)
class Sky:
    """A picture (240, 240, 3), the mask (60, 60) of what is visible in it, and the grey levels aurora adds (60, 60)."""

    square: Picture
    mask: Mask
    added: npt.NDArray[np.float64]

    def prediction(self, **changed: object) -> Prediction:
        """What a model that is always right would say."""
        certain = Prediction(
            logits=np.zeros(4, np.float32),
            probability=0.99,
            calibrated_probability=0.99,
            clear_probability=0.99,
            heatmap=np.eye(8, dtype=np.float32),
            model_sha256="ab" * 32,
            mask=self.mask,
        )
        return replace(certain, **changed)  # type: ignore[arg-type]


def sky(*forms: Form, seed: int = 1, night_sky: NightSky | None = None, **aurora: object) -> Sky:
    """The sky with these forms, no cloud, north up and east left; directions are geographic."""
    scene = Scene(
        lens=SimulatedLens(horizon=1.0, hills=0.0, trees=0, seed=seed),
        night_sky=night_sky or NightSky(seed=seed, milky_way=0.2),
        aurora=Aurora(forms=forms, declination_deg=0.0, **aurora),  # type: ignore[arg-type]
        seed=seed,
    )
    return of_scene(scene)


def of_scene(scene: Scene) -> Sky:
    """A scene's picture and truth, by the simulator's own criterion of what is visible."""
    layers = render._small(render._layers(scene, render.TRUTH_SIDE))
    side = layers.side
    bare = render._levels(layers.behind, scene, side)
    lit = bare if layers.aurora is None else render._levels(layers.behind + layers.aurora, scene, side)
    shown = render.sky_mask(scene.lens, side) * render.grid(scene.lens, side).square > 0.5
    contrast = np.where(shown, render._contrast(bare, lit, shown), 0)
    seen = cv2.resize(
        (contrast >= render.CONTRAST) * np.float32(1), (SIDE, SIDE), interpolation=cv2.INTER_AREA
    )
    grey = (lit - bare) @ np.array([0.114, 0.587, 0.299])
    added = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return Sky(render.draw(scene, 240).square, seen > 0.5, np.asarray(added, np.float64))
