"""Simulated nights drawn once and kept, so that every model is judged on the same ones.

    aurorad-train simulate --nights runs/nights --count 40 --seed 900

One folder a night: ``pictures.npy`` (frames, 240, 240, 3) and ``night.json`` with the times, the
truth of every frame and the events, and what draws the night anew, for looks between the kept
frames. Nights are chosen over a whole season, so that moon and twilight
come as they do; weather and camera are the simulator's draw.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from daemon.files import write_whole
from daemon.observation import from_utc_text, utc_text
from models.preprocess import SIDE, Pixels, shrink
from training.data.bank import new_array
from training.simulator.night import Night, NightEvent

CADENCE_S: Final = 60.0
CAMERAS: Final = ("auroramax-2015", "auroramax-2016", "auroramax-2022", "auroramax-dark")
SEASON_START: Final = date(2023, 9, 15)
SEASON_DAYS: Final = 210


@dataclass(frozen=True, eq=False)
class KeptNight:
    """One night as kept. Arrays run over its frames."""

    name: str
    times: list[datetime]
    pictures: Pixels
    contrast: npt.NDArray[np.float64]
    aurora: npt.NDArray[np.bool_]
    marginal: npt.NDArray[np.bool_]
    cloud: npt.NDArray[np.float64]
    events: list[NightEvent]
    between: Callable[[datetime], Pixels]
    """The picture of any instant, drawn anew."""


def draw_nights(
    folder: Path,
    count: int,
    seed: int,
    *,
    hours: float = 5.0,
    tell: Callable[[int], None] = lambda done: None,
) -> None:
    """Draw ``count`` nights of at most ``hours`` each, around a random time of the night.

    A night drawn before is left as it is, so an interrupted run goes on.
    """
    for number in range(count):
        target = folder / f"{seed}-{number:03d}"
        if not (target / "night.json").exists():
            draw_night(target, seed, number, hours)
        tell(number + 1)


def draw_night(target: Path, seed: int, number: int, hours: float) -> None:
    """One night into its folder; the description is written last. Raises ValueError where ``hours`` hold no frame."""
    rng = np.random.default_rng([seed, number])
    day = SEASON_START + timedelta(days=int(rng.integers(0, SEASON_DAYS)))
    camera = str(rng.choice(CAMERAS))
    whole = Night(int(rng.integers(0, 2**31)), day, camera=camera)
    length = min(timedelta(hours=hours), whole.end - whole.start)
    start = whole.start + (whole.end - whole.start - length) * float(rng.random())
    start = start.replace(second=0, microsecond=0)
    night = Night(whole.seed, day, hours=(start, start + length), camera=camera)
    times = list(night.exposures(CADENCE_S))
    if not times:
        raise ValueError(f"{target}: no frame in {hours:g} hours of this night: give more with --hours")
    target.mkdir(parents=True, exist_ok=True)
    pictures = new_array(target / "pictures.npy", (len(times), SIDE, SIDE, 3))
    frames: list[dict[str, Any]] = []
    for index, at in enumerate(times):
        drawn = night.frame(at, SIDE)
        pictures[index] = shrink(drawn.square)
        truth = drawn.truth
        frames.append(
            {
                "at": utc_text(at),
                "aurora": truth.aurora,
                "marginal": truth.marginal,
                "contrast": round(truth.contrast, 4),
                "cloud": round(truth.cloud_share, 3),
            }
        )
    pictures.flush()
    events = [_text(asdict(event)) for event in events_of(times, frames, night)]
    made = {"seed": night.seed, "date": str(day), "camera": camera,
            "from": start.isoformat(), "to": (start + length).isoformat()}  # fmt: skip
    kept = {"made": made, "frames": frames, "events": events}
    write_whole(target / "night.json", json.dumps(kept).encode())


@lru_cache(maxsize=1)
def _night(made: str) -> Night:
    """The night that a description makes."""
    told = json.loads(made)
    hours = (datetime.fromisoformat(told["from"]), datetime.fromisoformat(told["to"]))
    return Night(told["seed"], date.fromisoformat(told["date"]), hours=hours, camera=told["camera"])


def _between(made: str, at: datetime) -> Pixels:
    return shrink(_night(made).frame(at, SIDE).square)


def events_of(times: list[datetime], frames: list[dict[str, Any]], night: Night) -> list[NightEvent]:
    """The night's events from its frames' truth: visible minutes less than 20 minutes apart."""
    runs: list[list[int]] = []
    for index, frame in enumerate(frames):
        if not frame["aurora"]:
            continue
        if runs and times[index] - times[runs[-1][-1]] <= timedelta(minutes=20):
            runs[-1].append(index)
        else:
            runs.append([index])
    return [
        NightEvent(times[run[0]], times[run[-1]], None, max(frames[i]["contrast"] for i in run))
        for run in runs
    ]


def _text(event: dict[str, Any]) -> dict[str, Any]:
    return {key: utc_text(value) if isinstance(value, datetime) else value for key, value in event.items()}


def read_nights(folder: Path) -> Iterator[KeptNight]:
    """The kept nights, one at a time. Raises FileNotFoundError where there is none, ValueError for one without frames."""
    places = sorted(folder.glob("*/night.json"))
    if not places:
        raise FileNotFoundError(f"no nights in {folder}; draw some: aurorad-train simulate --nights {folder}")
    for place in places:
        kept = json.loads(place.read_text())
        frames = kept["frames"]
        if "made" not in kept:
            raise ValueError(f"{place.parent}: drawn by an earlier aurorad-train; remove it and draw it anew")
        if not frames:
            raise ValueError(f"{place.parent}: a night without a frame; remove it and draw it anew")
        yield KeptNight(
            name=place.parent.name,
            times=[from_utc_text(frame["at"]).astimezone(UTC) for frame in frames],
            pictures=np.load(place.parent / "pictures.npy", mmap_mode="r"),
            contrast=np.array([frame["contrast"] for frame in frames]),
            aurora=np.array([frame["aurora"] for frame in frames], bool),
            marginal=np.array([frame["marginal"] for frame in frames], bool),
            cloud=np.array([frame["cloud"] for frame in frames]),
            events=[
                _event(one) for one in kept.get("events", kept.get("spells"))
            ],  # as they were once called
            between=partial(_between, json.dumps(kept["made"])),
        )


def _event(kept: dict[str, Any]) -> NightEvent:
    breakup = kept["breakup"]
    return NightEvent(
        from_utc_text(kept["onset"]),
        from_utc_text(kept["end"]),
        from_utc_text(breakup) if breakup else None,
        kept["contrast"],
    )
