"""The burnt-in clock: stamp text → aware UTC, and a whole movie's clock by consensus. Pure.

No single reading is trusted. A text that is no valid time is dropped, or repaired only where the
caller knows what time it must nearly be; a valid but wrong reading is outvoted by the others.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import pytz

from daemon.errors import ClockError
from daemon.footage.movie_clock import (
    MovieClock,
    Reading,
    Segment,
    consensus,
    date_frames,
    frame_cadence,
    passed_over,
)
from daemon.observation import StampStyle

__all__ = [
    "MovieClock",
    "Reading",
    "Segment",
    "consensus",
    "date_frames",
    "frame_cadence",
    "parse_stamp",
    "passed_over",
    "to_utc",
]

YEARS = range(1990, 2053)
"""Years a stamp can show: digital all-sky cameras to the ephemeris's end."""

MOST_TEXT = 500
"""Characters of a text looked at: a stamp has some 40, and looking costs as the square of them."""

REPAIR_WITHIN = timedelta(minutes=30)
_REPAIR_COST = 2  # characters a repaired reading may differ by

# Hours from UTC. The French ones stand beside the English on AuroraMAX: "MST/HNR".
_ABBREVIATIONS = {
    "MST": -7, "HNR": -7, "MDT": -6, "HAR": -6, "CST": -6, "HNC": -6, "CDT": -5, "HAC": -5,
    "UTC": 0, "GMT": 0, "UT": 0, "Z": 0,
}  # fmt: skip
_ZONE = re.compile(r"(?<![A-Z])(" + "|".join(_ABBREVIATIONS) + r")(?![A-Z])")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = rf"({'|'.join(_MONTHS)})[a-z]{{0,6}}\.?"
_DAY = r"((?:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6})\.?"
_FIELDS = {f"%{c}": r"(\d{2})" for c in "ymdHMS"} | {
    "%Y": r"(\d{4})", "%b": _MONTH, "%B": _MONTH, "%a": _DAY, "%A": _DAY,
    "%I": r"(\d{1,2})", "%p": r"([ap])\.?\s?m\b\.?", "%f": r"(\d{1,6})",
}  # fmt: skip
_DIRECTIVE = re.compile(r"%[A-Za-z]|[^%]+")
_SAME = str.maketrans(
    {"–": "-", "—": "-", "−": "-", "’": "'", "‘": "'", "`": "'", "“": "'", "”": "'", '"': "'"}
)
_LOOKALIKES = str.maketrans("OoQDlI|iSB", "0000111158")


def parse_stamp(
    text: str, style: StampStyle, near: datetime | None = None, *, repair: bool = True
) -> datetime:
    """The instant a stamp shows, in UTC.

    A zone abbreviation in the stamp wins over the time zone database; without one the style's
    zone holds, and ``near`` tells the two passes through autumn's doubled hour apart. Only under
    ``near``, and where ``repair`` is not forbidden, is a text that is no valid time repaired, within half
    an hour of it.
    Raises ClockError, reason ``no stamp``, ``illegible`` or ``no such time``.
    """
    clean = _clean(text[:MOST_TEXT])
    if not any(c.isdigit() for c in clean):
        raise ClockError("no stamp", f"no time can be established from {text!r}: there is no stamp")
    for pattern, form in _patterns(style.formats):
        found = pattern.search(clean)
        naive = _naive(found, form) if found else None
        if found and naive:
            zone = _ZONE.search(clean, found.end())
            return to_utc(naive, zone.group(1).upper() if zone else None, style.timezone, near)
    if near is not None and repair:
        repaired = _repair(clean, style, near)
        if repaired:
            return repaired
    raise ClockError("illegible", f"no time can be established from {text!r}")


def _clean(text: str) -> str:
    """One kind of dash and quote, single spaces, and digits where a digit's lookalike stands by one."""
    clean = " ".join(text.translate(_SAME).split())
    beside_digits = re.compile(r"(?<=\d)[OoQDlI|iSB](?=[\d\W]|$)|(?<![A-Za-z])[OoQDlIiSB](?=\d)")
    return beside_digits.sub(lambda m: m.group().translate(_LOOKALIKES), clean)


@lru_cache(maxsize=32)
def _patterns(formats: tuple[str, ...]) -> tuple[tuple[re.Pattern[str], tuple[str, ...]], ...]:
    """Each format as it stands, then each with any separators; with its fields in order."""
    return tuple(_pattern(form, separator) for separator in (None, r"[^0-9A-Za-z]{1,3}") for form in formats)


def _pattern(form: str, separator: str | None) -> tuple[re.Pattern[str], tuple[str, ...]]:
    parts, fields = [], []
    for token in _DIRECTIVE.findall(form):
        if token in _FIELDS:
            parts.append(_FIELDS[token])
            fields.append(token)
        else:
            parts.append(separator or re.escape(token))
    # A stamp cut off, or with a spoilt last field, must not pass for a shorter format, nor an afternoon for a morning.
    ends = r"(?!\d|\s?[:.]|\s?'\s?\w|[A-Za-z]\d" + ("" if "%p" in fields else r"|\s?[ap]\.?\s?m\b") + ")"
    return re.compile(r"(?<!\d)" + "".join(parts) + ends, re.IGNORECASE), tuple(fields)


