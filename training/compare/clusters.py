"""Rows without labels: Yang's k-means on features and deep clustering; what the clusters are worth by NMI and purity."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import normalized_mutual_info_score
from torch import Tensor, nn

from training.compare.bench import Bench, Outcome
from training.compare.encoders import PRETRAINED, encoder, megabytes, pretrained
from training.compare.heads import Ask, Floats, Lesson, scaled
from training.compare.made import CLASSES

NAMED: Final = 24
"""Clusters that are named by the labels in them, where the question is aurora or none."""
HIDDEN: Final = 16
COMPONENTS: Final = 64
"""Principal components that the autoencoder sees of the features."""

Labels = npt.NDArray[np.int64]
Assign = Callable[[Floats], Labels]


def purity(kind: npt.NDArray[np.int8], cluster: Labels) -> float:
    """The share of pictures in the class that is most frequent in their cluster."""
    most = [np.bincount(kind[cluster == one]).max() for one in np.unique(cluster)]
    return float(np.sum(most) / len(kind))


def worth(kind: npt.NDArray[np.int8], cluster: Labels) -> dict[str, Any]:
    """Normalised mutual information with the classes, and purity."""
    return {
        "pictures": len(kind),
        "clusters": len(np.unique(cluster)),
        "nmi": round(float(normalized_mutual_info_score(kind, cluster)), 4),
        "purity": round(purity(kind, cluster), 4),
    }


def means(features: Floats, count: int, seed: int) -> Assign:
    """k-means over features."""
    model = KMeans(min(count, len(features)), n_init=4, random_state=seed).fit(features)
    return lambda asked: np.asarray(model.predict(np.ascontiguousarray(asked)), np.int64)


def named(cluster: Callable[[Floats, int, int], Assign], seed: int) -> Callable[[Lesson], Ask]:
    """A head: clusters found without labels, each then answering as the lessons in it weigh."""

    def fit(lesson: Lesson) -> Ask:
        assign = cluster(lesson.features, NAMED, seed)
        mine = assign(lesson.features)
        total = np.bincount(mine, lesson.weight, NAMED)
        yes = np.bincount(mine, lesson.weight * lesson.yes, NAMED)
        share = np.where(total > 0, yes / np.maximum(total, 1e-9), 0.5)
        return lambda features: np.asarray(share[assign(features)] - 0.5)

    return scaled(fit)


def _yang(bench: Bench, cluster: Callable[[Floats, int, int], Assign]) -> Outcome:
    net = pretrained()
    encode, seed = encoder(net), bench.plan.seed
    sets, ask = bench.judge_head(PRETRAINED, encode, named(cluster, seed))
    lessons, scenes = bench.skies.lessons, bench.skies.scenes
    known = bench.features(PRETRAINED, "lessons", encode, lessons)[lessons.part == "made"]
    mean, spread = known.mean(0), known.std(0) + 1e-6
    judged = scenes.kind >= 0
    asked = bench.features(PRETRAINED, "scenes", encode, scenes)[judged]
    assign = cluster((known - mean) / spread, len(CLASSES), seed)
    more = {"six clusters": worth(scenes.kind[judged], assign((asked - mean) / spread))}
    return Outcome(sets, more, bench.speed(lambda picture: ask(encode(picture))), megabytes(net))


def yang_means(bench: Bench) -> Outcome:
    """ImageNet's features and k-means."""
    return _yang(bench, means)


def yang_deep(bench: Bench) -> Outcome:
    """Deep embedded clustering of ImageNet's features."""
    epochs = bench.plan.size.cluster_epochs
    return _yang(bench, lambda features, count, seed: embedded(features, count, seed, epochs))


def embedded(features: Floats, count: int, seed: int, epochs: int) -> Assign:
    """Deep embedded clustering: an autoencoder's few numbers, pulled towards the centres they are near; of the
    features' first principal components.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        few = PCA(min(COMPONENTS, *features.shape), random_state=seed).fit(features)
        known = torch.from_numpy(few.transform(features)).float()
        down = nn.Sequential(nn.Linear(known.shape[1], 256), nn.ReLU(), nn.Linear(256, HIDDEN))
        up = nn.Sequential(nn.Linear(HIDDEN, 256), nn.ReLU(), nn.Linear(256, known.shape[1]))
        optimiser = torch.optim.AdamW([*down.parameters(), *up.parameters()], lr=1e-3)
        for _ in range(epochs):
            _step(optimiser, nn.functional.mse_loss(up(down(known)), known))
        centres = _centres(down(known).detach(), count, seed)
        optimiser = torch.optim.AdamW([*down.parameters(), centres], lr=3e-4)
        for _ in range(epochs):
            near = nearness(down(known), centres)
            _step(optimiser, nn.functional.kl_div(near.log(), sharper(near.detach()), reduction="batchmean"))

    def assign(asked: Floats) -> Labels:
        with torch.inference_mode():
            found = nearness(down(torch.from_numpy(few.transform(asked)).float()), centres).argmax(1)
        return np.asarray(found.numpy(), np.int64)

    return assign


def nearness(points: Tensor, centres: Tensor) -> Tensor:
    """How much each point belongs to each centre, (N, K), by Student's t with one degree of freedom."""
    near = 1 / (1 + torch.cdist(points, centres) ** 2)
    return near / near.sum(1, keepdim=True)


def sharper(near: Tensor) -> Tensor:
    """What belonging is pulled towards: its square, clusters of all sizes alike."""
    squared = near**2 / near.sum(0)
    return squared / squared.sum(1, keepdim=True)


def _centres(points: Tensor, count: int, seed: int) -> Tensor:
    model = KMeans(min(count, len(points)), n_init=4, random_state=seed).fit(points.numpy())
    return torch.from_numpy(model.cluster_centers_).float().requires_grad_()


def _step(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()
