"""What an address may ask: one table serves the reading, the refusing, and the OpenAPI document."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import MAXYEAR, UTC, date, datetime, time, timedelta
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request

from daemon.observation import VERDICTS
from daemon.record.label_queue import QUEUES
from daemon.web.ports import View

Json = dict[str, Any]
MAX_ROWS = 1500  # a night a minute, polar night and all
MAX_OFFSET = 1_000_000
_NUMBER = re.compile(r"-?[0-9]{1,20}(\.[0-9]{0,40})?([eE][-+]?[0-9]{1,3})?")
_RFC3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,30})?([Zz]|[-+][0-9]{2}:[0-9]{2})"
)


@dataclass(frozen=True)
class Param:
    """One parameter: how it is written, what it means, how it is read (ValueError: it is not one)."""

    name: str
    schema: Json
    parse: Callable[[str], Any]
    description: str


def whole(low: int, high: int) -> Callable[[str], int]:
    """A whole number within bounds."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"-?[0-9]{1,9}", text) or not low <= int(text) <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return int(text)

    return parse


def share(text: str) -> float:
    """A number from 0 to 1."""
    wanted = "a number from 0 to 1"
    if not _NUMBER.fullmatch(text) or not 0 <= float(text) <= 1:
        raise ValueError(wanted)
    return float(text)


def yes_or_no(text: str) -> bool:
    """``true`` or ``false``."""
    if text not in ("true", "false"):
        raise ValueError("true or false")
    return text == "true"


def yes_or_no_or_none(text: str | None) -> bool:
    """The same of a parameter that may be left out. Raises 400."""
    try:
        return text is not None and yes_or_no(text)
    except ValueError as error:
        raise HTTPException(400, str(error)) from None


def one_of(*values: str) -> Callable[[str], str]:
    """One of a few words."""

    def parse(text: str) -> str:
        if text not in values:
            raise ValueError(f"one of {', '.join(values)}")
        return text

    return parse


def instant(text: str) -> datetime:
    """An RFC 3339 time; one without a zone is refused, for it names no instant."""
    wanted = "a time with its zone: 2024-02-10T04:50:00Z"
    if not _RFC3339.fullmatch(text):
        raise ValueError(wanted)
    try:
        at = datetime.fromisoformat(_as_python_reads(text.upper()))
    except ValueError:
        raise ValueError(wanted) from None
    try:
        return at.astimezone(UTC)
    except OverflowError:  # year 1 east of Greenwich, year 9999 west of it
        return at.replace(tzinfo=UTC)


def not_before(text: str) -> datetime:
    """The first whole second, which is what the record counts in, that is not before the instant."""
    at = instant(text)
    whole = at.replace(microsecond=0)
    return at if at == whole or at.year == MAXYEAR else whole + timedelta(seconds=1)


def _as_python_reads(text: str) -> str:
    """RFC 3339 allows any number of decimals and a leap second; Python reads six and none."""
    return re.sub(r"(\.[0-9]{6})[0-9]+", r"\1", re.sub(r":60(?=[.Z+-])", ":59", text))


def day(text: str) -> date:
    """A date."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise ValueError("a date: 2024-02-10")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError("a date: 2024-02-10") from None


def name(text: str) -> str:
    """A camera's name; whether there is such a camera is asked later."""
    if len(text) > 100:
        raise ValueError("a camera's name")
    return text


