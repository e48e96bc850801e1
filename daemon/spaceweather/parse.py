"""What the feeds send → readings. Pure. A feed that changed its shape is an error with a name, never a guess.

A reading from the future, older than a week, or beyond what its instrument can measure is left out; where none is
left, that is an error too. Formats as of November 2026.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from daemon.errors import FeedError
from daemon.spaceweather.values import Forecast, Index, IndexName, Magnetism, Reading, SolarWind

AHEAD = timedelta(minutes=5)
"""A reading may be dated this far ahead: clocks differ. A forecast may be three hours ahead."""

KEPT = timedelta(days=7)
"""Older readings are the archive's business."""

MOST_ROWS = 100_000

Given = Mapping[str, Any]
R = TypeVar("R", bound=Reading)


def magnetic_field(data: bytes, now: datetime) -> list[SolarWind]:
    """NOAA's ``rtsw_mag_1m.json``: minutes of spacecraft in turn; the active one's are taken."""
    return _readings(_active(data), now, _field_of)


def plasma(data: bytes, now: datetime) -> list[SolarWind]:
    """NOAA's ``rtsw_wind_1m.json``, as :func:`magnetic_field`."""
    return _readings(_active(data), now, _plasma_of)


def _field_of(row: Given) -> SolarWind:
    bt, by, bz = _number(row["bt"], 0, 500), *(_number(row[key], -500, 500) for key in ("by_gsm", "bz_gsm"))
    _something(bt, by, bz)
    return SolarWind(
        at=_time(row["time_tag"]), bt_nt=bt, by_nt=by, bz_nt=bz, field_source=_word(row["source"])
    )


def _plasma_of(row: Given) -> SolarWind:
    speed, density = _number(row["proton_speed"], 100, 4000), _number(row["proton_density"], 0, 1000)
    temperature = _number(row["proton_temperature"], 0, 1e8)
    _something(speed, density, temperature)
    return SolarWind(
        at=_time(row["time_tag"]),
        speed_km_s=speed,
        density_cm3=density,
        temperature_k=temperature,
        plasma_source=_word(row["source"]),
    )


def _something(*values: float | None) -> None:
    """A row of nothing but nulls is no reading."""
    if all(value is None for value in values):
        raise _Left("no value")


def kp(data: bytes, now: datetime) -> list[Index]:
    """NOAA's ``noaa-planetary-k-index.json``: objects, or until March 2026 lists under a heading."""
    rows = _json(data, list)
    if rows and isinstance(rows[0], list):
        if not all(isinstance(row, list) for row in rows):
            raise _changed("no table of lists")
        heading = [str(name) for name in rows[0]]
        rows = [dict(zip(heading, row, strict=False)) for row in rows[1:]]
    return _readings(_objects(rows), now, lambda row: _index("kp", row["time_tag"], row["Kp"], 9))


def hp30(data: bytes, now: datetime) -> list[Index]:
    """GFZ's index service: ``{"datetime": […], "Hp30": […]}``, half-hourly; open-ended above 9."""
    given = _json(data, dict)
    times, values = given.get("datetime"), given.get("Hp30")
    if not isinstance(times, list) or not isinstance(values, list) or len(times) != len(values):
        raise _changed("no two lists `datetime` and `Hp30` of one length")
    rows = [{"at": at, "value": value} for at, value in zip(times, values, strict=True) if value is not None]
    return _readings(
        (row for row in rows if _known(row["value"])),
        now,
        lambda row: _index("hp30", row["at"], row["value"], 20),
    )


def _known(value: Any) -> bool:
    """GFZ marks what is not computed yet with −1."""
    return bool(value != -1)


def _index(name: IndexName, at: Any, value: Any, most: float) -> Index:
    number = _number(value, 0, most)
    if number is None:
        raise _Left("no value")
    return Index(name, _time(at), number)


def ovation(data: bytes, now: datetime, places: Mapping[str, tuple[float, float]]) -> list[Forecast]:
    """NOAA's ``ovation_aurora_latest.json``: a figure 0–100 at every degree, here those of the cameras' places.

    ``places``: camera → (latitude, longitude). The nearest whole degree is taken; the grid's longitudes are
    0–359.
    """
    given = _json(data, dict)
    grid = given.get("coordinates")
    if not isinstance(grid, list):
        raise _changed("no list `coordinates`")
    wanted = {(round(lon) % 360, round(lat)): None for lat, lon in places.values()}
    found = {(p[0], p[1]): p[2] for p in grid if isinstance(p, list) and len(p) == 3 and _place(p) in wanted}
    if not found:
        raise _changed("no figure for the cameras' places")
    rows = [
        {"camera": name, "percent": found.get((round(lon) % 360, round(lat)))}
        for name, (lat, lon) in places.items()
    ]

    def forecast(row: Given) -> Forecast:
        percent = _number(row["percent"], 0, 100)
        if percent is None:
            raise _Left("no value")
        based_on = _time(given["Observation Time"])
        if based_on > now + AHEAD:
            raise _Left("from the future")
        return Forecast(row["camera"], _time(given["Forecast Time"]), based_on, percent)

    return _readings(rows, now, forecast, ahead=timedelta(hours=3))


