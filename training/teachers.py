"""Finished models that teach another: their mean answer beside the label.

Runs from different seeds differ by more than most materials do, and their mean is better than each
of them; a student taught by that mean keeps most of it at the cost of one model (Hinton, Vinyals &
Dean 2015, arXiv:1503.02531).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from models.network import AuroraNet, fold
from training.student import load_start


class Teachers(nn.Module):
    """The models of several finished runs, frozen."""

    def __init__(self, runs: Sequence[Path], outputs: int) -> None:
        super().__init__()
        self.nets = nn.ModuleList()
        for run in runs:
            net = AuroraNet(outputs=outputs)
            load_start(net, str(run))
            self.nets.append(fold(net).requires_grad_(False))

    @torch.no_grad()
    def forward(self, pixels: Tensor) -> Tensor:
        """(N, 3, S, S) → (N, outputs) probabilities, each head's own, meaned over the teachers."""
        answers = [heads(cast(AuroraNet, net).learn(pixels)[0]).exp() for net in self.nets]
        return torch.stack(answers).mean(0)


def heads(logits: Tensor) -> Tensor:
    """(N, 2 or 4) logits → log probabilities within each head of two."""
    pairs = logits.reshape(len(logits), -1, 2)
    return torch.log_softmax(pairs, dim=2).reshape(len(logits), -1)


def taught_loss(logits: Tensor, taught: Tensor) -> Tensor:
    """Cross-entropy against the teachers' probabilities, meaned over pictures and heads."""
    return -(taught * heads(logits)).sum(1).mean() / (logits.shape[1] // 2)
