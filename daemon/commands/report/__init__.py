"""The tables and figures of any database: the thesis's, occurrence, events, and what the solar wind has to do with it.

    frames (read once) → tables · events · drivers → lag → figures → page (CSV, PNG, SVG, PDF, one HTML)

Counterparts of the thesis's Tables 2 (frames by twilight), 3 (by moonlight) and 6 (aurora by cell) and its Figures 6
(mean ± standard deviation of the yes-probability) and 7 (its histograms). Where it prints yes / no as a ratio the
column is called odds.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from daemon.commands.report.drivers import drivers_of, kp_at, lag_curves
from daemon.commands.report.events import event_tables
from daemon.commands.report.figures import FORMATS, draw
from daemon.commands.report.frames import Frames, Wanted, read_frames
from daemon.commands.report.lag import LagCurve
from daemon.commands.report.page import Section, as_csv, as_page
from daemon.commands.report.provenance import provenance_of
from daemon.commands.report.tables import (
    Table,
    axes,
    nights_table,
    occurrence,
    rounded,
    shown_tables,
    thesis_tables,
)
from daemon.errors import AuroradError, StoreError
from daemon.files import write_whole
from daemon.observation import utc_text
from daemon.record.database import connect_reader, refuse_own_files, translated
from daemon.record.store import Reader
from daemon.text import counted

SOURCES = (
    (
        "Tables 2, 3 and 6, Figures 6 and 7: after a bachelor thesis of 2025, Ewha Womans University, whose method this "
        "watch follows, with its misprints corrected."
    ),
    (
        "Network: Tan and Le 2019, EfficientNet, arXiv:1905.11946. Maps: Selvaraju et al. 2017, Grad-CAM, "
        "doi:10.1109/ICCV.2017.74."
    ),
    "Sun and moon: Rhodes, Skyfield, ascl:1907.024, with JPL's DE421.",
    "Coupling: Newell et al. 2007, doi:10.1029/2006JA012015.",
    "Kp: Matzka et al. 2021, doi:10.1029/2020SW002641; Hp30: Yamazaki et al. 2022, doi:10.1029/2022GL098860.",
    "OMNI: Papitashvili and King 2020, doi:10.48322/45bb-8792 (1 min), doi:10.48322/gbpg-5r77 (5 min).",
    "Stars: ESA 1997, the Hipparcos catalogue, SP-1200.",
)


def write_report(
    db: Path,
    out: Path,
    wanted: Wanted | None = None,
    omni: Sequence[Path] = (),
    formats: Sequence[str] = FORMATS,
) -> list[Path]:
    """Write CSV tables, figures as PNG, SVG and PDF, and ``report.html`` with all of it into ``out``.

    Each camera has tables and figures of its own. ``omni``: files whose solar wind is taken instead of the record's;
    ``formats`` of the figures' files, SVG among them; none: no figures.
    Everything is made before the first file is written. Returns the files. Raises StoreError for a database that
    cannot be read or has nothing of what is wanted, UsageError for a file that is no OMNI file or where a file of the
    report would be the database itself, AuroradError for a folder that cannot be written.
    """
    with closing(connect_reader(db)) as connection, translated(db), Reader(db) as reader:
        cameras = list(read_frames(connection, wanted or Wanted()))
        if not cameras:
            raise StoreError("empty", _nothing(db, wanted))
        files: dict[str, bytes] = {}
        sections = []
        for frames in cameras:
            drivers = drivers_of(frames, reader, omni)
            about, curves = provenance_of(reader, frames), lag_curves(frames, drivers)
            tables = [
                *thesis_tables(frames),
                *(occurrence(frames, axis) for axis in axes(frames, kp_at(frames, drivers))),
                *shown_tables(frames),
                *event_tables(connection, frames),
                nights_table(frames),
                *([_lag_table(curves)] if curves else []),
            ]
            figures = draw(frames, tables, curves, about.line, formats) if formats else []
            prefix = f"{_file_name(frames.place.camera)}_" if len(cameras) > 1 else ""
            files |= {f"{prefix}{table.name}.csv": as_csv(table, about) for table in tables}
            files |= {
                f"{prefix}{figure.name}.{form}": data
                for figure in figures
                for form, data in figure.files.items()
            }
            notes = _lag_notes(frames, curves, drivers.sources)
            sections.append(Section(frames.place.title, about, tables, figures, notes, _lead(frames)))
    files["report.html"] = as_page(db.name, utc_text(datetime.now(UTC)), sections, SOURCES).encode()
    refuse_own_files(db, *(out / name for name in files))
    return _write(out, files)


def _nothing(db: Path, wanted: Wanted | None) -> str:
    if wanted is None or wanted == Wanted():
        return f"{db}: there are no observations to report on; `aurorad ingest` footage first"
    return f"{db}: there are no observations of that camera and time; leave out --camera, --since or --until"


def _write(out: Path, files: dict[str, bytes]) -> list[Path]:
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            write_whole(out / name, data)
    except OSError as error:
        raise AuroradError(f"{out}: the report cannot be written: {error.strerror}") from error
    return [out / name for name in files]


def _lead(frames: Frames) -> str:
    """How long was looked, how long aurora could have been seen, and how long it was."""
    judged_h, aurora_h = frames.hours(frames.judged), frames.hours(frames.aurora)
    return (
        f"Observed: {judged_h:,.1f} h in {counted(len(frames.nights), 'night')}, of which aurora could have been seen in "
        f"{frames.observable_h.sum():,.1f} h. Aurora: {aurora_h:,.1f} h."
    )


def _lag_table(curves: Sequence[LagCurve]) -> Table:
    rows = tuple(
        (c.target, c.driver, c.lag_min, c.lag_low, c.lag_high, rounded(c.best, 3), rounded(c.p_holm, 4),
         "yes" if c.significant else "no", c.nights, c.bins)
        for c in curves
    )  # fmt: skip
    columns = ("of", "with", "lag (min)", "lag low", "lag high", "rank correlation", "p (Holm)", "beyond chance",
               "nights", "bins")  # fmt: skip
    return Table("lag", "Solar wind and aurora: the lag of the strongest rank correlation", columns, rows)


def _lag_notes(frames: Frames, curves: Sequence[LagCurve], sources: dict[str, str]) -> list[str]:
    if not sources:
        return [
            "No space weather is on record for this time, so nothing is said of the solar wind; --omni FILE adds it."
        ]
    listed = "; ".join(f"{name}: {source}" for name, source in sources.items())
    if not curves:
        return [
            f"Too few nights for the lag of the aurora behind the solar wind ({len(frames.nights)}). Known: {listed}."
        ]
    chance = (
        "The chance band is what nights paired at random with another night's solar wind give; p says how often they "
        f"reach as strong a correlation at any lag, corrected for all pairs (Holm). {listed}."
    )
    return [chance]


def _file_name(camera: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", camera)
