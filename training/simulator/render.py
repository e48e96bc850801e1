"""A scene becomes a picture and its truth.

Aurora counts as visible by a stated criterion, measured at 96 pixels a side, before noise and
coding, but after cloud and the camera's tone curve. The contrast of a pixel is ``change / (level + 30)``:
``level`` is the grey level without aurora, ``change`` what aurora adds to the grey level or, if that
is more, 1.5 times what it adds to green over the mean of red and blue; each less 0.7 of its mean
over the sky, since light that is the same everywhere cannot be told from haze. The contrast of
the frame is the one exceeded over ``AREA`` (0.6 %) of the disc; aurora is visible where that
is at least ``CONTRAST`` (0.12): some 4 levels over black, 15 over a moonlit sky of 95, set by looking.
Frames between half and twice the criterion are ``marginal``: two people would differ over them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from daemon.observation import Picture
from training.simulator.aurora import aurora_light
from training.simulator.camera import develop, through_dome, tone
from training.simulator.cloud import air_glow, through_cloud, veil
from training.simulator.lens import Grid, direction, grid, sky_mask
from training.simulator.night_sky import night_sky_light, stars
from training.simulator.noise import Plane
from training.simulator.scene_types import Form, Scene

CONTRAST = 0.12
AREA = 0.006
FLOOR_LEVELS = 30.0
EVEN = 0.7
GREY = (1 / 3, 1 / 3, 1 / 3)
GREEN_EXCESS = (-0.75, 1.5, -0.75)
OBSCURED_SHARE = 0.75
TRUTH_SIDE = 96
FULL = 250
"""From this level on a pixel is full: nothing can be told apart in it."""


@dataclass(frozen=True)
class Truth:
    """What the picture shows. ``area`` is the share of the disc above the criterion; ``forms`` in
    order of brightness; ``cloud_share`` 0..1 of the sky hidden; directions are of the brightest part,
    None without aurora.
    """

    aurora: bool
    marginal: bool
    contrast: float
    area: float
    forms: tuple[str, ...]
    cloud_share: float
    obscured: bool
    azimuth_deg: float | None
    elevation_deg: float | None


@dataclass(frozen=True, eq=False)
class Drawn:
    """``square`` (side, side, 3) uint8 BGR, black outside the circle, and its truth."""

    square: Picture
    truth: Truth


@dataclass(frozen=True, eq=False)
class _Layers:
    """Light before the camera: ``behind`` all but aurora, ``aurora`` or None, ``hidden`` by cloud."""

    behind: Plane
    aurora: Plane | None
    through: Plane
    hidden: Plane
    side: int


def without_aurora(scene: Scene) -> Scene:
    """The same sky, camera and noise with no aurora in it."""
    return replace(scene, aurora=replace(scene.aurora, forms=()))


def _layers(scene: Scene, work: int) -> _Layers:
    """Everything but stars and contrails, which need the picture's own resolution."""
    through, cloud_light, hidden = veil(scene, work)
    behind: Plane = (night_sky_light(scene, work) + air_glow(scene, work)) * through[..., None] + cloud_light
    aurora = aurora_light(scene, work)
    if aurora is not None:
        aurora = through_cloud(aurora, through)
    hidden = np.maximum(hidden, scene.dome.snow)
    return _Layers(np.asarray(behind, np.float32), aurora, through, np.asarray(hidden, np.float32), work)


def _sharp(layers: _Layers, scene: Scene, side: int) -> _Layers:
    """The layers at the picture's resolution, with what is finer than they are."""
    behind, through, aurora = layers.behind, layers.through, layers.aurora
    if layers.side != side:
        behind, through = _enlarged(behind, side), _enlarged(through, side)
        aurora = None if aurora is None else _enlarged(aurora, side)
    if scene.night_sky.stars > 0 and float(through.max()) > 0.2:
        behind = behind + stars(scene, side) * through[..., None]
    if scene.dome.contrail > 0:
        behind = behind + _contrail(scene, grid(scene.lens, side))
    return replace(layers, behind=behind, aurora=aurora, through=through, side=side)


