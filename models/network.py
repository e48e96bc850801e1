"""EfficientNet-B1 that gives its evidence with its answer: logits and exact Grad-CAM, forward only.

Grad-CAM asks for the gradient of a logit with respect to the features A of the last MBConv stage.
Between A (``features[7]``, 320 channels) and the logits lie only a 1×1 convolution, a batch
normalisation, SiLU, the mean over the grid and one linear layer, so that gradient has a closed form:

    z = BN(conv1x1(A))      y_c = w_c · mean_xy SiLU(z) + b_c
    α_ck = 1/(H·W) · Σ_j w_cj · s_j · W_jk · mean_xy SiLU'(z_j)      SiLU'(z) = σ(z)(1 + z(1 − σ(z)))
    map_c = ReLU(Σ_k α_ck A_k)

with s the normalisation's scale γ/√(σ²+ε) and W the 1×1 kernel. All of it runs forward, so one
exported graph answers logits and maps, at a few percent over the logits alone.

The weights' names are torchvision's (``features.*``), so that its ImageNet weights load unchanged.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import torch
import torchvision
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from models.labels import FORM_HEAD, OUTPUTS

GRID = 1280
"""Channels of the last layer before the mean (EfficientNet-B1's ``features[8]``)."""

MIDDLE = 80
"""Channels of ``features[4]``, where textures are told apart and the answer is not yet made."""

MASK_STAGES = {7: 320, 5: 112, 3: 40, 2: 24}
"""Stages that the mask is drawn from, coarse to fine (strides 32, 16, 8, 4), and their channels."""

MASK_WIDTH = 24

FORM_STAGES = {5: 112, 7: 320, 3: 40}
"""Stages that the forms are told by, and their channels: shapes of a fifteenth of the picture, what is aurora, and how
fine its structure is.
"""

FORM_WIDTH = 48

THESIS_HEAD_BOUND = 2.0**-0.5
"""torchvision draws a head of n outputs from ±1/√n; both of ours are pairs."""


class AuroraNet(nn.Module):
    """EfficientNet-B1 with linear heads on its pooled features, ``outputs`` logits in all.

    ``dropout`` acts before the heads, ``stochastic_depth`` on the residual branches; both as in
    torchvision. ``head_std`` draws the heads' weights from a normal distribution of that width
    (0.01 lets a network from scratch leave chance), None from torchvision's ±0.71. ``known`` gives it
    one more answer, how far a picture is from those it knows (:meth:`distance`), ``mask`` another, where
    in the picture the aurora is (:class:`MaskHead`). ``shape``, which needs the mask, adds what shapes tell
    to the logits of the forms (:class:`ShapeHead`).
    """

    def __init__(
        self,
        outputs: int = len(OUTPUTS),
        *,
        dropout: float = 0.2,
        stochastic_depth: float = 0.2,
        head_std: float | None = None,
        known: bool = False,
        mask: bool = False,
        shape: bool = False,
    ) -> None:
        super().__init__()
        body = torchvision.models.efficientnet_b1(weights=None, stochastic_depth_prob=stochastic_depth)
        self.features: nn.Sequential = body.features
        self.known = nn.Linear(2 * MIDDLE, 2 * MIDDLE) if known else None
        self.mask = MaskHead() if mask else None
        self.shape = ShapeHead() if shape else None
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(GRID, outputs)
        if head_std is None:
            nn.init.uniform_(self.head.weight, -THESIS_HEAD_BOUND, THESIS_HEAD_BOUND)
        else:
            nn.init.normal_(self.head.weight, std=head_std)
        nn.init.zeros_(self.head.bias)

    @classmethod
    def holding(cls, names: Iterable[str], outputs: int) -> AuroraNet:
        """An empty network with the parts that weights of these names are for, and no chance in it."""
        parts = {name.partition(".")[0] for name in names} & {"known", "mask", "shape"}
        return cls(outputs, dropout=0, stochastic_depth=0, head_std=0, **dict.fromkeys(parts, True))

    @property
    def answers(self) -> list[str]:
        """What :meth:`forward` gives, by name: ``logits maps``, and ``distance`` and ``mask`` where it has them."""
        return ["logits", "maps", *(["distance"] if self.known else []), *(["mask"] if self.mask else [])]

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """(N, 3, S, S) → logits (N, outputs), Grad-CAM maps (N, outputs, S/32, S/32), where the network has
        them the distance from known pictures (N,) and the mask (N, S/4, S/4), as :attr:`answers` names them.

        The maps are Grad-CAM's own, at or above 0 and not scaled; of the forms, those of the linear head's part. S = 240 gives 8×8. In eval mode
        they equal autograd's; while training use :meth:`learn`, which does not pay for them. The mask is
        the probability of aurora in each place.
        """
        kept = self._stages(pixels, 7)
        last = kept[7]
        kernel, scale, z = self._last_layer(last)
        gate = torch.sigmoid(z)
        grid = z * gate
        pooled = grid.mean((2, 3))
        # SiLU'(z) = σ + SiLU(z)·(1 − σ), whose mean needs only one more product over the grid.
        slope = gate.mean((2, 3)) + pooled - (grid * gate).mean((2, 3))
        logits = self.head(self.dropout(pooled))
        weights = (self.head.weight * (slope * scale).unsqueeze(1)) @ kernel
        maps = torch.relu(weights @ last.flatten(2)) / (last.shape[2] * last.shape[3])
        answers = [logits, maps.reshape(*maps.shape[:2], *last.shape[2:])]
        if self.known is not None:
            answers.append(self.distance(kept[4]))
        if self.mask is not None:
            mask = torch.sigmoid(self.mask(kept))
            answers.append(mask)
            if self.shape is not None:
                answers[0] = self.with_shapes(logits, kept, mask)
        return tuple(answers)

    def with_shapes(self, logits: Tensor, kept: Mapping[int, Tensor], mask: Tensor) -> Tensor:
        """Logits (N, outputs) with what the shape head adds to those of the forms.

        ``kept``: stage outputs by index; ``mask``: (N, S/4, S/4), probabilities.
        """
        assert self.shape is not None, "a network without `shape` tells forms by its linear head alone"
        before, forms = logits[:, : FORM_HEAD.start], logits[:, FORM_HEAD.span]
        return torch.cat([before, forms + self.shape(kept, mask)], dim=1)

    def _stages(self, pixels: Tensor, last: int) -> dict[int, Tensor]:
        """The output of every stage up to ``last``, by its index."""
        kept: dict[int, Tensor] = {}
        grid = pixels
        for index, stage in enumerate(self.features[: last + 1]):
            grid = kept[index] = stage(grid)
        return kept

    def _last_layer(self, last: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The 1×1 kernel (1280, 320), its normalisation's scale (1280,), and z (N, 1280, h, w)."""
        first, norm, _ = cast(nn.Sequential, self.features[8])
        convolution = cast(nn.Conv2d, first)
        z = norm(convolution(last))
        kernel = convolution.weight.flatten(1)
        if isinstance(norm, nn.BatchNorm2d):
            assert norm.running_var is not None
            return kernel, norm.weight * torch.rsqrt(norm.running_var + norm.eps), z
        return kernel, torch.ones_like(kernel[:, 0]), z  # folded: the scale is in the kernel

    def distance(self, middle: Tensor) -> Tensor:
        """Stage 4's output (N, 80, h, w) → how far each picture is from known ones, (N,).

        A Mahalanobis distance per root dimension: the linear layer ``known`` whitens what
        :func:`texture` gives, so that known pictures lie near 1.
        """
        assert self.known is not None, "a network without `known` has no distance"
        whitened = cast(Tensor, self.known(texture(middle)))
        return whitened.square().mean(1).sqrt()

    def learn(self, pixels: Tensor, taps: Sequence[int] = ()) -> tuple[Tensor, dict[int, Tensor]]:
        """Logits (N, outputs) for a training step, and the outputs of the stages named in ``taps``.

        Stages are torchvision's ``features`` indices; 8 is the last grid, (N, 1280, h, w), whose
        mean the heads see: :meth:`dense` of it gives logits per place for an auxiliary loss.
        """
        kept = self._stages(pixels, 8)
        logits = self.head(self.dropout(kept[8].mean((2, 3))))
        return logits, {index: kept[index] for index in taps}

    def dense(self, grid: Tensor) -> Tensor:
        """Logits per place, (N, outputs, h, w), of stage 8; their mean over places is the logits."""
        weight = self.head.weight[:, :, None, None]
        return nn.functional.conv2d(grid, weight, self.head.bias)

    def load_features(self, weights: Mapping[str, Any]) -> None:
        """Take the body from torchvision's EfficientNet-B1 weights (or another AuroraNet's).

        The heads stay as they are. Raises RuntimeError where a layer is missing or of another shape.
        """
        prefix = "features."
        body = {
            name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)
        }
        self.features.load_state_dict(body)


class MaskHead(nn.Module):
    """Where the aurora is: a small decoder from coarse stages to fine ones (:data:`MASK_STAGES`).

    The coarse stages know what is aurora, the fine ones where it ends.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sides = nn.ModuleDict(
            {str(stage): nn.Conv2d(channels, MASK_WIDTH, 1) for stage, channels in MASK_STAGES.items()}
        )
        self.blocks = nn.ModuleDict({str(stage): _separable(MASK_WIDTH) for stage in list(MASK_STAGES)[1:]})
        self.last = nn.Conv2d(MASK_WIDTH, 1, 3, padding=1)

    def forward(self, stages: Mapping[int, Tensor]) -> Tensor:
        """Stage outputs by index → logits of aurora per place, (N, S/4, S/4)."""
        coarse, *finer = MASK_STAGES
        drawn = self.sides[str(coarse)](stages[coarse])
        for stage in finer:
            size = stages[stage].shape[2:]
            drawn = nn.functional.interpolate(drawn, size=size, mode="bilinear", align_corners=False)
            drawn = self.blocks[str(stage)](drawn + self.sides[str(stage)](stages[stage]))
        return cast(Tensor, self.last(drawn))[:, 0]


class ShapeHead(nn.Module):
    """Which forms the aurora has, by its shape: what the mean over the picture has lost.

    A small convolution on two stages and the mask, then its mean, its peak and its mean over the aurora.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sides = nn.ModuleDict(
            {str(stage): nn.Conv2d(channels, FORM_WIDTH, 1) for stage, channels in FORM_STAGES.items()}
        )
        self.texture = _separable(FORM_WIDTH)
        self.lit = nn.Conv2d(1, FORM_WIDTH, 1)
        self.first, self.second = _separable(FORM_WIDTH), _separable(FORM_WIDTH)
        self.dropout = nn.Dropout(0.3)
        self.spread = nn.Dropout2d(0.15)
        self.last = nn.Linear(3 * FORM_WIDTH, len(FORM_HEAD.outputs))

    def forward(self, stages: Mapping[int, Tensor], mask: Tensor) -> Tensor:
        """Stage outputs by index and the mask's probabilities (N, S/4, S/4) → (N, 6), to add to the forms' logits."""
        middle, coarse, fine = FORM_STAGES
        size = stages[middle].shape[2:]
        aurora = nn.functional.avg_pool2d(mask[:, None], mask.shape[2] // size[0])
        what = nn.functional.interpolate(
            self.sides[str(coarse)](stages[coarse]), size=size, mode="bilinear", align_corners=False
        )
        rough = self.texture(self.sides[str(fine)](stages[fine]))
        rough = nn.functional.avg_pool2d(rough, stages[fine].shape[2] // size[0])
        drawn = self.spread(self.sides[str(middle)](stages[middle]) + what + rough + self.lit(aurora))
        drawn = self.first(drawn)
        drawn = drawn + self.second(drawn)
        inside = (drawn * aurora).sum((2, 3)) / (aurora.sum((2, 3)) + 0.5)
        found = torch.cat([drawn.mean((2, 3)), drawn.amax((2, 3)), inside], dim=1)
        return cast(Tensor, self.last(self.dropout(found)))


def _separable(width: int) -> nn.Sequential:
    """A 3×3 convolution channel by channel, then one across channels, each normalised."""
    return nn.Sequential(
        nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False),
        nn.BatchNorm2d(width),
        nn.Conv2d(width, width, 1, bias=False),
        nn.BatchNorm2d(width),
        nn.SiLU(),
    )


def texture(middle: Tensor) -> Tensor:
    """(N, C, h, w) → each channel's mean and the logarithm of its variance over the picture, (N, 2C)."""
    mean = middle.mean((2, 3))
    variance = (middle - mean[:, :, None, None]).square().mean((2, 3))
    return torch.cat([mean, torch.log(variance + 1e-6)], dim=1)


class Scores(nn.Module):
    """AuroraNet seen as a plain classifier: what DistributedDataParallel wraps, as it calls forward."""

    def __init__(self, net: AuroraNet, taps: Sequence[int] = ()) -> None:
        super().__init__()
        self.net = net
        self.taps = tuple(taps)

    def forward(self, pixels: Tensor) -> tuple[Tensor, dict[int, Tensor]]:
        """As :meth:`AuroraNet.learn`."""
        return self.net.learn(pixels, self.taps)


def fold(net: AuroraNet) -> AuroraNet:
    """A copy in eval mode with every batch normalisation folded into the convolution before it.

    The same answers to rounding, fewer operations; what is exported.
    """
    folded = copy.deepcopy(net).eval()
    for module in folded.modules():
        if not isinstance(module, nn.Sequential):
            continue
        for index in range(len(module) - 1):
            first, second = module[index], module[index + 1]
            if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
                module[index] = fuse_conv_bn_eval(first, second)
                module[index + 1] = nn.Identity()
    return folded
