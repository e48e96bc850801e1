"""A network that was never trained and is alive all the same, and its export, made once for a whole run."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from models.network import AuroraNet


def living_net(outputs: int = 4, *, seed: int = 0, side: int = 128) -> AuroraNet:
    """An untrained network whose answers differ from frame to frame.

    Freshly made, EfficientNet's logits lie near 1e-14 in eval mode and any comparison passes. So
    the batch normalisations are filled from real passes, and the residual branches are damped, as
    training does, so that a hundred layers do not amplify rounding.
    """
    import torch
    from torch import nn

    from models.network import AuroraNet
    from models.preprocess import to_input
    from training.export import probe_frames

    torch.manual_seed(seed)
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
        net.train().learn(nn.functional.interpolate(pixels, size=side, mode="area"))
    return net.eval()


def export_living(folder: Path) -> None:
    """:func:`living_net` as living.onnx, its card beside it."""
    from training.export import Account, export_net

    account = Account("living", "An untrained network for tests; knows nothing.")
    export_net(living_net(), folder / "living.onnx", account)


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """The folder of that name, filled by whichever of the run's processes needs it first; tests only read it."""
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent  # which the processes of a run have in common
    folder, done = base / name, base / f"{name}.done"
    with (base / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            folder.mkdir()
            make(folder)
            done.touch()
    return folder
