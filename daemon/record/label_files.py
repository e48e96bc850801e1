"""Labels in and out of files: tables for a spreadsheet, folders of pictures named by label.

A folder is imported frame by frame: a picture's name tells its instant, as the method's and our own
names do (``20240201011954_20240201_0.jpg``), its folder what is in it. Frames the record knows get
the label; of the others the picture is kept beside the watched ones.

What somebody said once is not said again by the same folder: since then they, or others, may have thought better of it.
"""

from __future__ import annotations

import importlib.util
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from daemon.errors import AuroradError, PictureError, UsageError
from daemon.files import write_whole
from daemon.footage import image, stamp
from daemon.footage.still_clock import AHEAD
from daemon.night import night_of
from daemon.observation import Camera, utc_text
from daemon.record.database import refuse_own_files
from daemon.record.picture_files import PictureFolder
from daemon.record.store import Reader, Store
from daemon.sky import geometry
from daemon.text import for_a_table, write_table

COLUMNS = (
    "camera", "observed_at", "label", "labelled_by", "labelled_at", "queue", "event_id",
    "model_sha256", "model_probability", "model_verdict", "picture", "source",
)  # fmt: skip

FOLDERS = {
    "aurora": ("aurora", "import"),
    "none": ("none", "import"),
    "obscured": ("obscured", "import"),
    "yes": ("aurora", "import yes/no"),
    "no": ("none", "import yes/no"),
}
"""Folder → label and queue. Who sorted into yes and no was not asked about cloud, and the queue says so."""

_TIME = "%Y%m%d%H%M%S"
_FOURTEEN = re.compile(r"[0-9]{14}")


# ------------------------------------------------------------------ out


def as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Labels as a table with a heading."""
    text = io.StringIO()
    write_table(text, COLUMNS, ([for_a_table(row[key]) for key in COLUMNS] for row in rows))
    return text.getvalue()


def has_parquet() -> bool:
    """Whether Parquet can be written here."""
    return importlib.util.find_spec("pyarrow") is not None


def as_parquet(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Labels as a Parquet file. Raises UsageError where pyarrow is not installed."""
    if not has_parquet():
        raise UsageError("Parquet needs pyarrow: pip install 'aurorad[training]'")
    import pyarrow
    from pyarrow import parquet

    text, number = pyarrow.string(), pyarrow.float64()
    fields = [(key, number if key == "model_probability" else text) for key in COLUMNS]
    kept = [{key: row[key] for key in COLUMNS} for row in rows]
    data = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(kept, schema=pyarrow.schema(fields)), data)
    return data.getvalue()


def export_labels(database: Path, target: Path) -> int:
    """Write every frame's valid label to a .csv or .parquet file; how many. Raises UsageError."""
    with Reader(database) as reader:
        rows = reader.labels()
    refuse_own_files(database, target)
    if target.suffix == ".csv":
        data = as_csv(rows).encode()
    elif target.suffix == ".parquet":
        data = as_parquet(rows)
    else:
        raise UsageError(f"{target}: end the name in .csv or .parquet")
    try:
        write_whole(target, data)
    except OSError as error:
        raise UsageError(f"{target}: cannot be written: {error.strerror}") from error
    return len(rows)


# ------------------------------------------------------------------ in


@dataclass
class Imported:
    """What became of a folder: labels written, those there already, pictures that cannot be used."""

    labels: int = 0
    known: int = 0
    faults: int = 0


