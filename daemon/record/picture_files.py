"""The kept pictures: ``<state_dir>/frames/<camera>/<night>/<name>.jpg``, named as in the method.

``20240201011954_20240201_0.jpg`` is the frame of 2024-02-01 01:19:54 UTC, of the night of
2024-02-01, number 0 of its footage.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import shutil
import threading
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from datetime import date
from pathlib import Path

from daemon.files import write_whole
from daemon.observation import Frame

log = logging.getLogger("aurorad.pictures")

_FULL = ("no space", "free some space (or inodes) on the disk of [daemon] state_dir")
_RIGHTS = ("no rights", "give the folder back to the user aurorad runs as")
_REASONS: dict[int | None, tuple[str, str]] = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EACCES: _RIGHTS,
    errno.EPERM: _RIGHTS,
    errno.EROFS: _RIGHTS,
}
"""errno → what the metric calls it, and the fix."""


class PictureFolder:
    """Writes and removes pictures. A picture that cannot be written costs only itself.

    ``allowed`` is switched off where the disk is nearly full; rows matter more than pictures. ``fault``
    is what was wrong with the last write: empty where it went well, None before the first.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.allowed = True
        self.fault: str | None = None
        self._lost: Counter[str] = Counter()
        self._counting = threading.Lock()

    def keep(self, camera: str, night: date, frame: Frame) -> str | None:
        """Write a frame's picture; its path below the root, or None where it could not be kept."""
        if not self.allowed or frame.observed_at is None:
            return None
        name = f"{frame.observed_at:%Y%m%d%H%M%S}_{night:%Y%m%d}_{frame.index}.jpg"
        relative = f"{camera}/{night.isoformat()}/{name}"
        return self.write(relative, frame.picture)

    def write(self, relative: str, data: bytes) -> str | None:
        """Write a file below the root, whole or not at all; its path, or None where it could not be."""
        path = self._place(relative)
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            write_whole(path, data)
        except (OSError, ValueError) as error:
            self._count(path, error)
            return None
        self.fault = ""
        return relative

    def _count(self, path: str, error: OSError | ValueError) -> None:
        """One more is lost; the first of a row of them is logged."""
        reason, fix = _REASONS.get(getattr(error, "errno", None), ("other", "look at the disk"))
        with self._counting:
            self._lost[reason] += 1
        why = getattr(error, "strerror", None) or str(error)
        if not self.fault:
            log.warning("%s: the picture is not kept: %s; %s", path, why, fix)
        self.fault = f"{why}; {fix}"

    def lost(self) -> Mapping[str, int]:
        """How many could not be written since this was last asked, by a short fixed reason."""
        with self._counting:
            lost, self._lost = self._lost, Counter()
        return lost

    def remove(self, relative: str) -> None:
        """Delete a kept picture, and its night's folder when that was the last. Gone already is fine."""
        path = self._place(relative)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        with contextlib.suppress(OSError):
            os.rmdir(os.path.dirname(path))

    def _place(self, relative: str) -> str:
        """Where a picture lies, as plain text: a Path keeps each of its names in Python's table of interned
        strings, which two new names a minute make grow by megabytes."""
        return f"{self.root}/{relative}"

    def nights_before(self, before: date, camera: str = "*") -> Iterator[Path]:
        """The folders of nights before that date, of one camera or of all."""
        for night in self.root.glob(f"{camera}/????-??-??"):
            if night.name < before.isoformat() and night.is_dir():
                yield night

    def remove_nights(self, before: date, spared: Collection[str] = ()) -> None:
        """Delete what no row knows of in the folders of nights before that date: keograms, and pictures
        whose row a crash prevented. ``spared`` are paths that stay."""
        homes = {Path(path).parent.as_posix() for path in spared}
        for night in self.nights_before(before):
            home = night.relative_to(self.root).as_posix()
            if home not in homes:
                shutil.rmtree(night, ignore_errors=True)
                continue
            for path in night.iterdir():
                if f"{home}/{path.name}" not in spared:
                    with contextlib.suppress(OSError):  # a folder of somebody else's, such as a NAS's @eaDir
                        path.unlink()

    def free_mb(self) -> float:
        """Free space of the disk the pictures lie on, in MB."""
        self.root.mkdir(parents=True, exist_ok=True)
        space = os.statvfs(self.root)
        return space.f_bavail * space.f_frsize / 1e6
