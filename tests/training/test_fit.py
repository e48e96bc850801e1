"""Training repeats itself to the bit, survives a kill, and keeps pairs together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from models.labels import FORM_HEAD, OUTPUTS
from models.preprocess import to_input
from training.data.augment import NONE, STRONG, apply_change, draw_change
from training.data.bank import HEAT_SIDE, BankWriter, open_bank
from training.data.dataset import night_split, write_manifest
from training.data.folder_labels import folder_rows
from training.data.items import Item
from training.export import read_checkpoint
from training.fit import fit, make_batch, open_materials, shares
from training.recipe import Recipe, load_recipe
from training.student import Student, load_start


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def small_bank(path: Path, pairs: int = 8) -> Path:
    """Pairs of a grey disc without and with a green square, the square plainer from pair to pair."""
    writer = BankWriter(path, pairs, 2, 64)
    for i in range(pairs):
        bare = np.full((64, 64, 3), 40, np.uint8)
        lit = bare.copy()
        lit[20:40, 20:40, 1] += np.uint8(min(200, 20 * i))
        heat = np.zeros((HEAT_SIDE, HEAT_SIDE), np.uint8)
        heat[20:40, 20:40] = 255
        forms = np.array([1, 0, 0, 0, 0, 0], np.int8)
        writer.add(Item([bare, lit], [0, 1], i % 2, float(i), heat, forms, night=str(i)))
    writer.flush()
    return path


def small_recipe(bank: Path, **changes: object) -> Recipe:
    values: dict[str, object] = {
        "name": "small",
        "head_std": 0.01,
        "checkpoint_every": 1,
        "material": [{"kind": "bank", "path": str(bank), "bright_first": True}],
        "stage": [
            {"name": "one", "side": 64, "batch": 4, "steps": 2, "plain_first": True},
            {"name": "two", "side": 64, "batch": 4, "steps": 1},
        ],
    }
    return Recipe.model_validate({**values, **changes})


def weights_of(path: Path) -> dict[str, torch.Tensor]:
    net: dict[str, torch.Tensor] = torch.load(path, weights_only=True)["net"]
    return net


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, torch.Tensor]:
    """The weights of the small recipe's run, left alone, by one thread and without a checkpoint on its way."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("whole")
    recipe = small_recipe(small_bank(folder / "bank"), checkpoint_every=99)
    return weights_of(fit(recipe, folder / "run", 1, device="cpu"))


