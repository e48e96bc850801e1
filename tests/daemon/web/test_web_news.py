"""News for programs: the state as it changes, the feed of events, and the present picture with our word on it."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import numpy as np
import pytest

from daemon.footage import image
from daemon.web import news, turns
from tests import web_night
from tests.web_night import CAMERA, ONSET, House, looking

ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with web_night.house(tmp_path_factory.mktemp("news"), minutes=ONSET + 20) as made:
        yield made


class Listener:
    """One who listens to the stream, in a thread of its own."""

    def __init__(self, house: House, query: str = "") -> None:
        self.status = 0
        self.states: list[dict[str, Any]] = []
        self.lines = 0
        self._leave = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(f"{house.url}/api/stream{query}",))
        self._thread.start()

    def _run(self, url: str) -> None:
        with httpx.Client(timeout=20) as client, client.stream("GET", url) as reply:
            self.status = reply.status_code
            for line in reply.iter_lines():
                self.lines += 1
                if line.startswith("data: "):
                    self.states.append(json.loads(line.removeprefix("data: ")))
                if self._leave.is_set():
                    return

    def heard(self, count: int) -> list[dict[str, Any]]:
        """Wait for so many states."""
        end = time.monotonic() + 20
        while len(self.states) < count:
            assert time.monotonic() < end
            time.sleep(0.01)
        return self.states

    def close(self) -> None:
        self._leave.set()
        self._thread.join(20)
        assert not self._thread.is_alive()


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(news, "LOOK_S", 0.02)
    monkeypatch.setattr(news, "BEAT_S", 0.1)


def test_the_stream_says_what_is_and_then_what_changes(house: House) -> None:
    """The state at once, again when the feed stops, and no more than the changes."""
    listener = Listener(house)
    try:
        (first,) = listener.heard(1)
        assert (first["name"], first["state"], first["verdict"]) == (CAMERA, "live", "aurora")
        before = house.watch.cameras[CAMERA]
        house.watch.cameras[CAMERA] = replace(before, stale="same picture", stale_since=house.watch.now)
        assert listener.heard(2)[1]["state"] == "stale"
        house.watch.cameras[CAMERA] = replace(before, progressed_at=house.watch.now)
        assert listener.heard(3)[2]["state"] == "live"
        house.watch.cameras[CAMERA] = replace(before, progressed_at=house.watch.now + timedelta(seconds=1))
        lines = listener.lines
        while listener.lines < lines + 4:  # beats: it is still there
            time.sleep(0.01)
        assert len(listener.states) == 3
    finally:
        listener.close()


def test_listeners_are_bounded_and_one_who_leaves_makes_room(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So many of one client; pages are answered meanwhile; a place is free again once somebody has left."""
    monkeypatch.setattr(turns, "MOST_OF_ONE", 2)
    listeners = [Listener(house) for _ in range(2)]
    try:
        for one in listeners:
            one.heard(1)
        assert httpx.get(f"{house.url}/api/stream").status_code == 503
        assert httpx.get(f"{house.url}/season").status_code == 200
    finally:
        for one in listeners:
            one.close()
    end = time.monotonic() + 10
    while house.app.state.site.streams._of_one.total():
        assert time.monotonic() < end
        time.sleep(0.02)
    again = Listener(house)
    again.heard(1)
    again.close()


def test_a_stream_ends_with_the_page(tmp_path: Any) -> None:
    """At once: a stop waits for nobody who only listens."""
    with web_night.house(tmp_path, minutes=3) as house:
        listener = Listener(house)
        listener.heard(1)
        begun = time.monotonic()
        house.server.stop()
        assert time.monotonic() - begun < 2.5
        listener.close()


@pytest.mark.parametrize("query", ["?camera=nobody", "?x=1"])
def test_a_stream_of_nothing_is_refused(house: House, query: str) -> None:
    """As everywhere in the interface."""
    assert httpx.get(f"{house.url}/api/stream{query}").status_code in (400, 404)


def test_the_feed_is_atom_with_the_events_and_their_pictures(house: House) -> None:
    """Well-formed, ids that stay, absolute links that lead somewhere; unchanged is 304."""
    reply = httpx.get(f"{house.url}/events.atom")
    assert reply.headers["content-type"] == "application/atom+xml"
    feed = ET.fromstring(reply.text)
    assert feed.tag == f"{ATOM}feed"
    for name in ("title", "id", "updated", "author"):
        assert feed.find(f"{ATOM}{name}") is not None
    (entry,) = feed.findall(f"{ATOM}entry")
    event = web_night.event_of(ONSET + 20)
    assert event.id in (entry.findtext(f"{ATOM}id") or "")
    assert "not over yet" in (entry.findtext(f"{ATOM}summary") or "")
    assert "Probability at most" in (entry.findtext(f"{ATOM}summary") or "")
    links = {link.get("rel", "alternate"): link.get("href") for link in entry.findall(f"{ATOM}link")}
    assert links["alternate"] == f"{house.url}/events#event-{event.id}"
    assert httpx.get(str(links["enclosure"])).headers["content-type"] == "image/jpeg"
    same = httpx.get(f"{house.url}/events.atom", headers={"if-none-match": reply.headers["etag"]})
    assert same.status_code == 304
    assert httpx.get(f"{house.url}/events.atom?camera=nobody").status_code == 404


