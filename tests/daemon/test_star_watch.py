"""The stars beside the model, on a frame's whole way: recorded, shown, and the verdict that they decide."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from daemon.config import CameraSettings, DiscSettings, OrientationSettings, Settings
from daemon.event import EventState
from daemon.footage.frame import from_pixels
from daemon.metrics import Metrics
from daemon.observation import Picture, Prediction
from daemon.pipeline import Pipeline
from daemon.record.store import Store
from daemon.sky.stars.visibility import share_of
from daemon.sky.stars.witness import PROVEN
from daemon.verdict import disagrees, judge
from daemon.web import presenters
from tests.daemon.test_pipeline import Greenness
from training.simulator.scene_types import Cloud
from training.simulator.stills import Still, random_still


@pytest.fixture(scope="module")
def still() -> Still:
    return random_still(14, side=480, cloud=0.0, moon=False, aurora=False)


def _camera(still: Still, *, lens: bool = True) -> CameraSettings:
    """The simulated camera as a configuration that knows its lens."""
    drawn, optics, half = still.scene.lens, still.scene.lens.optics, still.side / 2
    assert optics is not None
    place = still.place
    return CameraSettings(
        name="hill", latitude_deg=place.latitude_deg, longitude_deg=place.longitude_deg,
        elevation_m=place.elevation_m, timezone="UTC", stamp=False,
        disc=DiscSettings(
            centre_x=still.left + half, centre_y=still.top + half, radius=half * drawn.radius,
            width=still.width, height=still.height,
        ),
        orientation=OrientationSettings(
            north_deg=drawn.north_deg, east_left=drawn.east_left,
            lens=(optics.a, optics.b) if lens else None,
            centre=(optics.centre_x, optics.centre_y), tilt_deg=optics.tilt_deg,
            tilt_azimuth_deg=optics.tilt_azimuth_deg,
        ),
    )  # fmt: skip


def _rows(
    folder: Path, camera: CameraSettings, still: Still, pictures: list[Picture]
) -> list[dict[str, object]]:
    """The pictures, a second apart, through the pipeline into a record."""
    metrics = Metrics()
    with Store(folder / "stars.db") as store:
        pipeline = Pipeline(
            camera, Settings(camera=(camera,)), store=store, predictor=lambda: Greenness(), metrics=metrics
        )  # type: ignore[arg-type]
        state = EventState()
        for number, pixels in enumerate(pictures):
            at = still.at + timedelta(seconds=number)
            frame = from_pixels(pixels, camera.camera(), source="a", fetched_at=at, keep_picture=False)
            frame.__dict__["observed_at"] = at
            state = pipeline.follow([frame], state, live=False)
        return store.reader.between("hill")


def _overcast(still: Still) -> Picture:
    """The same camera under thick cloud."""
    thick = Cloud(cover=0.999, depth=9.0, softness=3.0)
    return replace(still, scene=replace(still.scene, clouds=(thick,))).picture()


def test_clear_needs_stars(tmp_path: Path, still: Still) -> None:
    """The model calls every frame clear; the stars, once proven, call the overcast one obscured."""
    clear = still.picture()
    rows = _rows(tmp_path, _camera(still), still, [*[clear] * (PROVEN + 1), _overcast(still)])
    assert rows[0]["star_limit"] > 2.5  # type: ignore[operator]
    assert (rows[0]["verdict"], rows[0]["reason"], rows[0]["stars"]) == (
        "clear",
        "clear sky, no aurora",
        None,
    )
    seen = rows[PROVEN]
    assert (seen["verdict"], seen["reason"]) == ("clear", "stars seen, no aurora")
    share = share_of(str(seen["stars"]))
    assert share is not None
    assert share > 0.7
    assert (rows[-1]["verdict"], rows[-1]["reason"]) == ("obscured", "cloud or snow: no stars seen")
    assert "% of those expected are seen" in dict(presenters.facts(seen))["Stars"]


def test_without_a_lens_it_is_the_models_answer(tmp_path: Path, still: Still) -> None:
    """A camera whose lens is not solved: nothing of stars in the record, the verdict as it was."""
    rows = _rows(tmp_path, _camera(still, lens=False), still, [still.picture(), _overcast(still)])
    assert [(row["verdict"], row["stars"], row["star_limit"]) for row in rows] == [("clear", None, None)] * 2


def _said(aurora: float, clear: float) -> Prediction:
    return Prediction(np.zeros(4, np.float32), aurora, aurora, clear, np.zeros((8, 8), np.float32), "0" * 64)


@pytest.mark.parametrize(
    ("aurora", "clear", "stars", "verdict"),
    [
        (0.9, 0.9, 0.0, "aurora"),
        (0.9, 0.1, 0.0, "aurora"),
        (0.1, 0.9, None, "clear"),
        (0.1, 0.1, None, "obscured"),
        (0.1, 0.9, 0.05, "obscured"),
        (0.1, 0.1, 0.95, "clear"),
        (0.1, 0.9, 0.4, "clear"),
    ],
)
def test_the_stars_decide_what_is_clear(
    aurora: float, clear: float, stars: float | None, verdict: str
) -> None:
    """Aurora is the model's; clear is the stars', where they say anything."""
    assert judge(_said(aurora, clear), 0.5, stars)[0] == verdict


def test_a_contradiction_is_one() -> None:
    """Cloud by the model and stars, or clear and none, contradict; between clouds nothing does."""
    assert disagrees(_said(0.1, 0.1), 0.95)
    assert disagrees(_said(0.1, 0.9), 0.05)
    assert not disagrees(_said(0.1, 0.9), 0.95)
    assert not disagrees(_said(0.1, 0.9), 0.4)
    assert not disagrees(_said(0.1, 0.9), None)


def test_the_map_shows_each_sector() -> None:
    """24 outlines, brightest where all stars are seen, none where nothing is known; no map without stars."""
    patches = presenters.star_map({"stars": "9" * 8 + "0" * 8 + "-" * 8})
    assert [patch.level for patch in patches] == [4] * 8 + [0] * 8 + [None] * 8
    assert patches[0].words == "north, 15 to 35° up: 95 % of the stars seen"
    assert patches[16].words.endswith("too few stars to tell")
    assert all(patch.path.startswith("M") and patch.path.endswith("Z") for patch in patches)
    assert presenters.star_map({"stars": None}) == []
    assert presenters.star_map(None) == []
