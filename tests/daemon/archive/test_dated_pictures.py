"""When an archive's pictures were taken, and which of a folder's files they are."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest

from daemon.archive.dated_pictures import Kept, Noted, dated, footage_of, pictures_of
from daemon.archive.stills import chosen, ingest_nights
from daemon.config import CameraSettings, Settings
from daemon.errors import UsageError
from daemon.record.store import Store
from tests.homes import allsky, put, sky
from tests.picture_archive import EVENING, NIGHT, NOW, allsky_camera, camera, every, opened


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "record.db") as store:
        yield store


def test_the_hour_that_autumn_brings_twice(tmp_path: Path, store: Store) -> None:
    """Names of local time come twice; the file's own time says which hour it was."""
    begins = datetime(2024, 10, 27, 0, 30, tzinfo=UTC)  # 2:30 in Oslo, and an hour later 2:30 again
    root = allsky(tmp_path, [(begins + timedelta(minutes=20 * k), sky(k)) for k in range(3)])
    moved = root / "images/20241026/image-20241027023000.jpg"
    assert moved.is_file()
    archive = opened(allsky_camera(root), store)
    archive.take(root / "images", now=begins + timedelta(days=1))
    assert [row["observed_at"][11:16] for row in archive.rows()] == ["00:30", "00:50", "01:10"]


def test_which_pass_of_the_doubled_hour_nobody_guesses(tmp_path: Path) -> None:
    """Files' own times lost in a copy: the pictures of that hour have no time, those before and after it have."""
    begins = datetime(2024, 10, 27, 0, 0, tzinfo=UTC)  # 2:00 in Oslo, twice until 3:00 and once from then on
    moments = [begins + timedelta(minutes=20 * k) for k in (-2, -1, 0, 1, 6, 7)]
    root = allsky(tmp_path, [(at, sky(k)) for k, at in enumerate(moments)])
    settings, now = allsky_camera(root), begins + timedelta(days=30)
    pictures = pictures_of([root / "images"], settings.source)
    for path in pictures:
        os.utime(path, (now.timestamp(), now.timestamp()))
    noted = Noted()
    (night,), undated = dated(pictures, settings, now, noted)
    assert [one.at for one in night.pictures] == [*moments[:2], *moments[4:]]
    assert (undated, noted) == (2, {"twice": pictures[2:4]})


def test_files_that_were_copied_are_not_dated_by_the_copying(tmp_path: Path) -> None:
    """Where the file's time dates a picture, one whose name says another day has no time."""
    put(tmp_path / "image-20240209220007.jpg", sky(1), NOW - timedelta(hours=15))
    put(tmp_path / "image-20230209220007.jpg", sky(2), NOW)
    put(tmp_path / "20230209/pic1.jpg", sky(3), NOW)
    nights, undated = dated(
        pictures_of([tmp_path], camera(tmp_path, time_from="header").source),
        camera(tmp_path, time_from="header"),
        NOW,
    )
    assert [night.night for night in nights] == [NIGHT]
    assert undated == 2


def test_files_copied_one_after_another_are_not_dated_by_the_copying(tmp_path: Path) -> None:
    """IMG_0001.JPG … of a plain ``cp``, in two goes, no date in any name; pictures a second apart were taken so."""
    for k in range(20):
        at = EVENING + timedelta(seconds=0.07 * k if k < 12 else 4 + 0.3 * k)
        put(tmp_path / f"copied/IMG_{k:04}.JPG", sky(k), at)
        put(tmp_path / f"taken/IMG_{k:04}.JPG", sky(k), EVENING + timedelta(minutes=10, seconds=k))
    for k in range(3):  # several exposures of one look
        put(tmp_path / f"taken/HDR_{k}.JPG", sky(k), EVENING + timedelta(minutes=20, seconds=0.2 * k))
    settings, noted = camera(tmp_path, time_from="header"), Noted()
    pictures = pictures_of([tmp_path], settings.source)
    (night,), undated = dated(pictures, settings, NOW, noted)
    assert {one.path.parent.name for one in night.pictures} == {"taken"}
    assert (len(night.pictures), undated) == (23, 20)
    assert noted == {"copied": [path for path in pictures if path.parent.name == "copied"]}


def test_a_copy_is_refused_with_what_helps(tmp_path: Path) -> None:
    """Else the only picture on record would be one of today."""
    for k in range(6):
        put(tmp_path / f"night1/IMG_{k:04}.JPG", sky(k), NOW)
    settings = camera(tmp_path, time_from="header")
    told: list[str] = []
    into = (Settings(camera=(settings,)), settings, tmp_path / "record.db", None)
    pictures = pictures_of([tmp_path], settings.source)
    assert ingest_nights(pictures, *into, lambda *_: None, lambda one: told.append(one.fault or "")) == 1
    (line,) = told
    assert "6 of 6 pictures were written within moments of each other" in line
    assert "cp -p" in line


