"""Labels in and out of files: what people sorted comes into the record, and leaves it whole."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from pyarrow import parquet

from daemon.cli import main
from daemon.config import CameraSettings
from daemon.errors import PictureError, UsageError
from daemon.footage import image
from daemon.observation import Disc
from daemon.record.label_files import COLUMNS, Imported, import_labels
from daemon.record.picture_files import PictureFolder
from daemon.record.store import Reader, Store
from tests.web_night import CAMERA, SHA, fill


@pytest.fixture
def record(tmp_path: Path) -> Path:
    """A record of ten minutes with their pictures."""
    with Store(tmp_path / "aurorad.db") as store:
        store.register_model(SHA, "test model", {})
        fill(store, tmp_path / "frames", first=300, last=310)
    return tmp_path / "aurorad.db"


def sorted_pictures(folder: Path) -> Path:
    """One watched frame, one of another night, a whole camera picture, a name without a time, a broken one."""
    square = np.full((96, 96, 3), 90, np.uint8)
    for name, data in {
        "aurora/20240210052000_20240210_300.jpg": image.encode_jpeg(square),
        "none/20240201011954_20240201_0.jpg": image.encode_jpeg(square),
        "obscured/20240201012054_20240201_1.png": image.encode_png(np.full((720, 1280, 3), 80, np.uint8)),
        "no/20240202011954_20240202_0.jpg": image.encode_jpeg(square),
        "no/holiday.jpg": image.encode_jpeg(square),
        "yes/20240203011954_20240203_0.jpg": b"<html>not found</html>",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def taken_in(folder: Path, record: Path, who: str = "Ada") -> tuple[Imported, list[str]]:
    with Store(record) as store:
        pictures = PictureFolder(record.parent / "frames")
        told = list(import_labels(folder, store, pictures, CameraSettings().camera(), who))
    (tally,) = [one for one in told if isinstance(one, Imported)]
    return tally, [str(one) for one in told if isinstance(one, PictureError)]


def test_folders_named_by_label_come_into_the_record(record: Path, tmp_path: Path) -> None:
    """Each picture is a label of its instant; a known frame gets it beside what the model had said."""
    tally, faults = taken_in(sorted_pictures(tmp_path / "sorted"), record)
    assert tally == Imported(labels=4, known=0, faults=2)
    assert "its name tells no time; begin it with the picture's UTC" in faults[0]
    assert "20240203011954" in faults[1]
    with Reader(record) as reader:
        rows = {row["observed_at"]: row for row in reader.labels()}
    assert {(at[:10], row["label"], row["queue"]) for at, row in rows.items()} == {
        ("2024-02-10", "aurora", "import"),
        ("2024-02-01", "none", "import"),
        ("2024-02-01", "obscured", "import"),
        ("2024-02-02", "none", "import yes/no"),
    }
    watched = rows["2024-02-10T05:20:00Z"]
    assert (watched["model_sha256"], watched["model_verdict"]) == (SHA, "aurora")
    assert watched["picture"].endswith("_300.jpg")
    assert {row["labelled_by"] for row in rows.values()} == {"Ada"}


def test_a_frame_in_folders_of_different_labels_is_a_fault(record: Path, tmp_path: Path) -> None:
    """Nobody knows which is right, so neither is recorded; two folders of one label say the same."""
    square = image.encode_jpeg(np.full((96, 96, 3), 90, np.uint8))
    for name in ("aurora/20240201011954_a", "none/20240201011954_b", "no/20240201011954", "no/20240202011954",
                 "none/20240202011954"):  # fmt: skip
        (tmp_path / f"{name}.jpg").parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.jpg").write_bytes(square)
    tally, faults = taken_in(tmp_path, record)
    assert tally == Imported(labels=1, known=1, faults=3)
    folder = {name: tmp_path / name for name in ("aurora", "none", "no")}
    assert faults == [
        f"{folder['aurora']}/20240201011954_a.jpg: the same time is in {folder['no']} too; leave it in the right one",
        f"{folder['no']}/20240201011954.jpg: the same time is in {folder['aurora']} too; leave it in the right one",
        f"{folder['none']}/20240201011954_b.jpg: the same time is in {folder['aurora']} too; leave it in the right one",
    ]
    with Reader(record) as reader:
        assert [(row["observed_at"], row["label"]) for row in reader.labels()] == [
            ("2024-02-02T01:19:54Z", "none")
        ]


def test_an_imported_picture_is_cut_and_kept(record: Path, tmp_path: Path) -> None:
    """A whole camera picture loses all but its disc; the picture lies where the watched ones lie."""
    taken_in(sorted_pictures(tmp_path / "sorted"), record)
    kept = tmp_path / "frames" / CAMERA / "2024-02-01"
    disc = image.read(kept / "20240201012054_20240201_label.jpg")
    assert disc.shape == (720, 720, 3)
    assert disc[360, 360].min() > 60
    assert disc[4, 4].max() < 20
    with Store(record) as store:
        before = date(2025, 1, 1)
        PictureFolder(tmp_path / "frames").remove_nights(before, store.labelled_pictures())
    assert len(list(kept.iterdir())) == 2


def test_the_same_folder_again_changes_nothing(record: Path, tmp_path: Path) -> None:
    """Repeats are known; another person's labels of the same pictures are labels of their own."""
    folder = sorted_pictures(tmp_path / "sorted")
    taken_in(folder, record)
    assert taken_in(folder, record)[0] == Imported(labels=0, known=4, faults=2)
    assert taken_in(folder, record, "Bo")[0].labels == 4
    with Reader(record) as reader:
        assert len(reader.labels()) == 4
        assert len(reader.labels(undone=True)) == 8