def _small(layers: _Layers) -> _Layers:
    """The layers at the size the truth is measured at."""
    if layers.side == TRUTH_SIDE:
        return layers
    behind, through, hidden = (
        np.asarray(cv2.resize(p, (TRUTH_SIDE, TRUTH_SIDE), interpolation=cv2.INTER_AREA), np.float32)
        for p in (layers.behind, layers.through, layers.hidden)
    )
    aurora = layers.aurora
    if aurora is not None:
        small = cv2.resize(aurora, (TRUTH_SIDE, TRUTH_SIDE), interpolation=cv2.INTER_AREA)
        aurora = np.asarray(small, dtype=np.float32)
    return _Layers(behind, aurora, through, hidden, TRUTH_SIDE)


def _enlarged(plane: Plane, side: int) -> Plane:
    return np.asarray(cv2.resize(plane, (side, side), interpolation=cv2.INTER_LINEAR), dtype=np.float32)


def _contrail(scene: Scene, g: Grid) -> Plane:
    rng = np.random.default_rng([scene.dome.seed, 41])
    angle, at, wide = rng.uniform(0, 2 * np.pi), rng.uniform(-0.7, 0.7), rng.uniform(0.004, 0.03)
    far = 1 / (g.vz + np.float32(0.15))
    across = (g.vx * np.float32(np.cos(angle)) + g.vy * np.float32(np.sin(angle))) * far - np.float32(at)
    shape = np.exp(-((across / np.float32(wide * 2)) ** 2)) * np.float32(scene.dome.contrail)
    return np.asarray(shape[..., None] * np.array([1, 0.98, 0.97], np.float32), dtype=np.float32)


def _levels(light: Plane, scene: Scene, side: int) -> Plane:
    return tone(through_dome(light, scene, side), scene.sensor)


def _contrast(dark: Plane, lit: Plane, sky: npt.NDArray[np.bool_]) -> Plane:
    """Contrast of every pixel by the module's criterion, from grey levels (side, side, 3) BGR."""
    before, after = cv2.blur(dark, (3, 3)), cv2.blur(lit, (3, 3))
    changes = [(after - before) @ np.array(w, np.float32) for w in (GREY, GREEN_EXCESS)]
    if sky.any():
        changes = [change - EVEN * float(change[sky].mean()) for change in changes]
    level = before @ np.array(GREY, np.float32)
    return np.asarray(np.maximum(*changes) / (level + FLOOR_LEVELS), dtype=np.float32)


def _truth(scene: Scene, layers: _Layers) -> Truth:
    layers = _small(layers)
    side, g = layers.side, grid(scene.lens, layers.side)
    sky = sky_mask(scene.lens, side) * (g.r < 1) * g.square > 0.5
    share = float(layers.hidden[sky].mean()) if sky.any() else 1.0
    cloudy = share >= OBSCURED_SHARE
    if layers.aurora is None:
        return Truth(False, False, 0.0, 0.0, (), share, cloudy, None, None)
    dark = _levels(layers.behind, scene, side)
    lit = _levels(layers.behind + layers.aurora, scene, side)
    contrast = np.where(sky, _contrast(dark, lit, sky), 0)
    reached = _reached(contrast, g.square > 0)
    area = float((contrast[g.square > 0] >= CONTRAST).mean())
    names = [f.kind for f in sorted(scene.aurora.forms, key=lambda f: -f.brightness) if f.brightness > 0]
    row, column = np.unravel_index(int(np.argmax(contrast)), contrast.shape)
    azimuth, elevation = direction(scene.lens, float(g.x[row, column]), float(g.y[row, column]))
    visible = reached >= CONTRAST
    return Truth(
        aurora=visible,
        marginal=CONTRAST / 2 <= reached < CONTRAST * 2,
        contrast=reached,
        area=area,
        forms=tuple(dict.fromkeys(names)),
        cloud_share=share,
        obscured=cloudy and not visible,
        azimuth_deg=azimuth,
        elevation_deg=elevation,
    )


