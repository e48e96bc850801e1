"""The thesis's sampling and split to the frame, and the split that keeps nights apart."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from training.cli import cli
from training.data.dataset import (
    ManifestMaterial,
    Row,
    night_split,
    placed,
    proportional,
    read_manifest,
    sides_of,
    thesis_change,
    thesis_sample,
    thesis_split,
    write_manifest,
)
from training.data.folder_labels import folder_rows
from training.recipe import MaterialSpec, Stage


def night_rows(
    night: str, count: int, label: str = "", twilight: str = "night", moon: str = "none"
) -> list[Row]:
    return [
        Row(f"{night}-{label}{i}.jpg", night, twilight=twilight, moonlight=moon, label=label)
        for i in range(count)
    ]


def test_sample_takes_twenty_or_half_of_a_night() -> None:
    """A long night gives 20 frames, one of 10 frames 5, and none under the moon or in twilight."""
    rows = [
        *night_rows("20240101", 300),
        *night_rows("20240102", 10),
        *night_rows("20240103", 50, moon="full"),
        *night_rows("20240104", 50, twilight="nautical"),
    ]
    chosen = thesis_sample(rows, 1)
    assert Counter(row.night for row in chosen) == {"20240101": 20, "20240102": 5}
    assert chosen == thesis_sample(rows, 1)
    assert chosen != thesis_sample(rows, 2)


@pytest.mark.parametrize(("split", "hint"), [("thesis", True), ("night", False)])
def test_one_frame_a_night_leaves_the_thesis_nothing_to_train_on(
    tmp_path: Path, split: str, hint: bool
) -> None:
    """floor(0.8 · 1) is 0: the manifest is written as the thesis would, and the reason told."""
    for kind in ("yes", "no"):
        (tmp_path / "in" / kind).mkdir(parents=True)
        for night in range(1, 6):
            name = f"2024020{night}020000_2024020{night}_{int(kind == 'yes')}.png"
            cv2.imwrite(str(tmp_path / "in" / kind / name), np.full((240, 240, 3), 40, np.uint8))
    words = ["sample", "--labelled", str(tmp_path / "in"), "--split", split, "--out", str(tmp_path / "out")]
    told = CliRunner().invoke(cli, words, catch_exceptions=False)
    assert told.exit_code == 0
    assert ("nothing to train on" in told.output) is hint
    assert (" 0 to train on" in told.output) is hint


def test_split_counts_are_the_thesis_counts() -> None:
    """1,353 yes over nights of 1 to 20 frames split by floor(0.8 n); 3,210 no match both totals exactly."""
    rng = np.random.default_rng(3)
    sizes: list[int] = []
    while sum(sizes) < 1353:
        sizes.append(min(int(rng.integers(1, 21)), 1353 - sum(sizes)))
    rows = [row for i, n in enumerate(sizes) for row in night_rows(f"n{i:03d}", n, "yes")]
    rows += [Row(f"no{i}.jpg", f"n{int(rng.integers(0, 250)):03d}", label="no") for i in range(3210)]
    split = thesis_split(rows, 1)
    counts = Counter((row.label, row.split) for row in split)
    wanted = sum(int(0.8 * n + 1e-9) for n in sizes)
    assert counts["yes", "train"] == counts["no", "train"] == wanted
    assert counts["yes", "validation"] == counts["no", "validation"] == 1353 - wanted
    assert counts["no", ""] == 3210 - 1353


def test_split_is_within_each_night() -> None:
    """Of ten yes frames of a night eight train and two validate; of one frame none trains."""
    rows = [*night_rows("a", 10, "yes"), *night_rows("b", 1, "yes"), *night_rows("c", 40, "no")]
    split = thesis_split(rows, 1)
    counts = Counter((row.night, row.split) for row in split if row.label == "yes")
    assert counts == {("a", "train"): 8, ("a", "validation"): 2, ("b", "validation"): 1}


def test_fractions_go_to_the_largest_nights() -> None:
    """7 of 20 over nights of 10, 6 and 4: 3, 2, 1 whole, and the last one to the largest."""
    assert proportional({"a": 4, "b": 10, "c": 6}, 7) == {"a": 1, "b": 4, "c": 2}
    assert proportional({"a": 2, "b": 3}, 9) == {"a": 2, "b": 3}


def test_night_split_keeps_nights_apart() -> None:
    """No night stands on both sides, and the training side holds about the share asked for."""
    rows = [row for i in range(20) for row in night_rows(f"n{i}", 10, "yes" if i % 2 else "no")]
    split = night_split(rows, 5)
    sides = {side: {row.night for row in split if row.split == side} for side in ("train", "validation")}
    assert not sides["train"] & sides["validation"]
    assert 0.7 <= len(sides["train"]) / 20 <= 0.9
    assert all(row.split == "" for row in night_split([Row("x.jpg", "n1")], 1))


def test_nights_keep_their_side_when_others_come() -> None:
    """Else the model that is there already is judged on nights it has learned from."""
    nights = [night_rows(f"n{i:02d}", 10, "yes" if i % 2 else "no") for i in range(60)]
    rows, split = list[Row](), list[Row]()
    for count in (10, 11, 15, 25, 60):
        rows = [row for night in nights[:count] for row in night]
        before, split = sides_of(split), night_split(rows, 5, before=split)
        now = sides_of(split)
        assert len(now) == count
        assert before.items() <= now.items()
        assert 0.7 <= sum(side == "train" for side in now.values()) / count <= 0.9
    alone = night_split(nights[0], 1)
    assert {row.split for row in alone} == {"train"}
    assert set(sides_of(night_split([*nights[0], *nights[1]], 1, before=alone)).values()) == {
        "train",
        "validation",
    }
    torn = [
        replace(row, split=side) for row, side in zip(nights[0], ["train", "validation"] * 5, strict=True)
    ]
    assert sides_of(torn) == {}


def labelled_folder(folder: Path, per_label: int = 4) -> Path:
    rng = np.random.default_rng(0)
    for label, colour in (("yes", (40, 160, 60)), ("no", (40, 40, 40))):
        (folder / label).mkdir(parents=True)
        for i in range(per_label):
            picture = np.clip(rng.normal(colour, 12, (80, 80, 3)), 0, 255).astype(np.uint8)
            cv2.imwrite(str(folder / label / f"20240201011954_2024020{1 + i % 2}_{i}.jpg"), picture)
    return folder


def test_manifest_of_a_folder_comes_back_from_parquet(tmp_path: Path) -> None:
    """Night from the thesis's file name, label from the folder, sha256 of the file; nothing is lost."""
    rows = folder_rows(labelled_folder(tmp_path / "made"), "auroramax")
    assert {row.night for row in rows} == {"20240201", "20240202"}
    assert Counter(row.label for row in rows) == {"yes": 4, "no": 4}
    assert all(len(row.sha256) == 64 for row in rows)
    path = write_manifest(placed(rows, tmp_path / "made", tmp_path), tmp_path / "manifest.parquet")
    assert read_manifest(path) == placed(rows, tmp_path / "made", tmp_path)
    assert (tmp_path / read_manifest(path)[0].path).exists()


