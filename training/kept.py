"""A finished run's ``model.pt`` on disk: read with one line for what is none, written whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from daemon.files import replacing
from models.card import ModelError


def read_kept(path: Path) -> dict[str, Any]:
    """All that it holds: ``net``, the weights by name, ``recipe``, ``seed``, and what was measured since.

    Raises ModelError in one line where the file is missing or holds something else.
    """
    try:
        kept = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ModelError(f"no trained network at {path}: make one with `aurorad-train fit`") from None
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from error
    except (
        Exception
    ) as error:  # torch.load raises whatever the bytes lead it to, with advice for who wrote them
        raise not_ours(path, "give the model.pt of a run of `aurorad-train fit`") from error
    if not isinstance(kept, dict) or not isinstance(kept.get("net"), dict):
        raise not_ours(path, "it holds no weights by name")
    return dict(kept)


def write_kept(path: Path, kept: Mapping[str, Any]) -> None:
    """Put it in place: what comes after takes a file that is there for a finished one."""
    with replacing(path) as part:
        torch.save(dict(kept), part)


def not_ours(path: Path, why: object) -> ModelError:
    """The error for a file that is no network of ours."""
    return ModelError(f"{path} is not a trained network of aurorad: {' '.join(str(why).split())[:160]}")
