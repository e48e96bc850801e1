"""What `aurorad doctor` reports of a camera."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from daemon.commands import doctor
from daemon.config import CameraSettings, MqttSettings, Settings
from tests import stamps
from tests.mosquitto import Home, Mosquitto, needs_mosquitto


def test_a_stamp_on_bright_ground_is_read_as_the_watch_reads_it(tmp_path: Path) -> None:
    """Where the plain way of reading fails, the others are tried, as in the watch itself."""
    ground = np.full((stamps.HEIGHT, stamps.WIDTH, 3), 190, np.uint8)
    strip = stamps.drawn(ground, "2024-02-10 19:58:03", (255, 255, 255), outline=(0, 0, 0))
    picture = np.full((stamps.WIDTH, stamps.WIDTH, 3), 20, np.uint8)
    picture[-stamps.HEIGHT :] = strip
    cv2.imwrite(str(tmp_path / "now.jpg"), picture)
    camera = CameraSettings.model_validate(
        {
            "stamp": {"region": [0, 1 - stamps.HEIGHT / stamps.WIDTH, 1, 1], "timezone": "UTC"},
            "source": {"kind": "folder", "path": str(tmp_path)},
        }
    )
    assert "= 2024-02-10T19:58:03Z" in doctor._source(Settings(), camera)


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
