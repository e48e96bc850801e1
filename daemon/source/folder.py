"""A folder that another camera program writes: its newest whole picture."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta

from daemon.clock import Clock
from daemon.config import SourceSettings
from daemon.errors import FetchError
from daemon.source.listing import AHEAD_NS, File, Listing
from daemon.source.still import Still
from daemon.source.url import must_be_picture
from daemon.text import one_line

SETTLED_S = 2.0
"""Age past which a file that does not end as a picture does counts as written, not being written."""

_ENDS = (b"\xff\xd9", b"\xaeB`\x82")  # the last bytes of a whole JPEG, of a whole PNG


class FolderSource:
    """Pictures in a folder, the newest first; older ones that were passed over are not gone back to.

    ``cursor`` is that of a source before a restart: pictures up to it are not given again.
    A file that is still being written is left for the next look, which then comes soon; so is one written over
    in place, as ``latest.jpg`` is, until it has rested a moment: its old end would pass for that of the new picture.
    One that cannot be read raises FetchError once and is passed over.
    """

    def __init__(
        self, settings: SourceSettings, clock: Clock | None = None, cursor: str | None = None
    ) -> None:
        assert settings.path is not None  # the configuration refuses a folder without one
        self.settings = settings
        self.folder = settings.path
        self.clock = clock or Clock()
        self._seen = _parsed(cursor)
        self._growing: dict[str, File] = {}
        self._soon = False
        self._listing = Listing(str(self.folder), settings.pattern)

    def latest(self) -> Still | None:
        """The newest whole picture not seen before, or None. Raises FetchError."""
        growing: dict[str, File] = {}
        self._soon = False
        self._follow_the_clock_back()
        try:
            for file in self._newest_first(self._listing):
                if self._seen is not None and (file.modified_ns, file.path) <= self._seen:
                    return None
                still = self._read(file, watched=True) if self._whole(file) else None
                if still is None:
                    growing[file.path] = file
                    continue
                self._seen = (file.modified_ns, file.path)
                return still
        finally:
            self._growing = growing
            self._soon = bool(growing)
        return None

    def ask(self) -> Still:
        """The newest whole picture, seen or not. Raises FetchError."""
        for file in self._newest_first(Listing(str(self.folder), self.settings.pattern)):
            if self._whole(file) and (still := self._read(file)) is not None:
                return still
        raise FetchError(
            "empty", f"{self.folder}: no picture called {self.settings.pattern}; check `path` and `pattern`"
        )

    def next_request(self, wanted: datetime, *, soon: bool = False) -> datetime:
        """``wanted``, or in a moment where a picture was being written: one's own disk may be asked at any time."""
        return min(wanted, self.clock.now() + timedelta(seconds=SETTLED_S)) if self._soon else wanted

    def describe(self) -> str:
        """One line for a log."""
        return f"folder {self.folder}/{self.settings.pattern}"

    @property
    def cursor(self) -> str | None:
        """Time and path of the last picture given."""
        return None if self._seen is None else f"{self._seen[0]} {self._seen[1]}"

    def _follow_the_clock_back(self) -> None:
        """Where the last picture given is dated in the future, our clock was put back: go on from now."""
        now_ns = time.time_ns()
        if self._seen is not None and self._seen[0] > now_ns + AHEAD_NS:
            self._seen = (now_ns - AHEAD_NS, "")

    def _newest_first(self, listing: Listing) -> list[File]:
        try:
            return listing.newest_first()
        except OSError as error:
            raise FetchError(
                "unreadable", f"{self.folder}: {error.strerror}; correct `path` or its rights"
            ) from None

    def _whole(self, file: File) -> bool:
        """Is it written to its end? By its last bytes, its age, or because it has stopped growing."""
        if file.size == 0:
            return self._growing.get(file.path) == file
        if self._growing.get(file.path) == file or time.time_ns() - file.modified_ns > SETTLED_S * 1e9:
            return True
        if self._seen is not None and self._seen[1] == file.path and file.path not in self._growing:
            return False  # written over a moment ago, and perhaps still; one that never rests is taken all the same
        try:
            with open(file.path, "rb") as opened:
                opened.seek(max(0, file.size - 4))
                return opened.read(4).endswith(_ENDS)
        except OSError:
            return True  # reading it will say why it cannot be read

    def _read(self, file: File, *, watched: bool = False) -> Still | None:
        """The file's bytes; None where it is ``watched`` and was written to meanwhile. Raises FetchError once."""
        try:
            return self._read_whole(file, watched)
        except FetchError:
            self._seen = (file.modified_ns, file.path) if watched else self._seen
            raise

    def _read_whole(self, file: File, watched: bool) -> Still | None:
        began = time.monotonic()
        if file.size > self.settings.max_bytes:
            raise FetchError(
                "too large",
                f"{file.path}: more than {self.settings.max_bytes} bytes; raise `max_bytes` if that is right",
            )
        try:
            with open(file.path, "rb") as opened:
                data = opened.read(self.settings.max_bytes + 1)
                after = os.fstat(opened.fileno())
        except OSError as error:
            raise FetchError(
                "unreadable", f"{file.path}: {error.strerror}; give aurorad the right to read it"
            ) from None
        if watched and (after.st_size != file.size or len(data) != file.size or _newer(after, file)):
            return None
        must_be_picture(data, file.path)
        return Still(
            data=data,
            fetched_at=self.clock.now(),
            last_modified=datetime.fromtimestamp(file.modified_ns / 1e9, UTC),
            source=one_line(file.path),
            name=one_line(os.path.basename(file.path)),
            elapsed_s=time.monotonic() - began,
        )


def _newer(after: os.stat_result, file: File) -> bool:
    """Was it written to since it was listed? One dated in the future was listed under another time."""
    return after.st_mtime_ns > file.modified_ns and after.st_mtime_ns <= time.time_ns()


def _parsed(cursor: str | None) -> tuple[int, str] | None:
    """A cursor's time and path; None where it is none, or was spoilt."""
    when, _, path = (cursor or "").partition(" ")
    return (int(when), path) if when.isascii() and when.isdigit() and path else None
