"""What is not documented fails the build: commands, configuration keys, metrics, tables and columns."""

from __future__ import annotations

import re
import sqlite3
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import click
import pytest
from pydantic import BaseModel

from daemon import cli, config
from daemon.config import Settings, load
from daemon.metrics import METRICS
from daemon.record.meanings import COMMENTS
from daemon.record.store import Store

ROOT = Path(__file__).parents[1]


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("command", sorted(cli.main.commands))
def test_every_command_is_in_the_readme(command: str) -> None:
    """A command nobody can find is not there."""
    assert f"`aurorad {command}" in text("README.md")


@pytest.mark.parametrize("command", sorted(cli.main.commands))
def test_every_option_has_help(command: str) -> None:
    """``--help`` leaves no option unexplained."""
    for parameter in cli.main.commands[command].params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{command} {parameter.opts}"


def tables(model: type[BaseModel], path: str = "") -> Iterator[tuple[str, type[BaseModel]]]:
    """Every table of the configuration with its TOML path."""
    for name, field in model.model_fields.items():
        for inner in _tables_in(field.annotation):
            below = f"{path}.{name}" if path else name
            yield below, inner
            yield from tables(inner, below)


def _tables_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _tables_in(argument)


@pytest.mark.parametrize(("path", "model"), list(tables(Settings)))
def test_every_key_is_in_the_example_with_its_default(path: str, model: type[BaseModel]) -> None:
    """deploy/aurorad.toml shows each key under its table, with the default the code has."""
    example = text("deploy/aurorad.toml")
    section = re.search(rf"^#? ?\[\[?{re.escape(path)}\]\]?$(.*?)(?=^#? ?\[|\Z)", example, re.M | re.S)
    assert section, f"no [{path}] in deploy/aurorad.toml"
    for name, field in model.model_fields.items():
        if list(_tables_in(field.annotation)):
            continue
        line = re.search(rf"^#? ?{name} =(.*)$", section.group(1), re.M)
        assert line, f"[{path}] {name} is not in deploy/aurorad.toml"
        assert field.description, f"[{path}] {name} has no description"
        assert field.description in section.group(1), f"[{path}] {name} is described otherwise in the code"


def test_the_example_is_the_default() -> None:
    """A user who starts from the example starts from the defaults."""
    given, default = load(ROOT / "deploy/aurorad.toml", watching=True), Settings()
    assert given.daemon == default.daemon
    assert given.gate == default.gate
    assert given.event == default.event
    assert given.sky == default.sky
    assert given.model == default.model
    assert given.camera[0] == default.camera[0]


def test_every_metric_is_documented() -> None:
    """docs/metrics.md has each metric with its kind, labels and meaning."""
    page = text("docs/metrics.md")
    for metric in METRICS:
        labels = ", ".join(f"`{label}`" for label in metric.labels) or "–"
        assert f"| `{metric.full_name}` | {metric.kind} | {labels} | {metric.help} |" in page


def test_the_classes_of_the_sky_are_documented_as_they_are() -> None:
    """docs/database.md has the very rules that the record and its exports go by."""
    page = text("docs/database.md")
    for column, rule in COMMENTS.items():
        [row] = re.findall(rf"^\| `{column}` \| (.*) \|$", page, re.M)
        assert row.endswith(f", {rule}")


def test_every_table_and_column_is_documented(tmp_path: Path) -> None:
    """docs/database.md has a section for each table that names each of its columns."""
    page = text("docs/database.md")
    Store(tmp_path / "a.db").close()
    connection = sqlite3.connect(tmp_path / "a.db")
    names = [r[0] for r in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    for table in names:
        if table.startswith(("_", "sqlite_")):
            continue
        section = re.search(rf"^## {table}$(.*?)(?=^## |\Z)", page, re.M | re.S)
        assert section, f"no section on {table}"
        for column in connection.execute(f"PRAGMA table_xinfo({table})"):
            assert f"`{column[1]}`" in section.group(1), f"{table}.{column[1]}"
    connection.close()


@pytest.mark.parametrize("page", ["README.md", "docs/cameras.md", "docs/home.md", "docs/alerts.md"])
def test_configurations_in_the_docs_are_valid(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every TOML block is one that aurorad takes, references to secrets included."""
    monkeypatch.setenv("AURORAD_PHONE_URL", "json://127.0.0.1/")
    blocks = re.findall(r"```toml\n(.*?)```", text(page), re.S)
    assert blocks
    for number, block in enumerate(blocks):
        tomllib.loads(block)
        file = tmp_path / f"{number}.toml"
        file.write_text(block)
        load(file)


def test_links_within_the_docs_lead_somewhere() -> None:
    """No page points at a file that is not there."""
    for page in [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *sorted((ROOT / "docs").glob("*.md")),
        ROOT / "training/README.md",
    ]:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} points at {target}"


def test_the_defaults_refuse_what_they_do_not_know(tmp_path: Path) -> None:
    """An unknown key names itself, its line, and the key that was meant."""
    file = tmp_path / "a.toml"
    file.write_text("[daemon]\nprot = 80\n")
    with pytest.raises(
        config.ConfigError, match=r"a\.toml, line 2: unknown key `daemon\.prot`; did you mean `port`\?"
    ):
        load(file)
