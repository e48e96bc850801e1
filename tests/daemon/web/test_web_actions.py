"""What changes anything: labels and judgements arrive, and nobody else's do."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from daemon.config import Settings
from daemon.record import snoozes
from tests import web_night
from tests.web_night import House, at_minute

TOKEN = "correct horse battery staple"


@pytest.fixture(scope="module")
def free(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A page that asks for no token."""
    with web_night.house(tmp_path_factory.mktemp("free"), minutes=320) as house:
        yield house


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A page that asks for a token."""
    with web_night.house(tmp_path_factory.mktemp("guarded"), minutes=320, token=TOKEN) as house:
        yield house


def a_label(minute: int = 250, **more: Any) -> dict[str, Any]:
    return {
        "camera": "yellowknife", "observed_at": at_minute(minute), "label": "aurora", "who": "Ada",
        "queue": "uncertainty",
    } | more  # fmt: skip


def kept(house: House) -> list[dict[str, Any]]:
    with house.ports.reader() as reader:
        return reader.labels()


def test_a_label_carries_who_when_and_what_the_model_had_said(free: House) -> None:
    """Everything training needs to know of a label is in its row."""
    reply = httpx.post(f"{free.url}/label", json=a_label(260, label="none"))
    assert reply.status_code == 201
    row = next(row for row in kept(free) if row["id"] == reply.json()["id"])
    assert (row["label"], row["labelled_by"], row["queue"]) == ("none", "Ada", "uncertainty")
    assert row["observed_at"] == at_minute(260)
    assert row["labelled_at"].endswith("Z")
    assert row["model_sha256"] == web_night.SHA
    assert row["model_verdict"] == "aurora"
    assert row["model_probability"] == pytest.approx(web_night.probability_at(260), abs=1e-3)


def test_a_label_can_be_taken_back_once(free: House) -> None:
    """Undo removes it from the valid labels; a second time there is nothing to take back."""
    label_id = httpx.post(f"{free.url}/label", json=a_label(261)).json()["id"]
    assert httpx.post(f"{free.url}/label/undo", json={"id": label_id}).status_code == 200
    assert label_id not in [row["id"] for row in kept(free)]
    assert httpx.post(f"{free.url}/label/undo", json={"id": label_id}).status_code == 404


def test_was_this_right_is_kept_on_the_event(free: House) -> None:
    """An answer by form leads back to the events; the newest answer counts and can be filtered by."""
    event = web_night.event_of(300).id
    with httpx.Client(base_url=free.url, headers={"origin": free.url}) as page:
        reply = page.post("/events/answer", data={"event_id": event, "label": "none"})
        assert reply.status_code == 303
        assert "Marked wrong." in page.get("/events").text
        assert "No event matches." in page.get("/events?judged=right").text
        page.post("/events/answer", json={"event_id": event, "label": "aurora", "who": "Ada"})
        assert "Marked right." in page.get("/events?judged=right").text


def test_alerts_are_silenced_for_a_while_and_woken(free: House, guarded: House) -> None:
    """Minutes from the page's clock, for all channels; 0 wakes; nobody without the token."""
    reply = httpx.post(f"{free.url}/snooze", json={"minutes": "90"})
    assert reply.status_code == 201
    now = free.ports.clock()
    with free.ports.reader() as reader:
        until = snoozes.active(reader, now)[""]
    assert timedelta(minutes=89) < until - now <= timedelta(minutes=90)
    httpx.post(f"{free.url}/snooze", json={"minutes": "0"})
    with free.ports.reader() as reader:
        assert snoozes.active(reader, free.ports.clock()) == {}
    assert httpx.post(f"{free.url}/snooze", json={"minutes": 0}).status_code == 201
    for wrong in (
        {"minutes": "-1"},
        {"minutes": 1441},
        {"minutes": "x"},
        {},
        {"minutes": True},
        {"minutes": 1.5},
    ):
        refused = httpx.post(f"{free.url}/snooze", json=wrong)
        assert (refused.status_code, "whole number up to 1440" in refused.text) == (400, True)
    assert httpx.post(f"{free.url}/snooze", json={"minutes": "5", "channel": "nobody"}).status_code == 404
    assert httpx.post(f"{guarded.url}/snooze", json={"minutes": "5"}).status_code == 401


