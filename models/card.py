"""What a model file says of itself: a card in JSON beside it, ``NAME.json`` for ``NAME.onnx``.

The card is read strictly: an unknown key, a missing one or a wrong type is refused, because a
threshold that was silently ignored is a wrong alert. ``to_json`` and ``parse`` are each other's
inverse.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from models.labels import COUNTS, FORMS, OUTPUTS

WEIGHTS: Final = Path(__file__).parent / "weights"
SHIPPED: Final = WEIGHTS / "aurorad-b1.onnx"
"""The model that comes with aurorad."""

TWILIGHTS: Final = ("night", "astronomical", "nautical", "civil", "day")
MOONLIGHTS: Final = ("none", "quarter", "full")
CELLS: Final = tuple(f"{twilight}/{moonlight}" for twilight in TWILIGHTS for moonlight in MOONLIGHTS)
"""The sky's cells, ``twilight/moonlight``, that may have a threshold of their own."""


class ModelError(Exception):
    """A model file that is missing, altered, or of the wrong shape; one line that names the mend."""


@dataclass(frozen=True)
class Thresholds:
    """From which calibrated probability on a frame counts as aurora, by the sky's cell."""

    default: float
    cells: Mapping[str, float]

    @property
    def lowest(self) -> float:
        """From which on a frame counts as aurora in one cell at least."""
        return min([self.default, *self.cells.values()])


@dataclass(frozen=True)
class Card:
    """A model's own account.

    name, description, created (ISO-8601 UTC), licence: plain words.
    sha256: of the model file. outputs: the logits in order (``models.labels``).
    side, mean, std: the input, pixels and R, G, B in 0..1.
    data, recipe: what it was trained on and how; free form, enough to repeat it.
    skill: figures by the name of the held-out set, ``{"real": {"frames": 40, "balanced_accuracy":
    0.95, "balanced_accuracy_95": [0.90, 0.98], …}}``; ``<figure>_95`` is that figure's 95 % interval.
    temperature, sky_temperature: the logits are divided by it before the calibrated softmax.
    thresholds: on the calibrated probability.
    parity: greatest difference between the file and the network it was exported from.
    distance_limit: from which distance on the model doubts its own answer; None where it measures none.
    mask_threshold: from which probability a place belongs to the mask; None without a mask.
    form_thresholds: from which probability a form counts as seen, by its name; empty without forms.
    """

    name: str
    description: str
    created: str
    licence: str
    sha256: str
    outputs: tuple[str, ...]
    side: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    data: Mapping[str, Any]
    recipe: Mapping[str, Any]
    skill: Mapping[str, Mapping[str, Any]]
    temperature: float
    sky_temperature: float
    thresholds: Thresholds
    parity: Mapping[str, float]
    distance_limit: float | None = None
    mask_threshold: float | None = None
    form_thresholds: Mapping[str, float] = field(default_factory=dict)

    def threshold(self, twilight: str, moonlight: str) -> float:
        """The calibrated probability from which a frame of this sky counts as aurora."""
        return self.thresholds.cells.get(f"{twilight}/{moonlight}", self.thresholds.default)

    def headline(self) -> str:
        """The held-out skill in one line: ``real: balanced accuracy 0.95 (0.90–0.98), 40 frames``."""
        lines = [
            _headline(name, figures) for name, figures in self.skill.items() if "balanced_accuracy" in figures
        ]
        return "; ".join(lines) or "no held-out skill measured"

    def to_json(self) -> str:
        """The card as the text of its file."""
        plain = {one.name: getattr(self, one.name) for one in fields(self)}
        plain["thresholds"] = {"default": self.thresholds.default, "cells": self.thresholds.cells}
        return json.dumps(plain, indent=2, ensure_ascii=False, allow_nan=False, default=dict) + "\n"


def card_path(model: Path) -> Path:
    """Where the card of a model file lies: beside it, ``.json``."""
    return model.with_suffix(".json")


