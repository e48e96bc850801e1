"""Is what the feed gives news, and has the feed stopped? Pure: pictures and times in, reasons out.

A server that answers 200 proves nothing: old streams of AuroraMAX's own host give months-old
pictures that way. Four witnesses are heard, and each alone is enough:

    "same bytes"          these bytes were seen before
    "same picture"        the same sky, encoded anew
    "clock stopped"  the picture's time is that of the one before
    "old Last-Modified"   the server itself says the picture is old
    "old clock"           the picture's time is long past

A quiet overcast sky, snow on the dome, hot pixels, a lit roof look the same for hours, and are no standing
picture. One exposure that is encoded twice with the same tables has the same pixels to the last: where two
pictures of the same tables differ nearly everywhere, however little, the camera lives. The owner can switch
off the witnesses "same picture" and "old Last-Modified", where a camera gives them wrongly.

There are two questions. :meth:`Freshness.check` and :meth:`Freshness.check_time` say whether one
still is *news*: a poll faster than the camera gets the same still twice, which is no fault, only
nothing to record. :meth:`Freshness.stale` says whether the feed *has stopped*: there has been no
news for ``stale_after_s`` (two cadences at least), or what came is older than that already.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict, deque
from collections.abc import Collection
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt

from daemon.observation import Frame, Picture
from daemon.source.headers import encoder
from daemon.source.still import Still

SAME_BYTES = "same bytes"
SAME_PICTURE = "same picture"
CLOCK_STOPPED = "clock stopped"
OLD_LAST_MODIFIED = "old Last-Modified"
OLD_CLOCK = "old clock"
NOTHING_NEW = "nothing new"
FIRST_UNDATED = "first without a time"

_AT_ONCE = (OLD_LAST_MODIFIED, OLD_CLOCK)

REMEMBERED = 16
"""Stills whose bytes are remembered: a cluster of caches hands out a few old ones in turn."""

SKY_TURNS_S = 20.0
"""Seconds after which two pictures of one sky differ. Stars move 0.08°, a third of a pixel at
720 px; frames of a movie closer than this can be nearly alike, because its codec copies blocks."""

BLOCK = 12
"""Side of the squares compared, px of the 240 px disc: 3° of sky."""

LIVES = 0.3
"""Share of the squares in which pictures of the same tables must differ to be two exposures. A stamp drawn
anew over a standing picture changes fewer."""

_TEXTURE = 0.1  # grey levels²: a square smoother than this, in both pictures together, tells nothing
_WITNESSES = 20  # squares with texture below which two pictures cannot be compared
_NEW_NOISE = 0.4  # share of the texture that is new, median of the squares
_NEW_LIGHT = 0.5  # change of a square's brightness, grey levels, 98th percentile of the squares
# Measured on 247 real AuroraMAX frames: one frame encoded anew at JPEG quality 75 has at most 0.33
# and 0.46, the next frame 38 s later at least 0.36 and 1.5. A sky that does not change at all but
# for noise of 3 grey levels a pixel has 0.93 and 0.20.


class Freshness:
    """What one camera's feed has given so far, and since when it has given nothing new.

    ``cadence_s`` is the seconds between looks, ``stale_after_s`` the age past which the feed
    has stopped. Times are those of the stills and frames; a stretch without any call (the day) does
    not count as silence, unless it was announced (:meth:`expect`). ``ignore`` names witnesses that are not heard: "same picture", "Last-Modified".
    """

    def __init__(self, cadence_s: float, stale_after_s: float, ignore: Collection[str] = ()) -> None:
        self.limit = timedelta(seconds=max(stale_after_s, 2 * cadence_s))
        self._ignore = frozenset(ignore)
        self._by_encoder: OrderedDict[bytes, Picture] = OrderedDict()
        self._digests: deque[bytes] = deque(maxlen=REMEMBERED)
        self._reference: tuple[Picture, datetime] | None = None
        self._time: datetime | None = None
        self._since: datetime | None = None
        self._called_at: datetime | None = None
        self._expected_at: datetime | None = None
        self._reason: str | None = None
        self._anew = False
        self._first = True

    def check(self, still: Still, frame: Frame, *, undated: bool = False) -> str | None:
        """The reason why a still is no news, or None where it may be: then ask :meth:`check_time`.

        ``frame.square`` is its sky disc as the model sees it, (240, 240, 3). Where it is ``undated`` nothing but our own
        clock gives its time, and the first of a feed may be the last from before it stopped: only what follows it is new.
        """
        self._hear(still.fetched_at)
        digest = hashlib.sha256(still.data).digest()
        known = digest in self._digests
        if not known:
            self._digests.append(digest)
        if self._is_old(still):
            return self._no_news(OLD_LAST_MODIFIED)
        if known:
            return self._no_news(SAME_BYTES)
        if "same picture" not in self._ignore and self._seen_before(frame.square, still):
            return self._no_news(SAME_PICTURE)
        first, self._first = self._first, False
        return FIRST_UNDATED if first and undated else None

    def check_time(self, frame: Frame) -> str | None:
        """The reason why a dated frame is no news, or None: then it is, and the feed moves."""
        at = frame.observed_at
        if at is not None:
            if at == self._time:
                return self._no_news(CLOCK_STOPPED)
            if frame.fetched_at - at > self.limit:
                return self._no_news(OLD_CLOCK)
        self._time = at
        self._since = frame.fetched_at
        self._reason = None
        return None

    def stale(self, now: datetime) -> str | None:
        """Why the feed has stopped, or None while it has not. Ask after each look."""
        self._hear(now)
        anew, self._anew = self._anew, False
        if self._reason in _AT_ONCE and not anew:
            return self._reason
        assert self._since is not None
        return (self._reason or NOTHING_NEW) if now - self._since >= self.limit else None

    def go_on_from(self, before: Freshness) -> None:
        """Know what was seen of the same feed under another configuration; limit and witnesses stay one's own."""
        limit, ignore = self.limit, self._ignore
        vars(self).update(vars(before))
        self.limit, self._ignore = limit, ignore

    def expect(self, at: datetime) -> None:
        """The next call is planned for then: a feed that is asked seldom, or asked to be, is silent all the same."""
        self._expected_at = at

    def _hear(self, now: datetime) -> None:
        """Start counting silence anew after a long pause, or where our own clock was put: back, or on, which looks the same.

        What is old by that clock may be the newest there is, until the next look.
        """
        due = max(filter(None, (self._called_at, self._expected_at)), default=now)
        paused = now - due > self.limit
        if self._since is None or paused or now < self._since:
            self._anew = self._since is not None
            self._since = now
            self._reason = None
        self._called_at = now

    def _no_news(self, reason: str) -> str:
        self._reason = reason
        return reason

    def _is_old(self, still: Still) -> bool:
        if still.last_modified is None or "Last-Modified" in self._ignore:
            return False
        return still.fetched_at - still.last_modified > self.limit

    def _seen_before(self, square: Picture, still: Still) -> bool:
        """Is this the sky of the reference, later than a sky can stay as it is, and no new exposure of it?"""
        alike = self._reference is not None and same_picture(self._reference[0], square)
        if not self._lives(square, still.data) and alike:
            assert self._reference is not None
            return abs((still.fetched_at - self._reference[1]).total_seconds()) >= SKY_TURNS_S
        self._reference = (square, still.fetched_at)
        # Pictures from before the reference say nothing of whether this one is another exposure than it.
        while len(self._by_encoder) > 1:
            self._by_encoder.popitem(last=False)
        return False

    def _lives(self, square: Picture, data: bytes) -> bool:
        """Is this another exposure than the last one that was encoded alike?"""
        tables = encoder(data)
        before = self._by_encoder.pop(tables, None)
        self._by_encoder[tables] = square
        if len(self._by_encoder) > REMEMBERED:
            self._by_encoder.popitem(last=False)
        return before is not None and new_exposure(before, square)


