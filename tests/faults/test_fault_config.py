"""Thirty and more broken configurations: refused alike by check-config, at the start and on a reload.

The list begins with what a hostile tester got through: files that ended the daemon with a traceback, and files
that it took and then judged nothing with.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from daemon.cli import main
from tests.faults.conftest import Entry
from tests.faults.harness import Inbox, Sky, aurorad, rows, soon, spells, unexpected, write_config
from training.simulator.http import Server
from training.simulator.site import Site


def put(old: str, new: str) -> Callable[[Path], None]:
    """Write ``new`` in place of ``old``, which must be there."""

    def spoil(config: Path) -> None:
        text = config.read_text(encoding="utf-8")
        assert old in text, old
        config.write_text(text.replace(old, new), encoding="utf-8")

    return spoil


def model(path: str) -> Callable[[Path], None]:
    def spoil(config: Path) -> None:
        text = config.read_text(encoding="utf-8")
        kept = next(line for line in text.splitlines() if line.startswith("path = "))
        config.write_text(text.replace(kept, f'path = "{path}"'), encoding="utf-8")

    return spoil


def still(url: str) -> Callable[[Path], None]:
    def spoil(config: Path) -> None:
        text = config.read_text(encoding="utf-8")
        kept = next(line for line in text.splitlines() if line.startswith('url = "http'))
        config.write_text(text.replace(kept, f'url = "{url}"'), encoding="utf-8")

    return spoil


def more(text: str | bytes) -> Callable[[Path], None]:
    def spoil(config: Path) -> None:
        added = text.encode() if isinstance(text, str) else text
        config.write_bytes(config.read_bytes() + b"\n" + added)

    return spoil


def whole(content: bytes) -> Callable[[Path], None]:
    return lambda config: config.write_bytes(content) and None


def folder(config: Path) -> None:
    config.unlink()
    config.mkdir()


def pipe(config: Path) -> None:
    import os

    config.unlink()
    os.mkfifo(config)


DISC = "centre_x = 426\ncentre_y = 240\nradius = 240\nwidth = 853\nheight = 480\n"

BROKEN: dict[str, tuple[Callable[[Path], None], str]] = {
    "dwell-inf": (put("dwell_min = 0.05", "dwell_min = inf"), "`event.dwell_min` must be a number from 0.01"),
    "dwell-nan": (put("dwell_min = 0.05", "dwell_min = nan"), "`event.dwell_min` must be a number from 0.01"),
    "look-again-1e300": (put("[event]", "[event]\nlook_again_s = 1e300"), "`event.look_again_s` must be"),
    "nested": (more("x = " + "[" * 2000 + "]" * 2000), "brackets within brackets too deep"),
    "digits": (more("x = " + "7" * 5000), "a number of thousands of digits"),
    "dotted-key": (more("x" + ".x" * 200_000 + " = 1"), "a key of more than 32 parts"),
    "model-long-name": (model("/m" + "o" * 300), "cannot be read"),
    "model-below-a-file": (model("/etc/passwd/model.onnx"), "/etc/passwd/model.onnx"),
    "model-folder": (model("/etc"), "no model file at /etc"),
    "model-zero-byte": (model("a\\u0000b"), "`model.path` must be one line of plain text"),
    "timeout-inf": (put("timeout_s = 2", "timeout_s = inf"), "`camera.source.timeout_s` must be"),
    "radius-inf": (put("radius = 240", "radius = inf"), "`camera.disc.radius` must be"),
    "radius-huge": (put("radius = 240", "radius = 9000"), "the disc is larger than its picture of 853 × 480"),
    "centre-outside": (put("centre_x = 426", "centre_x = 4260"), "the disc's centre is outside its picture"),
    "disc-without-size": (put("width = 853\nheight = 480\n", ""), "`width`, `height` missing"),
    "of-1e15": (put("\nof = 1\n", "\nof = 1000000000000000\n"), "`event.of` must be a whole number"),
    "url-bracket": (still("http://[::1/"), "`camera.source.url` must be an address"),
    "url-port": (still("http://127.0.0.1:99999/a.jpg"), "`camera.source.url` must be an address"),
    "url-file": (still("file:///etc/passwd"), "`camera.source.url` must be an address"),
    "url-space": (still("http://a camera/a.jpg"), "`camera.source.url` must be an address"),
    "url-host": (still("http://xn--\\u00e4.\\u00b7/a.jpg"), "`camera.source.url`"),
    "latitude-nan": (put("latitude_deg = ", "latitude_deg = nan #"), "`camera.latitude_deg` must be"),
    "cadence-0": (put("cadence_s = 1", "cadence_s = 0"), "`camera.cadence_s` must be"),
    "cadence-true": (put("cadence_s = 1", "cadence_s = true"), "must be a number, not true or false"),
    "bytes-1e30": (put("timeout_s = 2", f"timeout_s = 2\nmax_bytes = {10**30}"), "`camera.source.max_bytes`"),
    "huge-text": (put("cadence_s = 1", f'cadence_s = 1\ntitle = "{"x" * 900_000}"'), "at most 200 characters"),
    "huge-file": (more("#" * 1_100_000), "larger than 1 MB"),
    "latin-1": (more('# Ytter\xf8y'.encode("latin-1")), "save the file as UTF-8"),
    "utf-16": (whole("[daemon]\n".encode("utf-16")), "save the file as UTF-8"),
    "empty-camera": (put("[[camera]]", "[camera]"), "`camera` must be an array of tables"),
    "folder": (folder, "not a file"),
    "pipe": (pipe, "not a file"),
    "no-service": (put('url = "json:', 'url = "jsn:'), "no service understands its address"),
    "folder-below-a-file": (
        put('kind = "auroramax"', 'kind = "folder"\npath = "/etc/passwd/pictures"'),
        "Not a directory",
    ),
    "pattern-absolute": (put("timeout_s = 2", 'timeout_s = 2\npattern = "/etc/*"'), "file names below the folder"),
    "zone": (put('timezone = "UTC"', 'timezone = "Mars/Olympus"'), "is no time zone of the IANA list"),
    "no-source": (put('kind = "auroramax"', ""), "does not say where its pictures come from"),
    "misspelt": (put("confirm = 1", "confrim = 1"), "did you mean `confirm`?"),
}  # fmt: skip


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory, green: Path) -> Path:
    place = tmp_path_factory.mktemp("good")
    return write_config(
        place / "a.toml", model=green, url="http://127.0.0.1:9/a.jpg", inbox="json://127.0.0.1:9/"
    )


def invoke(*words: str) -> tuple[int, list[str]]:
    done = CliRunner().invoke(main, words)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.stderr.splitlines()


@pytest.mark.parametrize("name", BROKEN)
def test_check_config_and_the_start_refuse_what_cannot_work(name: str, good: Path, tmp_path: Path) -> None:
    """Both in the same words, naming the file or the thing; no traceback, nothing made."""
    spoil, word = BROKEN[name]
    config = tmp_path / "b.toml"
    config.write_bytes(
        good.read_bytes().replace(str(good.parent).encode() + b"/state", bytes(tmp_path) + b"/s")
    )
    spoil(config)
    code, lines = invoke("check-config", str(config))
    assert code in (1, 2)
    assert any(word in line for line in lines), lines
    assert all(line.startswith("aurorad: ") and len(line) < 600 for line in lines)
    assert invoke("run", "--config", str(config)) == (code, lines)
    assert not (tmp_path / "s").exists()


def test_the_unspoilt_configuration_is_taken(good: Path) -> None:
    """What the others are refused for is what was spoilt."""
    assert invoke("check-config", str(good))[0] == 0


def test_no_broken_file_ends_the_watch_or_changes_it(green: Path, tmp_path: Path, matrix: Entry) -> None:
    """One SIGHUP after the other with each of them: the old watch goes on, the operator is told once."""
    inbox = Inbox()
    with Server(Site(Sky(spells(1e9, 1e9), step_s=1.0))) as server:
        url = f"{server.address}/recent/recent_480p.jpg"
        config = write_config(tmp_path / "a.toml", model=green, url=url, inbox=inbox.url)
        run = aurorad(config, log := tmp_path / "log")
        database, unspoilt = tmp_path / "state/aurorad.db", config.read_bytes()

        def judged() -> int:
            return len(rows(database, "SELECT 1 FROM observations WHERE probability IS NOT NULL"))

        def mail(word: str) -> list[dict[str, Any]]:
            return rows(database, f"SELECT body FROM outbox WHERE kind = 'operator' AND body LIKE '%{word}%'")

        try:
            soon(lambda: database.exists() and judged(), "it watches")
            for name, (spoil, word) in BROKEN.items():
                spoil(config)
                from_here = len(log.read_text())
                run.send_signal(signal.SIGHUP)
                soon(
                    lambda since=from_here: "not reloaded" in log.read_text()[since:],
                    f"{name} is refused",
                    30,
                )
                assert word in log.read_text()[from_here:], name
                assert run.poll() is None, name
                config.rmdir() if config.is_dir() else config.unlink()
                config.write_bytes(unspoilt)
            before = judged()
            soon(lambda: judged() > before, "it watches on")
            assert len(mail("was not reloaded")) == 1
            run.send_signal(signal.SIGHUP)
            soon(lambda: mail("was reloaded"), "the unspoilt file is taken", 30)
        finally:
            run.terminate()
            code = run.wait(30)
            inbox.close()
    assert code == 0
    assert "Traceback" not in unexpected(log.read_text())
    matrix("Configuration and model", f"{len(BROKEN)} broken configurations, a SIGHUP after each: numbers without "
           "bounds, nested and endless files, addresses and paths that cannot be, a channel no service knows",
           "each refused with its line, as by check-config and at the start; the operator notified once", "no gap")  # fmt: skip
