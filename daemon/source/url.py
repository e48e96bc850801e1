"""Any address of a picture, or of a stream of them: AuroraMAX's live still, or a camera of one's own."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import PurePosixPath

import daemon
from daemon.address import last_part, redact
from daemon.clock import Clock
from daemon.config import SourceSettings
from daemon.errors import FetchError
from daemon.source.access import Access
from daemon.source.fetch import Head, Limits, Refused, fetch_bytes
from daemon.source.pace import Pace
from daemon.source.still import Still
from daemon.source.webp import is_webp

IN_STEP_UNDER_S = 15.0
"""Cadence under which looks are brought into step with the feed's own: there a picture that lay
on the server for most of a cadence before it was asked for would come seconds late, every time."""

STREAM_UPDATED = "x-rt-stream-last-updated-utc"
"""Header in which the University of Calgary's real-time streams give a still's time."""


class UrlSource:
    """A still behind an address, asked for conditionally and at most once a cadence, unless told."""

    def __init__(
        self,
        settings: SourceSettings,
        cadence_s: float,
        agent: str,
        clock: Clock | None = None,
        chance: random.Random | None = None,
    ) -> None:
        self.settings = settings
        self.agent = agent
        self.clock = clock or Clock()
        self.pace = Pace(cadence_s, chance)
        self._access = Access.of(settings)
        self._validators: dict[str, str] = {}
        self._delay = timedelta()
        self._delayed_at: datetime | None = None

    def latest(self) -> Still | None:
        """The newest still; None where it is the one before (304) or too early to ask.

        Raises FetchError.
        """
        now = self.clock.now()
        if not self.pace.may_ask(now):
            return None
        self.pace.asked(now)
        try:
            still = self._get(self._validators)
        except FetchError as error:
            wait_s = error.retry_after_s if isinstance(error, Refused) else None
            self.pace.failed(self.clock.now(), wait_s)
            raise
        self.pace.succeeded()
        if still is not None:
            self._fall_in_step(still)
        return still

    def ask(self) -> Still:
        """The newest still, new or not. Raises FetchError."""
        still = self._get({})
        assert still is not None
        return still

    def next_request(self, wanted: datetime, *, soon: bool = False) -> datetime:
        """``wanted``, moved into step with a fast feed; later where the server is to be left alone."""
        if soon:
            self.pace.bring_forward(wanted)
        delay, self._delay = self._delay, timedelta()
        return max(wanted + delay, self.pace.earliest(self.clock.now()))

    def describe(self) -> str:
        """One line for a log, without secrets."""
        return f"{self.settings.kind} {redact(self.settings.url)}"

    @property
    def cursor(self) -> str | None:
        """None: after a restart the still is simply asked for again."""
        return None

    def _fall_in_step(self, still: Still) -> None:
        """Move the next look so that it falls a second after a publication.

        A little earlier makes up for a watch that is always a moment late; a whole step back in
        time would be a second request in one cadence, so it is put off instead, once in a while.
        """
        cadence, made = self.pace.cadence, still.last_modified
        if cadence.total_seconds() > IN_STEP_UNDER_S or made is None:
            return
        now = still.fetched_at
        late = now - made - timedelta(seconds=1)  # Last-Modified knows no smaller ones
        rested = self._delayed_at is None or abs(now - self._delayed_at) > timedelta(minutes=5)
        if cadence / 100 < late <= cadence / 5:
            self._delay = -late
        elif cadence / 5 < late < cadence and rested:
            self._delay, self._delayed_at = cadence - late, now

    def _get(self, validators: dict[str, str]) -> Still | None:
        url = self.settings.url
        began = time.monotonic()
        head, data = fetch_bytes(
            url,
            Limits(self.settings.timeout_s, self.settings.max_bytes),
            {"User-Agent": self.agent, **validators},
            accept=(200, 304) if validators else (200,),
            access=self._access,
        )
        if head.status == 304:
            return None
        must_be_picture(data, redact(url))
        self._validators = validators_of(head)
        return Still(
            data=data,
            fetched_at=self.clock.now(),
            last_modified=last_modified_of(head),
            source=redact(url),
            name=PurePosixPath(last_part(url)).name,
            elapsed_s=time.monotonic() - began,
        )


def user_agent(contact: str) -> str:
    """Names the project, its version and, where configured, whom to write to.

    Only printable ASCII gets into a header.
    """
    who = "".join(c for c in contact if c.isascii() and c.isprintable()).strip()
    return f"aurorad/{daemon.__version__} (night watch for the aurora{'; ' + who if who else ''})"


def validators_of(head: Head) -> dict[str, str]:
    """The request headers that ask "is there anything newer than this answer?"."""
    pairs = (("If-None-Match", "etag"), ("If-Modified-Since", "last-modified"))
    return {ours: head.validator(theirs) for ours, theirs in pairs if head.validator(theirs)}


def last_modified_of(head: Head) -> datetime | None:
    """When the server says the picture was made, UTC; None where it says nothing usable."""
    stream, plain = head.headers.get(STREAM_UPDATED), head.headers.get("last-modified")
    try:
        if stream:
            at = datetime.fromisoformat(stream.strip())
            return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):  # a zone can reach beyond the years there are
        pass  # then the plain header has the word
    try:
        return parsedate_to_datetime(plain).astimezone(UTC) if plain else None
    except (ValueError, TypeError, OverflowError):
        return None


def must_be_picture(data: bytes, where: str) -> None:
    """Raises FetchError "empty" or "not an image" for what does not begin as JPEG, PNG or WebP does.

    An error page under a picture's name must not be remembered as the newest picture.
    """
    if not data:
        raise FetchError("empty", f"{where}: the answer is empty; look whether the feed has moved")
    if not data.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")) and not is_webp(data):
        what = "a web page" if data.lstrip()[:1] == b"<" else "something else"
        raise FetchError(
            "not an image", f"{where}: gave {what}, no JPEG, PNG or WebP; look whether the feed has moved"
        )
