"""Behind a reverse proxy: any sub-path, any Host, a frame where one is allowed, and no more than that."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from daemon.config import DaemonSettings, Settings
from daemon.web import behind
from tests import web_night
from tests.web_night import House

URL = "https://sky.example.org/aurora"
TOKEN = "correct horse battery staple"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A page that people reach under a sub-path of another name, and may put into frames."""
    daemon = DaemonSettings(url=f"{URL}/", frame_ancestors=("self", "https://home.example:8123"))
    with web_night.house(
        tmp_path_factory.mktemp("behind"), minutes=10, token=TOKEN, settings=Settings(daemon=daemon)
    ) as made:
        yield made


@pytest.mark.parametrize(
    ("headers", "root"),
    [
        ({}, "/own"),
        ({"x-forwarded-prefix": "/sky"}, "/sky"),
        ({"x-forwarded-prefix": "/sky/"}, "/sky"),
        ({"x-forwarded-prefix": "/a/b, /c"}, "/a/b"),
        ({"x-ingress-path": "/api/hassio_ingress/Ab-_9"}, "/api/hassio_ingress/Ab-_9"),
        ({"x-ingress-path": "/in", "x-forwarded-prefix": "/sky"}, "/in"),
        ({"x-forwarded-prefix": "//evil.example"}, "/own"),
        ({"x-forwarded-prefix": "/../x"}, "/own"),
        ({"x-forwarded-prefix": "/a\"><script>"}, "/own"),
        ({"x-forwarded-prefix": "sky"}, "/own"),
        ({"x-forwarded-prefix": "/" + "a" * 300}, "/own"),
    ],
)  # fmt: skip
def test_the_path_people_see(headers: dict[str, str], root: str) -> None:
    """Ingress first, then the proxy's prefix, then the configured address; what is no plain path is not heeded."""
    assert behind.root_of(Headers(headers), "/own") == root


@given(st.text(max_size=40).filter(str.isascii))
def test_no_header_becomes_another_site_s_address(given: str) -> None:
    """A root begins with one slash and a letter: a link made with it leads nowhere else."""
    root = behind.root_of(Headers({"x-forwarded-prefix": given}), "")
    assert root == "" or re.fullmatch(r"/[A-Za-z0-9_~-][A-Za-z0-9._~/-]*", root)


@pytest.mark.parametrize(
    "cut_off", [True, False], ids=["the proxy cuts its path off", "the proxy leaves it on"]
)
@pytest.mark.parametrize("named", [True, False], ids=["by header", "by [daemon] url"])
def test_every_page_answers_under_a_sub_path(house: House, cut_off: bool, named: bool) -> None:
    """Pages, pictures, interface and health, whichever way the proxy has."""
    root = "/sky/north" if named else "/aurora"
    headers = {"x-forwarded-prefix": root} if named else {}
    for path in ("/", "/season", "/events", "/api/cameras", "/-/healthy", "/metrics", "/latest.jpg"):
        reply = httpx.get(f"{house.url}{'' if cut_off else root}{path}", headers=headers)
        assert reply.status_code == 200, path
    assert httpx.get(f"{house.url}{root}", headers=headers).status_code == 200
    wrong = httpx.get(f"{house.url}{'' if cut_off else root}/api/none", headers=headers)
    assert (wrong.status_code, list(wrong.json())) == (404, ["error"])
    told = httpx.get(f"{house.url}/api/openapi.json", headers=headers).json()
    assert told["servers"] == [{"url": f"{root}/"}]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        # nginx by default: our own address as Host, and nothing of the browser's but its Origin.
        ({"origin": "https://sky.example.org"}, 401),
        ({"origin": "https://sky.example.org", "sec-fetch-site": "same-origin"}, 401),
        ({"origin": "http://sky.example.org"}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "https://sky.example.org.evil.example"}, 403),
        ({"origin": "https://sky.example.org", "sec-fetch-site": "cross-site"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://192.168.1.5:81", "x-forwarded-host": "192.168.1.5:81"}, 401),
        ({"origin": "https://evil.example", "x-forwarded-host": "evil.example"}, 403),
    ],
)
def test_a_write_through_a_proxy_is_ours_by_the_address_people_use(
    house: House, headers: dict[str, str], status: int
) -> None:
    """Whatever Host the proxy gives: 401 asks for the token, 403 is a foreign page."""
    reply = httpx.post(f"{house.url}/label", json={}, headers=headers)
    assert reply.status_code == status


