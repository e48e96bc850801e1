"""``aurorad calibrate`` from what a watch has kept: its starriest pictures, and a horizon mask from many of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from daemon.commands.calibrate import Calibration, Exposure, solved
from daemon.config import CameraSettings
from daemon.errors import CalibrationError, PictureError, UsageError
from daemon.footage import horizon, image
from daemon.footage.find_disc import whole_picture
from daemon.footage.horizon import Horizon, StarsSeen
from daemon.footage.points import find_points
from daemon.observation import Orientation, from_utc_text
from daemon.record.store import Reader
from daemon.sky.ephemeris import Observatory
from daemon.sky.stars.fit import Shot
from daemon.sky.stars.visibility import shown, star_cover

BEST, LOOKED_THROUGH = 8, 400
"""Pictures that the lens is solved from, and how many of the clearest are looked at for them."""
APART = timedelta(minutes=20)
MASK_FROM = 60
"""Pictures that a mask is learned from."""
CLEAR = 0.8
"""Share of the starlight of a frame whose missing stars are behind the horizon, and not behind cloud."""


def from_record(database: Path, camera: CameraSettings) -> Calibration:
    """The lens from the starriest pictures that the watch kept of a camera. Raises CalibrationError, StoreError."""
    exposures = _kept(database, camera, _STARRIEST, BEST)
    if not exposures:
        raise CalibrationError(
            f"{database}: no picture of a clear night of {camera.name} is kept in"
            f" {database.parent / 'frames'}: `keep_pictures_days` in [daemon] is for how long the watch keeps them, and"
            " `aurorad ingest --db FILE` keeps them with --pictures alone; or give pictures"
        )
    return solved(exposures, whole_picture(exposures[0].pixels), camera, camera.camera().disc)


def many_from_record(database: Path, camera: CameraSettings) -> list[Exposure]:
    """Pictures of all hours and weathers that the watch kept of a camera, spread over the record."""
    return _kept(database, camera, _SPREAD, MASK_FROM)


_STARRIEST = f"""
    SELECT p.observed_at, p.path FROM pictures p JOIN observations o USING (camera, observed_at)
    WHERE p.camera = ? AND o.verdict IN ('clear', 'aurora') AND o.sun_altitude_deg < -12
    ORDER BY o.star_limit DESC, o.moonlight = 'none' DESC, o.clear_probability DESC LIMIT {LOOKED_THROUGH}
"""
_SPREAD = """
    SELECT p.observed_at, p.path FROM pictures p JOIN observations o USING (camera, observed_at)
    WHERE p.camera = ? AND o.verdict IN ('clear', 'aurora', 'obscured')
    ORDER BY abs(random()) LIMIT 400
"""


def _kept(database: Path, camera: CameraSettings, sql: str, most: int) -> list[Exposure]:
    """At most so many of the pictures, in the order asked for, no two within APART, those whose file is there."""
    with Reader(database) as reader:
        rows = reader.query(sql, [camera.name])
    taken: list[Exposure] = []
    for row in rows:
        at = from_utc_text(row["observed_at"])
        if len(taken) == most:
            break
        if any(abs(at - one.at) < APART for one in taken if one.at):
            continue
        exposure = _exposure(database.parent / "frames" / row["path"], at)
        if exposure is not None and (not taken or exposure.pixels.shape == taken[0].pixels.shape):
            taken.append(exposure)
    return taken


def _exposure(path: Path, at: datetime) -> Exposure | None:
    try:
        return Exposure(path, image.read(path), at)
    except PictureError:
        return None


# ── the horizon mask ────────────────────────────────────────────────────────────────────────────


def learned_mask(found: Calibration, exposures: Sequence[Exposure], camera: CameraSettings) -> Horizon:
    """What many pictures of a camera with a known lens show of its horizon. Raises PictureError where too few do."""
    by_light = horizon.by_medians([each.pixels for each in exposures], found.disc)
    observatory = Observatory(camera.latitude_deg, camera.longitude_deg, camera.elevation_m)
    shots = [
        Shot(find_points(each.pixels, found.disc, 1500), observatory.stars(each.at))
        for each in exposures
        if each.at is not None
    ]
    seen = [frame for shot in shots if (frame := _clear(shot, found.orientation))]
    return horizon.together(by_light, horizon.by_stars(seen, found.orientation))


def _clear(shot: Shot, orientation: Orientation) -> StarsSeen | None:
    """The frame's stars, half a magnitude short of its limit, where its sky is clear."""
    shows = shown(shot.points, shot.stars, orientation)
    if shows is None:
        return None
    cover = star_cover(shot.points, shot.stars, orientation, shows.zero, gamma=shows.gamma)
    if cover.share is None or cover.share < CLEAR:
        return None
    return StarsSeen(shot.points, shot.stars.brighter(shows.limit - 1.0, 3.0))


def write_mask(found: Calibration, exposures: Sequence[Exposure], camera: CameraSettings, path: Path) -> str:
    """Learn the mask and write it; what a person should do with it. Raises CalibrationError, UsageError."""
    if path.suffix.lower() != ".png":
        raise UsageError(f"--horizon {path}: name a .png file")
    try:
        mask = learned_mask(found, exposures, camera)
        path.write_bytes(horizon.png(mask))
    except PictureError as error:
        raise CalibrationError(f"no horizon mask: {error}") from error
    except OSError as error:
        raise CalibrationError(f"{path}: {error.strerror or error}") from error
    return (
        f"{path}: horizon mask written, {mask.share:.0%} of the disc is sky; look at it, paint in it what is wrong"
        f' (white is sky), and set `horizon = "{path}"` in the [[camera]] table of {camera.name}'
    )
