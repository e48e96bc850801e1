"""The newest files of a pattern, at a cost that does not grow with the archive they lie in.

A camera program writes into one folder of many: this night's. A folder's own time changes when a name
is added to it, so of all the others only that is looked at, and of most of them only now and then:

    each look           the folder written to last is listed, the few before it and all above it checked
    in turn             some of the rest are checked, which finds one that comes back into use
    each 30th look      all above the folder written to last is listed, changed or not

Of a folder's files only the new names are looked at. One bad entry costs itself and no other.

The first look has to read all names, but looks at few files: those whose name or folder bears the date of the newest
pictures, or no date; and in folders not written to since then, all the same, only where they are few.
"""

from __future__ import annotations

import fnmatch
import os
import re
import stat
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from heapq import nlargest

import numpy as np
import numpy.typing as npt

KEPT = 32
"""Newest files looked at again each time, for those still being written or written over."""

AHEAD_NS = 60_000_000_000
"""How far in the future a file can be dated and still be believed."""

HOT, IN_TURN = 2, 4
"""Folders changed last that are checked at each look; others checked in turn."""

LISTED_ANYWAY = 30
"""Looks after which all above the newest folder is listed, for file systems that keep no folder's time."""

REWRITTEN = 2_000
"""Files of the newest folder up to which each is looked at, where no name is new: one may be written over."""

SLACK = timedelta(days=2)
"""At the first look, files older than the newest by more are passed over; nights, zones and copies take less."""

FEW = 64
"""Files of a folder up to which each is looked at at the first look, whatever the folder's age."""

_DATE = re.compile(r"(?<!\d)(20\d\d)[-_.]?(0[1-9]|1[0-2])[-_.]?(0[1-9]|[12]\d|3[01])")

_SETTLED_NS = (
    2_000_000_000  # a folder listed sooner after its change may have changed again at that very time
)


@dataclass(frozen=True, order=True)
class File:
    """A file as the folder shows it, ordered by age and then name."""

    modified_ns: int
    path: str
    size: int


@dataclass
class _Folder:
    """A folder that may hold files of the pattern, or folders that do; ``at`` are places in the pattern."""

    path: str
    parent: str | None
    at: frozenset[int]
    mtime_ns: int = -1
    listed_ns: int = 0
    known: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))


