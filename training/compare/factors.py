"""A β-TCVAE: pictures as few independent numbers; how well each known factor of a scene is one of them (MIG)."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from math import log, pi
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from sklearn.metrics import mutual_info_score
from torch import Tensor, nn

from models.preprocess import Pixels
from training.compare import heads
from training.compare.bench import Bench, Outcome
from training.compare.encoders import learned, megabytes, resized
from training.compare.features import one_cycle, shuffled
from training.compare.heads import Floats
from training.compare.made import FACTORS

SIDE: Final = 64
LATENT: Final = 10
BETA: Final = 4.0
BINS: Final = 10
BATCH: Final = 64


class Autoencoder(nn.Module):
    """Pictures (N, 3, 64, 64) in 0..1 → mean and log variance of ten numbers, and back."""

    def __init__(self) -> None:
        super().__init__()
        widths = (3, 32, 32, 64, 64)
        steps: list[nn.Module] = []
        for before, after in pairwise(widths):
            steps += [nn.Conv2d(before, after, 4, 2, 1), nn.ReLU()]
        self.down = nn.Sequential(
            *steps, nn.Flatten(), nn.Linear(64 * 16, 128), nn.ReLU(), nn.Linear(128, 2 * LATENT)
        )
        back: list[nn.Module] = [
            nn.Linear(LATENT, 128),
            nn.ReLU(),
            nn.Linear(128, 64 * 16),
            nn.Unflatten(1, (64, 4, 4)),
        ]
        for before, after in zip(widths[::-1], widths[-2::-1], strict=False):
            back += [nn.ReLU(), nn.ConvTranspose2d(before, after, 4, 2, 1)]
        self.up = nn.Sequential(*back)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance, (N, 10) each."""
        mean, spread = self.down(pixels).chunk(2, dim=1)
        return mean, spread.clamp(-8, 4)


def loss(net: Autoencoder, pixels: Tensor, total: int, beta: float = BETA) -> Tensor:
    """β-TCVAE's: error of the picture, mutual information, β times total correlation, the rest of the divergence.

    The three parts are estimated within the batch, weighted for a set of ``total`` pictures (Chen et al. 2018).
    """
    mean, spread = net(pixels)
    drawn = mean + torch.randn_like(mean) * (spread / 2).exp()
    error = nn.functional.binary_cross_entropy_with_logits(net.up(drawn), pixels, reduction="sum") / len(
        pixels
    )
    prior = _normal(drawn, torch.zeros_like(drawn), torch.zeros_like(drawn)).sum(1)
    own = _normal(drawn, mean, spread).sum(1)
    every = _normal(drawn[:, None], mean[None], spread[None])  # (N, N, 10)
    weight = log(len(pixels) * total)
    joint = torch.logsumexp(every.sum(2), 1) - weight
    product = (torch.logsumexp(every, 1) - weight).sum(1)
    information, correlation, rest = own - joint, joint - product, product - prior
    return error + (information + beta * correlation + rest).mean()


def _normal(value: Tensor, mean: Tensor, spread: Tensor) -> Tensor:
    return -0.5 * (log(2 * pi) + spread + (value - mean) ** 2 / spread.exp())


def teach(net: nn.Module, pictures: Pixels, epochs: int, seed: int) -> None:
    """Learn from pictures (N, 64, 64, 3)."""
    assert isinstance(net, Autoencoder)
    torch.manual_seed(seed)
    rows = shuffled(len(pictures), BATCH, epochs, seed)
    _, move = one_cycle(net, len(rows), 2e-3)
    known = _light(pictures)
    net.train()
    for some in rows:
        loss(net, known[some], len(pictures)).backward()  # type: ignore[no-untyped-call]
        move()


def _light(pictures: Pixels) -> Tensor:
    return torch.from_numpy(pictures[..., ::-1].transpose(0, 3, 1, 2).astype(np.float32) / 255)


def means(net: Autoencoder, pictures: Pixels) -> Floats:
    """The ten numbers of pictures of any side."""
    with torch.inference_mode():
        mean, _ = net(_light(resized(pictures, SIDE)))
    return np.asarray(mean.double().numpy())


def gaps(numbers: Floats, factors: npt.NDArray[np.float32]) -> list[float]:
    """The mutual information gap of each factor: how much more the best number knows of it than the second best, as
    a share of all there is to know; numbers and factors in ten bins of the same count.
    """
    binned = [_bins(column) for column in numbers.T]
    found = []
    for factor in factors.T:
        truth = _bins(factor)
        known = sorted((mutual_info_score(truth, one) for one in binned), reverse=True)
        found.append(float((known[0] - known[1]) / mutual_info_score(truth, truth)))
    return found


def _bins(values: npt.ArrayLike) -> npt.NDArray[np.int64]:
    values = np.asarray(values, np.float64)
    edges = np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1])
    return np.asarray(np.searchsorted(edges, values, "right"), np.int64)


def independent(bench: Bench) -> Outcome:
    """Learn from scenes of known factors beside the lessons, measure the gap on scenes kept back; a probe answers the sets."""
    pictures, factors = bench.skies.factors
    kept = len(pictures) * 2 // 3
    lessons = bench.skies.lessons
    known = np.concatenate([pictures[:kept], resized(lessons.pictures, SIDE)])
    size = bench.plan.size
    net = Autoencoder()
    path = bench.folder / "networks" / "tcvae.pt"
    learned(path, net, partial(teach, pictures=known, epochs=size.vae_epochs, seed=bench.plan.seed))
    gap = gaps(means(net, pictures[kept:]), factors[kept:])
    sets, ask = bench.judge_head("tcvae", partial(means, net), heads.logistic)
    more = {"mig": {"mean": round(float(np.mean(gap)), 4), "pictures": len(pictures) - kept,
                    **{name: round(one, 4) for name, one in zip(FACTORS, gap, strict=True)}}}  # fmt: skip
    return Outcome(sets, more, bench.speed(lambda picture: ask(means(net, picture))), megabytes(net.down))
