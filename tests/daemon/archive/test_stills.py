"""Archived pictures into the record: the camera programs' own folders, once, on the live watch's way."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from daemon.archive.dated_pictures import dated, pictures_of
from daemon.archive.stills import ingest_night
from daemon.cli import main
from daemon.record.store import Reader, Store
from tests.homes import ZONE, allsky, indi_allsky, sky
from tests.picture_archive import DISC, EVENING, NOW, allsky_camera, camera, every, opened


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "record.db") as store:
        yield store


def test_an_allsky_night_is_a_row_a_minute_and_its_event(tmp_path: Path, store: Store) -> None:
    """Pictures every 30 s: one a minute, at the UTC of its local name; keograms, thumbnails, timelapses are none."""
    root = allsky(tmp_path, every(30, 40, aurora=range(10, 20)))
    archive = opened(allsky_camera(root), store)
    (line,) = archive.take(root / "images")
    counts = "20 recorded, 0 known already, 20 closer than the cadence, 0 without a time"
    assert line == f"night of 9–10 February 2024: {counts}"
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


def test_a_row_names_the_folder_that_its_picture_came_from(tmp_path: Path, store: Store) -> None:
    """As a watched folder's rows do: who has two cameras' pictures in one record can tell them apart."""
    root = allsky(tmp_path, every(60, 2))
    archive = opened(allsky_camera(root), store)
    archive.take(root / "images")
    folder = root / "images/20240209"
    assert [row["name"] for row in archive.rows("SELECT name FROM sources")] == [f"{folder}/"]
    with Reader(store.path) as reader:
        (first, _) = reader.between("home", EVENING, EVENING + timedelta(minutes=1))
    assert first["source"] == f"{folder}/image-20240209220007.jpg"


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


def test_a_repeat_says_again_what_lies_between_two_looks(tmp_path: Path, store: Store) -> None:
    """One picture every twenty seconds: two of three are not looked at, and each call says so."""
    root = allsky(tmp_path, every(20, 9))
    archive = opened(allsky_camera(root), store)
    for counts in ("3 recorded, 0 known already", "0 recorded, 3 known already"):
        (line,) = archive.take(root / "images")
        assert f"{counts}, 6 closer than the cadence" in line


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


def test_the_command_makes_the_record_that_its_configuration_names(tmp_path: Path) -> None:
    """Archived pictures first, the watch later: the state folder need not be there; a repeat adds nothing."""
    root = allsky(tmp_path / "home", every(60, 2))
    file = _configured(tmp_path, root, keep_pictures_days=0)
    for said in ("2 recorded, 0 known already", "0 recorded, 2 known already"):
        done = CliRunner().invoke(main, ["ingest", str(root / "images"), "--config", str(file)])
        assert done.exit_code == 0, done.output
        assert said in done.output


def test_a_name_with_a_line_break_makes_no_second_line(tmp_path: Path) -> None:
    """Each message is one line, whatever a file is called."""
    root = allsky(tmp_path / "home", every(60, 2))
    file = _configured(tmp_path, root, keep_pictures_days=0)
    first = min((root / "images").glob("2*/image-2*.jpg"))
    first.write_bytes(first.read_bytes()[:1000])
    first.rename(first.with_name(f"{first.stem}\nOK.jpg"))
    done = CliRunner().invoke(main, ["ingest", str(root / "images"), "--config", str(file)])
    assert done.exit_code == 1
    assert all(line.startswith(("aurorad: ", "night of ")) for line in done.output.splitlines()), done.output
    assert f"{first.stem}?OK.jpg: the JPEG breaks off" in done.output


def test_many_pictures_without_a_time_are_a_failure_and_a_few_are_none(tmp_path: Path) -> None:
    """Pictures left out for their time are as good as unreadable; one in twenty may be a misread stamp each night."""
    by_day = every(60, 24, begins=datetime(2024, 2, 9, 11, 0, tzinfo=UTC))
    for ahead, status in ((1, 0), (3, 1)):
        soon = every(60, ahead, begins=datetime.now(UTC) + timedelta(days=2))
        root = allsky(tmp_path / f"{ahead}", [*by_day, *soon])
        file = _configured(tmp_path / f"{ahead}", root, keep_pictures_days=0)
        done = CliRunner().invoke(main, ["ingest", str(root / "images"), "--config", str(file)])
        assert f"{ahead} of {24 + ahead} pictures are dated ahead of our clock" in done.output
        assert done.exit_code == status, done.output


def test_pictures_that_the_watch_would_remove_are_announced(tmp_path: Path) -> None:
    """An archive older than pictures are kept: the one who takes it in hears of it before `aurorad run` empties it."""
    root = allsky(tmp_path / "home", every(60, 2))
    for days, told in ((30, True), (36500, False), (0, False)):
        folder = tmp_path / f"{days}"
        folder.mkdir()
        file = _configured(folder, root, keep_pictures_days=days)
        done = CliRunner().invoke(main, ["ingest", str(root / "images"), "--config", str(file)])
        assert done.exit_code == 0, done.output
        said = "one night is older than keep_pictures_days = 30: `aurorad run` removes its pictures"
        assert (said in done.output) is told
        assert ("older than" in done.output) is told


def _configured(folder: Path, root: Path, *, keep_pictures_days: int) -> Path:
    """A configuration file of that Allsky, its record in the folder."""
    source = allsky_camera(root).source
    file = folder / "a.toml"
    file.write_text(
        f'[daemon]\nstate_dir = "{folder}/state"\nkeep_pictures_days = {keep_pictures_days}\n[[camera]]\nname = "home"\n'
        f'latitude_deg = 69.6\nlongitude_deg = 19.2\ntimezone = "{ZONE}"\nstamp = false\n[camera.disc]\n'
        + "".join(f"{key} = {value}\n" for key, value in DISC.items())
        + f'[camera.source]\nkind = "folder"\npath = "{source.path}"\npattern = "{source.pattern}"\n'
        f'time_from = "name"\nname_format = "{source.name_format}"\nname_timezone = "{ZONE}"\n'
    )
    return file
