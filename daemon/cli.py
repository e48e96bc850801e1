"""The ``aurorad`` command.

Exit status: 0 done, 1 the work failed, 2 wrong use. Errors are one line on standard error that names
the thing and the mend; ``--debug`` shows the traceback instead. Heavy rooms are imported by the
command that needs them, so that ``aurorad --help`` answers at once.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from daemon import __version__
from daemon.errors import AuroradError, UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from daemon.archive.ingest import Outcome
    from daemon.config import CameraSettings, Settings


class _Group(click.Group):
    """Turns aurorad's own errors into one line and their exit status."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except AuroradError as error:
            if ctx.params.get("debug"):
                raise
            for line in error.lines:
                click.echo(f"aurorad: {line}", err=True)
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            click.echo("aurorad: stopped", err=True)
            ctx.exit(130)
        except BrokenPipeError:  # whoever read our output has gone
            sys.stderr.close()
            ctx.exit(1)


_FILE = click.Path(path_type=Path)
_config_option = click.option(
    "--config", "config_path", type=_FILE, envvar="AURORAD_CONFIG", help="Configuration file."
)
_camera_option = click.option(
    "--camera", "camera_name", help="Camera of the configuration; the first if not told."
)
_json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="aurorad")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def main(debug: bool) -> None:
    """Watch the night sky for aurora: keep the evidence, tell people."""


def _settings(config_path: Path | None, *, watching: bool = False) -> Settings:
    from daemon.config import load

    return load(config_path, watching=watching)


def _camera(config_path: Path | None, name: str | None) -> tuple[Settings, CameraSettings]:
    settings = _settings(config_path)
    return settings, settings.camera_named(name)


def _say(line: dict[str, Any] | str, as_json: bool = False) -> None:
    click.echo(json.dumps(line, ensure_ascii=False) if as_json else line)


@main.command()
@_config_option
def run(config_path: Path | None) -> None:
    """Watch: the daemon. SIGTERM drains and stops, SIGHUP reloads configuration and model."""
    from daemon.service import run as serve

    serve(_settings(config_path, watching=True), config_path)


@main.command()
@click.option("--movie", type=_FILE, help="Replay this movie instead of a made night.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8080,
    show_default=True,
    help="Port of the page; 0 takes a free one.",
)
@click.option("--speed", type=click.FloatRange(min=1), help="How many times faster than time.")
@click.option("--stay", is_flag=True, help="Keep the page up after the night, until Ctrl-C.")
def demo(movie: Path | None, port: int, speed: float | None, stay: bool) -> None:
    """A night in minutes: stand-in AuroraMAX site, daemon, page, alerts in this terminal."""
    from daemon.commands.demo import demo as show

    show(movie=movie, port=port, speed=speed, stay=stay)


@main.command()
@click.argument("movies", nargs=-1, required=True, type=_FILE)
@_config_option
@_camera_option
@click.option("--db", type=_FILE, help="Database file; the configuration's if not told.")
@click.option(
    "--pictures", type=_FILE, help="Folder to keep the pictures in; the configuration's, or none with --db."
)
@click.option(
    "--ray", metavar="ADDRESS", help="Spread the movies over a Ray cluster ('local' for this machine)."
)
def ingest(
    movies: tuple[Path, ...],
    config_path: Path | None,
    camera_name: str | None,
    db: Path | None,
    pictures: Path | None,
    ray: str | None,
) -> None:
    """Take archived movies (files or folders of them) through the same pipeline as the live camera.

    May be stopped at any time and called again: what is recorded stays, repeats change nothing.
    """
    from daemon.archive.ingest import ingest_all, movies_of

    settings, camera = _camera(config_path, camera_name)
    if db is None and config_path is None:
        raise UsageError("say where to record: --db FILE, or --config FILE with a [daemon] state_dir")
    if db is None and pictures is None and settings.daemon.keep_pictures_days:
        pictures = settings.daemon.state_dir / "frames"
    database = db or settings.daemon.database
    found = movies_of(movies)
    if ray is not None:
        from daemon.archive.cluster import ingest_on_ray

        faults = ingest_on_ray(found, settings, camera, database, ray, _tell_outcome)
    else:
        faults = _with_progress(found, ingest_all, settings, camera, database, pictures)
    if faults:
        click.get_current_context().exit(1)


