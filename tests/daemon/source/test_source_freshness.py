"""News or not, and does the feed stand still: the four witnesses, on noise and on real frames."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from daemon.observation import Frame, Picture
from daemon.source.freshness import Freshness, same_picture
from daemon.source.still import Still
from models.preprocess import shrink

START = datetime(2024, 2, 10, 5, 0, 0, tzinfo=UTC)
SEQUENCE = Path(__file__).parents[3] / "../shared/data/auroramax/sequence"


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


@lru_cache(maxsize=64)
def dark_sky(seed: int) -> npt.NDArray[np.uint8]:
    """A quiet dark sky, (720, 720, 3): the same glow and trees each time, noise of its own."""
    y, x = np.mgrid[-1:1:720j, -1:1:720j]
    glow = 14 + 6 * y + 10 * (np.hypot(x, y) > 0.93)
    noise = np.random.default_rng(seed).normal(0, 3, (720, 720, 3))
    return np.clip(glow[..., None] + noise, 0, 255).astype(np.uint8)


def encoded(pixels: npt.NDArray[np.uint8], quality: int = 90, interval: int = 0) -> bytes:
    """A JPEG; another restart ``interval`` gives other bytes for the same pixels."""
    how = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_RST_INTERVAL, interval]
    return cv2.imencode(".jpg", pixels, how)[1].tobytes()


def square_of(data: bytes) -> Picture:
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    return shrink(np.asarray(decoded, dtype=np.uint8))


class Feed:
    """A camera's feed as the pipeline hands it to Freshness, a minute apart unless told."""

    def __init__(self, cadence_s: float = 60.0, stale_after_s: float = 900.0) -> None:
        self.freshness = Freshness(cadence_s, stale_after_s)

    def give(
        self,
        data: bytes,
        at: datetime,
        stamp: datetime | None = None,
        last_modified: datetime | None = None,
    ) -> str | None:
        """One still through both questions; its reason."""
        still = Still(data, at, last_modified or at, "here", "still.jpg")
        frame = Frame("camera", square_of(data), b"", None, "here", at)
        reason = self.freshness.check(still, frame)
        return reason or self.freshness.check_time(replace(frame, observed_at=stamp or at))

    def stale(self, at: datetime) -> str | None:
        """What a look at that time would say."""
        return self.freshness.stale(at)


def test_a_feed_that_moves_is_news_all_night() -> None:
    """A quiet dark sky, its noise new each minute, is never taken for a frozen one."""
    feed = Feed()
    for minute in range(20):
        at = START + minutes(minute)
        assert feed.give(encoded(dark_sky(minute)), at) is None
        assert feed.stale(at) is None


def test_the_same_bytes_once_are_only_no_news() -> None:
    """A poll faster than the camera gets a still twice: nothing to record, and nothing wrong."""
    feed = Feed()
    data = encoded(dark_sky(1))
    assert feed.give(data, START) is None
    assert feed.give(data, START + minutes(1), stamp=START + minutes(1)) == "same bytes"
    assert feed.stale(START + minutes(1)) is None
    assert feed.give(encoded(dark_sky(2)), START + minutes(2)) is None


def frozen_bytes(minute: int) -> tuple[bytes, datetime | None, datetime | None]:
    return encoded(dark_sky(1)), START + minutes(minute), None


def frozen_pixels(minute: int) -> tuple[bytes, datetime | None, datetime | None]:
    return encoded(dark_sky(1), 92 - minute % 8, minute), START + minutes(minute), None


def frozen_clock(minute: int) -> tuple[bytes, datetime | None, datetime | None]:
    return encoded(dark_sky(minute)), START, None


@pytest.mark.parametrize(
    ("feeding", "reason"),
    [
        (frozen_bytes, "same bytes"),
        (frozen_pixels, "same picture"),
        (frozen_clock, "clock stopped"),
    ],
)
def test_each_witness_alone_says_that_the_feed_stands_still(feeding: object, reason: str) -> None:
    """Bytes, pixels or clock frozen, all else moving: no row at once, stale after stale_after_s, then over."""
    assert callable(feeding)
    feed = Feed()
    for minute in range(20):
        at = START + minutes(minute)
        data, stamp, modified = feeding(minute)
        given = feed.give(data, at, stamp, modified)
        assert given == (None if minute == 0 else reason)
        assert feed.stale(at) == (reason if minute >= 15 else None)
    at = START + minutes(20)
    assert feed.give(encoded(dark_sky(99)), at) is None
    assert feed.stale(at) is None


