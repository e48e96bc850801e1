"""What `aurorad doctor` reports of a camera."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path

import cv2
import numpy as np
import pytest

from daemon.commands import doctor
from daemon.commands.classify import sky_over
from daemon.config import CameraSettings, MqttSettings, Settings
from daemon.footage import image
from daemon.observation import utc_text
from daemon.predictor import Predictor
from tests import stamps
from tests.homes import SIDE, put
from tests.mosquitto import Home, Mosquitto, needs_mosquitto
from tests.skies import night_sky

IN_THE_DARK = Settings.model_validate({"gate": {"look_below_deg": 90, "alert_below_deg": 90}})
"""Under any sun there is, it is dark enough."""

BY_DAY = Settings.model_validate({"gate": {"look_below_deg": -30, "alert_below_deg": -30}})
"""Where it is noon it is never dark."""


def at_noon() -> dict[str, float]:
    """A place where the sun is high at this moment."""
    now = datetime.now(UTC)
    east_deg = 15 * (12 - now.hour - now.minute / 60)
    return {"latitude_deg": 0.0, "longitude_deg": (east_deg + 180) % 360 - 180}


PREDICTOR = cache(partial(Predictor, Settings().model))


def test_a_stamp_on_bright_ground_is_read_as_the_watch_reads_it(tmp_path: Path) -> None:
    """Where the plain way of reading fails, the others are tried, as in the watch itself."""
    ground = np.full((stamps.HEIGHT, stamps.WIDTH, 3), 190, np.uint8)
    strip = stamps.drawn(ground, "2024-02-10 19:58:03", (255, 255, 255), outline=(0, 0, 0))
    picture = np.full((stamps.WIDTH, stamps.WIDTH, 3), 20, np.uint8)
    picture[-stamps.HEIGHT :] = strip
    cv2.imwrite(str(tmp_path / "now.jpg"), picture)
    taken = datetime(2024, 2, 10, 19, 58, 3, tzinfo=UTC).timestamp()
    os.utime(tmp_path / "now.jpg", (taken, taken))
    camera = CameraSettings.model_validate(
        {
            **at_noon(),
            "stamp": {"region": [0, 1 - stamps.HEIGHT / stamps.WIDTH, 1, 1], "timezone": "UTC"},
            "source": {"kind": "folder", "path": str(tmp_path)},
        }
    )
    assert "= 2024-02-10T19:58:03Z" in doctor._source(BY_DAY, camera, PREDICTOR)


def a_camera(folder: Path, at: datetime) -> CameraSettings:
    """A camera whose newest picture, a starless night sky, was written at that time."""
    path = put(folder / "now.jpg", image.encode_jpeg(night_sky(np.random.default_rng(1), side=SIDE), 95), at)
    return CameraSettings.model_validate(
        {
            **at_noon(),
            "disc": {
                "centre_x": SIDE / 2, "centre_y": SIDE / 2, "radius": SIDE / 2, "width": SIDE, "height": SIDE,
            },
            "stamp": False,
            "source": {"kind": "folder", "path": str(path.parent), "time_from": "header"},
        }
    )  # fmt: skip


def examined(settings: Settings, camera: CameraSettings) -> doctor.Finding:
    return doctor._ask("source", lambda: doctor._source(settings, camera, PREDICTOR))


def test_a_picture_that_the_watch_would_not_use_is_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dated ahead of our clock, or a day old in the dark: the reason comes first, and no age is below nothing."""
    now = datetime.now(UTC)
    fresh = examined(IN_THE_DARK, a_camera(tmp_path / "fresh", now - timedelta(seconds=5)))
    assert fresh.well, fresh.text
    old = a_camera(tmp_path / "old", now - timedelta(days=1))
    assert examined(IN_THE_DARK, old).text.startswith("the feed has stopped (old Last-Modified); folder ")
    assert not examined(IN_THE_DARK, old).well
    assert examined(BY_DAY, old).well, "by day a camera may rest"
    asked = doctor._asked
    tomorrow = now + timedelta(days=1, seconds=30)
    monkeypatch.setattr(doctor, "_asked", lambda *given: replace(asked(*given), last_modified=tomorrow))
    ahead = examined(BY_DAY, a_camera(tmp_path / "ahead", now))
    assert not ahead.well
    assert "ahead of our clock" in ahead.text.partition(";")[0]
    assert f"Last-Modified {utc_text(tomorrow)} (24 h from now)" in ahead.text


def test_a_picture_of_no_sky_is_a_fault_while_we_look(tmp_path: Path) -> None:
    """A card in the night keeps the watch from seeing anything; by day no sky is needed."""
    camera = a_camera(tmp_path, datetime.now(UTC))
    noise = np.random.default_rng(1).integers(0, 255, (SIDE, SIDE, 3)).astype(np.uint8)
    (tmp_path / "now.jpg").write_bytes(image.encode_jpeg(noise))
    found = examined(IN_THE_DARK, camera)
    assert (found.well, found.text.partition(";")[0]) == (False, "the picture shows no sky (noise)")
    found = examined(BY_DAY, camera)
    assert found.well
    assert "the picture shows no sky (noise)" in found.text