@pytest.mark.parametrize(
    "spoilt",
    [
        {"label": "maybe"},
        {"who": ""},
        {"who": "=cmd()"},
        {"who": "x" * 41},
        {"who": "Ada\x00"},
        {"queue": "fun"},
        {"observed_at": "yesterday"},
        {"observed_at": "2024-02-10T05:00:00"},
        {"camera": 7},
        {"label": None},
    ],
)
def test_a_spoilt_label_is_refused_in_one_line(free: House, spoilt: dict[str, Any]) -> None:
    """400 with the field's name, and nothing kept."""
    before = len(kept(free))
    reply = httpx.post(f"{free.url}/label", json=a_label() | spoilt)
    assert reply.status_code == 400
    assert next(iter(spoilt)) in reply.json()["error"]
    assert len(kept(free)) == before


def test_a_label_for_a_frame_that_is_not_there_is_refused(free: House) -> None:
    """No label without its observation."""
    assert httpx.post(f"{free.url}/label", json=a_label(100_000)).status_code == 404
    assert httpx.post(f"{free.url}/label", json=a_label(camera="elsewhere")).status_code == 404
    reply = httpx.post(f"{free.url}/events/answer", json={"event_id": "none-such", "label": "none"})
    assert reply.status_code == 404


def test_who_leaves_in_the_middle_of_a_label_leaves_no_traceback(
    free: House, caplog: pytest.LogCaptureFixture
) -> None:
    """Half a body and the end of the connection: nobody to answer, nothing to log."""
    place = httpx.URL(free.url)
    head = f"POST /label HTTP/1.1\r\nHost: {place.host}\r\nContent-Type: application/json\r\nContent-Length: 90\r\n\r\n"
    with socket.create_connection((place.host, place.port or 80)) as leaving:
        leaving.sendall(head.encode() + b'{"camera":')
        time.sleep(0.3)
    assert httpx.get(f"{free.url}/-/healthy").status_code == 200
    time.sleep(0.2)
    assert not caplog.records


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b"\xff\xfe", b'"label"', b"[" * 5000, json.dumps({"label": "x" * 20_000}).encode()],
)
def test_a_spoilt_body_is_refused(free: House, body: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """Not JSON, not an object, too deep or too long: a client's error, never ours, and nothing to log."""
    reply = httpx.post(f"{free.url}/label", content=body, headers={"content-type": "application/json"})
    assert reply.status_code in (400, 413)
    assert "Traceback" not in reply.text
    assert not caplog.records


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/label",
        "/label/undo",
        "/events/answer",
        "/api/labels",
        "/api/events",
        "/frames/a.jpg",
        "/metrics",
    ],
)
def test_nothing_changes_by_get(free: House, path: str) -> None:
    """A GET with the very fields of a write writes nothing; doors that only write refuse it."""
    before = kept(free)
    reply = httpx.get(f"{free.url}{path}", params=a_label())
    assert reply.status_code in (200, 400, 404, 405)
    assert kept(free) == before


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"host": "evil.example"},
        {"host": "evil.example", "origin": "http://evil.example"},
        {"host": "[::1"},
    ],
)
def test_what_comes_from_another_site_is_refused(free: House, headers: dict[str, str]) -> None:
    """Foreign origins, foreign sites, and names rebound to this address: 403, and nothing kept."""
    before = len(kept(free))
    reply = httpx.post(f"{free.url}/label", json=a_label(), headers=headers)
    assert reply.status_code in (400, 403)
    assert len(kept(free)) == before


