"""What people say on the page becomes what the next model learns: who, when, which sky, which picture."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner

from daemon.config import CameraSettings
from daemon.footage import image
from daemon.record.label_files import import_labels
from daemon.record.picture_files import PictureFolder
from daemon.record.store import Store
from tests.web_night import CAMERA, FIRST, SHA, fill
from training.cli import cli
from training.data.dataset import ManifestMaterial, Row, read_manifest
from training.data.folder_labels import folder_rows
from training.data.page_labels import labelled_rows
from training.fit import fit
from training.recipe import MaterialSpec, Recipe, Stage

MOVIE = Path(__file__).parents[3] / "../shared/data/auroramax/auroramaxHD_20240210_720p.mp4"
needs_movie = pytest.mark.skipif(not MOVIE.exists(), reason="needs the real night movie in ../shared/data")


@pytest.fixture
def record(tmp_path: Path) -> Path:
    """Two nights of a record, four pictures of each, and a label of each kind."""
    with Store(tmp_path / "aurorad.db", now=lambda: datetime(2024, 3, 1, 12, tzinfo=UTC)) as store:
        store.register_model(SHA, "test model", {})
        for days in (0, 1):
            fill(store, tmp_path / "frames", first=300, last=306, days=days)
            for minute, label, queue in (
                (300, "aurora", "uncertainty"),
                (301, "none", "disagreement"),
                (302, "obscured", "night"),
                (303, "none", "event"),
                (304, "obscured", "event"),
            ):
                at = FIRST + timedelta(days=days, minutes=minute)
                event = "e" if queue == "event" else None
                store.add_label(CAMERA, at, label, "Ada", queue=queue, event_id=event)
        undone = store.add_label(CAMERA, FIRST + timedelta(minutes=305), "aurora", "Bo", queue="night")
        store.undo_label(undone)
    return tmp_path / "aurorad.db"


def sample(*arguments: object) -> str:
    told = CliRunner().invoke(cli, ["sample", *map(str, arguments)], catch_exceptions=False)
    assert told.exit_code == 0, told.output
    return told.output


def test_labels_go_straight_into_sample(record: Path, tmp_path: Path) -> None:
    """Every valid label is a row that says who, when, which sky and what the model had said."""
    told = sample("--database", record, "--out", tmp_path / "out")
    assert "8 frames" in told
    assert "left out: 2 stretches that nobody could judge, 0 labels without a kept picture" in told
    rows = read_manifest(tmp_path / "out" / "manifest.parquet")
    assert Counter((row.label, row.sky) for row in rows) == {
        ("yes", ""): 2, ("no", "clear"): 2, ("no", "cloudy"): 2, ("no", ""): 2,
    }  # fmt: skip
    assert {row.night: {r.split for r in rows if r.night == row.night} for row in rows}.keys() == {
        "20240210",
        "20240211",
    }
    for night in ("20240210", "20240211"):
        assert len({row.split for row in rows if row.night == night}) == 1
    first = rows[0]
    assert (first.camera, first.observed_at) == (CAMERA, "2024-02-10T05:20:00Z")
    assert (first.twilight, first.moonlight, first.source) == ("night", "none", "./recent_720p.jpg")
    assert (first.labelled_by, first.labelled_at) == ("Ada", "2024-03-01T12:00:00Z")
    assert (first.model_sha256, first.model_verdict) == (SHA, "aurora")
    assert 0.5 < float(first.model_probability) < 1


def test_the_pictures_are_the_watchs_own(record: Path, tmp_path: Path) -> None:
    """Byte for byte what the daemon cut and kept, and the manifest outlives the record's own copies."""
    sample("--database", record, "--out", tmp_path / "out")
    kept = {path.name: path.read_bytes() for path in (tmp_path / "frames").rglob("*.jpg")}
    for row in read_manifest(tmp_path / "out" / "manifest.parquet"):
        data = (tmp_path / "out" / row.path).read_bytes()
        assert data == kept[Path(row.path).name]
        assert row.sha256 == hashlib.sha256(data).hexdigest()


def test_a_label_without_its_picture_is_left_out_and_counted(record: Path, tmp_path: Path) -> None:
    """What was pruned or never kept is no row; with nothing left the reason is one line."""
    gone = sorted((tmp_path / "frames").rglob("*.jpg"))
    gone[0].unlink()
    rows, left = labelled_rows(record, None, tmp_path / "out", None, None)
    assert (len(rows), left.pictureless, left.undecided) == (7, 1, 2)
    with pytest.raises(ValueError, match="nothing to train on: 10 labels, 8 of them without a kept picture"):
        labelled_rows(record, tmp_path / "elsewhere", tmp_path / "out", None, None)


