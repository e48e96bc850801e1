"""Who is asked by ``aurorad setup``, what the options say, and what is wrong with them in their own names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from daemon.config import Fault, Inconsistent, Table, dotted, validated
from daemon.errors import UsageError

T = TypeVar("T", bound=Table)


class Talk(Protocol):
    """Whoever is asked: a person at a terminal, or nobody."""

    def ask(self, question: str, default: str | None, option: str) -> str:
        """An answer; ``option`` would have given it. Raises UsageError where nobody is there and no default."""
        ...

    def agrees(self, question: str, default: bool) -> bool:
        """Yes or no."""
        ...

    def say(self, line: str) -> None:
        """A line for the person."""
        ...


@dataclass(frozen=True)
class Answers:
    """What the options say; None where they do not."""

    where: str | None = None
    latitude_deg: float | None = None
    longitude_deg: float | None = None
    timezone: str | None = None
    name: str | None = None
    login: str = ""
    certificate_sha256: str = ""
    notify: str | None = None
    state_dir: Path | None = None
    images: tuple[Path, ...] = ()
    stars: bool = True
    file: Path = Path("aurorad.toml")
    may_replace: bool = False


_OPTIONS = {
    "name": "--name",
    "latitude_deg": "--latitude",
    "longitude_deg": "--longitude",
    "timezone": "--timezone",
    "state_dir": "--state-dir",
    "url": "--notify",
    "source.url": "--where",
    "source.path": "--where",
    "source.login": "--login",
    "source.certificate_sha256": "--certificate-sha256",
}
"""The option that gives a key of [[camera]], [daemon] or [[notify]]."""


def taken(table: type[T], keys: Mapping[str, Any]) -> T:
    """The table that these keys make. Raises UsageError, which names the options that gave wrong ones."""
    try:
        return validated(table, keys)
    except Inconsistent as error:
        raise UsageError("; ".join(_by_option(fault) for fault in error.faults)) from error


def _by_option(fault: Fault) -> str:
    key = dotted(fault.where)
    option = _OPTIONS.get(key)
    if option is None:
        return fault.message
    named = fault.message.replace(f"`{key}`", option)
    return named if option in named else f"{option}: {named}"
