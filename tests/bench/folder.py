"""Does a look at a folder camera cost the same with one night of pictures in the folder and with a year of them?

Two folders as Allsky keeps them, one of a night and one of 365, 900 pictures a night. In turn a new picture is put
into each and the source asked for the newest: what is measured is the asking alone, the part that could grow.
"""

from __future__ import annotations

import os
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np

from daemon.config import SourceSettings
from daemon.source.folder import FolderSource
from tests.bench.figure import Plan, Row, Spent, interleaved, spent

A_NIGHT = 900
LOOKS = 20
MOST = 1.2


class Home:
    """An ``images`` folder of so many nights, the last of them this one, and a source that watches it."""

    def __init__(self, folder: Path, nights: int, pictures: int) -> None:
        self.folder, self.count = folder, 0
        self.data = cv2.imencode(".jpg", np.full((60, 80, 3), 9, np.uint8))[1].tobytes()
        newest = datetime.now(UTC) - timedelta(hours=1)
        for back in range(nights - 1, -1, -1):
            self.night = folder / f"{newest - timedelta(days=back):%Y%m%d}"
            self.night.mkdir(parents=True)
            at = (newest - timedelta(days=back)).timestamp()
            for k in range(pictures):
                path = self.night / f"image-{self.night.name}{k:06d}.jpg"
                os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
                os.utime(path, (at, at))
            os.utime(self.night, (at, at))
        settings = SourceSettings.model_validate(
            {"kind": "folder", "path": str(folder), "pattern": "2*/image-2*.jpg"}
        )
        self.source = FolderSource(settings)
        began = time.perf_counter()
        self.put()
        assert self.source.latest() is not None
        self.first_s = time.perf_counter() - began

    def put(self) -> None:
        """A new picture, whole."""
        self.count += 1
        (self.night / f"image-{self.night.name}9{self.count:05d}.jpg").write_bytes(self.data)

    def looks(self) -> Spent:
        """What so many looks cost, each at a new picture; the putting is left out."""
        total = Spent(0.0, 0.0)
        for _ in range(LOOKS):
            self.put()
            one = spent(lambda: self.source.latest())
            total = Spent(total.wall_s + one.wall_s, total.cpu_s + one.cpu_s)
        return total


def measure(plan: Plan) -> list[Row]:
    """A look's CPU and wall time, the newest picture found and read."""
    nights, pictures = plan.pick(365, 30), plan.pick(A_NIGHT, 50)
    with tempfile.TemporaryDirectory(prefix="aurorad-bench-") as folder:
        one = Home(Path(folder, "one"), 1, pictures)
        year = Home(Path(folder, "year"), nights, pictures)
        runs = interleaved({"one": one.looks, "year": year.looks}, plan.pick(15, 3))
    ratio = runs.ratio("year", "one", cpu=True)
    return [
        Row(
            f"a look at a folder camera, 1 against {nights} nights of pictures in the folder",
            f"≤ {MOST}×",
            f"{ratio:.2f}×",
            ratio <= MOST,
            f"CPU time {1e3 * runs.median_s('year', cpu=True) / LOOKS:.2f} against "
            f"{1e3 * runs.median_s('one', cpu=True) / LOOKS:.2f} ms a look, wall {runs.ratio('year', 'one'):.2f}×; "
            f"{pictures} pictures a night; the first look after a start, which lists all, {year.first_s:.1f} s",
        )
    ]
