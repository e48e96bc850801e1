"""``aurorad setup`` at the terminal: its options, and the questions for what they do not say."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from daemon.cli.base import FILE, example
from daemon.errors import UsageError


class _Person:
    """Somebody at the terminal."""

    def ask(self, question: str, default: str | None, option: str) -> str:
        answer: str = click.prompt(question, default=default, show_default=bool(default), err=True)
        return answer.strip()

    def agrees(self, question: str, default: bool) -> bool:
        return click.confirm(question, default=default, err=True)

    def say(self, line: str) -> None:
        click.echo(line)


class _Nobody(_Person):
    """``--yes``, or no terminal: the defaults, and an error where there is none."""

    def ask(self, question: str, default: str | None, option: str) -> str:
        if default is None:
            options = click.get_current_context().command.params
            helps = [
                one.help or "" for one in options if isinstance(one, click.Option) and option in one.opts
            ]
            raise UsageError(f"{option} is needed. {''.join(helps)}".strip())
        return default

    def agrees(self, question: str, default: bool) -> bool:
        return default


@click.command(
    epilog=example(
        "aurorad setup",
        "aurorad setup --where ~/allsky --yes",
        "aurorad setup --where https://camera.local --latitude 69.6 --longitude 19.2 --yes",
    )
)
@click.option("--where", show_default="asked", help="Folder or address of the pictures, or `auroramax`.")
@click.option(
    "--latitude",
    type=click.FloatRange(-90, 90),
    show_default="the camera program's, or asked",
    help="Where the camera stands: degrees, north positive.",
)
@click.option(
    "--longitude",
    type=click.FloatRange(-180, 180),
    show_default="the camera program's, or asked",
    help="Where the camera stands: degrees, east positive.",
)
@click.option(
    "--timezone", show_default="this machine's", help="IANA time zone of the camera, as Europe/Oslo."
)
@click.option("--name", default="home", help="Short name of the camera.")
@click.option(
    "--login",
    default="",
    show_default="none",
    help="Login of the camera's server: env:NAME or credential:NAME.",
)
@click.option(
    "--certificate-sha256",
    default="",
    show_default="asked where needed",
    help="Fingerprint of the server's own certificate.",
)
@click.option("--notify", show_default="asked", help="Where alerts go: an Apprise address, or env:NAME.")
@click.option(
    "--image",
    "images",
    multiple=True,
    type=FILE,
    show_default="the newest clear ones",
    help="Picture to find the stars in; may be given several times.",
)
@click.option("--stars/--no-stars", default=True, help="Find lens and north from the stars.")
@click.option("--state-dir", type=FILE, show_default="your state folder", help="Folder for the record.")
@click.option("--config", "file", type=FILE, default=Path("aurorad.toml"), help="File to write.")
@click.option("--replace", is_flag=True, help="Replace that file if it is there.")
@click.option("--yes", is_flag=True, help="Ask nothing: take what is found, and the defaults.")
def setup(
    where: str | None,
    latitude: float | None,
    longitude: float | None,
    timezone: str | None,
    name: str,
    login: str,
    certificate_sha256: str,
    notify: str | None,
    images: tuple[Path, ...],
    stars: bool,
    state_dir: Path | None,
    file: Path,
    replace: bool,
    yes: bool,
) -> None:
    """Write a configuration for your camera, and say how to start.

    It recognises the folders and addresses of Allsky and indi-allsky, finds the lens from the stars, tries source,
    model and channel, and writes a file of a few lines. A certificate that a server signed itself is shown, and
    taken with --yes.
    """
    from daemon.commands.setup import setup as run
    from daemon.commands.setup_talk import Answers

    talk = _Nobody() if yes or not sys.stdin.isatty() else _Person()
    run(
        Answers(
            where, latitude, longitude, timezone, name, login, certificate_sha256, notify, state_dir,
            images, stars, file, replace,
        ),
        talk,
    )  # fmt: skip
