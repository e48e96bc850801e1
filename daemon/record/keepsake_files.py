"""Where timelapses and cards lie: ``<state_dir>/timelapse/<camera>/<night>.mp4`` and ``…/event/<id>.mp4``.

A card has the same name and ends in ``.png``.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

EVENTS = "event"
"""The folder of events; no camera is called so here: a camera's folder has a dot before its name."""


def of_night(state_dir: Path, camera: str, night: date) -> Path:
    """A night's movie."""
    return state_dir / "timelapse" / f".{camera}" / f"{night.isoformat()}.mp4"


def of_event(state_dir: Path, event_id: str) -> Path:
    """An event's movie."""
    return state_dir / "timelapse" / EVENTS / f"{event_id}.mp4"


def card_of(movie: Path) -> Path:
    """The card beside a movie."""
    return movie.with_suffix(".png")