def test_an_old_last_modified_is_stale_at_once() -> None:
    """A server that itself says its picture is months old is believed at the first answer."""
    feed = Feed()
    assert feed.give(encoded(dark_sky(1)), START, last_modified=START - minutes(60)) == "old Last-Modified"
    assert feed.stale(START) == "old Last-Modified"


def test_a_clock_long_past_is_stale_at_once() -> None:
    """An old stream under new headers is told by its burnt-in time."""
    feed = Feed()
    assert feed.give(encoded(dark_sky(1)), START, stamp=START - timedelta(days=90)) == "old clock"
    assert feed.stale(START) == "old clock"


def test_silence_is_stale_and_over_with_the_first_news() -> None:
    """No still at all (304, errors) counts like any other standstill."""
    feed = Feed()
    assert feed.give(encoded(dark_sky(1)), START) is None
    for minute in range(1, 15):
        assert feed.stale(START + minutes(minute)) is None
    assert feed.stale(START + minutes(15)) == "nothing new"
    assert feed.give(encoded(dark_sky(2)), START + minutes(16)) is None
    assert feed.stale(START + minutes(16)) is None


def test_stale_is_not_said_before_two_cadences() -> None:
    """A slow watch with a short stale_after_s does not call every look stale."""
    feed = Feed(cadence_s=600, stale_after_s=60)
    assert feed.give(encoded(dark_sky(1)), START) is None
    assert feed.stale(START + minutes(19)) is None
    assert feed.stale(START + minutes(20)) == "nothing new"


def test_the_day_is_no_silence() -> None:
    """After hours without a look the count begins anew: the feed gets its time to come back."""
    feed = Feed()
    assert feed.give(encoded(dark_sky(1)), START) is None
    evening = START + timedelta(hours=12)
    assert feed.stale(evening) is None
    assert feed.stale(evening + minutes(14)) is None
    assert feed.stale(evening + minutes(15)) == "nothing new"


def test_a_wait_of_our_own_choosing_is_no_pause() -> None:
    """A feed that is asked seldom, or wants to be, stays silent; a machine that slept past it counts anew."""
    feed = Feed()
    assert feed.give(encoded(dark_sky(1)), START) is None
    feed.freshness.expect(START + minutes(30))
    assert feed.stale(START + minutes(30)) == "nothing new"
    feed.freshness.expect(START + minutes(60))
    assert feed.stale(START + minutes(90)) is None


def test_our_own_clock_put_back_makes_nothing_stale() -> None:
    """After our clock jumps, standstill is counted from the jump."""
    feed = Feed()
    assert feed.give(encoded(dark_sky(1)), START) is None
    back = START - timedelta(hours=3)
    assert feed.stale(back) is None
    assert feed.stale(back + minutes(14)) is None
    assert feed.stale(back + minutes(15)) == "nothing new"


def test_our_own_clock_put_on_makes_nothing_stale_until_the_next_look() -> None:
    """The newest picture is an hour old by the new clock; what comes next is new by it."""
    feed = Feed()
    assert feed.give(encoded(dark_sky(1)), START) is None
    later = START + timedelta(hours=1)
    assert feed.give(encoded(dark_sky(2)), later, last_modified=START + minutes(1)) == "old Last-Modified"
    assert feed.stale(later) is None
    assert feed.give(encoded(dark_sky(3)), later + minutes(1), last_modified=START + minutes(2)) is not None
    assert feed.stale(later + minutes(1)) == "old Last-Modified"


def test_caches_that_take_turns_bring_no_news() -> None:
    """Two old stills handed out by turns are both known."""
    feed = Feed()
    one, two = encoded(dark_sky(1)), encoded(dark_sky(2))
    assert feed.give(one, START) is None
    assert feed.give(two, START + minutes(1)) is None
    assert feed.give(one, START + minutes(2)) == "same bytes"
    assert feed.give(two, START + minutes(3)) == "same bytes"


