"""The picture that shows why a camera's directions are to be believed; without a lens there is none, with the reason."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from daemon.config import Settings
from daemon.footage import image
from daemon.observation import Orientation, Picture
from daemon.record.store import Reader, Store
from daemon.sky.lens import project
from daemon.web.app import create_app
from daemon.web.chart import starriest
from daemon.web.ports import Ports
from daemon.web.server import Server
from tests.daemon.record.made import NIGHT, observation
from tests.starry import AT, HERE, TURNED
from tests.web_night import Watch


def _sky(hidden: bool) -> Picture:
    """A kept picture with its bright stars as points, those of the north left out where they are hidden."""
    picture = np.full((480, 480, 3), 12, np.uint8)
    stars = HERE.stars(AT).brighter(3.5, 15.0)
    if hidden:
        stars = stars.chosen(np.cos(np.radians(stars.azimuth_deg)) < 0.5)
    for x, y in zip(*project(stars.azimuth_deg, stars.elevation_deg, TURNED), strict=True):
        if np.hypot(x, y) < 0.95:
            picture[int(240 + 240 * y), int(240 + 240 * x)] = 255
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 1.0), np.uint8)


def _asked(folder: Path, turned: Orientation | None, *, hidden: bool = True) -> httpx.Response:
    """What the page over one starry frame answers; it is shown where there is one."""
    (folder / "frames/yellowknife").mkdir(parents=True)
    (folder / "frames/yellowknife/a.jpg").write_bytes(image.encode_jpeg(_sky(hidden)))
    with Store(folder / "a.db") as store:
        frame = observation(observed_at=AT, star_limit=4.0, picture="yellowknife/a.jpg")
        store.record(frame, night=NIGHT)
        ports = Ports(
            settings=Settings(), reader=lambda: Reader(folder / "a.db"), labels=store, status=Watch(),
            registry=CollectorRegistry(), frames_dir=folder / "frames", turned=lambda name: turned,
        )  # fmt: skip
        server = Server(create_app(ports), "127.0.0.1", 0)
        server.start()
        try:
            offered = "/stars.jpg?camera=yellowknife" in httpx.get(server.url).text
            reply = httpx.get(f"{server.url}/stars.jpg")
            assert offered == (turned is not None and turned.lens is not None)
            return reply
        finally:
            server.stop()


def _pixels(reply: httpx.Response) -> tuple[int, int]:
    """How many pixels of the chart are green, and how many reddish: circles, and the horizon."""
    chart = image.decode(reply.content).astype(int)
    assert chart.shape == (960, 960, 3)
    more = chart[:, :, 1] - chart[:, :, 2]
    return int((more > 40).sum()), int((more < -40).sum())


def test_the_chart_shows_the_stars_found_and_those_that_are_not(tmp_path: Path) -> None:
    """Dated, of the newest starry picture: where the north's stars are hidden, green circles are fewer and red ones more."""
    hidden, whole = _asked(tmp_path / "a", TURNED), _asked(tmp_path / "b", TURNED, hidden=False)
    assert hidden.status_code == 200
    assert hidden.headers["x-observed-at"] == "2024-02-10T07:13:00Z"
    green, red = _pixels(hidden)
    all_green, few_red = _pixels(whole)
    assert green > 1000
    assert all_green > 1.2 * green
    assert red > few_red + 300


def test_stars_are_not_looked_for_in_the_whole_record(tmp_path: Path) -> None:
    """Under a month of cloud the search costs what the month does, however many years lie before it."""

    def steps(days: int) -> int:
        with Store(tmp_path / f"{days}.db") as store, store.batch():
            for day in range(days):
                at = AT - timedelta(days=day)
                frame = observation(observed_at=at, star_limit=None, picture=f"yellowknife/{day}.jpg")
                store.record(frame, night=at.date())
        counted = []
        with Reader(tmp_path / f"{days}.db") as reader:
            reader._connection.set_progress_handler(lambda: counted.append(1), 1)
            assert starriest(reader, "yellowknife") is None
        return len(counted)

    assert steps(600) < 1.2 * steps(60)


@pytest.mark.parametrize("turned", [None, Orientation(12.0)])
def test_without_a_lens_there_is_no_chart(tmp_path: Path, turned: Orientation | None) -> None:
    """404, and why."""
    reply = _asked(tmp_path, turned)
    assert reply.status_code == 404
    assert "lens is not known" in reply.text
    assert ("no directions are given" in reply.text) == (turned is None)  # with north alone they are
