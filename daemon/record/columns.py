"""An observation's columns, each once: name, type, SQL, meaning, where its value comes from.

:class:`ObservationRow` is what a reader gets, and what mypy sees; :data:`COLUMNS` is the same as a table, from
which follow what the store inserts, what the reader selects, a cluster's Parquet parts, the API's schema, and
the numbers on the page. A test holds the database's own shape against it. A new column is a line here with the number
of the newest migration, or of a new one where that was released; its field in
:class:`daemon.observation.Observation` and its value; and a line in docs/database.md.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Annotated, Any, NamedTuple, TypedDict, TypeVar, get_args, get_type_hints

import numpy as np

from daemon.observation import (
    Description,
    Drift,
    HeatMap,
    Mask,
    Moonlight,
    Observation,
    Prediction,
    Spread,
    Trend,
    Twilight,
    Verdict,
    utc_text,
)
from daemon.record.short import Decimal, Hundredths, Short, Value, Words

Found = TypeVar("Found")


class _Is(NamedTuple):
    """What is said of a column: its SQL type (empty: joined from elsewhere), its value, how the page calls it.

    ``since`` is the number of the migration that adds it, ``short`` how its values are kept short (None: as they
    are); once released both stay.
    """

    sql: str
    of: Callable[[Observation], Value] | None = None
    select: str = ""
    title: str = ""
    since: int = 1
    short: Short | None = None


def _decimal(digits: int, of: Callable[[Observation], float | None], title: str = "", since: int = 1) -> _Is:
    """A number with no more decimals than it is good for."""
    return _Is("REAL", lambda o: _rounded(of(o), digits), title=title, since=since, short=Decimal(digits))


def _word(of: Callable[[Observation], Value], *words: str, title: str = "", since: int = 1) -> _Is:
    """One of a few words; the order of those given is that of the numbers that the record keeps for them."""
    return _Is("TEXT", of, title=title, since=since, short=Words(*words))


def heatmap_to_bytes(heatmap: HeatMap) -> bytes:
    """(8, 8) values 0…1 → 64 bytes, row by row."""
    return np.rint(np.clip(heatmap, 0, 1) * 255).astype(np.uint8).tobytes()


def heatmap_from_bytes(kept: bytes) -> HeatMap:
    """The (8, 8) float map kept as 64 bytes; steps of 1/255."""
    return np.frombuffer(kept, np.uint8).reshape(8, 8).astype(np.float32) / np.float32(255)


def mask_to_bytes(mask: Mask) -> bytes:
    """(60, 60) yes or no → the bits row by row, 0 first, packed and deflated: one to two hundred bytes."""
    return zlib.compress(np.packbits(mask).tobytes(), 9)


def mask_from_bytes(kept: bytes) -> Mask:
    """The (60, 60) mask that :func:`mask_to_bytes` kept. Raises ValueError for anything else."""
    try:
        bits = np.unpackbits(np.frombuffer(zlib.decompress(kept), np.uint8))
    except zlib.error as error:
        raise ValueError(f"no aurora mask: {error}") from None
    return bits.astype(np.bool_).reshape(60, 60)


def _described(read: Callable[[Description], Found]) -> Callable[[Observation], Found | None]:
    """What a frame shows; null where it was not described."""
    return lambda o: None if o.description is None else read(o.description)


def _figure(name: str, digits: int, title: str = "") -> _Is:
    """A figure of the description."""
    return _decimal(digits, _described(lambda d: getattr(d, name)), title, since=3)


def _whole(name: str, digits: int = 0) -> _Is:
    """A figure of the description without decimals, which SQLite keeps as short by itself."""
    return _Is("REAL", _described(lambda d: _rounded(getattr(d, name), digits)), since=3)


def _forms(description: Description) -> Value:
    return None if description.forms is None else " ".join(description.forms)


def _form_probabilities(description: Description) -> Value:
    held = description.form_probabilities
    return None if held is None else " ".join(f"{name}:{value:.2f}" for name, value in held.items())


def _predicted(read: Callable[[Prediction], Found]) -> Callable[[Observation], Found | None]:
    """What the model said; null where nothing was predicted."""
    return lambda o: None if o.prediction is None else read(o.prediction)


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(float(value), digits)


class ObservationRow(TypedDict):
    """One observation as the reader gives it; times are UTC text, None marks what was not established."""

    camera: Annotated[str, _Is("TEXT", lambda o: o.camera)]
    observed_at: Annotated[str, _Is("TEXT", lambda o: utc_text(o.observed_at), title="Observed")]
    verdict: Annotated[
        Verdict,
        _word(
            lambda o: o.verdict,
            *("aurora", "clear", "obscured", "unusable", "not looked", "stale"),
            title="Verdict",
        ),
    ]
    reason: Annotated[str, _Is("TEXT", lambda o: o.reason)]
    colour_level: Annotated[int | None, _Is("INTEGER", lambda o: o.colour_level, title="Brightness")]
    calibrated_probability: Annotated[
        float | None,
        _decimal(6, _predicted(lambda p: p.calibrated_probability), "Probability, calibrated"),
    ]
    probability: Annotated[
        float | None, _decimal(6, _predicted(lambda p: p.probability), "Probability, as computed")
    ]
    threshold: Annotated[float | None, _decimal(6, lambda o: o.threshold, "Aurora from")]
    clear_probability: Annotated[
        float | None, _decimal(6, _predicted(lambda p: p.clear_probability), "Clear sky")
    ]
    stars: Annotated[str | None, _Is("TEXT", lambda o: o.stars, title="Stars")]
    star_limit: Annotated[float | None, _decimal(1, lambda o: o.star_limit)]
    star_zero: Annotated[float | None, _decimal(2, lambda o: o.star_zero, since=3)]
    star_gamma: Annotated[float | None, _decimal(1, lambda o: o.star_gamma, since=3)]
    sun_altitude_deg: Annotated[float, _decimal(4, lambda o: o.sky.sun_altitude_deg, "Sun")]
    moon_altitude_deg: Annotated[float, _decimal(4, lambda o: o.sky.moon_altitude_deg, "Moon")]
    moon_phase_deg: Annotated[float, _decimal(4, lambda o: o.sky.moon_phase_deg)]
    twilight: Annotated[
        Twilight, _word(lambda o: o.sky.twilight, "night", "astronomical", "nautical", "civil", "day")
    ]
    moonlight: Annotated[Moonlight, _word(lambda o: o.sky.moonlight, "none", "quarter", "full")]
    level: Annotated[int | None, _Is("INTEGER", _described(lambda d: d.level), title="Level", since=3)]
    cover: Annotated[float | None, _figure("cover", 4, "Share of the sky")]
    brightness: Annotated[float | None, _figure("brightness", 1)]
    aurora_index: Annotated[float | None, _figure("aurora_index", 2)]
    forms: Annotated[str | None, _Is("TEXT", _described(_forms), title="Forms", since=3)]
    form_probabilities: Annotated[
        str | None,
        _Is(
            "TEXT",
            _described(_form_probabilities),
            since=3,
            short=Hundredths("arc", "band", "rays", "patches", "diffuse", "corona"),
        ),
    ]
    # Directions are whole degrees: the mask's cells are 3° wide.
    azimuth_deg: Annotated[float | None, _Is("REAL", lambda o: _rounded(o.azimuth_deg, 0), title="Direction")]
    elevation_deg: Annotated[float | None, _Is("REAL", lambda o: _rounded(o.elevation_deg, 0))]
    azimuth_from_deg: Annotated[float | None, _whole("azimuth_from_deg")]
    azimuth_to_deg: Annotated[float | None, _whole("azimuth_to_deg")]
    lower_edge_deg: Annotated[float | None, _whole("lower_edge_deg")]
    upper_edge_deg: Annotated[float | None, _whole("upper_edge_deg")]
    overhead: Annotated[
        int | None,
        _Is("INTEGER", _described(lambda d: None if d.overhead is None else int(d.overhead)), since=3),
    ]
    distance_km: Annotated[float | None, _whole("distance_km", -1)]
    poleward_deg: Annotated[float | None, _figure("poleward_deg", 1)]
    arciness: Annotated[float | None, _figure("arciness", 2)]
    curvature: Annotated[float | None, _figure("curvature", 2)]
    green_share: Annotated[float | None, _figure("green_share", 2)]
    red_share: Annotated[float | None, _figure("red_share", 2)]
    pink_share: Annotated[float | None, _figure("pink_share", 2)]
    purple_share: Annotated[float | None, _figure("purple_share", 2)]
    trend: Annotated[
        Trend | None,
        _word(_described(lambda d: d.trend), "brightening", "fading", "steady", title="Trend", since=3),
    ]
    drift: Annotated[
        Drift | None, _word(_described(lambda d: d.drift), "poleward", "equatorward", "steady", since=3)
    ]
    spread: Annotated[
        Spread | None, _word(_described(lambda d: d.spread), "expanding", "shrinking", "steady", since=3)
    ]
    heatmap_area: Annotated[float | None, _decimal(6, lambda o: o.heatmap_area, "Outlined part of the sky")]
    colour_cover: Annotated[float | None, _decimal(6, lambda o: o.colour_cover, "Colour of aurora")]
    shadow_probability: Annotated[
        float | None, _decimal(6, lambda o: o.shadow_probability, "Candidate model")
    ]
    fetched_at: Annotated[str, _Is("", title="Fetched")]
    recorded_at: Annotated[str, _Is("", title="Recorded")]
    source: Annotated[str | None, _Is("", select="s.name || coalesce(o.file, '')", title="Source")]
    model_sha256: Annotated[str | None, _Is("", select="m.sha256", title="Model")]
    heatmap: Annotated[bytes | None, _Is("BLOB", _predicted(lambda p: heatmap_to_bytes(p.heatmap)))]
    mask: Annotated[
        bytes | None,
        _Is("BLOB", _described(lambda d: None if d.mask is None else mask_to_bytes(d.mask)), since=3),
    ]
    picture: Annotated[str | None, _Is("", select="p.path")]


@dataclass(frozen=True)
class Column:
    """One column of :class:`ObservationRow`. ``hint`` is its Python type; ``sql`` empty where it is not stored."""

    name: str
    hint: Any
    sql: str
    of: Callable[[Observation], Value] | None
    select: str
    title: str
    since: int
    short: Short | None

    @property
    def kept_as(self) -> str:
        """The column that is written: ``verdict_kept`` of ``verdict`` where it is kept short."""
        return self.name if self.short is None else f"{self.name}_kept"

    @property
    def required(self) -> bool:
        """Has every row a value?"""
        return type(None) not in get_args(self.hint)

    @property
    def plain(self) -> Any:
        """The type of its values where there are any: ``float`` of ``float | None``."""
        return next((one for one in get_args(self.hint) if isinstance(one, type)), self.hint)


def _columns() -> tuple[Column, ...]:
    found = []
    for name, hint in get_type_hints(ObservationRow, include_extras=True).items():
        plain, said = get_args(hint)
        found.append(
            Column(
                name, plain, said.sql, said.of, said.select or f"o.{name}", said.title, said.since, said.short
            )
        )
    return tuple(found)


COLUMNS = _columns()

KEPT_SHORT = {
    "model": "INTEGER",
    "source": "INTEGER",
    "file": "TEXT",
    "fetched_after_s": "INTEGER",
    "recorded_after_s": "INTEGER",
} | {column.kept_as: column.short.sql for column in COLUMNS if column.short is not None}
"""Columns the table has instead of those it does not store: numbers for texts and decimals, seconds for times."""

SELECT = ", ".join(f"{column.select} AS {column.name}" for column in COLUMNS)
"""What a reader selects; ``o`` is observations, ``m`` models, ``s`` sources, ``p`` pictures."""


def stored(observation: Observation) -> dict[str, Value]:
    """The values of an observation as its table's columns keep them."""
    found = {}
    for column in COLUMNS:
        if column.of is not None:
            value = column.of(observation)
            found[column.kept_as] = value if column.short is None else column.short.kept(value)
    return found


def described(row: Mapping[str, Any]) -> Description | None:
    """The description that a row keeps; the other way round than :func:`stored`."""
    if row["level"] is None:
        return None
    kept = {field.name: row[field.name] for field in fields(Description)}
    pairs = [pair.split(":") for pair in (row["form_probabilities"] or "").split()]
    return Description(
        **kept
        | {
            "forms": None if row["forms"] is None else tuple(row["forms"].split()),
            "form_probabilities": {name: float(value) for name, value in pairs} or None,
            "overhead": None if row["overhead"] is None else bool(row["overhead"]),
            "mask": None if row["mask"] is None else mask_from_bytes(row["mask"]),
        }
    )


def split_source(source: str) -> tuple[str, str]:
    """A picture file's folder and name; movies and addresses stay whole, for they come again."""
    folder, slash, name = source.rpartition("/")
    if "://" in source or not name.lower().endswith((".jpg", ".jpeg", ".png")):
        return source, ""
    return folder + slash or "./", name


def seconds_between(earlier: datetime, later: datetime) -> int:
    """Between the two as they are written: whole seconds."""
    return int((later.replace(microsecond=0) - earlier.replace(microsecond=0)).total_seconds())
