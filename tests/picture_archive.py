"""Folders of archived pictures, and the pipeline that takes them in: for the tests of what becomes of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from daemon.archive.dated_pictures import dated, pictures_of
from daemon.archive.stills import ingest_night
from daemon.config import CameraSettings, EventSettings, Settings
from daemon.metrics import Metrics
from daemon.pipeline import Pipeline
from daemon.record.store import Reader, Store
from tests.hand_watch import Greenness
from tests.homes import SIDE, ZONE, sky

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