def valid(record: Path) -> dict[str, tuple[str, str]]:
    """Each frame's valid label, and whose it is."""
    with Reader(record) as reader:
        return {row["observed_at"]: (row["label"], row["labelled_by"]) for row in reader.labels()}


def one_picture(folder: Path, name: str) -> Path:
    """A folder of a single labelled picture."""
    (folder / name).parent.mkdir(parents=True)
    (folder / name).write_bytes(image.encode_jpeg(np.full((96, 96, 3), 90, np.uint8)))
    return folder


def test_the_same_folder_again_undoes_nobodys_correction(record: Path, tmp_path: Path) -> None:
    """What another person said since, or who gave the label took back, stays; so does a label of one's own since."""
    kari, per = (
        one_picture(tmp_path / who, f"{label}/20240210045003.jpg")
        for who, label in (("kari", "aurora"), ("per", "none"))
    )
    taken_in(kari, record, "Kari")
    taken_in(per, record, "Per")
    assert taken_in(kari, record, "Kari")[0] == Imported(known=1)
    assert valid(record) == {"2024-02-10T04:50:03Z": ("none", "Per")}
    with Store(record) as store:
        for row in store.reader.labels(undone=True):
            store.undo_label(row["id"])
    assert taken_in(kari, record, "Kari")[0] == Imported(known=1)
    assert not valid(record)


def test_an_answer_about_an_event_is_no_label_of_its_frame(record: Path, tmp_path: Path) -> None:
    """Who said "wrong" of an event, and took that back, may still sort its frame."""
    with Store(record) as store:
        at = datetime(2024, 2, 10, 4, 50, 3, tzinfo=UTC)
        store.undo_label(store.add_label(CAMERA, at, "none", "Per", queue="event", event_id="e"))
    taken_in(one_picture(tmp_path / "per", "none/20240210045003.jpg"), record, "Per")
    assert valid(record) == {"2024-02-10T04:50:03Z": ("none", "Per")}


def test_one_frame_twice_in_a_folder_is_one_label(record: Path, tmp_path: Path) -> None:
    """The same instant as .jpg and as .webp, which is a picture as well."""
    folder = one_picture(tmp_path / "sorted", "none/20240210045003.jpg")
    done, data = cv2.imencode(".webp", np.full((96, 96, 3), 90, np.uint8))
    assert done
    (folder / "none/20240210045003_20240210_1.WEBP").write_bytes(data.tobytes())
    assert taken_in(folder, record)[0] == Imported(labels=1, known=1)


def test_a_webp_is_a_picture(record: Path, tmp_path: Path) -> None:
    """As it is everywhere else."""
    done, data = cv2.imencode(".webp", np.full((96, 96, 3), 90, np.uint8))
    assert done
    (tmp_path / "sorted/none").mkdir(parents=True)
    (tmp_path / "sorted/none/20240210045003.webp").write_bytes(data.tobytes())
    assert taken_in(tmp_path / "sorted", record)[0] == Imported(labels=1)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("99990101000000", "no picture was taken at 9999-01-01"),
        ("00010101000000", "no picture was taken at 0001-01-01"),
        ("19000101000000", "no picture was taken at 1900-01-01"),
        ("20520101000000", "no picture was taken at 2052-01-01"),
        ("202402100450", "its name tells no time"),
    ],
)
def test_a_time_that_cannot_be_is_no_time(record: Path, tmp_path: Path, name: str, said: str) -> None:
    """Of no year of such cameras, of the future, or without its seconds: told, and the others are taken."""
    folder = sorted_pictures(tmp_path / "sorted")
    (folder / f"aurora/{name}.jpg").write_bytes((folder / "no/holiday.jpg").read_bytes())
    tally, faults = taken_in(folder, record)
    assert tally == Imported(labels=4, known=0, faults=3)
    assert [said in fault for fault in faults if name in fault] == [True]