def test_a_label_of_an_impossible_time_is_left_out(record: Path, tmp_path: Path) -> None:
    """An import of long ago took what a name said; the rest of the record can be used all the same."""
    with Store(record) as store:
        for year in (900, 9999):
            at = datetime(year, 1, 2, tzinfo=UTC)
            store.add_label(CAMERA, at, "aurora", "Ada", queue="import")
            store.keep_picture(
                CAMERA,
                at,
                next((tmp_path / "frames").rglob("*.jpg")).relative_to(tmp_path / "frames").as_posix(),
            )
    told = sample("--database", record, "--out", tmp_path / "out")
    assert "8 frames" in told
    assert "2 labels of times at which no picture was taken" in told


def test_imported_frames_have_their_sky_computed(tmp_path: Path) -> None:
    """A frame that was never watched here gets night, twilight and moonlight from its instant and place."""
    folder = tmp_path / "sorted" / "no"
    folder.mkdir(parents=True)
    cv2.imwrite(str(folder / "20240201121954_20240201_0.jpg"), np.full((96, 96, 3), 60, np.uint8))
    with Store(tmp_path / "aurorad.db") as store:
        camera = CameraSettings().camera()
        list(import_labels(tmp_path / "sorted", store, PictureFolder(tmp_path / "frames"), camera, "Ada"))
    (row,), _ = labelled_rows(tmp_path / "aurorad.db", None, tmp_path / "out", None, None)
    assert (row.night, row.twilight, row.moonlight) == ("20240201", "night", "quarter")
    assert (row.label, row.sky, row.model_verdict) == ("no", "", "")


def test_folders_of_three_labels_know_the_sky(tmp_path: Path) -> None:
    """Who sorted into obscured as well said of none that the sky was seen."""
    for name in ("aurora", "none", "obscured"):
        (tmp_path / name).mkdir()
        cv2.imwrite(str(tmp_path / name / "20240201071954_20240201_0.jpg"), np.zeros((8, 8, 3), np.uint8))
    assert [(row.label, row.sky) for row in folder_rows(tmp_path)] == [
        ("yes", ""),
        ("no", "clear"),
        ("no", "cloudy"),
    ]


def test_a_model_is_fitted_on_the_pages_labels(record: Path, tmp_path: Path) -> None:
    """The manifest is a material like any other: aurora and sky reach the loss, unknown skies as -1."""
    torch.set_num_threads(1)
    sample("--database", record, "--out", tmp_path / "out")
    manifest = tmp_path / "out" / "manifest.parquet"
    material = ManifestMaterial(MaterialSpec(kind="manifest", path=manifest, augment="none"))
    stage = Stage(name="x", side=64, batch=4, epochs=1)
    batch = material.draw(np.random.default_rng(1), 4, stage, 0, 0.0, 1)
    assert sorted(batch.sky.tolist()) == [-1, -1, 0, 1]
    assert sorted(batch.aurora.tolist()) == [0, 0, 0, 1]
    recipe = Recipe.model_validate(
        {
            "name": "small",
            "head_std": 0.01,
            "material": [{"kind": "manifest", "path": str(manifest), "augment": "strong"}],
            "stage": [{"name": "one", "side": 64, "batch": 4, "steps": 1}],
        }
    )
    assert fit(recipe, tmp_path / "run", 1, device="cpu").is_file()


def test_one_source_of_frames_at_a_time(record: Path, tmp_path: Path) -> None:
    """Two at once, or none, is wrong use."""
    for given in ([], ["--database", str(record), "--labelled", str(tmp_path)]):
        told = CliRunner().invoke(cli, ["sample", "--out", str(tmp_path / "out"), *given])
        assert told.exit_code == 2


@needs_movie
def test_sample_of_a_real_movie(tmp_path: Path) -> None:
    """Twenty frames of the real night, dated as its table says, cut as the watch cuts them."""
    assert "20 frames" in sample(MOVIE, "--out", tmp_path)
    with MOVIE.with_suffix(".csv").open(encoding="utf-8") as file:
        truth = {row["observed_at_utc"] for row in csv.DictReader(file)}
    rows: list[Row] = read_manifest(tmp_path / "manifest.parquet")
    assert len({row.observed_at for row in rows}) == 20
    for row in rows:
        assert row.observed_at in truth
        assert (row.night, row.camera, row.source, row.label) == ("20240210", CAMERA, MOVIE.name, "")
        assert row.twilight == "night"
        disc = image.read(tmp_path / row.path)
        assert disc.shape == (480, 480, 3)
        assert disc[2, 2].max() < 20 < 40 < disc.max()