@pytest.mark.parametrize(("zone", "by"), [("UTC", 0), ("Europe/Oslo", 1), ("America/St_Johns", -3.5)])
def test_a_zone_that_the_files_own_times_contradict_is_noted(tmp_path: Path, zone: str, by: float) -> None:
    """Else a night is recorded hours off. Their own times may be wrong too, so the pictures are taken; a copy's say nothing."""
    source = {"time_from": "name", "name_format": "%Y%m%d%H%M%S", "name_timezone": zone}
    for k in range(10):
        at = EVENING + timedelta(minutes=k)
        put(tmp_path / f"{at:%Y%m%d%H%M%S}.jpg", sky(k), at + timedelta(seconds=9 + k))
    settings = camera(tmp_path, **source)
    pictures = pictures_of([tmp_path], settings.source)
    for copied in (False, True):
        noted = Noted()
        (night,), undated = dated(pictures, settings, NOW, noted)
        assert night.pictures[0].at == EVENING - timedelta(hours=by)
        assert (len(night.pictures), undated) == (10, 0)
        assert noted == ({"off zone": pictures} if by and not copied else {})
        for k, path in enumerate(pictures):  # one after another over a slow line, an hour after the last
            written = (EVENING + timedelta(hours=1, seconds=3 * k)).timestamp()
            os.utime(path, (written, written))


def test_a_time_that_has_not_been_is_none(tmp_path: Path) -> None:
    """A picture of tomorrow, by a wrong zone or a wrong clock, is not recorded."""
    root = allsky(tmp_path, [(NOW + timedelta(hours=3), sky(1))])
    settings = allsky_camera(root)
    nights, undated = dated(pictures_of([root / "images"], settings.source), settings, NOW)
    assert (nights, undated) == ([], 1)


def test_a_file_of_a_machine_without_a_clock_has_no_time(tmp_path: Path) -> None:
    """1970 is no night that was watched."""
    put(tmp_path / "pic1.jpg", sky(1), datetime(1970, 1, 1, 0, 3, tzinfo=UTC))
    settings = camera(tmp_path, time_from="header")
    assert dated(pictures_of([tmp_path], settings.source), settings, NOW) == ([], 1)


def test_each_reason_for_no_time_has_a_line_of_its_own(tmp_path: Path) -> None:
    """A picture ahead of our clock has a time in its name, and no form of a name would help it."""
    soon, twice = datetime.now(UTC) + timedelta(days=2), datetime(2024, 10, 27, 0, 20, tzinfo=UTC)
    root = allsky(tmp_path, [(twice, sky(2)), (soon, sky(1))])
    settings = allsky_camera(root)
    pictures = pictures_of([root / "images"], settings.source)
    os.utime(pictures[0], (NOW.timestamp(), NOW.timestamp()))
    told: list[str] = []
    into = (Settings(camera=(settings,)), settings, tmp_path / "record.db", None)
    assert ingest_nights(pictures, *into, lambda *_: None, lambda one: told.append(one.fault or "")) == 1
    first, second = (line.partition(": ")[2] for line in told)
    assert first == (
        "1 of 2 pictures are of the hour that comes twice when the clocks go back, and the files' own times are too far "
        "off to say of which: copy them with their times (cp -p, rsync -t)"
    )
    assert (
        second
        == "1 of 2 pictures are dated ahead of our clock: check `name_timezone` and this machine's clock"
    )


def test_no_two_looks_are_nearer_than_a_cadence_allows() -> None:
    """Also beside looks that are on record: a picture between two of them makes no third."""
    at = [EVENING + timedelta(seconds=20 * k) for k in range(10)]
    pictures = [Kept(one, Path("x"), 1) for one in at]
    assert [k.at for k in chosen(pictures, [], 60)] == at[::3]
    assert [k.at for k in chosen(pictures, [at[1], at[4]], 60)] == [at[7]]
    assert [k.at for k in chosen(pictures, at, 60)] == []


def test_where_movies_and_pictures_lie_together(tmp_path: Path) -> None:
    """AuroraMAX's archive is its movies; a camera without a stamp has no movie that could be dated."""
    root = allsky(tmp_path, every(60, 2))
    found = footage_of([root / "images"], allsky_camera(root))
    assert (len(found.movies), len(found.pictures)) == (0, 2)
    assert "a movie among the pictures left out" in (found.left_out or "")
    found = footage_of([root / "images"], CameraSettings())
    assert (len(found.movies), len(found.pictures)) == (1, 0)
    assert "pictures beside the movies left out" in (found.left_out or "")
    pictures = footage_of([root / "images"], allsky_camera(root)).pictures
    found = footage_of([root / "images", *pictures], CameraSettings())
    assert (len(found.movies), found.pictures) == (1, pictures)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"neither a movie .* nor a picture"):
        footage_of([tmp_path / "empty"], allsky_camera(root))


def test_pictures_named_otherwise_are_told_of(tmp_path: Path) -> None:
    """Half a folder of another form of name, as before a camera program's update: counted, one named, the rest taken."""
    root = allsky(tmp_path, every(60, 3))
    for k in range(4):
        put(root / f"images/20240209/cam1_2024020922000{k}.jpg", sky(k), EVENING)
    found = footage_of([root / "images"], allsky_camera(root))
    assert len(found.pictures) == 3
    assert "4 pictures left out, cam1_20240209220000.jpg for one" in (found.left_out or "")
    assert "'image-%Y%m%d%H%M%S'" in (found.left_out or "")


