"""Under whatever path a proxy serves the page, and for whoever asks: addresses, refusals, what a shared link shows."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator

import httpx
import pytest

from daemon.web.app import create_app
from tests import web_night
from tests.web_night import House

PAGES = ("/", "/live", "/night/2024-02-10", "/season", "/events", "/label", "/sign-in")


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The made-up night, aurora overhead."""
    with web_night.house(tmp_path_factory.mktemp("asking"), minutes=300) as house:
        yield house


def below(house: House, root: str, path: str) -> httpx.Response:
    """The answer to a request that a proxy passes on from under ``root``."""

    async def get() -> httpx.Response:
        way = httpx.ASGITransport(create_app(house.ports), root_path=root)
        async with httpx.AsyncClient(transport=way, base_url=house.url) as client:
            return await client.get(root + path)

    return asyncio.run(get())


@pytest.mark.parametrize("path", PAGES)
def test_under_a_path_every_address_leads_there(night: House, path: str) -> None:
    """No link, picture, form or script of any page points beside the proxy's path."""
    html = below(night, "/house/sky", path).text
    found = re.findall(r'(?:href|src|action|data-full|data-href|data-live-url|data-share)="(/[^"]*)"', html)
    found += [
        each.strip().split()[0] for part in re.findall(r'srcset="([^"]*)"', html) for each in part.split(",")
    ]
    assert found
    assert [each for each in found if not each.startswith("/house/sky/")] == []


def test_a_shared_link_shows_its_picture(night: House) -> None:
    """og:title, og:description and og:image, the last as others have to call it, and it is there."""
    with httpx.Client(base_url=night.url) as page:
        html = page.get("/").text
        assert '<meta property="og:title" content="Go now: Yellowknife">' in html
        assert (
            '<meta property="og:description" content="Bright aurora over much of the sky: north-west' in html
        )
        (image,) = re.findall(r'og:image" content="([^"]*)"', html)
        assert image.startswith(f"{night.url}/frames/")
        assert page.get(image).headers["content-type"] == "image/jpeg"
        (image,) = re.findall(r'og:image" content="([^"]*)"', page.get("/night/2024-02-10").text)
        assert page.get(image).status_code == 200


def test_people_get_a_page_and_programs_a_line(night: House) -> None:
    """A wrong address: our face for a browser, one line for others, JSON under /api, each a 404."""
    with httpx.Client(base_url=night.url) as page:
        html = page.get("/nowhere", headers={"accept": "text/html,*/*"})
        assert (html.status_code, html.headers["content-type"]) == (404, "text/html; charset=utf-8")
        assert "<h1>Not found</h1>" in html.text
        assert page.get("/nowhere").headers["content-type"].startswith("text/plain")
        assert page.get("/api/nowhere", headers={"accept": "text/html"}).json() == {"error": "Not Found"}


def test_the_horizon_is_unrolled_only_where_it_is_known(night: House) -> None:
    """Without orientation there is no panorama, and nothing outside the pictures' folder is read."""
    with httpx.Client(base_url=night.url) as page:
        assert page.get("/panorama/yellowknife/20240210/none.jpg").status_code == 404
        assert page.get("/panorama/../aurorad.db").status_code == 404
