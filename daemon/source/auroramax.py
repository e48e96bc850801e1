"""AuroraMAX's night movie: there some time after dawn, under the date of its night's morning.

The live still of AuroraMAX is an address like any other (:mod:`daemon.source.url`).
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import BinaryIO

from daemon.address import last_part, redact
from daemon.config import SourceSettings
from daemon.errors import FetchError
from daemon.files import move_durably
from daemon.source.fetch import Head, Limits, Receive, Refused, fetch
from daemon.source.mp4 import whole_mp4

CHECKED_BYTES = 16_000_000
"""Bytes of a movie between two looks at the disk's free space: not every server says how many come."""

_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})")


def movie_addresses(settings: SourceSettings, night: date) -> tuple[str, ...]:
    """Addresses a night's movie may have, likeliest first; none where the source has no movies."""
    if settings.kind != "auroramax" or not settings.movie_url:
        return ()
    templates = (settings.movie_url, *settings.movie_url_alternatives)
    fields = {"yyyy": f"{night:%Y}", "mm": f"{night:%m}", "dd": f"{night:%d}"}
    addresses = []
    for template in templates:
        address = template
        for name, value in fields.items():
            address = address.replace(f"{{{name}}}", value)
        addresses.append(address)
    return tuple(dict.fromkeys(addresses))


def movie_retry_s(tries: int) -> float:
    """Seconds to wait after the ``tries``-th time a movie was not there: 10 minutes, growing to an hour."""
    return min(3600.0, 600.0 * 1.5 ** max(0, tries - 1))


def fetch_movie(
    settings: SourceSettings, night: date, folder: Path, agent: str, keep_free_mb: int = 0
) -> Path | None:
    """Download a night's movie into ``folder``; its path, or None where the site has none yet.

    What was loaded before a break stays beside it as ``.part`` and is gone on with; the movie
    appears under its own name only when it is whole and on disk. One already there is not asked
    for again. ``keep_free_mb`` of the disk are left free while it comes. Raises FetchError (to be tried
    again later) for all but "not found".
    """
    for address in movie_addresses(settings, night):
        target = folder / last_part(address)
        if target.exists():
            return target
    folder.mkdir(parents=True, exist_ok=True)
    for address in movie_addresses(settings, night):
        try:
            return _Download(settings, address, folder / last_part(address), agent, keep_free_mb).run()
        except Refused as error:
            if error.reason != "not found":
                raise
    return None


@dataclass(frozen=True)
class _Origin:
    """What a ``.part`` is a part of: kept beside it, so that two versions are never mixed.

    ``boot`` is this machine's start it was loaded in: a power cut can leave a part longer than
    what of it reached the disk, so after one it is loaded anew.
    """

    url: str
    validator: str
    total: int | None
    boot: str


class _Download:
    """One movie from one address into ``target``, by way of ``target``.part."""

    def __init__(
        self, settings: SourceSettings, url: str, target: Path, agent: str, keep_free_mb: int = 0
    ) -> None:
        self.settings = settings
        self.keep_free = keep_free_mb * 1_000_000
        self.url = url
        self.target = target
        self.agent = agent
        self.part = target.with_name(target.name + ".part")
        self.note = target.with_name(target.name + ".part.json")

    def run(self) -> Path:
        """Raises FetchError; Refused "not found" where the address has nothing."""
        try:
            return self._finish(self._load())
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            fix = "free some space on the disk" if full else "check the folder and its permissions"
            raise FetchError("disk", f"{self.part}: {error.strerror}; {fix}") from error

    def _load(self) -> _Origin:
        begun = self._begun()
        if begun is not None and begun[0] == begun[1].total:
            return begun[1]  # it was whole when we were stopped, and only lacks its name
        try:
            return self._ask(begun)
        except FetchError as error:
            if error.reason in ("not found", "bad range", "too large", "disk"):
                self._discard()
            raise

    def _ask(self, begun: tuple[int, _Origin] | None) -> _Origin:
        """Ask for the whole, or for what is missing of it. Raises FetchError."""
        headers = {"User-Agent": self.agent}
        if begun is not None:
            headers |= {"Range": f"bytes={begun[0]}-", "If-Range": begun[1].validator}
        limits = Limits(self.settings.movie_timeout_s, self.settings.max_movie_bytes)
        with open(self.part, "ab") as opened:
            body = _Body(self, opened, begun)
            accept = (200, 206, 416) if begun else (200,)
            head = fetch(self.url, limits, headers, body.open, accept)
            opened.flush()
            os.fsync(opened.fileno())
        if head.status == 416:
            self._discard()
            return self._ask(None)
        assert body.origin is not None
        return body.origin

    def _begun(self) -> tuple[int, _Origin] | None:
        """Bytes there are of the movie and what they are of; None where there is nothing to go on with."""
        try:
            origin = _Origin(**json.loads(self.note.read_text(encoding="utf-8")))
            size = self.part.stat().st_size
        except (OSError, ValueError, TypeError):
            self._discard()
            return None
        usable = origin.url == self.url and origin.validator and origin.boot == _boot()
        if not usable or not 0 < size <= (origin.total or size):
            self._discard()
            return None
        return size, origin

    def keep_note(self, origin: _Origin) -> None:
        """Write down what the part is of, before its first byte."""
        self.note.write_text(json.dumps(asdict(origin)), encoding="utf-8")

    def _discard(self) -> None:
        self.part.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)

    def _finish(self, origin: _Origin) -> Path:
        """Check the part and give it its name."""
        size = self.part.stat().st_size
        if origin.total is not None and size < origin.total:
            raise FetchError(
                "truncated",
                f"{redact(self.url)}: {size} of {origin.total} bytes; the rest is fetched next time",
            )
        fault = whole_mp4(self.part) if self.target.suffix.lower() == ".mp4" else None
        if fault is not None:
            self._discard()
            reason = "truncated" if fault == "cut short" else "not a movie"
            raise FetchError(reason, f"{redact(self.url)}: {fault}; it is fetched again later")
        move_durably(self.part, self.target)
        self.note.unlink(missing_ok=True)
        return self.target


