"""What HAPI offers of the record: a camera's observations and events, and the space weather of the time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from daemon.observation import from_utc_text, utc_text
from daemon.record import space
from daemon.record.meanings import EVENT_LONG_NAMES, EXPORTED, comment, long_name, longest, units
from daemon.record.store import Reader

FILL = "-1e31"
"""What stands for nothing in a number's place, as is usual among HAPI's servers."""

NO_TEXT, NO_TIME = "-", "0000-00-00T00:00:00Z"
"""The same for texts, where an empty one says something (no form was seen), and for times, which all have one length."""


@dataclass(frozen=True)
class Parameter:
    """One parameter: its name, HAPI's type, unit, meaning, the column it comes from, and the bytes of its longest text."""

    name: str
    kind: str
    units: str | None
    description: str
    column: str
    length: int = 0

    def about(self) -> dict[str, Any]:
        """As ``info`` has it."""
        unit = None if self.units == "1" else self.units
        told = {"name": self.name, "type": self.kind, "units": unit, "description": self.description}
        if self.kind == "isotime":
            return {**told, "length": len(NO_TIME), "fill": None if self.name == "Time" else NO_TIME}
        if self.kind == "string":
            return {**told, "length": self.length, "fill": NO_TEXT}
        return {**told, "fill": FILL}

    def value(self, value: Any) -> Any:
        """A value as it is sent; a fill for nothing."""
        if self.kind == "isotime":
            return NO_TIME if value is None else str(value)
        if self.kind == "string":
            text = NO_TEXT if value is None else str(value)
            return text.encode()[: self.length].decode(errors="ignore")
        return float(FILL) if value is None else float(value)


@dataclass(frozen=True)
class Dataset:
    """One data set: where its rows lie. ``table`` and ``time`` are ours, never a caller's."""

    id: str
    title: str
    description: str
    parameters: tuple[Parameter, ...]
    table: str
    time: str
    where: tuple[str, str] | None = None
    cadence: str = ""
    licence: str = ""
    place: tuple[float, ...] | None = None
    stamp: str = ""
    """Where in its interval a record's time lies, if not in the middle, as HAPI takes it."""

    def span(self, reader: Reader) -> tuple[str, str]:
        """The first record's time and the second after the last's, so that HAPI's ``stop``, which is excluded, may be
        that one; empty where there are no rows.

        Each in a SELECT of its own: SQLite looks either up, but goes through every row for both at once.
        """
        [found] = reader.query(
            f"SELECT (SELECT min({self.time}) FROM {self._from}) AS first,"
            f" (SELECT max({self.time}) FROM {self._from}) AS last",
            self._key * 2,
        )
        if found["last"] is None:
            return "", ""
        return found["first"], utc_text(from_utc_text(found["last"]) + timedelta(seconds=1))

    def rows(self, reader: Reader, since: str, until: str, most: int) -> list[dict[str, Any]]:
        """Rows with since ≤ time < until, ``most`` at most."""
        columns = ", ".join(dict.fromkeys(f"{p.column}" for p in self.parameters))
        more = "AND" if self.where else "WHERE"
        return reader.query(
            f"SELECT {columns} FROM {self._from} {more} {self.time} >= ? AND {self.time} < ?"
            f" ORDER BY {self.time} LIMIT ?",
            [*self._key, since, until, most],
        )

    @property
    def _from(self) -> str:
        return f"{self.table} WHERE {self.where[0]} = ?" if self.where else self.table

    @property
    def _key(self) -> list[str]:
        return [self.where[1]] if self.where else []


def datasets(reader: Reader) -> dict[str, Dataset]:
    """All that there can be, by id; one without rows has an empty span."""
    found = [one for name in reader.cameras() for one in _of_camera(reader, name)]
    feeds = space.feeds(reader)
    found += [_solar_wind(feeds), *(_index(name, feeds) for name in ("kp", "hp30"))]
    found += [_magnetic_field(station, feeds) for station in space.stations(reader)]
    return {one.id: one for one in found}


def _time(column: str, name: str = "Time") -> Parameter:
    return Parameter(name, "isotime", "UTC", "", column)


