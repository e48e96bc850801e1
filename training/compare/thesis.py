"""A row of the thesis's training, by its recipe: two outputs, the head first, then everything at a tenth of the rate."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import torch

from models.preprocess import Pixels
from training.compare.bench import Bench, Outcome
from training.compare.encoders import start, tensor_of
from training.compare.heads import Floats
from training.compare.rows import Missing
from training.compare.skies import JUDGED, Skies, batches, together
from training.data.dataset import Row, write_manifest
from training.export import read_checkpoint
from training.fit import fit
from training.imagenet import put_blends
from training.recipe import Recipe, load_recipe

SHARE: Final = 0.8
"""The thesis's part of the frames to train on; the rest chooses the epoch."""
BATCH: Final = 16
NEVER: Final = 1_000_000
"""Steps after which Lite1's activation would be another: its features are kept, as torchvision's would be."""


def thesis(bench: Bench) -> Outcome:
    """The thesis's two stages on keogram skies and real frames, once for every fold of sources and once on all."""
    real, lessons = bench.skies.real, bench.skies.lessons
    cuts = lessons.where(lessons.part == "keogram")
    if not len(cuts) or real is None:
        raise Missing("the thesis learned from real pictures: give --real and --keograms")
    rng = np.random.default_rng([bench.plan.seed, 6])
    cuts = cuts.where(np.sort(rng.permutation(len(cuts))[: bench.plan.size.thesis_keograms]))
    side = bench.plan.size.thesis[0]
    margin = np.zeros(len(real))
    for number in np.unique(real.fold):
        mine = real.fold == number
        model = train(bench, f"without-{number}", together([cuts, real.where(~mine)]))
        margin[mine] = opened(model, side)(real.pictures[mine])
    found = {"real": margin}
    model = train(bench, "all", together([cuts, real]))
    ask = opened(model, side)
    for which in JUDGED[1:]:
        sky = bench.skies.judged(which)
        if sky is not None:
            found[which] = ask(sky.pictures)
    return Outcome(bench.figures(found), {}, bench.speed(ask), round(model.stat().st_size / 1e6, 1))


def train(bench: Bench, name: str, sky: Skies) -> Path:
    """Train once into a folder of its own; a finished run is kept, one that was stopped goes on."""
    run = bench.folder / "thesis" / name
    if not (run / "model.pt").exists():
        bench.tell(f"thesis-b1 {name}: {len(sky)} frames")
        manifest = write_frames(sky, run / "frames", bench.plan.seed)
        fit(recipe(manifest, bench.plan.size.thesis), run, bench.plan.seed, device="cpu")
    return run / "model.pt"


def recipe(manifest: Path, size: tuple[int, int, int]) -> Recipe:
    """thesis-b1 on a manifest, smaller: the side, and the epochs of its two stages; ImageNet's weights as they can be had."""
    side, head, everything = size
    given = load_recipe("thesis-b1")
    stages = [
        stage.model_copy(update={"side": side, "epochs": epochs})
        for stage, epochs in zip(given.stage, (head, everything), strict=True)
    ]
    material = [given.material[0].model_copy(update={"path": manifest})]
    changes = {"weights": start(), "morph_steps": NEVER, "stage": stages, "material": material}
    return given.model_copy(update=changes)


def write_frames(sky: Skies, folder: Path, seed: int) -> Path:
    """The pictures as files and their manifest, four fifths of them to train on."""
    folder.mkdir(parents=True, exist_ok=True)
    first = np.random.default_rng([seed, 7]).permutation(len(sky)) < SHARE * len(sky)
    rows = []
    for index, picture in enumerate(sky.pictures):
        name = f"{index:05d}.png"
        cv2.imwrite(str(folder / name), picture)
        split = "train" if first[index] else "validation"
        label = "yes" if sky.yes[index] else "no"
        rows.append(Row(name, str(sky.group[index]), label=label, split=split))
    return write_manifest(rows, folder / "manifest.parquet")


def opened(model: Path, side: int) -> Callable[[Pixels], Floats]:
    """A finished run as a function of pictures: the margins of aurora."""
    net, kept = read_checkpoint(model)
    if kept["recipe"]["weights"] == "lite1":
        put_blends(net.features)
    net.eval()

    def ask(pictures: Pixels) -> Floats:
        with torch.inference_mode():
            logits = [
                net.learn(tensor_of(some, side))[0].double().numpy() for some in batches(pictures, BATCH)
            ]
        table = np.concatenate(logits)
        return np.asarray(table[:, 1] - table[:, 0])

    return ask
