"""The forms, learned by a finished network: its body stays as it is, and a small head learns from shapes.

    aurorad-train forms runs/mean/model.pt --bank runs/banks/forms --bank runs/banks/simulated

The network's linear head sees the mean of its last stage, which has lost where things lie; an arc and a band differ
in little else. ``models.network.ShapeHead`` sees two stages and the mask. What it adds to the linear head's logits
is learned in minutes on a CPU, for the body's answers to a bank are computed once. Nothing else of the network
changes: aurora, sky, mask and doubt are to the last bit what they were.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from models.labels import FORM_HEAD
from models.network import FORM_STAGES, AuroraNet, ShapeHead
from models.preprocess import Pixels, to_input
from training.data.bank import Bank, open_bank
from training.data.looks import by_chance
from training.export import read_checkpoint
from training.kept import read_kept, write_kept
from training.losses import forms_loss

EPOCHS: Final = 16
BATCH: Final = 96
RATE: Final = 2e-3
DECAY: Final = 0.1


@dataclass(frozen=True, eq=False)
class Seen:
    """What the body makes of pictures: stage outputs by index (N, C, h, w) and masks (N, 60, 60), half precision, the
    linear head's form logits (N, 6), and the truth (N, 6): 1 shown, 0 not, -1 not judged.
    """

    stages: dict[int, Tensor]
    masks: Tensor
    linear: Tensor
    forms: Tensor

    def __len__(self) -> int:
        return len(self.forms)


def learn_forms(model: Path, banks: Sequence[Path], *, seed: int = 1, epochs: int = EPOCHS) -> int:
    """Give a finished run's network its shape head, in ``model.pt`` itself; on how many pictures it learned.

    Raises ValueError for a network without mask or forms, and for banks that show no form.
    """
    kept = read_kept(model)
    net, _ = read_checkpoint(model)
    if net.mask is None or net.head.out_features < FORM_HEAD.stop:
        raise ValueError(f"{model} draws no mask or names no forms: train it by a recipe with both")
    parts = [part for path in banks for part in _seen(net, open_bank(path), seed)]
    if not parts:
        raise ValueError("these banks show no aurora whose forms are known")
    seen = _joined(parts)
    head = fit(seen, seed, epochs)
    weights = {name: value for name, value in kept["net"].items() if not name.startswith("shape.")}
    kept["net"] = weights | {f"shape.{name}": value for name, value in head.state_dict().items()}
    write_kept(model, kept)
    return len(seen)


def fit(seen: Seen, seed: int, epochs: int) -> ShapeHead:
    """A head that learned from all of it, turned and mirrored at random; the same for the same seed."""
    torch.manual_seed(seed)
    head = ShapeHead().train()
    optimiser = torch.optim.AdamW(head.parameters(), lr=RATE, weight_decay=DECAY)
    steps = epochs * -(-len(seen) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps, pct_start=0.2)
    for _ in range(epochs):
        for rows in torch.randperm(len(seen)).split(BATCH):  # type: ignore[no-untyped-call]
            stages, mask = _turned(seen, rows)
            loss = forms_loss(seen.linear[rows] + head(stages, mask), seen.forms[rows])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
    return head.eval()


def _turned(seen: Seen, rows: Tensor) -> tuple[dict[int, Tensor], Tensor]:
    """A batch, all of it turned by the same quarters and mirrored or not."""
    quarters, mirrored = int(torch.randint(4, ())), bool(torch.randint(2, ()))

    def turn(plane: Tensor) -> Tensor:
        turned = torch.rot90(plane[rows].float(), quarters, (-2, -1))
        return turned.flip(-1) if mirrored else turned

    return {stage: turn(plane) for stage, plane in seen.stages.items()}, turn(seen.masks)


def _seen(net: AuroraNet, bank: Bank, seed: int, batch: int = 16) -> Iterator[Seen]:
    """What the body makes of a bank's lit members, batch by batch, half of them dressed."""
    rng = np.random.default_rng([seed, len(bank)])
    lit = np.flatnonzero((bank.aurora[:, -1] == 1) & (bank.labels["forms"] >= 0).any(axis=1))
    for start in range(0, len(lit), batch):
        rows = lit[start : start + batch]
        pictures = np.stack([by_chance(np.array(bank.pictures[row, -1]), rng) for row in rows])
        yield _body(net, pictures, bank.labels["forms"][rows])


@torch.inference_mode()
def _body(net: AuroraNet, pictures: Pixels, forms: npt.NDArray[np.int8]) -> Seen:
    assert net.mask is not None, "checked"
    logits, kept = net.learn(torch.from_numpy(to_input(pictures)), taps=range(9))
    return Seen(
        {stage: kept[stage].half().clone() for stage in FORM_STAGES},
        torch.sigmoid(net.mask(kept)).half(),
        logits[:, FORM_HEAD.span].clone(),
        torch.from_numpy(forms),
    )


def _joined(parts: Sequence[Seen]) -> Seen:
    return Seen(
        {stage: torch.cat([part.stages[stage] for part in parts]) for stage in FORM_STAGES},
        *(torch.cat([getattr(part, name) for part in parts]) for name in ("masks", "linear", "forms")),
    )
