"""Commands on the record itself: backup, restore, labels."""

from __future__ import annotations

from pathlib import Path

import click

from daemon.cli.base import FILE, camera_of, camera_option, complain, config_option, example, needs_a_record
from daemon.text import counted


@click.command(epilog=example("aurorad backup --db aurorad.db aurorad-copy.db"))
@click.option("--db", required=True, type=FILE, help="Database file; it may be in use.")
@click.argument("target", type=FILE)
def backup(db: Path, target: Path) -> None:
    """Copy a database, also while it is in use.

    The copy is checked before it gets the name TARGET.
    """
    from daemon.record.store import backup as copy

    copy(db, target)
    click.echo(f"{target}: verified copy of {db}")


@click.command(epilog=example("aurorad restore aurorad-copy.db --db aurorad.db"))
@click.argument("source", type=FILE)
@click.option("--db", required=True, type=FILE, help="Database file to replace; stop the daemon first.")
def restore(source: Path, db: Path) -> None:
    """Put a backup in place of the database.

    The database that was there is kept beside it.
    """
    from daemon.record.store import restore as put_back

    kept = put_back(source, db)
    click.echo(f"{db}: restored from {source}" + (f"; the old one is kept as {kept}" if kept else ""))


@click.group()
def labels() -> None:
    """Export or import what people said of frames."""


@labels.command("export", epilog=example("aurorad labels export --db aurorad.db labels.csv"))
@click.option("--db", required=True, type=FILE, help="Database file; it may be in use.")
@click.argument("target", type=FILE)
def export_labels(db: Path, target: Path) -> None:
    """Write every frame's valid label to a table.

    TARGET is a .csv or .parquet file.
    """
    from daemon.record.label_files import export_labels as write

    click.echo(f"{target}: {counted(write(db, target), 'label')}")


@labels.command("import", epilog=example("aurorad labels import sorted/ --db aurorad.db --who Kari"))
@click.argument("folder", type=FILE)
@config_option
@camera_option
@click.option("--db", type=FILE, show_default="the configuration's", help="Database file to record in.")
@click.option("--who", required=True, metavar="NAME", help="Name of whoever gave these labels.")
def import_labels(
    folder: Path, config_path: Path | None, camera_name: str | None, db: Path | None, who: str
) -> None:
    """Record pictures that were sorted into folders.

    FOLDER holds the folders aurora, none and obscured (or yes and no); the pictures are dated by the time in
    their names. They are kept beside the database, in frames/. Stop the daemon first.
    """
    from daemon.record.label_files import Imported
    from daemon.record.label_files import import_labels as take_in
    from daemon.record.picture_files import PictureFolder
    from daemon.record.store import Store

    settings, camera = camera_of(config_path, camera_name)
    needs_a_record(db, config_path)
    database = db or settings.daemon.database
    with Store(database) as store:
        for outcome in take_in(
            folder, store, PictureFolder(database.parent / "frames"), camera.camera(), who
        ):
            if not isinstance(outcome, Imported):
                complain(outcome)
                continue
            click.echo(
                f"{database}: {counted(outcome.labels, 'label')} from {folder}, {outcome.known} known already"
            )
            if outcome.faults:
                click.get_current_context().exit(1)
