"""``aurorad calibrate``: right values, in the contract's form, drawn, written; a refusal is one line."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import cast

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from daemon.cli import main
from daemon.commands import calibrate_file
from daemon.commands.calibrate import Calibration, time_in_name
from daemon.config import CameraSettings, ConfigError, SourceSettings, load
from daemon.footage import image
from daemon.observation import Disc
from daemon.record.store import Store
from daemon.sky.geometry import cut_disc
from tests.bench.stars import error_deg
from tests.daemon.record.made import observation
from training.simulator.stills import Still, random_still

KEYS = {
    "path", "centre_x", "centre_y", "radius", "north_deg", "east_left", "lens", "rms_deg", "stars_matched",
    "held_out_found", "control_found",
}  # fmt: skip


@lru_cache(maxsize=2)
def _still(seed: int) -> tuple[Still, bytes]:
    still = random_still(seed, side=480)
    return still, image.encode_png(still.picture())


def _camera(folder: Path, still: Still, more: str = "") -> Path:
    file = folder / "sky.toml"
    file.write_text(
        "# ours\n[[camera]]\nname = 'other'\nlatitude_deg = 1.0\nlongitude_deg = 2.0\ntimezone = 'UTC'\n"
        "stamp = false\n[camera.disc]\ncentre_x = 100\ncentre_y = 100\nradius = 90\nwidth = 200\nheight = 200\n\n"
        f"[[camera]]\nname = 'hill'\nlatitude_deg = {still.place.latitude_deg}\n"
        f"longitude_deg = {still.place.longitude_deg}\nelevation_m = {still.place.elevation_m}\n"
        f"timezone = 'UTC'\nstamp = false\n{more}\n[gate]  # after it\nlook_below_deg = -7.0\n"
    )
    return file


def _run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    return result.exit_code, result.stdout, result.stderr


def test_the_line_has_the_contracts_keys_and_the_right_lens(tmp_path: Path) -> None:
    """One object a line; the time is read from the file's name; directions are right to 0.5°."""
    still, png = _still(14)
    picture = tmp_path / f"hill_{still.at:%Y-%m-%dT%H%M%S}Z.png"
    picture.write_bytes(png)
    code, out, err = _run(
        "calibrate", picture, "--config", _camera(tmp_path, still), "--camera", "hill", "--json"
    )
    assert code == 0, err
    answer = json.loads(out)
    assert answer.keys() >= KEYS
    assert answer["stars_matched"] > 100
    assert answer["held_out_found"] > 0.5 > 0.1 > answer["control_found"]
    half = still.side / 2
    optics = still.scene.lens.optics
    assert optics is not None
    # The simulator's axis, in pixels: the disc's middle plus the lens's own shift.
    x = still.left + half * (1 + still.scene.lens.radius * optics.centre_x)
    assert answer["centre_x"] == pytest.approx(x, abs=0.04 * half)


def test_what_is_written_is_used(tmp_path: Path) -> None:
    """--write replaces the camera's own tables, keeps the rest, and the new settings show the sky's directions."""
    still, png = _still(14)
    picture = tmp_path / "sky.png"
    picture.write_bytes(png)
    old = "[camera.orientation]\nnorth_deg = 3.0\n"
    file = _camera(tmp_path, still, old)
    chart = tmp_path / "chart.png"
    code, _, err = _run(
        "calibrate", picture, "--config", file, "--camera", "hill", "--at", f"{still.at:%Y-%m-%dT%H:%M:%SZ}",
        "--picture", chart, "--write",
    )  # fmt: skip
    assert code == 0, err
    settings = load(file)
    camera = settings.camera_named("hill").camera()
    assert camera.orientation is not None
    assert camera.orientation.lens is not None
    assert error_deg(still, camera.orientation, camera.disc) < 0.5
    assert settings.gate.look_below_deg == -7.0
    assert settings.camera_named("other").disc.radius == 90
    assert file.read_text().startswith("# ours\n")
    assert file.read_text().count("[camera.orientation]") == 1
    drawn = image.read(chart)
    assert drawn.shape == (960, 960, 3)
    assert len(np.unique(drawn.reshape(-1, 3), axis=0)) > 50


