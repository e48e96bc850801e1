"""``aurorad classify`` judges a picture as the watch does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from daemon.commands.classify import classify
from daemon.config import CameraSettings, Settings
from daemon.errors import AuroradError
from daemon.observation import Picture, Prediction
from daemon.predictor import Predictor
from daemon.sky import geometry
from daemon.verdict import UNKNOWN
from tests.skies import night_sky

SIDE = 240
SKY = night_sky(np.random.default_rng(4), 120, side=SIDE)


def told(folder: Path, pixels: Picture, **camera: Any) -> tuple[dict[str, Any], str]:
    """What is said of one picture of that camera."""
    path = folder / "sky.png"
    cv2.imwrite(str(path), pixels)
    (answer,) = classify([path], Settings(), CameraSettings.model_validate(camera))
    assert not isinstance(answer, AuroradError)
    return answer


def test_the_disc_of_a_square_sensor_is_cut_from_its_pictures(tmp_path: Path) -> None:
    """A camera whose own pictures are square is no cropped disc: what stands beside the sky is not judged."""
    whole = np.full((500, 500, 3), 90, np.uint8)
    whole[30 : 30 + SIDE, 220 : 220 + SIDE] = SKY
    disc = {"centre_x": 340, "centre_y": 150, "radius": SIDE // 2, "width": 500, "height": 500}
    cut, _ = told(tmp_path, whole, disc=disc)
    cropped, _ = told(tmp_path, SKY)
    assert cropped["verdict"] == "aurora"
    assert cut == cropped


def test_the_kept_pictures_of_a_square_sensor_are_not_cut_again(tmp_path: Path) -> None:
    """They are its disc already, told by their size: what the watch saw near its edge is judged as well."""
    disc = {"centre_x": 800, "centre_y": 800, "radius": 600, "width": 1600, "height": 1600}
    kept = cv2.resize(SKY, (geometry.KEPT_SIDE,) * 2, interpolation=cv2.INTER_CUBIC)
    again, _ = told(tmp_path, kept, disc=disc)
    cropped, _ = told(tmp_path, kept)
    assert cropped["verdict"] == "aurora"
    assert again == cropped


def test_what_the_model_doubts_is_no_usable_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the watch, a picture unlike all that the model learned from gets no verdict about the sky."""
    plain = Predictor.predict

    def doubting(self: Predictor, squares: Sequence[Picture]) -> Iterator[Prediction]:
        return (replace(said, doubted=True) for said in plain(self, squares))

    monkeypatch.setattr(Predictor, "predict", doubting)
    answer, line = told(tmp_path, SKY)
    assert (answer["verdict"], answer["reason"], answer["level"]) == ("unusable", UNKNOWN, None)
    assert line == f"{tmp_path / 'sky.png'}: no usable picture: {UNKNOWN}"


def test_what_the_horizon_hides_counts_for_nothing(tmp_path: Path) -> None:
    """The map's area is that of the half which the mask leaves open."""
    mask = np.full((SIDE, SIDE), 255, np.uint8)
    mask[SIDE // 2 :] = 0
    cv2.imwrite(str(tmp_path / "mask.png"), mask)
    bare, _ = told(tmp_path, SKY)
    masked, _ = told(tmp_path, SKY, horizon=str(tmp_path / "mask.png"))
    assert 0 < masked["heatmap_area"] < bare["heatmap_area"]