def _with_progress(
    found: list[Path],
    ingest_all: Callable[..., int],
    settings: Settings,
    camera: CameraSettings,
    database: Path,
    pictures: Path | None,
) -> int:
    """A bar where a person watches; plain lines where the output goes to a file."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, disable=not sys.stderr.isatty(), transient=True, console=_stderr()) as bar:
        task = bar.add_task("movies", total=len(found))

        def on_progress(path: Path, share: float) -> None:
            bar.update(task, description=f"{path.name} {share:4.0%}")

        def on_outcome(outcome: Outcome) -> None:
            bar.advance(task)
            _tell_outcome(outcome)

        return ingest_all(found, settings, camera, database, pictures, on_progress, on_outcome)


def _stderr() -> Console:
    from rich.console import Console

    return Console(stderr=True)


def _tell_outcome(outcome: Outcome) -> None:
    tally = outcome.tally
    if tally is None:
        click.echo(f"aurorad: {outcome.fault}", err=True)
        return
    click.echo(
        f"{outcome.movie.name}: {tally.recorded} recorded, {tally.known} known already, "
        f"{tally.undated} without a time; {outcome.readings} stamps read"
    )
    if outcome.fault:
        click.echo(f"aurorad: {outcome.fault}", err=True)


@main.command()
@click.argument("images", nargs=-1, required=True, type=_FILE)
@_config_option
@_camera_option
@_json_option
def classify(
    images: tuple[Path, ...], config_path: Path | None, camera_name: str | None, as_json: bool
) -> None:
    """Is there aurora? A square image is an already cropped sky disc; else the camera's disc is cut."""
    from daemon.commands.classify import classify as look

    settings, camera = _camera(config_path, camera_name)
    _each(look(images, settings, camera), as_json)


@main.command()
@click.argument("images", nargs=-1, required=True, type=_FILE)
@_config_option
@_camera_option
@_json_option
def timestamp(
    images: tuple[Path, ...], config_path: Path | None, camera_name: str | None, as_json: bool
) -> None:
    """Read the burnt-in clock."""
    from daemon.commands.classify import timestamps

    _, camera = _camera(config_path, camera_name)
    _each(timestamps(images, camera), as_json)


def _each(answers: Iterable[tuple[dict[str, Any], str] | AuroradError], as_json: bool) -> None:
    """Print answers as they come; an image that failed costs its own line, and status 1 at the end."""
    failed: AuroradError | None = None
    for answer in answers:
        if isinstance(answer, AuroradError):
            click.echo(f"aurorad: {answer}", err=True)
            failed = answer
        else:
            _say(answer[0] if as_json else answer[1], as_json)
    if failed is not None:
        click.get_current_context().exit(failed.exit_code)


@main.command()
@click.option("--at", "at_text", metavar="UTC", help="Instant, as 2024-02-10T04:50:03Z; now if not told.")
@_config_option
@_camera_option
@_json_option
def sky(at_text: str | None, config_path: Path | None, camera_name: str | None, as_json: bool) -> None:
    """Sun and moon, twilight and moonlight, the gate and its reason."""
    from daemon.commands.classify import sky_over

    settings, camera = _camera(config_path, camera_name)
    answer, sentence = sky_over(settings, camera, _instant(at_text))
    _say(answer if as_json else sentence, as_json)


def _instant(text: str | None) -> datetime:
    if text is None:
        return datetime.now(UTC)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--at {text!r} is no time; write it as 2024-02-10T04:50:03Z") from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


@main.command()
@click.argument("images", nargs=-1, required=True, type=_FILE)
@_config_option
@_camera_option
@click.option(
    "--at", "at_text", metavar="UTC", help="When the image was taken; else its name or stamp says it."
)
@click.option(
    "--any-time", is_flag=True, help="The time is not known, or not trusted: search a whole sidereal day."
)
@click.option("--picture", type=_FILE, help="Draw grid, horizon, compass and stars into this PNG or JPEG.")
@click.option(
    "--write",
    "writes",
    is_flag=True,
    help="Write [camera.disc] and [camera.orientation] into the configuration.",
)
@_json_option
def calibrate(
    images: tuple[Path, ...],
    config_path: Path | None,
    camera_name: str | None,
    at_text: str | None,
    any_time: bool,
    picture: Path | None,
    writes: bool,
    as_json: bool,
) -> None:
    """Find the camera's disc, lens and north from the stars of clear frames.

    Several images of one camera are solved together. Where no time is known, the stars of a whole day are
    searched.
    """
    from daemon.commands import calibrate as command

    if writes and config_path is None:
        raise UsageError("--write needs the file to write to: --config FILE")
    from daemon.config import load

    camera = load(config_path, calibrating=True).camera_named(camera_name)
    at = _instant(at_text) if at_text is not None else None
    found = command.calibrate(images, camera, at, any_time=any_time)
    for answer, sentence in command.answers(found):
        _say(answer if as_json else sentence, as_json)
    if picture is not None:
        command.save_chart(found, picture)
    if writes and config_path is not None:
        command.write(found, config_path, camera)
        click.echo(f"{config_path}: written for camera {camera.name}", err=as_json)
    elif not as_json:
        click.echo("\n" + command.tables(found))


