"""Where a report's numbers come from, in one line for every figure and table."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

import daemon
from daemon.commands.report.frames import Frames
from daemon.observation import utc_text


@dataclass(frozen=True)
class Provenance:
    """The camera, the period, the nights, and the models whose answers were counted."""

    camera: str
    period: str
    nights: int
    frames: int
    models: tuple[tuple[str, str], ...]

    @property
    def line(self) -> str:
        """All of it in one line."""
        looked = ", ".join(f"{name} sha256 {sha256[:12]}" for name, sha256 in self.models) or "no model"
        nights = "1 night" if self.nights == 1 else f"{self.nights} nights"
        version = f"aurorad {daemon.__version__}"
        return f"{version} · model {looked} · camera {self.camera} · {self.period} · {nights}, {self.frames} frames"


_MODELS = """
    SELECT DISTINCT m.name, m.sha256 FROM models m JOIN observations o ON o.model = m.id
    WHERE o.camera = ? AND o.observed_at BETWEEN ? AND ? ORDER BY m.id
"""


def provenance_of(connection: sqlite3.Connection, frames: Frames) -> Provenance:
    """What a camera's part of a report rests on."""
    first, last = (utc_text(at) for at in frames.period)
    models = connection.execute(_MODELS, [frames.place.camera, first, last]).fetchall()
    return Provenance(
        camera=frames.place.camera,
        period=f"{first} to {last}",
        nights=len(frames.nights),
        frames=len(frames.at_s),
        models=tuple((row["name"] or "model", row["sha256"]) for row in models),
    )
