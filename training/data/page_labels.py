"""The labels people gave on the page → a manifest to train on, with the daemon's own pictures of them.

Each frame's valid label (:mod:`daemon.record.labels`) is a row; its picture, cut by the watch itself, is
copied beside the manifest, for the watch keeps its own for a time only. What a label teaches:

====================  ==========  =======================================================
label                 aurora      sky
====================  ==========  =======================================================
``aurora``            yes         not said: through cloud or not, aurora is aurora
``none``              no          clear: whoever says none had "obscured" to choose
``obscured``          no          cloudy: nothing is seen in it, which is what is asked
wrong alert           no          not said: what fooled the model may well be cloud
alert, cannot tell    left out    left out
from yes/no folders   yes or no   not said: cloud was not asked for
====================  ==========  =======================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from daemon import config
from daemon.config import Settings
from daemon.errors import ConfigError
from daemon.observation import SkyState, from_utc_text
from daemon.record.label_files import can_have_been
from daemon.record.rows import LabelRow
from daemon.record.store import Reader
from daemon.sky.ephemeris import Observatory
from training.data.dataset import Row, sha256_of_file
from training.data.folder_labels import FOLDERS

SKY_UNSAID: Final = ("event", "import yes/no")
"""Queues whose labels say nothing of the sky."""


@dataclass
class LeftOut:
    """Labels that are no row, by why."""

    undecided: int = 0
    pictureless: int = 0
    timeless: int = 0
    """Of a time at which nobody can have taken a picture: older imports took what a name said."""


def labelled_rows(
    database: Path, pictures: Path | None, out: Path, camera: str | None, config_path: Path | None
) -> tuple[list[Row], LeftOut]:
    """Rows of the record's labels, oldest frame first, their pictures copied to ``out``/frames.

    ``pictures`` is the watch's folder of kept pictures, beside the database unless told. Raises
    StoreError where the database cannot be read, ValueError where no label can be used.
    """
    kept = pictures or database.parent / "frames"
    settings = config.load(config_path)
    with Reader(database) as reader:
        labels = sorted(reader.labels(camera), key=lambda row: (row["observed_at"], row["camera"]))
    left, rows, now = LeftOut(), [], datetime.now(UTC)
    for label in labels:
        if not _can_have_been(label, now):
            left.timeless += 1
        elif label["queue"] == "event" and label["label"] == "obscured":
            left.undecided += 1
        elif label["picture"] is None or not (kept / label["picture"]).is_file():
            left.pictureless += 1
        else:
            rows.append(_row(label, kept / label["picture"], out, settings))
    if not rows:
        why = f"{len(labels)} labels, {left.pictureless} of them without a kept picture in {kept}"
        why += f", {left.timeless} of times at which no picture was taken" if left.timeless else ""
        raise ValueError(f"{database}: nothing to train on: {why}")
    return rows, left


def _can_have_been(label: LabelRow, now: datetime) -> bool:
    try:
        return can_have_been(from_utc_text(label["observed_at"]), now)
    except ValueError:  # a year of three digits
        return False


def _row(label: LabelRow, source: Path, out: Path, settings: Settings) -> Row:
    target = out / "frames" / label["camera"] / source.name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(source.read_bytes())
    sky = None if label["twilight"] else _sky(label, settings)
    probability = label["model_probability"]
    aurora, clear = FOLDERS[label["label"]]
    return Row(
        path=target.relative_to(out).as_posix(),
        night=(label["night"] or source.parent.name).replace("-", ""),
        camera=label["camera"],
        observed_at=label["observed_at"],
        twilight=label["twilight"] or (sky.twilight if sky else ""),
        moonlight=label["moonlight"] or (sky.moonlight if sky else ""),
        source=label["source"] or "",
        label=aurora,
        sky="" if label["queue"] in SKY_UNSAID else clear,
        sha256=sha256_of_file(target),
        labelled_by=label["labelled_by"],
        labelled_at=label["labelled_at"],
        model_sha256=label["model_sha256"] or "",
        model_probability="" if probability is None else f"{probability:.6g}",
        model_verdict=label["model_verdict"] or "",
    )


def _sky(label: LabelRow, settings: Settings) -> SkyState | None:
    """Sun and moon of a frame that was never watched, where the configuration knows its camera."""
    try:
        camera = settings.camera_named(label["camera"]).camera()
    except ConfigError:
        return None
    place = Observatory(camera.latitude_deg, camera.longitude_deg, camera.elevation_m)
    return place.state(from_utc_text(label["observed_at"]))
