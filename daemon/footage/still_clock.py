"""When a live still was taken: what its stamp says, what the server says, each checked by the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from daemon.config import SourceSettings
from daemon.errors import ClockError
from daemon.footage import stamp
from daemon.footage.reading import StampReader
from daemon.observation import Camera, Frame, utc_text
from daemon.source import Still

CLOCKS_AGREE = timedelta(minutes=15)
"""How far the camera's clock and the server's may be apart. A camera without a time service drifts
by minutes in a season; an hour off is a wrong time zone, and would spoil the record unseen."""

AHEAD = timedelta(minutes=2)
"""How far a picture's time may lie ahead of our own clock: no more than clocks set by hand differ. A time
further on has not been yet, whoever gives it."""

NO_CLOCK_YEAR = 2000
"""A Last-Modified before it comes from a server that has no clock (1970, or its firmware's date)."""

STAMP_LEAP_LOOKS = 2
"""Cadences by which a stamp may run ahead of the server's time, compared with the frame before. More is
a digit misread, or a clock that was set: the next frame tells which."""


@dataclass
class StillClock:
    """When a live still was taken: its stamp, checked against the server's time and the one before.

    Neither is trusted alone. A stamp that cannot be read gives way to a fresh Last-Modified; one
    that contradicts the server's time keeps the frame out; one that goes back, or leaps ahead of the
    server's time, is believed only when the next frame confirms it (the camera's clock was set).
    ``on_reading`` is told of each stamp whether it could be read.
    """

    camera: Camera
    source: SourceSettings
    on_reading: Callable[[bool], None] = lambda read: None
    previous: datetime | None = None
    _ahead: timedelta | None = field(default=None, repr=False)
    _doubted: tuple[datetime, timedelta] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self._reader = StampReader(self.camera.stamp) if self.camera.stamp else None

    def date(self, frame: Frame, name: str) -> Frame:
        """The frame with its time. Raises ClockError where none can be established."""
        at, stamped = self._read(frame, name)
        at = at.astimezone(UTC).replace(microsecond=0)
        if at - frame.fetched_at > AHEAD:
            raise ClockError("clock ahead", _ahead_text(frame, at, self.source, stamped))
        ahead = at - (frame.last_modified or frame.fetched_at) if stamped else timedelta(0)
        reason = None
        if self.previous is not None and at < self.previous:
            reason = "clock went back"
        elif stamped and self._ahead is not None and ahead - self._ahead > self._leap:
            reason = "clock leapt"
        if reason is not None and not self._confirms(at, ahead):
            self._doubted = at, ahead
            raise ClockError(
                reason,
                f"{frame.source}: shows {utc_text(at)} after {utc_text(self.previous or at)}; "
                "kept out until another frame confirms it",
            )
        if stamped and at != self.previous:  # one that has stopped shows nothing of how clocks go
            self._ahead = ahead
        self.previous, self._doubted = at, None
        return replace(frame, observed_at=at)

    @property
    def reads_a_time(self) -> bool:
        """Does a picture itself, or its name, give a time? Else Last-Modified does, or our own clock alone."""
        return self.source.time_from == "name" or (
            self.source.time_from == "stamp" and self._reader is not None
        )

    @property
    def _leap(self) -> timedelta:
        return timedelta(seconds=STAMP_LEAP_LOOKS * self.camera.cadence_s)

    def _confirms(self, at: datetime, ahead: timedelta) -> bool:
        """Does this reading go on from the one doubted before?"""
        if self._doubted is None:
            return False
        then, by = self._doubted
        return at > then and abs(ahead - by) <= self._leap

    def _read(self, frame: Frame, name: str) -> tuple[datetime, bool]:
        """(time, was it read from the stamp?)"""
        if self.source.time_from == "name":
            return time_in_name(name, self.source, frame.last_modified or frame.fetched_at), False
        if self.source.time_from == "header" or frame.stamp is None or self._reader is None:
            return frame.last_modified or frame.fetched_at, False
        witness = frame.last_modified or frame.fetched_at
        try:
            at, _ = self._reader.read(frame.stamp, witness)
            self.on_reading(True)
        except ClockError:
            self.on_reading(False)
            if frame.last_modified is None or frame.fetched_at - frame.last_modified > CLOCKS_AGREE:
                raise
            return frame.last_modified, False
        if abs(at - witness) > CLOCKS_AGREE:
            other = "Last-Modified" if frame.last_modified else "our own clock"
            raise ClockError(
                "clocks disagree",
                f"{frame.source}: the stamp says {utc_text(at)}, {other} {utc_text(witness)}; "
                "check the camera's clock and [camera] timezone",
            )
        return at, True


def heard(still: Still, source: SourceSettings) -> Still:
    """A still with its Last-Modified as far as that is a witness, in the zone that its owner names.

    Left out: where the owner switched it off, from a server that has no clock, and one of the future,
    but where it is all that dates a picture; then the future is refused as any other time is.
    """
    modified = still.last_modified
    if modified is None or "Last-Modified" in source.ignore_witnesses or modified.year not in stamp.YEARS:
        return replace(still, last_modified=None)
    if source.header_timezone != "UTC" and source.kind != "folder":
        modified = stamp.to_utc(modified.replace(tzinfo=None), None, source.header_timezone, still.fetched_at)
    future = modified - still.fetched_at > AHEAD and source.time_from != "header"
    none = modified.year < NO_CLOCK_YEAR or future
    return replace(still, last_modified=None if none else modified)


def _ahead_text(frame: Frame, at: datetime, source: SourceSettings, stamped: bool) -> str:
    """What is wrong with a time that has not been yet, and which key puts it right."""
    fix = (
        "the camera's clock and [camera] timezone" if stamped
        else "name_timezone" if source.time_from == "name"
        else "header_timezone, or set ignore_witnesses = [\"Last-Modified\"]"
    )  # fmt: skip
    return f"{frame.source}: dated {utc_text(at)}, ahead of our clock ({utc_text(frame.fetched_at)}); check {fix}"


def time_in_name(name: str, source: SourceSettings, near: datetime | None) -> datetime:
    """The time at the start of a file's name, UTC; ``near`` decides in the hour that autumn brings twice, which is no time
    without it. Raises ClockError.
    """
    form = source.name_format
    length = len(datetime(2000, 1, 1).strftime(form))
    try:
        naive = datetime.strptime(name[:length], form)
    except ValueError:
        raise ClockError(
            "no time in name", f"{name}: does not begin with a time as {form!r}; check name_format"
        ) from None
    return stamp.to_utc(naive, None, source.name_timezone, near)
