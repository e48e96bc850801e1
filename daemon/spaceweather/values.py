"""The nouns of space weather: frozen readings, each of one instant. Times are aware, UTC; None was not measured."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

IndexName = Literal["kp", "hp30"]


@dataclass(frozen=True)
class SolarWind:
    """The solar wind of one minute, as a spacecraft near L1 measured it. ``by`` and ``bz`` are GSM, in nT.

    Field and plasma come from instruments, and at times spacecraft, of their own; a reading of one leaves the
    other's values None. Speed is in km/s, density in protons per cm³, temperature in K.
    """

    at: datetime
    bt_nt: float | None = None
    by_nt: float | None = None
    bz_nt: float | None = None
    speed_km_s: float | None = None
    density_cm3: float | None = None
    temperature_k: float | None = None
    field_source: str | None = None
    plasma_source: str | None = None


@dataclass(frozen=True)
class Index:
    """A geomagnetic index of the interval that begins at ``at``: three hours for Kp, half an hour for Hp30."""

    name: IndexName
    at: datetime
    value: float


@dataclass(frozen=True)
class Forecast:
    """OVATION's figure for a camera's place: 0–100, for the instant ``at``, from data of ``based_on``."""

    camera: str
    at: datetime
    based_on: datetime
    percent: float


@dataclass(frozen=True)
class Magnetism:
    """One minute of a magnetic observatory: north, east and down components in nT."""

    station: str
    at: datetime
    x_nt: float
    y_nt: float
    z_nt: float | None = None


Reading = SolarWind | Index | Forecast | Magnetism


@dataclass(frozen=True)
class FeedState:
    """How a feed stands after it was asked. ``fault`` is why it gave nothing, empty where it did."""

    feed: str
    provider: str
    licence: str
    address: str
    asked_at: datetime
    newest_at: datetime | None
    fault: str = ""
