"""One bad file for each error of the configuration, with its exact message; and what is taken.

``tests/daemon/config/invalid-*.toml`` are the files, ``messages.json`` beside them what is said of each: the
lines that ``aurorad check-config`` prints, without the name of the file. A new error is a new file and its
lines.
"""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any, NoReturn

import annotated_types
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from daemon import preflight
from daemon.cli import main
from daemon.config import ConfigError, Settings, load, user_state_dir
from daemon.config.faults import expected
from daemon.config.file import chosen_state_dir
from daemon.config.lines import lines_of
from daemon.errors import AuroradError
from tests.test_docs import tables

FILES = Path(__file__).parent / "config"
MESSAGES: dict[str, list[str]] = json.loads((FILES / "messages.json").read_text(encoding="utf-8"))


def complaint(path: Path) -> list[str]:
    """What is said of a file that cannot be used, its own name left out."""
    try:
        preflight.check(load(path, watching=True), path)
    except AuroradError as error:
        return [line.removeprefix(f"{path}").removeprefix(", ").removeprefix(": ") for line in error.lines]
    return []


@pytest.mark.parametrize("name", sorted({path.stem for path in FILES.glob("invalid-*.toml")} | set(MESSAGES)))
def test_each_bad_file_has_its_exact_message(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each fault with its line and how to fix it, in our words: none of pydantic's, no value that may be secret."""
    monkeypatch.chdir(tmp_path)
    said = complaint(FILES / f"{name}.toml")
    assert said == MESSAGES[name]
    assert said
    for line in said:
        assert len(line) < 400
        assert (
            not any(word in line for word in ("Input should", "valid", "pydantic", "secret"))
            or "TOML" in line
        )
    assert not list(tmp_path.iterdir())


def test_the_command_names_the_file_on_every_line() -> None:
    """``aurorad check-config``: a line a fault, exit 2, nothing on standard output."""
    path = FILES / "invalid-several.toml"
    done = CliRunner().invoke(main, ["check-config", str(path)])
    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr.splitlines() == [f"aurorad: {path}, {line}" for line in MESSAGES[path.stem]]


def test_a_wrong_variable_of_the_environment_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It wins over the file, so the file's line would send the reader to the wrong place."""
    path = tmp_path / "a.toml"
    path.write_text("[daemon]\nport = 8080\n")
    monkeypatch.setenv("AURORAD_DAEMON__PORT", "99999")
    with pytest.raises(ConfigError) as told:
        load(path)
    assert str(told.value) == (
        "the environment variable AURORAD_DAEMON__PORT: `daemon.port` must be a whole number from 0 to 65535"
    )


@pytest.mark.parametrize(
    "name", ["AURORAD_CAMERA__0__NAME", "aurorad_notify__0__url", "AURORAD_DAEMON__NAMES__0"]
)
def test_a_variable_that_reaches_into_an_array_is_named(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The file is not to blame, and the way that works is said: the whole array as JSON."""
    path = tmp_path / "a.toml"
    path.write_text('[daemon]\nport = 8080\n[[notify]]\nname = "a"\nurl = "json://127.0.0.1/"\n')
    whole = name.upper().partition("__0")[0]
    monkeypatch.setenv(name, "x")
    with pytest.raises(ConfigError) as told:
        load(path)
    (line,) = told.value.lines
    assert line.startswith(f"the environment variable {name}: ")
    assert line.endswith(f"as JSON in {whole}")
    monkeypatch.delenv(name)
    monkeypatch.setenv("AURORAD_NOTIFY", '[{"name": "b", "url": "json://127.0.0.1/"}]')
    assert [channel.name for channel in load(path).notify] == ["b"]


@pytest.mark.parametrize("kind", ["folder", "device", "pipe", "below a file", "long name", "too large"])
def test_what_is_no_configuration_file_is_not_read(kind: str, tmp_path: Path) -> None:
    """A pipe would be waited for and a device read without end; each is one line instead."""
    import os

    path = tmp_path / "a.toml"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "too large":
        path.write_text("#" * 1_000_001)
    else:
        path = {
            "folder": tmp_path, "device": Path("/dev/zero"), "below a file": Path("/dev/null/a.toml"),
            "long name": tmp_path / ("a" * 300),
        }[kind]  # fmt: skip
    with pytest.raises(ConfigError, match=r"name a configuration file|cannot be read") as told:
        load(path)
    assert len(str(told.value)) < 400


def test_twenty_faults_are_enough(tmp_path: Path) -> None:
    """A wrong file of a thousand keys does not fill the terminal."""
    path = tmp_path / "a.toml"
    path.write_text("\n".join(f"key{number} = 1" for number in range(1000)))
    with pytest.raises(ConfigError) as told:
        load(path)
    assert len(told.value.lines) == 21
    assert told.value.lines[-1] == f"{path}: 980 more faults like these"


def numbers() -> list[Any]:
    """Every number of the configuration, as (path of its table, key)."""
    found = []
    for path, model in [*tables(Settings)]:
        for name, field in model.model_fields.items():
            if "number" in expected(field).split("(")[0]:
                found.append(pytest.param(model, name, id=f"{path}.{name}"))
    return found


@pytest.mark.parametrize(("model", "name"), numbers())
def test_every_number_has_two_bounds(model: type[BaseModel], name: str) -> None:
    """No number of the configuration can be without measure: both ends are finite, inf and nan are refused."""
    kinds = [type(bound) for bound in model.model_fields[name].metadata]
    assert {annotated_types.Ge, annotated_types.Gt} & set(kinds), "no lower bound"
    assert {annotated_types.Le, annotated_types.Lt} & set(kinds), "no upper bound"
    for value in (float("inf"), float("-inf"), float("nan"), 1e300, -1e300):
        with pytest.raises(ValidationError, match=name):
            model(**{name: value})


def test_lines_are_those_of_the_file() -> None:
    """Texts of several lines, comments with brackets, arrays over lines, quoted and dotted keys."""
    text = '''# [a]
title = """
[b]
x = 1
""" # "quoted [ in a comment
[daemon] # ]
"host" = 'a]b='
list = [ # one [
  1, "]",
]
[[camera]]
name = "first"
[camera.source] # below the first
url = "http://a/#b"
[[camera]]
source.url = "x"
source = { path = "a", b = [1] }
[ "quo.ted" . x ]
y = 2024-01-01
'''
    assert lines_of(text) == {
        ("title",): 2, ("daemon",): 6, ("daemon", "host"): 7, ("daemon", "list"): 8,
        ("camera", 0): 11, ("camera", 0, "name"): 12, ("camera", 0, "source"): 13,
        ("camera", 0, "source", "url"): 14, ("camera", 1): 15, ("camera", 1, "source", "url"): 16,
        ("camera", 1, "source"): 17, ("quo.ted", "x"): 18, ("quo.ted", "x", "y"): 19,
    }  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="[]{}=\"'#\n.,a1 \\", max_size=60))
def test_any_text_has_lines_within_it(text: str) -> None:
    """Whatever the text, the search for lines ends, and names none that is not there."""
    for line in lines_of(text).values():
        assert 1 <= line <= text.count("\n") + 1


# ------------------------------------------------------------------ what is taken


def test_without_a_file_it_watches_auroramax_with_its_state_in_the_user_s_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``aurorad run`` alone: Yellowknife's camera, and a folder that needs no administrator."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    plain = load(None, watching=True)
    assert plain.daemon.state_dir == tmp_path / "aurorad"
    assert plain.camera[0].name == "yellowknife"
    assert plain.camera[0].source.url == "https://auroramax.phys.ucalgary.ca/recent/recent_720p.jpg"
    monkeypatch.setenv("AURORAD_DAEMON__STATE_DIR", "/elsewhere")
    assert load(None).daemon.state_dir == Path("/elsewhere")


def refused(*path: object, **more: object) -> NoReturn:
    """A file system that lets nobody look."""
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def test_without_the_system_s_folder_a_user_s_own_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of one channel works for somebody who may not write to /var/lib, as the README shows it."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert chosen_state_dir(Path("/dev/null/lib/aurorad")) == tmp_path / "aurorad"
    assert chosen_state_dir(tmp_path / "aurorad") is None, "it can be made"
    (tmp_path / "there").mkdir()
    assert chosen_state_dir(tmp_path / "there") is None
    with monkeypatch.context() as hidden:  # as /var/lib/private is to all but root
        hidden.setattr(os, "stat", refused)
        assert chosen_state_dir(Path("/dev/null/lib/aurorad")) == tmp_path / "aurorad"
    file = tmp_path / "aurorad.toml"
    file.write_text('[[notify]]\nname = "phone"\nurl = "json://127.0.0.1/"\n')
    monkeypatch.setattr("daemon.config.file.chosen_state_dir", lambda system: tmp_path / "mine")
    assert load(file).daemon.state_dir == tmp_path / "mine"
    file.write_text(f'[daemon]\nstate_dir = "{tmp_path}/named"\n')
    assert load(file).daemon.state_dir == tmp_path / "named"
    monkeypatch.setenv("AURORAD_DAEMON__STATE_DIR", str(tmp_path / "by the environment"))
    file.write_text("[daemon]\nport = 81\n")
    assert load(file).daemon.state_dir == tmp_path / "by the environment"


def test_the_user_s_folder_is_below_the_home_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where XDG_STATE_HOME is unset, or no absolute path, as its specification asks."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for given_ in ("", "relative/path"):
        monkeypatch.setenv("XDG_STATE_HOME", given_)
        assert user_state_dir() == tmp_path / ".local/state/aurorad"


def test_a_camera_of_one_s_own_with_all_that_is_its_own_is_taken(tmp_path: Path) -> None:
    """The bad files about a foreign camera are bad for what they lack."""
    path = tmp_path / "a.toml"
    whole = (FILES / "invalid-whose-name.toml").read_text(encoding="utf-8")
    path.write_text(whole.replace("[[camera]]", '[[camera]]\nname = "cabin"'))
    assert load(path, watching=True).camera[0].name == "cabin"


def test_an_archive_needs_no_source(tmp_path: Path) -> None:
    """Movies are ingested for a camera that nobody can watch; it is never AuroraMAX that is asked instead."""
    path = FILES / "invalid-whose-source.toml"
    assert load(path).camera[0].name == "lyngen"
    with pytest.raises(ConfigError, match="does not say where its pictures come from"):
        load(path, watching=True)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_this_machine_alone_needs_no_token(
    host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loopback is nobody else."""
    assert not list(preflight.faults_in(_served(host, tmp_path)))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.0.2.7", "aurora.example"])
def test_other_machines_need_one(host: str, tmp_path: Path) -> None:
    """Every address but loopback, named or not; with a token it is taken."""
    (fault,) = preflight.faults_in(_served(host, tmp_path))
    assert fault.where == ("daemon", "host")
    assert not list(preflight.faults_in(_served(host, tmp_path, token="0123456789abcdef")))


def _served(host: str, folder: Path, **more: str) -> Settings:
    return Settings.model_validate({"daemon": {"host": host, "state_dir": folder, **more}})
