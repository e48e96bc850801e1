"""The shipped model from nothing, in one command: banks, six seeds, every group of cameras left out, figures.

    aurorad-train whole --runs runs --real ../shared/data --keograms ../shared/data/auroramax/keograms

On one GPU ten minutes (``--jobs 8 --workers 2``), on two CPU cores a night. Every step is a command of its own
and writes its result when it is done: the same command after a kill does what is missing. With ``--compare``
the baselines of the card come after: from random weights, and without real frames.

Trained are: ``b1`` (the recipe's first part, from ImageNet), then from it six seeds of the second part, and three
for every fold of sources that is left out. What ships is the mean of seeds; so the mean of a fold's seeds says how
right the recipe is on strangers' cameras, and each seed for itself how much chance is in that.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from training.data.real import check_collection, folds

SEEDS: Final = (1, 2, 3, 4, 5, 6)
FOLD_SEEDS: Final = SEEDS[:3]
"""Of each fold left out, and of the baselines."""
BANKS: Final[dict[str, int]] = {
    "real": 1, "light": 1200, "simulated": 5000, "bright": 2500, "dusk": 1800, "forms": 2600, "onset": 1000,
    "keogram": 2600, "overlaid": 2400, "daylight": 400, "transplant": 5000, "overhead": 5000,
}  # fmt: skip
"""Items of each bank; ``transplant`` needs ``real`` and ``light``."""
FIRST, SECOND = "aurorad-b1", "aurorad-b1-cameras"


@dataclass(frozen=True)
class Job:
    """One call of ``aurorad-train`` whose result is the file or folder ``gives``."""

    gives: Path
    call: tuple[str, ...]

    @property
    def done(self) -> bool:
        """Whether an earlier run finished it."""
        return self.gives.exists()


@dataclass(frozen=True)
class Shop:
    """Where all is made, from what, and how much at once."""

    runs: Path
    real: Path
    keograms: Path
    jobs: int = 1
    workers: int = 2
    scale: float = 1.0
    first: str = FIRST
    second: str = SECOND
    start: str = "imagenet"

    def bank(self, kind: str) -> Job:
        """A bank of ``BANKS``, its size times ``scale``."""
        path = self.runs / "banks" / kind
        count = max(8, round(BANKS[kind] * self.scale))
        call = ("simulate", "--bank", path, "--kind", kind, "--count", count, "--keograms", self.keograms,
                "--real", self.real, "--light", self.runs / "banks" / "light",
                "--workers", max(1, self.jobs * self.workers // min(self.jobs, 3)))  # fmt: skip
        return Job(path / "complete", tuple(str(one) for one in call))

    def fit(
        self, name: str, recipe: str, seed: int, start: Path | str, *changes: str, beside: int | None = None
    ) -> Job:
        """A run of a recipe from weights, with changes to its keys, ``beside`` so many others (None: a full house)."""
        workers = self.jobs * self.workers // (beside + 1) if beside is not None else self.workers
        run = self.runs / name
        call = ("fit", "--recipe", recipe, "--run", run, "--seed", seed, "--weights", start,
                "--workers", workers if self.jobs > 1 else 0,
                *(word for change in changes for word in ("--set", change)))  # fmt: skip
        return Job(run / "model.pt", tuple(str(one) for one in call))

    def seeds(self) -> list[Job]:
        """Those that are averaged."""
        return [self.fit(f"seed-{s}", self.second, s, self.model("b1")) for s in SEEDS]

    def folds(self, folder: str, start: str, seed: int = 1) -> list[Job]:
        """One for every fold of sources left out, in ``folder/seed-S/fold-N``."""
        return [
            self.fit(
                f"{folder}/seed-{seed}/fold-{fold}",
                self.second,
                seed,
                self.model(start),
                f"leave_out = {json.dumps(names)}",
            )
            for fold, names in folds().items()
        ]

    def model(self, run: str) -> Path:
        """A run's result."""
        return self.runs / run / "model.pt"


def train_whole(
    shop: Shop, *, compare: bool = False, minutes: float | None = None, tell: Callable[[str], None] = print
) -> dict[str, Any]:
    """Make all; returns the figures, as written to ``runs/whole.json``.

    After ``minutes`` no further baseline is begun, and those under way are stopped; the same command goes on
    with them. Raises RuntimeError in one line where a step fails, FileNotFoundError where there are not the real frames
    that all rests on.
    """
    check_collection(shop.real)
    began = time.monotonic()
    for kinds in (("real", "light"), tuple(kind for kind in BANKS if kind not in ("real", "light"))):
        work([shop.bank(kind) for kind in kinds], min(shop.jobs, 3), tell)
    starts = [shop.fit("b1", shop.first, 1, shop.start, beside=int(compare))]
    starts += [shop.fit("random-b1", shop.first, 1, "none", beside=1)] if compare else []
    work(starts, shop.jobs, tell)
    wanted = [*shop.seeds(), *(job for seed in FOLD_SEEDS for job in shop.folds("left-out", "b1", seed))]
    extra: list[Job] = []
    if compare:
        extra = shop.folds("random-left-out", "random-b1")
        extra += [
            shop.fit(f"plain-{s}", shop.second, s, shop.model("b1"), "frames = false") for s in FOLD_SEEDS
        ]
    end = None if minutes is None else began + 60 * minutes
    work([*wanted, *extra], shop.jobs, tell, must=wanted, end=end)
    return judge(shop, tell)


