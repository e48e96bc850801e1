"""Rows on features: Clausen & Nickisch's ridge, Kvammen's neighbours, vectors and ResNet-50, Johnson's SimCLR."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn
from torchvision.models import resnet18, resnet50

from models.preprocess import Pixels, to_input
from training.compare import heads
from training.compare.bench import Bench, Encode, Outcome
from training.compare.encoders import (
    PRETRAINED,
    encoder,
    learned,
    megabytes,
    pixels,
    pretrained,
)
from training.compare.heads import Classify, Head
from training.compare.skies import Skies
from training.data.augment import STRENGTHS, apply_change, draw_change

SHARES: Final = {"1": 0.01, "10": 0.1, "100": 1.0}
PROJECTION: Final = 64
TEMPERATURE: Final = 0.2


def judge(
    bench: Bench, name: str, encode: Encode, head: Head, classify: Classify | None, size: float | None
) -> Outcome:
    """A head on an encoder: the sets, the six classes, and the speed of both together."""
    sets, ask = bench.judge_head(name, encode, head)
    more = {} if classify is None else {"six classes": bench.judge_classes(name, encode, classify)}
    return Outcome(sets, more, bench.speed(lambda picture: ask(encode(picture))), size)


def on_pretrained(bench: Bench, head: Head, classify: Classify | None) -> Outcome:
    """A head on ImageNet's features."""
    net = pretrained()
    return judge(bench, PRETRAINED, encoder(net), head, classify, megabytes(net))


def clausen(bench: Bench) -> Outcome:
    """Pretrained features and ridge."""
    return on_pretrained(bench, heads.ridge, heads.ridge_classes)


def kvammen_neighbours(bench: Bench) -> Outcome:
    """Nearest neighbours of small pictures."""
    return judge(bench, "pixels", pixels, heads.neighbours, heads.neighbour_classes, None)


def kvammen_vectors(bench: Bench) -> Outcome:
    """A support vector machine on small pictures."""
    return judge(bench, "pixels", pixels, heads.support_vectors, heads.vector_classes, None)


def neighbours_on_features(bench: Bench) -> Outcome:
    """Nearest neighbours of ImageNet's features."""
    return on_pretrained(bench, heads.neighbours, heads.neighbour_classes)


def vectors_on_features(bench: Bench) -> Outcome:
    """A support vector machine on ImageNet's features."""
    return on_pretrained(bench, heads.support_vectors, heads.vector_classes)


# ------------------------------------------------------------------------------------------- networks


def changed(pictures: Pixels, rng: np.random.Generator, side: int) -> Tensor:
    """Pictures as other cameras might have taken them, ready for a network."""
    strength = STRENGTHS["strong"]
    return torch.from_numpy(
        to_input(np.stack([apply_change(draw_change(rng, strength), picture, side) for picture in pictures]))
    )


def shuffled(count: int, batch: int, epochs: int, seed: int) -> list[np.ndarray]:
    """The rows of every step: whole batches of shuffled epochs."""
    rng = np.random.default_rng([seed, 3])
    batch = min(batch, count)
    return [
        order[start : start + batch]
        for order in (rng.permutation(count) for _ in range(epochs))
        for start in range(0, count - batch + 1, batch)
    ]


def one_cycle(net: nn.Module, steps: int, top: float) -> tuple[torch.optim.Optimizer, Callable[[], None]]:
    """AdamW, and what moves its rate up and down over the steps."""
    optimiser = torch.optim.AdamW(net.parameters(), lr=top, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, top, total_steps=max(2, steps))

    def move() -> None:
        optimiser.step()
        schedule.step()
        optimiser.zero_grad(set_to_none=True)

    return optimiser, move