class Alone:
    """What some of a scene's forms alone would show of themselves, with the rest of the sky as it is."""

    side = TRUTH_SIDE

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.layers = _layers(without_aurora(scene), TRUTH_SIDE)
        self.sky = sky_mask(scene.lens, TRUTH_SIDE) * (grid(scene.lens, TRUTH_SIDE).r < 1) > 0.5
        self.inside = grid(scene.lens, TRUTH_SIDE).square > 0
        self.dark = _levels(self.layers.behind, scene, TRUTH_SIDE)
        self._seen: dict[tuple[Form, ...], tuple[Plane, Plane]] = {}

    def contrast(self, forms: Sequence[Form], where: Plane | None = None) -> float:
        """The frame's contrast by the module's criterion with only these forms; 0 with none.

        With ``where`` (side, side) the light outside it does not count.
        """
        contrast = self.seen(forms)[1]
        return _reached(contrast if where is None else contrast * where, self.inside)

    def seen(self, forms: Sequence[Form]) -> tuple[Plane, Plane]:
        """With only these forms: grey levels (side, side, 3) BGR, and the contrast of every pixel (side, side)."""
        key = tuple(forms)
        if (
            key not in self._seen
        ):  # the same forms are asked for their contrast, their clearness and their place
            self._seen[key] = self._drawn(key)
        return self._seen[key]

    def _drawn(self, forms: tuple[Form, ...]) -> tuple[Plane, Plane]:
        alone = replace(self.scene, aurora=replace(self.scene.aurora, forms=forms))
        light = aurora_light(alone, TRUTH_SIDE)
        if light is None:
            return self.dark, np.zeros_like(self.layers.through)
        lit = _levels(self.layers.behind + through_cloud(light, self.layers.through), self.scene, TRUTH_SIDE)
        sky = self.sky & self.inside
        return lit, np.where(sky, _contrast(self.dark, lit, sky), 0)

    def clearness(self, forms: Sequence[Form]) -> float:
        """Share of these forms' visible light that no cloud stands before and no pixel is full of, 0 to 1."""
        lit, contrast = self.seen(forms)
        visible = np.where(contrast >= CONTRAST / 2, contrast, 0)
        clear = (lit.max(axis=2) < FULL) * self.layers.through
        return float((visible * clear).sum() / max(float(visible.sum()), 1e-9))


def _reached(contrast: Plane, inside: npt.NDArray[np.bool_]) -> float:
    """The contrast that ``AREA`` of the disc exceeds."""
    values = contrast[inside]
    place = max(1, round(AREA * values.size))
    return float(np.partition(values, values.size - place)[values.size - place])


def _work_side(side: int) -> int:
    """Soft things of large pictures are drawn at half size: nothing in them is finer."""
    return side if side <= 320 else side // 2


def draw(scene: Scene, side: int = 240) -> Drawn:
    """The scene's picture of ``side`` pixels, and its truth. The same scene gives the same bytes."""
    layers = _layers(scene, _work_side(side))
    sharp = _sharp(layers, scene, side)
    light = sharp.behind if sharp.aurora is None else sharp.behind + sharp.aurora
    return Drawn(_developed(light, scene, side), _truth(scene, layers))


def draw_pair(scene: Scene, side: int = 240) -> tuple[Drawn, Drawn]:
    """(with, without) aurora: one background, one grain, one camera."""
    layers = _layers(scene, _work_side(side))
    sharp = _sharp(layers, scene, side)
    bare = Drawn(_developed(sharp.behind, scene, side), _truth(scene, replace(layers, aurora=None)))
    if sharp.aurora is None:
        return bare, bare
    return Drawn(_developed(sharp.behind + sharp.aurora, scene, side), _truth(scene, layers)), bare


def truth(scene: Scene) -> Truth:
    """The truth alone, from a small drawing: several times cheaper than ``draw``."""
    return _truth(scene, _layers(scene, TRUTH_SIDE))


def _developed(light: Plane, scene: Scene, side: int) -> Picture:
    return develop(_levels(light, scene, side), scene, grid(scene.lens, side).square)


__all__ = ["Alone", "Drawn", "Truth", "draw", "draw_pair", "truth", "without_aurora"]
