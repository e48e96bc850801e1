"""Whose pictures are these? Folders and addresses of Allsky, indi-allsky and others, recognised by what they hold.

Both programs name their pictures in the machine's local time and write the newest one over and over: Allsky
``allsky/images/EVENING/image-YYYYMMDDHHMMSS.jpg`` and ``allsky/tmp/image.jpg``, indi-allsky
``images/ccd_ID/exposures/DAY/night/DD_HH/ccd1_YYYYMMDD_HHMMSS.jpg`` and ``images/latest.jpg``. The archive is the
better source of the two: it shows no notification cards, and it fills the hours in which nobody watched.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytz

from daemon.archive.dated_pictures import NOT_THE_SKY
from daemon.archive.ingest import PICTURES
from daemon.errors import UsageError

NAME_AGREES = timedelta(minutes=20)
"""A file is written within so long of the time in its name: an exposure, and what is done to the picture."""

STAMPED = re.compile(r"(20\d\d)([-_.]?)(\d\d)([-_.]?)(\d\d)([-_T. ]?)(\d\d)([-_:.h]?)(\d\d)([-_:.m]?)(\d\d)")
"""A date and time in a name: every other group is a number, those between them what parts them."""

ADDRESSES = (
    ("Allsky", "/current/tmp/image.jpg"),
    ("Allsky", "/allsky/image.jpg"),
    ("indi-allsky", "/indi-allsky/images/latest.jpg"),
    ("indi-allsky", "/indi-allsky/latestimage"),
    ("Allsky", "/image.jpg"),
)
"""Where the newest picture lies on the servers of both programs."""


AS_GIVEN = "a picture's address"
"""In place of a program's name: the address that a person gave is a picture's own."""


UNNAMED = (
    "the names of these pictures hold no time that is understood, so the time at which a file was written dates it; "
    'where names hold one, set time_from = "name" and name_format'
)


@dataclass(frozen=True)
class Found:
    """A source that was recognised: keys of [camera.source], the newest picture where it is a file, what to say.

    ``dated``: the time that will date its pictures is borne out by a second one, as far as that can be told here.
    """

    program: str
    source: dict[str, Any]
    newest: Path | None = None
    latitude_deg: float | None = None
    longitude_deg: float | None = None
    notes: tuple[str, ...] = field(default=())
    dated: bool = True


def likely_places(home: Path) -> list[Path]:
    """Folders on this machine in which either program keeps its pictures, where they are there."""
    homes = sorted({home, *_listed(Path("/home"))})
    places = [place / "allsky" for place in homes]
    places += [Path("/var/www/html/allsky"), Path("/var/lib/indi-allsky")]
    return [place for place in places if _is_allsky(place) or _indi_images(place) is not None]


def recognise(folder: Path, timezone: str) -> Found:
    """What a folder holds. Raises UsageError where it holds no picture."""
    folder = Path(os.path.abspath(folder.expanduser()))
    if folder.is_file():
        return _one_file(folder)
    if not folder.is_dir():
        raise UsageError(f"{folder}: there is no such folder; name the one with the pictures")
    if not os.access(folder, os.R_OK | os.X_OK):
        raise UsageError(f"{folder}: this user cannot read it; change its rights (chmod o+rX)")
    root = folder.parent if folder.name in ("images", "tmp") else folder
    if _is_allsky(root):
        return _allsky(root, timezone)
    images = _indi_images(folder)
    return _indi(images, timezone) if images is not None else _any(folder, timezone)


# ------------------------------------------------------------------- Allsky


def _is_allsky(root: Path) -> bool:
    return (root / "images").is_dir() and any(
        (root / name).exists() for name in ("allsky.sh", "config", "tmp/image.jpg")
    )


def _allsky(root: Path, timezone: str) -> Found:
    settings = _allsky_settings(root)
    place = _angle(settings.get("latitude")), _angle(settings.get("longitude"))
    name = str(settings.get("filename") or "image.jpg")
    stem, kind = os.path.splitext(name)
    nights = [day for day in _listed(root / "images") if re.fullmatch(r"20\d{6}", day.name)]
    for day in sorted(nights, reverse=True)[:14]:
        newest = _newest(day, re.compile(rf"{re.escape(stem)}-20\d{{12}}{re.escape(kind)}"))
        if newest is not None:
            source = _dated_folder(root / "images", f"2*/{stem}-2*{kind}", newest, timezone)
            return Found("Allsky", source.keys, newest, *place, source.notes, source.agrees)
    latest = root / "tmp" / name
    if not latest.is_file():
        raise UsageError(f"{root}: looks like Allsky and holds no picture yet; is it running?")
    note = (
        "Allsky keeps no pictures here, so the newest one is watched and hours that are missed stay missing"
    )
    return Found("Allsky", _latest(latest), latest, *place, (note,))


def _allsky_settings(root: Path) -> dict[str, Any]:
    for name in ("config/settings.json", "settings.json"):
        try:
            found = json.loads((root / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(found, dict):
            return found
    return {}


def _angle(text: Any) -> float | None:
    """``69.6N``, ``122.6W`` or ``-122.6`` → degrees, north and east positive; None for what is none."""
    found = re.fullmatch(r"\s*([+-]?\d{1,3}(?:\.\d+)?)\s*°?\s*([NSEW]?)\s*", str(text or ""), re.IGNORECASE)
    if found is None:
        return None
    value = float(found[1])
    return -abs(value) if found[2].upper() in ("S", "W") else value


# ------------------------------------------------------------------- indi-allsky


def _indi_images(folder: Path) -> Path | None:
    """The ``images`` folder of an indi-allsky, from it, from the folder above it, or from one within."""
    for place in (folder, folder / "images", *list(folder.parents)[:5]):
        if next(place.glob("ccd_*/exposures"), None) is not None:
            return place
    return None


def _indi(images: Path, timezone: str) -> Found:
    name = re.compile(r"ccd\d+_20\d{6}_\d{6}\.(jpg|jpeg|png|webp)")
    for exposures in sorted(images.glob("ccd_*/exposures"), key=_written, reverse=True):
        for hour in sorted(exposures.glob("20*/*/*"), key=_written, reverse=True)[:48]:
            newest = _newest(hour, name)
            if newest is not None:
                number, _, _ = newest.name.partition("_")
                pattern = f"{exposures.parent.name}/exposures/*/*/*/{number}_2*{newest.suffix}"
                source = _dated_folder(images, pattern, newest, timezone)
                return Found("indi-allsky", source.keys, newest, notes=source.notes, dated=source.agrees)
    latest = images / "latest.jpg"
    if not latest.is_file():
        raise UsageError(f"{images}: looks like indi-allsky and holds no picture yet; is it running?")
    return Found("indi-allsky", _latest(latest), latest)


# ------------------------------------------------------------------- any folder


def _any(folder: Path, timezone: str) -> Found:
    """The newest picture that lies at most four folders deep, and where such pictures lie."""
    pictures = [path for depth in range(5) for path in _some(folder, depth)]
    if not pictures:
        kinds = ", ".join(PICTURES)
        raise UsageError(f"{folder}: no picture ({kinds}) in it; name the folder with the pictures")
    newest = max(pictures, key=_written)
    depth = len(newest.relative_to(folder).parts) - 1
    found = STAMPED.search(newest.name)
    if found is None:
        beside = [path for path in pictures if len(path.relative_to(folder).parts) == depth + 1]
        last = f"*{newest.suffix}" if len(beside) > 1 else newest.name
        source = {**_latest(newest), "path": str(folder), "pattern": "*/" * depth + last}
        return Found("a folder of pictures", source, newest, notes=(UNNAMED,) if len(beside) > 1 else ())
    pattern = "*/" * depth + f"{newest.name[: found.start()]}2*{newest.suffix}"
    dated = _dated_folder(folder, pattern, newest, timezone)
    return Found("a folder of pictures", dated.keys, newest, notes=dated.notes, dated=dated.agrees)


def _some(folder: Path, depth: int) -> Iterator[Path]:
    for path in folder.glob("*/" * depth + "*"):
        below = path.relative_to(folder).parts
        if path.suffix.lower() in PICTURES and not any(NOT_THE_SKY.match(p) or p[0] == "." for p in below):
            yield path


def _one_file(file: Path) -> Found:
    if file.suffix.lower() not in PICTURES:
        raise UsageError(f"{file}: no picture; name the folder with the pictures, or the newest picture")
    return Found("one picture that is written over", _latest(file), file)


def _latest(file: Path) -> dict[str, Any]:
    """A file that is written over and over: its own time dates it."""
    return {"kind": "folder", "path": str(file.parent), "pattern": file.name, "time_from": "header"}


# ------------------------------------------------------------------- what the names say


@dataclass(frozen=True)
class _Dated:
    keys: dict[str, Any]
    notes: tuple[str, ...]
    agrees: bool


def _dated_folder(folder: Path, pattern: str, newest: Path, timezone: str) -> _Dated:
    """Keys of a folder whose names hold the time, in the zone in which the newest name fits its file's own time."""
    form = name_format(newest.name)
    if form is None:
        raise UsageError(f"{newest}: its name holds no time that can be read; name the newest picture itself")
    keys = {
        "kind": "folder",
        "path": str(folder),
        "pattern": pattern,
        "time_from": "name",
        "name_format": form,
    }
    zone = zone_of(newest.name, form, datetime.fromtimestamp(_written(newest), UTC), (timezone, "UTC"))
    doubt = (
        f"{newest.name}: neither {timezone} nor UTC makes its name the time at which it was written; "
        "check name_timezone, and this machine's clock"
    )
    note = () if zone else (doubt,)
    return _Dated({**keys, "name_timezone": zone or timezone}, note, zone is not None)


