"""The stars beside the model, on a frame's whole way: recorded, shown, and the verdict that they decide."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from daemon.alert.conditions import Conditions
from daemon.clock import Clock, FastClock
from daemon.commands import doctor
from daemon.config import (
    CameraSettings,
    DiscSettings,
    NotifySettings,
    OrientationSettings,
    Settings,
    auroramax,
)
from daemon.event import EventState
from daemon.footage import horizon, image
from daemon.footage.frame import from_pixels
from daemon.footage.horizon import SIDE, Horizon
from daemon.live import LiveWatch
from daemon.metrics import Metrics
from daemon.observation import Camera, FoundLens, Frame, Orientation, Picture, Points, Prediction
from daemon.one_look import OneLook
from daemon.pipeline import Pipeline
from daemon.record.store import Store
from daemon.sky.stars.visibility import share_of
from daemon.sky.stars.witness import PROVEN
from daemon.star_watch import StarWatch, lens_found
from daemon.verdict import disagrees, judge
from daemon.web import presenters
from tests.hand_watch import Greenness
from tests.skies import night_sky
from tests.starry import AT, HERE, TURNED, starry_points, starry_sky
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
    assert abs(float(str(seen["star_zero"])) - float(str(rows[0]["star_zero"]))) < 0.1
    share = share_of(str(seen["stars"]))
    assert share is not None
    assert share > 0.7
    assert (rows[-1]["verdict"], rows[-1]["reason"]) == ("obscured", "cloud or snow: no stars seen")
    assert "% of their light comes through" in dict(presenters.facts(seen))["Stars"]


def test_without_a_lens_it_is_the_models_answer(tmp_path: Path, still: Still) -> None:
    """A camera whose lens is not solved: nothing of stars in the record, the verdict as it was."""
    rows = _rows(tmp_path, _camera(still, lens=False), still, [still.picture(), _overcast(still)])
    assert [(row["verdict"], row["stars"], row["star_limit"]) for row in rows] == [("clear", None, None)] * 2


def test_a_strangers_picture_meets_no_stars(tmp_path: Path, still: Still) -> None:
    """However well the camera's own frames have shown its stars: a picture sent to be judged is the model's alone."""
    camera = _camera(still)
    _rows(tmp_path, camera, still, [still.picture()] * (PROVEN + 1))
    with Store(tmp_path / "stars.db") as store:
        watched = Pipeline(
            camera, Settings(camera=(camera,)), store=store, predictor=lambda: Greenness(), metrics=Metrics()
        )  # type: ignore[arg-type]
        look = OneLook({"hill": watched}, Clock())
        for pixels in (still.picture(), _overcast(still)):
            seen = look(image.encode_jpeg(pixels), "hill", still.at)
            assert (seen.verdict, seen.reason) == ("clear", "clear sky, no aurora")
            assert (seen.stars, seen.star_limit, seen.star_zero, seen.star_gamma) == (None,) * 4


def test_a_strangers_picture_goes_by_the_lens_that_the_watch_has_found(tmp_path: Path) -> None:
    """The stars give the watch its lens in the course of a night: from then on a picture sent has a direction."""
    camera = CameraSettings()
    settings = Settings(camera=(camera,))
    green = image.encode_jpeg(night_sky(np.random.default_rng(1), 150, side=240))
    with Store(tmp_path / "a.db") as store:
        pipeline = Pipeline(
            camera, settings, store=store, predictor=lambda: Greenness(), metrics=Metrics(), clock=Clock()
        )  # type: ignore[arg-type]
        look = OneLook({camera.name: pipeline}, Clock())
        assert look(green, camera.name, AT).azimuth_deg is None
        for minute in range(PROVEN):
            at = AT + timedelta(minutes=minute)
            pipeline.stars.look(_starry(pipeline.camera, at, auroramax.ORIENTATION), starry_sky(at))
        assert look(green, camera.name, AT).verdict == "aurora"
        assert look(green, camera.name, AT).azimuth_deg is not None


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
    assert patches[0].words == "north, 15 to 35° up: 95 % of the starlight"
    assert patches[16].words.endswith("too few stars to tell")
    assert all(patch.path.startswith("M") and patch.path.endswith("Z") for patch in patches)
    assert presenters.star_map({"stars": None}) == []
    assert presenters.star_map(None) == []


def _starry(camera: Camera, at: datetime, turned: Orientation) -> Frame:
    """A frame of a camera turned so, with all its stars."""
    points = starry_points(HERE.stars(at), turned)
    return Frame(camera.name, np.zeros((240, 240, 3), np.uint8), b"", None, "a", at, at, points=points)


def test_a_lens_found_is_on_record_and_known_after_a_restart(tmp_path: Path) -> None:
    """AuroraMAX's default, seen to hold, is solved anew; the record keeps it for the disc that it was found for."""
    camera = replace(CameraSettings().camera(), start=TURNED)
    with Store(tmp_path / "a.db") as store:
        watch = StarWatch(camera, HERE, store)
        assert watch.camera.orientation is None
        for minute in range(PROVEN):
            at = AT + timedelta(minutes=minute)
            watch.look(_starry(camera, at, TURNED), starry_sky(at))
        watch.keep()
        watch.kept()
        turned = watch.camera.orientation
        assert turned is not None
        assert turned.north_deg == pytest.approx(TURNED.north_deg, abs=0.05)
        found = store.progress.lens(camera.name, camera.disc)
        assert found == watch.witness.found if watch.witness else None
        assert StarWatch(camera, HERE, store).camera.orientation == turned
        recut = replace(camera, disc=replace(camera.disc, radius=300))
        assert StarWatch(recut, HERE, store).camera.orientation is None
        assert "solved from the stars of its own frames" in lens_found(found) if found else None


