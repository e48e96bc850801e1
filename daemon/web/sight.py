"""What one frame shows of aurora, as far as it was measured: how strong, where, which way it goes. Pure.

The one place that knows which of the record's columns say so.
"""

from __future__ import annotations

from dataclasses import dataclass

from daemon import words
from daemon.observation import Mask
from daemon.record.columns import ObservationRow, mask_from_bytes
from daemon.record.rows import CourseRow
from daemon.sighting import level_of
from daemon.web import phrases
from daemon.web.tongues import N_, _, ngettext

TOP_LEVEL = 6
THROUGH_CLOUD = "aurora through cloud"
TRENDS = {"brightening": N_("brightening"), "fading": N_("fading"), "steady": N_("steady")}


@dataclass(frozen=True)
class Sight:
    """A frame in which there is aurora. None marks what was not established; angles are degrees."""

    level: int | None = None
    trend: str | None = None
    azimuth_deg: float | None = None
    elevation_deg: float | None = None
    through_cloud: bool = False


def sight(row: ObservationRow | None) -> Sight | None:
    """The aurora of a row, or None where there is none."""
    if row is None or row["verdict"] != "aurora":
        return None
    return Sight(
        level=level_of(row),
        trend=row["trend"],
        azimuth_deg=row["azimuth_deg"],
        elevation_deg=row["elevation_deg"],
        through_cloud=row["reason"] == THROUGH_CLOUD,
    )


def mask_of(row: ObservationRow | None) -> Mask | None:
    """Where in the disc the aurora is, (60, 60), top row first; None where there is none or it was not kept."""
    kept = row["mask"] if row is not None and row["verdict"] == "aurora" else None
    return None if kept is None else mask_from_bytes(kept)


def strength_of(row: ObservationRow | CourseRow) -> int | None:
    """The same for the night's course: 0 where a visible sky showed none, None where nothing was established."""
    if row["verdict"] == "clear":
        return 0
    return level_of(row) if row["verdict"] == "aurora" else None


def strength(level: int) -> str:
    """A level in one word or two."""
    return _(words.brightness(level, None))


def fists(elevation_deg: float) -> str:
    """How high, in fists at arm's length, each about 10°."""
    if elevation_deg >= words.OVERHEAD_DEG:
        return _("straight up")
    n = round(elevation_deg / 10)
    return ngettext("one fist up", "%(n)d fists up", n) if n else _("at the horizon")


def where(azimuth_deg: float | None, elevation_deg: float | None) -> tuple[str, str] | None:
    """``("north-east", "2 fists up")``, or None where no direction is known."""
    if azimuth_deg is None or elevation_deg is None:
        return None
    if elevation_deg >= words.OVERHEAD_DEG:
        return _("overhead"), _("straight up")
    return phrases.compass(azimuth_deg), fists(elevation_deg)