def test_killed_and_resumed_ends_with_the_same_weights(
    whole: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    """A run stopped within a stage, and again at the next one's end, ends as the run left alone."""
    bank = small_bank(tmp_path / "bank")
    for stop in (1, 2):
        fit(small_recipe(bank), tmp_path / "parts", 1, device="cpu", stop_after=stop)
    parts = weights_of(fit(small_recipe(bank), tmp_path / "parts", 1, device="cpu"))
    assert whole.keys() == parts.keys()
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


def test_a_checkpoint_of_another_seed_is_refused(tmp_path: Path) -> None:
    """A run folder is not silently continued with another seed."""
    recipe = small_recipe(small_bank(tmp_path / "bank"))
    fit(recipe, tmp_path / "run", 1, device="cpu", stop_after=1)
    with pytest.raises(RuntimeError, match="another recipe or seed"):
        fit(recipe, tmp_path / "run", 2, device="cpu")


def test_a_run_is_not_gone_on_with_over_other_labels(tmp_path: Path) -> None:
    """Neither half-way nor when it is done: its model would pass for one that had learned from them."""
    recipe = small_recipe(small_bank(tmp_path / "bank"))
    fit(recipe, tmp_path / "run", 1, device="cpu", stop_after=1)
    small_bank(tmp_path / "bank", 30)
    with pytest.raises(RuntimeError, match=r"bank has changed since .*checkpoint\.pt began: choose another"):
        fit(recipe, tmp_path / "run", 1, device="cpu")


def test_thesis_recipe_trains_the_head_first_then_everything(tmp_path: Path) -> None:
    """The two-stage schedule on a small labelled folder: stage one leaves the body, stage two does not.

    Stopped between them and called again, it ends with the weights of a run left alone.
    """
    import cv2

    for label, green in (("yes", 150), ("no", 40)):
        (tmp_path / label).mkdir()
        for i in range(4):
            picture = np.full((64, 64, 3), (40, green + i, 40), np.uint8)
            cv2.imwrite(str(tmp_path / label / f"2024020{i + 1}000000_2024020{i + 1}_0.png"), picture)
    write_manifest(night_split(folder_rows(tmp_path), 1), tmp_path / "manifest.parquet")
    recipe = load_recipe("thesis-b1", ['weights = "none"'])
    material = recipe.material[0].model_copy(update={"path": tmp_path / "manifest.parquet"})
    stages = [stage.model_copy(update={"side": 64, "batch": 4, "epochs": 1}) for stage in recipe.stage]
    small = recipe.model_copy(update={"material": [material], "stage": stages, "keep": "last"})
    assert [stage.train for stage in recipe.stage] == ["head", "all"]
    assert [stage.epochs for stage in recipe.stage] == [6, 6]
    assert recipe.stage[1].lr == pytest.approx(recipe.stage[0].lr / 10)
    torch.manual_seed(1)
    start = Student(small).net.state_dict()
    steps = 2  # of stage one: six or so training frames by fours
    fit(small, tmp_path / "run", 1, device="cpu", stop_after=steps)
    kept = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)["student"]
    body = [name for name in start if name.startswith("features")]
    assert all(torch.equal(start[name], kept[f"net.{name}"]) for name in body)
    assert not torch.equal(start["head.weight"], kept["net.head.weight"])
    done = weights_of(fit(small, tmp_path / "run", 1, device="cpu"))
    assert not torch.equal(start["features.0.0.weight"], done["features.0.0.weight"])
    whole = weights_of(fit(small, tmp_path / "whole", 1, device="cpu"))
    assert all(torch.equal(whole[name], done[name]) for name in whole)


def test_both_members_of_a_pair_get_one_change_in_one_batch(tmp_path: Path) -> None:
    """The grey parts of neighbouring pictures are alike, and the labels alternate."""
    recipe = small_recipe(small_bank(tmp_path / "bank"))
    batch = make_batch(open_materials(recipe, 1), recipe, 1, 1, 0, 2)
    assert batch.aurora.tolist() == [0, 1, 0, 1]
    for bare, lit in ((0, 1), (2, 3)):
        alike = np.abs(batch.pictures[bare].astype(int) - batch.pictures[lit]).max(axis=2) <= 40
        assert alike.mean() > 0.6
        assert batch.heat[bare].max() == 0
        assert batch.heat[lit].max() > 0.9


def test_plain_aurora_comes_first(tmp_path: Path) -> None:
    """The first batches of a plain-first stage hold only the bank's plainest third."""
    bank = open_bank(small_bank(tmp_path / "bank", 30))
    recipe = small_recipe(bank.path)
    material = open_materials(recipe, 0)[0]
    drawn = []
    for stage in recipe.stage:
        rng = np.random.default_rng(0)
        lit = [material.draw(rng, 4, stage, 0, 0.0, 1).pictures[1::2, ..., 1].max((1, 2)) for _ in range(25)]
        drawn.append(float(np.concatenate(lit).min()))
    assert drawn[0] > 2 * drawn[1]


def test_shares_fill_the_batch_by_twos() -> None:
    """Pairs are never split, and nothing of the batch is left over."""
    assert shares([0.5, 0.25, 0.25], 32) == [16, 8, 8]
    assert sum(shares([0.4, 0.35, 0.25], 32)) == 32
    assert all(count % 2 == 0 for count in shares([0.4, 0.35, 0.25], 32))


