"""Banks: what is drawn for each kind, and that its labels say what its pictures show."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from training.data.bank import BankWriter, new_array, open_bank
from training.data.banks import Kind, Plan, fill_bank
from training.simulator.render import CONTRAST

SIDE = 96


def test_an_onset_is_a_pair_of_one_sky_from_the_criterion_on(tmp_path: Path) -> None:
    """Without and with aurora, nothing else changed; the first minutes of an event, faint ones among them."""
    bank = open_bank(fill_bank(tmp_path, Plan("onset", 3, SIDE), 4))
    assert bank.aurora.tolist() == [[0, 1]] * 4
    assert bank.contrast.min() >= CONTRAST
    assert bank.has_heat.all()
    for bare, lit in bank.pictures.astype(np.int16):
        assert lit.mean() > bare.mean()
        assert np.median(np.abs(lit - bare)) <= 6  # most of the sky is as it was


@pytest.mark.parametrize(
    ("kind", "labels"),
    [
        ("daylight", [0, 0]),
        ("simulated", [0, 1]),
        ("bright", [0, 1]),
        ("dusk", [0, 1]),
        ("forms", [0, 1]),
        ("overhead", [0, 1]),
    ],
)
def test_the_bare_sky_is_never_aurora(tmp_path: Path, kind: Kind, labels: list[int]) -> None:
    """The second picture's label follows the contrast; where it is marginal, it is not judged."""
    bank = open_bank(fill_bank(tmp_path, Plan(kind, 2, SIDE), 3))
    assert (bank.aurora[:, 0] == 0).all()
    assert set(bank.aurora[:, 1].tolist()) <= {*labels, -1}
    if labels[1]:
        assert ((bank.contrast >= 1.5 * CONTRAST) == (bank.aurora[:, 1] == 1)).all()


def test_the_same_seed_draws_the_same_bank_with_any_number_of_workers(tmp_path: Path) -> None:
    """To the byte."""
    plan = Plan("simulated", 8, SIDE)
    one, other = (open_bank(fill_bank(tmp_path / str(n), plan, 2, workers=n)) for n in (1, 2))
    assert np.array_equal(one.pictures, other.pictures)
    assert np.array_equal(one.labels["forms"], other.labels["forms"])


def test_keogram_skies_need_their_folder(tmp_path: Path) -> None:
    """One line that names the option."""
    with pytest.raises(ValueError, match="give --keograms"):
        fill_bank(tmp_path, Plan("keogram", 1), 1)


def test_a_bank_begun_anew_has_no_labels_of_the_one_before(tmp_path: Path) -> None:
    """Stopped before its first table it is no bank: the old labels would say aurora of black pictures. Who has the
    old one open keeps its pictures.
    """
    old = open_bank(fill_bank(tmp_path, Plan("overhead", 2, SIDE), 1))
    BankWriter(tmp_path, 1, 2, SIDE)
    with pytest.raises(FileNotFoundError, match="no bank at"):
        open_bank(tmp_path)
    assert old.pictures.any()


def test_a_disk_too_small_for_an_array_is_an_error_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no bus error at the page for which there is no space; the file is gone."""

    def full(*_: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    with pytest.raises(OSError, match=r"pictures\.npy"):
        new_array(tmp_path / "pictures.npy", (1000,))
    assert not list(tmp_path.iterdir())