def test_what_the_mask_hides_is_no_missing_star(tmp_path: Path) -> None:
    """Half the disc masked: its stars say nothing, and cloud before the other half is still seen."""
    sky = np.ones((SIDE, SIDE), np.bool_)
    sky[:, : SIDE // 2] = False
    (tmp_path / "mask.png").write_bytes(horizon.png(Horizon(sky)))
    turned = OrientationSettings(
        north_deg=26.0, lens=(1.13, -0.11), centre=(0.02, 0.01), tilt_deg=2.0, tilt_azimuth_deg=30
    )
    camera = CameraSettings(orientation=turned, horizon=str(tmp_path / "mask.png"))
    with Store(tmp_path / "a.db") as store:
        pipeline = Pipeline(
            camera, Settings(camera=(camera,)), store=store, predictor=lambda: Greenness(), metrics=Metrics()
        )  # type: ignore[arg-type]
        looks = []
        for minute in range(PROVEN + 1):
            at = AT + timedelta(minutes=minute)
            frame = _starry(pipeline.camera, at, TURNED)
            assert frame.points is not None
            seen = frame.points.x > 0
            points = Points(frame.points.x[seen], frame.points.y[seen], frame.points.height[seen])
            looks.append(pipeline.stars.look(replace(frame, points=points), starry_sky(at)))
    cover = looks[-1].cover if looks[-1] else None
    assert cover is not None
    known = [share for share in cover.sectors if share is not None]
    assert 8 <= len(known) <= 18
    assert min(known) > 0.85


def test_auroramax_begins_with_its_default_and_nobody_else() -> None:
    """Only for AuroraMAX's own pictures, cut as shipped, is there a place to begin; it is no orientation yet."""
    shipped = CameraSettings().camera()
    assert shipped.orientation is None
    assert shipped.start == auroramax.ORIENTATION
    elsewhere = CameraSettings(latitude_deg=69.6, longitude_deg=19.2)
    recut = CameraSettings(disc=DiscSettings(centre_x=640, centre_y=360, radius=350, width=1280, height=720))
    given = CameraSettings(orientation=OrientationSettings(north_deg=12.0))
    assert [each.camera().start for each in (elsewhere, recut)] == [None, None]
    assert given.camera().orientation is not None


def test_doctor_says_what_directions_go_by(tmp_path: Path) -> None:
    """The default before it is confirmed, with its date as far as it is known; afterwards the lens found, dated."""
    settings = Settings.model_validate({"daemon": {"state_dir": tmp_path}})
    camera = settings.camera[0]
    assert (
        "not confirmed yet: the default was solved on a night between mid-September and early October of an unknown year"
        in (doctor._lens(settings, camera))
    )
    given = CameraSettings(
        orientation=OrientationSettings(north_deg=1.0, lens=(1.1, -0.1), solved_on="2026-11-20")
    )
    assert doctor._lens(settings, given) == "the configuration gives its lens, solved on 2026-11-20"
    with Store(settings.daemon.database) as store:
        store.progress.put_lens(camera.name, camera.camera().disc, FoundLens(TURNED, AT, 0.03, 212))
    assert doctor._lens(settings, camera).endswith("north is 26.0° clockwise from up (2024-02-10)")


def test_the_operator_hears_what_the_stars_found(tmp_path: Path) -> None:
    """A lens found: one message. A clock off: one, with the minutes, and one when it is right again."""
    phone = NotifySettings(name="phone", url="json://localhost", audience="operator")
    camera = CameraSettings(name="hill", stamp=False)
    settings = Settings(camera=(camera,), notify=(phone,))
    with Store(tmp_path / "a.db") as store:
        clock = FastClock(AT, 1.0)
        pipeline = Pipeline(
            camera, settings, store=store, predictor=lambda: Greenness(), metrics=Metrics(), clock=clock
        )  # type: ignore[arg-type]
        live = LiveWatch(pipeline, None, Conditions(store, [phone], clock))  # type: ignore[arg-type]
        witness = pipeline.stars.witness
        assert witness is not None
        live._check_stars()
        witness.found = FoundLens(TURNED, AT, 0.03, 212, 1.25)
        for minutes in (None, -4.2, -4.2, None):
            witness.clock_off = minutes
            live._check_stars()
        told = [row["body"].splitlines()[0] for row in store.reader.messages()]
    assert told[::-1] == [
        (
            "Hill: the lens was solved from the stars of its own frames (212 stars, directions good to 0.03°);"
            " north is 26.0° clockwise from up; 1.2° from the lens before."
        ),
        (
            "The times of hill are 4 min ahead of the stars: correct the camera's clock or its `timezone`, or run"
            " `aurorad calibrate` again if the clock was off when its lens was solved."
        ),
        "The stars and the clock of hill agree.",
    ]