class _Body:
    """Takes the answer's body into the part: after what is there, or in its place."""

    def __init__(self, download: _Download, opened: BinaryIO, begun: tuple[int, _Origin] | None) -> None:
        self.download = download
        self.opened = opened
        self.begun = begun
        self.origin: _Origin | None = None
        self._room = 0
        self._unchecked = 0

    def open(self, head: Head) -> Receive:
        """See the head, make the part ready. Raises FetchError for a range we did not ask for."""
        if head.status == 416:
            return lambda _: None
        if head.status == 206 and self.begun is not None:
            size, origin = self.begun
            total = self._checked_range(head, size, origin)
            self.origin = replace(origin, total=total)
            self._room = total - size
        else:
            self.opened.truncate(0)
            self.origin = _Origin(self.download.url, _strong_validator(head), head.length, _boot())
            self._room = self.download.settings.max_movie_bytes if head.length is None else head.length
        self._must_fit(head.length or 0)
        self.download.keep_note(self.origin)
        return self._take

    def _take(self, chunk: bytes) -> None:
        self._room -= len(chunk)
        if self._room < 0:
            raise FetchError("bad range", f"{redact(self.download.url)}: sends more than it announced")
        self._unchecked += len(chunk)
        if self._unchecked >= CHECKED_BYTES:
            self._unchecked = 0
            self._must_fit(CHECKED_BYTES)
        self.opened.write(chunk)

    def _must_fit(self, size: int) -> None:
        """Raises FetchError where so many bytes more would leave less of the disk than is to stay free."""
        free = shutil.disk_usage(self.download.part.parent).free
        if size + self.download.keep_free > free:
            raise FetchError(
                "disk",
                f"{self.download.part}: {size} bytes to come, {free} free, of which `min_free_mb` is kept; free some space",
            )

    def _checked_range(self, head: Head, size: int, origin: _Origin) -> int:
        """The movie's whole size, from a Content-Range that goes on where we stopped, to the end."""
        where = redact(head.url)
        found = _CONTENT_RANGE.fullmatch(head.headers.get("content-range", ""))
        first, last, total = (int(n) for n in found.groups()) if found else (-1, -1, -1)
        right = first == size and last == total - 1 and origin.total in (None, total)
        if not right or head.length not in (None, total - size):
            raise FetchError(
                "bad range", f"{where}: sends a part that was not requested; it is requested again"
            )
        if total > self.download.settings.max_movie_bytes:
            raise FetchError("too large", f"{where}: {total} bytes; raise `max_movie_bytes` if that is right")
        return total


def _strong_validator(head: Head) -> str:
    """What If-Range may carry: a strong ETag or else Last-Modified; empty where there is neither."""
    tag = head.validator("etag")
    return tag if tag and not tag.startswith("W/") else head.validator("last-modified")


def _boot() -> str:
    """This machine's present start, where the system tells (Linux); else always the same."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
