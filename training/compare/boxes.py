"""A row of boxes: Faster R-CNN with MobileNet, taught by the boxes around the simulator's own light."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import numpy as np
import torch
from sklearn.metrics import average_precision_score
from torch import Tensor, nn
from torchvision.models.detection import fasterrcnn_mobilenet_v3_large_320_fpn
from torchvision.ops import box_iou

from models.preprocess import Pixels
from training.compare import heads
from training.compare.bench import Bench, Outcome
from training.compare.encoders import learned, megabytes, resized
from training.compare.features import one_cycle
from training.compare.heads import Floats
from training.compare.made import boxes_of
from training.compare.skies import Skies
from training.data.augment import STRENGTHS, apply_change, apply_to_map, draw_change

BATCH: Final = 4
OVERLAP: Final = 0.5
AURORA: Final = 1


def detector(side: int) -> nn.Module:
    """The network, from random weights, for pictures of ``side`` pixels."""
    net: nn.Module = fasterrcnn_mobilenet_v3_large_320_fpn(
        weights=None,
        weights_backbone=None,
        num_classes=2,
        min_size=side,
        max_size=side,
        rpn_pre_nms_top_n_train=300,
        rpn_post_nms_top_n_train=100,
        rpn_batch_size_per_image=64,
        box_batch_size_per_image=32,
        box_detections_per_img=20,
        box_score_thresh=0.01,
    )
    return net


def teach(net: nn.Module, lessons: Skies, side: int, steps: int, seed: int) -> None:
    """Learn from made scenes, with aurora and without, changed as cameras differ; boxes turn with the light."""
    torch.manual_seed(seed)
    rng = np.random.default_rng([seed, 4])
    halves = [np.flatnonzero((lessons.part == "made") & (lessons.yes == yes)) for yes in (False, True)]
    _, move = one_cycle(net, steps, 1e-3)
    net.train()
    for _ in range(steps):
        some = np.concatenate([rng.choice(half, BATCH // 2) for half in halves])
        pictures, truth = _taught(lessons, some, side, rng)
        losses: dict[str, Tensor] = net(pictures, truth)
        torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        move()


def _taught(
    lessons: Skies, rows: np.ndarray, side: int, rng: np.random.Generator
) -> tuple[list[Tensor], list[dict[str, Tensor]]]:
    pictures, truth = [], []
    for row in rows:
        change = draw_change(rng, STRENGTHS["strong"])
        pictures.append(_pixels(apply_change(change, lessons.pictures[row], side)))
        boxes = torch.from_numpy(boxes_of(apply_to_map(change, lessons.heat[row]), side))
        truth.append({"boxes": boxes, "labels": torch.full((len(boxes),), AURORA)})
    return pictures, truth


def _pixels(picture: Pixels) -> Tensor:
    return torch.from_numpy(
        np.ascontiguousarray(picture[..., ::-1].transpose(2, 0, 1)).astype(np.float32) / 255
    )


def found(net: nn.Module, pictures: Pixels, side: int) -> list[dict[str, Tensor]]:
    """The boxes in each picture with their scores."""
    with torch.inference_mode():
        return [net([_pixels(one)])[0] for one in resized(pictures, side)]


def precision(answers: list[dict[str, Tensor]], truths: list[np.ndarray]) -> float:
    """Average precision at an overlap of one half: boxes by score, each true box found once."""
    hits: list[tuple[float, bool]] = []
    for answer, truth in zip(answers, truths, strict=True):
        left = torch.from_numpy(truth)
        for box, score in zip(answer["boxes"], answer["scores"], strict=True):
            overlap = box_iou(box[None], left)[0] if len(left) else torch.zeros(1)
            hit = bool(overlap.max() >= OVERLAP)
            hits.append((float(score), hit))
            if hit:
                left = left[torch.arange(len(left)) != int(overlap.argmax())]
    right = np.array([hit for _, hit in hits], bool)
    if not right.any():
        return 0.0
    every = sum(len(truth) for truth in truths)
    # Boxes that nothing found lower the recall that the area is taken over.
    area = average_precision_score(right, [score for score, _ in hits])
    return float(area * right.sum() / every)


def boxes(bench: Bench) -> Outcome:
    """Faster R-CNN: boxes on made scenes, and the greatest score as the picture's answer."""
    side, steps = bench.plan.size.detector
    torch.manual_seed(bench.plan.seed)
    net = detector(side)
    learn = partial(teach, lessons=bench.skies.lessons, side=side, steps=steps, seed=bench.plan.seed)
    learned(bench.folder / "networks" / "detector.pt", net, learn)

    def encode(pictures: Pixels) -> Floats:
        return np.array(
            [[float(a["scores"].max()) if len(a["scores"]) else 0.0] for a in found(net, pictures, side)]
        )

    sets, ask = bench.judge_head("detector", encode, heads.limit)
    scenes = bench.skies.scenes
    lit = scenes.where(scenes.yes)
    truths = [boxes_of(heat, side) for heat in lit.heat]
    more: dict[str, Any] = {
        "boxes": {
            "average_precision_50": round(precision(found(net, lit.pictures, side), truths), 4),
            "scenes": len(lit),
            "boxes": sum(len(one) for one in truths),
        }
    }
    return Outcome(sets, more, bench.speed(lambda picture: ask(encode(picture))), megabytes(net))
