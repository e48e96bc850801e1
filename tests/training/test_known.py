"""The distance from known pictures: in the graph, near 1 for what is known, far for what is not."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models.card import ModelError, card_path, read_card
from models.network import MIDDLE, AuroraNet
from models.runtime import load
from tests.living import living_net
from training.export import Account, export_net, probe_frames, write_card
from training.known import distances, left_out_distances, textures, whitening
from training.soup import average

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def net() -> AuroraNet:
    """See :func:`tests.living.living_net`; tests do not change it."""
    return living_net(side=96)


def knowing(net: AuroraNet, weight: np.ndarray, bias: np.ndarray) -> AuroraNet:
    """The network with its distance."""
    other = AuroraNet(4, dropout=0, stochastic_depth=0, known=True)
    kept = {"known.weight": torch.from_numpy(weight).float(), "known.bias": torch.from_numpy(bias).float()}
    other.load_state_dict({**net.state_dict(), **kept})
    return other.eval()


def test_known_vectors_lie_near_one_and_others_far() -> None:
    """Whitened, what it was fitted on has a mean square of about 1; a shift of ten deviations shows."""
    rng = np.random.default_rng(0)
    known = rng.normal(0, 1, (400, 20)) * rng.uniform(0.1, 10, 20) + 5
    weight, bias = whitening(known)
    assert distances(known, weight, bias).mean() == pytest.approx(1, abs=0.1)
    assert distances(known + 10 * known.std(0), weight, bias).min() > 3


def test_a_fold_does_not_know_its_own_frames() -> None:
    """A group far from all others is far by the whitening without it."""
    rng = np.random.default_rng(1)
    skies = rng.normal(0, 1, (60, 8))
    skies[40:] += 12
    fold = np.repeat([1, 2, 3], 20)
    found = left_out_distances(skies, fold, rng.normal(0, 1, (100, 8)))
    assert found[fold == 3].min() > 2 * found[fold < 3].max()


def test_the_graph_measures_the_distance_and_the_card_doubts(net: AuroraNet, tmp_path: Path) -> None:
    """Noise is far from smooth skies; ONNX Runtime, torch and numpy agree; the limit decides."""
    skies = probe_frames(12)
    found = textures(net, skies)
    assert found.shape == (12, 2 * MIDDLE)
    weight, bias = whitening(found)
    noise = np.random.default_rng(2).integers(0, 255, skies[:1].shape).astype(np.uint8)
    frames = np.concatenate([skies[:3], noise])
    expected = distances(textures(net, frames), weight, bias)
    limit = float(expected[:3].max() * 1.2)
    assert expected[3] > 2 * limit
    path = tmp_path / "knowing.onnx"
    export_net(knowing(net, weight, bias), path, Account("k", "For tests.", recipe={"distance_limit": limit}))
    answers = load(path, device="cpu", threads=1).predict(frames)
    by_torch = load(path, runtime="torch", device="cpu", threads=1).predict(frames)
    np.testing.assert_allclose([one.distance for one in answers], expected, rtol=1e-3)
    np.testing.assert_allclose([one.distance for one in by_torch], expected, rtol=1e-3)
    assert [one.doubted for one in answers] == [False, False, False, True]
    assert read_card(path).distance_limit == limit


def test_a_model_without_distance_does_not_doubt_and_gets_no_limit(model_file: Path, tmp_path: Path) -> None:
    """Older models go on working; a limit that nothing is held against is refused."""
    path = tmp_path / "silent.onnx"
    shutil.copy(model_file, path)
    shutil.copy(card_path(model_file), card_path(path))
    card = read_card(path)
    answers = load(path, device="cpu", threads=1).predict(probe_frames(2))
    assert {(one.distance, one.doubted) for one in answers} == {(0.0, False)}
    write_card(replace(card, distance_limit=1.5), path)
    with pytest.raises(ModelError, match="not of aurorad's shape"):
        load(path, device="cpu", threads=1)


def test_the_average_of_two_runs_is_their_mean(net: AuroraNet, tmp_path: Path) -> None:
    """Weights are averaged one by one, counters are not."""
    start = net.state_dict()
    for number, factor in ((1, 1.0), (2, 3.0)):
        kept = {name: value * factor if value.is_floating_point() else value for name, value in start.items()}
        torch.save({"net": kept, "recipe": "{}", "seed": number}, tmp_path / f"{number}.pt")
    out = average([tmp_path / "1.pt", tmp_path / "2.pt"], tmp_path / "mean.pt")
    kept = torch.load(out, weights_only=True)
    torch.testing.assert_close(kept["net"]["head.weight"], start["head.weight"] * 2)
    assert kept["seed"] == [1, 2]
