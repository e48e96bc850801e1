"""A running daemon for the browser: processes of their own, the stand-in site, the page's address."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


@dataclass
class Watched:
    """A daemon at work: its page, its record, the site it looks at."""

    url: str
    database: Path
    site: str

    def fault(self, kind: str) -> None:
        """Make the stand-in site misbehave; ``none`` ends it."""
        with urllib.request.urlopen(f"{self.site}/control?fault={kind}&where=live", timeout=10) as reply:
            assert json.load(reply)["fault"] == (None if kind == "none" else kind)


@contextmanager
def process(command: Sequence[str], **more: Any) -> Iterator[subprocess.Popen[str]]:
    """A process that is told to stop at the end, and has to."""
    begun = subprocess.Popen(
        [sys.executable, *command], stdout=subprocess.PIPE, text=True, env=ENVIRONMENT, cwd=ROOT, **more
    )
    try:
        yield begun
    finally:
        begun.send_signal(signal.SIGTERM)
        try:
            begun.wait(30)
        except subprocess.TimeoutExpired:
            begun.kill()
            begun.wait()
            raise
        finally:
            for pipe in (begun.stdin, begun.stdout):
                if pipe is not None:
                    pipe.close()


@contextmanager
def drawn_site(at: str, speed: float) -> Iterator[dict[str, Any]]:
    """The stand-in site with the demo's night, its clock held: onset 21:18, breakup 21:48, end 22:21 in Yellowknife."""
    command = ["-m", "training.simulator.site", "--date", "2024-02-10", "--at", at, "--speed", str(speed),
               "--hold", "--seed", "1", "--events", "1", "--weather", "clear", "--side", "360"]  # fmt: skip
    with process(command, stdin=subprocess.PIPE) as site:
        assert site.stdout is not None
        yield json.loads(site.stdout.readline())


@contextmanager
def watching(
    folder: Path, camera: str, site: str, command: Sequence[str] = ("-m", "daemon.cli", "run", "--config")
) -> Iterator[Watched]:
    """``aurorad run`` (or what stands for it) on a camera, until it has looked once."""
    state, log = folder / "state", folder / "aurorad.log"
    state.mkdir(exist_ok=True)
    port = _free_port()
    config = folder / "aurorad.toml"
    config.write_text(
        f'[daemon]\nstate_dir = "{state}"\nport = {port}\nmin_free_mb = 1\n[model]\ndevice = "cpu"\nthreads = 1\n{camera}',
        encoding="utf-8",
    )
    whole = [part if part != "CONFIG" else str(config) for part in command]
    if "CONFIG" not in command:
        whole.append(str(config))
    with log.open("w", encoding="utf-8") as out, process(whole, stderr=out) as daemon:
        _until_ready(f"http://127.0.0.1:{port}", daemon, log)
        yield Watched(f"http://127.0.0.1:{port}", state / "aurorad.db", site)
    said = log.read_text(encoding="utf-8")
    assert "Traceback" not in said, said


def _free_port() -> int:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _until_ready(url: str, daemon: subprocess.Popen[str], log: Path) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        assert daemon.poll() is None, log.read_text(encoding="utf-8")
        try:
            with urllib.request.urlopen(f"{url}/-/ready", timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"not ready within 60 s: {log.read_text(encoding='utf-8')}")