def test_no_change_is_no_change() -> None:
    """With every strength at 0 the disc comes back as it was."""
    rng = np.random.default_rng(0)
    picture = np.full((64, 64, 3), 90, np.uint8)
    changed = apply_change(draw_change(rng, NONE), picture, 64)
    assert np.abs(changed[20:44, 20:44].astype(int) - 90).max() <= 1
    stronger = apply_change(draw_change(rng, STRONG), picture, 64)
    assert stronger.shape == (64, 64, 3)
    assert not stronger[:4, :4].any()


def test_missing_weights_are_one_clear_line(tmp_path: Path) -> None:
    """A file of starting weights that is not there is named."""
    recipe = small_recipe(small_bank(tmp_path / "bank"))
    with pytest.raises(RuntimeError, match=r"no starting weights at .*none\.pt"):
        load_start(Student(recipe).net, str(tmp_path / "none.pt"))


def test_unknown_recipe_keys_are_refused(tmp_path: Path) -> None:
    """A misspelt key or recipe is an error that names it."""
    with pytest.raises(ValueError, match="lerning_rate"):
        load_recipe("thesis-b1", ["lerning_rate = 1"])
    with pytest.raises(ValueError, match="aurorad-b1"):
        load_recipe("no-such-recipe")
    with pytest.raises(ValueError, match=r"outputs: must be one of 2, 4, "):
        load_recipe("aurorad-b1", ["outputs = 5"])
    assert load_recipe("aurorad-b1").outputs == len(OUTPUTS)


def test_a_network_learns_where_the_aurora_is_and_its_form(tmp_path: Path) -> None:
    """With the mask's and the forms' losses the mask falls on the square, and its form is more likely than others."""
    bank = small_bank(tmp_path / "bank")
    stage = {"name": "one", "side": 64, "batch": 8, "steps": 30, "lr": 3e-3}
    recipe = small_recipe(bank, outputs=10, mask_weight=1.0, form_weight=1.0, keep="last", stage=[stage])
    recipe = recipe.model_copy(
        update={
            "material": [recipe.material[0].model_copy(update={"augment": "none", "bright_first": False})]
        }
    )
    net, _ = read_checkpoint(fit(recipe, tmp_path / "run", 1, device="cpu"))
    lit = np.array(open_bank(bank).pictures[-1:, 1])
    found = dict(zip(net.answers, net(torch.from_numpy(to_input(lit))), strict=True))
    mask, forms = found["mask"][0], torch.sigmoid(found["logits"][0, FORM_HEAD.span])
    assert mask.shape == (16, 16)
    assert mask[6:10, 6:10].mean() > mask[12:, :].mean() + 0.2
    assert forms[0] > 0.6
    assert forms[1:].max() < 0.4


def test_workers_make_the_batches_that_one_thread_makes(
    whole: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    """Training with processes ends with the same weights."""
    recipe = small_recipe(small_bank(tmp_path / "bank"))
    theirs = weights_of(fit(recipe, tmp_path / "shared", 1, device="cpu", workers=1))
    assert whole.keys() == theirs.keys()
    assert all(torch.equal(whole[name], theirs[name]) for name in whole)


def test_what_a_later_stage_lacks_is_known_before_the_first(tmp_path: Path) -> None:
    """No hours of training end on a bank that was never drawn."""
    materials = [
        {"kind": "bank", "path": str(small_bank(tmp_path / "bank"))},
        {"kind": "bank", "path": str(tmp_path / "nowhere"), "from_stage": 1},
    ]
    recipe = small_recipe(tmp_path / "bank", material=materials)
    with pytest.raises(FileNotFoundError, match=r"no bank at .*nowhere; make it with"):
        fit(recipe, tmp_path / "run", 1, device="cpu")
    assert not (tmp_path / "run").exists()


def test_a_checkpoint_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    """With the way out; a run does not begin anew by itself over what somebody may want to keep."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run/checkpoint.pt").write_bytes(b"half")
    with pytest.raises(
        RuntimeError, match=r"checkpoint\.pt cannot be read: remove it, and the run begins anew"
    ):
        fit(small_recipe(small_bank(tmp_path / "bank")), tmp_path / "run", 1, device="cpu")
