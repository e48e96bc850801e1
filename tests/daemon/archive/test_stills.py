"""Archived pictures into the record: the camera programs' own folders, once, on the live watch's way."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import pytest
from click.testing import CliRunner

from daemon.archive.dated_pictures import Kept, Untold, dated, footage_of, nights_in_folder, pictures_of
from daemon.archive.nightly import MOST_NIGHTS, Nightly
from daemon.archive.stills import chosen, ingest_night, ingest_nights
from daemon.cli import main
from daemon.config import CameraSettings, EventSettings, Settings
from daemon.errors import UsageError
from daemon.metrics import Metrics
from daemon.pipeline import Pipeline
from daemon.record.progress import Morning
from daemon.record.store import Reader, Store
from tests.hand_watch import Greenness
from tests.homes import SIDE, ZONE, allsky, indi_allsky, put, sky

NIGHT = date(2024, 2, 10)
EVENING = datetime(2024, 2, 9, 21, 0, 7, tzinfo=UTC)
NOW = datetime(2024, 2, 10, 12, 0, tzinfo=UTC)
DISC = {"centre_x": SIDE / 2, "centre_y": SIDE / 2, "radius": SIDE / 2, "width": SIDE, "height": SIDE}


def camera(path: Path, **source: object) -> CameraSettings:
    return CameraSettings.model_validate(
        {
            "name": "home", "latitude_deg": 69.6, "longitude_deg": 19.2, "timezone": ZONE, "stamp": False,
            "disc": DISC, "source": {"kind": "folder", "path": str(path), **source},
        }
    )  # fmt: skip


def allsky_camera(root: Path) -> CameraSettings:
    return camera(
        root / "images",
        pattern="2*/image-2*.jpg",
        time_from="name",
        name_format="image-%Y%m%d%H%M%S",
        name_timezone=ZONE,
    )


def every(
    seconds: float, count: int, begins: datetime = EVENING, aurora: range = range(0)
) -> list[tuple[datetime, bytes]]:
    """So many pictures so far apart, each with a noise of its own."""
    return [(begins + timedelta(seconds=seconds * k), sky(k, k in aurora)) for k in range(count)]


@dataclass
class Archive:
    """A camera's pipeline without a live source, on a record of its own."""

    pipeline: Pipeline
    model: Greenness

    def take(self, *places: Path, now: datetime = NOW) -> list[str]:
        """Take the folders in; the lines that are printed."""
        c = self.pipeline.camera_settings
        nights, _ = dated(pictures_of(places, c.source), c, now)
        return [ingest_night(night, self.pipeline).line() for night in nights]

    def rows(self, sql: str = "SELECT * FROM observations ORDER BY observed_at") -> list[dict[str, Any]]:
        with Reader(self.pipeline.store.path) as reader:
            return reader.query(sql)


def opened(settings: CameraSettings, store: Store) -> Archive:
    model = Greenness()
    pipeline = Pipeline(
        settings,
        Settings(camera=(settings,), event=EventSettings(strong_level=7)),
        store=store,
        predictor=lambda: model,  # type: ignore[arg-type, return-value]
        metrics=Metrics(),
    )
    return Archive(pipeline, model)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "record.db") as store:
        yield store


def test_an_allsky_night_is_a_row_a_minute_and_its_event(tmp_path: Path, store: Store) -> None:
    """Pictures every 30 s: one a minute, at the UTC of its local name; keograms, thumbnails, timelapses are none."""
    root = allsky(tmp_path, every(30, 40, aurora=range(10, 20)))
    archive = opened(allsky_camera(root), store)
    (line,) = archive.take(root / "images")
    assert line == "night of 9–10 February 2024: 20 recorded, 0 known already, 0 without a time"
    rows = archive.rows()
    assert rows[0]["observed_at"] == "2024-02-09T21:00:07Z"
    assert (root / "images/20240209/image-20240209220007.jpg").is_file()
    assert [row["verdict"] for row in rows[3:7]] == ["clear", "clear", "aurora", "aurora"]
    (event,) = archive.rows("SELECT * FROM events")
    assert (event["onset_at"], event["ended_at"]) == ("2024-02-09T21:05:07Z", "2024-02-09T21:10:07Z")
    assert not archive.rows("SELECT * FROM outbox")


