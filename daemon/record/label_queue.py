"""Which frames deserve a person's label next. Pure."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import get_args

from daemon.record.rows import CandidateRow, Queue

Row = CandidateRow
QUEUES: tuple[Queue, ...] = get_args(Queue)


def most_wanted(rows: Sequence[Row], order: Queue, seed: int) -> list[Row]:
    """The candidates in the order in which labels are wanted.

    ``random`` keeps only the thesis's sample; the same seed gives the same sample, whatever has
    been labelled of it since.
    """
    if order == "random":
        return list(_thesis_sample(rows, seed))
    if order == "night":
        return sorted(rows, key=lambda row: (row["observed_at"], row["camera"]))
    return sorted(rows, key=_doubt if order == "uncertainty" else _agreement)


def _doubt(row: Row) -> float:
    """Distance from the threshold."""
    threshold = 0.5 if row["threshold"] is None else row["threshold"]
    return abs(row["calibrated_probability"] - threshold)


def _agreement(row: Row) -> float:
    """Minus the largest difference between the model and a second opinion."""
    answer = row["calibrated_probability"]
    others = [row["shadow_probability"]]
    if row["colour_level"] is not None:
        others.append(row["colour_level"] / 5)
    return -max((abs(answer - other) for other in others if other is not None), default=0.0)


def _thesis_sample(rows: Sequence[Row], seed: int) -> Iterator[Row]:
    """Per night at most 20 and at most half of the frames under a dark and moonless sky."""
    nights: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row["twilight"] == "night" and row["moonlight"] == "none":
            nights.setdefault((row["camera"], row["night"]), []).append(row)
    for (camera, night), frames in sorted(nights.items()):
        chance = random.Random(f"{seed} {camera} {night}")
        yield from chance.sample(frames, min(20, len(frames) // 2))
