"""What a training step is judged by: the heads' answers, the auxiliary maps, the forms, the mask."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from models.labels import AURORA_HEAD, FORM_HEAD, SKY_HEAD, has
from training.data.batch import Batch
from training.data.items import SEEN
from training.recipe import Recipe
from training.student import TAPS


def loss_terms(logits: Tensor, maps: list[Tensor], batch: Batch, recipe: Recipe) -> dict[str, Tensor]:
    """Cross-entropy of both heads (labels of -1 do not count) and of the auxiliary maps."""
    device = logits.device
    aurora = torch.from_numpy(batch.aurora.astype(np.int64)).to(device)
    smooth = recipe.label_smoothing
    terms = {"aurora": _entropy(logits[:, AURORA_HEAD.span], aurora, smooth)}
    sky = torch.from_numpy(batch.sky.astype(np.int64)).to(device)
    if has(SKY_HEAD, logits.shape[1]):
        terms["sky"] = recipe.sky_weight * _entropy(logits[:, SKY_HEAD.span], sky, smooth)
    if has(FORM_HEAD, logits.shape[1]) and recipe.form_weight:
        forms = torch.from_numpy(batch.forms).to(device)
        terms["forms"] = recipe.form_weight * forms_loss(logits[:, FORM_HEAD.span], forms)
    known = torch.from_numpy(batch.has_heat).to(device)
    heat = torch.from_numpy(batch.heat).to(device)[:, None]
    for tap, drawn in zip(TAPS, maps, strict=False):
        target = nn.functional.adaptive_max_pool2d(heat, drawn.shape[2:])[:, 0]
        terms[f"map{tap}"] = recipe.map_weight * _map_loss(drawn[:, 0], target, known)
        if recipe.sky_weight:
            everywhere = (sky > 0).float()[:, None, None].expand_as(target)
            terms[f"sky{tap}"] = (
                recipe.map_weight * recipe.sky_weight * _map_loss(drawn[:, 1], everywhere, (sky >= 0).float())
            )
    return terms


def mask_loss(drawn: Tensor, batch: Batch) -> Tensor:
    """Of the mask's logits (N, h, w): cross-entropy over places and, where there is aurora, the share of the
    union that is missed (soft Dice), so that a thin arc weighs as much as a sky full of light.
    """
    known = torch.from_numpy(batch.has_heat).to(drawn.device)
    heat = torch.from_numpy(batch.heat).to(drawn.device)[:, None]
    size = (int(drawn.shape[1]), int(drawn.shape[2]))
    how = nn.functional.interpolate(heat, size=size, mode="bilinear", align_corners=False)[:, 0]
    target = (how >= SEEN).float()
    lit = known * (target.sum((1, 2)) > 0)
    seen = torch.sigmoid(drawn)
    overlap = 2 * (seen * target).sum((1, 2)) + 1
    dice = 1 - overlap / (seen.sum((1, 2)) + target.sum((1, 2)) + 1)
    return _map_loss(drawn, target, known) + (dice * lit).sum() / lit.sum().clamp(min=1)


def forms_loss(logits: Tensor, forms: Tensor) -> Tensor:
    """Binary cross-entropy of every form that is judged, forms (N, 6) of -1 are not; 0 where none is."""
    judged = (forms >= 0).float()
    cost = nn.functional.binary_cross_entropy_with_logits(
        logits, forms.clamp(min=0).float(), reduction="none"
    )
    return (cost * judged).sum() / judged.sum().clamp(min=1)


def _map_loss(drawn: Tensor, target: Tensor, known: Tensor) -> Tensor:
    """Binary cross-entropy over places, averaged over the pictures whose map is known."""
    cost = nn.functional.binary_cross_entropy_with_logits(drawn, target, reduction="none").mean((1, 2))
    return (cost * known).sum() / known.sum().clamp(min=1)


def _entropy(logits: Tensor, labels: Tensor, smooth: float) -> Tensor:
    """Cross-entropy over the judged pictures; 0 where none is."""
    judged = (labels >= 0).sum().clamp(min=1)
    total = nn.functional.cross_entropy(
        logits, labels, ignore_index=-1, reduction="sum", label_smoothing=smooth
    )
    return total / judged
