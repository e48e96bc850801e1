"""A card is read strictly, and says in one line what is wrong with it."""

from __future__ import annotations

import json
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import pytest

from models.card import Card, ModelError, card_path, parse, read_card, sha256_of
from models.labels import FORMS


def plain_card(**changes: Any) -> dict[str, Any]:
    card: dict[str, Any] = {
        "name": "aurorad-b1",
        "description": "For tests.",
        "created": "2026-11-20T06:00:00Z",
        "licence": "MIT",
        "sha256": "0123456789abcdef" * 4,
        "outputs": ["none", "aurora", "cloudy", "clear"],
        "side": 240,
        "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225],
        "data": {"simulated_frames": 1000},
        "recipe": {"name": "aurorad-b1", "seed": 1},
        "skill": {
            "real": {"frames": 40, "balanced_accuracy": 0.95, "balanced_accuracy_95": [0.9, 0.98]},
            "season": {"nights": 12},
        },
        "temperature": 1.5,
        "sky_temperature": 1,
        "thresholds": {"default": 0.5, "cells": {"night/none": 0.4, "astronomical/full": 0.8}},
        "parity": {"logits": 1e-6, "maps": 2e-6},
        "distance_limit": 1.6,
        "mask_threshold": 0.5,
        "form_thresholds": dict.fromkeys(FORMS, 0.5),
    }
    return {**card, **changes}


def parsed(**changes: Any) -> Card:
    return parse(json.dumps(plain_card(**changes)))


def test_a_card_without_a_limit_is_of_a_model_that_does_not_doubt() -> None:
    """Cards written before models measured a distance are read as they were."""
    old = plain_card()
    for later in ("distance_limit", "mask_threshold", "form_thresholds"):
        del old[later]
    card = parse(json.dumps(old))
    assert (card.distance_limit, card.mask_threshold, card.form_thresholds) == (None, None, {})
    with pytest.raises(ModelError, match="distance_limit"):
        parsed(distance_limit=-1)


def test_a_card_survives_being_written_and_read() -> None:
    """``to_json`` and ``parse`` are each other's inverse, for every field."""
    card = parsed()
    assert parse(card.to_json()) == card
    assert json.loads(card.to_json()) == plain_card(sky_temperature=1.0)


def test_a_cell_has_its_own_threshold_or_the_default() -> None:
    """Thresholds go by twilight and moonlight."""
    card = parsed()
    assert card.threshold("night", "none") == 0.4
    assert card.threshold("astronomical", "full") == 0.8
    assert card.threshold("night", "full") == 0.5


def test_the_headline_names_skill_interval_and_frames() -> None:
    """What `aurorad doctor` shows; a model that was never judged says so."""
    assert (
        parsed().headline() == "real: balanced accuracy 0.950 (0.900–0.980), 40 frames"
    )  # a set without the figure is left out
    assert parsed(skill={}).headline() == "no held-out skill measured"


@pytest.mark.parametrize(
    "field", [one.name for one in fields(Card) if one.default is MISSING and one.default_factory is MISSING]
)
def test_every_key_is_asked_for(field: str) -> None:
    """A card without any one key is refused, and the key is named."""
    raw = plain_card()
    del raw[field]
    with pytest.raises(ModelError, match=f"key '{field}' is missing"):
        parse(json.dumps(raw))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"treshold": 0.4}, "unknown key 'treshold'"),
        ({"name": " "}, "name must be a text"),
        ({"sha256": "ABC"}, "sha256 must be 64 hexadecimal digits"),
        ({"created": "yesterday"}, "created must be a UTC time"),
        ({"outputs": ["aurora", "none"]}, "outputs must be"),
        ({"side": 241}, "side must be a whole number of pixels"),
        ({"side": True}, "side must be a whole number of pixels"),
        ({"std": [0.2, 0, 0.2]}, "std must be above 0"),
        ({"mean": [0.4]}, "mean must be three numbers"),
        ({"temperature": 0}, "temperature must be above 0"),
        ({"temperature": "1"}, "temperature must be a number"),
        ({"skill": {"real": 0.97}}, "skill.real must be a table"),
        ({"thresholds": {"default": 0.5}}, "thresholds must be a table of default and cells"),
        ({"thresholds": {"default": 1.5, "cells": {}}}, "thresholds.default must be between 0 and 1"),
        ({"thresholds": {"default": 0.5, "cells": {"dusk/none": 0.5}}}, "named twilight/moonlight"),
        ({"parity": {"logits": None}}, "parity.logits must be a number"),
    ],
)
def test_a_wrong_value_is_refused_by_name(changes: dict[str, Any], said: str) -> None:
    """Each kind of mistake gives one line that names the key."""
    with pytest.raises(ModelError, match=said) as caught:
        parsed(**changes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"temperature": NaN}'])
def test_what_is_no_card_is_refused(text: str) -> None:
    """Empty, cut off, not a table, not a number."""
    with pytest.raises(ModelError):
        parse(text)


def test_a_missing_card_names_the_mend(tmp_path: Path) -> None:
    """A model without its card says which file to put beside it."""
    with pytest.raises(ModelError, match=r"its card lonely\.json is missing; put it beside"):
        read_card(tmp_path / "lonely.onnx")


def test_a_wrong_card_names_its_file(tmp_path: Path) -> None:
    """The error of a card on disk begins with its path."""
    model = tmp_path / "m.onnx"
    card_path(model).write_text(json.dumps(plain_card(side=0)))
    with pytest.raises(ModelError, match=r"m\.json: side must be"):
        read_card(model)


def test_sha256_of_a_file(tmp_path: Path) -> None:
    """The digest is the one of the bytes; no file, one line."""
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    assert sha256_of(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    with pytest.raises(ModelError, match="cannot be read"):
        sha256_of(tmp_path / "none")
