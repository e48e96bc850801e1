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
        self.group, self._most = group, most

    def enter(self) -> None:
        """Put this very process in: for ``preexec_fn``."""
        (self.group / "cgroup.procs").write_text(str(os.getpid()), encoding="ascii")
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

    @property
    def most_mb(self) -> float:
        """The most memory that was ever used within, in MB."""
        return int((self.group / self._most).read_text(encoding="ascii")) / 1e6


@contextmanager
def box(megabytes: int) -> Iterator[Box | None]:
    """A box of so many MiB, removed at the end; None where this machine lets nobody make one."""
    made = next((one for root in _FILES if (one := _made(root, megabytes)) is not None), None)
    try:
        yield made
    finally:
        if made is not None:
            with contextlib.suppress(OSError):  # a process that is not quite gone; the group is empty soon
                made.group.rmdir()


def _made(root: Path, megabytes: int) -> Box | None:
    """A group below the root of one version; None where that has none, or lets nobody limit it."""
    group, (limit, most) = root / f"aurorad-bench-{os.getpid()}", _FILES[root]
    try:
        group.mkdir()
    except OSError:
        return None
    try:
        (group / limit).write_text(str(megabytes << 20), encoding="ascii")
        (group / most).read_text(encoding="ascii")
    except OSError:
        group.rmdir()
        return None
    return Box(group, most)
