"""How a camera was turned when rows were written: their directions stay as they are, whatever the configuration says later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from daemon.config import OrientationSettings
from daemon.observation import Orientation
from daemon.record.progress import kept_orientation


def turned_at(history: Sequence[Mapping[str, Any]], recorded_at: str) -> Orientation | None:
    """The orientation of rows written then (UTC text, as ``recorded_at``); None where the record does not know it.

    ``history``: as :meth:`daemon.record.reader.Reader.history` gives it.
    """
    past = [entry for entry in history if entry["since"] <= recorded_at]
    told = next((entry for entry in reversed(past) if "from_stars" not in entry), None)
    seen = next((entry for entry in reversed(past) if "from_stars" in entry), None)
    given = told["orientation"] if told is not None else None
    if told is not None and given is not None and (seen is None or seen["since"] < told["since"]):
        try:
            return OrientationSettings.model_validate(given).orientation()
        except ValidationError:  # a later version's, or somebody's own hand
            return None
    return kept_orientation(seen["from_stars"]) if seen is not None else None
