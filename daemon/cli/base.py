"""What every command shares: how an error reaches a person, and the options that come again."""

from __future__ import annotations

import errno
import json
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from daemon.errors import AuroradError, UsageError

if TYPE_CHECKING:
    from daemon.config import CameraSettings, Settings


class Group(click.Group):
    """Turns errors into lines for a person and into their exit status."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; nothing but click's own exceptions leaves here, without ``--debug``."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            signal.signal(
                signal.SIGINT, signal.SIG_IGN
            )  # pressed once more it would break off the ending itself
            complain("stopped")
            ctx.exit(130)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            if ctx.params.get("debug"):
                raise
            if isinstance(error, BrokenPipeError):
                raise  # whoever read our output has gone; click ends quietly, status 1
            complain(error)
            ctx.exit(error.exit_code if isinstance(error, AuroradError) else 1)


def complain(error: Exception | str) -> None:
    """An error on standard error: a line for each fault."""
    for line in _lines(error):
        click.echo(f"aurorad: {printable(line)}", err=True)


def _lines(error: Exception | str) -> tuple[str, ...]:
    if isinstance(error, str):
        return (error,)
    if isinstance(error, AuroradError):
        return error.lines
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return ("no space is left where the output goes; free some space and run it again",)
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename is not None else ""
        return (f"{where}{error.strerror}; check the path and its rights",)
    if isinstance(error, UnicodeEncodeError):
        return ("a file name on the command line is not UTF-8; rename the file, or give another path",)
    return (
        f"an error nobody foresaw ({type(error).__name__}); `aurorad --debug …` shows where: please report it",
    )


def printable(text: str) -> str:
    """The text in one line, whatever bytes a file name in it had."""
    plain = text.encode("utf-8", "replace").decode("utf-8")
    return "".join(c if c.isprintable() else "?" for c in plain)


def example(*lines: str) -> str:
    """The end of a command's help: how it is called."""
    word = "Example" if len(lines) == 1 else "Examples"
    return "\b\n" + f"{word}:\n" + "\n".join(f"  {line}" for line in lines)


FILE = click.Path(
    path_type=Path, readable=False
)  # whoever opens it says what is wrong, and goes on with the others
config_option = click.option(
    "--config",
    "config_path",
    type=FILE,
    envvar="AURORAD_CONFIG",
    show_envvar=True,
    show_default="AuroraMAX at Yellowknife",
    help="Configuration file.",
)
camera_option = click.option(
    "--camera", "camera_name", show_default="the first", help="Name of the configuration's camera to use."
)


class _Night(click.ParamType[datetime]):
    """A date, as a datetime."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """``2024-02-10``; what is no date of the calendar is refused with an example of one."""
        if isinstance(value, datetime):
            return value
        try:
            return datetime.strptime(str(value), "%Y-%m-%d")
        except ValueError:
            option = param.opts[0] if param else "date"
            raise UsageError(f"{option} {value!r} is no date; write it as 2024-02-10") from None


def night_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--since`` and ``--until``: the nights a command is about, by the dates of their mornings."""
    for name, which in (("--until", "Last"), ("--since", "First")):
        command = click.option(
            name, type=_Night(), metavar="DATE", show_default="all", help=f"{which} night, as 2024-02-10."
        )(command)
    return command


json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")


def settings_of(config_path: Path | None, *, watching: bool = False) -> Settings:
    """The configuration; ``watching`` refuses cameras without a source. Raises ConfigError."""
    from daemon.config import load

    return load(config_path, watching=watching)


def camera_of(config_path: Path | None, name: str | None) -> tuple[Settings, CameraSettings]:
    """The configuration and its camera of that name. Raises ConfigError."""
    settings = settings_of(config_path)
    return settings, settings.camera_named(name)


def needs_a_record(db: Path | None, config_path: Path | None) -> None:
    """Raises UsageError where nothing says which database to write to."""
    if db is None and config_path is None:
        raise UsageError(
            "no database to record in; add --db FILE, or --config FILE with a [daemon] state_dir"
        )


def say(line: dict[str, Any] | str, as_json: bool = False) -> None:
    """A line for a person, or an object on a line of its own; what of a file's name is no text is escaped in it."""
    text = (
        json.dumps(line, ensure_ascii=False).encode("utf-8", "backslashreplace").decode() if as_json else line
    )
    click.echo(text)


def instant(text: str | None) -> datetime:
    """A time given with ``--at``; now where none is. Raises UsageError."""
    if text is None:
        return datetime.now(UTC)
    try:
        at = datetime.fromisoformat(text)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):  # a zone can reach beyond the years there are
        raise UsageError(f"--at {text!r} is no time; write it as 2024-02-10T04:50:03Z") from None