class Listing:
    """Files below ``root`` that match ``pattern``, as :meth:`pathlib.Path.glob` reads one, without those
    whose name begins with a dot: other programs' drafts."""

    def __init__(self, root: str, pattern: str) -> None:
        self.root = root
        parts = [part for part in pattern.split("/") if part not in ("", ".")]
        self._parts = [None if part == "**" else re.compile(fnmatch.translate(part)) for part in parts]
        self._folders: dict[str, _Folder] = {}
        self._hot: list[str] = []
        self._turn: deque[str] = deque()
        self._newest: dict[str, File] = {}
        self._found: deque[str] = deque(maxlen=KEPT)
        self._looks = 0
        self._first: dict[str, list[str]] | None = (
            None  # names by folder, while all is listed for the first time
        )

    def newest_first(self) -> list[File]:
        """The newest files and those found last. Raises OSError where the root cannot be listed."""
        os.stat(self.root)
        if not self._folders:
            self._begin()
        else:
            self._looks += 1
            for path in self._due():
                self._check(path)
        self._look_again()
        return sorted(self._newest.values(), reverse=True)

    def would_take(self, relative: str) -> bool:
        """Is a file of that path below the root one of the pattern?"""
        *folders, name = relative.split("/")
        at = self._closure({0})
        for folder in folders:
            at = self._deeper(at, folder)
        return self._ends(at, name)

    # ------------------------------------------------------------- which folders

    def _begin(self) -> None:
        """List everything once."""
        with os.scandir(self.root):
            pass  # the root's own fault is the caller's
        self._first = {}
        self._enter(_Folder(self.root, None, self._closure({0})))
        self._look_at_the_newest(self._first)
        self._hot = nlargest(HOT, self._folders, key=lambda path: self._folders[path].mtime_ns)
        if self._newest:
            self._heat(os.path.dirname(max(self._newest.values()).path))
        self._found.clear()  # at the first look the order of finding is the file system's
        self._keep_newest()

    def _look_at_the_newest(self, names: dict[str, list[str]]) -> None:
        """Of all names those that may be of the newest files, folders written to last first."""
        self._first = None
        dates = {path: [_date_of(path, name) for name in held] for path, held in names.items()}
        oldest = _oldest_date(one for held in dates.values() for one in held)
        slack_ns = int(SLACK.total_seconds() * 1e9)
        for path in sorted(names, key=lambda path: self._folders[path].mtime_ns, reverse=True):
            dated = zip(names[path], dates[path], strict=True)
            held = [name for name, its in dated if its >= oldest or not its]
            newest_ns = max((file.modified_ns for file in self._newest.values()), default=0)
            if len(held) > FEW and self._folders[path].mtime_ns < newest_ns - slack_ns:
                continue
            for name in held:
                self._take(self._folders[path], os.path.join(path, name))
            self._keep_newest()

    def _due(self) -> list[str]:
        """The folders to check at this look."""
        turn = [self._turn[k] for k in range(min(IN_TURN, len(self._turn)))]
        self._turn.rotate(-len(turn))
        above = [path for hot in self._hot for path in self._above(hot)]
        return list(dict.fromkeys([*self._hot, *above, self.root, *turn]))

    def _above(self, path: str) -> Iterator[str]:
        folder = self._folders.get(path)
        while folder is not None and folder.parent is not None:
            yield folder.parent
            folder = self._folders.get(folder.parent)

    def _heat(self, path: str) -> None:
        """This folder changed last."""
        self._hot = [path, *(p for p in self._hot if p != path)][:HOT]

    def _check(self, path: str) -> None:
        """List a folder that has changed, or may have without showing it."""
        folder = self._folders.get(path)
        if folder is None:
            return
        try:
            mtime_ns = os.stat(path).st_mtime_ns
        except OSError:
            self._leave(path)
            return
        changed = mtime_ns != folder.mtime_ns or folder.listed_ns - mtime_ns < _SETTLED_NS
        newest = self._hot[:1] == [path]
        anyway = self._looks % LISTED_ANYWAY == 0 and (path in self._above_newest() or path == self.root)
        if changed or newest or anyway:
            self._list(folder, mtime_ns, rewritten=newest and not changed)

    def _above_newest(self) -> list[str]:
        return list(self._above(self._hot[0])) if self._hot else []

    def _leave(self, path: str) -> None:
        self._folders.pop(path, None)
        if path in self._turn:
            self._turn.remove(path)
        self._hot = [hot for hot in self._hot if hot != path]

    # ------------------------------------------------------------- one folder

    def _enter(self, folder: _Folder) -> None:
        """List a folder seen for the first time, and those in it."""
        stack = [folder]
        while stack:
            one = stack.pop()
            if one.path in self._folders:
                continue
            try:
                mtime_ns = os.stat(one.path).st_mtime_ns
            except OSError:
                continue
            self._folders[one.path] = one
            self._turn.append(one.path)
            stack += self._list(one, mtime_ns, enter=False)
            if len(self._newest) > 100 * KEPT:
                self._keep_newest()

    def _list(
        self, folder: _Folder, mtime_ns: int, *, rewritten: bool = False, enter: bool = True
    ) -> list[_Folder]:
        """Look at a folder's new names. Folders among them are entered, or else returned."""
        listed_ns = time.time_ns()
        try:
            with os.scandir(folder.path) as entries:
                matching = [(e, hash((e.name, e.inode()))) for e in entries if self._matches(folder, e.name)]
        except OSError:
            return []
        keys = np.fromiter((key for _, key in matching), np.int64, len(matching))
        if rewritten and len(matching) <= REWRITTEN:
            new = matching
        else:
            fresh = ~np.isin(keys, folder.known)
            new = [matching[k] for k in np.flatnonzero(fresh)]
        folder.known, folder.mtime_ns, folder.listed_ns = keys, mtime_ns, listed_ns
        folders = [child for entry, _ in new if (child := self._look_at(folder, entry)) is not None]
        for child in folders if enter else ():
            self._enter(child)
        return folders

    def _look_at(self, folder: _Folder, entry: os.DirEntry[str]) -> _Folder | None:
        """One new entry: a file is remembered, a folder returned. What cannot be looked at is passed over."""
        deeper = self._deeper(folder.at, entry.name)
        try:
            if deeper and entry.is_dir(follow_symlinks=not self._anywhere(deeper)):
                known = entry.path in self._folders
                return None if known else _Folder(entry.path, folder.path, deeper)
        except OSError:
            return None
        if self._ends(folder.at, entry.name):
            if self._first is None:
                self._take(folder, entry.path)
            else:
                self._first.setdefault(folder.path, []).append(entry.name)
        return None

    def _take(self, folder: _Folder, path: str) -> None:
        """Look at a file, and remember it where it is new."""
        try:
            file = _file(path)
        except OSError:
            return
        if file is not None and self._newest.get(file.path) != file:
            self._newest[file.path] = file
            self._found.append(file.path)
            if self._hot[:1] != [folder.path] and self._folders.get(folder.path) is folder and self._looks:
                self._heat(folder.path)

    def _look_again(self) -> None:
        """The newest files as they are now."""
        for path in list(self._newest):
            try:
                file = _file(path)
            except OSError:
                file = None
            if file is None:
                del self._newest[path]
            else:
                self._newest[path] = file
        self._keep_newest()

    def _keep_newest(self) -> None:
        """Forget all but the newest, and what was found last: where a clock was put back it is older."""
        kept = {file.path for file in nlargest(KEPT, self._newest.values())} | set(self._found)
        self._newest = {path: file for path, file in self._newest.items() if path in kept}

    # ------------------------------------------------------------- the pattern

    def _closure(self, at: set[int]) -> frozenset[int]:
        """Places reached without a name: ``**`` stands for no folder too."""
        for place in sorted(at):
            while place < len(self._parts) - 1 and self._parts[place] is None:
                place += 1
                at = at | {place}
        return frozenset(at)

    def _matches(self, folder: _Folder, name: str) -> bool:
        return not name.startswith(".") and bool(self._ends(folder.at, name) or self._deeper(folder.at, name))

    def _ends(self, at: frozenset[int], name: str) -> bool:
        last = self._parts[-1]
        return len(self._parts) - 1 in at and last is not None and last.match(name) is not None

    def _deeper(self, at: frozenset[int], name: str) -> frozenset[int]:
        """Where a folder of that name leads in the pattern; nowhere: no file of the pattern is below it."""
        reached: set[int] = set()
        for place in at:
            part = self._parts[place]
            if part is None:
                reached.add(place)
            elif place < len(self._parts) - 1 and part.match(name):
                reached.add(place + 1)
        return self._closure(reached) if reached else frozenset()

    def _anywhere(self, at: frozenset[int]) -> bool:
        return any(self._parts[place] is None for place in at)


