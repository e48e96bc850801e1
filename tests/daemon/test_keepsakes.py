"""Timelapses and cards: made of what is kept, playable, bounded, and served."""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest

from daemon.config import CameraSettings, DaemonSettings, Settings
from daemon.errors import FootageError
from daemon.footage import image, timelapse
from daemon.keepsakes import Keepsakes
from daemon.observation import Description, Event, Picture
from daemon.record import keepsake_files
from daemon.record.store import Store
from tests import web_night
from tests.conftest import SetClock
from tests.daemon.record.made import NIGHT, T0, observation


def sky(brightness: int) -> bytes:
    square = np.zeros((64, 64, 3), np.uint8)
    square[20:40, :, 1] = brightness
    return image.encode_jpeg(square)


def recorded(folder: Path, store: Store) -> None:
    """Six minutes of aurora with pictures, the fourth the strongest, and their event, over."""
    for minute in range(6):
        name = f"yellowknife/2024-02-10/{minute}.jpg"
        path = folder / "frames" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(sky(40 * minute))
        shown = Description(5 if minute == 3 else 3, 0.2, 40.0, 5.0, ("arc",))
        at = T0 + timedelta(minutes=minute)
        store.record(replace(observation(), observed_at=at, description=shown, picture=name), night=NIGHT)
    ended = T0 + timedelta(minutes=5)
    store.put_event(Event("yellowknife-20240210T045003Z", "yellowknife", T0, T0, ended_at=ended))


