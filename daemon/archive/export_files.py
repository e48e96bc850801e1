"""The files of an export, one writer a form. Each gets a Source and a path, and returns how many rows it wrote."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from daemon.archive.export import EVENT_COLUMNS, Row, Source
from daemon.errors import UsageError
from daemon.observation import MOONLIGHTS, TWILIGHTS, VERDICTS, from_utc_text
from daemon.record.columns import Column
from daemon.record.meanings import (
    EVENT_LONG_NAMES,
    EXPORTED,
    FREE_TEXTS,
    STANDARD_NAMES,
    comment,
    long_name,
    units,
)
from daemon.spaceweather.magnetic_time import conjugate
from daemon.text import for_a_table, write_table

FLAGS: dict[str, tuple[str, ...]] = {"verdict": VERDICTS, "twilight": TWILIGHTS, "moonlight": MOONLIGHTS}
"""Columns of few words: numbers with their meanings in NetCDF."""

TIMES = frozenset({"observed_at", "fetched_at", "recorded_at"})
EVENT_NUMBERS = frozenset({
    "peak_probability", "peak_level", "in_cool_down", "brightest_level", "brightest_cover",
})  # fmt: skip
UNKNOWN = np.int8(-1)
"""The code of a column of few words where a row has none of them."""

EPOCH = "seconds since 1970-01-01 00:00:00"


def _needs(library: str) -> None:
    if importlib.util.find_spec(library) is None:
        raise UsageError(f"this form needs {library}: pip install 'aurorad[science]'")


def _rows(source: Source) -> Iterable[list[Row]]:
    """The selection's rows, some at a time."""
    return source.observations() if source.selection.what == "observations" else [source.events()]


def _names(source: Source) -> tuple[str, ...]:
    chosen = source.selection.what == "observations"
    return tuple(column.name for column in EXPORTED) if chosen else EVENT_COLUMNS


def write_csv(source: Source, path: Path) -> int:
    """A table under lines that begin with ``#`` (pandas: ``comment="#"``)."""
    names = _names(source)
    lines = (
        [for_a_table(row[name]) if name in FREE_TEXTS else row[name] for name in names]
        for rows in _rows(source)
        for row in rows
    )
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(f"# {key}: {value}\n" for key, value in source.about().items())
        return write_table(file, names, lines)


def _about(column: Column) -> dict[str, str]:
    """What a column holds, in words."""
    more = comment(column)
    return {"long_name": long_name(column), **({"comment": more} if more else {})}


# ------------------------------------------------------------------ Parquet


def write_parquet(source: Source, path: Path) -> int:
    """Columns with their types, times as UTC timestamps, units and meanings as the fields' metadata."""
    _needs("pyarrow")
    import pyarrow
    from pyarrow import parquet

    names, count = _names(source), 0
    schema = pyarrow.schema([_field(name, source) for name in names], metadata=source.about())
    with parquet.ParquetWriter(path, schema) as writer:
        for rows in _rows(source):
            kept = [{name: _typed(name, row[name]) for name in names} for row in rows]
            writer.write_table(pyarrow.Table.from_pylist(kept, schema))
            count += len(rows)
    return count


def _is_time(name: str) -> bool:
    return name in TIMES or name.endswith("_at")


def _typed(name: str, value: Any) -> Any:
    return from_utc_text(value) if _is_time(name) and value is not None else value


def _field(name: str, source: Source) -> Any:
    import pyarrow

    if source.selection.what == "events":
        plain = pyarrow.float64() if name in EVENT_NUMBERS else pyarrow.string()
        kind = pyarrow.timestamp("s", tz="UTC") if _is_time(name) else plain
        return pyarrow.field(name, kind, metadata={"long_name": EVENT_LONG_NAMES[name]})
    [column] = [c for c in EXPORTED if c.name == name]
    if _is_time(name):
        return pyarrow.field(name, pyarrow.timestamp("s", tz="UTC"), metadata=_about(column))
    kind = {int: pyarrow.int64(), float: pyarrow.float64()}.get(column.plain, pyarrow.string())
    about = _about(column) | ({"units": unit} if (unit := units(column)) else {})
    return pyarrow.field(name, kind, metadata=about)


# ------------------------------------------------------------------ NetCDF


def write_netcdf(source: Source, path: Path) -> int:
    """CF-1.11, an indexed ragged array of time series: a station a camera; events in a group of their own."""
    _needs("h5netcdf")
    _needs("h5py")
    import h5netcdf

    rows = [row for some in source.observations() for row in some]
    with h5netcdf.File(path, "w") as file:
        file.attrs["Conventions"] = "CF-1.11"
        file.attrs["featureType"] = "timeSeries"
        for key, value in source.about().items():
            file.attrs[key] = value
        _stations(file, source)
        _observations(file, source, rows)
        _events(file.create_group("events"), source.events())
    return len(rows)


def _variable(
    file: Any, name: str, dimension: str, data: np.ndarray, attributes: Mapping[str, Any], fill: Any = None
) -> None:
    made = file.create_variable(name, (dimension,), data.dtype, data=data, fillvalue=fill)
    for key, value in attributes.items():
        made.attrs[key] = value


def _texts(
    file: Any, name: str, dimension: str, texts: Iterable[str | None], about: Mapping[str, Any]
) -> None:
    import h5py

    given = np.array([text or "" for text in texts], dtype=object)
    made = file.create_variable(name, (dimension,), h5py.string_dtype())
    made[...] = given
    for key, value in about.items():
        made.attrs[key] = value