def name_format(name: str) -> str | None:
    """The strptime format of a name that begins with words and then a date and time; None for any other."""
    found = STAMPED.search(name)
    if found is None or "%" in name:
        return None
    a, b, c, d, e = (found[k] for k in (2, 4, 6, 8, 10))
    return f"{name[: found.start()]}%Y{a}%m{b}%d{c}%H{d}%M{e}%S"


def zone_of(name: str, form: str, written: datetime, zones: Sequence[str]) -> str | None:
    """The first zone in which the time in a name is about when the file was written."""
    length = len(datetime(2000, 1, 1).strftime(form))
    try:
        naive = datetime.strptime(name[:length], form)
    except ValueError:
        return None
    for zone in zones:
        both = [pytz.timezone(zone).localize(naive, is_dst=summer) for summer in (False, True)]
        if any(abs(at - written) <= NAME_AGREES for at in both):
            return zone
    return None


# ------------------------------------------------------------------- addresses


def with_scheme(url: str) -> str:
    """An address as a person gives it, with the ``http://`` that may be left out."""
    return url if "//" in url else f"http://{url}"


def addresses(url: str) -> list[tuple[str, str]]:
    """(program, address) to try for what a person gives: the picture's own, or the server's front page."""
    parts = urlsplit(with_scheme(url))
    base = f"{parts.scheme}://{parts.netloc}"
    given = f"{base}{parts.path}" + (f"?{parts.query}" if parts.query else "")
    tried = [(AS_GIVEN, given)] if parts.path.strip("/") else []
    return [*tried, *((program, base + path) for program, path in ADDRESSES if base + path != given)]


# ------------------------------------------------------------------- files


def _listed(folder: Path) -> list[Path]:
    try:
        return [entry for entry in folder.iterdir() if entry.is_dir()]
    except OSError:
        return []


def _newest(folder: Path, name: re.Pattern[str]) -> Path | None:
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if name.fullmatch(entry.name)]
    except OSError:
        return None
    return folder / max(names) if names else None


def _written(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
