"""Skies cut from real keograms, and made aurora over those that show none: items of a bank."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from models.preprocess import Pixels, disc_mask
from training.data.items import Item, heat_of, label_of, no_heat
from training.data.keogram import (
    Label,
    Span,
    cut_sky,
    draw_cut,
    greenness,
    is_held_out,
    read_keogram,
    read_labels,
)
from training.data.made_skies import bare_scene
from training.simulator.aurora import aurora_light
from training.simulator.aurora_forms import random_aurora
from training.simulator.camera import develop, tone
from training.simulator.cloud import through_cloud
from training.simulator.lens import grid, sky_mask
from training.simulator.night_sky import stars
from training.simulator.noise import sample, tile
from training.simulator.render import AREA, FLOOR_LEVELS
from training.simulator.scene_types import Scene

Draw = np.random.Generator


class Season:
    """The labelled keograms to train on in memory, and spans of them drawn evenly over nights."""

    def __init__(self, folder: Path) -> None:
        spans = [span for span in read_labels() if not is_held_out(span.night)]
        self.pictures = {night: read_keogram(folder, night) for night in sorted({s.night for s in spans})}
        self.green = {night: greenness(picture) for night, picture in self.pictures.items()}
        self.spans: dict[Label, dict[str, list[Span]]] = {"aurora": {}, "none": {}, "obscured": {}}
        for span in spans:
            self.spans[span.label].setdefault(span.night, []).append(span)

    def pick(self, rng: Draw, label: Label, night: str | None = None) -> Span:
        """A span with the label, of the night if it has one, long spans more often."""
        of_label = self.spans[label]
        if night is None or night not in of_label:
            night = list(of_label)[int(rng.integers(len(of_label)))]
        spans = of_label[night]
        weight = np.sqrt([len(span) for span in spans])
        return spans[int(rng.choice(len(spans), p=weight / weight.sum()))]

    def sky(self, rng: Draw, span: Span, side: int) -> Pixels:
        """A disc cut from the span."""
        green = self.green[span.night] if span.label == "aurora" else None
        return cut_sky(self.pictures[span.night], draw_cut(rng, span, green), side)


def _negative(rng: Draw, season: Season, night: str | None = None) -> Span:
    return season.pick(rng, "none" if rng.random() < 0.45 else "obscured", night)


def _lit_from(picture: Pixels, scene: Scene) -> npt.NDArray[np.float32]:
    """Light that the scene's camera, near enough, would have rendered as this picture."""
    levels = np.arange(4096, dtype=np.float32) / 4095 * 4
    as_shown = tone(levels[:, None, None].repeat(3, axis=2), scene.sensor)[:, 0, 1]
    table = np.interp(np.arange(256), as_shown, levels).astype(np.float32)
    return np.asarray(table[picture], dtype=np.float32)


def _shown(light: npt.NDArray[np.float32], scene: Scene, side: int) -> Pixels:
    """The scene's camera: skyline, tone, noise, coding."""
    g = grid(scene.lens, side)
    masked = light * sky_mask(scene.lens, side)[..., None]
    shown = develop(tone(masked, scene.sensor), scene, g.square)
    shown[~disc_mask(side)] = 0
    return shown


def keogram(rng: Draw, season: Season, side: int) -> Item:
    """Real aurora and a real sky without, often of the same night, seen by one camera."""
    yes = season.pick(rng, "aurora")
    no = _negative(rng, season, yes.night if rng.random() < 0.5 else None)
    scene = bare_scene(rng)
    pictures = []
    for span in (no, yes):
        light = _lit_from(season.sky(rng, span, side), scene)
        if span.clear:
            light += stars(scene, side)
        pictures.append(_shown(light, scene, side))
    sky = int(yes.clear) if yes.clear == no.clear else -1
    faint = "faint" in yes.note
    return Item(pictures, [0, 1], sky=sky, contrast=0.3 if faint else 1.0, night=yes.night, source="keogram")


def overlaid(rng: Draw, season: Season, side: int) -> Item:
    """A real sky without aurora, and made aurora over it, through its cloud where there is some."""
    span = _negative(rng, season)
    scene = bare_scene(rng)
    light = _lit_from(season.sky(rng, span, side), scene)
    if span.clear:
        light += stars(scene, side)
    level = float(np.median(light[disc_mask(side)]))
    scene = replace(scene, aurora=random_aurora(rng, level, 1.0))
    glow = aurora_light(scene, side)
    assert glow is not None, "random_aurora draws some"
    if not span.clear:
        glow = through_cloud(glow, _cloud_veil(rng, scene, side))
    with_glow = np.asarray(light + glow, dtype=np.float32)
    bare, lit = _shown(light, scene, side), _shown(with_glow, scene, side)
    contrast = _contrast(light, with_glow, scene, side)
    label = label_of(contrast)
    heat = heat_of(bare, lit) if label else no_heat()
    return Item(
        [bare, lit],
        [0, label],
        sky=int(span.clear),
        contrast=contrast,
        heat=heat,
        night=span.night,
        source="overlaid",
    )


def _cloud_veil(rng: Draw, scene: Scene, side: int) -> npt.NDArray[np.float32]:
    """How much light the cloud lets through: uneven, by chance mostly thin or with gaps."""
    g = grid(scene.lens, side)
    lumps = sample(
        tile(int(rng.integers(0, 20)), 2.8),
        g.x * np.float32(rng.uniform(0.1, 0.8)) + np.float32(rng.uniform(0, 1)),
        g.y * np.float32(rng.uniform(0.1, 0.8)) + np.float32(rng.uniform(0, 1)),
    )
    depth = np.exp(rng.uniform(np.log(0.15), np.log(3.0)))
    return np.asarray(np.exp(-depth * np.clip(1 + 0.8 * lumps, 0, 3)), dtype=np.float32)


def _contrast(
    before: npt.NDArray[np.float32], after: npt.NDArray[np.float32], scene: Scene, side: int
) -> float:
    """The simulator's criterion (``training/simulator/render.py``) on these two."""
    sky = sky_mask(scene.lens, side) * grid(scene.lens, side).square > 0.5
    dark, lit = (cv2.blur(tone(one, scene.sensor).mean(axis=2), (5, 5)) for one in (before, after))
    contrast = np.where(sky, (lit - dark) / (dark + FLOOR_LEVELS), 0)[disc_mask(side)]
    return float(np.quantile(contrast, 1 - AREA))
