"""What the feeds send is read as it is meant, and what has changed its shape is an error with a name."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from daemon.errors import FeedError
from daemon.spaceweather import parse
from daemon.spaceweather.values import Forecast, Index
from training.simulator.space_weather import LIES, SpaceFeeds

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
PLACES = {"yk": (62.4333, -114.35)}
FEEDS: dict[str, Any] = {
    "/json/rtsw/rtsw_mag_1m.json": parse.magnetic_field,
    "/json/rtsw/rtsw_wind_1m.json": parse.plasma,
    "/products/noaa-planetary-k-index.json": parse.kp,
    "/json/ovation_aurora_latest.json": lambda data, now: parse.ovation(data, now, PLACES),
    "/app/json/?index=Hp30": parse.hp30,
    "/GIN_V1/hapi/data?time.min=2026-11-26T08:00:00Z&time.max=2026-11-26T12:00:00Z": lambda data, now: (
        parse.hapi(data, now, "ykc")
    ),
}


def mag(**changed: Any) -> dict[str, Any]:
    row = {
        "time_tag": "2026-11-26T11:58:00", "source": "SOLAR1", "active": True,
        "bt": 9.1, "bx_gsm": 1.0, "by_gsm": -3.0, "bz_gsm": -8.2,
    }  # fmt: skip
    return row | changed


def sent(*rows: Any) -> bytes:
    return json.dumps(rows).encode()


@pytest.fixture(scope="module")
def feeds() -> SpaceFeeds:
    return SpaceFeeds(seed=3)


@pytest.mark.parametrize("path", FEEDS)
def test_every_feed_s_own_format_is_read(path: str, feeds: SpaceFeeds) -> None:
    """What the stand-in sends in each real feed's shape comes back as readings, oldest first, none of the future."""
    feeds.lie = None
    body = feeds.answer(path, NOW)
    assert body is not None
    readings = FEEDS[path](body, NOW)
    times = [reading.at for reading in readings]
    assert times == sorted(set(times))
    assert times[0] > NOW - parse.KEPT


@pytest.mark.parametrize("lie", [lie for lie in LIES if lie != "nulls"])
@pytest.mark.parametrize("path", FEEDS)
def test_a_lying_feed_is_a_typed_error(path: str, lie: str, feeds: SpaceFeeds) -> None:
    """Other keys, words for numbers, times of next year, absurd values: an error with a reason, never a reading."""
    feeds.lie = lie
    body = feeds.answer(path, NOW)
    assert body is not None
    with pytest.raises(FeedError) as told:
        FEEDS[path](body, NOW)
    assert told.value.reason in ("changed shape", "implausible", "not JSON")


def test_only_the_active_spacecraft_counts_and_a_null_stays_unknown() -> None:
    """Rows of two spacecraft come in turn; the one that NOAA trusts is taken, whatever the order."""
    rows = sent(
        mag(time_tag="2026-11-26T11:59:00", bz_gsm=None), mag(source="ACE", active=False, bz_gsm=5.0), mag()
    )
    first, second = parse.magnetic_field(rows, NOW)
    assert (first.bz_nt, first.by_nt, first.field_source) == (-8.2, -3.0, "SOLAR1")
    assert (second.bz_nt, second.bt_nt) == (None, 9.1)


def test_the_beginning_of_a_list_is_enough() -> None:
    """A range of bytes ends within an object: those before it are read."""
    whole = sent(mag(), mag(time_tag="2026-11-26T11:57:00"), mag(time_tag="2026-11-26T11:56:00"))
    assert len(parse.magnetic_field(whole[: len(whole) - 40], NOW)) == 2


def test_kp_is_read_in_both_of_its_shapes() -> None:
    """Objects since March 2026; until then lists under a heading, with texts for numbers."""
    new = sent({"time_tag": "2026-11-26T09:00:00", "Kp": 4.33})
    old = sent(["time_tag", "Kp", "a_running"], ["2026-11-26 09:00:00.000", "4.33", "32"])
    at = datetime(2026, 11, 26, 9, tzinfo=UTC)
    assert parse.kp(new, NOW) == parse.kp(old, NOW) == [Index("kp", at, 4.33)]


def test_ovation_gives_the_figure_of_the_camera_s_own_degree() -> None:
    """East longitudes run from 0 to 359: Yellowknife's 114.35° west is 246."""
    body = json.dumps({
        "Observation Time": "2026-11-26T11:50:00Z", "Forecast Time": "2026-11-26T12:40:00Z",
        "coordinates": [[245, 62, 1], [246, 62, 37], [246, 63, 2], [114, 62, 3]],
    }).encode()  # fmt: skip
    [figure] = parse.ovation(body, NOW, PLACES)
    later = timedelta(minutes=40)
    assert figure == Forecast("yk", NOW + later, NOW - timedelta(minutes=10), 37.0)


def test_hp30_leaves_out_what_is_not_computed_yet() -> None:
    """GFZ marks it with −1."""
    body = json.dumps({"datetime": ["2026-11-26T11:00:00Z", "2026-11-26T11:30:00Z"], "Hp30": [2.333, -1]})
    assert [index.value for index in parse.hp30(body.encode(), NOW)] == [2.333]


def test_a_magnetometer_s_fill_is_no_measurement() -> None:
    """99999 is HAPI's word for nothing, as its header says."""
    header = '#{"parameters": [{"name": "Time"}, {"name": "Field_Vector", "size": [3], "fill": "99999.0"}]}\n'
    lines = "2026-11-26T11:00:00Z,8500.1,2500.2,58000.3\n2026-11-26T11:01:00Z,99999.00,99999.0,99999\n"
    [minute] = parse.hapi((header + lines).encode(), NOW, "ykc")
    assert (minute.x_nt, minute.y_nt, minute.z_nt) == (8500.1, 2500.2, 58000.3)


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff\xfe\x00", b"{}", b"[1, 2]", b'[{"time_tag": 3}]'])
def test_what_is_no_feed_at_all_is_an_error(body: bytes) -> None:
    """An error page, nothing, bytes: typed, whichever feed was asked."""
    for read in (parse.magnetic_field, parse.plasma, parse.kp, parse.hp30):
        with pytest.raises(FeedError):
            read(body, NOW)