def test_no_manifest_is_one_line_with_the_mend(tmp_path: Path) -> None:
    """What is missing is named, and the command that makes it."""
    with pytest.raises(ValueError, match="aurorad-train sample"):
        read_manifest(tmp_path / "none.parquet")
    with pytest.raises(ValueError, match="no pictures"):
        folder_rows(tmp_path)


def test_an_epoch_shows_every_frame_once(tmp_path: Path) -> None:
    """The steps of one epoch go through the training frames without repeating any."""
    rows = night_split(folder_rows(labelled_folder(tmp_path, 5)), 1)
    path = write_manifest(rows, tmp_path / "manifest.parquet")
    material = ManifestMaterial(MaterialSpec(kind="manifest", path=path, augment="none"))
    stage = Stage(name="x", side=64, batch=2, epochs=1)
    steps = -(-len(material) // 2)
    batches = [material.draw(np.random.default_rng(i), 2, stage, i, 0.0, 1) for i in range(steps)]
    assert sum(len(batch.aurora) for batch in batches) == len(material)
    seen = {bytes(picture) for batch in batches for picture in batch.pictures}
    assert len(seen) == len(material)
    validated = sum(len(batch.aurora) for batch in material.validation(stage))
    assert validated == 10 - len(material)


def test_thesis_change_crops_flips_and_jitters() -> None:
    """Size and range hold, the draw decides, and two draws differ."""
    picture = np.tile(np.arange(240, dtype=np.uint8)[:, None, None], (1, 240, 3))
    one = thesis_change(picture, np.random.default_rng(1), 120)
    assert one.shape == (120, 120, 3)
    assert np.array_equal(one, thesis_change(picture, np.random.default_rng(1), 120))
    assert not np.array_equal(one, thesis_change(picture, np.random.default_rng(2), 120))