def new_exposure(one: Picture, other: Picture) -> bool:
    """Of two sky discs, (n, n, 3), encoded with the same tables: are they two exposures?"""
    if one.shape != other.shape:
        return True
    differs = int(_squares(np.any(one != other, axis=2).astype(np.float32)).any(axis=1).sum())
    shown = int(_squares(np.maximum(_grey(one), _grey(other))).any(axis=1).sum())
    return differs >= LIVES * max(1, shown)


def same_picture(one: Picture, other: Picture) -> bool:
    """Are two sky discs, (n, n, 3), one exposure encoded twice?

    Every exposure has noise of its own, and an encoder changes little of it: so the fine texture
    of each square is compared with that of the other picture, and its brightness too. A dark and
    quiet sky is told from a frozen one by its noise alone. False where there is too little texture
    to tell, as in a black picture.
    """
    if one.shape != other.shape:
        return False
    if np.array_equal(one, other):
        return bool(np.count_nonzero(_textured(_fine(one), _fine(one))) >= _WITNESSES)
    fine_one, fine_other = _fine(one), _fine(other)
    textured = _textured(fine_one, fine_other)
    if np.count_nonzero(textured) < _WITNESSES:
        return False
    light = np.abs(_squares(_grey(one) - _grey(other)).mean(axis=1))
    if float(np.percentile(light, 98)) > _NEW_LIGHT:
        return False
    texture = _energy(fine_one) + _energy(fine_other)
    new = _energy(fine_one - fine_other)
    return float(np.median(new[textured] / texture[textured])) <= _NEW_NOISE


_Plane = npt.NDArray[np.float32]


def _grey(square: Picture) -> _Plane:
    return np.asarray(square.mean(axis=2, dtype=np.float32))


def _fine(square: Picture) -> _Plane:
    """What is left of the brightness when its mean over 5 × 5 pixels is taken away."""
    grey = _grey(square)
    sums = np.cumsum(np.cumsum(np.pad(grey.astype(np.float64), ((3, 2), (3, 2)), mode="edge"), 0), 1)
    mean = (sums[5:, 5:] - sums[:-5, 5:] - sums[5:, :-5] + sums[:-5, :-5]) / 25
    return np.asarray(grey - mean, dtype=np.float32)


def _squares(plane: _Plane) -> _Plane:
    """(n, n) → (squares, pixels of one), what does not fill a square left out."""
    count = plane.shape[0] // BLOCK
    cut = plane[: count * BLOCK, : count * BLOCK].reshape(count, BLOCK, count, BLOCK)
    return cut.transpose(0, 2, 1, 3).reshape(count * count, BLOCK * BLOCK)


def _energy(fine: _Plane) -> _Plane:
    return np.asarray((_squares(fine) ** 2).mean(axis=1))


def _textured(one: _Plane, other: _Plane) -> npt.NDArray[np.bool_]:
    return np.asarray(_energy(one) + _energy(other) > _TEXTURE)