def test_a_repeat_changes_nothing_and_looks_at_nothing(tmp_path: Path, store: Store) -> None:
    """Known nights are passed over; one that has grown is gone on with; what was on record stays as it was."""
    pictures = every(60, 20, aurora=range(5, 15))
    root = allsky(tmp_path, pictures[:12])
    archive = opened(allsky_camera(root), store)
    archive.take(root / "images")
    before, asked = archive.rows(), archive.model.asked
    (line,) = archive.take(root / "images")
    assert "0 recorded, 12 known" in line
    assert archive.rows() == before
    allsky(tmp_path, pictures)
    (line,) = archive.take(root / "images")
    assert "8 recorded, 12 known" in line
    assert archive.model.asked == asked + 8
    assert archive.rows()[:12] == before
    (event,) = archive.rows("SELECT onset_at, ended_at FROM events")
    with Store(tmp_path / "whole.db") as other:
        whole = opened(allsky_camera(root), other)
        whole.take(root / "images")
        assert whole.rows("SELECT onset_at, ended_at FROM events") == [event]


def test_an_indi_allsky_folder_is_found_in_its_depth(tmp_path: Path, store: Store) -> None:
    """Day, night and hour folders; its thumbnails and its latest.jpg are no pictures of the night."""
    images = indi_allsky(tmp_path, every(600, 9))
    settings = camera(
        images, pattern="ccd_*/exposures/*/*/*/ccd*.jpg", time_from="name",
        name_format="ccd1_%Y%m%d_%H%M%S", name_timezone=ZONE,
    )  # fmt: skip
    archive = opened(settings, store)
    (line,) = archive.take(images)
    assert "9 recorded" in line


def test_pictures_of_the_day_are_not_looked_at(tmp_path: Path, store: Store) -> None:
    """Camera programs may keep the day too: no row, no answer of the model for it."""
    root = allsky(tmp_path, every(3600, 20, begins=datetime(2024, 2, 9, 9, 0, tzinfo=UTC)))
    archive = opened(allsky_camera(root), store)
    archive.take(root / "images")
    assert {row["verdict"] for row in archive.rows()} == {"clear"}
    assert all(row["sun_altitude_deg"] <= -6 for row in archive.rows())


def test_a_repeat_says_again_what_was_by_day(tmp_path: Path, store: Store) -> None:
    """Else three pictures of five would be gone without a word."""
    at = [datetime(2024, 2, 9, hour, 0, tzinfo=UTC) for hour in (12, 13, 14, 20, 21)]
    root = allsky(tmp_path, [(one, sky(k)) for k, one in enumerate(at)])
    archive = opened(allsky_camera(root).model_copy(update={"cadence_s": 3600.0}), store)
    assert ["2 recorded, 0 known already, 3 by day" in line for line in archive.take(root / "images")] == [
        True
    ]
    assert ["0 recorded, 2 known already, 3 by day" in line for line in archive.take(root / "images")] == [
        True
    ]


def test_what_cannot_be_read_costs_itself(tmp_path: Path, store: Store) -> None:
    """A cut file, an empty one, the same file again: counted, and the others are recorded."""
    pictures = every(60, 6)
    pictures[1] = pictures[1][0], pictures[1][1][:2000]
    pictures[2] = pictures[2][0], b""
    pictures[4] = pictures[4][0], pictures[3][1]
    root = allsky(tmp_path, pictures)
    archive = opened(allsky_camera(root), store)
    (line,) = archive.take(root / "images")
    assert "3 recorded, 0 known already, 1 the same as the one before, 2 that cannot be read" in line


def test_what_could_not_be_read_is_read_as_soon_as_it_can_be(tmp_path: Path, store: Store) -> None:
    """Files whose rights are wrong, or whose drive is away, are not remembered as done; one is named, with its cause."""
    root = allsky(tmp_path, every(60, 4))
    away = sorted((root / "images").rglob("image-*.jpg"))[1:3]
    archive = opened(allsky_camera(root), store)
    c = archive.pipeline.camera_settings
    (night,), _ = dated(pictures_of([root / "images"], c.source), c, NOW)
    whole = {path: path.read_bytes() for path in away}
    for path in away:
        path.write_bytes(bytes(len(whole[path])))
    outcome = ingest_night(night, archive.pipeline)
    assert str(away[0]) in (outcome.fault or "")
    assert "2 pictures, the first of them cannot be read" in (outcome.fault or "")
    for path, data in whole.items():
        path.write_bytes(data)
    again = ingest_night(night, archive.pipeline)
    assert (again.fault, again.tally and again.tally.recorded) == (None, 2)
    assert len(archive.rows()) == 4


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
    why = Counter[Untold]()
    (night,), undated = dated(pictures, settings, now, why)
    assert [one.at for one in night.pictures] == [*moments[:2], *moments[4:]]
    assert (undated, why) == (2, {"twice": 2})


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


# ------------------------------------------------------------------------------- hours that were missed


