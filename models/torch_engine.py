"""The same model file's weights on torch: for owners who have it, and for GPUs where ONNX Runtime has no CUDA."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from models.card import Card, ModelError
from models.engine import Floats, Gone, one_line
from models.preprocess import Tensor

if TYPE_CHECKING:
    from models.network import AuroraNet


class TorchEngine:
    """The same file's weights in :class:`models.network.AuroraNet`, on torch."""

    def __init__(self, path: Path, card: Card, device: str, threads: int) -> None:
        try:
            import torch
        except ImportError:
            raise ModelError(
                "the torch runtime needs torch, which is not installed: install aurorad[training], "
                'or set [model] runtime = "onnx"'
            ) from None
        self.device = device
        self._torch = torch
        if device == "cpu":
            torch.set_num_threads(threads)
        else:
            torch.backends.cudnn.allow_tf32 = False  # as OnnxEngine: no TF32
        try:
            net = _net_of(path, card).to(device).to(memory_format=torch.channels_last)
        except RuntimeError as error:
            raise Gone(str(error)) from error
        self._net = net

    def run(self, tensor: Tensor) -> Mapping[str, Floats]:
        """See :class:`Engine`."""
        torch = self._torch
        try:
            with torch.inference_mode():
                pixels = torch.from_numpy(tensor).to(self.device, memory_format=torch.channels_last)
                found = [one.cpu().numpy() for one in self._net(pixels)]
                return dict(zip(self._net.answers, found, strict=True))
        except RuntimeError as error:
            raise Gone(str(error)) from error


def _net_of(path: Path, card: Card) -> AuroraNet:
    """The network that was exported into an ONNX file: its weights carry the network's own names."""
    import onnx
    import torch
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    from onnx import numpy_helper

    from models.network import AuroraNet, fold

    try:
        initializers = onnx.load(path).graph.initializer
    except DecodeError as error:
        raise ModelError(f"{path} is not an ONNX file: {one_line(error)}") from error
    net = fold(AuroraNet.holding((one.name for one in initializers), len(card.outputs)))
    held = {one.name: torch.from_numpy(numpy_helper.to_array(one).copy()) for one in initializers}
    # The exporter leaves out biases that are all 0.
    weights = {name: held.get(name, torch.zeros_like(value) if name.endswith("bias") else None)
               for name, value in net.state_dict().items()}  # fmt: skip
    missing = [name for name, value in weights.items() if value is None]
    if missing:
        raise ModelError(f"{path} is not of aurorad's shape: it has no {missing[0]}")
    try:
        net.load_state_dict(weights)
    except RuntimeError as error:
        raise ModelError(f"{path} is not of aurorad's shape: {one_line(error)}") from error
    return net
