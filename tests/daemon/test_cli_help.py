"""``--help`` as a manual: whole sentences, every option with its default, an example; odd input is one line."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from daemon.cli import main

AURORAD = [sys.executable, "-m", "daemon.cli"]


def commands(group: click.Group, path: str = "aurorad") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        yield f"{path} {name}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")


COMMANDS = dict(commands(main))
WORKING = {path: command for path, command in COMMANDS.items() if not isinstance(command, click.Group)}


@pytest.mark.parametrize("path", COMMANDS)
def test_a_summary_fits_its_line_and_ends_its_sentence(path: str) -> None:
    """What the list of commands shows is the whole first sentence, within 80 columns."""
    parent = CliRunner().invoke(main, [*path.split()[1:-1], "--help"]).output
    name = path.split()[-1]
    line = next(line for line in parent.splitlines() if line.startswith(f"  {name} "))
    assert len(line) <= 80
    assert line.endswith("."), line
    assert "..." not in line


@pytest.mark.parametrize("path", WORKING)
def test_every_option_has_a_text_and_its_default(path: str) -> None:
    """A sentence, and what holds where the option is not given; switches are off, required ones have none."""
    for parameter in WORKING[path].params:
        if not isinstance(parameter, click.Option):
            continue
        assert parameter.help, parameter.opts
        assert parameter.help.endswith("."), parameter.help
        assert "told" not in parameter.help
        if not parameter.required and not parameter.is_flag:
            shown = CliRunner().invoke(main, [*path.split()[1:], "--help"]).output
            assert isinstance(parameter.show_default, str) or parameter.default is not None, parameter.opts
            assert "default:" in shown


@pytest.mark.parametrize("path", WORKING)
def test_every_command_shows_an_example_that_it_takes(path: str) -> None:
    """The example's words are a call of this very command, with options that it has."""
    lines = [line.strip() for line in (WORKING[path].epilog or "").splitlines() if line.startswith("  ")]
    assert lines
    for line in lines:
        assert line.startswith(path)
        words = shlex.split(line)[len(path.split()) :]
        WORKING[path].make_context(path, words).close()


def aurorad(*words: str | bytes, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*AURORAD, *words], capture_output=True, timeout=60, check=False, env={**os.environ, **environment}
    )


@pytest.mark.parametrize(
    "words",
    [
        (b"report", b"--db", b"/nowhere/\xff.db", b"--out", b"/nowhere/x"),
        (b"backup", b"--db", b"/nowhere/\xff.db", b"/nowhere/copy.db"),
        (b"classify", b"/nowhere/\xff\n.jpg"),
        (b"run", b"--config", b"/nowhere/\xff.toml"),
        (b"check-config", b"/nowhere/two\nlines.toml"),
        (b"sky", b"--camera", b"\xff"),
        (b"ingest", b"/nowhere/\xff.mp4", b"--db", b"/nowhere/x.db"),
    ],
    ids=lambda words: words[0].decode(),
)
def test_a_name_that_is_no_text_is_one_line(words: tuple[bytes, ...]) -> None:
    """Bytes that are no UTF-8, a line break: exit 1 or 2, one printable line, no traceback."""
    done = aurorad(*words)
    assert done.returncode in (1, 2)
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert done.stderr.startswith(b"aurorad: ")
    done.stderr.decode("utf-8")


def test_a_reader_that_has_gone_and_a_full_disk_are_no_tracebacks() -> None:
    """``aurorad sky | head -0`` and ``> /dev/full``: status 1, at most one line."""
    reading, writing = os.pipe()
    os.close(reading)  # gone before the first word: `head` may be slower to go than the command to write
    for target in (f">&{writing}", "> /dev/full", ">&-"):
        done = subprocess.run(
            ["bash", "-c", f"{shlex.join(AURORAD)} sky {target}"],
            capture_output=True,
            timeout=60,
            check=False,
            pass_fds=[writing],
        )
        assert done.returncode == (0 if target == ">&-" else 1)
        assert b"Traceback" not in done.stderr
        assert len(done.stderr.splitlines()) <= 1, done.stderr
    os.close(writing)


def test_an_error_nobody_foresaw_is_one_line_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named, with the way to see where; ``--debug`` shows it whole."""

    def fail(*_: object) -> None:
        raise ZeroDivisionError("what is this")

    monkeypatch.setattr("daemon.commands.classify.sky_over", fail)
    done = CliRunner().invoke(main, ["sky"])
    assert done.exit_code == 1
    assert done.stderr == (
        "aurorad: an error nobody foresaw (ZeroDivisionError); `aurorad --debug …` shows where: please report it\n"
    )
    with pytest.raises(ZeroDivisionError):
        CliRunner().invoke(main, ["--debug", "sky"], catch_exceptions=False)


def test_run_without_a_file_keeps_its_record_in_the_user_s_state_folder(tmp_path: Path) -> None:
    """The contract's first line, with a camera's address on this machine in AuroraMAX's place."""
    environment = {
        "HOME": str(tmp_path), "XDG_STATE_HOME": "", "AURORAD_DAEMON__PORT": "0",
        "AURORAD_CAMERA": '[{"source": {"url": "http://127.0.0.1:9/still.jpg", "movie_url": ""}}]',
    }  # fmt: skip
    record, log = tmp_path / ".local/state/aurorad/aurorad.db", tmp_path / "log"
    with (
        log.open("wb") as stderr,
        subprocess.Popen([*AURORAD, "run"], stderr=stderr, env=os.environ | environment) as run,
    ):
        end = time.monotonic() + 60
        while "; page at" not in log.read_text() and time.monotonic() < end:
            time.sleep(0.1)
        run.terminate()
        run.wait(60)
    said = log.read_text()
    assert run.returncode == 0, said
    assert "watching yellowknife; page at http://127.0.0.1:" in said
    assert record.exists()
