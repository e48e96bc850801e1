"""A made solar wind, and the feeds that tell of it, in the real feeds' formats.

The wind is a function of its seed and the minute: field and speed wander about their means like the real ones do
(correlation times of an hour and of a day), so that any stretch can be asked for and comes out the same.
``SpaceFeeds`` answers the addresses that NOAA, GFZ and INTERMAGNET have; ``lie`` makes it answer wrongly.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import numpy.typing as npt

from daemon.observation import utc_text

Values = npt.NDArray[np.float64]

WARM_UP_MIN = 2880
"""Minutes drawn before a stretch, so that its beginning does not know where it began."""

LIES = {
    "shape": "objects with other keys",
    "list": "an object where a list was",
    "nulls": "nothing but nulls",
    "future": "times of next year",
    "old": "times of last year",
    "absurd": "a speed of minus a million, a Bz of a thousand teslas",
    "words": "words where numbers were",
    "nested": "brackets within brackets, 20,000 deep",
    "nan": "NaN and Infinity, which JSON has not",
}
"""Answers that are well-formed HTTP and no truth."""


@dataclass(frozen=True, eq=False)
class Wind:
    """Minutes of solar wind from ``start``: arrays of one shape (n,); field in nT (GSM), km/s, cm⁻³."""

    start: datetime
    by_nt: Values
    bz_nt: Values
    bt_nt: Values
    speed_km_s: Values
    density_cm3: Values

    def at(self, i: int) -> datetime:
        """The instant of a minute."""
        return self.start + timedelta(minutes=i)


def made_wind(start: datetime, minutes: int, seed: int = 0) -> Wind:
    """The solar wind of a stretch of time; the same for the same seed, start and length."""
    start = start.astimezone(UTC).replace(second=0, microsecond=0)
    dice = np.random.default_rng([seed, int(start.timestamp()) // 60])
    by, bz, bx = (4.0 * _wander(dice, minutes, 60.0) for _ in range(3))
    speed = np.clip(430 + 90 * _wander(dice, minutes, 1440.0), 260, 900)
    density = np.exp(1.6 + 0.5 * _wander(dice, minutes, 180.0))
    return Wind(start, by, bz, np.sqrt(bx**2 + by**2 + bz**2), speed, density)


def _wander(dice: np.random.Generator, minutes: int, correlation_min: float) -> Values:
    """A stationary random walk of variance 1 that forgets itself after so many minutes."""
    from scipy.signal import lfilter

    kept = float(np.exp(-1 / correlation_min))
    steps = dice.standard_normal(minutes + WARM_UP_MIN) * np.sqrt(1 - kept**2)
    walked: Values = lfilter([1.0], [1.0, -kept], steps)
    return walked[WARM_UP_MIN:]


class SpaceFeeds:
    """What the feeds answer at an instant. ``lie`` is one of LIES, or None."""

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.lie: str | None = None
        self._days: dict[datetime, Wind] = {}

    def answer(self, path: str, now: datetime) -> bytes | None:
        """The body of an address; None where it is no feed's."""
        url = urlsplit(path)
        made = {
            "/json/rtsw/rtsw_mag_1m.json": self._mag,
            "/json/rtsw/rtsw_wind_1m.json": self._plasma,
            "/products/noaa-planetary-k-index.json": self._kp,
            "/json/ovation_aurora_latest.json": self._ovation,
            "/app/json/": self._hp30,
        }.get(url.path)
        if url.path.endswith("/hapi/data"):
            return self._hapi(parse_qs(url.query), now)
        if made is None:
            return None
        return self._told(made(now))

    # ------------------------------------------------------------------ the feeds

    def _mag(self, now: datetime) -> list[dict[str, Any]]:
        return self._minutes(
            now,
            lambda w, i: {
                "bt": w.bt_nt[i], "bx_gsm": 0.0, "by_gsm": w.by_nt[i], "bz_gsm": w.bz_nt[i],
            },
        )  # fmt: skip

    def _plasma(self, now: datetime) -> list[dict[str, Any]]:
        return self._minutes(
            now,
            lambda w, i: {
                "proton_speed": w.speed_km_s[i], "proton_density": w.density_cm3[i], "proton_temperature": 1e5,
            },
        )  # fmt: skip

    def _minutes(self, now: datetime, values: Any) -> list[dict[str, Any]]:
        """The last hours, newest first, the minutes of two spacecraft in turn; now and then a null."""
        rows = []
        newest = now.replace(second=0, microsecond=0) - timedelta(minutes=3)
        for back in range(360):
            at = newest - timedelta(minutes=back)
            wind = self.day(at)
            i = round((at - wind.start).total_seconds() / 60)
            told = {key: round(float(value), 2) for key, value in values(wind, i).items()}
            for source, active in (("SOLAR1", True), ("ACE", False)):
                gap = not active or (back % 97 == 96)
                row = {key: None if gap else value for key, value in told.items()}
                rows.append(
                    {"time_tag": f"{at:%Y-%m-%dT%H:%M:%S}", "source": source, "active": active, **row}
                )
        return rows

    def day(self, at: datetime) -> Wind:
        """The wind of an instant's UTC day."""
        start = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        if start not in self._days:
            self._days = {start: made_wind(start, 1440, self.seed), **dict(list(self._days.items())[:2])}
        return self._days[start]

    def _kp(self, now: datetime) -> list[dict[str, Any]]:
        first = now.replace(hour=now.hour // 3 * 3, minute=0, second=0, microsecond=0)
        times = [first - timedelta(hours=3 * k) for k in range(8, -1, -1)]
        return [
            {"time_tag": f"{at:%Y-%m-%dT%H:%M:%S}", "Kp": self._kp_at(at), "a_running": 9, "station_count": 8}
            for at in times
        ]

    def _kp_at(self, at: datetime) -> float:
        south = float(np.clip(-self.day(at).bz_nt[at.hour * 60 : at.hour * 60 + 180], 0, None).mean())
        return round(min(9.0, 1 + 0.9 * south) * 3) / 3

    def _hp30(self, now: datetime) -> dict[str, Any]:
        first = now.replace(minute=now.minute // 30 * 30, second=0, microsecond=0)
        times = [first - timedelta(minutes=30 * k) for k in range(8, -1, -1)]
        return {
            "meta": {"license": "CC BY 4.0", "source": "GFZ Potsdam"},
            "datetime": [utc_text(at) for at in times],
            "Hp30": [self._kp_at(at.replace(hour=at.hour // 3 * 3, minute=0)) for at in times],
        }

    def _ovation(self, now: datetime) -> dict[str, Any]:
        shown = now.replace(second=0, microsecond=0)
        grid = [[lon, lat, max(0, 60 - 6 * abs(lat - 66))] for lon in range(360) for lat in range(40, 90)]
        return {
            "Observation Time": utc_text(shown - timedelta(minutes=10)),
            "Forecast Time": utc_text(shown + timedelta(minutes=40)),
            "Data Format": "[Longitude, Latitude, Aurora]",
            "coordinates": grid,
        }

    def _hapi(self, asked: dict[str, list[str]], now: datetime) -> bytes:
        """A magnetic observatory's minutes, twenty of them late, as CSV under its header."""
        since = datetime.fromisoformat(asked["time.min"][0])
        until = min(datetime.fromisoformat(asked["time.max"][0]), now - timedelta(minutes=20))
        header = {
            "HAPI": "3.0", "status": {"code": 1200, "message": "OK"}, "format": "csv",
            "parameters": [
                {"name": "Time", "type": "isotime", "units": "UTC", "length": 20, "fill": None},
                {"name": "Field_Vector", "type": "double", "units": "nT", "size": [3], "fill": "99999.0",
                 "description": "XYZ"},
            ],
        }  # fmt: skip
        lines = [f"#{line}" for line in json.dumps(header, indent=1).splitlines()]
        at = since.replace(second=0, microsecond=0)
        while at < until:
            wind = self.day(at)
            bay = 40 * float(np.clip(wind.bz_nt[round((at - wind.start).total_seconds() / 60)], None, 0))
            lines.append(f"{utc_text(at)},{8500 + bay:.1f},{2500:.1f},{58000:.1f}")
            at += timedelta(minutes=1)
        text = "\n".join(lines) + "\n"
        return (text if self.lie is None else text.replace("Field_Vector", "B").replace("[", "(")).encode()

    # ------------------------------------------------------------------ lies

    def _told(self, truth: Any) -> bytes:
        if self.lie == "nested":
            return b"[" * 20_000 + b"]" * 20_000
        if self.lie == "nan":
            return json.dumps(_changed(truth, lambda v: float("nan"))).encode()
        return json.dumps(_lied(truth, self.lie)).encode()


def _lied(truth: Any, lie: str | None) -> Any:
    if lie == "shape":
        return [{"when": "now", "what": 1}] if isinstance(truth, list) else {"when": "now"}
    if lie == "list":
        return {"rows": truth} if isinstance(truth, list) else [truth]
    swaps: dict[str, Any] = {
        "nulls": lambda value: None,
        "absurd": lambda value: -1e6,
        "words": lambda value: "much",
    }
    if lie in swaps:
        return _changed(truth, swaps[lie])
    if lie in ("future", "old"):
        years = 1 if lie == "future" else -1
        return _changed(truth, None, years)
    return truth


def _changed(value: Any, number: Any, years: int = 0) -> Any:
    """The same with every number, or every time's year, changed."""
    if isinstance(value, dict):
        return {key: _changed(inner, number, years) for key, inner in value.items()}
    if isinstance(value, list):
        return [_changed(inner, number, years) for inner in value]
    if isinstance(value, str) and years and value[:2] == "20" and value[4:5] == "-":
        return f"{int(value[:4]) + years}{value[4:]}"
    if number is not None and isinstance(value, int | float) and not isinstance(value, bool):
        return number(value)
    return value