def _naive(found: re.Match[str], fields: tuple[str, ...]) -> datetime | None:
    read = dict(zip(fields, found.groups(), strict=True))
    month = read.get("%b") or read.get("%B")
    try:
        naive = datetime(
            int(read["%Y"]) if "%Y" in read else 2000 + int(read["%y"]),
            _MONTHS.index(month.lower()) + 1 if month else int(read["%m"]),
            int(read["%d"]),
            _hour(read),
            int(read["%M"]),
            int(read.get("%S", 0)),
        )
    except (ValueError, KeyError):
        return None
    return naive if naive.year in YEARS else None


def _hour(read: dict[str, str]) -> int:
    """0 to 23, also from a clock of twelve hours. Raises ValueError."""
    if "%I" not in read:
        return int(read["%H"])
    hour = int(read["%I"])
    if not 1 <= hour <= 12:
        raise ValueError(f"{hour} is no hour of twelve")
    return hour % 12 + (12 if read["%p"].lower() == "p" else 0)


def to_utc(naive: datetime, zone: str | None, timezone_name: str, near: datetime | None) -> datetime:
    """Local → UTC; the doubled hour by abbreviation or ``near``, the hour that spring skips refused."""
    if naive.year not in YEARS:
        raise ClockError("no such time", f"{naive} is of no year in which there were such cameras")
    timezone = _timezone(timezone_name)
    both = [timezone.localize(naive, is_dst=summer) for summer in (False, True)]
    if zone is not None:
        # "CST" is −6 in Yellowknife and +8 in Shanghai: the style's zone is asked first.
        for local in both:
            if local.tzname() == zone:
                return local.astimezone(UTC)
        return naive.replace(tzinfo=UTC) - timedelta(hours=_ABBREVIATIONS[zone])
    real = {t.astimezone(UTC) for t in both if timezone.normalize(t).replace(tzinfo=None) == naive}
    if not real:
        raise ClockError("no such time", f"{naive} does not exist in {timezone_name}: the clocks go forward")
    if len(real) > 1 and near is None:
        raise ClockError("illegible", f"{naive} comes twice in {timezone_name}: the clocks go back")
    return min(real, key=lambda t: abs(t - near) if near else timedelta())


def _timezone(name: str) -> pytz.BaseTzInfo:
    try:
        return pytz.timezone(name)
    except pytz.UnknownTimeZoneError:
        raise ClockError("no such time", f"{name!r} is no IANA time zone") from None


def _repair(clean: str, style: StampStyle, near: datetime) -> datetime | None:
    """The one minute around ``near`` whose stamp is nearly what was read, or None where several are.

    What the slips of the method's Table 1 have in common: one character of the date or the hour is
    wrong, or one too many. The seconds are taken as they stand; they have no neighbours to check.
    """
    zone = _ZONE.search(clean)
    body = (clean[: zone.start()] if zone else clean).strip(" '.:-/")
    timezone = _timezone(style.timezone)
    offset = timedelta(hours=_ABBREVIATIONS[zone.group(1)]) if zone else None
    found: list[tuple[int, timedelta, datetime]] = []
    for form in style.formats:
        if "%p" in form or "%f" in form:  # what follows the seconds has no neighbours to check either
            continue
        head, seconds = _split_seconds(body, form)
        if head is None:
            continue
        start = near.astimezone(UTC).replace(second=0, microsecond=0)
        reach = int(REPAIR_WITHIN.total_seconds() // 60)
        for minutes in range(-reach, reach + 1):
            at = start + timedelta(minutes=minutes)
            local = at + offset if offset is not None else at.astimezone(timezone)
            shown = _bare(local.strftime(form.removesuffix("%S")))
            cost = _distance(head, shown, free=3 if form.startswith("%Y") else 0)
            if cost <= _REPAIR_COST:
                at += timedelta(seconds=seconds)
                found.append((cost, abs(at - near), at))
    if not found:
        return None
    found.sort()
    best = found[0]
    rivals = [other for other in found if other[0] == best[0] and other[2] != best[2]]
    clear = all(other[1] > 3 * best[1] + timedelta(minutes=2) for other in rivals)
    return best[2] if clear else None


def _split_seconds(body: str, form: str) -> tuple[str | None, int]:
    """(the text before the seconds, the seconds); (None, 0) where a format wants seconds not there."""
    if not form.endswith("%S"):
        return _bare(body), 0
    found = re.search(r"\D(\d\d)$", body)
    if not found or int(found.group(1)) > 59:
        return None, 0
    return _bare(body[: found.start()]), int(found.group(1))


def _bare(text: str) -> str:
    return re.sub(r"[^0-9A-Za-z]+", " ", text).strip()


def _distance(read: str, shown: str, free: int) -> int:
    """Edit distance; up to ``free`` leading characters of what was shown may be cut off at no cost."""
    row = [max(0, k - free) for k in range(len(shown) + 1)]
    for i, got in enumerate(read, start=1):
        diagonal, row[0] = row[0], i
        for k, want in enumerate(shown, start=1):
            diagonal, row[k] = row[k], min(diagonal + (got != want), row[k] + 1, row[k - 1] + 1)
    return row[-1]
