"""Fill banks: made skies in matched pairs, real keograms as skies, made aurora over real keograms.

    aurorad-train simulate --bank runs/banks/simulated --kind simulated --count 4000 --seed 1
    aurorad-train simulate --bank runs/banks/bright --kind bright --count 700
    aurorad-train simulate --bank runs/banks/onset --kind onset --count 1000
    aurorad-train simulate --bank runs/banks/keogram --kind keogram --count 2000 --keograms DIR
    aurorad-train simulate --bank runs/banks/overlaid --kind overlaid --count 2000 --keograms DIR

Labels: a simulated frame by the simulator's stated contrast, frames between half and
twice the criterion not judged; a keogram sky by its span's label.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Final, Literal

import cv2
import numpy as np
import numpy.typing as npt

from models.preprocess import SIDE, Pixels, disc_mask
from training.data.bank import HEAT_SIDE, BankWriter
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
from training.simulator.aurora import aurora_light
from training.simulator.aurora_forms import random_aurora
from training.simulator.camera import develop, tone
from training.simulator.cameras import lens, pick, sensor
from training.simulator.cloud import through_cloud
from training.simulator.lens import grid, sky_mask
from training.simulator.night import Night, Place
from training.simulator.night_sky import stars
from training.simulator.noise import sample, tile
from training.simulator.render import AREA, CONTRAST, FLOOR_LEVELS, Truth, draw, draw_pair
from training.simulator.scene import random_scene
from training.simulator.scene_types import Heaven, Scene

Kind = Literal["simulated", "bright", "daylight", "keogram", "overlaid", "onset", "light"]
KINDS: Final[tuple[Kind, ...]] = ("simulated", "keogram", "overlaid", "bright", "daylight", "onset", "light")
CLEAR_BELOW: Final = 0.3
CLOUDY_ABOVE: Final = 0.6
"""Cloud shares that make a simulated sky clear or cloudy; between them it is not judged."""
PLAIN: Final = 3 * CONTRAST
"""Contrast at which the heat map is full."""


def fill_bank(
    path: Path,
    kind: Kind,
    count: int,
    seed: int,
    *,
    keograms: Path | None = None,
    side: int = SIDE,
    tell: Callable[[int], None] = lambda done: None,
) -> Path:
    """Fill a bank with ``count`` pairs. Held-out nights' keograms are left out.

    Raises ValueError where keograms are needed and ``keograms`` is None.
    """
    rng = np.random.default_rng([seed, KINDS.index(kind) + 1])
    writer = BankWriter(path, count, 1 if kind == "light" else 2, side)
    season = None
    if kind in ("keogram", "overlaid"):
        if keograms is None:
            raise ValueError("keogram skies need the folder of the keograms: give --keograms")
        season = Season(keograms)
    for done in range(count):
        if kind == "daylight":
            _add_daylight(writer, rng, side)
        elif kind == "onset":
            _add_onset(writer, rng, side)
        elif kind == "light":
            _add_light(writer, rng, side)
        elif season is None:
            _add_simulated(writer, rng, side, bright=kind == "bright")
        elif kind == "keogram":
            _add_keogram(writer, rng, season, side)
        else:
            _add_overlaid(writer, rng, season, side)
        if (done + 1) % 50 == 0 or done + 1 == count:
            writer.flush()
            tell(done + 1)
    return path


# ------------------------------------------------------------------------------------------ simulated


def judged(truth: Truth) -> int:
    """1 aurora, 0 none, -1 too near the criterion to say."""
    if truth.contrast >= 1.5 * CONTRAST:
        return 1
    return 0 if truth.contrast < CONTRAST / 2 else -1


def _sky_of(share: float) -> int:
    if share < CLEAR_BELOW:
        return 1
    return 0 if share > CLOUDY_ABOVE else -1


def heat_of(without: Pixels, lit: Pixels) -> npt.NDArray[np.uint8]:
    """Where aurora is plain: its contrast by the simulator's criterion, (60, 60), 255 = three times it."""
    before, after = (cv2.blur(one.mean(axis=2, dtype=np.float32), (3, 3)) for one in (without, lit))
    contrast = (after - before) / (before + FLOOR_LEVELS) / PLAIN
    small = cv2.resize(np.clip(contrast, 0, 1), (HEAT_SIDE, HEAT_SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(small * 255, dtype=np.uint8)


def _add_simulated(writer: BankWriter, rng: np.random.Generator, side: int, bright: bool) -> None:
    """One random scene with aurora, and the same without; a scene whose aurora is hidden is a negative.

    ``bright`` takes only skies of twilight or moon, where false alarms come from.
    """
    scene = random_scene(rng, aurora=True)
    while bright and scene.heaven.sun_altitude_deg < -12 and scene.heaven.moon_altitude_deg < 0:
        scene = random_scene(rng, aurora=True)
    lit, bare = draw_pair(scene, side)
    label = judged(lit.truth)
    writer.add(
        [bare.square, lit.square],
        [0, label],
        sky=_sky_of(lit.truth.cloud_share),
        contrast=lit.truth.contrast,
        heat=heat_of(bare.square, lit.square) if label else np.zeros((HEAT_SIDE, HEAT_SIDE), np.uint8),
        source=f"simulated/{scene.sensor.name}",
    )


def _add_daylight(writer: BankWriter, rng: np.random.Generator, side: int) -> None:
    """Two skies with the sun just below the horizon, too bright for aurora, as a camera that adapts sees them."""
    pictures = []
    for _ in range(2):
        scene = random_scene(rng, aurora=False)
        heaven = replace(scene.heaven, sun_altitude_deg=float(rng.uniform(-9, -1)), stars=0.0)
        scene = replace(scene, heaven=heaven)
        scene = replace(scene, sensor=replace(scene.sensor, gain=_exposure(rng, scene)))
        square = draw(scene, side).square.copy()
        square[~disc_mask(side)] = 0
        pictures.append(square)
    zero = np.zeros((HEAT_SIDE, HEAT_SIDE), np.uint8)
    writer.add(pictures, [0, 0], heat=zero, source="daylight")


def _add_onset(writer: BankWriter, rng: np.random.Generator, side: int) -> None:
    """The first minutes of a spell, when the alert should go out, and the same sky without it.

    Every frame from the criterion on counts as aurora here, also under 1.5 times it.
    """
    lit = None
    while lit is None or not lit.truth.aurora:
        night = _random_night(rng)
        first = night.first_light(step_s=120)
        if first is not None:
            lit, bare = draw_pair(night.scene(first + timedelta(minutes=float(rng.uniform(0, 6)))), side)
    writer.add(
        [bare.square, lit.square],
        [0, 1],
        sky=_sky_of(lit.truth.cloud_share),
        contrast=lit.truth.contrast,
        heat=heat_of(bare.square, lit.square),
        source=f"onset/{night.camera}",
    )


def _add_light(writer: BankWriter, rng: np.random.Generator, side: int) -> None:
    """Aurora alone, as light to lay over real skies (``training/data/transplant.py``): its square root, peak 255."""
    glow = None
    while glow is None or float(glow.max()) <= 0:
        scene = _bare_scene(rng)
        glow = aurora_light(replace(scene, aurora=random_aurora(rng, 0.05, 1.0)), side)
    peak = float(np.quantile(glow.max(axis=2)[disc_mask(side)], 0.9995))
    root = np.sqrt(np.clip(glow / max(peak, 1e-9), 0, 1))
    writer.add(
        [np.asarray(root * 255 + 0.5, np.uint8)], [1], contrast=1.0, source=f"light/{scene.sensor.name}"
    )


def _random_night(rng: np.random.Generator) -> Night:
    """Three hours of a night of the season, at a place of the auroral zone, by any camera."""
    place = Place(
        latitude_deg=float(rng.uniform(58, 72)),
        longitude_deg=float(rng.uniform(-180, 180)),
        north_deg=float(rng.uniform(0, 360)),
        east_left=bool(rng.random() < 0.5),
        declination_deg=float(rng.uniform(-25, 25)),
    )
    day = date(2023, 9, 15) + timedelta(days=int(rng.integers(0, 200)))
    seed, camera = int(rng.integers(0, 2**31)), pick(rng)
    whole = Night(seed, day, place, spells=1, camera=camera)
    length = min(timedelta(hours=3), whole.end - whole.start)
    start = whole.start + (whole.end - whole.start - length) * float(rng.random())
    return Night(seed, day, place, hours=(start, start + length), spells=1, camera=camera)


def _exposure(rng: np.random.Generator, scene: Scene) -> float:
    """The gain that brings the sky's median to a chosen level between dusk-grey and nearly white."""
    wanted = rng.uniform(60, 235)
    gain = 1.0
    for _ in range(6):
        shown = draw(replace(scene, sensor=replace(scene.sensor, gain=gain)), 48).square
        level = float(np.median(shown.max(axis=2)[disc_mask(48)]))
        gain *= float(np.clip((max(wanted, 1) / max(level, 1)) ** 2, 0.05, 8))
    return gain


# ------------------------------------------------------------------------------------------- keograms


class Season:
    """The labelled keograms to train on in memory, and spans of them drawn evenly over nights."""

    def __init__(self, folder: Path) -> None:
        spans = [span for span in read_labels() if not is_held_out(span.night)]
        self.pictures = {night: read_keogram(folder, night) for night in sorted({s.night for s in spans})}
        self.green = {night: greenness(picture) for night, picture in self.pictures.items()}
        self.spans: dict[Label, dict[str, list[Span]]] = {"aurora": {}, "none": {}, "obscured": {}}
        for span in spans:
            self.spans[span.label].setdefault(span.night, []).append(span)

    def pick(self, rng: np.random.Generator, label: Label, night: str | None = None) -> Span:
        """A span with the label, of the night if it has one, long spans more often."""
        of_label = self.spans[label]
        if night is None or night not in of_label:
            night = list(of_label)[int(rng.integers(len(of_label)))]
        spans = of_label[night]
        weight = np.sqrt([len(span) for span in spans])
        return spans[int(rng.choice(len(spans), p=weight / weight.sum()))]

    def sky(self, rng: np.random.Generator, span: Span, side: int) -> Pixels:
        """A disc cut from the span."""
        green = self.green[span.night] if span.label == "aurora" else None
        return cut_sky(self.pictures[span.night], draw_cut(rng, span, green), side)


def _negative(rng: np.random.Generator, season: Season, night: str | None = None) -> Span:
    return season.pick(rng, "none" if rng.random() < 0.45 else "obscured", night)


def _bare_scene(rng: np.random.Generator) -> Scene:
    """A camera and its surroundings with nothing in the sky."""
    name = pick(rng)
    own = sensor(rng, name)
    own = replace(own, balance=(1.0, 1.0, 1.0), saturation=1.0, black=(0.0, 0.0, 0.0), gain=1.0)
    stars_seen = float(rng.choice([0.0, rng.uniform(0.1, 1.5)]))
    heaven = Heaven(
        stars=stars_seen, sidereal_deg=float(rng.uniform(0, 360)), seed=int(rng.integers(0, 2**31))
    )
    return Scene(lens(rng, name), own, heaven, seed=int(rng.integers(0, 2**31)))


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


def _add_keogram(writer: BankWriter, rng: np.random.Generator, season: Season, side: int) -> None:
    """Real aurora and a real sky without, often of the same night, seen by one camera."""
    yes = season.pick(rng, "aurora")
    no = _negative(rng, season, yes.night if rng.random() < 0.5 else None)
    scene = _bare_scene(rng)
    pictures = []
    for span in (no, yes):
        light = _lit_from(season.sky(rng, span, side), scene)
        if span.clear:
            light += stars(scene, side)
        pictures.append(_shown(light, scene, side))
    sky = int(yes.clear) if yes.clear == no.clear else -1
    faint = "faint" in yes.note
    writer.add(pictures, [0, 1], sky=sky, contrast=0.3 if faint else 1.0, night=yes.night, source="keogram")


def _add_overlaid(writer: BankWriter, rng: np.random.Generator, season: Season, side: int) -> None:
    """A real sky without aurora, and made aurora over it, through its cloud where there is some."""
    span = _negative(rng, season)
    scene = _bare_scene(rng)
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
    label = 1 if contrast >= 1.5 * CONTRAST else (0 if contrast < CONTRAST / 2 else -1)
    heat = heat_of(bare, lit) if label else np.zeros((HEAT_SIDE, HEAT_SIDE), np.uint8)
    writer.add(
        [bare, lit],
        [0, label],
        sky=int(span.clear),
        contrast=contrast,
        heat=heat,
        night=span.night,
        source="overlaid",
    )


def _cloud_veil(rng: np.random.Generator, scene: Scene, side: int) -> npt.NDArray[np.float32]:
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