def test_an_event_that_nobody_sees_end_is_not_called_under_way(tmp_path: Any) -> None:
    """Without a picture of the present the feed says when aurora was last seen, as the page does."""
    with web_night.house(tmp_path, minutes=ONSET + 20) as house:
        house.watch.now += timedelta(hours=20)
        summary = httpx.get(f"{house.url}/events.atom").text
        assert "not over yet" not in summary
        assert "21:20:00 MST, last seen 21:39:00 MST" in summary
        assert "21:20, last seen 21:39" in httpx.get(f"{house.url}/events").text


def test_a_camera_s_feed_is_a_feed_of_its_own(house: House) -> None:
    """Its id and its own address name the camera: readers neither take it for the other nor go over to it."""
    whole, one = (
        ET.fromstring(httpx.get(f"{house.url}/events.atom{query}").text)
        for query in ("", f"?camera={CAMERA}")
    )
    for feed, query in ((whole, ""), (one, f"?camera={CAMERA}")):
        own = f"{house.url}/events.atom{query}"
        links = {link.get("rel"): link.get("href") for link in feed.findall(f"{ATOM}link")}
        assert (feed.findtext(f"{ATOM}id"), links["self"]) == (own, own)


def test_a_sure_event_of_the_feed_is_over_99_percent(tmp_path: Any) -> None:
    """Not "at most over 99 %", which says nothing."""
    with web_night.house(tmp_path, minutes=ONSET + 20) as house:
        house.store.put_event(replace(web_night.event_of(ONSET + 20), peak_probability=0.9999))
        assert "Probability over 99 %.</summary>" in httpx.get(f"{house.url}/events.atom").text


def test_an_event_of_the_feed_may_have_begun_earlier(tmp_path: Any) -> None:
    """Where the sky was not seen before its first picture; elsewhere nothing is added."""
    with web_night.house(tmp_path, minutes=ONSET + 20) as house:
        assert "or earlier" not in httpx.get(f"{house.url}/events.atom").text
        with closing(sqlite3.connect(house.store.path)) as db, db:
            db.execute("UPDATE events SET onset_at = (SELECT min(observed_at) FROM observations)")
        assert " or earlier, not over yet" in httpx.get(f"{house.url}/events.atom").text


def test_the_feed_of_a_watch_without_events_is_one_too(tmp_path: Any) -> None:
    """Empty, with the elements that a feed must have."""
    with web_night.house(tmp_path, minutes=3) as house:
        feed = ET.fromstring(httpx.get(f"{house.url}/events.atom").text)
        assert feed.find(f"{ATOM}updated") is not None
        assert feed.findall(f"{ATOM}entry") == []


def test_the_present_picture_comes_with_and_without_our_word(house: House) -> None:
    """The kept picture as it is; with ``overlay=true`` the outline in it and a line under it, which is 304 too."""
    house.watch.cameras[CAMERA] = looking(house.watch.now)
    plain = httpx.get(f"{house.url}/latest.jpg")
    drawn = httpx.get(f"{house.url}/latest.jpg?overlay=true")
    assert httpx.get(f"{house.url}/latest.jpg?overlay=false").content == plain.content
    before, after = image.decode(plain.content), image.decode(drawn.content)
    assert after.shape[1] == before.shape[1]
    assert after.shape[0] > before.shape[0]
    strip = after[before.shape[0] :]
    assert strip.max() > 150  # there is writing
    changed = np.abs(after[: before.shape[0]].astype(int) - before.astype(int)).max(axis=2) > 60
    assert 0 < changed.mean() < 0.3  # a line was drawn, and the sky is still there
    again = httpx.get(
        f"{house.url}/latest.jpg?overlay=true", headers={"if-none-match": drawn.headers["etag"]}
    )
    assert again.status_code == 304
    assert httpx.get(f"{house.url}/latest.jpg?overlay=maybe").status_code == 400


def test_a_caption_fits_whatever_it_says() -> None:
    """A long line is written smaller; letters that the font lacks become others, never an error."""
    sky = np.zeros((480, 480, 3), np.uint8)
    for text in ("", "clear", "aurora, bright, over much of the sky, north-north-west, 35° up, 21:50 ÅÄ" * 2):
        made = image.caption(sky, text)
        assert made.shape[1] == 480
        assert made[480:, -5:].max() == 0  # nothing runs out of the picture
