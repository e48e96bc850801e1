"""``aurorad calibrate``: disc, lens and north from the stars."""

from __future__ import annotations

from pathlib import Path

import click

from daemon.cli.base import FILE, camera_option, config_option, example, instant, json_option, say
from daemon.errors import UsageError


@click.command(epilog=example("aurorad calibrate clear.jpg --at 2024-02-10T04:50:03Z --picture chart.png"))
@click.argument("images", nargs=-1, type=FILE)
@config_option
@camera_option
@click.option(
    "--at",
    "at_text",
    metavar="UTC",
    show_default="what the image's name or stamp shows",
    help="Time when the image was taken.",
)
@click.option(
    "--db",
    type=FILE,
    show_default="none",
    help="Take the starriest pictures that the watch has kept instead of images.",
)
@click.option(
    "--horizon",
    type=FILE,
    show_default="none",
    help="PNG to write a horizon mask to, learned from many pictures.",
)
@click.option("--any-time", is_flag=True, help="Search a whole day: the time is not known, or not trusted.")
@click.option(
    "--picture",
    type=FILE,
    show_default="none",
    help="PNG or JPEG to draw grid, horizon, compass and stars into.",
)
@click.option(
    "--write", "writes", is_flag=True, help="Write disc and orientation into the configuration file."
)
@json_option
def calibrate(
    images: tuple[Path, ...],
    config_path: Path | None,
    camera_name: str | None,
    at_text: str | None,
    db: Path | None,
    horizon: Path | None,
    any_time: bool,
    picture: Path | None,
    writes: bool,
    as_json: bool,
) -> None:
    """Find a camera's disc, lens and north from its stars.

    Several images of one camera are solved together, or the pictures that a watch has kept (--db). Where no time is
    known, the stars of a whole day are searched.
    """
    from daemon.commands import calibrate as command
    from daemon.commands import calibrate_file, calibrate_kept
    from daemon.config import load

    if writes and config_path is None:
        raise UsageError("--write needs the file to write to: --config FILE")
    camera = load(config_path, calibrating=True).camera_named(camera_name)
    if bool(images) == (db is not None):
        raise UsageError("name images to calibrate from, or --db FILE for those that the watch has kept")
    at = instant(at_text) if at_text is not None else None
    if db is not None:
        found = calibrate_kept.from_record(db, camera)
    else:
        found = command.calibrate(images, camera, at, any_time=any_time)
    for answer, sentence in command.answers(found):
        say(answer if as_json else sentence, as_json)
    if picture is not None:
        command.save_chart(found, picture)
    if writes and config_path is not None:
        calibrate_file.write(found, config_path, camera)
        click.echo(f"{config_path}: written for camera {camera.name}", err=as_json)
    elif not as_json:
        click.echo("\n" + calibrate_file.tables(found))
    if horizon is not None:
        more = (
            calibrate_kept.many_from_record(db, camera)
            if db is not None
            else command.opened(images, camera, at)
        )
        click.echo(calibrate_kept.write_mask(found, more, camera, horizon), err=as_json)
