"""The average of several runs' weights: steadier than any of them, where they share their start.

aurorad-train average runs/b1-cameras-seed1/model.pt runs/b1-cameras-seed2/model.pt --out runs/b1/average.pt
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from models.labels import AURORA_OUTPUT
from training.kept import read_kept, write_kept


def average(models: Sequence[Path], out: Path, shift: float = 0.0) -> Path:
    """Write the mean of finished runs' weights, as a run's ``model.pt``.

    ``shift`` is taken from the aurora output, so that one half is where the left-out answers part best
    (``training/evaluation/leave_out.py``, ``Fitted.shift``).

    Raises ValueError in one line where they are not of one shape.
    """
    kept = [read_kept(path) for path in models]
    first = kept[0]["net"]
    if any(one["net"].keys() != first.keys() for one in kept):
        raise ValueError("these runs are of different networks, which have no average")
    net = {
        name: torch.stack([one["net"][name] for one in kept]).mean(0) if value.is_floating_point() else value
        for name, value in first.items()
    }
    net["head.bias"][AURORA_OUTPUT] -= shift
    out.parent.mkdir(parents=True, exist_ok=True)
    write_kept(out, {"net": net, "recipe": kept[0]["recipe"], "seed": [one["seed"] for one in kept]})
    return out
