"""``aurorad-train simulate`` and ``aurorad-train sample``: what models learn from and are judged on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from training.options import AT_ONCE, FOLDER, FOLDER_THERE, HOURS, SEED, THERE

if TYPE_CHECKING:
    from training.data.dataset import Row

KINDS = ("simulated", "bright", "dusk", "forms", "daylight", "onset", "keogram", "overlaid", "light", "real",
         "transplant", "overhead")  # fmt: skip


@click.command()
@click.option("--bank", type=FOLDER, help="Write a bank of matched pairs for training into this folder.")
@click.option(
    "--kind",
    type=click.Choice(KINDS),
    default="simulated",
    help="What the bank holds.",
)
@click.option("--nights", type=FOLDER, help="Write whole simulated nights for evaluation into this folder.")
@click.option("--keograms", type=FOLDER_THERE, help="Folder of the real keograms (YYYY-MM-DD.jpg).")
@click.option("--real", type=FOLDER_THERE, help="The developers' collection of real frames (../shared/data).")
@click.option("--light", type=FOLDER, help="A bank of kind light, for --kind transplant.")
@click.option("--workers", type=AT_ONCE, default=1, show_default=True, help="Processes that draw.")
@click.option("--count", type=click.IntRange(1), default=40, help="Pairs, or nights.")
@click.option("--seed", type=SEED, default=1)
@click.option("--hours", type=HOURS, default=5.0, help="Length of a night at most.")
def simulate(
    bank: Path | None,
    kind: str,
    nights: Path | None,
    keograms: Path | None,
    real: Path | None,
    light: Path | None,
    workers: int,
    count: int,
    seed: int,
    hours: float,
) -> None:
    """Draw skies: a bank to learn from, or nights to be judged on."""
    if (bank is None) == (nights is None):
        raise click.UsageError("say what to draw: --bank FOLDER or --nights FOLDER")
    with _bar("drawing", count) as tell:
        if bank is not None:
            from training.data.banks import Plan, fill_bank

            plan = Plan(kind, seed, keograms=keograms, real=real, light=light)  # type: ignore[arg-type]
            fill_bank(bank, plan, count, workers=workers, tell=tell)
        elif nights is not None:
            from training.evaluation.nights import draw_nights

            draw_nights(nights, count, seed, hours=hours, tell=tell)


@click.command()
@click.argument("movies", nargs=-1, type=THERE)
@click.option(
    "--labelled",
    type=FOLDER,
    help="A folder with yes/ and no/, or aurora/, none/ and obscured/: make its manifest and split it.",
)
@click.option(
    "--database",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The watch's database: the labels given on its page, split. May be in use.",
)
@click.option("--pictures", type=FOLDER, help="Its kept pictures, where not in frames/ beside it.")
@click.option("--split", type=click.Choice(["thesis", "night"]), default="night")
@click.option(
    "--out", type=FOLDER, required=True, help="Folder of the manifest, and of the frames it is about."
)
@click.option(
    "--camera",
    help="Camera of the movies or the folder (the first of the configuration), or the"
    " only one of the database to take.",
)
@click.option(
    "--config",
    type=THERE,
    help="aurorad.toml that knows the camera, by whose place the nights of a folder are told apart.",
)
@click.option("--seed", type=SEED, default=1)
def sample(out: Path, split: str, seed: int, **given: Any) -> None:
    """Choose frames to label from night movies, or make a manifest of labelled ones.

    Labelled ones come from a folder sorted by hand or straight from the watch's database. Nights keep the side that
    they have in the manifest of that folder.
    """
    from training.data import dataset

    if sum(bool(given[key]) for key in ("movies", "labelled", "database")) != 1:
        raise click.UsageError("give night movies to sample from, or --labelled FOLDER, or --database FILE")
    out.mkdir(parents=True, exist_ok=True)
    rows, path = _sampled(out, seed, **given), out / "manifest.parquet"
    if not given["movies"]:
        before = dataset.read_manifest(path) if path.exists() else []
        rows = (
            dataset.thesis_split(rows, seed)
            if split == "thesis"
            else dataset.night_split(rows, seed, before=before)
        )
    dataset.write_manifest(rows, path)
    counts = {name: sum(row.split == name for row in rows) for name in ("train", "validation")}
    click.echo(
        f"{path}: {len(rows)} frames, {counts['train']} to train on, {counts['validation']} to validate"
    )
    if split == "thesis" and not given["movies"] and not counts["train"]:
        click.echo(
            "nothing to train on: the thesis's split takes four fifths of a night's yes frames, rounded down, "
            "so none of a night with one; label more frames a night, or --split night",
            err=True,
        )


def _sampled(
    out: Path,
    seed: int,
    *,
    movies: tuple[Path, ...],
    labelled: Path | None,
    database: Path | None,
    pictures: Path | None,
    camera: str | None,
    config: Path | None,
) -> list[Row]:
    if labelled is not None:
        return _sorted(labelled, out, camera, config)
    if database is not None:
        from training.data.page_labels import labelled_rows

        rows, left = labelled_rows(database, pictures, out, camera, config)
        if left.undecided or left.pictureless or left.timeless:
            more = f", {left.timeless} labels of times at which no picture was taken" if left.timeless else ""
            click.echo(
                f"left out: {left.undecided} stretches that nobody could judge, "
                f"{left.pictureless} labels without a kept picture{more}",
                err=True,
            )
        return rows
    from training.data.extract import extract

    with _bar("movies", len(movies)) as tell:
        return extract(list(movies), out, camera, config, seed, tell)


def _sorted(labelled: Path, out: Path, camera: str | None, config: Path | None) -> list[Row]:
    """Rows of a folder sorted by hand, its nights those at the configuration's camera where one is given."""
    from daemon.config import load
    from daemon.errors import PictureError
    from training.data.dataset import placed
    from training.data.folder_labels import folder_rows

    place = load(config).camera_named(camera) if config is not None else None
    left = list[PictureError]()
    rows = folder_rows(labelled, place.name if place else camera or "", place, left)
    if left:
        which = "a picture" if len(left) == 1 else f"{len(left)} pictures, the first of them"
        click.echo(f"left out: {which}: {left[0]}", err=True)
    return placed(rows, labelled, out)


def _bar(what: str, total: int) -> Any:
    """A progress bar on standard error whose value is told, not stepped."""
    from contextlib import contextmanager

    from rich.console import Console
    from rich.progress import Progress

    @contextmanager
    def bar() -> Any:
        with Progress(console=Console(stderr=True)) as progress:
            task = progress.add_task(what, total=total)
            yield lambda done: progress.update(task, completed=done)

    return bar()