def _of_camera(reader: Reader, name: str) -> list[Dataset]:
    about = reader.camera(name)
    title = (about and about["title"]) or name
    place = _place(about) if about else None
    return [
        Dataset(
            f"{name}/observations", f"{title}: observations", f"What was seen over {title}, a frame a record.",
            (_time("observed_at"), *_OBSERVED), "observations", "observed_at", ("camera", name),
            _cadence(about), place=place,
        ),
        Dataset(
            f"{name}/events", f"{title}: aurora events", f"Aurora events over {title}, by their onset.",
            (_time("onset_at"), *_EVENT), "events", "onset_at", ("camera", name), place=place,
        ),
    ]  # fmt: skip


def _place(about: Mapping[str, Any]) -> tuple[float, ...]:
    """Longitude and latitude in degrees, and the height in metres where it is known."""
    here = (about["longitude_deg"], about["latitude_deg"])
    return here if about["elevation_m"] is None else (*here, about["elevation_m"])


def _cadence(about: Mapping[str, Any] | None) -> str:
    return f"PT{about['cadence_s']:g}S" if about else ""


def _observed() -> tuple[Parameter, ...]:
    made = []
    for column in EXPORTED:
        if column.name in ("camera", "observed_at") or not column.select.startswith("o.") or not column.sql:
            continue
        unit, words = units(column), ", ".join(filter(None, (long_name(column), comment(column))))
        if unit is None:
            made.append(Parameter(column.name, "string", None, words, column.name, longest(column)))
        else:
            made.append(Parameter(column.name, "double", unit, words, column.name))
    return tuple(made)


_OBSERVED = _observed()

_EVENT = (
    Parameter("id", "string", None, EVENT_LONG_NAMES["id"], "id", 70),
    _time("confirmed_at", "confirmed"),
    _time("ended_at", "ended"),
    Parameter("peak_probability", "double", "1", EVENT_LONG_NAMES["peak_probability"], "peak_probability"),
    _time("strong_at", "strong"),
)


def _solar_wind(feeds: Mapping[str, Any]) -> Dataset:
    values = (
        ("bt_nt", "nT", "field strength"), ("by_nt", "nT", "By, GSM"), ("bz_nt", "nT", "Bz, GSM"),
        ("speed_km_s", "km/s", "proton speed"), ("density_cm3", "cm^-3", "proton density"),
        ("temperature_k", "K", "proton temperature"),
    )  # fmt: skip
    parameters = (_time("at"), *(Parameter(name, "double", unit, what, name) for name, unit, what in values))
    return Dataset(
        "solar_wind", "Solar wind at L1", "As fetched in real time from NOAA SWPC; not seen by any camera.",
        parameters, "solar_wind", "at", cadence="PT1M", licence=_licence(feeds, "magnetic field"),
    )  # fmt: skip


def _index(name: str, feeds: Mapping[str, Any]) -> Dataset:
    title = {"kp": "Kp", "hp30": "Hp30"}[name]
    return Dataset(
        name, title, f"{title} of the interval that begins at the time; preliminary.",
        (_time("at"), Parameter(name, "double", "1", title, "value")), "geomagnetic_indices", "at",
        ("name", name), {"kp": "PT3H", "hp30": "PT30M"}[name], _licence(feeds, name), stamp="begin",
    )  # fmt: skip


def _magnetic_field(station: str, feeds: Mapping[str, Any]) -> Dataset:
    values = (("x_nt", "north"), ("y_nt", "east"), ("z_nt", "down"))
    parameters = (_time("at"), *(Parameter(n, "double", "nT", f"{what} component", n) for n, what in values))
    return Dataset(
        f"{station}/magnetic_field", f"Magnetic field at {station.upper()}", "INTERMAGNET, as fetched in real time.",
        parameters, "magnetic_field", "at", ("station", station), "PT1M", _licence(feeds, f"magnetometer {station}"),
    )  # fmt: skip


def _licence(feeds: Mapping[str, Any], feed: str) -> str:
    row = feeds.get(feed)
    return f"{row['provider']}, {row['licence']}" if row else ""