def test_a_picture_that_the_model_does_not_know_is_a_fault_too(tmp_path: Path) -> None:
    """Leaves before the lens in full light: the watch would call it unusable; of a night sky nothing is said."""
    camera = a_camera(tmp_path, datetime.now(UTC))
    assert doctor._source(IN_THE_DARK, camera, PREDICTOR)
    grain = np.random.default_rng(2).uniform(0, 255, (SIDE // 8, SIDE // 8, 3))
    leaves = cv2.resize(grain * (0.3, 1, 0.5), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC).clip(0, 255)
    put(tmp_path / "now.jpg", image.encode_jpeg(leaves.astype(np.uint8), 95), datetime.now(UTC))
    found = doctor._ask("source", lambda: doctor._source(IN_THE_DARK, camera, PREDICTOR))
    assert (found.well, found.text.partition(";")[0]) == (
        False, "the picture shows no sky (unlike the skies the model knows)",
    )  # fmt: skip


def test_a_state_folder_that_cannot_be_written_to_is_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A card that has become read-only may have all its space free: a file is written, and is gone again."""
    settings = Settings.model_validate({"daemon": {"state_dir": tmp_path, "min_free_mb": 1}})
    assert doctor._ask("disk", lambda: doctor._disk(settings)).well
    assert not [path for path in tmp_path.iterdir() if path.is_file()]

    def read_only(_handle: int) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "fsync", read_only)
    found = doctor._ask("disk", lambda: doctor._disk(settings))
    assert not found.well
    assert "nothing can be written (Read-only file system)" in found.text
    assert not [path for path in tmp_path.iterdir() if path.is_file()]


def test_a_folder_that_is_not_there_is_a_note(tmp_path: Path) -> None:
    """A drive may yet be mounted: no fault, and yet a path that was typed wrongly is seen."""
    camera = a_camera(tmp_path / "here", datetime.now(UTC))
    gone = camera.source.model_copy(update={"path": tmp_path / "nowhere"})
    for source, there in ((camera.source, True), (gone, False)):
        settings = Settings.model_validate(
            {"daemon": {"state_dir": tmp_path}, "camera": [camera.model_copy(update={"source": source})]}
        )
        lines = list(doctor.config_lines(settings, tmp_path / "a.toml"))
        assert (
            f"note: {tmp_path / 'nowhere'} is not there now; the watch waits for it" in lines
        ) is not there


def test_a_place_that_does_not_fit_its_zone_is_a_note(tmp_path: Path) -> None:
    """Latitude and longitude that were exchanged are legal, and would make the watch look by day."""
    right = a_camera(tmp_path / "here", datetime.now(UTC)).model_copy(
        update={"latitude_deg": 69.65, "longitude_deg": 18.96, "timezone": "Europe/Oslo"}
    )
    swapped = right.model_copy(update={"latitude_deg": 18.96, "longitude_deg": 69.65})
    for camera, odd in ((right, False), (swapped, True)):
        settings = Settings.model_validate({"daemon": {"state_dir": tmp_path}, "camera": [camera]})
        lines = list(doctor.config_lines(settings, tmp_path / "a.toml"))
        assert any(line.startswith("note: the sun is highest there at 09:21") for line in lines) is odd


def test_one_line_has_one_kind_of_minus() -> None:
    """What is computed and the reason beside it are written alike."""
    assert "-" not in doctor._sky(Settings(), CameraSettings())
    at = datetime(2024, 2, 10, 12, tzinfo=UTC)
    _, line = sky_over(Settings(), CameraSettings(), at)
    assert "−" in line
    assert "-" not in line.removeprefix(utc_text(at))


@needs_mosquitto
def test_the_broker_is_tried_and_hears_nothing_of_it(tmp_path: Path) -> None:
    """One that takes us, one that refuses the login, one that is not there: each in one line, and no message is left."""
    open_to_all = Mosquitto(tmp_path)
    home = Home(open_to_all.port)
    found = doctor._ask("MQTT broker", lambda: doctor._broker(MqttSettings(port=open_to_all.port)))
    assert (found.well, found.text) == (True, f"127.0.0.1:{open_to_all.port} takes us")
    assert not home.got
    home.close()
    open_to_all.kill()
    gone = doctor._ask("MQTT broker", lambda: doctor._broker(MqttSettings(port=open_to_all.port)))
    assert not gone.well
    assert f"127.0.0.1:{open_to_all.port} cannot be reached" in gone.text
    (folder := tmp_path / "closed").mkdir()
    closed = Mosquitto(folder, "allow_anonymous false")
    refused = doctor._ask("MQTT broker", lambda: doctor._broker(MqttSettings(port=closed.port)))
    closed.kill()
    assert not refused.well
    assert "refuses us: not authorized" in refused.text
