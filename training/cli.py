"""``aurorad-train``: draw skies, sample frames, fit, evaluate, compare, export, promote.

Everything heavy is imported by the command that needs it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from training.compare.command import compare
from training.data.command import sample, simulate
from training.options import AT_ONCE, DEVICES, FOLDER, FOLDER_THERE, MINUTES, SCALE, SEED, THERE, WORKERS


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(package_name="aurorad")
@click.pass_context
def cli(context: click.Context, debug: bool) -> None:
    """Make, judge and promote aurorad's models."""
    context.obj = debug


@cli.command()
@click.option("--recipe", required=True, help="aurorad-b1, thesis-b1, or a .toml file.")
@click.option(
    "--run", "run_folder", type=FOLDER, required=True, help="Folder of the run; goes on where it stopped."
)
@click.option("--seed", type=SEED, default=1)
@click.option("--weights", help="Starting weights: none, IMAGENET1K_V1, or a file (.pt, .onnx).")
@click.option(
    "--set", "changes", multiple=True, metavar="KEY=VALUE", help="Change a recipe's key (TOML value)."
)
@click.option("--device", type=click.Choice(DEVICES), default="auto", help="auto: a GPU where there is one.")
@click.option("--threads", type=AT_ONCE, help="CPU threads.")
@click.option("--workers", type=WORKERS, default=0, help="Processes that make batches; 0: one thread.")
def fit(
    recipe: str,
    run_folder: Path,
    seed: int,
    weights: str | None,
    changes: tuple[str, ...],
    device: str,
    threads: int | None,
    workers: int,
) -> None:
    """Train a model by a recipe."""
    import torch

    from training.fit import fit as train
    from training.recipe import load_recipe

    if threads:
        torch.set_num_threads(threads)
    given = [*changes, *([f'weights = "{weights}"'] if weights else [])]
    click.echo(train(load_recipe(recipe, given), run_folder, seed, device=device, workers=workers))


@cli.command()
@click.option(
    "--runs", type=FOLDER, required=True, help="Folder of banks, runs and figures; goes on where it stopped."
)
@click.option("--real", type=FOLDER_THERE, required=True, help="The developers' collection of real frames.")
@click.option(
    "--keograms", type=FOLDER_THERE, required=True, help="Folder of the real keograms (YYYY-MM-DD.jpg)."
)
@click.option("--jobs", type=AT_ONCE, default=1, show_default=True, help="Trainings at once.")
@click.option("--workers", type=AT_ONCE, default=2, show_default=True, help="Processes of each.")
@click.option("--scale", type=SCALE, default=1.0, show_default=True, help="Size of the banks.")
@click.option("--first", default="aurorad-b1", show_default=True, help="Recipe of the first part.")
@click.option("--second", default="aurorad-b1-cameras", show_default=True, help="Recipe of the second part.")
@click.option("--start", default="imagenet", show_default=True, help="Weights to begin with.")
@click.option("--compare", is_flag=True, help="The baselines too: from random weights, without real frames.")
@click.option(
    "--minutes", type=MINUTES, help="After these no baseline is begun, and those under way are stopped."
)
def whole(compare: bool, minutes: float | None, **given: Any) -> None:
    """The shipped model from nothing: banks, six seeds, cameras left out, figures."""
    from training.whole import Shop, train_whole

    train_whole(Shop(**given), compare=compare, minutes=minutes, tell=lambda line: click.echo(line))


@cli.command("leave-out")
@click.option(
    "--recipe", required=True, help="A recipe with real frames: aurorad-b1-cameras, or a .toml file."
)
@click.option("--runs", type=FOLDER, required=True, help="Folder of the runs; finished ones are kept.")
@click.option("--real", type=FOLDER_THERE, required=True, help="The developers' collection of real frames.")
@click.option("--seed", type=SEED, default=1)
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="Change a recipe's key.")
@click.option("--threads", type=AT_ONCE, help="CPU threads.")
def leave_out(
    recipe: str, runs: Path, real: Path, seed: int, changes: tuple[str, ...], threads: int | None
) -> None:
    """How right a recipe is on cameras it has never seen, by leaving out each group of sources in turn."""
    import torch

    from training.evaluation import leave_out as left
    from training.evaluation.judging import tell_figures
    from training.recipe import load_recipe

    if threads:
        torch.set_num_threads(threads)
    answers = left.leave_out(
        load_recipe(recipe, list(changes)), runs, real, seed, lambda line: click.echo(line)
    )
    left.write_answers(runs / "answers.json", answers)
    shifted = left.crossed(answers)
    for line in tell_figures({"cameras left out": left.table(shifted, left.fit_to(shifted))}):
        click.echo(line)


@cli.command()
@click.argument("model", type=THERE)
@click.option("--real", type=FOLDER_THERE, required=True, help="The developers' collection of real frames.")
@click.option(
    "--bank", "banks", type=FOLDER, multiple=True, required=True, help="A bank trained on; repeatable."
)
def doubt(model: Path, real: Path, banks: tuple[Path, ...]) -> None:
    """Let a finished run's model.pt measure how far a picture is from all it knows."""
    from training.known import doubt as learn

    click.echo(f"{model}: distances over {learn(model, real, banks)} are doubted")


@cli.command()
@click.argument("model", type=THERE)
@click.option(
    "--bank",
    "banks",
    type=FOLDER,
    multiple=True,
    required=True,
    help="A bank of made skies, `forms` or `simulated`; repeatable.",
)
@click.option("--seed", type=SEED, default=1, show_default=True, help="What chance is drawn from.")
def forms(model: Path, banks: tuple[Path, ...], seed: int) -> None:
    """Let a finished run's model.pt tell the forms of aurora by their shape."""
    from training.forms import learn_forms

    click.echo(f"{model}: learned from {learn_forms(model, banks, seed=seed)} pictures")


