"""Archived pictures, night by night, through the same pipeline as the live camera.

    files → dated → one a cadence → what no row stands for → frames → pipeline

Of the pictures that a camera program keeps (:mod:`daemon.archive.dated_pictures`) one a cadence is looked at, as
the live watch would have; minutes that are on record stay as they are. So a night may be taken in again whenever
more of it is there: ``aurorad ingest FOLDER`` does that, and after dawn a folder camera's own watch, which fills
the hours in which it was down.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median_low

from daemon.archive.dated_pictures import Kept, Night, Note, Noted, dated
from daemon.archive.ingest import (
    BATCH,
    Outcome,
    Tally,
    done_before,
    opened,
    record_frames,
    recorded_night,
    remember,
    settle_events,
)
from daemon.archive.recorded_night import RecordedNight
from daemon.config import SLOWEST_S, CameraSettings, Settings
from daemon.errors import PictureError
from daemon.footage import image
from daemon.footage.frame import from_pixels
from daemon.night import night_text
from daemon.observation import Frame
from daemon.pipeline import Pipeline
from daemon.text import one_line

FEW = 0.05
"""Share of the pictures that may be without a time: single misread stamps, and the hour that autumn brings twice, stay so
for good, and a nightly call on a whole archive is not to fail for ever over them."""


def ingest_night(
    night: Night, pipeline: Pipeline, progress: Callable[[float], None] | None = None
) -> Outcome:
    """A night's pictures into the record. One that is known as it stands is not looked at again."""
    name, folder = f"pictures of {night.night.isoformat()}", night.pictures[0].path.parent
    done = done_before(pipeline, name, night.bytes)
    if done is not None:
        tally = _passed_over(night, _looked_at(night.pictures, pipeline), pipeline)
        return Outcome(folder, replace(tally, known=done.frames), title=night_text(night.night))
    tally = record_night(night, pipeline, progress)
    fault = _unreadable(folder, tally) or _too_far_apart(night, pipeline)
    # With a fault another call may find more: files that can be read by then, a cadence that was corrected.
    if fault is None:
        remember(pipeline, name, night.bytes, tally)
    return Outcome(folder, tally, fault=fault, title=night_text(night.night))


def _unreadable(folder: Path, tally: Tally) -> str | None:
    """How many pictures could not be read, and why the first could not."""
    if not tally.refused:
        return None
    which = "a picture" if tally.refused == 1 else f"{tally.refused} pictures, the first of them"
    return f"{folder}: {which} cannot be read: {tally.refusal}"


def _too_far_apart(night: Night, pipeline: Pipeline) -> str | None:
    """Why the pictures can begin no event, where most lie so far apart that each is forgotten before the next."""
    apart_s = [(two.at - one.at).total_seconds() for one, two in pairwise(night.pictures)]
    # One of the gaps themselves: no two pictures are as far apart as the mean of two gaps.
    usual_s = median_low(apart_s) if apart_s else 0.0
    if usual_s < pipeline.rules.forget.total_seconds():
        return None
    helps = f"; set cadence_s = {usual_s:.0f}" if usual_s <= SLOWEST_S else ""
    return (
        f"{night.pictures[0].path.parent}: its pictures are {usual_s / 60:.0f} minutes apart, too far for two of them "
        f"to begin an event at cadence_s = {pipeline.camera.cadence_s:g}{helps}"
    )


def ingest_nights(
    paths: Sequence[Path],
    settings: Settings,
    camera: CameraSettings,
    database: Path,
    pictures: Path | None,
    on_progress: Callable[[str, float], None],
    on_outcome: Callable[[Outcome], None],
) -> int:
    """Take archived pictures in, night by night; in how many some could not be read, one more where many have no time."""
    noted = Noted()
    nights, undated = dated(paths, camera, datetime.now(UTC), noted)
    faults = int(undated > FEW * len(paths))
    for note, those in noted.items():
        folder, text = those[0].parent, _NOTES[note, camera.source.time_from]
        on_outcome(Outcome(folder, None, fault=f"{folder}: {len(those)} of {len(paths)} pictures {text}"))
    if not nights:
        return faults
    with opened(settings, camera, database, pictures) as pipeline:
        for night in nights:
            outcome = ingest_night(night, pipeline, partial(on_progress, night_text(night.night)))
            on_outcome(outcome)
            faults += outcome.tally is not None and outcome.tally.refused > 0
    return faults


