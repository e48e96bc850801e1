"""The model's own doubt: how far a picture is from those it knows, and from where on that is too far.

    aurorad-train doubt runs/b1-average/model.pt --real ../shared/data --bank runs/banks/simulated …

Means and variances of a middle stage's channels (``models.network.texture``) over known pictures are
whitened, so that known pictures lie near 1; cards with text, colour bars, flat colour and noise lie far
off. Half a picture that is a sky does not: for that the watch looks at the picture itself.

The limit is set on real frames whose sources took no part: each fold's are measured by a whitening
without them. No real sky may be doubted, so it lies above the greatest of these distances.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from models.network import MIDDLE, AuroraNet, texture
from models.preprocess import Pixels, to_input
from training.data.bank import open_bank
from training.data.looks import by_chance
from training.data.real import counted, read_frames, read_sources, squares
from training.export import read_checkpoint
from training.kept import read_kept, write_kept

Floats = npt.NDArray[np.float64]

FROM_A_BANK: Final = 150
SHRINK: Final = 0.05
"""How far the covariance is drawn to the identity; few pictures make it too sure of itself."""
ROOM: Final = 1.15
"""The limit over the greatest distance of a real frame whose source took no part."""


def doubt(model: Path, real: Path, banks: Sequence[Path]) -> float:
    """Give a finished run's network its distance, in ``model.pt`` itself, and return the limit."""
    kept = read_kept(model)
    net, _ = read_checkpoint(model)
    frames = counted(read_frames())
    skies = textures(net, squares(real, frames))
    made = textures(net, bank_pictures(banks))
    fold_of = {name: one.fold for name, one in read_sources().items()}
    fold = np.array([fold_of[frame.source] for frame in frames])
    limit = ROOM * float(np.max(left_out_distances(skies, fold, made)))
    weight, bias = whitening(np.concatenate([made, skies]))
    kept["net"] |= {
        "known.weight": torch.from_numpy(weight.astype(np.float32)),
        "known.bias": torch.from_numpy(bias.astype(np.float32)),
    }
    kept["distance_limit"] = round(limit, 3)
    write_kept(model, kept)
    return round(limit, 3)


def left_out_distances(skies: Floats, fold: npt.NDArray[np.int64], made: Floats) -> Floats:
    """Each real frame's distance by a whitening that knows no frame of its fold."""
    found = np.zeros(len(skies))
    for number in np.unique(fold):
        others = np.concatenate([made, skies[fold != number]])
        found[fold == number] = distances(skies[fold == number], *whitening(others))
    return found


def whitening(known: Floats) -> tuple[Floats, Floats]:
    """(N, D) → the weight (D, D) and bias (D,) after which known pictures have unit variance."""
    centre, spread = known.mean(0), known.std(0) + 1e-3 * known.std()
    scaled = (known - centre) / spread
    covariance = (1 - SHRINK) * np.cov(scaled.T) + SHRINK * np.eye(scaled.shape[1])
    values, vectors = np.linalg.eigh(covariance)
    weight = (vectors / np.sqrt(values)).T / spread
    return weight, -weight @ centre


def distances(textures_: Floats, weight: Floats, bias: Floats) -> Floats:
    """(N, D) → (N,), as ``AuroraNet.distance``."""
    return np.asarray(np.sqrt(np.square(textures_ @ weight.T + bias).mean(1)))


def textures(net: AuroraNet, pictures: Pixels, batch: int = 16) -> Floats:
    """(N, 240, 240, 3) → (N, 160)."""
    net.eval()
    found = np.zeros((0, 2 * MIDDLE))
    with torch.inference_mode():
        for start in range(0, len(pictures), batch):
            middle = net.features[:5](torch.from_numpy(to_input(pictures[start : start + batch])))
            found = np.concatenate([found, texture(middle).double().numpy()])
    return found


def bank_pictures(banks: Sequence[Path], seed: int = 1) -> Pixels:
    """Pictures drawn from the banks, half of them with a camera's look."""
    rng = np.random.default_rng(seed)
    pictures: list[Pixels] = []
    for path in banks:
        bank = open_bank(path)
        pictures += [
            by_chance(np.array(bank.pictures[row, int(rng.integers(bank.members))]), rng)
            for row in rng.integers(0, len(bank), min(FROM_A_BANK, len(bank)))
        ]
    return np.stack(pictures)