def test_a_black_picture_proves_nothing() -> None:
    """Without texture there is nothing to compare: the other witnesses decide."""
    black = np.zeros((240, 240, 3), np.uint8)
    assert not same_picture(black, black.copy())


@pytest.mark.skipif(not SEQUENCE.exists(), reason="the real frames of ../shared/data are not here")
def test_real_frames_are_told_from_their_own_copies() -> None:
    """247 real frames: none is taken for the one before it, each is known when encoded anew at 75 to 95."""
    before: Picture | None = None
    for number, path in enumerate(sorted(SEQUENCE.glob("*.jpg"))):
        data = path.read_bytes()
        square = square_of(data)
        if before is not None:
            assert not same_picture(before, square), path.name
        before = square
        if number % 10 == 0:
            decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
            assert decoded is not None
            for quality in (75, 85, 95):
                again = square_of(encoded(np.asarray(decoded, dtype=np.uint8), quality))
                assert same_picture(square, again), (path.name, quality)


def still_scene(kind: str, seed: int, noise: float = 1.5) -> npt.NDArray[np.uint8]:
    """A scene that stays the same for hours, (720, 720, 3), as one exposure shows it: noise of its own."""
    always = np.random.default_rng(7)
    y, x = np.mgrid[-1:1:720j, -1:1:720j]
    scene = np.repeat((60 + 10 * y)[..., None], 3, 2)
    if kind == "snow":
        scene += cv2.GaussianBlur(always.normal(0, 60, (720, 720)), (0, 0), 2)[..., None]
    elif kind == "hot pixels":
        hot = always.random((720, 720)) < 0.004
        scene[hot] += always.uniform(30, 150, (int(hot.sum()), 1))
    elif kind == "lit roof":
        scene += (np.hypot(x, y) > 0.7)[..., None] * (np.sin(x * 120) * np.sin(y * 90))[..., None] * 40
    shot = scene + np.random.default_rng(seed).normal(0, noise, (720, 720, 3))
    return np.clip(shot, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("quality", [75, 90])
@pytest.mark.parametrize("kind", ["overcast", "snow", "hot pixels", "lit roof"])
def test_a_scene_that_stays_the_same_is_no_standing_picture(kind: str, quality: int) -> None:
    """A quiet overcast sky, snow on the dome, hot pixels, a lit roof: news all night, never stale."""
    feed = Feed()
    for minute in range(20):
        at = START + minutes(minute)
        assert feed.give(encoded(still_scene(kind, minute), quality), at) is None, minute
        assert feed.stale(at) is None


@pytest.mark.parametrize("kind", ["overcast", "snow", "hot pixels", "lit roof"])
def test_a_standing_picture_of_such_a_scene_is_still_told(kind: str) -> None:
    """The same exposure encoded anew, under a stamp that goes on within the disc: stale after a quarter of an hour."""
    feed = Feed()
    for minute in range(10):
        assert feed.give(encoded(still_scene(kind, minute)), START + minutes(minute)) is None
    for minute in range(10, 27):
        at = START + minutes(minute)
        shown = still_scene(kind, 9).copy()
        cv2.putText(shown, f"05:{minute}", (300, 600), cv2.FONT_HERSHEY_SIMPLEX, 1.0, (255, 255, 255), 2)
        assert feed.give(encoded(shown, interval=minute), at) == "same picture"
    assert feed.stale(START + minutes(26)) == "same picture"


def test_the_owner_can_switch_a_witness_off() -> None:
    """`ignore_witnesses`: the same pixels and an old Last-Modified are then no reason; the same bytes are."""
    feed = Feed()
    feed.freshness = Freshness(60, 900, ("same picture", "Last-Modified"))
    for minute in range(20):
        at = START + minutes(minute)
        again = encoded(dark_sky(1), interval=minute + 1)
        assert feed.give(again, at, last_modified=START - minutes(90)) is None
        assert feed.give(again, at) == "same bytes"
