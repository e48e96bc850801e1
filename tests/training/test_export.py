"""An export proves that the file is the network, or leaves nothing behind."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from models.card import ModelError, Thresholds, read_card
from models.network import AuroraNet
from models.preprocess import to_input
from models.runtime import load
from tests.living import living_net
from training.export import (
    Account,
    check_parity,
    describe,
    export,
    export_net,
    probe_frames,
    read_checkpoint,
    real_frames_of,
)

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def net() -> AuroraNet:
    """An untrained network of the thesis's two outputs whose normalisations are filled."""
    return living_net(2, seed=1, side=96)


@pytest.fixture(scope="module")
def exported(net: AuroraNet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export")
    kept = {"net": net.state_dict(), "recipe": json.dumps({"name": "thesis-b1"}), "seed": 3}
    torch.save(kept, folder / "model.pt")
    account = Account("thesis", "The thesis's two outputs.", data={"nights": 331})
    export(folder / "model.pt", folder / "weights" / "thesis.onnx", account)
    return folder / "weights" / "thesis.onnx"


def test_a_checkpoint_becomes_a_model_the_daemon_loads(net: AuroraNet, exported: Path) -> None:
    """The file gives the network's own answers; of two outputs, the sky counts as clear."""
    frames = probe_frames(3)
    with torch.no_grad():
        expected, _ = net(torch.from_numpy(to_input(frames)))
    answers = load(exported, device="cpu", threads=1).predict(frames)
    np.testing.assert_allclose([one.logits for one in answers], expected.numpy(), rtol=1e-4, atol=1e-5)
    assert [one.clear_probability for one in answers] == [1.0, 1.0, 1.0]
    assert np.ptp(expected.numpy(), axis=0).min() > 0.05


def test_the_card_tells_where_the_model_comes_from(exported: Path) -> None:
    """Recipe and seed from the checkpoint, data from the account, parity from the check; no skill yet."""
    card = read_card(exported)
    assert card.recipe == {"recipe": {"name": "thesis-b1"}, "seed": 3}
    assert card.data == {"nights": 331}
    assert card.outputs == ("none", "aurora")
    assert 0 <= card.parity["maps"] < 1e-4
    assert card.headline() == "no held-out skill measured"


def test_the_file_holds_no_paths_of_this_machine(exported: Path) -> None:
    """The trace's stack, which names the exporter's folders, is left out."""
    content = exported.read_bytes()
    assert b".py" not in content
    assert str(Path.home()).encode() + b"/" not in content


def test_only_the_two_files_remain(exported: Path) -> None:
    """Nothing temporary is left beside the model."""
    assert sorted(one.name for one in exported.parent.iterdir()) == ["thesis.json", "thesis.onnx"]


def test_parity_fails_loudly_for_another_network(net: AuroraNet, exported: Path) -> None:
    """A file that answers otherwise than the network is caught, by logits or by maps."""
    other = AuroraNet(2, dropout=0, stochastic_depth=0)
    other.load_state_dict(net.state_dict())
    with torch.no_grad():
        other.head.weight[1, 7] += 0.02
    with pytest.raises(ModelError, match=r"the exported (logits|maps) differ from the network's by"):
        check_parity(other.eval(), exported)
    assert check_parity(net, exported)["logits"] < 1e-5


def test_an_untrained_network_is_not_exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fresh weights answer every frame alike, so parity would prove nothing: refused, nothing written."""
    monkeypatch.setattr("training.export.write_graph", lambda net, path: path.write_bytes(b""))
    with pytest.raises(ModelError, match="answers every frame alike"):
        export_net(AuroraNet(2), tmp_path / "fresh.onnx", Account("fresh", "Never trained."))
    assert list(tmp_path.iterdir()) == []


def test_evaluation_goes_into_the_card_and_not_into_the_file(exported: Path) -> None:
    """``describe`` fills skill, temperatures and thresholds; the model and its sha256 stay."""
    before = exported.read_bytes()
    skill = {"real": {"frames": 40, "balanced_accuracy": 0.97, "balanced_accuracy_95": [0.93, 0.99]}}
    describe(
        exported, skill=skill, temperature=1.7, sky_temperature=1.2,
        thresholds=Thresholds(0.5, {"night/full": 0.7}),
    )  # fmt: skip
    model = load(exported, device="cpu", threads=1)
    assert exported.read_bytes() == before
    assert model.card.skill == skill
    assert (model.card.temperature, model.card.threshold("night", "full")) == (1.7, 0.7)


@pytest.mark.parametrize("content", [b"", b"not a checkpoint"])
def test_what_is_no_checkpoint_is_refused(tmp_path: Path, content: bytes) -> None:
    """Other bytes under a checkpoint's name give one line; a missing file names the mend."""
    path = tmp_path / "model.pt"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="is not a trained network") as caught:
        read_checkpoint(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(ModelError, match="make one with `aurorad-train fit`"):
        read_checkpoint(tmp_path / "none.pt")


def test_the_card_names_the_sources_of_real_frames() -> None:
    """A run on real frames says where each is from and under which licence; one without says nothing of them."""
    assert real_frames_of({"recipe": {"material": [{"kind": "bank"}]}}) == {}
    plan = {"material": [{"kind": "frames"}], "leave_out": ["korea"]}
    told = real_frames_of({"recipe": plan})["real_frames"]
    assert "korea" not in told
    assert "Apache-2.0" in told["trex-sites"]
