"""What the model is asked: its heads, and the order of their outputs.

Each head is a group of logits on the same features. Two are pairs with a softmax of their own: is there
aurora (the thesis's yes/no), and is the sky clear (after KHOnet's two-by-two, so that "no aurora" and
"cannot tell" are different answers, and aurora through cloud is aurora). The third asks for each form of
aurora by itself, because several may be in the sky at once. A model has the first head, the first two, or all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

Aurora = Literal["none", "aurora"]
Sky = Literal["cloudy", "clear"]
FormName = Literal["arc", "band", "rays", "patches", "diffuse", "corona"]

AURORA: Final[tuple[Aurora, Aurora]] = ("none", "aurora")
SKY: Final[tuple[Sky, Sky]] = ("cloudy", "clear")
FORMS: Final[tuple[FormName, ...]] = ("arc", "band", "rays", "patches", "diffuse", "corona")


@dataclass(frozen=True)
class Head:
    """One question: its outputs, and where they begin among the logits.

    ``exclusive``: one of them holds, by softmax; else each holds or not, by its own sigmoid.
    """

    name: Literal["aurora", "sky", "form"]
    outputs: tuple[str, ...]
    start: int
    exclusive: bool = True

    @property
    def stop(self) -> int:
        """The first logit after this head's."""
        return self.start + len(self.outputs)

    @property
    def span(self) -> slice:
        """Its part of the logits."""
        return slice(self.start, self.stop)


AURORA_HEAD: Final = Head("aurora", AURORA, 0)
SKY_HEAD: Final = Head("sky", SKY, AURORA_HEAD.stop)
FORM_HEAD: Final = Head("form", FORMS, SKY_HEAD.stop, exclusive=False)
HEADS: Final = (AURORA_HEAD, SKY_HEAD, FORM_HEAD)

OUTPUTS: Final[tuple[str, ...]] = tuple(name for head in HEADS for name in head.outputs)
"""Every logit in order. A model has the outputs of its first heads (``thesis-b1`` of the first only)."""

COUNTS: Final = tuple(head.stop for head in HEADS)
"""How many logits a model may have."""

AURORA_OUTPUT: Final = OUTPUTS.index("aurora")


def has(head: Head, outputs: int | Sequence[str]) -> bool:
    """Whether a model with so many (or these) outputs has the head."""
    return head.stop <= (outputs if isinstance(outputs, int) else len(outputs))
