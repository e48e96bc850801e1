"""The right night of the right day, wherever the camera stands: page, strip, API, address."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta

import httpx
import pytest
from prometheus_client import CollectorRegistry

from daemon.config import CameraSettings, Settings
from daemon.night import midnight_of, night_of
from daemon.observation import from_utc_text, utc_text
from daemon.record.store import Reader, Store
from daemon.sky.ephemeris import Observatory
from daemon.web.app import create_app
from daemon.web.ports import Ports
from daemon.web.server import Server
from tests import web_night
from tests.daemon.places import PLACES, Place

NIGHTS = {"winter": date(2013, 12, 5), "summer": date(2014, 6, 22)}
AWAY = [timedelta(minutes=20 * n) for n in range(-9, 10)]  # rows about midnight, which is dark in one season


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """All the places watched by one watch, each with rows about two midnights and an event in each."""
    folder = tmp_path_factory.mktemp("places")
    settings = Settings(camera=tuple(CameraSettings.model_validate(place._asdict()) for place in PLACES))
    skies = {p.name: Observatory(p.latitude_deg, p.longitude_deg) for p in PLACES}
    with Store(folder / "a.db") as store, store.batch():
        for place in PLACES:
            for night in NIGHTS.values():
                _fill(store, place, skies[place.name], midnight_of(night, place))
    now = midnight_of(NIGHTS["summer"], PLACES[0])
    deps = Ports(
        settings=settings,
        reader=lambda: Reader(folder / "a.db"),
        labels=store,
        status=web_night.Watch(now=now, cameras={}),
        registry=CollectorRegistry(),
        frames_dir=folder,
        skies=skies,
        clock=lambda: now,
    )
    server = Server(create_app(deps), "127.0.0.1", 0)
    server.start()
    try:
        with httpx.Client(base_url=server.url) as client:
            yield client
    finally:
        server.stop()


def _fill(store: Store, place: Place, observatory: Observatory, midnight: datetime) -> None:
    for sky in observatory.states([midnight + away for away in AWAY]):
        row = replace(web_night.observation_at(300, sky, place.name), observed_at=sky.at, picture=None)
        store.record(row, night=night_of(sky.at, place), column=bytes(360))
    event = replace(
        web_night.event_of(300),
        id=f"{place.name}-{midnight:%Y}",
        camera=place.name,
        onset_at=midnight,
        ended_at=midnight,
    )
    store.put_event(event)


@pytest.mark.parametrize("season", NIGHTS)
@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
def test_a_night_is_found_and_named_by_its_local_dates(page: httpx.Client, place: Place, season: str) -> None:
    """Address, heading, event and API agree, and the strip has the rows in it, not stuck at its edge."""
    night = NIGHTS[season]
    text = {"winter": "Night of 4–5 December 2013", "summer": "Night of 21–22 June 2014"}[season]
    shown = page.get(f"/night/{night}", params={"camera": place.name})
    assert f"<h1>{text}</h1>" in shown.text
    start, end = (int(n) for n in re.search(r'data-start="(\d+)" data-end="(\d+)"', shown.text).groups())  # type: ignore[union-attr]
    midnight = midnight_of(night, place).timestamp()
    assert start + 7200 < midnight < end - 7200  # the strip lies about the night, its hours and its moon
    assert f"{len(AWAY)} frames: " in shown.text
    assert 'x="0.0%"' not in shown.text.split('class="v-')[1].split(">")[0]  # no row stuck at its edge
    listed = page.get("/api/nights", params={"camera": place.name}).json()["nights"]
    assert [(row["night"], row["observations"], row["events"]) for row in listed] == [
        (n.isoformat(), len(AWAY), 1) for n in NIGHTS.values()
    ]
    columns = page.get(f"/api/nights/{night}", params={"camera": place.name}).json()
    assert {night_of(from_utc_text(at), place) for at in columns["observed_at"]} == {night}
    found = page.get("/events", params={"camera": place.name, "since": str(night), "until": str(night)})
    assert text in found.text
    assert "One" in found.text


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
def test_a_link_under_the_old_date_leads_to_the_instant_it_names(page: httpx.Client, place: Place) -> None:
    """Alerts sent before nights were named by their morning still open the frame they tell of."""
    night = NIGHTS["winter"]
    at = utc_text(midnight_of(night, place))
    for old in (night - timedelta(days=1), night + timedelta(days=1)):
        reply = page.get(f"/night/{old}", params={"camera": place.name, "at": at})
        assert reply.status_code == 302
        assert httpx.URL(reply.headers["location"]).path == f"/night/{night}"
        assert httpx.URL(reply.headers["location"]).params["at"] == at


@pytest.mark.parametrize(
    ("camera", "name", "moon"),
    [("tromso", "Season 2013–14", "M0 -5A5 5 0 0 0"), ("hobart", "Season 2014–15", "M0 -5A5 5 0 0 1")],
)
def test_a_season_holds_a_winter_and_the_moon_as_it_is_seen_there(
    page: httpx.Client, camera: str, name: str, moon: str
) -> None:
    """In the south June is the middle of the winter, and the waning moon is lit on its right."""
    html = page.get("/season", params={"camera": camera}).text
    assert name in html
    cell = html.split("Night of 21–22 June 2014")[2].split("</a>")[0]
    assert f'd="{moon}' in cell
