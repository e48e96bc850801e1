"""What runs a model's graph, and what it says when it cannot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import numpy.typing as npt

from models.preprocess import Tensor

Floats = npt.NDArray[np.float32]


class Gone(Exception):
    """An engine stopped working; the message is its runtime's own."""


class Engine(Protocol):
    """Something that runs the graph. ``device`` is ``cpu`` or ``cuda``."""

    device: str

    def run(self, tensor: Tensor) -> Mapping[str, Floats]:
        """(N, 3, S, S) → what the graph gives, by name: ``logits`` (N, outputs), ``maps`` (N, outputs, h, w),
        and where it has them ``distance`` (N,) and ``mask`` (N, S/4, S/4). Raises Gone.
        """
        ...


def one_line(error: Exception) -> str:
    """The error's message on one line, at most 200 characters."""
    return " ".join(str(error).split())[:200]