def test_a_night_and_an_event_become_movies_and_cards(tmp_path: Path, night_clock: SetClock) -> None:
    """Each once, after it is over; the card shows the strongest minute; what has too few pictures is left out."""
    settings = Settings(daemon=DaemonSettings(state_dir=tmp_path), camera=(CameraSettings(),))
    with Store(tmp_path / "a.db", now=night_clock.now) as store:
        recorded(tmp_path, store)
        keepsakes = Keepsakes(settings, store, tmp_path / "frames", night_clock)
        now = T0 + timedelta(days=1)
        (event, night) = keepsakes.missing(now)
        assert [one.title for one in keepsakes.missing(T0 + timedelta(hours=1))] == [event.title]
        keepsakes.make(event)
        assert [one.movie for one in keepsakes.missing(now)] == [night.movie]
        keepsakes.make(replace(night, until=T0 + timedelta(minutes=2)))
        assert not night.movie.exists()
        off = settings.model_copy(update={"daemon": settings.daemon.model_copy(update={"timelapses": False})})
        assert list(Keepsakes(off, store, tmp_path / "frames", night_clock).missing(now)) == []
    movie = cv2.VideoCapture(str(event.movie))
    assert int(movie.get(cv2.CAP_PROP_FRAME_COUNT)) == 6
    assert int(movie.get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little") == b"h264", "what iPhones play"
    assert (movie.get(cv2.CAP_PROP_FRAME_WIDTH), movie.get(cv2.CAP_PROP_FPS)) == (
        timelapse.SIDE,
        timelapse.FPS,
    )
    movie.release()
    card = image.decode(keepsake_files.card_of(event.movie).read_bytes())
    assert card.shape == (timelapse.CARD[1], timelapse.CARD[0], 3)
    assert abs(int(card[270, 300, 1]) - 120) < 12
    assert list((tmp_path / "timelapse" / "event").glob(".*")) == []


def test_a_stop_leaves_the_one_being_made(
    tmp_path: Path,
    night_clock: SetClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Its thread ends at the next picture, so that no encoder is at work when Python ends; nothing half is kept."""
    begun, goes_on, decode = threading.Event(), threading.Event(), image.decode

    def slow(data: bytes) -> Picture:
        begun.set()
        assert goes_on.wait(60)
        return decode(data)

    settings = Settings(daemon=DaemonSettings(state_dir=tmp_path), camera=(CameraSettings(),))
    with Store(tmp_path / "a.db", now=night_clock.now) as store:
        recorded(tmp_path, store)
        night_clock.at = T0 + timedelta(days=1)
        keepsakes = Keepsakes(settings, store, tmp_path / "frames", night_clock)
        monkeypatch.setattr(timelapse, "card", lambda *_: b"")
        monkeypatch.setattr(timelapse.image, "decode", slow)
        before = list(keepsakes.missing(night_clock.now()))
        keepsakes.visit()
        assert begun.wait(60)
        keepsakes.stop(0.01)
        assert not keepsakes.drained
        goes_on.set()
        keepsakes.stop(60)
        assert keepsakes.drained
        assert "stopping" in caplog.text
        assert "disk" not in caplog.text
        assert not list((tmp_path / "timelapse").glob("**/*.mp4"))
        again = Keepsakes(settings, store, tmp_path / "frames", night_clock)
        assert list(again.missing(night_clock.now())) == before


def test_a_movie_that_the_disk_had_no_space_for_is_none(tmp_path: Path) -> None:
    """Whether the encoder says a word of it or not, what came of it must not get the movie's name."""
    most, path = (50_000, 50_000), tmp_path / "a.mp4"
    noise = np.random.default_rng(1).integers(0, 255, (20, 400, 400, 3), np.uint8)
    code = "\n".join(
        [
            "import resource, signal, sys",
            "from pathlib import Path",
            "from daemon.errors import FootageError",
            "from daemon.footage import timelapse",
            "pictures = [path.read_bytes() for path in sorted(Path(sys.argv[1]).glob('*.jpg'))]",
            "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)",
            f"resource.setrlimit(resource.RLIMIT_FSIZE, {most})",
            "try:",
            "    timelapse.write_movie(pictures, Path(sys.argv[1]) / 'a.mp4')",
            "except FootageError as error:",
            "    print(error.reason)",
        ]
    )
    for number, picture in enumerate(noise):
        (tmp_path / f"{number:02}.jpg").write_bytes(image.encode_jpeg(picture))
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip() == "disk", done.stderr
    assert not path.exists()
    assert not list(tmp_path.glob(".*"))


def test_broken_pictures_are_left_out_and_none_at_all_makes_no_file(tmp_path: Path) -> None:
    """A movie of what can be decoded; a card needs its picture."""
    path = tmp_path / "a.mp4"
    assert timelapse.write_movie([b"", b"no jpeg"], path) == 0
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(FootageError):
        timelapse.card(b"no jpeg", "title", [])


def test_an_event_card_leads_to_its_movie(tmp_path: Path) -> None:
    """Where there is one; a card without has no link."""
    event = web_night.event_of(web_night.OVER)
    with web_night.house(tmp_path, minutes=5) as house:
        house.store.put_event(event)
        link = f'href="/timelapse/event/{event.id}.mp4"'
        assert link not in httpx.get(f"{house.url}/events").text
        movie = keepsake_files.of_event(house.ports.frames_dir.parent, event.id)
        movie.parent.mkdir(parents=True)
        movie.write_bytes(b"0123456789")
        assert link in httpx.get(f"{house.url}/events").text


def test_they_are_served_where_they_are(tmp_path: Path) -> None:
    """The movie by range, as browsers ask; anything else is not there."""
    with web_night.house(tmp_path, minutes=5) as house:
        state = house.ports.frames_dir.parent
        movie = keepsake_files.of_event(state, "yellowknife-20240210T045003Z")
        movie.parent.mkdir(parents=True)
        movie.write_bytes(b"0123456789")
        address = f"{house.url}/timelapse/event/yellowknife-20240210T045003Z"
        part = httpx.get(f"{address}.mp4", headers={"range": "bytes=2-4"})
        assert (part.status_code, part.content, part.headers["content-type"]) == (206, b"234", "video/mp4")
        for other in (
            f"{address}.png",
            f"{address}.exe",
            f"{house.url}/timelapse/yellowknife/2024-02-10.mp4",
        ):
            assert httpx.get(other).status_code == 404
