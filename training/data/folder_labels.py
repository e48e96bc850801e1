"""A folder sorted by hand → rows of a manifest: ``yes/`` and ``no/``, or ``aurora/``, ``none/`` and ``obscured/``.

Every picture is a square disc whose name begins with its UTC, as for ``aurorad labels import``. What cannot be used is
left out by its reason, so that no training ends on a file that a look at the folder would have found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Final

from daemon.errors import PictureError
from daemon.footage import image
from daemon.night import Place, night_of
from daemon.record.label_files import time_in_name
from training.data.dataset import Row, sha256_of_file

FOLDERS: Final = {
    "yes": ("yes", ""), "no": ("no", ""),
    "aurora": ("yes", ""), "none": ("no", "clear"), "obscured": ("no", "cloudy"),
}  # fmt: skip
"""Folder → label and sky: the thesis's two, which were not asked about cloud, and the page's three."""

LEAST_APART: Final = timedelta(hours=2)
"""Where the camera's place is not known, two pictures nearer than this are of one night."""

_DAY: Final = timedelta(days=1)


def folder_rows(
    folder: Path, camera: str = "", place: Place | None = None, left_out: list[PictureError] | None = None
) -> list[Row]:
    """Rows of a labelled folder. Pictures that cannot be used are added to ``left_out``, each with its reason.

    The night is the thesis's second part of the name (``20240201011954_20240201_0.jpg``), else the one at ``place``,
    else as :func:`nights_without_place` has it. Raises ValueError where there is no labelled picture, and where nothing
    tells nights apart.
    """
    faults: list[PictureError] = [] if left_out is None else left_out
    now, found = datetime.now(UTC), list[tuple[Row, datetime]]()
    for name, (label, sky) in FOLDERS.items():
        for path in sorted((folder / name).glob("*")):
            if path.suffix.lower() not in image.SUFFIXES or not path.is_file():
                continue
            try:
                at = time_in_name(path, now)
                _check(path)
            except PictureError as error:
                faults.append(error)
                continue
            sha256, night = sha256_of_file(path), _stated_night(path)
            found.append((Row(f"{name}/{path.name}", night, camera, label=label, sky=sky, sha256=sha256), at))
    if not found:
        why = f"; {len(faults)} that cannot be used: {faults[0]}" if faults else ""
        raise ValueError(f"no pictures under {folder} in folders named {', '.join(FOLDERS)}{why}")
    if all(row.night for row, _ in found):
        return [row for row, _ in found]
    times = [at for _, at in found]
    nights = nights_without_place(times) if place is None else [_key(night_of(at, place)) for at in times]
    return [
        row if row.night else replace(row, night=night) for (row, _), night in zip(found, nights, strict=True)
    ]


def nights_without_place(times: Sequence[datetime]) -> list[str]:
    """The nights of pictures of a camera whose place is not known, ``YYYYMMDD`` of their mornings.

    Day at the camera is when no picture is: nights end in the middle of the longest part of the 24 hours, in UTC, of
    which there is no picture of any date. Raises ValueError where that is shorter than ``LEAST_APART``.
    """
    of_day = sorted({at - at.replace(hour=0, minute=0, second=0, microsecond=0) for at in times})
    begins, ends = max(pairwise([*of_day, of_day[0] + _DAY]), key=lambda gap: gap[1] - gap[0])
    if ends - begins < LEAST_APART:
        raise ValueError(
            "these pictures are of all hours of the day, so nothing tells one night from the next; "
            "give --config with their camera's place"
        )
    noon = begins + (ends - begins) / 2
    noon -= noon // _DAY * _DAY
    return [_key(at - noon + _DAY) for at in times]


def _key(night: date) -> str:
    return f"{night:%Y%m%d}"


def _stated_night(path: Path) -> str:
    """What the thesis's names and our own say of the night; empty where that is not said."""
    parts = path.stem.split("_")
    try:
        return _key(datetime.strptime(parts[1], "%Y%m%d")) if len(parts) == 3 else ""
    except ValueError:
        return ""


def _check(path: Path) -> None:
    """Raises PictureError where nothing can be learned from a file."""
    height, width = image.read(path).shape[:2]
    if height != width:
        raise PictureError(
            "no disc",
            f"{path}: {width}×{height} is no square cut to the sky; import it with `aurorad labels import`, which cuts it",
        )
