"""What the files' own times say of archived pictures: which of them are a copy's, and which contradict a zone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

TAKEN_APART_S = 0.5
"""Seconds between pictures of the sky, in the mean of several, at the least: files written faster were copied."""

PAUSE_S = 2.0
"""A copy of many files makes none longer than this; with a longer one what comes after is judged by itself."""

AT_ONCE = 5
"""Files from which on that is said. Two or three at once may be one look: exposures, or one picture in two forms."""

QUARTER_S = 900.0
"""Zones are whole quarters of an hour apart."""

FARTHEST_S = 27 * 3600.0
"""The first zone and the last are 26 hours apart."""

WRITTEN_WITHIN_S = 120.0
"""After its time a picture's file was written, or before it by as much as two clocks differ."""

NEARLY_ALL = 0.8
"""Share of a night's files that must be off alike: those of a copy lie anywhere between two quarters."""


def copied_at_once(paths: Sequence[Path]) -> set[Path]:
    """Files that were written faster, one after another, than a camera takes pictures."""
    written: list[tuple[float, Path]] = []
    for path in paths:
        with suppress(OSError):
            written.append((path.stat().st_mtime, path))
    written.sort()
    copied: set[Path] = set()
    begin = 0
    for k in range(1, len(written) + 1):
        if k < len(written) and written[k][0] - written[k - 1][0] <= PAUSE_S:
            continue
        run, took_s = written[begin:k], written[k - 1][0] - written[begin][0]
        if len(run) >= AT_ONCE and took_s < TAKEN_APART_S * (len(run) - 1):
            copied.update(path for _, path in run)
        begin = k
    return copied


def off_zone(night: Mapping[Path, datetime]) -> list[Path]:
    """The pictures of a night, each with its time, whose files' own times are off as in another zone; none where few are.

    Which of the two is right nobody can say: a memory card may keep the camera's local time as if it were UTC.
    """
    witnesses = night.keys() - copied_at_once(list(night))
    by_quarters: dict[int, list[Path]] = {}
    for path in sorted(witnesses):
        with suppress(OSError):
            off_s = path.stat().st_mtime - night[path].timestamp()
            quarters = round(off_s / QUARTER_S)
            if quarters and abs(off_s) < FARTHEST_S and abs(off_s - quarters * QUARTER_S) <= WRITTEN_WITHIN_S:
                by_quarters.setdefault(quarters, []).append(path)
    off = max(by_quarters.values(), key=len, default=[])
    return off if len(off) >= max(AT_ONCE, NEARLY_ALL * len(witnesses)) else []
