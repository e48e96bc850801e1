"""A configuration file → settings, or every fault in it with its line."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import SettingsError

from daemon.config.faults import Fault, Where, dotted, faults_of
from daemon.config.lines import line_of, lines_of
from daemon.config.machine import DaemonSettings
from daemon.config.tables import Settings
from daemon.config.whose_sky import borrowed, without_source
from daemon.errors import ConfigError

MOST_BYTES = 1_000_000
"""A hundred cameras with every key take 300 kB. What is larger is another file, and would be read whole."""

MOST_FAULTS = 20
"""Faults listed at once."""

_PART = r"(?:[\w-]++|\"[^\"\n]*+\"|'[^'\n]*+')"
_LONG_KEY = re.compile(rf"(?<![\w.\"'-]){_PART}(?:[ \t]*+\.[ \t]*+{_PART}){{32}}")
"""tomllib takes memory by the square of a dotted key's length: 400 kB of one would end the process."""


def load(path: Path | None, *, watching: bool = False, calibrating: bool = False) -> Settings:
    """Read and check a configuration file; None gives AuroraMAX, its state in the user's state folder.

    So does a file that names no state folder, where the system's own is not there and this user cannot make it.
    ``watching`` refuses a camera that does not say where its pictures come from, which an archive need not;
    ``calibrating`` does without a disc, which is about to be found.
    Raises ConfigError with every fault that was found.
    """
    tables = (
        _with_state_dir(_tables(_read(path), path)) if path else {"daemon": {"state_dir": user_state_dir()}}
    )
    try:
        settings = Settings(**tables)
    except ValidationError as error:
        raise error_of(faults_of(error, Settings), path) from error
    except SettingsError as error:
        name = "AURORAD_" + str(error).partition('"')[2].partition('"')[0].upper()
        raise ConfigError(f"the environment variable {name} is not valid JSON; fix it or unset it") from error
    faults = [*borrowed(settings, calibrating=calibrating), *(without_source(settings) if watching else ())]
    if faults:
        raise error_of(faults, path)
    return settings


def _with_state_dir(tables: dict[str, Any]) -> dict[str, Any]:
    daemon = tables.get("daemon", {})
    if not isinstance(daemon, dict) or "state_dir" in daemon:
        return tables
    chosen = chosen_state_dir(DaemonSettings().state_dir)
    return tables if chosen is None else tables | {"daemon": daemon | {"state_dir": chosen}}


def chosen_state_dir(system: Path) -> Path | None:
    """The user's state folder, where the system's is not there and cannot be made; None: the system's.

    Under systemd the system's lies in a folder that root alone may enter: for others it is not there.
    """
    if os.path.isdir(system) or os.access(system.parent, os.W_OK):
        return None
    try:
        return user_state_dir()
    except ConfigError:
        return None


def user_state_dir() -> Path:
    """Where a user's programs keep their state: ``$XDG_STATE_HOME/aurorad``, by default in ``~/.local/state``.

    Raises ConfigError where there is no home folder.
    """
    given = os.environ.get("XDG_STATE_HOME", "")
    try:
        base = Path(given) if os.path.isabs(given) else Path.home() / ".local/state"
    except RuntimeError:
        raise ConfigError("there is no home folder to keep the record in; set [daemon] state_dir") from None
    return base / "aurorad"


def error_of(faults: Sequence[Fault], path: Path | None) -> ConfigError:
    """The error that lists the faults, each with its line in the file or its environment variable."""
    try:
        lines = lines_of(_read(path)) if path else {}
    except ConfigError:
        lines = {}
    ordered = sorted(faults, key=lambda fault: line_of(fault.where, lines) or 0)
    told = list(dict.fromkeys(_told(fault, path, lines) for fault in ordered))
    more = len(told) - MOST_FAULTS
    return ConfigError(*told[:MOST_FAULTS], *([f"{path}: {more} more faults like these"] if more > 0 else []))


def _told(fault: Fault, path: Path | None, lines: dict[Where, int]) -> str:
    whole = _variable(fault.where)
    below = sorted(name for name in os.environ if name.upper().startswith(f"{whole}__"))
    if below:  # AURORAD_CAMERA__0__NAME: a variable reaches into tables, never into an array of them
        return (
            f"the environment variable {below[0]}: `{dotted(fault.where)}` is an array, and a variable sets an array as "
            f"a whole: write it in the file, or all of it as JSON in {whole}"
        )
    return f"{_place(fault.where, path, lines)}: {fault.message}"


def _variable(where: Where) -> str:
    """The environment variable that sets a key."""
    return "AURORAD_" + "__".join(map(str, where)).upper()


def without_place(error: ConfigError, path: Path) -> tuple[str, ...]:
    """The faults of a file without its name and lines: nobody knows the one that is to become another."""
    return tuple(
        re.sub(rf"^{re.escape(str(path))}(, line \d+|, at the end)?: ", "", line) for line in error.lines
    )


def _place(where: Where, path: Path | None, lines: dict[Where, int]) -> str:
    named = {name.upper() for name in os.environ}
    for length in range(len(where), 0, -1):
        name = _variable(where[:length])
        if name in named:
            return f"the environment variable {name}"
    line = line_of(where, lines)
    return f"{path}, line {line}" if line else str(path or "the defaults")


def _read(path: Path) -> str:
    """The file's text. Raises ConfigError; never waits for a pipe, never reads a device without end."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise ConfigError(f"{path}: not a file; name a configuration file")
        with open(path, "rb") as opened:
            content = opened.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file") from None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "its name has a zero byte"
        raise ConfigError(f"{shown(path)}: cannot be read: {why}") from error
    if len(content) > MOST_BYTES:
        raise ConfigError(f"{path}: larger than {MOST_BYTES / 1e6:g} MB; name a configuration file")
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ConfigError(f"{path}, line {line}: cannot be read: save the file as UTF-8") from None


def _tables(text: str, path: Path) -> dict[str, Any]:
    found = _LONG_KEY.search(text)
    if found:
        line = text.count("\n", 0, found.start()) + 1
        raise ConfigError(f"{path}, line {line}: not valid TOML for aurorad: a key of more than 32 parts")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(_no_toml(str(error), path)) from error
    except RecursionError:
        raise ConfigError(f"{path}: not valid TOML for aurorad: brackets within brackets too deep") from None
    except ValueError:  # Python reads no whole number of more than 4,300 digits
        raise ConfigError(f"{path}: not valid TOML for aurorad: a number of thousands of digits") from None


def _no_toml(message: str, path: Path) -> str:
    """tomllib's "Expected … (at line 3, column 7)" with the line where every fault has it."""
    what, _, place = message.rpartition(" (at ")
    line = re.match(r"line (\d+)", place)
    end = "at the end" if place.startswith("end of document") else ""
    where = f"{path}, line {line.group(1)}" if line else f"{path}{', ' + end if end else ''}"
    return (
        f"{where}: not valid TOML: {what[:1].lower()}{what[1:]}"
        if what
        else f"{path}: not valid TOML: {message}"
    )


def shown(path: Path) -> str:
    """A path as it may be printed: one line, whatever its bytes are, 200 characters at most."""
    text = os.fsencode(path).decode("utf-8", "replace")
    return "".join(c if c.isprintable() else "?" for c in text)[:200]
