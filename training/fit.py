"""Train a model from a recipe:

    aurorad-train fit --recipe aurorad-b1 --run runs/b1-seed1 --seed 1
    torchrun --nproc-per-node 4 -m training.fit --recipe aurorad-b1 --folder runs/b1-seed1

Read from :func:`fit` downwards. A recipe (``training/recipes/*.toml``) names the materials and the
stages; a stage is a picture side, a number of steps or epochs, an optimiser and what it may change.

Every batch is a function of (seed, stage, step) alone, so a run killed and started again with the
same command goes on from its checkpoint and ends with the same weights.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.distributed as dist
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import nn
from torch.utils.tensorboard import SummaryWriter

from models.preprocess import to_input
from training.checkpoint import State
from training.data.batch import Batch
from training.data.sources import Material, open_material
from training.losses import loss_terms, mask_loss
from training.options import DEVICES
from training.recipe import Recipe, Stage, load_recipe
from training.student import Student
from training.unfold import origin_of


def fit(
    recipe: Recipe,
    run: Path,
    seed: int,
    *,
    device: str = "auto",
    workers: int = 0,
    stop_after: int | None = None,
) -> Path:
    """Train by the recipe into the folder ``run`` and return the path of the finished model.

    Goes on from ``run/checkpoint.pt`` where there is one. ``workers`` processes make the batches, or one
    thread of this one; the batches are the same. ``stop_after`` ends after that many steps
    as a kill would (for tests). Raises FileNotFoundError, RuntimeError or ValueError, one line, where a
    material of any stage, the starting weights or the device are missing, before the first step.
    """
    place = Place.join(device)
    # All opened now: what is missing is reported here, not hours later at its own stage.
    opened = [one for number in range(len(recipe.stage)) for one in open_materials(recipe, number)]
    learned_from = {str(one.spec.path): one.fingerprint() for one in opened}
    torch.manual_seed(seed)
    student = Student(recipe).to(place.device)
    student.to(memory_format=torch.channels_last)
    state = State(student, recipe, run, seed, learned_from, origin_of(recipe.weights))
    state.resume(place.device)
    writer = SummaryWriter(str(run / "board")) if place.first else None
    taken = 0
    with _progress(place.first) as bar:
        for number, stage in enumerate(recipe.stage):
            if number < state.stage:
                continue
            materials = open_materials(recipe, number)
            steps = stage.steps or stage.epochs * epoch_steps(materials, stage)
            task = bar.add_task(stage.name, total=steps, completed=state.step)
            trainer = Trainer(student, stage, steps, recipe, place)
            state.begin(number, trainer)
            for batch in batches(materials, recipe, seed, number, steps, state.step, place, workers):
                torch.manual_seed(batch_seed(seed, number, state.step))
                student.morph(state.total)
                losses = trainer.step(batch)
                state.advance(trainer)
                taken += 1
                bar.update(task, advance=1, description=f"{stage.name} loss {losses['loss']:.3f}")
                if writer is not None and state.step % 10 == 0:
                    for name, value in losses.items():
                        writer.add_scalar(f"{stage.name}/{name}", value, state.step)
                end_of_epoch = stage.epochs and state.step % (steps // stage.epochs) == 0
                if end_of_epoch and recipe.keep == "best":
                    state.consider(validation_loss(student, materials, stage, place))
                if place.first and (state.step % recipe.checkpoint_every == 0 or end_of_epoch):
                    state.save(trainer)
                if stop_after is not None and taken >= stop_after:
                    return run / "checkpoint.pt"
            state.finish_stage()
            if place.first:
                state.save(None)
    if writer is not None:
        writer.close()
    path = run / "model.pt"
    if place.first:
        state.write_model(path)
    place.leave()
    return path


# ------------------------------------------------------------------------------------------- the place


@dataclass(frozen=True)
class Place:
    """Where this process trains: its device, and its rank among ``world`` processes of torchrun."""

    device: torch.device
    rank: int = 0
    world: int = 1

    @classmethod
    def join(cls, device: str) -> Place:
        """Join torchrun's group where its environment says so; else stand alone. Raises ValueError for an unknown
        device, RuntimeError where a GPU is asked for and there is none.
        """
        if device not in DEVICES:
            raise ValueError(f"no device is called {device!r}: there are {', '.join(DEVICES)}")
        if device == "cuda" and not torch.cuda.is_available():
            raise RuntimeError("there is no GPU here that torch can use: leave --device out, or give cpu")
        world = int(os.environ.get("WORLD_SIZE", "1"))
        cuda = torch.cuda.is_available() if device == "auto" else device == "cuda"
        rank = int(os.environ.get("RANK", "0"))
        if world > 1 and not dist.is_initialized():
            dist.init_process_group("nccl" if cuda else "gloo")
        local = int(os.environ.get("LOCAL_RANK", "0"))
        return cls(torch.device(f"cuda:{local}" if cuda else "cpu"), rank, world)

    @property
    def first(self) -> bool:
        """Whether this process writes files and speaks."""
        return self.rank == 0

    def leave(self) -> None:
        """Leave torchrun's group."""
        if self.world > 1:
            dist.barrier()
            dist.destroy_process_group()