def work(
    jobs: Sequence[Job],
    at_once: int,
    tell: Callable[[str], None],
    must: Sequence[Job] | None = None,
    end: float | None = None,
) -> None:
    """Do what is not done, ``at_once`` at a time, in order. Jobs that are not in ``must`` (None: all are) are
    left or stopped at the monotonic time ``end``. Raises RuntimeError where one that must be done fails.
    """
    needed = set(jobs if must is None else must)

    def one(job: Job) -> str | None:
        late = None if job in needed or end is None else end
        if job.done or (late is not None and time.monotonic() > late):
            return None
        began = time.monotonic()
        failed = _run(job, late)
        tell(f"{job.gives.parent}: {time.monotonic() - began:.0f} s" + (f", {failed}" if failed else ""))
        return failed if job in needed else None

    with ThreadPoolExecutor(at_once) as pool:
        failures = [failed for failed in pool.map(one, jobs) if failed]
    if failures:
        raise RuntimeError(failures[0])


def _run(job: Job, late: float | None) -> str | None:
    """Run a job; None where it went well, else what it said last."""
    command = [sys.executable, "-m", "training.cli", *job.call]
    left = None if late is None else max(1.0, late - time.monotonic())
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=left, check=False)
    except subprocess.TimeoutExpired:
        return "stopped: out of time"
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip() or f"exit {done.returncode}").splitlines()
        return f"{' '.join(job.call[:4])}: {lines[-1]}"
    job.gives.parent.mkdir(parents=True, exist_ok=True)
    job.gives.touch()
    return None


# ------------------------------------------------------------------------------------------- figures


def judge(shop: Shop, tell: Callable[[str], None]) -> dict[str, Any]:
    """Average the seeds, teach the average its doubt and the forms, and say how right everything is that is there."""
    from training.data.real import read_frames, squares
    from training.evaluation import leave_out as left
    from training.forms import learn_forms
    from training.known import doubt
    from training.soup import average

    frames = [frame for frame in read_frames() if frame.judged]
    pictures = squares(shop.real, frames)

    def answers_of(models: Mapping[int, Path]) -> list[left.LeftOut]:
        """What each fold's network says of the fold's frames; nothing where one is not there."""
        found: list[left.LeftOut] = []
        for number, names in folds().items():
            if not models[number].exists():
                return []
            chosen = [index for index, frame in enumerate(frames) if frame.source in names]
            found += left.answer_frames(models[number], [frames[i] for i in chosen], pictures[chosen])
        return found

    def fold_models(folder: str) -> dict[int, Path]:
        return {number: shop.model(f"{folder}/fold-{number}") for number in folds()}

    by_seed = {seed: fold_models(f"left-out/seed-{seed}") for seed in FOLD_SEEDS}
    for number, mean in fold_models("left-out").items():
        average([by_seed[seed][number] for seed in FOLD_SEEDS], mean)
    strange = answers_of(fold_models("left-out"))
    left.write_answers(shop.runs / "left-out" / "answers.json", strange)
    told = {"left out": strange}
    told |= {f"left out, seed {seed}": answers_of(models) for seed, models in by_seed.items()}
    told["left out, from random"] = answers_of(fold_models("random-left-out/seed-1"))
    plain = {seed: shop.model(f"plain-{seed}") for seed in FOLD_SEEDS}
    told |= {
        f"without real frames, seed {seed}": left.answer_frames(model, frames, pictures)
        for seed, model in plain.items()
        if model.exists()
    }
    figures = {name: left.table(left.crossed(one), left.fit_to(one)) for name, one in told.items() if one}
    mean = average([shop.model(f"seed-{s}") for s in SEEDS], shop.model("mean"), left.fit_to(strange).shift)
    doubt(mean, shop.real, [shop.runs / "banks" / kind for kind in ("simulated", "bright", "keogram")])
    (shop.runs / "whole.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    for name, table in figures.items():
        other = table["other_cameras"]
        tell(f"{name}: other cameras {other['balanced_accuracy']:.3f} / {other['roc_area']:.3f}")
    learn_forms(mean, [shop.runs / "banks" / kind for kind in ("simulated", "forms", "overhead")])
    return figures
