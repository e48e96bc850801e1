"""A run's model.pt: one line for what is none, whatever command is given it, and the old one or the new."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from models.card import ModelError
from training.export import read_checkpoint
from training.forms import learn_forms
from training.kept import read_kept, write_kept
from training.known import doubt
from training.soup import average

READERS: dict[str, Callable[[Path], object]] = {
    "forms": lambda path: learn_forms(path, []),
    "doubt": lambda path: doubt(path, path, []),
    "average": lambda path: average([path], path.with_name("out.pt")),
    "export": read_checkpoint,
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("content", [b"# Not a model\n", b"", b"PK\x03\x04" + bytes(200)])
def test_what_is_no_model_is_one_line(tmp_path: Path, reader: str, content: bytes) -> None:
    """Text, nothing, a broken archive: each command names the file, and none of torch's own pages."""
    path = tmp_path / "model.pt"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="is not a trained network of aurorad") as caught:
        READERS[reader](path)
    assert "\n" not in str(caught.value)
    assert "weights_only" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_other_tensors_are_no_model(tmp_path: Path) -> None:
    """A file of torch's without a network in it, and one without a head."""
    for number, kept in enumerate(([1, 2], {"weights": 3}, {"net": 4}, {"net": {"a": torch.zeros(1)}})):
        torch.save(kept, tmp_path / f"{number}.pt")
        with pytest.raises(ModelError, match="is not a trained network of aurorad"):
            read_checkpoint(tmp_path / f"{number}.pt")
    with pytest.raises(ModelError, match="no trained network at"):
        read_checkpoint(tmp_path / "nowhere.pt")


def test_a_model_that_cannot_be_written_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut in the middle of writing: the finished run is what it was, and no half of another is there."""
    path = tmp_path / "model.pt"
    write_kept(path, {"net": {"a": torch.ones(2)}, "seed": 1})

    def cut(kept: object, part: Path) -> None:
        part.write_bytes(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(torch, "save", cut)
    with pytest.raises(OSError, match="no space left"):
        write_kept(path, {"net": {}, "seed": 2})
    assert read_kept(path)["seed"] == 1
    assert [one.name for one in tmp_path.iterdir()] == ["model.pt"]
