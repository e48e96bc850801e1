"""A movie's frames counted as they are shown, while only those are decoded whose pictures are needed. Pure."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import av
    from av.video.stream import VideoStream

REORDERED = 32
"""Packets within which pictures are shown in another order than they come; H.264 knows 16."""

GAP = 2.5
"""Of the usual distance in time, from which pictures are missing between two."""


class Asked:
    """The indices that are asked for, ascending."""

    def __init__(self, wanted: Iterator[int]) -> None:
        self._wanted = wanted
        self._known: deque[int] = deque()
        self._more()

    @property
    def over(self) -> bool:
        """Are there no more?"""
        return not self._known

    def holds(self, index: int) -> bool:
        """Whether a frame still to come is asked for."""
        while self._known and self._known[-1] < index and self._more():
            pass
        return index in self._known

    def takes(self, index: int) -> bool:
        """Whether this frame is, the next that there is; those before it are not to be had."""
        while self._known and self._known[0] < index:
            self._drop()
        if not self._known or self._known[0] != index:
            return False
        self._drop()
        return True

    def _drop(self) -> None:
        self._known.popleft()
        if not self._known:
            self._more()

    def _more(self) -> bool:
        following = next(self._wanted, None)
        if following is not None:
            self._known.append(following)
        return following is not None


@dataclass
class Shown:
    """Counts a movie's pictures as they are shown, those passed over too, as long as all packets have times of their own.

    ``reorders``: the decoder expects pictures in another order than they are shown. ``broadcast``: the movie is a stream
    of packets as it was sent, of which some may be lost without a trace. After a picture that is damaged or missing all
    are, until one comes that refers to none before it: what they show was not seen so.
    """

    reorders: bool = False
    broadcast: bool = False
    times: list[int] = field(default_factory=list)
    timed: bool = True
    reordered: bool = False
    sent_at: int | None = None
    last: int = -1
    passed_over: int = -1
    broken: bool = False
    whole: int = 0
    damaged: int = 0
    first_damaged: int = -1

    @property
    def trusted(self) -> bool:
        """Do the times say which picture one is? Not where a decoder that reorders gets them in order: so they are sent."""
        return self.timed and (self.reordered or not self.reorders)

    @property
    def count(self) -> int:
        """How many pictures there were up to now."""
        return max(self.last, self.passed_over) + 1

    def coming(self, packet: av.Packet[VideoStream]) -> None:
        """A packet that will be decoded after the next few."""
        if packet.is_discard or not self.timed:
            return
        at = 0 if packet.pts is None else bisect_left(self.times, packet.pts)
        back = len(self.times) - at
        before, self.sent_at = self.sent_at, packet.dts
        # One time for two pictures, or a clock that began anew.
        anew = back > REORDERED or (before is not None and packet.dts is not None and packet.dts <= before)
        if packet.pts is None or self.times[at : at + 1] == [packet.pts] or anew:
            self.timed = False
        else:
            self.reordered |= back > 0
            insort(self.times, packet.pts)

    def is_needless(self, packet: av.Packet[VideoStream], asked: Asked) -> bool:
        """Whether a packet's picture is known not to be asked for; all that are shown before it have been seen coming."""
        if not self.trusted or packet.is_discard or packet.pts is None:
            return False
        index = bisect_left(self.times, packet.pts)
        if asked.holds(index):
            return False
        self.passed_over = max(self.passed_over, index)
        return True

    def next(self, frame: av.VideoFrame) -> tuple[int, bool]:
        """Which picture has been decoded, and whether it is whole."""
        at = 0 if frame.pts is None else bisect_left(self.times, frame.pts)
        if self.trusted and frame.pts is not None and at <= self.last:
            if at < self.last:
                self.harmed(at)
            return self.last, False  # a damaged movie's decoder may give one twice, or when its turn is over
        told = self.trusted or (not self.timed and self.times[at : at + 1] == [frame.pts])
        before, self.last = self.last, max(at if told else 0, self.last + 1)
        missing = self._missing(before, self.last) if self.broadcast and self.trusted else 0
        if missing:
            self.harmed(self.last, missing)
        if frame.is_corrupt:
            self.broken = True
        elif frame.key_frame:
            self.broken = False
        if self.broken:
            self.harmed(self.last)
        else:
            self.whole += 1
        return self.last, not self.broken

    def _missing(self, before: int, index: int) -> int:
        """Pictures that are not in the file between two that are: their time is, where all others are evenly apart.

        Other containers list their pictures; what is not there was left out by whoever made the movie.
        """
        if not self.usual or before < 0:
            return 0
        apart = np.diff(self.times[before : index + 1])
        return int(np.rint(apart[apart > GAP * self.usual] / self.usual - 1).sum())

    @cached_property
    def usual(self) -> float:
        """How far the movie's first pictures are apart, in its own units of time; 0 where they are so unevenly."""
        apart = np.diff(self.times[:REORDERED])
        middle = float(np.median(apart)) if len(apart) >= 8 else 0.0
        return middle if (np.abs(apart - middle) <= 0.2 * middle).mean() >= 0.9 else 0.0

    def harmed(self, index: int, pictures: int = 1) -> None:
        """That picture is damaged or missing, and so are those that follow until one stands by itself."""
        self.broken = True
        self.damaged += pictures
        if self.first_damaged < 0:
            self.first_damaged = index
