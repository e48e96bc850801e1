"""Where a report's numbers come from, in one line for every figure and table."""

from __future__ import annotations

from dataclasses import dataclass

import daemon
from daemon.commands.report.frames import Frames
from daemon.observation import utc_text
from daemon.record.store import Reader
from daemon.text import counted


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
        size = f"{counted(self.nights, 'night')}, {counted(self.frames, 'frame')}"
        version = f"aurorad {daemon.__version__}"
        return f"{version} · model {looked} · camera {self.camera} · {self.period} · {size}"


def provenance_of(reader: Reader, frames: Frames) -> Provenance:
    """What a camera's part of a report rests on."""
    first, last = (utc_text(at) for at in frames.period)
    return Provenance(
        camera=frames.place.camera,
        period=f"{first} to {last}",
        nights=len(frames.nights),
        frames=len(frames.at_s),
        models=tuple(
            (row["name"] or "model", row["sha256"]) for row in reader.models(frames.place.camera, first, last)
        ),
    )