def _file(path: str) -> File | None:
    """A regular file; one dated in the future counts as written when its entry changed, lest it hide all others."""
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        return None
    modified_ns, latest_ns = status.st_mtime_ns, time.time_ns() + AHEAD_NS
    if modified_ns > latest_ns:
        modified_ns = status.st_ctime_ns
    if modified_ns > latest_ns:
        modified_ns = 0  # written before the clock was put back: older than all that comes now
    # Before 1970 there were no such files, and before the year 1 there is no date: a broken disk's, or a joke.
    return File(max(0, modified_ns), path, status.st_size)


def _date_of(folder: str, name: str) -> str:
    """``20240210``: the date in a file's name, else in its folder's; empty where there is none."""
    found = _DATE.search(name) or _DATE.search(os.path.basename(folder))
    return "".join(found.groups()) if found else ""


def _oldest_date(dates: Iterable[str]) -> str:
    """The newest of the dates, none of them of the future, less the slack; empty where there is none."""
    tomorrow = f"{datetime.now(UTC) + timedelta(days=1):%Y%m%d}"
    newest = max((one for one in dates if one <= tomorrow), default="")
    try:
        return f"{date.fromisoformat(newest) - SLACK:%Y%m%d}" if newest else ""
    except ValueError:  # no such day
        return ""
