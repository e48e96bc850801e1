"""Whatever a feed sends, reading it ends in readings or in a typed error, and readings can be believed."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.errors import FeedError
from daemon.spaceweather import parse
from daemon.spaceweather.feeds import Feed
from daemon.spaceweather.values import Index, SolarWind

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
READERS: list[Any] = [
    parse.magnetic_field,
    parse.plasma,
    parse.kp,
    parse.hp30,
    lambda data, now: parse.ovation(data, now, {"yk": (62.4, -114.4)}),
    lambda data, now: parse.hapi(data, now, "ykc"),
]
KEYS = st.sampled_from([
    "time_tag", "source", "active", "bt", "by_gsm", "bz_gsm", "proton_speed", "proton_density",
    "proton_temperature", "Kp", "datetime", "Hp30", "coordinates", "Observation Time", "Forecast Time",
    "parameters", "size", "fill", "name",
])  # fmt: skip
VALUES: Any = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**30), 10**30), st.floats(), st.text(max_size=8),
    st.sampled_from(["2026-11-26T11:58:00", "2026-11-26 11:58:00.000", "2026-11-26T11:58:00Z", "3", [3]]),
)  # fmt: skip
JSON = st.recursive(
    VALUES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=9),
    max_leaves=25,
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(JSON | st.binary(max_size=60))
def test_anything_at_all_is_a_reading_or_an_error_with_a_name(sent: Any) -> None:
    """Six readers, any JSON of their own words, any bytes: never another exception, never a value out of bounds."""
    data = sent if isinstance(sent, bytes) else json.dumps(sent).encode()
    for read in READERS:
        readings: list[Any] = []
        with contextlib.suppress(FeedError):
            readings = read(data, NOW)
        for reading in readings:
            assert NOW - parse.KEPT <= reading.at <= NOW + timedelta(hours=3)
            if isinstance(reading, Index):
                assert 0 <= reading.value <= 20
            if isinstance(reading, SolarWind) and reading.bz_nt is not None:
                assert abs(reading.bz_nt) <= 500


def test_a_feed_is_a_value_without_secrets_in_its_words() -> None:
    """What is logged of a feed names it and its provider, not how it is read."""
    feed = Feed("kp", "NOAA SWPC", "public domain", timedelta(minutes=30), lambda _: "http://x/", parse.kp)
    assert "parse" not in repr(feed)
