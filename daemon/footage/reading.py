"""Strips with a burnt-in clock → times: one way of making letters legible after the other, until one is read.

Most stamps are white on dark and need one run of Tesseract. Letters in colours, on bright ground, with
an outline, or with the horizon through them need another; the way that served last is tried first. Characters that
Tesseract has read before are known by their shape (:mod:`daemon.footage.glyphs`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from daemon.errors import ClockError
from daemon.footage import ocr
from daemon.footage.glyphs import Glyphs
from daemon.footage.ocr import Way
from daemon.footage.stamp import parse_stamp
from daemon.observation import Picture, StampStyle

ALONE: tuple[Way, ...] = ("plain", "bright", "coloured", "dark")
"""Ways of which one reading that is a valid time is enough: of 168 drawn stamps none was read wrongly."""

TOGETHER: tuple[Way, ...] = ("core 30", "core 45", "core 60")
"""Ways that thin the letters, so that an 8 can come out as a 6: two of them must read the same time."""

Reading = tuple[datetime, str]
"""The time, and the text that shows it."""

STEADY = timedelta(seconds=45)
"""How far a stamp and the time it is near may drift apart from one look to the next; more, and Tesseract is asked: shapes
that it taught wrongly would else go on for as long as it is not."""


class StampReader:
    """Reads the stamps of one camera. ``near`` is as in :func:`daemon.footage.stamp.parse_stamp`."""

    def __init__(self, style: StampStyle) -> None:
        self.style = style
        self._order = list(ALONE)
        self._glyphs = Glyphs()
        self._ahead: timedelta | None = None  # the last stamp, of the time that it was near

    def read(self, strip: Picture, near: datetime | None = None) -> Reading:
        """One strip's time and text. Raises ClockError."""
        (found,) = self.read_all([strip], near)
        if isinstance(found, ClockError):
            raise found
        if near is not None:
            self._ahead = found[0] - near
        return found

    def read_all(self, strips: Sequence[Picture], near: datetime | None = None) -> list[Reading | ClockError]:
        """Each strip's time and text, or why it has none, in order. Raises ClockError where Tesseract fails."""
        found = [self._known(strip, near) for strip in strips]
        for way in list(self._order):
            self._try(way, strips, found, near)
        self._agree(strips, found, near)
        return found

    def _known(self, strip: Picture, near: datetime | None) -> Reading | ClockError:
        """A strip's time where all its characters are known; an error where Tesseract has to read it."""
        if not ocr.is_written(strip):
            return ClockError("no stamp", "there is no stamp")
        text = self._glyphs.read(ocr.prepare(strip, self._order[0]))
        try:
            at = parse_stamp(text or "", self.style, near, repair=False)
        except ClockError as error:
            return error
        if near is not None and self._ahead is not None and abs(at - near - self._ahead) > STEADY:
            return ClockError("illegible", f"{text!r} is not near the time that it was near before")
        return at, text or ""

    def _try(
        self, way: Way, strips: Sequence[Picture], found: list[Reading | ClockError], near: datetime | None
    ) -> None:
        """Read what is not read yet in one way more; of the failures the plain one's is kept."""
        left = [k for k, one in enumerate(found) if isinstance(one, ClockError)]
        read = ocr.read_strips([strips[k] for k in left], way) if left else []
        for k, one in zip(left, read, strict=True):
            try:
                found[k] = parse_stamp(one.text, self.style, near, repair=way == "plain"), one.text
            except ClockError as error:
                if way == "plain":
                    found[k] = error
                continue
            if way != self._order[0]:
                self._order = [way, *(other for other in self._order if other != way)]
                self._glyphs = Glyphs()  # letters prepared in another way look otherwise
            self._learn(one, near)

    def _learn(self, read: ocr.Read, near: datetime | None) -> None:
        """Its characters are known from here on, where nothing had to be repaired."""
        try:
            parse_stamp(read.text, self.style, near, repair=False)
        except ClockError:
            return
        if read.page is not None:
            self._glyphs.learn(read.page, read.text, read.symbols)

    def _agree(
        self, strips: Sequence[Picture], found: list[Reading | ClockError], near: datetime | None
    ) -> None:
        """Read what is still left in the ways that must agree."""
        left = [k for k, one in enumerate(found) if isinstance(one, ClockError)]
        if not left:
            return
        read: dict[int, list[Reading]] = {k: [] for k in left}
        for way in TOGETHER:
            for k, one in zip(left, ocr.read_strips([strips[k] for k in left], way), strict=True):
                try:
                    read[k].append((parse_stamp(one.text, self.style, near, repair=False), one.text))
                except ClockError:
                    continue
        for k, readings in read.items():
            times = Counter(at for at, _ in readings)
            agreed, count = times.most_common(1)[0] if times else (None, 0)
            if agreed is not None and count >= 2:
                found[k] = next(reading for reading in readings if reading[0] == agreed)
