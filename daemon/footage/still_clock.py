"""When a live still was taken: what its stamp says, what the server says, each checked by the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from daemon.config import SourceSettings
from daemon.errors import ClockError
from daemon.footage import ocr, stamp
from daemon.observation import Camera, Frame, utc_text

CLOCKS_AGREE = timedelta(minutes=15)
"""How far the camera's clock and the server's may be apart. A camera without a time service drifts
by minutes in a season; an hour off is a wrong time zone, and would spoil the record unseen."""

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

    def date(self, frame: Frame, name: str) -> Frame:
        """The frame with its time. Raises ClockError where none can be established."""
        at, stamped = self._read(frame, name)
        at = at.astimezone(UTC).replace(microsecond=0)
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
        if stamped and at != self.previous:  # one that stands still says nothing of how clocks go
            self._ahead = ahead
        self.previous, self._doubted = at, None
        return replace(frame, observed_at=at)

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
            return _time_in_name(name, self.source.name_format), False
        if self.source.time_from == "header" or frame.stamp is None or self.camera.stamp is None:
            return frame.last_modified or frame.fetched_at, False
        witness = frame.last_modified or frame.fetched_at
        try:
            at = stamp.parse_stamp(ocr.read_text(frame.stamp), self.camera.stamp, witness)
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


def _time_in_name(name: str, form: str) -> datetime:
    length = len(datetime(2000, 1, 1).strftime(form))
    try:
        return datetime.strptime(name[:length], form).replace(tzinfo=UTC)
    except ValueError:
        raise ClockError(
            "no time in name", f"{name}: does not begin with a time as {form!r}; check name_format"
        ) from None
