"""The ``aurorad`` command.

Exit status: 0 done, 1 the work failed, 2 wrong use. An error is one line on standard error that says what is
wrong and how to fix it; ``--debug`` shows the traceback as well. Heavy modules are imported by the command
that needs them, so that ``aurorad --help`` answers at once.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from daemon import __version__
from daemon.cli.base import (
    FILE,
    Group,
    camera_of,
    camera_option,
    complain,
    config_option,
    example,
    instant,
    json_option,
    needs_a_record,
    printable,
    say,
    settings_of,
)
from daemon.cli.calibrate import calibrate
from daemon.cli.record import backup, labels, restore
from daemon.cli.research import export, report
from daemon.cli.setup import setup
from daemon.errors import AuroradError, UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from daemon.archive.ingest import Outcome
    from daemon.config import CameraSettings, Settings


@click.group(
    cls=Group,
    context_settings={"help_option_names": ["-h", "--help"], "show_default": True},
    epilog=example("aurorad demo", "aurorad run", "aurorad COMMAND --help"),
)
@click.version_option(__version__, prog_name="aurorad", help="Show the version and exit.")
@click.option("--debug", is_flag=True, help="Show the traceback of an error, too.")
def main(debug: bool) -> None:
    """Watch the night sky for aurora, keep the evidence, and alert people."""


@main.command(epilog=example("aurorad run", "aurorad run --config aurorad.toml"))
@config_option
def run(config_path: Path | None) -> None:
    """Watch every camera until stopped: the daemon.

    Without a configuration file it watches AuroraMAX at Yellowknife and keeps its record in your state folder
    (~/.local/state/aurorad). SIGTERM stops it once the work in hand is done. SIGHUP makes it read the
    configuration and the model again; if they cannot be used, the old ones stay in use.
    """
    from daemon.foreground import run as serve

    serve(settings_of(config_path, watching=True), config_path)


@main.command(epilog=example("aurorad demo", "aurorad demo --movie night.mp4 --stay"))
@click.option("--movie", type=FILE, show_default="a simulated night", help="Movie to replay.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8080, help="Port of the page; 0 takes a free one."
)
@click.option(
    "--speed",
    type=click.FloatRange(min=1),
    show_default="what lets the night last some minutes",
    help="How many times faster than real time the night goes by.",
)
@click.option("--stay", is_flag=True, help="Keep the page up after the night, until Ctrl-C.")
def demo(movie: Path | None, port: int, speed: float | None, stay: bool) -> None:
    """Show a night in minutes, with page and alerts.

    The real daemon watches a stand-in for AuroraMAX's site on this machine; its alerts appear in this terminal.
    """
    from daemon.commands.demo import demo as show

    show(movie=movie, port=port, speed=speed, stay=stay)


@main.command(
    epilog=example("aurorad ingest night.mp4 --db aurorad.db", "aurorad ingest images/ --config aurorad.toml")
)
@click.argument("footage", nargs=-1, required=True, type=FILE)
@config_option
@camera_option
@click.option("--db", type=FILE, show_default="the configuration's", help="Database file to record in.")
@click.option(
    "--pictures",
    type=FILE,
    show_default="the configuration's, or none with --db",
    help="Folder to keep the pictures in.",
)
@click.option(
    "--ray",
    metavar="ADDRESS",
    show_default="none",
    help="Ray cluster to spread the movies over; 'local' uses this machine's cores.",
)
def ingest(
    footage: tuple[Path, ...],
    config_path: Path | None,
    camera_name: str | None,
    db: Path | None,
    pictures: Path | None,
    ray: str | None,
) -> None:
    """Record archived footage as the live camera is recorded.

    FOOTAGE is movies, pictures, or folders of either. Of the pictures of a night one a cadence is looked at. You
    can stop it at any time and run it again: what is recorded stays, and a repeat changes nothing. Exits 1 if some
    footage cannot be read or used, or if more than one picture in twenty has no time.
    """
    from daemon.archive.dated_pictures import footage_of

    settings, camera = camera_of(config_path, camera_name)
    needs_a_record(db, config_path)
    if db is None and pictures is None and settings.daemon.keep_pictures_days:
        pictures = settings.daemon.state_dir / "frames"
    database = db or settings.daemon.database
    movies, stills, blocked, left_out = footage_of(footage, camera)
    for folder in blocked:
        complain(f"{folder}: this folder cannot be read; check its owner and rights")
    if left_out:
        complain(left_out)
    if db is None:
        database.parent.mkdir(parents=True, exist_ok=True)  # as the watch itself makes it at its first start
    if ray is not None:
        from daemon.archive.cluster import ingest_on_ray

        if stills:
            raise UsageError("--ray spreads movies; take pictures in without it")
        faults = ingest_on_ray(movies, settings, camera, database, ray, _tell_outcome)
    else:
        faults = _with_progress(movies, stills, settings, camera, database, pictures)
    if pictures == settings.daemon.state_dir / "frames":
        _tell_short_lived(settings, camera.name)
    if faults or blocked:
        click.get_current_context().exit(1)


def _tell_short_lived(settings: Settings, camera: str) -> None:
    """Say so where the watch will remove what was kept just now: an archive is older than its pictures may get."""
    from daemon.record.picture_files import PictureFolder

    days = settings.daemon.keep_pictures_days
    oldest = (datetime.now(UTC) - timedelta(days=days)).date()
    nights = sum(1 for _ in PictureFolder(settings.daemon.state_dir / "frames").nights_before(oldest, camera))
    if nights and days:
        which, whose = ("one night is", "its") if nights == 1 else (f"{nights} nights are", "their")
        click.echo(
            f"aurorad: {which} older than keep_pictures_days = {days}: `aurorad run` removes {whose} pictures, all but "
            f"the labelled ones, and keeps {whose} rows; to keep the pictures, raise it in [daemon] first",
            err=True,
        )


def _with_progress(
    movies: list[Path],
    stills: list[Path],
    settings: Settings,
    camera: CameraSettings,
    database: Path,
    pictures: Path | None,
) -> int:
    """A bar where a person watches; plain lines where the output goes to a file."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from daemon.archive.ingest import ingest_all
    from daemon.archive.stills import ingest_nights

    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, disable=not sys.stderr.isatty(), transient=True, console=_stderr()) as bar:
        task = bar.add_task("footage", total=1.0)

        def on_progress(title: str, share: float) -> None:
            bar.update(task, description=f"{title} {share:4.0%}", completed=share)

        into = settings, camera, database, pictures, on_progress, _tell_outcome
        faults = ingest_all(movies, *into) if movies else 0
        return faults + (ingest_nights(stills, *into) if stills else 0)