def read_card(model: Path) -> Card:
    """The card beside a model file. Raises ModelError: missing, unreadable, not a card."""
    path = card_path(model)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ModelError(
            f"{model}: its card {path.name} is missing; put it beside the model, "
            "or export the model again with `aurorad-train export`"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{path}: the card cannot be read: {error}") from error
    try:
        return parse(text)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error


def parse(text: str) -> Card:
    """The card in a JSON text. Raises ModelError naming the key that is wrong."""
    try:
        raw = json.loads(text, parse_constant=_refuse_constant)
    except ValueError as error:
        raise ModelError(f"not a model card: {error}") from error
    keys = _record(raw, "the card")
    known = {one.name for one in fields(Card)}
    for wrong in sorted(keys.keys() - known):
        raise ModelError(f"unknown key {wrong!r}")
    optional = {
        one.name for one in fields(Card) if one.default is not MISSING or one.default_factory is not MISSING
    }
    for missing in sorted(known - optional - keys.keys()):
        raise ModelError(f"key {missing!r} is missing")
    values = {name: READERS[name](keys[name], name) for name in known & keys.keys()}
    return Card(**values)


def sha256_of(path: Path) -> str:
    """A file's sha256, hexadecimal. Raises ModelError where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"{path}: the model file cannot be read: {error.strerror}") from error


def _headline(name: str, figures: Mapping[str, Any]) -> str:
    interval, frames = figures.get("balanced_accuracy_95"), figures.get("frames")
    said = f"{name}: balanced accuracy {figures['balanced_accuracy']:.3f}"
    if interval is not None:
        said += f" ({interval[0]:.3f}–{interval[1]:.3f})"
    return said if frames is None else f"{said}, {frames} frames"


# ------------------------------------------------------------------------------------- strict reading


def _refuse_constant(constant: str) -> float:
    raise ValueError(f"{constant} is not a number")


def _wrong(key: str, what: str, value: object) -> ModelError:
    return ModelError(f"{key} must be {what}, not {str(value)[:60]!r}")


def _record(value: object, key: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong(key, "a table", value)
    return value


def _words(value: object, key: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _wrong(key, "a text", value)
    return value


def _number(value: object, key: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _wrong(key, "a number", value)
    return float(value)


def _positive(value: object, key: str) -> float:
    number = _number(value, key)
    if number <= 0:
        raise _wrong(key, "above 0", value)
    return number


def _limit(value: object, key: str) -> float | None:
    return None if value is None else _positive(value, key)


def _share(value: object, key: str) -> float:
    number = _number(value, key)
    if not 0 <= number <= 1:
        raise _wrong(key, "between 0 and 1", value)
    return number


def _side(value: object, key: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0 or value % 8:
        raise _wrong(key, "a whole number of pixels, a multiple of 8", value)
    return value


def _digest(value: object, key: str) -> str:
    text = _words(value, key)
    if len(text) != 64 or set(text) - set("0123456789abcdef"):
        raise _wrong(key, "64 hexadecimal digits in lower case", value)
    return text


def _instant(value: object, key: str) -> str:
    text = _words(value, key)
    try:
        datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ")
    except ValueError:
        raise _wrong(key, "a UTC time like 2026-11-20T06:00:00Z", value) from None
    return text


def _outputs(value: object, key: str) -> tuple[str, ...]:
    if not isinstance(value, list) or tuple(value) not in [OUTPUTS[:count] for count in COUNTS]:
        counts = ", ".join(str(count) for count in COUNTS)
        raise _wrong(key, f"the first {counts} of {list(OUTPUTS)}", value)
    return tuple(value)


def _rgb(value: object, key: str) -> tuple[float, float, float]:
    if not isinstance(value, list) or len(value) != 3:
        raise _wrong(key, "three numbers, R G B", value)
    red, green, blue = (_positive(one, key) for one in value)
    return red, green, blue


def _skill(value: object, key: str) -> Mapping[str, Mapping[str, Any]]:
    return {name: _record(figures, f"{key}.{name}") for name, figures in _record(value, key).items()}


def _thresholds(value: object, key: str) -> Thresholds:
    table = _record(value, key)
    if set(table) != {"default", "cells"}:
        raise _wrong(key, "a table of default and cells", list(table))
    cells = _record(table["cells"], f"{key}.cells")
    for unknown in sorted(set(cells) - set(CELLS)):
        raise _wrong(f"{key}.cells", "named twilight/moonlight, like night/none", unknown)
    default = _share(table["default"], f"{key}.default")
    return Thresholds(default, {cell: _share(cells[cell], f"{key}.cells.{cell}") for cell in cells})


def _optional_share(value: object, key: str) -> float | None:
    return None if value is None else _share(value, key)


def _form_thresholds(value: object, key: str) -> Mapping[str, float]:
    table = _record(value, key)
    if table and set(table) != set(FORMS):
        raise _wrong(key, f"a table of {', '.join(FORMS)}", list(table))
    return {form: _share(table[form], f"{key}.{form}") for form in FORMS if form in table}


def _numbers(value: object, key: str) -> Mapping[str, float]:
    return {name: _number(one, f"{key}.{name}") for name, one in _record(value, key).items()}


READERS: Final[Mapping[str, Callable[[object, str], Any]]] = {
    "name": _words,
    "description": _words,
    "created": _instant,
    "licence": _words,
    "sha256": _digest,
    "outputs": _outputs,
    "side": _side,
    "mean": _rgb,
    "std": _rgb,
    "data": _record,
    "recipe": _record,
    "skill": _skill,
    "temperature": _positive,
    "sky_temperature": _positive,
    "thresholds": _thresholds,
    "parity": _numbers,
    "distance_limit": _limit,
    "mask_threshold": _optional_share,
    "form_thresholds": _form_thresholds,
}
