"""Files that appear whole or not at all: written beside their place, then renamed into it.

A reader sees the old file or the new one, and a kill or a full disk leaves the old one.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


@contextlib.contextmanager
def replacing(target: Path, mark: str = "part", *, durable: bool = False) -> Iterator[Path]:
    """A path to write to, which takes ``target``'s name where the block ends well and is gone where it does not.

    It lies beside ``target`` and keeps its suffix, which some writers go by. ``mark`` tells writers of one
    target apart that may run at once. ``durable``: the file survives a power cut. Raises OSError.
    """
    with _part(os.fspath(target), mark, durable) as part:
        yield Path(part)


def write_whole(target: str | Path, data: bytes) -> None:
    """Write ``data`` to ``target``, whole or not at all. Raises OSError, and ValueError for an impossible name."""
    with _part(os.fspath(target)) as part, open(part, "wb") as file:
        file.write(data)


def private(new: Path) -> BinaryIO:
    """A new file to write to that its user alone may read. Raises OSError, also where it is there already."""
    return os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def owned_like(path: Path, model: Path) -> None:
    """As root, leave a file to whoever owns ``model``, for a service's own user could not write to root's.

    Where root may not (a network drive, a container without that right) the file stays root's. Raises OSError.
    """
    if os.geteuid() == 0:
        held = model.stat()
        with contextlib.suppress(PermissionError):
            os.chown(path, held.st_uid, held.st_gid)


def move_durably(part: str | Path, target: str | Path) -> None:
    """Give what is on disk already its name, so that the name survives a power cut too. Raises OSError."""
    os.replace(part, target)
    folder = os.open(os.path.dirname(os.path.abspath(target)), os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextlib.contextmanager
def _part(target: str, mark: str = "part", durable: bool = False) -> Iterator[str]:
    """Plain text throughout: a Path keeps each of its names in Python's table of interned strings, which two
    new names a minute make grow by megabytes."""
    folder, name = os.path.split(target)
    stem, suffix = os.path.splitext(name)
    part = os.path.join(folder, f".{stem}.{mark}{suffix}")
    _remove(part)
    try:
        yield part
        if durable:
            with open(part, "rb") as written:
                os.fsync(written.fileno())
            move_durably(part, target)
        else:
            os.replace(part, target)
    except BaseException:
        with contextlib.suppress(OSError, ValueError):
            _remove(part)
        raise


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