def test_a_file_that_cannot_be_changed_stays_and_is_the_one_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not the hidden one that was to take its place, which nobody finds."""
    still, _ = _still(14)
    file = _camera(
        tmp_path, still, "disc = { centre_x = 100, centre_y = 100, radius = 90, width = 200, height = 200 }\n"
    )
    monkeypatch.setattr(calibrate_file, "tables", lambda found: "[camera.disc]\ncentre_x = 2\n")
    before = file.read_text()
    with pytest.raises(ConfigError) as told:
        calibrate_file.write(cast(Calibration, None), file, CameraSettings(name="hill"))
    assert str(told.value).startswith(f"{file}: its tables are written in a way")
    assert str(told.value).count(str(tmp_path)) == 1
    assert file.read_text() == before
    assert list(tmp_path.iterdir()) == [file]


def test_a_sky_without_stars_is_refused_in_one_line(tmp_path: Path) -> None:
    """Overcast: exit 1, what is missing and what would help, and nothing is written."""
    still, _ = _still(14)
    grey = np.zeros((480, 640, 3), np.uint8)
    cv2.circle(grey, (320, 240), 220, (70, 60, 60), -1)
    picture = tmp_path / "20240210071320.png"
    picture.write_bytes(image.encode_png(grey))
    file = _camera(
        tmp_path, still, "[camera.disc]\ncentre_x = 9\ncentre_y = 9\nradius = 9\nwidth = 20\nheight = 20"
    )
    before = file.read_text()
    code, out, err = _run("calibrate", picture, "--config", file, "--camera", "hill", "--write")
    assert code == 1
    assert out == ""
    assert len(err.strip().splitlines()) == 1
    assert "clear" in err
    assert file.read_text() == before


def test_wrong_use(tmp_path: Path) -> None:
    """--write without a file, one time for two images, pictures of two sizes: exit 2 and the way out."""
    still, png = _still(14)
    first, second = tmp_path / "20240210071320.png", tmp_path / "20240210071420.png"
    first.write_bytes(png)
    second.write_bytes(image.encode_png(np.zeros((100, 120, 3), np.uint8)))
    file = _camera(tmp_path, still)
    for arguments, word in (
        ((first, "--write"), "--config"),
        ((first, second, "--config", file, "--at", "2024-02-10T07:13:20Z"), "--at"),
        ((first, second, "--config", file), "size"),
        ((first, "--config", file, "--at", "yesterday"), "2024-02-10"),
    ):
        code, _, err = _run("calibrate", *arguments)
        assert code == 2, arguments
        assert word in err


@pytest.mark.parametrize(("written", "at"), [(0, 0), (60, 60), (600, None)])
def test_autumn_s_doubled_hour_is_told_by_the_file_s_own_time(
    tmp_path: Path, written: int, at: int | None
) -> None:
    """Stars an hour off would turn the camera by 15°: where nothing tells which of the two it is, there is no time."""
    first = datetime(2024, 10, 27, 0, 30, tzinfo=UTC)  # 02:30 in Oslo, and again an hour later
    camera = CameraSettings(
        name="oslo",
        source=SourceSettings(kind="folder", path=tmp_path, time_from="name", name_timezone="Europe/Oslo"),
    )
    picture = tmp_path / "20241027023000.png"
    picture.write_bytes(b"")
    own = (first + timedelta(minutes=written)).timestamp()
    os.utime(picture, (own, own))
    assert time_in_name(picture, camera) == (None if at is None else first + timedelta(minutes=at))


def test_the_disc_of_the_configuration_serves_where_none_shows(tmp_path: Path) -> None:
    """A sky that fills its picture: the camera's own disc is taken, if it is for pictures of this size."""
    from daemon.commands.calibrate import Exposure, _disc
    from daemon.config import CameraSettings, DiscSettings

    camera = CameraSettings(disc=DiscSettings(centre_x=310, centre_y=250, radius=300, width=640, height=480))
    pixels = np.full((480, 640, 3), 90, np.uint8)
    assert _disc([Exposure(tmp_path, pixels, None)], camera) == Disc(310, 250, 300, 640, 480)


def test_the_pictures_that_a_watch_has_kept_will_do(tmp_path: Path) -> None:
    """--db: the starriest kept picture gives the lens, and what is written keeps the disc it was cut with."""
    still, _ = _still(14)
    half = still.side / 2
    where = f"centre_x = {still.left + half}\ncentre_y = {still.top + half}\nradius = {half}\n"
    disc = f"[camera.disc]\n{where}width = {still.width}\nheight = {still.height}\n"
    file = _camera(tmp_path, still, disc)
    camera = load(file).camera_named("hill").camera()
    kept = image.encode_jpeg(image.shrink(cut_disc(still.picture(), camera.disc), 480))
    for name in ("clear", "gone"):
        at = still.at + timedelta(hours=name == "gone")
        frame = observation(
            camera="hill", observed_at=at, verdict="clear", sky=replace(observation().sky, sun_altitude_deg=-30),
            picture=f"hill/{name}.jpg",
        )  # fmt: skip
        with Store(tmp_path / "a.db") as store:
            store.record(frame, night=still.at.date())
    (tmp_path / "frames" / "hill").mkdir(parents=True)
    (tmp_path / "frames" / "hill" / "clear.jpg").write_bytes(kept)
    code, out, err = _run(
        "calibrate", "--db", tmp_path / "a.db", "--config", file, "--camera", "hill", "--write"
    )
    assert code == 0, err
    assert "stars matched" in out
    written = load(file).camera_named("hill").camera()
    assert written.orientation is not None
    assert (written.disc.centre_x, written.disc.radius) == (camera.disc.centre_x, camera.disc.radius)
    assert error_deg(still, written.orientation, written.disc) < 0.5
    code, _, err = _run("calibrate", "--db", tmp_path / "a.db", "--config", file, "--camera", "other")
    assert (code, "no picture of a clear night of other is kept" in err) == (1, True)
    assert (
        "with --pictures alone" in err
    )  # an archive's record made with --db has none, whatever the configuration
    code, _, err = _run("calibrate", "--config", file)
    assert (code, "--db FILE" in err) == (2, True)


def test_a_horizon_mask_needs_many_pictures(tmp_path: Path) -> None:
    """One frame does not tell a tree from a cloud: exit 1 in one line, and the lens is printed all the same."""
    still, png = _still(14)
    picture = tmp_path / "sky.png"
    picture.write_bytes(png)
    code, out, err = _run(
        "calibrate", picture, "--config", _camera(tmp_path, still), "--camera", "hill", "--at",
        f"{still.at:%Y-%m-%dT%H:%M:%SZ}", "--horizon", tmp_path / "mask.png",
    )  # fmt: skip
    assert code == 1
    assert "stars matched" in out
    assert "at least 8 of different hours and weather" in err
    assert not (tmp_path / "mask.png").exists()