def import_labels(
    folder: Path, store: Store, pictures: PictureFolder, camera: Camera, who: str
) -> Iterator[Imported | AuroradError]:
    """Take in ``folder``'s labelled pictures: each fault as it is met, at the end the sum.

    A frame that lies in folders of different labels is a fault, for nobody knows which is right.
    The same label by the same person is not given twice, not even where it was taken back since or is no
    longer the valid one, so a folder may be imported again. Raises UsageError where there is no folder
    named by a label, and where ``who`` is no name.
    """
    who = _name(who)
    found = sorted(_labelled(folder))
    if not found:
        raise UsageError(f"{folder}: no pictures in folders named {', '.join(FOLDERS)}")
    given: set[tuple[str, str, str]] = {
        (row["observed_at"], row["label"], row["labelled_by"])
        for row in store.reader.labels(camera.name, undone=True)
        if row["event_id"] is None  # what is said of a whole event is no label of its frames
    }
    tally, now = Imported(), datetime.now(UTC)
    dated = _Dated(found, now)
    for path, name in found:
        label, queue = FOLDERS[name]
        try:
            at = dated.time_of(path)
            this = (utc_text(at), label, who)
            if this in given:
                tally.known += 1
                continue
            _keep(path, at, store, pictures, camera)
        except PictureError as error:
            tally.faults += 1
            yield error
            continue
        store.add_label(camera.name, at, label, who, queue=queue)
        given.add(this)
        tally.labels += 1
    yield tally


def _labelled(folder: Path) -> Iterator[tuple[Path, str]]:
    for name in FOLDERS:
        for path in (folder / name).glob("*"):
            if path.suffix.lower() in image.SUFFIXES and path.is_file():
                yield path, name


class _Dated:
    """When the pictures of a sorted folder were taken, each with the folder's name that it lies in."""

    def __init__(self, pictures: Iterable[tuple[Path, str]], now: datetime) -> None:
        self._now = now
        self._labelled: dict[datetime, dict[str, Path]] = {}
        for path, name in pictures:
            with suppress(PictureError):
                self._labelled.setdefault(time_in_name(path, now), {}).setdefault(FOLDERS[name][0], path)

    def time_of(self, path: Path) -> datetime:
        """As :func:`time_in_name`. Raises PictureError too, reason ``two labels``, where its frame has another label as well."""
        at = time_in_name(path, self._now)
        label = FOLDERS[path.parent.name][0]
        others = [other for another, other in self._labelled[at].items() if another != label]
        if others:
            fix = "leave it in the right one"
            raise PictureError("two labels", f"{path}: the same time is in {others[0].parent} too; {fix}")
        return at


def _name(who: str) -> str:
    """Raises UsageError where a name is empty, or more than one line."""
    if not who.strip() or not who.isprintable():
        raise UsageError(f"--who {who!r} is no name; give one, in one line")
    return who.strip()


def time_in_name(path: Path, now: datetime) -> datetime:
    """The UTC that a picture's name begins with. Raises PictureError, reason ``no time in name``, also for a
    time at which it cannot have been taken (:func:`can_have_been`).
    """
    text = path.stem.split("_")[0]
    try:
        # strptime alone would read 202402100450, which lacks its seconds, as 04:05:00
        at = datetime.strptime(text, _TIME).replace(tzinfo=UTC) if _FOURTEEN.fullmatch(text) else None
    except ValueError:
        at = None
    if at is None:
        fix = "begin it with the picture's UTC, as in 20240201011954_20240201_0.jpg"
        raise PictureError("no time in name", f"{path}: its name tells no time; {fix}")
    if not can_have_been(at, now):
        fix = "begin its name with the picture's UTC"
        raise PictureError("no time in name", f"{path}: no picture was taken at {at.isoformat()}; {fix}")
    return at


def can_have_been(at: datetime, now: datetime) -> bool:
    """Whether a picture can have been taken at a time: there were such cameras, and it is not to come."""
    return at.year in stamp.YEARS and at - now <= AHEAD


def _keep(path: Path, at: datetime, store: Store, pictures: PictureFolder, camera: Camera) -> None:
    """The picture of a frame that has none yet, cut as a watched one. Raises PictureError."""
    if store.has_picture(camera.name, at):
        return
    night = night_of(at, camera)
    pixels = image.read(path)
    disc = geometry.cut_disc(pixels, geometry.disc_in(pixels, camera.disc))
    data = image.encode_jpeg(image.shrink(disc, min(geometry.LABELLED_SIDE, disc.shape[0])), quality=92)
    relative = f"{camera.name}/{night.isoformat()}/{at:{_TIME}}_{night:%Y%m%d}_label.jpg"
    kept = pictures.write(relative, data)
    if kept is None:
        raise PictureError("not kept", f"{path}: its picture cannot be written to {pictures.root}")
    store.keep_picture(camera.name, at, kept)
