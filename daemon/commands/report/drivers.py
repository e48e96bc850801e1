"""The solar wind, Kp and the ground's magnetic field on the nights' own grid, for the lags: from the record or OMNI."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from daemon.commands.report import lag
from daemon.commands.report.frames import Frames, Values
from daemon.commands.report.lag import BINS, STEP_MIN, LagCurve
from daemon.observation import from_utc_text
from daemon.record import space
from daemon.record.store import Reader
from daemon.spaceweather.coupling import newell, travel_s
from daemon.spaceweather.omni import WindSeries, read_omni

BIN_S = STEP_MIN * 60
SPANS = {"Kp": timedelta(hours=3), "Hp30": timedelta(minutes=30)}


@dataclass(frozen=True, eq=False)
class Drivers:
    """Series on five-minute bins from ``start_s``; NaN where there is none. ``sources`` says where each comes from."""

    start_s: float
    series: dict[str, Values]
    sources: dict[str, str]


def drivers_of(frames: Frames, reader: Reader, omni: Sequence[Path]) -> Drivers:
    """All drivers over the frames' time. Raises StoreError, UsageError."""
    first, last = (float(at) for at in (frames.at_s[0], frames.at_s[-1]))
    start_s = (first - 36 * 3600) // BIN_S * BIN_S
    bins = int((last + 36 * 3600 - start_s) // BIN_S)
    since, until = (datetime.fromtimestamp(at, UTC) for at in (start_s, start_s + bins * BIN_S))
    wind = read_omni(omni) if omni else _recorded_wind(reader, since, until)
    made = Drivers(start_s, {}, {})
    where = (
        "OMNI, at the bow shock"
        if omni
        else "NOAA SWPC at L1, shifted to the bow shock by the measured speed"
    )
    at_s = wind.at_s if wind.at_bow_shock else wind.at_s + travel_s(_filled(wind.speed_km_s))
    coupling = newell(wind.speed_km_s, wind.by_nt, wind.bz_nt)
    for name, values in (("Bz", wind.bz_nt), ("speed", wind.speed_km_s), ("Newell coupling", coupling)):
        _put(made, name, binned(at_s, values, start_s, bins), where)
    for name, key in (("Kp", "kp"), ("Hp30", "hp30")):
        rows = space.index(reader, key, since - SPANS[name], until)
        times = [from_utc_text(row["at"]).timestamp() for row in rows]
        _put(
            made, name, stepped(times, [row["value"] for row in rows], SPANS[name], start_s, bins), "recorded"
        )
    for station in space.stations(reader):
        _put(
            made,
            f"ΔH {station.upper()}",
            _magnetometer(reader, station, since, until, start_s, bins),
            "INTERMAGNET",
        )
    return made


def _put(made: Drivers, name: str, values: Values, source: str) -> None:
    if np.isfinite(values).any():
        made.series[name], made.sources[name] = values, source


def lag_curves(frames: Frames, drivers: Drivers) -> list[LagCurve]:
    """Cover, level and probability against every driver. Cloud is no dark sky: obscured frames do not count."""
    if not drivers.series:
        return []
    noon = np.array([_noon_s(frames, i) for i in range(len(frames.nights))])
    seen = frames.judged & (frames.visible > 0)
    targets = {
        name: nightly(frames, np.where(seen & known, np.nan_to_num(values), np.nan), noon)
        for name, values, known in (
            ("cover", np.where(frames.aurora, frames.cover, 0.0), np.isfinite(frames.cover)),
            ("level", np.where(frames.aurora, frames.level, 0.0), np.isfinite(frames.level)),
            ("probability", frames.probability, frames.predicted),
        )
    }
    first = np.round((noon - drivers.start_s) / BIN_S).astype(np.int64)
    return lag.curves(targets, {name: lag.lagged(v, first) for name, v in drivers.series.items()})


def _noon_s(frames: Frames, night: int) -> float:
    """The solar noon a night begins with, on a whole bin."""
    some = float(frames.at_s[frames.night == night][0])
    solar = some + frames.place.longitude_deg * 240
    return float(
        np.round(((solar - 43200) // 86400 * 86400 + 43200 - frames.place.longitude_deg * 240) / BIN_S)
        * BIN_S
    )


def nightly(frames: Frames, values: Values, noon_s: Values) -> Values:
    """(nights, BINS): the mean of a night's values by bin."""
    place = np.clip(((frames.at_s - noon_s[frames.night]) // BIN_S).astype(np.int64), 0, BINS - 1)
    known = np.isfinite(values)
    flat = (frames.night * BINS + place)[known]
    return _means(flat, values[known], len(frames.nights) * BINS).reshape(-1, BINS)


def binned(at_s: Values, values: Values, start_s: float, bins: int) -> Values:
    """The mean of the values in each bin; NaN in empty ones."""
    place = np.where(np.isfinite(at_s), (at_s - start_s) // BIN_S, -1).astype(np.int64)
    inside = (place >= 0) & (place < bins) & np.isfinite(values)
    return _means(place[inside], values[inside], bins)


def _means(place: NDArray[np.int64], values: Values, size: int) -> Values:
    """(size,): the mean of the values at each place; NaN where there is none."""
    counts = np.bincount(place, minlength=size)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(place, weights=values, minlength=size) / counts
    return np.where(counts > 0, mean, np.nan)


def stepped(
    at_s: Sequence[float], values: Sequence[float], span: timedelta, start_s: float, bins: int
) -> Values:
    """An index as it holds from each interval's beginning to its end."""
    made = np.full(bins, np.nan)
    for at, value in zip(at_s, values, strict=True):
        first = round((at - start_s) / BIN_S)
        made[max(0, first) : max(0, first + int(span.total_seconds() // BIN_S))] = value
    return made


def kp_at(frames: Frames, drivers: Drivers) -> Values:
    """Kp of each frame, NaN where it is not known."""
    series = drivers.series.get("Kp")
    if series is None:
        return np.full(len(frames.at_s), np.nan)
    return series[np.clip(((frames.at_s - drivers.start_s) // BIN_S).astype(np.int64), 0, len(series) - 1)]


def _recorded_wind(reader: Reader, since: datetime, until: datetime) -> WindSeries:
    rows = space.solar_wind(reader, since, until)

    def column(name: str) -> Values:
        return np.array([np.nan if row[name] is None else row[name] for row in rows], dtype=np.float64)

    at_s = np.array([from_utc_text(row["at"]).timestamp() for row in rows], dtype=np.float64)
    names = ("by_nt", "bz_nt", "bt_nt", "speed_km_s", "density_cm3")
    return WindSeries(at_s=at_s, at_bow_shock=False, **{name: column(name) for name in names})


def _filled(values: Values) -> Values:
    """Each value, or the last known one before it: a gap of the plasma's instrument stops no field."""
    known = np.where(np.isfinite(values), np.arange(len(values)), -1)
    last = np.maximum.accumulate(known) if len(known) else known
    return np.where(last >= 0, values[np.maximum(last, 0)], np.nan)


def _magnetometer(
    reader: Reader, station: str, since: datetime, until: datetime, start_s: float, bins: int
) -> Values:
    """The horizontal field against its median of the UTC day, by bin."""
    rows = space.magnetic_field(reader, station, since, until)
    at_s = np.array([from_utc_text(row["at"]).timestamp() for row in rows], dtype=np.float64)
    horizontal = np.hypot([row["x_nt"] for row in rows], [row["y_nt"] for row in rows])
    days: NDArray[np.int64] = (at_s // 86400).astype(np.int64)
    for day in np.unique(days):
        horizontal[days == day] -= np.median(horizontal[days == day])
    return binned(at_s, horizontal, start_s, bins)