def test_the_cookie_is_for_tls_where_people_use_tls(house: House) -> None:
    """We speak plain HTTP to the proxy; the browser must not speak it to anybody with this cookie."""
    sent = {"token": TOKEN, "to": "/"}
    origin = {"origin": "https://sky.example.org"}
    reply = httpx.post(f"{house.url}/sign-in", data=sent, headers=origin)
    assert reply.status_code == 303
    assert "Secure" in reply.headers["set-cookie"]
    assert not behind.is_https(Headers({"x-forwarded-proto": "http"}), "http", URL)
    assert behind.is_https(Headers({"x-forwarded-proto": "https"}), "http", "")


def test_frames_are_for_those_who_are_named(house: House) -> None:
    """The named sites and ourselves; without any, nobody, as ever."""
    headers = httpx.get(f"{house.url}/").headers
    policy = headers["content-security-policy"]
    assert policy.count("frame-ancestors") == 1
    assert "frame-ancestors 'self' https://home.example:8123" in policy
    assert "x-frame-options" not in headers


@pytest.mark.parametrize(
    "site", ["*", "https://a.example/path", "javascript:x", "https://a.example; script-src *", ""]
)
def test_a_frame_ancestor_is_an_address_and_nothing_else(site: str) -> None:
    """Nothing that a policy could read otherwise."""
    with pytest.raises(ValueError, match="frame_ancestors"):
        DaemonSettings(frame_ancestors=(site,))


def test_every_address_given_is_under_the_sub_path(house: House) -> None:
    """The other cameras' links and the way on after "silent" have the proxy's path once."""
    web_night.fill(house.store, house.ports.frames_dir, last=2, camera="cabin")
    headers = {"x-forwarded-prefix": "/sky/north"}
    for cut_off in (True, False):
        html = httpx.get(f"{house.url}{'' if cut_off else '/sky/north'}/season", headers=headers).text
        assert 'href="/sky/north/season?camera=cabin"' in html
    sent = {"minutes": "0"}
    let_in = headers | {"authorization": f"Bearer {TOKEN}", "origin": "https://sky.example.org"}
    reply = httpx.post(f"{house.url}/snooze", data=sent, headers=let_in)
    assert (reply.status_code, reply.text, reply.headers.get("location")) == (303, "", "/sky/north/")


@pytest.mark.parametrize("root", ["", "/sky/north"])
def test_the_interface_refuses_in_json_under_any_path(house: House, root: str) -> None:
    """Also to a browser, which would take a page."""
    headers = {"accept": "text/html"} | ({"x-forwarded-prefix": root} if root else {})
    reply = httpx.get(f"{house.url}/api/events/none", headers=headers)
    assert (reply.status_code, reply.json()) == (404, {"error": "there is no such event"})
    assert httpx.get(f"{house.url}/none", headers=headers).text.startswith("<!doctype html>")


def test_a_shared_link_s_picture_is_where_people_reach_it(house: House) -> None:
    """By the configured address, whatever name and path the proxy asks under."""
    for headers in ({}, {"host": "127.0.0.1:8080"}, {"x-ingress-path": "/api/in"}):
        for path in ("/", "/night/2024-02-10"):
            html = httpx.get(f"{house.url}{path}", headers=headers).text
            (image,) = re.findall(r'property="og:image" content="([^"]+)"', html)
            assert image.startswith(f"{URL}/frames/yellowknife/")