def test_a_forged_form_is_refused(free: House) -> None:
    """What any page could send without being asked first, a plain form without an origin, is refused."""
    fields = {"event_id": web_night.event_of(300).id, "label": "none"}
    assert httpx.post(f"{free.url}/events/answer", data=fields).status_code == 403
    text = httpx.post(
        f"{free.url}/label", content=json.dumps(a_label()), headers={"content-type": "text/plain"}
    )
    assert text.status_code == 403


def test_without_the_token_nothing_is_written(guarded: House) -> None:
    """Every door that writes asks for it; reading does not."""
    for path, body in (
        ("/label", a_label()),
        ("/label/undo", {"id": 1}),
        ("/events/answer", {"event_id": web_night.event_of(300).id, "label": "none"}),
    ):
        for headers in ({}, {"authorization": "Bearer wrong"}, {"cookie": "aurorad_key=wrong"}):
            reply = httpx.post(f"{guarded.url}{path}", json=body, headers=headers)
            assert reply.status_code == 401
            assert reply.headers["www-authenticate"] == "Bearer"
    assert kept(guarded) == []
    assert httpx.get(f"{guarded.url}/").status_code == 200
    assert "To give labels" in httpx.get(f"{guarded.url}/label").text


def test_the_token_opens_as_bearer_and_by_signing_in(guarded: House) -> None:
    """Programs send it; people give it once, and their browser keeps a stand-in that is not the token."""
    sent = httpx.post(f"{guarded.url}/label", json=a_label(251), headers={"authorization": f"Bearer {TOKEN}"})
    assert sent.status_code == 201
    with httpx.Client(base_url=guarded.url, headers={"origin": guarded.url}) as page:
        wrong = page.post("/sign-in", data={"token": "guess", "to": "/label"})
        assert wrong.status_code == 403
        right = page.post("/sign-in", data={"token": TOKEN, "to": "/label"})
        assert right.status_code == 303
        assert right.headers["location"] == "/label"
        cookie = right.headers["set-cookie"]
        assert TOKEN not in cookie
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert page.post("/label", json=a_label(252)).status_code == 201
        assert "signing in" not in page.get("/label").text


@pytest.mark.parametrize(
    "to", ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:1", "/a\r\nb:c"]
)
def test_signing_in_leads_nowhere_else(guarded: House, to: str) -> None:
    """The place to go on to is on this page, whatever the link said."""
    reply = httpx.post(
        f"{guarded.url}/sign-in", data={"token": TOKEN, "to": to}, headers={"origin": guarded.url}
    )
    assert reply.status_code == 303
    assert reply.headers["location"] == "/"


def test_the_token_is_shown_nowhere(guarded: House) -> None:
    """Not on a page, not in the API, not in the metrics, not in an object's text."""
    for path in ("/", "/label", "/sign-in", "/metrics", "/api/cameras", "/api/openapi.json", "/-/healthy"):
        assert TOKEN not in httpx.get(f"{guarded.url}{path}").text
    assert TOKEN not in repr(guarded.ports)


def test_what_is_done_on_a_camera_s_page_leads_back_to_it(tmp_path: Path) -> None:
    """Shared, or silenced by the form: the second camera's page, not the first's, and no page that is not ours."""
    settings = Settings.model_validate({"camera": [{"name": "yellowknife"}, {"name": "cabin"}]})
    with web_night.house(tmp_path, minutes=10, settings=settings) as house:
        assert 'data-share="/"' in httpx.get(f"{house.url}/?camera=yellowknife").text
        assert 'data-share="/?camera=cabin"' in httpx.get(f"{house.url}/?camera=cabin").text
        for camera, there in (("cabin", "/?camera=cabin"), ("yellowknife", "/"), ("//evil.example", "/")):
            given = {"channel": "", "minutes": "0", "camera": camera}
            reply = httpx.post(f"{house.url}/snooze", data=given, headers={"origin": house.url})
            assert (reply.status_code, reply.headers["location"]) == (303, there)
