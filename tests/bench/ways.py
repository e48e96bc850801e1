"""The same weights in other people's hands: what one would write without aurorad.

``Classifier`` is torchvision's EfficientNet-B1 as a user has it, batch normalisations and all;
``with_grad_cam`` looks at a frame by pytorch-grad-cam; ``plain_session`` is the bare classifier on
ONNX Runtime, the limit of what a CPU can do with these weights.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch
import torchvision
from onnx import numpy_helper
from torch import nn

from daemon.config import ModelSettings
from models import card, runtime
from tests.bench.figure import CACHE

Floats = npt.NDArray[np.float32]


def model_file() -> Path:
    """The model under test: the configuration's (``AURORAD_MODEL__PATH``), else the shipped one."""
    from daemon.config import load

    settings: ModelSettings = load(None).model
    return settings.path or card.SHIPPED


def aurorad(threads: int = 2, device: runtime.Device = "cpu") -> runtime.Model:
    """aurorad's own way."""
    return runtime.load(model_file(), device=device, threads=threads)


def classifier(threads: int = 2) -> nn.Module:
    """The model file's weights in torchvision's network; raises KeyError where the file is another's.

    In the file each batch normalisation is folded into its convolution. Here they are laid apart
    again, the scale left in the convolution, so that the network costs what it costs a user.
    """
    torch.set_num_threads(threads)
    held = {i.name: torch.from_numpy(numpy_helper.to_array(i).copy())
            for i in onnx.load(model_file()).graph.initializer}  # fmt: skip
    net = torchvision.models.efficientnet_b1(num_classes=held["head.bias"].shape[0])
    weights = net.state_dict()
    for name in weights:
        if name.startswith("classifier.1."):
            weights[name] = held[name.replace("classifier.1", "head")]
        elif name in held and not name.endswith("num_batches_tracked"):
            weights[name] = held[name]
    for name, module in net.named_modules():
        if isinstance(module, nn.BatchNorm2d):
            convolution = name.rsplit(".", 1)[0] + ".0"
            weights[f"{name}.weight"] = torch.ones_like(module.weight)
            weights[f"{name}.bias"] = held.get(f"{convolution}.bias", torch.zeros_like(module.bias))
            weights[f"{name}.running_mean"] = torch.zeros_like(module.running_mean)  # type: ignore[arg-type]
            weights[f"{name}.running_var"] = torch.full_like(module.running_var, 1 - module.eps)  # type: ignore[arg-type]
    net.load_state_dict(weights)
    return net.eval()


def with_grad_cam(net: nn.Module) -> Callable[[Floats], tuple[Floats, Floats]]:
    """(N, 3, 240, 240) → logits and maps of the aurora output, as pytorch-grad-cam's pages show it."""
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    layers: Any = net.features
    cam = GradCAM(model=net, target_layers=[layers[7]])

    def look(tensor: Floats) -> tuple[Floats, Floats]:
        maps = cam(input_tensor=torch.from_numpy(tensor), targets=[ClassifierOutputTarget(1)] * len(tensor))
        return cam.outputs.detach().numpy(), maps

    return look


def session(outputs: tuple[str, ...], threads: int = 2) -> Callable[[Floats], list[Floats]]:
    """The model file's graph on ONNX Runtime with these outputs alone; nothing is computed for others."""
    path = model_file()
    CACHE.mkdir(parents=True, exist_ok=True)
    cut = CACHE / f"{'-'.join(outputs)}-{card.sha256_of(path)[:12]}.onnx"
    if not cut.exists():
        onnx.utils.extract_model(str(path), str(cut), ["pixels"], list(outputs))
    ready = runtime._session(runtime.onnx_runtime(), cut, "cpu", threads)
    return lambda tensor: ready.run(list(outputs), {"pixels": tensor})