# ------------------------------------------------------------------------------------------- the steps


def open_materials(recipe: Recipe, number: int) -> list[Material]:
    """The materials of one stage."""
    return [
        open_material(one, recipe.leave_out)
        for one in recipe.material
        if one.from_stage <= number < one.until_stage and (recipe.frames or one.kind != "frames")
    ]


def batch_seed(seed: int, stage: int, step: int) -> int:
    """One number for one step's random draws, in the picture changes and in the network."""
    return int(np.random.SeedSequence([seed, stage, step]).generate_state(1)[0])


def epoch_steps(materials: list[Material], stage: Stage) -> int:
    """Steps in one epoch: every picture of the first material once."""
    return -(-len(materials[0]) // stage.batch)


def make_batch(
    materials: list[Material], recipe: Recipe, seed: int, number: int, step: int, steps: int
) -> Batch:
    """The batch of one step: each material gives its share, by its own draw."""
    stage = recipe.stage[number]
    wanted = shares([material.spec.share for material in materials], stage.batch)
    parts = [
        material.draw(
            np.random.default_rng([seed, number, step, index]), count, stage, step, step / steps, seed
        )
        for index, (material, count) in enumerate(zip(materials, wanted, strict=True))
        if count
    ]
    return Batch.join(parts)


def shares(weights: list[float], total: int) -> list[int]:
    """Split ``total`` in proportion, largest remainders first; pairs need even numbers, so by twos."""
    if len(weights) == 1:
        return [total]
    exact = np.array(weights) / sum(weights) * (total / 2)
    counts = np.floor(exact).astype(int)
    for index in np.argsort(counts - exact, kind="stable")[: total // 2 - int(counts.sum())]:
        counts[index] += 1
    return [int(2 * count) for count in counts]


def batches(
    materials: list[Material],
    recipe: Recipe,
    seed: int,
    number: int,
    steps: int,
    start: int,
    place: Place,
    workers: int = 0,
) -> Iterator[Batch]:
    """The stage's batches from step ``start``, made ahead on one thread or by ``workers`` processes; this
    rank's part of each.
    """
    if workers:
        maker: Executor = ProcessPoolExecutor(workers, get_context("spawn"), _start_worker, (recipe, number))
        made: Callable[..., Batch] = _made_by_worker
    else:
        maker, made = ThreadPoolExecutor(1), partial(make_batch, materials, recipe)
    ahead = 3 + 2 * workers
    with maker:
        jobs = ((seed, number, step, steps) for step in range(start, steps))
        waiting = [maker.submit(made, *job) for job in islice(jobs, ahead)]
        while waiting:
            batch = waiting.pop(0).result()
            waiting += [maker.submit(made, *job) for job in islice(jobs, 1)]
            yield batch.part(place.rank, place.world)


_worker: list[tuple[list[Material], Recipe]] = []
"""What a worker process holds: the stage's materials, opened once."""


def _start_worker(recipe: Recipe, number: int) -> None:
    cv2.setNumThreads(1)
    _worker[:] = [(open_materials(recipe, number), recipe)]


def _made_by_worker(seed: int, number: int, step: int, steps: int) -> Batch:
    return make_batch(*_worker[0], seed, number, step, steps)


class Trainer:
    """One stage's optimiser, schedule and step."""

    def __init__(
        self,
        student: Student,
        stage: Stage,
        steps: int,
        recipe: Recipe,
        place: Place,
    ) -> None:
        self.student = student
        self.stage = stage
        self.recipe = recipe
        self.place = place
        self.steps = steps
        self.module: nn.Module = student
        self.still = student.still(stage.train)
        for parameter in student.parameters():
            parameter.requires_grad_(True)
        for module in self.still:
            module.requires_grad_(False)
        learning = [p for p in student.parameters() if p.requires_grad]
        if place.world > 1:
            ids = [place.device.index] if place.device.type == "cuda" else None
            self.module = nn.parallel.DistributedDataParallel(student, device_ids=ids)
        kinds: dict[str, Any] = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
        self.optimiser = kinds[stage.optimiser](
            [
                {"params": [p for p in learning if p.ndim > 1], "weight_decay": stage.weight_decay},
                {"params": [p for p in learning if p.ndim <= 1], "weight_decay": 0.0},
            ],
            lr=stage.lr,
        )

    def rate(self, step: int) -> float:
        """The learning rate of a step.

        ``constant``; ``one-cycle``, a linear rise over the first tenth and a cosine fall to 0; ``rise``
        or ``fall``, its first or its last part alone, so that one cycle can span several stages.
        """
        rise = 0 if self.stage.schedule == "fall" else max(1, self.steps // 10)
        if step < rise and self.stage.schedule != "constant":
            return self.stage.lr * (step + 1) / rise
        if self.stage.schedule in ("constant", "rise"):
            return self.stage.lr
        return float(self.stage.lr * 0.5 * (1 + np.cos(np.pi * (step - rise) / max(1, self.steps - rise))))

    def step(self, batch: Batch) -> dict[str, float]:
        """Forward, backward, update. Returns the losses by name."""
        self.module.train()
        for module in self.still:
            module.eval()
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate(self.count)
        pixels = torch.from_numpy(to_input(batch.pictures)).to(self.place.device)
        pixels = pixels.contiguous(memory_format=torch.channels_last)
        mixed = self.recipe.precision == "mixed" and self.place.device.type == "cuda"
        with torch.autocast(self.place.device.type, dtype=torch.bfloat16, enabled=mixed):
            logits, maps, mask = self.module(pixels)
        losses = loss_terms(logits.float(), [one.float() for one in maps], batch, self.recipe)
        if mask is not None:
            losses["mask"] = self.recipe.mask_weight * mask_loss(mask.float(), batch)
        total = sum(losses.values(), torch.zeros((), device=self.place.device))
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        if self.recipe.clip:
            learning = [p for p in self.student.parameters() if p.requires_grad]
            nn.utils.clip_grad_norm_(learning, self.recipe.clip)
        self.optimiser.step()
        self.count += 1
        return {"loss": total.item(), **{name: value.item() for name, value in losses.items()}}

    count: int = 0


def validation_loss(student: Student, materials: list[Material], stage: Stage, place: Place) -> float:
    """Mean cross-entropy of the aurora answer on the materials' validation pictures."""
    student.eval()
    total, count = 0.0, 0
    with torch.no_grad():
        for material in materials:
            for batch in material.validation(stage):
                pixels = torch.from_numpy(to_input(batch.pictures)).to(place.device)
                logits, *_ = student(pixels)
                labels = torch.from_numpy(batch.aurora.astype(np.int64)).to(place.device)
                total += nn.functional.cross_entropy(logits[:, :2], labels, reduction="sum").item()
                count += len(labels)
    return total / max(count, 1)


def _progress(shown: bool) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        disable=not shown,
    )


def main() -> None:
    """What torchrun starts; ``aurorad-train fit`` calls :func:`fit` itself."""
    parser = argparse.ArgumentParser(description="Train a model from a recipe.")
    parser.add_argument("--recipe", required=True)
    parser.add_argument("--folder", type=Path, required=True)  # torchrun takes --run for its own
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", choices=DEVICES, default="auto")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    given = parser.parse_args()
    print(fit(load_recipe(given.recipe, given.set), given.folder, given.seed, device=given.device))


if __name__ == "__main__":
    main()