def mornings(archive: Archive, done: str, now: datetime = NOW) -> None:
    """The mornings of a watch that was up in the night ``done``, and starts again now."""
    progress = archive.pipeline.store.progress
    progress.put_morning("home", Morning(done=done))
    Nightly(archive.pipeline, archive.pipeline.settings).visit(now)


def test_the_hours_in_which_nobody_watched_are_filled_from_the_folder(tmp_path: Path, store: Store) -> None:
    """The live watch saw the first ten minutes; after dawn the other twenty are there, each once."""
    pictures = every(60, 30, aurora=range(15, 25))
    root = allsky(tmp_path / "early", pictures[:10])
    archive = opened(allsky_camera(root), store)
    archive.take(root / "images")
    shutil.rmtree(root)
    root = allsky(tmp_path / "early", pictures)
    mornings(archive, done="2024-02-09")
    rows = archive.rows()
    assert len(rows) == len({row["observed_at"] for row in rows}) == 30
    (event,) = archive.rows("SELECT onset_at FROM events")
    assert event["onset_at"] == "2024-02-09T21:15:07Z"
    assert store.progress.morning("home").done == "2024-02-10"
    mornings(archive, done="2024-02-09")
    assert archive.rows() == rows


def test_nights_in_which_nobody_watched_are_filled_too(tmp_path: Path, store: Store) -> None:
    """Three nights down: all three come from the folder; of older ones nothing."""
    pictures = [
        (EVENING - timedelta(days=days) + timedelta(minutes=k), sky(100 * days + k))
        for days in (MOST_NIGHTS + 5, 5, 2, 1, 0)
        for k in range(3)
    ]
    root = allsky(tmp_path, sorted(pictures))
    archive = opened(allsky_camera(root), store)
    mornings(archive, done="2024-02-07")
    evenings = {row["observed_at"][:10] for row in archive.rows()}
    assert evenings == {"2024-02-07", "2024-02-08", "2024-02-09"}


def test_of_older_nights_the_names_are_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each morning would otherwise look at every file of an archive of years."""
    pictures = [(EVENING - timedelta(days=days), sky(days)) for days in (200, 100, 20, 2, 1, 0)]
    root = allsky(tmp_path, sorted(pictures))
    real, looked_at = Path.stat, set[str]()

    def counted(self: Path, **more: bool) -> os.stat_result:
        looked_at.add(self.name)
        return real(self, **more)

    monkeypatch.setattr(Path, "stat", counted)
    oldest, now = date(2024, 2, 9), EVENING + timedelta(days=1)
    nights = nights_in_folder(allsky_camera(root), oldest, oldest + timedelta(days=2), now)
    assert [night.night for night in nights] == [date(2024, 2, 9), date(2024, 2, 10)]
    days = sorted(name.removeprefix("image-")[:8] for name in looked_at if name.endswith(".jpg"))
    assert days == ["20240207", "20240208", "20240209"]


def test_a_camera_that_is_one_file_has_nothing_to_fill_from(tmp_path: Path, store: Store) -> None:
    """``tmp/image.jpg`` is the present alone: the morning takes no keogram for a picture."""
    root = allsky(tmp_path, every(60, 5))
    archive = opened(camera(root / "tmp", pattern="image.jpg", time_from="header"), store)
    mornings(archive, done="2024-02-09")
    assert len(archive.rows()) == 1


def test_a_stamp_out_of_order_is_no_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A misread stamp among pictures in order of their names is kept out; the others have their time."""
    from daemon.archive import dated_pictures

    said = {f"{k}.png": EVENING + timedelta(minutes=k) for k in range(5)}
    said["2.png"] -= timedelta(hours=8)

    class Reader:
        def __init__(self, _: object) -> None:
            self._said = iter(said.values())

        def read(self, _: object) -> tuple[datetime, str]:
            return next(self._said), ""

    monkeypatch.setattr(dated_pictures, "StampReader", Reader)
    for name in said:
        put(tmp_path / name, cv2.imencode(".png", cv2.imdecode(_bytes(sky(1)), 1))[1].tobytes(), NOW)
    settings = camera(tmp_path, time_from="stamp").model_copy(update={"stamp": CameraSettings().stamp})
    nights, undated = dated(pictures_of([tmp_path], settings.source), settings, NOW)
    assert [one.path.name for night in nights for one in night.pictures] == [
        "0.png",
        "1.png",
        "3.png",
        "4.png",
    ]
    assert undated == 1