@cli.command("forms-by-eye")
@click.argument("model", type=THERE)
@click.option("--real", type=FOLDER_THERE, required=True, help="The developers' collection of real frames.")
def forms_by_eye(model: Path, real: Path) -> None:
    """How often a model's first form is one that people saw on real frames."""
    from models.runtime import load
    from training.evaluation.forms_by_eye import judge_forms, table

    for line in table(judge_forms(load(model, device="cpu"), real)):
        click.echo(line)


@cli.command()
@click.argument("models", nargs=-1, required=True, type=THERE)
@click.option("--out", type=FOLDER, required=True, help="Where the averaged model.pt goes.")
@click.option(
    "--left-out", type=FOLDER, help="Answers of `leave-out`: the aurora output is shifted to their middle."
)
def average(models: tuple[Path, ...], out: Path, left_out: Path | None) -> None:
    """Average the weights of finished runs that share their start."""
    from training.evaluation.leave_out import fit_to, read_answers
    from training.soup import average as mean

    shift = fit_to(read_answers(left_out)).shift if left_out is not None else 0.0
    click.echo(f"{mean(models, out, shift)}: aurora's output less {shift}")


@cli.command()
@click.argument("model", type=THERE)
@click.option("--real", type=FOLDER_THERE, help="The developers' collection of real frames (../shared/data).")
@click.option("--manifest", type=FOLDER, help="A manifest; its validation split is judged.")
@click.option("--keograms", type=FOLDER_THERE, help="Folder of keograms: skies cut from them are judged.")
@click.option("--nights", type=FOLDER, help="Simulated nights: frames, cells and events are judged.")
@click.option(
    "--calibration", type=FOLDER, help="Other simulated nights, to fit temperature and thresholds on."
)
@click.option("--left-out", type=FOLDER, help="Answers of `leave-out`: they calibrate, and stand for --real.")
@click.option(
    "--beside", type=FOLDER, help="The whole.json of `whole`: its figures stand beside --left-out's."
)
@click.option("--out", type=FOLDER, required=True)
@click.option(
    "--into-card", is_flag=True, help="Write skill, temperature and thresholds into the model's card."
)
@click.option("--threads", type=AT_ONCE, default=2)
def evaluate(model: Path, out: Path, into_card: bool, threads: int, **given: Path | None) -> None:
    """Judge a model on frames and nights it has not seen."""
    from training.evaluation.judging import judge_model, tell_figures

    result = judge_model(model, out, into_card=into_card, threads=threads, **given)
    for line in tell_figures(result):
        click.echo(line)


@cli.command()
@click.argument("model", type=THERE)
@click.option("--count", type=click.IntRange(20), default=400, show_default=True, help="Pairs of each kind.")
@click.option("--workers", type=AT_ONCE, default=1, show_default=True, help="Processes that draw.")
@click.option("--out", type=FOLDER, required=True, help="Folder of the drawn scenes.")
@click.option("--into-card", is_flag=True, help="Write figures and thresholds of the forms into the card.")
def scenes(model: Path, count: int, workers: int, out: Path, into_card: bool) -> None:
    """How right a model's mask and forms are on made skies it never saw."""
    import json

    from models.runtime import load
    from training.evaluation import scenes as judging

    found = judging.judge_scenes(load(model, device="cpu"), out, count, workers)
    if into_card:
        judging.into_card(model, found)
    click.echo(json.dumps(found, indent=1))


@cli.command()
@click.argument("checkpoint", type=THERE)
@click.argument("target", type=FOLDER)
@click.option("--name", default="aurorad-b1")
@click.option("--description", required=True, help="What the model is and was trained on, in a sentence.")
@click.option("--data", multiple=True, metavar="NAME=WORDS", help="What it was trained on, for the card.")
def export(checkpoint: Path, target: Path, name: str, description: str, data: tuple[str, ...]) -> None:
    """A finished run's model.pt → ONNX with its card, parity checked."""
    from training.export import Account
    from training.export import export as write

    trained_on = {name: words for name, _, words in (one.partition("=") for one in data)}
    card = write(checkpoint, target, Account(name=name, description=description, data=trained_on))
    click.echo(f"{target}: {target.stat().st_size / 1e6:.1f} MB, sha256 {card.sha256}")


@cli.command()
@click.argument("candidate", type=THERE)
@click.option("--over", type=FOLDER, required=True, help="The model file it is to replace.")
@click.option("--evaluation", type=FOLDER, required=True, help="The candidate's evaluation.json.")
@click.option("--against", type=FOLDER, help="The present model's evaluation.json on the same frames.")
def promote(candidate: Path, over: Path, evaluation: Path, against: Path | None) -> None:
    """Put a candidate in the place of the present model, unless it is worse."""
    from training.evaluation.promote import promote as put

    for comparison in put(candidate, over, evaluation, against):
        click.echo(str(comparison))
    click.echo(f"{over} is now {candidate}")


for command in (simulate, sample, compare):
    cli.add_command(command)


def main() -> None:
    """The ``aurorad-train`` command: errors are one line, exit 1 failed, 2 wrong use."""
    import sys

    from daemon.errors import AuroradError
    from models.card import ModelError

    try:
        cli(standalone_mode=False)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)
    except (AuroradError, ModelError, OSError, RuntimeError, ValueError) as error:
        if "--debug" in sys.argv:
            raise
        click.echo(f"aurorad-train: {error}", err=True)
        sys.exit(getattr(error, "exit_code", 1))


if __name__ == "__main__":
    main()