def _stations(file: Any, source: Source) -> None:
    cameras = [source.camera(name) for name in source.cameras]
    file.dimensions = {"station": len(cameras)}
    _texts(file, "station_name", "station", [c["name"] for c in cameras],
           {"cf_role": "timeseries_id", "long_name": "camera"})  # fmt: skip
    for name, key, about in (
        ("lat", "latitude_deg", {"standard_name": "latitude", "units": "degrees_north"}),
        ("lon", "longitude_deg", {"standard_name": "longitude", "units": "degrees_east"}),
        (
            "alt",
            "elevation_m",
            {"standard_name": "height_above_mean_sea_level", "units": "m", "positive": "up"},
        ),
    ):
        _variable(file, name, "station", _floats(c[key] for c in cameras), about, np.nan)


def _observations(file: Any, source: Source, rows: list[Row]) -> None:
    file.dimensions["obs"] = len(rows)
    station = {name: i for i, name in enumerate(source.cameras)}
    index = np.array([station[row["camera"]] for row in rows], dtype=np.int32)
    _variable(file, "station_index", "obs", index,
              {"instance_dimension": "station", "long_name": "which camera"})  # fmt: skip
    for column in EXPORTED:
        if column.name == "camera":
            continue
        _column(file, column, [row[column.name] for row in rows])


def _column(file: Any, column: Column, values: list[Any]) -> None:
    about: dict[str, Any] = {**_about(column)}
    name = "time" if column.name == "observed_at" else column.name
    if name != "time":
        about["coordinates"] = "time lat lon alt station_name"
    if column.name in TIMES:
        seconds = np.array([int(from_utc_text(v).timestamp()) for v in values], dtype=np.int64)
        standard = {"standard_name": STANDARD_NAMES[column.name], "axis": "T"} if name == "time" else {}
        _variable(file, name, "obs", seconds, {**about, **standard, "units": EPOCH, "calendar": "standard"})
    elif column.name in FLAGS:
        meanings = FLAGS[column.name]
        codes = np.array([meanings.index(v) if v in meanings else UNKNOWN for v in values], dtype=np.int8)
        flags = {"flag_values": np.arange(len(meanings), dtype=np.int8),
                 "flag_meanings": " ".join(word.replace(" ", "_") for word in meanings)}  # fmt: skip
        _variable(file, name, "obs", codes, about | flags, UNKNOWN)
    elif (unit := units(column)) is not None:
        _variable(file, name, "obs", _floats(values), about | {"units": unit}, np.nan)
    else:
        _texts(file, name, "obs", values, about)


def _events(group: Any, rows: list[Row]) -> None:
    group.dimensions = {"event": len(rows)}
    for name in EVENT_COLUMNS:
        values = [row[name] for row in rows]
        about = {"long_name": EVENT_LONG_NAMES[name]}
        if _is_time(name):
            seconds = _floats(None if v is None else from_utc_text(v).timestamp() for v in values)
            _variable(group, name, "event", seconds, about | {"units": EPOCH, "calendar": "standard"}, np.nan)
        elif name in EVENT_NUMBERS:
            _variable(group, name, "event", _floats(values), about | {"units": "1"}, np.nan)
        else:
            _texts(group, name, "event", values, about)


def _floats(values: Iterable[Any]) -> np.ndarray:
    return np.array([np.nan if v is None else v for v in values], dtype=np.float64)


# ------------------------------------------------------------------ AuroraX


def write_aurorax(source: Source, path: Path) -> int:
    """AuroraX ephemeris records: a minute a record, with the verdict as metadata. Minutes not looked at are left out.

    AuroraX gives a data source its identifier; ours is null until it has. https://docs.aurorax.space
    """
    count = 0
    with path.open("w", encoding="utf-8") as file:
        file.write("[")
        for rows in source.observations():
            place = source.camera(rows[0]["camera"]) if rows else {}
            last = ""
            for row in rows:
                minute = row["observed_at"][:16]
                if row["verdict"] in ("not looked", "stale", "unusable") or minute == last:
                    continue
                file.write((",\n" if count else "\n") + json.dumps(_ephemeris(row, place, minute)))
                last, count = minute, count + 1
        file.write("\n]\n")
    return count


def _ephemeris(row: Row, place: Row, minute: str) -> dict[str, Any]:
    lat, lon = place["latitude_deg"], place["longitude_deg"]
    here = {"lat": lat, "lon": lon}
    there = dict(zip(("lat", "lon"), conjugate(lat, lon), strict=True)) if lat is not None else here
    north, south = (here, there) if (lat or 0) >= 0 else (there, here)
    return {
        "data_source": {
            "identifier": None,
            "program": "aurorad",
            "platform": row["camera"],
            "instrument_type": "RGB ASI",
            "source_type": "ground",
            "display_name": place["title"] or row["camera"],
        },
        "epoch": minute,
        "location_geo": here,
        "location_gsm": {"lat": None, "lon": None},
        "nbtrace": north,
        "sbtrace": south,
        "metadata": {
            "aurorad_verdict": row["verdict"],
            "aurorad_probability": row["calibrated_probability"],
            "aurorad_model_sha256": row["model_sha256"],
        },
    }
