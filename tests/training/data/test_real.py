"""Real frames keep their sources apart, and looks and laid-over aurora keep pairs together."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from models.preprocess import disc_mask
from training.data.augment import STRONG, apply_change, draw_change
from training.data.bank import BankWriter, open_bank
from training.data.banks import Plan, fill_bank
from training.data.items import Item
from training.data.looks import LOOKS, dress
from training.data.real import counted, folds, read_frames, read_sources, squares
from training.data.sources import BankMaterial
from training.data.transplant import LEAST, contrast, is_grey, transplant
from training.recipe import MaterialSpec, Stage

DATA = Path(__file__).parents[4] / "shared" / "data"
needs_data = pytest.mark.skipif(
    not DATA.exists(), reason="the developers' collection of real frames is not here"
)
STAGE = Stage(name="small", side=64, batch=8, steps=1)


def sky(level: int = 40, side: int = 120) -> np.ndarray:
    """A bluish sky disc with a slope in it."""
    slope = np.linspace(0, 20, side)[:, None, None] + np.array([level + 15, level, level - 5])
    picture = np.clip(np.repeat(slope, side, axis=1), 0, 255).astype(np.uint8)
    picture[~disc_mask(side)] = 0
    return picture


def arc(side: int = 120) -> np.ndarray:
    """The square root of an arc's light."""
    root = np.zeros((side, side, 3), np.uint8)
    cv2.ellipse(root, (side // 2, side // 2), (side // 3, side // 4), 0, 180, 350, (90, 230, 80), 6)
    return root


def test_every_frame_has_a_source_and_every_source_a_fold_and_a_licence() -> None:
    """Nothing is learned from without an account of where it is from."""
    sources = read_sources()
    assert {frame.source for frame in read_frames()} == set(sources)
    assert all(one.licence and one.origin for one in sources.values())
    assert sorted(name for names in folds().values() for name in names) == sorted(sources)


def test_folds_have_aurora_and_skies_without_on_both_sides() -> None:
    """Whatever fold is left out, there is something of both kinds to learn from, and something to be judged on."""
    frames = [frame for frame in read_frames() if frame.judged]
    for names in folds().values():
        inside = [frame for frame in frames if frame.source in names]
        assert {frame.yes for frame in inside} == {True, False}
        assert {frame.yes for frame in frames if frame.source not in names} == {True, False}


def test_a_source_left_out_is_not_learned_from(tmp_path: Path) -> None:
    """Neither as a frame nor as the sky that aurora is laid over; a misspelt source is refused."""
    writer = BankWriter(tmp_path / "real", 4, 1, 64)
    for source, yes in (("korea", 0), ("kho-sony", 0), ("korea", 1), ("kho-sony", 1)):
        writer.add(Item([np.zeros((64, 64, 3), np.uint8)], [yes], source=source))
    writer.flush()
    bank, spec = open_bank(tmp_path / "real"), MaterialSpec(kind="frames", path=tmp_path)
    material = BankMaterial(bank, spec, ["korea"])
    assert [[rows.tolist() for rows in half] for half in material.halves] == [[[1]], [[3]]]
    with pytest.raises(ValueError, match="no such source: koera"):
        BankMaterial(bank, spec, ["koera"])


def test_one_night_of_one_camera_counts_as_a_few_frames() -> None:
    """The AuroraMAX sequence has hundreds of frames and eight votes, spread over the night."""
    mine = [frame for frame in counted(read_frames()) if frame.night == "auroramax-sequence"]
    assert len(mine) == 8
    assert mine[0].file.endswith("000.jpg")
    assert mine[-1].file.endswith("246.jpg")


@needs_data
def test_frames_are_cut_to_their_discs() -> None:
    """One of each kind of file: square, disc in a wide picture, movie frame, stretched picture."""
    wanted = ("sequence/000", "20140221192040", "kho1.mp4#60", "player_911x545", "hobby_024")
    frames = [next(f for f in read_frames() if one in f.file) for one in wanted]
    pictures = squares(DATA, frames)
    assert pictures.shape == (5, 240, 240, 3)
    assert not pictures[:, ~disc_mask(240)].any()
    assert all(picture[disc_mask(240)].max() > 100 for picture in pictures)


@needs_data
def test_a_batch_of_real_frames_is_half_aurora(tmp_path: Path) -> None:
    """Every second frame shows aurora; a laid-over pair is labelled no, yes, with its map."""
    writer = BankWriter(tmp_path / "light", 1, 1, 120)
    writer.add(Item([arc()], [1]))
    writer.flush()
    real = fill_bank(tmp_path / "real", Plan("real", 1, 64, real=DATA), 1)
    laid = fill_bank(tmp_path / "laid", Plan("transplant", 1, 64, real=DATA, light=tmp_path / "light"), 3)
    frames, pairs = (
        BankMaterial(open_bank(path), MaterialSpec(kind="frames", path=path)).draw(
            np.random.default_rng(1), 8, STAGE, 0, 0, 1
        )
        for path in (real, laid)
    )
    assert frames.aurora.tolist() == [0, 1] * 4
    assert pairs.aurora.tolist() == [0, 1] * 4
    assert pairs.heat[0].max() == 0
    assert pairs.heat[1].max() > 0


def test_aurora_is_laid_over_a_sky_as_plain_as_drawn() -> None:
    """The lit member is nowhere darker, and its contrast is over the least that counts."""
    for seed in range(6):
        pair = transplant(np.random.default_rng(seed), sky(), arc(), cloudy=bool(seed % 2))
        assert pair is not None
        assert (pair.lit.astype(int) - pair.bare).min() >= 0
        assert pair.contrast == pytest.approx(contrast(pair.bare, pair.lit))
        assert pair.contrast > LEAST / 2


def test_a_grey_camera_gets_grey_aurora() -> None:
    """A sensor without colour shows none of the aurora's."""
    grey = np.repeat(sky()[..., :1], 3, axis=2)
    pair = transplant(np.random.default_rng(3), grey, arc(), cloudy=False)
    assert is_grey(grey)
    assert pair is not None
    assert is_grey(pair.lit)


def test_a_white_sky_gets_no_aurora() -> None:
    """Where no light is plain, there is no pair."""
    assert transplant(np.random.default_rng(0), np.full((120, 120, 3), 255, np.uint8), arc(), False) is None


def test_a_look_is_the_same_for_both_members_of_a_pair() -> None:
    """The aurora stays the one difference: where the bare sky and the lit one agree, so do their looks."""
    change = draw_change(np.random.default_rng(5), STRONG, looks=1.0)
    assert change.look_seed is not None
    first, second = (apply_change(change, sky(), 96) for _ in range(2))
    assert np.array_equal(first, second)


def test_every_look_keeps_shape_and_changes_something() -> None:
    """Each look is drawn on a small and a large picture without failing."""
    for chance, look in LOOKS:
        for side in (64, 120):
            light = sky(side=side).astype(np.float32)
            changed = [look(light, np.random.default_rng(seed)) for seed in range(8)]
            assert all(one.shape == light.shape and np.isfinite(one).all() for one in changed), look
            assert any(not np.allclose(one, sky(side=side)) for one in changed), look
        assert 0 < chance < 1
    assert dress(sky(), 4).dtype == np.uint8