def _stderr() -> Console:
    from rich.console import Console

    return Console(stderr=True)


def _tell_outcome(outcome: Outcome) -> None:
    if outcome.tally is not None:
        click.echo(printable(outcome.line()))
    if outcome.fault:
        complain(outcome.fault)


@main.command(epilog=example("aurorad classify sky.jpg", "aurorad classify *.jpg --json"))
@click.argument("images", nargs=-1, required=True, type=FILE)
@config_option
@camera_option
@json_option
def classify(
    images: tuple[Path, ...], config_path: Path | None, camera_name: str | None, as_json: bool
) -> None:
    """Decide whether there is aurora in each image.

    The camera's disc is cut out of each. A square image of a camera whose own pictures are not square is taken as an
    already cropped sky disc.
    """
    from daemon.commands.classify import classify as look

    settings, camera = camera_of(config_path, camera_name)
    _each(look(images, settings, camera), as_json)


@main.command(epilog=example("aurorad timestamp frame.jpg"))
@click.argument("images", nargs=-1, required=True, type=FILE)
@config_option
@camera_option
@json_option
def timestamp(
    images: tuple[Path, ...], config_path: Path | None, camera_name: str | None, as_json: bool
) -> None:
    """Read the time that is burnt into each image."""
    from daemon.commands.classify import timestamps

    _, camera = camera_of(config_path, camera_name)
    _each(timestamps(images, camera), as_json)


def _each(answers: Iterable[tuple[dict[str, Any], str] | AuroradError], as_json: bool) -> None:
    """Print answers as they come; an image that failed costs its own line, and status 1 at the end."""
    failed: AuroradError | None = None
    for answer in answers:
        if isinstance(answer, AuroradError):
            complain(answer)
            failed = answer
        else:
            say(answer[0] if as_json else printable(answer[1]), as_json)
    if failed is not None:
        click.get_current_context().exit(failed.exit_code)


@main.command(epilog=example("aurorad sky", "aurorad sky --at 2024-02-10T04:50:03Z --json"))
@click.option("--at", "at_text", metavar="UTC", show_default="now", help="Time, as 2024-02-10T04:50:03Z.")
@config_option
@camera_option
@json_option
def sky(at_text: str | None, config_path: Path | None, camera_name: str | None, as_json: bool) -> None:
    """Show sun, moon and twilight, and whether we would look.

    An alert needs a darker sky than a look: [gate] in the configuration sets both.
    """
    from daemon.commands.classify import sky_over

    settings, camera = camera_of(config_path, camera_name)
    answer, sentence = sky_over(settings, camera, instant(at_text))
    say(answer if as_json else sentence, as_json)


@main.command("check-config", epilog=example("aurorad check-config aurorad.toml"))
@click.argument("file", type=FILE)
def check_config(file: Path) -> None:
    """Check a configuration file and show what it watches.

    Every key is checked, and every path, address and secret tried on this machine; nothing is written or sent. A
    camera's folder that is not there is a note, for it may yet be mounted.
    All faults are listed, each with its line. The same check is made at the start and on a reload.
    """
    from daemon.commands.doctor import config_lines

    for line in config_lines(settings_of(file, watching=True), file):
        click.echo(line)


@main.command(epilog=example("aurorad doctor --config aurorad.toml"))
@config_option
@json_option
def doctor(config_path: Path | None, as_json: bool) -> None:
    """Check every part, and ask each source for one picture.

    Exits 1 if anything does not work.
    """
    from daemon.commands.doctor import examine

    failed = False
    for finding in examine(settings_of(config_path, watching=True), config_path):
        say(finding.as_dict() if as_json else finding.line(), as_json)
        failed = failed or not finding.well
    if failed:
        click.get_current_context().exit(1)


@main.command("test-alert", epilog=example("aurorad test-alert --config aurorad.toml --channel phone"))
@config_option
@click.option("--channel", show_default="all", help="Name of the only channel to test.")
def test_alert(config_path: Path | None, channel: str | None) -> None:
    """Send a test message through each channel.

    Exits 1 if a channel did not take it.
    """
    from daemon.alert.delivery import send_test

    settings = settings_of(config_path)
    failed = False
    for name, fault in send_test(settings, channel):
        click.echo(f"{name}: {fault or 'delivered'}", err=fault is not None)
        failed = failed or fault is not None
    if failed:
        click.get_current_context().exit(1)


main.add_command(setup)
main.add_command(calibrate)
main.add_command(backup)
main.add_command(restore)
main.add_command(labels)
main.add_command(report)
main.add_command(export)
