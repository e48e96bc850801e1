"""The shape head learns the forms, and nothing else of a finished network changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from models.labels import FORM_HEAD, OUTPUTS
from models.network import FORM_STAGES, AuroraNet
from models.preprocess import to_input
from training.data.bank import BankWriter, open_bank
from training.data.items import Item
from training.export import probe_frames, read_checkpoint
from training.forms import Seen, fit, learn_forms
from training.losses import forms_loss

torch.set_num_threads(1)


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    """A run's model.pt with a mask and forms."""
    torch.manual_seed(0)
    net = AuroraNet(len(OUTPUTS), dropout=0, stochastic_depth=0, head_std=0.1, mask=True)
    torch.save({"net": net.state_dict(), "recipe": "{}", "seed": 1}, tmp_path / "model.pt")
    return tmp_path / "model.pt"


@pytest.fixture
def bank(tmp_path: Path) -> Path:
    """Four pairs, three of them lit and judged."""
    writer = BankWriter(tmp_path / "bank", 4, 2, 240)
    for number, picture in enumerate(probe_frames(4)):
        forms = np.array([1, 0, -1, 0, 1, 0], np.int8) if number else None
        writer.add(Item([picture, picture], [0, int(number > 0)], forms=forms))
    writer.flush()
    return tmp_path / "bank"


def test_only_the_logits_of_the_forms_change(finished: Path, bank: Path) -> None:
    """Aurora, sky, maps and mask stay to the last bit; every weight there was stays."""
    before, _ = read_checkpoint(finished)
    assert learn_forms(finished, [bank], epochs=2) == 3
    after, _ = read_checkpoint(finished)
    for name, value in before.state_dict().items():
        assert torch.equal(after.state_dict()[name], value), name
    pixels = torch.from_numpy(to_input(np.array(open_bank(bank).pictures[:, 1])))
    with torch.inference_mode():
        (old, *rest), (new, *others) = before(pixels), after(pixels)
    assert torch.equal(old[:, : FORM_HEAD.start], new[:, : FORM_HEAD.start])
    assert not torch.allclose(old[:, FORM_HEAD.span], new[:, FORM_HEAD.span])
    assert all(torch.equal(one, other) for one, other in zip(rest, others, strict=True))


def test_learning_again_replaces_what_was_learned(finished: Path, bank: Path) -> None:
    """The same seed gives the same head, however often."""
    learn_forms(finished, [bank], epochs=1)
    first = torch.load(finished, weights_only=True)["net"]
    learn_forms(finished, [bank], epochs=1)
    again = torch.load(finished, weights_only=True)["net"]
    assert first.keys() == again.keys()
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_a_network_without_mask_is_refused(tmp_path: Path, bank: Path) -> None:
    """With a line that says what it lacks."""
    net = AuroraNet(4, dropout=0, stochastic_depth=0)
    torch.save({"net": net.state_dict(), "recipe": "{}", "seed": 1}, tmp_path / "model.pt")
    with pytest.raises(ValueError, match="draws no mask or names no forms"):
        learn_forms(tmp_path / "model.pt", [bank])


def test_shapes_that_the_mean_cannot_tell_are_learned() -> None:
    """A bar and the same light strewn about have one mean; the head tells them apart, turned as it may be."""
    rng = np.random.default_rng(0)
    count = 32
    fine = np.zeros((count, FORM_STAGES[5], 15, 15), np.float32)
    truth = np.full((count, 6), -1, np.int8)
    for row in range(count):
        truth[row, 0] = row % 2
        if row % 2:
            fine[row, :8, int(rng.integers(3, 12)), :] = 4
        else:
            fine[row, :8].reshape(8, -1)[:, rng.choice(225, 15, replace=False)] = 4
    coarse = torch.zeros(count, FORM_STAGES[7], 8, 8)
    seen = Seen(
        {5: torch.from_numpy(fine), 7: coarse, 3: torch.zeros(count, FORM_STAGES[3], 30, 30)},
        torch.full((count, 60, 60), 0.5),
        torch.zeros(count, 6),
        torch.from_numpy(truth),
    )
    head = fit(seen, seed=1, epochs=60)
    with torch.inference_mode():
        logits = head(seen.stages, seen.masks)
    assert float(forms_loss(logits, seen.forms)) < 0.3
    right = (logits[:, 0] > 0).numpy() == (truth[:, 0] == 1)
    assert right.mean() > 0.9
