"""Frames to label, out of night movies, by the daemon's own code: its sampling, clock, disc and sky."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from daemon import config
from daemon.footage.movie import read_movie
from daemon.night import night_of
from daemon.observation import utc_text
from daemon.sky.ephemeris import Observatory
from training.data.dataset import Row, sha256_of_file, thesis_sample


def extract(
    movies: Sequence[Path],
    out: Path,
    camera_name: str | None,
    config_path: Path | None,
    seed: int,
    tell: Callable[[int], None] = lambda done: None,
) -> list[Row]:
    """Sample each movie as the thesis did and keep the chosen discs as ``frames/UTC_NIGHT_INDEX.jpg``.

    The camera is the configuration's first unless named. The label column is empty: a person fills
    it. Raises the daemon's errors of footage and settings.
    """
    settings = config.load(config_path).camera_named(camera_name)
    camera = settings.camera()
    observatory = Observatory(camera.latitude_deg, camera.longitude_deg, camera.elevation_m)
    folder = out / "frames"
    folder.mkdir(parents=True, exist_ok=True)
    chosen: list[Row] = []
    for done, path in enumerate(movies, start=1):
        with read_movie(path, camera, datetime.now(UTC)) as movie:
            rows: list[Row] = []
            pictures: dict[str, bytes] = {}
            for frame in movie.frames():
                at = frame.observed_at
                assert at is not None, "a dated movie's frames have times"
                sky = observatory.state(at)
                night = f"{night_of(at, camera):%Y%m%d}"
                name = f"{at:%Y%m%d%H%M%S}_{night}_{len(rows)}.jpg"
                pictures[name] = frame.picture
                rows.append(
                    Row(
                        path=f"frames/{name}",
                        night=night,
                        camera=camera.name,
                        observed_at=utc_text(at),
                        twilight=sky.twilight,
                        moonlight=sky.moonlight,
                        source=path.name,
                    )
                )
            for row in thesis_sample(rows, seed):
                target = out / row.path
                target.write_bytes(pictures[target.name])
                chosen.append(replace(row, sha256=sha256_of_file(target)))
        tell(done)
    return chosen