def test_another_camera_beside_the_own_is_left_out(tmp_path: Path) -> None:
    """In the camera's folder, or a part of it, `pattern` says which are its pictures; elsewhere, or by name, any are."""
    for ccd in ("ccd_A", "ccd_B"):
        put(tmp_path / f"images/{ccd}/exposures/20240209/ccd1_20240209_2200.jpg", sky(1), EVENING)
    source = {
        "pattern": "ccd_A/exposures/*/ccd1_2*.jpg",
        "time_from": "name",
        "name_format": "ccd1_%Y%m%d_%H%M",
    }
    settings = camera(tmp_path / "images", **source)
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "images")
    for place in (tmp_path / "images", link, tmp_path / "images/ccd_A/exposures"):
        (path,) = footage_of([place], settings).pictures
        assert "ccd_A" in str(path)
    left_out = footage_of([tmp_path / "images"], settings).left_out or ""
    assert "a picture left out" in left_out
    assert "ccd_B/exposures/20240209/ccd1_20240209_2200.jpg for one" in left_out
    other = tmp_path / "images/ccd_B"
    with pytest.raises(UsageError, match=r"`pattern` 'ccd_A/"):
        footage_of([other], settings)
    (named,) = pictures_of([other], camera(tmp_path / "elsewhere", **source).source)
    assert footage_of([named], settings).pictures == [named]
    unset = camera(tmp_path / "images", time_from="name", name_format="ccd1_%Y%m%d_%H%M")
    assert len(footage_of([tmp_path / "images"], unset).pictures) == 2


def test_a_stamp_out_of_order_is_no_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A misread stamp among pictures in order of their names is kept out; the others have their time."""
    said = {f"{k}.png": EVENING + timedelta(minutes=k) for k in range(5)}
    said["2.png"] -= timedelta(hours=8)
    settings = _stamped(tmp_path, monkeypatch, said)
    nights, undated = dated(pictures_of([tmp_path], settings.source), settings, NOW)
    assert [one.path.name for night in nights for one in night.pictures] == [
        "0.png",
        "1.png",
        "3.png",
        "4.png",
    ]
    assert undated == 1


def test_numbers_in_names_need_no_leading_zeros(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """frame_2 before frame_10; and what is misread among them is said to be that, not to have no time."""
    said = {f"frame_{k}.png": EVENING + timedelta(minutes=k) for k in range(24)}
    said["frame_11.png"] += timedelta(hours=2)
    settings = _stamped(tmp_path, monkeypatch, said)
    noted = Noted()
    nights, undated = dated(pictures_of([tmp_path], settings.source), settings, NOW, noted)
    assert (sum(len(night.pictures) for night in nights), undated) == (23, 1)
    assert noted == {"contradicted": [tmp_path / "frame_11.png"]}


def test_folders_by_day_and_month_are_all_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their names are in no order of time, and so no witness against what is legible in them."""
    days = [EVENING - timedelta(days=days) for days in (0, 1, 17, 40)]
    said = {f"{day:%d-%m-%Y}/a{k}.png": day + timedelta(minutes=k) for day in days for k in range(12)}
    settings = _stamped(tmp_path, monkeypatch, said)
    nights, undated = dated(pictures_of([tmp_path], settings.source), settings, NOW)
    assert ([len(night.pictures) for night in nights], undated) == ([12] * 4, 0)


def test_it_is_noted_where_a_misread_stamp_would_not_be_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names and files' times in no order: the pictures have their times, and the note says what was not checked."""
    places = (7, 2, 9, 0, 4, 1, 8, 3, 6, 5)
    said = {f"{k}.png": EVENING + timedelta(minutes=place) for k, place in enumerate(places)}
    settings = _stamped(tmp_path, monkeypatch, said)
    noted = Noted()
    (night,), undated = dated(pictures_of([tmp_path], settings.source), settings, NOW, noted)
    assert (len(night.pictures), undated, list(noted), len(noted["no order"])) == (10, 0, ["no order"], 10)


def _stamped(folder: Path, monkeypatch: pytest.MonkeyPatch, said: dict[str, datetime]) -> CameraSettings:
    """Pictures in a folder, all written at once, and what their stamps say; the settings of a camera whose they are."""
    from daemon.archive import dated_pictures

    class Reader:
        def __init__(self, _: object) -> None:
            self._said = iter(said[name] for name in sorted(said))

        def read(self, _: object) -> tuple[datetime, str]:
            return next(self._said), ""

    monkeypatch.setattr(dated_pictures, "StampReader", Reader)
    data = cv2.imencode(".png", cv2.imdecode(np.frombuffer(sky(1), np.uint8), 1))[1].tobytes()
    for name in said:
        put(folder / name, data, NOW)
    return camera(folder, time_from="stamp").model_copy(update={"stamp": CameraSettings().stamp})
