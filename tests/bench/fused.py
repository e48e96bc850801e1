"""The network once more, written so that a GPU has less to carry: for ``gpu``'s limit alone.

A compiler for GPUs leaves convolutions to a library and fuses only what lies between them, so that each
activation is read and written once more than it need be. Here a 1×1 convolution is the product of matrices that
it is, and a depthwise one the sum of shifted pictures, which the compiler joins with the activations beside it. The
results are the same.
"""

from __future__ import annotations

import copy

from torch import Tensor, nn


class Product(nn.Module):
    """A 1×1 convolution as a linear layer over channels that lie last."""

    def __init__(self, layer: nn.Conv2d) -> None:
        super().__init__()
        self.weight = nn.Parameter(layer.weight.flatten(1))
        self.bias = layer.bias

    def forward(self, grid: Tensor) -> Tensor:
        """(N, C, H, W) → (N, D, H, W)."""
        return nn.functional.linear(grid.permute(0, 2, 3, 1), self.weight, self.bias).permute(0, 3, 1, 2)


class Shifts(nn.Module):
    """A depthwise convolution as a sum over its kernel's places."""

    def __init__(self, layer: nn.Conv2d) -> None:
        super().__init__()
        self.weight = nn.Parameter(layer.weight[:, 0, :, :, None, None])  # (C, k, k, 1, 1)
        self.bias = layer.bias
        self.stride, self.pad = layer.stride[0], int(layer.padding[0])

    def forward(self, grid: Tensor) -> Tensor:
        """(N, C, H, W) → (N, C, H/stride, W/stride)."""
        side, stride = self.weight.shape[1], self.stride
        rows, columns = ((size - 1) // stride * stride + 1 for size in grid.shape[2:])
        padded = nn.functional.pad(grid, 4 * [self.pad])
        total = None
        for y in range(side):
            for x in range(side):
                part = padded[:, :, y : y + rows : stride, x : x + columns : stride] * self.weight[:, y, x]
                total = part if total is None else total + part
        assert total is not None
        return total if self.bias is None else total + self.bias[:, None, None]


def fused(net: nn.Module) -> nn.Module:
    """A copy of a network in eval mode with its 1×1 and depthwise convolutions so written."""
    made = copy.deepcopy(net)
    for name, layer in list(made.named_modules()):
        other = _other(layer)
        if other is not None:
            parent, _, own = name.rpartition(".")
            setattr(made.get_submodule(parent), own, other)
    return made.eval()


def _other(layer: nn.Module) -> nn.Module | None:
    if not isinstance(layer, nn.Conv2d):
        return None
    if layer.kernel_size == (1, 1) and layer.groups == 1 and layer.stride == (1, 1):
        return Product(layer)
    if layer.groups == layer.in_channels == layer.out_channels:
        return Shifts(layer)
    return None
