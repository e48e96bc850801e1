"""What the model is asked, and the order of its outputs.

Two questions on the same features, each a pair of logits with its own softmax: is there aurora
(the thesis's yes/no), and is the sky clear (after KHOnet's two-by-two, so that "no aurora" and
"cannot tell" are different answers, and aurora through cloud is aurora).
"""

from __future__ import annotations

from typing import Final, Literal

Aurora = Literal["none", "aurora"]
Sky = Literal["cloudy", "clear"]

AURORA: Final[tuple[Aurora, Aurora]] = ("none", "aurora")
SKY: Final[tuple[Sky, Sky]] = ("cloudy", "clear")

OUTPUTS: Final[tuple[str, ...]] = (*AURORA, *SKY)
"""The model's logits in order. A model of two outputs has the first two only (``thesis-b1``)."""

AURORA_OUTPUT: Final = OUTPUTS.index("aurora")
CLEAR_OUTPUT: Final = OUTPUTS.index("clear")