@main.command()
@click.option("--db", required=True, type=_FILE, help="Database file.")
@click.option("--out", required=True, type=_FILE, help="Folder to write to.")
def report(db: Path, out: Path) -> None:
    """The night tables and figures of a database."""
    from daemon.commands.report import write_report

    for path in write_report(db, out):
        click.echo(str(path))


@main.command("check-config")
@click.argument("file", type=_FILE)
def check_config(file: Path) -> None:
    """Check a configuration file and say what it watches."""
    from daemon.commands.doctor import config_lines

    for line in config_lines(_settings(file, watching=True), file):
        click.echo(line)


@main.command()
@_config_option
@_json_option
def doctor(config_path: Path | None, as_json: bool) -> None:
    """Ask every part how it is, and each configured source once what it gives."""
    from daemon.commands.doctor import examine

    sick = False
    for finding in examine(_settings(config_path)):
        _say(finding.as_dict() if as_json else finding.line(), as_json)
        sick = sick or not finding.well
    if sick:
        click.get_current_context().exit(1)


@main.command("test-alert")
@_config_option
@click.option("--channel", help="Only this channel.")
def test_alert(config_path: Path | None, channel: str | None) -> None:
    """Send a test message through every configured channel."""
    from daemon.alert.delivery import send_test

    settings = _settings(config_path)
    failed = False
    for name, fault in send_test(settings, channel):
        click.echo(f"{name}: {fault or 'delivered'}", err=fault is not None)
        failed = failed or fault is not None
    if failed:
        click.get_current_context().exit(1)


@main.command()
@click.option("--db", required=True, type=_FILE, help="Database file; may be in use.")
@click.argument("target", type=_FILE)
def backup(db: Path, target: Path) -> None:
    """Copy the database while it is in use, and verify the copy."""
    from daemon.record.store import backup as copy

    copy(db, target)
    click.echo(f"{target}: verified copy of {db}")


@main.command()
@click.argument("source", type=_FILE)
@click.option(
    "--db", required=True, type=_FILE, help="Database file to put in place; no daemon may be using it."
)
def restore(source: Path, db: Path) -> None:
    """Put a backup in place of the database; what stood there is kept beside it."""
    from daemon.record.store import restore as put_back

    kept = put_back(source, db)
    click.echo(f"{db}: restored from {source}" + (f"; the old one is kept as {kept}" if kept else ""))


@main.group()
def labels() -> None:
    """What people said of frames: out of the record into a table, or from folders into the record."""


@labels.command("export")
@click.option("--db", required=True, type=_FILE, help="Database file; may be in use.")
@click.argument("target", type=_FILE)
def export_labels(db: Path, target: Path) -> None:
    """Every frame's valid label into TARGET, a .csv or .parquet file."""
    from daemon.record.label_files import export_labels as write

    count = write(db, target)
    click.echo(f"{target}: {count} labels")


@labels.command("import")
@click.argument("folder", type=_FILE)
@_config_option
@_camera_option
@click.option("--db", type=_FILE, help="Database file; the configuration's if not told.")
@click.option("--who", required=True, metavar="NAME", help="Who gave these labels.")
def import_labels(
    folder: Path, config_path: Path | None, camera_name: str | None, db: Path | None, who: str
) -> None:
    """Pictures sorted into FOLDER/aurora, none and obscured (or yes and no), by the time in their names.

    The pictures are kept beside the database, in frames/. No daemon may be using the database.
    """
    from daemon.record.label_files import Imported
    from daemon.record.label_files import import_labels as take_in
    from daemon.record.picture_files import PictureFolder
    from daemon.record.store import Store

    settings, camera = _camera(config_path, camera_name)
    if db is None and config_path is None:
        raise UsageError("say where to record: --db FILE, or --config FILE with a [daemon] state_dir")
    database = db or settings.daemon.database
    with Store(database) as store:
        for told in take_in(folder, store, PictureFolder(database.parent / "frames"), camera.camera(), who):
            if not isinstance(told, Imported):
                click.echo(f"aurorad: {told}", err=True)
                continue
            click.echo(f"{database}: {told.labels} labels from {folder}, {told.known} known already")
            if told.faults:
                click.get_current_context().exit(1)


if __name__ == "__main__":
    main()