def _place(point: Sequence[Any]) -> tuple[Any, Any] | None:
    lon, lat = point[0], point[1]
    return (lon, lat) if isinstance(lon, int | float) and isinstance(lat, int | float) else None


def hapi(data: bytes, now: datetime, station: str) -> list[Magnetism]:
    """HAPI CSV with its header (``include=header``): time and three components, north, east, down in nT.

    A header of horizontal intensity and declination (HDZ) is refused: its first two are no components.
    """
    lines = _text(data).splitlines()
    header = _json("\n".join(line.removeprefix("#") for line in lines if line.startswith("#")).encode(), dict)
    fill = _vector_fill(header)
    rows = [line.split(",") for line in lines if line.strip() and not line.startswith("#")]
    if any(len(row) < 4 for row in rows):
        raise _changed("lines of fewer than four values")
    return _readings(
        ({"at": row[0], "xyz": [_unfilled(value, fill) for value in row[1:4]]} for row in rows),
        now,
        lambda row: _magnetism(station, row),
    )


def _vector_fill(header: Given) -> str:
    parameters = header.get("parameters")
    if not isinstance(parameters, list):
        raise _changed("a header without `parameters`")
    vectors = [p for p in parameters if isinstance(p, dict) and p.get("size") == [3]]
    if not vectors:
        raise _changed("no parameter of three components")
    kind = " ".join(str(vectors[0].get(key, "")) for key in ("name", "description", "label")).upper()
    if "HDZ" in kind:
        raise FeedError("components", "the data set gives H, D and Z; name its xyzf sibling")
    return str(vectors[0].get("fill", "99999.0"))


def _unfilled(value: str, fill: str) -> str | None:
    try:
        return None if fill != "None" and float(value) == float(fill) else value
    except ValueError:
        return value


def _magnetism(station: str, row: Given) -> Magnetism:
    x, y, z = (_number(value, -90_000, 90_000) for value in row["xyz"])
    if x is None or y is None:
        raise _Left("no value")
    return Magnetism(station, _time(row["at"]), x, y, z)


# ------------------------------------------------------------------ what all of them share


class _Left(Exception):
    """This reading is left out; the message says why."""


def _readings(
    rows: Iterable[Given], now: datetime, make: Callable[[Given], R], *, ahead: timedelta = AHEAD
) -> list[R]:
    """The readings that can be believed, oldest first. Raises FeedError where there are none."""
    made: dict[tuple[datetime, str], R] = {}
    why: set[str] = set()
    for row in rows:
        try:
            reading = make(row)
            _believe(reading.at, now, ahead)
        except KeyError as missing:
            raise _changed(f"no `{missing.args[0]}`") from None
        except _Left as left:
            why.add(str(left))
        else:
            made.setdefault((reading.at, getattr(reading, "camera", "")), reading)
    if not made and (wrong := why - {"no value"}):
        raise FeedError("implausible", f"nothing in it can be believed: {min(wrong)}")
    return [made[key] for key in sorted(made)]


def _believe(at: datetime, now: datetime, ahead: timedelta) -> None:
    if at > now + ahead:
        raise _Left("from the future")
    if at < now - KEPT:
        raise _Left("older than a week")


def _active(data: bytes) -> Iterator[Given]:
    """The rows of the spacecraft that NOAA trusts now; newest first, as they come."""
    rows = _objects(_json(_whole(data), list))
    for row in rows:
        if row.get("active", None) is None:
            raise _changed("no `active`")
    return (row for row in rows if row["active"] is True or row["active"] == 1)


def _whole(data: bytes) -> bytes:
    """The beginning of a list, as a range of bytes brings it, closed after its last whole object."""
    text = data.rstrip()
    if text.startswith(b"[") and not text.endswith(b"]"):
        return text[: text.rfind(b"}") + 1] + b"]"
    return text


def _objects(rows: Sequence[Any]) -> list[Given]:
    if len(rows) > MOST_ROWS or not all(isinstance(row, dict) for row in rows):
        raise _changed("no list of objects")
    return list(rows)


def _json(data: bytes, kind: type) -> Any:
    try:
        given = json.loads(_text(data))
    except (ValueError, RecursionError):
        raise FeedError("not JSON", "the answer is not JSON") from None
    if not isinstance(given, kind):
        raise _changed("a list where an object was, or the other way round")
    return given


def _text(data: bytes) -> str:
    if not data.strip():
        raise FeedError("empty", "the answer is empty")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FeedError("not text", "the answer is not UTF-8 text") from None


def _time(value: Any) -> datetime:
    """A feed's time, UTC with or without saying so."""
    try:
        at = datetime.fromisoformat(value)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        raise _changed(f"{str(value)[:30]!r} where a time was") from None


def _number(value: Any, low: float, high: float) -> float | None:
    """A number or a text that is one; None for null. Beyond its bounds the reading is left out."""
    if value is None or value == "":
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise _changed(f"{str(value)[:30]!r} where a number was") from None
    if isinstance(value, bool) or not low <= number <= high:
        raise _Left(f"a value of {number:g}")
    return number


def _word(value: Any) -> str:
    """A spacecraft's name: short, printable."""
    return "".join(c for c in str(value)[:20] if c.isprintable())


def _changed(what: str) -> FeedError:
    return FeedError("changed shape", f"the feed has changed its shape: {what}; look for a newer aurorad")
