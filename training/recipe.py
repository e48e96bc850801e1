"""A recipe: what a model is trained on and how, from a TOML file; unknown keys are refused.

``aurorad-b1`` names ``training/recipes/aurorad-b1.toml``; a path ending in ``.toml`` is read as is.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from models.labels import COUNTS

RECIPES = Path(__file__).parent / "recipes"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MaterialSpec(_Strict):
    """One source of training pictures. ``share`` is its part of every batch."""

    kind: Literal["bank", "manifest", "frames"]
    """``frames``: a bank of labelled real frames, or of made aurora over them (``training/data/real_skies.py``),
    sources nearly evenly."""
    path: Path
    share: float = Field(1.0, gt=0)
    augment: Literal["strong", "mild", "none", "thesis"] = "strong"
    bright_first: bool = False
    """In a stage that is ``plain_first``, begin with the plainest aurora and come to the faint by its middle."""
    from_stage: int = 0
    until_stage: int = 99
    """Used in stages ``from_stage`` ≤ stage < ``until_stage``, counted from 0."""
    split: str = "split"
    """Manifest: the column that says ``train`` or ``validation``."""
    looks: float = Field(0.0, ge=0, le=1)
    """How often a camera's look is drawn over a picture (``training/data/looks.py``)."""


class Stage(_Strict):
    """One stretch of training. Either ``steps`` or ``epochs`` (of the first material)."""

    name: str
    side: int = Field(240, ge=64)
    batch: int = Field(32, ge=2)
    steps: int = 0
    epochs: int = 0
    plain_first: bool = False
    train: Literal["all", "late", "head"] = "all"
    """``late``: all but stages 0 to 3, which stay as they are, normalisation too, at half the cost."""
    optimiser: Literal["adam", "adamw"] = "adamw"
    lr: float = Field(1e-3, gt=0)
    weight_decay: float = 0.01
    schedule: Literal["constant", "one-cycle", "rise", "fall"] = "one-cycle"


def _of_whole_heads(outputs: int) -> int:
    if outputs not in COUNTS:
        raise ValueError(f"must be one of {', '.join(map(str, COUNTS))}: the outputs of whole heads")
    return outputs


class Recipe(_Strict):
    """A whole recipe. ``text`` is its canonical form, which a checkpoint remembers."""

    name: str
    outputs: Annotated[int, AfterValidator(_of_whole_heads)] = COUNTS[-1]
    """Of the first heads of ``models.labels``; all of them where it is left out."""
    weights: str = "none"
    """``none``, ``imagenet`` (torchvision's, else Lite1's from its package), ``lite1``,
    ``IMAGENET1K_V1``, or a file: a run's ``model.pt``, an exported ``.onnx``."""
    morph_steps: int = Field(0, ge=0)
    """Steps from ReLU6 to SiLU, for a start from Lite1."""
    frames: bool = True
    """Whether materials of real frames are learned from."""
    leave_out: list[str] = []
    """Sources of real frames that are not learned from."""
    head_std: float | None = None
    dropout: float = 0.2
    stochastic_depth: float = 0.0
    label_smoothing: float = 0.0
    sky_weight: float = 0.3
    map_weight: float = 0.5
    form_weight: float = 0.0
    mask_weight: float = 0.0
    """Of the mask's loss; 0 makes a network without a mask."""
    clip: float = 1.0
    ema: float = Field(0.998, ge=0, lt=1)
    keep: Literal["average", "last", "best"] = "average"
    precision: Literal["single", "mixed"] = "single"
    checkpoint_every: int = 200
    material: list[MaterialSpec]
    stage: list[Stage]

    @property
    def text(self) -> str:
        """The recipe as one line of JSON, the same for the same recipe."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True)


def load_recipe(name: str, changes: list[str] | None = None) -> Recipe:
    """Read a recipe; ``changes`` are ``key=value`` with the value in TOML (``weights="none"``).

    Raises ValueError in one line: no such recipe, an unknown key, a wrong value.
    """
    path = Path(name) if name.endswith(".toml") else RECIPES / f"{name}.toml"
    if not path.exists():
        known = ", ".join(sorted(one.stem for one in RECIPES.glob("*.toml")))
        raise ValueError(f"no recipe {name}: there are {known}, or give a .toml file")
    try:
        values: dict[str, Any] = tomllib.loads(path.read_text())
        for change in changes or []:
            values.update(tomllib.loads(change))
        return Recipe.model_validate(values)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path}: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{path}: {where}: {first['msg'].removeprefix('Value error, ')}") from error
