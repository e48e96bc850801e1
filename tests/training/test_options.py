"""Wrong arguments of ``aurorad-train``: one line that names them, before anything is begun or written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import torch
from click.testing import CliRunner

from training.cli import cli
from training.evaluation.leave_out import leave_out
from training.fit import Place
from training.options import Finite
from training.recipe import load_recipe
from training.student import Student, load_start
from training.whole import Shop, train_whole


def numbers() -> Iterator[tuple[str, click.Option]]:
    """Every option of every command that takes a number."""
    for name, command in cli.commands.items():
        for one in command.params:
            if isinstance(one, click.Option) and isinstance(
                one.type, click.types.IntParamType | click.types.FloatParamType
            ):
                yield f"{name} {one.opts[0]}", one


@pytest.mark.parametrize(("name", "option"), list(numbers()))
def test_every_number_has_its_bounds(name: str, option: click.Option) -> None:
    """None takes what fails later somewhere else, and none that is no whole number takes ``nan``."""
    assert isinstance(option.type, click.IntRange | Finite), name
    assert option.type.min is not None, name


@pytest.mark.parametrize(
    "words",
    [
        "simulate --nights OUT --hours -1",
        "simulate --nights OUT --hours 0",
        "simulate --nights OUT --hours nan",
        "simulate --nights OUT --hours inf",
        "simulate --nights OUT --seed -1",
        "sample --labelled OUT --out OUT --seed -1",
        "fit --recipe aurorad-b1 --run OUT --seed -1",
        "fit --recipe aurorad-b1 --run OUT --device tpu",
        "fit --recipe aurorad-b1 --run OUT --device cuda:1",
        "whole --runs OUT --real . --keograms . --scale 0",
        "whole --runs OUT --real . --keograms . --scale nan",
        "whole --runs OUT --real . --keograms . --minutes -3",
        "whole --runs OUT --keograms . --real nofolder",
        "leave-out --recipe aurorad-b1-cameras --runs OUT --real nofolder",
        "compare --out OUT --seed -1",
        "compare --out OUT --keograms nofolder",
    ],
)
def test_a_wrong_value_is_refused_by_its_options_name(words: str, tmp_path: Path) -> None:
    """The last option of each line is the wrong one."""
    out = tmp_path / "out"
    told = CliRunner().invoke(cli, words.replace("OUT", str(out)).split())
    assert told.exit_code == 2
    assert f"Invalid value for '{words.split()[-2]}'" in told.output
    assert not out.exists()


def test_an_unknown_device_trains_nowhere() -> None:
    """Also where no command line has looked at it; a GPU that is not there is said to be missing."""
    with pytest.raises(ValueError, match="no device is called 'tpu': there are auto, cpu, cuda"):
        Place.join("tpu")
    if not torch.cuda.is_available():
        with pytest.raises(RuntimeError, match="there is no GPU here"):
            Place.join("cuda")


def test_a_folder_that_is_not_the_collection_is_known_before_training(tmp_path: Path) -> None:
    """Not after a fold's training, nor after a bank."""
    recipe = load_recipe("aurorad-b1-cameras")
    with pytest.raises(FileNotFoundError, match=r"is not the collection of real frames: .* for one"):
        leave_out(recipe, tmp_path / "runs", tmp_path)
    with pytest.raises(FileNotFoundError, match="is not the collection of real frames"):
        train_whole(Shop(tmp_path / "runs", tmp_path, tmp_path))
    assert not (tmp_path / "runs").exists()


def test_starting_weights_of_something_else_are_one_line(tmp_path: Path) -> None:
    """A text, a picture of nothing, tensors of another network: the file is named, and none of torch's own pages."""
    net = Student(load_recipe("aurorad-b1", ['weights = "none"'])).net
    text, empty, other = (tmp_path / name for name in ("kho.toml", "empty.pt", "other.pt"))
    text.write_text("[[camera]]\n")
    empty.write_bytes(b"")
    torch.save({"net": {"features.0.0.weight": torch.zeros(1)}}, other)
    torch.save([1, 2], tmp_path / "list.pt")
    for path in (text, empty, tmp_path / "list.pt"):
        with pytest.raises(RuntimeError, match=f"{path} holds no weights: give a run's model.pt"):
            load_start(net, str(path))
    with pytest.raises(RuntimeError, match="holds no weights of a network like this one"):
        load_start(net, str(other))