@pytest.mark.parametrize("who", ["", "  ", "Ada\nBo", "Ada\udcff"])
def test_a_label_needs_a_name_in_one_line(record: Path, tmp_path: Path, who: str) -> None:
    """The name stands on pages and in tables; nothing is recorded under none."""
    with pytest.raises(UsageError, match="is no name"):
        taken_in(sorted_pictures(tmp_path / "sorted"), record, who)
    assert not valid(record)


def test_a_folder_without_labels_is_refused(record: Path, tmp_path: Path) -> None:
    """The folder is named, and so are the names it should have."""
    with pytest.raises(UsageError, match="aurora, none, obscured, yes, no"):
        taken_in(tmp_path, record)


def test_import_and_export_are_commands(record: Path, tmp_path: Path) -> None:
    """What was imported by one command leaves by the other, as CSV and as Parquet, the same."""
    folder = sorted_pictures(tmp_path / "sorted")
    run = CliRunner().invoke
    came = run(main, ["labels", "import", str(folder), "--db", str(record), "--who", "Ada"])
    assert came.exit_code == 1  # two pictures could not be used
    assert "4 labels from" in came.output
    one = tmp_path / "one/aurora/20240201011954_20240201_0.jpg"
    one.parent.mkdir(parents=True)
    one.write_bytes(next((folder / "aurora").glob("*.jpg")).read_bytes())
    came = run(
        main, ["labels", "import", str(tmp_path / "one"), "--db", str(tmp_path / "n.db"), "--who", "Ada"]
    )
    assert "1 label from" in came.output
    for name in ("labels.csv", "labels.parquet"):
        left = run(main, ["labels", "export", str(tmp_path / name), "--db", str(record)])
        assert (left.exit_code, "4 labels" in left.output) == (0, True)
    with (tmp_path / "labels.csv").open(encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    same = parquet.read_table(tmp_path / "labels.parquet").to_pylist()
    assert [list(row) for row in table] == [list(COLUMNS)] * 4
    for text, row in zip(table, same, strict=True):
        assert {key: "" if value is None else str(value) for key, value in row.items()} == text
    assert run(main, ["labels", "export", str(tmp_path / "x.txt"), "--db", str(record)]).exit_code == 2
    assert run(main, ["labels", "import", str(folder), "--who", "Ada"]).exit_code == 2


def test_a_label_has_the_time_it_was_given(record: Path, tmp_path: Path) -> None:
    """Not the frame's own."""
    taken_in(sorted_pictures(tmp_path / "sorted"), record)
    with Reader(record) as reader:
        given = [datetime.fromisoformat(row["labelled_at"]) for row in reader.labels()]
    assert all(abs((datetime.now(UTC) - at).total_seconds()) < 120 for at in given)


def test_a_square_sensor_s_own_picture_is_cut_to_its_disc(record: Path, tmp_path: Path) -> None:
    """Its walls and lamps are not kept as sky; a disc of the size that is kept is one already."""
    camera = replace(CameraSettings().camera(), disc=Disc(700, 500, 300, 1000, 1000))
    whole = np.full((1000, 1000, 3), 200, np.uint8)
    whole[200:800, 400:1000] = 60
    (tmp_path / "in/no").mkdir(parents=True)
    (tmp_path / "in/no/20240202011954.png").write_bytes(image.encode_png(whole))
    (tmp_path / "in/no/20240202012054.png").write_bytes(image.encode_png(whole[200:800, 400:1000]))
    with Store(record) as store:
        list(import_labels(tmp_path / "in", store, PictureFolder(tmp_path / "kept"), camera, "Ada"))
    cut, cropped = (image.read(path) for path in sorted((tmp_path / "kept").rglob("*_label.jpg")))
    assert cut.shape == cropped.shape == (600, 600, 3)
    assert np.array_equal(cut, cropped)
    assert cut.max() < 80
