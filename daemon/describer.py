"""What a frame shows, against what the minutes before it showed: :mod:`daemon.description` with the record's past."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from daemon import description
from daemon.observation import Camera, Frame, Observation, Picture
from daemon.record import recent
from daemon.record.store import Reader

Past = tuple[description.Moment, ...]


def before(reader: Reader, camera: str, frames: Sequence[Frame]) -> Past:
    """What the minutes before the first of the frames showed."""
    first = next((frame.observed_at for frame in frames if frame.observed_at), None)
    if first is None:
        return ()
    rows = recent.described(reader, camera, description.remembered_since(first), first)
    return description.recalled(rows)


def describe(
    observation: Observation, square: Picture, camera: Camera, past: Past
) -> tuple[Observation, Past]:
    """The judged observation with form, level, where and which way, and the past with it. As it was where the sky
    was not seen.
    """
    assert observation.prediction is not None
    found = description.of_verdict(
        observation.verdict, observation.observed_at, square, observation.prediction, camera, past
    )
    if found is None:
        return observation, past
    described = replace(
        observation,
        description=found.description,
        azimuth_deg=found.azimuth_deg,
        elevation_deg=found.elevation_deg,
    )
    return described, description.remember(past, found.moment)
