"""What a number, a text, a path and an address of the configuration may be: every one has bounds.

A number without them ends a watch in ways nobody foresees: ``timeout_s = inf`` is no limit, a dwell of 1e300
minutes no time that a computer knows. The reason of a bound is part of its message.
"""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Any

import pytz
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from daemon import address


class Table(BaseModel):
    """A table of the configuration: unknown keys are refused, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def number(
    default: Any,
    low: float,
    high: float,
    description: str,
    *,
    why: str = "",
    why_least: str = "",
    inside: bool = False,
) -> Any:
    """A field for a number from ``low`` to ``high`` (``inside``: neither of them), never inf or nan.

    ``why`` is the reason of ``high``, ``why_least`` that of ``low``: who is beyond the one is not told the other.
    """
    bounds: dict[str, Any] = {"gt": low, "lt": high} if inside else {"ge": low, "le": high}
    reason: Any = {"why": why, "why_least": why_least}
    return Field(default, description=description, allow_inf_nan=False, json_schema_extra=reason, **bounds)


def _no_switch(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("must be a number, not true or false")
    return value


Number = Annotated[float, BeforeValidator(_no_switch)]
Whole = Annotated[int, BeforeValidator(_no_switch)]


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be one line of plain text: it has a line break or another control character")
    return text


def _path(path: Path) -> Path:
    _one_line(str(path))
    if len(str(path)) > 1000:
        raise ValueError("must be a path of at most 1000 characters")
    return path


def _address(text: str) -> str:
    """An http address, or none. What a server answers under it is not asked here."""
    wrong = address.fault(text) if text else None
    if wrong:
        raise ValueError(wrong)
    return text


def _plain_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}", name):
        raise ValueError("must be 1 to 40 letters, digits, - and _")
    return name


def _zone(zone: str) -> str:
    if zone not in pytz.all_timezones_set:
        raise ValueError("is no time zone of the IANA list, such as America/Yellowknife or UTC")
    return zone


def _zone_or_none(zone: str) -> str:
    return _zone(zone) if zone else zone


def _pattern(pattern: str) -> str:
    """A pattern that a folder can be searched with; which it is only found out by searching."""
    try:
        next(iter(Path("/dev/null").glob(pattern)), None)
    except (ValueError, NotImplementedError, IndexError, RecursionError):
        raise ValueError("must be file names below the folder, such as *.jpg or */*.jpg") from None
    return pattern


def _fingerprint(text: str) -> str:
    """A SHA-256 fingerprint as people write it → 64 small hexadecimal digits, or none."""
    plain = re.sub(r"[:\s]", "", text).lower()
    if plain and not re.fullmatch(r"[0-9a-f]{64}", plain):
        raise ValueError("must be a SHA-256 fingerprint: 64 hexadecimal digits, with colons or without")
    return plain


def _host(host: str) -> str:
    """A host's name or plain address: no scheme, login, port, path or pattern, which would never match or be found."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        if not re.fullmatch(r"[\w-]+(\.[\w-]+)*", host):
            raise ValueError(
                "must be a host name or address alone, such as 192.168.1.20 or sky.example.org"
            ) from None
    return host.lower()


def _host_or_all(host: str) -> str:
    return _host(host) if host else host


def _ancestor(site: str) -> str:
    """A source of the Content-Security-Policy's frame-ancestors; ``self`` with its quotes or without."""
    if site.strip("'") == "self":
        return "'self'"
    if not re.fullmatch(r"https?://(\*\.)?[A-Za-z0-9.-]+(:[0-9]{1,5})?", site):
        raise ValueError(
            "must be the address of a site without a path, such as https://home.example, or self"
        )
    return site


Ancestor = Annotated[str, Field(max_length=200), AfterValidator(_ancestor)]
Name = Annotated[str, AfterValidator(_plain_name)]
Text = Annotated[str, Field(max_length=200), AfterValidator(_one_line)]
Host = Annotated[Text, AfterValidator(_host)]
HostOrAll = Annotated[Text, AfterValidator(_host_or_all)]
Secret = Annotated[str, Field(max_length=4000), AfterValidator(_one_line)]
FilePath = Annotated[Path, AfterValidator(_path)]
WebAddress = Annotated[str, Field(max_length=2000), AfterValidator(_one_line), AfterValidator(_address)]
Fingerprint = Annotated[Text, AfterValidator(_fingerprint)]
Zone = Annotated[str, Field(max_length=100), AfterValidator(_zone)]
ZoneOrNone = Annotated[str, Field(max_length=100), AfterValidator(_zone_or_none)]
Pattern = Annotated[Text, AfterValidator(_pattern)]