_NOTES: Mapping[tuple[Note, str], str] = {
    ("no time", "name"): "have no time: check `name_format` and `name_timezone`",
    ("no time", "stamp"): "have no legible time: check [camera.stamp], or set `time_from` to `name` where their names hold a time",
    ("contradicted", "stamp"): "have a stamp that contradicts those of the pictures beside them, so that it was misread or "
    "its clock was wrong: see what `aurorad timestamp` reads in them",
    ("no order", "stamp"): "lie in folders where neither the names nor the files' own times are in the order of the stamps, so "
    "that a misread stamp among them goes unnoticed",
    ("off zone", "name"): "have times in their names that are as far from the files' own times as another zone is, so that "
    "they may be recorded hours too early or too late: check `name_timezone`",
    ("off zone", "stamp"): "have stamps that are as far from the files' own times as another zone is, so that they may be "
    "recorded hours too early or too late: check [camera] timezone and the zone of [camera.stamp]",
    ("no time", "header"): "have no time: the files' own times are not when they were taken; set `time_from` to `name`",
    ("copied", "header"): "were written within moments of each other, so that their own times are those of a copy, not when "
    "they were taken: copy them with their times (cp -p, rsync -t), or set `time_from` to `name` or `stamp` where those tell",
    ("ahead", "name"): "are dated ahead of our clock: check `name_timezone` and this machine's clock",
    ("ahead", "stamp"): "are dated ahead of our clock: check [camera] timezone and the clocks of camera and machine",
    ("ahead", "header"): "are dated ahead of our clock: check the files' own times and this machine's clock",
    ("twice", "name"): "are of the hour that comes twice when the clocks go back, and the files' own times are too far off "
    "to say of which: copy them with their times (cp -p, rsync -t)",
}  # fmt: skip


def record_night(
    night: Night,
    pipeline: Pipeline,
    progress: Callable[[float], None] | None = None,
    at_once: int = BATCH,
) -> Tally:
    """Look at one picture a cadence, where the gate is open and no row stands for it yet; so many at once."""
    first, last = night.pictures[0].at, night.pictures[-1].at
    recorded = recorded_night(pipeline, first, last)
    looked_at = _looked_at(night.pictures, pipeline)
    tally = _passed_over(night, looked_at, pipeline)
    tally.known = len(recorded.times)
    new = chosen(looked_at, recorded.times, pipeline.camera.cadence_s)
    frames = _Frames(pipeline, tally)
    for begin in range(0, len(new), at_once):
        batch = new[begin : begin + at_once]
        record_frames(pipeline, list(frames.of(batch)), tally)
        if progress is not None:
            progress((begin + len(batch)) / len(new))
    settle_events(pipeline, first, last)
    return tally


def _looked_at(pictures: Sequence[Kept], pipeline: Pipeline) -> list[Kept]:
    """Those of the hours in which the watch looks at all."""
    skies = pipeline.observatory.states([picture.at for picture in pictures])
    return [picture for picture, sky in zip(pictures, skies, strict=True) if pipeline.gate(sky).look]


def _passed_over(night: Night, looked_at: Sequence[Kept], pipeline: Pipeline) -> Tally:
    """How many of a night's pictures are of the day, and how many lie between two looks."""
    looks = chosen(looked_at, [], pipeline.camera.cadence_s)
    return Tally(passed_over=len(night.pictures) - len(looked_at), between=len(looked_at) - len(looks))


def chosen(pictures: Sequence[Kept], on_record: Sequence[datetime], cadence_s: float) -> list[Kept]:
    """One picture a cadence, none of them nearer to a look on record or to the one before; all in order of time."""
    recorded = RecordedNight(cadence_s, on_record)
    return [picture for picture in pictures if recorded.take(picture.at)]


def _naming(path: Path, error: PictureError) -> str:
    """What is wrong with a picture, in a line that names the file."""
    return str(error) if str(path) in str(error) else f"{path}: {error}"


class _Frames:
    """Pictures → frames. What cannot be read, or is the very file of the frame before, is counted and passed over."""

    def __init__(self, pipeline: Pipeline, tally: Tally) -> None:
        self._pipeline = pipeline
        self._tally = tally
        self._before = b""

    def of(self, pictures: Sequence[Kept]) -> Iterator[Frame]:
        """The frames of some pictures, dated."""
        for picture in pictures:
            try:
                frame = self._frame(picture)
            except PictureError as error:
                self._tally.refused += 1
                self._tally.refusal = self._tally.refusal or _naming(picture.path, error)
                self._pipeline.metrics.rejected(self._pipeline.camera.name, error.reason)
                continue
            if frame is not None:
                yield frame

    def _frame(self, picture: Kept) -> Frame | None:
        p = self._pipeline
        data = image.read_bytes(picture.path)
        digest = hashlib.sha256(data).digest()
        if digest == self._before:
            self._tally.repeated += 1
            p.metrics.rejected(p.camera.name, "same bytes")
            return None
        self._before = digest
        frame = from_pixels(
            image.decode(data, p.camera_settings.source.max_pixels),
            p.camera,
            source=one_line(str(picture.path)),
            fetched_at=datetime.now(UTC),
            keep_picture=p.pictures is not None,
        )
        return replace(frame, observed_at=picture.at)
