"""The worked retraining of training/README.md, run as it stands there, in miniature; and the start from an exported model."""

from __future__ import annotations

import re
import shlex
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import numpy as np
import pytest
import torch
from click.testing import CliRunner

from daemon.cli import main as aurorad
from daemon.record.store import Store
from models.card import SHIPPED, read_card
from models.labels import FORM_HEAD
from models.preprocess import Pixels, to_input
from models.runtime import load
from tests.web_night import CAMERA, FIRST, SHA, fill
from training import unfold
from training.cli import cli
from training.student import load_start
from training.unfold import AuroraNet, unfolded

ROOT = Path(__file__).parents[2]
SMALLER = {
    "--count 600": "--count 2",
    "--count 12 --hours 2": "--count 3 --hours 0.1",
    "side = 240": "side = 64",
    "steps = 300": "steps = 1",
    "batch = 32": "batch = 4",
    "lr = 2e-4": "lr = 1e-6",
}


def section() -> str:
    """The worked retraining, with its numbers made small."""
    page = (ROOT / "training/README.md").read_text(encoding="utf-8")
    text = page[page.index("## A worked retraining") :]
    for large, small in SMALLER.items():
        assert large in text, f"the README no longer says {large}"
        text = text.replace(large, small)
    return text


def commands() -> list[list[str]]:
    (block,) = re.findall(r"```sh\n(.*?)```", section(), re.S)
    lines = block.replace("\\\n", " ").splitlines()
    return [shlex.split(line) for line in lines if line and not line.startswith("#")]


@pytest.fixture
def watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout to work in, and fifteen nights of a watch with two labels each, three of which are held out."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    (tmp_path / "models/weights").symlink_to(ROOT / "models/weights")
    folder = tmp_path / "watch"
    folder.mkdir()
    with Store(folder / "aurorad.db", now=lambda: datetime(2024, 3, 1, 12, tzinfo=UTC)) as store:
        store.register_model(SHA, "test model", {})
        for days in range(15):
            fill(store, folder / "frames", first=300, last=302, days=days)
            for minute, label in ((300, "aurora"), (301, "none")):
                at = FIRST + timedelta(days=days, minutes=minute)
                store.add_label(CAMERA, at, label, "Ada", queue="uncertainty")
    return folder


def run(words: list[str], watch: Path) -> None:
    """One line of the README, in this process."""
    words = [word.replace("/var/lib/aurorad", str(watch)) for word in words]
    command, arguments = words[0], words[1:]
    if command == "mkdir":
        Path(arguments[-1]).mkdir(parents=True)
    elif command == "cp":
        *sources, target = [one for one in arguments if one != "-r"]
        for source in sources:
            shutil.copytree(source, target) if Path(source).is_dir() else shutil.copy(source, target)
    else:
        program = {"aurorad": aurorad, "aurorad-train": cli}[command]
        result = CliRunner().invoke(program, arguments)
        assert result.exit_code == 0, f"{words}: {result.output} {result.exception!r}"


def noise() -> Pixels:
    """Small pictures for the statistics of normalisations: made scenes take a second each."""
    return np.random.default_rng(1).integers(0, 90, (4, 96, 96, 3), dtype=np.uint8)


def stand_in(net: object, path: Path) -> None:
    """The present model's file: writing the graph of a candidate takes ten seconds."""
    shutil.copyfile(SHIPPED, path)


@pytest.mark.parametrize("graph", ["a stand-in", pytest.param("its own", marks=pytest.mark.soak)])
def test_the_worked_retraining_runs(
    watch: Path, graph: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every command of the README in its order, from the page's labels to the promoted model and its predecessor."""
    torch.set_num_threads(1)
    monkeypatch.setattr(unfold, "made_scenes", noise)
    if graph == "a stand-in":
        monkeypatch.setattr("training.export.write_graph", stand_in)
        monkeypatch.setattr("training.export.check_parity", lambda net, path: {})
    (recipe,) = re.findall(r"```toml\n(.*?)```", section(), re.S)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/recipe.toml").write_text(recipe)
    for words in commands():
        if words[0] == "mkdir":
            (tmp_path / "mine/model").mkdir()
        else:
            run(words, watch)
    card = read_card(tmp_path / "mine/model/aurorad-b1.onnx")
    assert card.description == "aurorad-b1, trained on with our labels"
    shipped = read_card(SHIPPED)
    origin = card.data["started from"]
    assert (origin["sha256"], origin["data"]) == (shipped.sha256, shipped.data)
    assert (card.temperature, card.sky_temperature) == (shipped.temperature, shipped.sky_temperature)
    assert card.thresholds == shipped.thresholds
    assert {"manifest", "simulated nights"} <= card.skill.keys()
    assert load(tmp_path / "mine/model/aurorad-b1.onnx", device="cpu", threads=1).sha256 == card.sha256
    assert read_card(tmp_path / "mine/model/aurorad-b1.previous.onnx").sha256 == read_card(SHIPPED).sha256


def test_the_readmes_commands_know_their_options() -> None:
    """No command of the worked retraining names an option that is not there."""
    for words in commands():
        program: click.Command | None = {"aurorad": aurorad, "aurorad-train": cli}.get(words[0])
        rest = words[1:]
        while isinstance(program, click.Group):
            program, rest = program.commands[rest[0]], rest[1:]
        if program is not None:
            known = {name for one in program.params for name in one.opts}
            assert {word for word in rest if word.startswith("--")} <= known, words


@pytest.fixture(scope="module")
def start() -> AuroraNet:
    """The shipped model made ready to learn, its statistics from small pictures of noise."""
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unfold, "made_scenes", noise)
        return unfolded(SHIPPED)


def test_an_exported_model_goes_on_where_it_was(start: AuroraNet) -> None:
    """Before the first step the network answers as the file does, with a normalisation after each convolution; the
    forms' logits lack what the shape head adds, which is learned again when the body is done.
    """
    frame = np.random.default_rng(2).integers(0, 120, (1, 240, 240, 3), dtype=np.uint8)
    (answer,) = load(device="cpu", threads=1).predict(frame)
    with torch.inference_mode():
        logits = start.learn(torch.from_numpy(to_input(frame)))[0]
    known = FORM_HEAD.start
    assert logits[0, :known].tolist() == pytest.approx(answer.logits[:known].tolist(), abs=2e-3)
    assert all(
        float(norm.running_var.min()) >= 0
        for _, _, norm in unfold.pairs(start)
        if norm.running_var is not None
    )


def test_heads_that_fit_are_taken(start: AuroraNet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network of the same answers takes them; one of two answers keeps its own head and takes the body."""
    monkeypatch.setattr("training.student.unfolded", lambda path: start)
    same, two = AuroraNet(start.head.out_features, mask=True), AuroraNet(2)
    own = two.head.weight.clone()
    for net in (same, two):
        assert load_start(net, "model.onnx") == "model.onnx"
        assert torch.equal(net.features[0][0].weight, start.features[0][0].weight)
    assert torch.equal(same.head.weight, start.head.weight)
    assert torch.equal(two.head.weight, own)


def test_what_is_no_model_is_one_line(tmp_path: Path) -> None:
    """A missing file and a file of something else are named."""
    with pytest.raises(RuntimeError, match="no starting weights at"):
        unfolded(tmp_path / "none.onnx")
    (tmp_path / "empty.onnx").write_bytes(b"")
    with pytest.raises(RuntimeError, match="no model that aurorad-train export wrote"):
        unfolded(tmp_path / "empty.onnx")