CAMERA = Param(
    "camera", {"type": "string", "maxLength": 100}, name, "Name of a camera; without it all, or the first."
)
SINCE = Param("since", {"type": "string", "format": "date-time"}, not_before, "Not before this instant.")
UNTIL = Param("until", {"type": "string", "format": "date-time"}, instant, "Not after this instant.")
FROM_NIGHT = Param("since", {"type": "string", "format": "date"}, day, "First night.")
TO_NIGHT = Param("until", {"type": "string", "format": "date"}, day, "Last night.")
LIMIT = Param(
    "limit",
    {"type": "integer", "minimum": 1, "maximum": MAX_ROWS, "default": 500},
    whole(1, MAX_ROWS),
    "At most this many.",
)
OFFSET = Param(
    "offset",
    {"type": "integer", "minimum": 0, "maximum": MAX_OFFSET, "default": 0},
    whole(0, MAX_OFFSET),
    "Skip this many first.",
)
ORDER = Param(
    "order",
    {"type": "string", "enum": ["oldest", "newest"], "default": "oldest"},
    one_of("oldest", "newest"),
    "Which come first.",
)
VERDICT = Param(
    "verdict", {"type": "string", "enum": list(VERDICTS)}, one_of(*VERDICTS), "Only this verdict."
)
STRONG = Param("strong", {"type": "boolean"}, yes_or_no, "Only strong events, or only others.")
MIN_PROBABILITY = Param(
    "min_probability",
    {"type": "number", "minimum": 0, "maximum": 1},
    share,
    "Peak calibrated probability at least this.",
)
JUDGED = Param(
    "judged",
    {"type": "string", "enum": ["right", "wrong", "any", "not"]},
    one_of("right", "wrong", "any", "not"),
    "Only events that people marked right, or wrong, or marked at all, or not yet.",
)
QUEUE = Param(
    "queue",
    {"type": "string", "enum": list(QUEUES), "default": "uncertainty"},
    one_of(*QUEUES),
    "Which queue.",
)
NIGHT = Param("night", {"type": "string", "format": "date"}, day, "Only this night.")
SEED = Param(
    "seed",
    {"type": "integer", "minimum": 0, "maximum": 1_000_000, "default": 0},
    whole(0, 1_000_000),
    "Seed of the random queue.",
)
PAGE = Param("page", {}, whole(0, MAX_OFFSET), "")

EVENT_FILTERS = (CAMERA, FROM_NIGHT, TO_NIGHT, STRONG, MIN_PROBABILITY, JUDGED, PAGE)


def read(request: Request, table: Sequence[Param], *, forgiving: bool = False) -> dict[str, Any]:
    """The parameters of an address. Raises 400 for an unknown, repeated or unreadable one.

    ``forgiving`` is for forms people fill in: what is empty or unreadable is as if not asked.
    """
    known = {param.name: param for param in table}
    asked: dict[str, Any] = {}
    for key, text in request.query_params.multi_items():
        param = known.get(key)
        if param is None or (key in asked and not forgiving):
            if forgiving:
                continue
            told = "given twice" if param else f"unknown; there are: {', '.join(known) or 'none'}"
            raise HTTPException(400, f"parameter {key[:40]!r}: {told}")
        try:
            asked[key] = param.parse(text)
        except ValueError as error:
            if not forgiving:
                raise HTTPException(400, f"parameter {key!r}: {error}") from None
    return asked


def instant_or_none(text: str | None) -> datetime | None:
    """The instant of a shared link; an unreadable one opens the night without it."""
    try:
        return instant(text) if text else None
    except ValueError:
        return None


def event_query(asked: Mapping[str, Any], views: Mapping[str, View]) -> dict[str, Any]:
    """Filters as :meth:`daemon.record.store.Reader.events` takes them; nights become instants."""
    judged = asked.get("judged")
    since, until = asked.get("since"), asked.get("until")
    view = views.get(asked.get("camera") or "") or next(iter(views.values()))
    return {
        "camera": asked.get("camera") or None,
        "since": _noon(since, view, -1) if type(since) is date else since,
        "until": _noon(until, view, +1) if type(until) is date else until,
        "strong": True if asked.get("strong") else None,
        "right": {"right": True, "wrong": False}.get(judged or ""),
        "judged": {"any": True, "not": False}.get(judged or ""),
        "min_probability": asked.get("min_probability") or 0.0,
    }


def _noon(night: date, view: View, side: int) -> datetime:
    """The local solar noon before or after a night's midnight."""
    try:
        return view.midnight(night) + timedelta(hours=12 * side)
    except OverflowError:  # year 1 or 9999
        return datetime.combine(night, time(), UTC)
