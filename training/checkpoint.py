"""A run's state on disk: what a kill must not lose, and the finished model."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from daemon.files import replacing
from training.kept import write_kept
from training.recipe import Recipe
from training.student import Student


class Training(Protocol):
    """What the state needs of a stage's trainer: its optimiser, and the steps it has taken."""

    optimiser: torch.optim.Optimizer
    count: int


class State:
    """What a kill must not lose: weights, their average, optimiser, place in the run, the best so far."""

    def __init__(
        self,
        student: Student,
        recipe: Recipe,
        run: Path,
        seed: int,
        learned_from: dict[str, str],
        origin: dict[str, Any],
    ) -> None:
        """``learned_from``: fingerprints of the materials, by path; ``origin``: :func:`training.unfold.origin_of` the start."""
        self.student, self.recipe, self.run, self.seed = student, recipe, run, seed
        self.learned_from, self.origin = learned_from, origin
        self.average = copy.deepcopy(student.net.state_dict())
        self.stage = 0
        self.step = 0
        self.total = 0
        self.optimiser: dict[str, Any] | None = None
        self.best: tuple[float, dict[str, Tensor]] | None = None
        run.mkdir(parents=True, exist_ok=True)

    def resume(self, device: torch.device) -> None:
        """Read the checkpoint, where there is one. Raises RuntimeError for another recipe's or seed's, or for none."""
        path = self.run / "checkpoint.pt"
        if not path.exists():
            return
        try:
            kept = torch.load(path, map_location=device, weights_only=True)
        except Exception as error:  # torch.load raises whatever the bytes lead it to
            raise RuntimeError(f"{path} cannot be read: remove it, and the run begins anew") from error
        if kept["seed"] != self.seed or kept["recipe"] != self.recipe.text:
            raise RuntimeError(f"{path} is of another recipe or seed: choose another --run, or remove it")
        before = kept.get("learned_from", self.learned_from)  # earlier versions kept none
        if changed := sorted(name for name, one in self.learned_from.items() if before.get(name) != one):
            raise RuntimeError(
                f"{changed[0]} has changed since {path} began: choose another --run, or remove that file"
            )
        self.origin = kept.get("origin", self.origin)  # whatever lies under its path by now
        self.student.load_state_dict(kept["student"])
        self.average, self.optimiser = kept["average"], kept["optimiser"]
        self.stage, self.step, self.total, self.best = (kept[k] for k in ("stage", "step", "total", "best"))

    def begin(self, number: int, trainer: Training) -> None:
        """Enter a stage: from its start, or from where the checkpoint left it."""
        self.stage = number
        trainer.count = self.step
        if self.optimiser is not None:
            trainer.optimiser.load_state_dict(self.optimiser)
            self.optimiser = None

    def advance(self, trainer: Training) -> None:
        """Count one step and move the average; early on it follows closely."""
        self.step += 1
        self.total += 1
        keep = min(self.recipe.ema, (1 + self.total) / (10 + self.total)) if self.recipe.ema else 0.0
        with torch.no_grad():
            for name, value in self.student.net.state_dict().items():
                if value.dtype.is_floating_point:
                    self.average[name].lerp_(value, 1 - keep)
                else:
                    self.average[name].copy_(value)

    def consider(self, loss: float) -> None:
        """Keep these weights where the validation loss is the least so far."""
        if self.best is None or loss < self.best[0]:
            weights = {name: value.clone() for name, value in self.student.net.state_dict().items()}
            self.best = (loss, weights)

    def finish_stage(self) -> None:
        """The next stage begins at its first step, with a fresh optimiser."""
        self.stage += 1
        self.step = 0

    def save(self, trainer: Training | None) -> None:
        """Write the checkpoint, whole or not at all: a kill leaves the old or the new."""
        state = {
            "seed": self.seed,
            "recipe": self.recipe.text,
            "learned_from": self.learned_from,
            "origin": self.origin,
            "student": self.student.state_dict(),
            "average": self.average,
            "optimiser": trainer.optimiser.state_dict() if trainer else None,
            "stage": self.stage,
            "step": self.step,
            "total": self.total,
            "best": self.best,
        }
        with replacing(self.run / "checkpoint.pt") as part:
            torch.save(state, part)

    def write_model(self, path: Path) -> None:
        """Write the finished weights: the average, the last or the best, as the recipe says."""
        weights: dict[str, Tensor] = self.average
        if self.recipe.keep == "best" and self.best is not None:
            weights = self.best[1]
        elif self.recipe.keep == "last":
            weights = self.student.net.state_dict()
        more = {"origin": self.origin} if self.origin else {}
        write_kept(path, {"net": weights, "recipe": self.recipe.text, "seed": self.seed, **more})
