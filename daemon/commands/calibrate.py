"""``aurorad calibrate``: the camera's disc, turn and lens from the stars of one or many pictures."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from daemon.archive.dated_pictures import by_name
from daemon.commands.setup_found import STAMPED
from daemon.config import CameraSettings
from daemon.errors import CalibrationError, ClockError, PictureError, UsageError
from daemon.footage import image, ocr
from daemon.footage.find_disc import find_disc, whole_picture
from daemon.footage.points import find_points
from daemon.footage.reading import StampReader
from daemon.footage.star_chart import Directions, star_chart
from daemon.observation import Disc, Lens, Orientation, Picture, utc_text
from daemon.sky.ephemeris import Observatory
from daemon.sky.lens import project
from daemon.sky.stars.catalogue import StarField
from daemon.sky.stars.fit import Pairs, Shot
from daemon.sky.stars.solve import (
    NoSolution,
    Solution,
    minutes_of_tilt,
    solve,
    solve_unknown_time,
)

MANY = 12
"""More pictures add little but time."""
LEANS_DEG = 2.5
"""A lens that leans more than this may be a clock that is off."""


@dataclass(frozen=True, eq=False)
class Exposure:
    """One picture and when it was taken: None where nothing dates it."""

    path: Path
    pixels: Picture
    at: datetime | None


@dataclass(frozen=True, eq=False)
class Calibration:
    """What the stars gave: the disc in pixels of the pictures, the solution, and the shots it rests on.

    ``cut`` is the camera's own disc where the pictures are what was cut out of it: kept ones.
    """

    exposures: tuple[Exposure, ...]
    disc: Disc
    shots: tuple[Shot, ...]
    solution: Solution
    latitude_deg: float
    cut: Disc | None = None

    @property
    def orientation(self) -> Orientation:
        """How the disc is turned, and its lens."""
        return self.solution.fit.orientation

    @property
    def lens(self) -> Lens:
        """The lens."""
        assert self.orientation.lens is not None
        return self.orientation.lens


def calibrate(
    images: Sequence[Path], camera: CameraSettings, at: datetime | None = None, *, any_time: bool = False
) -> Calibration:
    """The lens of the camera that took all the images. ``at`` dates a single one; ``any_time`` searches.

    Raises PictureError, UsageError, and CalibrationError where the stars do not give it.
    """
    if at is not None and len(images) > 1:
        raise UsageError("--at dates one image; leave it out and name the files by their UTC time")
    exposures = [_exposure(path, camera, at, any_time) for path in images[:MANY]]
    if len({each.pixels.shape for each in exposures}) > 1:
        raise UsageError("the images differ in size; calibrate takes pictures of one camera and one size")
    return solved(exposures, _disc(exposures, camera), camera)


def opened(images: Sequence[Path], camera: CameraSettings, at: datetime | None = None) -> list[Exposure]:
    """All the images, with their times where they are known. Raises PictureError."""
    return [_exposure(path, camera, at, any_time=False) for path in images]


def solved(
    exposures: Sequence[Exposure], disc: Disc, camera: CameraSettings, cut: Disc | None = None
) -> Calibration:
    """The lens of a camera from its exposures, all of one size. Raises CalibrationError where they do not give it."""
    observatory = Observatory(camera.latitude_deg, camera.longitude_deg, camera.elevation_m)
    if any(each.at is None for each in exposures):
        shots, answer = _undated(exposures[0], disc, observatory, camera.latitude_deg)
        exposures = exposures[:1]
    else:
        shots = [
            Shot(find_points(each.pixels, disc), observatory.stars(each.at)) for each in exposures if each.at
        ]
        answer = solve(shots)
    if isinstance(answer, NoSolution):
        names = exposures[0].path if len(exposures) == 1 else f"{len(exposures)} images"
        raise CalibrationError(f"{names}: {answer.reason}; {answer.advice}")
    return Calibration(tuple(exposures), disc, tuple(shots), answer, camera.latitude_deg, cut)


def _undated(
    exposure: Exposure, disc: Disc, observatory: Observatory, latitude_deg: float
) -> tuple[list[Shot], Solution | NoSolution]:
    """One picture whose time is not known: a sidereal day is searched, from a guess or from any night."""
    guess = exposure.at or datetime(2025, 1, 1, tzinfo=UTC)

    def stars_after(minutes: float) -> StarField:
        return observatory.stars(guess + timedelta(minutes=minutes), 9.0)

    shot = Shot(find_points(exposure.pixels, disc), stars_after(0.0))
    answer = solve_unknown_time(shot, stars_after, latitude_deg)
    if isinstance(answer, Solution):
        shot = replace(shot, stars=stars_after(answer.minutes))
    return [shot], answer


# ── what is known beforehand ────────────────────────────────────────────────────────────────────


def _exposure(path: Path, camera: CameraSettings, at: datetime | None, any_time: bool) -> Exposure:
    pixels = image.read(path)
    if any_time:
        return Exposure(path, pixels, None)
    return Exposure(path, pixels, at or time_in_name(path, camera) or _time_in_stamp(pixels, camera))


def time_in_name(path: Path, camera: CameraSettings) -> datetime | None:
    """The time in a file's name: in the camera's own form and zone, else any plain date and time as UTC."""
    with suppress(ClockError):
        return by_name(path.name, camera.source, datetime.fromtimestamp(path.stat().st_mtime, UTC))
    found = STAMPED.search(path.name)
    try:
        return datetime(*(int(part) for part in found.groups()[::2]), tzinfo=UTC) if found else None  # type: ignore[misc, arg-type]
    except ValueError:
        return None


def _time_in_stamp(pixels: Picture, camera: CameraSettings) -> datetime | None:
    style = camera.camera().stamp
    if style is None:
        return None
    try:
        return StampReader(style).read(ocr.cut_stamp(pixels, style))[0]
    except ClockError:
        return None


def _disc(exposures: Sequence[Exposure], camera: CameraSettings) -> Disc:
    """The disc that shows in most of the pictures; else the camera's own where the size fits; else the whole."""
    found = [disc.disc for each in exposures if (disc := find_disc(each.pixels))]
    height, width = exposures[0].pixels.shape[:2]
    if found:
        x, y, radius = np.median([[d.centre_x, d.centre_y, d.radius] for d in found], axis=0)
        return Disc(float(x), float(y), float(radius), width, height)
    own = camera.camera().disc
    if (own.width, own.height) == (width, height):
        return own
    return whole_picture(exposures[0].pixels)


