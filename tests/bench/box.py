"""A small machine within this one: a control group of so much memory, and one core."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_OLD, _NEW = Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")
_FILES = {
    _OLD: ("memory.limit_in_bytes", "memory.max_usage_in_bytes"),
    _NEW: ("memory.max", "memory.peak"),
}
"""Of both versions of the kernel's control groups: the file of the limit, and that of the most there ever was."""


class Box:
    """Processes that :meth:`enter` share its memory, page cache included, and one core."""

    def __init__(self, group: Path, most: str) -> None:
        self._group, self._most = group, most

    def enter(self) -> None:
        """Put this very process in: for ``preexec_fn``."""
        (self._group / "cgroup.procs").write_text(str(os.getpid()), encoding="ascii")
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

    @property
    def most_mb(self) -> float:
        """The most memory that was ever used within, in MB."""
        return int((self._group / self._most).read_text(encoding="ascii")) / 1e6


@contextmanager
def box(megabytes: int) -> Iterator[Box | None]:
    """A box of so many MiB, removed at the end; None where this machine lets nobody make one."""
    group = None
    for root, (limit, most) in _FILES.items():
        mine = root / f"aurorad-bench-{os.getpid()}"
        try:
            mine.mkdir()
            group = mine
            (mine / limit).write_text(str(megabytes << 20), encoding="ascii")
            (mine / most).read_text(encoding="ascii")
        except OSError:
            if group is not None:
                group.rmdir()
                group = None
            continue
        break
    try:
        yield Box(group, most) if group is not None else None
    finally:
        if group is not None:
            with contextlib.suppress(OSError):  # a process that is not quite gone; the group is empty soon
                group.rmdir()
