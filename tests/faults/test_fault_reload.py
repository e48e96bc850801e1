"""A real daemon: two on one state folder, configuration and model changed to nonsense before SIGHUP."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from models.card import card_path, read_card, sha256_of
from tests.faults.conftest import Entry
from tests.faults.harness import Inbox, Promises, Sky, aurorad, check, rows, soon, unexpected, write_config
from training.simulator.http import Server
from training.simulator.site import Site


@dataclass
class Daemon:
    """``aurorad run`` in a folder, its log and its configuration."""

    process: subprocess.Popen[bytes]
    config: Path
    log: Path
    model: Path
    inbox: Inbox

    @property
    def said(self) -> str:
        """The log so far."""
        return self.log.read_text(errors="replace")

    def count(self) -> int:
        """Rows in the record."""
        return len(rows(self.config.parent / "state/aurorad.db", "SELECT 1 FROM observations"))

    def operator_mail(self) -> list[dict[str, Any]]:
        """The operator's messages in the outbox; that they arrive is checked at the end."""
        sql = "SELECT * FROM outbox WHERE kind = 'operator' ORDER BY id"
        return rows(self.config.parent / "state/aurorad.db", sql)

    def watches_on(self) -> None:
        """Fails unless new rows come."""
        assert self.process.poll() is None, self.said
        before = self.count()
        soon(lambda: self.count() > before, "it watches on")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, green: Path) -> Iterator[Daemon]:
    folder = tmp_path_factory.mktemp("reload")
    model = Path(shutil.copy(green, folder / "own.onnx"))
    shutil.copy(card_path(green), card_path(model))
    sky = Sky(begins=datetime(2000, 1, 1, tzinfo=UTC), ends=datetime(2100, 1, 1, tzinfo=UTC), step_s=1.0)
    inbox = Inbox()
    with Server(Site(sky)) as server:
        config = write_config(
            folder / "a.toml", model=model, url=f"{server.address}/recent/recent_480p.jpg", inbox=inbox.url
        )
        log = folder / "log"
        daemon = Daemon(aurorad(config, log), config, log, model, inbox)
        soon(lambda: (folder / "state/aurorad.db").exists() and daemon.count() >= 1, "it watches")
        yield daemon
        soon(lambda: all(mail["delivered_at"] for mail in daemon.operator_mail()), "the operator hears")
        daemon.process.terminate()
        code = daemon.process.wait(30)
        inbox.close()
    assert code == 0
    assert "Traceback" not in unexpected(daemon.said)
    check(folder / "state/aurorad.db", Promises({"people": inbox}, alerts=False))


def no_toml(d: Daemon) -> None:
    d.config.write_bytes(b"\xff\xfe [[[ this is no TOML")


def unknown_key(d: Daemon) -> None:
    d.config.write_text(d.config.read_text().replace("[event]", "[event]\nconfrim = 3"))


def out_of_range(d: Daemon) -> None:
    d.config.write_text(d.config.read_text().replace("cadence_s = 1", "cadence_s = -5"))


def gone(d: Daemon) -> None:
    d.config.unlink()


def other_folder(d: Daemon) -> None:
    d.config.write_text(d.config.read_text().replace("port = 0", "port = 9"))


def no_secret(d: Daemon) -> None:
    d.config.write_text(re.sub(r'url = "json.*', 'url = "env:NO_SUCH_SECRET"', d.config.read_text()))


def model_gone(d: Daemon) -> None:
    d.model.unlink()


