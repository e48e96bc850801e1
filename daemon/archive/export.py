"""The record for other programs: CSV, Parquet, NetCDF with CF's names and units, AuroraX's records.

What a file rests on (version, models with their sha256, cameras, period, nights) is written into each.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal

import daemon
from daemon.errors import AuroradError, StoreError, UsageError
from daemon.files import replacing
from daemon.observation import from_utc_text, utc_text
from daemon.record.database import refuse_own_files
from daemon.record.meanings import EVENT_LONG_NAMES
from daemon.record.rows import NightRow
from daemon.record.store import Reader

What = Literal["observations", "events"]
Row = Mapping[str, Any]

EVENT_COLUMNS = tuple(EVENT_LONG_NAMES)
REFERENCES = (
    "Method: bachelor thesis, Ewha Womans University, 2025; EfficientNet, arXiv:1905.11946; "
    "Grad-CAM, doi:10.1109/ICCV.2017.74; Skyfield, ascl:1907.024"
)


@dataclass(frozen=True)
class Selection:
    """What is to be exported, of which cameras and nights (by the dates of their mornings)."""

    what: What = "observations"
    camera: str | None = None
    since: date | None = None
    until: date | None = None


def export(db: Path, target: Path, selection: Selection) -> int:
    """Write a selection to ``target``, its form by its ending; returns how many rows.

    Raises UsageError for another ending, a library that is not installed or a target that is the record itself,
    StoreError for a record that cannot be read or has nothing of what is wanted, AuroradError where the file cannot be
    written.
    """
    from daemon.archive import export_files

    writers = {
        ".csv": export_files.write_csv,
        ".parquet": export_files.write_parquet,
        ".nc": export_files.write_netcdf,
        ".json": export_files.write_aurorax,
    }
    writer = writers.get(target.suffix.lower())
    if writer is None:
        raise UsageError(f"{target}: name a file that ends in .csv, .parquet, .nc or .json (AuroraX)")
    with Reader(db) as reader:
        refuse_own_files(db, target)
        source = Source(reader, selection)
        try:
            with replacing(target) as part:
                return writer(source, part)
        except OSError as error:
            raise AuroradError(f"{target}: cannot be written: {error.strerror or error}") from error


class Source:
    """A selection's rows and what they rest on. Raises StoreError where there are none."""

    def __init__(self, reader: Reader, selection: Selection) -> None:
        self.reader, self.selection = reader, selection
        self.nights = reader.nights(selection.camera, selection.since, selection.until)
        if not self.nights:
            raise StoreError(
                "empty",
                f"{reader.path}: "
                + (
                    "there is nothing of that camera and time; leave out --camera, --since or --until"
                    if selection != Selection(selection.what)
                    else "nothing is recorded in it yet"
                ),
            )
        self.cameras = sorted({night["camera"] for night in self.nights})
        self.first_at = min(night["first_at"] for night in self.nights)
        self.last_at = max(night["last_at"] for night in self.nights)

    def observations(self) -> Iterator[list[Row]]:
        """A night's observations at a time, in order of night and camera."""
        for night in self.nights:
            yield list(self._of(night))

    def _of(self, night: NightRow) -> Sequence[Row]:
        span = (from_utc_text(night["first_at"]), from_utc_text(night["last_at"]))
        rows: list[Any] = list(self.reader.between(night["camera"], *span))
        return rows

    def events(self) -> list[Row]:
        """The events that began in the nights, oldest first."""
        found: list[Any] = []
        for night in self.nights:
            found += self.reader.events_of_night(night["camera"], date.fromisoformat(night["night"]))
        return [
            {key: row[key] for key in EVENT_COLUMNS} | {"in_cool_down": int(row["in_cool_down"])}
            for row in found
        ]

    def camera(self, name: str) -> Row:
        """What the record knows of a camera."""
        return self.reader.camera(name) or {"name": name, "title": "", "latitude_deg": None, "longitude_deg": None,
                                            "elevation_m": None}  # fmt: skip

    def _models(self) -> dict[str, str]:
        """Names by sha256 of the models that looked in these nights."""
        found: dict[str, str] = {}
        for name in self.cameras:
            nights = [night for night in self.nights if night["camera"] == name]
            first, last = min(n["first_at"] for n in nights), max(n["last_at"] for n in nights)
            found |= {model["sha256"]: model["name"] for model in self.reader.models(name, first, last)}
        return found

    def about(self) -> dict[str, str]:
        """What the rows rest on, as attributes of a file."""
        models = "; ".join(f"{name or 'model'} sha256 {sha256}" for sha256, name in self._models().items())
        nights = len({(night["camera"], night["night"]) for night in self.nights})
        return {
            "title": f"aurorad: {self.selection.what} of {', '.join(self.cameras)}",
            "source": f"aurorad {daemon.__version__}; models: {models or 'none'}",
            "cameras": ", ".join(self.cameras),
            "camera_history": json.dumps({name: self.reader.history(name) for name in self.cameras}),
            "time_coverage_start": self.first_at,
            "time_coverage_end": self.last_at,
            "nights": str(nights),
            "date_created": utc_text(datetime.now(UTC)),
            "references": REFERENCES,
        }
