"""One small export for all tests of the models: a network that was never trained, but is alive."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from models.network import AuroraNet
from models.preprocess import to_input
from training.export import Account, export_net, probe_frames

torch.set_num_threads(1)  # the tests share the cores with others; waiting threads would slow all


def living_net(outputs: int = 4) -> AuroraNet:
    """An untrained network whose answers differ from frame to frame.

    Freshly made, EfficientNet's logits lie near 1e-14 in eval mode and any comparison passes. So
    the batch normalisations are filled from real passes, and the residual branches are damped, as
    training does, so that a hundred layers do not amplify rounding.
    """
    torch.manual_seed(0)
    net = AuroraNet(outputs, dropout=0, stochastic_depth=0, head_std=0.1)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    for stage in net.features[1:8]:
        for block in stage:
            if block.use_res_connect:
                nn.init.constant_(block.block[-1][1].weight, 0.1)
    with torch.no_grad():
        pixels = torch.from_numpy(to_input(probe_frames(4)))
        net.train().learn(nn.functional.interpolate(pixels, size=128, mode="area"))
    return net.eval()


@pytest.fixture(scope="session")
def net() -> AuroraNet:
    """See :func:`living_net`; tests do not change it."""
    return living_net()


@pytest.fixture(scope="session")
def model_file(net: AuroraNet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That network exported, with its card beside it; tests that change files copy both first."""
    path = tmp_path_factory.mktemp("model") / "living.onnx"
    export_net(net, path, Account("living", "An untrained network for tests; knows nothing."))
    return path


@pytest.fixture
def frames() -> np.ndarray:
    """Three skies (3, 240, 240, 3) that no two are alike."""
    return probe_frames(3)