def model_altered(d: Daemon) -> None:
    content = bytearray(d.model.read_bytes())
    content[len(content) // 2] ^= 1
    d.model.write_bytes(content)


def model_nonsense(d: Daemon) -> None:
    d.model.write_bytes(b"<html>not found</html>")
    card_path(d.model).write_text(replace(read_card(d.model), sha256=sha256_of(d.model)).to_json())


def model_shape(d: Daemon) -> None:
    import onnx

    model = onnx.load(d.model)
    model.graph.output.pop()
    onnx.save(model, d.model)
    card_path(d.model).write_text(replace(read_card(d.model), sha256=sha256_of(d.model)).to_json())


def no_card(d: Daemon) -> None:
    card_path(d.model).write_text("{}")


FAULTS: dict[str, tuple[str, Callable[[Daemon], None], str]] = {
    "no-toml": ("the configuration is no TOML any more", no_toml, "cannot be read|not valid TOML"),
    "unknown-key": ("an unknown key in the configuration", unknown_key, "unknown key `event.confrim`"),
    "out-of-range": ("a cadence below 0 in the configuration", out_of_range, "cadence_s"),
    "gone": ("the configuration is gone", gone, "there is no such file"),
    "daemon": ("a change in [daemon], which needs a restart", other_folder, r"\[daemon\] cannot change"),
    "secret": ("a channel's secret is not set", no_secret, "NO_SUCH_SECRET is not set"),
    "model-gone": ("the model file is missing", model_gone, "no model file"),
    "model-altered": ("the model file has one flipped bit", model_altered, "not the file its card describes"),
    "model-nonsense": (
        "a web page under the model's name",
        model_nonsense,
        "not an ONNX file",
    ),
    "model-shape": ("a model of another shape", model_shape, "not of aurorad's shape"),
    "model-card": ("a model card without its keys", no_card, "is missing"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_nonsense_before_a_reload_leaves_the_watch_as_it_was(
    name: str, running: Daemon, matrix: Entry
) -> None:
    """One line, one word to the operator, the old configuration and model at work; put right, it is taken."""
    injected, spoil, word = FAULTS[name]
    d = running
    kept = {path: path.read_bytes() for path in (d.config, d.model, card_path(d.model))}
    time.sleep(1)  # a condition is told once a second at most: its message is known by the second
    told, from_here = len(d.operator_mail()), len(d.said)
    spoil(d)
    try:
        d.process.send_signal(signal.SIGHUP)
        soon(lambda: "not reloaded" in d.said[from_here:], "it says no", 30)
        line = next(x for x in d.said[from_here:].splitlines() if "the old configuration stays" in x)
        assert re.search(word, line), line
        assert d.process.poll() is None
    finally:
        for path, content in kept.items():
            path.write_bytes(content)
    d.process.send_signal(signal.SIGHUP)
    soon(lambda: "reloaded: model green" in d.said[from_here:], "mended, it is taken", 30)
    d.watches_on()
    bodies = [mail["body"].splitlines()[0] for mail in d.operator_mail()[told:]]
    assert sum("was not reloaded" in body for body in bodies) == 1, bodies
    assert sum("was reloaded" in body for body in bodies) == 1, bodies
    matrix("Configuration and model", f"{injected}, before SIGHUP",
           "one line, the operator notified; the old one stays at work until it is put right", "no gap")  # fmt: skip


def test_a_second_daemon_on_one_state_folder_is_refused(running: Daemon, matrix: Entry) -> None:
    """One line that names the other process, exit 1; the first one does not notice."""
    log = running.log.with_name("second.log")
    second = aurorad(running.config, log)
    assert second.wait(60) == 1
    lines = log.read_text().strip().splitlines()
    assert len([line for line in lines if line.startswith("aurorad: ")]) == 1
    assert f"process {running.process.pid}" in lines[-1]
    assert "Traceback" not in log.read_text()
    running.watches_on()
    matrix("Configuration and model", "a second daemon on the same state folder",
           "refused in one line that gives the first one's process; the first goes on watching", "no gap")  # fmt: skip


@pytest.mark.parametrize(
    ("name", "spoil"),
    [("missing", model_gone), ("altered", model_altered), ("of another shape", model_shape)],
    ids=["missing", "altered", "shape"],
)
def test_a_bad_model_at_the_start_is_one_line(
    name: str, spoil: Callable[[Daemon], None], running: Daemon, tmp_path: Path, matrix: Entry
) -> None:
    """The daemon does not watch with a model it cannot vouch for: exit 1, one line."""
    model = Path(shutil.copy(running.model, tmp_path / "bad.onnx"))
    shutil.copy(card_path(running.model), card_path(model))
    config = write_config(
        tmp_path / "b.toml", model=model, url="http://127.0.0.1:9/a.jpg", inbox=running.inbox.url
    )
    log = tmp_path / "log"
    spoil(replace(running, model=model))
    process = aurorad(config, log)
    assert process.wait(60) == 1
    (line,) = log.read_text().strip().splitlines()
    assert line.startswith("aurorad: ")
    assert str(model) in line
    matrix("Configuration and model", f"the model file {name} at the start", "not started, one line",
           "by an operator")  # fmt: skip
