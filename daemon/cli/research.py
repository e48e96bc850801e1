"""Commands for research: report, export."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Literal

import click

from daemon.cli.base import FILE, example, night_options
from daemon.text import counted


@click.command(epilog=example("aurorad report --db aurorad.db --out report/"))
@click.option("--db", required=True, type=FILE, help="Database file; it may be in use.")
@click.option("--out", required=True, type=FILE, help="Folder to write to.")
@click.option("--camera", "camera_name", show_default="all", help="Name of the only camera to report on.")
@night_options
@click.option(
    "--omni",
    multiple=True,
    type=FILE,
    show_default="the recorded solar wind",
    help="OMNI file of the solar wind (omni_min2024.asc); may be given several times.",
)
def report(
    db: Path,
    out: Path,
    camera_name: str | None,
    since: datetime | None,
    until: datetime | None,
    omni: tuple[Path, ...],
) -> None:
    """Write tables and figures of the recorded nights.

    CSV tables, figures as PNG, SVG and PDF, and report.html with all of it. A night is named by the date of its
    morning.
    """
    from daemon.commands.report import write_report
    from daemon.commands.report.frames import Wanted

    wanted = Wanted(camera_name, since.date() if since else None, until.date() if until else None)
    for path in write_report(db, out, wanted, omni):
        click.echo(str(path))


@click.command(
    epilog=example(
        "aurorad export --db aurorad.db season.nc", "aurorad export --db aurorad.db --what events events.csv"
    )
)
@click.option("--db", required=True, type=FILE, help="Database file; it may be in use.")
@click.argument("target", type=FILE)
@click.option(
    "--what",
    type=click.Choice(["observations", "events"]),
    default="observations",
    show_default=True,
    help="What a CSV or Parquet file holds; a NetCDF file holds both.",
)
@click.option("--camera", "camera_name", show_default="all", help="Name of the only camera to export.")
@night_options
def export(
    db: Path,
    target: Path,
    what: Literal["observations", "events"],
    camera_name: str | None,
    since: datetime | None,
    until: datetime | None,
) -> None:
    """Write the record for other programs.

    TARGET ends in .csv, .parquet, .nc (NetCDF with CF names and units) or .json (AuroraX ephemeris records).
    """
    from daemon.archive.export import Selection
    from daemon.archive.export import export as write

    chosen = Selection(what, camera_name, since.date() if since else None, until.date() if until else None)
    click.echo(f"{target}: {counted(write(db, target, chosen), 'row')}")