def test_pictures_too_far_apart_to_begin_an_event_are_told_of(store: Store, tmp_path: Path) -> None:
    """One every twenty minutes, each with aurora: recorded, no event, and the line says what would help."""
    root = allsky(tmp_path / "slow", every(1200, 9, aurora=range(9)))
    settings = allsky_camera(root)
    archive = opened(settings, store)
    (night,), _ = dated(pictures_of([root / "images"], settings.source), settings, NOW)
    outcome = ingest_night(night, archive.pipeline)
    assert "20 minutes apart" in (outcome.fault or "")
    assert "set cadence_s = 1200" in (outcome.fault or "")
    assert not archive.rows("SELECT * FROM events")
    assert {row["verdict"] for row in archive.rows()} == {"aurora"}


def test_the_distance_told_is_one_of_the_pictures(store: Store, tmp_path: Path) -> None:
    """Gaps of 10 minutes and of 11¾ hours: not "352 minutes apart", which no two of them are."""
    begins = datetime(2024, 2, 9, 17, 30, 7, tzinfo=UTC)
    times = [begins + timedelta(minutes=minutes) for minutes in (0, 10, 10 + 705)]
    root = allsky(tmp_path / "three", [(at, sky(k)) for k, at in enumerate(times)])
    settings = allsky_camera(root).model_copy(update={"cadence_s": 300.0})
    (night,), _ = dated(pictures_of([root / "images"], settings.source), settings, NOW)
    assert ingest_night(night, opened(settings, store).pipeline).fault is None


def test_a_cadence_that_nobody_can_set_is_not_advised(store: Store, tmp_path: Path) -> None:
    """Two pictures of a night, five hours apart: no configuration takes 18,000 seconds."""
    root = allsky(tmp_path / "two", every(18_000, 2, aurora=range(2)))
    settings = allsky_camera(root)
    (night,), _ = dated(pictures_of([root / "images"], settings.source), settings, NOW)
    fault = ingest_night(night, opened(settings, store).pipeline).fault or ""
    assert fault.endswith("300 minutes apart, too far for two of them to begin an event at cadence_s = 60")


def test_the_advice_helps_where_the_pictures_are_on_record_already(store: Store, tmp_path: Path) -> None:
    """First at a cadence that begins no event, then at the one advised, into the same record: the event is there."""
    root = allsky(tmp_path / "slow", every(1200, 9, aurora=range(9)))
    settings = allsky_camera(root)
    (night,), _ = dated(pictures_of([root / "images"], settings.source), settings, NOW)
    first = opened(settings, store)
    assert all("set cadence_s" in (ingest_night(night, first.pipeline).fault or "") for _ in range(2))
    archive = opened(settings.model_copy(update={"cadence_s": 1200.0}), store)
    outcome = ingest_night(night, archive.pipeline)
    assert outcome.fault is None
    assert outcome.tally is not None
    assert (outcome.tally.recorded, outcome.tally.known) == (0, 9)
    assert len(archive.rows("SELECT * FROM events")) == 1


def test_with_their_own_cadence_such_pictures_begin_an_event(store: Store, tmp_path: Path) -> None:
    root = allsky(tmp_path / "slow", every(1200, 9, aurora=range(9)))
    slow = allsky_camera(root).model_copy(update={"cadence_s": 1200.0})
    archive = opened(slow, store)
    (night,), _ = dated(pictures_of([root / "images"], slow.source), slow, NOW)
    assert ingest_night(night, archive.pipeline).fault is None
    assert len(archive.rows("SELECT * FROM events")) == 1


def _bytes(data: bytes) -> Any:
    import numpy as np

    return np.frombuffer(data, np.uint8)


def test_the_command_makes_the_record_that_its_configuration_names(tmp_path: Path) -> None:
    """Archived pictures first, the watch later: the state folder need not be there; a repeat adds nothing."""
    root = allsky(tmp_path / "home", every(60, 2))
    source = allsky_camera(root).source
    file = tmp_path / "a.toml"
    file.write_text(
        f'[daemon]\nstate_dir = "{tmp_path}/state"\nkeep_pictures_days = 0\n[[camera]]\nname = "home"\n'
        f'latitude_deg = 69.6\nlongitude_deg = 19.2\ntimezone = "{ZONE}"\nstamp = false\n[camera.disc]\n'
        + "".join(f"{key} = {value}\n" for key, value in DISC.items())
        + f'[camera.source]\nkind = "folder"\npath = "{source.path}"\npattern = "{source.pattern}"\n'
        f'time_from = "name"\nname_format = "{source.name_format}"\nname_timezone = "{ZONE}"\n'
    )
    for said in ("2 recorded, 0 known already", "0 recorded, 2 known already"):
        done = CliRunner().invoke(main, ["ingest", str(root / "images"), "--config", str(file)])
        assert done.exit_code == 0, done.output
        assert said in done.output
