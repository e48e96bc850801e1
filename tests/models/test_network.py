"""The network's evidence is Grad-CAM, exactly."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.network import AuroraNet, Scores, fold
from models.preprocess import to_input
from models.runtime import onnx_runtime
from training.export import relative_difference


def autograd_gradcam(net: AuroraNet, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Grad-CAM as published, by a backward pass: logits, maps (N, outputs, h, w)."""
    last = net.features[:8](pixels).detach().requires_grad_()
    logits = net.head(net.features[8](last).mean((2, 3)))
    maps = []
    for output in range(logits.shape[1]):
        (gradient,) = torch.autograd.grad(logits[:, output].sum(), last, retain_graph=True)
        weights = gradient.mean((2, 3), keepdim=True)
        maps.append(torch.relu((weights * last).sum(1)))
    return logits.detach(), torch.stack(maps, 1).detach()


@pytest.fixture(scope="module")
def pixels() -> torch.Tensor:
    from training.export import probe_frames

    return torch.from_numpy(to_input(probe_frames(3)))


def test_maps_in_the_graph_equal_those_of_autograd(net: AuroraNet, pixels: torch.Tensor) -> None:
    """The closed form gives autograd's Grad-CAM for every output, to 1e-5 relative."""
    expected_logits, expected = autograd_gradcam(net, pixels)
    with torch.no_grad():
        logits, maps = net(pixels)
    assert maps.shape == (3, 4, 8, 8)
    assert expected_logits.abs().max() > 0.1, "logits without scale would compare nothing"
    assert np.ptp(expected_logits.numpy(), axis=0).min() > 0.05, "all frames alike would compare nothing"
    assert expected.amax((0, 2, 3)).min() > 1e-4, "empty maps would compare nothing"
    torch.testing.assert_close(logits, expected_logits, rtol=1e-5, atol=1e-5)
    assert relative_difference(maps.numpy(), expected.numpy()) < 1e-5


def test_the_onnx_file_gives_autograds_maps(net: AuroraNet, pixels: torch.Tensor, model_file) -> None:
    """What ONNX Runtime answers from the exported file is autograd's Grad-CAM on the same weights."""
    session = onnx_runtime().InferenceSession(str(model_file), providers=["CPUExecutionProvider"])
    logits, maps = session.run(["logits", "maps"], {"pixels": pixels.numpy()})
    expected_logits, expected = autograd_gradcam(net, pixels)
    np.testing.assert_allclose(logits, expected_logits.numpy(), rtol=1e-4, atol=1e-5)
    assert relative_difference(maps, expected.numpy()) < 1e-5


def test_folding_changes_nothing_but_rounding(net: AuroraNet, pixels: torch.Tensor) -> None:
    """With the normalisations folded away the answers stay, and no normalisation is left."""
    folded = fold(net)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in folded.modules())
    assert any(isinstance(module, torch.nn.BatchNorm2d) for module in net.modules()), "the original is kept"
    with torch.no_grad():
        (logits, maps), (expected_logits, expected) = folded(pixels), net(pixels)
    torch.testing.assert_close(logits, expected_logits, rtol=1e-5, atol=1e-5)
    assert relative_difference(maps.numpy(), expected.numpy()) < 1e-5


def test_the_training_pass_gives_the_same_logits(net: AuroraNet, pixels: torch.Tensor) -> None:
    """``learn``, ``Scores`` and ``forward`` agree; logits per place average to the logits."""
    with torch.no_grad():
        expected, _ = net(pixels)
        logits, kept = net.learn(pixels, taps=(5, 8))
        scores, _ = Scores(net)(pixels)
        dense = net.dense(kept[8])
    assert kept[5].shape == (3, 112, 15, 15)
    assert dense.shape == (3, 4, 8, 8)
    for one in (logits, scores, dense.mean((2, 3))):
        torch.testing.assert_close(one, expected, rtol=1e-5, atol=1e-5)


def test_a_training_step_reaches_every_weight(pixels: torch.Tensor) -> None:
    """Both heads pull on the whole body: no weight is left without a gradient."""
    net = AuroraNet(stochastic_depth=0, head_std=0.01).train()
    logits, _ = net.learn(torch.nn.functional.interpolate(pixels[:2], size=64))
    torch.nn.functional.cross_entropy(logits[:, :2], torch.tensor([0, 1])).backward()
    without = [name for name, weight in net.named_parameters() if weight.grad is None]
    assert without == []
    assert net.head.weight.grad is not None
    assert net.head.weight.grad[:2].abs().max() > 0
    assert net.head.weight.grad[2:].abs().max() == 0, "the sky's head is not judged by the aurora's loss"


def test_the_body_takes_torchvisions_weights(net: AuroraNet) -> None:
    """Weights under torchvision's names load into the body, and only there; a missing one is refused."""
    import torchvision

    body = torchvision.models.efficientnet_b1(weights=None).state_dict()
    mine = AuroraNet(outputs=2)
    head = mine.head.weight.detach().clone()
    mine.load_features(body)
    torch.testing.assert_close(mine.features[0][0].weight.detach(), body["features.0.0.weight"])
    torch.testing.assert_close(mine.head.weight.detach(), head)
    del body["features.8.0.weight"]
    with pytest.raises(RuntimeError, match=r"8\.0\.weight"):
        mine.load_features(body)


def test_heads_begin_as_asked() -> None:
    """The thesis's head starts as torchvision's does; one from scratch starts small."""
    assert 0.6 < AuroraNet(outputs=2).head.weight.abs().max() <= 2**-0.5
    assert AuroraNet(head_std=0.01).head.weight.std().item() == pytest.approx(0.01, rel=0.1)