def teach_residual(net: nn.Module, lessons: Skies, side: int, epochs: int, seed: int) -> None:
    """Learn aurora or none from the lessons, from random weights."""
    torch.manual_seed(seed)
    rng = np.random.default_rng([seed, 50])
    answer = nn.Linear(2048, 2)
    whole = nn.Sequential(net, answer)
    rows = shuffled(len(lessons), 32, epochs, seed)
    _, move = one_cycle(whole, len(rows), 1e-3)
    weight = torch.from_numpy(heads.weights(lessons.part, lessons.yes)).float()
    whole.train()
    for some in rows:
        logits = whole(changed(lessons.pictures[some], rng, side))
        truth = torch.from_numpy(lessons.yes[some].astype(np.int64))
        loss = nn.functional.cross_entropy(logits, truth, reduction="none")
        (loss * weight[some]).mean().backward()  # type: ignore[no-untyped-call]
        move()


def residual() -> nn.Module:
    """ResNet-50 up to its 2,048 features, from random weights."""
    net: nn.Module = resnet50(weights=None)
    net.fc = nn.Identity()
    return net


def kvammen_residual(bench: Bench) -> Outcome:
    """ResNet-50 from random weights on the lessons, its last layer fitted as every other head."""
    side, epochs = bench.plan.size.resnet
    lessons, seed = bench.skies.lessons, bench.plan.seed
    teach = partial(teach_residual, lessons=lessons, side=side, epochs=epochs, seed=seed)
    net = learned(bench.folder / "networks" / "resnet50.pt", _seeded(residual, seed), teach)
    return judge(bench, "resnet50", encoder(net, side), heads.ridge, heads.ridge_classes, megabytes(net))


def contrast(first: Tensor, second: Tensor) -> Tensor:
    """SimCLR's loss of two views (N, D) each: every view finds its other one among all (NT-Xent)."""
    both = nn.functional.normalize(torch.cat([first, second]), dim=1)
    alike = both @ both.T / TEMPERATURE
    alike = alike.masked_fill(torch.eye(len(both), dtype=torch.bool), float("-inf"))
    count = len(first)
    other = torch.cat([torch.arange(count, 2 * count), torch.arange(count)])
    return nn.functional.cross_entropy(alike, other)


def teach_contrast(net: nn.Module, lessons: Skies, side: int, epochs: int, seed: int) -> None:
    """Learn from the lessons' pictures without their labels."""
    torch.manual_seed(seed)
    rng = np.random.default_rng([seed, 18])
    project = nn.Sequential(nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, PROJECTION))
    whole = nn.Sequential(net, project)
    rows = shuffled(len(lessons), 64, epochs, seed)
    _, move = one_cycle(whole, len(rows), 2e-3)
    whole.train()
    for some in rows:
        views = [changed(lessons.pictures[some], rng, side) for _ in range(2)]
        first, second = whole(torch.cat(views)).chunk(2)
        contrast(first, second).backward()  # type: ignore[no-untyped-call]
        move()


def small_residual() -> nn.Module:
    """ResNet-18 up to its 512 features, from random weights."""
    net: nn.Module = resnet18(weights=None)
    net.fc = nn.Identity()
    return net


def simclr(bench: Bench) -> tuple[nn.Module, int]:
    """The network that learned by contrast, and its picture side."""
    side, epochs = bench.plan.size.simclr
    lessons, seed = bench.skies.lessons, bench.plan.seed
    teach = partial(teach_contrast, lessons=lessons, side=side, epochs=epochs, seed=seed)
    return learned(bench.folder / "networks" / "simclr.pt", _seeded(small_residual, seed), teach), side


def johnson(bench: Bench, share: str) -> Outcome:
    """SimCLR's features and a linear probe that is shown a share of the labels."""
    net, side = simclr(bench)
    head = heads.few(heads.logistic, SHARES[share], bench.plan.seed)
    classify = heads.probe_classes if share == "100" else None
    return judge(bench, "simclr", encoder(net, side), head, classify, megabytes(net))


def _seeded(make: Callable[[], nn.Module], seed: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()
