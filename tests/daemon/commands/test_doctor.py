"""What `aurorad doctor` reports of a camera."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from daemon.commands import doctor
from daemon.config import CameraSettings, Settings
from tests import stamps


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