# ── what is shown ───────────────────────────────────────────────────────────────────────────────


def answers(found: Calibration) -> list[tuple[dict[str, Any], str]]:
    """For each picture an object for ``--json`` and lines for a person."""
    return [
        (_answer(found, exposure, pairs), _sentence(found, exposure, pairs))
        for exposure, pairs in zip(found.exposures, found.solution.fit.pairs, strict=True)
    ]


def _answer(found: Calibration, exposure: Exposure, pairs: Pairs) -> dict[str, Any]:
    disc, lens, trial = found.disc, found.lens, found.solution.trial
    at = exposure.at
    return {
        "path": str(exposure.path),
        "observed_at": utc_text(at) if at else None,
        "centre_x": round(disc.centre_x + lens.centre_x * disc.radius, 2),
        "centre_y": round(disc.centre_y + lens.centre_y * disc.radius, 2),
        "radius": round(disc.radius, 2),
        "width": disc.width,
        "height": disc.height,
        "north_deg": round(found.orientation.north_deg, 3),
        "east_left": found.orientation.east_left,
        "lens": {
            "a": round(lens.a, 5),
            "b": round(lens.b, 5),
            "tilt_deg": round(lens.tilt_deg, 3),
            "tilt_azimuth_deg": round(lens.tilt_azimuth_deg, 1),
        },
        "rms_deg": round(found.solution.fit.rms_deg, 4),
        "error_deg": round(found.solution.error_deg, 4),
        "stars_matched": len(pairs[0]),
        "held_out_found": round(trial.found, 4),
        "control_found": round(trial.control, 4),
        "sidereal_minutes": None if at else round(found.solution.minutes, 1),
    }


def _sentence(found: Calibration, exposure: Exposure, pairs: Pairs) -> str:
    a, lens, trial = _answer(found, exposure, pairs), found.lens, found.solution.trial
    side = "left" if found.orientation.east_left else "right"
    size = f"{found.disc.width}×{found.disc.height} px"
    good_to = max(found.solution.error_deg, 0.01)
    lines = (
        f"{exposure.path}: {len(pairs[0])} stars matched, {a['rms_deg']:.2f}° rms; directions good to {good_to:.2f}°",
        f"  of {trial.held_out} stars held out {trial.found:.0%} found, under wrong turns {trial.control:.0%}",
        f"  north {a['north_deg']:.1f}° clockwise from up, east {side} of it",
        f"  centre ({a['centre_x']:.1f}, {a['centre_y']:.1f}), radius {a['radius']:.1f} of {size}",
        f"  lens r = R ({lens.a:.3f} z {lens.b:+.3f} z³), z the angle from its axis over 90°",
        f"  leans {lens.tilt_deg:.1f}° toward azimuth {lens.tilt_azimuth_deg:.0f}°" + _doubt(found, exposure),
    )
    return "\n".join(lines)


def _doubt(found: Calibration, exposure: Exposure) -> str:
    """What a lens that leans much, or a search of the time, means for the clock."""
    if exposure.at is None:
        return "; time not known: taken as that at which the lens leans neither east nor west"
    if found.lens.tilt_deg <= LEANS_DEG:
        return ""
    minutes = minutes_of_tilt(found.lens, found.latitude_deg)
    return f"; if the camera stands level, its clock is {abs(minutes):.0f} min {'slow' if minutes > 0 else 'fast'}"


def chart(found: Calibration, number: int = 0) -> Picture:
    """The picture of one exposure with grid, compass, horizon, and stars matched and missed."""
    shot, (stars, _) = found.shots[number], found.solution.fit.pairs[number]
    limit = float(np.percentile(shot.stars.magnitude[stars], 60))
    missed = np.setdiff1d(np.flatnonzero(shot.stars.magnitude <= limit), stars)
    x, y = project(shot.stars.azimuth_deg[missed], shot.stars.elevation_deg[missed], found.orientation)
    missed = missed[np.hypot(x, y) < 1.0]
    return star_chart(
        found.exposures[number].pixels,
        found.disc,
        found.orientation,
        _directions(shot.stars, stars),
        _directions(shot.stars, missed),
    )


def save_chart(found: Calibration, path: Path) -> None:
    """The chart of the first picture as a file. Raises UsageError, PictureError."""
    if path.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise UsageError(f"--picture {path}: name a .png or .jpg file")
    encode = image.encode_png if path.suffix.lower() == ".png" else image.encode_jpeg
    try:
        path.write_bytes(encode(chart(found)))
    except OSError as error:
        raise PictureError("unwritable", f"{path}: {error.strerror or error}") from error


def _directions(stars: StarField, which: np.ndarray[Any, np.dtype[np.intp]]) -> Directions:
    return stars.azimuth_deg[which], stars.elevation_deg[which]
